"""Submitting through the job book, over a service that loses replies."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt.exceptions import (
    JobBookError,
    JobLostError,
    NotRegisteredError,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
    ServiceWarning,
    SubmissionUncertainError,
)
from swiftxrt.jobs import _sending, reconciling
from swiftxrt.jobs import submission as module
from swiftxrt.jobs.book import JobBook
from swiftxrt.jobs.job import Job
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.jobs.reconciling import reconcile
from swiftxrt.jobs.submission import find_job, read_jobs, submit
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import JobReport, JobSummary, Phase, ProductStatus
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.lightcurve import CountsBinning, LightCurveRequest, SnapshotBinning
from swiftxrt.request.selection import AllData
from swiftxrt.request.sources import SourceDetectionRequest
from swiftxrt.request.spectrum import SpectrumRequest
from swiftxrt.request.target import Target
from swiftxrt.wire.jobpars import job_parameters
from swiftxrt.wire.request import from_wire

USER = "someone@example.org"
CURVE = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30))
TARGET = Target("GRB 200416A", t0=608713541.952 * u.s)
REQUEST = XRTRequest(target=TARGET, light_curve=CURVE, spectrum=SpectrumRequest(redshift=1.2))
OTHER = REQUEST.replace(spectrum=SpectrumRequest(redshift=1.3))
T0_TEXT = "608713541.9520"
FOUND = {"targ": "00966554", "RA": "335.6985", "Dec": "-7.5179"}

Fault = Callable[["FakeService"], None] | BaseException | None


class FakeService:
    """Keeps jobs as the service does: dates in full seconds, parameters in its words, newest first."""

    name = "ukssdc"
    capabilities = frozenset(Kind)
    min_poll_interval_s = 0.0
    service = "https://service.example"

    def __init__(self, *, sender: str = USER) -> None:
        self.sender = sender
        self.jobs: dict[str, tuple[XRTRequest, datetime | None]] = {}
        self.before: list[Fault] = []  # one per submission, before it is accepted
        self.after: list[Fault] = []  # and after
        self.list_faults: list[Fault] = []
        self.recall_faults: dict[str, Fault] = {}
        self.clock_error = timedelta()
        self.sent = 0
        self.listed = 0
        self.guard = threading.Lock()

    def make(self, request: XRTRequest, *, date: datetime | None = None) -> str:
        with self.guard:
            job_id = str(951 + len(self.jobs))
            now = (datetime.now(UTC) + self.clock_error).replace(microsecond=0)
            self.jobs[job_id] = (request, date or now)
        return job_id

    def submit(self, request: XRTRequest) -> JobHandle:
        with self.guard:
            self.sent += 1
            before, after = (faults.pop(0) if faults else None for faults in (self.before, self.after))
        self._fail(before)
        job_id = self.make(request)
        self._fail(after)
        return self.handle(job_id)

    def handle(self, job_id: str) -> JobHandle:
        request, date = self.jobs[job_id]
        words = json.loads(json.dumps(job_parameters(request.with_defaults(), "nobody") | FOUND))
        del words["UserID"]
        return JobHandle(job_id, self.name, from_wire(words), f"{self.service}/{job_id}", date, None, words)

    def recall(self, job_id: str) -> JobHandle:
        self._fail(self.recall_faults.get(job_id))
        if job_id not in self.jobs:
            raise JobLostError("no such job", job_id=job_id)
        return self.handle(job_id)

    def list_jobs(self) -> list[JobSummary]:
        self.listed += 1
        self._fail(self.list_faults.pop(0) if self.list_faults else None)
        rows = [
            JobSummary(job_id, request.target.name, date, request.kinds, True)
            for job_id, (request, date) in self.jobs.items()
        ]
        return rows[::-1]

    def _fail(self, fault: Fault) -> None:
        if isinstance(fault, BaseException):
            raise fault
        if fault is not None:
            fault(self)

    # A life of its own

    def poll(self, handle: JobHandle) -> JobReport:
        return JobReport(handle.id, {kind: ProductStatus(Phase.COMPLETED) for kind in handle.request.kinds})

    cancel_calls = 0

    def cancel(self, handle: JobHandle, kinds: Any) -> JobReport:
        return JobReport(handle.id, {kind: ProductStatus(Phase.ABORTED, "cancelled") for kind in handle.request.kinds})

    def collect(self, handle: JobHandle, kind: Kind) -> Any:
        if kind is Kind.SPECTRUM:
            raise ProductNotAvailableError(kind.title, "too few counts")
        return f"the {kind.title}"

    def rebin(self, handle: JobHandle, request: LightCurveRequest) -> JobHandle:
        changed = handle.request.replace(light_curve=request, spectrum=None)
        return JobHandle("7", self.name, changed, None, datetime.now(UTC), handle.id)

    def download(self, handle: JobHandle, kind: Kind, path: Path, *, overwrite: bool) -> str:
        path.write_bytes(b"")
        return "fetched"


def lost() -> ServiceUnavailableError:
    return ServiceUnavailableError("the connection broke", url="https://service.example/submit", status=None)


def away() -> ServiceUnavailableError:
    return ServiceUnavailableError("no network", url="https://service.example/list")


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[JobBook]:
    with JobBook(tmp_path / "jobs.sqlite") as made:
        yield made


def states(book: JobBook) -> list[str]:
    return [entry.state.value for entry in reversed(book.find())]


# Nothing happens


def test_submission_is_written_down_before_it_is_sent(service: FakeService, book: JobBook) -> None:
    seen = []

    def look(at: FakeService) -> None:
        with JobBook(book.path) as other:
            seen.append([(entry.state.value, entry.request) for entry in other.find(owner=USER)])

    service.before = [look]
    job = submit(service, book, REQUEST)
    assert seen == [[("sent", REQUEST)]]
    (entry,) = book.find(service=service.service, owner=USER)
    assert (entry.state, entry.job_id, entry.url) == ("accepted", "951", "https://service.example/951")
    assert (entry.request, entry.resolved) == (REQUEST, job.request)
    assert job.request.target.target_ids == ("00966554",)
    assert (service.sent, service.listed) == (1, 0)


def test_same_request_makes_a_job_each_time(service: FakeService, book: JobBook) -> None:
    assert [submit(service, book, REQUEST).id for _ in range(3)] == ["951", "952", "953"]
    assert service.listed == 0


# Lost replies


def test_lost_reply_of_an_accepted_request(service: FakeService, book: JobBook) -> None:
    service.after = [lost()]
    job = submit(service, book, REQUEST)
    assert job.id == "951"
    assert job.request.target.target_ids == ("00966554",)
    assert (service.sent, len(service.jobs)) == (1, 1)
    assert states(book) == ["accepted"]
    assert "lost" in book.find()[0].note
    assert submit(service, book, REQUEST).id == "952"


def test_request_that_did_not_arrive(service: FakeService, book: JobBook) -> None:
    service.before = [lost()]
    with pytest.raises(ServiceUnavailableError, match="connection broke; the request did not arrive") as caught:
        submit(service, book, REQUEST)
    assert not isinstance(caught.value, SubmissionUncertainError)
    assert caught.value.url == "https://service.example/submit"
    assert states(book) == ["refused"]
    assert submit(service, book, REQUEST).id == "951"
    assert service.sent == 2


@pytest.mark.parametrize(
    "fault",
    [
        lost(),
        ServiceError("moved", status=303),
        ServiceUnavailableError("x", status=503),
        ServiceError("slow", status=408),
    ],
)
def test_replies_that_say_nothing_about_the_job(service: FakeService, book: JobBook, fault: ServiceError) -> None:
    service.after = [fault]
    assert submit(service, book, REQUEST).id == "951"
    assert len(service.jobs) == 1


def test_reply_that_makes_no_sense(service: FakeService, book: JobBook) -> None:
    service.after = [ProtocolError("this is HTML", status=200)]
    assert submit(service, book, REQUEST).id == "951"
    service.before = [ProtocolError("this is HTML", status=200, advice="under maintenance")]
    with pytest.raises(
        ProtocolError, match="this is HTML; the request did not arrive.*Submit it again; under"
    ) as caught:
        submit(service, book, REQUEST)
    assert caught.value.status == 200
    service.before = [ProtocolError("this is HTML", status=200)]
    service.list_faults = [ProtocolError("this is HTML", status=200)]
    with pytest.raises(SubmissionUncertainError, match="this is HTML; the request .* may have arrived"):
        submit(service, book, REQUEST)


def test_nothing_is_sent_again_before_the_list_was_read(service: FakeService, book: JobBook) -> None:
    service.after = [lost()]
    service.list_faults = [away(), ProtocolError("not JSON"), ServiceError("moved", status=301)]
    with pytest.raises(SubmissionUncertainError, match="connection broke; .*may have arrived.*no network") as caught:
        submit(service, book, REQUEST)
    assert caught.value.url == "https://service.example/submit"
    assert isinstance(caught.value, ServiceUnavailableError)
    for _ in range(2):
        with pytest.raises(SubmissionUncertainError, match=r"job_book\.forget\(1\)"):
            submit(service, book, REQUEST)
    assert (service.sent, states(book)) == (1, ["uncertain"])
    # Other requests are not concerned.
    assert submit(service, book, OTHER).id == "952"
    with pytest.warns(ServiceWarning, match="nothing was sent: .*job 951 was made"):
        assert submit(service, book, REQUEST).id == "951"
    assert (service.sent, len(service.jobs)) == (2, 2)
    assert submit(service, book, REQUEST).id == "953"


def test_request_is_sent_again_once_the_list_shows_that_it_did_not_arrive(service: FakeService, book: JobBook) -> None:
    service.before, service.list_faults = [lost()], [away()]
    with pytest.raises(SubmissionUncertainError):
        submit(service, book, REQUEST)
    assert submit(service, book, REQUEST).id == "951"
    assert (service.sent, states(book)) == (2, ["refused", "accepted"])


def test_forgetting_lets_the_request_be_sent(service: FakeService, book: JobBook) -> None:
    service.before, service.list_faults = [lost()], [away(), away()]
    with pytest.raises(SubmissionUncertainError):
        submit(service, book, REQUEST)
    book.forget(1)
    assert submit(service, book, REQUEST).id == "951"
    assert service.listed == 1


class Clock:
    """Stands still but for sleeping."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        self.offset = timedelta()
        self.on_sleep: Callable[[], Any] = lambda: None
        monkeypatch.setattr(module.time, "sleep", self.sleep)
        monkeypatch.setattr(reconciling, "_now", lambda: datetime.now(UTC) + self.offset)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.offset += timedelta(seconds=seconds)
        self.on_sleep()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_job_that_appears_in_the_list_late(service: FakeService, book: JobBook, clock: Clock) -> None:
    service.min_poll_interval_s = 60.0
    service.before = [lost()]
    clock.on_sleep = lambda: service.make(REQUEST)
    assert submit(service, book, REQUEST).id == "951"
    assert clock.pauses == [pytest.approx(60, abs=1)]
    assert service.sent == 1


