"""Downloads of observations from a stand-in for the archives, and everything that may go wrong on the way."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.backends.archives import downloading, heasarc_files
from swiftxrt.backends.archives.downloading import DownloadProgress
from swiftxrt.exceptions import (
    FormatError,
    NoDataError,
    OfflineError,
    PartialResultWarning,
    ProtocolError,
    ServiceError,
    ServiceUnavailableError,
    StorageError,
    SwiftXRTError,
)
from swiftxrt.testing import FaultPlan, embedded_server, faults
from swiftxrt.testing.heasarc import heasarc_server
from tests import archived
from tests.archived import OBSIDS, table

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
UNFILTERED = f"xrt/event/sw{OBSIDS[0]}xpcw3po_uf.evt.gz"
SOURCES = pytest.mark.parametrize("source", ["heasarc", "aws", "ukssdc"])


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    archived.fill(folder)
    return folder


@pytest.fixture(scope="module")
def _served(archive: Path) -> Iterator[tuple[FaultPlan, FaultPlan]]:
    """Both archives; the bucket lists five files at a time."""
    plans = FaultPlan(), FaultPlan()
    with heasarc_server(archive, max_keys=5, faults=plans[0]), embedded_server(archive, faults=plans[1]):
        yield plans


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxies of this machine, and no long pauses."""
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    with conf.set_temp("retry_wait", 0.0), conf.set_temp("retries", 1):
        yield


@pytest.fixture
def plan(_served: tuple[FaultPlan, FaultPlan]) -> Iterator[FaultPlan]:
    """What goes wrong at HEASARC and in the bucket."""
    _served[0].clear()
    yield _served[0]
    _served[0].clear()


@pytest.fixture
def plans(_served: tuple[FaultPlan, FaultPlan]) -> Iterator[tuple[FaultPlan, FaultPlan]]:
    """What goes wrong at both."""
    for one in _served:
        one.clear()
    yield _served
    for one in _served:
        one.clear()


@pytest.fixture
def swift() -> SwiftXRTClass:
    return SwiftXRTClass()


def get(swift: SwiftXRTClass, folder: Path, *obsids: str, **options: Any) -> QTable:
    return swift.download_observations(table(*obsids), location=folder, **options)


def failing(swift: SwiftXRTClass, folder: Path, *obsids: str, **options: Any) -> QTable:
    with pytest.warns(PartialResultWarning, match="could not be downloaded"):
        return get(swift, folder, *obsids, **options)


