"""Values as the service writes them."""

from __future__ import annotations

import pytest

from swiftxrt.wire import values


@pytest.mark.parametrize("value", [1, "1", True, "yes", "Yes ", "true", 1.0])
def test_true(value):
    assert values.flag(value) is True


@pytest.mark.parametrize("value", [0, "0", False, "no", "", None, "2SXPS", "false"])
def test_false(value):
    assert values.flag(value) is False


@pytest.mark.parametrize(("value", "expected"), [(None, True), ("", True), (" ", True), (0, False), ("0", False)])
def test_nothing(value, expected):
    assert values.is_unset(value) is expected


def test_lookup_takes_the_first_spelling_that_holds_something():
    payload = {"a": "", "b": None, "c": 0, "d": 1}
    assert values.lookup(payload, "a", "b", "c", "d") == 0
    assert values.lookup(payload, "a", "z") is None
