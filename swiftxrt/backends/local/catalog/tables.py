"""The columns and rows of the tables of a catalogue, in the words of the service."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...._fields import nearest
from ....catalog_fields import CatalogField, CatalogInfo, catalog_info, fields_of, table_name
from ....exceptions import RequestError, RequestRejectedError
from ....wire.query import DISTANCE_KEY, QUERY, RowRequest, read_row_request
from ....wire.query_columns import METADATA, encode_metadata
from .burst_tables import fill_positions
from .conditions import condition, ordering, quoted
from .resolving import Resolved, resolve
from .store import CatalogStore

__all__ = ["FUNCTIONS", "columns_of", "get_metadata", "query_rows"]

_NESTED = ("table", "object", "list")
_XCORR = ("Ext_RA", "Ext_Decl")
#: Degrees in the units of radii.
_DEGREES = {"arcsec": 1 / 3600, "arcmin": 1 / 60, "deg": 1.0}
_DECIMALS = 6
#: Rows that are read from the database at once.
_CHUNK = 500
#: What the catalogue papers call clean: the largest flags of the detection and of the field.
_SUBSETS = {"clean": 1, "ultraclean": 0, "ultra-clean": 0}
_FLAGS = ("DetFlag", "FieldFlag")


def get_metadata(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """What the columns of a table are.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the tables.
    content : mapping
        Of the call: ``database`` and ``table``.
    base_url : str
        Not used.
    """
    info, table = _named_table(content.get("database"), content.get("table"))
    # The columns are known before there are rows.
    fields = columns_of(catalog.opened_store(info), info.name, table)
    return encode_metadata(fields.values(), info.name_column, "" if info.is_sxps else info.id_column)


def query_rows(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Rows of a table.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the tables.
    content : mapping
        Of the call.
    base_url : str
        Not used.
    """
    request = read_row_request(content)
    info, table = _named_table(request.catalog, request.table)
    fields = columns_of(catalog.opened_store(info), info.name, table)
    columns = _chosen(request, fields)
    found: Resolved | None = None
    if request.radius is not None and request.name is not None:
        found = resolve(catalog, request.name)
    store = catalog.store_of(info)
    if not info.is_sxps:
        fill_positions(catalog, store)
    rows = _Rows(store, info, table, fields).select(request, columns, found)
    return {"Results": rows, "NumRows": len(rows), **(found.content if found else {})}


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {METADATA: get_metadata, QUERY: query_rows}


def columns_of(store: CatalogStore | None, catalog: str, table: str) -> dict[str, CatalogField]:
    """The columns of a table in their usual order: those that are there, or all that are known if it is empty."""
    known = fields_of(catalog, table)
    there = [] if store is None else store.columns(f"{catalog}_{table}")
    if not there:
        return {name: field for name, field in known.items() if field.kind not in _NESTED}
    order = [name for name in known if name in set(there)] + [name for name in there if name not in known]
    fields = {name: known.get(name, CatalogField(name, "")) for name in order}
    return {name: field for name, field in fields.items() if field.kind not in _NESTED}


def _named_table(catalog: Any, table: Any) -> tuple[CatalogInfo, str]:
    info = catalog_info(catalog)
    return info, table_name(info.name, table)


def _chosen(request: RowRequest, fields: Mapping[str, CatalogField]) -> list[str]:
    """The columns that are asked for; the usual ones by default."""
    usual = [name for name, field in fields.items() if field.is_default] or list(fields)
    wanted = list(request.columns or usual)
    pair = request.position_columns or ()
    used = [one.column for one in request.constraints] + ([request.sort_by] if request.sort_by else [])
    for name in (*wanted, *used, *(pair if request.radius is not None else ())):
        if name not in fields:
            text = f"{request.catalog} {request.table} has no column {name!r:.60}{nearest(name, fields)}"
            raise RequestRejectedError(text)
    return list(dict.fromkeys(wanted))


