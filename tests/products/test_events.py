"""Event lists: columns, selections, images."""

from __future__ import annotations

import operator
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable
from astropy.time import Time
from astropy.wcs import WCS
from regions import (
    CircleAnnulusPixelRegion,
    CircleAnnulusSkyRegion,
    CirclePixelRegion,
    CircleSkyRegion,
    CompoundSkyRegion,
    EllipsePixelRegion,
    EllipseSkyRegion,
    LineSkyRegion,
    PixCoord,
    PointSkyRegion,
    PolygonPixelRegion,
    RectanglePixelRegion,
    RectangleSkyRegion,
    RegionMeta,
    Regions,
    TextSkyRegion,
)

from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import IdentifierError, NoDataError, RequestError
from swiftxrt.mission import Mode
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

HEADER = {
    "OBS_ID": "00012345001",
    "OBJECT": "Test",
    "RA_PNT": 150.0,
    "DEC_PNT": 20.0,
    "PA_PNT": 30.0,
    "RA_OBJ": 150.01,
    "DEC_OBJ": 20.01,
    "UTCFINIT": -12.75564,
}
CENTRE = SkyCoord(150.0, 20.0, unit="deg", frame="fk5")
T0 = 437040976.0


def make(size=2000, *, mode="PC", header=None, seed=1, **changes):
    rng = np.random.default_rng(seed)
    values = {
        "met": T0 + np.sort(rng.uniform(0, 1000, size)),
        "x": rng.integers(400, 600, size),
        "y": rng.integers(400, 600, size),
        "pi": rng.integers(10, 1024, size),
        "grade": rng.integers(0, 13, size),
        "gti": GTI([T0, T0 + 600], [T0 + 500, T0 + 1000]),
        "mode": mode,
        "header": {**HEADER, **(header or {})},
    }
    return EventList(**{**values, **changes})


# --- Making one -----------------------------------------------------------------


def test_columns_are_plain_and_read_only():
    x = np.array([1, 2, 3], dtype=">i2")
    events = make(3, x=x, status=[0, 0, 1])
    assert events.x.dtype == np.int32
    assert events.met.dtype == np.float64
    assert events.status.dtype == np.uint16
    assert events.rawx is None
    x[0] = 9
    assert events.x[0] == 1
    for column in (events.met, events.x, events.pi, events.status):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0
    with pytest.raises(AttributeError):
        events.x = x


def test_the_caller_cannot_change_the_events():
    x = np.arange(3, dtype=np.int32)
    events = make(3, x=x, y=x[::-1])
    x[:] = 99
    assert events.x.tolist() == [0, 1, 2]
    assert events.y.tolist() == [2, 1, 0]


def test_events_are_sorted_by_time():
    events = make(3, met=[T0 + 3, T0 + 1, T0 + 2], pi=[3, 1, 2], x=[30, 10, 20])
    assert events.met.tolist() == [T0 + 1, T0 + 2, T0 + 3]
    assert events.pi.tolist() == [1, 2, 3]
    assert events.x.tolist() == [10, 20, 30]
    assert not events.x.flags.writeable


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pi": [1, 2]}, "pi:"),
        ({"met": [T0, np.nan, T0]}, "finite"),
        ({"gti": [(0, 1)]}, "GTI"),
        ({"mode": "PU"}, "'PC' or 'WT'"),
        ({"header": {"OBS_ID": "12"}}, "OBS_ID"),
        ({"header": {"RA_PNT": "ten"}}, "RA_PNT"),
        ({"header": {"DATAMODE": "WINDOWED"}}, "DATAMODE"),
        ({"header": {"X": None}}, "text, finite number or flag"),
        ({"header": {"X": np.inf}}, "text, finite number or flag"),
    ],
)
def test_what_cannot_be_an_event_list(changes, message):
    with pytest.raises(RequestError, match=message):
        make(3, **changes)


def test_all_problems_of_a_header_are_told_at_once():
    with pytest.raises(RequestError) as caught:
        EventList(met=[], x=[], y=[], pi=[], grade=[], gti=GTI.empty(), mode="PC", header={})
    assert [field for field, _ in caught.value.problems] == ["OBS_ID", "RA_PNT", "DEC_PNT", "PA_PNT"]


# --- What the header says -------------------------------------------------------


