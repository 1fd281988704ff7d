"""Intervals and upper limits: a hundred thousand of them, and the positions of a field.

The reference client works on a grid in steps of 0.001 counts; it is asked for
intervals of the same counts, one by one as it wants them. All times are those
of the processor.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from swiftxrt import merge_upper_limits
from swiftxrt.engine.counts import bayesian_upper_limit, classical_upper_limit, kbn_interval
from swiftxrt.engine.detection import find_sources
from swiftxrt.engine.detection_field import BANDS, Field
from swiftxrt.engine.exposure import map_exposure
from swiftxrt.engine.image import stack_images
from swiftxrt.engine.limits import measure_apertures
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.products.limits import limit_table

N_INTERVALS = 100_000


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median time of a piece of work."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def intervals() -> None:
    rng = np.random.default_rng(1)
    b = 10.0 ** rng.uniform(-2, 2.5, N_INTERVALS)
    n = rng.poisson(b + 10.0 ** rng.uniform(-1, 2, N_INTERVALS))
    print(f"{N_INTERVALS} intervals of different counts      s      (aim: below 1)")
    works: dict[str, Callable[[], object]] = {
        "Kraft, Burrows & Nousek, 68.3 %": lambda: kbn_interval(n, b, 0.683),
        "Kraft, Burrows & Nousek, 99.73 %": lambda: kbn_interval(n, b, 0.9973),
        "flat prior, one-sided": lambda: bayesian_upper_limit(n, b),
        "classical, one-sided": lambda: classical_upper_limit(n, b),
    }
    for name, work in works.items():
        print(f"  {name:40s}{seconds(work):8.3f}")


def against_reference() -> None:
    from swifttools.ukssdc import bayesRate

    print("one interval, 99.73 %          N     here, us   swifttools, us    ratio   (aim at N = 1000: 300)")
    for n in (0, 10, 100, 1000):
        many = np.full(N_INTERVALS // 10, float(n))
        here = seconds(lambda many=many: kbn_interval(many, 0.5, 0.9973)) / many.size
        reference = seconds(lambda n=n: bayesRate(n, 0.5, 0.9973), 3)
        print(f"{n:32d}{1e6 * here:13.2f}{1e6 * reference:17.0f}{reference / here:9.0f}")


def merging() -> None:
    rows, groups = N_INTERVALS, 10_000
    rng = np.random.default_rng(2)
    table = limit_table(
        {
            "position_number": rng.integers(groups, size=rows),
            "source_exposure": np.full(rows, 900.0),
            "image_exposure": np.full(rows, 1000.0),
            "total_counts": rng.poisson(1.0, rows),
            "total_background_counts": np.full(rows, 1.0),
            "total_correction_factor": np.full(rows, 1.25),
        }
    )
    print(f"merging {rows} rows in {groups} groups{seconds(lambda: merge_upper_limits(table)):15.3f} s")


def field() -> None:
    place = (150.0, 20.0)
    scene = Scene("X", "09999004", (Source("a", *place, Constant(0.05)),), tuple(_snapshots()))
    lists = simulate_observations(scene, seed=1)
    wcs, band = lists[0].wcs, BANDS["total"]
    start = time.process_time()
    made = Field.of(
        stack_images(lists, band.channels, wcs=wcs, exposure=False).counts, map_exposure(lists, wcs), band.energy_kev
    )
    detection = find_sources(made)
    print(f"field of 5 ks: image, exposure, background map{time.process_time() - start:8.3f} s, once")
    rng = np.random.default_rng(3)
    for number in (1, 1000, 10_000):
        x, y = rng.uniform(250, 750, (2, number))
        taken = seconds(lambda x=x, y=y: measure_apertures(made, detection, x, y, 5000.0), 3)
        print(f"  circles around {number:6d} positions{taken:21.3f} s")


def _snapshots() -> list[Snapshot]:
    return [Snapshot(5e8 + 5760.0 * number, 1250.0) for number in range(4)]


def main() -> None:
    for part in (intervals, against_reference, merging, field):
        part()


if __name__ == "__main__":
    main()
