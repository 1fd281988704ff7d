"""Correction factors, pile-up and rates against official light curves and simulations.

Usage: python benchmarks/validation/light_curves.py [trials]

The first two tables need real XRT files in the folder named by the
environment variable SWIFTXRT_VALIDATION_DATA; the third takes `trials`
simulated snapshots for each rate (30 by default). Seeds are fixed.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.typing import NDArray

from swiftxrt.engine.calibration import EMBEDDED, PSF_V006, EmbeddedCalibration
from swiftxrt.engine.extraction import Extraction, ExtractionParameters, extract
from swiftxrt.engine.geometry import fit_pointing, live_map, look_up, off_axis_arcmin, ring_pixels
from swiftxrt.engine.psf import KingPSF, vignetting
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant
from swiftxrt.mission import PIXEL_DEG, SNAPSHOT_GAP_S, Mode
from swiftxrt.products.events import EventList

Floats = NDArray[np.float64]

CALIBRATIONS = {"v004": EMBEDDED, "v006": EmbeddedCalibration(PSF_V006)}

# --- AT2018cow: official correction factors every 10 s --------------------------------------


@dataclass(frozen=True)
class Cow:
    """The official files of AT2018cow (product archive of 2018).

    Parameters
    ----------
    columns : dict
        Columns of source and background events together, 0-based sky pixels.
    source : dict
        Columns of the source events.
    obsid : ndarray of str
        Observation of each source event.
    start_s, stop_s : ndarray
        Good time.
    row_s, factor : ndarray
        Official correction factors.
    live : ndarray of bool
        Pixels that give events.
    centres : dict
        Position (deg) of the source region of each observation, in order of its snapshots, as the log tells.
    """

    columns: dict[str, Floats]
    source: dict[str, Floats]
    obsid: NDArray[np.str_]
    start_s: Floats
    stop_s: Floats
    row_s: Floats
    factor: Floats
    live: NDArray[np.bool_]
    centres: dict[str, list[tuple[float, float]]]


def read_cow(folder: Path) -> Cow:
    """Read the files."""
    names = ("TIME", "X", "Y", "DETX", "DETY")
    with fits.open(folder / "pcsourcetotal.evt.gz") as file:
        rows, gti = file["EVENTS"].data, file["GTI"].data
        source = {name: np.array(rows[name], dtype=float) for name in (*names, "SRCRAD", "PUPRAD")}
        obsid = np.array([text.strip()[-11:] for text in rows["OBSDIR"]])
        start, stop = np.array(gti["START"], dtype=float), np.array(gti["STOP"], dtype=float)
    background = fits.getdata(folder / "pcbacktotal.evt.gz", 1)
    columns = {name: np.append(source[name], np.array(background[name], dtype=float)) for name in names}
    for name in "XY":
        columns[name] -= 1.0
    factors = fits.getdata(folder / "pccorr.fits.gz", 1)
    row_s, factor = (np.array(factors[name], dtype=float) for name in ("TIME", "CORRFACT"))
    good = np.isfinite(factor)
    live = live_map(Mode.PC, 5.5e8, EventList.read(folder / "pcsourcetotal.evt.gz").bad_pixels)
    return Cow(columns, source, obsid, start, stop, row_s[good], factor[good], live, _logged_centres(folder))


def _logged_centres(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """The position in force whenever the official program worked out correction factors."""
    centres: dict[str, list[tuple[float, float]]] = {}
    current = (0.0, 0.0)
    for line in (folder / "lcgen.log").read_text(errors="replace").splitlines():
        if place := re.search(r"For this orbit, pos is RA,Dec: ([\d.]+), ([\d.]+)", line):
            current = (float(place[1]), float(place[2]))
        if call := re.search(r"Calling xrtlccorr.*attfile=\S*sw(\d{11})", line):
            centres.setdefault(call[1], []).append(current)
    return centres


def cow_factors(cow: Cow, calibration: Any = EMBEDDED, unit: float = 1.0) -> list[tuple[str, Floats, Floats, bool]]:
    """For each snapshot without change of region: ObsID, official and our factor at each step, and whether piled up."""
    found = []
    for obsid in np.unique(cow.obsid):
        mine = cow.obsid == obsid
        for first, last in _snapshots(cow, cow.source["TIME"][mine]):
            inside = mine & (cow.source["TIME"] >= first - 3) & (cow.source["TIME"] <= last + 3)
            holes = np.unique(cow.source["PUPRAD"][inside])
            rows = (cow.row_s >= cow.source["TIME"][inside].min() - 10) & (
                cow.row_s <= cow.source["TIME"][inside].max() + 10
            )
            if len(holes) == 1 and rows.sum() >= 3:
                ours = _our_factors(cow, obsid, (first, last), inside, cow.row_s[rows], calibration, unit)
                found.append((str(obsid), cow.factor[rows], ours, bool(holes[0] > 0)))
    return found


def _snapshots(cow: Cow, time_s: Floats) -> list[tuple[float, float]]:
    used = [
        (start, stop)
        for start, stop in zip(cow.start_s, cow.stop_s, strict=True)
        if ((time_s >= start - 3) & (time_s <= stop + 3)).any()
    ]
    joined: list[tuple[float, float]] = []
    for start, stop in used:
        if joined and start - joined[-1][1] < SNAPSHOT_GAP_S:
            start = joined.pop()[0]
        joined.append((start, stop))
    return joined


def _our_factors(
    cow: Cow,
    obsid: str,
    span: tuple[float, float],
    inside: NDArray[np.bool_],
    row_s: Floats,
    calibration: Any,
    unit: float,
) -> Floats:
    during = (cow.columns["TIME"] >= span[0] - 3) & (cow.columns["TIME"] <= span[1] + 3)
    pointing = fit_pointing(*(cow.columns[name][during] for name in ("TIME", "X", "Y", "DETX", "DETY")))
    if pointing is None:
        raise ValueError(f"too few events in {obsid}")
    which = min(sum(span[0] > other + 3 for _, other in _snapshots(cow, cow.source["TIME"][cow.obsid == obsid])), 1)
    x0, y0 = _pixel(cow.centres[obsid][which if obsid.endswith("002") else 0])
    radius = float(np.median(cow.source["SRCRAD"][inside]))
    hole = float(np.median(cow.source["PUPRAD"][inside])) / 2.36
    offset = pointing.offset_at(row_s + 5.0)
    angle = off_axis_arcmin(*pointing.to_detector(x0, y0, offset))
    x, y = ring_pixels(x0, y0, radius, hole)
    psf = KingPSF.at(1.5 * unit, float(angle.mean()) * unit, calibration.psf(Mode.PC))
    share = psf.pixel_fractions(x - x0, y - y0)
    kept = np.array([share @ look_up(cow.live, *pointing.to_detector(x, y, value)) for value in offset])
    return 1.0 / kept / vignetting(1.5, angle, calibration.vignetting)


def _pixel(centre: tuple[float, float]) -> tuple[float, float]:
    """0-based pixel in the image of the official files, whose tangent point is that of the first observation."""
    ra0, dec0 = np.radians((243.9742, 22.27344))
    ra, dec = np.radians(centre)
    cosine = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(ra - ra0)
    east = np.cos(dec) * np.sin(ra - ra0) / cosine
    north = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(ra - ra0)) / cosine
    return 499.5 - np.degrees(east) / PIXEL_DEG, 499.5 + np.degrees(north) / PIXEL_DEG


def cow_bins(cow: Cow, found: list[tuple[str, Floats, Floats, bool]], folder: Path) -> tuple[float, float]:
    """Scatter of the rates of the official bins made with our factors, and the largest difference in standard errors."""
    t0 = 551097137.0
    table = np.array(
        [line.split()[:15] for line in (folder / "PCCURVE.qdp").read_text().splitlines() if line[:1].isdigit()],
        dtype=float,
    )
    ratio_of = np.full(cow.row_s.size, np.nan)
    for _, official, ours, _ in found:
        at = _where(cow.factor, official)
        ratio_of[at : at + official.size] = ours / official
    differences, sigmas = [], []
    for row in table:
        low, high = t0 + row[0] + row[2], t0 + row[0] + row[1]
        ratios = ratio_of[(cow.row_s >= low - 5) & (cow.row_s < high)]
        if np.isfinite(ratios).any():
            differences.append(np.nanmean(ratios) - 1.0)
            sigmas.append(differences[-1] * row[3] / row[4])
    return float(np.sqrt(np.mean(np.square(differences)))), float(np.max(np.abs(sigmas)))


def _where(whole: Floats, part: Floats) -> int:
    """Place of a stretch of values in an array."""
    starts = np.flatnonzero(whole[: whole.size - part.size + 1] == part[0])
    return int(next(k for k in starts if np.array_equal(whole[k : k + part.size], part)))


def print_cow(folder: Path) -> None:
    """Table of AT2018cow."""
    cow = read_cow(folder)
    print("AT2018cow, our correction factors over the official ones, snapshot by snapshot")
    print(
        f"{'PSF':22} {'snapshots':>9} {'median':>7} {'scatter':>8} {'rms':>6} {'worst':>6} {'bins rms':>9} {'worst':>9}"
    )
    for name, calibration, unit in (
        ("v004", EMBEDDED, 1.0),
        ("v004 as in xrtlccorr", EMBEDDED, 0.1),
        ("v006", CALIBRATIONS["v006"], 1.0),
    ):
        found = cow_factors(cow, calibration, unit)
        ratio = np.array([np.mean(1 / official) / np.mean(1 / ours) for _, official, ours, _ in found])
        worst = ratio[np.argmax(np.abs(ratio - 1))]
        rms, sigma = cow_bins(cow, found, folder)
        print(
            f"{name:22} {ratio.size:9} {np.median(ratio):7.3f} {ratio.std():8.3f} "
            f"{np.sqrt(np.mean((ratio - 1) ** 2)):6.3f} {worst:6.3f} {rms:9.3f} {sigma:7.2f} s"
        )


# --- GRB 221009A: official rates of 24 snapshots ---------------------------------------------

BURST = SkyCoord("19h13m03.5s +19d46m24.2s")
BURST_T0_S = 687014249.0
LATE_S = 4e5


@dataclass(frozen=True)
class Rates:
    """One snapshot, official and ours."""

    elapsed_s: float
    official: float
    official_err: float
    official_factor: float
    ours: float
    ours_err: float
    factor: float
    hole_pix: float

    @property
    def ratio(self) -> float:
        """Ours over the official one."""
        return self.ours / self.official

    def agrees(self, fraction: float) -> bool:
        """Within a fraction and two standard errors, in quadrature."""
        error = np.hypot(self.official_err, self.ours_err)
        return abs(self.ours - self.official) <= np.hypot(fraction * self.official, 2 * error)


def burst_rates(data: Path, parameters: ExtractionParameters) -> list[Rates]:
    """Rates of every snapshot of the nine event lists in the times of the official bins."""
    table = json.loads((data / "grb_lightcurves/json_incbad/PC_incbad/GRB_221009A.json").read_text())
    official = {name: np.array(list(column.values()), dtype=float) for name, column in table.items()}
    found = []
    for path in sorted((data / "event_lists_grb221009A").glob("*.evt.gz")):
        extraction = extract([EventList.read(path)], BURST, parameters)
        for number in sorted({region.snapshot for region in extraction.regions}):
            rates = _rates(extraction, number, official)
            found += [rates] if rates else []
    return found


def _rates(extraction: Extraction, number: int, official: dict[str, Floats]) -> Rates | None:
    events, regions = extraction.events, [r for r in extraction.regions if r.snapshot == number]
    first, last = min(r.start_s for r in regions), max(r.stop_s for r in regions)
    low = BURST_T0_S + official["Time"] + official["TimeNeg"]
    high = BURST_T0_S + official["Time"] + official["TimePos"]
    used = (official["FracExp"] > 0.05) & (low >= first - 6) & (high <= last + 6)
    if not used.any():
        return None
    start, stop, weight = low[used].min(), high[used].max(), official["Exposure"][used]
    kept = (events.source_time_s >= start) & (events.source_time_s < stop)
    kept &= (events.source_pi >= 30) & (events.source_pi <= 1000)
    behind = (events.background_time_s >= start) & (events.background_time_s < stop)
    behind &= (events.background_pi >= 30) & (events.background_pi <= 1000)
    at = np.searchsorted(events.correction_time_s, events.source_time_s[kept], side="right") - 1
    factor = float(events.correction_factor[at].mean())
    good_s = float(np.sum(np.clip(events.gti_stop_s, start, stop) - np.clip(events.gti_start_s, start, stop)))
    scale = factor / good_s
    return Rates(
        elapsed_s=first - BURST_T0_S,
        official=float(np.average(official["Rate"][used], weights=weight)),
        official_err=float(np.sqrt(np.sum((official["RatePos"][used] * weight) ** 2)) / weight.sum()),
        official_factor=float(np.average(official["CorrFact"][used], weights=official["CtsInSrc"][used])),
        ours=(kept.sum() - float(events.background_ratio[behind].sum())) * scale,
        ours_err=float(np.sqrt(kept.sum())) * scale,
        factor=factor,
        hole_pix=max(r.source_inner_pix for r in regions),
    )


def print_burst(data: Path) -> None:
    """Tables of GRB 221009A."""
    print("\nGRB 221009A, our rates over the official ones, 24 snapshots (late: after 400 ks)")
    print(
        f"{'PSF':6} {'largest radius':>14} {'median':>7} {'quartiles':>15} {'extremes':>15} {'10% + 2 s':>10} late 5% + 2 s"
    )
    for name, radius in (("v004", 30.0), ("v004", 20.0), ("v006", 30.0), ("v006", 20.0)):
        found = burst_rates(data, ExtractionParameters(calibration=CALIBRATIONS[name], source_radius_max_pix=radius))
        ratio = np.array([one.ratio for one in found])
        late = [one.agrees(0.05) for one in found if one.elapsed_s > LATE_S]
        parts = [f"{a:.2f} to {b:.2f}" for a, b in (np.percentile(ratio, (25, 75)), (ratio.min(), ratio.max()))]
        print(
            f"{name:6} {radius:11.0f} px {np.median(ratio):7.3f} {parts[0]:>15} {parts[1]:>15} "
            f"{sum(one.agrees(0.1) for one in found):5} of {len(found)} {sum(late):5} of {len(late)}"
        )


# --- Simulated pile-up -----------------------------------------------------------------------

TARGET = SkyCoord(150.0, 20.0, unit="deg")


def piled_up_rate(rate_cps: float, seed: int, duration_s: float = 1000.0) -> tuple[float, float, float]:
    """Corrected rate over the true one without and with the hole, and the hole (pixels), of one snapshot."""
    source = Source("source", 150.0, 20.0, Constant(rate_cps), AbsorbedPowerLaw())
    scene = Scene(
        name="pile-up", target_id="09999001", sources=(source,), snapshots=(Snapshot(1.3e8, duration_s),),
        pile_up=True, wt_above_cps=1e9, pc_below_cps=1e8,
    )  # fmt: skip
    lists = [events for events in simulate_observations(scene, seed=seed) if events.mode is Mode.PC]
    ratios, hole = [], 0.0
    for threshold in (1e9, 0.6):
        extraction = extract(lists, TARGET, ExtractionParameters(pileup_rate_pc=threshold))
        events = extraction.events
        at = np.searchsorted(events.correction_time_s, events.source_time_s, side="right") - 1
        net = events.correction_factor[at].sum() * (1 - events.background_ratio.sum() / max(events.source_pi.size, 1))
        live_s = sum(region.exposure_s * region.live_fraction for region in extraction.regions)
        ratios.append(float(net / live_s / rate_cps))
        hole = max(region.source_inner_pix for region in extraction.regions)
    return ratios[0], ratios[1], hole


def print_pileup(trials: int) -> None:
    """Table of simulations."""
    print(f"\nSimulated pile-up, {trials} snapshots of 1 ks each: corrected rate over the true one")
    print(f"{'true rate':>9} {'without hole':>16} {'with hole':>16} {'mean hole':>10}")
    for rate in (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0):
        found = np.array([piled_up_rate(rate, seed) for seed in range(1000, 1000 + trials)])
        mean, error = found.mean(axis=0), found.std(axis=0) / np.sqrt(trials)
        texts = [f"{mean[k]:.3f} +- {error[k]:.3f}" for k in (0, 1)]
        print(f"{rate:7.1f}   {texts[0]:>16} {texts[1]:>16} {mean[2]:7.1f} px", flush=True)


if __name__ == "__main__":
    if folder := os.environ.get("SWIFTXRT_VALIDATION_DATA"):
        print_cow(Path(folder) / "uklc_AT2018cow")
        print_burst(Path(folder))
    print_pileup(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
