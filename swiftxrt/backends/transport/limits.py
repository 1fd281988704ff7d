"""Politeness: how many requests a service gets at once, and how many a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from ...config import conf
from ...exceptions import ServiceUnavailableError
from .addresses import Origin
from .waiting import Deadline, now, pause

__all__ = ["Gate", "gate"]

_gates: WeakValueDictionary[Origin, Gate] = WeakValueDictionary()
_gates_lock = threading.Lock()


class Gate:
    """All requests of this process to one service pass through it.

    Parameters
    ----------
    origin : Origin
        The service.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._changed = threading.Condition()
        self._under_way = 0
        self._next = 0.0

    @contextmanager
    def passage(self, deadline: Deadline, rate: str = "requests_per_second") -> Iterator[None]:
        """Be one of the few requests that are under way.

        Parameters
        ----------
        deadline : Deadline
            Until when to wait.
        rate : str, optional
            The setting that says how many requests a second may pass.

        Raises
        ------
        ServiceUnavailableError
            If the others leave no room until the deadline.
        """
        with self._changed:
            while self._under_way >= max(1, conf.max_connections):
                if deadline.left() <= 0 or not self._changed.wait(deadline.left()):
                    raise self._too_late(deadline, f"{self._under_way} requests (conf.max_connections) are under way")
            self._under_way += 1
        try:
            self._keep_distance(deadline, rate)
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def _keep_distance(self, deadline: Deadline, setting: str) -> None:
        """Wait until the next request is due; after a rest, as many as a second may have go at once."""
        rate = getattr(conf, setting)
        if rate <= 0 or self.origin.is_loopback:
            return
        with self._changed:
            self._next = max(self._next, now() - max(1.0, 1.0 / rate)) + 1.0 / rate
            wait = self._next - now()
        if wait >= deadline.left():
            raise self._too_late(deadline, f"{rate:g} requests per second (conf.{setting}) are too many")
        if wait > 0:
            pause(wait)

    def _too_late(self, deadline: Deadline, reason: str) -> ServiceUnavailableError:
        failure = ServiceUnavailableError(
            f"{self.origin} could not be asked within {deadline.seconds:g} s: {reason}", url=str(self.origin)
        )
        failure.was_sent = False
        return failure


def gate(origin: Origin) -> Gate:
    """The gate of a service; keep it as long as the service is used."""
    with _gates_lock:
        found = _gates.get(origin)
        if found is None:
            found = _gates[origin] = Gate(origin)
        return found