def test_waiting_for_the_list_has_an_end(service: FakeService, book: JobBook, clock: Clock) -> None:
    service.min_poll_interval_s = 900.0
    service.before = [lost()]
    with pytest.raises(ServiceUnavailableError, match="did not arrive"):
        submit(service, book, REQUEST)
    assert clock.pauses == [pytest.approx(60, abs=1)]
    assert service.listed == 2


@pytest.mark.fault_case(69)
def test_wall_clock_that_is_set_back(service: FakeService, book: JobBook, clock: Clock) -> None:
    service.min_poll_interval_s = 30.0
    service.before, service.list_faults = [lost()], [away()]
    with pytest.raises(SubmissionUncertainError):
        submit(service, book, REQUEST)
    clock.offset = timedelta(days=-2)
    assert submit(service, book, REQUEST).id == "951"
    assert clock.pauses == [pytest.approx(30, abs=1)]


def test_submission_of_a_while_ago_needs_no_waiting(service: FakeService, book: JobBook, clock: Clock) -> None:
    service.min_poll_interval_s = 60.0
    service.before, service.list_faults = [lost()], [away()]
    with pytest.raises(SubmissionUncertainError):
        submit(service, book, REQUEST)
    clock.offset = timedelta(minutes=5)
    assert submit(service, book, REQUEST).id == "951"
    assert clock.pauses == []


