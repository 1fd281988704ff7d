"""Saving figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

__all__ = ["save_figure"]


def save_figure(axes: Axes | Sequence[Axes], path: Path) -> None:
    """Save the figure that axes belong to, and close it.

    Parameters
    ----------
    axes : Axes or sequence of Axes
        Any axes of the figure.
    path : Path
        Where to; the ending gives the format.
    """
    first = axes if isinstance(axes, Axes) else axes[0]
    figure = first.get_figure(root=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")
    plt.close(figure)
