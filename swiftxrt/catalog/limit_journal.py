"""What a service has said about upper limits, kept on this computer.

Working a limit out takes the service up to minutes, and it deletes the result
of a slow calculation as soon as it was fetched. So each reply goes to a file
before it is read, and from there into a small database; so do the identifiers
of calculations that are not over. Whatever ends a session, the next one asks
only for what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .._atomic import output_errors, usable_folder
from .._log import log
from ..config import cache_folder, conf
from ..exceptions import OutputExistsError, ServiceError, ServiceWarning, StorageError, UnknownObjectError, warn
from ..wire import api

__all__ = ["FOLDER", "Known", "LimitJournal"]

#: Name of the folder in that of the kept replies.
FOLDER = "limits"

_FILE = "limits.sqlite"
_FORMAT = 1
_SUFFIX, _UNREADABLE = ".reply", ".unreadable"
_BUSY_TIMEOUT_S = 30.0
_OLD_S = 86400.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, content BLOB, job TEXT, since REAL, said REAL)"
_now: Callable[[], float] = time.time


class Known(NamedTuple):
    """What is known of a question.

    Parameters
    ----------
    content : dict
        The content of the last reply.
    since : float
        When it was first given, as seconds since 1970.
    """

    content: dict[str, Any]
    since: float


class LimitJournal:
    """Answers to questions, on disk.

    Parameters
    ----------
    folder : Path or None
        Where they are; None for nowhere, so that they are lost at the end.

    Raises
    ------
    sqlite3.Error
        If the database cannot be used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="swiftxrt-") if folder is None else None
        self.folder = Path(self._scratch.name) if folder is None else folder  # type: ignore[union-attr]
        self._guard = threading.Lock()
        self._connection = _opened(self.folder / _FILE)
        self._tidy()
        # Replies that came when their session ended.
        self._left = {path.stem for path in self.folder.glob(f"*{_SUFFIX}")}

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[LimitJournal]:
        """The journal in the folder of ``conf.cache_dir``, or a passing one if nothing can be kept there.

        Warns
        -----
        ServiceWarning
            If nothing can be kept.
        """
        journal = cls._usual() or cls(None)
        try:
            yield journal
        finally:
            journal.close()

    @classmethod
    def _usual(cls) -> LimitJournal | None:
        if not conf.cache:
            return None
        folder = cache_folder() / FOLDER
        try:
            usable_folder(folder.parent)
            with output_errors(folder):
                folder.mkdir(mode=0o700, exist_ok=True)  # what one asks about is nobody's business
            return cls(usable_folder(folder))
        except (StorageError, OutputExistsError, sqlite3.Error) as error:
            text = f"answers are not kept in {folder}, so that they are lost if this ends early: {error}"
            warn(f"{text}; set conf.cache_dir to a folder that can be written", ServiceWarning, stacklevel=9)
            return None

    def key(self, service: str, content: Mapping[str, Any]) -> str:
        """What a question to a service is called here."""
        plain = json.dumps([_FORMAT, service, dict(content)], sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()

    def path(self, key: str) -> Path:
        """Where the next reply to a question is to be written before it is read."""
        return self.folder / f"{key}{_SUFFIX}"

    def find(self, key: str) -> Known | None:
        """The answer to a question, or a calculation that is not over."""
        if key in self._left:
            self._left.discard(key)
            self._take_up(key)
        with self._guard:
            row = self._connection.execute("SELECT content, since FROM answers WHERE key = ?", [key]).fetchone()
        return None if row is None else Known(json.loads(zlib.decompress(row[0])), row[1])

    def put(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep the content of a reply, and remove the file that it was in."""
        job = str(content.get("TIMEOUT") or "")
        packed = zlib.compress(json.dumps(dict(content)).encode("ascii"), 1)
        # While it is the same calculation, the time counts from when it was begun.
        statement = (
            "INSERT INTO answers VALUES (:key, :content, :job, :now, :now) ON CONFLICT (key) DO UPDATE SET since = "
            "CASE WHEN job = :job AND job <> '' THEN since ELSE :now END, content = :content, job = :job, said = :now"
        )
        try:
            with self._guard:
                self._connection.execute(statement, {"key": key, "content": packed, "job": job, "now": _now()})
        except sqlite3.Error as error:
            log.warning("an answer of the service is not kept in %s: %s", self.folder, error)
            return
        self.path(key).unlink(missing_ok=True)

    def forget(self, key: str) -> None:
        """Remove what is known of a question."""
        with self._guard:
            self._connection.execute("DELETE FROM answers WHERE key = ?", [key])
        self.path(key).unlink(missing_ok=True)
        self._left.discard(key)

    def set_aside(self, key: str) -> Path | None:
        """Where a reply now is that cannot be read; None if it was not kept."""
        path = self.path(key)
        try:
            return path.replace(path.with_suffix(_UNREADABLE))
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Close the database."""
        with self._guard:
            self._connection.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def _take_up(self, key: str) -> None:
        """Keep a reply that nobody has read yet."""
        try:
            self.put(key, api.open_reply(json.loads(self.path(key).read_bytes()), url=str(self.path(key))))
        except FileNotFoundError:  # another process was faster
            return
        except (UnknownObjectError, ServiceError) as error:
            log.info("the last reply to a question is not used: %s", error)
            self.path(key).unlink(missing_ok=True)
        except (ValueError, RecursionError) as error:
            log.warning("a kept reply cannot be read and is now %s: %s", self.set_aside(key), error)

    def _tidy(self) -> None:
        """Remove what has expired, what is too much, and what was half written when a session ended.

        Calculations that are not over do not expire.
        """
        with self._guard:
            connection = self._connection
            connection.execute("DELETE FROM answers WHERE job = '' AND said < ?", [_now() - conf.cache_expiry])
            sizes = connection.execute("SELECT key, LENGTH(content) FROM answers ORDER BY said DESC").fetchall()
            total, limit = 0, int(conf.cache_size)
            for key, size in sizes:
                total += size
                if total > limit:
                    connection.execute("DELETE FROM answers WHERE key = ?", [key])
        for path in (*self.folder.glob(".part-*"), *self.folder.glob(f"*{_UNREADABLE}")):
            try:
                if _now() - path.stat().st_mtime > max(_OLD_S, conf.cache_expiry):
                    path.unlink()
            except FileNotFoundError:  # another process was faster
                continue


def _opened(path: Path) -> sqlite3.Connection:
    """The database; one that is damaged is put aside."""
    try:
        return _connected(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        log.warning("%s is damaged (%s) and now called %s.damaged; answers in it are lost", path, error, path.name)
        os.replace(path, path.with_name(f"{path.name}.damaged"))
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # What is written outlives the process at once, and a power failure after some time.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
