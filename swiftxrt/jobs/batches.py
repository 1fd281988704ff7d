"""Lists of requests in the job book: which there are, and what became of each request."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._atomic import output_errors, usable_folder
from .._printable import printable
from ..exceptions import JobBookError, RequestError
from ..io.manifest import MANIFEST
from ..request.bundle import XRTRequest
from ._book_rows import time_text
from .book import JobBook
from .outcome import Outcome

__all__ = ["Batch", "BatchLock", "BatchRow", "open_batch"]

_COLUMNS = (
    "number",
    "digest",
    "folder",
    "attempt",
    "outcome",
    "cancelling",
    "job_id",
    "error_class",
    "error",
    "elapsed",
)
_LONGEST_NAME = 40
_UNSAFE = re.compile(r"[^A-Za-z0-9+-]+")


@dataclass(frozen=True)
class BatchRow:
    """One request of a list, as the book has it.

    Parameters
    ----------
    number : int
        Its number in the list, from 1.
    digest : str
        Digest of the request.
    folder : str
        Name of the folder for its products.
    attempt : int
        How often it was begun anew, from 1.
    outcome : str
        How it ended; empty if it has not.
    cancelling : bool
        Whether its cancellation was asked for.
    job_id : str or None
        The job, once it has ended.
    error_class, error : str
        What went wrong, if anything.
    elapsed : float or None
        Seconds from submission to end.
    """

    number: int
    digest: str
    folder: str
    attempt: int = 1
    outcome: str = ""
    cancelling: bool = False
    job_id: str | None = None
    error_class: str = ""
    error: str = ""
    elapsed: float | None = None


@dataclass(frozen=True)
class Batch:
    """A list of requests in the job book.

    Parameters
    ----------
    book : JobBook
        The book.
    number : int
        Its number in the book.
    token : str
        A word that no other list has.
    folder : Path
        Where products go, a folder for each request.
    name : str
        Its name; empty if it has none.
    """

    book: JobBook
    number: int
    token: str
    folder: Path
    name: str = ""

    @property
    def title(self) -> str:
        """What it is called where people read it."""
        return printable(self.name) or self.folder.name

    def rows(self) -> dict[str, BatchRow]:
        """Its requests, by digest."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM batch_items WHERE batch = ? ORDER BY number"
        with self.book.transaction() as connection:
            found = [_row(values) for values in connection.execute(query, (self.number,))]
        return {row.digest: row for row in found}

    def update(self, number: int, changes: Mapping[str, Any]) -> None:
        """Change what is known about a request.

        Raises
        ------
        JobBookError
            If the list was forgotten, or the book cannot be written.
        """
        cleaned = {
            name: self.book.clean_text(value) if isinstance(value, str) else value for name, value in changes.items()
        }
        settings = ", ".join(f"{name} = ?" for name in cleaned)
        query = f"UPDATE batch_items SET {settings} WHERE batch = ? AND number = ?"
        with self.book.transaction() as connection:
            if connection.execute(query, (*cleaned.values(), self.number, number)).rowcount != 1:
                raise JobBookError(
                    "the list of requests is no longer in the job book: it was forgotten; submit it again",
                    self.book.path,
                )

    def begin_anew(self, numbers: Iterable[int]) -> None:
        """Forget how requests ended; jobs that came to nothing are not taken up again."""
        with self.book.transaction() as connection:
            connection.executemany(
                "UPDATE batch_items SET attempt = attempt + 1, outcome = '', cancelling = 0, job_id = NULL, "
                "error_class = '', error = '', elapsed = NULL WHERE batch = ? AND number = ?",
                [(self.number, number) for number in numbers],
            )

    def move(self, folder: Path) -> Batch:
        """The same list with another folder for its products, as long as none is on disk.

        Raises
        ------
        RequestError
            If there are products in the old folder.
        JobBookError
            If another process works on the list.
        """
        self.check_movable()
        lock = BatchLock(self)
        try:
            with self.book.transaction() as connection:
                connection.execute("UPDATE batches SET folder = ? WHERE batch = ?", (str(folder), self.number))
        finally:
            lock.release()
        return replace(self, folder=folder)

    def check_movable(self) -> None:
        """Refuse another folder when there are products in this one; `RequestError` says so."""
        saved = [row for row in self.rows().values() if row.outcome and Outcome(row.outcome).has_products]
        with output_errors(self.folder):
            if not any((self.folder / row.folder / MANIFEST).is_file() for row in saved):
                return
        text = (
            f"these requests were begun with the folder {self.folder}, and there are products in it; leave location out "
            "to go on there, or give another name= to begin anew"
        )
        raise RequestError([("location", text)])

    def forget(self) -> None:
        """Remove the list from the book; its jobs stay there."""
        with self.book.transaction() as connection:
            connection.execute("DELETE FROM batches WHERE batch = ?", (self.number,))

    def ticket(self, row: BatchRow, service: str) -> str:
        """The name of the submission of a request: with it, it makes one job however often it is tried."""
        place = hashlib.sha256(service.encode()).hexdigest()[:8]
        return f"{self.token}/{row.number}.{row.attempt}@{place}"

    def free_folder(self, row: BatchRow) -> str:
        """Another name for the folder of a request, as the one it has is taken."""
        return _free_name(self.folder, row.folder)


