"""How long what is called from here may take in all, however deep below."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["limited", "seconds_left"]

_end: ContextVar[float] = ContextVar("end", default=math.inf)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Everything that waits within the block ends after so many seconds, or earlier if that was said before."""
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


def seconds_left() -> float:
    """Seconds until the end of the innermost block, infinite outside of one."""
    return _end.get() - time.monotonic()