# Processes that end


def crash(service: FakeService, book: JobBook, request: XRTRequest, *, arrives: bool) -> None:
    """Submit in a process that ends between sending and writing down what came of it."""
    (service.after if arrives else service.before).append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        submit(service, book, request)


@pytest.mark.parametrize("arrives", [True, False])
def test_process_that_ended_before_the_reply_was_written_down(
    service: FakeService, book: JobBook, arrives: bool, recwarn: pytest.WarningsRecorder
) -> None:
    crash(service, book, REQUEST, arrives=arrives)
    assert states(book) == ["sent"]
    assert submit(service, book, REQUEST).id == "951"
    assert (service.sent, len(service.jobs)) == (1 if arrives else 2, 1)
    assert len(recwarn) == arrives


def test_process_that_ended_before_it_sent(service: FakeService, book: JobBook) -> None:
    book.intend(service.name, service.service, REQUEST, USER)
    assert submit(service, book, REQUEST).id == "951"
    assert states(book) == ["refused", "accepted"]
    assert "before it was sent" in book.entry(1).note


def test_two_lost_submissions_of_one_request_are_two_jobs(service: FakeService, book: JobBook) -> None:
    for _ in range(2):
        service.after, service.list_faults = [lost()], [away(), away()]
        entry = book.intend(service.name, service.service, REQUEST, USER)
        book.send(entry)
        with pytest.raises(ServiceUnavailableError):
            service.submit(REQUEST)
        book.lose(entry, "lost")
    service.list_faults = []
    with pytest.warns(ServiceWarning, match="nothing was sent"):
        found = [submit(service, book, REQUEST).id for _ in range(2)]
    assert sorted(found) == ["951", "952"]
    assert [book.entry(number).job_id for number in (1, 2)] == ["951", "952"]
    assert submit(service, book, REQUEST).id == "953"
    assert service.sent == 3


