"""Small jobs: every way in which the waiting for one ends."""

from __future__ import annotations

import pickle
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import Phase, ProductKind
from swiftxrt.exceptions import (
    JobLostError,
    JobTimeoutError,
    ProductNotAvailableError,
    RequestError,
    ServiceUnavailableError,
)
from swiftxrt.jobs import waiting
from swiftxrt.jobs.task import Task
from swiftxrt.products.report import JobReport, ProductStatus
from tests.jobs.test_job import Clock

KIND = ProductKind.LIGHT_CURVE


class Keeper:
    """Goes through some states and stays in the last one."""

    kind, name, service, min_poll_interval_s = KIND, "scripted", "https://x", 30.0

    def __init__(self, *script: Phase | Exception, text: str = "") -> None:
        self.script = list(script)
        self.text = text
        self.polls = 0

    def poll(self, job_id: str) -> JobReport:
        self.polls += 1
        state = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(state, Exception):
            raise state
        return JobReport(job_id, {KIND: ProductStatus(state, self.text)})

    def cancel(self, job_id: str) -> JobReport:
        self.script = [Phase.ABORTED]
        return self.poll(job_id)

    def collect(self, job_id: str) -> Any:
        return f"the curves of {job_id}"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_looking_at_a_task_asks_nobody() -> None:
    keeper = Keeper(Phase.COMPLETED)
    assert (Task(7, keeper).phase, Task(7, keeper).report) == (Phase.UNKNOWN, None)
    task = Task("7", keeper, accepted=True)
    assert (task.phase, task.id, task.kind, task.service) == (Phase.PENDING, "7", KIND, "https://x")
    assert repr(task) == "<Task 7 (light curve): PENDING>"
    assert keeper.polls == 0


def test_result(clock: Clock) -> None:
    task = Task(7, Keeper(Phase.QUEUED, Phase.EXECUTING, Phase.COMPLETED))
    shown: list[str] = []
    assert task.result(progress=lambda report: shown.append(str(report.phase))) == "the curves of 7"
    assert shown == ["QUEUED", "EXECUTING", "COMPLETED"]
    assert clock.pauses[0] == 30.0


@pytest.mark.parametrize(("end", "reason"), [(Phase.ERROR, "no product was made"), (Phase.ABORTED, "it was cancelled")])
def test_failed_and_cancelled_ones_end_the_waiting(clock: Clock, end: Phase, reason: str) -> None:
    task = Task(7, Keeper(Phase.EXECUTING, end))
    with pytest.raises(ProductNotAvailableError, match=f"no light curve: {reason}"):
        task.result()
    with pytest.raises(ProductNotAvailableError, match="too few counts"):
        Task(7, Keeper(end, text="too few counts")).result()


def test_the_time_allowed_is_the_total(clock: Clock) -> None:
    task = Task(7, Keeper(Phase.EXECUTING))
    with pytest.raises(JobTimeoutError, match="job 7 is still EXECUTING"):
        task.result(timeout=5 * u.min)
    assert clock.now == 300.0
    with pytest.raises(RequestError, match="timeout"):
        task.wait(timeout=300)  # type: ignore[arg-type]


def test_a_service_that_tells_nothing_more_ends_the_waiting(clock: Clock) -> None:
    with pytest.raises(JobLostError):
        Task(7, Keeper(Phase.UNKNOWN)).wait()
    with pytest.raises(JobLostError, match="gone"):
        Task(7, Keeper(Phase.EXECUTING, JobLostError("gone"))).wait()
    with pytest.raises(ServiceUnavailableError):
        Task(7, Keeper(ServiceUnavailableError("away"))).wait()


def test_short_outages_are_forgiven(clock: Clock) -> None:
    away = ServiceUnavailableError("away")
    task = Task(7, Keeper(Phase.QUEUED, away, away, Phase.COMPLETED))
    assert task.wait().phase is Phase.COMPLETED


def test_what_has_ended_stays_so() -> None:
    task = Task(7, Keeper(Phase.COMPLETED, Phase.EXECUTING))
    task.refresh()
    assert task.refresh().phase is Phase.COMPLETED


def test_cancelling() -> None:
    task = Task(7, Keeper(Phase.EXECUTING))
    assert task.cancel().phase is task.phase is Phase.ABORTED


def test_pickle() -> None:
    task = Task(7, Keeper(Phase.EXECUTING))
    task.refresh()
    again = pickle.loads(pickle.dumps(task))
    assert (again.id, again.phase) == ("7", Phase.EXECUTING)


@pytest.mark.parametrize("number", ["x", "", None, True, -1])
def test_numbers_that_are_none(number: Any) -> None:
    with pytest.raises(RequestError, match="number of a job"):
        Task(number, Keeper(Phase.EXECUTING))
