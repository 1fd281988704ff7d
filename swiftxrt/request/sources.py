"""Requests for lists of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .._fields import Choice, Flag, Nested, Record, par, record
from .extraction import ELSEWHERE
from .selection import AllData, Observations, TimeIntervals

__all__ = ["SourceDetectionRequest"]


@record
class SourceDetectionRequest(Record):
    """A search for all sources in the field.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import Observations, SourceDetectionRequest
    >>> request = SourceDetectionRequest(data=Observations("00032459001"))
    """

    _elsewhere: ClassVar[Mapping[str, str]] = ELSEWHERE

    data: AllData | Observations | TimeIntervals = par(
        "The data to use.",
        Nested(AllData, Observations, TimeIntervals),
        wire=("detobs", "usedetobs"),
        note="``all`` by default in today's documentation, ``user`` in an older one, and needed by the reference "
        "client. It must be given.",
    )
    bands: str | None = par(
        "The total band only, or also soft, medium and hard bands.",
        Choice("total", "all"),
        default=None,
        wire="detbands",
        service_default="total",
        note="The documentation writes the default ``Total``. Lower case is sent.",
    )
    fit_stray_light: bool | None = par(
        "Whether stray light is fitted.", Flag(), default=None, wire="fitStrayLight", service_default=True
    )
