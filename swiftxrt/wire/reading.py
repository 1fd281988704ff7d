"""Reading values of replies and calls that come in more than one form."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._fields.base import wire_number
from ..exceptions import ProtocolError, RequestError

__all__ = ["any_case", "explained", "names", "number", "number_column", "sent_number", "text", "yes"]

_YES = ("1", "true", "yes", "y", "t")
_NO = ("", "0", "false", "no", "n", "f", "none", "null")


def number(value: Any) -> float:
    """A number or its text; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | np.number):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def number_column(what: str, cells: Iterable[Any]) -> NDArray[np.float64]:
    """A column of numbers, or of their texts, such as ``"inf"``; NaN for null.

    Raises
    ------
    ProtocolError
        If anything else is in it.
    """
    try:
        numbers = np.array(list(cells), dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"{what} should hold numbers: {error}") from error
    if numbers.ndim != 1:
        raise ProtocolError(f"{what} should hold numbers; got lists")
    return numbers


def sent_number(content: Mapping[str, Any], key: str) -> float | None:
    """A finite number of a call, or its text; `None` if it was not sent.

    Raises
    ------
    RequestError
        If it is anything else.
    """
    value = content.get(key)
    if value is None:
        return None
    try:
        found = wire_number(value)
    except ValueError as error:
        raise RequestError([(key, str(error))]) from None
    if not math.isfinite(found):
        raise RequestError([(key, f"must be finite; got {value!r:.60}")])
    return found


def yes(value: Any) -> bool | None:
    """A truth value in any spelling: 1, 1.0, ``"1"``, ``true``, ``"yes"``; `None` if it is neither true nor false."""
    if isinstance(value, int | float | np.number):
        return bool(value) if value == value else None  # NaN is neither.
    word = "" if value is None else str(value).strip().lower()
    if word in _NO:
        return False
    if word in _YES:
        return True
    plain = number(word)
    return None if math.isnan(plain) else plain != 0


def text(value: Any) -> str:
    """A text; empty for null and for what is neither text nor number."""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def names(value: Any) -> list[str]:
    """A list of names: as such, as a text with commas, or as the keys of an object."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple | Mapping):
        return []
    return list(dict.fromkeys(name for item in value if (name := text(item))))


def any_case(block: Mapping[str, Any], *keys: str) -> Any:
    """The value under the first of the keys that is there, in whatever case it is written; `None` if none is."""
    lower = {str(key).lower(): value for key, value in reversed(list(block.items()))}
    return next((lower[key.lower()] for key in keys if key.lower() in lower), None)


def explained(block: Mapping[str, Any], key: str, otherwise: str) -> str:
    """Why something is missing, where the presence of a key says that it is; empty without the key.

    Its value may give the reason; a mere flag stands for `otherwise`.
    """
    if key not in block:
        return ""
    said = text(block[key])
    return said if re.search(r"[^\W\d_]", said) and said.lower() not in (key.lower(), *_YES, *_NO) else otherwise