class _Rows:
    """The rows of one table.

    Parameters
    ----------
    store : CatalogStore
        Has them.
    info : CatalogInfo
        Their catalogue.
    table : str
        Their table.
    fields : mapping of str to CatalogField
        Its columns.
    """

    def __init__(self, store: CatalogStore, info: CatalogInfo, table: str, fields: Mapping[str, CatalogField]) -> None:
        self.store, self.info, self.table, self.fields = store, info, table, fields
        self.name = quoted(f"{info.name}_{table}")

    def select(self, request: RowRequest, columns: list[str], found: Resolved | None) -> list[dict[str, Any]]:
        """The rows of a page."""
        if not self.store.columns(f"{self.info.name}_{self.table}"):
            return []
        numbers, distances = self._numbers(request, found)
        page = slice(request.first_row, request.first_row + request.num_rows)
        rows = self._read(numbers[page], columns)
        if distances is None:
            return rows
        return [{DISTANCE_KEY: away, **row} for away, row in zip(distances[page], rows, strict=True)]

    def _numbers(self, request: RowRequest, found: Resolved | None) -> tuple[list[int], list[float] | None]:
        """Numbers of all rows that match, in their order, and in cones their distances."""
        where, values = self._where(request)
        lon, lat = ("NULL", "NULL") if request.radius is None else map(quoted, self._pair(request))
        order = ordering(request, self.fields)
        sql = f"SELECT rowid AS number, {lon} AS lon, {lat} AS lat FROM {self.name} WHERE {where} ORDER BY {order}"
        try:
            rows = self.store.select(sql, values)
        except sqlite3.OperationalError as error:  # such as a pattern that is too long
            raise RequestRejectedError(f"the constraints cannot be evaluated: {error}") from error
        if request.radius is None:
            return [row["number"] for row in rows], None
        return _in_cone(rows, request, found)

    def _where(self, request: RowRequest) -> tuple[str, list[Any]]:
        terms, values = ["1"], []
        for constraint in request.constraints:
            term, bound = condition(constraint, self.fields[constraint.column])
            terms.append(term)
            values += bound
        if request.subset is not None:
            terms += self._subset(request.subset)
        return " AND ".join(terms), values

    def _subset(self, name: str) -> list[str]:
        largest = _SUBSETS.get(name.lower())
        flags = [flag for flag in _FLAGS if flag in self.fields]
        if largest is None or not flags or not self.info.is_sxps or self.table not in ("sources", "datasets"):
            raise RequestRejectedError(f"{self.info.name} {self.table} has no subset {name!r:.60}")
        return [f"CAST({quoted(flag)} AS INTEGER) BETWEEN 0 AND {largest}" for flag in flags]

    def _pair(self, request: RowRequest) -> tuple[str, str]:
        """The columns whose positions are looked at."""
        usual = _XCORR if self.table == "xcorr" else next(iter(self.info.positions.values()))
        pair = request.position_columns or usual
        if not set(pair) <= set(self.fields):
            raise RequestRejectedError(f"{self.info.name} {self.table} has no positions {' and '.join(pair)}")
        return pair

    def _read(self, numbers: list[int], columns: list[str]) -> list[dict[str, Any]]:
        """Rows by their numbers."""
        listed = ", ".join(map(quoted, columns))
        by_number: dict[int, dict[str, Any]] = {}
        for start in range(0, len(numbers), _CHUNK):
            some = numbers[start : start + _CHUNK]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT rowid AS rowid__, {listed} FROM {self.name} WHERE rowid IN ({marks})"
            by_number |= {row.pop("rowid__"): row for row in self.store.select(sql, some)}
        return [by_number[number] for number in numbers]


def _in_cone(rows: list[dict[str, Any]], request: RowRequest, found: Resolved | None) -> tuple[list[int], list[float]]:
    """The rows in the cone: the nearest first, if no other order is asked for."""
    if found is None and (request.ra is None or request.dec is None):
        raise RequestError([("searchRad", "a radius needs searchRA and searchDec, or searchName")])
    centre = (found.ra, found.dec) if found else (request.ra or 0.0, request.dec or 0.0)
    number = np.array([row["number"] for row in rows], dtype=np.int64)
    lon, lat = (np.array([row[name] for row in rows], dtype=float) for name in ("lon", "lat"))
    away = _separation_deg(lon, lat, *centre) / _DEGREES[request.radius_unit]
    near = np.flatnonzero(away <= (request.radius or 0.0))  # unknown positions are NaN
    if request.sort_by is None:
        near = near[np.argsort(-away[near] if request.descending else away[near], kind="stable")]
    return number[near].tolist(), np.round(away[near], _DECIMALS).tolist()


def _separation_deg(lon: Any, lat: Any, lon0: float, lat0: float) -> Any:
    """Great-circle distances in degrees, exact for small and for large ones (Vincenty's formula)."""
    dlon, lat1, lat2 = np.radians(lon - lon0), np.radians(lat), np.radians(lat0)
    across = np.hypot(
        np.cos(lat1) * np.sin(dlon), np.cos(lat2) * np.sin(lat1) - np.sin(lat2) * np.cos(lat1) * np.cos(dlon)
    )
    along = np.sin(lat2) * np.sin(lat1) + np.cos(lat2) * np.cos(lat1) * np.cos(dlon)
    return np.degrees(np.arctan2(across, along))
