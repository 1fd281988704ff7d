"""Tables of observations: the same columns, units and types wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from ._display import ReadableTable

__all__ = ["COLUMNS", "ObservationRow", "observations_table"]

#: Columns of all tables of observations; those of a cone have ``distance`` after ``position``.
COLUMNS: Mapping[str, str] = {
    "obsid": "Observation: target and segment",
    "target_id": "Target",
    "name": "Name of the target",
    "position": "Where the telescope pointed",
    "distance": "Distance of the pointing from the centre of the cone",
    "start": "Start, UTC",
    "stop": "End, UTC",
    "exposure": "Exposure of the XRT, all modes",
    "exposure_pc": "Exposure of the XRT in photon counting mode",
    "exposure_wt": "Exposure of the XRT in windowed timing mode",
    "uvot_exposure": "Exposure of the UVOT",
    "bat_exposure": "Exposure of the BAT",
    "roll": "Roll angle",
    "archive_date": "When the data came into the archive",
    "processing_date": "When the data were processed",
    "row": "Number of the row in the archive's table",
}
_EXPOSURES = ("exposure_pc", "exposure_wt", "uvot_exposure", "bat_exposure")
_TIMES = ("start", "stop", "archive_date", "processing_date")
_DAYS = ("archive_date", "processing_date")
_SOME_DAY = 51910.0


@dataclass(frozen=True)
class ObservationRow:
    """One observation in plain numbers; None is not known.

    Parameters
    ----------
    obsid, name : str
        Eleven digits, and the name of the target.
    ra_deg, dec_deg : float
        Pointing, ICRS.
    start_mjd : float
        Start, UTC; so are the other times.
    exposure_s : float
        Exposure of the XRT.
    stop_mjd, archive_date_mjd, processing_date_mjd : float or None
        Times.
    exposure_pc_s, exposure_wt_s, uvot_exposure_s, bat_exposure_s : float or None
        Exposures.
    roll_deg : float or None
        Roll angle.
    row : int or None
        Number of the row in the table it is from.
    """

    obsid: str
    name: str
    ra_deg: float
    dec_deg: float
    start_mjd: float
    exposure_s: float
    stop_mjd: float | None = None
    archive_date_mjd: float | None = None
    processing_date_mjd: float | None = None
    exposure_pc_s: float | None = None
    exposure_wt_s: float | None = None
    uvot_exposure_s: float | None = None
    bat_exposure_s: float | None = None
    roll_deg: float | None = None
    row: int | None = None


def observations_table(
    rows: Iterable[ObservationRow], *, centre: SkyCoord | None = None, meta: Mapping[str, Any] | None = None
) -> QTable:
    """A table of observations, the first one first.

    Parameters
    ----------
    rows : iterable of ObservationRow
        The observations.
    centre : `~astropy.coordinates.SkyCoord`, optional
        Centre of the cone in which they are.
    meta : mapping, optional
        What is to be known of the table.

    Returns
    -------
    table : `~astropy.table.QTable`
        With the columns of `COLUMNS`.
    """
    ordered = sorted(rows, key=lambda one: (one.start_mjd, one.obsid))
    positions = SkyCoord(
        np.array([one.ra_deg for one in ordered], dtype=float),
        np.array([one.dec_deg for one in ordered], dtype=float),
        unit="deg",
        frame="icrs",
    )
    columns: dict[str, Any] = {
        "obsid": Column([one.obsid for one in ordered], dtype="U11"),
        "target_id": Column([one.obsid[:8] for one in ordered], dtype="U8"),
        "name": Column([one.name for one in ordered], dtype=str),
        "position": positions,
    }
    if centre is not None:
        columns["distance"] = positions.separation(centre).to(u.arcmin)
    columns |= {name: _times([getattr(one, f"{name}_mjd") for one in ordered]) for name in _TIMES}
    columns["exposure"] = np.array([one.exposure_s for one in ordered], dtype=float) * u.s
    columns |= {name: _quantities([getattr(one, f"{name}_s") for one in ordered], u.s) for name in _EXPOSURES}
    columns["roll"] = _quantities([one.roll_deg for one in ordered], u.deg)
    numbers = [one.row for one in ordered]
    columns["row"] = MaskedColumn([number or 0 for number in numbers], mask=_unknown(numbers), dtype=np.int64)
    for name in _DAYS:
        columns[name].out_subfmt = "date"
    table = ReadableTable({name: columns[name] for name in COLUMNS if name in columns}, meta=dict(meta or {}))
    for name in table.colnames:
        table[name].info.description = COLUMNS[name]
    return table


def _unknown(values: Sequence[Any]) -> Any:
    return np.array([value is None for value in values], dtype=bool)


def _times(values: Sequence[float | None]) -> Time:
    known = np.array([_SOME_DAY if value is None else value for value in values], dtype=float)
    times = Time(known, format="mjd", scale="utc")
    if (mask := _unknown(values)).any():
        times[mask] = np.ma.masked
    times.format = "isot"
    return times


def _quantities(values: Sequence[float | None], unit: u.UnitBase) -> Any:
    known = np.array([0.0 if value is None else value for value in values], dtype=float)
    return Masked(known * unit, mask=_unknown(values))
