"""The same part of the sky in several images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.time import Time
from astropy.visualization import LogStretch, SqrtStretch
from matplotlib.axes import Axes
from regions import CircleSkyRegion, RegionMeta

from swiftxrt import DatasetImages, Position, SkyImage
from swiftxrt.exceptions import NoDataError, ProductNotAvailableError, RequestError
from swiftxrt.plot.panels import plot_image_panels
from swiftxrt.products._wcs import sky_wcs

CENTRE = SkyCoord(150.0, 20.0, unit="deg", frame="fk5")
EPOCH = Time("2021-03-01T00:00:00")
SOURCE = CircleSkyRegion(CENTRE, 20 * u.arcsec, meta=RegionMeta({"text": "source"}))
OTHER = CircleSkyRegion(CENTRE, 90 * u.arcsec, meta=RegionMeta({"text": "background"}))
POSITION = Position(CENTRE, 5 * u.arcsec)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def image(day: int = 1, peak: int = 40, ra_deg: float = 150.0) -> SkyImage:
    data = np.zeros((1000, 1000), dtype=np.int32)
    data[100:900:50, 100:900:50] = 1
    data[500, 500] = peak
    meta = {"OBJECT": "Test", "OBS_ID": f"0001234500{day}", "DATE-OBS": f"2021-03-0{day}T12:00:00"}
    return SkyImage(CCDData(data, unit=u.ct, wcs=sky_wcs(ra_deg, 20), meta=meta))


IMAGES = [image(1, 40), image(2, 400), image(3, 4)]


def drawn(axes: Any) -> list[Axes]:
    """Everything must also come out of the renderer without a warning."""
    axes[0].figure.canvas.draw()
    return list(axes)


def test_numbers_of_neighbours_do_not_touch() -> None:
    left, right = drawn(plot_image_panels(IMAGES[:2], position=CENTRE))
    renderer = left.figure.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in (left, right)]
    assert boxes[0].x1 < boxes[1].x0


def titles(axes: Any) -> list[str]:
    return [ax.get_title() for ax in axes]


def test_one_panel_for_each_image() -> None:
    axes = plot_image_panels(IMAGES, position=CENTRE, size=4 * u.arcmin, columns=2)
    assert titles(drawn(axes)) == ["00012345001 Test", "00012345002 Test", "00012345003 Test"]
    boxes = [ax.get_position() for ax in axes]
    assert boxes[0].y0 == pytest.approx(boxes[1].y0)
    assert boxes[2].y1 < boxes[0].y0
    assert boxes[0].x0 == pytest.approx(boxes[2].x0)
    assert boxes[0].x1 < boxes[1].x0


def test_all_show_the_same_part_of_the_sky() -> None:
    """Also where the pixels lie elsewhere."""
    axes = drawn(plot_image_panels([image(), image(ra_deg=150.05)], position=CENTRE, size=4 * u.arcmin))
    for ax in axes:
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        middle = ax.wcs.pixel_to_world((left + right) / 2, (low + high) / 2)
        assert middle.separation(CENTRE) < 0.1 * u.arcsec
        assert (right - left) * 2.3573 == pytest.approx(240, rel=1e-3) == (high - low) * 2.3573


def test_a_shared_scale_ends_at_the_brightest_pixel_that_is_seen() -> None:
    axes = drawn(plot_image_panels(IMAGES, position=CENTRE, size=4 * u.arcmin))
    assert {ax.get_images()[0].norm.vmax for ax in axes} == {400}
    aside = plot_image_panels(IMAGES, position=CENTRE.directional_offset_by(0 * u.deg, 5 * u.arcmin), size=2 * u.arcmin)
    assert {ax.get_images()[0].norm.vmax for ax in aside} == {1}


def test_wide_fields_are_drawn_in_larger_squares() -> None:
    far = image(1, 40)
    far.counts.data[990, 990] = 5000  # Outside of what is seen.
    axes = drawn(plot_image_panels([far, image(2, 400)], position=CENTRE, size=20 * u.arcmin))
    bar = axes[0].figure.axes[-1]
    assert bar.get_ylabel() == "Counts per 3 x 3 pixels"
    assert axes[0].images[0].norm.vmax == pytest.approx(400, abs=1)


def test_scales_of_their_own() -> None:
    axes = drawn(plot_image_panels(IMAGES, position=CENTRE, size=4 * u.arcmin, share=False))
    assert [ax.get_images()[0].norm.vmax for ax in axes] == [40, 400, 4]
    assert len(axes[0].figure.axes) == 3  # no colour bar


@pytest.mark.parametrize(
    ("stretch", "kind"), [("log", LogStretch), ("sqrt", SqrtStretch), (SqrtStretch(), SqrtStretch)]
)
def test_stretches(stretch: Any, kind: type) -> None:
    axes = drawn(plot_image_panels(IMAGES, position=CENTRE, stretch=stretch))
    assert isinstance(axes[0].get_images()[0].norm.stretch, kind)


def test_labels() -> None:
    assert titles(plot_image_panels(IMAGES, epoch=EPOCH)) == ["+0.5 d", "+1.5 d", "+2.5 d"]
    assert titles(plot_image_panels(IMAGES, labels=["a", "b", "c"])) == ["a", "b", "c"]
    assert titles(plot_image_panels({"low": IMAGES[0], "high": IMAGES[1]})) == ["low", "high"]


def test_error_circle_and_regions_have_one_legend() -> None:
    axes = drawn(plot_image_panels(IMAGES, position=POSITION, regions=[SOURCE]))
    assert [len(ax.patches) for ax in axes] == [2, 2, 2]
    (legend,) = axes[0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["source", POSITION.region.meta["text"]]
    assert [line.get_marker() for line in legend.get_lines()] == ["o", "o"]
    assert not legend.get_frame_on()
    box = legend.get_window_extent()
    assert not any(box.overlaps(ax.get_tightbbox(ax.figure.canvas.get_renderer())) for ax in axes)


def test_regions_of_each_panel_keep_their_colours() -> None:
    axes = drawn(plot_image_panels(IMAGES, regions=[[OTHER, SOURCE], [SOURCE], None]))
    assert [len(ax.patches) for ax in axes] == [2, 1, 0]
    assert axes[0].patches[1].get_edgecolor() == axes[1].patches[0].get_edgecolor()


def test_only_the_outer_panels_have_numbers() -> None:
    axes = drawn(plot_image_panels(IMAGES, columns=2))
    assert [ax.coords[1].get_axislabel() != "" for ax in axes] == [True, False, True]
    assert [ax.coords[0].get_axislabel() != "" for ax in axes] == [False, True, True]


def test_without_a_position_all_counts_are_shown() -> None:
    (ax,) = drawn(plot_image_panels([image()]))
    left, right = ax.get_xlim()
    assert left < 100 < 850 < right


@pytest.mark.parametrize(
    "bad",
    [
        {"images": []},
        {"images": ["a.fits"]},
        {"position": (150, 20)},
        {"position": SkyCoord(330.01, -20.01, unit="deg")},
        {"size": 5},
        {"size": -5 * u.arcmin},
        {"labels": ["a"]},
        {"labels": ["a", "b", "c"], "epoch": EPOCH},
        {"regions": [[SOURCE]]},
        {"regions": 5},
        {"stretch": "logg"},
        {"columns": 0},
        {"smoothing": 5},
    ],
)
def test_what_cannot_be_drawn(bad: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        plot_image_panels(bad.pop("images", IMAGES), **bad)


def test_a_place_outside_of_all_images() -> None:
    with pytest.raises(NoDataError):
        plot_image_panels(IMAGES, position=SkyCoord(155, 20, unit="deg"))
    both = plot_image_panels([image(), image(ra_deg=155)], position=CENTRE)
    assert len(drawn(both)) == 2


def test_days_need_a_date() -> None:
    undated = SkyImage(CCDData(np.ones((9, 9)), unit=u.ct, wcs=sky_wcs(150, 20)))
    with pytest.raises(RequestError, match="DATE-OBS"):
        plot_image_panels([undated], epoch=EPOCH)


def test_images_of_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    images = DatasetImages(
        {"total": IMAGES[0], "hard": IMAGES[2]}, regions={"total": [SOURCE, OTHER]}, dataset="00012345001"
    )
    axes = drawn(images.plot())
    assert titles(axes) == ["00012345001 total", "00012345001 hard"]
    assert [len(ax.patches) for ax in axes] == [2, 0]
    assert [text.get_text() for text in axes[0].figure.legends[0].get_texts()] == ["detection"]
    (one,) = images.plot("hard", regions=False, position=CENTRE)
    assert one.get_title() == "00012345001 hard"
    with pytest.raises(ProductNotAvailableError):
        images.plot(["soft"])
    with pytest.raises(RequestError):
        DatasetImages({}).plot()
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(1))
    images.peek()
    assert shown
