"""A service for lists of jobs, and a job book."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.exceptions import JobLostError, ProductNotAvailableError, RequestRejectedError
from swiftxrt.jobs import _outage, openlist
from swiftxrt.jobs.book import JobBook
from swiftxrt.jobs.joblist import JobList
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position
from swiftxrt.products.report import JobReport, JobSummary, Phase, ProductStatus
from swiftxrt.request.bundle import XRTRequest


class ManyJobs:
    """Makes positions: a job is done at the third look; names say what else happens to it."""

    name = "ukssdc"
    capabilities = frozenset(Kind)
    min_poll_interval_s = 0.001
    service = "https://service.example"
    sender = "someone@example.org"

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.jobs: dict[str, XRTRequest] = {}
        self.looks: Counter[str] = Counter()
        self.collected: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.cancelled: set[str] = set()
        self.faults: dict[str, list[BaseException]] = {}
        self.looks_needed = 3
        self.others = 0
        self.limit = 1000
        self.endless_from = 1000  # so many jobs come to an end
        self.peak = 0
        self.held = threading.Event()
        self.held.set()

    def call(self, what: str) -> None:
        with self.guard:
            self.calls[what] += 1
            faults = self.faults.get(what)
            fault = faults.pop(0) if faults else None
        if fault is not None:
            raise fault

    def submit(self, request: XRTRequest) -> JobHandle:
        with self.guard:
            if self.count() >= self.limit:
                self.calls["refused"] += 1
                raise RequestRejectedError("the service refused: you have too many jobs in the queue")
            if "refused" in request.target.name:
                raise RequestRejectedError("the service refused", problems=[("target", "there is no such object")])
        self.call("submit")
        with self.guard:
            job_id = str(951 + len(self.jobs))
            self.jobs[job_id] = request
            self.peak = max(self.peak, self.count())
        self.call("reply")
        return self.handle(job_id)

    def handle(self, job_id: str) -> JobHandle:
        return JobHandle(job_id, self.name, self.jobs[job_id], f"{self.service}/{job_id}", datetime.now(UTC))

    def recall(self, job_id: str) -> JobHandle:
        return self.handle(job_id)

    def count(self) -> int:
        return self.others + sum(self.phase(job_id) is Phase.EXECUTING for job_id in self.jobs)

    def count_active_jobs(self) -> int:
        self.call("count")
        return self.count()

    def list_jobs(self) -> list[JobSummary]:
        self.call("list")
        now = datetime.now(UTC)
        rows = [JobSummary(job_id, one.target.name, now, one.kinds, True) for job_id, one in self.jobs.items()]
        return rows[::-1]

    def phase(self, job_id: str) -> Phase:
        if job_id in self.cancelled:
            return Phase.ABORTED
        ends = self.held.is_set() and int(job_id) - 951 < self.endless_from
        done = ends and self.looks[job_id] >= self.looks_needed
        return Phase.COMPLETED if done else Phase.EXECUTING

    def poll(self, handle: JobHandle) -> JobReport:
        self.call("poll")
        name = handle.request.target.name
        if "lost" in name:
            raise JobLostError("there is no such job", job_id=handle.id)
        self.call(f"poll {name}")
        with self.guard:
            self.looks[handle.id] += 1
            phase = self.phase(handle.id)
            if phase is Phase.COMPLETED and "failed" in name:
                phase = Phase.ERROR
        text = "too few counts" if phase is Phase.ERROR else ""
        return JobReport(handle.id, {kind: ProductStatus(phase, text) for kind in handle.request.kinds})

    def cancel(self, handle: JobHandle, kinds: Any) -> JobReport:
        self.call("cancel")
        self.cancelled.add(handle.id)
        return self.poll(handle)

    def collect(self, handle: JobHandle, kind: Kind) -> Position:
        name = handle.request.target.name
        with self.guard:
            self.collected[f"{handle.id} {kind.value}"] += 1
        self.call(f"collect {name}")
        if kind is Kind.ENHANCED_POSITION and "partial" in name:
            raise ProductNotAvailableError(kind.title, "no UVOT data")
        return Position(SkyCoord(int(handle.id), 10, unit="deg"), 3.5 * u.arcsec)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> ManyJobs:
    monkeypatch.setattr(_outage, "_FIRST_PAUSE_S", 0.001)
    return ManyJobs()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[JobBook]:
    with JobBook(tmp_path / "data" / "jobs.sqlite") as made:
        yield made


@pytest.fixture
def run(many: ManyJobs, books: JobBook) -> Iterator[Callable[..., JobList]]:
    """Begins lists, and closes them in the end."""
    lists = []

    def begin(requests: Any, **options: Any) -> JobList:
        options = {"origin": many.service, "progress": False, **options}
        lists.append(openlist.open_list(many, books, requests, **options))
        return lists[-1]

    yield begin
    many.held.set()
    for one in lists:
        one.close()
