"""Downloads of observations: what can be asked for, by tables and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.backends.archives.downloading import FileRow
from swiftxrt.backends.archives.heasarc_files import HeasarcFiles
from swiftxrt.exceptions import (
    IdentifierError,
    NoDataError,
    OutputExistsError,
    PartialResultWarning,
    RequestError,
    ServiceError,
)
from swiftxrt.query.downloads import _warn_about
from swiftxrt.testing import FaultPlan, faults
from swiftxrt.testing.heasarc import heasarc_server
from tests import archived
from tests.archived import OBSIDS, table

pytest.importorskip("astroquery.heasarc", reason="needs astroquery with the archive of HEASARC")

COLUMNS = ["obsid", "content", "url", "path", "size", "outcome", "time", "error_type", "error"]


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultPlan]:
    folder, plan = tmp_path_factory.mktemp("archive"), FaultPlan()
    archived.fill(folder)
    with heasarc_server(folder, faults=plan):
        yield plan


@pytest.fixture(autouse=True)
def plan(_served: FaultPlan, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultPlan]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    _served.clear()
    with conf.set_temp("retries", 0):
        yield _served
    _served.clear()


@pytest.fixture
def swift() -> SwiftXRTClass:
    return SwiftXRTClass()


def obsids(swift: SwiftXRTClass, given: Any, folder: Path) -> list[str]:
    found = swift.download_observations(given, location=folder)
    assert found.colnames == COLUMNS
    assert set(found["outcome"]) <= {"fetched", "kept"}
    return list(found["obsid"])


def test_tables_rows_and_numbers(swift: SwiftXRTClass, tmp_path: Path) -> None:
    whole = swift.query_observations(obsid=OBSIDS)
    assert obsids(swift, whole, tmp_path) == list(OBSIDS)
    assert obsids(swift, whole[1], tmp_path) == [OBSIDS[1]]
    assert obsids(swift, whole[whole["target_id"] == "09999003"], tmp_path) == [OBSIDS[2]]
    assert obsids(swift, whole[::-1], tmp_path) == list(OBSIDS)[::-1]
    assert obsids(swift, OBSIDS[1], tmp_path) == [OBSIDS[1]]
    assert obsids(swift, [OBSIDS[2], f"sw{OBSIDS[0]}", int(OBSIDS[2])], tmp_path) == [OBSIDS[2], OBSIDS[0]]
    assert obsids(swift, np.array(OBSIDS), tmp_path) == list(OBSIDS)
    assert obsids(swift, Table({"obsid": [OBSIDS[0], OBSIDS[1], OBSIDS[0]]}), tmp_path) == [OBSIDS[0], OBSIDS[1]]
    assert obsids(swift, (one for one in OBSIDS), tmp_path) == list(OBSIDS)


def test_starts_that_are_masked_are_looked_up(swift: SwiftXRTClass, tmp_path: Path) -> None:
    given = table()
    given["start"] = Time(Masked(["2016-11-12T00:00:00"] * 3, mask=[False, True, False]))
    assert obsids(swift, given, tmp_path) == list(OBSIDS)


def test_nothing_to_do(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    before = sum(plan.seen.values())
    for given in (table()[:0], []):
        found = swift.download_observations(given, location=tmp_path / "new")
        assert (len(found), found.colnames) == (0, COLUMNS)
    assert sum(plan.seen.values()) == before


def test_connections_are_closed(swift: SwiftXRTClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    monkeypatch.setattr(HeasarcFiles, "close", lambda self: closed.append(self))
    swift.download_observations([], location=tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputExistsError):
        swift.download_observations(table(), location=tmp_path / "file")
    assert len(closed) == 2


def test_local_engines_download_too(small_archive: Path, tmp_path: Path) -> None:
    with SwiftXRTClass("local", archive=small_archive) as swift:
        assert obsids(swift, OBSIDS[1], tmp_path) == [OBSIDS[1]]
        assert swift.get_observation(OBSIDS[1], location=tmp_path, contents="events").obsid == OBSIDS[1]


def test_result_can_be_written(swift: SwiftXRTClass, tmp_path: Path) -> None:
    with pytest.warns(PartialResultWarning, match="swiftmastr"):
        found = swift.download_observations([OBSIDS[0], "00012345001"], location=tmp_path)
    assert list(found["error_type"]) == ["", "NoDataError"]
    found.write(tmp_path / "files.ecsv")
    again = QTable.read(tmp_path / "files.ecsv")
    assert again["error_type"][1] == "NoDataError"
    assert again["size"].unit == found["size"].unit


def test_start_that_cannot_be_looked_up(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    plan.replace(faults.status(503).on(path="*/tap/sync"))
    with pytest.warns(PartialResultWarning, match="2 of 2"):
        found = swift.download_observations(OBSIDS[:2], location=tmp_path)
    assert set(found["error_type"]) == {"ServiceUnavailableError"}
    with pytest.raises(ServiceError):
        swift.get_observation(OBSIDS[0], location=tmp_path)
    mixed = table()
    mixed["start"] = Time(Masked(["2016-11-12T00:00:00"] * 3, mask=[False, True, True]))
    with pytest.warns(PartialResultWarning, match="2 of 3"):
        found = swift.download_observations(mixed, location=tmp_path)
    assert list(found["outcome"]) == ["fetched", "failed", "failed"]
    twice = Table({"obsid": [OBSIDS[0]] * 2})
    twice["start"] = Time(Masked(["2016-11-12T00:00:00"] * 2, mask=[False, True]))
    assert list(swift.download_observations(twice, location=tmp_path)["outcome"]) == ["kept"]


def test_a_warning_names_a_few_failures_and_counts_the_others(tmp_path: Path) -> None:
    failed = [FileRow(OBSIDS[0], "", "", tmp_path, "failed", error=NoDataError(f"no {number}")) for number in range(5)]
    with pytest.warns(PartialResultWarning, match=r"5 of 6 could .*: no 0; no 1; no 2 and 2 more\. The same call"):
        _warn_about([*failed, FileRow(OBSIDS[0], "events", "", tmp_path, "kept")])


def test_observation_that_is_not_in_the_table(swift: SwiftXRTClass, tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="00012345001"):
        swift.get_observation("00012345001", location=tmp_path)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("123", IdentifierError, "eleven digits"),
        ([OBSIDS[0], None], IdentifierError, "eleven digits"),
        (85374, IdentifierError, "eleven digits"),
        (None, IdentifierError, "eleven digits"),
        (["../../../x"], IdentifierError, "eleven digits"),
        (Table({"ObsID": OBSIDS}), RequestError, "needs a column 'obsid'.*has ObsID"),
        (Table(), RequestError, "has none"),
        (Table({"obsid": ["x"]}), IdentifierError, "eleven digits"),
    ],
)
def test_what_is_no_observation(
    swift: SwiftXRTClass, tmp_path: Path, given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        swift.download_observations(given, location=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "heasrc"}, "source: must be one of 'heasarc', 'ukssdc', 'aws'.*did you mean"),
        ({"source": None}, "source"),
        ({"contents": "evts"}, "contents: must be of 'events'"),
        ({"contents": []}, "none was given"),
        ({"location": ""}, "location"),
        ({"location": "a\0b"}, "location"),
    ],
)
def test_options_that_cannot_be(swift: SwiftXRTClass, tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        swift.download_observations(table(), **{"location": tmp_path / "new", **options})
    assert not (tmp_path / "new").exists()
