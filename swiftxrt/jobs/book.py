"""The job book: what was submitted, written down before it was sent.

An SQLite file in the user's data folder that all processes share. It knows no
addresses: the users of a service are told apart by marks (`swiftxrt.jobs.owner`).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._paths import as_path
from ..exceptions import RequestError
from ..kinds import ProductKind
from ..products.report import JobReport
from ..request.bundle import XRTRequest
from ..wire.envelope import redact
from ._book_file import BookFile, move_aside, trouble
from ._book_json import dump_book, parse_book
from ._book_rows import (
    TicketTakenError,
    add_row,
    entry_of_job,
    free_ticket,
    handle_columns,
    insert,
    number_of,
    place_of,
    request_columns,
    supersede,
    time_text,
    update,
)
from .book_reading import BookReading
from .entries import BookEntry, EntryState, plain_status
from .owner import ANYBODY, key_of_folder, owner_mark
from .protocol import JobHandle

__all__ = ["BookEntry", "EntryState", "JobBook", "TicketTakenError"]


class JobBook(BookReading):
    """All submissions of a user on this machine.

    Every method may be called from several threads, and from several processes
    with a book each. What a method wrote outlives the end of the process, also
    a violent one; after a power failure the last entries may be missing.
    Several machines should not share the folder.

    Parameters
    ----------
    path : path-like
        The file; made with its folder if it does not exist. Beside it lies the
        key of the marks that stand for users.

    Raises
    ------
    JobBookError
        If the file cannot be used, is damaged or is none of ours; every method
        may raise it.

    Examples
    --------
    >>> from swiftxrt import ImageRequest, SwiftXRT, Target, XRTRequest
    >>> book = SwiftXRT.job_book
    >>> request = XRTRequest(target=Target("GRB 200416A"), image=ImageRequest())
    >>> entry = book.intend("ukssdc", "https://www.swift.ac.uk", request, "me@example.org")
    >>> book.entry(entry).state.value
    'intended'
    >>> book.forget(entry)
    >>> book.find(backend="ukssdc")
    []
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path(path, "path").absolute()
        self._file = BookFile(self.path)
        try:
            self._key = key_of_folder(self.path.parent)
        except OSError as error:
            self._file.close()
            raise trouble(error, self.path) from error
        self._addresses: set[str] = set()

    def intend(self, backend: str, service: str, request: XRTRequest, owner: str, *, ticket: str | None = None) -> int:
        """Write down a submission before it is sent.

        Parameters
        ----------
        backend, service : str
            Where it goes: the name of the backend, and the address of the
            service or the folder of the local engine.
        request : XRTRequest
            What is asked for.
        owner : str
            The user's address, of which only a mark is kept.
        ticket : str, optional
            A name for this submission by which its sender finds it again: no
            two entries can have the same, but one that was refused loses it.

        Returns
        -------
        entry : int
            The number of the entry.

        Raises
        ------
        JobBookError
            If another entry has the ticket, besides what is said above.
        """
        row = self._row(backend, service, request, self.mark_of(owner)) | {"ticket": ticket}
        with self._file.write() as connection:
            free_ticket(connection, ticket)
            return insert(connection, row)

    def send(self, entry: int) -> None:
        """Note that a submission is about to be sent."""
        with self._file.write() as connection:
            self._update(connection, entry, {"state": EntryState.SENT.value})

    def accept(self, entry: int, handle: JobHandle, *, delivered: bool = True, note: str = "") -> None:
        """Note that there is a job.

        Parameters
        ----------
        entry : int
            The submission.
        handle : JobHandle
            The job.
        delivered : bool, optional
            Whether whoever asked for the job gets it now; see `claim`.
        note : str, optional
            How it became known.
        """
        changes = {"state": EntryState.ACCEPTED.value, "delivered": int(delivered), "note": note}
        with self._file.write() as connection:
            supersede(connection, handle, entry)
            self._update(connection, entry, handle_columns(handle) | changes)

    def refuse(self, entry: int, reason: str) -> None:
        """Note that there is no job, and why."""
        with self._file.write() as connection:
            self._update(connection, entry, {"state": EntryState.REFUSED.value, "note": reason})

    def lose(self, entry: int, reason: str) -> None:
        """Note that a submission was sent, and that its reply was lost."""
        with self._file.write() as connection:
            self._update(connection, entry, {"state": EntryState.UNCERTAIN.value, "note": reason})

    def record(self, service: str, handle: JobHandle, owner: str, *, request: XRTRequest | None = None) -> int:
        """Write down a job that is known to exist, such as one of the local engine or of another machine.

        Parameters
        ----------
        service : str
            As for `intend`.
        handle : JobHandle
            The job.
        owner : str
            As for `intend`.
        request : XRTRequest, optional
            The request as it was submitted, if known; else that of the job.

        Returns
        -------
        entry : int
            That of the job, if the book has it already.
        """
        return self._record(service, handle, self.mark_of(owner), request or handle.request)

    def record_rebinning(self, parent: int, handle: JobHandle) -> int:
        """Write down a job that bins the light curve of another one anew; arguments and result as for `record`."""
        entry = self.entry(parent)
        return self._record(entry.service, handle, entry.owner_mark, handle.request)

    def claim(self, entry: int) -> bool:
        """Take the job of a submission whose sender never got it.

        Returns
        -------
        claimed : bool
            False if somebody has it already.
        """
        with self._file.write() as connection:
            query = "UPDATE entries SET delivered = 1 WHERE entry = ? AND state = ? AND NOT delivered"
            return connection.execute(query, (entry, EntryState.ACCEPTED.value)).rowcount == 1

    def report(self, entry: int | BookEntry, report: JobReport) -> None:
        """Write down the state of the products of a job, if it has changed."""
        status = self.clean_text(json.dumps(plain_status(report)))
        with self._file.write() as connection:
            connection.execute(
                "UPDATE entries SET status = ?, updated = ? WHERE entry = ? AND status <> ? AND state <> ?",
                (status, time_text(_now()), number_of(entry), status, EntryState.FORGOTTEN.value),
            )

    def product(self, entry: int | BookEntry, kind: ProductKind | str, path: Path | None, reason: str = "") -> None:
        """Write down where a product was saved, or why there is none."""
        place = None if path is None else str(Path(path).absolute())
        with self._file.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO products (entry, kind, path, reason, updated)"
                " SELECT entry, ?, ?, ?, ? FROM entries WHERE entry = ? AND state <> ?",
                (
                    *(ProductKind.of(kind).value, place, self.clean_text(reason), time_text(_now())),
                    *(number_of(entry), EntryState.FORGOTTEN.value),
                ),
            )

    def forget(self, entry: int | BookEntry) -> None:
        """Remove an entry; only the number of its job stays, so that it is not taken for another one's.

        Nothing is cancelled, and no file is removed.
        """
        gone = dict.fromkeys(("ticket", "resolved", "url", "parameters"))
        gone |= dict.fromkeys(("owner", "digest", "name", "kinds", "request", "note"), "")
        with self._file.write() as connection:
            update(connection, number_of(entry), gone | {"status": "{}", "state": EntryState.FORGOTTEN.value})
            connection.execute("DELETE FROM products WHERE entry = ?", (number_of(entry),))

    def export_json(self) -> str:
        """The whole book as a JSON text, without what was forgotten.

        Marks of users are in it; no address can be made of them, and another
        book does not understand them. Its ``"key"`` is no key, but a mark too:
        by it a book knows again what it wrote itself.
        """
        with self._file.read() as connection:
            return dump_book(connection, self.mark_of("check of the key"))

    def import_json(self, text: str, *, owner: str = "") -> int:
        """Add entries of another book, or of a copy of this one; those it has already are left alone.

        Parameters
        ----------
        text : str
            As `export_json` gives it.
        owner : str, optional
            The address of the user to whom the entries belong, if they come
            from a book with another key; by default they are shown to all.

        Returns
        -------
        number : int
            How many entries were added.

        Raises
        ------
        FormatError
            If the text is no job book, or damaged; nothing was added then.
        RequestError
            If it is no text.
        """
        if not isinstance(text, str):
            raise RequestError([("text", f"a text made by JobBook.export_json is needed; got {type(text).__name__}")])
        rows = parse_book(text, self.mark_of("check of the key"), self.mark_of(owner) or ANYBODY)
        with self._file.write() as connection:
            return sum(add_row(connection, row, products) for row, products in rows)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection with the right to write, for further tables in the same file."""
        with self._file.write() as connection:
            yield connection

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    @staticmethod
    def set_aside(path: str | os.PathLike[str]) -> Path:
        """Move a damaged book aside, so that the next use begins a new one.

        Parameters
        ----------
        path : path-like
            The file of the book.

        Returns
        -------
        path : Path
            Where it is now.

        Raises
        ------
        JobBookError
            If it cannot be moved.
        """
        return move_aside(as_path(path, "path"))

    def _row(
        self, backend: str, service: str, request: XRTRequest, mark: str, submitted: datetime | None = None
    ) -> dict[str, Any]:
        """A new row for a request."""
        now = _now()
        times = {"submitted": time_text(submitted or now), "updated": time_text(now)}
        return self._clean(request_columns(backend, place_of(service), request) | times) | {"owner": mark}

    def _record(self, service: str, handle: JobHandle, mark: str, request: XRTRequest) -> int:
        job = self._clean(handle_columns(handle) | {"delivered": 1})
        row = self._row(handle.backend, service, request, mark, handle.submitted)
        with self._file.write() as connection:
            known = entry_of_job(connection, handle, row["service"])
            if known is None:
                return insert(connection, row | job | {"state": EntryState.ACCEPTED.value})
            connection.execute("UPDATE entries SET owner = ? WHERE entry = ? AND owner = ?", (mark, known, ANYBODY))
            self._update(connection, known, job)
            return known

    def _update(self, connection: sqlite3.Connection, entry: int, changes: dict[str, Any]) -> None:
        update(connection, entry, self._clean(changes) | {"updated": time_text(_now())})

    def mark_of(self, owner: str) -> str:
        """The mark that stands for an address, which from now on is kept out of all texts."""
        if "@" in owner:
            self._addresses.add(owner)
        return owner_mark(self._key, owner)

    def _clean(self, row: dict[str, Any]) -> dict[str, Any]:
        return {key: self.clean_text(value) if isinstance(value, str) else value for key, value in row.items()}

    def clean_text(self, text: str) -> str:
        """A text without addresses, and without halves of characters, which no file can hold."""
        text = text.encode("utf-8", "backslashreplace").decode()
        for address in self._addresses:
            text = redact(text, address.strip())
        return text

    def __enter__(self) -> JobBook:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return JobBook, (self.path,)

    def __repr__(self) -> str:
        return f"<JobBook {str(self.path)!r}>"


def _now() -> datetime:
    return datetime.now(UTC)
