"""One line of the job book."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from ..exceptions import JobBookError
from ..kinds import ProductKind
from ..products.report import JobReport, JobSummary, Phase, ProductStatus
from ..request.bundle import XRTRequest
from .protocol import JobHandle

__all__ = ["OPEN_STATES", "BookEntry", "EntryState", "ProductRecord", "entry_of_row", "plain_status", "text_of_kinds"]


class EntryState(str, Enum):
    """What is known about a submission."""

    #: Written down, not sent.
    INTENDED = "intended"
    #: On its way; whoever sent it has not come back yet, or never will.
    SENT = "sent"
    #: There is a job.
    ACCEPTED = "accepted"
    #: There is no job.
    REFUSED = "refused"
    #: The reply was lost, and there may be a job.
    UNCERTAIN = "uncertain"
    #: Removed by the user; only the number of the job is left.
    FORGOTTEN = "forgotten"

    def __str__(self) -> str:
        return self.value


#: States of which nobody knows yet what became of them.
OPEN_STATES = (EntryState.INTENDED, EntryState.SENT, EntryState.UNCERTAIN)


@dataclass(frozen=True)
class ProductRecord:
    """What became of one product of a job.

    Parameters
    ----------
    kind : ProductKind
        The product.
    path : Path or None
        Where it was saved; `None` if it was not.
    reason : str
        Why there is none.
    updated : datetime
        When that was written down (UTC).
    """

    kind: ProductKind
    path: Path | None
    reason: str
    updated: datetime


@dataclass(frozen=True)
class BookEntry:
    """One submission as the book knows it.

    Parameters
    ----------
    entry : int
        Its number in the book.
    backend, service : str
        Where it was sent: the name of the backend, and the address of the
        service or the folder of the local engine.
    owner_mark : str
        Tells users apart; no address can be made of it.
    ticket : str or None
        The name that the sender gave to this submission, if any.
    digest : str
        Digest of the request.
    name : str
        Name of the target.
    kinds : tuple of ProductKind
        The products asked for.
    state : EntryState
        What is known about it.
    delivered : bool
        Whether its job was handed to whoever asked for it.
    job_id, url, rebin_of : str or None
        As in `~swiftxrt.jobs.protocol.JobHandle`.
    phases : mapping of ProductKind to Phase
        Last known state of each product.
    reasons : mapping of ProductKind to str
        What was said about products that have ended, such as why there is none.
    submitted, updated : datetime
        When it was written down and last changed (UTC).
    note : str
        What happened, in a sentence.
    """

    entry: int
    backend: str
    service: str
    owner_mark: str
    ticket: str | None
    digest: str
    name: str
    kinds: tuple[ProductKind, ...]
    state: EntryState
    delivered: bool
    job_id: str | None
    url: str | None
    rebin_of: str | None
    phases: Mapping[ProductKind, Phase]
    reasons: Mapping[ProductKind, str]
    submitted: datetime
    updated: datetime
    note: str
    _request: str = field(repr=False)
    _resolved: str | None = field(repr=False)
    _parameters: str | None = field(repr=False)

    @property
    def request(self) -> XRTRequest:
        """The request as it was submitted.

        Raises
        ------
        JobBookError
            If the entry was forgotten.
        RequestError
            If a later version wrote a request that this one does not understand.
        """
        if not self._request:
            raise JobBookError(f"entry {self.entry} of the job book was forgotten; its request is gone")
        return XRTRequest.from_json(self._request)

    @property
    def resolved(self) -> XRTRequest | None:
        """The request as the service completed it; `None` while there is no job."""
        return XRTRequest.from_json(self._resolved) if self._resolved else None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet if there is a job."""
        return self.state in OPEN_STATES

    @property
    def report(self) -> JobReport:
        """The last known state of the products; ``UNKNOWN`` where none was reported."""
        statuses = {
            kind: ProductStatus(self.phases.get(kind, Phase.UNKNOWN), self.reasons.get(kind, "")) for kind in self.kinds
        }
        return JobReport(self.job_id or "", statuses, self.updated)

    @property
    def handle(self) -> JobHandle:
        """The job, for its backend.

        Raises
        ------
        JobBookError
            If there is none.
        """
        if self.job_id is None or self.state is not EntryState.ACCEPTED:
            raise JobBookError(f"entry {self.entry} of the job book has no job: it is {self.state}")
        parameters = json.loads(self._parameters) if self._parameters else {}
        request = self.resolved or self.request
        return JobHandle(
            self.job_id, self.backend, request, self.url, self.submitted, self.rebin_of, parameters, self.service
        )

    @property
    def summary(self) -> JobSummary:
        """The entry as a line of the list of jobs."""
        available = Phase.COMPLETED in self.phases.values()
        return JobSummary(self.job_id or "", self.name, self.submitted, self.kinds, available)


def entry_of_row(row: sqlite3.Row) -> BookEntry:
    """Make an entry of a row of the table.

    Raises
    ------
    JobBookError
        If the row was damaged.
    """
    try:
        return _entry_of_row(row)
    except (AttributeError, TypeError, ValueError) as error:
        raise JobBookError(
            f"entry {row['entry']} of the job book is damaged ({error}); SwiftXRT.job_book.forget({row['entry']}) "
            "removes it"
        ) from error


def _entry_of_row(row: sqlite3.Row) -> BookEntry:
    status: Mapping[str, list[str]] = json.loads(row["status"])
    return BookEntry(
        entry=row["entry"],
        backend=row["backend"],
        service=row["service"],
        owner_mark=row["owner"],
        ticket=row["ticket"],
        digest=row["digest"],
        name=row["name"],
        kinds=kinds_of_text(row["kinds"]),
        state=EntryState(row["state"]),
        delivered=bool(row["delivered"]),
        job_id=row["job_id"],
        url=row["url"],
        rebin_of=row["rebin_of"],
        phases={ProductKind.of(kind): Phase(phase) for kind, (phase, _) in status.items()},
        reasons={ProductKind.of(kind): text for kind, (_, text) in status.items() if text},
        submitted=datetime.fromisoformat(row["submitted"]),
        updated=datetime.fromisoformat(row["updated"]),
        note=row["note"],
        _request=row["request"],
        _resolved=row["resolved"],
        _parameters=row["parameters"],
    )


def plain_status(report: JobReport) -> dict[str, list[str]]:
    """Phases and last words of the products; what changes all the time while they are made is left out."""
    return {
        kind.value: [status.phase.value, status.text if status.phase.is_final else ""]
        for kind, status in report.products.items()
    }


def text_of_kinds(kinds: Iterable[ProductKind]) -> str:
    """Kinds of product as one text."""
    return ",".join(kind.value for kind in kinds)


def kinds_of_text(text: str) -> tuple[ProductKind, ...]:
    """The kinds that `text_of_kinds` wrote."""
    return tuple(ProductKind.of(word) for word in text.split(",") if word)
