"""Attitude files and the frame headers of housekeeping files.

Layouts: extension ``ATTITUDE`` with columns TIME and POINTING (right
ascension, declination, roll); extension ``FRAME`` of ``sw...xhd.hk`` with TIME,
RA, Dec and Roll.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from ..exceptions import FormatError, RequestError
from ..met import met_to_time
from ..mission import MJDREFF, MJDREFI
from ..products.attitude import Attitude
from ._fitsfile import load_fits, save_fits

__all__ = ["read_attitude", "read_housekeeping", "write_attitude"]

# What of a frame header is worth a column: name in the file, ours, unit.
_FRAME_COLUMNS: tuple[tuple[str, str, u.UnitBase | None], ...] = (
    ("RA", "ra", u.deg),
    ("DEC", "dec", u.deg),
    ("ROLL", "roll", u.deg),
    ("SETTLED", "settled", None),
    ("IN10ARCM", "within_10_arcmin", None),
    ("INSAA", "in_saa", None),
    ("XRTMODE", "xrt_mode", None),
    ("ERPCNTRT", "onboard_rate", u.ct / u.s),
    ("CCDTEMP", "ccd_temperature", u.deg_C),
    ("CCDFRAME", "ccd_frame", None),
)


def read_attitude(path: str | os.PathLike[str]) -> Attitude:
    """Read where the telescope pointed.

    Parameters
    ----------
    path : path-like
        Attitude or housekeeping file, plain or gzipped.

    Returns
    -------
    attitude : Attitude

    Raises
    ------
    FormatError
        If the file is damaged, has neither extension, or no sound sample.
    """
    hdus = load_fits(path)
    attitude, frames = _table(hdus, "ATTITUDE"), _table(hdus, "FRAME")
    table = frames if attitude is None else attitude
    if table is None:
        found = ", ".join(hdu.name or "unnamed" for hdu in hdus)
        raise FormatError(
            f"there is no table ATTITUDE or FRAME, so it has no pointing directions (it has {found})", path
        )
    columns = {name.upper(): name for name in table.columns.names}
    try:
        met, ra, dec, roll = _pointing(table, columns, path)
        kind = "housekeeping" if attitude is None else "attitude"
        return Attitude(met, ra, dec, roll, kind=kind, path=Path(path))
    except RequestError as error:
        raise FormatError(f"the table {table.name} is unusable: {error}", path) from error


def _table(hdus: fits.HDUList, name: str) -> fits.BinTableHDU | None:
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU) and hdu.name == name]
    return tables[0] if tables else None


def _pointing(table: fits.BinTableHDU, columns: dict[str, str], path: Any) -> list[Any]:
    """Time (MET), right ascension, declination and roll."""
    needed = ("TIME", "POINTING") if table.name == "ATTITUDE" else ("TIME", "RA", "DEC", "ROLL")
    missing = [name for name in needed if name not in columns]
    if missing or table.data is None or not len(table.data):
        lacks = f"lacks the columns {', '.join(missing)}" if missing else "is empty"
        raise FormatError(f"the table {table.name} {lacks}", path)
    values = [np.asarray(table.data[columns[name]], dtype=np.float64) for name in needed]
    values[0] = values[0] + float(table.header.get("TIMEZERO", 0.0))
    if table.name == "FRAME":
        return values
    if values[1].ndim != 2 or values[1].shape[1] != 3:
        raise FormatError(f"POINTING has shape {values[1].shape}; three angles per sample are needed", path)
    return [values[0], *values[1].T]


def read_housekeeping(path: str | os.PathLike[str]) -> QTable:
    """Read the frame headers of a housekeeping file.

    Parameters
    ----------
    path : path-like
        ``sw...xhd.hk``, plain or gzipped.

    Returns
    -------
    frames : `~astropy.table.QTable`
        Columns ``met`` (s), ``time`` (UTC), and those of ``ra``, ``dec``,
        ``roll`` (deg), ``settled``, ``within_10_arcmin``, ``in_saa``,
        ``xrt_mode``, ``onboard_rate`` (ct/s), ``ccd_temperature`` (deg C) and
        ``ccd_frame`` that the file has. In the order of the file.

    Raises
    ------
    FormatError
        If it is damaged or has no table FRAME with a column TIME.
    """
    table = _table(load_fits(path), "FRAME")
    names = {name.upper(): name for name in table.columns.names} if table is not None else {}
    if table is None or "TIME" not in names or table.data is None:
        raise FormatError("there is no table FRAME with times, so this is no housekeeping file of frame headers", path)
    met = np.asarray(table.data[names["TIME"]], dtype=np.float64) + float(table.header.get("TIMEZERO", 0.0))
    if not np.isfinite(met).all():
        raise FormatError("a frame header has no time", path)
    frames = QTable({"met": met * u.s, "time": met_to_time(met)})
    for theirs, ours, unit in _FRAME_COLUMNS:
        if theirs in names:
            values = np.array(table.data[names[theirs]])
            values = values.reshape(len(met)) if values.size == len(met) else values
            frames[ours] = values if unit is None else values.astype(np.float64) * unit
    return frames


def write_attitude(attitude: Attitude, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write an attitude file, or the times and pointing directions of frame headers.

    Parameters
    ----------
    attitude : Attitude
        Its kind decides on the layout.
    path : path-like
        The file; gzipped if it ends with ``.gz``.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    columns = [fits.Column("TIME", "D", unit="s", array=attitude.met)]
    angles = (attitude.ra_deg, attitude.dec_deg, attitude.roll_deg)
    if attitude.kind == "attitude":
        columns.append(fits.Column("POINTING", "3D", unit="deg", array=np.column_stack(angles)))
    else:
        names = ("RA", "Dec", "Roll")
        columns += [
            fits.Column(name, "D", unit="deg", array=values) for name, values in zip(names, angles, strict=True)
        ]
    table = fits.BinTableHDU.from_columns(columns, name="ATTITUDE" if attitude.kind == "attitude" else "FRAME")
    table.header.update({"TELESCOP": "SWIFT", "TIMESYS": "TT", "TIMEUNIT": "s", "MJDREFI": MJDREFI, "MJDREFF": MJDREFF})
    return save_fits([fits.PrimaryHDU(), table], path, overwrite=overwrite)
