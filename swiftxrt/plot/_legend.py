"""Legends that cover no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["free_legend", "legend_below", "legend_in_corner"]

_PLACES = ("upper right", "upper left", "lower left", "lower right", "center right", "center left")
#: Room around the legend, for symbols and for what moves when the figure is laid out (pixels).
_MARGIN_PIX = 8.0
_MOST_COLUMNS = 4
_CORNERS = ("upper right", "upper left", "lower left", "lower right")
#: On images, which are dark.
_ON_DARK = {"facecolor": "black", "labelcolor": "white"}
_SMALL: dict[str, Any] = {"fontsize": "small", "framealpha": 0.75, **_ON_DARK}
#: Height of a line of the legend below an image.
_LINE_INCH = 0.42


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


def legend_below(ax: Axes, *, dark: bool, make_room: bool) -> None:
    """A legend below an image: there may be a source in any corner of it.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        With everything drawn.
    dark : bool
        Whether the symbols are meant for a dark ground.
    make_room : bool
        Whether the figure grows by the height of the legend.
    """
    number = len(ax.get_legend_handles_labels()[0])
    columns = number if number < _MOST_COLUMNS else -(-number // 2)
    if make_room:
        figure: Any = ax.figure
        width, height = figure.get_size_inches()
        extra = _LINE_INCH * -(-number // columns)
        bottom, top = ((getattr(figure.subplotpars, side) * height + extra) for side in ("bottom", "top"))
        figure.set_size_inches(width, height + extra)
        figure.subplots_adjust(bottom=bottom / (height + extra), top=top / (height + extra))
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=columns, fontsize="small", columnspacing=1.4, labelspacing=1.0,
        handletextpad=0.6, borderpad=0.8, **(_ON_DARK if dark else {}),
    )  # fmt: skip


def legend_in_corner(ax: Axes, image: AxesImage) -> None:
    """A legend on an image, in the corner with the fewest shapes, and of these in the one that is darkest.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        With everything drawn.
    image : `~matplotlib.image.AxesImage`
        The image.
    """
    hidden = [_hidden(ax, image, corner) for corner in _CORNERS]
    ax.legend(loc=_CORNERS[hidden.index(min(hidden))], **_SMALL)


def _hidden(ax: Axes, image: AxesImage, corner: str) -> tuple[int, float]:
    """What a legend in a corner hides: shapes, and the brightest pixel."""
    box = ax.legend(loc=corner, **_SMALL).get_window_extent().padded(_MARGIN_PIX)
    shapes = sum(
        patch.get_path().intersects_bbox(box.transformed(patch.get_transform().inverted())) for patch in ax.patches
    )
    data = np.ma.filled(image.get_array(), 0)
    left, right, low, high = image.get_extent()
    (x0, y0), (x1, y1) = ax.transData.inverted().transform(box.corners()[[0, 3]])
    columns = np.clip((np.array([x0, x1]) - left) / (right - left) * data.shape[1], 0, data.shape[1]).astype(int)
    rows = np.clip((np.array([y0, y1]) - low) / (high - low) * data.shape[0], 0, data.shape[0]).astype(int)
    part = data[slice(*np.sort(rows)), slice(*np.sort(columns))]
    return int(shapes), float(np.max(part, initial=0))


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