def test_header_is_completed():
    events = make()
    assert events.header["TELESCOP"] == "SWIFT"
    assert events.header["DATAMODE"] == "PHOTON"
    assert events.header["ONTIME"] == 900
    assert events.header["TSTART"] == T0
    assert events.header["TSTOP"] == T0 + 1000
    # 5058 days, 8 h 16 min 13 s and three leap seconds after 2001-01-01 UTC.
    assert events.header["DATE-OBS"] == "2014-11-07T08:16:13"
    assert events.exposure == 900 * 0.99600601 * u.s
    assert events.live_fraction == pytest.approx(0.99600601)
    assert events.frame_s == 2.5073


def test_header_keys_and_texts_are_made_fit_for_fits():
    header = make(header={"object": "ρ Oph  ", "RADECSYS": "ICRS", "NUMBER": np.int64(3)}).header
    assert header["OBJECT"] == "? Oph"
    assert header["RADESYS"] == "ICRS"
    assert "RADECSYS" not in header
    assert type(header["NUMBER"]) is int


def test_given_times_are_kept():
    events = make(header={"EXPOSURE": 450.0, "ONTIME": 900.0, "DEADC": 0.9})
    assert events.exposure == 450 * u.s
    assert events.live_fraction == 0.5


def test_properties():
    events = make()
    assert events.obsid == "00012345001"
    assert events.object_name == "Test"
    assert events.mode is Mode.PC
    assert events.roll == 30 * u.deg
    assert events.utcf == -12.75564
    assert events.pointing.separation(CENTRE).arcsec < 1e-6
    assert events.target_position.ra.deg == 150.01
    assert len(events) == 2000


def test_what_a_header_may_lack():
    header = {key: HEADER[key] for key in ("OBS_ID", "RA_PNT", "DEC_PNT", "PA_PNT")}
    events = EventList(met=[T0], x=[1], y=[1], pi=[30], grade=[0], gti=GTI([T0], [T0 + 1]), mode="WT", header=header)
    assert events.target_position is None
    assert events.utcf is None
    assert events.object_name == ""
    assert events.frame_s == 0.0017675


def test_times_use_the_clock_correction_of_the_file():
    """UTC = 2001-01-01 + MET + UTCFINIT, counted in days of 86400 s."""
    events = make()
    expected = Time("2001-01-01T00:00:00", scale="utc").mjd + (T0 - 12.75564) / 86400
    assert events.start.mjd == pytest.approx(expected, abs=1e-10)
    assert (events.stop - events.start).to_value(u.s) == pytest.approx(1000, abs=1e-6)
    assert abs((events.time[0] - events.start).to_value(u.s) - (events.met[0] - T0)) < 1e-6


def test_middle_of_the_frame():
    pc = make()
    np.testing.assert_allclose(pc.met_mid_s - pc.met, 2.5073 / 2, atol=1e-7)
    wt = make(mode="WT")
    np.testing.assert_array_equal(wt.met_mid_s, wt.met)


def test_sky_positions_follow_the_wcs():
    events = make(50)
    again = events.wcs.world_to_pixel(events.position)
    np.testing.assert_allclose(again[0], events.x, atol=1e-6)
    np.testing.assert_allclose(again[1], events.y, atol=1e-6)
    assert events.wcs.pixel_to_world(499.5, 499.5).separation(CENTRE).arcsec < 1e-6
    assert events.wcs.pixel_shape == (1000, 1000)
    # North up, east left, 2.3573 arcsec.
    north, east = events.wcs.pixel_to_world(499.5, 509.5), events.wcs.pixel_to_world(489.5, 499.5)
    assert CENTRE.position_angle(north).deg % 360 == pytest.approx(0, abs=0.01)
    assert CENTRE.position_angle(east).deg == pytest.approx(90, abs=0.01)
    assert CENTRE.separation(north).arcsec == pytest.approx(23.573, abs=0.001)


def test_the_nominal_position_defines_the_grid():
    events = make(header={"RA_NOM": 150.02, "DEC_NOM": 20.01})
    assert events.wcs.wcs.crval.tolist() == [150.02, 20.01]


def test_events_without_sky_pixel_have_no_position():
    events = make(2, x=[-2, 500], y=[-2, 500])
    assert np.isnan(events.position.ra.deg).tolist() == [True, False]