def there(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def error_of(swift: SwiftXRTClass, found: QTable) -> type[SwiftXRTError]:
    """The type of the only error of a table."""
    import swiftxrt.exceptions

    (name,) = set(found["error_type"][found["outcome"] == "failed"])
    assert all(
        bool(text) == (outcome == "failed") for text, outcome in zip(found["error"], found["outcome"], strict=True)
    )
    return getattr(swiftxrt.exceptions, name)


# ---------------------------------------------------------------- what comes


@SOURCES
def test_everything_comes_as_it_is(
    swift: SwiftXRTClass, plans: Any, archive: Path, tmp_path: Path, source: str
) -> None:
    found = get(swift, tmp_path, contents="all", source=source)
    assert there(tmp_path) == there(archive)
    assert set(found["outcome"]) == {"fetched"}
    assert len(found) == len(there(archive))
    assert found["size"].unit == u.byte
    assert found["size"].sum() == sum(map(len, there(archive).values())) * u.byte
    assert found["time"].unit == u.s
    assert np.all(found["time"] > 0 * u.s)
    assert found.meta["source"] == source
    for row in found:
        assert Path(row["path"]).is_relative_to(tmp_path / row["obsid"])
        assert Path(row["path"]).stat().st_size * u.byte == row["size"]
        assert row["url"].startswith("http://127.0.0.1")
        assert row["error"] == row["error_type"] == ""


@SOURCES
def test_chosen_parts(swift: SwiftXRTClass, plans: Any, tmp_path: Path, source: str) -> None:
    found = get(swift, tmp_path, OBSIDS[0], contents=("events", "attitude", "auxil", "images", "bat"), source=source)
    rows = [(row["content"], row["path"].removeprefix(f"{tmp_path}/{OBSIDS[0]}"), row["outcome"]) for row in found]
    assert rows == [
        ("events", f"/xrt/event/sw{OBSIDS[0]}xpcw3po_cl.evt.gz", "fetched"),
        ("attitude", f"/auxil/sw{OBSIDS[0]}pat.fits.gz", "fetched"),
        ("attitude", f"/auxil/sw{OBSIDS[0]}sat.fits.gz", "fetched"),
        ("auxil", f"/auxil/sw{OBSIDS[0]}s.mkf.gz", "fetched"),
        ("images", f"/xrt/products/sw{OBSIDS[0]}xpc_sk.img.gz", "fetched"),
        ("bat", "/bat", "absent"),
    ]
    assert len(there(tmp_path)) == 5


@SOURCES
def test_parts_that_an_observation_does_not_have(swift: SwiftXRTClass, plans: Any, tmp_path: Path, source: str) -> None:
    found = get(swift, tmp_path, OBSIDS[2], contents=("uvot", "attitude", "hk"), source=source)
    assert list(found["outcome"]) == ["absent"] * 3
    assert list(found["error"]) == [""] * 3
    # Where none of the folders is there, the observation still is.
    assert list(get(swift, tmp_path, OBSIDS[2], contents="uvot", source=source)["outcome"]) == ["absent"]
    assert there(tmp_path) == {}


@SOURCES
def test_an_observation_that_is_not_there_does_not_cost_the_others(
    swift: SwiftXRTClass, plans: Any, tmp_path: Path, source: str
) -> None:
    found = failing(swift, tmp_path, OBSIDS[2], "00012345001", OBSIDS[1], source=source)
    assert list(found["obsid"]) == [OBSIDS[2], "00012345001", OBSIDS[1]]
    assert list(found["outcome"]) == ["fetched", "failed", "fetched"]
    assert error_of(swift, found) is NoDataError
    assert "00012345001" in found["error"][1]


@SOURCES
def test_what_is_here_stays(swift: SwiftXRTClass, plans: Any, tmp_path: Path, source: str) -> None:
    contents = ("events", "auxil", "log")
    get(swift, tmp_path, contents=contents, source=source)
    before = there(tmp_path)
    asked = [sum(one.seen.values()) for one in plans]
    again = get(swift, tmp_path, contents=contents, source=source)
    assert set(again["outcome"]) <= {"kept", "absent"}
    assert sum(again["outcome"] == "kept") == len(before)
    # Lists were asked for, no file.
    assert sum(sum(one.seen.values()) for one in plans) - sum(asked) < len(before)
    assert there(tmp_path) == before
    anew = get(swift, tmp_path, contents=contents, source=source, overwrite=True)
    assert set(anew["outcome"]) <= {"fetched", "absent"}
    assert there(tmp_path) == before


def test_what_is_here_and_damaged_is_fetched_anew(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    contents = ("events", "attitude", "images", "log", "products")
    get(swift, tmp_path, OBSIDS[0], contents=contents)
    before = there(tmp_path)
    changes = {
        "xpcw3po_cl.evt.gz": lambda content: content[:-1],
        "sat.fits.gz": lambda content: content[:20_000] + bytes(10) + content[20_010:],  # of the same size
        "pat.fits.gz": lambda content: content + content,
        "_sk.img.gz": lambda content: b"<html>" + content[6:],
        "pob.txt": lambda content: b"not empty",
    }
    changed = []
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        for end, change in changes.items():
            if path.name.endswith(end):
                path.write_bytes(change(path.read_bytes()))
                changed.append(str(path))
    assert len(changed) == len(changes)
    again = get(swift, tmp_path, OBSIDS[0], contents=contents)
    assert sorted(again["path"][again["outcome"] == "fetched"]) == sorted(changed)
    assert set(again["outcome"]) == {"fetched", "kept"}
    assert there(tmp_path) == before


def test_without_sizes_the_content_tells(swift: SwiftXRTClass, plans: Any, tmp_path: Path) -> None:
    get(swift, tmp_path, OBSIDS[0], contents="attitude", source="ukssdc")
    before = there(tmp_path)
    broken = tmp_path / OBSIDS[0] / "auxil" / f"sw{OBSIDS[0]}sat.fits.gz"
    broken.write_bytes(broken.read_bytes()[:-4])
    again = get(swift, tmp_path, OBSIDS[0], contents="attitude", source="ukssdc")
    assert sorted(again["outcome"]) == ["fetched", "kept"]
    assert there(tmp_path) == before


def test_progress(swift: SwiftXRTClass, plan: FaultPlan, archive: Path, tmp_path: Path) -> None:
    seen: list[DownloadProgress] = []
    get(swift, tmp_path, contents="all", source="aws", progress=seen.append)
    total = sum(map(len, there(archive).values()))
    assert [one.done for one in seen] == list(range(len(there(archive)) + 1))
    assert {one.total for one in seen} == {len(there(archive))}
    assert {one.total_size for one in seen} == {total * u.byte}
    assert seen[0].size == 0 * u.byte
    assert seen[-1].size == total * u.byte
    assert (seen[0].fraction, seen[-1].fraction) == (0.0, 1.0)
    assert np.all(np.diff([one.fraction for one in seen]) >= 0)
    assert str(seen[-1]) == f"{len(seen) - 1} of {len(seen) - 1} files, {total / 1e6:.1f} of {total / 1e6:.1f} MB"
    assert "progress" in seen[0]._repr_html_()
    assert seen[0].latest == ""
    assert seen[1].latest


def test_progress_without_sizes_and_with_failures() -> None:
    one = DownloadProgress(1, 4, 2 * u.Mbyte, 0 * u.byte, failed=1)
    assert one.fraction == 0.25
    # Sizes of a page are rounded.
    assert DownloadProgress(3, 4, 5 * u.Mbyte, 4 * u.Mbyte).fraction == 1.0
    assert str(one) == "1 of 4 files, 2.0 MB, 1 failed"
    assert DownloadProgress(0, 0, 0 * u.byte, 0 * u.byte).fraction == 1.0


def test_the_month_before(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    from astropy.time import Time

    late = QTable({"obsid": [OBSIDS[2]], "start": Time(["2016-12-01T00:00:10"])})
    for source in ("heasarc", "aws"):
        found = swift.download_observations(late, location=tmp_path / source, source=source)
        assert list(found["outcome"]) == ["fetched"]
    other = QTable({"obsid": [OBSIDS[2]], "start": Time(["2016-12-12T00:00:10"])})
    with pytest.warns(PartialResultWarning, match=f"no observation {OBSIDS[2]}.*2016_12"):
        swift.download_observations(other, location=tmp_path)


def test_observation_object(swift: SwiftXRTClass, plans: Any, tmp_path: Path) -> None:
    observation = swift.get_observation(OBSIDS[1], location=tmp_path, source="ukssdc")
    assert observation.obsid == OBSIDS[1]
    assert [mode.value for mode in observation.modes] == ["PC"]
    assert len(there(tmp_path)) == 4
    # Events are always among the parts.
    assert swift.get_observation(OBSIDS[0], location=tmp_path, contents="hk", source="ukssdc").modes
    with conf.set_temp("offline", True):
        assert swift.get_observation(OBSIDS[1], location=tmp_path) == observation
        with pytest.raises(OfflineError):
            swift.get_observation(OBSIDS[2], location=tmp_path, source="ukssdc")
    with pytest.raises(NoDataError, match="00012345001"):
        swift.get_observation("00012345001", location=tmp_path, source="ukssdc")


def test_observation_object_of_which_a_part_is_missing(swift: SwiftXRTClass, plans: Any, tmp_path: Path) -> None:
    plans[1].replace(faults.status(404).on(path="*xhd.hk.gz"))
    with pytest.warns(PartialResultWarning, match="xhd.hk.gz"):
        observation = swift.get_observation(OBSIDS[1], location=tmp_path, source="ukssdc")
    assert observation.modes
    plans[1].replace(faults.status(404).on(path="*po_cl.evt.gz"))
    with pytest.raises(ServiceError, match="po_cl.evt.gz"):
        swift.get_observation(OBSIDS[0], location=tmp_path, source="ukssdc")
    plans[1].replace(faults.change_reply(without_events).on(path="/API/main.php"))
    with pytest.raises(NoDataError, match="no cleaned XRT pointing data"):
        swift.get_observation(OBSIDS[0], location=tmp_path, source="ukssdc")


def without_events(content: Any) -> Any:
    files = [name for name in content["fileList"]["files"] if not name.endswith("cl.evt.gz")]
    return {**content, "fileList": {**content["fileList"], "files": files}}


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("source", ["heasarc", "aws"])
def test_interrupted_download_is_resumed(
    swift: SwiftXRTClass, plan: FaultPlan, archive: Path, tmp_path: Path, source: str
) -> None:
    plan.replace(faults.reset_in_body(0.1).on(path=f"*{UNFILTERED}"))
    found = failing(swift, tmp_path, OBSIDS[0], contents=("events", "unfiltered"), source=source)
    assert list(found["outcome"]) == ["fetched", "failed"]
    assert error_of(swift, found) is ServiceUnavailableError
    assert not (tmp_path / OBSIDS[0] / UNFILTERED).exists()
    plan.replace()
    seen: list[DownloadProgress] = []
    again = get(swift, tmp_path, OBSIDS[0], contents=("events", "unfiltered"), source=source, progress=seen.append)
    assert list(again["outcome"]) == ["kept", "resumed"]
    expected = there(archive / OBSIDS[0])
    assert there(tmp_path / OBSIDS[0]) == {name: expected[name] for name in expected if name.startswith("xrt/event/")}
    assert seen[-1].failed == 0


def test_server_that_gives_no_parts(swift: SwiftXRTClass, plan: FaultPlan, archive: Path, tmp_path: Path) -> None:
    plan.replace(faults.reset_in_body(0.5).on(path=f"*{UNFILTERED}", count=1), faults.ignore_range())
    found = get(swift, tmp_path, OBSIDS[0], contents="unfiltered")
    assert list(found["outcome"]) == ["fetched"]
    assert (tmp_path / OBSIDS[0] / UNFILTERED).read_bytes() == (archive / OBSIDS[0] / UNFILTERED).read_bytes()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.truncate(0.7), ServiceUnavailableError),
        (faults.truncate(0.7, framing="chunked"), ServiceUnavailableError),
        (faults.truncate(0.7, framing="close"), FormatError),
        (faults.replace_body(gzip.compress(b"SIMPLE  =" + bytes(2880 * 2))), FormatError),  # of another size
        (faults.replace_body(b""), FormatError),
        (faults.html("<html><head><title>Sorry</title></head></html>"), ProtocolError),
        (faults.status(404), ServiceError),
        (faults.status(403), ServiceError),
        (faults.status(503), ServiceUnavailableError),
        (faults.reset(), ServiceUnavailableError),
        (faults.redirect("http://other.invalid/x.gz"), ServiceError),
        (faults.redirect("file:///etc/passwd"), ServiceError),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_one_file_that_cannot_be_had(
    swift: SwiftXRTClass, plan: FaultPlan, archive: Path, tmp_path: Path, fault: Any, error: type[SwiftXRTError]
) -> None:
    name = f"auxil/sw{OBSIDS[1]}sat.fits.gz"
    plan.replace(fault.on(path=f"*{name}"))
    found = failing(swift, tmp_path, contents=("events", "attitude"))
    assert sum(found["outcome"] == "failed") == 1
    assert error_of(swift, found) is error
    (row,) = found[found["outcome"] == "failed"]
    assert row["path"] == str(tmp_path / OBSIDS[1] / name)
    assert "list_jobs" not in row["error"]
    assert sum(found["outcome"] == "fetched") == 6
    expected = {path: data for path, data in there(archive).items() if "cl.evt" in path or "at.fits" in path}
    whole = {path: data for path, data in there(tmp_path).items() if not Path(path).name.startswith(".")}
    assert whole == {path: data for path, data in expected.items() if not path.endswith(name)}
    plan.clear()
    again = get(swift, tmp_path, contents=("events", "attitude"))
    assert set(again["outcome"]) <= {"kept", "fetched", "resumed", "absent"}
    assert sum(again["outcome"] == "kept") == 6
    assert there(tmp_path) == expected


def test_trouble_that_passes(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    before = len(plan.log)
    plan.replace(
        faults.status(503).on(path="*/auxil/", count=1),
        faults.status(502).on(path="*sat.fits.gz", count=1),
        faults.reset().on(path="*/xrt/event/", count=1),
    )
    found = get(swift, tmp_path, OBSIDS[0], contents=("events", "attitude"))
    assert set(found["outcome"]) == {"fetched"}
    assert len(plan.log) - before == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.status(500), ServiceUnavailableError),
        (faults.status(403), ServiceError),
        (faults.html(), ProtocolError),
        (faults.empty(), ProtocolError),
        (faults.truncate(0.6, framing="close"), ProtocolError),
        (faults.reset(), ServiceUnavailableError),
        (faults.redirect("http://other.invalid/"), ServiceError),
    ],
    ids=lambda one: getattr(one, "name", None),
)
@pytest.mark.parametrize("source", ["heasarc", "aws", "ukssdc"])
def test_one_observation_that_cannot_be_listed(
    swift: SwiftXRTClass, plans: Any, tmp_path: Path, source: str, fault: Any, error: type[SwiftXRTError]
) -> None:
    paths = {"heasarc": f"*{OBSIDS[1]}/*", "aws": "/nasa-heasarc/", "ukssdc": "/API/main.php"}
    count = None if source == "heasarc" else 2 if fault.name == "reset" else 1
    with conf.set_temp("download_workers", 1):
        plans[source == "ukssdc"].replace(fault.on(path=paths[source], count=count))
        found = failing(swift, tmp_path, OBSIDS[1], OBSIDS[0], source=source)
    assert list(found["outcome"]) == ["failed", "fetched"]
    assert error_of(swift, found) is error
    assert (found["obsid"][0], found["content"][0]) == (OBSIDS[1], "")
    assert found["path"][0] == str(tmp_path / OBSIDS[1])
    if source != "ukssdc":
        assert "e-mail" not in found["error"][0]


