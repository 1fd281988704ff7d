"""Rows of catalogues."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time

from ..catalog_fields import CATALOGS, CatalogField, fields_of, table_name
from ..exceptions import PartialResultWarning, ProtocolError, warn
from ..products.catalog_table import catalog_table, rows_to_columns
from ..request.catalog import DISTANCE, CatalogQuery
from ..wire import api
from ..wire import query as wire
from ..wire.query_columns import METADATA, read_metadata
from .protocol import CatalogBackend

__all__ = ["catalogs_table", "columns_table", "query_payload", "query_rows", "rows_table", "table_fields"]

#: The column of each table whose values are all different, where it is not the identifier of the catalogue.
_UNIQUE = {
    "datasets": "DatasetID",
    "detections": "DetectionID",
    "obssources": "ObsSourceID",
    "transients": "TransientID",
    "oldstacks": "DatasetID",
    # Bursts without a trigger have no number.
    "SDC_Data_Table": "Name",
    "BATGRBCat": "GRBname",
}

#: Catalogues that write 0, 0 for a position that is not known.
_ZERO_IS_NOWHERE = frozenset({"BAT_GRB"})

_Columns = Mapping[str, CatalogField]
_known: WeakKeyDictionary[Any, dict[tuple[str, str], _Columns]] = WeakKeyDictionary()
_guard = threading.Lock()


def table_fields(backend: CatalogBackend, catalog: str, table: str) -> _Columns:
    """The columns that a table has now; asked for once in a session.

    Parameters
    ----------
    backend : CatalogBackend
        Where to ask.
    catalog, table : str
        Of which table, as the service spells it.

    Raises
    ------
    ServiceError
        If they cannot be had.
    """
    known = _remembered(backend, catalog, table)
    if known is None:
        content = backend.ask(METADATA, {"database": catalog, "table": table})
        known = read_metadata(content, catalog, table)
        with _guard:
            _known.setdefault(backend, {})[catalog, table] = known
    return known


def _remembered(backend: CatalogBackend, catalog: str, table: str) -> _Columns | None:
    with _guard:
        return _known.get(backend, {}).get((catalog, table))


def query_payload(backend: CatalogBackend, query: CatalogQuery) -> dict[str, Any]:
    """The body of the first call of a query; nothing is sent.

    The columns are those that the service named earlier in the session, or
    else those that are known of the table.
    """
    remembered = _remembered(backend, query.catalog, str(query.table))
    fields = fields_of(query.catalog, str(query.table)) if remembered is None else remembered
    return api.seal(wire.QUERY, wire.row_request(query, fields).encode())


def query_rows(backend: CatalogBackend, query: CatalogQuery) -> QTable:
    """Ask for rows, all of them, and make a table.

    Raises
    ------
    RequestError
        If the query does not fit the columns of the table.
    UnknownObjectError, RequestRejectedError
        If the service cannot find the name, or refuses.
    ServiceError
        If the service cannot be asked, or answers nonsense.

    Warns
    -----
    PartialResultWarning
        If the table changed while it was read page by page.
    """
    fields = table_fields(backend, query.catalog, str(query.table))
    found = _fetch(backend, wire.row_request(query, fields), query, fields)
    meta = {"service": backend.service, "queried": Time.now().utc.isot[:19]}
    if found.resolved is not None:
        meta["resolved_by"] = found.resolved.text
        meta["resolved_position"] = SkyCoord(found.resolved.ra, found.resolved.dec, unit="deg", frame="icrs")
    columns = rows_to_columns(found.rows, found.request.columns or ())
    distances = columns.pop(wire.DISTANCE_KEY, [None] * len(found.rows))
    if query.radius is not None:
        columns = {DISTANCE: distances, **columns}
    return rows_table(columns, query, fields, unit=found.request.radius_unit, meta=meta)


def rows_table(
    columns: Mapping[str, Sequence[Any]],
    query: CatalogQuery,
    fields: _Columns,
    *,
    unit: str = "deg",
    meta: Mapping[str, Any] | None = None,
) -> QTable:
    """Make a table of what a query found.

    Parameters
    ----------
    columns : mapping of str to sequence
        Values as the service sends them; distances from the centre as ``distance``.
    query : CatalogQuery
        What was asked; it goes into the metadata.
    fields : mapping of str to CatalogField
        The columns of the table.
    unit : str, optional
        Of the distances.
    meta : mapping, optional
        More to say.
    """
    distance = CatalogField(DISTANCE, "float", unit, "Distance from the centre of the cone", "pos.angDistance")
    asked = {"catalog": query.catalog, "table": query.table, "query": query.to_dict()}
    known = {**fields, DISTANCE: distance}
    if query.catalog in _ZERO_IS_NOWHERE:
        columns = _without_zeros(columns, query.position_columns)
    return catalog_table(columns, known, positions=_positions(query), meta={**asked, **(meta or {})})


def _positions(query: CatalogQuery) -> dict[str, tuple[str, str]]:
    """Names of the columns of positions, and the pairs of columns they are made of: the one that is meant comes last.

    Each is put in front of those before it.
    """
    others = {f"position_{name.lower()}": pair for name, pair in query.info.positions.items()}
    pairs = {name: pair for name, pair in others.items() if pair != query.position_columns}
    return {**dict(reversed(pairs.items())), "position": query.position_columns}


def _without_zeros(columns: Mapping[str, Sequence[Any]], pair: tuple[str, str]) -> Mapping[str, Sequence[Any]]:
    """The columns with gaps where both coordinates are zero."""
    if not set(pair) <= set(columns):
        return columns
    places = list(zip(*(columns[name] for name in pair), strict=True))
    known = [(None, None) if all(map(_is_zero, place)) else place for place in places]
    return {**columns, **{name: [place[number] for place in known] for number, name in enumerate(pair)}}


def _is_zero(value: Any) -> bool:
    """Whether it is a zero, or its text."""
    return str(value) != "" and not str(value).strip("+-0.")


class _Found(NamedTuple):
    rows: list[dict[str, Any]]
    resolved: wire.Resolved | None
    request: wire.RowRequest


def _fetch(backend: CatalogBackend, request: wire.RowRequest, query: CatalogQuery, fields: _Columns) -> _Found:
    """All rows, page by page."""
    page, resolved = _page(backend, request)
    unique = _unique_column(query, fields)
    has_more = len(page) == request.num_rows and query.limit != len(page)
    order = unique or next(iter(fields), None)
    if has_more and request.radius is None and request.sort_by is None and order:
        # Without an order, rows could be missing from all pages, or be on two.
        request = replace(request, sort_by=order)
        page, resolved = _page(backend, request)
    rows = list(page)
    while len(page) == request.num_rows and len(rows) != query.limit:
        left = wire.PAGE if query.limit is None else min(wire.PAGE, query.limit - len(rows))
        before, request = page, replace(request, first_row=request.first_row + len(page), num_rows=left)
        page, _ = _page(backend, request)
        if page and page == before[: len(page)]:
            raise ProtocolError("the service gives the same rows for every page; give a limit of at most 1000 rows")
        rows += page
    return _Found(_each_once(rows, unique), resolved, request)


def _page(backend: CatalogBackend, request: wire.RowRequest) -> tuple[list[dict[str, Any]], wire.Resolved | None]:
    content = backend.ask(wire.QUERY, request.encode())
    return wire.read_rows(content, request.num_rows), wire.read_resolved(content)


def _unique_column(query: CatalogQuery, fields: _Columns) -> str | None:
    if query.table == "xcorr":  # a source may have several counterparts
        return None
    name = _UNIQUE.get(str(query.table), query.info.id_column)
    return name if name in fields else None


def _each_once(rows: list[dict[str, Any]], unique: str | None) -> list[dict[str, Any]]:
    """The rows without those that came twice, which a warning tells."""
    if len(rows) <= wire.PAGE or unique is None or unique not in rows[0]:
        return rows
    once: dict[Any, dict[str, Any]] = {}
    for row in rows:
        key = row.get(unique)
        once.setdefault(id(row) if key is None else str(key), row)
    if len(once) < len(rows):
        text = f"the catalogue changed while it was read: {len(rows) - len(once)} rows came twice and are given once"
        warn(f"{text}; as many others may be missing; sort_by={unique!r} makes that unlikely", PartialResultWarning)
    return list(once.values())


def catalogs_table() -> Table:
    """The catalogues: what they are, their tables, and what positions they have."""
    rows = [
        {
            "catalog": info.name,
            "title": info.title,
            "tables": ", ".join(info.tables),
            "positions": ", ".join(info.positions),
        }
        for info in CATALOGS.values()
    ]
    return Table(rows)


def columns_table(backend: CatalogBackend, catalog: str, table: str | None) -> Table:
    """The columns of a table: what they are, in which unit, and whether they come if none are chosen."""
    fields = table_fields(backend, catalog, table_name(catalog, table)).values()
    columns = {
        "name": [field.name for field in fields],
        "kind": [field.kind for field in fields],
        "unit": [field.unit for field in fields],
        "ucd": [field.ucd for field in fields],
        "default": [field.is_default for field in fields],
        "description": [field.description for field in fields],
    }
    return Table(columns, meta={"catalog": catalog, "table": table_name(catalog, table)})
