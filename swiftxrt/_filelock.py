"""One at a time, across threads and processes.

The lock is one of the operating system on a small file, so it ends with the
process that holds it, however that ends. The file is removed by its last
holder; whoever waited for a file that is gone by then makes a new one.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from . import _stopping
from ._log import log

__all__ = ["Holder", "hold"]

_LOOK_AGAIN_S = 0.05
_LONGEST_NOTE = 10_000
# Where the lock is on systems that lock a part of a file and refuse to read it then.
_FAR = 1 << 30
# What systems of files without locks, as some clusters have, say.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class Holder:
    """What is known to the one who got the lock.

    Attributes
    ----------
    earlier : str
        The note of whom this one waited for; empty if there was no wait.
    waited : bool
        Whether somebody else held the lock first.
    """

    def __init__(self, *, waited: bool, earlier: str) -> None:
        self.waited = waited
        self.earlier = earlier


@contextmanager
def hold(path: Path, timeout_s: float, note: str = "") -> Iterator[Holder]:
    """Hold a lock.

    Parameters
    ----------
    path : Path
        The file of the lock; it is made, and removed in the end.
    timeout_s : float
        Seconds to wait for others.
    note : str, optional
        What those who wait for this holder are told.

    Raises
    ------
    TimeoutError
        If others hold it for longer.
    OSError
        If the file cannot be made.
    """
    file, waited, earlier = _acquire(path, time.monotonic() + timeout_s)
    try:
        file.seek(0)
        file.write(note.encode()[:_LONGEST_NOTE])
        file.truncate()  # behind the note: some file systems wait for the disk when a file was emptied first
        yield Holder(waited=waited, earlier=earlier)
    finally:
        _release(file, path)


def _acquire(path: Path, end: float) -> tuple[IO[bytes], bool, str]:
    """The locked file, whether there was a wait, and for whom."""
    waited, earlier = False, ""
    while True:
        with ExitStack() as stack:
            file = stack.enter_context(_open(path))
            while not _try(file):
                waited, earlier = True, _read(file) or earlier
                if time.monotonic() > end:
                    raise TimeoutError(f"{path} is held by somebody else")
                _stopping.sleep(_LOOK_AGAIN_S)
            if _is_current(file, path):
                stack.pop_all()
                return file, waited, earlier


def _open(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_LONGEST_NOTE).decode(errors="replace")


def _is_current(file: IO[bytes], path: Path) -> bool:
    """Whether the file is still the one that others will find."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try(file: IO[bytes]) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(file: IO[bytes], path: Path) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        file.close()
        with suppress(OSError):  # somebody waits for it, and will remove it
            path.unlink()

else:
    import fcntl

    def _try(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            log.debug("%s cannot be locked (%s): this file system has no locks", file.name, error)
        return True

    def _release(file: IO[bytes], path: Path) -> None:
        with file:
            if _is_current(file, path):
                path.unlink(missing_ok=True)  # while the lock is held: so nobody else can have it
