"""The table of upper limits: its columns, their units, and what keeps a table from being one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from .._fields import nearest
from ..bands import SXPS_BAND_NAMES
from ..exceptions import RequestError
from ._display import ReadableTable

__all__ = [
    "COLUMNS",
    "DETECTION",
    "FAILED",
    "LIMIT",
    "NOT_OBSERVED",
    "SOURCE_NEARBY",
    "TIMED_OUT",
    "UNANSWERED",
    "band_names",
    "check_limits",
    "is_stack",
    "known_values",
    "limit_table",
    "summed_rows",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: What is said in the column ``outcome``.
LIMIT, DETECTION, NOT_OBSERVED = "limit", "detection", "not observed"
#: The same, of positions that a service was asked about.
SOURCE_NEARBY, TIMED_OUT, FAILED = "catalogued source nearby", "timed out", "failed"
#: Those of positions about which nothing is known.
UNANSWERED = (TIMED_OUT, FAILED)

_RATE = u.ct / u.s
_GENERAL: dict[str, Any] = {
    "position_number": int,
    "position": SkyCoord,
    "outcome": str,
    "dataset": str,
    "obsid": str,
    "n_observations": int,
    "start": Time,
    "stop": Time,
    "source_exposure": u.s,
    "image_exposure": u.s,
    "off_axis": u.arcmin,
    "nearest_source": u.arcsec,
    "catalog_source": str,
    "confidence": u.dimensionless_unscaled,
    "message": str,
}
_PER_BAND: dict[str, Any] = {
    "upper_limit": _RATE,
    "rate": _RATE,
    "rate_err_neg": _RATE,
    "rate_err_pos": _RATE,
    "counts": u.ct,
    "background_counts": u.ct,
    "correction_factor": u.dimensionless_unscaled,
    "is_detected": bool,
    "is_retrospective": bool,
    "from_catalog": bool,
    "pileup_warning": bool,
}
#: Columns with their unit or type; those of the soft, medium and hard band are like those of the total one.
COLUMNS: Mapping[str, Any] = {**_GENERAL, **{f"total_{name}": kind for name, kind in _PER_BAND.items()}}

#: What merging needs, of the table and of each band.
_NEEDED = ("source_exposure", "image_exposure")
_NEEDED_PER_BAND = ("counts", "background_counts", "correction_factor")

#: The first ObsID of stacked images in the SXPS catalogues.
_FIRST_STACK = "10000000000"


def band_names(bands: Any) -> tuple[str, ...]:
    """Names of the bands that were asked for, in their usual order.

    Parameters
    ----------
    bands : str or sequence of str
        ``"all"``, the name of a band or several; upper and lower case are the same.

    Raises
    ------
    RequestError
        If there is no band, or one is unknown.
    """
    given = [bands] if isinstance(bands, str) else list(bands) if isinstance(bands, Iterable) else [bands]
    names = [one.strip().lower() if isinstance(one, str) else one for one in given]
    if names == ["all"]:
        return SXPS_BAND_NAMES
    allowed = f"must be 'all' or some of {', '.join(SXPS_BAND_NAMES)}"
    if not names:
        raise RequestError([("bands", f"{allowed}; got none")])
    for one in names:
        if one not in SXPS_BAND_NAMES:
            hint = nearest(one, SXPS_BAND_NAMES) if isinstance(one, str) else ""
            raise RequestError([("bands", f"{allowed}; got {one!r:.60}{hint}")])
    return tuple(name for name in SXPS_BAND_NAMES if name in names)


def limit_table(columns: Mapping[str, Any], *, meta: Mapping[str, Any] | None = None) -> QTable:
    """Make a table of upper limits of plain arrays.

    Parameters
    ----------
    columns : mapping of str to array
        Any of the columns of `COLUMNS`, and their like of other bands, as
        numbers in the units given there; positions and times as objects.
        Others are kept as they are.
    meta : mapping, optional
        How the limits were made.

    Returns
    -------
    table : `~astropy.table.QTable`
        Its columns in the usual order.

    Raises
    ------
    RequestError
        If exposures are missing or a column is of another kind.
    """
    kinds = {**_GENERAL, **{f"{band}_{name}": kind for band in SXPS_BAND_NAMES for name, kind in _PER_BAND.items()}}
    table = ReadableTable(meta=dict(meta or {}))
    place = {name: number for number, name in enumerate(kinds)}
    for name in sorted(columns, key=lambda name: place.get(name, -1)):
        values, kind = columns[name], kinds.get(name)
        if isinstance(kind, u.UnitBase) and kind != u.dimensionless_unscaled:
            values = u.Quantity(values, kind)
        elif kind in (int, bool) and not isinstance(values, np.ma.MaskedArray):
            values = np.asarray(values, dtype=kind)
        table[name] = values
    check_limits(table)
    return table


def check_limits(table: Any, bands: Sequence[str] = ()) -> tuple[str, ...]:
    """Check that a table holds upper limits.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The table.
    bands : sequence of str, optional
        Bands that must be there.

    Returns
    -------
    bands : tuple of str
        The bands whose columns are there.

    Raises
    ------
    RequestError
        If something is missing or has a unit that does not fit.
    """
    if not isinstance(table, Table):
        got = type(table).__name__
        raise RequestError([("table", f"a QTable is needed, as get_upper_limits() gives; got {got}")], "upper limits")
    problems = list(_problems(table, bands))
    if problems:
        raise RequestError(problems, "table of upper limits")
    names = set(table.colnames)
    return tuple(band for band in SXPS_BAND_NAMES if {f"{band}_{name}" for name in _NEEDED_PER_BAND} <= names)


def _problems(table: Table, bands: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in (*_NEEDED, *(f"{band}_{name}" for band in bands for name in _NEEDED_PER_BAND)):
        if name not in table.colnames:
            yield name, f"there is no such column{nearest(name, table.colnames)}"
    for name in table.colnames:
        band, _, rest = name.partition("_")
        kind = _PER_BAND.get(rest) if band in SXPS_BAND_NAMES else _GENERAL.get(name)
        if isinstance(kind, u.UnitBase):
            unit = getattr(table[name], "unit", None) or u.dimensionless_unscaled
            if not unit.is_equivalent(kind):
                yield name, f"must be in {str(kind) or 'no unit'}; it is in {str(unit) or 'no unit'}"
        elif kind in (SkyCoord, Time) and not isinstance(table[name], kind):
            yield name, f"must be a {kind.__name__} column"


def known_values(table: Table, name: str) -> tuple[Floats, Flags]:
    """A column in its usual unit, and which of its values are known: neither masked nor NaN.

    Values that are not known are 0.
    """
    kind = _GENERAL.get(name) or _PER_BAND[name.partition("_")[2]]
    column = table[name]
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), (len(table),))
    if isinstance(column, u.Quantity):
        values = (column.unmasked if isinstance(column, Masked) else column).to_value(kind)
    else:
        values = u.Quantity(np.ma.getdata(column), column.unit or kind).to_value(kind)
    values = np.asarray(values, dtype=float)
    known = ~mask & np.isfinite(values)
    return np.where(known, values, 0.0), known


def is_stack(obsid: str) -> bool:
    """Whether an ObsID is that of a stacked image of the SXPS catalogues."""
    return len(obsid) == len(_FIRST_STACK) and obsid >= _FIRST_STACK


def summed_rows(table: Table) -> Flags:
    """Which rows are sums of observations themselves: stacks and merged rows.

    Told by the column ``dataset``, or else by the ObsID: those of the stacked
    images of the SXPS catalogues begin with 1.
    """
    if "dataset" in table.colnames:
        return np.asarray([str(value) not in ("observation", "") for value in table["dataset"]], dtype=bool)
    if "obsid" in table.colnames:
        return np.asarray([is_stack(str(one)) for one in table["obsid"]], dtype=bool)
    return np.zeros(len(table), dtype=bool)
