"""Being patient with a service that is out of reach."""

from __future__ import annotations

import time

from .._log import log
from ..exceptions import OfflineError, ServiceError

__all__ = ["Outage"]

#: So many failures are taken from a service that was never reached.
_TRIES = 6
#: So long may one that was reached before be away.
_LONGEST_OUTAGE_S = 3600.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0

_now = time.monotonic


class Outage:
    """Counts failures, and tells how long to wait after each; not safe for threads by itself."""

    def __init__(self) -> None:
        self.trouble = ""
        self._was_reached = False
        self._failures = 0
        self._since = self._next = 0.0

    def over(self) -> None:
        """Note that the service answered."""
        if self.trouble:
            log.warning("the service can be reached again")
        self.trouble, self._was_reached, self._failures = "", True, 0

    def pause_after(self, error: ServiceError) -> float:
        """Note a failure.

        Returns
        -------
        pause : float
            Seconds to wait before anything is tried again.

        Raises
        ------
        ServiceError
            The error itself, when patience has come to its end.
        """
        now = _now()
        if self._failures and now < self._next:  # several calls fail at once
            return self._next - now
        self._since = self._since if self._failures else now
        self._failures += 1
        offline = isinstance(error, OfflineError)  # that does not pass by itself
        too_often = not self._was_reached and self._failures >= _TRIES
        if offline or too_often or now - self._since > _LONGEST_OUTAGE_S:
            error.add_note("nothing is lost: call submit_many with the same requests to go on")
            raise error
        self.trouble = str(error)
        pause = min(_FIRST_PAUSE_S * 2 ** (self._failures - 1), _LONGEST_PAUSE_S)
        log.warning("the service cannot be used (%s); next try in %.0f s", error, pause)
        self._next = now + pause
        return pause
