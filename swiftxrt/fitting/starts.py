"""Where a fit begins: norms from the data, and further starts at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .problem import Problem

__all__ = ["first_start", "other_starts"]

Floats = NDArray[np.float64]

#: Spread of further starts: of the logarithm, and of plain numbers in units of their scale.
_LOG_SPREAD, _SPREAD = 1.0, 10.0
_LEAST_COUNTS = 1.0


def first_start(problem: Problem) -> Floats:
    """Values to begin with: those of the model, and norms for which the model predicts as many counts as there are.

    Components whose norms are not known share what the others leave equally.
    """
    layout = problem.layout
    x = layout.start()
    unknown = np.isnan(x)
    if not unknown.any():
        return x
    known = np.where(unknown, 0.0, x)
    spectra = range(len(problem.data))
    given = np.array([problem.total(known, i) for i in spectra])
    net = np.array([max(float(data.net.sum()), _LEAST_COUNTS) for data in problem.data])
    wanted = np.maximum(net - given, 0.1 * net)
    for number in np.flatnonzero(unknown):
        one = known.copy()
        one[number] = 1.0
        mine = [i for i in spectra if layout.touches(int(number), i)]
        worth = sum(problem.total(one, i) - given[i] for i in mine)
        rivals = max(sum(bool(layout.touches(int(other), i)) for other in np.flatnonzero(unknown)) for i in mine)
        x[number] = wanted[mine].sum() / rivals / worth if worth > 0 else 1.0
    return np.clip(x, layout.low, layout.high)


def other_starts(problem: Problem, first: Floats, number: int, seed: int | None) -> list[Floats]:
    """Further points to begin at, spread around the first."""
    rng = np.random.default_rng(seed)
    layout, points = problem.layout, []
    for _ in range(number):
        normal = rng.standard_normal(first.size)
        spread = [
            value * np.exp(_LOG_SPREAD * z)
            if item.slot.definition.has_log_spread and value > 0
            else value + _SPREAD * s * z
            for value, z, s, item in zip(first, normal, layout.step, layout.free, strict=True)
        ]
        points.append(np.clip(spread, layout.low, layout.high))
    return points
