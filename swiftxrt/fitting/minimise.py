"""Minimising a fit statistic within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .problem import Evaluation

__all__ = ["Minimum", "Objective", "minimise"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_MOST_STEPS = 100
_FIRST_DAMPING = 1e-3
#: Shares of the expected gain after which steps become longer or shorter.
_POOR_SHARE, _GOOD_SHARE = 0.25, 0.75
_MOST_DAMPING = 1e12
#: Expected gain at which the search ends, in units of the statistic.
_TOLERANCE = 1e-8
_ROUNDING = 1e-11
#: A step that should gain less than this and does not has met rounding errors.
_HOPELESS = 1e-7
_SIMPLEX_CALLS = 4000


class Objective(Protocol):
    """A function to minimise."""

    low: Floats
    high: Floats
    step: Floats

    def evaluate(self, x: Floats, held: Flags | None = None) -> Evaluation:
        """Value, half the gradient, half a positive matrix of second derivatives; not needed for what is held."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a search ended.

    Parameters
    ----------
    x : ndarray
        The point.
    at : Evaluation
        What the function is there.
    is_converged : bool
        Whether no further gain is expected.
    """

    x: Floats
    at: Evaluation
    is_converged: bool


def minimise(
    objective: Objective,
    start: Floats,
    *,
    fixed: Flags | None = None,
    tolerance: float = _TOLERANCE,
    robust: bool = True,
) -> Minimum:
    """Find a minimum near a point.

    Damped Newton steps with the curvature of the statistic (Levenberg and
    Marquardt for chi squared, Fisher's scoring for counts), within bounds;
    where these fail the simplex of Nelder and Mead, and the steps again.

    Parameters
    ----------
    objective : Objective
        The function.
    start : ndarray
        Where to begin, within the bounds.
    fixed : ndarray of bool, optional
        Parameters that stay as they are.
    tolerance : float, optional
        Expected gain at which the search ends.
    robust : bool, optional
        Whether to try the simplex.
    """
    held = np.zeros(start.size, dtype=bool) if fixed is None else fixed
    found = _descend(objective, np.clip(start, objective.low, objective.high), held, tolerance)
    if found.is_converged or not robust or held.all():
        return found
    return _descend(objective, _simplex(objective, found.x, held), held, tolerance)


def _descend(objective: Objective, x: Floats, held: Flags, tolerance: float) -> Minimum:
    at = objective.evaluate(x, held)
    damping, was_refused = _FIRST_DAMPING, False
    for _ in range(_MOST_STEPS):
        free = ~held & ~_pushed(objective, x, at.gradient) & (np.diag(at.curvature) > 0)
        if not free.any():
            return Minimum(x, at, is_converged=True)
        new = _step(objective, x, at, free, damping)
        gain = _gain(at, new - x)
        if damping <= _FIRST_DAMPING and gain < tolerance:
            return Minimum(x, at, is_converged=True)
        there = objective.evaluate(new, held)
        if there.statistic <= at.statistic + _ROUNDING * abs(at.statistic):
            share = (at.statistic - there.statistic) / gain if gain > 0 else 0.0
            # No shorter damping right after one that was too short.
            damping = damping if was_refused else _eased(damping, share)
            x, at, was_refused = new, there, False
        elif gain < _HOPELESS:
            return Minimum(x, at, is_converged=True)
        elif damping > _MOST_DAMPING:
            break
        else:
            damping, was_refused = max(10.0 * damping, _FIRST_DAMPING), True
    return Minimum(x, at, is_converged=False)


def _eased(damping: float, share: float) -> float:
    """Damping after a step that gained some share of what was expected."""
    if share < _POOR_SHARE:
        return max(2.0 * damping, _FIRST_DAMPING)
    eased = damping * (0.1 if share > _GOOD_SHARE else 0.5)
    return eased if eased > 1e-8 else 0.0


def _pushed(objective: Objective, x: Floats, gradient: Floats) -> Flags:
    """Parameters at a bound that the gradient pushes outwards."""
    pushed: Flags = ((x <= objective.low) & (gradient > 0)) | ((x >= objective.high) & (gradient < 0))
    return pushed


def _step(objective: Objective, x: Floats, at: Evaluation, free: Flags, damping: float) -> Floats:
    """The next point: one that leaves the bounds stops there, and the others go on without it."""
    new, moving = x.copy(), free.copy()
    while moving.any():
        matrix = at.curvature[np.ix_(moving, moving)]
        scale = np.sqrt(np.diag(matrix))
        # What has stopped at a bound pulls the others along.
        gradient = at.gradient[moving] + at.curvature[np.ix_(moving, ~moving)] @ (new - x)[~moving]
        scaled = matrix / np.outer(scale, scale) + (damping + 1e-12) * np.eye(scale.size)
        change = -np.linalg.solve(scaled, gradient / scale) / scale
        wanted = x[moving] + change
        inside = np.clip(wanted, objective.low[moving], objective.high[moving])
        new[moving] = inside
        if np.array_equal(wanted, inside):
            break
        moving[np.flatnonzero(moving)[wanted != inside]] = False
    return new


def _gain(at: Evaluation, change: Floats) -> float:
    """By how much a step should lower the function."""
    return float(-2.0 * at.gradient @ change - change @ at.curvature @ change)


def _simplex(objective: Objective, x: Floats, held: Flags) -> Floats:
    from scipy.optimize import minimize

    moving = ~held
    scale = np.maximum(np.abs(x[moving]), objective.step[moving])

    def value(scaled: Floats) -> float:
        point = x.copy()
        point[moving] = np.clip(scaled * scale, objective.low[moving], objective.high[moving])
        found = objective.evaluate(point, np.ones_like(held)).statistic
        return found if np.isfinite(found) else 1e300

    options = {"maxfev": _SIMPLEX_CALLS, "xatol": 1e-7, "fatol": 1e-7, "adaptive": True}
    found = minimize(value, x[moving] / scale, method="Nelder-Mead", options=options)
    point = x.copy()
    point[moving] = np.clip(found.x * scale, objective.low[moving], objective.high[moving])
    return point
