"""Conditions on rows for the database: only names of columns stand in the text, values are bound."""

from __future__ import annotations

from typing import Any

from ....catalog_fields import CatalogField
from ....exceptions import RequestRejectedError
from ....request.constraints import Clause, Constraint
from ....wire.query import RowRequest

__all__ = ["condition", "ordering", "quoted"]

_NUMBERS = frozenset({"int", "float", "flag", "met", "mjd", "jd_tdb", "obsid", "target_id"})
_TEXT = frozenset({"text", "utc", "uk_date"})
#: The largest whole number that the database takes.
_LARGEST = 2**63
_LONGEST_PATTERN = 1000


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def ordering(request: RowRequest, fields: Any) -> str:
    """What stands after ``ORDER BY``; rows that are equal keep their order."""
    direction = "DESC" if request.descending else "ASC"
    if request.sort_by is None:
        return "rowid" if request.radius is not None else f"rowid {direction}"
    return f"{_sorted_by(fields[request.sort_by])} {direction}, rowid"


def condition(constraint: Constraint, field: CatalogField) -> tuple[str, list[Any]]:
    """A constraint as SQL, and the values that are bound.

    Texts are compared without regard to case, numbers as numbers, also where
    a text was given that is one.

    Raises
    ------
    RequestRejectedError
        If a value does not fit.
    """
    terms, values = [], []
    for clause in constraint.clauses:
        term, bound = _term(clause, field)
        terms.append(term)
        values += bound
    return f"({f' {constraint.combiner} '.join(terms)})", values


def _term(clause: Clause, field: CatalogField) -> tuple[str, list[Any]]:
    column = quoted(field.name)
    if clause.value is None:
        return f"{column} {clause.operator}", []
    if clause.operator.endswith("LIKE"):
        if len(str(clause.value)) > _LONGEST_PATTERN:
            raise RequestRejectedError(f"the pattern for {field.name} is longer than {_LONGEST_PATTERN} letters")
        # Both wildcards can be written as themselves behind a backslash, as the service's database has it.
        return f"CAST({column} AS TEXT) {clause.operator} ? ESCAPE '\\'", [str(clause.value)]
    values = clause.value if isinstance(clause.value, tuple) else (clause.value,)
    numbers = [_number(value, field) for value in values]
    if None in numbers:
        left, values = f"CAST({column} AS TEXT) COLLATE NOCASE", tuple(map(str, values))
    else:
        left, values = f"CAST({column} AS NUMERIC)", tuple(numbers)
    right = "? AND ?" if clause.operator == "BETWEEN" else "?"
    return f"{left} {clause.operator} {right}", list(values)


def _number(value: Any, field: CatalogField) -> int | float | None:
    """The number that a value is; None if the comparison is one of texts."""
    if not isinstance(value, str):
        return float(value) if abs(value) >= _LARGEST else value
    if field.kind in _TEXT:
        return None
    try:
        number = float(value)
    except ValueError:
        if field.kind in _NUMBERS:
            raise RequestRejectedError(f"{field.name} holds numbers; got the text {value!r:.60}") from None
        return None
    return int(value) if value.strip().lstrip("+-").isdecimal() and abs(number) < _LARGEST else number


def _sorted_by(field: CatalogField) -> str:
    column = quoted(field.name)
    return f"CAST({column} AS NUMERIC)" if field.kind in _NUMBERS else f"{column} COLLATE NOCASE"
