"""Pictures of all products of a job."""

from __future__ import annotations

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.visualization.wcsaxes import WCSAxes

from swiftxrt import LightCurve, LightCurveSet, Position, ProductSet, SourceList
from swiftxrt.exceptions import RequestError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.image import SkyImage
from swiftxrt.products.spectrumset import SpectrumSet

COORD = SkyCoord(150 * u.deg, 20 * u.deg)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def curves(number: int = 2) -> LightCurveSet:
    columns = {"met_s": np.arange(number) + 10.0, "time_err_neg": 0.5, "time_err_pos": 0.5, "rate": 1.0, "mode": "PC"}
    return LightCurveSet(LightCurve.from_columns(columns, t0_met=0, band="0.3-10 keV", binning="time"))


def every() -> dict:
    counted = CountSpectrum(counts=[0] * 30 + [4] * 170, exposure=100 * u.s, mode="PC")
    data = np.zeros((100, 100), dtype=np.int32)
    data[50, 50] = 9
    band = {"source_number": [1], "ra_deg": [150.0], "dec_deg": [20.0], "position_err": [3.5]}
    return {
        Kind.LIGHT_CURVE: curves(),
        Kind.SPECTRUM: SpectrumSet([counted]),
        Kind.STANDARD_POSITION: Position(COORD, 3.5 * u.arcsec),
        Kind.ENHANCED_POSITION: Position(COORD, 1.5 * u.arcsec, kind="enhanced"),
        Kind.IMAGE: (SkyImage(CCDData(data, unit=u.ct, wcs=sky_wcs(150, 20))),),
        Kind.SOURCES: SourceList.from_columns({"total": band}),
    }


@pytest.mark.parametrize(
    ("left_out", "celestial"),
    [
        ((), [False, False, True, True]),
        ((Kind.SOURCES,), [False, False, True]),
        ((Kind.IMAGE,), [False, False, True, True]),
        ((Kind.SPECTRUM, Kind.IMAGE, Kind.SOURCES), [False, True]),
        ((Kind.LIGHT_CURVE, Kind.SPECTRUM, Kind.IMAGE, Kind.STANDARD_POSITION, Kind.ENHANCED_POSITION), [True]),
    ],
)
def test_one_panel_for_each(left_out, celestial):
    axes = ProductSet({kind: product for kind, product in every().items() if kind not in left_out}).plot()
    assert [isinstance(ax, WCSAxes) for ax in axes] == celestial
    (figure,) = {ax.figure for ax in axes}
    figure.canvas.draw()
    boxes = [ax.get_tightbbox(figure.canvas.get_renderer()) for ax in axes]
    for number, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_circles_are_drawn_on_the_image():
    ax = ProductSet({kind: one for kind, one in every().items() if kind.is_position or kind is Kind.IMAGE}).plot()[0]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["standard position (90%)", "enhanced position (90%)"]


@pytest.mark.parametrize("products", [{}, {Kind.LIGHT_CURVE: curves(0)}, {Kind.SPECTRUM: SpectrumSet([])}])
def test_nothing_to_draw(products):
    with pytest.raises(RequestError, match="nothing to draw"):
        ProductSet(products).plot()
    assert plt.get_fignums() == []


def test_peek_shows(monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.gcf().axes)))
    ProductSet({Kind.LIGHT_CURVE: curves()}).peek()
    assert shown == [1]
