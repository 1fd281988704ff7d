"""Questions about gamma-ray bursts, and the shorter replies: who a burst is, and where.

Names go out as ``GRB 060729A``, targets as numbers. A target is the trigger
number for most bursts; `swiftxrt.wire.burst_analyser` and
`swiftxrt.wire.burst_jobs` have what is longer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from numbers import Integral
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from .._fields import nearest
from ..exceptions import ProductNotAvailableError, ProtocolError, RequestError, UnknownObjectError
from ..products.position import Position
from ..products.provenance import Provenance
from .reading import explained, number

__all__ = [
    "POSITION_KINDS",
    "ask_files",
    "ask_light_curve",
    "ask_positions",
    "ask_spectra",
    "check_light_curve",
    "check_spectra",
    "decode_positions",
    "decode_target",
    "other_spellings",
    "parse_burst",
    "position_words",
]

#: Kinds of position and their names on the wire, in the order of the service's preference.
POSITION_KINDS = {"enhanced": "Enhanced", "standard": "Standard", "sper": "SPER", "onboard": "Onboard"}
_BEST = "Best"

_BURST = "GRB"
_NAME = re.compile(r"(?:(?P<word>grb)[\s_-]*)?(?P<date>\d{6})(?P<letter>[a-z]?)", re.IGNORECASE)
_TARGET = re.compile(r"\d{1,8}")
#: Targets have at most eight digits.
_LAST_TARGET = 99_999_999
_LONGEST_NAME = 60
#: Swift saw its first burst in December 2004; the names of bursts have two digits for the year.
_FIRST_YEAR = 4
_EXAMPLES = "such as 'GRB 060729', '060729', the trigger number 221755 or the target ID '00221755'"


# ---------------------------------------------------------------- who it is


def parse_burst(value: Any) -> str | int:
    """The name of a burst as the service writes it, or the number of its target.

    Six digits in a text are a name if they can be the date of a burst, else a
    number; a number is always that of a target.

    Parameters
    ----------
    value : str or int
        A name in any spelling, a trigger number or a target ID.

    Returns
    -------
    burst : str or int
        The name, or the number.

    Raises
    ------
    RequestError
        If it is neither.

    Examples
    --------
    >>> from swiftxrt.wire.grb import parse_burst
    >>> [parse_burst(text) for text in ("GRB060729", "060729", "grb 060729a", "221755", "00221755")]
    ['GRB 060729', 'GRB 060729', 'GRB 060729A', 221755, 221755]
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        return _checked(int(value), value)
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise _no_burst(value)
    match = _NAME.fullmatch(text)
    if match and text.isascii() and (match["word"] or match["letter"] or _can_be_date(match["date"])):
        return f"GRB {match['date']}{match['letter'].upper()}"
    if _TARGET.fullmatch(text) and text.isascii():
        return _checked(int(text), value)
    if text.lstrip("+-").replace(".", "", 1).isdigit():
        raise _no_burst(value)
    return text


def _checked(target: int, value: Any) -> int:
    if target == 0:
        hint = "; tables have 0 for bursts that did not trigger the BAT: use the name"
        raise RequestError([("grb", f"is the name or the number of a burst, {_EXAMPLES}; got {value!r}{hint}")])
    if not 0 < target <= _LAST_TARGET:
        raise _no_burst(value)
    return target


def _no_burst(value: Any) -> RequestError:
    return RequestError([("grb", f"is the name or the number of a burst, {_EXAMPLES}; got {value!r:.80}")])


def _can_be_date(digits: str) -> bool:
    year, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    try:
        return year >= _FIRST_YEAR and date(2000 + year, month, day) <= date.today()
    except ValueError:
        return False


def other_spellings(name: str) -> tuple[str, ...]:
    """Names that mean the same burst if `name` is not known: the only one of a day may have its ``A`` or not."""
    match = _NAME.fullmatch(name)
    if match is None or match["letter"] not in ("", "A"):
        return ()
    return (f"GRB {match['date']}{'' if match['letter'] else 'A'}",)


def decode_target(content: Mapping[str, Any], name: str) -> int:
    """The number of the target that a burst's name stands for.

    Raises
    ------
    UnknownObjectError
        If there is no such burst.
    ProtocolError
        If the reply does not tell.
    """
    if "NOTFOUND" in content or content.get("targetID", 0) is None:
        raise UnknownObjectError(
            f"there is no burst {name!r} among those that the XRT observed; look for its name with "
            "query_catalog(catalog='UK_XRT'), or give its trigger number"
        )
    target = number(content.get("targetID"))
    if not (target.is_integer() and 0 < target <= _LAST_TARGET):
        raise ProtocolError(f"the reply about {name!r} names no target", payload_excerpt=repr(dict(content))[:300])
    return int(target)


