"""Values as the service writes them: numbers as texts, 0 and 1 for truth, lists as texts with commas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .._fields import Flag
from .._fields.values import wire_number

__all__ = ["flag", "is_unset", "lookup", "number", "whole", "words"]


def is_unset(value: Any) -> bool:
    """Whether a value stands for "nothing": ``null`` or an empty text."""
    return value is None or (isinstance(value, str) and not value.strip())


def flag(value: Any) -> bool:
    """Read a truth value: 1, ``"1"``, ``"yes"`` and ``true`` are true, all else is false."""
    return Flag().from_wire(value)


def number(value: Any) -> float:
    """Read a number that may come as a text; "nothing" is NaN.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    return math.nan if is_unset(value) else wire_number(value)


def whole(value: Any) -> int:
    """Read a whole number that may come as a text.

    Raises
    ------
    ValueError
        If it is not a whole number.
    """
    result = number(value)
    if not result.is_integer():
        raise ValueError(f"a whole number is needed; got {value!r}")
    return int(result)


def words(value: Any) -> tuple[str, ...]:
    """Read a list that may come as a text with commas, perhaps in braces."""
    if is_unset(value):
        return ()
    items = value.strip(" {}").split(",") if isinstance(value, str) else value
    return tuple(text for text in (str(item).strip() for item in items) if text)


def lookup(payload: Mapping[str, Any], *keys: str) -> Any:
    """The value under the first of several spellings of a key that holds one, or `None`."""
    return next((payload[key] for key in keys if not is_unset(payload.get(key))), None)
