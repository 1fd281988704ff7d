"""Pictures of comparisons."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.mission import Mode
from swiftxrt.plot._axes import COLOURS, MODE_COLOURS
from swiftxrt.plot.compare import plot_comparison
from swiftxrt.products._differences import Values, compare_values
from swiftxrt.products.compare import Comparison


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def made(*pairs: tuple) -> Comparison:
    """One row for each (this, other, error)."""
    return Comparison(
        [
            compare_values(
                (f"product {number % 2}", f"item {number}", "rate"),
                "ct / s",
                Values.of(this, error),
                Values.of(other),
            )
            for number, (this, other, error) in enumerate(pairs)
        ]
    )


def points(ax: plt.Axes) -> list[tuple[list[float], float]]:
    """Places and height of all markers, without the line at zero."""
    lines = [line for line in ax.get_lines() if line.get_linestyle() == "None" or line.get_marker() in "<>"]
    return [(np.atleast_1d(line.get_xdata()).tolist(), float(np.atleast_1d(line.get_ydata())[0])) for line in lines]


def test_rows_with_errors_are_drawn_from_top_to_bottom():
    comparison = made(([1, 2], [1, 1], 0.5), (5, 4, np.nan), (3, 5, 1))
    ax = comparison.plot()
    ax.figure.canvas.draw()
    assert points(ax) == [([0, 2], 0), ([-2], 1)]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "product 0 item 0: rate (2)",
        "product 0 item 2: rate",
    ]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_xlim() == (-4, 4)
    assert ax.get_xscale() == "linear"


def test_variants_are_not_drawn():
    rows = [
        compare_values(("light curve", item, "rate"), "ct / s", Values.of(1.0, 1.0), Values.of(2.0))
        for item in ("total PC", "with_unreliable/total PC")
    ]
    assert len(Comparison(rows).plot().get_yticklabels()) == 1


def test_labels_are_in_the_picture():
    ax = made(([1, 2], [1, 1], 0.5), (3, 5, 1)).plot()
    ax.figure.canvas.draw()
    for label in ax.get_yticklabels():
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert 0 <= box.y0 < box.y1 <= ax.figure.bbox.y1


def test_modes_share_a_line_in_their_colours():
    """Half as many lines; and a picture that is not higher than a page with everything in it."""
    items = [("light curve", f"{band} {mode}") for band in ("total", "hardness_ratio") for mode in ("PC", "WT")]
    items += [("spectrum", f"interval0{mode}") for mode in ("wt", "pc")] + [("image", "0.3-10 keV")]
    rows = [compare_values((*item, "rate"), "ct / s", Values.of(1.0, 1.0), Values.of(2.0)) for item in items]
    ax = Comparison(rows).plot()
    lines = ["light curve total", "light curve hardness ratio", "spectrum interval0", "image 0.3-10 keV"]
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{line}: rate" for line in lines]
    drawn = [
        (height, line.get_color())
        for line in ax.get_lines()
        for height in line.get_ydata()
        if len(line.get_xdata()) == 1
    ]
    wt, pc = MODE_COLOURS[Mode.WT], MODE_COLOURS[Mode.PC]
    expected = [(number + shift, colour) for number in range(3) for shift, colour in ((-0.25, wt), (0.25, pc))]
    assert drawn == [*expected, (3, COLOURS["black"])]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["PC", "WT"]
    assert ax.figure.get_size_inches()[1] < 3
    ax = Comparison(rows).plot(color="red")
    assert {line.get_color() for line in ax.get_lines() if line.get_marker() == "o"} == {"red"}
    assert ax.get_legend() is None


def test_far_values_make_a_logarithmic_axis_and_infinite_ones_an_arrow():
    ax = made((1, 0, 0)).plot()
    assert [line.get_marker() for line in ax.get_lines() if line.get_marker() in "<>"] == [">"]
    ax = made((100, 0, 1), (0, 1, 0), (1, 0, 0)).plot()
    assert ax.get_xscale() == "symlog"
    edge = ax.get_xlim()[1]
    assert edge == pytest.approx(115)
    arrows = {
        line.get_marker(): np.atleast_1d(line.get_xdata())[0] for line in ax.get_lines() if line.get_marker() in "<>"
    }
    assert arrows == {"<": -edge, ">": edge}


def test_given_axes_are_used():
    figure, ax = plt.subplots()
    assert plot_comparison(made((3, 5, 1)), ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


def test_peek_shows_the_picture(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.get_fignums()))
    made((3, 5, 1)).peek()
    assert len(shown) == 1
    assert len(shown[0]) == 1


@pytest.mark.parametrize("comparison", [made(), made((1, 2, np.nan))])
def test_nothing_to_draw(comparison):
    with pytest.raises(RequestError, match="nothing to draw"):
        comparison.plot()
    assert plt.get_fignums() == []
