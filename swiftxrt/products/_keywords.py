"""Header keywords that travel with a spectrum or a response."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Integral, Real
from types import MappingProxyType

import numpy as np

from ..exceptions import RequestError

__all__ = ["Keyword", "propagated"]

Keyword = str | int | float | bool

_NAME = re.compile(r"[A-Z0-9_-]{1,8}")

# What describes the table rather than the data, what the products hold as
# attributes and write themselves, and what says when and by whom a file was
# written: none of it may travel from one file to the next.
_OWNED = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|BLOCKED|TFIELDS|THEAP|EXT(NAME|VER|LEVEL)|LONGSTRN"
    r"|T(TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM|LMIN|LMAX|DMIN|DMAX|CTYP|CRPX|CRVL|CDLT|CUNI|BCOL)\d+"
    r"|HDU(NAME|DOC|CLAS\w?|VERS\w?)|COMMENT|HISTORY|CONTINUE|CHECKSUM|DATASUM|DATE|CREATOR|ORIGIN|USER|FILIN\d+"
    r"|TELESCOP|INSTRUME|FILTER|DATAMODE|EXPOSURE|(AREA|BACK|CORR)SCAL|(BACK|RESP|ANCR|CORR)FILE|QUALITY|GROUPING"
    r"|CHANTYPE|DETCHANS|POISSERR|(STAT|SYS)_ERR|(PHA|RMF|ARF)VERSN|TOTCTS|DS(TYP|FORM|VAL|REF)\d+"
    r"|LO_THRES|NUMGRP|NUMELT|XRTLABEL|XRTPROV|SLICEBEG|SLICEEND|MEANMET"
)


def propagated(cards: Mapping[str, object]) -> Mapping[str, Keyword]:
    """The keywords of a header that belong to the data.

    Parameters
    ----------
    cards : mapping of str to object
        Keywords and values; values that are not text, number or bool are left
        out, and so are the keywords that a writer sets itself.

    Returns
    -------
    keywords : mapping
        Read-only, plain Python values. Characters that FITS cannot hold
        become ``?``.

    Raises
    ------
    RequestError
        If a keyword is not a FITS keyword or a number is not finite.
    """
    kept: dict[str, Keyword] = {}
    for name, value in cards.items():
        keyword = name.upper()
        if not keyword or _OWNED.fullmatch(keyword) or not isinstance(value, str | Real | np.bool_):
            continue
        if not _NAME.fullmatch(keyword):
            raise RequestError([("header", f"{name!r} is not a FITS keyword (up to eight of A-Z, 0-9, _ and -)")])
        kept[keyword] = _plain(keyword, value)
    return MappingProxyType(kept)


def _plain(keyword: str, value: str | Real | np.bool_) -> Keyword:
    if isinstance(value, str):
        return "".join(char if " " <= char <= "~" else "?" for char in value).rstrip()
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise RequestError([("header", f"{keyword} is {number}; a FITS header holds finite numbers only")])
    return number
