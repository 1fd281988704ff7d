"""Reading what clients send: anything may come, and nothing of it may do harm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .refusals import RefusedError, refusal

__all__ = ["check_payload", "excerpt", "read_payload"]

#: Requests are flat; lists of lists of lists are not requests.
_DEEPEST = 8
#: Values in one request; the largest real ones have less than 100 (lists of ObsIDs are one text).
_MOST_VALUES = 2000
#: Bits of a whole number; those that no float can hold upset arithmetic.
_LONGEST_NUMBER = 256
_EXCERPT = 60


def read_payload(body: bytes) -> Any:
    """Decode the JSON of a request.

    Returns
    -------
    payload : object
        What was sent; `None` if it was not JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def check_payload(payload: Any) -> Mapping[str, Any]:
    """Refuse what cannot be a request, before anyone looks into it.

    Raises
    ------
    RefusedError
        If it is not an object, nested too deeply, too large, or holds texts
        that are not Unicode or enormous numbers.
    """
    if not isinstance(payload, Mapping):
        raise RefusedError(refusal("The request is not a JSON object."))
    todo: list[tuple[Any, int]] = [(payload, 0)]
    seen = 0
    while todo:
        value, depth = todo.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST_VALUES:
            raise RefusedError(refusal("The request is too large or nested too deeply."))
        if type(value) is int and value.bit_length() > _LONGEST_NUMBER:
            raise RefusedError(refusal("The request holds numbers that are far too large."))
        if isinstance(value, str) and not _is_text(value):
            raise RefusedError(refusal("The request holds characters that are not Unicode, or null characters."))
        if isinstance(value, Mapping):
            todo += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            todo += [(item, depth + 1) for item in value]
    return payload


def _is_text(text: str) -> bool:
    """Whether a text can be stored and sent: halves of surrogate pairs cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def excerpt(value: Any) -> str:
    """A value in an error text: short and on one line."""
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
