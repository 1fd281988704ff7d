"""Deadlines, and pauses between attempts. Tests replace the clocks and the die of this module."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

from ... import _stopping
from ..._log import log
from ..._timelimit import seconds_left
from ...config import conf
from ...exceptions import OfflineError, ServiceUnavailableError

__all__ = ["PASSING", "Deadline", "now", "pause", "repeat", "retry_after"]

_now: Callable[[], float] = time.monotonic
_clock: Callable[[], float] = time.time
_sleep: Callable[[float], None] = _stopping.sleep
_random: Callable[[], float] = random.random

_LONGEST_WAIT_S = 60.0
_MOST_DIGITS = 10
#: Replies with these codes may be other ones a moment later.
PASSING = frozenset((408, 425, 429, 502, 503, 504))

_Result = TypeVar("_Result")


class Deadline:
    """A point in time; jumps of the wall clock do not move it.

    Parameters
    ----------
    seconds : float
        How far away it is; less if the caller has less time.
    """

    def __init__(self, seconds: float) -> None:
        seconds = min(seconds, seconds_left())
        self.seconds = seconds
        self._end = _now() + seconds

    def left(self) -> float:
        """Seconds until then; negative afterwards. What is to end now ends here."""
        _stopping.check()
        return self._end - _now()


def pause(seconds: float) -> None:
    """Wait."""
    _sleep(seconds)


def now() -> float:
    """Seconds on a clock that never jumps."""
    return _now()


def repeat(attempt: Callable[[], _Result], *, retries: int, deadline: Deadline, gain: Callable[[], int]) -> _Result:
    """Try, and try again as long as that may help.

    Parameters
    ----------
    attempt : callable
        What to try.
    retries : int
        How often it may be tried again; anew after each attempt that gained something.
    deadline : Deadline
        No pause goes beyond it.
    gain : callable
        Tells how much the attempts so far have brought; an attempt after
        which it is larger is no failure altogether.

    Raises
    ------
    ServiceUnavailableError
        The failure of the last attempt; its `attempts` counts all of them.
    """
    attempts, failures, gained = 0, 0, gain()
    while True:
        attempts += 1
        try:
            return attempt()
        except ServiceUnavailableError as error:
            error.attempts = attempts
            before, gained = gained, gain()
            failures = failures + 1 if gained <= before else 1
            if failures > retries or not _may_pass(error):
                raise
            wait = _backoff(failures, error.retry_after)
            if wait >= deadline.left():
                raise
            log.info("%s; repeated in %.1f s (%d of %d)", error.message, wait, failures, retries)
        pause(wait)


def _may_pass(error: ServiceUnavailableError) -> bool:
    return not isinstance(error, OfflineError) and (error.status is None or error.status in PASSING)


def _backoff(failures: int, asked: float | None) -> float:
    """Seconds to wait after so many failures, or as long as the service asks."""
    if asked is not None:
        return min(asked, conf.retry_after_max)
    longest = min(conf.retry_wait * 2.0 ** min(failures - 1, 30), _LONGEST_WAIT_S)
    return longest * (0.5 + 0.5 * _random())  # clients that failed together do not come back together


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which the service wants to be asked again, which it may say as a number or as a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MOST_DIGITS])
    then, here = _date(text), _date(headers.get("Date", ""))
    if then is None:
        return None
    # Its own clock is the one that the date is meant in.
    return max(0.0, then - (_clock() if here is None else here))


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
