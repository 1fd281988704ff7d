"""Time that the job book adds to a job, from its submission to its last report.

The aim: less than 5 ms per job. The service answers at once, so that what is
measured is the book alone: the same life of a job with and without it. Wall
time counts; on a machine that is busy with other things, the processor time
tells what it would be.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

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


def life(submitted: Callable[[], Job]) -> tuple[float, float]:
    """Wall and processor time of one job, in milliseconds."""
    wall, processor = time.perf_counter(), time.process_time()
    job = submitted()
    for _ in range(3):
        job.refresh()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - processor) * 1e3


def line(name: str, times: Sequence[tuple[float, float]]) -> str:
    wall, processor = zip(*times, strict=True)
    late = statistics.quantiles(wall, n=20)[-1]
    return f"{name:24} {median(wall):8.2f} ms {late:8.2f} ms {max(wall):8.2f} ms {median(processor):10.2f} ms"


def main() -> None:
    service = InstantService()
    with tempfile.TemporaryDirectory() as folder, JobBook(Path(folder) / "jobs.sqlite") as book:
        without, with_book = [], []
        for _ in range(JOBS):  # in turns, so that a busy moment hits both alike
            without.append(life(lambda: Job(service.submit(REQUEST), service)))  # type: ignore[arg-type]
            with_book.append(life(lambda: submit(service, book, REQUEST)))  # type: ignore[arg-type]
        start = time.perf_counter()
        found = len(book.find(owner=service.sender))
        reading = (time.perf_counter() - start) * 1e3
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024 / JOBS
    print(f"{JOBS} jobs, 3 looks each {'median':>11} {'95 %':>11} {'slowest':>11} {'processor':>13}")
    print(line("without the job book", without))
    print(line("with the job book", with_book))
    added = [
        median(one) - median(two)
        for one, two in zip(zip(*with_book, strict=True), zip(*without, strict=True), strict=True)
    ]
    print(f"the book adds {added[0]:.2f} ms per job (aim: < 5 ms), {added[1]:.2f} ms of them on the processor")
    print(f"reading {found} entries takes {reading:.1f} ms; {size:.1f} KiB per job on disk")


if __name__ == "__main__":
    main()
