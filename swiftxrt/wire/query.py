"""Questions for rows of catalogues, and the answers, in the words of the service (``queryDB``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._fields.base import wire_number
from .._printable import printable
from ..catalog_fields import CatalogField
from ..exceptions import ProtocolError, RequestError
from ..request.catalog import DISTANCE, CatalogQuery
from ..request.constraints import OPERATORS, Clause, Constraint
from .reading import sent_number

__all__ = [
    "DISTANCE_KEY",
    "PAGE",
    "QUERY",
    "UNITS",
    "Resolved",
    "RowRequest",
    "read_resolved",
    "read_row_request",
    "read_rows",
    "row_request",
]

#: Name of the function.
QUERY = "queryDB"
#: Rows that come at once, at most.
PAGE = 1000
#: Units of radii and distances.
UNITS = ("arcsec", "arcmin", "deg")
#: Key of the distance from the centre of a cone.
DISTANCE_KEY = "_r"

_MOST_CONSTRAINTS = 100
_LONGEST = 2000


@dataclass(frozen=True)
class RowRequest:
    """One call for rows: all that the service is told, with plain numbers in its units.

    Parameters
    ----------
    catalog, table : str
        Of which table.
    radius_unit : str, optional
        Unit of the radius, and of the distances in the reply: one of `UNITS`.
    descending : bool, optional
        Whether the largest value of `sort_by` comes first.
    num_rows, first_row : int, optional
        Number of rows at most, and how many are passed over.
    subset : str, optional
        Name of a subset.
    columns : tuple of str, optional
        The columns; those of the service's choice if None.
    sort_by : str, optional
        The column by which they are sorted.
    constraints : tuple of Constraint, optional
        With values in the terms of the columns.
    ra, dec : float, optional
        Centre of a cone in degrees.
    name : str, optional
        An object or a position as a text, in place of these.
    radius : float, optional
        Radius of the cone.
    position_columns : (str, str), optional
        The columns that are compared with the centre.
    """

    catalog: str
    table: str
    radius_unit: str = "arcsec"
    descending: bool = False
    num_rows: int = PAGE
    first_row: int = 0
    subset: str | None = None
    columns: tuple[str, ...] | None = None
    sort_by: str | None = None
    constraints: tuple[Constraint, ...] = ()
    ra: float | None = None
    dec: float | None = None
    name: str | None = None
    radius: float | None = None
    position_columns: tuple[str, str] | None = None

    def encode(self) -> dict[str, Any]:
        """The content of the call; the keys are in the order in which the reference client sends them."""
        lon, lat = self.position_columns or (None, None)
        content = {
            "database": self.catalog,
            "table": self.table,
            "adUnits": self.radius_unit,
            "sortDir": "DESC" if self.descending else "ASC",
            "numRows": self.num_rows,
            "subset": self.subset,
            "cols": None if self.columns is None else list(self.columns),
            "sortBy": self.sort_by,
            "constraints": [_encoded(one) for one in self.constraints] or None,
            "searchRA": self.ra,
            "searchDec": self.dec,
            "searchName": self.name,
            "searchRad": self.radius,
            "RACol": lon,
            "DecCol": lat,
            "firstRow": self.first_row,
        }
        return {key: value for key, value in content.items() if value is not None}


def row_request(query: CatalogQuery, fields: Mapping[str, CatalogField]) -> RowRequest:
    """The first call for the rows that a query asks for.

    Parameters
    ----------
    query : CatalogQuery
        The query.
    fields : mapping of str to CatalogField
        The columns of the table.

    Raises
    ------
    RequestError
        If the query does not fit the columns.
    """
    radius, unit = _radius(query)
    return RowRequest(
        catalog=query.catalog,
        table=str(query.table),
        radius_unit=unit,
        descending=bool(query.descending),
        num_rows=PAGE if query.limit is None else min(PAGE, query.limit),
        subset=query.subset,
        columns=query.chosen(fields),
        sort_by=None if query.sort_by == DISTANCE else query.sort_by,
        constraints=query.bound(fields),
        ra=None if query.position is None else float(query.position.ra.deg),
        dec=None if query.position is None else float(query.position.dec.deg),
        name=query.name,
        radius=radius,
        position_columns=None if query.info.is_sxps or radius is None else query.position_columns,
    )


def _radius(query: CatalogQuery) -> tuple[float | None, str]:
    """Radius and its unit: that of the user, if the service knows it."""
    if query.radius is None:
        return None, UNITS[0]
    given = str(query.radius.unit)
    unit = given if given in UNITS else UNITS[0]
    return float(query.radius.to_value(unit)), unit


def _encoded(constraint: Constraint) -> dict[str, Any]:
    first, second = (*constraint.clauses, Clause("", None))[:2]
    return {
        "colName": constraint.column,
        "filter": first.operator,
        "val": _listed(first.value),
        "combiner": constraint.combiner,
        "filter2": second.operator or None,
        "val2": _listed(second.value),
    }


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def read_row_request(content: Mapping[str, Any]) -> RowRequest:
    """Read the content of a call for rows.

    Parameters
    ----------
    content : mapping
        As it was sent; what is not known is passed over.

    Raises
    ------
    RequestError
        If something cannot be understood.
    """
    unit = _word(content, "adUnits", UNITS, UNITS[0])
    direction = _word(content, "sortDir", ("ASC", "DESC"), "ASC")
    columns = content.get("cols")
    if columns is not None and not (isinstance(columns, list) and all(isinstance(one, str) for one in columns)):
        raise RequestError([("cols", f"a list of names is needed; got {columns!r:.60}")])
    lon, lat = _text(content, "RACol"), _text(content, "DecCol")
    return RowRequest(
        catalog=_text(content, "database") or "",
        table=_text(content, "table") or "",
        radius_unit=unit,
        descending=direction == "DESC",
        num_rows=_count(content, "numRows", PAGE),
        first_row=_count(content, "firstRow", 0),
        subset=_text(content, "subset"),
        columns=tuple(columns) if columns else None,
        sort_by=_text(content, "sortBy"),
        constraints=tuple(_read_constraint(one) for one in _constraints(content)),
        ra=sent_number(content, "searchRA"),
        dec=sent_number(content, "searchDec"),
        name=_text(content, "searchName"),
        radius=sent_number(content, "searchRad"),
        position_columns=None if lon is None or lat is None else (lon, lat),
    )


def _word(content: Mapping[str, Any], key: str, words: Sequence[str], usual: str) -> str:
    given = content.get(key) or usual
    for word in words:
        if isinstance(given, str) and given.lower() == word.lower():
            return word
    raise RequestError([(key, f"must be one of {', '.join(words)}; got {given!r:.60}")])


def _text(content: Mapping[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is not None and not _is_text(value):
        raise RequestError([(key, f"a text is needed; got {value!r:.60}")])
    return value or None


def _count(content: Mapping[str, Any], key: str, usual: int) -> int:
    value = content.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RequestError([(key, f"a number of rows is needed; got {value!r:.60}")])
    return value


def _constraints(content: Mapping[str, Any]) -> list[Any]:
    given = content.get("constraints") or []
    if not isinstance(given, list) or len(given) > _MOST_CONSTRAINTS:
        raise RequestError([("constraints", f"a list of at most {_MOST_CONSTRAINTS} is needed; got {given!r:.60}")])
    return given


def _read_constraint(one: Any) -> Constraint:
    if not isinstance(one, Mapping) or not isinstance(one.get("colName"), str):
        raise RequestError([("constraints", f"an object with colName, filter and val is needed; got {one!r:.60}")])
    first = _read_clause(one.get("filter"), one.get("val"))
    if not one.get("combiner"):
        return Constraint(one["colName"], (first,))
    combiner = _word(one, "combiner", ("AND", "OR"), "AND")
    return Constraint(one["colName"], (first, _read_clause(one.get("filter2"), one.get("val2"))), combiner)


def _read_clause(operator: Any, value: Any) -> Clause:
    known = " ".join(operator.upper().split()) if isinstance(operator, str) else ""
    if known not in OPERATORS:
        raise RequestError([("constraints", f"the filter must be one of {', '.join(OPERATORS)}; got {operator!r:.60}")])
    values = value if isinstance(value, list) else [value]
    if OPERATORS[known] == 0:
        return Clause(known)
    if len(values) != OPERATORS[known] or not all(map(_is_plain, values)):
        raise RequestError([("constraints", f"{known} takes {OPERATORS[known]} numbers or texts; got {value!r:.60}")])
    return Clause(known, tuple(values) if known == "BETWEEN" else values[0])


def _is_plain(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, int | float) and math.isfinite(value))


def _is_text(value: Any) -> bool:
    # JSON can hold halves of characters, which no database takes.
    return isinstance(value, str) and len(value) <= _LONGEST and not any("\ud800" <= one <= "\udfff" for one in value)


class Resolved(NamedTuple):
    """What the service made of a name.

    Parameters
    ----------
    text : str
        Its words, which tell who knew the name.
    ra, dec : float
        Degrees.
    """

    text: str
    ra: float
    dec: float


def read_rows(content: Mapping[str, Any], asked: int) -> list[dict[str, Any]]:
    """The rows in a reply.

    Parameters
    ----------
    content : mapping
        The content of the reply.
    asked : int
        How many were asked for at most.

    Raises
    ------
    ProtocolError
        If they are not what they should be.
    """
    rows = content.get("Results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _bad_reply("Results", content)
    number = content.get("NumRows")
    if str(number) != str(len(rows)):
        raise ProtocolError(f"the reply says that it has {number!r:.20} rows, and has {len(rows)}; try again")
    if len(rows) > asked:
        raise ProtocolError(f"the reply has {len(rows)} rows, of which at most {asked} were asked for")
    return rows


def read_resolved(content: Mapping[str, Any]) -> Resolved | None:
    """What became of the name in a query, if the reply tells.

    Raises
    ------
    ProtocolError
        If the position is none.
    """
    if content.get("ResolvedInfo") is None:
        return None
    try:
        ra, dec = wire_number(content.get("ResolvedRA")), wire_number(content.get("ResolvedDec"))
    except ValueError as error:
        raise ProtocolError(f"the position that the service found for the name cannot be read: {error}") from None
    if not (-360 <= ra <= 360 and -90 <= dec <= 90):
        raise ProtocolError(f"the position that the service found for the name is none: {ra}, {dec}")
    return Resolved(printable(str(content["ResolvedInfo"]), _LONGEST), ra, dec)


def _bad_reply(key: str, content: Mapping[str, Any]) -> ProtocolError:
    return ProtocolError(
        f"the reply is not what the service's protocol promises ({key} cannot be read)",
        payload_excerpt=repr(content)[:300],
    )
