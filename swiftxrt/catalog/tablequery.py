"""Queries of a table that is kept on this computer."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from ..catalog_fields import CatalogField
from ..exceptions import RequestError
from ..io.catalog_files import KeptTable, read_columns
from ..request.catalog import DISTANCE, CatalogQuery
from ..request.constraints import Clause, Constraint
from .querying import rows_table

__all__ = ["select_rows"]

_DATES = ("utc", "uk_date")
# Numbers that are kept as texts, with or without the zeros in front of them.
_NUMERALS = ("obsid", "target_id")
_TEXTS = ("text", *_NUMERALS)
# What exports of the service write before them.
_MARK = "::ObsID="
# Metres and angles: a cone is searched with the chord, which is exact where the cosine of a small angle is not.
_DEGREES = 180.0 / np.pi

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
}


def select_rows(kept: KeptTable, query: CatalogQuery, *, meta: Mapping[str, Any] | None = None) -> QTable:
    """The rows of a table that a query asks for.

    Parameters
    ----------
    kept : KeptTable
        The table.
    query : CatalogQuery
        What is asked.
    meta : mapping, optional
        More to say in the metadata.

    Raises
    ------
    RequestError
        If a column does not exist, a value does not fit one, or an object is given by its name.
    """
    if query.name is not None:
        text = "the service finds names of objects, and it is not asked; give the position as a SkyCoord"
        raise RequestError([("position", f"{text}; got {query.name!r:.60}")], "catalogue query")
    lacking = [name for name in query.position_columns if name not in kept.fields]
    if query.position is not None and lacking:
        text = f"the table has no column {', '.join(lacking)}, so that nothing can be searched around a position"
        raise RequestError([("position", text)], "catalogue query")
    condition = _condition(query.bound(kept.fields), kept.fields)
    chosen = list(query.chosen(kept.fields) or kept.fields)
    needed = [*chosen]
    if query.position is not None:
        needed += query.position_columns
    if query.sort_by not in (None, DISTANCE):
        needed.append(str(query.sort_by))
    found: dict[str, NDArray[Any]] = read_columns(kept.path, list(dict.fromkeys(needed)), condition)
    unit = "deg" if query.radius is None else query.radius.unit.to_string()
    if query.position is not None:
        distance = _distances(found, query)
        inside = distance <= query.radius.value
        found = {DISTANCE: distance[inside], **{name: values[inside] for name, values in found.items()}}
        chosen = [DISTANCE, *chosen]
    order = _order(found, query, kept.fields)
    return rows_table({name: found[name][order] for name in chosen}, query, kept.fields, unit=unit, meta=meta)


def _distances(found: Mapping[str, NDArray[Any]], query: CatalogQuery) -> NDArray[np.float64]:
    """Distances from the centre of the cone in the unit of its radius."""
    given = (np.ma.filled(found[name], np.nan) for name in query.position_columns)
    ra, dec = (np.radians(np.where(np.isfinite(one), one, np.nan)) for one in given)
    across, up = np.cos(dec), np.sin(dec)
    centre = query.position.cartesian.xyz.value
    apart = (across * np.cos(ra) - centre[0], across * np.sin(ra) - centre[1], up - centre[2])
    chord = np.sqrt(sum(part**2 for part in apart))
    return 2 * np.arcsin(np.minimum(chord / 2, 1.0)) / query.radius.unit.to("rad")


def _order(found: Mapping[str, NDArray[Any]], query: CatalogQuery, fields: Mapping[str, CatalogField]) -> Any:
    """Which rows come, in which order: missing values first, as a database has them, and the rest as they were."""
    by = query.sort_by or (DISTANCE if DISTANCE in found else None)
    if by is None:
        return slice(None, query.limit)
    values = found[by]
    missing = np.ma.getmaskarray(np.ma.masked_invalid(values)) if values.dtype.kind == "f" else _missing(values)
    keys = np.where(missing, values[~missing][0], values) if missing.any() and not missing.all() else values
    if by in fields and fields[by].kind in _NUMERALS and not missing.all():
        keys = np.array([float(str(key).removeprefix(_MARK)) for key in keys])
    elif keys.dtype.kind == "O":
        keys = np.array([str(key).casefold() for key in keys])
    place = np.unique(keys, return_inverse=True)[1] + 1
    place[missing] = 0
    return np.argsort(-place if query.descending else place, kind="stable")[: query.limit]


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "O":
        return np.array([value is None for value in values], dtype=bool)
    return np.isnat(values) if values.dtype.kind == "M" else np.ma.getmaskarray(values)


def _condition(constraints: tuple[Constraint, ...], fields: Mapping[str, CatalogField]) -> Any:
    """The constraints as an expression of pyarrow; None if there are none."""
    return reduce(operator.and_, (_constraint(one, fields[one.column]) for one in constraints)) if constraints else None


def _constraint(constraint: Constraint, field: CatalogField) -> Any:
    join = operator.or_ if constraint.combiner == "OR" else operator.and_
    return reduce(join, (_clause(clause, field) for clause in constraint.clauses))


def _clause(clause: Clause, field: CatalogField) -> Any:
    import pyarrow.compute as pc

    column = pc.field(field.name)
    if clause.operator == "IS NULL":
        return column.is_null()
    if clause.operator == "IS NOT NULL":
        return column.is_valid()
    if clause.operator in ("LIKE", "NOT LIKE"):
        text = column if field.kind in _TEXTS else column.cast("string")
        found = pc.match_like(text, clause.value, ignore_case=True)
        return found if clause.operator == "LIKE" else ~found
    if field.kind in _NUMERALS:
        column = pc.utf8_trim_whitespace(pc.replace_substring(column.cast("string"), _MARK, "")).cast("float64")
    elif field.kind in _TEXTS:  # databases of the service do not tell upper from lower case
        column = pc.utf8_lower(column)
    if clause.operator == "BETWEEN":
        low, high = (_value(value, field) for value in clause.value)
        return (column >= low) & (column <= high)
    return _COMPARISONS[clause.operator](column, _value(clause.value, field))


def _value(value: Any, field: CatalogField) -> Any:
    """A value as the column of the file has it."""
    if field.kind in _DATES:
        return datetime.fromisoformat(str(value))
    if field.kind in _NUMERALS:
        return float(value)
    if field.kind in _TEXTS:
        return str(value).lower()
    return value
