"""Products made on this machine tell which event files of the folder they are made from, and which not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from swiftxrt import Observation, Observations
from swiftxrt.backends.local.unused import absent_observations, unused_files
from swiftxrt.exceptions import ProductNotAvailableError
from swiftxrt.mission import Mode
from swiftxrt.products.provenance import provenance_of
from swiftxrt.query.core import SwiftXRTClass

OBSID = "00012345001"
CLEANED = f"sw{OBSID}xpcw3po_cl.evt"
BESIDE = {
    f"sw{OBSID}xpcw3po_cl.evt.gz": "copies of files that are used",
    f"sw{OBSID}xwtw2sl_cl.evt.gz": "taken during slews",
    f"sw{OBSID}xwtw2st_cl.evt": "taken while the pointing settled",
    f"sw{OBSID}xpcw3po_uf.evt.gz": "not cleaned",
    f"sw{OBSID}xim00po_cl.evt": "of other modes than PC and WT",
    f"sw{OBSID}xpcw3bpo_cl.evt": "without po_cl (cleaned pointing data) in their names",
    "mine.evt": "without a name of the archive, beside files that have one",
}
OTHERS = ("sw00012345002xpcw3po_cl.evt", f"sw{OBSID}xpcw3po_cl.img", "notes.txt")


def put_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_reasons_by_name(tmp_path: Path) -> None:
    put_files(tmp_path, CLEANED, *BESIDE, *OTHERS)
    observation = Observation(OBSID, {Mode.PC: tmp_path / CLEANED})
    assert sorted(unused_files([observation], [OBSID])) == sorted(
        f"1 event file was not used, {reason}: {name}" for name, reason in BESIDE.items()
    )
    assert unused_files([observation], ["00012345002"]) == ()


def test_names_are_few(tmp_path: Path) -> None:
    slews = [f"sw{OBSID}xwtw{number % 10}sl_{number}.evt" for number in range(12)]
    put_files(tmp_path, CLEANED, *slews)
    (note,) = unused_files([Observation(OBSID, {Mode.PC: tmp_path / CLEANED})], [OBSID])
    assert note.startswith("12 event files were not used, taken during slews: ")
    assert note.endswith(" and 2 more")


def test_nothing_is_said_of_files_without_names_of_the_archive(tmp_path: Path) -> None:
    put_files(tmp_path, "mine.evt", "yours.evt", *BESIDE)
    assert unused_files([Observation(OBSID, {Mode.PC: tmp_path / "mine.evt"})], [OBSID]) == ()


def test_what_there_is_of_observations_that_are_not_of_the_target(tmp_path: Path) -> None:
    put_files(tmp_path, CLEANED, OTHERS[0], "sw00012345003xwtw2sl_cl.evt.gz", "sw00012345004xpcw3st_cl.evt")
    put_files(tmp_path, "sw00012345005xwtw2sl_cl.evt.gz", "sw00012345006xwtw2sl_cl.evt")
    every = [Observation(name[2:13], {Mode.PC: tmp_path / name}) for name in (CLEANED, OTHERS[0])]
    wanted = ["00012345002", "00012345003", "00012345004", "00012345005", "00012345009"]
    assert absent_observations(tmp_path, every, wanted) == (
        "there are data of 00012345002, but of another target",
        "of 00012345003, 00012345005 there are only event files taken during slews",
        "of 00012345004 there are only event files taken while the pointing settled",
    )
    assert absent_observations(tmp_path, every, ["00012345009"]) == ()


def test_errors_tell(burst_archive: Path, tmp_path: Path) -> None:
    shutil.copytree(burst_archive, tmp_path, dirs_exist_ok=True)
    other = tmp_path / "00012345002" / "xrt" / "event"
    other.mkdir(parents=True)
    put_files(other, OTHERS[0], "sw00012345003xwtw2sl_cl.evt.gz")
    wanted = Observations("00012345002", "00012345003")
    with SwiftXRTClass(backend="local", archive=tmp_path) as local, pytest.raises(ProductNotAvailableError) as caught:
        local.make_image("GRB 200416A", bands="0.3-10 keV", data=wanted)
    assert "there are data of 00012345002, but of another target; of 00012345003 there are only event" in str(
        caught.value
    )


def test_products_tell(burst_archive: Path, tmp_path: Path) -> None:
    shutil.copytree(burst_archive, tmp_path, dirs_exist_ok=True)
    (wt,) = tmp_path.rglob("*xwtw2po_cl.evt.gz")
    obsid = wt.name[2:13]
    slew, other = f"sw{obsid}xwtw2sl_cl.evt.gz", tmp_path / "00012345002" / "xrt" / "event"
    other.mkdir(parents=True)
    put_files(wt.parent, slew)
    put_files(other, OTHERS[0])
    with SwiftXRTClass(backend="local", archive=tmp_path) as local:
        image = local.make_image("GRB 200416A", bands="0.3-10 keV", data=Observations(obsid, f"{obsid[:8]}001"))[0]
    notes = set(provenance_of(image).notes)
    assert {
        f"event files: sw{obsid}xpcw3po_cl.evt.gz, sw{obsid[:8]}001xpcw3po_cl.evt.gz",
        f"1 observation was not used, not asked for: {obsid[:8]}002",
        f"1 event file was not used, of windowed timing, of which this product cannot be made: {wt.name}",
        f"1 event file was not used, taken during slews: {slew}",
        "1 observation was not used, of other targets: 00012345002",
    } <= notes
