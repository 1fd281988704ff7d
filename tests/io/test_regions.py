"""Region files."""

from __future__ import annotations

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from regions import (
    CircleAnnulusPixelRegion,
    CircleAnnulusSkyRegion,
    CirclePixelRegion,
    CircleSkyRegion,
    EllipseAnnulusPixelRegion,
    EllipseAnnulusSkyRegion,
    EllipsePixelRegion,
    EllipseSkyRegion,
    PixCoord,
    PointSkyRegion,
    PolygonPixelRegion,
    PolygonSkyRegion,
    RectangleAnnulusPixelRegion,
    RectangleAnnulusSkyRegion,
    RectanglePixelRegion,
    RectangleSkyRegion,
    RegionMeta,
    Regions,
)

from swiftxrt._ds9 import parsed_strictly
from swiftxrt.exceptions import FormatError, OutputExistsError, PartialResultWarning, RequestError
from swiftxrt.io.regions import ds9_text, read_regions, write_ds9
from swiftxrt.products.events import EventList

CENTRE = SkyCoord(21.73123456789012, -33.07, unit="deg", frame="fk5")
SKY = {
    "circle": CircleSkyRegion(CENTRE, 47.2 * u.arcsec),
    "annulus": CircleAnnulusSkyRegion(CENTRE, 142 * u.arcsec, 0.1 * u.deg),
    "ellipse": EllipseSkyRegion(CENTRE, 1 * u.arcmin, 2 * u.arcmin, 30 * u.deg),
    "box": RectangleSkyRegion(CENTRE, 1 * u.arcmin, 2 * u.arcmin, -12.5 * u.deg),
    "elliptical annulus": EllipseAnnulusSkyRegion(
        CENTRE, 1 * u.arcmin, 2 * u.arcmin, 2 * u.arcmin, 3 * u.arcmin, 30 * u.deg
    ),
    "box annulus": RectangleAnnulusSkyRegion(
        CENTRE, 1 * u.arcmin, 2 * u.arcmin, 2 * u.arcmin, 3 * u.arcmin, -12.5 * u.deg
    ),
    "polygon": PolygonSkyRegion(SkyCoord([1, 2, 2], [1, 1.5, 2], unit="deg", frame="fk5")),
    "excluded": CircleSkyRegion(CENTRE, 10 * u.arcsec, meta=RegionMeta({"include": False})),
    "labelled": CircleSkyRegion(CENTRE, 10 * u.arcsec, meta=RegionMeta({"text": "source A"})),
    "excluded and labelled": CircleSkyRegion(CENTRE, 1e-6 * u.arcsec, meta=RegionMeta({"include": 0, "text": "b"})),
}
PIXELS = {
    "circle": CirclePixelRegion(PixCoord(499.5, 3.25), 20),
    "annulus": CircleAnnulusPixelRegion(PixCoord(0, 0), 20, 30.5),
    "ellipse": EllipsePixelRegion(PixCoord(10, 20), 8, 4, 77 * u.deg),
    "box": RectanglePixelRegion(PixCoord(10, 20), 8, 4, 77 * u.deg),
    "elliptical annulus": EllipseAnnulusPixelRegion(PixCoord(10, 20), 4, 8, 7, 9.5, 77 * u.deg),
    "box annulus": RectangleAnnulusPixelRegion(PixCoord(10, 20), 4, 8, 7, 9.5, 77 * u.deg),
    "polygon": PolygonPixelRegion(PixCoord([1, 2, 3], [4, 5, 3])),
}


@pytest.mark.parametrize(
    "region", [*SKY.values(), *PIXELS.values()], ids=[*SKY, *(f"{name} pixels" for name in PIXELS)]
)
def test_round_trip(tmp_path, region):
    path = write_ds9(tmp_path / "a.reg", [region])
    (again,) = read_regions(path)
    assert again == region
    assert bool(again.meta.get("include", True)) == bool(region.meta.get("include", True))
    assert again.meta.get("text") == region.meta.get("text")


def test_all_together(tmp_path):
    shapes = [*SKY.values(), *PIXELS.values(), *SKY.values()]
    again = read_regions(write_ds9(tmp_path / "a.reg", Regions(shapes)))
    assert isinstance(again, Regions)
    assert list(again) == shapes


def test_text_is_what_heasoft_understands():
    """Frame line ``fk5`` (``j2000`` is unknown there), arcseconds, a minus for excluded shapes, labels as comments."""
    circle = CircleSkyRegion(SkyCoord(244.0013231233, 22.2677751787, unit="deg", frame="fk5"), 70.8 * u.arcsec)
    text = ds9_text([circle, SKY["excluded and labelled"], PIXELS["annulus"]])
    assert text.splitlines() == [
        "# Region file format: DS9 version 4.1",
        "fk5",
        'circle(244.0013231233,22.2677751787,70.8")',
        '-circle(21.73123456789012,-33.07,0.000001") # text={b}',
        "image",
        "annulus(1.0,1.0,20.0,30.5)",
    ]


def test_other_frames_become_fk5(tmp_path):
    icrs = CircleSkyRegion(CENTRE.icrs, 10 * u.arcsec)
    galactic = CircleSkyRegion(CENTRE.galactic, 10 * u.arcsec)
    assert ds9_text(icrs).splitlines()[1] == "fk5"
    for again in read_regions(write_ds9(tmp_path / "a.reg", [icrs, galactic])):
        assert again.center.frame.name == "fk5"
        assert again.center.separation(CENTRE).arcsec < 1e-6


