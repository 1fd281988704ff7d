"""Rows of a catalogue as a table with units, times and positions."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from .._printable import printable
from ..catalog_fields import CatalogField
from ..exceptions import ProtocolError
from ..met import met_to_time
from ._display import ReadableTable

__all__ = ["catalog_columns", "catalog_table", "catalog_value", "rows_to_columns"]

_LONGEST_TEXT = 10_000
_UNKNOWN = CatalogField("", "")


def catalog_table(
    columns: Mapping[str, Sequence[Any]],
    fields: Mapping[str, CatalogField],
    *,
    positions: Mapping[str, tuple[str, str]] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> QTable:
    """Make a table of the columns of a catalogue.

    Parameters
    ----------
    columns : mapping of str to sequence
        Values as they came: numbers, texts of numbers, None or ``"NaN"`` where there is none.
    fields : mapping of str to CatalogField
        What is known of the columns; others get the type of their values.
    positions : mapping of str to (str, str), optional
        Pairs of columns, longitude and latitude, and the name of the column
        of positions (`~astropy.coordinates.SkyCoord`, ICRS) that is made of
        them, in front of all others; positions that are not known are masked.
    meta : mapping, optional
        For the table.

    Returns
    -------
    table : `~astropy.table.QTable`
        Its columns have descriptions, and ``ucd`` in their ``info.meta``.

    Raises
    ------
    ProtocolError
        If a value is not of the kind of its field.
    """
    made = catalog_columns(columns, fields)
    table = ReadableTable(meta=dict(meta or {}))
    for name, (lon, lat) in (positions or {}).items():
        if lon in made and lat in made:
            table[name] = _positions(made[lon], made[lat])
    for name, column in made.items():
        table[name] = column
        field = fields.get(name, _UNKNOWN)
        table[name].info.description = field.description or None
        if field.ucd:
            table[name].info.meta = {"ucd": field.ucd}
    return table


def catalog_columns(columns: Mapping[str, Sequence[Any]], fields: Mapping[str, CatalogField]) -> dict[str, Any]:
    """The columns as quantities, times, texts and so on; see `catalog_table`."""
    return {name: _column(name, values, fields.get(name)) for name, values in columns.items()}


def catalog_value(value: Any, field: CatalogField | None) -> Any:
    """One value as a quantity, time, text, number or truth value; None if it is not known."""
    if _is_missing(value):
        return None
    column = _column(field.name if field else "", [value], field)
    one = column[0]
    if isinstance(one, np.generic):
        return one.item()
    return one


def _column(name: str, values: Sequence[Any], field: CatalogField | None) -> Any:
    kind = field.kind if field else _guessed_kind(values)
    try:
        return _MAKERS[kind](values, field or _UNKNOWN)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"the values of {name!r} are not what the catalogue promises ({kind}): {error}") from error


def _guessed_kind(values: Sequence[Any]) -> str:
    """What values of an unknown field are."""
    known = [value for value in values if not _is_missing(value)]
    if any(isinstance(value, Mapping | list) for value in known):
        return "object"
    if known and all(isinstance(value, bool) for value in known):
        return "flag"
    if known and all(isinstance(value, int) for value in known):
        return "int"
    return "float" if known and all(isinstance(value, int | float) for value in known) else "text"


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and np.isnan(value))
        or (isinstance(value, str) and value.strip().lower() in ("nan", "null", ""))
    )


def _numbers(values: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values as numbers, and which are missing; missing ones are NaN."""
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        plain = [np.nan if _is_missing(value) else value for value in values]
        numbers = np.array(plain, dtype=float)
    return numbers, np.isnan(numbers)


def _floats(values: Sequence[Any], field: CatalogField) -> Any:
    numbers, missing = _numbers(values)
    if not field.unit:
        return MaskedColumn(numbers, mask=missing) if missing.any() else numbers
    unit = u.Unit(field.unit)
    return Masked(numbers, mask=missing) * unit if missing.any() else numbers * unit


def _ints(values: Sequence[Any], field: CatalogField) -> Any:
    missing = np.array([_is_missing(value) for value in values], dtype=bool)
    if field.unit:
        return _floats(values, field)
    whole = np.array(
        [0 if gone else _whole(value) for value, gone in zip(values, missing, strict=True)], dtype=np.int64
    )
    return MaskedColumn(whole, mask=missing) if missing.any() else whole


