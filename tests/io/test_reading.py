"""Errors and warnings of other libraries, in our words."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from swiftxrt.exceptions import FormatError, MetadataWarning, NoDataError, PartialResultWarning
from swiftxrt.io._reading import foreign_content
from swiftxrt.products.productset import ProductSet


@pytest.mark.parametrize("error", [ValueError("what"), KeyError("what"), MemoryError("what"), AssertionError("what")])
def test_errors(error: Exception) -> None:
    with (
        pytest.raises(FormatError, match=r"^x\.fits: it is damaged \('?what'?\)$") as caught,
        foreign_content("x.fits", "it is damaged"),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_error_without_a_text() -> None:
    with pytest.raises(FormatError, match=r"damaged \(AssertionError\)"), foreign_content("x.fits", "it is damaged"):
        raise AssertionError


def test_our_errors_stay() -> None:
    with pytest.raises(NoDataError, match="^nothing$"), foreign_content("x.fits", "it is damaged"):
        raise NoDataError("nothing")


def test_warnings() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with foreign_content(Path("folder") / "x.fits", "it is damaged"):
            warnings.warn("odd\n  header", UserWarning, stacklevel=1)
            warnings.warn("a part is missing", PartialResultWarning, stacklevel=1)
            warnings.warn("odd header", RuntimeWarning, stacklevel=1)
    assert [(one.category, str(one.message)) for one in caught] == [
        (PartialResultWarning, "a part is missing"),
        (MetadataWarning, "x.fits does not keep to its format and may be damaged: odd header"),
    ]


def test_list_of_products_with_impossible_names(tmp_path: Path) -> None:
    ProductSet({}).write(tmp_path / "set")
    listed = tmp_path / "set" / "swiftxrt.json"
    content = json.loads(listed.read_text())
    for name in ("x" * 5000, "nothing/" * 1000, "null\0"):
        listed.write_text(json.dumps(content | {"files": {name: "0"}}))
        with pytest.raises(FormatError):
            ProductSet.read(tmp_path / "set")
