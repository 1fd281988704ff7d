"""Simulated events per second, against the bare random numbers that they need.

The floor is what numpy takes to draw one uniform number for each choice that
a photon involves (time, energy, place, channel, grade and so on). Scenes are
made of snapshots of 1.5 ks in memory; files are not written.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from swiftxrt import Scene, Source
from swiftxrt.engine.simulate import simulate_field

POSITION = SkyCoord(150.0, 20.0, unit="deg")
#: Two for the time and energy, one within the energy bin, two for the profile, one for the vignetting, three for the
#: channel, two for dead time and grade.
DRAWS = 12


def scene(rate: float, exposure_ks: float, **options: object) -> Scene:
    """A constant source on an ordinary background."""
    return Scene.of(Source.at(POSITION, rate=rate * u.ct / u.s), exposure=exposure_ks * u.ks, **options)


CASES = {
    "one source, 0.1 ct/s, 10 ks": scene(0.1, 10.0),
    "one source, 5 ct/s, 20 ks, no pile-up": scene(5.0, 20.0, mode="PC", pile_up=False),
    "one source, 5 ct/s, 20 ks, pile-up": scene(5.0, 20.0, mode="PC"),
    "one source, 50 ct/s, 10 ks, WT": scene(50.0, 10.0, mode="WT"),
}


def median_s(call: Callable[[], object], repeats: int) -> float:
    """Median processor time of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    """Print events, rates and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(1)
    print(f"{'scene':40s} {'events':>9s} {'events/s':>10s} {'time/floor':>10s}")
    for name, case in CASES.items():
        events = sum(len(file.events) for one in simulate_field(case, seed=1) for file in one.files)
        taken = median_s(lambda case=case: list(simulate_field(case, seed=1)), repeats)
        floor = median_s(lambda events=events: rng.uniform(size=(DRAWS, events)), repeats)
        print(f"{name:40s} {events:9d} {events / taken:10.0f} {taken / floor:10.0f}")


if __name__ == "__main__":
    main()
