"""Constraints on the columns of a catalogue: ``Column("Rate_band0") > 0.1 * u.ct / u.s``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import astropy.units as u
import numpy as np
from astropy.time import Time

from .._calls import clear_calls
from .._fields import nearest
from ..catalog_fields import CatalogField
from ..exceptions import RequestError
from ..met import require_scale
from ._columnvalues import column_value

__all__ = ["OPERATORS", "All", "Clause", "Column", "Constraint", "as_constraints"]

#: How many values each operator takes.
OPERATORS: Mapping[str, int] = {
    **dict.fromkeys(("<", ">", "=", "<=", ">=", "!=", "LIKE", "NOT LIKE"), 1),
    "BETWEEN": 2,
    "IS NULL": 0,
    "IS NOT NULL": 0,
}
_SPELLINGS = {"==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
_PATTERNS = ("LIKE", "NOT LIKE")
_WHAT = "constraint"


@dataclass(frozen=True)
class Clause:
    """One comparison.

    Parameters
    ----------
    operator : str
        One of ``OPERATORS``.
    value : object, optional
        What is compared with: a number, text, quantity or time; two of them
        for ``BETWEEN``, None for ``IS NULL`` and ``IS NOT NULL``.
    """

    operator: str
    value: Any = None

    def __str__(self) -> str:
        if self.operator == "BETWEEN":
            low, high = self.value
            return f"BETWEEN {_shown(low)} AND {_shown(high)}"
        return self.operator if self.value is None else f"{self.operator} {_shown(self.value)}"


class _Joined(ABC):
    """What constraints and their lists have in common."""

    def __bool__(self) -> NoReturn:
        hint = "join constraints with & and |, each in brackets, as in (a > 1) & (b < 2), not with 'and', 'or' or 'not'"
        range_ = f"Column({self.parts[0].column!r}).between(low, high)"
        raise _refusal(f"it is neither true nor false; {hint}; for a range write {range_}")

    @property
    @abstractmethod
    def parts(self) -> tuple[Constraint, ...]:
        """The constraints."""

    def __and__(self, other: Any) -> Constraint | All:
        if not isinstance(other, _Joined):
            raise _not_joined(self, "&", other)
        both = (*self.parts, *other.parts)
        if len(both) == 2 and _may_join(*both):
            return replace(both[0], clauses=(*both[0].clauses, *both[1].clauses), combiner="AND")
        return All(both)

    def __rand__(self, other: Any) -> NoReturn:
        raise _not_joined(other, "&", self)

    def __or__(self, other: Any) -> Constraint:
        if not isinstance(other, _Joined):
            raise _not_joined(self, "|", other)
        both = (*self.parts, *other.parts)
        if len(both) != 2 or not _may_join(*both):
            text = "the catalogues join with 'or' only two comparisons of one column"
            raise _refusal(f"{text}; got ({self}) | ({other}); ask twice, or choose among the rows of a wider query")
        return replace(both[0], clauses=(*both[0].clauses, *both[1].clauses), combiner="OR")

    def __ror__(self, other: Any) -> NoReturn:
        raise _not_joined(other, "|", self)

    def __invert__(self) -> NoReturn:
        raise _refusal("the catalogues cannot turn a constraint round; use the opposite comparison")


@dataclass(frozen=True)
class Constraint(_Joined):
    """One or two comparisons of one column.

    Made by comparing a `Column`. Two constraints on the same column joined
    with ``|`` or ``&`` are one constraint; ``&`` joins any others to a list
    of constraints that must all hold.

    Parameters
    ----------
    column : str
        Name of the column.
    clauses : tuple of Clause
        One, or two.
    combiner : {"AND", "OR"} or None
        How two are joined.
    """

    column: str
    clauses: tuple[Clause, ...]
    combiner: str | None = None

    __bool__ = _Joined.__bool__

    @property
    def parts(self) -> tuple[Constraint, ...]:
        """Itself alone."""
        return (self,)

    def bound(self, field: CatalogField) -> Constraint:
        """The same constraint with values as the column has them: numbers in its unit, texts of its form.

        Raises
        ------
        RequestError
            If a value does not fit the column.
        """
        clauses = (replace(one, value=self._value(one, field)) for one in self.clauses)
        return replace(self, clauses=tuple(clauses))

    def _value(self, clause: Clause, field: CatalogField) -> Any:
        try:
            if clause.operator == "BETWEEN":
                return tuple(column_value(one, field) for one in clause.value)
            if clause.value is None:
                return None
            return column_value(clause.value, field, is_pattern=clause.operator in _PATTERNS)
        except ValueError as error:
            raise _refusal(f"{self.column} {clause}: {error}") from None

    def __str__(self) -> str:
        return f"{self.column} " + f" {self.combiner} ".join(map(str, self.clauses))


@dataclass(frozen=True)
class All(_Joined):
    """Constraints that must all hold.

    Parameters
    ----------
    constraints : tuple of Constraint
        The constraints.
    """

    constraints: tuple[Constraint, ...]

    __bool__ = _Joined.__bool__

    @property
    def parts(self) -> tuple[Constraint, ...]:
        """The constraints."""
        return self.constraints

    def __str__(self) -> str:
        return " AND ".join(f"({one})" for one in self.constraints)


@clear_calls
class Column:
    """A column of a catalogue, to be compared with something.

    Values of columns with a unit are quantities, of columns of times
    `~astropy.time.Time` objects. Texts are compared without regard to case.
    Where a value is missing, no comparison holds except `is_null`.

    Parameters
    ----------
    name : str
        Its name, as `~swiftxrt.SwiftXRTClass.list_columns` lists it.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import Column
    >>> print(Column("Rate_band0") > 0.1 * u.ct / u.s)
    Rate_band0 > 0.1 ct / s
    >>> print((Column("HR1") < -0.5) | (Column("HR1") > 0.5))
    HR1 < -0.5 OR > 0.5
    >>> print(Column("IAUName").like("LSXPS J05%") & Column("DetFlag").between(0, 1))
    (IAUName LIKE 'LSXPS J05%') AND (DetFlag BETWEEN 0 AND 1)
    """

    # Comparisons of numpy numbers and quantities with a column are left to the column.
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise RequestError([("name", f"the name of a column is a text; got {name!r:.60}")], "column")
        self.name = name.strip()

    def compare(self, operator: str, value: Any = None) -> Constraint:
        """Compare with an operator given as a text.

        Parameters
        ----------
        operator : str
            ``"<"``, ``">"``, ``"="``, ``"<="``, ``">="``, ``"!="``, ``"LIKE"``, ``"NOT LIKE"``, ``"BETWEEN"``,
            ``"IS NULL"`` or ``"IS NOT NULL"``, in upper or lower case.
        value : object, optional
            What to compare with; a pair for ``"BETWEEN"``, nothing for the last two.

        Returns
        -------
        constraint : Constraint

        Raises
        ------
        RequestError
            If there is no such operator, or it does not take that value.
        """
        known = _operator(operator)
        try:
            return Constraint(self.name, (Clause(known, _checked(known, value)),))
        except ValueError as error:
            raise _refusal(f"{self.name} {known}: {error}") from None

    def between(self, low: Any, high: Any) -> Constraint:
        """Values from `low` to `high`, both included."""
        return self.compare("BETWEEN", (low, high))

    def like(self, pattern: str) -> Constraint:
        """Texts of a form: ``%`` stands for any letters, ``_`` for one."""
        return self.compare("LIKE", pattern)

    def not_like(self, pattern: str) -> Constraint:
        """Texts of any other form than `pattern`; see `like`."""
        return self.compare("NOT LIKE", pattern)

    def is_null(self) -> Constraint:
        """Rows that have no value in this column."""
        return self.compare("IS NULL")

    def is_not_null(self) -> Constraint:
        """Rows that have a value in this column."""
        return self.compare("IS NOT NULL")

    def __lt__(self, value: Any) -> Constraint:
        return self.compare("<", value)

    def __le__(self, value: Any) -> Constraint:
        return self.compare("<=", value)

    def __gt__(self, value: Any) -> Constraint:
        return self.compare(">", value)

    def __ge__(self, value: Any) -> Constraint:
        return self.compare(">=", value)

    def __eq__(self, value: Any) -> Constraint:  # type: ignore[override]
        return self.compare("=", value)

    def __ne__(self, value: Any) -> Constraint:  # type: ignore[override]
        return self.compare("!=", value)

    # Without brackets & and | come before comparisons: here the columns stand beside one of them.

    def __and__(self, other: Any) -> NoReturn:
        raise _not_joined(self, "&", other)

    def __rand__(self, other: Any) -> NoReturn:
        raise _not_joined(other, "&", self)

    def __or__(self, other: Any) -> NoReturn:
        raise _not_joined(self, "|", other)

    def __ror__(self, other: Any) -> NoReturn:
        raise _not_joined(other, "|", self)

    def __bool__(self) -> NoReturn:
        raise _refusal(f"Column({self.name!r}) is neither true nor false; compare it with something")

    def __repr__(self) -> str:
        return f"Column({self.name!r})"


def as_constraints(where: Any) -> tuple[Constraint, ...]:
    """The constraints in what ``where=`` was given.

    Parameters
    ----------
    where : Constraint, All or iterable of them
        All of them must hold.

    Raises
    ------
    RequestError
        If something else is among them.
    """
    if isinstance(where, _Joined):
        return where.parts
    if isinstance(where, str | bytes | Mapping | Column) or not isinstance(where, Iterable):
        raise _not_a_constraint(where)
    parts: list[Constraint] = []
    for one in where:
        if not isinstance(one, _Joined):
            raise _not_a_constraint(one)
        parts += one.parts
    return tuple(parts)


def _not_a_constraint(value: Any) -> RequestError:
    text = "comparisons of columns are needed, such as Column('Rate_band0') > 0.1 * u.ct / u.s, or a list of them"
    return RequestError([("where", f"{text}; got {value!r:.60}")], "catalogue query")


def _not_joined(left: Any, operator: str, right: Any) -> RequestError:
    first, second = (f"{one!s:.60}" if isinstance(one, _Joined) else f"{one!r:.60}" for one in (left, right))
    example = f"(Column('HR1') > 0.5) {operator} (Column('HR1') < 0.9)"
    return _refusal(
        f"{operator} joins comparisons, and each needs brackets, as in {example}; got {first} {operator} {second}"
    )


def _refusal(text: str) -> RequestError:
    return RequestError([(_WHAT, text)])


def _may_join(first: Constraint, second: Constraint) -> bool:
    """Whether two can be one: the catalogues take two comparisons of a column together."""
    return first.column == second.column and len(first.clauses) == len(second.clauses) == 1


def _operator(operator: Any) -> str:
    """An operator as the catalogues spell it."""
    text = " ".join(operator.split()).upper() if isinstance(operator, str) else ""
    known = _SPELLINGS.get(text, text)
    if known in OPERATORS:
        return known
    hint = nearest(text, OPERATORS) if text else ""
    raise _refusal(f"the operator must be one of {', '.join(OPERATORS)}; got {operator!r:.60}{hint}")


def _checked(operator: str, value: Any) -> Any:
    """What an operator can take."""
    if OPERATORS[operator] == 0:
        if value is not None:
            raise ValueError(f"there is nothing to compare with; got {value!r:.60}")
        return None
    if OPERATORS[operator] == 2:
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise ValueError(f"a pair (low, high) is needed; got {value!r:.60}")
        return _range(*map(_single, value))
    if operator in _PATTERNS and not isinstance(value, str):
        raise ValueError(f"a text is needed, in which % stands for any letters and _ for one; got {value!r:.60}")
    return _single(value)


def _range(low: Any, high: Any) -> tuple[Any, Any]:
    try:
        is_empty = bool(low > high)
    except (TypeError, u.UnitsError):
        raise ValueError(f"two values of one kind are needed; got {low!r:.60} and {high!r:.60}") from None
    if is_empty and not isinstance(low, str):  # texts have the order of the database
        raise ValueError(f"nothing lies between {_shown(low)} and {_shown(high)}; give the smaller one first")
    return low, high


def _single(value: Any) -> Any:
    """One known value: a plain Python number or text, a quantity or a time."""
    if isinstance(value, np.generic) or (
        isinstance(value, np.ndarray) and type(value) is np.ndarray and not value.ndim
    ):
        value = value.item()
    if isinstance(value, u.Quantity | Time):
        if not value.isscalar or np.any(getattr(value, "mask", False)):
            raise ValueError(f"one known value is needed; got {value!r:.60}")
        number = value.mjd if isinstance(value, Time) else value.value
        if not np.isfinite(number):
            raise ValueError(_not_finite(value))
        if isinstance(value, Time):
            require_scale(value)
        return value.copy()
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(_not_finite(value))
    if isinstance(value, str | bool | int | float):
        return value
    hint = "; use is_null() for values that are missing" if value is None else ""
    if isinstance(value, Column):
        hint = "; the catalogues do not compare columns with each other: choose among the rows of a wider query"
    raise ValueError(f"a number, text, quantity or time is needed; got {value!r:.60}{hint}")


def _not_finite(value: Any) -> str:
    return f"a finite value is needed; got {value!r:.60}; use is_null() for values that are missing"


def _shown(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Time):
        return f"{value.utc.isot} UTC"
    return str(value) if isinstance(value, u.Quantity) else repr(value)
