"""Rows of a catalogue as a table with units, times and positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from ..catalog_fields import CatalogField
from ..exceptions import ProtocolError
from ._catalog_columns import catalog_column, is_missing
from ._display import ReadableTable

__all__ = ["catalog_columns", "catalog_table", "catalog_value", "rows_to_columns"]

_AT_A_TIME = 256


def catalog_table(
    columns: Mapping[str, Sequence[Any] | NDArray[Any]],
    fields: Mapping[str, CatalogField],
    *,
    positions: Mapping[str, tuple[str, str]] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> QTable:
    """Make a table of the columns of a catalogue.

    Parameters
    ----------
    columns : mapping of str to sequence or array
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
    for name, (lon, lat) in (positions or {}).items():
        if lon in made and lat in made:
            made = {name: _positions(lon, made[lon], lat, made[lat]), **made}
    table = ReadableTable(made, meta=dict(meta or {}), copy=False)
    for name, field in fields.items():
        if name in made:
            info = table[name].info
            info.description = field.description or None
            if field.ucd:
                info.meta = {"ucd": field.ucd}
    return table


def catalog_columns(
    columns: Mapping[str, Sequence[Any] | NDArray[Any]], fields: Mapping[str, CatalogField]
) -> dict[str, Any]:
    """The columns as quantities, times, texts and so on; see `catalog_table`."""
    return {name: catalog_column(name, values, fields.get(name)) for name, values in columns.items()}


def catalog_value(value: Any, field: CatalogField | None) -> Any:
    """One value as a quantity, time, text, number or truth value; None if it is not known."""
    if is_missing(value):
        return None
    column = catalog_column(field.name if field else "", [value], field)
    one = column[0]
    if isinstance(one, Time) and one.masked:
        return None
    return one.item() if isinstance(one, np.generic) else one


def _positions(lon: str, longitude: Any, lat: str, latitude: Any) -> SkyCoord:
    parts = [one if isinstance(one, u.Quantity) else _degrees(one) for one in (longitude, latitude)]
    try:
        if np.isinf(getattr(parts[0], "unmasked", parts[0]).value).any():
            raise ValueError("a longitude is infinite")
        return SkyCoord(*parts, frame="icrs")
    except (ValueError, u.UnitsError) as error:
        raise ProtocolError(f"{lon!r} and {lat!r} are no positions: {error}") from error


def _degrees(column: Any) -> Any:
    """Degrees of a column without a unit, which may be masked."""
    mask = np.ma.getmaskarray(np.ma.asarray(column))
    numbers = np.asarray(column, dtype=float) << u.deg
    return Masked(numbers, mask=mask) if mask.any() else numbers


def rows_to_columns(rows: Sequence[Mapping[str, Any]], names: Iterable[str] = ()) -> dict[str, list[Any]]:
    """Columns of rows that may lack values, in the order in which the names appear first."""
    order = tuple(rows[0]) if rows else ()
    found: list[list[Any]] = [[] for _ in order]
    # A service sends the same names in the same order. Few rows at a time stay in the processor's cache.
    for start in range(0, len(rows), _AT_A_TIME):
        block = rows[start : start + _AT_A_TIME]
        if not all(map(order.__eq__, map(tuple, block))):
            return _ragged(rows, names)
        for column, part in zip(found, zip(*[row.values() for row in block], strict=True), strict=True):
            column.extend(part)
    columns = dict(zip(order, found, strict=True))
    return {name: columns[name] if name in columns else [None] * len(rows) for name in dict.fromkeys([*names, *order])}


def _ragged(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    found = dict.fromkeys([*names, *(name for row in rows for name in row)])
    return {name: [row.get(name) for row in rows] for name in found}
