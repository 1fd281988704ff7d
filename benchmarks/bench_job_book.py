"""Time that the job book adds to a job, from its submission to its last report.

The aim: less than 5 ms per job. The service answers at once, so that what is
measured is the book alone: the same life of a job with and without it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import astropy.units as u

from swiftxrt import CountsBinning, LightCurveRequest, PositionRequest, SpectrumRequest, Target, XRTRequest
from swiftxrt.jobs.book import JobBook
from swiftxrt.jobs.job import Job
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.jobs.submission import submit
from swiftxrt.kinds import ProductKind
from swiftxrt.products.report import JobReport, Phase, ProductStatus

JOBS = 500
REQUEST = XRTRequest(
    target=Target("GRB 200416A", t0=608713541.952 * u.s),
    light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
    spectrum=SpectrumRequest(redshift=1.2),
    position=PositionRequest("enhanced"),
)


class InstantService:
    """Accepts everything; jobs are queued at the first look, at work at the second and done at the third."""

    name = "ukssdc"
    capabilities = frozenset(ProductKind)
    min_poll_interval_s = 0.0
    service = "https://service.example"
    sender = "someone@example.org"

    def __init__(self) -> None:
        self.number = 0
        self.looks = 0

    def submit(self, request: XRTRequest) -> JobHandle:
        self.number, self.looks = self.number + 1, 0
        return JobHandle(str(self.number), self.name, request, f"{self.service}/{self.number}", datetime.now(UTC))

    def poll(self, handle: JobHandle) -> JobReport:
        self.looks += 1
        phase = (Phase.QUEUED, Phase.EXECUTING, Phase.COMPLETED)[min(self.looks, 3) - 1]
        return JobReport(handle.id, {kind: ProductStatus(phase) for kind in handle.request.kinds})


def life(service: Any, submitted: Callable[[], Job]) -> float:
    """Wall time of one job, in milliseconds."""
    start = time.perf_counter()
    job = submitted()
    for _ in range(3):
        job.refresh()
    return (time.perf_counter() - start) * 1e3


def line(name: str, times: Sequence[float]) -> str:
    part = statistics.quantiles(times, n=20)
    return f"{name:24} {statistics.median(times):8.2f} ms {part[-1]:8.2f} ms {max(times):8.2f} ms"


def main() -> None:
    service = InstantService()
    with tempfile.TemporaryDirectory() as folder, JobBook(Path(folder) / "jobs.sqlite") as book:
        without, with_book = [], []
        for _ in range(JOBS):  # in turns, so that a busy moment hits both alike
            without.append(life(service, lambda: Job(service.submit(REQUEST), service)))  # type: ignore[arg-type]
            with_book.append(life(service, lambda: submit(service, book, REQUEST)))  # type: ignore[arg-type]
        start = time.perf_counter()
        found = len(book.find(owner=service.sender))
        reading = (time.perf_counter() - start) * 1e3
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024 / JOBS
    print(f"{JOBS} jobs, 3 looks each {'median':>11} {'95 %':>11} {'slowest':>11}")
    print(line("without the job book", without))
    print(line("with the job book", with_book))
    print(f"the book adds {statistics.median(with_book) - statistics.median(without):.2f} ms per job (aim: < 5 ms)")
    print(f"reading {found} entries takes {reading:.1f} ms; {size:.1f} KiB per job on disk")


if __name__ == "__main__":
    main()
