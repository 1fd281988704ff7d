"""The observations of a folder as a table, from the headers of their event files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

from ..._printable import first_few
from ...catalog.observations import found_table
from ...exceptions import NoDataError, PartialResultWarning, RequestError, warn
from ...met import estimate_utcf, met_to_time
from ...mission import Mode
from ...products.observation import Observation
from ...products.observation_table import ObservationRow
from ...request.observations import ObservationQuery
from .archive import Archive
from .headers import EventHeader, pointings

__all__ = ["LocalObservations", "archive_rows"]

_MOST_NAMED = 3
_OBSID = re.compile(r"[0-9]{11}")
#: From a warning here to who called `query_observations`.
_CALLER = 5


class LocalObservations:
    """Answers questions for observations from the headers in a folder.

    Parameters
    ----------
    archive : Archive
        The folder.
    """

    name = "local"

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def payload(self, query: ObservationQuery) -> dict[str, Any]:
        """What is asked, of which folder; nothing is sent anywhere."""
        return {"archive": str(self.archive.folder.absolute()), **query.to_dict()}

    def find(self, query: ObservationQuery) -> QTable:
        """The observations that a question is about; see `ObservationSource.find`."""
        every = archive_rows(self.archive)
        self._tell_unreadable(query, {row.obsid for row in every})
        rows = [row for row in every if _fits(row, query)]
        if query.position is not None and rows:
            places = SkyCoord([row.ra_deg for row in rows], [row.dec_deg for row in rows], unit="deg")
            near = places.separation(query.position).deg <= query.radius_deg
            rows = [row for row, is_near in zip(rows, near, strict=True) if is_near]
        folder = str(self.archive.folder.absolute())
        known = [*(row.obsid for row in every), *self.archive.reasons]
        note = _without_pointing(self.archive.folder, [one for one in query.ids if not _any_of(known, one)])
        return found_table(query, rows, source=self.name, service=folder, request=self.payload(query), note=note)

    def _tell_unreadable(self, query: ObservationQuery, readable: set[str]) -> None:
        """Warn of observations that might be meant, but cannot be read."""
        lost = [
            f"{obsid} ({reason})"
            for obsid, reason in self.archive.reasons.items()
            if obsid not in readable and (not query.ids or obsid.startswith(query.ids))
        ]
        if lost:
            text = f"cannot be read and left out: {first_few(lost, _MOST_NAMED, '; ')}"
            number = f"{len(lost)} of {len(lost) + len(readable)} observations"
            warn(f"{number} {text}", PartialResultWarning, stacklevel=_CALLER)


def _fits(row: ObservationRow, query: ObservationQuery) -> bool:
    """Whether all conditions but that of the place hold."""
    exposure = getattr(row, f"{query.exposure_name}_s") or 0.0
    return (
        (not query.ids or row.obsid.startswith(query.ids))
        and (query.start is None or row.start_mjd >= float(query.start.mjd))
        and (query.stop is None or row.start_mjd <= float(query.stop.mjd))
        and (query.mode is None or exposure > 0)
        and exposure >= (query.least_exposure_s or 0.0)
    )


def _any_of(obsids: Sequence[str], number: str) -> bool:
    """Whether an observation, or one of a target, is among some."""
    return any(obsid.startswith(number) for obsid in obsids)


def _without_pointing(folder: Path, numbers: Sequence[str]) -> str:
    """What folders of observations hold that have no pointing data; nothing if there are no such folders."""
    found: list[Path] = []
    for place, inside, _ in os.walk(folder) if numbers else ():
        obsids = [one for one in inside if _OBSID.fullmatch(one)]
        found += [Path(place) / one for one in obsids if one.startswith(tuple(numbers))]
        inside[:] = [one for one in inside if one not in obsids]
    said = []
    for path in sorted(found)[:_MOST_NAMED]:
        try:
            Observation.open(path)
        except (NoDataError, RequestError) as error:
            said.append(str(error))
    return "; ".join(said)


def archive_rows(archive: Archive) -> list[ObservationRow]:
    """All observations of a folder that can be read, by ObsID.

    Raises
    ------
    NoDataError
        If there is no observation.
    """
    known = [(one.obsid, headers) for one, headers in archive.headers(archive.observations) if headers]
    longest = [max(headers, key=lambda one: one.exposure_s) for _, headers in known]
    places = pointings(longest)
    starts = _limits_mjd([min(headers, key=lambda one: one.start_met) for _, headers in known], "start_met")
    stops = _limits_mjd([max(headers, key=lambda one: one.stop_met) for _, headers in known], "stop_met")
    where = zip(places.ra.deg.tolist(), places.dec.deg.tolist(), starts, stops, strict=True)
    return [_row(obsid, headers, *place) for (obsid, headers), place in zip(known, where, strict=True)]


def _limits_mjd(headers: Sequence[EventHeader], name: str) -> list[float]:
    """The beginning or end of good time, by the clock correction of the file or else the usual one."""
    met_s = np.array([getattr(one, name) for one in headers], dtype=float)
    usual = estimate_utcf(met_s)
    utcf = [guess if one.utcf_s is None else one.utcf_s for one, guess in zip(headers, usual, strict=True)]
    limits: list[float] = met_to_time(met_s, utcf=np.array(utcf)).mjd.tolist()  # type: ignore[arg-type]
    return limits


def _row(
    obsid: str, headers: Sequence[EventHeader], ra_deg: float, dec_deg: float, start_mjd: float, stop_mjd: float
) -> ObservationRow:
    longest = max(headers, key=lambda one: one.exposure_s)
    exposures = {mode: sum(one.exposure_s for one in headers if one.kind is mode) for mode in Mode}
    return ObservationRow(
        obsid=obsid,
        name=longest.object_name,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        start_mjd=start_mjd,
        stop_mjd=stop_mjd,
        exposure_s=sum(exposures.values()),
        exposure_pc_s=exposures[Mode.PC],
        exposure_wt_s=exposures[Mode.WT],
        roll_deg=longest.roll_deg,
        processing_date_mjd=_mjd(max(one.made for one in headers)),
    )


def _mjd(text: str) -> float | None:
    """A date of a header, if it is one."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return float(Time(moment.replace(tzinfo=None), scale="utc").mjd)