# ---------------------------------------------------------------- light curves and spectra


def ask_light_curve(target: int) -> dict[str, Any]:
    """The question for the light curves, all datasets of them."""
    return {"type": _BURST, "objectID": target, "incbad": "both", "nosys": "both"}


def check_light_curve(content: Mapping[str, Any], burst: str) -> None:
    """Look whether there is a light curve in a reply.

    Raises
    ------
    ProductNotAvailableError
        If the service says that there is none.
    """
    if reason := explained(content, "NOLC", f"the service has none of {burst}"):
        raise ProductNotAvailableError("light curve", reason)


def ask_spectra(target: int) -> dict[str, Any]:
    """The question for the spectra."""
    return {"type": _BURST, "objectID": target}


def check_spectra(content: Mapping[str, Any], burst: str) -> None:
    """Look whether there are spectra in a reply.

    Raises
    ------
    ProductNotAvailableError
        If the service says that there are none.
    """
    if reason := explained(content, "NoSpectrum", f"the service has none of {burst}"):
        raise ProductNotAvailableError("spectrum", reason)


def ask_files(target: int) -> dict[str, Any]:
    """The question for the address of the files of the burst analyser."""
    return {"targetID": target}


# ---------------------------------------------------------------- positions


def position_words(kinds: Iterable[str]) -> list[str]:
    """The names on the wire of some kinds of position.

    Raises
    ------
    RequestError
        If there is no such kind.
    """
    kinds = list(kinds)
    allowed = ["best", *POSITION_KINDS]
    for kind in kinds:
        if not isinstance(kind, str) or kind.strip().lower() not in allowed:
            hint = nearest(kind, allowed) if isinstance(kind, str) else ""
            raise RequestError([("kind", f"must be one of {', '.join(allowed)}; got {kind!r:.60}{hint}")], "position")
    return [{"best": _BEST, **POSITION_KINDS}[kind.strip().lower()] for kind in kinds]


def ask_positions(target: int, words: Sequence[str] | None = None) -> dict[str, Any]:
    """The question for positions, by default for all kinds."""
    return {"posToGet": "all" if words is None else list(words), "targetID": target}


def decode_positions(content: Mapping[str, Any], provenance: Provenance) -> dict[str, Position]:
    """Read the positions of a burst.

    Parameters
    ----------
    content : mapping
        The reply; kinds that were not asked for are not in it.
    provenance : Provenance
        Where they come from.

    Returns
    -------
    positions : dict of str to Position
        The kinds that there are. ``"best"`` is one of the others, and has its
        kind where that is in the reply too.

    Raises
    ------
    ProtocolError
        If a position is there in part, or is none.
    """
    words = {**POSITION_KINDS, "best": _BEST}
    found = {kind: one for kind, word in words.items() if (one := _position(content, kind, word, provenance))}
    best = found.pop("best", None)
    if best is None:
        return found
    same = next((one for one in found.values() if _is_same(one, best)), None)
    return {"best": same or best, **found}


def _is_same(one: Position, other: Position) -> bool:
    close = one.coord.separation(other.coord) < 1e-3 * u.arcsec
    return bool(close and np.isclose(one.radius.value, other.radius.value, rtol=1e-3))


def _position(content: Mapping[str, Any], kind: str, word: str, provenance: Provenance) -> Position | None:
    """One position; none where all of it is null or absent. Any of the numbers may come as a text."""
    cells = [content.get(f"{word}_{part}") for part in ("RA", "Decl", "Err90")]
    if all(cell is None or cell == "" for cell in cells):
        return None
    ra, dec, radius = map(number, cells)
    if not math.isfinite(ra + dec + radius):
        raise _unreadable(kind, cells)
    try:
        coord = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs")
        return Position(coord, radius * u.arcsec, kind=kind, provenance=provenance)
    except ValueError as error:
        raise _unreadable(kind, cells) from error


def _unreadable(kind: str, cells: Sequence[Any]) -> ProtocolError:
    text = f"the reply holds no readable {kind} position"
    return ProtocolError(f"{text}: RA, Decl and Err90 are {', '.join(map(repr, cells))}")
