"""Telling threads, and whoever else listens, that something has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Changes"]


class Changes(threading.Condition):
    """A lock that is held while things are read or changed, with news of every change."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: set[Callable[[], None]] = set()
        self._is_news = False

    def tell(self) -> None:
        """Wake everybody who waits for something; to be called with the lock held."""
        self._is_news = True
        self.notify_all()
        for listener in self._listeners:
            listener()

    def wait_for_news(self, or_until: Callable[[], bool], timeout: float | None) -> None:
        """Wait for a change since the last call, for a condition, or so many seconds; with the lock held."""
        self.wait_for(lambda: self._is_news or or_until(), timeout)
        self._is_news = False

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have a function called at every change, from any thread."""
        with self:
            self._listeners.add(listener)
        try:
            yield
        finally:
            with self:
                self._listeners.discard(listener)
