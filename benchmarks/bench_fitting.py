"""One fit of 970 channels, and many side by side.

The aims: a W statistic fit of an absorbed power law to 970 ungrouped channels takes 50 ms at most, and no longer than
the Levenberg-Marquardt of sherpa where that is installed; its place is taken by the general minimiser of scipy (L-BFGS-B with differences) otherwise.
500 epochs are then fitted one after the other and in worker processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import astropy.units as u
import numpy as np
from scipy.optimize import minimize

from swiftxrt import CountSpectrum, fit, fit_many, models, simulate_spectrum
from swiftxrt.engine.calibration import EmbeddedCalibration
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.layout import Layout
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.starts import first_start
from swiftxrt.mission import Mode

MODEL = models.TBabs() * models.PowerLaw()
TRUTH = models.TBabs(2e21 / u.cm**2) * models.PowerLaw(1.9, 5e-3 / (u.cm**2 * u.s * u.keV))


def spectrum_of(exposure: u.Quantity, seed: int, like: CountSpectrum) -> CountSpectrum:
    return simulate_spectrum(TRUTH, like=like, exposure=exposure, seed=seed)


def template() -> CountSpectrum:
    calibration = EmbeddedCalibration()
    response = {"arf": calibration.arf(Mode.PC, (0, 12), 6e8), "rmf": calibration.rmf(Mode.PC, (0, 12), 6e8)}
    empty = CountSpectrum(counts=np.zeros(1024, dtype=int), exposure=5000 * u.s, mode="PC", **response)
    return empty.replace(background=empty.replace(counts=np.ones(1024, dtype=int), backscale=20.0, arf=None, rmf=None))


def milliseconds(repeats: int, function: Callable[[], object]) -> tuple[float, float]:
    """Median and lowest wall time."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken[1:]), min(taken[1:])


def with_scipy(spectrum: CountSpectrum) -> object:
    """The same statistic with a general minimiser."""
    problem = Problem([FitData.of(spectrum, None, None)], Layout(MODEL, 1))
    start = first_start(problem)
    held = np.ones(start.size, dtype=bool)
    bounds = list(zip(problem.low / start, problem.high / start, strict=True))
    return minimize(
        lambda x: problem.evaluate(x * start, held).statistic, start / start, method="L-BFGS-B", bounds=bounds
    )


def bench_one(like: CountSpectrum, repeats: int) -> None:
    print(f"{'':34} {'median':>10} {'lowest':>10}")
    for exposure in (300 * u.s, 5000 * u.s, 50_000 * u.s):
        spectrum = spectrum_of(exposure, 1, like)
        cases: dict[str, Callable[[], object]] = {
            "fit": lambda s=spectrum: fit(s, MODEL, errors=False),
            "fit with errors": lambda s=spectrum: fit(s, MODEL),
            "scipy L-BFGS-B": lambda s=spectrum: with_scipy(s),
        }
        if find_spec("sherpa"):
            cases["sherpa levmar"] = sherpa_levmar(spectrum)
        for name, function in cases.items():
            median, lowest = milliseconds(repeats, function)
            print(f"{spectrum.counts.sum():6d} ct  {name:24} {median:7.1f} ms {lowest:7.1f} ms", flush=True)


def sherpa_levmar(spectrum: CountSpectrum) -> Callable[[], object]:
    """Sherpa's fit alone: its objects are made beforehand."""
    from sherpa.astro.instrument import Response1D
    from sherpa.fit import Fit
    from sherpa.optmethods import LevMar
    from sherpa.stats import WStat

    from swiftxrt.fitting import cross_check

    problem = Problem([FitData.of(spectrum, None, None)], Layout(MODEL, 1))
    start = first_start(problem)
    data = cross_check._sherpa_spectrum(problem.data[0])

    def run() -> object:
        (model,) = cross_check._sherpa_models(problem, start)
        return Fit(data, Response1D(data)(model), stat=WStat(), method=LevMar()).fit()

    return run


def bench_many(like: CountSpectrum, epochs: int) -> None:
    spectra = [spectrum_of(500 * u.s, seed, like) for seed in range(epochs)]
    times = {}
    for processes in (1, os.cpu_count() or 1):
        start = time.perf_counter()
        found = fit_many(spectra, MODEL, processes=processes, errors=False)
        times[processes] = time.perf_counter() - start
        print(
            f"{epochs} epochs, {processes} process{'es' * (processes > 1)}: {times[processes]:.1f} s, {found}",
            flush=True,
        )
    print(f"faster by {times[1] / times[max(times)]:.2f} with {max(times)} processes")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=9, help="repetitions of each measurement (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=500, help="epochs (default: %(default)s)")
    options = parser.parse_args()
    like = template()
    bench_one(like, options.repeats)
    bench_many(like, options.epochs)


if __name__ == "__main__":
    main()
