"""What values a spectrum of counts can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import Mode
from ._arrays import integers, readonly

if TYPE_CHECKING:
    from .countspectrum import CountSpectrum

__all__ = [
    "LABEL",
    "as_mode",
    "counted",
    "fractions",
    "keyword_text",
    "region_text",
    "scaling",
    "shape_problems",
    "value_problems",
]

#: Longest text of a keyword such as TELESCOP.
_LONGEST_TEXT = 60
#: Names of time slices; they become parts of file names and FITS keywords.
LABEL = re.compile(r"[A-Za-z0-9_.+-]([A-Za-z0-9_.+ -]*[A-Za-z0-9_.+-])?")


def shape_problems(spectrum: CountSpectrum) -> Iterator[tuple[str, str]]:
    """What does not fit together."""
    size = spectrum.counts.size
    for name in ("channel", "quality", "grouping", "systematic", "counts_err", "backscale", "areascale"):
        value = getattr(spectrum, name)
        if isinstance(value, np.ndarray) and value.shape != (size,):
            yield name, f"must have one value per channel ({size}); got {value.shape}"
    if spectrum.rmf is not None and not np.array_equal(spectrum.rmf.channels, spectrum.channel):
        yield "rmf", f"has channels {spectrum.rmf.channels[0]}-{spectrum.rmf.channels[-1]}; the spectrum has others"
    elif not _are_edges(spectrum.energy_edges.value, size, may_be_unknown=spectrum.mode is None):
        yield "energy_edges", f"{size + 1} increasing energies are needed for {size} channels"
    if spectrum.background is not None and not np.array_equal(spectrum.background.channel, spectrum.channel):
        yield "background", "must have the same channels as the source"


def _are_edges(edges: NDArray[np.float64], size: int, *, may_be_unknown: bool) -> bool:
    increasing = bool(np.all(np.diff(edges) > 0)) or (may_be_unknown and bool(np.all(np.isnan(edges))))
    return edges.shape == (size + 1,) and increasing


def value_problems(spectrum: CountSpectrum) -> Iterator[tuple[str, str]]:
    """What no spectrum can have."""
    yield from _count_problems(spectrum)
    if np.any(np.diff(spectrum.channel) != 1):
        yield "channel", "must be contiguous and increasing"
    if np.any(np.abs(spectrum.grouping) > 1):
        yield "grouping", "must be 1 (starts a group), -1 (continues it) or 0"
    if not np.all((spectrum.systematic >= 0) & np.isfinite(spectrum.systematic)):
        yield "systematic", "must be fractions of the counts, zero or more"
    if not isinstance(spectrum.label, str) or not LABEL.fullmatch(spectrum.label):
        yield "label", f"must be letters, digits, '_', '-', '+', '.' or blanks between them; got {spectrum.label!r}"
    for name, times in (("interval", spectrum.interval or ()), ("mean_event_met", (spectrum.mean_event_met or 0.0,))):
        if not np.all(np.isfinite(times)):
            yield name, f"must be finite; got {times}"
    yield from _factor_problems(spectrum)
    if spectrum.mode is not None and (spectrum.telescope, spectrum.instrument) != ("SWIFT", "XRT"):
        yield "mode", f"is that of the Swift XRT; the spectrum is of {spectrum.telescope} {spectrum.instrument}"


def _count_problems(spectrum: CountSpectrum) -> Iterator[tuple[str, str]]:
    if spectrum.counts_err is None:
        if np.any(spectrum.counts < 0):
            yield "counts", "must not be negative"
    elif not (np.all(np.isfinite(spectrum.counts)) and np.all(np.isfinite(spectrum.counts_err))):
        yield "counts", "must be finite, and so must their errors"
    elif np.any(spectrum.counts_err < 0):
        yield "counts_err", "must not be negative"


def _factor_problems(spectrum: CountSpectrum) -> Iterator[tuple[str, str]]:
    if np.ndim(spectrum.exposure) or not 0 < float(spectrum.exposure.value) < np.inf:
        yield "exposure", f"must be one positive number; got {spectrum.exposure}"
    for name in ("backscale", "areascale"):
        value = getattr(spectrum, name)
        if not np.ndim(value) and not 0 < value < np.inf:
            yield name, f"must be one positive number; got {value}"
        elif np.ndim(value) and not (np.all((value >= 0) & np.isfinite(value)) and np.any(value > 0)):
            yield name, "must be positive numbers (zero where a channel is not used)"


def counted(values: Any, errors: Any) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Whole numbers, or real ones if they have errors of their own; read-only."""
    if errors is None:
        return integers(values, "counts"), None
    try:
        return readonly(values), readonly(errors)
    except (TypeError, ValueError):
        raise RequestError([("counts_err", f"numbers are needed; got {errors!r:.60}")], "CountSpectrum") from None


def scaling(value: Any, name: str) -> Any:
    """One number, or a read-only number per channel."""
    try:
        return readonly(value) if np.ndim(value) else float(value)
    except (TypeError, ValueError):
        raise RequestError([(name, f"one number, or one per channel, is needed; got {value!r:.60}")]) from None


def keyword_text(value: Any, name: str) -> str:
    """Text that fits into a FITS keyword."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > _LONGEST_TEXT:
        wanted = f"a text of at most {_LONGEST_TEXT} ASCII characters is needed"
        raise RequestError([(name, f"{wanted}; got {value!r:.90}")], "CountSpectrum")
    return value.strip()


def as_mode(value: Any) -> Mode | None:
    """The mode that a value names, or an error that says what is allowed; none for other instruments."""
    if value is None:
        return None
    try:
        return Mode(value)
    except ValueError:
        raise RequestError([("mode", f"'PC' or 'WT' is needed; got {value!r}")], "CountSpectrum") from None


def fractions(values: Any, size: int) -> NDArray[np.float64]:
    """Read-only numbers, zeros where none are given, or an error that says what is needed."""
    try:
        return readonly(np.zeros(size) if values is None else values)
    except (TypeError, ValueError):
        raise RequestError([("systematic", f"{size} numbers are needed; got {values!r}")], "CountSpectrum") from None


def region_text(text: Any, name: str) -> str | None:
    """Region text as files can keep it: ASCII, no blanks at line ends, no empty lines."""
    if text is None:
        return None
    if not isinstance(text, str) or not text.isascii():
        raise RequestError([(name, f"DS9 region text (ASCII) is needed; got {text!r}")], "CountSpectrum")
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) or None