def test_table():
    events = make(5, rawx=np.arange(5))
    table = events.table
    assert isinstance(table, QTable)
    assert table.colnames == ["time", "met", "energy", "x", "y", "pi", "grade", "rawx"]
    assert table["energy"].unit == u.keV
    np.testing.assert_allclose(table["energy"].value, events.pi / 100)
    assert table.meta["OBS_ID"] == "00012345001"


# --- Selections -----------------------------------------------------------------


def test_band_has_both_ends():
    events = make(6, pi=[29, 30, 31, 999, 1000, 1001])
    assert events.select(band="0.3-10 keV").pi.tolist() == [30, 31, 999, 1000]
    assert events.select(band=EnergyBand(0.3 * u.keV, 1.5 * u.keV)).pi.tolist() == [30, 31]


def test_grades():
    events = make(4, grade=[0, 1, 4, 12])
    assert events.select(grades=(0, 4)).grade.tolist() == [0, 1, 4]
    assert events.select(grades=(0, 0)).grade.tolist() == [0]


@pytest.mark.parametrize("grades", [3, (3,), (4, 1), ("0", "4"), (0.0, 4.0), "0-4"])
def test_grades_are_two_numbers(grades):
    with pytest.raises(RequestError, match="grades"):
        make(4).select(grades=grades)


def test_selecting_times_changes_good_time_and_exposure():
    events = make()
    part = events.select(gti=GTI([T0 + 450], [T0 + 700]))
    assert part.gti == GTI([T0 + 450, T0 + 600], [T0 + 500, T0 + 700])
    assert part.exposure.value == pytest.approx(150 * 0.99600601)
    assert part.live_fraction == pytest.approx(events.live_fraction)
    assert part.header["ONTIME"] == 150
    assert part.header["TSTART"] == T0 + 450
    inside = (events.met >= T0 + 450) & (events.met < T0 + 700)
    np.testing.assert_array_equal(part.met, events.met[inside])
    assert events.header["ONTIME"] == 900


def test_selecting_the_same_times_changes_nothing():
    events = make(met=T0 + np.linspace(0, 499, 2000))
    assert events.select(gti=events.gti) == events


def test_nothing_may_be_left():
    events = make()
    assert len(events.select(band="9.99-10 keV", grades=(12, 12), region=CircleSkyRegion(CENTRE, 3 * u.arcsec))) == 0
    nothing = events.select(gti=GTI([0], [1]))
    assert len(nothing) == 0
    assert nothing.exposure == 0 * u.s
    assert "0 events" in repr(nothing)
    with pytest.raises(NoDataError, match="no good time"):
        _ = nothing.start


def test_conditions_combine():
    events = make()
    region = CircleSkyRegion(CENTRE, 2 * u.arcmin)
    together = events.select(region=region, band="0.3-2 keV", grades=(0, 4))
    assert together == events.select(region=region).select(band="0.3-2 keV").select(grades=(0, 4))
    assert 0 < len(together) < len(events)


def test_all_columns_are_selected():
    number = np.arange(2000)
    names = ("rawx", "rawy", "detx", "dety", "pha", "status")
    events = make(**dict.fromkeys(names, number))
    part = events.select(band="1-2 keV")
    for name in names:
        np.testing.assert_array_equal(getattr(part, name), np.flatnonzero((events.pi >= 100) & (events.pi <= 200)))


SKY_SHAPES = {
    "circle": CircleSkyRegion(CENTRE, 47.2 * u.arcsec),
    "annulus": CircleAnnulusSkyRegion(CENTRE, 100 * u.arcsec, 200 * u.arcsec),
    "ellipse": EllipseSkyRegion(CENTRE, 100 * u.arcsec, 300 * u.arcsec, 30 * u.deg),
    "box": RectangleSkyRegion(CENTRE, 100 * u.arcsec, 300 * u.arcsec, 30 * u.deg),
    "compound": CompoundSkyRegion(
        CircleSkyRegion(CENTRE, 150 * u.arcsec), RectangleSkyRegion(CENTRE, 4 * u.arcmin, 1 * u.arcmin), operator.xor
    ),
}
PIXEL_SHAPES = {
    "circle": CirclePixelRegion(PixCoord(500, 500), 20),
    "circle off centre": CirclePixelRegion(PixCoord(499.37, 501.81), 19.77),
    "circle reaching over the edge": CirclePixelRegion(PixCoord(2, 998), 590),
    "circle outside": CirclePixelRegion(PixCoord(-100, 500), 20),
    "annulus": CircleAnnulusPixelRegion(PixCoord(500, 500), 20, 30),
    "ellipse": EllipsePixelRegion(PixCoord(480.2, 510.3), 60, 30, 77 * u.deg),
    "box": RectanglePixelRegion(PixCoord(500.5, 500.5), 40, 20, 45 * u.deg),
    "polygon": PolygonPixelRegion(PixCoord([420, 560.5, 500.1, 470], [410, 450.2, 580.9, 480])),
    "difference": CirclePixelRegion(PixCoord(500, 500), 40) & ~CirclePixelRegion(PixCoord(510, 500), 20)
    if hasattr(CirclePixelRegion, "__invert__")
    else CirclePixelRegion(PixCoord(500, 500), 40) ^ CirclePixelRegion(PixCoord(510, 500), 20),
}


