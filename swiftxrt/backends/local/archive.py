"""Finding observations of a target in a folder in archive layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord

from ..._fields import nearest
from ..._log import log
from ...engine.left_out import LeftOut
from ...exceptions import FormatError, NoDataError, RequestError
from ...io.archive import find_observations
from ...mission import FIELD_RADIUS_ARCMIN, Mode
from ...products.observation import Observation
from ...request.target import Target
from .headers import EventHeader, HeaderIndex, Stamped, pointings

__all__ = ["Archive"]

_MOST_NAMED = 10
_MOST_REASONS = 3


class Archive:
    """The observations below one folder.

    What the search needs of each event file is kept until the file changes, also
    on disk, so that only the first search of all reads the files.

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
        self._reasons: dict[str, dict[Mode, str]] = {}
        self._index = HeaderIndex()
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
        observations = self._matching(target, self.observations)
        changes: dict[str, object] = {"target_ids": tuple(sorted({obs.target_id for obs in observations}))}
        first = [header for _, header in self._readable(observations)]
        if target.position is None:
            changes["position"] = first[0].target_position or first[0].pointing
        if target.resolve_t0:
            changes["resolve_t0"] = False
            changes["t0"] = _reference_met([headers for _, headers in self.headers(observations)]) * u.s
        resolved = target.replace(**changes)
        _check_in_field(resolved, first)
        return resolved

    def observations_of(self, target: Target) -> tuple[list[Observation], tuple[str, ...]]:
        """The observations of a resolved target, and a sentence on those of others, if there are any."""
        every = self.observations
        chosen = self._matching(target, every)
        known = {one.obsid for one in chosen}
        left_out = LeftOut()
        left_out.add("of other targets", [one.obsid for one in every if one.obsid not in known], "observation")
        return chosen, left_out.sentences()

    def objects(self) -> dict[str, str]:
        """The name of the object of each target, as its first observation has it.

        Raises
        ------
        NoDataError
            If there is no observation at all, or none can be read.
        """
        found: dict[str, str] = {}
        for observation, header in self._readable(self.observations):
            found.setdefault(observation.target_id, header.object_name)
        return found

    def covering(self, positions: SkyCoord) -> list[Observation]:
        """The observations whose field of view may hold one of some positions.

        Raises
        ------
        NoDataError
            If there is no observation at all, or none can be read.
        """
        reach = 2.0 * FIELD_RADIUS_ARCMIN * u.arcmin  # the pointing may change within an observation
        readable = self._readable(self.observations)
        places = pointings(header for _, header in readable)
        near = (places[:, None].separation(positions.reshape(1, -1)) <= reach).any(axis=1)
        return [observation for (observation, _), is_near in zip(readable, near, strict=True) if is_near]

    @property
    def reasons(self) -> dict[str, str]:
        """Why event lists could not be read up to now, by ObsID."""
        return {obsid: "; ".join(found.values()) for obsid, found in self._reasons.items()}

    def headers(self, observations: Sequence[Observation]) -> list[tuple[Observation, list[EventHeader]]]:
        """Observations with the headers of those of their modes that can be read, if there are any."""
        with self._kept(observations):
            return [(one, list(self._headers_of(one))) for one in observations]

    def _matching(self, target: Target, every: list[Observation]) -> list[Observation]:
        if target.target_ids is not None:
            chosen = [obs for obs in every if obs.target_id in target.target_ids]
            known = sorted({obs.target_id for obs in every})
            if not chosen:
                raise NoDataError(
                    f"no observation of target ID {', '.join(target.target_ids)}; there are {', '.join(known)}"
                )
            return chosen
        readable = self._readable(every)
        if target.position is not None:
            offsets = _offsets_arcmin([header for _, header in readable], target.position)
            chosen = [one for (one, _), far in zip(readable, offsets, strict=True) if far <= FIELD_RADIUS_ARCMIN]
            if not chosen:
                closest = min(offsets)
                raise NoDataError(
                    f"the position of {target.name!r} is outside the field of view of every observation: "
                    f"the nearest pointing is {closest:.1f} arcmin away, the field reaches {FIELD_RADIUS_ARCMIN} arcmin"
                )
            return chosen
        chosen = [obs for obs, header in readable if _plain(header.object_name) == _plain(target.name)]
        if not chosen:
            names = sorted({header.object_name for _, header in readable})
            raise NoDataError(
                f"no observation of an object called {target.name!r}{nearest(target.name, names)}; "
                f"there are {', '.join(names)}; give a position to search by it"
            )
        return chosen

    @contextmanager
    def _kept(self, observations: Iterable[Observation]) -> Iterator[None]:
        """What earlier sessions read of the files is known within the block, what is read in it later on."""
        self._index.load([Stamped.place_of(paths) for one in observations for paths in one.files.values()])
        yield
        self._index.save()

    def _headers_of(self, observation: Observation) -> Iterator[EventHeader]:
        """What is known of the event lists that can be read: an empty or damaged file must not spoil the search."""
        for mode, paths in observation.files.items():
            try:
                files = Stamped.of(paths)
                header = self._index.get(files)
                if header is None:
                    header = EventHeader.read(paths)
                    self._index.add(files, header)
            except (NoDataError, FormatError, RequestError, OSError) as error:
                log.warning("left out of the search: %s", error)
                self._reasons.setdefault(observation.obsid, {})[mode] = str(error)
            else:
                yield header

    def _readable(self, observations: list[Observation]) -> list[tuple[Observation, EventHeader]]:
        """Observations with the first of their event lists."""
        with self._kept(observations):
            firsts = [(one, next(self._headers_of(one), None)) for one in observations]
        found = [(one, header) for one, header in firsts if header is not None]
        if not found:
            reasons = [reason for one in observations for reason in self._reasons[one.obsid].values()]
            more = f" (and {len(reasons) - _MOST_REASONS} more, see the log)" if len(reasons) > _MOST_REASONS else ""
            names = ", ".join(one.obsid for one in observations[:_MOST_NAMED])
            raise NoDataError(
                f"the event files of {names} are empty or damaged: {'; '.join(reasons[:_MOST_REASONS])}{more}"
            )
        return found


def _check_in_field(target: Target, headers: list[EventHeader]) -> None:
    closest = min(_offsets_arcmin(headers, target.position))
    if closest > FIELD_RADIUS_ARCMIN:
        raise NoDataError(
            f"the position of {target.name!r} is outside the field of view: the nearest pointing of "
            f"{', '.join(target.target_ids or ())} is {closest:.1f} arcmin away, "
            f"the field reaches {FIELD_RADIUS_ARCMIN} arcmin"
        )


def _offsets_arcmin(headers: Sequence[EventHeader], position: SkyCoord) -> list[float]:
    found: list[float] = pointings(headers).separation(position).to_value(u.arcmin).tolist()
    return found


def _reference_met(headers: Sequence[Sequence[EventHeader]]) -> float:
    """Trigger time of a burst (``TRIGTIME``), else the start of the first observation."""
    triggers = [one[0].trigger_met for one in headers if one and one[0].trigger_met is not None]
    if triggers:
        return min(triggers)
    starts = [header.start_met for one in headers for header in one]
    if not starts:
        raise NoDataError("there is no good time to take T0 from; give target.t0")
    return min(starts)


def _plain(name: str) -> str:
    return "".join(name.lower().split()).removeprefix("sim_")
