"""Standard and astrometric positions of simulated sources: does the 90 per cent circle hold the truth?

    python benchmarks/validation/positions.py                    # everything, about an hour on one core
    python benchmarks/validation/positions.py events --trials 200

``fits``         images drawn pixel by pixel, one source of known counts on a background of 5 ks, fitted in the radius that
                 `swiftxrt.engine.position` takes.
``events``       event lists of one source of known counts in 5 ks, simulated photon by photon, at random places
                 within 5 arcmin of the axis, bad columns among them. The statistical part of the radius against the
                 distance from the truth; the attitude is known exactly.
``hard``         the same with 50 counts in two hard cases: beside a source four times as bright, 45 arcsec away; 9 arcmin
                 off axis.
``astrometric``  shifts of whole fields recovered from a reference catalogue with chance neighbours: how often a solution is
                 accepted, how often its 90 per cent circle holds the truth, and how often one is accepted that is wrong
                 because the catalogue has nothing to do with the field.

Numbers depend on the seeds only, not on the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from swiftxrt.engine.astrometry import XraySources, match_catalog
from swiftxrt.engine.contours import PixelModel, position_errors
from swiftxrt.engine.geometry import ring_pixels
from swiftxrt.engine.position import MIN_SIGNIFICANCE, standard_position
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.psffit import fit_point_source, fit_radius_pix
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.exceptions import ProductNotAvailableError
from swiftxrt.mission import PIXEL_ARCSEC, Mode

POINTING = SkyCoord(150.0, 20.0, unit="deg")
EXPOSURE_S = 5000.0
SNAPSHOTS = 4
COUNTS = (15, 20, 50, 200, 1000)
BACKGROUND_CPS = 7.5e-7
PSF = KingPSF.at()


def observed(places: list[SkyCoord], counts: list[float], seed: int) -> list:
    """Event lists of sources of known counts."""
    length_s = EXPOSURE_S / SNAPSHOTS
    sources = tuple(
        Source(f"{k}", float(place.ra.deg), float(place.dec.deg), Constant(number / EXPOSURE_S))
        for k, (place, number) in enumerate(zip(places, counts, strict=True))
    )
    snapshots = tuple(Snapshot(5e8 + 5754.0 * k, length_s) for k in range(SNAPSHOTS))
    scene = Scene("field", "09999003", sources, snapshots, background_cps_per_pixel=BACKGROUND_CPS)
    return [events for events in simulate_observations(scene, seed=seed) if events.mode is Mode.PC]


def measured(places: list[SkyCoord], counts: list[float], seed: int) -> tuple[float, float]:
    """Distance from the truth and statistical radius (arcsec) of the first source; NaN where it is not found."""
    try:
        fit = standard_position(observed(places, counts, seed), places[0])
    except ProductNotAvailableError:
        return np.nan, np.nan
    return float(fit.coord.separation(places[0]).arcsec), fit.radius_statistical_arcsec


def summary(name: str, counts: float, rows: NDArray[np.float64]) -> str:
    """One line of a table."""
    found = rows[np.isfinite(rows[:, 0])]
    inside = np.mean(found[:, 0] <= found[:, 1])
    error = np.sqrt(inside * (1.0 - inside) / len(found))
    size = np.median(found[:, 1]) * np.sqrt(counts)
    return (
        f"{name:>14} {len(rows):7d} {len(found) / len(rows):6.2f} {100 * inside:8.1f} +- {100 * error:.1f} {size:18.1f}"
    )


HEADER = "        counts  trials  found  in 90% circle   radius*sqrt(N) arcsec"


def drawn(counts: float, rng: np.random.Generator) -> tuple[float, float]:
    """Distance from the truth and 90 per cent radius (arcsec) of one source in a drawn image."""
    x0, y0 = rng.uniform(99.5, 100.5, 2)
    grid_x, grid_y = ring_pixels(100.0, 100.0, 36.0)
    background = BACKGROUND_CPS * EXPOSURE_S
    image = rng.poisson(counts * PSF.pixel_fractions(grid_x - x0, grid_y - y0) + background).astype(float)
    radius = fit_radius_pix(counts / np.sqrt(counts + background * np.pi * 12.0**2))
    x, y = x0 + rng.normal(0.0, 0.5), y0 + rng.normal(0.0, 0.5)
    for _ in range(3):
        used = np.hypot(grid_x - x, grid_y - y) <= radius
        place = grid_x[used], grid_y[used]
        fit = fit_point_source(image[used], *place, (x, y), psf=PSF, background_per_pix=background, reach_pix=6.0)
        x, y = fit.x_pix, fit.y_pix
    if fit.significance < MIN_SIGNIFICANCE:
        return np.nan, np.nan
    ones = np.ones(used.sum())
    pixels = PixelModel(image[used], *place, ones, background * ones, PSF)
    radius90 = position_errors(pixels, x, y, fit.counts, fit.radius90_pix).radius90
    return np.hypot(x - x0, y - y0) * PIXEL_ARCSEC, radius90 * PIXEL_ARCSEC


def fits(trials: int) -> Iterator[str]:
    """Coverage of the fit alone against counts."""
    yield HEADER
    for counts in COUNTS:
        rng = np.random.default_rng([11, counts])
        yield summary(str(counts), counts, np.array([drawn(counts, rng) for _ in range(trials)]))


def events(trials: int) -> Iterator[str]:
    """Coverage of the whole chain against counts."""
    yield HEADER
    for counts in COUNTS:
        rows = []
        for seed in range(trials):
            rng = np.random.default_rng([seed, counts])
            radius, angle = 5.0 * np.sqrt(rng.uniform()), rng.uniform(0.0, 360.0)
            rows.append(measured([POINTING.directional_offset_by(angle * u.deg, radius * u.arcmin)], [counts], seed))
        yield summary(str(counts), counts, np.array(rows))


def hard(trials: int) -> Iterator[str]:
    """Coverage beside a bright source, far off axis."""
    yield HEADER
    for name in ("beside bright", "9' off axis"):
        rows = []
        for seed in range(trials):
            angle = np.random.default_rng([seed, 7]).uniform(0.0, 360.0) * u.deg
            far = 9.0 if name.startswith("9") else 2.0
            places, counts = [POINTING.directional_offset_by(angle, far * u.arcmin)], [50.0]
            if name.startswith("beside"):
                places.append(places[0].directional_offset_by(2 * angle, 45.0 * u.arcsec))
                counts.append(200.0)
            rows.append(measured(places, counts, seed))
        yield summary(name, 50, np.array(rows))


def drawn_field(number: int, shift: tuple[float, float], rng: np.random.Generator, *, related: bool) -> tuple:
    """X-ray sources with errors and a shift, and a catalogue with 60 per cent of them among 4 objects per sq. arcmin."""
    x, y = rng.uniform(-540.0, 540.0, (2, number))
    sigma = rng.uniform(0.6, 2.2, number)
    chance = rng.uniform(-600.0, 600.0, (2, 1600))
    seen = rng.uniform(size=number) < 0.6 if related else np.zeros(number, dtype=bool)
    objects = np.hstack([chance, np.array([x, y])[:, seen] + rng.normal(0.0, 0.15, (2, int(seen.sum())))])
    noise = rng.normal(0.0, 1.0, (2, number)) * sigma
    sources = XraySources(x + noise[0] - shift[0], y + noise[1] - shift[1], sigma)
    return sources, objects


def astrometric(trials: int) -> Iterator[str]:
    """How often a shift is found, and whether its circle holds the truth."""
    yield "sources  trials  accepted  in 90% circle   median radius arcsec  accepted in unrelated catalogues"
    for number in (4, 8, 15, 30):
        rows, wrong = [], 0
        for seed in range(trials):
            rng = np.random.default_rng([seed, number])
            shift = tuple(rng.normal(0.0, 1.6, 2))
            sources, objects = drawn_field(number, shift, rng, related=True)
            match = match_catalog(sources, *objects, np.full(objects.shape[1], 0.15), half_size_arcsec=600.0)
            rows.append(
                (match.accepted, np.hypot(match.x_arcsec - shift[0], match.y_arcsec - shift[1]), match.radius90)
            )
            sources, objects = drawn_field(number, shift, rng, related=False)
            wrong += match_catalog(sources, *objects, np.full(objects.shape[1], 0.15), half_size_arcsec=600.0).accepted
        table = np.array(rows, dtype=float)
        kept = table[table[:, 0] > 0]
        inside = 100 * np.mean(kept[:, 1] <= kept[:, 2]) if len(kept) else np.nan
        radius = np.median(kept[:, 2]) if len(kept) else np.nan
        yield f"{number:7d} {trials:7d} {len(kept) / trials:9.2f} {inside:14.1f} {radius:22.2f} {wrong / trials:17.3f}"


PARTS = {"fits": fits, "events": events, "hard": hard, "astrometric": astrometric}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="tables; all if none is named")
    parser.add_argument("--trials", type=int, default=500, help="number of simulated observations for each line")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        print(f"\n{name}", flush=True)
        for line in PARTS[name](options.trials):
            print(line, flush=True)


if __name__ == "__main__":
    main()