def _whole(value: Any) -> int:
    """A whole number, exact also beyond 2**53."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if value != int(value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def _flags(values: Sequence[Any], field: CatalogField) -> Any:
    numbers = _ints(values, field)
    if isinstance(numbers, MaskedColumn):
        return MaskedColumn(np.asarray(numbers.data) != 0, mask=numbers.mask)
    return numbers != 0


def _texts(values: Sequence[Any], field: CatalogField) -> Any:
    missing = np.array([value is None for value in values], dtype=bool)
    plain = ["" if value is None else printable(html.unescape(str(value)), _LONGEST_TEXT) for value in values]
    texts = np.array(plain, dtype=str) if plain else np.array([], dtype="U1")
    return MaskedColumn(texts, mask=missing) if missing.any() else texts


def _padded(digits: int) -> Any:
    def make(values: Sequence[Any], field: CatalogField) -> Any:
        missing = np.array([_is_missing(value) for value in values], dtype=bool)
        plain = [
            "" if gone else f"{_whole(str(value).removeprefix('::ObsID=')):0{digits}d}"
            for value, gone in zip(values, missing, strict=True)
        ]
        texts = np.array(plain, dtype=f"U{digits}")
        return MaskedColumn(texts, mask=missing) if missing.any() else texts

    return make


def _mets(values: Sequence[Any], field: CatalogField) -> Time:
    numbers, missing = _numbers(values)
    return _masked_time(met_to_time(np.where(missing, 0.0, numbers)), missing)


def _scaled(form: str, scale: str) -> Any:
    def make(values: Sequence[Any], field: CatalogField) -> Time:
        numbers, missing = _numbers(values)
        usual = 51910.0 if form == "mjd" else 2451910.5
        return _masked_time(Time(np.where(missing, usual, numbers), format=form, scale=scale), missing)

    return make


def _dates(values: Sequence[Any], field: CatalogField) -> Time:
    missing = np.array([_is_missing(value) for value in values], dtype=bool)
    plain = ["2001-01-01" if gone else str(value).strip() for value, gone in zip(values, missing, strict=True)]
    return _masked_time(Time(plain, scale="utc", format=None) if plain else _no_times(), missing)


def _uk_dates(values: Sequence[Any], field: CatalogField) -> Time:
    """Dates in the civil time of the United Kingdom, as UTC."""
    zone = ZoneInfo("Europe/London")
    plain = [
        None if _is_missing(value) else datetime.fromisoformat(str(value)).replace(tzinfo=zone).astimezone(UTC)
        for value in values
    ]
    return _dates([None if one is None else one.replace(tzinfo=None).isoformat() for one in plain], field)


def _no_times() -> Time:
    return Time(np.array([], dtype=float), format="mjd", scale="utc")


def _masked_time(time: Time, missing: NDArray[np.bool_]) -> Time:
    if missing.any():
        time[missing] = np.ma.masked
    return time


def _objects(values: Sequence[Any], field: CatalogField) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


def _positions(lon: Any, lat: Any) -> SkyCoord:
    parts = [one if isinstance(one, u.Quantity) else u.Quantity(one, u.deg) for one in (lon, lat)]
    return SkyCoord(*parts, frame="icrs")


def rows_to_columns(rows: Sequence[Mapping[str, Any]], names: Iterable[str] = ()) -> dict[str, list[Any]]:
    """Columns of rows that may lack values, in the order in which the names appear first."""
    order = dict.fromkeys([*names, *(name for row in rows for name in row)])
    return {name: [row.get(name) for row in rows] for name in order}


_MAKERS: Mapping[str, Any] = {
    "float": _floats,
    "int": _ints,
    "flag": _flags,
    "text": _texts,
    "met": _mets,
    "mjd": _scaled("mjd", "utc"),
    "jd_tdb": _scaled("jd", "tdb"),
    "utc": _dates,
    "uk_date": _uk_dates,
    "obsid": _padded(11),
    "target_id": _padded(8),
    "table": _objects,
    "object": _objects,
    "list": _objects,
}
