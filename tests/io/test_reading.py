"""Errors and warnings of other libraries, in our words."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.exceptions import FormatError, MetadataWarning, NoDataError, PartialResultWarning
from swiftxrt.io._fitsfile import load_fits
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


@pytest.mark.parametrize("name", ["x.fits", "x.fits.gz"])
@pytest.mark.parametrize("hdu", [0, 1])
def test_images_with_millions_of_axes(tmp_path: Path, name: str, hdu: int) -> None:
    """Astropy goes through all of them, which takes hours for as many as fit into a header."""
    path = tmp_path / name
    fits.ImageHDU(np.zeros((3, 4), dtype=np.int32)).writeto(tmp_path / "sound.fits")
    content = (tmp_path / "sound.fits").read_bytes()
    assert len(load_fits(tmp_path / "sound.fits")) == 2
    place = content.index(b"NAXIS   = ", 2880 * hdu) + 10
    damaged = content[:place] + b"3000000".rjust(20) + content[place + 20 :]
    path.write_bytes(gzip.compress(damaged) if name.endswith("gz") else damaged)
    with pytest.raises(FormatError, match="an image with 3000000 axes"):
        load_fits(path)
