"""The observations of a folder as a table, from the headers of their event files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

from ...catalog.observations import found_table
from ...mission import Mode
from ...products.observation import Observation
from ...products.observation_table import ObservationRow
from ...request.observations import ObservationQuery
from .archive import Archive
from .headers import EventHeader

__all__ = ["LocalObservations", "archive_rows"]


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
        rows = [row for row in archive_rows(self.archive) if _fits(row, query)]
        if query.position is not None and rows:
            places = SkyCoord([row.ra_deg for row in rows], [row.dec_deg for row in rows], unit="deg")
            near = places.separation(query.position).deg <= query.radius_deg
            rows = [row for row, is_near in zip(rows, near, strict=True) if is_near]
        folder = str(self.archive.folder.absolute())
        return found_table(query, rows, source=self.name, service=folder, request=self.payload(query))


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


def archive_rows(archive: Archive) -> list[ObservationRow]:
    """All observations of a folder that can be read, by ObsID.

    Raises
    ------
    NoDataError
        If there is no observation.
    """
    found = archive.headers(archive.observations)
    return [_row(observation, headers) for observation, headers in found if any(one.limits for one in headers)]


def _row(observation: Observation, headers: Sequence[EventHeader]) -> ObservationRow:
    limits = [one.limits for one in headers if one.limits is not None]
    longest = max(headers, key=lambda one: one.exposure_s)
    exposures = {mode: sum(one.exposure_s for one in headers if one.kind is mode) for mode in Mode}
    place = longest.pointing.icrs
    return ObservationRow(
        obsid=observation.obsid,
        name=longest.object_name,
        ra_deg=float(place.ra.deg),
        dec_deg=float(place.dec.deg),
        start_mjd=float(min(start for start, _ in limits).mjd),
        stop_mjd=float(max(stop for _, stop in limits).mjd),
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
