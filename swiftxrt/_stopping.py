"""Ending what other threads do, at once.

An interrupt (Ctrl-C) reaches the main thread only. A `Stop` hands it on to
threads that work for it: what waits there for a network, a lock or a pause
ends with a `KeyboardInterrupt` too, and tidies up as it would in the main
thread.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Stop", "check", "sleep", "watch"]

_local = threading.local()


class Stop:
    """Ends the work of the threads that heed it."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._guard = threading.Lock()
        self._sockets: dict[int, socket.socket] = {}

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """What this thread does in the block ends when the stop is requested."""
        _local.stop = self
        try:
            yield
        finally:
            _local.stop = None
            with self._guard:
                self._sockets.pop(threading.get_ident(), None)

    def request(self) -> None:
        """End everything; nothing happens to work that is over."""
        self._requested.set()
        with self._guard:
            for opened in self._sockets.values():
                with suppress(OSError):  # it is closed already
                    opened.shutdown(socket.SHUT_RDWR)

    def watch(self, opened: socket.socket) -> None:
        """Do not wait for this connection of the current thread after the stop."""
        with self._guard:
            self._sockets[threading.get_ident()] = opened
        self.check()

    def check(self) -> None:
        """Raise `KeyboardInterrupt` after the stop."""
        if self._requested.is_set():
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Wait; no longer than until the stop."""
        self._requested.wait(seconds)
        self.check()


def _current() -> Stop | None:
    return getattr(_local, "stop", None)


def check() -> None:
    """Raise `KeyboardInterrupt` if this thread is to end."""
    if (stop := _current()) is not None:
        stop.check()


def sleep(seconds: float) -> None:
    """Wait; no longer than until this thread is to end."""
    if (stop := _current()) is not None:
        stop.sleep(seconds)
    else:
        time.sleep(seconds)


def watch(opened: socket.socket) -> None:
    """Do not wait for this connection once this thread is to end."""
    if (stop := _current()) is not None:
        stop.watch(opened)