def test_labels_cannot_break_the_file(tmp_path):
    region = CircleSkyRegion(CENTRE, 10 * u.arcsec, meta=RegionMeta({"text": "a {b}\nfk4"}))
    (again,) = read_regions(write_ds9(tmp_path / "a.reg", region))
    assert again.meta["text"] == "a (b) fk4"


def test_existing_files_are_kept(tmp_path):
    path = write_ds9(tmp_path / "a.reg", SKY["circle"])
    with pytest.raises(OutputExistsError):
        write_ds9(path, SKY["box"])
    assert list(read_regions(path)) == [SKY["circle"]]
    write_ds9(path, SKY["box"], overwrite=True)
    assert list(read_regions(path)) == [SKY["box"]]


@pytest.mark.parametrize(
    "region",
    [
        PointSkyRegion(CENTRE),
        SKY["circle"] & SKY["box"],
        "circle(1,2,3)",
        None,
    ],
)
def test_what_cannot_be_written(tmp_path, region):
    with pytest.raises(RequestError):
        write_ds9(tmp_path / "a.reg", region)
    assert not list(tmp_path.iterdir())


def test_nothing_to_write(tmp_path):
    with pytest.raises(RequestError, match="empty"):
        write_ds9(tmp_path / "a.reg", [])


# --- Reading -----------------------------------------------------------------------


def test_pixels_count_from_zero(tmp_path):
    path = tmp_path / "a.reg"
    path.write_text("image\ncircle(500.5,1,20)\n")
    (region,) = read_regions(path)
    assert (region.center.x, region.center.y, region.radius) == (499.5, 0, 20)


@pytest.mark.parametrize(
    "text",
    [
        "physical;circle(500.5,1,20)",
        "physical\ncircle(500.5,1,20)",
        "# Region file format: DS9\r\nglobal color=green\r\nPHYSICAL\r\ncircle(500.5,1,20) # text={physical}\r\n",
        "fk5\n physical ; circle(500.5,1,20)",
        "physical # of the event file\ncircle(500.5,1,20)",
    ],
)
def test_physical_pixels_are_those_of_the_sky(tmp_path, text):
    path = tmp_path / "a.reg"
    path.write_text(text)
    (region,) = read_regions(path)
    assert (region.center.x, region.center.y, region.radius) == (499.5, 0, 20)


def test_physical_pixels_are_x_and_y_of_the_events(validation_data):
    """A region in DS9's words, against X and Y as they are in an official event file."""
    path = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/event/sw00085374001xpcw3po_cl.evt.gz"
    rows = fits.getdata(path, "EVENTS")
    inside = (rows["X"] - 480.0) ** 2 + (rows["Y"] - 560.3) ** 2 < 90.0**2
    chosen = EventList.read(path).select(region=parsed_strictly("physical;circle(480,560.3,90)"))
    assert len(chosen) == inside.sum() > 50
    with fits.open(validation_data / path.parent.parent / "products" / "sw00085374001xpc_sk.img.gz") as hdus:
        header = hdus[0].header
    assert header["MFORM1"] == "X, Y"
    assert [header[key] for key in ("LTV1", "LTV2", "LTM1_1", "LTM2_2")] == [0, 0, 1, 1]  # The same as in the image.


@pytest.mark.fault_case(91)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Region file format: DS9 version 4.1\n",
        "circle(500,500,20)",
        "# physical\ncircle(500,500,20)",
        "fk5\npanda(1,2,3,4,5,6,7,8)",
        "hello world",
        "fk5\ncircle(1,2)",
        "fk5\ncircle(a,b,c)",
    ],
)
def test_nothing_read_is_an_error(tmp_path, text):
    path = tmp_path / "a.reg"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        read_regions(path)
    assert caught.value.path == str(path)


@pytest.mark.fault_case(91)
def test_the_error_says_what_to_do(tmp_path):
    path = tmp_path / "a.reg"
    path.write_text("circle(500,500,20)")
    with pytest.raises(FormatError, match=r"'fk5', 'image' or 'physical'.*frame was not found"):
        read_regions(path)


def test_what_is_left_out_is_told(tmp_path):
    path = tmp_path / "a.reg"
    path.write_text('fk5\ncircle(1,2,3")\npanda(1,2,3,4,5,6,7,8)\n')
    with pytest.warns(PartialResultWarning, match="panda"):
        assert len(read_regions(path)) == 1


def test_not_a_text(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        read_regions(tmp_path / "none.reg")
    (tmp_path / "a.reg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not a region file"):
        read_regions(tmp_path / "a.reg")
    with pytest.raises(FormatError, match="not a region file"):
        read_regions(tmp_path)


def test_crtf(tmp_path):
    path = tmp_path / "a.crtf"
    path.write_text("#CRTFv0\ncircle[[21.7deg, -33.07deg], 47.2arcsec], coord=fk5\n")
    (region,) = read_regions(path)
    assert region.radius.to_value(u.arcsec) == pytest.approx(47.2)


def test_official_regions(validation_data):
    """Source circle of 70.8 arcsec and 161 excluded sources of a product of the service (PROVENANCE.md)."""
    folder = validation_data / "uklc_AT2018cow"
    (source,) = read_regions(folder / "pcsource.reg")
    assert source.radius.to_value(u.arcsec) == 70.8
    excluded = read_regions(folder / "badbg.reg")
    lines = [line for line in (folder / "badbg.reg").read_text().splitlines() if "circle" in line]
    assert len(excluded) == len(lines) >= 160
    assert not any(region.meta.get("include", True) for region in excluded)


def test_official_regions_survive_writing(validation_data, tmp_path):
    excluded = read_regions(validation_data / "uklc_AT2018cow/badbg.reg")
    assert list(read_regions(write_ds9(tmp_path / "a.reg", excluded))) == list(excluded)
