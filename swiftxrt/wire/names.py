"""The service's names of request parameters and ours, both ways, for error texts."""

from __future__ import annotations

from collections.abc import Iterator

from .._fields import Record
from ..request.bundle import XRTRequest
from ..request.extraction import ExtractionSettings
from ..request.image import ImageRequest
from ..request.lightcurve import CountsBinning, LightCurveRequest, TimeBinning
from ..request.position import PositionRequest
from ..request.sources import SourceDetectionRequest
from ..request.spectrum import SingleSlice, SpectrumRequest, TimeSlice
from ..request.target import Target

__all__ = ["ALIASES", "field_of_key", "key_of_field"]

#: Other spellings seen in the service's texts and in its reference client.
ALIASES = {
    "SinceT0": ("sinceT0",),
    "allowB": ("allowBayes",),
    "pcmaxgap": ("pcmaxGap", "pcMaxGap"),
    "poserr": ("posErr",),
    "wtmaxgap": ("wtmaxGap", "wtMaxGap"),
}

_PARTS: tuple[tuple[str, type[Record]], ...] = (
    ("", XRTRequest),
    ("target", Target),
    ("extraction", ExtractionSettings),
    ("light_curve", LightCurveRequest),
    ("light_curve.binning", CountsBinning),
    ("light_curve.binning", TimeBinning),
    ("spectrum", SpectrumRequest),
    ("spectrum.slices", SingleSlice),
    ("spectrum.slices", TimeSlice),
    ("position", PositionRequest),
    ("image", ImageRequest),
    ("sources", SourceDetectionRequest),
)


def _names() -> Iterator[tuple[str, str]]:
    for path, cls in _PARTS:
        for field in cls.__record_fields__:
            wire = field.metadata["wire"] or ()
            for key in (wire,) if isinstance(wire, str) else wire:
                yield key, f"{path}.{field.name}".lstrip(".")


def field_of_key(key: str) -> str | None:
    """Our name of a parameter of the service, for its error texts.

    Parameters
    ----------
    key : str
        Such as ``"poserr"``.

    Returns
    -------
    field : str or None
        Such as ``"extraction.centroid_tolerance"``; `None` if there is none.
    """
    wanted = {key.lower(), *(main.lower() for main, others in ALIASES.items() if key in others)}
    return next((field for name, field in _names() if name.lower() in wanted), None)


def key_of_field(field: str) -> str | None:
    """The service's name of a parameter, for our error texts; the inverse of `field_of_key`.

    Parameters
    ----------
    field : str
        As in the problems of a `~swiftxrt.exceptions.RequestError` about a request.

    Returns
    -------
    key : str or None
        The (first) key; `None` if there is none.
    """
    return next((key for key, name in _names() if name == field), None)
