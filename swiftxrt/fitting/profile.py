"""Errors of parameters: how far each can go before the statistic has risen by a given amount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .minimise import Minimum, Objective, minimise

__all__ = ["BetterMinimumError", "Interval", "covariance", "profile_interval", "profile_statistic"]

Floats = NDArray[np.float64]

_MOST_TRIALS = 40
_LARGEST_STRIDE = 4.0
#: How well the rise of the statistic is met, as part of it.
_RELATIVE = 5e-4
#: A gain that counts as another minimum.
_BETTER = 1e-3
_INNER_TOLERANCE = 2e-5
_HESSIAN_STEP = 0.02


class BetterMinimumError(Exception):
    """A lower statistic was met on the way; the fit has to begin again there."""

    def __init__(self, x: Floats) -> None:
        super().__init__("lower statistic")
        self.x = x


@dataclass(frozen=True)
class Interval:
    """Limits of a parameter; NaN where none was found.

    Parameters
    ----------
    low, high : float
        The limits.
    ends_at : tuple of str
        ``"low"`` or ``"high"`` for a limit that is a bound of the parameter.
    """

    low: float
    high: float
    ends_at: tuple[str, ...] = ()


def covariance(objective: Objective, best: Minimum) -> Floats:
    """Covariance of the parameters: inverse of the second derivatives of half the statistic.

    Derivatives are differences of the gradient; where they are no minimum,
    and for parameters at a bound, the expected curvature stands in. NaN for
    parameters that nothing depends on.
    """
    sigma = 1.0 / np.sqrt(np.maximum(np.diag(best.at.curvature), 1e-300))
    inside = (best.x > objective.low) & (best.x < objective.high) & (np.diag(best.at.curvature) > 0)
    found = np.full(best.at.curvature.shape, np.nan)
    places = np.flatnonzero(inside)
    if not places.size:
        return found
    matrix = best.at.curvature[np.ix_(places, places)]
    rows = []
    for place in places:
        room = min(best.x[place] - objective.low[place], objective.high[place] - best.x[place])
        step = min(_HESSIAN_STEP * sigma[place], room)
        sides = [best.x + sign * step * (np.arange(best.x.size) == place) for sign in (1.0, -1.0)]
        up, down = (objective.evaluate(side).gradient for side in sides)
        rows.append((up - down)[places] / (2 * step))
    observed = (np.array(rows) + np.array(rows).T) / 2
    scale = 1.0 / np.sqrt(np.diag(matrix))
    for candidate in (observed, matrix):
        scaled = candidate * np.outer(scale, scale)
        if np.all(np.isfinite(scaled)) and np.linalg.eigvalsh(scaled)[0] > 1e-10:
            found[np.ix_(places, places)] = np.linalg.inv(scaled) * np.outer(scale, scale)
            break
    return found


def profile_statistic(objective: Objective, best: Minimum, place: int, value: float, guess: Floats) -> Minimum:
    """The lowest statistic with one parameter held at a value."""
    start = np.clip(guess, objective.low, objective.high)
    start[place] = value
    fixed = np.arange(start.size) == place
    return minimise(objective, start, fixed=fixed, tolerance=_INNER_TOLERANCE, robust=False)


def profile_interval(objective: Objective, best: Minimum, place: int, sigma: float, rise: float) -> Interval:
    """Both limits of a parameter.

    Parameters
    ----------
    objective : Objective
        What was minimised.
    best : Minimum
        Where its minimum is.
    place : int
        The parameter.
    sigma : float
        Its standard deviation, roughly.
    rise : float
        Change of the statistic that defines the limits.

    Raises
    ------
    BetterMinimumError
        If the statistic becomes lower than at the minimum.
    """
    limits, ends = [], []
    for side, bound in (("low", objective.low[place]), ("high", objective.high[place])):
        limit, is_bound = _limit(objective, best, place, bound, sigma, rise)
        limits.append(limit)
        ends += [side] if is_bound else []
    return Interval(limits[0], limits[1], tuple(ends))


def _limit(
    objective: Objective, best: Minimum, place: int, bound: float, sigma: float, rise: float
) -> tuple[float, bool]:
    """Where the statistic has risen, on the side of a bound, and whether that is the bound itself."""
    room = bound - best.x[place]
    if room == 0:
        return float(bound), True
    wanted = np.sqrt(rise)
    # Distance against the root of the rise is nearly a straight line.
    near, far = (0.0, 0.0), None
    distance = (
        min(sigma * wanted, abs(room))
        if np.isfinite(sigma) and sigma > 0
        else abs(best.x[place]) * 0.1 or abs(room) * 1e-3
    )
    guess = best.x
    for _ in range(_MOST_TRIALS):
        value = bound if distance >= abs(room) else best.x[place] + np.sign(room) * distance
        found = profile_statistic(objective, best, place, float(value), guess)
        gained = found.at.statistic - best.at.statistic
        if gained < -_BETTER:
            raise BetterMinimumError(found.x)
        root = float(np.sqrt(max(gained, 0.0))) if np.isfinite(gained) else np.inf
        if abs(gained - rise) < _RELATIVE * rise:
            return float(value), False
        if gained < rise and value == bound:
            return float(bound), True
        if gained < rise:
            near, guess = (distance, root), found.x
        else:
            far = (distance, root)
        distance = _next(near, far, wanted)
        if far is not None and far[0] - near[0] < 1e-9 * far[0]:
            return float(best.x[place] + np.sign(room) * far[0]), False
        guess = _ahead(best, guess, place, distance * np.sign(room))
    return np.nan, False


def _next(near: tuple[float, float], far: tuple[float, float] | None, wanted: float) -> float:
    """The next distance to try."""
    if far is None:
        stride = wanted / near[1] if near[1] > 0 else _LARGEST_STRIDE
        return near[0] * float(np.clip(stride, 1.02, _LARGEST_STRIDE))
    width = far[0] - near[0]
    if not np.isfinite(far[1]):
        return near[0] + 0.5 * width
    share = (wanted - near[1]) / (far[1] - near[1])
    return near[0] + width * float(np.clip(share, 0.02, 0.98))


def _ahead(best: Minimum, last: Floats, place: int, change: float) -> Floats:
    """Other parameters on the straight line through the minimum and the last point."""
    moved = last[place] - best.x[place]
    return last.copy() if moved == 0 else best.x + (last - best.x) * (change / moved)
