"""Removing products that have been kept long enough."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import astropy.units as u

from .._log import log
from ..exceptions import RequestError
from ..jobs.protocol import HostingBackend
from .files import ProductFiles

__all__ = ["Expiry"]

_INTERVAL = timedelta(hours=1)


class Expiry:
    """Removes the files of jobs that were submitted long ago and have ended; the jobs stay in the list.

    There is no clock of its own: whenever somebody asks the server something,
    and an hour has passed since the last time, it looks.

    Parameters
    ----------
    keep : `~astropy.units.Quantity`, time
        How long files are kept after submission.
    files : ProductFiles
        The archives of the server.
    now : callable, optional
        Tells the time (UTC).

    Raises
    ------
    RequestError
        If `keep` is no time, or not positive.
    """

    def __init__(
        self, keep: u.Quantity, files: ProductFiles, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._keep = timedelta(seconds=_seconds(keep))
        self._files = files
        self._now = now
        self._next = now()
        self._guard = threading.Lock()

    def look(self, backend: HostingBackend) -> None:
        """Remove what is too old, if the last look was an hour ago."""
        now = self._now()
        with self._guard:
            if now < self._next:
                return
            self._next = now + _INTERVAL
        expired = backend.expire(now - self._keep)
        for job_id in expired:
            self._files.forget(job_id)
        if expired:
            log.info("removed the products of %d jobs", len(expired))


def _seconds(keep: u.Quantity) -> float:
    if not isinstance(keep, u.Quantity) or not keep.isscalar or not keep.unit.is_equivalent(u.s):
        raise RequestError([("keep", f"a time is needed, such as 7 * u.day; got {keep!r}")])
    seconds = float(keep.to_value(u.s))
    if not 0 < seconds <= timedelta.max.total_seconds() / 10:
        raise RequestError([("keep", f"must be positive; got {keep}")])
    return seconds
