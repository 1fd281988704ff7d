"""Who is sending a request just now, across processes.

Everybody who sends holds a lock together with others; whoever wants to know
what became of lost requests holds it alone, and so knows that no other request
is on its way. The locks are those of SQLite on an empty file: they work on
every system, and end with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..exceptions import JobBookError

__all__ = ["SENDING_TIMEOUT_S", "BusyError", "alone", "sending"]

#: As long as a reply may take and more.
SENDING_TIMEOUT_S = 300.0


class BusyError(Exception):
    """Others are sending and have not come to an end."""


@contextmanager
def sending(book: Path) -> Iterator[None]:
    """Hold the lock together with others.

    Parameters
    ----------
    book : Path
        File of the job book.

    Raises
    ------
    JobBookError
        If somebody holds it alone for a very long time, or the file cannot be used.
    """
    try:
        with _locked(book, ("BEGIN", "SELECT COUNT(*) FROM sqlite_master"), SENDING_TIMEOUT_S):
            yield
    except BusyError as error:
        raise JobBookError(
            f"another process has been reading the list of jobs for {SENDING_TIMEOUT_S:g} s; nothing was sent: try again",
            book,
        ) from error


@contextmanager
def alone(book: Path, timeout_s: float = SENDING_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock alone.

    Parameters
    ----------
    book : Path
        File of the job book.
    timeout_s : float, optional
        How long to wait for those who are sending.

    Raises
    ------
    BusyError
        If they have not come to an end by then.
    JobBookError
        If the file cannot be used.
    """
    with _locked(book, ("BEGIN EXCLUSIVE",), timeout_s):
        yield


@contextmanager
def _locked(book: Path, statements: tuple[str, ...], timeout_s: float) -> Iterator[None]:
    path = book.with_name(f"{book.name}.sending")
    try:
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    with closing(connection):
        try:
            for statement in statements:
                connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise BusyError from error
            raise _unusable(path, error) from error
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        yield


def _unusable(path: Path, error: sqlite3.Error) -> JobBookError:
    return JobBookError(
        f"{path} cannot be used ({error}): remove it, or set swiftxrt.conf.data_dir to a folder that can be written",
        path,
    )
