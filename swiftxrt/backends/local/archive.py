"""Finding observations of a target in a folder in archive layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord

from ..._fields import nearest
from ..._log import log
from ...exceptions import FormatError, NoDataError, RequestError
from ...io.archive import find_observations
from ...mission import FIELD_RADIUS_ARCMIN
from ...products.events import EventList
from ...products.observation import Observation
from ...request.target import Target

__all__ = ["Archive"]


class Archive:
    """The observations below one folder.

    Parameters
    ----------
    folder : Path
        Any folder with observations in archive layout below it.

    Raises
    ------
    RequestError
        If the folder does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise RequestError(
                [("archive", f"there is no folder {str(folder)!r}; give the folder that holds the observations")]
            )

    @property
    def observations(self) -> list[Observation]:
        """All observations, by ObsID.

        Raises
        ------
        NoDataError
            If there is none.
        """
        gone = f"the folder with the observations, {self.folder}, is gone or locked; put it back and try again"
        if not self.folder.is_dir():
            raise NoDataError(gone)
        try:
            found = find_observations(self.folder)
        except (FileNotFoundError, PermissionError) as error:
            raise NoDataError(gone) from error
        if not found:
            raise NoDataError(
                f"no XRT event file below {self.folder}; files are looked for as "
                "<obsid>/xrt/event/sw<obsid>x[pc|wt]w?po_cl.evt[.gz]"
            )
        return found

    def resolve(self, target: Target) -> Target:
        """Fill in what a target leaves open: position, target IDs and reference time.

        Raises
        ------
        NoDataError
            If no observation matches.
        """
        observations = self._matching(target)
        changes: dict[str, object] = {"target_ids": tuple(sorted({obs.target_id for obs in observations}))}
        first = [events for _, events in _readable(observations)]
        if target.position is None:
            changes["position"] = first[0].target_position or first[0].pointing
        if target.resolve_t0:
            changes["resolve_t0"] = False
            changes["t0"] = _reference_met(observations) * u.s
        resolved = target.replace(**changes)
        _check_in_field(resolved, first)
        return resolved

    def observations_of(self, target: Target) -> list[Observation]:
        """The observations of a resolved target."""
        return self._matching(target)

    def _matching(self, target: Target) -> list[Observation]:
        every = self.observations
        if target.target_ids is not None:
            chosen = [obs for obs in every if obs.target_id in target.target_ids]
            known = sorted({obs.target_id for obs in every})
            if not chosen:
                raise NoDataError(
                    f"no observation of target ID {', '.join(target.target_ids)}; there are {', '.join(known)}"
                )
            return chosen
        readable = _readable(every)
        if target.position is not None:
            chosen = [obs for obs, events in readable if _offset_arcmin(events, target.position) <= FIELD_RADIUS_ARCMIN]
            if not chosen:
                closest = min(_offset_arcmin(events, target.position) for _, events in readable)
                raise NoDataError(
                    f"the position of {target.name!r} is outside the field of view of every observation: "
                    f"the nearest pointing is {closest:.1f} arcmin away, the field reaches {FIELD_RADIUS_ARCMIN} arcmin"
                )
            return chosen
        chosen = [obs for obs, events in readable if _plain(events.object_name) == _plain(target.name)]
        if not chosen:
            names = sorted({events.object_name for _, events in readable})
            raise NoDataError(
                f"no observation of an object called {target.name!r}{nearest(target.name, names)}; "
                f"there are {', '.join(names)}; give a position to search by it"
            )
        return chosen


def _lists(observation: Observation) -> Iterator[EventList]:
    """The event lists of an observation that can be read: an empty or damaged file must not spoil the search."""
    for mode in observation.modes:
        try:
            yield observation.events(mode)
        except (NoDataError, FormatError) as error:
            log.warning("left out of the search: %s", error)


def _readable(observations: list[Observation]) -> list[tuple[Observation, EventList]]:
    """Observations with the first of their event lists."""
    firsts = [(one, next(_lists(one), None)) for one in observations]
    found = [(one, events) for one, events in firsts if events is not None]
    if not found:
        names = ", ".join(one.obsid for one in observations)
        raise NoDataError(f"the event files of {names} are empty or damaged; the log says what is wrong with each")
    return found


def _check_in_field(target: Target, lists: list[EventList]) -> None:
    offsets = [_offset_arcmin(events, target.position) for events in lists]
    if min(offsets) > FIELD_RADIUS_ARCMIN:
        raise NoDataError(
            f"the position of {target.name!r} is outside the field of view: the nearest pointing of "
            f"{', '.join(target.target_ids or ())} is {min(offsets):.1f} arcmin away, "
            f"the field reaches {FIELD_RADIUS_ARCMIN} arcmin"
        )


def _offset_arcmin(events: EventList, position: SkyCoord) -> float:
    return float(events.pointing.separation(position).to_value(u.arcmin))


def _reference_met(observations: list[Observation]) -> float:
    """Trigger time of a burst (``TRIGTIME``), else the start of the first observation."""
    triggers = [float(ev.header["TRIGTIME"]) for _, ev in _readable(observations) if "TRIGTIME" in ev.header]
    if triggers:
        return min(triggers)
    starts = [float(ev.gti.start[0]) for obs in observations for ev in _lists(obs) if len(ev.gti)]
    if not starts:
        raise NoDataError("there is no good time to take T0 from; give target.t0")
    return min(starts)


def _plain(name: str) -> str:
    return "".join(name.lower().split()).removeprefix("sim_")
