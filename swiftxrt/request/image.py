"""Requests for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .._fields import Band, Many, Nested, Record, par, record
from ..bands import IMAGE_BANDS, TOTAL, EnergyBand
from .extraction import ELSEWHERE
from .selection import AllData, Observations, TimeIntervals

__all__ = ["ImageRequest"]


@record
class ImageRequest(Record):
    """Images in one or more bands.

    Raises
    ------
    RequestError
        If a value cannot be used; all problems are reported at once.

    Examples
    --------
    >>> from swiftxrt import ImageRequest
    >>> ImageRequest(bands=["0.3-10 keV", "1-4 keV"]).bands
    (<EnergyBand 0.3-10 keV>, <EnergyBand 1-4 keV>)
    """

    _elsewhere: ClassVar[Mapping[str, str]] = ELSEWHERE

    bands: tuple[EnergyBand, ...] | None = par(
        "Energy bands, one image each.",
        Many(Band(TOTAL), joined=True),
        default=None,
        wire="imen",
        service_default=IMAGE_BANDS,
    )
    data: AllData | Observations | TimeIntervals | None = par(
        "The data to use.",
        Nested(AllData, Observations, TimeIntervals),
        default=None,
        wire=("imobs", "useimobs"),
        service_default=AllData(),
    )
