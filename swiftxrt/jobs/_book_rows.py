"""Statements about the rows of the job book."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..exceptions import JobBookError
from ..request.bundle import XRTRequest
from .entries import BookEntry, EntryState, entry_of_row, text_of_kinds
from .protocol import JobHandle

__all__ = [
    "TicketTakenError",
    "add_row",
    "entries_where",
    "entry_of_job",
    "free_ticket",
    "handle_columns",
    "insert",
    "number_of",
    "place_of",
    "request_columns",
    "states_of",
    "supersede",
    "time_text",
    "update",
]

COLUMNS = (
    *("backend", "service", "owner", "ticket", "digest", "name", "kinds", "request", "resolved", "job_id", "rebin_of"),
    *("url", "parameters", "state", "delivered", "status", "submitted", "updated", "note"),
)
_INSERT = f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("ticket", "resolved", "job_id", "rebin_of", "url", "parameters")),
    "state": EntryState.INTENDED.value,
    "delivered": 0,
    "status": "{}",
    "note": "",
}
_SAME_JOB = "backend = ? AND service = ? AND job_id = ? AND (rebin_of IS NOT NULL) = ? AND state = ?"


class TicketTakenError(JobBookError):
    """Another submission has the ticket, and may have a job."""


def time_text(moment: datetime) -> str:
    """A moment as it is stored: UTC, so that texts are in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def place_of(service: str) -> str:
    """Where jobs are, written in one way."""
    return service.rstrip("/")


def number_of(entry: int | BookEntry) -> int:
    """The number of an entry."""
    return entry.entry if isinstance(entry, BookEntry) else entry


def request_columns(backend: str, service: str, request: XRTRequest) -> dict[str, Any]:
    """What a row says about a request."""
    return {
        "backend": backend,
        "service": service,
        "digest": request.digest,
        "name": request.target.name,
        "kinds": text_of_kinds(request.kinds),
        "request": text_of_request(request),
    }


def handle_columns(handle: JobHandle) -> dict[str, Any]:
    """What a row says about a job."""
    return {
        "resolved": text_of_request(handle.request),
        "job_id": handle.id,
        "rebin_of": handle.rebin_of,
        "url": handle.url,
        "parameters": json.dumps(dict(handle.parameters), default=str),
    }


def text_of_request(request: XRTRequest) -> str:
    """A request as it stands in a row."""
    return json.dumps(request.to_dict())


def insert(connection: sqlite3.Connection, row: Mapping[str, Any]) -> int:
    """Add a row; what is not given is empty. Return its number."""
    number = connection.execute(_INSERT, _EMPTY | dict(row)).lastrowid
    assert number is not None
    return number


def free_ticket(connection: sqlite3.Connection, ticket: str | None) -> None:
    """Take a ticket from a submission that made no job.

    Raises
    ------
    TicketTakenError
        If it made one, or that is not known.
    """
    connection.execute(
        "UPDATE entries SET ticket = NULL WHERE ticket = ? AND state = ?", (ticket, EntryState.REFUSED.value)
    )
    taken = connection.execute("SELECT entry FROM entries WHERE ticket = ?", (ticket,)).fetchone()
    if taken is not None:
        raise TicketTakenError(f"entry {taken[0]} of the job book has the ticket {ticket!r}; nothing was sent")


def update(connection: sqlite3.Connection, entry: int, changes: Mapping[str, Any]) -> None:
    """Change a row.

    Raises
    ------
    JobBookError
        If there is none with that number, or it was forgotten.
    """
    settings = ", ".join(f"{column} = ?" for column in changes)
    query = f"UPDATE entries SET {settings} WHERE entry = ? AND state <> ?"
    done = connection.execute(query, (*changes.values(), entry, EntryState.FORGOTTEN.value))
    if done.rowcount != 1:
        raise JobBookError(f"there is no entry {entry} in the job book any more; it was forgotten or set aside")


def entries_where(connection: sqlite3.Connection, condition: str, arguments: Iterable[Any]) -> list[BookEntry]:
    """Entries that meet a condition, newest first."""
    query = f"SELECT * FROM entries WHERE {condition} ORDER BY entry DESC"
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return [entry_of_row(row) for row in cursor.execute(query, tuple(arguments)).fetchall()]


def entry_of_job(connection: sqlite3.Connection, handle: JobHandle, service: str) -> int | None:
    """The number of the entry that has a job."""
    found = connection.execute(f"SELECT entry FROM entries WHERE {_SAME_JOB}", _same_job(handle, service)).fetchone()
    return None if found is None else int(found[0])


def supersede(connection: sqlite3.Connection, handle: JobHandle, entry: int) -> None:
    """Take a job from another entry that has it: a service that began anew counts from one again."""
    (service,) = connection.execute("SELECT service FROM entries WHERE entry = ?", (entry,)).fetchone() or ("",)
    connection.execute(
        f"UPDATE entries SET state = ?, note = ? WHERE {_SAME_JOB} AND entry <> ?",
        (
            EntryState.REFUSED.value,
            f"the service gave the number of this job to another one, that of entry {entry}",
            *_same_job(handle, service),
            entry,
        ),
    )


def _same_job(handle: JobHandle, service: str) -> tuple[Any, ...]:
    return handle.backend, service, handle.id, int(handle.rebin_of is not None), EntryState.ACCEPTED.value


def add_row(connection: sqlite3.Connection, row: Mapping[str, Any], products: Iterable[Mapping[str, Any]]) -> bool:
    """Add a row of another book unless it is here already."""
    here = "SELECT 1 FROM entries WHERE backend = :backend AND service = :service AND "
    same = "(digest = :digest AND submitted = :submitted)"
    if row["state"] == EntryState.ACCEPTED.value:
        same = f"({same} OR (job_id = :job_id AND (rebin_of IS NULL) = (:rebin_of IS NULL) AND state = :state))"
    if connection.execute(here + same, row).fetchone():
        return False
    if connection.execute("SELECT 1 FROM entries WHERE ticket = :ticket", row).fetchone():
        row = {**row, "ticket": None}
    entry = insert(connection, row)
    connection.executemany(
        "INSERT INTO products (entry, kind, path, reason, updated) VALUES (:entry, :kind, :path, :reason, :updated)",
        [{**product, "entry": entry} for product in products],
    )
    return True


def states_of(given: EntryState | str | Iterable[EntryState | str] | None) -> list[str]:
    """The states to look for; all but that of forgotten entries by default."""
    if given is None:
        return [state.value for state in EntryState if state is not EntryState.FORGOTTEN]
    words = [given] if isinstance(given, str) else list(given)
    return [EntryState(word).value for word in words]
