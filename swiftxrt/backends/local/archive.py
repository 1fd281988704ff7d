"""Finding observations of a target in a folder in archive layout."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord

from ..._fields import nearest
from ...exceptions import NoDataError, RequestError
from ...io.archive import find_observations
from ...mission import FIELD_RADIUS_ARCMIN
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
        found = find_observations(self.folder)
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
        if target.position is None:
            changes["position"] = observations[0].target_position or observations[0].pointing
        if target.resolve_t0:
            changes["resolve_t0"] = False
            changes["t0"] = _reference_met(observations) * u.s
        resolved = target.replace(**changes)
        _check_in_field(resolved, observations)
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
        if target.position is not None:
            chosen = [obs for obs in every if _offset_arcmin(obs, target.position) <= FIELD_RADIUS_ARCMIN]
            if not chosen:
                closest = min(_offset_arcmin(obs, target.position) for obs in every)
                raise NoDataError(
                    f"the position of {target.name!r} is outside the field of view of every observation: "
                    f"the nearest pointing is {closest:.1f} arcmin away, the field reaches {FIELD_RADIUS_ARCMIN} arcmin"
                )
            return chosen
        chosen = [obs for obs in every if _plain(obs.name) == _plain(target.name)]
        if not chosen:
            names = sorted({obs.name for obs in every})
            raise NoDataError(
                f"no observation of an object called {target.name!r}{nearest(target.name, names)}; "
                f"there are {', '.join(names)}; give a position to search by it"
            )
        return chosen


def _check_in_field(target: Target, observations: list[Observation]) -> None:
    offsets = [_offset_arcmin(obs, target.position) for obs in observations]
    if min(offsets) > FIELD_RADIUS_ARCMIN:
        raise NoDataError(
            f"the position of {target.name!r} is outside the field of view: the nearest pointing of "
            f"{', '.join(target.target_ids or ())} is {min(offsets):.1f} arcmin away, "
            f"the field reaches {FIELD_RADIUS_ARCMIN} arcmin"
        )


def _offset_arcmin(observation: Observation, position: SkyCoord) -> float:
    return float(observation.pointing.separation(position).to_value(u.arcmin))


def _reference_met(observations: list[Observation]) -> float:
    """Trigger time of a burst (``TRIGTIME``), else the start of the first observation."""
    triggers = [float(obs.header["TRIGTIME"]) for obs in observations if "TRIGTIME" in obs.header]
    if triggers:
        return min(triggers)
    return min(float(obs.events(mode).gti.start[0]) for obs in observations for mode in obs.modes)


def _plain(name: str) -> str:
    return "".join(name.lower().split()).removeprefix("sim_")
