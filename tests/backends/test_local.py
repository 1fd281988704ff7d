"""The local backend when things go wrong around it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import astropy.units as u
import pytest

from swiftxrt import ImageRequest, PositionRequest, SpectrumRequest, Target, XRTRequest
from swiftxrt.backends.local import products as products_module
from swiftxrt.backends.local.archive import Archive, _reference_met
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.exceptions import JobError, NoDataError, RequestError, ServerStartError, ServiceUnavailableError
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.mission import Mode
from swiftxrt.products.gti import GTI
from swiftxrt.products.report import Phase
from swiftxrt.testing.synthetic import small_observation

NAME = "constant source"
IMAGE = XRTRequest(target=Target(NAME), image=ImageRequest())


def ended(backend: LocalBackend, request: XRTRequest = IMAGE):
    return Job(backend.submit(request), backend).wait(timeout=2 * u.min, progress=False)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of the test's own, which it may damage."""
    folder = tmp_path / "archive"
    small_observation(folder)
    return folder


class BrokenPool:
    """A pool whose workers die before they begin, as without ``if __name__ == "__main__"``."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def submit(self, *task: object) -> Future:
        future: Future = Future()
        future.set_exception(BrokenProcessPool("died"))
        return future

    def shutdown(self, **options: object) -> None:
        pass


def test_workers_that_always_die_end_the_job(
    archive: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(LocalBackend, "_make_executor", lambda self: BrokenPool())
    with caplog.at_level(logging.CRITICAL), LocalBackend(archive) as backend:
        status = ended(backend).products[Kind.IMAGE]
    assert status.phase is Phase.ERROR
    assert "fewer workers" in status.text
    assert BrokenPool.made == 3


def test_pool_that_broke_while_idle_is_replaced(archive: Path) -> None:
    with LocalBackend(archive, processes=True, workers=1) as backend:
        backend.warm_up()
        backend._executor.submit(int).result()
        pool = backend._executor
        for process in pool._processes.values():
            process.kill()
        pool._executor_manager_thread.join()
        assert ended(backend).phase is Phase.COMPLETED


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_workers_leave_interrupts_to_the_main_process(archive: Path) -> None:
    with LocalBackend(archive, processes=True, workers=1) as backend:
        backend.warm_up()
        backend._executor.submit(int).result()
        (before,) = backend._executor._processes
        os.kill(before, signal.SIGINT)
        assert ended(backend).phase is Phase.COMPLETED
        assert list(backend._executor._processes) == [before]


_KILLED = """
import os, signal, sys
from swiftxrt.backends.local.products import LocalBackend
if __name__ == "__main__":
    backend = LocalBackend(sys.argv[1], processes=True, workers=1)
    backend.warm_up()
    backend._executor.submit(int).result()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_workers_do_not_outlive_a_main_process_that_was_killed(archive: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_KILLED)
    with subprocess.Popen(
        [sys.executable, script, archive],
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        start_new_session=True,
    ) as process:
        try:
            process.communicate(timeout=60)  # ends when the last process has closed the pipe
        finally:
            with contextlib.suppress(ProcessLookupError):  # none is left, as it should be
                os.killpg(process.pid, signal.SIGKILL)


def test_closed_backend_takes_no_jobs_and_closes_again(archive: Path, tmp_path: Path) -> None:
    for state in (None, tmp_path / "state"):
        backend = LocalBackend(archive, state=state)
        handle = backend.submit(IMAGE)
        backend.close()
        backend.close()
        with pytest.raises(ServiceUnavailableError, match="closed"):
            backend.submit(IMAGE)
    with LocalBackend(archive, state=state) as again:
        assert len(again.handles()) == 1
        assert Job(again.recall(handle.id), again).wait(timeout=2 * u.min, progress=False).phase is Phase.COMPLETED


def test_job_of_a_closed_backend(archive: Path) -> None:
    backend = LocalBackend(archive)
    handle = backend.submit(IMAGE)
    backend.close()
    with pytest.raises(JobError, match="closed"):
        backend.poll(handle)


def test_two_backends_on_one_archive(archive: Path) -> None:
    with LocalBackend(archive) as one, LocalBackend(archive) as other:
        assert one.store.folder != other.store.folder
        assert ended(one).phase is ended(other).phase is Phase.COMPLETED


def test_unusable_state_folders(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerStartError, match="another state folder"):
        LocalBackend(archive, state=tmp_path / "file")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "jobs.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(ServerStartError, match="another state folder"):
        LocalBackend(archive, state=tmp_path / "damaged")


def test_number_of_workers_is_checked(archive: Path) -> None:
    with pytest.raises(RequestError, match="workers"):
        LocalBackend(archive, workers=-1)


def test_archive_that_disappears(archive: Path, tmp_path: Path) -> None:
    with LocalBackend(archive, state=tmp_path / "state", workers=1) as backend:
        handle = backend.submit(IMAGE)
        Job(handle, backend).wait(timeout=2 * u.min, progress=False)
        request = handle.request
        shutil.rmtree(archive)
        with pytest.raises(NoDataError, match="is gone"):
            backend.submit(IMAGE)
        job = backend.store.add(request, "", {Kind.IMAGE: Phase.QUEUED})
        backend._start(job.id, Kind.IMAGE)
        status = Job(backend.recall(job.id), backend).wait(timeout=1 * u.min, progress=False).products[Kind.IMAGE]
    assert status.phase is Phase.ERROR
    assert "there is no folder" in status.text


