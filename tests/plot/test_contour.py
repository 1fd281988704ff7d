"""Pictures of the statistic as a function of two parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.fitting.contour import Contour
from swiftxrt.plot._axes import COLOURS


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def parabola(size: int = 9, **changes: Any) -> Contour:
    """Errors (one sigma) of 1e20 / cm2 and 0.1, without correlation."""
    x, y = np.linspace(-4, 4, size), np.linspace(-3.6, 3.6, size)
    values: dict[str, Any] = {
        "names": ("nh", "powerlaw.photon_index"),
        "x": (2e21 + 1e20 * x) / u.cm**2,
        "y": u.Quantity(1.9 + 0.1 * y),
        "rise": x[None, :] ** 2 + y[:, None] ** 2,
        "best": (2e21 / u.cm**2, u.Quantity(1.9)),
        "levels": {0.683: 2.298, 0.9: 4.605, 0.99: 9.21},
    }
    return Contour(**{**values, **changes})


def lines(ax: Any) -> list[Any]:
    """Corners of each line."""
    return [path.vertices for path in ax.collections[0].get_paths()]


def test_lines_are_where_the_statistic_has_risen() -> None:
    ax = parabola().plot()
    ax.figure.canvas.draw()
    for (x, y), rise in zip((line.T for line in lines(ax)), (2.298, 4.605, 9.21), strict=True):
        # The axis counts in 1e21 / cm2.
        np.testing.assert_allclose(((x - 2) / 0.1) ** 2 + ((y - 1.9) / 0.1) ** 2, rise, rtol=0.02)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["68.3 %", "90 %", "99 %"]
    assert [tuple(one.get_xydata()[0]) for one in ax.lines] == [pytest.approx((2, 1.9))]
    assert ax.get_xlabel() == r"$N_\mathregular{H}$ ($10^{21}$ $\mathregular{cm^{-2}}$)"
    assert ax.get_ylabel() == "Powerlaw photon index"


def test_other_levels_and_looks() -> None:
    _, given = plt.subplots()
    ax = parabola().plot(ax=given, levels=[0.954, 0.683], colors="k", legend=False)
    assert ax is given
    assert ax.get_legend() is None
    reach = [line[:, 0].max() - 2 for line in lines(ax)]
    # One number of parameters more than for an error: 2.30 and 6.16 in place of 1 and 4.
    assert reach == pytest.approx([0.1 * np.sqrt(2.298), 0.1 * np.sqrt(6.158)], rel=0.01)
    assert all(same_color(colour, "k") for colour in ax.collections[0].get_edgecolor())


def test_lines_that_are_not_reached_have_no_name() -> None:
    ax = parabola().plot(levels=[0.683, 0.9999999])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["68.3 %"]
    handle = ax.get_legend().legend_handles[0]
    assert same_color(handle.get_color(), COLOURS["blue"])
    with pytest.raises(NoDataError, match=r"rises by 29 at most, and 32.2 is needed; give values further apart"):
        parabola().plot(levels=[0.9999999])
    with pytest.raises(RequestError, match="probability between 0 and 1"):
        parabola().plot(levels=[68])


@pytest.mark.parametrize("size", [3, 9])
def test_coarse_grids_and_points_without_value_are_drawn_as_they_are(size: int) -> None:
    whole = parabola(size)
    rise = whole.rise.copy()
    rise[0, 0] = np.nan
    ax = parabola(size, rise=rise).plot()
    ax.figure.canvas.draw()
    assert len(lines(ax)) == 3


def test_looking_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(1))
    parabola().peek()
    assert shown == [1]
