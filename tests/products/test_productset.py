"""Sets of products, in memory and in folders."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import LightCurve, LightCurveSet, Position, ProductSet
from swiftxrt.exceptions import FormatError, OutputExistsError, ProductNotAvailableError, RequestError
from swiftxrt.kinds import ProductKind as Kind

#: Of a light curve in which some numbers are not known.
COLUMNS = {"met_s": [10, 20], "time_err_neg": 5, "time_err_pos": 5, "rate": [1.0, 2.0], "mode": ["WT", "PC"]}
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


def test_equal_sets(products: ProductSet) -> None:
    """Products and what is missing count; reasons, request and provenance do not."""
    curve = LightCurve.from_columns(COLUMNS, t0_met=0, band="0.3-10 keV", binning="time")
    again = LightCurve.from_columns(COLUMNS, t0_met=0, band="0.3-10 keV", binning="time")
    first = ProductSet({**products, Kind.LIGHT_CURVE: LightCurveSet(curve)}, failed=products.failed)
    second = ProductSet({**products, Kind.LIGHT_CURVE: LightCurveSet(again)}, failed={Kind.IMAGE: "?"}, request=3)
    assert (first == second) is True
    assert (first != second) is False
    assert (first == products) is False
    assert (first == dict(first)) is False
    assert ProductSet(dict(first)) != first
    again["rate"][1] *= 2
    assert first != ProductSet({**products, Kind.LIGHT_CURVE: LightCurveSet(again)}, failed=products.failed)


def test_written_sets_are_equal(products: ProductSet, tmp_path: Path) -> None:
    curve = LightCurve.from_columns(COLUMNS, t0_met=0, band="0.3-10 keV", binning="time")
    complete = ProductSet({**products, Kind.LIGHT_CURVE: LightCurveSet(curve)}, failed=products.failed)
    for again in (ProductSet.read(complete.write(tmp_path / "out")), pickle.loads(pickle.dumps(complete))):
        assert again == complete


@pytest.mark.parametrize("name", ["x.fits", "x.tar.gz", "x.ecsv"])
def test_a_set_is_no_file(products: ProductSet, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=f"{name!r} names a file. Name a folder, such as 'x', or write one file: "):
        products.write(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_names_of_folders_may_have_dots(products: ProductSet, tmp_path: Path) -> None:
    (tmp_path / "old.fits").mkdir()
    for name in ("GRB 200416A.v2", "old.fits", "results.2026"):
        assert ProductSet.read(products.write(tmp_path / name)) == products
