"""Legends that cover no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["free_legend"]

_PLACES = ("upper right", "upper left", "lower left", "lower right", "center right", "center left")
#: Room around the legend, for symbols and for what moves when the figure is laid out (pixels).
_MARGIN_PIX = 8.0
_MOST_COLUMNS = 4


def free_legend(ax: Axes, *handles_and_labels: Any, **options: Any) -> None:
    """A legend where neither points nor error bars are, above the axes if they are everywhere.

    Matplotlib's own choice of a place looks at points but not at error bars.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        With everything drawn.
    *handles_and_labels
        As for `~matplotlib.axes.Axes.legend`.
    **options
        Further options of it.
    """
    options = {"frameon": False, **options}
    taken = _extents(ax)
    for place in _PLACES:
        legend = ax.legend(*handles_and_labels, loc=place, **options)
        box = legend.get_window_extent().padded(_MARGIN_PIX)
        left, low, right, top = taken
        if not np.any((left < box.x1) & (right > box.x0) & (low < box.y1) & (top > box.y0)):
            return
    columns = min(len(legend.get_texts()), _MOST_COLUMNS)
    above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": columns, "borderpad": 0.1, "columnspacing": 1.2}
    ax.legend(*handles_and_labels, **{**options, **above})


def _extents(ax: Axes) -> NDArray[np.float64]:
    """Left, lower, right and upper end of everything that is drawn in data coordinates, in pixels."""
    ax.autoscale_view()
    found = (bar for one in ax.collections if isinstance(one, LineCollection) for bar in one.get_segments())
    bars = [bar for bar in found if len(bar)]  # Those that are not known are empty.
    points = [line.get_xydata() for line in ax.lines if line.get_transform() == ax.transData]
    first = np.concatenate([np.empty((0, 2)), *points, *(bar[:1] for bar in bars)]).astype(float)
    last = np.concatenate([np.empty((0, 2)), *points, *(bar[-1:] for bar in bars)]).astype(float)
    ends = [ax.transData.transform(end) for end in (first, last)]
    return np.concatenate([np.minimum(*ends), np.maximum(*ends)], axis=1).T