def test_one_of_two_lost_submissions_arrived(service: FakeService, book: JobBook) -> None:
    for arrives in (True, False):
        entry = book.intend(service.name, service.service, REQUEST, USER)
        book.send(entry)
        if arrives:
            service.make(REQUEST)
    with pytest.warns(ServiceWarning, match="951"):
        submit(service, book, REQUEST)
    assert submit(service, book, REQUEST).id == "952"


def test_list_of_jobs_finds_lost_submissions(service: FakeService, book: JobBook) -> None:
    crash(service, book, REQUEST, arrives=True)
    crash(service, book, OTHER, arrives=False)
    assert [job.id for job in read_jobs(service, book)] == ["951"]
    assert states(book) == ["accepted", "uncertain"]
    read_jobs(service, book)
    assert states(book) == ["accepted", "refused"]
    service.listed = 0
    with pytest.warns(ServiceWarning, match="nothing was sent"):
        assert submit(service, book, REQUEST).id == "951"
    assert (service.listed, len(service.jobs)) == (0, 1)
    assert len(read_jobs(service, book)) == service.listed == 1


def test_list_of_jobs_that_cannot_be_read(service: FakeService, book: JobBook) -> None:
    crash(service, book, REQUEST, arrives=True)
    service.list_faults = [away()]
    with pytest.raises(ServiceUnavailableError, match="no network"):
        read_jobs(service, book)
    assert states(book) == ["sent"]


# Which job it is


def loses(service: FakeService, book: JobBook, request: XRTRequest = REQUEST) -> ServiceUnavailableError | None:
    """Lose a request that did not arrive; return the error, or `None` if a job was taken for its own."""
    service.before = [lost()]
    try:
        submit(service, book, request)
    except ServiceUnavailableError as error:
        return error
    return None


@pytest.mark.parametrize(
    "other",
    [
        OTHER,
        REQUEST.replace(spectrum=None),
        REQUEST.replace(image=ImageRequest()),
        REQUEST.replace(light_curve=CURVE.replace(binning=CountsBinning(pc_counts=21, wt_counts=30))),
        REQUEST.replace(light_curve=CURVE.replace(binning=SnapshotBinning())),
        REQUEST.replace(target=Target("GRB 200416B", t0=TARGET.t0)),
        REQUEST.replace(target=Target("GRB 200416A", t0=608713542.952 * u.s)),
    ],
)
def test_jobs_of_other_requests_are_left_alone(service: FakeService, book: JobBook, other: XRTRequest) -> None:
    service.make(other)
    error = loses(service, book)
    assert error is not None
    assert "did not arrive" in str(error)


def test_jobs_of_other_targets_are_not_even_asked_for(service: FakeService, book: JobBook) -> None:
    service.make(REQUEST.replace(target=Target("GRB 200416B", t0=TARGET.t0)))
    service.recall_faults["951"] = ProtocolError("strange parameters")
    assert "did not arrive" in str(loses(service, book))


def test_job_in_the_book_belongs_to_its_own_submission(service: FakeService, book: JobBook) -> None:
    submit(service, book, REQUEST)
    assert loses(service, book) is not None


def test_forgotten_job_is_not_taken_for_another_one(service: FakeService, book: JobBook) -> None:
    submit(service, book, REQUEST).forget()
    assert book.find() == []
    assert loses(service, book) is not None


def test_job_of_the_web_page_some_time_ago(service: FakeService, book: JobBook) -> None:
    service.make(REQUEST, date=datetime.now(UTC) - timedelta(hours=2))
    assert loses(service, book) is not None


