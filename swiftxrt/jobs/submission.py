"""Submitting a request so that it makes one job, whatever happens on the way.

A submission is written into the job book before it is sent. If its reply is
lost, or the process ends before it comes, the service's own list of jobs tells
what became of it; nothing is sent again before that list could be read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from .._log import log
from ..exceptions import (
    JobLostError,
    NoDataError,
    ProtocolError,
    RequestError,
    ServiceError,
    ServiceUnavailableError,
    ServiceWarning,
    SubmissionUncertainError,
    SwiftXRTError,
    warn,
)
from ..products.report import JobReport, JobSummary
from ..request.bundle import XRTRequest
from ._sending import BusyError, sending
from .book import JobBook, TicketTakenError
from .entries import OPEN_STATES, BookEntry, EntryState
from .job import Job
from .matching import differences
from .protocol import ProductBackend
from .reconciling import open_entries, reconcile, time_to_settle
from .record import JobRecord, if_possible

__all__ = ["find_job", "read_jobs", "submit"]
# Submissions that threads of this process are busy with.
_being_sent: set[tuple[Path, int]] = set()
# Replies by which a service refuses a request without looking at it.
_NOT_TAKEN = range(400, 500)
_TIMED_OUT = 408


def submit(backend: ProductBackend, book: JobBook, request: XRTRequest, *, ticket: str | None = None) -> Job:
    """Hand over a request.

    An earlier submission of the same request whose reply was lost is looked
    for first; its job is returned, if there is one, and nothing is sent.

    Parameters
    ----------
    backend : ProductBackend
        Where the request is run.
    book : JobBook
        Where the submission is written down.
    request : XRTRequest
        The request.
    ticket : str, optional
        A name for this submission, such as that of a list and a place in it.
        However often, and from however many processes, a request is submitted
        with the same ticket, it makes one job; without one, each call that
        returns makes another.

    Returns
    -------
    job : Job

    Raises
    ------
    JobBookError
        If the submission cannot be written down; nothing was sent then.
    SubmissionUncertainError
        If a reply was lost and the list of jobs cannot be read, so that nobody
        knows whether there is a job.
    ServiceUnavailableError
        If the request did not arrive.
    SwiftXRTError
        What the backend raises when it refuses.

    Warns
    -----
    ServiceWarning
        If the job of an earlier submission was found and nothing was sent.
    """
    found = _earlier(backend, book, request, ticket)
    if found is not None:
        return _job(backend, book, found)
    try:
        return _send(backend, book, request, ticket)
    except TicketTakenError:  # somebody else sent it in between
        found = _earlier(backend, book, request, ticket)
        if found is None:  # and it came to nothing
            return _send(backend, book, request, ticket)
    return _job(backend, book, found)


def read_jobs(backend: ProductBackend, book: JobBook) -> Sequence[JobSummary]:
    """The service's list of jobs; lost submissions that are in it are written down on the way.

    Raises
    ------
    ServiceError
        If it cannot be read.
    """
    if open_entries(backend, book):
        try:
            listed = reconcile(backend, book, timeout_s=0.0)
        except BusyError:
            log.debug("a request is being sent; lost ones are looked for another time")
        else:
            if listed is not None:
                return listed
    return backend.list_jobs()


def find_job(backend: ProductBackend, book: JobBook, job_id: str) -> Job:
    """Find a job by its number, and write it down.

    The service keeps rebinnings apart, with numbers of their own, and finds
    none of them; those that the book knows are found here. An ordinary job
    with the same number comes first.

    Raises
    ------
    JobLostError
        If neither the backend nor the book knows it.
    ServiceError
        If it cannot be asked, and the job is not in the book.

    Warns
    -----
    ServiceWarning
        If it cannot be asked and the job is given as the book knows it, or if
        there are both an ordinary job and a rebinning with this number.
    """
    known = book.find(job_id=job_id, state=EntryState.ACCEPTED, **_place(backend))
    rebinned = [entry for entry in known if entry.rebin_of is not None]
    try:
        handle = backend.recall(job_id)
    except ServiceUnavailableError as error:
        found = [entry for entry in known if entry.rebin_of is None] or rebinned
        if not found:
            raise
        warn(f"job {job_id} is given as the job book knows it: {error}", ServiceWarning, stacklevel=4)
        return _job(backend, book, found[0])
    except JobLostError:
        if rebinned:
            return _job(backend, book, rebinned[0])
        raise
    if rebinned and handle.rebin_of is None:
        warn(
            f"job {job_id} is an ordinary job; job {job_id} of the job book, which binned the light curve of job "
            f"{rebinned[0].rebin_of} anew, has the same number: get_job({rebinned[0].rebin_of!r}).rebin() makes it again",
            ServiceWarning,
            stacklevel=4,
        )
    # A job that is written down belongs to nobody else: so lost submissions come first.
    if open_entries(backend, book):
        try:
            reconcile(backend, book, timeout_s=1.0)
        except (BusyError, ServiceError) as error:
            log.debug("job %s is not written down: lost submissions cannot be looked for (%s)", job_id, error)
        if any(differences(handle.request, entry.request) is not None for entry in open_entries(backend, book)):
            return Job(handle, backend)
    return Job(handle, backend, record=JobRecord.of(book, backend, handle))


def _send(backend: ProductBackend, book: JobBook, request: XRTRequest, ticket: str | None) -> Job:
    """Write a submission down, send it, and find out what became of it."""
    with ExitStack() as stack:
        with sending(book.path):
            entry = book.intend(backend.name, backend.service, request, backend.sender, ticket=ticket)
            stack.enter_context(_in_hand(book, entry))
            book.send(entry)
            try:
                handle = backend.submit(request)
            except SwiftXRTError as error:
                if _is_refusal(error):
                    if_possible(book.refuse, entry, str(error))
                    raise
                if_possible(book.lose, entry, str(error))
                lost = error
            else:
                if_possible(book.accept, entry, handle)
                return Job.accepted(handle, backend, record=JobRecord(book, entry))
        log.warning("the reply to a submission was lost: %s", lost)
        return _after_loss(backend, book, entry, lost)


@contextmanager
def _in_hand(book: JobBook, entry: int) -> Iterator[None]:
    """Keep other threads, which may be submitting the same request, from taking a submission for abandoned."""
    key = book.path, entry
    _being_sent.add(key)
    try:
        yield
    finally:
        _being_sent.discard(key)


def _earlier(backend: ProductBackend, book: JobBook, request: XRTRequest, ticket: str | None) -> BookEntry | None:
    """The entry of an earlier submission, if it has a job that is still to be delivered."""
    if ticket is not None:
        return _of_ticket(backend, book, request, ticket)
    numbers = [entry.entry for entry in _abandoned(backend, book, request)]
    _settle(backend, book, numbers)
    for entry in map(book.entry, numbers):
        if entry.state is EntryState.ACCEPTED and book.claim(entry.entry):
            warn(
                f"nothing was sent: this request was submitted at {entry.submitted:%Y-%m-%d %H:%M} UTC already, the "
                f"reply was lost, and job {entry.job_id} was made. Submit it once more if you want another job",
                ServiceWarning,
                stacklevel=6,
            )
            return entry
    return None


def _of_ticket(backend: ProductBackend, book: JobBook, request: XRTRequest, ticket: str) -> BookEntry | None:
    """The entry that has a ticket, if it has a job."""
    _settle(backend, book, [entry.entry for entry in book.find(ticket=ticket, state=OPEN_STATES)])
    for entry in book.find(ticket=ticket, state=EntryState.ACCEPTED):
        if entry.digest != request.digest:
            raise RequestError(f"the ticket {ticket!r} belongs to another request; take another ticket")
        book.claim(entry.entry)
        return entry
    return None


def _abandoned(backend: ProductBackend, book: JobBook, request: XRTRequest) -> list[BookEntry]:
    """Submissions of a request without ticket, oldest first, whose sender got no job and does not care any more."""
    loose = book.find(state=(*OPEN_STATES, EntryState.ACCEPTED), delivered=False, **_place(backend))
    mine = [entry for entry in reversed(loose) if not entry.ticket and (book.path, entry.entry) not in _being_sent]
    # Of most users there is none: so the digest, which takes its time, comes last.
    return [entry for entry in mine if entry.digest == request.digest] if mine else []


def _settle(backend: ProductBackend, book: JobBook, numbers: Sequence[int]) -> None:
    """Find out what became of some submissions, if necessary by waiting until they would be in the list.

    Raises
    ------
    SubmissionUncertainError
        If that cannot be found out now.
    """
    waited_for: Sequence[int] = ()
    for _ in range(2):
        still_open = [entry for entry in map(book.entry, numbers) if entry.is_open]
        if not still_open:
            return
        if waited_for:
            time.sleep(time_to_settle(backend, still_open))
        try:
            reconcile(backend, book, waited_for=waited_for)
        except BusyError as error:
            raise _uncertain(still_open[0], "another process is still sending requests") from error
        except ServiceError as error:
            raise _uncertain(still_open[0], f"the list of jobs cannot be read: {error}") from error
        waited_for = numbers
    for entry in map(book.entry, numbers):
        if entry.is_open:
            raise _uncertain(entry, entry.note)


def _uncertain(entry: BookEntry, reason: str) -> SubmissionUncertainError:
    return SubmissionUncertainError(
        f"the request for {entry.name!r} may have arrived: no reply to it could be read, and whether there is a job cannot be "
        f"told now ({reason}). Submit the same request again later: list_jobs() is looked at first, and nothing is "
        f"sent if the job is there. If you know that there is none, SwiftXRT.job_book.forget({entry.entry}) lets the "
        "request be sent again"
    )


def _after_loss(backend: ProductBackend, book: JobBook, entry: int, lost: SwiftXRTError) -> Job:
    """What came of a submission whose reply was lost a moment ago."""
    try:
        _settle(backend, book, [entry])
    except SubmissionUncertainError as error:
        _raise(lost, type(error), str(error))
    found = book.entry(entry)
    if found.state is not EntryState.ACCEPTED:
        _raise(lost, type(lost), "the request did not arrive: it is not in the list of jobs. Submit it again")
    book.claim(entry)
    return _job(backend, book, found)


def _raise(lost: SwiftXRTError, kind: type[SwiftXRTError], text: str) -> NoReturn:
    """Raise the error for a reply that was lost, or made no sense, with what followed from it."""
    if not isinstance(lost, ServiceError) or not issubclass(kind, ServiceError):
        lost.add_note(text)
        raise lost
    known: dict[str, Any] = {"url": lost.url, "status": lost.status, "payload_excerpt": lost.payload_excerpt}
    if issubclass(kind, ProtocolError) and isinstance(lost, ProtocolError):
        known["advice"] = lost.advice
    raise kind(f"{lost.message}; {text}", **known) from lost


def _is_refusal(error: SwiftXRTError) -> bool:
    """Whether there is certainly no job: the service said so, or nothing was sent."""
    if isinstance(error, ServiceUnavailableError) and not error.was_sent:
        return True
    if isinstance(error, ServiceUnavailableError | ProtocolError):
        status = error.status
    elif isinstance(error, ServiceError):
        status = error.status or _NOT_TAKEN.start  # its words were understood
    else:
        return isinstance(error, RequestError | NoDataError)
    return status in _NOT_TAKEN and status != _TIMED_OUT


def _job(backend: ProductBackend, book: JobBook, entry: BookEntry) -> Job:
    handle = entry.handle
    known = entry.report if entry.phases else JobReport.accepted(handle.id, handle.request.kinds)
    return Job(handle, backend, record=JobRecord(book, entry.entry), report=known)


def _place(backend: ProductBackend) -> dict[str, Any]:
    """Where the jobs of a user are."""
    return {"backend": backend.name, "service": backend.service, "owner": backend.sender}
