"""Differences between two values, in units of their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "Values", "compare_values", "known", "matched_bins", "matched_positions", "radius_scale"]

_NO_PULLS = np.empty(0)
#: Probability of 3 sigma: sources further apart than this are taken for different ones.
_SAME_SOURCE = 0.9973


class Values(NamedTuple):
    """Numbers with their errors, all arrays of one shape; errors are positive, or NaN where unknown."""

    value: NDArray[np.float64]
    err_neg: NDArray[np.float64]
    err_pos: NDArray[np.float64]

    @classmethod
    def of(cls, value: Any, err_neg: Any = np.nan, err_pos: Any = None) -> Values:
        """From anything like an array; errors are unknown by default, and symmetric if one is given."""
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
        errors = (err_neg, err_neg if err_pos is None else err_pos)
        return cls(numbers, *(np.broadcast_to(np.asarray(error, dtype=float), numbers.shape) for error in errors))

    def at(self, rows: Any) -> Values:
        """Some of them."""
        return Values(self.value[rows], self.err_neg[rows], self.err_pos[rows])


@dataclass(frozen=True)
class Difference:
    """One row of a comparison.

    ``this``, ``other`` and ``difference`` are those of the value that differs
    most; ``sigma`` is its difference over the combined error, ``rms`` the root
    mean square over all ``n`` values, and ``pulls`` are all of them.
    """

    product: str
    item: str
    quantity: str
    unit: str = ""
    this: float = np.nan
    other: float = np.nan
    difference: float = np.nan
    sigma: float = np.nan
    rms: float = np.nan
    n: int = 0
    only_this: int = 0
    only_other: int = 0
    at: str = ""
    identical: bool = False
    pulls: NDArray[np.float64] = field(default_factory=lambda: _NO_PULLS, compare=False)


def compare_values(
    names: tuple[str, str, str],
    unit: str,
    this: Values,
    other: Values,
    *,
    at: Sequence[str] | None = None,
    only: tuple[int, int] = (0, 0),
    compatible: NDArray[np.bool_] | None = None,
) -> Difference:
    """Make the row for values of which each has a partner.

    The errors of the two sides are added in quadrature, each taken on the side
    that faces the other value. Where only one of the two is known, that one
    counts; where neither is, there is no pull and ``sigma`` is NaN. Without
    any error (both zero) a difference is infinitely many sigma.

    Parameters
    ----------
    names : tuple of str
        Product, item and quantity.
    unit : str
        Unit of the values.
    this, other : Values
        The values; those that are not finite on one side count as known on
        the other side only, those that are not finite on both are left out.
    at : sequence of str, optional
        Where each value belongs, in words.
    only : tuple of int, optional
        How many values have no partner, on each side.
    compatible : ndarray of bool, optional
        Values that do not contradict each other whatever their difference.

    Returns
    -------
    row : Difference
    """
    finite = np.isfinite(this.value), np.isfinite(other.value)
    only_this, only_other = (
        count + int(np.count_nonzero(mine & ~theirs))
        for count, mine, theirs in zip(only, finite, finite[::-1], strict=True)
    )
    rows = np.flatnonzero(finite[0] & finite[1])
    counts: dict[str, Any] = {"n": rows.size, "only_this": only_this, "only_other": only_other}
    if not rows.size:
        return Difference(*names, unit, identical=not (only_this or only_other), **counts)
    one, two = this.at(rows), other.at(rows)
    difference = one.value - two.value
    pulls = _pulls(difference, one, two)
    if compatible is not None:
        pulls = np.where(compatible[rows], 0.0, pulls)
    sizes = np.abs(pulls if np.any(~np.isnan(pulls)) else difference)
    worst = int(np.nanargmax(sizes))
    judged = pulls[~np.isnan(pulls)]
    return Difference(
        *names,
        unit,
        this=float(one.value[worst]),
        other=float(two.value[worst]),
        difference=float(difference[worst]),
        sigma=float(np.abs(judged).max(initial=0.0)) if judged.size else np.nan,
        rms=float(np.sqrt(np.mean(judged**2))) if judged.size else np.nan,
        at=at[rows[worst]] if at is not None else "",
        identical=not (only_this or only_other) and _identical(one, two),
        pulls=judged,
        **counts,
    )


def _pulls(difference: NDArray[np.float64], this: Values, other: Values) -> NDArray[np.float64]:
    above = difference > 0
    errors = np.where(above, this.err_neg, this.err_pos), np.where(above, other.err_pos, other.err_neg)
    unknown = np.isnan(errors[0]) & np.isnan(errors[1])
    error = np.hypot(*(np.nan_to_num(side) for side in errors))
    pulls = np.divide(difference, error, out=np.where(above, np.inf, -np.inf), where=error > 0)
    pulls[difference == 0] = 0.0
    pulls[unknown] = np.nan
    return pulls


def _identical(one: Values, two: Values) -> bool:
    return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in zip(one, two, strict=True))


def known(*columns: Any) -> bool:
    """Whether every column holds a number at all; columns that a backend does not fill are NaN."""
    return all(bool(np.any(np.isfinite(np.asarray(column, dtype=float)))) for column in columns)


def matched_bins(
    starts: tuple[NDArray[np.float64], NDArray[np.float64]], stops: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Bins of two curves that are the same: more than half of their joint extent is common to both.

    Such a bin contains the middle of its partner, so each has at most one
    partner as long as the bins of a curve do not overlap each other.

    Parameters
    ----------
    starts, stops : tuple of ndarray
        Limits of the bins of both curves.

    Returns
    -------
    this, other : ndarray of int
        Indices of the partners.
    """
    if not (starts[0].size and starts[1].size):
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    order = np.argsort(starts[1], kind="stable")
    start, stop = starts[1][order], stops[1][order]
    middle = (starts[0] + stops[0]) / 2
    guess = np.clip(np.searchsorted(start, middle, side="right") - 1, 0, None)
    common = np.minimum(stops[0], stop[guess]) - np.maximum(starts[0], start[guess])
    joint = np.maximum(stops[0], stop[guess]) - np.minimum(starts[0], start[guess])
    same = (2 * common > joint) | ((joint == 0) & (common == 0))
    this = np.flatnonzero(same)
    _, first = np.unique(guess[this], return_index=True)  # one partner each, even if bins overlap
    this = np.sort(this[first])
    return this, order[guess[this]]


def radius_scale(confidence: float) -> float:
    """Radius of an error circle over its standard deviation per axis (Rayleigh distribution)."""
    return float(np.sqrt(-2.0 * np.log1p(-confidence)))


def matched_positions(
    separation: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Sources of two lists that are the same: each the nearest of the other, and within the errors.

    Parameters
    ----------
    separation : ndarray, shape (n_this, n_other)
        Angle between every pair.
    error : ndarray, shape (n_this, n_other)
        Combined standard deviation per axis of every pair, in the same unit.

    Returns
    -------
    this, other : ndarray of int
        Indices of the partners.
    """
    if not separation.size:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    nearest = np.argmin(separation, axis=1)
    this = np.arange(separation.shape[0])
    mutual = np.argmin(separation, axis=0)[nearest] == this
    close = separation[this, nearest] <= radius_scale(_SAME_SOURCE) * error[this, nearest]
    this = this[mutual & close]
    return this, nearest[this]
