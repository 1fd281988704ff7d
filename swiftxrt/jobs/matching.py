"""Whether a job in the list of a service is the one that a request made."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from ..kinds import ProductKind
from ..products.report import JobSummary
from ..request.bundle import XRTRequest
from ..wire.request import to_wire

__all__ = ["differences", "may_be"]

#: So far may the clocks of the service and of this machine be apart.
CLOCK_TOLERANCE = timedelta(hours=1)

# Who asks, and what asks the service to find something, which its parameters then hold.
_NOT_COMPARED = ("UserID", "api_name", "api_version", "getCoords", "getTargs", "getT0")
# Texts of numbers are read and written with all their digits, by most.
_RELATIVE, _ABSOLUTE = 1e-9, 1e-5


def may_be(summary: JobSummary, name: str, kinds: tuple[ProductKind, ...], sent: datetime) -> bool:
    """Whether a line of the list may be the job of a request.

    Parameters
    ----------
    summary : JobSummary
        The line. The service's date has full seconds, and may be missing.
    name : str
        Name of the target.
    kinds : tuple of ProductKind
        The products asked for.
    sent : datetime
        When the request was sent.
    """
    if summary.submitted is not None and summary.submitted < sent - CLOCK_TOLERANCE:
        return False
    listed, asked = set(summary.kinds), set(kinds)
    # Lists of the service need not tell about searches for sources.
    return _plain_name(summary.name) == _plain_name(name) and listed | {ProductKind.SOURCES} >= asked >= listed


def differences(found: XRTRequest, sent: XRTRequest) -> int | None:
    """Compare the request of a job with the one that was sent.

    Parameters
    ----------
    found : XRTRequest
        As the service reports it: with more in it, where it filled in what was
        left open, or less, where it keeps something to itself.
    sent : XRTRequest
        The request that was sent.

    Returns
    -------
    number : int or None
        `None` if it is another request. Else how many parameters that were left
        open have another value than the documented default, which happens, as
        the documentation is not always right.
    """
    if not set(found.kinds) >= set(sent.kinds):
        return None
    theirs, ours, default = (to_wire(one, "nobody") for one in (found, sent, sent.with_defaults()))
    both = [key for key in theirs if key in default and key not in _NOT_COMPARED]
    different = [key for key in both if not _same(key, ours.get(key, default[key]), theirs[key])]
    return None if any(key in ours for key in different) else len(different)


def _same(key: str, ours: Any, theirs: Any) -> bool:
    if key == "name":
        return _plain_name(ours) == _plain_name(theirs)
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(ours == theirs)


def _plain_name(name: str) -> str:
    return "".join(name.split()).casefold()
