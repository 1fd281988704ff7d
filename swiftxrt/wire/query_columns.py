"""The columns of tables of catalogues in the words of the service (``getMetadata``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._printable import printable
from ..catalog_fields import CatalogField, fields_of
from ..exceptions import ProtocolError

__all__ = ["METADATA", "encode_metadata", "read_metadata"]

#: Name of the function.
METADATA = "getMetadata"

_KINDS = {
    "TXT": "text",
    "INT": "int",
    "FLOAT": "float",
    "NUM": "float",
    "UTC": "utc",
    "COORDH": "float",
    "COORDD": "float",
}
_TYPES = {
    **dict.fromkeys(("int", "flag", "obsid", "target_id"), "INT"),
    **dict.fromkeys(("float", "met", "mjd", "jd_tdb"), "FLOAT"),
    **dict.fromkeys(("utc", "uk_date"), "UTC"),
}
# Galactic longitudes too are hours for the service.
_COORDINATES = {
    "pos.eq.ra": "COORDH",
    "pos.eq.dec": "COORDD",
    "pos.galactic.lon": "COORDH",
    "pos.galactic.lat": "COORDD",
}
_LONGEST = 2000


def read_metadata(content: Mapping[str, Any], catalog: str, table: str) -> dict[str, CatalogField]:
    """The columns that a table has now, by name.

    What the service does not say, such as units, is taken from what is known
    of the table; which columns are the usual ones is what the service says.

    Raises
    ------
    ProtocolError
        If the content is not of the form the protocol demands.
    """
    known = fields_of(catalog, table)
    rows = _metadata_rows(content)
    return {row["ColName"]: _field(row, known.get(row["ColName"])) for row in rows}


def _metadata_rows(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    outer = content.get("metadata")
    names, rows = (outer.get("columns"), outer.get("metadata")) if isinstance(outer, Mapping) else (None, None)
    if not isinstance(rows, list) or not rows:
        raise _bad_reply(content)
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        rows = [dict(zip(names, row, strict=False)) if isinstance(row, list) else row for row in rows]
    if not all(isinstance(row, Mapping) and isinstance(row.get("ColName"), str) and row["ColName"] for row in rows):
        raise _bad_reply(content)
    return rows


def _field(row: Mapping[str, Any], known: CatalogField | None) -> CatalogField:
    type_ = str(row.get("Type") or "").upper()
    is_default = "BASIC" in str(row.get("Class") or "").split()
    description = printable(str(row.get("Description") or ""), _LONGEST)
    if known is not None:
        return CatalogField(known.name, known.kind, known.unit, known.description or description, known.ucd, is_default)
    kind = "obsid" if str(row.get("IsObsCol")) == "1" else _KINDS.get(type_, "text")
    return CatalogField(
        row["ColName"], kind, "deg" if type_.startswith("COORD") else "", description, is_default=is_default
    )


def encode_metadata(fields: Iterable[CatalogField], name_column: str, target_column: str) -> dict[str, Any]:
    """The content of the reply about the columns of a table.

    Parameters
    ----------
    fields : iterable of CatalogField
        The columns.
    name_column, target_column : str
        Those that hold the name of an object and its target ID.
    """
    rows = [
        {
            "ColName": field.name,
            "Class": "BASIC" if field.is_default or field.name == name_column else "MISC",
            "Description": f"{field.description} ({field.unit})" if field.unit else field.description,
            "Type": _type(field),
            "IsObsCol": int(field.kind == "obsid"),
            "IsTargetCol": int(field.name == target_column),
            "IsNameCol": int(field.name == name_column),
        }
        for field in fields
    ]
    return {"metadata": {"columns": list(rows[0]) if rows else [], "metadata": rows}}


def _type(field: CatalogField) -> str:
    coordinate = next((type_ for ucd, type_ in _COORDINATES.items() if field.ucd.startswith(ucd)), None)
    return coordinate or _TYPES.get(field.kind, "TXT")


def _bad_reply(content: Mapping[str, Any]) -> ProtocolError:
    return ProtocolError(
        "the reply is not what the service's protocol promises (its metadata cannot be read)",
        payload_excerpt=repr(content)[:300],
    )
