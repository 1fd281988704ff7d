"""Cleaned events made anew."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Observation, SwiftXRTClass, Target, reprocess_observations
from swiftxrt.exceptions import HEASoftError, NoDataError, OutputExistsError, RequestError, StorageError

from .conftest import FakeHEASoft

FIRST, SECOND = "09999004000", "09999004001"


@pytest.fixture
def raw(observed: Path, tmp_path: Path) -> Path:
    """The first observation with raw events beside the cleaned ones, the second without."""
    folder = tmp_path / "raw"
    shutil.copytree(observed, folder)
    events = folder / FIRST / "xrt" / "event"
    (events / f"sw{FIRST}xpcw3po_cl.evt.gz").rename(events / f"sw{FIRST}xpcw3po_uf.evt.gz")
    return folder


def test_new_observations_are_an_archive(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    told: list[str] = []
    place = tmp_path / "new"
    outcomes = reprocess_observations(raw, place, progress=told.append, at_once=2)
    assert [one.item for one in outcomes] == told == [FIRST, SECOND]
    assert isinstance(outcomes[0].get(), Observation)
    assert isinstance(outcomes[1].error, NoDataError)
    assert "download_observations" in str(outcomes[1].error)
    assert sorted(path.name for path in place.iterdir()) == [FIRST]
    assert outcomes[0].value.attitude is not None
    with SwiftXRTClass(backend="local", archive=place, caldb="v004") as xrt:
        assert xrt.make_spectrum(Target("SIM_star")).counts.counts.sum() > 50
    call = heasoft.calls[0]
    assert call["parameters"] == {
        "indir": "in", "outdir": "out", "steminputs": f"sw{FIRST}", "exitstage": "2", "srcra": "OBJECT",
        "srcdec": "OBJECT", "datamode": "ALL", "obsmode": "POINTING", "createexpomap": "no", "clobber": "yes",
    }  # fmt: skip
    kept = {path.relative_to(place).as_posix() for path in place.rglob("*.gz")}
    assert {path.rpartition("/")[0] for path in kept} == {f"{FIRST}/auxil", f"{FIRST}/xrt/hk"}


def test_what_exists_is_kept_unless_told(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    place = tmp_path / "new"
    reprocess_observations(raw, place, obsids=[FIRST])
    again = reprocess_observations(raw, place, obsids=[FIRST])
    assert isinstance(again[0].error, OutputExistsError)
    where = SkyCoord(150.0, 20.0, unit="deg")
    assert reprocess_observations(raw, place, obsids=[FIRST], overwrite=True, position=where)[0].is_ok
    assert [heasoft.calls[-1]["parameters"][name] for name in ("srcra", "srcdec")] == ["150.0", "20.0"]


@pytest.mark.parametrize(("how", "match"), [("fail", "failed with status 3"), ("silent", "left no cleaned events")])
def test_a_pipeline_that_fails_leaves_nothing(
    heasoft: FakeHEASoft, raw: Path, tmp_path: Path, how: str, match: str
) -> None:
    heasoft.behave("xrtpipeline", how)
    outcomes = reprocess_observations(raw, tmp_path / "new", obsids=[FIRST])
    assert isinstance(outcomes[0].error, HEASoftError)
    assert match in str(outcomes[0].error)
    assert list((tmp_path / "new").iterdir()) == []


def test_pipelines_run_side_by_side(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    events = raw / SECOND / "xrt" / "event"
    (events / f"sw{SECOND}xpcw3po_cl.evt.gz").rename(events / f"sw{SECOND}xpcw3po_uf.evt.gz")
    # Each waits for the other to begin.
    program = heasoft.folder / "bin" / "xrtpipeline"
    meet = f'touch "{tmp_path}/met_$$"; for i in $(seq 300); do [ $(ls "{tmp_path}" | grep -c met_) = 2 ] && break; sleep 0.1; done'
    program.write_text(program.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{meet}\n[ $i = 300 ] && exit 7\n"))
    outcomes = reprocess_observations(raw, tmp_path / "new", at_once=2)
    assert [one.error for one in outcomes] == [None, None]


def test_ctrl_c_ends_the_pipelines(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    heasoft.behave("xrtpipeline", "hang")
    child = heasoft.folder / "child"

    def interrupt(obsid: str) -> None:  # the second observation has no raw events, and so ends at once
        assert obsid == SECOND
        for _ in range(600):
            if child.exists() and child.read_text():
                break
            time.sleep(0.05)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reprocess_observations(raw, tmp_path / "new", obsids=[SECOND, FIRST], at_once=2, progress=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)
    assert list((tmp_path / "new").iterdir()) == []


def test_one_observation_may_be_named_alone_or_twice(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    outcomes = reprocess_observations(raw, tmp_path / "new", obsids=FIRST)
    assert [one.item for one in outcomes] == [FIRST]
    outcomes = reprocess_observations(raw, tmp_path / "new", obsids=[FIRST, f"sw{FIRST}"], overwrite=True)
    assert [(one.item, one.is_ok) for one in outcomes] == [(FIRST, True)]


def test_what_cannot_be_written_is_told_and_takes_nothing_from_the_others(
    heasoft: FakeHEASoft, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("swiftxrt.backends.local.heasoft.reprocessing.shutil.copytree", full)
    outcomes = reprocess_observations(raw, tmp_path / "new")
    assert [type(one.error) for one in outcomes] == [StorageError, NoDataError]
    assert "make room" in str(outcomes[0].error)
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputExistsError, match="is a file"):
        reprocess_observations(raw, tmp_path / "file")


def test_an_observation_stays_if_the_new_one_fails(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    place = tmp_path / "new"
    reprocess_observations(raw, place, obsids=[FIRST])
    before = sorted(path.relative_to(place) for path in place.rglob("*"))
    heasoft.behave("xrtpipeline", "fail")
    assert not reprocess_observations(raw, place, obsids=[FIRST], overwrite=True)[0].is_ok
    assert sorted(path.relative_to(place) for path in place.rglob("*")) == before


def test_bad_arguments(heasoft: FakeHEASoft, raw: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="a whole number from 1 on"):
        reprocess_observations(raw, tmp_path / "new", at_once=0)
    with pytest.raises(RequestError, match="one SkyCoord is needed"):
        reprocess_observations(raw, tmp_path / "new", position="here")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="there is no folder"):
        reprocess_observations(tmp_path / "nowhere", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoDataError, match="named by its ObsID"):
        reprocess_observations(tmp_path / "empty", tmp_path / "new")
