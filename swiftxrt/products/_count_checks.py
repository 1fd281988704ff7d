"""What values a spectrum of counts can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import Mode
from ._arrays import readonly

if TYPE_CHECKING:
    from .countspectrum import CountSpectrum

__all__ = ["LABEL", "as_mode", "fractions", "region_text", "shape_problems", "value_problems"]

#: Names of time slices; they become parts of file names and FITS keywords.
LABEL = re.compile(r"[A-Za-z0-9_.+-]([A-Za-z0-9_.+ -]*[A-Za-z0-9_.+-])?")


def shape_problems(spectrum: CountSpectrum) -> Iterator[tuple[str, str]]:
    """What does not fit together."""
    size = spectrum.counts.size
    for name in ("channel", "quality", "grouping", "systematic"):
        if getattr(spectrum, name).shape != (size,):
            yield name, f"must have one value per channel ({size}); got {getattr(spectrum, name).shape}"
    if spectrum.rmf is not None and not np.array_equal(spectrum.rmf.channels, spectrum.channel):
        yield "rmf", f"has channels {spectrum.rmf.channels[0]}-{spectrum.rmf.channels[-1]}; the spectrum has others"
    elif spectrum.energy_edges.shape != (size + 1,) or not np.all(np.diff(spectrum.energy_edges.value) > 0):
        yield "energy_edges", f"{size + 1} increasing energies are needed for {size} channels"
    if spectrum.background is not None and not np.array_equal(spectrum.background.channel, spectrum.channel):
        yield "background", "must have the same channels as the source"


def value_problems(spectrum: CountSpectrum) -> Iterator[tuple[str, str]]:
    """What no spectrum can have."""
    if np.any(spectrum.counts < 0):
        yield "counts", "must not be negative"
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
    for name in ("exposure", "backscale", "areascale"):
        value = getattr(spectrum, name)
        if np.ndim(value) or not 0 < float(getattr(value, "value", value)) < np.inf:
            yield name, f"must be one positive number; got {value}"


def as_mode(value: Any) -> Mode:
    """The mode that a value names, or an error that says what is allowed."""
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
