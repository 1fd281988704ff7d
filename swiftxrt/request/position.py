"""Requests for positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import astropy.units as u

from .._fields import Choice, Flag, Measure, Nested, Record, Words, par, record
from .extraction import ELSEWHERE
from .selection import AllData, FirstHours, Observations, TimeIntervals

__all__ = ["PositionRequest"]

_UNLISTED = (
    "Left out of today's documentation, but the service and its reference client have it. It is sent if it is set."
)


@record(positional="*kinds")
class PositionRequest(Record):
    """One, two or three kinds of position, made with the same settings.

    The standard position follows from a fit of the point spread function,
    the enhanced one also from UVOT images, the astrometric one also from
    catalogued sources in the field.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import PositionRequest
    >>> PositionRequest("enhanced", "standard").kinds
    ('standard', 'enhanced')
    """

    _elsewhere: ClassVar[Mapping[str, str]] = ELSEWHERE

    kinds: tuple[str, ...] = par(
        "Kinds of position.",
        Words("standard", "enhanced", "astrometric"),
        wire=("dopsf", "doenh", "doxastrom"),
    )
    search_radius: u.Quantity | None = par(
        "How far from the position of the target the source may lie.",
        Measure(u.arcsec, 0, above=True),
        default=None,
        wire="posRadius",
        service_default=20 * u.arcsec,
    )
    method: str | None = par(
        "Whether the source is searched for, or a centroid is taken.",
        Choice("detect", "centroid"),
        default=None,
        wire="detornot",
        service_default="detect",
        note=_UNLISTED,
    )
    centroid_method: str | None = par(
        "One centroid, or repeated until it is stable.",
        Choice("simple", "iterative"),
        default=None,
        wire="detMeth",
        service_default="simple",
        note=_UNLISTED,
    )
    data: AllData | Observations | TimeIntervals | FirstHours | None = par(
        "The data to use.",
        Nested(AllData, Observations, TimeIntervals, FirstHours),
        default=None,
        wire=("posobs", "useposobs", "posobstime"),
        service_default=FirstHours(),
    )
    astrometric_all_data: bool | None = par(
        "Whether the astrometric position is made from all data, whatever `data` says.",
        Flag(),
        default=None,
        wire="allxastrom",
        service_default=False,
    )

    if TYPE_CHECKING:

        def __init__(self, *kinds: str, **parameters: Any) -> None: ...

    def _check(self) -> Iterator[tuple[str, str]]:
        if self.astrometric_all_data and "astrometric" not in self.kinds:
            yield "astrometric_all_data", "concerns the astrometric position, which is not among the kinds"
