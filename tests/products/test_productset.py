"""Sets of products, in memory and in folders."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Position, ProductSet
from swiftxrt.exceptions import FormatError, OutputExistsError, ProductNotAvailableError
from swiftxrt.kinds import ProductKind as Kind

POSITION = Position(coord=SkyCoord(150 * u.deg, 20 * u.deg), radius=2 * u.arcsec, kind="standard")


@pytest.fixture
def products() -> ProductSet:
    return ProductSet({Kind.STANDARD_POSITION: POSITION}, failed={Kind.IMAGE: "no data"})


def test_copies_hold_the_same(products: ProductSet) -> None:
    for again in (pickle.loads(pickle.dumps(products)), copy.deepcopy(products), copy.copy(products)):
        assert dict(again) == dict(products)
        assert again.failed == products.failed


def test_reasons_cannot_be_changed(products: ProductSet) -> None:
    with pytest.raises(TypeError):
        products.failed[Kind.SPECTRUM] = "x"  # type: ignore[index]


def test_what_is_missing_has_a_reason(products: ProductSet) -> None:
    with pytest.raises(ProductNotAvailableError, match="no data"):
        _ = products.image
    with pytest.raises(ProductNotAvailableError, match="not asked for"):
        _ = products.spectrum
    assert products.get("image") is None
    assert products.position is POSITION
    assert "standard_position" in products
    assert "missing image" in repr(products)


def test_folder_is_replaced_only_if_it_holds_products(products: ProductSet, tmp_path: Path) -> None:
    folder = products.write(tmp_path / "out")
    with pytest.raises(OutputExistsError, match="overwrite"):
        products.write(folder)
    products.write(folder, overwrite=True)
    assert ProductSet.read(folder).standard_position == POSITION
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(OutputExistsError, match="no products"):
        products.write(tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "precious"
    with pytest.raises(OutputExistsError, match="is a file"):
        products.write(tmp_path / "mine" / "thesis.tex", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


@pytest.mark.parametrize(
    "change",
    [
        {"products": ["pictures"]},
        {"products": None},
        {"files": 3},
        {"failed": []},
        {"provenance": 3},
        {"files": {}, "products": ["image"]},
    ],
)
def test_damaged_lists_are_format_errors(products: ProductSet, tmp_path: Path, change: dict) -> None:
    manifest = products.write(tmp_path / "out") / "swiftxrt.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(FormatError):
        ProductSet.read(tmp_path / "out")


def test_damaged_product_is_a_format_error(products: ProductSet, tmp_path: Path) -> None:
    folder = products.write(tmp_path / "out")
    (folder / "standard_position" / "position.json").write_text("{}")
    manifest = folder / "swiftxrt.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"files": {}}))
    with pytest.raises(FormatError, match="standard position"):
        ProductSet.read(folder)