@pytest.mark.parametrize("name", SKY_SHAPES)
def test_sky_regions_select_what_regions_contain(name):
    """Against the test of the package regions, event by event."""
    events, region = make(5000), SKY_SHAPES[name]
    inside = region.contains(events.position, events.wcs)
    assert 0 < inside.sum() < len(events)
    np.testing.assert_array_equal(events.select(region=region).met, events.met[inside])


@pytest.mark.parametrize("name", PIXEL_SHAPES)
def test_pixel_regions_select_what_regions_contain(name):
    events, region = make(5000), PIXEL_SHAPES[name]
    inside = region.contains(PixCoord(events.x, events.y))
    np.testing.assert_array_equal(events.select(region=region).met, events.met[inside])


def test_the_rim_does_not_belong_to_a_circle():
    events = make(4, x=[500, 520, 519, 500], y=[500, 500, 500, 480])
    assert events.select(region=CirclePixelRegion(PixCoord(500, 500), 20)).x.tolist() == [500, 519]
    # The inner rim of an annulus does.
    assert events.select(region=CircleAnnulusPixelRegion(PixCoord(500, 500), 20, 30)).y.tolist() == [500, 480]


def test_pixels_count_from_zero():
    events = make(1, x=[0], y=[999])
    assert len(events.select(region=CirclePixelRegion(PixCoord(0, 999), 0.5))) == 1
    assert len(events.select(region=CirclePixelRegion(PixCoord(1, 1000), 0.5))) == 0


def test_lists_of_regions():
    events = make(5000)
    first, second = (
        CircleSkyRegion(CENTRE, 1 * u.arcmin),
        CircleSkyRegion(events.wcs.pixel_to_world(530, 520), 40 * u.arcsec),
    )
    hole = CircleSkyRegion(CENTRE, 20 * u.arcsec, meta=RegionMeta({"include": False}))
    a, b, h = (item.contains(events.position, events.wcs) for item in (first, second, hole))
    for regions, inside in (
        ([first, second], a | b),
        ([hole, first, second], (a | b) & ~h),
        (Regions([first, hole]), a & ~h),
        ([hole], ~h),
        (hole, ~h),
    ):
        np.testing.assert_array_equal(events.select(region=regions).met, events.met[inside])


def test_events_off_the_image_are_in_no_region():
    events = make(4, x=[-2, 1000, 500, 32000], y=[-2, 500, 500, -32000])
    everywhere = CirclePixelRegion(PixCoord(500, 500), 1e5)
    nowhere = CirclePixelRegion(PixCoord(500, 500), 1e5, meta=RegionMeta({"include": False}))
    assert events.select(region=everywhere).x.tolist() == [500]
    assert len(events.select(region=nowhere)) == 0


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("circle(1,2,3)", "shapes of the package"),
        (["circle"], "shapes of the package"),
        (20, "shapes of the package"),
        ([], "empty"),
        (PointSkyRegion(CENTRE), "no area"),
        (LineSkyRegion(CENTRE, CENTRE), "no area"),
        (TextSkyRegion(CENTRE, "text"), "no area"),
    ],
)
def test_what_is_not_a_region(region, message):
    with pytest.raises(RequestError, match=message):
        make(3).select(region=region)


def test_gti_must_be_one():
    with pytest.raises(RequestError, match="GTI"):
        make(3).select(gti=[(0, 1)])


# --- Images ---------------------------------------------------------------------


