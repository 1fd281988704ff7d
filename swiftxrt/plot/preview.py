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


def plot_preview(preview: SourcePreview) -> Axes:
    """Draw a picture without axes, its band above."""
    ax = new_axes()
    ax.imshow(plt.imread(io.BytesIO(preview.content), format="png"))
    ax.set_axis_off()
    ax.set_title(preview.band)
    return ax


def peek_preview(preview: SourcePreview) -> None:
    """Show a picture; see `swiftxrt.SourcePreview.peek`."""
    plot_preview(preview)
    show()
