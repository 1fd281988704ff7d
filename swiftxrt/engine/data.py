"""Which events a product is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import astropy.units as u
import numpy as np

from ..exceptions import FormatError, MetadataWarning, NoDataError, PartialResultWarning
from ..met import met_to_time
from ..mission import Mode
from ..products._merging import uncovered
from ..products.events import EventList
from ..products.gti import GTI
from ..products.observation import Observation
from ..request._values import utc_text
from ..request.bundle import XRTRequest
from ..request.selection import FirstHours, Observations, Selection, TimeIntervals
from .grid import require_one_field
from .left_out import LeftOut, file_names, listed
from .lost_events import outside_good_time, without_values

__all__ = ["Data", "intervals_met", "select_data"]

_Names = dict[tuple[str, Mode], list[str]]
_MODES = (Mode.PC, Mode.WT)
# Of each kind, in an error.
_MOST_TOLD = 3


@dataclass(frozen=True)
class Data:
    """Event lists by mode, in order of time.

    Parameters
    ----------
    pc, wt : tuple of EventList
        Lists with good time in the selection.
    cautions : tuple of (str, str)
        What the user is warned of: class of the warning and text.
    notes : tuple of str
        What was left out, one sentence each.
    names : dict of (str, Mode) to list of str
        Names of the event files, by ObsID and mode.
    """

    pc: tuple[EventList, ...]
    wt: tuple[EventList, ...]
    cautions: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    names: _Names = field(default_factory=dict)

    @property
    def obsids(self) -> tuple[str, ...]:
        """ObsIDs of all lists, sorted."""
        return tuple(sorted({events.obsid for events in (*self.pc, *self.wt)}))

    @property
    def start_s(self) -> float:
        """First MET of good time."""
        return min(float(events.gti.start[0]) for events in (*self.pc, *self.wt))

    @property
    def stop_s(self) -> float:
        """Last MET of good time."""
        return max(float(events.gti.stop[-1]) for events in (*self.pc, *self.wt))

    def of(self, mode: Mode) -> tuple[EventList, ...]:
        """Lists of one mode."""
        return self.pc if mode is Mode.PC else self.wt

    def files(self, mode: Mode) -> list[str]:
        """Names of the event files of the lists of one mode."""
        keys = dict.fromkeys((events.obsid, mode) for events in self.of(mode))
        return [name for key in keys for name in self.names.get(key, ())]

    def without_wt(self) -> Data:
        """Photon-counting data alone, with a note on the others, for what cannot be made of windowed timing."""
        left_out = LeftOut()
        left_out.add("of windowed timing, of which this product cannot be made", self.files(Mode.WT))
        return replace(self, wt=(), notes=(*self.notes, *left_out.sentences()))


def select_data(
    observations: Sequence[Observation],
    selection: Selection | None,
    request: XRTRequest,
    *,
    absent: Callable[[Sequence[str]], Sequence[str]] = lambda obsids: (),
) -> Data:
    """Open the observations and keep what a request selects.

    Parameters
    ----------
    observations : sequence of Observation
        The observations of the target.
    selection : AllData, Observations, TimeIntervals, FirstHours or None
        The selection; `None` is all.
    request : XRTRequest
        Says from where times count.
    absent : callable, optional
        Gives for ObsIDs that are not among the observations sentences on what
        there is of them.

    Raises
    ------
    NoDataError
        If nothing is left.
    RequestError
        If the observations are of targets too far apart for one field.
    FormatError
        If a file is damaged.
    """
    left_out = LeftOut()
    chosen, cautions = _chosen(observations, selection, left_out, absent)
    names = {(one.obsid, mode): file_names(one, mode) for one in chosen for mode in one.modes}
    lists = [events for one in chosen for events in _lists(one, chosen, left_out)]
    notes = [note for events in lists for note in outside_good_time(events)]
    cautions += [caution for one in chosen for caution in _about_attitude(one)]
    cautions += [(PartialResultWarning.__name__, text) for events in lists for text in without_values(events)]
    window = _window(lists, selection, request) if lists else None
    if window is not None:
        lists = _within(window, lists, names, left_out)
    lists.sort(key=lambda events: events.gti.start[0])
    if not lists:
        told = "; ".join((_told(selection, request), *left_out.sentences(_MOST_TOLD)))
        raise NoDataError(f"no good time is left in {told}")
    require_one_field(lists)
    pc, wt = (_without_overlap([one for one in lists if one.mode is mode], names, notes, left_out) for mode in _MODES)
    return Data(tuple(pc), tuple(wt), tuple(cautions), (*notes, *left_out.sentences()), names)


def _chosen(
    observations: Sequence[Observation],
    selection: Selection | None,
    left_out: LeftOut,
    absent: Callable[[Sequence[str]], Sequence[str]],
) -> tuple[list[Observation], list[tuple[str, str]]]:
    """The observations of a selection, and what the user is warned of."""
    if not isinstance(selection, Observations):
        return list(observations), []
    there = [one.obsid for one in observations]
    missing = [obsid for obsid in selection.obsids if obsid not in there]
    why = "; ".join(("", *absent(missing))) if missing else ""
    chosen = [one for one in observations if one.obsid in selection.obsids]
    if not chosen:
        raise NoDataError(
            f"none of the observations asked for ({listed(selection.obsids)}) is among those of the target, which are "
            f"{listed(there)}{why}"
        )
    left_out.add("not asked for", [o for o in there if o not in selection.obsids], "observation")
    text = f"no data of the observations {listed(missing)}{why}"
    return chosen, [(PartialResultWarning.__name__, text)] if missing else []


def _told(selection: Selection | None, request: XRTRequest) -> str:
    """What was selected, and what to do if that is too little."""
    if isinstance(selection, Observations):
        return f"the observations asked for, {listed(selection.obsids)}; add others or use AllData()"
    if isinstance(selection, FirstHours):
        return f"the first {selection.hours:g}; ask for more or use AllData()"
    if not isinstance(selection, TimeIntervals):
        return "the data of the target"
    times = [_interval_told(start, stop, request) for start, stop in selection.intervals]
    return f"the times asked for, {listed(times, _MOST_TOLD)}; widen them or use AllData()"


def _interval_told(start: u.Quantity, stop: u.Quantity, request: XRTRequest) -> str:
    # A request keeps seconds only, whether it was given times or seconds.
    start_s, stop_s = (f"{edge.to_value(u.s):.3f}".rstrip("0").rstrip(".") for edge in (start, stop))
    if request.times_since_t0:
        return f"{start_s} to {stop_s} s since T0"
    begin, end = (utc_text(met_to_time(edge), 3).removesuffix(".000") for edge in (start, stop))
    return f"{begin} to {end} UTC (MET {start_s} to {stop_s} s)"


def _within(window: GTI, lists: Sequence[EventList], names: _Names, left_out: LeftOut) -> list[EventList]:
    """The parts of the lists in the times asked for."""
    kept = []
    for events in lists:
        if len(events.gti & window):
            kept.append(events.select(gti=window))
        else:
            left_out.add("outside of the times asked for", names[events.obsid, events.mode])
    return kept


def _without_overlap(lists: Sequence[EventList], names: _Names, notes: list[str], left_out: LeftOut) -> list[EventList]:
    """The lists of one mode, in order of time, without the time that those before them cover."""
    kept: list[EventList] = []
    for events, fresh in zip(lists, uncovered(lists), strict=True):
        if fresh == events.gti:
            kept.append(events)
            continue
        doubled_s = events.gti.exposure_s - fresh.exposure_s
        notes.append(f"{doubled_s:.0f} s of {events.obsid} that another observation covers too were left out")
        if len(fresh):
            kept.append(events.select(gti=fresh))
        else:
            left_out.add("with good time that other files cover too", names[events.obsid, events.mode])
    return kept


def _lists(observation: Observation, chosen: Sequence[Observation], left_out: LeftOut) -> list[EventList]:
    """The event lists of one of the observations; what is wrong with it and how to go on without it, if damaged."""
    try:
        return [events for mode in observation.modes for events in _events(observation, mode, left_out)]
    except FormatError as error:
        others = [repr(one.obsid) for one in chosen if one.obsid != observation.obsid]
        if not others:
            raise
        hint = f"to leave this observation out, ask for the others: data=Observations({listed(others)})"
        raise FormatError(f"{error.reason}; {hint}", error.path) from error


def _events(observation: Observation, mode: Mode, left_out: LeftOut) -> list[EventList]:
    """The events of one mode, or nothing: very short exposures leave sound files without any event."""
    names = file_names(observation, mode)
    try:
        events = observation.events(mode)
    except NoDataError:
        left_out.add("without events", names)
        return []
    if not len(events.gti):
        left_out.add("without good time", names)
        return []
    return [events]


def _about_attitude(observation: Observation) -> list[tuple[str, str]]:
    """What the user is told of a damaged record of the pointing; without a record there is nothing to tell."""
    try:
        observation.attitude  # noqa: B018 - reads it
    except FormatError as error:
        return [(MetadataWarning.__name__, f"the pointing of {observation.obsid} is taken from its events: {error}")]
    return []


def _window(lists: Sequence[EventList], selection: Selection | None, request: XRTRequest) -> GTI | None:
    if isinstance(selection, FirstHours):
        start = min(float(events.gti.start[0]) for events in lists)
        return GTI.from_pairs([(start, start + float(selection.hours.to_value(u.s)))])
    if isinstance(selection, TimeIntervals):
        return GTI.from_pairs(intervals_met(selection.intervals, request))
    return None


def intervals_met(intervals: Sequence[tuple[u.Quantity, u.Quantity]], request: XRTRequest) -> list[tuple[float, float]]:
    """Intervals of a request in MET seconds."""
    offset = float(request.target.t0_met or 0.0) if request.times_since_t0 else 0.0
    pairs = np.array([[float(edge.to_value(u.s)) for edge in pair] for pair in intervals]) + offset
    return [(float(start), float(stop)) for start, stop in pairs]
