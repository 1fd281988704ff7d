"""Identifiers of observations and targets.

An ObsID is a string of eleven digits: an eight-digit target ID followed by a
three-digit segment. Leading zeros count, so identifiers are never numbers.
"""

from __future__ import annotations

import re
from numbers import Integral
from typing import Any

from .exceptions import IdentifierError

__all__ = ["parse_obsid", "parse_target_id", "target_id_of", "segment_of"]

_OBSID = re.compile(r"(?:sw)?([0-9]{11})")
_TARGET = re.compile(r"[0-9]{8}")
# Targets have at most seven digits after their zeros; an ObsID without its zeros has more.
_LAST_TARGET = 9_999_999


def parse_obsid(value: Any) -> str:
    """Return an ObsID as its string of eleven digits.

    Parameters
    ----------
    value : str or int
        ``"00085374001"``, ``"sw00085374001"`` or the integer 85374001. An
        integer below 10000000 is refused: it may be the number of a target.

    Returns
    -------
    obsid : str

    Raises
    ------
    IdentifierError
        If `value` is not an ObsID.
    """
    if _is_number(value, 11) and int(value) > _LAST_TARGET:
        return f"{int(value):011d}"
    match = _OBSID.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise IdentifierError(f"an ObsID has eleven digits, such as '00085374001'; got {value!r}{_target_hint(value)}")
    return match.group(1)


def parse_target_id(value: Any) -> str:
    """Return a target ID as its string of eight digits.

    Parameters
    ----------
    value : str or int
        ``"00085374"`` or the integer 85374.

    Returns
    -------
    target_id : str

    Raises
    ------
    IdentifierError
        If `value` is not a target ID.
    """
    if _is_number(value, 8):
        return f"{int(value):08d}"
    text = value.strip() if isinstance(value, str) else ""
    if _TARGET.fullmatch(text):
        return text
    hint = f"; {text[:8]!r} is the target of that ObsID" if _OBSID.fullmatch(text) and len(text) == 11 else ""
    raise IdentifierError(f"a target ID has eight digits, such as '00085374'; got {value!r}{hint}")


def target_id_of(obsid: str) -> str:
    """Target ID (eight digits) of an ObsID."""
    return parse_obsid(obsid)[:8]


def segment_of(obsid: str) -> str:
    """Segment (three digits) of an ObsID."""
    return parse_obsid(obsid)[8:]


def _target_hint(value: Any) -> str:
    """What to say about something that is rather a target ID than an ObsID."""
    text = value.strip() if isinstance(value, str) else str(value) if _is_number(value, 8) else ""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LAST_TARGET):
        return ""
    target = f"{int(text):08d}"
    return f"; the ObsIDs of target {target} are written '{target}001', '{target}002' and so on, in quotes"


def _is_number(value: Any, digits: int) -> bool:
    """Whether `value` is a positive whole number of at most so many digits."""
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 < int(value) < 10**digits
