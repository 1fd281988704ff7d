"""The statistic as a function of two parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from .minimise import minimise
from .parameters import as_number
from .rates import rise_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .result import FitResult

__all__ = ["Contour", "make_contour"]

Floats = NDArray[np.float64]

_LEVELS = (0.683, 0.9, 0.99)
_TOLERANCE = 1e-4
#: Fewest points along each parameter.
_LEAST = 2


@dataclass(frozen=True, eq=False, repr=False)
class Contour:
    """Rise of the statistic on a grid of two parameters, all others fitted at each point.

    Parameters
    ----------
    names : tuple of str
        The parameters.
    x, y : `~astropy.units.Quantity`, shape (n,)
        Values of the first and of the second.
    rise : ndarray, shape (n, n)
        Statistic minus its minimum; rows belong to `y`.
    best : tuple of `~astropy.units.Quantity`
        Values at the minimum.
    levels : mapping of float to float
        Rise of the statistic for some probabilities of both parameters together.
    """

    names: tuple[str, str]
    x: u.Quantity
    y: u.Quantity
    rise: Floats
    best: tuple[u.Quantity, u.Quantity]
    levels: dict[float, float]

    def plot(
        self,
        *,
        ax: Axes | None = None,
        levels: Sequence[float] | None = None,
        legend: bool = True,
        **artist_kwargs: Any,
    ) -> Axes:
        """Draw lines of equal probability, and a cross where the statistic is lowest.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        levels : sequence of float, optional
            Probabilities of both parameters together, such as ``[0.683, 0.954]``; by default those of `levels`.
        legend : bool, optional
            Whether to name the lines.
        **artist_kwargs
            Passed on to `~matplotlib.axes.Axes.contour`, e.g. ``colors``.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`

        Raises
        ------
        RequestError
            If a probability cannot be used.
        NoDataError
            If the statistic reaches none of them on this grid.
        """
        from ..plot.contour import plot_contour

        return plot_contour(self, ax=ax, levels=levels, legend=legend, **artist_kwargs)

    def peek(self) -> None:
        """Draw the lines and show them."""
        from ..plot.contour import peek_contour

        peek_contour(self)

    def __repr__(self) -> str:
        return f"<Contour of {self.names[0]} and {self.names[1]}: {self.x.size} x {self.y.size}>"


def make_contour(
    result: FitResult, name: str, other: str, *, n: int = 21, x: u.Quantity | None = None, y: u.Quantity | None = None
) -> Contour:
    """Fit at each point of a grid of two parameters.

    Parameters
    ----------
    result : FitResult
        The fit.
    name, other : str
        Names of free parameters.
    n : int, optional
        Points along each, over four standard deviations on either side.
    x, y : `~astropy.units.Quantity`, optional
        Increasing values of the first and of the second in place of these.

    Returns
    -------
    contour : Contour
        The rise of the statistic.

    Raises
    ------
    RequestError
        If a parameter is not free, or a value cannot be used.

    Examples
    --------
    >>> result.contour("nh", "photon_index").plot()  # doctest: +SKIP
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < _LEAST:
        raise RequestError([("n", f"a whole number from {_LEAST} on is needed; got {n!r}")], "contour")
    places = [_place(result, one) for one in (name, other)]
    if places[0] == places[1]:
        raise RequestError([("other", f"two different parameters are needed; got {name!r} twice")], "contour")
    axes = [_axis(result, places[0], x, n, "x"), _axis(result, places[1], y, n, "y")]
    rise = np.full((axes[1].size, axes[0].size), np.nan)
    fixed = np.isin(np.arange(result.values.size), places)
    for row, second in enumerate(axes[1]):
        # Each point begins where its neighbour ended.
        start = result.values.copy()
        middle = int(np.argmin(np.abs(axes[0] - result.values[places[0]])))
        ends = {}
        for column in (*range(middle, axes[0].size), *range(middle - 1, -1, -1)):
            start = ends.get(column - 1 if column > middle else column + 1, result.values).copy()
            start[places] = axes[0][column], second
            found = minimise(result.problem, start, fixed=fixed, tolerance=_TOLERANCE, robust=False)
            ends[column] = found.x
            rise[row, column] = found.at.statistic - result.statistic
    units = [result.problem.layout.free[place].slot.definition.unit for place in places]
    return Contour(
        (name, other),
        axes[0] * units[0],
        axes[1] * units[1],
        rise,
        tuple(result.values[place] * unit for place, unit in zip(places, units, strict=True)),  # type: ignore[arg-type]
        {level: rise_of(level, 2) for level in _LEVELS},
    )


def _place(result: FitResult, name: str) -> int:
    if name in result.free_names:
        return result.free_names.index(name)
    model = result.model
    full = [model.full_names[item.place] for item in result.problem.layout.free if item.spectrum is None]
    shared = [number for number, item in enumerate(result.problem.layout.free) if item.spectrum is None]
    if name in full:
        return shared[full.index(name)]
    known = ", ".join(result.free_names)
    raise RequestError(
        [("name", f"{name!r} is no free parameter; there are {known}{nearest(str(name), result.free_names)}")]
    )


def _axis(result: FitResult, place: int, given: Any, n: int, argument: str) -> Floats:
    item, best = result.problem.layout.free[place], result.values[place]
    if given is not None:
        values = np.array([as_number(value, item.slot.definition) for value in np.atleast_1d(given)])
        if values.size < _LEAST or np.any(np.diff(values) <= 0):
            raise RequestError([(argument, f"at least {_LEAST} increasing values are needed; got {given}")], "contour")
        if values[0] < item.slot.low or values[-1] > item.slot.high:
            unit = item.slot.definition.unit
            allowed = f"{item.name} is between {item.slot.low:g} and {item.slot.high:g} {unit}".rstrip()
            raise RequestError([(argument, f"{allowed}; got {given}")], "contour")
        return values
    sigma = np.sqrt(result.covariance[place, place])
    if not np.isfinite(sigma):
        raise RequestError(
            [(item.name, "has no standard deviation (it is at a bound); give its values as x= or y=")], "contour"
        )
    return np.linspace(max(best - 4 * sigma, item.slot.low), min(best + 4 * sigma, item.slot.high), n)
