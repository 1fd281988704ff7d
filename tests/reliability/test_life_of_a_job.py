"""What becomes of a job when the service, the network, the machine or the user does not behave.

Through the public client, over a real socket, against the embedded service;
the cases are numbered in ``cases.csv``.
"""

from __future__ import annotations

import itertools
import logging
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import (
    ImageRequest,
    LightCurveRequest,
    PositionRequest,
    SnapshotBinning,
    SwiftXRTClass,
    Target,
    XRTRequest,
    conf,
)
from swiftxrt.backends.ukssdc.products import UKSSDCBackend
from swiftxrt.engine import build as engine
from swiftxrt.exceptions import (
    JobError,
    JobLostError,
    JobTimeoutError,
    ProductNotAvailableError,
    RequestError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
    ServiceWarning,
    SubmissionUncertainError,
)
from swiftxrt.jobs import waiting
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position
from swiftxrt.products.report import Phase
from swiftxrt.testing import FaultPlan, embedded_server, faults

USER = "someone@example.org"
OTHER = "other@example.org"
NAME = "constant source"
LONG = 60 * u.s

ONE = XRTRequest(target=Target(NAME), position=PositionRequest("standard"))
THREE = XRTRequest(target=Target(NAME), position=PositionRequest("standard", "astrometric"), image=ImageRequest())
IMAGE = XRTRequest(target=Target(NAME), image=ImageRequest())


class Factory:
    """Makes positions at once, and other products as the engine does, while it is open."""

    def __init__(self) -> None:
        self.build = engine.build_product
        self.open = threading.Event()
        self.open.set()
        self.refusals: dict[Kind, str] = {}
        #: Open for these products at any time.
        self.quick: set[Kind] = set()

    def __call__(self, kind: Kind, request: XRTRequest, *args: Any, **options: Any) -> Any:
        assert kind in self.quick or self.open.wait(60)
        if kind in self.refusals:
            raise ProductNotAvailableError(kind.title, self.refusals[kind])
        if kind in (Kind.STANDARD_POSITION, Kind.ASTROMETRIC_POSITION):
            return Position(SkyCoord(10, 10, unit="deg"), 3.5 * u.arcsec)
        return self.build(kind, request, *args, **options)


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> Factory:
    made = Factory()
    monkeypatch.setattr(engine, "build_product", made)
    return made


@pytest.fixture
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def url(small_archive: Path, factory: Factory, plan: FaultPlan) -> Iterator[str]:
    with embedded_server(small_archive, faults=plan, job_limit=3, workers=4) as address:
        yield address
        plan.clear()
        factory.open.set()


@pytest.fixture
def client(url: str) -> Iterator[SwiftXRTClass]:
    with SwiftXRTClass(user=USER) as made:
        yield made


def said(**codes: int) -> faults.Fault:
    """The service says that the state of products is another one."""

    def change(content: Any) -> Any:
        for code, number in codes.items():
            content[code] |= {"statusCode": number, "statusText": f"number {number}"}
        return content

    return faults.change_reply(change).on("status")


