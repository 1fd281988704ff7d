"""Pictures of sky images."""

from __future__ import annotations

import astropy.units as u
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from astropy.visualization.wcsaxes import WCSAxes
from regions import CircleAnnulusSkyRegion, CirclePixelRegion, CircleSkyRegion, PixCoord, RegionMeta

from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import RequestError
from swiftxrt.mission import Mode
from swiftxrt.plot._axes import COLOURS, MODE_COLOURS, axis_label, label_sky, mode_colour, new_axes, new_panels
from swiftxrt.plot.image import plot_image, visible_norm
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.image import SkyImage

CENTRE = SkyCoord(150.0, 20.0, unit="deg", frame="fk5")
PIXEL = 2.3573 * u.arcsec
SOURCE = CircleSkyRegion(CENTRE, 20 * PIXEL, meta=RegionMeta({"text": "source"}))
BACKGROUND = CircleAnnulusSkyRegion(CENTRE, 60 * PIXEL, 110 * PIXEL)
HOLE = CirclePixelRegion(PixCoord(400, 500), 10, meta=RegionMeta({"include": False, "text": "excluded"}))


def make(data=None):
    if data is None:
        data = np.zeros((1000, 1000), dtype=np.int32)
        data[200:800:50, 150:850:50] = 1
        data[500, 500] = 40
    meta = {"OBJECT": "Test", "OBS_ID": "00012345001"}
    return SkyImage(CCDData(data, unit=u.ct, wcs=sky_wcs(150, 20), meta=meta), None, EnergyBand.parse("0.3-10 keV"))


@pytest.fixture
def image():
    return make()


@pytest.fixture(autouse=True)
def _close():
    style = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == style
    plt.close("all")


def shown(ax):
    return ax.get_images()[0]


def draw(ax):
    """Everything must also come out of the renderer without a warning."""
    ax.figure.canvas.draw()
    return ax


def test_a_new_picture_has_celestial_axes(image):
    ax = draw(image.plot())
    assert isinstance(ax, WCSAxes)
    assert ax.get_title() == "Test 00012345001, 0.3-10 keV"
    assert ax.coords[0].get_axislabel() == "Right ascension (J2000)"
    assert ax.get_legend() is None
    (bar,) = [item for item in ax.figure.axes if item is not ax]
    assert bar.get_ylabel() == "Counts per 3 x 3 pixels"


def test_no_count_is_lost_in_the_squares(image):
    artist = shown(plot_image(image))
    assert artist.get_array().sum() == image.counts.data.sum()
    # The brightest square holds the pixel (500, 500).
    left, right, low, high = artist.get_extent()
    row, column = np.unravel_index(np.argmax(artist.get_array()), artist.get_array().shape)
    size = (right - left) / artist.get_array().shape[1]
    assert size == 3
    assert left + column * size <= 500 < left + (column + 1) * size
    assert low + row * size <= 500 < low + (row + 1) * size
    assert high > 999


def test_single_counts_can_be_seen():
    """A count is at least a fifth of the scale up to 1000 counts, and the brightest pixel is at its end."""
    for top in (1, 4, 50, 1000):
        data = np.zeros((10, 10), dtype=int)
        data[0, :5] = 1
        data[5, 5] = top
        norm = visible_norm(data)
        assert norm(0) == 0
        assert norm(top) == pytest.approx(1)
        assert norm(1) > 0.17


def test_regions_are_drawn_and_zoomed_on(image):
    ax = draw(image.plot(regions=[SOURCE, BACKGROUND, HOLE]))
    assert len(ax.patches) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["source", "excluded"]
    assert [patch.get_linestyle() for patch in ax.patches] == ["-", "-", "--"]
    assert len({patch.get_edgecolor() for patch in ax.patches}) == 3
    # The annulus reaches from 389.5 to 609.5, and some space is left around.
    low, high = ax.get_xlim()
    assert 360 < low < 389
    assert 610 < high < 640
    assert np.diff(ax.get_xlim()) == pytest.approx(np.diff(ax.get_ylim()))
    assert shown(ax).get_array().shape == (1000, 1000)


def test_a_region_lies_where_it_should(image):
    ax = image.plot(regions=SOURCE)
    path = ax.patches[0].get_path().transformed(ax.patches[0].get_patch_transform())
    box = path.get_extents()
    assert (box.x0, box.x1) == pytest.approx((499.5 - 20, 499.5 + 20), abs=0.05)
    assert (box.y0, box.y1) == pytest.approx((499.5 - 20, 499.5 + 20), abs=0.05)


def test_a_small_region_is_shown_with_its_surroundings(image):
    ax = image.plot(regions=CircleSkyRegion(CENTRE, 2 * u.arcsec))
    assert np.diff(ax.get_xlim()) == pytest.approx(60)


def test_without_zoom_all_is_shown(image):
    ax = draw(image.plot(regions=[SOURCE], zoom=False))
    assert ax.get_xlim() == (-0.5, 999.5)
    assert ax.get_ylim() == (-0.5, 999.5)


def test_without_regions_the_counts_are_shown(image):
    ax = image.plot()
    assert ax.get_xlim()[0] < 150 < 800 < ax.get_xlim()[1]
    assert ax.get_xlim()[0] > 100


def test_an_empty_image_can_be_drawn():
    ax = draw(make(np.zeros((1000, 1000), dtype=np.int32)).plot())
    assert ax.get_xlim() == (-0.5, 999.5)


