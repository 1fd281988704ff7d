"""What became of submissions whose reply was lost: the service's list of jobs tells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .._log import log
from ..exceptions import JobLostError, ProtocolError
from ..products.report import JobSummary
from ._sending import SENDING_TIMEOUT_S, alone
from .book import JobBook
from .entries import OPEN_STATES, BookEntry, EntryState
from .matching import differences, may_be
from .protocol import JobHandle, ProductBackend

__all__ = ["open_entries", "reconcile", "time_to_settle"]

#: No job appears in the list later than this after its request was lost.
_MOST_SETTLING_S = 60.0
# A busy service may still be at work on a request when nobody waits for its reply any more.
_LEAST_SETTLING_S = 3.0
#: Whatever differs from the documented defaults was chosen by somebody else, unless it was sent at the same time.
_NEAR_S = 600.0


def open_entries(backend: ProductBackend, book: JobBook) -> list[BookEntry]:
    """Submissions of this user of which nobody knows what became, newest first."""
    return book.find(backend=backend.name, service=backend.service, owner=backend.sender, state=OPEN_STATES)


def reconcile(
    backend: ProductBackend, book: JobBook, *, waited_for: Collection[int] = (), timeout_s: float = SENDING_TIMEOUT_S
) -> Sequence[JobSummary] | None:
    """Look in the service's list of jobs what became of lost submissions.

    Parameters
    ----------
    backend : ProductBackend
        The service.
    book : JobBook
        The book. What is found is accepted; what is not there and would be by
        now is refused; what cannot be told stays uncertain.
    waited_for : collection of int, optional
        Entries that would be in the list by now.
    timeout_s : float, optional
        How long to wait for others who are sending.

    Returns
    -------
    jobs : sequence of JobSummary or None
        The list; `None` if there was no need to read it.

    Raises
    ------
    ServiceError
        If the list cannot be read.
    BusyError
        If others are sending and do not come to an end.
    """
    with alone(book.path, timeout_s):
        lost = []
        for entry in reversed(open_entries(backend, book)):
            if entry.state is EntryState.INTENDED:
                book.refuse(entry.entry, "the process ended before it was sent")
            else:
                lost.append(entry)
        if not lost:
            return None
        settled_before = _now() - timedelta(seconds=_settling_s(backend))
        listed = backend.list_jobs()
        search = _Search(backend, book, listed)
        for entry in lost:
            settled = entry.state is EntryState.UNCERTAIN and entry.updated <= settled_before
            search.decide(entry, would_be_there=settled or entry.entry in waited_for)
    return listed


class _Candidate(NamedTuple):
    """A job that may be that of a submission; the one with the lowest rank is."""

    rank: tuple[int, bool, float]
    job: JobSummary
    handle: JobHandle


class _Search:
    """Looks for the jobs of lost submissions among those that the book does not know."""

    def __init__(self, backend: ProductBackend, book: JobBook, listed: Sequence[JobSummary]) -> None:
        self.backend = backend
        self.book = book
        known = book.job_ids(backend.name, backend.service)
        self.unknown = [job for job in listed if job.id not in known]
        self.handles: dict[str, JobHandle | None] = {}

    def decide(self, entry: BookEntry, *, would_be_there: bool) -> None:
        """Write down what became of a submission."""
        found, unread = self.candidates(entry)
        if found:
            best = min(found, key=lambda one: one.rank)
            note = "its reply was lost; found in the list of jobs"
            self.book.accept(entry.entry, best.handle, delivered=False, note=note)
            self.unknown.remove(best.job)
            log.info("the lost submission %d is job %s", entry.entry, best.job.id)
        elif unread:
            self.book.lose(entry.entry, "; ".join(unread))
        elif would_be_there:
            self.book.refuse(entry.entry, "it did not arrive: it is not in the list of jobs")
        elif entry.state is not EntryState.UNCERTAIN:
            self.book.lose(entry.entry, "its reply was lost, and it is not in the list of jobs so far")

    def candidates(self, entry: BookEntry) -> tuple[list[_Candidate], list[str]]:
        """Jobs that may be that of a submission, oldest first, and what is said about those that cannot be read."""
        found, unread = [], []
        for job in reversed(self.unknown):
            if not may_be(job, entry.name, entry.kinds, entry.submitted):
                continue
            try:
                handle = self.handle(job.id)
            except ProtocolError as error:
                unread.append(f"job {job.id} may be the one, but cannot be read ({error})")
                continue
            number = None if handle is None else differences(handle.request, entry.request)
            apart = _time_apart(job, entry)
            if handle is not None and number is not None and (number == 0 or apart < _NEAR_S):
                found.append(_Candidate((number, job.submitted is None, apart), job, handle))
        return found, unread

    def handle(self, job_id: str) -> JobHandle | None:
        """A job of the list; `None` if it is gone."""
        if job_id not in self.handles:
            try:
                self.handles[job_id] = self.backend.recall(job_id)
            except JobLostError:
                self.handles[job_id] = None
        return self.handles[job_id]


def time_to_settle(backend: ProductBackend, entries: Collection[BookEntry]) -> float:
    """Seconds until the jobs of some submissions would be in the list."""
    most = _settling_s(backend)
    left = most - min((_now() - entry.updated).total_seconds() for entry in entries)
    return min(max(left, 0.0), most)  # the clock may have been set


def _settling_s(backend: ProductBackend) -> float:
    return min(max(float(backend.min_poll_interval_s), _LEAST_SETTLING_S), _MOST_SETTLING_S)


def _time_apart(job: JobSummary, entry: BookEntry) -> float:
    """Seconds between a job and a submission; none if the service does not tell when the job was made."""
    return 0.0 if job.submitted is None else abs((job.submitted - entry.submitted).total_seconds())


def _now() -> datetime:
    return datetime.now(UTC)