def test_image_counts_events():
    events = make(5, x=[0, 0, 999, 5, -2], y=[0, 0, 999, 7, -2], pi=[20, 50, 50, 50, 50])
    image = events.to_image()
    assert image.counts.data.shape == (1000, 1000)
    assert image.counts.data.sum() == 4
    assert image.counts.data[0, 0] == 2
    assert image.counts.data[7, 5] == 1
    assert image.counts.data[999, 999] == 1
    assert image.band is None
    assert image.counts.unit == u.ct
    assert image.counts.meta["OBS_ID"] == "00012345001"
    banded = events.to_image("0.3-10 keV")
    assert banded.counts.data[0, 0] == 1
    assert banded.band == EnergyBand.parse("0.3-10 keV")


def test_image_agrees_with_numpy():
    events = make(20000)
    expected, _, _ = np.histogram2d(events.y, events.x, bins=np.arange(-0.5, 1000))
    np.testing.assert_array_equal(events.to_image().counts.data, expected)


def test_image_of_nothing():
    assert make(0).to_image().counts.data.sum() == 0


@pytest.mark.parametrize("obsid", ["00085374001", "00085374005"])
def test_official_sky_image(validation_data, obsid):
    """Every pixel of the archive's ``_sk.img``, and the place of its reference pixel."""
    found = sorted((validation_data / "deepsky_archive_obs/obs").glob(f"*/{obsid}/xrt"))
    if not found:
        pytest.skip(f"observation {obsid} is not among the validation data")
    events = EventList.read(next((found[0] / "event").glob(f"sw{obsid}xpcw?po_cl.evt*")))
    with fits.open(found[0] / f"products/sw{obsid}xpc_sk.img.gz") as hdus:
        official, header = hdus[0].data, hdus[0].header
        sources = hdus["SRCLIST"].data
        np.testing.assert_array_equal(events.to_image().counts.data, official)
        assert events.to_image().counts.data.sum() == header["TOTCTS"]
        np.testing.assert_allclose(events.wcs.wcs.crval, [header["CRVAL1"], header["CRVAL2"]], atol=1e-9)
        # SRCLIST holds 1-based pixels and the sky positions that HEASoft gives them.
        ra_deg, dec_deg = events.wcs.wcs_pix2world(sources["X"], sources["Y"], 1)
        np.testing.assert_allclose(ra_deg, sources["RA"], atol=1e-5)
        np.testing.assert_allclose(dec_deg, sources["DEC"], atol=1e-5)


# --- Comparison, pickling, display ------------------------------------------------


def test_equality():
    events = make()
    assert events == make()
    assert events != make(seed=2)
    assert events != make(mode="WT")
    assert events != make(rawx=np.zeros(2000))
    assert events != make(header={"OBJECT": "Other"})
    assert events != make(gti=GTI([T0], [T0 + 1000]))
    assert events != "events"
    bad = np.array([(1, 2, 1, 1)], dtype=[("rawx", "i4"), ("rawy", "i4"), ("type", "i4"), ("yextent", "i4")])
    assert events != make(bad_pixels=bad)
    assert make(bad_pixels=bad) == make(bad_pixels=bad)
    assert make(bad_pixels=bad) != make(bad_pixels=bad[:0])
    with pytest.raises(TypeError):
        hash(events)


def test_pickle_keeps_everything_and_stays_read_only():
    events = make(status=np.zeros(2000), bad_pixels=[(1, 2, 1, 1)], path="a.evt")
    _ = events.wcs
    again = pickle.loads(pickle.dumps(events))
    assert again == events
    assert again.path == events.path
    assert not again.x.flags.writeable
    assert not again.bad_pixels.flags.writeable


def test_repr():
    events = make(2, pi=[30, 1000])
    assert repr(events) == "<EventList 00012345001 PC: 2 events, 0.30-10.00 keV, 896.4 s live, 2 GTI>"
    assert "1 event," in repr(make(1))


def test_wcs_is_not_shared_with_the_image():
    events = make(3)
    image = events.to_image()
    image.wcs.wcs.crval = [0, 0]
    assert events.wcs.wcs.crval.tolist() == [150, 20]
    assert isinstance(events.wcs, WCS)


def test_obsid_is_checked():
    assert make(3, header={"OBS_ID": "00012345002"}).obsid == "00012345002"
    assert issubclass(IdentifierError, ValueError)
