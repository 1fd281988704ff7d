"""Bins of a million events, and Bayesian intervals of a hundred thousand bins.

The floor is what sorting the event times and adding up the events of the same
bins takes with numpy. The aim: filling bins with counts costs no more than
three times that, and 100 000 intervals less than a second.

Bins whose rate (ct/s) is within some ten per cent of a power of ten need now
more, now fewer counts, and have to be found one by one: that case is shown,
but does not belong to the aim.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from swiftxrt.engine.binning import BinningParameters, counts_bins, time_bins
from swiftxrt.engine.counts import kbn_interval
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import bin_rates
from swiftxrt.mission import PC_FRAME_TIME_S, WT_FRAME_TIME_S

SNAPSHOT_S = 1000.0
ORBIT_S = 5700.0
CASES = {
    # Name: frame time (s), rate (ct/s), counts wanted.
    "PC, 1 ct/s": (PC_FRAME_TIME_S, 1.0, 20),
    "WT, 30 ct/s": (WT_FRAME_TIME_S, 30.0, 30),
    "WT, 300 ct/s": (WT_FRAME_TIME_S, 300.0, 30),
    "WT, 10 ct/s (on a level)": (WT_FRAME_TIME_S, 10.0, 30),
}


def simulate(events: int, frame_s: float, rate: float) -> ExtractedEvents:
    """A steady source in snapshots of 1000 s, in readout frames, with the background of a real field."""
    rng = np.random.default_rng(20041120)
    snapshots = max(round(events / rate / SNAPSHOT_S), 1)
    start_s = 5e8 + ORBIT_S * np.arange(snapshots)

    def times(number: int) -> np.ndarray:
        frame = np.floor(rng.uniform(0, SNAPSHOT_S / frame_s, number)) + 0.5
        return np.sort(start_s[rng.integers(snapshots, size=number)] + frame * frame_s)

    background = rng.poisson(0.07 * snapshots * SNAPSHOT_S)
    steps_s = (start_s[:, None] + 10.0 * np.arange(SNAPSHOT_S / 10)).ravel()
    return ExtractedEvents(
        mode="PC" if frame_s == PC_FRAME_TIME_S else "WT",
        frame_s=frame_s,
        source_time_s=times(events),
        source_pi=rng.integers(30, 1001, events),
        background_time_s=times(background),
        background_pi=rng.integers(30, 1001, background),
        background_ratio=np.full(background, 0.03),
        gti_start_s=start_s,
        gti_stop_s=start_s + SNAPSHOT_S,
        gti_snapshot=np.arange(snapshots),
        gti_obsid=np.full(snapshots, "00012345001"),
        gti_ratio=np.full(snapshots, 0.03),
        correction_time_s=steps_s,
        correction_factor=rng.uniform(1.1, 1.2, len(steps_s)),
    )


def medians(repeats: int, *functions: Callable[[], object]) -> list[float]:
    """Median wall time of each function in ms; rounds are interleaved, so that a busy moment hits all alike."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats + 1):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(taken[1:]) for taken in times]


def bench_binning(events: int, repeats: int) -> None:
    rule = BinningParameters()
    print(f"{events} events{'':12} {'bins':>8} {'floor':>10} {'counts':>10} {'ratio':>7} {'+ rates':>10} {'100 s':>9}")
    for name, (frame_s, rate, counts) in CASES.items():
        data = simulate(events, frame_s, rate)
        case = replace(rule, counts=counts, min_bin_s=2.51 if data.mode == "PC" else 0.5)
        bins, fixed = counts_bins(data, case), time_bins(data, 100.0)
        first = np.searchsorted(data.source_time_s, bins.start_s)
        ones = np.ones(events)
        floor, filling, rates, steady = medians(
            repeats,
            lambda data=data, first=first, ones=ones: (np.sort(data.source_time_s), np.add.reduceat(ones, first)),
            lambda data=data, case=case: counts_bins(data, case),
            lambda data=data, bins=bins: bin_rates(data, bins.start_s, bins.stop_s),
            lambda data=data, fixed=fixed: bin_rates(data, fixed.start_s, fixed.stop_s),
        )
        print(
            f"{name:27} {len(bins):8d} {floor:7.1f} ms {filling:7.1f} ms {filling / floor:7.2f} {rates:7.1f} ms {steady:6.1f} ms"
        )


def bench_intervals(number: int, repeats: int) -> None:
    rng = np.random.default_rng(1991)
    background = rng.uniform(0, 10, number)
    counts = rng.poisson(background + rng.uniform(0, 15, number))
    few, many = medians(
        repeats,
        lambda: kbn_interval(counts, background, 0.683),
        lambda: kbn_interval(counts, background, 0.9973),
    )
    print(f"\n{number} intervals: {few / 1e3:.3f} s (68.3 %), {many / 1e3:.3f} s (99.73 %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="source events (default: %(default)s)")
    parser.add_argument("--intervals", type=int, default=100_000, help="Bayesian intervals (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=7, help="repetitions of each measurement (default: %(default)s)")
    options = parser.parse_args()
    bench_binning(options.events, options.repeats)
    bench_intervals(options.intervals, options.repeats)


if __name__ == "__main__":
    main()
