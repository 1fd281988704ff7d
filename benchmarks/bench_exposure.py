"""Exposure map of an observation of 5 ks in eight snapshots, against a single rotation of each snapshot's detector map.

The floor is what nobody can do without: one `scipy.ndimage.affine_transform` of
the detector map to the sky, with linear interpolation, in each snapshot. The
map also finds the pointings, adds up the shifts within each snapshot and keeps
the mean off-axis angle. Peak memory is measured apart from time.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable

import astropy.units as u
import numpy as np
from scipy import ndimage

from swiftxrt.engine.exposure import map_exposure
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.testing.synthetic import small_scene

SNAPSHOTS, EXPOSURE_S = 8, 5000.0
SIDE_PIX = 640
REPEATS = 5


def median_s(call: Callable[[], object]) -> float:
    """Median wall time of a call, after one that warms up."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def peak_mb(call: Callable[[], object]) -> float:
    """Largest memory in use during a call, in MB."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Print medians, the ratio and the memory."""
    duration = EXPOSURE_S / SNAPSHOTS * u.s
    scene = small_scene(duration=duration, rate=0.5 * u.ct / u.s, snapshots=SNAPSHOTS, pointing_scatter=1.5 * u.arcmin)
    events = simulate_observations(scene, seed=1)[0]
    live = [snapshot.live.astype(float) for snapshot in split_snapshots(events)]
    turned = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])

    def floor() -> None:
        for plane in live:
            ndimage.affine_transform(plane, turned, output_shape=(SIDE_PIX, SIDE_PIX), order=1)

    def ours() -> None:
        map_exposure([events], events.wcs)

    ours_s, floor_s = median_s(ours), median_s(floor)
    print(f"{EXPOSURE_S:.0f} s in {SNAPSHOTS} snapshots, {len(events)} events, median of {REPEATS}")
    print(f"{'exposure map':30} {ours_s:7.2f} s")
    print(f"{'one rotation per snapshot':30} {floor_s:7.2f} s")
    print(f"{'ratio':30} {ours_s / floor_s:7.1f}")
    print(f"{'peak memory of the map':30} {peak_mb(ours):7.0f} MB")


if __name__ == "__main__":
    main()
