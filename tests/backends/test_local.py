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
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import astropy.units as u
import pytest
from astropy.table import QTable

from swiftxrt import (
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    SnapshotBinning,
    SpectrumRequest,
    SwiftXRT,
    Target,
    TimeBinning,
    XRTRequest,
)
from swiftxrt.backends.local import scheduler as scheduler_module
from swiftxrt.backends.local.archive import Archive, _reference_met
from swiftxrt.backends.local.headers import EventHeader
from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.backends.local.scheduler import Scheduler
from swiftxrt.backends.local.store import JobStore
from swiftxrt.exceptions import (
    JobError,
    JobLostError,
    NoDataError,
    ProductNotAvailableError,
    RequestError,
    ServerStartError,
    ServiceUnavailableError,
)
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind as Kind
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
    monkeypatch.setattr(Scheduler, "_make_executor", lambda self: BrokenPool())
    with caplog.at_level(logging.CRITICAL), LocalBackend(archive) as backend:
        status = ended(backend).products[Kind.IMAGE]
    assert status.phase is Phase.ERROR
    assert "fewer workers" in status.text
    assert BrokenPool.made == 3


def test_pool_that_broke_while_idle_is_replaced(archive: Path) -> None:
    with LocalBackend(archive, processes=True, workers=1) as backend:
        backend.warm_up()
        backend._scheduler._executor.submit(int).result()
        pool = backend._scheduler._executor
        for process in pool._processes.values():
            process.kill()
        pool._executor_manager_thread.join()
        assert ended(backend).phase is Phase.COMPLETED


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_workers_leave_interrupts_to_the_main_process(archive: Path) -> None:
    with LocalBackend(archive, processes=True, workers=1) as backend:
        backend.warm_up()
        backend._scheduler._executor.submit(int).result()
        (before,) = backend._scheduler._executor._processes
        os.kill(before, signal.SIGINT)
        assert ended(backend).phase is Phase.COMPLETED
        assert list(backend._scheduler._executor._processes) == [before]


