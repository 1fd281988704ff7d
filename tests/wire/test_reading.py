"""Values of replies in all their forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from swiftxrt.wire.reading import any_case, explained, names, number, text, yes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (1.5, 1.5),
        ("1.5", 1.5),
        (" 2e-3 ", 0.002),
        ("inf", math.inf),
        (np.float32(2), 2.0),
        (np.int64(3), 3.0),
    ],
)
def test_numbers(value: Any, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize("value", [None, "", "x", "nan", True, [], {}, [1], 10**400, b"1"])
def test_what_is_no_number(value: Any) -> None:
    assert math.isnan(number(value))


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", True, "true", "True", "YES", " y ", 2, np.int64(1), np.True_])
def test_true_in_all_spellings(value: Any) -> None:
    assert yes(value) is True


@pytest.mark.parametrize("value", [0, 0.0, "0", "0.0", False, "false", "No", "", None, "null", np.False_])
def test_false_in_all_spellings(value: Any) -> None:
    assert yes(value) is False


@pytest.mark.parametrize("value", ["perhaps", "nan", math.nan, [], {}])
def test_neither(value: Any) -> None:
    assert yes(value) is None


def test_texts() -> None:
    assert [text(value) for value in (" a ", 3, 2.5, None, [], {"a": 1})] == ["a", "3", "2.5", "", "", ""]


def test_lists_of_names() -> None:
    assert names(["PC", "WT", "PC", None, ""]) == ["PC", "WT"]
    assert names("PC, WT") == ["PC", "WT"]
    assert names({"PowerLaw": 1}) == ["PowerLaw"]
    assert names(None) == names(3) == names([]) == []


def test_keys_in_any_case() -> None:
    assert any_case({"Gamma": 2}, "gamma") == 2
    assert any_case({"GalNH": 1, "GalNH_unfitted": None}, "galnh_unfitted", "galnh") is None
    assert any_case({"GalNH": 1}, "galnh_unfitted", "galnh") == 1
    assert any_case({"nh": 1, "NH": 2}, "NH") == 1
    assert any_case({}, "x") is None


@pytest.mark.parametrize("value", [1, "1", True, "NOFIT", "nofit", "", None, 0, "yes", [], "..."])
def test_a_mere_flag_has_no_reason(value: Any) -> None:
    assert explained({"NOFIT": value}, "NOFIT", "the fit failed") == "the fit failed"


def test_reasons() -> None:
    assert explained({}, "NOFIT", "the fit failed") == ""
    assert explained({"NOFIT": " too few counts "}, "NOFIT", "the fit failed") == "too few counts"
