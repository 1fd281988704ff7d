"""The observations of a folder as a table, from the headers of their event files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from astropy.time import Time

from ...mission import Mode
from ...products.observation import Observation
from ...products.observation_table import ObservationRow
from .archive import Archive
from .headers import EventHeader

__all__ = ["archive_rows"]


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
