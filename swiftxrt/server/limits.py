"""How many jobs a user may have under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..exceptions import RequestError
from ..jobs.protocol import HostingBackend
from .refusals import RefusedError, refusal

__all__ = ["DEFAULT_JOB_LIMIT", "JobLimit"]

#: The service suggests no more than five, and has a limit that it does not tell.
DEFAULT_JOB_LIMIT = 20
_LOCKS = 64


class JobLimit:
    """A limit on the jobs of each user that have not ended.

    Parameters
    ----------
    most : int or None, optional
        How many; `None` for no limit.

    Raises
    ------
    RequestError
        If `most` is less than 1.
    """

    def __init__(self, most: int | None = DEFAULT_JOB_LIMIT) -> None:
        if most is not None and most < 1:
            raise RequestError([("job_limit", f"must be 1 or more, or None for no limit; got {most}")])
        self.most = most
        # A fixed number of locks: owners may be many and are never forgotten.
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    @contextmanager
    def room(self, backend: HostingBackend, owner: str) -> Iterator[None]:
        """Hold the user's place while a job is submitted, so that two at once do not get past the limit.

        Raises
        ------
        RefusedError
            If the user has as many jobs as allowed.
        """
        if self.most is None:
            yield
            return
        with self._locks[hash(owner) % _LOCKS]:
            active = backend.count_active_jobs(owner=owner)
            if active >= self.most:
                raise RefusedError(
                    refusal(
                        f"You have {active} jobs that have not ended, and this server allows {self.most} at a time. "
                        "Wait until some of them have ended, or cancel some, and submit this one again."
                    )
                )
            yield
