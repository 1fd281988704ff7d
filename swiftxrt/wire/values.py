"""Values as the service writes them: 0 and 1 for truth, several spellings of a key, empty texts for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._fields import Flag

__all__ = ["flag", "is_unset", "job_number", "lookup"]

#: Digits of the number of a job; the service is at about six.
_LONGEST_NUMBER = 18


def job_number(value: Any) -> str:
    """The number of a job as a text; an empty one if it is none: such a text could go astray in paths and on screens."""
    text = "" if isinstance(value, bool) else str(value).strip().removesuffix(".0")
    return text if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else ""


def is_unset(value: Any) -> bool:
    """Whether a value stands for "nothing": ``null`` or an empty text."""
    return value is None or (isinstance(value, str) and not value.strip())


def flag(value: Any) -> bool:
    """Read a truth value: 1, ``"1"``, ``"yes"`` and ``true`` are true, other texts are false."""
    return Flag().from_wire(value)


def lookup(payload: Mapping[str, Any], *keys: str) -> Any:
    """The value under the first of several spellings of a key that holds one, or `None`."""
    return next((payload[key] for key in keys if not is_unset(payload.get(key))), None)
