"""Reading values of replies that come in more than one form."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["any_case", "explained", "names", "number", "text", "yes"]

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
