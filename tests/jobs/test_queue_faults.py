"""Lists of jobs when things go wrong: cancellation, outages, lost replies, full disks, Ctrl-C."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import pytest

from swiftxrt.exceptions import (
    FormatError,
    JobError,
    NotRegisteredError,
    OfflineError,
    ProtocolError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
)
from swiftxrt.io import manifest
from swiftxrt.jobs import _outage
from swiftxrt.jobs.book import JobBook
from swiftxrt.jobs.joblist import JobList
from swiftxrt.jobs.outcome import ListReport, Outcome
from swiftxrt.jobs.progress import display
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.position import PositionRequest
from swiftxrt.request.target import Target

LONG = 60 * u.s
Run = Callable[..., JobList]


def requests(number: int, *kinds: str) -> list[XRTRequest]:
    position = PositionRequest(*(kinds or ("standard",)))
    return [XRTRequest(target=Target(f"S{index}"), position=position) for index in range(number)]


def outcomes(jobs: JobList) -> list[str]:
    return [item.outcome.value for item in jobs]


def away(number: int) -> list[BaseException]:
    return [ServiceUnavailableError("no network") for _ in range(number)]


# Cancelling


def test_cancelling(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(4), max_active=2)
    while many.calls["submit"] < 2:
        many.held.wait(0.001)
    assert jobs.cancel(timeout=LONG) is jobs
    assert outcomes(jobs) == ["cancelled"] * 4
    assert (many.calls["submit"], many.calls["cancel"]) == (2, 2)
    assert "before it was submitted" in str(jobs[3].error)
    with pytest.raises(JobError):
        jobs[0].result()
    assert str(jobs[0].error) == f"job {jobs[0].job_id} was cancelled; jobs.retry() submits it anew"
    # Ended is ended; also for the next session.
    assert jobs.cancel() is jobs
    jobs.close()
    assert outcomes(run(requests(4))) == ["cancelled"] * 4
    assert many.calls["submit"] == 2


def test_cancellation_outlives_the_process(many: Any, run: Run) -> None:
    many.held.clear()
    jobs = run(requests(2), max_active=2)
    while many.calls["submit"] < 2:
        many.held.wait(0.001)
    jobs.close()
    jobs._queue.cancel(jobs._queue.works)  # and the process ends before anything is done about it
    again = run(requests(2))
    assert outcomes(again.wait(timeout=LONG)) == ["cancelled"] * 2
    assert many.calls["cancel"] == 2


def test_products_made_before_the_cancellation_are_kept(many: Any, run: Run) -> None:
    jobs = run(requests(3)).wait(timeout=LONG)
    assert outcomes(jobs.cancel()) == ["done"] * 3


def test_trying_again(many: Any, run: Run) -> None:
    many.faults["poll S1"] = [RequestRejectedError("nonsense") for _ in range(5)]
    jobs = run(requests(2)).wait(timeout=LONG)
    assert outcomes(jobs) == ["done", "failed"]
    item = jobs[1]
    assert jobs.retry().wait(timeout=LONG) is jobs
    assert (item.outcome, item.error) == ("done", None)
    assert many.calls["submit"] == 3
    assert jobs.retry() is jobs
    assert many.calls["submit"] == 3


# The service


def test_service_that_was_never_reached(many: Any, run: Run) -> None:
    many.faults["count"] = away(100)
    jobs = run(requests(2))
    with pytest.raises(ServiceUnavailableError, match="no network") as caught:
        jobs.wait(timeout=LONG)
    assert many.calls["count"] == 6
    assert "nothing is lost" in caught.value.__notes__[0]
    assert outcomes(jobs) == ["waiting"] * 2
    many.faults.clear()
    assert outcomes(run(requests(2)).wait(timeout=LONG)) == ["done"] * 2


def test_offline_is_no_outage(many: Any, run: Run) -> None:
    many.faults["count"] = [OfflineError("conf.offline is set") for _ in range(100)]
    with pytest.raises(OfflineError) as caught:
        run(requests(2)).wait(timeout=LONG)
    assert many.calls["count"] == 1
    assert "nothing is lost" in caught.value.__notes__[0]


@pytest.mark.parametrize("what", ["count", "submit", "poll", "collect S1", "reply", "list"])
def test_service_that_is_away_for_a_while(many: Any, run: Run, what: str) -> None:
    many.faults[what] = away(4)
    if what == "list":
        many.faults["reply"] = away(3)
    jobs = run(requests(3), max_active=1)
    assert outcomes(jobs.wait(timeout=LONG)) == ["done"] * 3
    assert len(many.jobs) == 3
    assert jobs.report.trouble == ""


def test_patience_has_an_end(many: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = iter(range(1000))
    monkeypatch.setattr(_outage, "_now", lambda: 3600.0 * next(hours))
    many.faults["collect S0"] = away(100)
    with pytest.raises(ServiceUnavailableError):
        run(requests(1)).wait(timeout=LONG)


def test_user_who_is_not_registered(many: Any, run: Run) -> None:
    for what in ("count", "submit", "poll", "collect S0"):
        many.faults[what] = [NotRegisteredError("register first")]
        with pytest.raises(NotRegisteredError):
            run(requests(2)).wait(timeout=LONG)
    assert outcomes(run(requests(2)).wait(timeout=LONG)) == ["done"] * 2
    assert len(many.jobs) == 2


def test_job_about_which_the_service_talks_nonsense(many: Any, run: Run) -> None:
    many.faults["poll S0"] = [ProtocolError("this is HTML") for _ in range(100)]
    many.faults["collect S1"] = [FormatError("truncated") for _ in range(100)]
    jobs = run(requests(3)).wait(timeout=LONG)
    assert outcomes(jobs) == ["failed", "failed", "done"]
    assert isinstance(jobs[0].error, ProtocolError)
    assert "truncated" in str(jobs[1].error)


def test_refusal_that_sounds_like_too_many_jobs(many: Any, run: Run) -> None:
    many.faults["submit"] = [RequestRejectedError("the job has too many products") for _ in range(5)]
    jobs = run(requests(2), max_active=1).wait(timeout=LONG)
    assert outcomes(jobs) == ["failed", "done"]
    assert many.calls["submit"] == 6


def test_a_little_nonsense_is_forgiven(many: Any, run: Run) -> None:
    many.faults["poll S0"] = [ProtocolError("this is HTML") for _ in range(4)]
    assert outcomes(run(requests(1)).wait(timeout=LONG)) == ["done"]


def test_submission_that_is_never_understood(many: Any, run: Run) -> None:
    many.faults["submit"] = [ServiceError("moved", status=301) for _ in range(5)]
    jobs = run(requests(2), max_active=1).wait(timeout=LONG)
    assert outcomes(jobs) == ["failed", "done"]
    assert len(many.jobs) == 1


def test_product_that_cannot_be_read(many: Any, run: Run) -> None:
    many.faults["collect S0"] = [FormatError("truncated") for _ in range(2)]
    (item,) = run(requests(1, "standard", "enhanced")).wait(timeout=LONG)
    assert item.outcome == "done"
    assert sum(many.collected.values()) == 4
    many.collected.clear()
    many.faults["collect S0"] = [FormatError("truncated") for _ in range(5)]
    (item,) = run(requests(1, "standard", "astrometric")).wait(timeout=LONG)
    assert item.outcome in ("failed", "partial")


def test_job_whose_state_is_no_longer_told(many: Any, run: Run) -> None:
    from swiftxrt.products.report import JobReport, Phase, ProductStatus

    def silent(handle: Any) -> JobReport:
        return JobReport(handle.id, {kind: ProductStatus(Phase.UNKNOWN) for kind in handle.request.kinds})

    many.poll = silent
    (item,) = run(requests(1)).wait(timeout=LONG)
    assert item.outcome == "failed"
    assert "no longer tells the state" in str(item.error)


# This machine


def test_full_disk(many: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:

        def full(*args: Any) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(manifest, "_write_json", full)
        jobs = run(requests(1))
        with pytest.raises(OSError, match="No space left") as caught:
            jobs.wait(timeout=LONG)
    assert "make room" in str(caught.value)
    assert "nothing is lost: mend that" in caught.value.__notes__[0]
    assert list(jobs.folder.iterdir()) == []
    assert outcomes(run(requests(1)).wait(timeout=LONG)) == ["done"]
    assert len(many.jobs) == 1


def test_ctrl_c_ends_the_waiting_only(many: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    many.held.clear()
    jobs = run(requests(2))
    condition = jobs._queue.changed
    wait, main = condition.wait, threading.main_thread()

    def interrupted(timeout: float | None = None) -> bool:
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        return wait(timeout)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(condition, "wait", interrupted)
        while True:
            jobs.wait(timeout=LONG)
    many.held.set()
    assert outcomes(jobs.wait(timeout=LONG)) == ["done"] * 2


def test_list_that_nobody_holds_stops(many: Any, run: Run, books: JobBook) -> None:
    from swiftxrt.jobs.openlist import open_list

    many.held.clear()
    jobs = open_list(many, books, requests(3), origin=many.service, progress=False)
    queue = jobs._queue
    assert jobs[0] == jobs[-3] != jobs[1]
    assert len({*jobs, *jobs[:2]}) == 3
    with pytest.raises(IndexError):
        jobs[3]
    gc.disable()  # it must not take a collection of garbage
    try:
        del jobs
        assert queue._driver is not None
        queue._driver.join(30.0)
    finally:
        gc.enable()
    assert not queue.is_running


def test_address_is_written_nowhere(many: Any, run: Run, books: JobBook, tmp_path: Path) -> None:
    many.faults["submit"] = [RequestRejectedError("no job for you", problems=[("x", "y")])]
    jobs = run(requests(1), name=f"list of {many.sender}").wait(timeout=LONG)
    assert outcomes(jobs) == ["failed"]
    jobs.close()
    assert many.sender not in repr(run(requests(1), name=f"list of {many.sender}"))
    books.close()
    for path in tmp_path.rglob("*"):
        assert "someone" not in path.name.casefold()
        assert path.is_dir() or many.sender.encode() not in path.read_bytes().lower()


def test_progress_of_a_list_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: SimpleNamespace(columns=60))
    report = ListReport("bursts", {Outcome.DONE: 3, Outcome.RUNNING: 1}, 0.75)
    with display("bursts", True, in_words=True) as update:
        update(report)
        update(replace(report, trouble="no network " * 10))
    first, second = capsys.readouterr().err.rstrip("\n").split("\r")[1:]
    assert first.rstrip() == f"|{'=' * 15}     | bursts: 4 jobs: 1 running, 3 done"
    assert len(first) == len(second) == 59


def test_progress_in_a_notebook_and_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    shown: list[Any] = []

    def show(report: Any, *, display_id: bool) -> Any:
        shown.append(report)
        return SimpleNamespace(update=shown.append)

    report = SimpleNamespace(fraction=0.5)
    with display("a list", True) as update:
        update(report)
    assert capsys.readouterr() == ("", "")
    fake = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1), display=SimpleNamespace(display=show))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    with display("a list", True) as update:
        update(report)
        update("later")
    assert shown == [report, "later"]
    with display("a list", False) as update:
        update(report)
    assert len(shown) == 2
