"""Bias of corrected count rates, and how often their errors hold the truth.

    python benchmarks/validation/rate_coverage.py              # 2000 bins per row, about fifteen minutes
    python benchmarks/validation/rate_coverage.py --bins 500

Constant sources are simulated without pile-up, extracted as a request of a user is (or, with ``--position-known``,
without looking for the centroid) and binned in equal times. The truth is the rate of the source times the live
fraction of the good time, because light curves divide by good time. ``early`` is before bad columns, ``late`` with
the source near them.

``ratio`` is the sum of all corrected net counts over what was expected; its error is that of the counts alone.
``pull`` are mean and standard deviation of (rate - truth) / error of the bins with Gaussian errors, where there are
100 of them. The last three columns say how often intervals of 68.3, 90 and 99.73 per cent hold the truth: those of
Kraft, Burrows & Nousek for fewer than 15 counts, multiples of the Gaussian error otherwise, as in a light curve;
goals are +-1.5 per cent.

Numbers depend on the seeds only, not on the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.stats import norm

from swiftxrt.engine.binning import BinningParameters, make_bins
from swiftxrt.engine.extraction import ExtractionParameters, extract
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
    Case(Mode.PC, 0.1, 250.0, 1520.0),
    Case(Mode.PC, 0.4, 100.0, 1020.0),
    Case(Mode.WT, 20.0, 5.0, 502.0),
)


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


def observe(case: Case, epoch: str, seed: int, parameters: ExtractionParameters) -> Found:
    """Simulate, extract and bin one observation."""
    limit = ALWAYS_CPS if case.mode is Mode.WT else NEVER_CPS
    scene = Scene(
        name="constant", target_id="09999001", pile_up=False, wt_above_cps=limit, pc_below_cps=limit,
        sources=(Source("constant", PLACE.ra.deg, PLACE.dec.deg, Constant(case.rate_cps), AbsorbedPowerLaw()),),
        snapshots=tuple(Snapshot(START_MET_S[epoch] + ORBIT_S * k, case.snapshot_s) for k in range(SNAPSHOTS)),
    )  # fmt: skip
    lists = simulate_observations(scene, seed=seed)
    data = extract(lists, PLACE, parameters).events
    # Whole bins only: these start with the snapshots, whose distance is a multiple of the bins.
    binning = BinningParameters(method="time", width_s=case.bin_s, min_fractional_exposure=0.98)
    edges = make_bins(data, binning)
    rates = [
        bin_rates(data, edges.start_s, edges.stop_s, statistics=StatisticsParameters(
            confidence=level, bayes_counts=BAYES_COUNTS, bayes_snr=0.0, allow_limits=False))
        for level in LEVELS
    ]  # fmt: skip
    intervals = []
    for level, bins in zip(LEVELS, rates, strict=True):
        scale = np.where(bins.counts >= BAYES_COUNTS, norm.ppf((1.0 + level) / 2.0), 1.0)
        intervals.append((bins.rate - scale * bins.rate_err_neg, bins.rate + scale * bins.rate_err_pos))
    return Found(rates[0], case.rate_cps * lists[0].live_fraction, tuple(intervals))


def observations(case: Case, epoch: str, wanted: int, parameters: ExtractionParameters) -> Iterator[Found]:
    """Observations until there are enough bins."""
    bins, seed = 0, 0
    while bins < wanted:
        found = observe(case, epoch, seed, parameters)
        bins, seed = bins + len(found.bins), seed + 1
        yield found


def row(case: Case, epoch: str, wanted: int, parameters: ExtractionParameters) -> str:
    """One line of the table."""
    found = list(observations(case, epoch, wanted, parameters))
    counts = np.concatenate([one.bins.counts for one in found])
    # The posterior's most probable rate is not negative; net counts are not biased.
    net = np.concatenate([(one.bins.counts - one.bins.background_counts) * one.bins.correction_factor for one in found])
    variance = sum(float(np.sum(one.bins.counts * one.bins.correction_factor**2)) for one in found)
    expected = sum(float(one.bins.exposure.sum()) * one.truth_cps for one in found)
    pulls = np.concatenate([((one.bins.rate - one.truth_cps) / one.bins.rate_err_pos)[one.gaussian] for one in found])
    pull = f"{pulls.mean():+6.2f} {pulls.std():5.2f}" if pulls.size >= 100 else " " * 12
    shares = [100.0 * np.concatenate([one.holds(k) for one in found]).mean() for k in range(len(LEVELS))]
    factor = np.average(np.concatenate([one.bins.correction_factor for one in found]), weights=np.maximum(counts, 1))
    return (
        f"{case.mode.value} {case.rate_cps:7.3f} {epoch:>6} {counts.size:6} {counts.mean():7.1f} {factor:6.2f} | "
        f"{net.sum() / expected:6.3f} +- {np.sqrt(variance) / expected:5.3f} | {pull} | "
        f"{shares[0]:6.1f} {shares[1]:6.1f} {shares[2]:7.2f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bins", type=int, default=2000, help="bins per row (default: %(default)s)")
    parser.add_argument("--position-known", action="store_true", help="do not look for the centroid")
    options = parser.parse_args()
    parameters = ExtractionParameters(
        centroid=not options.position_known, pileup_rate_pc=NEVER_CPS, pileup_rate_wt=NEVER_CPS
    )
    print("mode rate/s  epoch   bins  counts factor |  ratio           |  pull        |  68.3 %   90 % 99.73 %")
    for case in CASES:
        for epoch in START_MET_S:
            print(row(case, epoch, options.bins, parameters), flush=True)


if __name__ == "__main__":
    main()
