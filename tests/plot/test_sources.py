"""Pictures of lists of sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.nddata import CCDData
from astropy.visualization.wcsaxes import WCSAxes

from swiftxrt.exceptions import ProductNotAvailableError, RequestError
from swiftxrt.plot._axes import new_axes
from swiftxrt.plot.sources import peek_sources, plot_sources
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.image import SkyImage
from swiftxrt.products.sources import SourceList

TOTAL: dict[str, Any] = {
    "source_number": [1, 2],
    "ra_deg": [150.0, 150.1],
    "dec_deg": [20.0, 20.05],
    "position_err": [3.5, 4.0],
}
NOTHING = SourceList.from_columns({"total": {name: [] for name in TOTAL}})


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def sources() -> SourceList:
    soft = {name: values[:1] for name, values in TOTAL.items()}
    return SourceList.from_columns({"total": TOTAL, "soft": soft})


@pytest.fixture
def image() -> SkyImage:
    data = np.zeros((1000, 1000), dtype=np.int32)
    data[200:800, 200:800] = 1
    return SkyImage(CCDData(data, unit=u.ct, wcs=sky_wcs(150, 20, "ICRS")))


def symbols(ax: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in ax.lines}


@pytest.mark.parametrize("column", ["rate", "counts", ""])
def test_the_brightest_of_many_have_numbers(column: str) -> None:
    size = 40
    flux = np.where(np.arange(size) % 2 == 0, np.arange(size, 0.0, -1.0), 0.5)
    flux[4] = np.nan
    columns = {name: np.resize(values, size) for name, values in TOTAL.items()} | {"source_number": np.arange(size)}
    columns |= {"counts": np.full(size, np.nan), column: flux} if column else {}
    ax = SourceList.from_columns({"total": columns}).plot()
    written = {int(text.get_text()) for text in ax.texts}
    bright = set(range(0, size, 2)) - {4}
    assert written == (bright | {1, 3, 5, 7, 9, 11} if column else set(range(25)))


def test_symbols_stand_on_the_sources(sources: SourceList, image: SkyImage) -> None:
    ax = sources.plot(image=image)
    drawn = symbols(ax)
    assert list(drawn) == ["total: 2 sources", "soft: 1 source"]
    x, y = image.wcs.world_to_pixel(sources["total"]["position"])
    np.testing.assert_allclose(drawn["total: 2 sources"].get_xdata(), x)
    np.testing.assert_allclose(drawn["total: 2 sources"].get_ydata(), y)
    assert [text.get_text() for text in ax.texts] == ["1", "2"]
    assert len(ax.patches) == 3  # Error circles.
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(drawn)


def test_circles_have_the_size_of_the_errors(sources: SourceList, image: SkyImage) -> None:
    ax = plot_sources(sources, image=image, bands=["total"])
    extent = ax.patches[1].get_extents().transformed(ax.transData.inverted())
    assert extent.width / 2 * 2.3573 == pytest.approx(4.0, rel=0.01)


def test_all_sources_are_in_the_picture(sources: SourceList) -> None:
    ax = sources.plot()
    assert isinstance(ax, WCSAxes)
    x, y = ax.wcs.world_to_pixel(sources["total"]["position"])
    assert (ax.get_xlim()[0] < x).all()
    assert (x < ax.get_xlim()[1]).all()
    assert (ax.get_ylim()[0] < y).all()
    assert (y < ax.get_ylim()[1]).all()


@pytest.mark.parametrize("dec_deg", [20.0, 89.99])
def test_sources_around_the_start_of_right_ascension(dec_deg: float) -> None:
    around = SourceList.from_columns({"total": {**TOTAL, "ra_deg": [359.99, 0.01], "dec_deg": [dec_deg, dec_deg]}})
    ax = around.plot()
    assert ax.get_xlim()[1] - ax.get_xlim()[0] < 100


def test_choices(sources: SourceList, image: SkyImage) -> None:
    ax = plot_sources(sources, image=image, bands=["soft"], numbers=False, color="red", markersize=3)
    (line,) = ax.lines
    assert (line.get_color(), line.get_markersize()) == ("red", 3)
    assert list(ax.texts) == []
    with pytest.raises(ProductNotAvailableError, match="hard"):
        plot_sources(sources, bands=["hard"])


def test_given_axes_keep_their_limits(sources: SourceList) -> None:
    ax = new_axes(sky_wcs(150, 20, "ICRS"))
    ax.set_xlim(400, 600)
    ax.set_ylim(450, 650)
    assert sources.plot(ax=ax) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == ((400, 600), (450, 650))
    with pytest.raises(RequestError, match="celestial"):
        sources.plot(ax=new_axes())


def test_new_axes_of_the_user_get_limits(sources: SourceList) -> None:
    ax = sources.plot(ax=new_axes(sky_wcs(150, 20, "ICRS")))
    x, _ = ax.wcs.world_to_pixel(sources["total"]["position"])
    assert ax.get_xlim()[0] < x.min() < x.max() < ax.get_xlim()[1]


def test_plain_axes_under_an_image(sources: SourceList, image: SkyImage) -> None:
    ax = sources.plot(ax=new_axes(), image=image)
    assert symbols(ax)["total: 2 sources"].get_xdata()[0] == pytest.approx(499.5)


def test_nothing_to_draw(image: SkyImage) -> None:
    with pytest.raises(RequestError, match="no source to draw"):
        NOTHING.plot()
    assert NOTHING.plot(image=image).get_legend() is None


def test_peek_shows(sources: SourceList, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(1))
    sources.peek()
    peek_sources(sources)
    assert shown == [1, 1]


@pytest.mark.parametrize("over_image", [False, True])
def test_the_legend_hides_no_source(sources: SourceList, image: SkyImage, over_image: bool) -> None:
    ax = sources.plot(image=image if over_image else None)
    ax.figure.canvas.draw()
    box, page = ax.get_legend().get_window_extent(), ax.figure.bbox
    assert not box.overlaps(ax.get_window_extent())
    assert (page.x0 < box.x0, box.x1 < page.x1, page.y0 < box.y0) == (True, True, True)