def test_archive_that_is_down(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    with conf.set_temp("heasarc_files_url", "http://127.0.0.1:9/FTP"), conf.set_temp("retries", 0):
        found = failing(swift, tmp_path)
    assert list(found["outcome"]) == ["failed"] * 3
    assert error_of(swift, found) is ServiceUnavailableError
    assert "conf.heasarc_files_url" in found["error"][0]
    with conf.set_temp("aws_url", f"{conf.aws_url}x"):
        assert "check conf.aws_url" in failing(swift, tmp_path, OBSIDS[0], source="aws")["error"][0]
    with conf.set_temp("aws_url", "nowhere"), pytest.raises(ServiceError, match="conf.aws_url must be"):
        get(swift, tmp_path, source="aws")
    with conf.set_temp("offline", True):
        assert error_of(swift, failing(swift, tmp_path)) is OfflineError


def test_every_wait_ends(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    plan.replace(faults.never_answer().on(path="*/xrt/event/"))
    start = time.monotonic()
    with conf.set_temp("read_timeout", 0.3), conf.set_temp("retries", 0):
        found = failing(swift, tmp_path, OBSIDS[0])
        plan.replace(faults.stall().on(path="*.gz"))
        other = failing(swift, tmp_path, OBSIDS[0])
    plan.replace(faults.drip(200 * u.byte / u.s, head=True).on(path="*.gz"))
    with conf.set_temp("total_timeout", 0.5):
        third = failing(swift, tmp_path, OBSIDS[0])
    assert time.monotonic() - start < 30
    assert {error_of(swift, one) for one in (found, other, third)} == {ServiceUnavailableError}


def test_folders_that_lead_in_a_circle(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    circle = '<html><head><title>Index of /</title></head><body><a href="xrt/">xrt/</a></body></html>'
    plan.replace(faults.html(circle).on(path=f"*{OBSIDS[0]}/*"))
    found = failing(swift, tmp_path, OBSIDS[0], OBSIDS[1], contents="all")
    assert error_of(swift, found[found["obsid"] == OBSIDS[0]]) is ProtocolError
    assert "circle" in found["error"][0]
    assert set(found["outcome"][1:]) == {"fetched"}


def test_too_many_files(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heasarc_files, "_MOST_FILES", 3)
    assert "more folders or files" in failing(swift, tmp_path, OBSIDS[0], contents="all")["error"][0]


def test_bucket_whose_list_does_not_end(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    text = (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>'
        "<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
    )
    before = len(plan.log)
    plan.replace(faults.html(text).on(path="/nasa-heasarc/"))
    found = failing(swift, tmp_path, OBSIDS[0], source="aws")
    assert error_of(swift, found) is ProtocolError
    assert "does not end" in found["error"][0]
    assert len(plan.log) - before == 2


def test_names_that_lead_elsewhere(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    names = [
        "..%2F..%2F..%2Fescaped.txt",
        "%2Fetc%2Fescaped.txt",
        "aux.txt",
        "C%3A%5Cescaped.txt",
        "a" * 300,
        "fine.txt",
    ]
    links = "".join(f'<a href="{name}">x</a>\n' for name in [*names, "../../escaped.txt", "http://other.invalid/x.txt"])
    page = f"<html><head><title>Index of /</title></head><body>{links}</body></html>"
    plan.replace(
        faults.html(page).on(path=f"*{OBSIDS[0]}/log/"),
        faults.replace_body(b"fine").on(path="*fine.txt"),
    )
    inner = tmp_path / "a" / "b"
    found = failing(swift, inner, OBSIDS[0], contents="log")
    assert list(found["outcome"]) == ["failed", "failed"]
    assert "5 names" in found["error"][1]
    assert there(tmp_path) == {}


@pytest.mark.parametrize(
    "answer",
    [
        {"url": "http://other.invalid/data"},
        {"url": "file:///etc"},
        {"url": ""},
        {"files": ["../../escaped.evt.gz", "/etc/passwd", "xrt/event/../../../a.evt.gz", "xrt/event/con.evt.gz"]},
        {"files": "xrt"},
        {"files": [1, None]},
        {"url": None},
    ],
)
def test_service_that_points_elsewhere(swift: SwiftXRTClass, plans: Any, tmp_path: Path, answer: Any) -> None:
    def change(content: Any) -> Any:
        listed = {**content["fileList"], "files": answer.get("files", content["fileList"]["files"])}
        return {**content, "url": answer.get("url", content["url"]), "fileList": listed}

    plans[1].replace(faults.change_reply(change).on(path="/API/main.php"))
    found = failing(swift, tmp_path / "a" / "b", OBSIDS[2], source="ukssdc", contents=("events", "log"))
    assert "fetched" not in found["outcome"]
    assert issubclass(error_of(swift, found), ServiceError)
    assert there(tmp_path) == {}


@pytest.mark.parametrize("nothing", [{}, {"files": []}, {"files": None}, []])
def test_quick_look_when_it_is_not_in_the_archive(
    swift: SwiftXRTClass, plans: Any, tmp_path: Path, nothing: Any
) -> None:
    asked = []

    def change(content: Any) -> Any:
        asked.append(content)
        return {**content, "fileList": nothing} if len(asked) == 1 else content

    plans[1].replace(faults.change_reply(change).on(path="/API/main.php"))
    assert list(get(swift, tmp_path, OBSIDS[0], source="ukssdc")["outcome"]) == ["fetched"]
    assert len(asked) == 2


# ---------------------------------------------------------------- this side


@pytest.mark.fault_case(72)
def test_disk_that_gets_full(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        found = failing(swift, tmp_path, OBSIDS[0], contents=("events", "unfiltered", "hk"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(found["outcome"]) == ["fetched", "failed", "fetched"]
    assert error_of(swift, found) is StorageError
    assert "make room" in found["error"][1]
    assert len(there(tmp_path)) == 2
    assert list(get(swift, tmp_path, OBSIDS[0], contents="unfiltered")["outcome"]) == ["fetched"]


@pytest.mark.fault_case(72)
def test_too_little_room_for_all(
    swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(swift, tmp_path, OBSIDS[0], contents="unfiltered")
    usage = downloading.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda path: usage._replace(free=300_000))
    with pytest.raises(StorageError, match="300000 are free"):
        get(swift, tmp_path / "other", contents=("events", "unfiltered"))
    assert there(tmp_path / "other") == {}
    with pytest.raises(StorageError, match="300000 are free"):
        get(swift, tmp_path, OBSIDS[0], contents="unfiltered", overwrite=True)
    # What is here already needs no room.
    found = get(swift, tmp_path, OBSIDS[0], contents=("events", "unfiltered"))
    assert list(found["outcome"]) == ["fetched", "kept"]


@pytest.mark.fault_case(73)
def test_places_that_cannot_be_written(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SwiftXRTError, match="is a file"):
        get(swift, tmp_path / "file")
    (tmp_path / OBSIDS[0]).write_text("mine")
    (tmp_path / OBSIDS[1] / "xrt" / "event" / f"sw{OBSIDS[1]}xpcw3po_cl.evt.gz").mkdir(parents=True)
    found = failing(swift, tmp_path)
    assert list(found["outcome"]) == ["failed", "failed", "fetched"]
    assert (tmp_path / OBSIDS[0]).read_text() == "mine"


class Interrupting:
    def __call__(self, progress: DownloadProgress) -> None:
        if progress.done:
            raise KeyboardInterrupt


@pytest.mark.fault_case(70)
def test_interrupt_leaves_no_half_files(swift: SwiftXRTClass, plan: FaultPlan, archive: Path, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    plan.replace(faults.stall().on(path=f"*{UNFILTERED}"))
    with pytest.raises(KeyboardInterrupt):
        get(swift, tmp_path, contents="all", progress=Interrupting())
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("swiftxrt-worker")]
    assert_whole(tmp_path, archive)
    plan.clear()
    again = get(swift, tmp_path, contents="all")
    assert set(again["outcome"]) <= {"fetched", "kept", "resumed"}
    assert "kept" in again["outcome"]
    assert there(tmp_path) == there(archive)


@pytest.mark.fault_case(70)
def test_ctrl_c_while_lists_are_asked_for(swift: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    before, struck = set(threading.enumerate()), len(plan.log)
    plan.replace(faults.never_answer().on(path=f"*{OBSIDS[1]}/xrt/"))

    def interrupt() -> None:
        end = time.monotonic() + 60
        while len(plan.log) == struck and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=interrupt)
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        get(swift, tmp_path, contents="xrt")
    pressing.join()
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("swiftxrt-worker")]
    assert there(tmp_path) == {}


def assert_whole(folder: Path, archive: Path) -> None:
    """Every file that shows is whole."""
    expected = there(archive)
    shown = {name: data for name, data in there(folder).items() if not Path(name).name.startswith(".")}
    assert all(expected[name] == data for name, data in shown.items())