def test_job_nearest_in_time_is_taken(service: FakeService, book: JobBook) -> None:
    service.make(REQUEST, date=datetime.now(UTC) - timedelta(minutes=20))

    def arrive_and_be_lost(at: FakeService) -> None:
        at.make(REQUEST, date=datetime.now(UTC) + timedelta(minutes=20))
        raise lost()

    service.after = [arrive_and_be_lost]
    assert submit(service, book, REQUEST).id == "952"


CHOSEN = REQUEST.replace(light_curve=CURVE.replace(significance=5.0))


def test_job_with_another_choice_for_what_was_left_open(service: FakeService, book: JobBook) -> None:
    service.make(CHOSEN, date=datetime.now(UTC) - timedelta(minutes=20))
    assert loses(service, book) is not None

    def make_another_and_be_lost(at: FakeService) -> None:
        at.make(CHOSEN)
        at.jobs["952"] = (REQUEST, datetime.now(UTC) - timedelta(seconds=30))
        raise lost()

    service.after = [make_another_and_be_lost]
    assert submit(service, book, REQUEST).id == "952"


def test_default_that_is_not_the_documented_one(service: FakeService, book: JobBook) -> None:
    def make_it_and_be_lost(at: FakeService) -> None:
        at.make(CHOSEN)
        raise lost()

    service.before = [make_it_and_be_lost]
    assert submit(service, book, REQUEST).id == "951"


@pytest.mark.parametrize("minutes", [-50, 50])
def test_clocks_may_differ(service: FakeService, book: JobBook, minutes: int) -> None:
    service.clock_error = timedelta(minutes=minutes)
    service.after = [lost()]
    assert submit(service, book, REQUEST).id == "951"


def test_date_may_be_missing(service: FakeService, book: JobBook) -> None:
    def forget_date(at: FakeService) -> None:
        at.jobs["951"] = (at.jobs["951"][0], None)
        raise lost()

    service.after = [forget_date]
    assert submit(service, book, REQUEST).id == "951"


def test_name_may_be_written_otherwise(service: FakeService, book: JobBook) -> None:
    def rename(at: FakeService) -> None:
        request, date = at.jobs["951"]
        at.jobs["951"] = (request.replace(target=request.target.replace(name="grb200416a")), date)
        raise lost()

    service.after = [rename]
    assert submit(service, book, REQUEST).id == "951"


