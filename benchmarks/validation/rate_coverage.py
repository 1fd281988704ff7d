"""Bias of corrected count rates, and how often their errors hold the truth.

    python benchmarks/validation/rate_coverage.py              # 600 bins per row, some ten minutes
    python benchmarks/validation/rate_coverage.py --bins 2000

Constant sources are simulated without pile-up, extracted as a request of a user is and binned in equal times. The
truth is the rate of the source times the live fraction of the good time, because light curves divide by good time.
``early`` is before bad columns, ``late`` with the source near them.

``ratio`` is the sum of all corrected net counts over what was expected; its error is that of the counts alone.
``pull`` are mean and standard deviation of (rate - truth) / error where all but a few bins have Gaussian errors. The
last three columns say how often intervals of 68.3, 90 and 99.73 per cent hold the truth: those of Kraft, Burrows &
Nousek for fewer than 15 counts, multiples of the Gaussian error otherwise, as in a light curve; goals are +-1.5 per
cent. The rows of all bins of a mode come last.

The second table has bright sources, at known positions, in regions of a given size: the ratio tests the corrections.

Numbers depend on the seeds only, not on the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.stats import norm

from swiftxrt.engine.binning import BinningParameters, make_bins
from swiftxrt.engine.extraction import ExtractionParameters, extract
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import StatisticsParameters, bin_rates
from swiftxrt.engine.rate_bins import RateBins
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant
from swiftxrt.mission import Mode

Floats = NDArray[np.float64]

PLACE = SkyCoord(150.0, 20.0, unit="deg")
START_MET_S = {"early": 1.3e8, "late": 6.0e8}
ORBIT_S = 5760.0
SNAPSHOTS = 10
LEVELS = (0.683, 0.90, 0.9973)
BAYES_COUNTS = 15
NEVER_CPS, ALWAYS_CPS = 1e9, -1.0


@dataclass(frozen=True)
class Case:
    """A source: mode, true rate (ct/s), length of bins and of snapshots (s)."""

    mode: Mode
    rate_cps: float
    bin_s: float
    snapshot_s: float


CASES = (
    Case(Mode.PC, 0.005, 1000.0, 3020.0),
    Case(Mode.PC, 0.02, 500.0, 3020.0),
    Case(Mode.PC, 0.1, 100.0, 1520.0),
    Case(Mode.PC, 0.4, 50.0, 1020.0),
    Case(Mode.WT, 20.0, 5.0, 502.0),
)
# Sources with many counts, and the radius of their region (half length of the strip) in pixels.
BRIGHT = (
    (Case(Mode.PC, 3.0, 500.0, 500.0), 9.0),
    (Case(Mode.PC, 3.0, 500.0, 500.0), 15.0),
    (Case(Mode.PC, 3.0, 500.0, 500.0), 30.0),
    (Case(Mode.WT, 20.0, 250.0, 250.0), 15.0),
    (Case(Mode.WT, 20.0, 250.0, 250.0), 30.0),
)
PARAMETERS = ExtractionParameters(pileup_rate_pc=NEVER_CPS, pileup_rate_wt=NEVER_CPS)


@dataclass(frozen=True)
class Found:
    """Bins of one observation, with their truth, and for each level the lower and upper ends of the intervals."""

    bins: RateBins
    truth_cps: float
    intervals: tuple[tuple[Floats, Floats], ...]

    def holds(self, level: int) -> NDArray[np.bool_]:
        """Whether the interval of each bin holds the truth."""
        lower, upper = self.intervals[level]
        return (lower <= self.truth_cps) & (self.truth_cps <= upper)

    @property
    def gaussian(self) -> NDArray[np.bool_]:
        """Which bins have Gaussian errors."""
        return self.bins.counts >= BAYES_COUNTS


def extracted(case: Case, epoch: str, seed: int, parameters: ExtractionParameters) -> tuple[ExtractedEvents, float]:
    """Events of one simulated observation, and the live fraction of its good time."""
    limit = ALWAYS_CPS if case.mode is Mode.WT else NEVER_CPS
    scene = Scene(
        name="constant", target_id="09999001", pile_up=False, wt_above_cps=limit, pc_below_cps=limit,
        sources=(Source("constant", PLACE.ra.deg, PLACE.dec.deg, Constant(case.rate_cps), AbsorbedPowerLaw()),),
        snapshots=tuple(Snapshot(START_MET_S[epoch] + ORBIT_S * k, case.snapshot_s) for k in range(SNAPSHOTS)),
    )  # fmt: skip
    lists = simulate_observations(scene, seed=seed)
    return extract(lists, PLACE, parameters).events, lists[0].live_fraction


def observe(case: Case, epoch: str, seed: int) -> Found:
    """Simulate, extract and bin one observation."""
    data, live_fraction = extracted(case, epoch, seed, PARAMETERS)
    # Whole bins only: these start with the snapshots, whose distance is a multiple of the bins.
    edges = make_bins(data, BinningParameters(method="time", width_s=case.bin_s, min_fractional_exposure=0.98))
    rates = [
        bin_rates(data, edges.start_s, edges.stop_s, statistics=StatisticsParameters(
            confidence=level, bayes_counts=BAYES_COUNTS, bayes_snr=0.0, allow_limits=False))
        for level in LEVELS
    ]  # fmt: skip
    intervals = []
    for level, bins in zip(LEVELS, rates, strict=True):
        scale = np.where(bins.counts >= BAYES_COUNTS, norm.ppf((1.0 + level) / 2.0), 1.0)
        intervals.append((bins.rate - scale * bins.rate_err_neg, bins.rate + scale * bins.rate_err_pos))
    return Found(rates[0], case.rate_cps * live_fraction, tuple(intervals))


def observations(case: Case, epoch: str, wanted: int) -> Iterator[Found]:
    """Observations until there are enough bins."""
    bins, seed = 0, 0
    while bins < wanted:
        found = observe(case, epoch, seed)
        bins, seed = bins + len(found.bins), seed + 1
        yield found


def row(label: str, found: list[Found]) -> str:
    """One line of the table."""

    def joined(value: Callable[[Found], Floats]) -> Floats:
        return np.concatenate([value(one) for one in found])

    counts, factor = joined(lambda one: one.bins.counts), joined(lambda one: one.bins.correction_factor)
    # The most probable rate of a posterior is not negative; net counts over all bins are not biased.
    net = (counts - joined(lambda one: one.bins.background_counts)) * factor
    expected = sum(float(one.bins.exposure.sum()) * one.truth_cps for one in found)
    error = np.sqrt(np.sum(counts * factor**2)) / expected
    pulls = joined(lambda one: ((one.bins.rate - one.truth_cps) / one.bins.rate_err_pos)[one.gaussian])
    pull = f"{pulls.mean():+6.2f} {pulls.std():5.2f}" if pulls.size > 0.95 * counts.size else " " * 12
    shares = [100.0 * joined(lambda one, k=k: one.holds(k)).mean() for k in range(len(LEVELS))]
    return (
        f"{label:17} {counts.size:6} {counts.mean():7.1f} {np.average(factor, weights=np.maximum(counts, 1)):6.2f} | "
        f"{net.sum() / expected:6.3f} +- {error:5.3f} | {pull} | {shares[0]:6.1f} {shares[1]:6.1f} {shares[2]:7.2f}"
    )


def print_coverage(wanted: int) -> None:
    """The first table."""
    print("mode  ct/s  epoch     bins  counts factor |  ratio           |  pull        |  68.3 %   90 % 99.73 %")
    every: dict[str, list[Found]] = {}
    for case in CASES:
        for epoch in START_MET_S:
            found = list(observations(case, epoch, wanted))
            every.setdefault(case.mode.value, []).extend(found)
            print(row(f"{case.mode.value} {case.rate_cps:7.3f} {epoch:>6}", found), flush=True)
    for mode, found in every.items():
        print(row(f"{mode} all", found))


def ratio(case: Case, epoch: str, radius_pix: float, seed: int) -> tuple[float, float]:
    """Corrected rate of an observation over the true one, and its error, in a region of given size."""
    parameters = replace(PARAMETERS, centroid=False, source_radius_max_pix=radius_pix)
    data, live_fraction = extracted(case, epoch, seed, parameters)
    bins = bin_rates(data, data.gti_start_s, data.gti_stop_s)
    truth = case.rate_cps * live_fraction * bins.exposure.sum()
    return float((bins.rate * bins.exposure).sum() / truth), float(
        np.sqrt(np.sum(bins.counts * bins.correction_factor**2)) / truth
    )


def print_corrections(trials: int) -> None:
    """The second table."""
    print(f"\nBright sources, {trials} observations of {SNAPSHOTS} snapshots each: ratio of the rates")
    print(f"mode  ct/s {'radius':>10} {'early':>17} {'late':>17}")
    for case, radius_pix in BRIGHT:
        texts = []
        for epoch in START_MET_S:
            found = np.array([ratio(case, epoch, radius_pix, seed) for seed in range(trials)])
            texts.append(f"{found[:, 0].mean():.4f} +- {np.sqrt(np.sum(found[:, 1] ** 2)) / trials:.4f}")
        print(f"{case.mode.value} {case.rate_cps:7.3f} {radius_pix:6.0f} pix {texts[0]:>17} {texts[1]:>17}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=int, default=600, help="bins per row (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=6, help="observations per bright source (default: %(default)s)")
    options = parser.parse_args()
    print_coverage(options.bins)
    print_corrections(options.trials)


if __name__ == "__main__":
    main()
