"""What requests take from the entry of a catalogued source: its reference time and its observations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import astropy.units as u
from astropy.time import Time

from .._fields import Choice
from ..exceptions import NoDataError, RequestError, RequestWarning, warn
from ..met import fuller_met, time_to_met
from ._rows import Cells
from .selection import Observations

__all__ = ["chosen_observations", "reference_time"]

# Reference times of catalogued sources, and their columns in 2SXPS, LSXPS and the list of transients.
_TIMES = {
    "first_observation": "FirstObsMET",
    "first_blind_detection": "FirstBlindDetMET",
    "first_detection": "FirstDetMET",
    "discovery": "DetectionMET",
}
_EVERYTHING = "all"
# The words of the lists of observations for words of requests, where "all" also means what is not catalogued.
_LISTS = {"catalog": "all"}


def reference_time(cells: Cells, wanted: str | None) -> dict[str, Any]:
    """The reference time of a source, as values of a target.

    The catalogues often give times to six digits only; another of their times
    that is the same and complete takes its place.

    Raises
    ------
    RequestError
        If there is no such time.

    Warns
    -----
    RequestWarning
        If it is rounded and there is no better one.
    """
    if wanted is None:
        return {"resolve_t0": True}
    try:
        word = Choice(*_TIMES).convert(wanted)
    except ValueError as error:
        raise RequestError([("t0", str(error))], "Target") from None
    time = cells.met(_TIMES[word].lower())
    if time is None:
        there = [word for word, name in _TIMES.items() if cells.get(name.lower()) is not None]
        known = f"the row has no {_TIMES[word]}; it has {', '.join(there) or 'no such time'}"
        raise RequestError([("t0", known)], "Target")
    if word == "discovery":
        return {"t0": time}
    full, error_s = fuller_met(_met(time), _other_times(cells))
    if error_s:
        text = f"t0: the catalogue has rounded {_TIMES[word]}, which may be off by {error_s:g} s"
        warn(f"{text}; if that matters, give the time itself: replace(t0=...)", RequestWarning, stacklevel=5)
    return {"t0": time if full == _met(time) else full * u.s}


def _met(time: Time | u.Quantity) -> float:
    return float(time_to_met(time) if isinstance(time, Time) else time.to_value(u.s))


def _other_times(cells: Cells) -> Iterator[float | None]:
    """First times of the source that may be the same as another."""
    for name in _TIMES.values():
        time = cells.met(name.lower())
        yield None if time is None else _met(time)
    ranges = cells.row["lcRanges"] if "lcRanges" in cells.names.values() else None
    start = ranges.get("MET_lo") if isinstance(ranges, Mapping) else None
    yield None if start is None else float(start)


def chosen_observations(source: Any, use: str, fallback: str | None) -> Observations | None:
    """Some observations of a source; `None` stands for all, whether in the catalogue or not.

    Raises
    ------
    RequestError
        If there is no such choice, or `source` knows no observations.
    NoDataError
        If there are none, neither with `fallback`.
    """
    word = use.strip().lower() if isinstance(use, str) else use
    if word == _EVERYTHING:
        return None
    listed = getattr(source, "observations", None)
    if not callable(listed):
        needed = "observations are listed by what get_source and get_transient return"
        raise RequestError([("use", f"{needed}; a row has none, so that only use='all' is possible; got {use!r:.60}")])
    try:
        return Observations.from_table(listed(_LISTS.get(word, word)))
    except RequestError as error:
        raise RequestError([("use", text) for _, text in error.problems], "request for a catalogued source") from error
    except NoDataError:
        if fallback is None:
            raise
        return chosen_observations(source, fallback, None)