def test_state_of_another_archive(archive: Path, tmp_path: Path) -> None:
    """Finished products stay; an open one ends with the reason."""
    state = tmp_path / "state"
    with LocalBackend(archive, state=state) as backend:
        done = backend.submit(IMAGE)
        Job(done, backend).wait(timeout=2 * u.min, progress=False)
        job = backend.store.add(done.request, "", {Kind.IMAGE: Phase.QUEUED})
    other = tmp_path / "other"
    small_observation(other)
    (other / "09999002000").rename(other / "00012345000")
    for path in other.rglob("*.evt.gz"):
        path.rename(path.with_name(path.name.replace("09999002000", "00012345000")))
    with LocalBackend(other, state=state) as backend:
        assert len(backend.collect(done, Kind.IMAGE)) == 3
        status = Job(backend.recall(job.id), backend).wait(timeout=1 * u.min, progress=False).products[Kind.IMAGE]
    assert status.phase is Phase.ERROR
    assert "no observation of target ID 09999002" in status.text


def test_damaged_observations_do_not_spoil_the_search(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    damaged = archive / "00012345001" / "xrt" / "event" / "sw00012345001xpcw3po_cl.evt"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"not FITS")
    found = Archive(archive).resolve(Target(NAME, resolve_t0=True))
    assert found.target_ids == ("09999002",)
    assert "00012345001" in caplog.text
    assert Archive(archive).resolve(Target("X", position=found.position)).target_ids == ("09999002",)
    with pytest.raises(NoDataError, match="00012345001 are empty or damaged"):
        Archive(archive).resolve(Target("X", target_ids=("00012345",)))


def test_reference_time_without_trigger_is_the_first_of_all_modes() -> None:
    lists = {
        Mode.PC: SimpleNamespace(header={"OBJECT": "X"}, gti=GTI([200.0], [300.0])),
        Mode.WT: SimpleNamespace(header={"OBJECT": "X"}, gti=GTI([100.0], [150.0])),
    }
    observation = SimpleNamespace(obsid="00012345000", modes=tuple(lists), events=lists.get)
    assert _reference_met([observation]) == 100.0
    lists[Mode.PC].header["TRIGTIME"] = 90.0
    assert _reference_met([observation]) == 90.0
    lists[Mode.PC] = SimpleNamespace(header={}, gti=GTI.empty())
    observation.modes = (Mode.PC,)
    with pytest.raises(NoDataError, match="T0"):
        _reference_met([observation])


def test_astrometric_position_waits_and_a_cancellation_releases_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), threading.Event()
    build = products_module.run_product

    def held(state: Path, folder: Path, job_id: str, kind: Kind) -> None:
        if kind is Kind.STANDARD_POSITION:
            begun.set()
            go_on.wait(60)
        build(state, folder, job_id, kind)

    monkeypatch.setattr(products_module, "run_product", held)
    request = XRTRequest(target=Target(NAME), position=PositionRequest(kinds=("standard", "astrometric")))
    with LocalBackend(archive, workers=2) as backend:
        handle = backend.submit(request)
        begun.wait(60)
        assert backend.poll(handle).products[Kind.ASTROMETRIC_POSITION].phase is Phase.SUSPENDED
        backend.cancel(handle, [Kind.STANDARD_POSITION])
        report = Job(handle, backend).wait(timeout=1 * u.min, progress=False)
        go_on.set()
    assert report.products[Kind.STANDARD_POSITION].phase is Phase.ABORTED
    assert "X-ray events only" in report.products[Kind.ASTROMETRIC_POSITION].text


def test_restart_takes_up_a_waiting_astrometric_position(archive: Path, tmp_path: Path) -> None:
    request = XRTRequest(target=Target(NAME), position=PositionRequest(kinds=("standard", "astrometric")))
    with LocalBackend(archive, state=tmp_path / "state") as backend:
        resolved = request.replace(target=backend.archive.resolve(request.target))
        phases = {Kind.STANDARD_POSITION: Phase.EXECUTING, Kind.ASTROMETRIC_POSITION: Phase.SUSPENDED}
        open_job = backend.store.add(resolved, "", phases)
        ended_job = backend.store.add(resolved, "", phases | {Kind.STANDARD_POSITION: Phase.ABORTED})
    with LocalBackend(archive, state=tmp_path / "state") as backend:
        for job, phase in ((open_job, Phase.COMPLETED), (ended_job, Phase.ABORTED)):
            report = Job(backend.recall(job.id), backend).wait(timeout=1 * u.min, progress=False)
            assert report.products[Kind.STANDARD_POSITION].phase is phase
            assert report.products[Kind.ASTROMETRIC_POSITION].phase is Phase.ERROR


def test_error_nobody_thought_of_ends_the_product(
    archive: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(products_module, "run_product", fail)
    with caplog.at_level(logging.CRITICAL), LocalBackend(archive) as backend:
        status = ended(backend, IMAGE.replace(spectrum=SpectrumRequest())).products[Kind.SPECTRUM]
    assert (status.phase, status.text) == (Phase.ERROR, "the engine failed: ZeroDivisionError: oops")
