"""The SQLite file of the job book: opening, transactions and what to say when they fail."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .._log import log
from ..exceptions import JobBookError
from ._book_schema import StrangeBookError, migrate

__all__ = ["BookFile", "move_aside", "trouble"]

_BUSY_TIMEOUT_S = 30.0
_ELSEWHERE = "set swiftxrt.conf.data_dir to a folder that can be written"
# What to do, by the beginning of the name that SQLite gives to an error.
_ADVICE = {
    "SQLITE_NOTADB": "damaged",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_READONLY": f"cannot be written; {_ELSEWHERE}",
    "SQLITE_CANTOPEN": f"cannot be opened; {_ELSEWHERE}",
    "SQLITE_PERM": f"cannot be opened; {_ELSEWHERE}",
    "SQLITE_FULL": f"cannot grow: the disk is full; make room, or {_ELSEWHERE}",
    "SQLITE_BUSY": f"has been held by another process for {_BUSY_TIMEOUT_S:g} s; end it, or try again",
    "SQLITE_IOERR": f"cannot be read or written; check the disk, or {_ELSEWHERE}",
}

# Connections that a parent process opened: they must not be closed here, so they are kept for ever.
_inherited: list[sqlite3.Connection] = []
# Closing a file takes away the locks that this process has on it, so files are made by one thread at a time.
_opening = threading.Lock()


class BookFile:
    """One connection to the file, for all threads, opened anew after a fork or when the file was replaced.

    Parameters
    ----------
    path : Path
        The file; made with its folder if it does not exist.

    Raises
    ------
    JobBookError
        If it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.RLock()
        self._held = _Held()
        self._finalizer = weakref.finalize(self, self._held.close)
        with self._guard, self._translated():
            self._open()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the right to write from its beginning."""
        with self._guard, self._translated():
            connection = self._open()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one or more statements that read."""
        with self._guard, self._translated():
            yield self._open()

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._guard:
            self._held.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, StrangeBookError) as error:
            raise trouble(error, self.path) from error

    def _open(self) -> sqlite3.Connection:
        connection = self._held.connection
        if connection is not None and self._held.pid == os.getpid() and self._held.file == _identity(self.path):
            return connection
        self._held.close()
        with _opening:
            self._make_file()
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        self._held.hold(connection, _identity(self.path))
        connection.execute("PRAGMA foreign_keys=ON")
        # What is written outlives the process at once, and a power failure after some time: waiting for the disk
        # would take longer than everything else together.
        connection.execute("PRAGMA synchronous=NORMAL")
        _use_log(connection)
        migrate(connection)
        return connection

    def _make_file(self) -> None:
        """Make the file, so that nobody else can read it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                if not self.path.exists():
                    os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise trouble(error, self.path) from error


class _Held:
    """A connection, the process that opened it, and the file it was opened for."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.pid = 0
        self.file: tuple[int, int] | None = None

    def hold(self, connection: sqlite3.Connection, file: tuple[int, int] | None) -> None:
        self.connection, self.pid, self.file = connection, os.getpid(), file

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if self.pid == os.getpid():
            connection.close()
        else:
            _inherited.append(connection)


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that took its name; `None` if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _use_log(connection: sqlite3.Connection) -> None:
    """Let readers and writers not wait for each other; where the file system does not allow that, they do."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal":
        return
    with suppress(sqlite3.OperationalError):  # another process is changing it just now
        connection.execute("PRAGMA journal_mode=WAL")


def trouble(error: Exception, path: Path) -> JobBookError:
    """What to say about a book that cannot be used."""
    name = getattr(error, "sqlite_errorname", None) or ""
    advice = next((text for start, text in _ADVICE.items() if name.startswith(start)), "")
    if advice == "damaged" or isinstance(error, StrangeBookError):
        what = "cannot be read" if isinstance(error, StrangeBookError) else "is damaged"
        return JobBookError(
            f"the job book {path} {what} ({error}); swiftxrt.JobBook.set_aside({str(path)!r}) moves it aside, and the "
            "next use begins a new one. The jobs themselves are not in it: list_jobs() shows those that the service has",
            path,
        )
    return JobBookError(f"the job book {path} {advice or f'cannot be used; {_ELSEWHERE}'} ({error})", path)


def move_aside(path: Path) -> Path:
    """Give a book another name, with the files that SQLite keeps beside it.

    Raises
    ------
    JobBookError
        If it cannot be moved.
    """
    aside = path.with_name(f"{path.stem}-{time.time_ns()}.aside")
    try:
        path.rename(aside)
        for ending in ("-wal", "-shm"):
            companion = path.with_name(path.name + ending)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + ending))
    except OSError as error:
        raise JobBookError(f"the job book {path} cannot be moved aside ({error})", path) from error
    log.info("the job book %s was moved to %s", path, aside)
    return aside
