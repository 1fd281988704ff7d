"""Pictures of the statistic as a function of two parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from ..exceptions import NoDataError
from ..fitting.rates import rise_of
from ._axes import COLOURS, new_axes, show
from ._parameter_names import parameter_label, power_of_ten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fitting.contour import Contour

__all__ = ["peek_contour", "plot_contour"]

Floats = NDArray[np.float64]

#: Degree of the splines between the points of a grid, and parts into which they divide its steps.
_CUBIC, _FINER = 3, 8
#: From the innermost line to the outermost; told apart in print, too.
_LINES = (("blue", "solid"), ("vermillion", "dashed"), ("green", "dashdot"), ("purple", "dotted"))


def plot_contour(
    contour: Contour,
    *,
    ax: Axes | None = None,
    levels: Sequence[float] | None = None,
    legend: bool = True,
    **artist_kwargs: Any,
) -> Axes:
    """Draw lines of equal probability; see `Contour.plot`."""
    wanted = contour.levels if levels is None else {level: rise_of(level, 2) for level in levels}
    highest = float(np.nanmax(contour.rise))
    rises = {level: rise for level, rise in sorted(wanted.items()) if rise < highest}
    if not rises:
        told = f"the statistic rises by {highest:.3g} at most, and {min(wanted.values(), default=0.0):.3g} is needed"
        raise NoDataError(f"{told}; give values further apart, as in result.contour(..., x=..., y=...)")
    ax = new_axes() if ax is None else ax
    powers = [power_of_ten(one.value) for one in (contour.x, contour.y)]
    x, y = (one.value / 10.0**power for one, power in zip((contour.x, contour.y), powers, strict=True))
    look = [_LINES[number % len(_LINES)] for number in range(len(rises))]
    style = {"colors": [COLOURS[name] for name, _ in look], "linestyles": [dash for _, dash in look], **artist_kwargs}
    fine_x, fine_y, rise = _finer(x, y, contour.rise)
    lines = ax.contour(fine_x, fine_y, np.ma.masked_invalid(rise), levels=list(rises.values()), **style)
    best = [one.value / 10.0**power for one, power in zip(contour.best, powers, strict=True)]
    ax.plot(*best, marker="+", markersize=9, markeredgewidth=1.5, linestyle="none", color=COLOURS["black"])
    labels = [parameter_label(name, one.unit, power, lines=1) for name, one, power in zip(
        contour.names, (contour.x, contour.y), powers, strict=True,
    )]  # fmt: skip
    ax.set(xlabel=labels[0], ylabel=labels[1])
    if legend:
        _name_lines(ax, lines, list(rises))
    return ax


def _name_lines(ax: Axes, lines: Any, levels: Sequence[float]) -> None:
    handles = [
        Line2D([], [], color=colour, linestyle=dash, linewidth=width, label=f"{100 * level:.4g} %")
        for level, colour, dash, width in zip(
            levels,
            lines.get_edgecolor(),
            lines.get_linestyle(),
            np.resize(lines.get_linewidth(), len(levels)),
            strict=True,
        )
    ]
    # Above the axes: the lines may go through any corner.
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": min(len(handles), 4), "handlelength": 3.0}
    ax.legend(handles=handles, frameon=False, fontsize="small", borderaxespad=0.2, **place)


def _finer(x: Floats, y: Floats, rise: Floats) -> tuple[Floats, Floats, Floats]:
    """The same on a grid that is as fine as the eye; the statistic is nearly a parabola between points."""
    if min(rise.shape) <= _CUBIC or not np.all(np.isfinite(rise)):
        return x, y, rise
    fine = [np.interp(np.arange((one.size - 1) * _FINER + 1) / _FINER, np.arange(one.size), one) for one in (x, y)]
    return fine[0], fine[1], RectBivariateSpline(y, x, rise)(fine[1], fine[0])


def peek_contour(contour: Contour) -> None:
    """Draw the lines and show them."""
    plot_contour(contour)
    show()
