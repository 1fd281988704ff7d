"""Observations in the layout of the archive."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import FormatError, IdentifierError, MetadataWarning, NoDataError, RequestError
from swiftxrt.io.attitude import write_attitude
from swiftxrt.mission import Mode
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI
from swiftxrt.products.observation import Observation, event_files, merged

T0 = 437040976.0


def make(mode="PC", *, obsid="00012345001", start=T0, size=50, seed=1, **cards):
    rng = np.random.default_rng(seed)
    header = {"OBS_ID": obsid, "OBJECT": "Test", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 30.0, **cards}
    return EventList(
        met=start + np.sort(rng.uniform(0, 100, size)),
        x=rng.integers(0, 1000, size),
        y=rng.integers(0, 1000, size),
        pi=rng.integers(30, 1000, size),
        grade=rng.integers(0, 3, size),
        gti=GTI([start], [start + 100]),
        mode=mode,
        header=header,
        bad_pixels=[(1, 2, 1, 1)],
    )


@pytest.fixture
def archive(tmp_path):
    """PC and WT data of one observation, with files beside them that do not count."""
    folder = tmp_path / "00012345001" / "xrt" / "event"
    folder.mkdir(parents=True)
    make().write(folder / "sw00012345001xpcw3po_cl.evt.gz")
    make("WT", start=T0 - 200).write(folder / "sw00012345001xwtw2po_cl.evt.gz")
    for name in ("xpcw3po_uf.evt.gz", "xwtw2sl_cl.evt.gz", "xwtw2st_cl.evt.gz", "xpcw3po_cl.evt.gz.part"):
        (folder / f"sw00012345001{name}").touch()
    return tmp_path


@pytest.mark.parametrize("place", ["00012345001", "00012345001/xrt", "00012345001/xrt/event", "."])
def test_open_at_any_depth(archive, place):
    observation = Observation.open(archive / place)
    assert observation.obsid == "00012345001"
    assert observation.target_id == "00012345"
    assert observation.modes == (Mode.PC, Mode.WT)
    assert [path.name for paths in observation.files.values() for path in paths] == [
        "sw00012345001xpcw3po_cl.evt.gz",
        "sw00012345001xwtw2po_cl.evt.gz",
    ]


def test_events_are_read_when_needed_and_kept(archive):
    observation = Observation.open(archive)
    assert observation.events("PC") == make()
    assert observation.events("pc") is observation.events(Mode.PC)
    assert observation.events("WT").mode is Mode.WT


def test_properties(archive):
    observation = Observation.open(archive)
    assert observation.name == "Test"
    assert observation.header["OBS_ID"] == "00012345001"
    assert observation.pointing.ra.deg == 150
    assert (observation.stop - observation.start).to_value(u.s) == pytest.approx(300, abs=1e-3)


def test_one_mode_only(tmp_path):
    path = make("WT").write(tmp_path / "sw00012345001xwtw2po_cl.evt")
    observation = Observation("00012345001", {"WT": path})
    assert observation.modes == (Mode.WT,)
    assert observation.name == "Test"
    with pytest.raises(NoDataError, match="no PC data; it has WT"):
        observation.events("PC")
    with pytest.raises(RequestError, match="'PC' or 'WT'"):
        observation.events("IM")


def test_pickles_as_paths(archive):
    observation = Observation.open(archive)
    before = pickle.dumps(observation)
    observation.events("PC")
    assert len(pickle.dumps(observation)) == len(before)
    again = pickle.loads(before)
    assert again == observation
    assert hash(again) == hash(observation)
    assert again.events("PC") == observation.events("PC")
    assert again != Observation("00012345002", observation.files)
    assert again != "observation"


def test_repr(archive):
    assert repr(Observation.open(archive)) == "<Observation 00012345001: PC, WT>"
    two = Observation("00012345001", {"PC": ["a.evt", "b.evt"]})
    assert repr(two) == "<Observation 00012345001: PC (2 files)>"


def test_arguments():
    with pytest.raises(IdentifierError):
        Observation("12", {"PC": "a.evt"})
    with pytest.raises(NoDataError, match="no event file"):
        Observation("00012345001", {})
    with pytest.raises(RequestError, match="'PC' or 'WT'"):
        Observation("00012345001", {"IM": "a.evt"})


# --- Folders without pointing data -----------------------------------------------


def test_no_folder(tmp_path):
    with pytest.raises(RequestError, match="no folder"):
        Observation.open(tmp_path / "none")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "the folder is empty"),
        (["readme.txt"], "found 1 files, none with events"),
        (["sw00012345001xwtw2sl_cl.evt.gz", "sw00012345001xpcw3sl_uf.evt"], "2 slew event files"),
        (["sw00012345001xwtw2st_cl.evt.gz"], "1 settling event file"),
        (["sw00012345001xpcw3po_uf.evt.gz"], "1 unfiltered event file"),
        (["sw00012345001xpuw2po_cl.evt.gz"], "1 event file of another mode"),
        (["mine.evt"], "1 event file without an archive name"),
    ],
)
def test_what_is_found_instead(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(NoDataError, match=message):
        Observation.open(tmp_path)


def test_two_observations_in_one_folder(archive):
    make(obsid="00012345002").write(archive / "sw00012345002xpcw3po_cl.evt.gz")
    with pytest.raises(RequestError, match="2 observations"):
        Observation.open(archive)


def test_damaged_files_are_told_when_they_are_read(archive):
    path = archive / "00012345001/xrt/event/sw00012345001xpcw3po_cl.evt.gz"
    path.write_bytes(path.read_bytes()[:1000])
    observation = Observation.open(archive)
    assert observation.events("WT")
    with pytest.raises(FormatError):
        observation.events("PC")


# --- Several files of one mode ------------------------------------------------------


def test_windows_of_one_mode_are_merged(tmp_path):
    first, second = make(start=T0 + 500, seed=1), make(start=T0, seed=2)
    first.write(tmp_path / "sw00012345001xpcw2po_cl.evt.gz")
    second.write(tmp_path / "sw00012345001xpcw3po_cl.evt.gz")
    events = Observation.open(tmp_path).events("PC")
    assert len(events) == 100
    np.testing.assert_array_equal(events.met, np.sort(np.concatenate([first.met, second.met])))
    assert events.gti == GTI([T0, T0 + 500], [T0 + 100, T0 + 600])
    assert events.exposure.value == pytest.approx(first.exposure.value + second.exposure.value)
    assert events.header["TSTART"] == T0
    assert len(events.bad_pixels) == 1


def test_merging_moves_events_to_one_grid():
    first, second = make(seed=1), make(seed=2, RA_NOM=150.01, DEC_NOM=20.005, start=T0 + 500)
    events = merged([first, second])
    moved = events.select(gti=second.gti)
    assert events.wcs.wcs.crval.tolist() == first.wcs.wcs.crval.tolist()
    # Half a pixel in each coordinate, 1.7 arcsec.
    assert moved.position.separation(second.position).arcsec.max() < 1.7
    assert abs(np.median(moved.x - second.x)) > 10


def test_merging_leaves_grids_alone_that_nearly_agree():
    first, second = make(seed=1), make(seed=2, RA_NOM=150.000001, DEC_NOM=20.0, start=T0 + 500)
    np.testing.assert_array_equal(merged([first, second]).select(gti=second.gti).x, second.x)


def test_merging_needs_one_obsid_and_mode():
    with pytest.raises(RequestError, match="one ObsID and mode"):
        merged([make(), make("WT")])
    with pytest.raises(RequestError, match="one ObsID and mode"):
        merged([make(), make(obsid="00012345002")])


def test_the_same_file_twice_counts_once(tmp_path):
    name = "sw00012345001xpcw3po_cl.evt"
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        make().write(tmp_path / place / f"{name}.gz")
    make().write(tmp_path / "a" / name)
    found = event_files(tmp_path)
    assert found == {"00012345001": {Mode.PC: (tmp_path / "a" / name,)}}


# --- Attitude, housekeeping, exposure -----------------------------------------------


def _record(kind="attitude", dec_deg=20.0, span_s=100.0):
    met = np.arange(T0 - 5, T0 + span_s + 5, 2.5)
    return Attitude(met, np.full(met.size, 150.0), np.full(met.size, dec_deg), np.full(met.size, 30.0), kind=kind)


def _placed(archive, kind, name, **keywords):
    folder = archive / "00012345001" / {"attitude": "auxil", "housekeeping": "xrt/hk"}[kind]
    folder.mkdir(parents=True, exist_ok=True)
    return write_attitude(_record(kind, **keywords), folder / name)


def test_without_a_record(archive):
    observation = Observation.open(archive)
    assert observation.attitude is None
    assert observation.events("PC").attitude is None
    with pytest.raises(NoDataError, match=r"sw00012345001xhd\.hk"):
        _ = observation.housekeeping


def test_the_corrected_attitude_comes_first(archive):
    for name in ("sw00012345001sat.fits", "sw00012345001pat.fits.gz"):
        _placed(archive, "attitude", name)
    _placed(archive, "housekeeping", "sw00012345001xhd.hk")
    _placed(archive, "attitude", "sw00012345002pat.fits")
    observation = Observation.open(archive)
    assert observation.attitude.path.name == "sw00012345001pat.fits.gz"
    assert len(observation.housekeeping) == 44
    events = observation.events("PC")
    assert events.attitude.kind == "attitude"
    assert observation.events("WT").attitude is None  # 200 s earlier.
    again = pickle.loads(pickle.dumps(observation))
    assert again == observation
    assert again.attitude.kind == "attitude"


def test_frame_headers_stand_in_for_an_attitude_that_ends_early(archive):
    _placed(archive, "attitude", "sw00012345001pat.fits", span_s=40.0)
    _placed(archive, "housekeeping", "sw00012345001xhd.hk.gz")
    observation = Observation.open(archive)
    assert observation.attitude.kind == "attitude"
    assert observation.events("PC").attitude.kind == "housekeeping"


def test_a_damaged_attitude_is_told_of(archive):
    path = _placed(archive, "attitude", "sw00012345001pat.fits")
    path.write_bytes(b"SIMPLE  = nothing")
    observation = Observation.open(archive)
    with pytest.warns(MetadataWarning, match="pat.fits"):
        assert observation.events("PC").attitude is None
    with pytest.raises(FormatError):
        _ = observation.attitude


def test_exposure_map(archive):
    _placed(archive, "attitude", "sw00012345001pat.fits")
    observation = Observation.open(archive)
    plain, vignetted = observation.exposure_map(), observation.exposure_map(energy=1.5 * u.keV)
    assert plain.unit == u.s
    assert plain.data.shape == (1000, 1000)
    assert plain.data.max() == pytest.approx(100.0)
    assert plain.wcs.wcs.compare(observation.events("PC").wcs.wcs)
    assert (plain.meta["VIGNAPP"], vignetted.meta["VIGNAPP"]) == (False, True)
    assert plain.meta["NOTES"] == ("pointing from the attitude file in 1 of 1 snapshots",)
    assert 0.8 < vignetted.data.sum() / plain.data.sum() < 0.95
    for wrong in (1.5, 2 * u.s, -1 * u.keV):
        with pytest.raises(RequestError, match="energy"):
            observation.exposure_map(energy=wrong)


def test_windowed_timing_has_no_map(tmp_path):
    make("WT").write(tmp_path / "sw00012345001xwtw2po_cl.evt")
    with pytest.raises(NoDataError, match="no PC data"):
        Observation.open(tmp_path).exposure_map()


def test_bad_columns(tmp_path):
    rows = [(290, 0, 2, 250), (290, 250, 2, 350), (318, 0, 2, 299), (10, 5, 1, 1), (900, 0, 2, 600)]
    replace(make(), bad_pixels=rows).write(tmp_path / "sw00012345001xpcw3po_cl.evt")
    assert Observation.open(tmp_path).bad_columns("PC") == (291,)


# --- Real data ---------------------------------------------------------------------


def test_real_observation(validation_data):
    observation = Observation.open(validation_data / "deepsky_archive_obs/obs/2014_11/00085374001")
    assert repr(observation) == "<Observation 00085374001: PC>"
    assert len(observation.events("PC")) == 553
    assert observation.target_id == "00085374"
    # DATE-OBS 08:16:13 less the clock correction of ten seconds.
    assert observation.start.isot.startswith("2014-11-07T08:16:03")


def test_real_folder_without_pointing_data(validation_data):
    with pytest.raises(NoDataError, match="without an archive name"):
        Observation.open(validation_data / "event_lists_grb221009A")
    assert isinstance(validation_data, Path)
