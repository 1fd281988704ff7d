"""Pictures of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import RequestError
from ._axes import COLOURS, new_axes, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..products.compare import Comparison

__all__ = ["peek_comparison", "plot_comparison"]

_LINE_SIGMA = 3.0
#: Half of the axis at least, and where it becomes logarithmic.
_LEAST_SIGMA, _LINEAR_SIGMA = 4.0, 12.0
_POINT_COLOURS = tuple(COLOURS[name] for name in ("blue", "vermillion", "green", "purple", "orange", "sky blue"))


def plot_comparison(comparison: Comparison, *, ax: Axes | None = None, **artist_kwargs: Any) -> Axes:
    """Draw every difference over its combined error, one line of points for each row of the table.

    Differences of infinitely many sigma (of values without any error) are
    arrows at the edge. Rows without errors are left out, and so are variants
    of light curves, which mostly repeat the curves themselves.

    Parameters
    ----------
    comparison : Comparison
        What to draw.
    ax : `~matplotlib.axes.Axes`, optional
        Where to; a new figure by default.
    **artist_kwargs
        For `~matplotlib.axes.Axes.plot`, e.g. ``color``.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    RequestError
        If no difference has an error.
    """
    table = comparison.table
    rows = [row for row, pulls in enumerate(comparison.pulls) if pulls.size and "/" not in table["item"][row]]
    if not rows:
        raise RequestError("there is nothing to draw: no difference has an error")
    if ax is None:
        ax = new_axes(figsize=(6.8, 1.2 + 0.3 * len(rows)))
    edge = _edge([comparison.pulls[row] for row in rows])
    products = list(dict.fromkeys(table["product"][rows].tolist()))
    for height, row in enumerate(rows):
        colour = _POINT_COLOURS[products.index(table["product"][row]) % len(_POINT_COLOURS)]
        _draw_row(ax, height, comparison.pulls[row], edge, {"color": colour, **artist_kwargs})
    _decorate(ax, edge, [_label(table[row]) for row in rows])
    return ax


def peek_comparison(comparison: Comparison) -> None:
    """Draw a comparison and show it."""
    plot_comparison(comparison)
    show()


def _edge(pulls: list[NDArray[np.float64]]) -> float:
    """Where the axis ends."""
    sizes = np.abs(np.concatenate(pulls))
    return max(_LEAST_SIGMA, 1.15 * float(sizes[np.isfinite(sizes)].max(initial=0.0)))


def _draw_row(ax: Axes, height: int, pulls: NDArray[np.float64], edge: float, style: dict[str, Any]) -> None:
    finite = pulls[np.isfinite(pulls)]
    single = {"marker": "o", "markersize": 5}
    many = {"marker": "|", "markersize": 9, "alpha": max(0.25, min(1.0, 12 / np.sqrt(finite.size or 1)))}
    ax.plot(
        finite, np.full(finite.size, height), linestyle="none", **{**(single if finite.size == 1 else many), **style}
    )
    for sign, marker in ((1, ">"), (-1, "<")):
        if np.any(pulls == sign * np.inf):
            ax.plot(sign * edge, height, marker=marker, markersize=7, clip_on=False, zorder=3, **style)


def _label(row: Any) -> str:
    where = f"{row['product']} {row['item']}".strip()
    number = f" ({row['n']})" if row["n"] > 1 else ""
    return f"{where}: {row['quantity']}{number}"


def _decorate(ax: Axes, edge: float, labels: list[str]) -> None:
    if edge > _LINEAR_SIGMA:
        ax.set_xscale("symlog", linthresh=_LINE_SIGMA, linscale=1.5)
    ax.set_xlim(-edge, edge)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_yticks(range(len(labels)), labels, fontsize="small")
    ax.axvline(0, color=COLOURS["black"], linewidth=0.8, zorder=0)
    ax.axvspan(-_LINE_SIGMA, _LINE_SIGMA, color="0.92", zorder=-1)
    ax.set_xlabel("(this \N{MINUS SIGN} other) / combined error")