@contextmanager
def script(url: str, body: str) -> Iterator[subprocess.Popen[str]]:
    """Run a client in a process of its own; it has the service of this one, and the job book."""
    start = f"""
        import os, signal, sys, time
        import astropy.units as u
        from swiftxrt import SwiftXRTClass, Target, XRTRequest, conf
        conf.service_url, conf.data_dir, conf.retry_wait = {url!r}, {conf.data_dir!r}, 1e-3
        client = SwiftXRTClass(user="some" + "one@example.org")
        request = XRTRequest.from_json({ONE.to_json()!r})
        def tell(text):
            sys.stdout.write(str(text) + "\\n")
            sys.stdout.flush()
    """
    code = textwrap.dedent(start) + textwrap.dedent(body)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def until(is_true: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


# Submitting

LOST = {
    "no reply": faults.lose_reply(),
    "reset in the body": faults.reset_in_body(),
    "half of it": faults.truncate(),
    "a page": faults.replace_body(b"<html>Back soon</html>", media_type="text/html"),
    "half of the JSON": faults.bad_json(),
    "silence": faults.never_answer(processed=True),
}


@pytest.mark.fault_case(56)
@pytest.mark.parametrize("fault", LOST)
def test_lost_reply_makes_no_second_job(fault: str, client: SwiftXRTClass, plan: FaultPlan) -> None:
    plan.add(LOST[fault].on("submit", count=1))
    with conf.set_temp("read_timeout", 0.5 if fault == "silence" else 60.0):
        job = client.submit(ONE)
    assert job.result(timeout=LONG, progress=False).position is not None
    assert plan.seen["submit"] == len(plan.log) == 1
    assert list(client.list_jobs()["job_id"]) == [job.id]


@pytest.mark.fault_case(56)
def test_nothing_is_sent_again_before_the_list_could_be_read(client: SwiftXRTClass, plan: FaultPlan) -> None:
    plan.add(faults.lose_reply().on("submit"), faults.status(503).on("list"))
    for _ in range(2):
        with pytest.raises(SubmissionUncertainError, match="may have arrived"):
            client.submit(ONE)
    plan.clear()
    with pytest.warns(ServiceWarning, match="job 1 was made"):
        job = client.submit(ONE)
    assert plan.seen["submit"] == 1
    assert job.result(timeout=LONG, progress=False).position is not None


@pytest.mark.fault_case(57)
def test_process_killed_before_it_wrote_the_number_down(url: str, client: SwiftXRTClass, plan: FaultPlan) -> None:
    body = """
        from swiftxrt.jobs.book import JobBook
        JobBook.accept = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)
        client.submit(request)
    """
    with script(url, body) as process:
        assert process.wait(60) == -signal.SIGKILL
    (entry,) = client.job_book.find()
    assert (entry.state, entry.job_id) == ("sent", None)
    with pytest.warns(ServiceWarning, match="nothing was sent"):
        job = client.submit(ONE)
    assert job.result(timeout=LONG, progress=False).position is not None
    assert plan.seen["submit"] == 1
    assert list(client.list_jobs()["recorded"]) == ["accepted"]


@pytest.mark.fault_case(67)
def test_as_many_jobs_as_the_service_allows(client: SwiftXRTClass, factory: Factory, plan: FaultPlan) -> None:
    factory.open.clear()
    first = [client.submit(ONE) for _ in range(3)]
    with pytest.raises(RequestRejectedError, match="3 at a time"):
        client.submit(ONE)
    assert client.job_book.find(state="refused")
    jobs = client.submit_many([ONE], max_active=9, progress=False)
    with pytest.raises(JobTimeoutError):
        jobs.wait(timeout=0.5 * u.s)
    assert jobs[0].outcome == "waiting"
    assert client.count_active_jobs() == 3
    factory.open.set()
    assert jobs.wait(timeout=LONG)[0].outcome == "done"
    assert jobs[0].job_id not in [job.id for job in first]


@pytest.mark.fault_case(68)
def test_two_processes_send_nothing_twice(url: str, client: SwiftXRTClass, plan: FaultPlan) -> None:
    body = """
        from swiftxrt.exceptions import JobBookError
        wanted = [request.replace(target=Target("constant source", t0=(6e8 + n) * u.s)) for n in range(5)]
        tell("ready")
        sys.stdin.readline()
        while True:
            try:
                jobs = client.submit_many(wanted, progress=False).wait(timeout=60 * u.s)
                break
            except JobBookError as error:
                assert "another process works on this list" in str(error)
                time.sleep(0.01)
        tell(" ".join(item.job_id for item in jobs))
    """
    with script(url, body) as one, script(url, body) as another:
        for process in (one, another):
            assert process.stdout.readline() == "ready\n"
        told = [process.communicate("go\n", timeout=60) for process in (one, another)]
    assert told[0] == told[1], told
    assert plan.seen["submit"] == 5
    assert sorted(client.list_jobs()["job_id"]) == sorted(told[0][0].split())


# Waiting


class Clock:
    """Pauses that take no time; at a certain moment something happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self.then: tuple[float, Callable[[], None]] = (float("inf"), lambda: None)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.then[0]:
            self.then[1]()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    monkeypatch.setattr(UKSSDCBackend, "min_poll_interval_s", 60.0)
    return made


@pytest.mark.fault_case(58)
def test_process_killed_while_it_waits(
    url: str, client: SwiftXRTClass, factory: Factory, plan: FaultPlan, tmp_path: Path
) -> None:
    factory.open.clear()
    with script(url, "job = client.submit(request)\ntell(job.id)\njob.wait()") as process:
        job_id = process.stdout.readline().strip()
        until(lambda: plan.seen["status"] > 0)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
    with conf.set_temp("data_dir", str(tmp_path / "elsewhere")):  # a machine that knows nothing of it
        job = client.get_job(job_id)
        assert job.refresh().phase in (Phase.QUEUED, Phase.EXECUTING)
        factory.open.set()
        assert job.result(timeout=LONG, progress=False).position is not None
    assert plan.seen["submit"] == 1


@pytest.mark.fault_case(59)
def test_ten_minutes_without_the_service(
    client: SwiftXRTClass, factory: Factory, plan: FaultPlan, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    factory.open.clear()
    job = client.submit(ONE)
    plan.add(faults.status(503).on("status", after=1))

    def back() -> None:
        plan.clear()
        factory.open.set()
        until(lambda: client.count_active_jobs() == 0)

    clock.then = 660.0, back
    with caplog.at_level(logging.WARNING, "swiftxrt"):
        assert job.wait(progress=False).phase is Phase.COMPLETED
    assert clock.now > 660
    assert f"job {job.id} is still waited for: the last 6 looks failed" in caplog.text
    assert "503" in caplog.text


@pytest.mark.fault_case(59)
def test_service_that_stays_away(client: SwiftXRTClass, factory: Factory, plan: FaultPlan, clock: Clock) -> None:
    factory.open.clear()
    job = client.submit(ONE)
    plan.add(faults.status(503).on("status", after=1))
    with pytest.raises(JobTimeoutError, match="looks failed: .*503") as caught:
        job.wait(timeout=20 * u.min, progress=False)
    assert caught.value.report.phase in (Phase.QUEUED, Phase.EXECUTING)
    plan.replace(faults.status(503).on("status", after=1))
    clock.now = 0.0
    with pytest.raises(ServiceUnavailableError, match="503"):
        job.wait(progress=False)
    assert 3600 <= clock.now < 4500
    clock.now = 0.0
    with pytest.raises(ServiceUnavailableError, match="503"):  # it is not reached at all
        job.wait(progress=False)
    assert clock.now < 600


@pytest.mark.fault_case(62)
def test_status_nobody_has_seen_before(client: SwiftXRTClass, plan: FaultPlan) -> None:
    plan.add(said(psf=17))
    job = client.submit(ONE)
    report = job.refresh()
    assert (job.phase, report.is_final) == (Phase.UNKNOWN, False)
    assert "UNKNOWN: the service reports the unknown state '17' (number 17)" in str(report)
    plan.replace(said(psf=17).on("status", count=2))
    assert job.result(timeout=LONG, progress=False).position is not None


@pytest.mark.fault_case(66)
@pytest.mark.parametrize("code", [1, 3, 17])
def test_status_that_goes_backwards(code: int, client: SwiftXRTClass, plan: FaultPlan, factory: Factory) -> None:
    factory.refusals[Kind.ASTROMETRIC_POSITION] = "too few counts"
    job = client.submit(THREE.replace(image=None))
    before = job.wait(timeout=LONG, progress=False)
    plan.add(said(psf=code, xastrom=code))
    assert job.refresh() == before
    assert job.wait(timeout=LONG, progress=False) == before
    assert client.job_book.find()[0].phases[Kind.STANDARD_POSITION] is Phase.COMPLETED
    assert set(job.result(timeout=LONG, progress=False)) == {Kind.STANDARD_POSITION}


@pytest.mark.fault_case(69)
def test_clock_that_jumps_back(
    client: SwiftXRTClass, factory: Factory, plan: FaultPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.open.clear()
    monkeypatch.setattr(UKSSDCBackend, "min_poll_interval_s", 0.01)
    hours = itertools.count()
    job = client.submit(ONE)
    jobs = client.submit_many([THREE.replace(image=None)], progress=False)
    monkeypatch.setattr(time, "time", lambda: 1.8e9 - 3600 * next(hours))
    plan.add(said(psf=4).on("status", after=60))  # in vain: the time is over before that
    with pytest.raises(JobTimeoutError):
        job.wait(timeout=0.3 * u.s, progress=False)
    with pytest.raises(JobTimeoutError):
        jobs.wait(timeout=0.1 * u.s)
    plan.replace(faults.status(503, retry_after=0 * u.s).on("status", count=2))
    factory.open.set()
    assert job.wait(timeout=LONG, progress=False).phase is Phase.COMPLETED
    assert jobs.wait(timeout=LONG)[0].outcome == "done"
    assert next(hours) > 0


@pytest.mark.fault_case(70)
def test_ctrl_c_while_waiting(url: str, client: SwiftXRTClass, factory: Factory, plan: FaultPlan) -> None:
    factory.open.clear()
    with script(url, "job = client.submit(request)\ntell(job.id)\njob.result()") as process:
        job_id = process.stdout.readline().strip()
        until(lambda: plan.seen["status"] > 0)
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    job = client.get_job(job_id)
    assert job.refresh().phase in (Phase.QUEUED, Phase.EXECUTING)
    factory.open.set()
    assert job.result(timeout=LONG, progress=False).position is not None
    assert plan.seen["cancel"] == 0


@pytest.mark.fault_case(70)
def test_ctrl_c_while_downloading(url: str, client: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    job = client.submit(IMAGE)
    job.wait(timeout=LONG, progress=False)
    plan.add(faults.stall().on("file", count=1))
    body = f"""
        job = client.get_job({job.id})
        job.refresh()
        job.download({str(tmp_path)!r})
    """
    with script(url, body) as process:
        until(lambda: len(plan.log) > 0)
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    saved = job.download(tmp_path)
    assert saved[Kind.IMAGE].read_bytes()[:2] == b"\x1f\x8b"
    assert list(tmp_path.iterdir()) == [tmp_path / "image.tar.gz"]


# Products


@pytest.mark.fault_case(60)
def test_one_product_failed(client: SwiftXRTClass, factory: Factory) -> None:
    factory.refusals[Kind.ASTROMETRIC_POSITION] = "too few stars"
    job = client.submit(THREE)
    products = job.result(timeout=LONG, progress=False)
    assert set(products) == {Kind.STANDARD_POSITION, Kind.IMAGE}
    assert products.failed == {Kind.ASTROMETRIC_POSITION: "too few stars"}
    with pytest.raises(ProductNotAvailableError, match="too few stars"):
        job.product("astrometric_position")


@pytest.mark.fault_case(61)
def test_all_products_failed(client: SwiftXRTClass, factory: Factory) -> None:
    factory.refusals = {kind: f"no {kind.code} today" for kind in THREE.kinds}
    with pytest.raises(JobError) as caught:
        client.submit(THREE).result(timeout=LONG, progress=False)
    assert all(f"no {kind.code} today" in str(caught.value) for kind in THREE.kinds)


@pytest.mark.fault_case(63)
def test_job_that_vanished(client: SwiftXRTClass, plan: FaultPlan, tmp_path: Path) -> None:
    job = client.submit(IMAGE)
    job.wait(timeout=LONG, progress=False)
    plan.add(faults.status(404).on("file"))
    for fetch in (lambda: job.product("image"), lambda: job.download(tmp_path, kinds="image")):
        with pytest.raises(ServiceError, match="may not exist, not exist yet, or have expired"):
            fetch()
    assert list(tmp_path.iterdir()) == []
    plan.replace(faults.vanish())
    for ask in (job.refresh, job.wait, lambda: client.get_job(job.id)):
        with pytest.raises(JobLostError, match=job.id):
            ask()
    assert [(row["job_id"], row["recorded"]) for row in client.list_jobs()] == [(job.id, "accepted")]


@pytest.mark.fault_case(65)
def test_cancelling_too_late_twice_and_in_part(client: SwiftXRTClass, factory: Factory, plan: FaultPlan) -> None:
    factory.open.clear()
    job = client.submit(THREE)
    for remark in ("", "could not be cancelled: already finished", "could not be cancelled: already finished"):
        report = job.cancel("image")
        assert report.products[Kind.IMAGE].phase is Phase.ABORTED
        assert (report.products[Kind.IMAGE].remark != "") == (remark != "")
        assert not any(report.products[kind].phase.is_final for kind in THREE.kinds if kind is not Kind.IMAGE)
    factory.open.set()
    assert set(job.result(timeout=LONG, progress=False)) == set(THREE.kinds) - {Kind.IMAGE}
    asked = plan.seen["cancel"]
    for late in (job, client.get_job(job.id)):  # the second one has to ask
        report = late.cancel()
        assert report.phase is Phase.COMPLETED
        assert "already finished" in report.products[Kind.STANDARD_POSITION].remark
    assert plan.seen["cancel"] == asked + 1
    assert set(job.result(timeout=LONG, progress=False)) == set(THREE.kinds) - {Kind.IMAGE}


@pytest.mark.fault_case(71)
def test_positions_before_the_light_curve(client: SwiftXRTClass, factory: Factory) -> None:
    factory.open.clear()
    factory.quick = {Kind.STANDARD_POSITION}
    job = client.submit(ONE.replace(light_curve=LightCurveRequest(binning=SnapshotBinning())))
    until(lambda: Kind.STANDARD_POSITION in job.refresh().completed)
    position = job.product("standard_position")
    with pytest.raises(ProductNotAvailableError, match=r"wait\(\)"):
        job.product("light_curve")
    factory.open.set()
    products = job.result(timeout=LONG, progress=False)
    assert products.position == position
    assert len(products.light_curve.total) > 0
    assert not products.failed


# Whose job it is


@pytest.mark.fault_case(64)
def test_job_of_another_user(url: str, client: SwiftXRTClass, plan: FaultPlan) -> None:
    job = client.submit(ONE)
    with SwiftXRTClass(user=OTHER) as other:
        with pytest.raises(JobLostError, match="not owned"):
            other.get_job(job.id)
        plan.add(faults.status(503))
        with pytest.raises(ServiceUnavailableError):  # and the job book, which knows it, does not give it away
            other.get_job(job.id)
        with pytest.warns(ServiceWarning, match="as the job book knows it"):
            assert client.get_job(job.id).id == job.id
        plan.clear()
        assert len(other.list_jobs()) == 0


@pytest.mark.fault_case(64)
def test_job_stays_with_its_user(url: str, plan: FaultPlan, tmp_path: Path) -> None:
    with SwiftXRTClass() as client:
        with conf.set_temp("user", OTHER):
            theirs = client.submit(IMAGE)
        with conf.set_temp("user", USER):
            job = client.submit(ONE)
            products = job.result(timeout=LONG, progress=False)
        with conf.set_temp("user", OTHER):
            # What was kept of it is not for others either; it is removed as soon as the job looks lost.
            asks: list[Callable[[], Any]] = [lambda: job.product("standard_position"), job.refresh, job.cancel]
            for ask in [*asks, job.wait, lambda: client.get_job(job.id)]:
                with pytest.raises(JobLostError, match="not owned"):
                    ask()
            assert list(client.list_jobs()["job_id"]) == [theirs.id]
        with conf.set_temp("user", USER):
            assert job.result(timeout=LONG, progress=False).position == products.position
            assert list(client.list_jobs()["job_id"]) == [job.id]


@pytest.mark.fault_case(64)
def test_list_of_jobs_stays_with_its_user(url: str, factory: Factory, plan: FaultPlan) -> None:
    factory.open.clear()
    wanted = [ONE.replace(target=Target(NAME, t0=(6e8 + number) * u.s)) for number in range(3)]
    with SwiftXRTClass() as client:
        with conf.set_temp("user", USER):
            jobs = client.submit_many(wanted, max_active=1, progress=False)
            until(lambda: jobs[0].outcome == "running")
        with conf.set_temp("user", OTHER):
            with pytest.raises(RequestError, match="another user"):
                jobs.wait(timeout=LONG)
            factory.open.set()
            assert len(client.list_jobs()) == 0
        assert [item.outcome.value for item in jobs] == ["running", "waiting", "waiting"]
        with conf.set_temp("user", USER):
            again = client.submit_many(wanted, max_active=1, progress=False).wait(timeout=LONG)
            assert [item.outcome.value for item in again] == ["done"] * 3
            assert len(client.list_jobs()) == 3
    assert plan.seen["submit"] == 3
