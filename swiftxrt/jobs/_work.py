"""One request of a list at work, and its products on disk."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import exceptions
from .._atomic import output_errors
from .._log import log
from ..exceptions import (
    FormatError,
    JobError,
    JobLostError,
    NotRegisteredError,
    ProductNotAvailableError,
    ServiceError,
    ServiceUnavailableError,
    StorageError,
    SwiftXRTError,
)
from ..io.manifest import MANIFEST
from ..kinds import ProductKind
from ..products.productset import ProductSet
from ..products.report import JobReport, Phase
from ..request.bundle import XRTRequest
from .batches import Batch, BatchRow
from .gathering import gather
from .job import Job
from .outcome import Outcome
from .protocol import ProductBackend
from .waiting import PatientLook

__all__ = ["PATIENCE", "Work"]

#: So often may calls about one job go wrong before it is given up; a service that is out of reach does not count.
PATIENCE = 4


class Work:
    """One request of a list.

    Parameters
    ----------
    batch : Batch
        The list.
    row : BatchRow
        What the job book says about the request.
    request : XRTRequest
        The request.
    """

    def __init__(self, batch: Batch, row: BatchRow, request: XRTRequest) -> None:
        self.batch = batch
        self.row = row
        self.request = request
        self.outcome = Outcome(row.outcome) if row.outcome else Outcome.WAITING
        self.error = _error_of(row)
        self.cancelling = row.cancelling
        self.elapsed = row.elapsed
        self.job_id = row.job_id
        self.job: Job | None = None
        #: Whether a submission may have been sent already.
        self.known = False
        #: Whether it takes a place at the service.
        self.active = False
        #: Whether a thread is busy with it.
        self.busy = False
        self.cancel_sent = False
        self.due = self.pause = 0.0
        self.failures = 0
        self.products: dict[ProductKind, Any] = {}
        self.missing: dict[ProductKind, str] = {}
        if self.outcome.has_products and not (self.folder / MANIFEST).is_file():
            self.outcome = Outcome.WAITING  # somebody removed them

    @property
    def folder(self) -> Path:
        """Where its products are, or will be."""
        return self.batch.folder / self.row.folder

    @property
    def phase(self) -> Phase:
        """Phase of the job by the last report."""
        if self.job is not None:
            return self.job.phase
        if self.outcome is Outcome.WAITING:
            return Phase.PENDING
        ended = {Outcome.FAILED: Phase.ERROR, Outcome.CANCELLED: Phase.ABORTED}
        return ended.get(self.outcome, Phase.COMPLETED)

    @property
    def fraction(self) -> float:
        """Share of the work that is done; the last steps are to fetch and save the products."""
        if self.outcome.is_final:
            return 1.0
        return 0.0 if self.job is None or self.job.report is None else 0.95 * self.job.report.fraction

    def begin(self, job: Job, *, due: float, pause: float) -> None:
        """Take a job up, new or found again."""
        self.job, self.job_id = job, job.id
        self.look = PatientLook(job.refresh, job.id, job.backend)
        self.outcome, self.active = Outcome.RUNNING, True
        self.due, self.pause, self.failures = due, pause, 0

    def end(self, outcome: Outcome, error: SwiftXRTError | None = None) -> None:
        """Write down how it ended."""
        started = self.job.submitted if self.job is not None else None
        elapsed = (datetime.now(UTC) - started).total_seconds() if started is not None else None
        self.batch.update(
            self.row.number,
            {
                "outcome": outcome.value,
                "job_id": self.job_id,
                "error_class": type(error).__name__ if error else "",
                "error": _message(error) if error else "",
                "elapsed": elapsed,
            },
        )
        self.error, self.elapsed = error, elapsed
        self.products, self.missing = {}, {}
        self.active, self.outcome = False, outcome

    def fetch(self, backend: ProductBackend, kind: ProductKind, report: JobReport) -> None:
        """Fetch one product; what cannot be had, also after several attempts, is missing."""
        assert self.job is not None
        if kind not in report.completed:
            status = report.products.get(kind)
            self.missing[kind] = (status.text if status else "") or "no product was made"
            return
        try:
            self.products[kind] = backend.collect(self.job._handle, kind)
        except ProductNotAvailableError as error:
            self.missing[kind] = error.reason
        except JobLostError as error:
            self.missing[kind] = str(error)
        except (ServiceUnavailableError, NotRegisteredError):
            raise
        except (ServiceError, FormatError) as error:
            log.warning("job %s: the %s could not be fetched: %s", self.job_id, kind.title, error)
            self.failures += 1
            if self.failures > PATIENCE:
                self.missing[kind] = str(error)

    def save(self, job: Job) -> tuple[Outcome, SwiftXRTError | None]:
        """Save what was fetched, if anything, and tell how the request ended."""
        report = job.report
        assert report is not None
        try:
            products = gather(self._fetched, job._handle, report)
        except JobError as error:
            if report.phase is not Phase.ABORTED:
                return Outcome.FAILED, error
            text = f"job {job.id} was cancelled; jobs.retry() submits it anew"
            return Outcome.CANCELLED, JobError(text, job_id=job.id, report=report)
        try:
            with output_errors(self.folder):
                is_taken = self.folder.exists()  # and holds something else, or `adopt` would have found it
            if is_taken:
                self._move_on()
            products.write(self.folder)
        except StorageError as error:
            error.add_note(
                f"the products of job {job.id} could not be saved in {self.batch.folder}; nothing is lost: mend that, and "
                "call submit_many with the same requests, with another location= if there are no products yet"
            )
            raise
        for kind in products:
            job._record.product(kind, self.folder / kind.value)
        return (Outcome.PARTIAL if products.failed else Outcome.DONE), None

    def adopt(self, job: Job) -> Outcome | None:
        """Find products of the job that were saved a moment before a process was killed."""
        for left in self.batch.folder.glob(f".{self.row.folder}-*"):
            shutil.rmtree(left, ignore_errors=True)
        if not (self.folder / MANIFEST).is_file():
            return None
        try:
            products = ProductSet.read(self.folder)
        except FormatError as error:
            log.warning("%s is not used: %s", self.folder, error)
            return None
        if products.provenance.job_id != job.id:
            return None
        return Outcome.PARTIAL if products.failed else Outcome.DONE

    def _fetched(self, kind: ProductKind) -> Any:
        if kind in self.products:
            return self.products[kind]
        raise ProductNotAvailableError(kind.title, self.missing.get(kind, "it was not fetched"))

    def _move_on(self) -> None:
        """Take another folder."""
        folder = self.batch.free_folder(self.row)
        self.batch.update(self.row.number, {"folder": folder})
        self.row = BatchRow(self.row.number, self.row.digest, folder, self.row.attempt)


def _message(error: SwiftXRTError) -> str:
    """The text of an error from which it can be made again."""
    return str(getattr(error, "message", "") or getattr(error, "reason", "") or error)


def _error_of(row: BatchRow) -> SwiftXRTError | None:
    """The error that the book tells of."""
    if not row.error_class:
        return None
    kind = getattr(exceptions, row.error_class, SwiftXRTError)
    if not issubclass(kind, SwiftXRTError) or issubclass(kind, ProductNotAvailableError):
        kind = SwiftXRTError
    error = kind(row.error)
    if isinstance(error, JobError):
        error.job_id = row.job_id
    return error
