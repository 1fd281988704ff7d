"""Rows that are made of the observations when somebody first asks for them, and again when the observations change."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .store import CatalogStore

__all__ = ["CurrentStore"]

#: Seconds between two looks at the files, and how many times longer than a look that is at least.
_LEAST_PAUSE_S, _PAUSE_FACTOR = 2.0, 20.0
_clock = time.monotonic


class CurrentStore:
    """The store that goes with the observations as they are now.

    Parameters
    ----------
    make : callable
        Makes it, or opens what is kept.
    sign : callable
        Gives a text that changes with the files.
    """

    def __init__(self, make: Callable[[], CatalogStore], sign: Callable[[], str]) -> None:
        self._make, self._sign = make, sign
        self._store: CatalogStore | None = None
        self._signature = ""
        self._next_look = math.inf
        self._retired: list[CatalogStore] = []
        self._guard = threading.Lock()
        self._question = threading.local()

    @property
    def opened(self) -> CatalogStore | None:
        """What is there already; None before the first question."""
        return self._store

    def get(self) -> CatalogStore:
        """The store; whoever comes while it is made waits.

        Raises
        ------
        NoDataError
            If there are no observations.
        """
        pinned: CatalogStore | None = getattr(self._question, "store", None)
        if pinned is not None:
            return pinned
        with self._guard:
            if self._store is None or _clock() >= self._next_look:
                store = self._looked()
            else:
                store = self._store
        if getattr(self._question, "depth", 0):
            self._question.store = store
        return store

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """While it lasts, this thread gets the same store: one question has one answer."""
        self._question.depth = getattr(self._question, "depth", 0) + 1
        try:
            yield
        finally:
            self._question.depth -= 1
            if not self._question.depth:
                self._question.store = None

    def _looked(self) -> CatalogStore:
        began = _clock()
        signature = self._sign()
        took_s = _clock() - began
        if self._store is None or signature != self._signature:
            made = self._make()
            if self._store is not None:  # others may be reading it
                self._retired.append(self._store)
            self._store, self._signature = made, signature
        self._next_look = _clock() + max(_LEAST_PAUSE_S, _PAUSE_FACTOR * took_s)
        return self._store

    def close(self) -> None:
        """Close what is open."""
        with self._guard:
            for store in (*self._retired, *([self._store] if self._store is not None else [])):
                store.close()
            self._retired.clear()
            self._store = None
