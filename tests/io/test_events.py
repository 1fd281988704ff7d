"""Event files: real ones, our own, and damaged ones."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import FormatError, NoDataError, OutputExistsError, RequestError
from swiftxrt.io.events import read_events, read_gti, write_events
from swiftxrt.mission import Mode
from swiftxrt.products.events import FLAGGED_BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI

T0 = 437040976.1683233
HEADER = {
    "OBS_ID": "00012345001",
    "OBJECT": "T Pyx",
    "RA_PNT": 150.123456789,
    "DEC_PNT": -20.5,
    "PA_PNT": 326.963678249511,
    "RA_NOM": 150.12346,
    "DEC_NOM": -20.50001,
    "UTCFINIT": -12.75564,
    "XRTVSUB": 6,
    "XRTFLAG": True,
}
BAD_PIXELS = [(3, 489, 1, 1), (290, 0, 2, 600)]
ARCHIVE_COLUMNS = ("TIME", "X", "Y", "RAWX", "RAWY", "DETX", "DETY", "PHA", "PI", "GRADE", "STATUS")
DETECTOR = ("rawx", "rawy", "detx", "dety", "pha")


def make(size=200, *, mode="PC", full=True, header=None, seed=1, **changes):
    rng = np.random.default_rng(seed)
    values = {
        "met": T0 + np.sort(rng.uniform(0, 1000, size)),
        "x": rng.integers(0, 1000, size),
        "y": rng.integers(0, 1000, size),
        "pi": rng.integers(10, 1024, size),
        "grade": rng.integers(0, 13, size),
        "gti": GTI([T0, T0 + 600], [T0 + 500, T0 + 1000]),
        "mode": mode,
        "header": {**HEADER, **(header or {})},
    }
    if full:
        values |= {name: rng.integers(1, 600, size) for name in DETECTOR}
        values |= {"status": rng.integers(0, 65536, size), "bad_pixels": BAD_PIXELS}
    return EventList(**{**values, **changes})


@pytest.fixture
def path(tmp_path):
    """A sound event file."""
    return make().write(tmp_path / "sound.evt")


def altered(path, change, name="altered.evt"):
    """A copy of an event file after `change(hdus)`."""
    with fits.open(path, memmap=False) as hdus:
        change(hdus)
        hdus.writeto(path.with_name(name), checksum=True)
    return path.with_name(name)


# --- Round trips ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.evt", "a.evt.gz"])
@pytest.mark.parametrize("mode", ["PC", "WT"])
@pytest.mark.parametrize("full", [True, False])
def test_round_trip(tmp_path, name, mode, full):
    events = make(mode=mode, full=full)
    again = EventList.read(events.write(tmp_path / name))
    assert again == events
    assert again.path == tmp_path / name
    assert again.mode is Mode(mode)
    for column in (again.met, again.x, again.pi):
        assert column.dtype.isnative
        assert not column.flags.writeable


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(1, 30), st.dictionaries(st.from_regex("[A-Z]{3}_K[0-9]{2}", fullmatch=True), numbers | texts | st.booleans() | st.integers(-(2**31), 2**31), max_size=5), st.integers(0, 99))  # fmt: skip
def test_any_round_trip(tmp_path, size, cards, seed):
    events = make(size, header=cards, seed=seed)
    assert read_events(write_events(events, tmp_path / "a.evt", overwrite=True)) == events


def test_events_without_sky_pixel_survive(tmp_path):
    events = make(3, x=[-2, 500, 999], y=[-2, 500, 0], full=False)
    path = events.write(tmp_path / "a.evt")
    assert fits.getdata(path, "EVENTS")["X"].tolist() == [-1, 501, 1000]
    assert EventList.read(path) == events


def test_the_same_events_give_the_same_bytes(tmp_path):
    first, second = (make().write(tmp_path / name).read_bytes() for name in ("a.evt.gz", "b.evt.gz"))
    assert first == second
    assert first[4:8] == bytes(4)  # The time stamp of gzip, to the second.


def test_existing_files_are_kept(path):
    before = path.read_bytes()
    with pytest.raises(OutputExistsError):
        make(seed=2).write(path)
    assert path.read_bytes() == before
    make(seed=2).write(path, overwrite=True)
    assert EventList.read(path) == make(seed=2)


def test_what_does_not_fit_into_the_file(tmp_path):
    with pytest.raises(RequestError, match="16 bits"):
        make(1, x=[40000]).write(tmp_path / "a.evt")
    assert not list(tmp_path.iterdir())


# --- The layout of what we write --------------------------------------------------


def test_checksums_and_standard(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True, memmap=False) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "EVENTS", "GTI", "BADPIX"]
            assert all(hdu.data is not None for hdu in hdus[1:])
            assert all("CHECKSUM" in hdu.header for hdu in hdus)


def test_columns_are_those_of_the_archive(path):
    with fits.open(path, memmap=False) as hdus:
        columns = hdus["EVENTS"].columns
        assert columns.names == list(ARCHIVE_COLUMNS)
        assert columns.formats == ["D", "I", "I", "I", "I", "I", "I", "J", "J", "I", "16X"]
        header = hdus["EVENTS"].header
        for key, value in {
            "TNULL2": -1, "TLMIN2": 1, "TLMAX3": 1000, "TLMAX9": 1023, "MJDREFI": 51910, "TIMESYS": "TT",
            "TIMEDEL": 2.5073, "TIMEPIXR": 0.0, "RADECSYS": "FK5", "DATAMODE": "PHOTON", "UTCFINIT": -12.75564,
        }.items():  # fmt: skip
            assert header[key] == value
        assert header["MJDREFF"] == pytest.approx(7.428703703703703e-4, abs=1e-15)
        assert hdus["GTI"].columns.names == ["START", "STOP"]
        assert hdus["BADPIX"].columns.names == ["RAWX", "RAWY", "Amp", "TYPE", "YEXTENT", "BADFLAG"]


def test_wcs_of_the_columns(path):
    """Astropy reads the pixel-list keywords, and they agree with those of the image."""
    events = EventList.read(path)
    with pytest.warns(FITSFixedWarning):  # As for every file of the archive: DATE-OBS in a table.
        wcs = WCS(fits.getheader(path, "EVENTS"), keysel=["pixel"], colsel=[2, 3])
    assert wcs.wcs.radesys == "FK5"
    sky = wcs.pixel_to_world(events.x, events.y)
    assert events.position.separation(sky).arcsec.max() < 1e-6


@pytest.mark.filterwarnings("ignore")  # of stingray and what it brings along
def test_stingray_reads_it(path):
    pytest.importorskip("stingray", exc_type=ImportError)
    from stingray import EventList as StingrayEventList

    events = EventList.read(path)
    theirs = StingrayEventList.read(str(path), fmt="hea")
    # It takes TIMEPIXR into account, too.
    np.testing.assert_allclose(np.asarray(theirs.time, dtype=float), events.met_mid_s, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(theirs.pi, events.pi)
    np.testing.assert_allclose(
        np.asarray(theirs.gti, dtype=float), np.column_stack([events.gti.start, events.gti.stop])
    )
    assert theirs.instr.lower() == "xrt"


# --- What files may look like -----------------------------------------------------


def test_columns_may_be_in_any_order_and_case(path):
    def change(hdus):
        data = hdus["EVENTS"].data
        names = list(reversed(data.names))
        header = hdus["EVENTS"].header.copy()
        for key in list(header):
            if key[:2] == "TC" or key[:4] in ("TLMI", "TLMA", "TNUL", "RADE", "EQUI"):
                del header[key]
        columns = [fits.Column(name.lower(), data.columns[name].format, array=data[name]) for name in names]
        table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
        table.header.extend(header, update=False)
        for name, value in (("x", 150.12346), ("y", -20.50001)):
            table.header[f"TCRVL{table.columns.names.index(name) + 1}"] = value
        hdus[1] = table

    assert EventList.read(altered(path, change)) == make()


def test_detector_columns_may_be_missing(tmp_path):
    events = EventList.read(make(full=False).write(tmp_path / "a.evt"))
    assert all(getattr(events, name) is None for name in (*DETECTOR, "status", "bad_pixels"))


def test_good_times_come_from_the_right_table(path):
    def table(name, start):
        columns = [fits.Column("Start", "D", array=[start]), fits.Column("Stop", "D", array=[start + 1])]
        return fits.BinTableHDU.from_columns(columns, name=name)

    def rename(name):
        def change(hdus):
            hdus["GTI"].name = name
            hdus.append(table("OTHER", 5.0))

        return change

    def add(hdus):
        hdus.insert(1, table("STDGTI", 5.0))

    assert EventList.read(altered(path, add, "a.evt")).gti == make().gti
    assert EventList.read(altered(path, rename("STDGTI"), "b.evt")).gti == make().gti
    assert list(EventList.read(altered(path, rename("MYGTI"), "c.evt")).gti) == [(5.0, 6.0)]
    assert read_gti(path) == make().gti


def test_time_zero_is_added(path):
    def change(hdus):
        for name in ("EVENTS", "GTI"):
            hdus[name].header["TIMEZERO"] = 100.0

    events = EventList.read(altered(path, change))
    np.testing.assert_allclose(events.met, make().met + 100)
    np.testing.assert_allclose(events.gti.start, make().gti.start + 100)
    assert "TIMEZERO" not in events.header


def test_header_is_completed_from_the_primary(path):
    def change(hdus):
        del hdus["EVENTS"].header["OBS_ID"]
        del hdus["EVENTS"].header["TELESCOP"]

    assert EventList.read(altered(path, change)).obsid == "00012345001"


def test_what_describes_the_file_does_not_travel(path):
    header = EventList.read(path).header
    assert not {"NAXIS2", "TTYPE1", "TCRVL2", "CHECKSUM", "EXTNAME", "CREATOR", "TNULL2", "HDUCLAS1"} & header.keys()
    assert header["XRTFLAG"] is True
    assert header["XRTVSUB"] == 6


def test_unsorted_events_are_sorted(path):
    def change(hdus):
        hdus["EVENTS"].data[:] = hdus["EVENTS"].data[::-1].copy()

    assert EventList.read(altered(path, change)) == make()


# --- What is refused ---------------------------------------------------------------


def test_no_such_file(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        EventList.read(tmp_path / "none.evt")


def test_a_folder(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        EventList.read(tmp_path)


@pytest.mark.fault_case(81)
@pytest.mark.parametrize("content", [b"", b"hello", b"<html>not found</html>" * 500, b"SIMPLE", b"\x00" * 6000])
@pytest.mark.parametrize("packed", [False, True])
def test_not_fits(tmp_path, content, packed):
    path = tmp_path / "a.evt"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(FormatError) as caught:
        EventList.read(path)
    assert caught.value.path == str(path)


@pytest.mark.fault_case(81)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 0.97])
def test_truncated(tmp_path, packed, share):
    whole = make(2000).write(tmp_path / ("a.evt.gz" if packed else "a.evt")).read_bytes()
    path = tmp_path / ("b.evt.gz" if packed else "b.evt")
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FormatError):
        EventList.read(path)


def test_truncated_inside_the_events(tmp_path):
    """Cut at a block, the rest is a sound beginning of a file; still it is noticed."""
    whole = make(2000).write(tmp_path / "a.evt").read_bytes()
    path = tmp_path / "b.evt"
    path.write_bytes(whole[: 2880 * 12])
    with pytest.raises(FormatError, match="truncated or damaged"):
        EventList.read(path)


@pytest.mark.fault_case(81)
def test_damaged_gzip(tmp_path):
    content = bytearray(make(2000).write(tmp_path / "a.evt.gz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "b.evt.gz"
    path.write_bytes(bytes(content))
    with pytest.raises(FormatError, match="damaged"):
        EventList.read(path)


@pytest.mark.filterwarnings("ignore:.*(does not keep to its format|DATASUM):swiftxrt.exceptions.MetadataWarning")
def test_lines_of_the_header_are_damaged(path):
    """Cut out, blank or garbled: either the file is refused, or what was lost does not matter."""
    whole = path.read_bytes()
    outcomes = set()
    for first in range(0, 2880 * 3, 80 * 5):
        for line in (b" " * 80, b"\x7f~=@'/" * 13 + b"&&", b""):
            path.write_bytes(whole[:first] + line + whole[first + 80 :])
            try:
                outcomes.add(EventList.read(path).obsid)
            except FormatError:
                outcomes.add("refused")
    assert outcomes == {"00012345001", "refused"}


def set_cards(**cards):
    def change(hdus):
        for hdu in hdus:
            hdu.header.update(cards)

    return change


def drop(name):
    def change(hdus):
        del hdus[name]

    return change


def drop_column(name):
    def change(hdus):
        hdus["EVENTS"].columns.del_col(name)

    return change


def no_cards(*names):
    def change(hdus):
        for hdu in hdus:
            for name in names:
                hdu.header.remove(name, ignore_missing=True)

    return change


def empty(name):
    def change(hdus):
        hdus[name].data = hdus[name].data[:0]

    return change


def reversed_times(hdus):
    hdus["GTI"].data["STOP"] = hdus["GTI"].data["START"] - 1


def not_finite(hdus):
    hdus["EVENTS"].data["TIME"][3] = np.nan


def vector_column(hdus):
    data = hdus["EVENTS"].data
    columns = [column for column in data.columns if column.name != "PI"]
    columns.append(fits.Column("PI", "2J", array=np.zeros((len(data), 2))))
    hdus[1] = fits.BinTableHDU.from_columns(columns, header=hdus[1].header, name="EVENTS")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_cards(TELESCOP="CHANDRA"), "CHANDRA"),
        (set_cards(INSTRUME="UVOTA"), "UVOTA"),
        (no_cards("TELESCOP"), "Swift XRT"),
        (set_cards(DATAMODE="LOWRATE"), "PHOTON and WINDOWED"),
        (no_cards("DATAMODE"), "DATAMODE"),
        (set_cards(OBS_MODE="SLEW"), "slew"),
        (set_cards(MJDREFI=50814), "50814"),
        (set_cards(TCRPX2=250.5), "sky grid"),
        (set_cards(TCDLT3=0.001), "sky grid"),
        (set_cards(TCDLT2=None), "must be numbers"),
        (set_cards(TCRVL3=None), "must be numbers"),
        (drop("EVENTS"), "no table EVENTS"),
        (drop("GTI"), "no good time intervals"),
        (drop_column("PI"), "lack PI"),
        (drop_column("TIME"), "lack TIME"),
        (no_cards("OBS_ID"), "OBS_ID"),
        (no_cards("RA_PNT"), "RA_PNT"),
        (empty("GTI"), "no good time"),
        (reversed_times, "before its start"),
        (not_finite, "finite"),
        (vector_column, "several values"),
    ],
)
def test_what_is_not_an_event_file(path, change, message):
    broken = altered(path, change)
    with pytest.raises(FormatError, match=message) as caught:
        EventList.read(broken)
    assert caught.value.path == str(broken)


def test_no_event(path):
    with pytest.raises(NoDataError, match="no event"):
        EventList.read(altered(path, empty("EVENTS")))


def test_other_fits_files(tmp_path):
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((10, 10))).writeto(path)
    with pytest.raises(FormatError, match="not an event file"):
        EventList.read(path)


def test_bad_pixel_flags_and_events_that_are_not_numbers(tmp_path):
    rows = np.array([(3, 489, 1, 1, 67), (290, 0, 2, 600, 32)], dtype=FLAGGED_BAD_PIXEL_DTYPE)
    path = make(bad_pixels=rows).write(tmp_path / "a.evt")
    assert EventList.read(path).bad_pixels.tolist() == rows.tolist()
    with fits.open(path) as hdus:
        values = np.where(np.arange(200) == 7, np.nan, hdus["EVENTS"].data["PI"].astype(float))
        columns = [column for column in hdus["EVENTS"].columns if column.name != "PI"]
        table = fits.BinTableHDU.from_columns([*columns, fits.Column("PI", "E", array=values)], name="EVENTS")
        table.header.extend(hdus["EVENTS"].header, unique=True)
        for card in ("DATASUM", "CHECKSUM"):
            del table.header[card]
        fits.HDUList([hdus[0], table, hdus["GTI"]]).writeto(tmp_path / "b.evt")
    with pytest.raises(FormatError, match="1 of 200 events have no finite PI"):
        EventList.read(tmp_path / "b.evt")


# --- Real files --------------------------------------------------------------------


def test_archived_file(validation_data, tmp_path):
    """Values are those of the header of the file; DATASUM is that of its table, which we write byte for byte."""
    path = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/event/sw00085374001xpcw3po_cl.evt.gz"
    events = EventList.read(path)
    assert len(events) == 553
    assert events.obsid == "00085374001"
    assert events.object_name == "1WHSPJ012657.2+330730"
    assert events.mode is Mode.PC
    assert events.exposure.value == pytest.approx(1565.80442731197)
    assert events.live_fraction == pytest.approx(0.996009946)
    assert events.utcf == -12.75564
    assert events.roll.value == pytest.approx(326.963678249511)
    assert events.wcs.wcs.crval.tolist() == [21.73395, 33.06915]
    assert len(events.bad_pixels) == 393
    assert events.bad_pixels[0].tolist() == (3, 489, 1, 1, 8)
    assert sorted({int(flag) for flag in events.bad_pixels["badflag"]}) == [1, 3, 8, 11, 32, 35, 64, 67]
    assert events.gti.contains(events.met).all()
    np.testing.assert_array_equal(events.detx, events.rawx + 1)
    copy = events.write(tmp_path / "copy.evt")
    assert EventList.read(copy) == events
    official, ours = (fits.getheader(item, "EVENTS") for item in (path, copy))
    assert ours["DATASUM"] == official["DATASUM"] == "3249841642"


def test_header_follows_the_good_time_as_in_the_archive(validation_data):
    """Times that we work out agree with those that the archive wrote."""
    path = validation_data / "event_lists_grb221009A/sw004_1.evt.gz"
    events = EventList.read(path)
    again = events.select(gti=events.gti).header
    for key in ("ONTIME", "EXPOSURE", "LIVETIME", "TSTART", "TSTOP", "TELAPSE"):
        assert again[key] == pytest.approx(events.header[key], abs=1e-6)
    assert again["MJD-OBS"] == pytest.approx(events.header["MJD-OBS"], abs=1e-8)
    assert again["DATE-OBS"] == events.header["DATE-OBS"]
    assert again["DATE-END"] == events.header["DATE-END"]


def test_all_event_lists_of_a_burst(validation_data, tmp_path):
    """OBSIDs, numbers of events and exposures of PROVENANCE.md."""
    expected = {
        "sw004_1": ("01126853004", 21262, 3096.7), "sw005_1": ("01126853005", 8938, 1488.4),
        "sw006_1": ("01126853006", 16568, 2841.9), "sw006_2": ("01126853006", 8455, 2007.8),
        "sw006_3": ("01126853006", 11553, 3316.4), "sw006_4": ("01126853006", 13839, 4447.7),
        "sw008_1": ("01126853008", 5264, 2217.6), "sw008_2": ("01126853008", 2746, 1283.6),
        "sw008_3": ("01126853008", 2856, 1253.6), "sw009_1": ("01126853009", 7358, 4425.2),
        "sw010_1": ("01126853010", 6399, 2724.6), "sw010_2": ("01126853010", 697, 779.2),
    }  # fmt: skip
    paths = sorted((validation_data / "event_lists_grb221009A").glob("*.evt.gz"))
    assert paths
    for path in paths:
        obsid, number, exposure_s = expected[path.name.removesuffix(".evt.gz")]
        events = EventList.read(path)
        assert (events.obsid, len(events), round(events.exposure.value, 1)) == (obsid, number, exposure_s)
        assert events.gti.contains(events.met).all()


def test_settling_and_slew_files(validation_data):
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/event"
    settling = EventList.read(folder / "sw00085374001xwtw2st_cl.evt.gz")
    assert settling.mode is Mode.WT
    assert settling.frame_s == pytest.approx(0.00177913, abs=1e-8)
    np.testing.assert_array_equal(settling.met_mid_s, settling.met)
    with pytest.raises(FormatError, match="slew"):
        EventList.read(folder / "sw00085374001xwtw2sl_cl.evt.gz")


def test_product_events_of_the_service(validation_data):
    """4810 source events, 24386.3 s (PROVENANCE.md); extra columns are no obstacle."""
    events = EventList.read(validation_data / "uklc_AT2018cow/pcsourcetotal.evt.gz")
    assert len(events) == 4810
    assert len(events.gti) == 50
    assert events.exposure.value == pytest.approx(24386.3, abs=0.05)


def test_other_real_files_are_refused(validation_data):
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt"
    for path in [*folder.glob("products/*.img.gz"), *folder.glob("hk/*")]:
        with pytest.raises(FormatError):
            EventList.read(path)
    with pytest.raises(FormatError):
        EventList.read(validation_data / "uklc_AT2018cow/allpcback.area.gz")


@pytest.mark.parametrize("name", ["e.ecsv", "e.hdf5", "e.ecsv.gz", "e.img"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(RequestError, match=r"\.evt, \.fits, or these with \.gz"):
        make().write(tmp_path / name)
    assert not list(tmp_path.iterdir())
