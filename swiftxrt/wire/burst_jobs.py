"""The two things that the service makes of a burst on demand: a light curve binned anew, and spectra of time slices.

Both have a number of their own, and states as other jobs have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import astropy.units as u
from astropy.time import Time

from ..exceptions import ProtocolError, RequestError
from ..kinds import ProductKind
from ..mission import Mode
from ..products.report import JobReport, ProductStatus
from ..request._values import Intervals
from ..request.lightcurve import LightCurveRequest
from ..request.spectrum import TimeSlice
from .rebin import rebin_content
from .status import decode_phase
from .values import job_number

__all__ = ["ask_rebinned", "ask_rebinning", "ask_slices", "ask_slicing", "read_job", "read_status"]

_BURST, _REBINNED, _SLICED = "GRB", "REBIN_LC", "timeslice"
_BOTH = "BOTH"
_MODES = (*(mode.value for mode in (Mode.WT, Mode.PC)), _BOTH)
_NO_REDSHIFT = "NONE"
_GRADES: Mapping[Any, Any] = {"all": "all", "0": 0, "4": 4, 0: 0, 4: 4}
_WHAT = "time-sliced spectra"

_NUMBER = r"\d+(?:\.\d*)?"
_SPAN = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*")
_OBSERVATIONS = re.compile(r"OBS\d{11}\s*-\s*OBS\d{11}", re.IGNORECASE)
#: Stands for intervals that are those of observations.
_ANY = (0 * u.s, 1 * u.s)
_EXAMPLE = "such as (100 * u.s, 800 * u.s) or '100-800 s'"


# ---------------------------------------------------------------- light curves binned anew


def ask_rebinning(target: int, request: LightCurveRequest, name: str | None) -> dict[str, Any]:
    """The question that starts a rebinning; `name` is that of the burst, if it was given by name."""
    content = rebin_content(_BURST, target, request)
    if str(content.get("timeFormat")).lower() == "mjd":  # In this spelling it is known to work.
        content["timeFormat"] = "MJD"
    return content if name is None else {**content, "name": name}


def ask_rebinned(job_id: str) -> dict[str, Any]:
    """The question for a light curve binned anew, all datasets of it."""
    return {"type": _REBINNED, "objectID": int(job_id), "incbad": "both", "nosys": "both"}


# ---------------------------------------------------------------- spectra of time slices


def ask_slicing(
    target: int, slices: Mapping[str, Any], *, name: str | None, grades: Any = None, redshift: Any = None
) -> dict[str, Any]:
    """The question that starts spectra of time slices.

    Parameters
    ----------
    target : int
        The burst.
    slices : mapping of str to object
        For each name the intervals, or a pair of intervals and mode: pairs
        (start, stop) of times or of `~astropy.time.Time`, or texts with a unit.
    name : str or None
        Name of the burst, if it was given by name.
    grades : {"all", 0, 4}, optional
        Grades of events; 4 stands for 0-4 in PC mode and 0 in WT mode.
    redshift : float or "none", optional
        By default the one that the service knows.

    Raises
    ------
    RequestError
        With all problems at once.
    """
    problems: list[tuple[str, str]] = []
    rows = [_slice(label, value, problems) for label, value in _items(slices, problems)]
    labels, times, modes = zip(*rows, strict=True) if rows else ((), (), ())
    content: dict[str, Any] = {"targetID": target, "rnames": list(labels), "times": list(times), "modes": list(modes)}
    if name is not None:
        content["name"] = name
    if grades is not None:
        content["grades"] = _grades(grades, problems)
    if redshift is not None:
        content["redshift"] = _redshift(redshift, problems)
    if problems:
        raise RequestError(problems, _WHAT)
    return content


def _items(slices: Any, problems: list[tuple[str, str]]) -> Sequence[tuple[str, Any]]:
    if isinstance(slices, Mapping) and slices:
        return list(slices.items())
    example = "{'early': (100 * u.s, 800 * u.s), 'late': ('5-9 ks', 'PC')}"
    problems.append(("slices", f"a dictionary of names and intervals is needed, such as {example}; got {slices!r:.60}"))
    return ()


def _slice(label: Any, value: Any, problems: list[tuple[str, str]]) -> tuple[str, str, str]:
    """Name, times and mode of a slice as they are sent."""
    mode = _BOTH
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[1], str) and "-" not in value[1]:
        value, word = value
        mode = str(getattr(word, "value", word)).strip().upper()
        if mode not in _MODES:
            problems.append((f"slices[{label!r}]", f"the mode must be one of {', '.join(_MODES)}; got {word!r:.40}"))
    try:
        return str(label), _times(label, value), mode
    except RequestError as error:
        problems += [(f"slices[{label!r}]", message) for _, message in error.problems]
        return str(label), "", mode


def _times(label: Any, value: Any) -> str:
    """Intervals as they are sent."""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    of_observations = bool(parts) and all(_OBSERVATIONS.fullmatch(part) for part in parts)
    pairs: Any = _with_units(value) if not parts else _ANY if of_observations else _read_text(value)
    checked = TimeSlice(label=label, intervals=pairs)
    if of_observations:
        return ",".join(re.sub(r"\s", "", part).upper() for part in parts)
    return Intervals().to_wire(checked.intervals)


def _with_units(value: Any) -> Any:
    """The intervals as they were given, if times have a unit."""
    if isinstance(value, TimeSlice):
        return value.intervals
    for one in _leaves(value):
        is_time = isinstance(one, Time) or (isinstance(one, u.Quantity) and one.unit.is_equivalent(u.s))
        if isinstance(one, Real | u.Quantity) and not is_time:
            raise RequestError(f"times since T0 (or MET) have a unit, {_EXAMPLE}; got {one!r:.60}")
    return value


def _leaves(value: Any) -> Iterator[Any]:
    for one in value if isinstance(value, list | tuple) else (value,):
        yield from _leaves(one) if isinstance(one, list | tuple) else (one,)


def _read_text(text: str) -> list[tuple[u.Quantity, u.Quantity]]:
    """Pairs of times of a text such as ``"100-300,500-1000 s"``."""
    match = re.fullmatch(r"(.*?)\s*([a-z]+)\s*", text)
    spans = [_SPAN.fullmatch(part) for part in match[1].split(",")] if match else []
    unit = u.Unit(match[2], parse_strict="silent") if match else u.one
    if not spans or None in spans or not unit.is_equivalent(u.s):
        observations = "; observations are 'OBS00221755000-OBS00221755001'" if text.upper().startswith("OBS") else ""
        raise RequestError(f"intervals with a unit are needed, {_EXAMPLE}; got {text!r:.60}{observations}")
    return [(float(span[1]) * unit, float(span[2]) * unit) for span in spans if span is not None]


def _grades(grades: Any, problems: list[tuple[str, str]]) -> Any:
    if isinstance(grades, str | int) and not isinstance(grades, bool) and grades in _GRADES:
        return _GRADES[grades]
    problems.append(("grades", f"must be 'all', 0 or 4; got {grades!r:.40}"))
    return None


def _redshift(redshift: Any, problems: list[tuple[str, str]]) -> Any:
    if isinstance(redshift, str) and redshift.strip().upper() == _NO_REDSHIFT:
        return _NO_REDSHIFT
    is_number = isinstance(redshift, Real) and not isinstance(redshift, bool)
    if is_number and math.isfinite(redshift) and redshift >= 0:
        return float(redshift)
    problems.append(("redshift", f"must be a number, not negative, or 'none' for no redshift; got {redshift!r:.40}"))
    return None


def ask_slices(job_id: str) -> dict[str, Any]:
    """The question for spectra of time slices."""
    return {"type": _SLICED, "objectID": int(job_id)}


# ---------------------------------------------------------------- replies


def read_job(content: Mapping[str, Any]) -> str:
    """The number of a job that was started.

    Raises
    ------
    ProtocolError
        If there is none.
    """
    number = job_number(content.get("JobID"))
    if not number:
        raise ProtocolError(
            "it was accepted, but the reply does not name a job",
            advice="ask again",
            payload_excerpt=repr(dict(content))[:300],
        )
    return str(int(number))


def read_status(content: Mapping[str, Any], job_id: str, kind: ProductKind) -> JobReport:
    """Read the state of a job."""
    phase, text = decode_phase(content.get("status"), content.get("text"))
    return JobReport(job_id, {kind: ProductStatus(phase, text)})
