"""Quality of a fit: by simulation, and chi squared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from .fitdata import FitData
from .minimise import minimise
from .problem import Problem
from .statistics import Poisson

if TYPE_CHECKING:
    from .result import FitResult

__all__ = ["Goodness", "pearson", "simulate_goodness"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Goodness:
    """How data that follow the model would fit.

    Parameters
    ----------
    fraction : float
        Part of the simulations with a lower statistic than the data: near 1
        the model does not describe the data, near 0 it does so too well.
    statistics : ndarray
        Statistic of each simulation after its own fit.
    statistic : float
        That of the data.
    """

    fraction: float
    statistics: Floats
    statistic: float

    def __repr__(self) -> str:
        return (
            f"<Goodness: {100 * self.fraction:.1f} % of {self.statistics.size} simulations fit better; "
            f"statistic {self.statistic:.6g}, simulated {np.median(self.statistics):.6g}>"
        )


def simulate_goodness(
    result: FitResult, n: int = 1000, *, seed: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Goodness:
    """Draw data from the best model, and fit each as the real ones.

    Counts of the source and of the background region are drawn from what the
    fit expects there; for chi squared net counts with the errors of the data.

    Parameters
    ----------
    result : FitResult
        The fit.
    n : int, optional
        Number of simulations.
    seed : int, optional
        Seed of the random numbers.
    progress : callable, optional
        Told how many are done, and how many there are.

    Returns
    -------
    goodness : Goodness
        Fraction and simulated statistics.

    Raises
    ------
    RequestError
        If `n` is no positive number.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise RequestError([("n", f"a positive whole number is needed; got {n!r}")], "goodness")
    rng = np.random.default_rng(seed)
    problem = result.problem
    predicted = [problem.predicted(result.values, number) for number in range(len(problem.data))]
    statistics = np.empty(n)
    for number in range(n):
        drawn = [_drawn(data, counts, rng) for data, counts in zip(problem.data, predicted, strict=True)]
        found = minimise(Problem(drawn, problem.layout), result.values, robust=False)
        statistics[number] = found.at.statistic
        if progress is not None:
            progress(number + 1, n)
    statistics.flags.writeable = False
    return Goodness(float(np.mean(statistics < result.statistic)), statistics, result.statistic)


def pearson(problem: Problem, x: Floats) -> float:
    """Pearson's chi squared; see `FitResult.test_statistic`."""
    total = 0.0
    for number, data in enumerate(problem.data):
        predicted = problem.predicted(x, number)
        if isinstance(data.statistic, Poisson):
            expected, level = data.statistic.expected(predicted)
            variance = np.maximum(expected + data.ratio**2 * level, 1e-30)
        else:
            variance = data.variance
        total += float(np.sum((data.net - predicted) ** 2 / variance))
    return total


def _drawn(data: FitData, predicted: Floats, rng: np.random.Generator) -> FitData:
    if not isinstance(data.statistic, Poisson):
        return data.redrawn(net=rng.normal(predicted, np.sqrt(data.variance)))
    expected, level = data.statistic.expected(predicted)
    background = None if data.background is None else rng.poisson(level).astype(float)
    return data.redrawn(counts=rng.poisson(expected).astype(float), background=background)
