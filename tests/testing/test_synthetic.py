"""Simulated observations on disk."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from swiftxrt.engine.demonstration import default_scene
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.exceptions import OutputExistsError, RequestError
from swiftxrt.mission import BAD_COLUMNS_DETX, Mode
from swiftxrt.products.events import EventList
from swiftxrt.products.observation import Observation
from swiftxrt.testing.synthetic import simulate, small_observation, small_scene


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    return folder, simulate(folder, seed=1)


def test_files_in_archive_layout(archive):
    folder, made = archive
    assert [path.relative_to(folder).as_posix() for path in made] == ["09999001000", "09999001001", "09999001002"]
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.evt.gz"))
    assert names[0] == "09999001000/xrt/event/sw09999001000xpcw3po_cl.evt.gz"
    assert names[1] == "09999001000/xrt/event/sw09999001000xwtw2po_cl.evt.gz"
    assert len(names) == 4


def test_read_back_is_equal(archive):
    _, made = archive
    expected = simulate_observations(default_scene(), seed=1)
    read = [
        Observation.open(path).events(mode)
        for path in made
        for mode in (Mode.WT, Mode.PC)
        if mode in Observation.open(path).modes
    ]
    assert read == expected


def test_headers_say_that_it_is_simulated(archive):
    folder, _ = archive
    for path in folder.rglob("*.evt.gz"):
        with fits.open(path) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "EVENTS", "GTI", "BADPIX"]
            for hdu in hdus[:2]:
                assert hdu.header["SIMULATE"] is True
                assert hdu.header["OBJECT"].startswith("SIM_")
                assert hdu.header["OBS_ID"].startswith("09999")


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")  # DATE-OBS in a table, as in real files.
def test_other_software_reads_the_files(archive):
    folder, _ = archive
    path = folder / "09999001000" / "xrt" / "event" / "sw09999001000xpcw3po_cl.evt.gz"
    with fits.open(path) as hdus:
        head = hdus["EVENTS"].header
        wcs = WCS(head, keysel=["pixel"], colsel=[2, 3])
        place = wcs.pixel_to_world(hdus["EVENTS"].data["X"] - 1.0, hdus["EVENTS"].data["Y"] - 1.0)
    near = place.separation(SkyCoord(335.6985, -7.5179, unit="deg")) < 1 * u.arcmin
    assert near.sum() > 700
    assert len(Table.read(path, hdu="GTI")) == 4


def test_stingray_reads_the_files(archive):
    stingray = pytest.importorskip("stingray")
    folder, _ = archive
    path = folder / "09999001000" / "xrt" / "event" / "sw09999001000xwtw2po_cl.evt.gz"
    ours = EventList.read(path)
    theirs = stingray.EventList.read(str(path), fmt="hea")
    assert np.allclose(np.asarray(theirs.time, dtype=float), ours.met)
    assert np.array_equal(theirs.pi, ours.pi)
    assert np.allclose(theirs.gti, np.array(list(ours.gti)))


def test_nothing_is_overwritten(archive):
    folder, _ = archive
    with pytest.raises(OutputExistsError):
        simulate(folder, seed=1)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_seed_must_be_a_whole_number(seed, tmp_path):
    with pytest.raises(RequestError, match="whole number"):
        simulate(tmp_path, seed=seed)


def test_small_observation_has_the_answers_it_was_asked_for(tmp_path):
    position = SkyCoord(210.0, -35.0, unit="deg")
    observation = small_observation(
        tmp_path, seed=3, rate=2 * u.ct / u.s, duration=600 * u.s, snapshots=2, position=position
    )
    events = observation.events(Mode.PC)
    assert observation.obsid == "09999002000"
    assert len(events.gti.snapshots()) == 2
    assert events.gti.exposure_s == pytest.approx(1200, abs=6)
    near = events.position.separation(position) < 118 * u.arcsec
    band = (events.pi >= 30) & (events.pi <= 1000)
    expected = 2 * events.exposure.value * 0.965  # Share of the PSF in 50 pixels, of 1.5 keV 1.5 arcmin off axis.
    assert (near & band).sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_small_observation_in_windowed_timing(tmp_path):
    observation = small_observation(tmp_path, rate=20 * u.ct / u.s, duration=50 * u.s)
    assert list(observation.modes) == [Mode.WT]


def test_bad_columns_can_be_left_out(tmp_path):
    events = small_observation(tmp_path, rate=2 * u.ct / u.s, bad_columns=False).events(Mode.PC)
    (first, last), _ = BAD_COLUMNS_DETX[Mode.PC]
    assert ((events.detx >= first) & (events.detx <= last)).any()


def test_quantities_need_units():
    with pytest.raises(RequestError, match="rate"):
        small_scene(rate=0.3)
    with pytest.raises(RequestError, match="duration"):
        small_scene(duration=3 * u.m)
