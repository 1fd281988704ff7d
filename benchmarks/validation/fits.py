"""Bias of fitted parameters, and how often their errors hold the truth.

    python benchmarks/validation/fits.py                  # 2000 spectra per row
    python benchmarks/validation/fits.py --spectra 200 --processes 1

Spectra of an absorbed power law with a background are simulated with the embedded response, its energies joined to
bins of 25 eV, at several numbers of counts, and fitted: without background with the statistic of Cash, else with the
W statistic, to channels as they are (``none``) or joined by ``group(min_counts=1)`` (``1 source``) or
``group(min_background_counts=1)`` (``1 background``). ``nh frozen`` keeps the column at its true value, as the service
does with that of the Galaxy; otherwise it is free, with a lower bound of zero.

``bias`` is the mean of (fit - truth) over the standard deviation of the fits; its error is 1/sqrt(spectra). ``68 %``
and ``90 %`` say how often the truth lies within the errors: whether the statistic, with that parameter held at the
truth and the others fitted, is above its minimum by less than 1.00 or 2.71. The goals are a bias below 0.1 and
coverages within 1.5 per cent of 68.27 and 90.

The last column repeats the 90 % with the exact distribution of the statistic in place of chi squared's: the share of
a second set of simulations in which the rise at the truth is lower than the 90 % quantile of the first set. It is 90
within noise whatever the counts, and shows that a departure in the other column belongs to the statistic.

Numbers depend on the seed only, not on the machine.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from multiprocessing import get_context

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from swiftxrt import ARF, RMF, CountSpectrum, simulate_spectrum
from swiftxrt.engine.calibration import EmbeddedCalibration
from swiftxrt.fitting import models
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.layout import Layout
from swiftxrt.fitting.minimise import minimise
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.profile import profile_statistic
from swiftxrt.fitting.starts import first_start
from swiftxrt.mission import Mode

TRUTH = {"nh": 2e21, "photon_index": 1.9}
NORM = 1e-3
#: Background counts of the region itself, per source count; the background region is 20 times larger.
BACKGROUND_SHARE, AREA_RATIO = 0.05, 20.0
BINNINGS = ("no background", "none", "1 source", "1 background")
RISES = (1.0, 2.7055)
EXPOSURE_S = 1000.0
#: So many bins of energy of the response, of 5 eV each, are made one.
JOINED = 5


@dataclass(frozen=True)
class Case:
    """A row: source counts, whether the column is frozen, and how channels are joined."""

    counts: int
    is_nh_frozen: bool
    binning: str


def true_model() -> models.Model:
    nh, norm = TRUTH["nh"] / u.cm**2, NORM * u.ph / (u.cm**2 * u.s * u.keV)
    return models.TBabs(nh) * models.PowerLaw(TRUTH["photon_index"], norm)


def joined(arf: ARF, rmf: RMF) -> dict[str, ARF | RMF]:
    """The response with bins of energy put together, for speed: simulations and fits use the same."""
    energy = rmf.energy_edges[::JOINED]
    area = arf.effective_area.value.reshape(-1, JOINED)
    matrix = rmf.matrix.reshape(area.shape[0], JOINED, -1).mean(axis=1)
    return {
        "arf": ARF(energy_edges=energy, effective_area=area.mean(axis=1) * u.cm**2),
        "rmf": RMF(matrix=matrix, energy_edges=energy, channel_edges=rmf.channel_edges),
    }


@cache
def template() -> CountSpectrum:
    calibration = EmbeddedCalibration()
    response = joined(calibration.arf(Mode.PC, (0, 12), 6e8), calibration.rmf(Mode.PC, (0, 12), 6e8))
    empty = CountSpectrum(counts=np.zeros(1024, dtype=int), exposure=EXPOSURE_S * u.s, mode="PC", **response)
    return empty.replace(background=empty.replace(backscale=AREA_RATIO, arf=None, rmf=None))


@cache
def rate_per_s() -> float:
    model = true_model()
    return Problem([_data(template())], Layout(model, 1)).total(_values(model), 0) / EXPOSURE_S


def spectrum_of(counts: int, seed: int, binning: str) -> CountSpectrum:
    """A spectrum with so many counts of the source on average, and a flat background."""
    like = template()
    source = simulate_spectrum(true_model(), like=like, exposure=counts / rate_per_s() * u.s, seed=seed)
    if binning == "no background":
        return source
    rng = np.random.default_rng((seed, 1))
    level = np.where((like.channel >= 30) & (like.channel < 1000), BACKGROUND_SHARE * counts / 970, 0.0)
    outside = source.background.replace(counts=rng.poisson(level * AREA_RATIO))
    return source.replace(counts=source.counts + rng.poisson(level), background=outside)


def _data(spectrum: CountSpectrum, binning: str = "none") -> FitData:
    """The bins of a fit."""
    if binning == "no background":
        spectrum = spectrum.replace(background=None)
    elif binning == "1 source":
        spectrum = spectrum.group(min_counts=1)
    elif binning == "1 background":
        spectrum = spectrum.group(min_background_counts=1)
    if binning in ("1 source", "1 background"):
        return FitData.of(spectrum, None, "wstat")
    first = np.arange(30, 1000)
    return FitData(spectrum, first, first + 1, "wstat" if spectrum.background is not None else "cstat")


def _values(model: models.Model) -> NDArray[np.float64]:
    return np.array([slot.value for slot in model.slots if not slot.is_frozen])


def one(case: Case, seed: int) -> list[float]:
    """Fitted values and rises of the statistic at the truth, parameter by parameter."""
    model = true_model()
    model = (model.freeze("nh") if case.is_nh_frozen else model).set(norm=None)
    problem = Problem([_data(spectrum_of(case.counts, seed, case.binning), case.binning)], Layout(model, 1))
    best = minimise(problem, first_start(problem))
    truth = {**TRUTH, "norm": NORM}
    found = []
    for place, name in enumerate(problem.layout.names):
        there = profile_statistic(problem, best, place, truth[name], best.x)
        found += [float(best.x[place]), there.at.statistic - best.at.statistic]
    return found


def row(case: Case, spectra: int, pool: ProcessPoolExecutor) -> None:
    values = np.array(list(pool.map(partial(one, case), range(spectra), chunksize=20)))
    names = ["photon_index", "norm"] if case.is_nh_frozen else ["nh", "photon_index", "norm"]
    for place, name in enumerate(names):
        fitted, rise = values[:, 2 * place], values[:, 2 * place + 1]
        true = {**TRUTH, "norm": NORM}[name]
        bias = (fitted.mean() - true) / fitted.std()
        median = (np.median(fitted) - true) / fitted.std()
        covered = [100 * np.mean(rise <= limit) for limit in RISES]
        half = spectra // 2
        calibrated = 100 * np.mean(rise[half:] <= np.quantile(rise[:half], 0.9))
        column = "nh frozen" if case.is_nh_frozen else "nh free"
        print(
            f"{case.counts:6d}  {case.binning:13} {column:10} {name:13} {bias:7.3f} {median:8.3f} {covered[0]:8.1f} {covered[1]:7.1f} "
            f"{calibrated:11.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--spectra", type=int, default=2000, help="simulated spectra per row (default: %(default)s)")
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 100, 1000], help="counts (default: %(default)s)")
    parser.add_argument("--bins", nargs="+", default=list(BINNINGS), choices=BINNINGS, help="bins (default: all)")
    parser.add_argument("--columns", nargs="+", default=["frozen", "free"], help="frozen or free (default: both)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="processes (default: %(default)s)")
    options = parser.parse_args()
    print("counts  bins          column     parameter        bias   median     68 %    90 %  90 % exact")
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for binning, counts, column in product(options.bins, options.counts, options.columns):
            row(Case(counts, column == "frozen", binning), options.spectra, pool)


if __name__ == "__main__":
    main()