def test_smoothing_keeps_the_counts(image):
    ax = draw(image.plot(smoothing=5 * u.arcsec))
    assert shown(ax).get_array().sum() == pytest.approx(image.counts.data.sum(), rel=1e-3)
    # A Gaussian of 5 arcsec, sampled in pixels of 2.3573 arcsec.
    peak = 40 / (2 * np.pi * (5 / 2.3573) ** 2)
    assert shown(ax).get_array().max() == pytest.approx(peak, rel=0.02)
    bar = next(item for item in ax.figure.axes if item is not ax)
    assert bar.get_ylabel() == "Counts per pixel, smoothed with 5 arcsec"


@pytest.mark.parametrize("smoothing", [5, -1 * u.arcsec, 3 * u.s])
def test_smoothing_is_an_angle(image, smoothing):
    with pytest.raises(RequestError, match="smoothing"):
        image.plot(smoothing=smoothing)


def test_existing_axes_are_used(image):
    figure = plt.figure()
    ax = figure.add_subplot(projection=image.wcs)
    assert image.plot(ax=ax, colorbar=False) is ax
    assert figure.axes == [ax]
    plain = plt.figure().add_subplot()
    draw(image.plot(ax=plain, regions=[SOURCE]))
    assert plain.get_xlabel() == "x (pixel)"


def test_axes_of_another_field_are_refused(image):
    ax = new_axes(sky_wcs(10, 20))
    with pytest.raises(RequestError, match=r"projection=image\.wcs"):
        image.plot(ax=ax)


def test_artist_options_win(image):
    artist = shown(image.plot(cmap="viridis", vmin=0, vmax=3))
    assert artist.get_cmap().name == "viridis"
    assert artist.get_clim() == (0, 3)
    ax = image.plot(regions=[SOURCE], region_style={"edgecolor": "white"})
    assert mpl.colors.to_hex(ax.patches[0].get_edgecolor()) == "#ffffff"


def test_cutouts_can_be_drawn(image):
    part = image.cutout(CENTRE, 5 * u.arcmin)
    ax = draw(part.plot(regions=[SOURCE], zoom=False))
    assert ax.get_xlim() == (-0.5, part.shape[1] - 0.5)


def test_regions_must_be_regions(image):
    with pytest.raises(RequestError, match="regions"):
        image.plot(regions=["circle"])


def test_peek_shows_and_plot_does_not(image, monkeypatch):
    shows = []
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: shows.append(args))
    image.plot()
    assert shows == []
    assert image.peek() is None
    assert len(shows) == 1


# --- What all plots share ----------------------------------------------------------


def test_modes_have_fixed_colours():
    assert MODE_COLOURS == {Mode.PC: "#0072B2", Mode.WT: "#D55E00"}
    assert mode_colour("WT") == COLOURS["vermillion"]
    assert mode_colour("") == COLOURS["black"]


def test_labels_carry_their_unit():
    assert axis_label("Count rate", u.ct / u.s) == r"Count rate ($\mathregular{ct\,s^{-1}}$)"
    assert axis_label("Energy", "keV") == r"Energy ($\mathregular{keV}$)"
    assert axis_label("Hardness") == axis_label("Hardness", u.one) == "Hardness"


def test_panels_share_their_axis():
    top, bottom = new_panels([3, 1])
    top.set_xlim(2, 5)
    assert bottom.get_xlim() == (2, 5)
    assert top.get_position().height > 2 * bottom.get_position().height


def test_the_legend_counts_shapes_of_one_name(image):
    circles = [CircleSkyRegion(SkyCoord(150 * u.deg, 20 * u.deg), size * u.arcsec) for size in (20, 40, 60)]
    for circle in circles[:2]:
        circle.meta["text"] = "my source"
    ax = image.plot(regions=circles)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["2 × my source"]


def _covered(ax):
    """Shapes that the legend hides."""
    draw(ax)
    box = ax.get_legend().get_window_extent()
    return [patch for patch in ax.patches if box.overlaps(patch.get_window_extent())]


@pytest.mark.parametrize("own_figure", [True, False])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (-1, 1), (1, -1)])
def test_the_legend_hides_no_region(image, own_figure, dx, dy):
    places = [(500 + 420 * dx, 500 + 420 * dy), (500, 500)]
    shapes = [CirclePixelRegion(PixCoord(*place), 60, meta=RegionMeta({"text": "source"})) for place in places]
    ax = None if own_figure else new_axes(image.wcs)
    assert not _covered(image.plot(ax=ax, regions=shapes, zoom=False))


def test_the_legend_hides_no_bright_source(image):
    data = np.zeros((1000, 1000), dtype=np.int32)
    data[920, 900] = data[920, 80] = data[80, 900] = 50
    ax = make(data).plot(ax=new_axes(image.wcs), regions=SOURCE, zoom=False)
    box = draw(ax).get_legend().get_window_extent()
    assert not any(box.contains(*ax.transData.transform((x, y))) for x, y in [(900, 920), (80, 920), (900, 80)])


@pytest.mark.parametrize(
    ("frame", "equinox", "name"),
    [("ICRS", 2000, "J2000"), ("FK5", 2000, "J2000"), ("FK5", 1975, "J1975"), ("FK4", 1950, "B1950")],
)
def test_axes_are_called_after_their_coordinates(frame, equinox, name):
    ax = new_axes(sky_wcs(150, 20, frame, equinox))
    label_sky(ax)
    assert ax.coords[1].get_axislabel() == f"Declination ({name})"


def test_galactic_axes():
    wcs = sky_wcs(150, 20)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.set()
    ax = new_axes(wcs)
    label_sky(ax)
    assert [ax.coords[axis].get_axislabel() for axis in (0, 1)] == ["Galactic longitude", "Galactic latitude"]
