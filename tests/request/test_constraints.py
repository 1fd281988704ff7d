"""Comparisons of columns of catalogues."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from swiftxrt import Column
from swiftxrt.catalog_fields import CatalogField
from swiftxrt.exceptions import RequestError
from swiftxrt.met import met_to_time
from swiftxrt.request.constraints import All, Clause, Constraint, as_constraints

RATE = CatalogField("Rate", "float", "ct / s")
NUMBER = CatalogField("N", "int")
c = Column("Rate")


@pytest.mark.parametrize(
    ("made", "operator", "value"),
    [
        (c < 1, "<", 1),
        (c > 1, ">", 1),
        (c == 1, "=", 1),
        (c <= 1, "<=", 1),
        (c >= 1, ">=", 1),
        (c != 1, "!=", 1),
        (1 < c, ">", 1),  # noqa: SIM300
        (np.float64(1.5) > c, "<", 1.5),
        (np.int64(3) == c, "=", 3),
        (0.1 * u.ct / u.s < c, ">", 0.1 * u.ct / u.s),
        (0.1 * u.ct / u.s == c, "=", 0.1 * u.ct / u.s),
        (0.1 * u.ct / u.s != c, "!=", 0.1 * u.ct / u.s),
        (Time("2020-01-01") < c, ">", Time("2020-01-01")),
        (c.like("GRB%"), "LIKE", "GRB%"),
        (c.not_like("GRB%"), "NOT LIKE", "GRB%"),
        (c.between(1, 2), "BETWEEN", (1, 2)),
        (c.is_null(), "IS NULL", None),
        (c.is_not_null(), "IS NOT NULL", None),
        (c.compare("==", "x"), "=", "x"),
        (c.compare("not  like", "x"), "NOT LIKE", "x"),
        (c.compare("between", [1, 2]), "BETWEEN", (1, 2)),
        (c.compare("is null"), "IS NULL", None),
        (c > np.float32(0.5), ">", 0.5),
        (c == np.array(7), "=", 7),
        (c == np.str_("x"), "=", "x"),
        (c == np.True_, "=", True),
    ],
)
def test_every_operator_makes_a_constraint(made: Constraint, operator: str, value: Any) -> None:
    assert made == Constraint("Rate", (Clause(operator, value),))
    (clause,) = made.clauses
    assert type(clause.value) is type(value)


def test_two_comparisons_of_a_column_are_one_constraint() -> None:
    either = (c < 1) | (c > 5)
    assert either == Constraint("Rate", (Clause("<", 1), Clause(">", 5)), "OR")
    both = (c > 1) & (c < 5)
    assert both == Constraint("Rate", (Clause(">", 1), Clause("<", 5)), "AND")
    assert str(either) == "Rate < 1 OR > 5"
    more = both & (c != 3) & (Column("HR1").is_null() & either)
    assert isinstance(more, All)
    assert [one.column for one in more.parts] == ["Rate", "Rate", "HR1", "Rate"]
    assert as_constraints([more, either]) == (*more.parts, either)
    assert as_constraints(more) == more.parts
    assert as_constraints(either) == (either,)
    assert as_constraints(()) == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 1 < c < 5, r"for a range write Column\('Rate'\).between"),
        (lambda: (c > 1) and (c < 5), "not with 'and'"),
        (lambda: not (c > 1), "neither true nor false"),
        (lambda: ((c > 1) & (Column("b") > 1)) or None, "neither true nor false"),
        (lambda: bool(c), "neither true nor false"),
        (lambda: c in [1, 2], "neither true nor false"),
        (lambda: ~(c > 1), "opposite"),
        (lambda: (c > 1) | (Column("b") > 1), "only two comparisons of one column"),
        (lambda: (c > 1) | (c < 0) | (c == 0.5), "only two comparisons of one column"),
        (lambda: c.compare("LKE", "x"), "did you mean 'LIKE'"),
        (lambda: c.compare("IN", (1, 2)), "the operator must be one of"),
        (lambda: c.compare(3, 4), "the operator must be one of"),
        (lambda: c == None, "use is_null"),  # noqa: E711
        (lambda: c > float("nan"), "use is_null"),
        (lambda: c > np.inf, "finite"),
        (lambda: c > np.nan * u.s, "finite"),
        (lambda: c > [1, 2] * u.s, "one known value"),
        (lambda: [1, 2] * u.s < c, "one known value"),
        (lambda: c > np.arange(3), "a number, text, quantity or time"),
        (lambda: c == np.ma.masked, "a number, text, quantity or time"),
        (lambda: c > Time([1, 2], format="mjd"), "one known value"),
        (lambda: c == object(), "a number, text, quantity or time"),
        (lambda: c.between(5, 1), "nothing lies between 5 and 1"),
        (lambda: c.between(5 * u.s, 1 * u.m), "two values of one kind"),
        (lambda: c.between(5, "a"), "two values of one kind"),
        (lambda: c.compare("BETWEEN", 5), "a pair"),
        (lambda: c.compare("BETWEEN", "ab"), "a pair"),
        (lambda: c.compare("IS NULL", 5), "nothing to compare"),
        (lambda: c.like(5), "% stands for"),
        (lambda: Column(""), "the name of a column"),
        (lambda: Column(5), "the name of a column"),  # type: ignore[arg-type]
        (lambda: as_constraints("Rate > 5"), r"Column\('Rate_band0'\)"),
        (lambda: as_constraints(c), "comparisons of columns"),
        (lambda: as_constraints({"Rate": 5}), "comparisons of columns"),
        (lambda: as_constraints(5), "comparisons of columns"),
        (lambda: as_constraints([("Rate", ">", 5)]), "comparisons of columns"),
    ],
)
def test_what_is_no_constraint(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()


def test_nothing_else_joins_with_a_constraint() -> None:
    joined: list[tuple[Callable[[], Any], str]] = [
        (lambda: (c > 1) | True, r"Rate > 1 \| True"),
        (lambda: (c > 1) & 5, "Rate > 1 & 5"),
        (lambda: True | (c > 1), r"True \| Rate > 1"),
        (lambda: np.float64(5) & (c > 1), "5.0.* & Rate > 1"),
        (lambda: (c > 1) & c, r"Rate > 1 & Column\('Rate'\)"),
    ]
    for join, told in joined:
        with pytest.raises(RequestError, match=f"each needs brackets, as in .*; got .*{told}"):
            join()
    with pytest.raises(TypeError, match="unhashable"):
        hash(c)


def test_brackets_that_are_missing() -> None:
    """Without them & and | come before the comparison."""
    other: Any = Column("Err90")
    forgotten: list[tuple[Callable[[], Any], str]] = [
        (lambda: c > 1 & other < 2, r"got 1 & Column\('Err90'\)"),
        (lambda: c > 1 * u.ct / u.s & other < 2, r"got <Quantity 1. ct / s> & Column\('Err90'\)"),
        (lambda: c > np.float64(1) | other.is_null(), r"Err90 IS NULL"),
        (lambda: c.is_null() | c > 1, r"got Rate IS NULL \| Column\('Rate'\)"),
        (lambda: c & other, r"got Column\('Rate'\) & Column\('Err90'\)"),
        (lambda: c | other, r"got Column\('Rate'\) \| Column\('Err90'\)"),
    ]
    for compare, told in forgotten:
        with pytest.raises(RequestError, match=f"each needs brackets.*{told}"):
            compare()


def test_columns_are_not_compared_with_each_other() -> None:
    with pytest.raises(RequestError, match="do not compare columns with each other"):
        c.compare(">", Column("Err90"))


def test_what_is_missing_or_too_much() -> None:
    with pytest.raises(RequestError, match=r"between\(\) cannot be used as given: high: is needed"):
        c.between(1)  # type: ignore[call-arg]
    with pytest.raises(RequestError, match=r"is_null\(\) .*no argument can be given without a name; got 1: 5"):
        c.is_null(5)  # type: ignore[call-arg]


def test_constraints_can_be_kept() -> None:
    made = (c > 0.1 * u.ct / u.s) | c.is_null()
    assert pickle.loads(pickle.dumps(made)) == made
    assert len({made, pickle.loads(pickle.dumps(made))}) == 1


T = Time("2020-04-16T07:05:17")


@pytest.mark.parametrize(
    ("kind", "unit", "value", "plain"),
    [
        ("float", "ct / s", 0.1 * u.ct / u.s, 0.1),
        ("float", "ct / s", 6 * u.ct / u.min, 0.1),
        ("float", "s", 2 * u.s, 2),
        ("float", "", 2.0, 2),
        ("float", "", 0.5, 0.5),
        ("float", "", 50 * u.percent, 0.5),
        ("int", "", 2**60 + 1, 2**60 + 1),
        ("flag", "", True, 1),
        ("text", "", "GRB 060729", "GRB 060729"),
        ("obsid", "", 30842027, "00030842027"),
        ("obsid", "", "sw00030842027", "00030842027"),
        ("target_id", "", "00030842", 30842),
        ("target_id", "", 30842, 30842),
        ("met", "", 2e8 * u.s, 200000000),
        ("met", "", met_to_time(2e8), 200000000),
        ("mjd", "", T, float(T.utc.mjd)),
        ("mjd", "", 55000 * u.day, 55000),
        ("jd_tdb", "", T, float(T.tdb.jd)),
        ("utc", "", T, "2020-04-16 07:05:17"),
        ("utc", "", T + 0.25 * u.s, "2020-04-16 07:05:17.25"),
        ("utc", "", "2020-04-16", "2020-04-16 00:00:00"),
        ("uk_date", "", T, "2020-04-16 08:05:17"),
        ("uk_date", "", "2020-01-16T07:05:17", "2020-01-16 07:05:17"),
        ("", "", 5, 5),
        ("", "", "x", "x"),
    ],
)
def test_values_in_the_terms_of_the_column(kind: str, unit: str, value: Any, plain: Any) -> None:
    bound = (Column("a") == value).bound(CatalogField("a", kind, unit))
    assert bound.clauses[0].value == (plain if isinstance(plain, str) else pytest.approx(plain, rel=1e-15))
    assert type(bound.clauses[0].value) is type(plain)


@pytest.mark.parametrize(
    ("kind", "unit", "value", "message"),
    [
        ("float", "ct / s", 0.1, r"a quantity in ct / s is needed, such as 0.1 \* u.Unit\('ct / s'\)"),
        ("float", "ct / s", 0.1 * u.s, "a quantity in ct / s is needed"),
        ("float", "", 0.1 * u.s, "a number without a unit"),
        ("float", "ct / s", "0.1", "holds numbers in ct / s"),
        ("int", "", "x", "holds numbers"),
        ("int", "", T, "does not hold times"),
        ("text", "", 5, "holds texts"),
        ("obsid", "", 5, "eleven digits"),
        ("target_id", "", "GRB", "holds numbers"),
        ("met", "", 2e8, "holds times"),
        ("met", "", 2e8 * u.m, "holds times"),
        ("utc", "", 55000, "holds times"),
        ("utc", "", "yesterday", "a time such as"),
        ("table", "", 1, "tables or lists"),
        ("", "", 1 * u.s, "nothing is known of the unit"),
    ],
)
def test_values_that_do_not_fit(kind: str, unit: str, value: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        (Column("a") == value).bound(CatalogField("a", kind, unit))


def test_patterns_are_for_texts() -> None:
    for kind in ("text", "utc", "obsid", ""):
        assert Column("a").like("0003%").bound(CatalogField("a", kind)).clauses[0].value == "0003%"
    for field in (RATE, NUMBER):
        with pytest.raises(RequestError, match="have no pattern"):
            Column(field.name).like("1%").bound(field)


def test_both_ends_of_a_range_are_converted() -> None:
    bound = c.between(6 * u.ct / u.min, 1 * u.ct / u.s).bound(RATE)
    assert bound.clauses[0].value == pytest.approx((0.1, 1))
    assert c.is_null().bound(RATE).clauses[0].value is None