_KILLED = """
import os, signal, sys
from swiftxrt.backends.local.products import LocalBackend
if __name__ == "__main__":
    backend = LocalBackend(sys.argv[1], processes=True, workers=1)
    backend.warm_up()
    backend._scheduler._executor.submit(int).result()
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
        assert len(again.list_jobs()) == 1
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
        backend._scheduler.put("", job.id, Kind.IMAGE)
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


def test_the_reasons_are_told_if_no_event_file_can_be_read(tmp_path: Path) -> None:
    for number in range(1, 6):
        for mode in ("pcw3", "wtw2"):
            name = f"sw0001234500{number}x{mode}po_cl.evt"
            damaged = tmp_path / f"0001234500{number}" / "xrt" / "event" / name
            damaged.parent.mkdir(parents=True, exist_ok=True)
            damaged.write_bytes(b"not FITS")
    with pytest.raises(NoDataError) as caught:
        Archive(tmp_path).resolve(Target("X", target_ids=("00012345",)))
    text = str(caught.value)
    assert all(name in text for name in ("001xpcw3po_cl.evt: ", "001xwtw2po_cl.evt: ", "002xpcw3po_cl.evt: "))
    assert text.endswith("(and 7 more, see the log)")


def test_reference_time_without_trigger_is_the_first_of_all_modes() -> None:
    def header(start_met: float, trigger_met: float | None = None) -> EventHeader:
        return EventHeader("PC", "X", "fk5", (0.0, 0.0), None, 0.0, trigger_met, start_met, start_met, None, 1.0, "")

    assert _reference_met([[], [header(200.0), header(100.0)], [header(150.0)]]) == 100.0
    assert _reference_met([[header(200.0, 90.0), header(80.0)]]) == 90.0
    with pytest.raises(NoDataError, match="T0"):
        _reference_met([[], []])


def test_astrometric_position_waits_and_a_cancellation_releases_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), threading.Event()
    build = scheduler_module.run_product

    def held(state: Path, folder: Path, job_id: str, kind: Kind, *more: object) -> None:
        if kind is Kind.STANDARD_POSITION:
            begun.set()
            go_on.wait(60)
        build(state, folder, job_id, kind, *more)

    monkeypatch.setattr(scheduler_module, "run_product", held)
    request = XRTRequest(target=Target(NAME), position=PositionRequest(kinds=("standard", "astrometric")))
    with LocalBackend(archive, processes=False, workers=2) as backend:
        handle = backend.submit(request)
        begun.wait(60)
        assert backend.poll(handle).products[Kind.ASTROMETRIC_POSITION].phase is Phase.SUSPENDED
        backend.cancel(handle, [Kind.STANDARD_POSITION])
        report = Job(handle, backend).wait(timeout=1 * u.min, progress=False)
        go_on.set()
    assert report.products[Kind.STANDARD_POSITION].phase is Phase.ABORTED
    assert "reference_catalog=" in report.products[Kind.ASTROMETRIC_POSITION].text


def test_reference_catalogue_comes_to_the_worker(archive: Path) -> None:
    """The field holds one source: too few, which only somebody with a catalogue finds out."""
    catalog = QTable({"ra": [150.0] * u.deg, "dec": [20.0] * u.deg})
    request = XRTRequest(target=Target(NAME), position=PositionRequest("astrometric"))
    for processes in (False, True):
        with LocalBackend(archive, workers=1, processes=processes, reference_catalog=catalog) as backend:
            report = Job(backend.submit(request), backend).wait(timeout=2 * u.min, progress=False)
        assert "3 are needed" in report.products[Kind.ASTROMETRIC_POSITION].text


def test_reference_catalogue_that_cannot_be_used_is_refused(archive: Path) -> None:
    with pytest.raises(RequestError, match=r"copied to worker processes .* processes=False"):
        LocalBackend(archive, processes=True, reference_catalog=lambda centre, radius: QTable())
    with pytest.raises(RequestError, match="got float"):
        SwiftXRT(backend="local", archive=archive, reference_catalog=3.5)
    with pytest.raises(RequestError, match="is for backend='local'"):
        SwiftXRT(reference_catalog=QTable({"ra": [1.0] * u.deg, "dec": [1.0] * u.deg}))


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

    monkeypatch.setattr(scheduler_module, "run_product", fail)
    with caplog.at_level(logging.CRITICAL), LocalBackend(archive) as backend:
        status = ended(backend, IMAGE.replace(spectrum=SpectrumRequest())).products[Kind.SPECTRUM]
    assert (status.phase, status.text) == (Phase.ERROR, "the engine failed: ZeroDivisionError: oops")


# History, cancellation and rebinning

CURVE = XRTRequest(
    target=Target(NAME), light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30))
)


@pytest.fixture
def idle(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalBackend]:
    """A backend that builds nothing."""
    monkeypatch.setattr(scheduler_module, "run_product", lambda *task: None)
    with LocalBackend(archive, state=tmp_path / "state") as backend:
        yield backend


def test_request_comes_back_complete(idle: LocalBackend) -> None:
    handle = idle.submit(CURVE.replace(target=Target(NAME, resolve_t0=True)))
    request = handle.request
    assert request == request.with_defaults() == idle.recall(handle.id).request
    assert request.target.target_ids == ("09999002",)
    assert request.target.position is not None
    assert request.target.t0_met is not None
    assert str(request.light_curve.soft) == "0.3-1.5 keV"
    assert idle.recall(handle.id).parameters == handle.parameters
    assert handle.parameters["pccounts"] == 20
    assert handle.parameters["targ"] == "09999002"
    assert "UserID" not in handle.parameters
    again = idle.submit(handle.request)  # an old job as a template
    assert (again.request, again.id != handle.id) == (request, True)


def test_jobs_of_each_owner(idle: LocalBackend) -> None:
    mine, other = idle.submit(CURVE), idle.submit(IMAGE, owner="other")
    (job,) = idle.list_jobs()
    assert (job.id, job.name, job.kinds, job.available) == (mine.id, NAME, (Kind.LIGHT_CURVE,), False)
    assert [one.id for one in idle.list_jobs(owner="other")] == [other.id]
    assert idle.count_active_jobs() == idle.count_active_jobs(owner="other") == 1
    idle.cancel(mine, [Kind.LIGHT_CURVE])
    assert (idle.count_active_jobs(), len(idle.list_jobs())) == (0, 1)


def test_cancelling_twice_and_after_the_end(idle: LocalBackend) -> None:
    handle = idle.submit(IMAGE.replace(spectrum=SpectrumRequest(), light_curve=CURVE.light_curve))
    idle.store.move(handle.id, Kind.IMAGE, [Phase.QUEUED], Phase.COMPLETED)
    idle.store.move(handle.id, Kind.SPECTRUM, [Phase.QUEUED], Phase.ERROR, "too few counts")
    for remark in ("", "is cancelled already"):
        report = idle.cancel(handle, handle.request.kinds)
        texts = {kind: (status.phase, status.text, status.remark) for kind, status in report.products.items()}
        assert texts == {
            Kind.LIGHT_CURVE: (Phase.ABORTED, "", remark),
            Kind.IMAGE: (Phase.COMPLETED, "", "could not be cancelled: already finished"),
            Kind.SPECTRUM: (Phase.ERROR, "too few counts", "could not be cancelled: already finished"),
        }
    assert idle.poll(handle).products[Kind.IMAGE].text == ""


def test_job_of_another_state_folder_is_refused(idle: LocalBackend, archive: Path, tmp_path: Path) -> None:
    with LocalBackend(archive, state=tmp_path / "other") as other:
        job = Job(idle.submit(CURVE), other)
        assert (job.id, job.service) == (other.submit(CURVE).id, idle.service)
        for act in (
            job.refresh,
            job.cancel,
            job.rebin,
            lambda: other.collect(job._handle, Kind.LIGHT_CURVE),
        ):
            with pytest.raises(JobLostError, match=r"belongs to .*state"):
                act()


def test_cancelled_product_leaves_the_queue(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(scheduler_module, "run_product", lambda *task: go_on.wait(60))
    with LocalBackend(archive, workers=1) as backend:
        handles = [backend.submit(IMAGE) for _ in range(4)]
        backend.cancel(handles[2], [Kind.IMAGE])
        assert [task.job_id for _, task in iter(backend._scheduler._queue.take, None)] == [handles[1].id, handles[3].id]
        go_on.set()


def test_light_curve_binned_anew(archive: Path) -> None:
    request = CURVE.replace(image=ImageRequest(), spectrum=SpectrumRequest())
    with LocalBackend(archive) as backend:
        job = Job(backend.submit(request, owner="me"), backend)
        before = job.result(timeout=2 * u.min, progress=False)
        new = job.rebin(SnapshotBinning(), band="0.3-5 keV")
        assert (new.rebin_of, new.kinds) == (job.id, (Kind.LIGHT_CURVE,))
        assert backend.owner_of(new.id) == "me"
        curves = new.result(timeout=2 * u.min, progress=False).light_curve
        assert len(curves.total) == 1 < len(before.light_curve.total)
        assert curves.total.band == "0.3-5 keV"
        # The same as from a request of its own.
        direct = Job(backend.submit(CURVE.replace(light_curve=new.request.light_curve)), backend)
        assert curves.total.equals(direct.result(timeout=2 * u.min, progress=False).light_curve.total)
        assert [one.id for one in backend.list_jobs(owner="me")] == [job.id]
        assert backend.recall(new.id) == new._handle
        third = new.rebin(TimeBinning(pc_bin=100 * u.s))
        assert (third.rebin_of, third.request.light_curve.band) == (job.id, new.request.light_curve.band)
        third.wait(timeout=2 * u.min, progress=False)


def test_rebinning_needs_a_light_curve(idle: LocalBackend) -> None:
    handle = idle.submit(CURVE)
    with pytest.raises(ProductNotAvailableError, match="QUEUED"):
        idle.rebin(handle, CURVE.light_curve)
    with pytest.raises(ProductNotAvailableError, match="not asked for"):
        idle.rebin(idle.submit(IMAGE), CURVE.light_curve)
    idle.store.move(handle.id, Kind.LIGHT_CURVE, [Phase.QUEUED], Phase.COMPLETED)
    active = idle.count_active_jobs()
    new = idle.rebin(handle, CURVE.light_curve)
    assert idle.count_active_jobs() == active + 1
    assert Job(new, idle).cancel().phase is Phase.ABORTED
    assert idle.count_active_jobs() == active


def test_rebinning_is_taken_up_after_a_restart(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, LocalBackend(archive, state=tmp_path / "state") as backend:
        handle = backend.submit(CURVE)
        Job(handle, backend).wait(timeout=2 * u.min, progress=False)
        patch.setattr(scheduler_module, "run_product", lambda *task: None)
        new = backend.rebin(handle, CURVE.light_curve.replace(binning=SnapshotBinning()))
    with LocalBackend(archive, state=tmp_path / "state") as backend:
        job = Job(backend.recall(new.id), backend)
        assert job.rebin_of == handle.id
        assert len(job.result(timeout=2 * u.min, progress=False).light_curve.total) == 1


def test_owners_take_turns(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a restart, when all that is left is in the store."""
    order: list[str] = []
    go_on = threading.Event()

    def record(state: Path, folder: Path, job_id: str, kind: Kind, *more: object) -> None:
        go_on.wait(60)
        order.append(job_id)
        JobStore(state).move(job_id, kind, [Phase.QUEUED], Phase.COMPLETED)

    monkeypatch.setattr(scheduler_module, "run_product", record)
    with LocalBackend(archive, state=tmp_path / "state", workers=1) as backend:
        jobs = [backend.submit(IMAGE, owner=owner) for owner in "aaabc"]
        a1, a2, a3, b, c = (job.id for job in jobs)
        go_on.set()
        for job in jobs:
            Job(job, backend).wait(timeout=1 * u.min, progress=False)
        assert order == [a1, a2, b, c, a3]
        for job in jobs:
            backend.store.move(job.id, Kind.IMAGE, [Phase.COMPLETED], Phase.QUEUED)
    order.clear()
    go_on.clear()
    with LocalBackend(archive, state=tmp_path / "state", workers=1) as backend:
        go_on.set()
        for job in jobs:
            Job(job, backend).wait(timeout=1 * u.min, progress=False)
    assert order == [a1, a2, b, c, a3]


def test_polling_reads_a_job_once(idle: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = idle.submit(IMAGE)
    idle.recall(handle.id)
    monkeypatch.setattr(JobStore, "get", None)
    assert idle.recall(handle.id) == idle.recall(int(handle.id)) == handle  # type: ignore[arg-type]
    assert idle.owner_of(handle.id) == ""
    assert idle.poll(handle).products


def test_a_catalogue_of_the_script_keeps_the_work_in_one_thread(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def around(*args: object) -> None:
        return None

    def of_the_script(*args: object) -> None:
        return None

    # It can be pickled, but the workers have nothing of the script.
    of_the_script.__module__, of_the_script.__qualname__ = "__main__", "of_the_script"
    monkeypatch.setattr(sys.modules["__main__"], "of_the_script", of_the_script, raising=False)
    for catalog, processes in ((None, None), (around, False), (of_the_script, False)):
        with LocalBackend(archive, workers=2, reference_catalog=catalog) as backend:  # type: ignore[arg-type]
            assert backend._scheduler._processes is processes
            assert backend._scheduler._most == 1
