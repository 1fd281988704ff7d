"""Lists of jobs through the class users talk to, on the embedded server and on the local engine."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import JobList, PositionRequest, SwiftXRTClass, Target, XRTRequest, conf
from swiftxrt.backends.ukssdc.products import UKSSDCBackend
from swiftxrt.engine import build as engine
from swiftxrt.exceptions import JobError, RequestError, RequestWarning
from swiftxrt.products.position import Position
from swiftxrt.testing.server import embedded_server
from tests.caldb_files import write_caldb

USER = "someone@example.org"
LONG = 120 * u.s
NAME = "constant source"


def requests(number: int) -> list[XRTRequest]:
    targets = [Target(NAME, t0=(6e8 + index) * u.s) for index in range(number)]
    return [XRTRequest(target=target, position=PositionRequest("standard")) for target in targets]


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Products are made at once while this is set: a position that tells for which request."""
    go = threading.Event()
    go.set()

    def build(kind: Any, request: XRTRequest, observations: Any, **options: Any) -> Position:
        assert go.wait(60)
        return Position(SkyCoord(round(request.target.t0.unix) % 360, 10, unit="deg"), 3.5 * u.arcsec)

    monkeypatch.setattr(engine, "build_product", build)
    return go


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the service was asked for what."""
    counted: Counter[str] = Counter()
    for name in ("submit", "collect", "poll", "count_active_jobs", "list_jobs"):
        original = getattr(UKSSDCBackend, name)

        def call(self: Any, *args: Any, name: str = name, original: Any = original) -> Any:
            counted[name] += 1
            return original(self, *args)

        monkeypatch.setattr(UKSSDCBackend, name, call)
    return counted


@pytest.fixture
def url(small_archive: Path, instant: threading.Event) -> Iterator[str]:
    with embedded_server(small_archive, job_limit=3) as address:
        yield address
        instant.set()


@pytest.mark.fault_case(67)
def test_list_on_the_server(url: str, calls: Counter[str]) -> None:
    wanted = requests(8)
    with SwiftXRTClass(user=USER) as service:
        # The server allows three jobs at a time.
        jobs = service.submit_many(wanted, name="a list", progress=False)
        assert isinstance(jobs, JobList)
        results = jobs.gather(timeout=LONG)
        assert service.count_active_jobs() == 0
    expected = [round(one.target.t0.unix) % 360 for one in wanted]
    assert [round(one.position.coord.ra.deg) for one in results] == expected
    assert calls["collect"] == 8
    assert str(jobs.folder).startswith(conf.data_dir)
    calls.clear()
    with SwiftXRTClass(user=USER) as later:
        jobs = later.submit_many([*wanted, *requests(10)[8:]], name="a list", progress=False).wait(timeout=LONG)
        assert len(later.list_jobs()) == 10
        assert list(jobs.table["outcome"]) == ["done"] * 10
    assert (calls["collect"], len({item.job_id for item in jobs})) == (2, 10)


def test_list_that_was_closed_in_between(url: str, instant: threading.Event, calls: Counter[str]) -> None:
    instant.clear()
    service = SwiftXRTClass(user=USER)
    jobs = service.submit_many(requests(4), max_active=2, progress=False)
    while sum(item.job_id is not None for item in jobs) < 2:
        assert jobs._queue.is_running
    service.close()
    with pytest.raises(JobError, match="closed"):
        jobs.wait()
    instant.set()
    with SwiftXRTClass(user=USER) as again:
        assert again.submit_many(requests(4), progress=False).wait(timeout=LONG).report.is_final
        assert len(again.list_jobs()) == 4


def test_users_have_lists_of_their_own(url: str) -> None:
    folders = set()
    for user in (USER, "other@example.org"):
        with SwiftXRTClass(user=user) as service:
            jobs = service.submit_many(requests(1), progress=False).wait(timeout=LONG)
            folders.add(jobs.folder)
            assert len(service.list_jobs()) == 1
    assert len(folders) == 2


def test_list_on_the_local_engine(small_archive: Path, instant: threading.Event, tmp_path: Path) -> None:
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        first = local.submit_many(requests(3), location=tmp_path / "out", progress=False).wait(timeout=LONG)
        assert [item.outcome for item in first] == ["done"] * 3
    # Its jobs are gone with it, the products are not.
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        jobs = local.submit_many(requests(3), progress=False)
        assert jobs[1].result().position == first[1].result().position
        assert len(local.list_jobs()) == 0
        assert jobs.folder == tmp_path / "out"


def test_another_calibration_begins_another_list(small_archive: Path, instant: threading.Event, tmp_path: Path) -> None:
    folders = {}
    for caldb in (None, "v006", "v004", write_caldb(tmp_path)):
        with SwiftXRTClass(backend="local", archive=small_archive, caldb=caldb) as local:
            jobs = local.submit_many(requests(1), name="a list", progress=False).wait(timeout=LONG)
            assert [item.outcome for item in jobs] == ["done"]
            assert len(local.list_jobs()) == (
                0 if caldb == "v004" else 1
            )  # its product is there, as v004 is the default
            folders[caldb] = jobs.folder
    assert folders["v004"] == folders[None]
    assert len(set(folders.values())) == 3


def test_unknown_source_on_the_local_engine(small_archive: Path, instant: threading.Event) -> None:
    nowhere = Target("nowhere", position=SkyCoord(1, 80, unit="deg"))
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        wanted = [XRTRequest(target=nowhere, position=PositionRequest("standard")), *requests(1)]
        jobs = local.submit_many(wanted, progress=False).wait(timeout=LONG)
        assert [item.outcome for item in jobs] == ["failed", "done"]
        assert type(jobs[0].error).__name__ == "NoDataError"


def test_arguments(small_archive: Path) -> None:
    with SwiftXRTClass(backend="local", archive=small_archive) as local:
        for bad in ([], [Target(NAME)], requests(1)[0], "GRB 200416A"):
            with pytest.raises(RequestError):
                local.submit_many(bad)
        assert pickle.loads(pickle.dumps(local))._lists is not local._lists
        old = XRTRequest(target=Target(NAME, t0=1000 * u.s), position=PositionRequest("standard"))
        with pytest.warns(RequestWarning, match="before the launch") as caught:
            local.submit_many([old], progress=False).close()
        assert caught[0].filename == __file__
