"""Values as the service writes them."""

from __future__ import annotations

import math

import pytest

from swiftxrt.wire import values


@pytest.mark.parametrize("value", [1, "1", True, "yes", "Yes ", "true", 1.0])
def test_true(value):
    assert values.flag(value) is True


@pytest.mark.parametrize("value", [0, "0", False, "no", "", None, "2SXPS", "false"])
def test_false(value):
    assert values.flag(value) is False


@pytest.mark.parametrize(
    ("value", "expected"), [("0.3", 0.3), (3, 3.0), ("1e8", 1e8), ("inf", math.inf), ("-1.18", -1.18), (True, 1.0)]
)
def test_number(value, expected):
    assert values.number(value) == expected


@pytest.mark.parametrize("value", [None, "", " ", "nan", "NaN"])
def test_no_number_is_nan(value):
    assert math.isnan(values.number(value))


@pytest.mark.parametrize("value", ["many", [1], {}])
def test_bad_number(value):
    with pytest.raises(ValueError, match="a number is needed; got"):
        values.number(value)


@pytest.mark.parametrize(("value", "expected"), [("951", 951), (951, 951), (951.0, 951), ("1e3", 1000)])
def test_whole(value, expected):
    assert values.whole(value) == expected


@pytest.mark.parametrize("value", ["9.5", None, "nan", "inf"])
def test_bad_whole(value):
    with pytest.raises(ValueError, match="a whole number is needed"):
        values.whole(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("lc,spec", ("lc", "spec")),
        ("{00010873, 00010907}", ("00010873", "00010907")),
        (["a", 2], ("a", "2")),
        ("a,,b,", ("a", "b")),
        ("", ()),
        (None, ()),
    ],
)
def test_words(value, expected):
    assert values.words(value) == expected


def test_lookup_takes_the_first_spelling_that_holds_something():
    payload = {"a": "", "b": None, "c": 0, "d": 1}
    assert values.lookup(payload, "a", "b", "c", "d") == 0
    assert values.lookup(payload, "a", "z") is None
