"""Pictures that are shown as they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from ._axes import new_axes, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..products.preview import SourcePreview

__all__ = ["peek_preview", "plot_preview"]

_INCHES = (4.4, 4.6)


def plot_preview(preview: SourcePreview, *, ax: Axes | None = None) -> Axes:
    """Draw a picture without axes, source and band above it.

    Parameters
    ----------
    preview : SourcePreview
        What to draw.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; new axes by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
    """
    ax = new_axes(figsize=_INCHES) if ax is None else ax
    ax.imshow(plt.imread(io.BytesIO(preview.content), format="png"))
    ax.set_axis_off()
    ax.set_title(", ".join(filter(None, (preview.name, preview.band))), fontsize="medium")
    return ax


def peek_preview(preview: SourcePreview) -> None:
    """Show a picture; see `swiftxrt.SourcePreview.peek`."""
    plot_preview(preview)
    show()