def open_batch(
    book: JobBook,
    requests: Sequence[tuple[str, XRTRequest]],
    *,
    backend: str,
    origin: str,
    sender: str,
    name: str | None = None,
    location: Path | None = None,
) -> Batch:
    """Find a list of requests in the book, or write it down; requests that are new in it are added.

    Parameters
    ----------
    book : JobBook
        The book.
    requests : sequence of (str, XRTRequest)
        Different requests with their digests.
    backend, origin : str
        The backend and what it makes products of: the address of a service or a folder of observations.
    sender : str
        The user's address, of which a mark is kept.
    name : str, optional
        Name of the list; by default the requests themselves tell it from others.
    location : Path, optional
        Folder for the products of a new list; by default one beside the book,
        which is called as the list, or as the first target if it has no name.

    Raises
    ------
    StorageError
        If nothing can be written to that folder; nothing is written down then.
    JobBookError
        If the book cannot be used.
    """
    digests = [digest for digest, _ in requests]
    together = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
    mark = book.mark_of(sender)  # before anything is cleaned of addresses
    name = None if name is None else book.clean_text(name)
    identity = (backend, origin, mark, f"digest {together}" if name is None else f"name {name}")
    with book.transaction() as connection:
        found = connection.execute(
            "SELECT batch, token, folder FROM batches WHERE backend = ? AND origin = ? AND owner = ? AND key = ?",
            identity,
        ).fetchone()
        if found is None:
            called = name or f"{_safe(requests[0][1].target.name)[: _LONGEST_NAME - 9]}-{together[:8]}"
            folder = usable_folder(location or _default_folder(book, called))
            batch = _insert(connection, book, identity, folder)
        else:
            batch = Batch(book, found[0], found[1], Path(found[2]))
        _add_new(connection, batch, requests)
    return replace(batch, name=name or "")


class BatchLock:
    """Says that one process works on a list; it ends with the process.

    Parameters
    ----------
    batch : Batch
        The list.

    Raises
    ------
    JobBookError
        If another process works on it.
    """

    def __init__(self, batch: Batch) -> None:
        path = batch.book.path.parent / "locks" / f"{batch.token}.sqlite"
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
            try:
                self._connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error:
                self._connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                text = (
                    "another process works on this list of requests; wait until it has ended, or give another name= for a "
                    "list of its own"
                )
            else:
                text = f"{path} cannot be used ({error}); set swiftxrt.conf.data_dir to a folder that can be written"
            raise JobBookError(text, path) from error

    def release(self) -> None:
        """Let others work on the list."""
        self._connection.close()


def _insert(connection: sqlite3.Connection, book: JobBook, identity: tuple[str, ...], folder: Path) -> Batch:
    token = secrets.token_hex(8)
    values = (token, *identity, str(folder), time_text(datetime.now(UTC)))
    number = connection.execute(
        "INSERT INTO batches (token, backend, origin, owner, key, folder, made) VALUES (?, ?, ?, ?, ?, ?, ?)", values
    ).lastrowid
    assert number is not None
    return Batch(book, number, token, folder)


def _add_new(connection: sqlite3.Connection, batch: Batch, requests: Sequence[tuple[str, XRTRequest]]) -> None:
    query = "SELECT digest, number FROM batch_items WHERE batch = ?"
    known = dict(connection.execute(query, (batch.number,)).fetchall())
    number = max(known.values(), default=0)
    for digest, request in requests:
        if digest not in known:
            number += 1
            folder = _free_name(batch.folder, f"{number:04}-{_safe(request.target.name)}")
            connection.execute(
                "INSERT INTO batch_items (batch, number, digest, folder) VALUES (?, ?, ?, ?)",
                (batch.number, number, digest, folder),
            )


def _default_folder(book: JobBook, name: str) -> Path:
    folder = book.path.parent / "batches"
    return folder / _free_name(folder, _safe(name))


def _free_name(folder: Path, name: str) -> str:
    """A name that nothing in a folder has."""
    number, free = 1, name
    with output_errors(folder):
        while (folder / free).exists():
            number += 1
            free = f"{name}-{number}"
    return free


def _safe(name: str) -> str:
    """A name that can be that of a folder everywhere."""
    return _UNSAFE.sub("_", name).strip("_")[:_LONGEST_NAME] or "unnamed"


def _row(values: Sequence[Any]) -> BatchRow:
    plain = dict(zip(_COLUMNS, values, strict=True))
    return BatchRow(**plain | {"cancelling": bool(plain["cancelling"])})
