"""Pictures of positions."""

from __future__ import annotations

import astropy.units as u
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.visualization.wcsaxes import WCSAxes

from swiftxrt.exceptions import RequestError
from swiftxrt.plot._axes import new_axes
from swiftxrt.plot.position import plot_positions
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.image import SkyImage
from swiftxrt.products.position import Position

COORD = SkyCoord(150.0, 20.0, unit="deg")
STANDARD = Position(COORD, 4.5 * u.arcsec)
ENHANCED = Position(COORD.directional_offset_by(40 * u.deg, 2 * u.arcsec), 2.1 * u.arcsec, kind="enhanced")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def image():
    data = np.zeros((1000, 1000), dtype=np.int32)
    data[499:502, 499:502] = 5
    return SkyImage(CCDData(data, unit=u.ct, wcs=sky_wcs(150, 20)))


@pytest.mark.parametrize("apart", [2, 30])
def test_circles_and_legend(apart):
    other = Position(COORD.directional_offset_by(0 * u.deg, apart * u.arcsec), 2.1 * u.arcsec, kind="enhanced")
    ax = plot_positions([STANDARD, other])
    ax.figure.canvas.draw()
    assert isinstance(ax, WCSAxes)
    assert len(ax.patches) == 2
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["standard position (90%)", "enhanced position (90%)"]
    box = ax.patches[0].get_path().transformed(ax.patches[0].get_patch_transform()).get_extents()
    assert box.width == pytest.approx(9 / 2.3573, rel=1e-3)
    # All of both circles is in the picture.
    for patch in ax.patches:
        extents = patch.get_path().transformed(patch.get_patch_transform()).get_extents()
        assert ax.get_xlim()[0] < extents.x0 < extents.x1 < ax.get_xlim()[1]
        assert ax.get_ylim()[0] < extents.y0 < extents.y1 < ax.get_ylim()[1]


def test_on_an_image(image):
    ax = STANDARD.plot(image=image, edgecolor="white")
    ax.figure.canvas.draw()
    assert len(ax.get_images()) == 1
    assert mpl.colors.to_hex(ax.patches[0].get_edgecolor()) == "#ffffff"


def test_on_given_axes(image):
    ax = image.plot()
    limits = ax.get_xlim()
    assert ENHANCED.plot(ax=ax) is ax
    assert len(ax.patches) == 1
    assert ax.get_xlim() == limits
    with pytest.raises(RequestError, match="celestial"):
        STANDARD.plot(ax=new_axes())


def test_nothing_to_draw():
    with pytest.raises(RequestError, match="at least one"):
        plot_positions([])


@pytest.mark.parametrize("on_image", [False, True])
def test_positions_of_one_kind_can_be_told_apart(image, on_image):
    other = Position(COORD.directional_offset_by(0 * u.deg, 5 * u.arcsec), 2.1 * u.arcsec)
    ax = plot_positions([STANDARD, other, ENHANCED], image=image if on_image else None)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["standard position (90%), no. 1", "standard position (90%), no. 2", "enhanced position (90%)"]
    assert len({patch.get_edgecolor() for patch in ax.patches[:3]}) == 3


def test_peek_shows(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.gca().patches)))
    STANDARD.peek()
    assert shown == [1]
