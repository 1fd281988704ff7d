"""Legends that cover no data."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

from swiftxrt.plot._legend import free_legend

X = np.linspace(1.0, 10.0, 40)


@pytest.fixture
def ax() -> Iterator[Axes]:
    yield plt.figure(layout="constrained").add_subplot()
    plt.close("all")


def covered(ax: Axes) -> int:
    """How many error bars the legend lies on, in the figure as it is drawn."""
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    bars = [bar for one in ax.collections for bar in one.get_segments()]
    ends = [ax.transData.transform(bar) for bar in bars]
    return sum(bool(np.all((end.min(axis=0) < box.max) & (end.max(axis=0) > box.min))) for end in ends)


def is_above(ax: Axes) -> bool:
    return bool(ax.get_legend().get_window_extent().y0 > ax.get_window_extent().y1)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("free", [X < 4.0, X > 7.0])
def test_points_leave_a_corner_that_bars_leave_too(ax: Axes, scale: str, free: np.ndarray) -> None:
    bars = np.where(free, 0.05, 4.9)
    ax.errorbar(X, np.full(X.size, 5.0), bars, linestyle="none", marker="o", label="PC")
    ax.set_yscale(scale)
    free_legend(ax)
    assert covered(ax) == 0
    assert not is_above(ax)


def test_above_where_bars_are_everywhere(ax: Axes) -> None:
    for label in ("WT", "PC", "PC limit"):
        ax.errorbar(X, np.full(X.size, 5.0), 4.9, linestyle="none", marker="o", label=label)
    free_legend(ax)
    assert covered(ax) == 0
    assert is_above(ax)


def test_values_that_are_not_known_take_no_room(ax: Axes) -> None:
    ax.errorbar([1.0, 2.0, np.nan], [1.0, np.nan, 3.0], [0.1, 0.1, 0.1], linestyle="none", marker="o", label="PC")
    free_legend(ax)
    assert not is_above(ax)
