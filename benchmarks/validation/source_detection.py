"""Source detection on simulated fields: false sources, completeness, positions and rates.

    python benchmarks/validation/source_detection.py                 # everything, about an hour on one core
    python benchmarks/validation/source_detection.py empty --scale 0.2

``limits``  images drawn from a smooth map, without sources and with active galaxies: how many false and true sources
            there are above each likelihood, and the limits of the three qualities that follow: the table in
            `swiftxrt.engine.detection_quality`.
``empty``   simulated event lists with nothing but background: false sources per field.
``sources`` simulated event lists with sources of known counts: how many are found, whether the 90 per cent circle
            holds the truth (statistical part, no error of the aspect), and rates over true rates. Sources seen for
            less than half of the time do not count.
``bright``  images with one bright source of a wider profile than the fit uses: false companions.
``rates``   event lists with isolated sources of 300 counts, two and eight arcmin off axis: rates in the total and hard band
            over true rates, with the vignetting at the energy of the band and at that of its point spread function.

Numbers depend on the seeds only, not on the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from swiftxrt.engine.demonstration import field_sources
from swiftxrt.engine.detection import find_sources
from swiftxrt.engine.detection_field import BANDS, Field, PointSource
from swiftxrt.engine.detection_fit import likelihood
from swiftxrt.engine.exposure import ExposureMap, map_exposure
from swiftxrt.engine.image import stack_images
from swiftxrt.engine.make_sources import source_columns
from swiftxrt.engine.response_tables import channel_probability
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import ENERGY_KEV, AbsorbedPowerLaw, Constant
from swiftxrt.mission import PC_LIVE_FRACTION, PIXEL_ARCSEC, Mode

POINTING = (150.0, 20.0)
BACKGROUND_CPS = 7.5e-7  # per pixel, total band
SNAPSHOT_S = 1400.0
DARK = Source("nothing", *POINTING, Constant(1e-12))
# Parts of all sources that may be false among good ones, reasonable or better, poor or better (2SXPS).
FALSE_SHARES = (0.003, 0.01, 0.1)
LIKELIHOODS = np.arange(6.0, 14.0)
LIMIT_FIELDS = {0.3: 400, 1.0: 300, 3.0: 120, 10.0: 100, 30.0: 80, 100.0: 60}
EMPTY_FIELDS = {1.0: 200, 5.0: 100, 20.0: 60, 100.0: 20}
SOURCE_FIELDS = {0.3: 30, 1.0: 24, 3.0: 24, 10.0: 20, 30.0: 16}
COUNTS = (5, 7, 10, 15, 20, 30, 50, 100, 300)
MATCH_PIX = 10.0
RATE_FIELDS, RATE_COUNTS, RATE_KS = 16, 300.0, 4.0
RATE_SPECTRUM = AbsorbedPowerLaw(photon_index=1.7, nh_cm2=3e20)


def scene(exposure_ks: float, sources: tuple[Source, ...] = (DARK,)) -> Scene:
    """Snapshots of up to 1.4 ks, one per orbit, with the roll of some days."""
    number = max(1, round(exposure_ks * 1000.0 / SNAPSHOT_S))
    start = [5e8 + 5754.0 * k for k in range(number)]
    snapshots = tuple(Snapshot(when, exposure_ks * 1000.0 / number) for when in start)
    return Scene("field", "09999003", sources, snapshots, background_cps_per_pixel=BACKGROUND_CPS)


def observed(event_scene: Scene, seed: int) -> tuple[WCS, ExposureMap, dict[str, NDArray[np.generic]]]:
    """System, exposure map and sources of the total band of a simulated scene."""
    lists = [events for events in simulate_observations(event_scene, seed=seed) if events.mode is Mode.PC]
    band, wcs = BANDS["total"], lists[0].wcs
    counts = stack_images(lists, band.channels, wcs=wcs, exposure=False).counts
    exposure = map_exposure(lists, wcs)
    return wcs, exposure, source_columns(counts, exposure, band, wcs)[0]


def exposure_template(snapshots: int) -> ExposureMap:
    """Exposure map of a simulated observation, 1 s long."""
    lists = simulate_observations(scene(SNAPSHOT_S * snapshots / 1000.0), seed=5)
    full = map_exposure(lists, lists[0].wcs)
    seen = full.time_s > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    part = full[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return ExposureMap(part.time_s / part.time_s.max(), part.square_s / part.time_s.max())


def drawn(flat: Field, exposure: ExposureMap, rng: np.random.Generator, sources: list[PointSource]) -> Field:
    """An image with background, brighter by a tenth on one side, and sources."""
    ny, nx = flat.counts.shape
    y, x = np.mgrid[-1.0 : 1.0 : ny * 1j, -1.0 : 1.0 : nx * 1j]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    mean = BACKGROUND_CPS * flat.background_s * (1.0 + 0.1 * (x * np.cos(angle) + y * np.sin(angle)))
    for source in sources:
        source.add_to(mean, flat, 1e-5)
    return Field.of(rng.poisson(np.maximum(mean, 0.0)).astype(float), exposure, flat.energy_kev)


def galaxies(flat: Field, seed: int) -> list[PointSource]:
    """Active galaxies somewhere in the field."""
    ny, nx = flat.counts.shape
    made = field_sources(0.0, 0.0, seed=seed, least_flux_cgs=3e-15, radius_arcmin=12.5)
    place = [((source.ra_deg + 180.0) % 360.0 - 180.0, source.dec_deg) for source in made]
    pixel = [(nx / 2 - ra * 3600 / PIXEL_ARCSEC, ny / 2 + dec * 3600 / PIXEL_ARCSEC) for ra, dec in place]
    return [
        PointSource(x, y, source.curve.level_cps, 1.0, 0.0)
        for (x, y), source in zip(pixel, made, strict=True)
        if 0 <= x < nx and 0 <= y < ny
    ]


def likelihoods(exposure_ks: float, number: int, *, with_galaxies: bool) -> NDArray[np.float64]:
    """Likelihoods of all sources found in a number of drawn fields."""
    template = exposure_template(1 if exposure_ks < 2.0 else 8)
    exposure = ExposureMap(template.time_s * exposure_ks * 1000.0, template.square_s * exposure_ks * 1000.0)
    flat = Field.of(np.zeros_like(exposure.time_s), exposure, BANDS["total"].energy_kev)
    found: list[float] = []
    for seed in range(number):
        rng = np.random.default_rng([seed, round(exposure_ks * 10), with_galaxies])
        field = drawn(flat, exposure, rng, galaxies(flat, seed) if with_galaxies else [])
        found += [float(likelihood(source.gain)) for source in find_sources(field, 6.0).sources]
    return np.array(found)


def limits(scale: float) -> Iterator[str]:
    """False and true sources per field above likelihoods, and the limits that follow."""
    yield "exposure ks   false per field above likelihood " + " ".join(f"{level:6g}" for level in LIKELIHOODS)
    rows = {}
    for exposure_ks, fields in LIMIT_FIELDS.items():
        number = max(2, round(fields * scale))
        false = likelihoods(exposure_ks, number, with_galaxies=False)
        every = likelihoods(exposure_ks, max(2, number // 5), with_galaxies=True)
        above = [np.sum(false > level) / number for level in LIKELIHOODS]
        real = np.sum(every > 8.0) / max(2, number // 5) - np.sum(false > 8.0) / number
        rows[exposure_ks] = (np.sum(false > 7.0) / number, real, false[false > 7.0] - 7.0)
        yield f"{exposure_ks:11g} {number:6d} fields" + " " * 19 + " ".join(f"{value:6.3f}" for value in above)
    excess = np.concatenate([row[2] for row in rows.values()])
    slope = 1.0 / excess.mean()
    yield f"they fall by exp(-{slope:.2f}) for each unit of likelihood (from {excess.size} false sources above 7)"
    yield "exposure ks   true per field   limits: good reasonable poor"
    for exposure_ks, (false_rate, real, _) in rows.items():
        allowed = [share / (1.0 - share) * max(real, 1e-3) for share in FALSE_SHARES]
        good, reasonable, poor = (7.0 + np.log(max(false_rate, 1e-4) / value) / slope for value in allowed)
        yield f"{exposure_ks:11g} {real:16.2f} {good:14.1f} {reasonable:10.1f} {poor:4.1f}"


def empty(scale: float) -> Iterator[str]:
    """False sources per field in event lists with background only."""
    yield "exposure ks  fields   false per field: good  good+reasonable  all"
    for exposure_ks, fields in EMPTY_FIELDS.items():
        number = max(2, round(fields * scale))
        quality = [observed(scene(exposure_ks), seed)[2]["quality"] for seed in range(number)]
        joined = np.concatenate(quality)
        shares = [np.sum(joined <= worst) / number for worst in (0, 1, 2)]
        yield f"{exposure_ks:11g} {number:7d} {shares[0]:23.3f} {shares[1]:16.3f} {shares[2]:5.3f}"


def known_sources(exposure_ks: float, seed: int) -> tuple[Source, ...]:
    """Nothing as the target, and three sources of each number of counts within 10 arcmin, 1.5 arcmin apart."""
    rng = np.random.default_rng(seed)
    centre = SkyCoord(*POINTING, unit="deg")
    placed: list[SkyCoord] = []
    while len(placed) < 3 * len(COUNTS):
        radius, angle = 10.0 * np.sqrt(rng.uniform()), rng.uniform(0.0, 360.0)
        place = centre.directional_offset_by(angle * u.deg, radius * u.arcmin)
        if all(place.separation(other) > 1.5 * u.arcmin for other in placed):
            placed.append(place)
    rates = np.repeat(COUNTS, 3) / (exposure_ks * 1000.0)
    made = [
        Source(f"{k}", float(place.ra.deg), float(place.dec.deg), Constant(float(rate)))
        for k, (place, rate) in enumerate(zip(placed, rates, strict=True))
    ]
    return (DARK, *made)


def sources(scale: float) -> Iterator[str]:
    """What is found of sources of known counts."""
    yield (
        "exposure ks  counts (on axis)  trials  good  good+reasonable  all   in 90% circle (statistical)  "
        "median radius*sqrt(N) arcsec  rate/true"
    )
    for exposure_ks, fields in SOURCE_FIELDS.items():
        rows = [row for seed in range(max(1, round(fields * scale))) for row in _trials(exposure_ks, seed)]
        table = np.array(rows)
        for counts in COUNTS:
            yield _summary(exposure_ks, counts, table[table[:, 0] == counts])


def _trials(exposure_ks: float, seed: int) -> Iterator[tuple[float, ...]]:
    """Counts, quality, separation (arcsec), statistical radius (arcsec) and relative rate of each source."""
    truth = known_sources(exposure_ks, 1000 * seed + round(exposure_ks))
    wcs, exposure, found = observed(scene(exposure_ks, truth), seed)
    places = SkyCoord(found["ra_deg"], found["dec_deg"], unit="deg")
    for number, source in enumerate(truth[1:]):
        counts, place = COUNTS[number // 3], SkyCoord(source.ra_deg, source.dec_deg, unit="deg")
        x, y = (round(float(pixel)) for pixel in wcs.world_to_pixel(place))
        if exposure.time_s[y, x] < 0.5 * exposure.time_s.max():
            continue  # beyond the rim, or in a bad column
        apart = place.separation(places).arcsec
        best = int(np.argmin(apart)) if apart.size else -1
        if best < 0 or apart[best] > MATCH_PIX * PIXEL_ARCSEC:
            yield (counts, 3, np.nan, np.nan, np.nan)
            continue
        radius = np.sqrt(found["position_err"][best] ** 2 - 3.5**2)
        yield (counts, found["quality"][best], apart[best], radius, found["rate"][best] / source.curve.level_cps)


def _summary(exposure_ks: float, counts: int, rows: NDArray[np.float64]) -> str:
    seen = rows[rows[:, 1] < 3]
    shares = [np.mean(rows[:, 1] <= worst) for worst in (0, 1, 2)]
    text = f"{exposure_ks:11g} {counts:17d} {len(rows):7d} {shares[0]:5.2f} {shares[1]:16.2f} {shares[2]:4.2f}"
    if not len(seen):
        return text
    inside, size = np.mean(seen[:, 2] <= seen[:, 3]), np.median(seen[:, 3]) * np.sqrt(counts)
    return f"{text} {inside:29.2f} {size:29.1f} {np.mean(seen[:, 4]):10.2f}"


def rates(scale: float) -> Iterator[str]:
    """Rates of isolated sources near the axis and far from it."""
    number = max(2, round(RATE_FIELDS * scale))
    found: dict[tuple[str, float, str], list[float]] = {}
    for seed in range(number):
        for key, ratio in _rate_ratios(seed):
            found.setdefault(key, []).append(ratio)
    yield f" band  vignetting keV    off axis  sources   rate/true  ({number} fields)"
    for (band, energy_kev, where), ratios in found.items():
        error = np.std(ratios) / np.sqrt(len(ratios))
        yield f"{band:>5} {energy_kev:15g} {where:>11} {len(ratios):8d} {np.mean(ratios):11.3f} +- {error:.3f}"


def _ring_sources(seed: int) -> tuple[Source, ...]:
    """Twelve sources eight arcmin off axis, and three near the axis."""
    axis = _axis(seed)
    places = [axis.directional_offset_by((30.0 * k + 5.0 * seed) * u.deg, 8.0 * u.arcmin) for k in range(12)]
    places += [axis.directional_offset_by((120.0 * k + 7.0 * seed) * u.deg, 1.8 * u.arcmin) for k in range(3)]
    curve = Constant(RATE_COUNTS / (RATE_KS * 1000.0))
    return tuple(
        Source(f"{k}", float(at.ra.deg), float(at.dec.deg), curve, RATE_SPECTRUM) for k, at in enumerate(places)
    )


def _axis(seed: int) -> SkyCoord:
    """Where the optical axis is in a field with nothing in it."""
    lists = [events for events in simulate_observations(scene(RATE_KS), seed=seed) if events.mode is Mode.PC]
    exposure = map_exposure(lists, lists[0].wcs)
    field = Field.of(np.zeros_like(exposure.time_s), exposure, 1.5)
    nearest = np.argmin(np.where(exposure.time_s > 0, field.off_axis_arcmin, np.inf))
    row, column = np.unravel_index(nearest, exposure.time_s.shape)
    return lists[0].wcs.pixel_to_world(column, row)


def _rate_ratios(seed: int) -> Iterator[tuple[tuple[str, float, str], float]]:
    """Band, energy of the vignetting and off-axis angle, with rate over true rate, of the sources of one field."""
    truth = _ring_sources(seed)
    events = [one for one in simulate_observations(scene(RATE_KS, (DARK, *truth)), seed=seed) if one.mode is Mode.PC]
    wcs, exposure = events[0].wcs, map_exposure(events, events[0].wcs)
    places = SkyCoord([source.ra_deg for source in truth], [source.dec_deg for source in truth], unit="deg")
    x, y = (np.rint(axis).astype(int) for axis in wcs.world_to_pixel(places))
    seen = np.flatnonzero(exposure.time_s[y, x] > 0.95 * exposure.time_s.max())
    for band in (BANDS["total"], BANDS["hard"]):
        counts = stack_images(events, band.channels, wcs=wcs, exposure=False).counts
        expected = _share_in(band.channels) * PC_LIVE_FRACTION * truth[0].curve.level_cps
        for energy_kev in (band.vignetting_kev, band.energy_kev):
            found, _ = source_columns(counts, exposure, replace(band, vignetting_kev=energy_kev), wcs)
            number, apart, _ = places[seen].match_to_catalog_sky(
                SkyCoord(found["ra_deg"], found["dec_deg"], unit="deg")
            )
            matched = apart.arcsec < MATCH_PIX * PIXEL_ARCSEC
            for source, one in zip(seen[matched], number[matched], strict=True):
                where = "8 arcmin" if source < 12 else "1.8 arcmin"
                yield (band.name, energy_kev, where), float(found["rate"][one] / expected)


def _share_in(channels: tuple[int, int]) -> float:
    """Part of the events of the sources between 0.3 and 10 keV that is in a band."""
    in_band = channel_probability(ENERGY_KEV, *channels)
    return float(RATE_SPECTRUM.detected @ in_band) / RATE_SPECTRUM.rate_cps


def bright(scale: float) -> Iterator[str]:
    """False companions of bright sources whose profile is wider than that of the fit."""
    yield "counts  fields   false within 100 pixels: good  good+reasonable  all   rate/true (10 ks)"
    template = exposure_template(8)
    exposure = ExposureMap(template.time_s * 1e4, template.square_s * 1e4)
    flat = Field.of(np.zeros_like(exposure.time_s), exposure, 1.5)
    ny, nx = flat.counts.shape
    grid_y, grid_x = np.mgrid[0:ny, 0:nx]
    number = max(2, round(20 * scale))
    lists = simulate_observations(scene(SNAPSHOT_S / 1000.0), seed=5)
    for counts in (100, 300, 1000, 3000, 10_000):
        quality, rates = [], []
        for seed in range(number):
            rng = np.random.default_rng([seed, counts])
            x, y = nx / 2 + rng.uniform(-80, 80), ny / 2 + rng.uniform(-80, 80)
            wide = counts / 1e4 * flat.source_s * _wide_profile(np.hypot(grid_x - x, grid_y - y))
            image = rng.poisson(BACKGROUND_CPS * flat.background_s + wide)
            found, _ = source_columns(image, exposure, BANDS["total"], lists[0].wcs)
            apart = np.hypot(found["x"] - 1.0 - x, found["y"] - 1.0 - y)
            rates.append(found["rate"][np.argmin(apart)] * 1e4 / counts)
            quality.append(found["quality"][(apart > apart.min()) & (apart < 100)])
        joined = np.concatenate(quality)
        shares = [np.sum(joined <= worst) / number for worst in (0, 1, 2)]
        yield f"{counts:6d} {number:7d} {shares[0]:30.3f} {shares[1]:16.3f} {shares[2]:5.3f} {np.mean(rates):10.2f}"


def _wide_profile(radius_pix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The profile of 2SXPS: a Gaussian of 7.4 arcsec on a King function of 3.7 arcsec and slope 1.3."""
    share, width, core, slope = 0.075, 3.149, 1.581, 1.305
    norm = 2 * np.pi * share * width**2 + np.pi * core**2 * (1 - share) / (slope - 1)
    gauss, king = np.exp(-(radius_pix**2) / (2 * width**2)), (1 + (radius_pix / core) ** 2) ** -slope
    return np.asarray((share * gauss + (1 - share) * king) / norm)


PARTS = {"limits": limits, "empty": empty, "sources": sources, "bright": bright, "rates": rates}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="tables; all if none is named")
    parser.add_argument("--scale", type=float, default=1.0, help="number of fields, relative to the usual one")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        print(f"\n{name}", flush=True)
        for line in PARTS[name](options.scale):
            print(line, flush=True)


if __name__ == "__main__":
    main()
