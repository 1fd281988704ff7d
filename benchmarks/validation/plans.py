"""What `plan_exposure` expects against simulated observations.

    python benchmarks/validation/plans.py                # 200 snapshots per row, about ten minutes
    python benchmarks/validation/plans.py --trials 100

Each trial is one snapshot of a constant source on an ordinary background, without pile-up, before the columns were
damaged. Events are counted in the region of the plan, rates corrected with its factor; ``error`` is the standard
deviation of these rates, ``found`` how many of the trials are 3 sigma or more. ``radius`` is the median of the 90 per
cent radii that the engine fits (both without the systematic error), where it finds a source at all, and ``inside``
how many of these circles hold the truth.

Numbers depend on the seeds only, not on the machine.
"""

from __future__ import annotations

import argparse

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from swiftxrt import EventList, Scene, Source, plan_exposure
from swiftxrt.engine.counts import kbn_significance
from swiftxrt.engine.position import SYSTEMATIC_ARCSEC, standard_position
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.exceptions import NoDataError, ProductNotAvailableError
from swiftxrt.mission import PC_FRAME_TIME_S, PC_LIVE_FRACTION, PIXEL_ARCSEC

PLACE = SkyCoord(150.0, 20.0, unit="deg")
START = Time("2005-02-12")
# Rate (ct/s), exposure (s), angle from the axis (arcmin).
CASES = (
    (0.002, 1000.0, 0.2),
    (0.005, 1000.0, 0.2),
    (0.01, 1000.0, 0.2),
    (0.01, 1000.0, 8.0),
    (0.05, 1000.0, 0.2),
    (0.3, 300.0, 0.2),
    (0.3, 300.0, 8.0),
)


def observed(rate: float, length_s: float, offset: float, trial: int) -> EventList:
    """One snapshot of whole frames."""
    source = Source.at(PLACE, rate=rate * u.ct / u.s)
    frames_s = np.floor(length_s / PC_FRAME_TIME_S) * PC_FRAME_TIME_S + 0.01
    scene = Scene.of(
        source, exposure=frames_s * u.s, snapshot=frames_s * u.s, start=START, pile_up=False,
        pointing_offset_arcmin=(offset, 0.0), pointing_scatter_arcmin=0.0,
    )  # fmt: skip
    return simulate_observations(scene, seed=trial)[0]


def in_circle(events: EventList, radius_pix: float) -> int:
    """Events of 0.3-10 keV around the source."""
    x, y = events.wcs.world_to_pixel(PLACE)
    inside = np.hypot(events.x - x, events.y - y) <= radius_pix
    return int((inside & (events.pi >= 30) & (events.pi <= 1000)).sum())


def fitted(events: EventList) -> tuple[float, bool]:
    """90 per cent radius (arcsec, without systematic error), and whether it holds the truth; NaN if nothing is found."""
    try:
        fit = standard_position([events], PLACE)
    except (ProductNotAvailableError, NoDataError):
        return np.nan, False
    away = fit.coord.separation(PLACE).arcsec
    return fit.radius_statistical_arcsec, bool(away <= fit.radius_statistical_arcsec)


def row(rate: float, length_s: float, offset: float, trials: int) -> str:
    """One line of the table."""
    live_s = np.floor(length_s / PC_FRAME_TIME_S) * PC_FRAME_TIME_S * PC_LIVE_FRACTION
    nominal = 0.0 if offset < 1.0 else offset
    (plan,) = plan_exposure(rate * u.ct / u.s, live_s * u.s, off_axis=offset * u.arcmin)
    lists = [observed(rate, length_s, nominal, trial) for trial in range(trials)]
    counts = np.array([in_circle(events, plan["radius"].value / PIXEL_ARCSEC) for events in lists])
    expected = (plan["source_counts"] + plan["background_counts"]).value
    factor = (plan["rate"] / plan["source_counts"]).value
    found = (kbn_significance(counts, plan["background_counts"].value) >= 3.0).mean()
    radius, inside = np.transpose([fitted(events) for events in lists])
    some = np.isfinite(radius)
    bound = np.sqrt(plan["position_radius"].value ** 2 - SYSTEMATIC_ARCSEC**2)
    return (
        f"{rate:6.3f} {length_s:6.0f} {offset:5.1f} | {expected:7.2f} {counts.mean():7.2f} +- "
        f"{np.sqrt(expected / trials):4.2f} | {plan['rate_error'].value:.5f} {counts.std() * factor:.5f} | "
        f"{plan['detection_probability']:5.3f} {found:5.3f} | {bound:5.2f} "
        f"{np.median(radius[some]) if some.any() else np.nan:5.2f} {inside[some].mean() if some.any() else np.nan:5.2f} "
        f"({some.mean():.2f})"
    )


def main() -> None:
    """Print the table, planned before measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    print("  rate      s   off |  counts                  | error            | found       | radius      inside (fits)")
    for case in CASES:
        print(row(*case, trials), flush=True)


if __name__ == "__main__":
    main()
