"""Finding and writing observations in the layout of the archive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.exceptions import NoDataError, OutputExistsError, RequestError
from swiftxrt.io.archive import event_path, find_observations, write_observation
from swiftxrt.mission import Mode
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI
from swiftxrt.products.observation import Observation
from swiftxrt.testing.synthetic import small_observation

T0 = 437040976.0


def make(mode="PC", obsid="00012345001"):
    header = {"OBS_ID": obsid, "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 30.0}
    values = np.arange(5)
    return EventList(
        met=T0 + values, x=values, y=values, pi=values, grade=values, gti=GTI([T0], [T0 + 9]), mode=mode, header=header
    )


def test_write_and_find(tmp_path):
    folder = write_observation([make("PC"), make("WT")], tmp_path)
    assert folder == tmp_path / "00012345001"
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert names == [
        "00012345001/xrt/event/sw00012345001xpcw3po_cl.evt.gz",
        "00012345001/xrt/event/sw00012345001xwtw2po_cl.evt.gz",
    ]
    observation = Observation.open(folder)
    assert observation.events("PC") == make("PC")
    assert observation.events("WT") == make("WT")


def test_observations_are_sorted_and_listed_once(tmp_path):
    for obsid in ("00012345003", "00012345001", "00099999001"):
        write_observation([make(obsid=obsid)], tmp_path / "2014_11")
    write_observation([make(obsid="00012345001")], tmp_path / "copy")
    found = find_observations(tmp_path)
    assert [item.obsid for item in found] == ["00012345001", "00012345003", "00099999001"]
    assert found[0].files[Mode.PC] == (event_path(tmp_path / "2014_11", "00012345001", Mode.PC),)


def test_nothing_to_find(tmp_path):
    assert find_observations(tmp_path) == []
    with pytest.raises(RequestError, match="no folder"):
        find_observations(tmp_path / "none")


def test_existing_observations_are_kept(tmp_path):
    write_observation([make()], tmp_path)
    with pytest.raises(OutputExistsError):
        write_observation([make()], tmp_path)
    write_observation([make()], tmp_path, overwrite=True)


@pytest.mark.parametrize("lists", [[], [make(), make()], [make(), make("WT", "00012345002")]])
def test_one_obsid_and_one_list_for_each_mode(tmp_path, lists):
    with pytest.raises(RequestError, match="one ObsID and one list for each mode"):
        write_observation(lists, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_single_list_will_do(tmp_path):
    assert Observation.open(write_observation(make(), tmp_path)).events("PC") == make()


def test_real_archive(validation_data):
    """Every ObsID folder of the copy of the archive is found."""
    root = validation_data / "deepsky_archive_obs"
    folders = sorted(path.name for path in (root / "obs").glob("*/*"))
    assert [item.obsid for item in find_observations(root)] == folders


def test_files_without_archive_names_are_known_by_their_headers(tmp_path, caplog):
    observation = small_observation(tmp_path / "archive", snapshots=2)
    (tmp_path / "loose").mkdir()
    whole = observation.events("PC")
    for number, gti in enumerate(whole.gti.snapshots()):
        whole.select(gti=gti).write(tmp_path / "loose" / f"part{number}.evt.gz")
    (tmp_path / "loose" / "broken.evt").write_text("no events")
    with caplog.at_level("WARNING"):
        (found,) = find_observations(tmp_path / "loose")
    assert "broken.evt" in caplog.text
    assert found.obsid == observation.obsid
    assert len(found.events("PC")) == len(whole)
    assert found.events("PC").gti == whole.gti


def test_event_lists_of_regions_are_no_observation(tmp_path):
    """The product service gives its users the events in the source region of all observations."""
    observation = small_observation(tmp_path / "archive")
    path = observation.files[Mode.PC][0]
    with fits.open(path) as hdus:
        events = hdus["EVENTS"]
        events.header.remove("DATASUM")
        events.header.remove("CHECKSUM")
        radius = fits.Column("SRCRAD", "J", array=np.full(len(events.data), 20))
        hdus["EVENTS"] = fits.BinTableHDU.from_columns(events.columns + radius, header=events.header)
        (tmp_path / "region").mkdir()
        hdus.writeto(tmp_path / "region" / "pcsourcetotal.evt.gz")
    (tmp_path / "region" / "broken.evt").write_text("no events")
    with pytest.raises(NoDataError, match="no event file below .*broken.evt: .*; .*total.evt.gz: .*of one region"):
        find_observations(tmp_path / "region")


def test_real_event_lists_of_regions_are_no_observation(validation_data):
    with pytest.raises(NoDataError, match="pcsourcetotal.evt.gz: this holds the events of one region"):
        find_observations(validation_data / "uklc_AT2018cow")


def test_the_record_of_the_pointing_travels_along(tmp_path):
    met = np.arange(T0 - 5, T0 + 15, 2.5)
    for kind, name in (
        ("attitude", "auxil/sw00012345001pat.fits.gz"),
        ("housekeeping", "xrt/hk/sw00012345001xhd.hk.gz"),
    ):
        record = Attitude(met, 0 * met + 150, 0 * met + 20, 0 * met + 30, kind=kind)
        folder = write_observation([replace(make("PC"), attitude=record), make("WT")], tmp_path / kind)
        assert (folder / name).exists()
        again = Observation.open(folder).events("PC").attitude
        assert again.kind == kind
        np.testing.assert_array_equal(again.met, met)