def test_list_may_say_nothing_about_source_searches(
    service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = REQUEST.replace(sources=SourceDetectionRequest(data=AllData()))
    assert Kind.SOURCES in both.kinds
    listing = FakeService.list_jobs

    def without_sources(self: FakeService) -> list[JobSummary]:
        return [
            JobSummary(job.id, job.name, job.submitted, tuple(k for k in job.kinds if k is not Kind.SOURCES), True)
            for job in listing(self)
        ]

    monkeypatch.setattr(FakeService, "list_jobs", without_sources)
    service.make(REQUEST)  # the same without sources, of somebody else
    service.after = [lost()]
    assert submit(service, book, both).id == "952"


def test_parameters_may_tell_less_or_more(service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    original = FakeService.handle

    def other_words(self: FakeService, job_id: str) -> JobHandle:
        words = dict(original(self, job_id).parameters)
        words |= {"lc": 1, "spec": 1, "image": 1, "secret": "x", "zval": "1.200", "pccounts": "20", "Tstart": T0_TEXT}
        del words["dchi"]
        return JobHandle(job_id, self.name, from_wire(words), None, parameters=words)

    monkeypatch.setattr(FakeService, "handle", other_words)
    service.after = [lost()]
    assert submit(service, book, REQUEST).id == "951"


def test_job_that_cannot_be_read_may_be_the_one(service: FakeService, book: JobBook) -> None:
    service.after = [lost()]
    service.recall_faults["951"] = ProtocolError("strange parameters")
    with pytest.raises(SubmissionUncertainError, match="job 951 may be the one.*strange parameters"):
        submit(service, book, REQUEST)
    with pytest.raises(SubmissionUncertainError, match="job 951 may be the one"):
        submit(service, book, REQUEST)
    assert service.sent == 1
    service.make(REQUEST)
    with pytest.warns(ServiceWarning, match="952"):
        assert submit(service, book, REQUEST).id == "952"


def test_job_that_cannot_be_asked_for(service: FakeService, book: JobBook) -> None:
    service.after = [lost()]
    service.recall_faults["951"] = away()
    with pytest.raises(SubmissionUncertainError, match="no network"):
        submit(service, book, REQUEST)
    service.recall_faults.clear()
    with pytest.warns(ServiceWarning, match="951"):
        submit(service, book, REQUEST)


def test_job_that_is_gone_is_not_the_one(service: FakeService, book: JobBook) -> None:
    service.make(REQUEST)
    service.recall_faults["951"] = JobLostError("gone", job_id="951")
    assert loses(service, book) is not None


def test_submissions_of_others_are_left_alone(service: FakeService, book: JobBook) -> None:
    other = FakeService(sender="other@example.org")
    crash(other, book, REQUEST, arrives=True)
    assert submit(service, book, REQUEST).id == "951"
    assert states(book) == ["sent", "accepted"]
    read_jobs(service, book)
    assert states(book) == ["sent", "accepted"]
    elsewhere = FakeService()
    elsewhere.service = "https://elsewhere.example"
    submit(elsewhere, book, REQUEST)
    assert states(book)[0] == "sent"


# Refusals


@pytest.mark.parametrize(
    "error",
    [
        RequestRejectedError("the service refused: no"),
        NotRegisteredError("who is that"),
        RequestError("no"),
        ServiceError("bad request", status=400),
        ServiceUnavailableError("too many requests", status=429),
    ],
    ids=lambda error: type(error).__name__,
)
def test_refused_submissions(service: FakeService, book: JobBook, error: Exception) -> None:
    service.before = [error]
    with pytest.raises(type(error)) as caught:
        submit(service, book, REQUEST)
    assert caught.value is error
    assert (states(book), service.listed) == (["refused"], 0)


def test_request_that_never_left(service: FakeService, book: JobBook) -> None:
    error = away()
    error.was_sent = False
    service.before = [error]
    with pytest.raises(ServiceUnavailableError, match="no network"):
        submit(service, book, REQUEST)
    assert (states(book), service.listed) == (["refused"], 0)


def test_nothing_is_sent_that_cannot_be_written_down(
    service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with book.transaction() as connection:
        pass
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(JobBookError, match=r"conf\.data_dir"):
        submit(service, book, REQUEST)
    assert service.sent == 0
    connection.execute("PRAGMA query_only=OFF")

    def fail(*_: Any) -> None:
        raise JobBookError("the disk is full")

    monkeypatch.setattr(book, "send", fail)
    with pytest.raises(JobBookError, match="full"):
        submit(service, book, REQUEST)
    assert service.sent == 0


def test_job_is_not_lost_with_its_entry(service: FakeService, book: JobBook, caplog: pytest.LogCaptureFixture) -> None:
    with book.transaction() as connection:
        pass
    service.after = [lambda at: connection.execute("PRAGMA query_only=ON")]
    job = submit(service, book, REQUEST)
    assert job.id == "951"
    assert "not written into the job book" in caplog.text
    job.refresh()
    job.product("light_curve")
    with pytest.raises(JobBookError):
        job.forget()
    connection.execute("PRAGMA query_only=OFF")
    read_jobs(service, book)
    assert book.find()[0].job_id == "951"


# Tickets


def test_ticket_makes_one_job(service: FakeService, book: JobBook) -> None:
    first = submit(service, book, REQUEST, ticket="list/1")
    again = submit(service, book, REQUEST, ticket="list/1")
    assert (first.id, again.id, again.request) == ("951", "951", first.request)
    assert submit(service, book, REQUEST, ticket="list/2").id == "952"
    assert submit(service, book, REQUEST).id == "953"
    with pytest.raises(RequestError, match="'list/1' belongs to another request"):
        submit(service, book, OTHER, ticket="list/1")
    assert (service.sent, service.listed) == (3, 0)


def test_ticket_of_a_refused_submission_is_free(service: FakeService, book: JobBook) -> None:
    service.before = [RequestRejectedError("no")]
    with pytest.raises(RequestRejectedError):
        submit(service, book, REQUEST, ticket="list/1")
    assert submit(service, book, REQUEST, ticket="list/1").id == "951"


@pytest.mark.parametrize("arrives", [True, False])
def test_ticket_of_a_process_that_ended(service: FakeService, book: JobBook, arrives: bool) -> None:
    (service.after if arrives else service.before).append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        submit(service, book, REQUEST, ticket="list/1")
    # Without the ticket it is another submission.
    plain = submit(service, book, REQUEST)
    job = submit(service, book, REQUEST, ticket="list/1")
    assert plain.id != job.id
    assert len(service.jobs) == 2
    assert submit(service, book, REQUEST, ticket="list/1").id == job.id
    assert all(entry.delivered for entry in book.find(state="accepted"))


@pytest.mark.parametrize("fault", [None, "arrives", "does not arrive"])
def test_ticket_that_is_taken_between_looking_and_sending(
    service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch, fault: str | None
) -> None:
    look = module._earlier

    def be_late(*arguments: Any) -> Any:
        found = look(*arguments)
        monkeypatch.setattr(module, "_earlier", look)
        if fault is None:
            submit(service, book, REQUEST, ticket="list/1")
        else:
            (service.after if fault == "arrives" else service.before).append(KeyboardInterrupt())
            with pytest.raises(KeyboardInterrupt):
                submit(service, book, REQUEST, ticket="list/1")
        return found

    monkeypatch.setattr(module, "_earlier", be_late)
    assert submit(service, book, REQUEST, ticket="list/1").id == "951"
    assert len(service.jobs) == 1


def test_many_threads_with_one_ticket(service: FakeService, book: JobBook) -> None:
    ids: list[str] = []
    books = [JobBook(book.path) for _ in range(6)]
    everybody = threading.Barrier(6)

    def go(own: JobBook) -> None:
        everybody.wait()
        ids.append(submit(service, own, REQUEST, ticket="list/1").id)

    threads = [threading.Thread(target=go, args=(own,)) for own in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in books:
        own.close()
    assert ids == ["951"] * 6
    assert service.sent == 1


# Several at once


def test_threads_and_faults(service: FakeService, book: JobBook) -> None:
    service.after = [lost() if number % 3 == 0 else None for number in range(60)]
    requests = [REQUEST.replace(spectrum=SpectrumRequest(redshift=round(1 + n / 100, 2))) for n in range(5)]
    jobs: list[Job] = []

    def go(number: int) -> None:
        with JobBook(book.path) as own:
            jobs.extend(submit(service, own, requests[(number + place) % 5]) for place in range(5))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.sent == len(service.jobs) == 40
    assert sorted(job.id for job in jobs) == sorted(service.jobs)
    for job in jobs:
        assert job.request.spectrum == service.handle(job.id).request.spectrum
    assert set(states(book)) == {"accepted"}


def test_requests_on_their_way_are_waited_for(
    service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of a request that is on its way must not be taken for a lost one."""
    crash(service, book, REQUEST, arrives=False)
    under_way, finish = threading.Event(), threading.Event()

    def accepted_but_slow(at: FakeService) -> None:
        under_way.set()
        assert finish.wait(30)

    service.after = [accepted_but_slow]
    slow: list[Job] = []
    other = REQUEST.replace(target=TARGET.replace(target_ids=("00966554",)))  # agrees with the lost one
    thread = threading.Thread(target=lambda: slow.append(submit(service, book, other)))
    thread.start()
    assert under_way.wait(30)
    with pytest.raises(_sending.BusyError):
        reconcile(service, book, timeout_s=0.0)
    waits: list[float] = []
    with monkeypatch.context() as patch:
        alone = reconciling.alone
        patch.setattr(reconciling, "alone", lambda path, timeout_s: waits.append(timeout_s) or alone(path, 0.0))
        assert [job.id for job in read_jobs(service, book)] == ["951"]
    assert waits == [0.0]
    assert book.entry(1).state == "sent"
    finish.set()
    thread.join()
    assert [job.id for job in slow] == ["951"]
    assert submit(service, book, REQUEST).id == "952"
    assert book.entry(1).state == "refused"


def test_request_that_is_on_its_way_for_very_long(
    service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(service, book, REQUEST, arrives=True)
    alone = reconciling.alone
    monkeypatch.setattr(reconciling, "alone", lambda path, timeout_s: alone(path, 0.0))
    with _sending.sending(book.path), pytest.raises(SubmissionUncertainError, match="another process"):
        submit(service, book, REQUEST)
    assert service.sent == 1


def test_lock_that_cannot_be_used(service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = book.path.with_name("jobs.sqlite.sending")
    lock.write_bytes(b"no database" * 1000)
    with pytest.raises(JobBookError, match="remove it"):
        submit(service, book, REQUEST)
    lock.unlink()
    monkeypatch.setattr(_sending, "SENDING_TIMEOUT_S", 0.0)
    with _sending.alone(book.path), pytest.raises(JobBookError, match="try again"):
        submit(service, book, REQUEST)
    assert service.sent == 0


# Jobs that are found


def test_job_of_the_web_page_is_written_down(service: FakeService, book: JobBook) -> None:
    job_id = service.make(REQUEST)
    job = find_job(service, book, job_id)
    assert job.request == service.handle(job_id).request
    (entry,) = book.find(owner=USER)
    assert (entry.job_id, entry.state) == (job_id, "accepted")
    assert find_job(service, book, job_id).id == job_id
    assert len(book.find()) == 1
    with pytest.raises(JobLostError):
        find_job(service, book, "77")
    assert len(book.find()) == 1


def test_job_found_by_its_number_is_that_of_a_lost_submission(service: FakeService, book: JobBook) -> None:
    crash(service, book, REQUEST, arrives=True)
    assert find_job(service, book, "951").id == "951"
    assert [(entry.state, entry.job_id) for entry in book.find()] == [("accepted", "951")]
    assert submit(service, book, REQUEST).id == "952"


def test_job_that_may_be_lost_is_not_given_away(service: FakeService, book: JobBook) -> None:
    crash(service, book, REQUEST, arrives=True)
    service.list_faults = [away()]
    assert find_job(service, book, "951").id == "951"
    assert states(book) == ["sent"]
    with pytest.warns(ServiceWarning, match="951"):
        submit(service, book, REQUEST)


def test_job_in_the_book_is_found_without_the_service(service: FakeService, book: JobBook) -> None:
    job = submit(service, book, REQUEST)
    service.recall_faults[job.id] = away()
    with pytest.warns(ServiceWarning, match="as the job book knows it: no network"):
        again = find_job(service, book, job.id)
    assert (again.request, again.url, again.parameters) == (job.request, job.url, job.parameters)
    service.recall_faults["77"] = away()
    with pytest.raises(ServiceUnavailableError, match="no network"):
        find_job(service, book, "77")


# What jobs write down


def test_everything_later_is_written_down(service: FakeService, book: JobBook, tmp_path: Path) -> None:
    job = submit(service, book, REQUEST)
    job.refresh()
    (entry,) = book.find()
    assert set(entry.phases.values()) == {Phase.COMPLETED}
    job.product("light_curve")
    with pytest.raises(ProductNotAvailableError):
        job.product("spectrum")
    assert book.products(entry)[Kind.SPECTRUM].reason == "too few counts"
    saved = job.download(tmp_path / "files", kinds="light_curve")
    assert book.products(entry)[Kind.LIGHT_CURVE].path == saved[Kind.LIGHT_CURVE]
    rebinned = job.rebin(SnapshotBinning())
    (of_rebinning,) = book.find(job_id="7")
    assert (of_rebinning.rebin_of, of_rebinning.owner_mark) == (job.id, entry.owner_mark)
    rebinned.cancel()
    (of_rebinning,) = book.find(job_id="7")
    assert of_rebinning.reasons == {Kind.LIGHT_CURVE: "cancelled"}
    job.forget()
    job.forget()
    job.refresh()
    assert [one.job_id for one in book.find()] == ["7"]


def test_looks_that_tell_nothing_new_write_nothing(
    service: FakeService, book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(service, book, REQUEST)
    written: list[JobReport] = []
    monkeypatch.setattr(book, "report", lambda entry, report: written.append(report))
    for _ in range(5):
        job.refresh()
    monkeypatch.setattr(service, "poll", lambda handle: service.cancel(handle, ()))
    job.refresh()
    assert [report.phase for report in written] == [Phase.COMPLETED, Phase.ABORTED]


def test_rebinning_has_numbers_of_its_own(service: FakeService, book: JobBook) -> None:
    for _ in range(7):
        service.make(OTHER, date=datetime(2020, 1, 1, tzinfo=UTC))
    service.jobs["7"] = service.jobs.pop("951")
    job = find_job(service, book, "7")
    job.rebin(SnapshotBinning())
    assert len(book.find(job_id="7")) == 2
    service.recall_faults["7"] = away()
    with pytest.warns(ServiceWarning):
        assert find_job(service, book, "7").rebin_of is None


def test_copy_of_a_job_writes_nothing(service: FakeService, book: JobBook) -> None:
    record = submit(service, book, REQUEST)._record
    copy = pickle.loads(pickle.dumps(record))
    copy.report(JobReport("951", {Kind.SPECTRUM: ProductStatus(Phase.ERROR)}))
    copy.product(Kind.SPECTRUM, None, "x")
    copy.forget()
    copy.of_rebinning(service.handle("951")).forget()
    (entry,) = book.find()
    assert entry.phases == {}
