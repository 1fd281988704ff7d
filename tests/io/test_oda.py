"""Spectra from data products of oda_api: in classes with the same attributes, and in its own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt.exceptions import FormatError, RequestError
from swiftxrt.products.countspectrum import CountSpectrum
from tests import ogip_files as make

SOURCES = ("Crab", "1A 0535+262")


def product(path: Path, numbers: list[int], source: str, kind: str) -> Any:
    """As NumpyDataProduct: units with data, header and name."""
    with fits.open(path) as hdus:
        units = [
            SimpleNamespace(
                name=hdus[number].name,
                data=hdus[number].data,
                header=dict(hdus[number].header),
                hdu_type="bintable" if number else "primary",
                units_dict=None,
            )
            for number in (0, *numbers)
        ]
    return SimpleNamespace(data_unit=units, name=f"{source}_{kind}", meta_data={"src_name": source, "product": kind})


@pytest.fixture
def products(tmp_path: Path) -> list[Any]:
    path = make.isgri(tmp_path)
    found = []
    for number, source in enumerate(SOURCES, start=1):
        found.append(product(path, [number], source, "isgri_spectrum"))
        found.append(product(tmp_path / "arf.fits", [1], source, "isgri_arf"))
        found.append(product(tmp_path / "rmf.fits", [1, 2], source, "isgri_rmf"))
    return found


def test_spectrum_with_its_response(products: list[Any], tmp_path: Path) -> None:
    collection = SimpleNamespace(_p_list=products)
    spectrum = CountSpectrum.from_oda(collection, source="crab", systematic=0.01)
    files = {"rmf": tmp_path / "rmf.fits", "arf": tmp_path / "arf.fits"}
    expected = CountSpectrum.read(tmp_path / "isgri.fits", extension="Crab", **files)
    assert spectrum == expected.with_systematic(0.01)
    assert spectrum.label == "Crab"
    assert CountSpectrum.from_oda(products[3:]).label == "1A_0535+262"
    assert CountSpectrum.read(spectrum.write(tmp_path / "Crab.pha")) == spectrum


def test_one_product_alone(products: list[Any]) -> None:
    alone = CountSpectrum.from_oda(products[0])
    assert alone.rmf is None
    products[0].meta_data = None  # The tables tell what they are, and of what.
    assert CountSpectrum.from_oda([products[0]]) == alone


def test_a_product_is_what_it_is_said_to_be(products: list[Any]) -> None:
    expected = CountSpectrum.from_oda(products[:3])
    unit = products[0].data_unit[1]
    unit.header = {name: value for name, value in unit.header.items() if not name.startswith("HDUCLA")}
    unit.name = "SPECTRUM"
    assert CountSpectrum.from_oda(products[:3]).counts_err.tolist() == expected.counts_err.tolist()
    assert CountSpectrum.from_oda(products[:1]).rmf is None


def test_units_of_columns_are_heeded(products: list[Any]) -> None:
    expected = CountSpectrum.from_oda(products[:3]).arf
    unit = products[1].data_unit[1]
    (number,) = (key[5:] for key, value in unit.header.items() if key.startswith("TTYPE") and value == "SPECRESP")
    unit.header[f"TUNIT{number}"] = "m**2"
    found = CountSpectrum.from_oda(products[:3]).arf
    np.testing.assert_allclose(found.effective_area.value, 1e4 * expected.effective_area.value)


def test_rows_of_different_length_in_plain_arrays(products: list[Any]) -> None:
    """Decoded from JSON, tables are structured arrays, matrices among them columns of objects."""
    expected = CountSpectrum.from_oda(products[:3])
    unit = products[2].data_unit[2]
    kinds = [(name, object if name == "MATRIX" else np.asarray(unit.data[name]).dtype) for name in unit.data.names]
    plain = np.empty(len(unit.data), dtype=kinds)
    for name in unit.data.names:
        plain[name] = unit.data[name]
    unit.data = plain
    assert CountSpectrum.from_oda(products[:3]) == expected


def test_what_is_no_spectrum(products: list[Any]) -> None:
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (products, {}, "Crab, 1A 0535.262; choose one"),
        (products, {"source": "Vela"}, "no spectrum of 'Vela'"),
        (products, {"source": 5}, "no spectrum of 5; there are those of Crab"),
        (products[1:3], {}, "no spectrum"),
        ([], {}, "no spectrum"),
        ("text", {}, "get_product of oda_api"),
        (None, {}, "got NoneType"),
    ]
    for given, options, message in cases:
        with pytest.raises(RequestError, match=message):
            CountSpectrum.from_oda(given, **options)
    products[0].data_unit[1].header.pop("EXPOSURE")
    with pytest.raises(FormatError, match="no usable EXPOSURE"):
        CountSpectrum.from_oda(products[0])


def test_classes_of_oda_api(tmp_path: Path) -> None:
    data_products = pytest.importorskip("oda_api.data_products", reason="oda_api is not installed")
    path = make.isgri(tmp_path)
    with fits.open(path) as hdus:
        fits.HDUList([hdus[0], hdus[1]]).writeto(tmp_path / "crab.fits")
    made = []
    for name, kind in (("crab.fits", "isgri_spectrum"), ("arf.fits", "isgri_arf"), ("rmf.fits", "isgri_rmf")):
        with fits.open(tmp_path / name, memmap=False) as hdus:  # Its from_fits_file leaves files open.
            units = [data_products.NumpyDataUnit.from_fits_hdu(hdu) for hdu in hdus]
        meta = {"src_name": "Crab", "product": kind}
        made.append(data_products.NumpyDataProduct(units, name=kind, meta_data=meta))
    sent = [data_products.NumpyDataProduct.decode(one.encode()) for one in made]
    files = {"rmf": tmp_path / "rmf.fits", "arf": tmp_path / "arf.fits"}
    expected = CountSpectrum.read(tmp_path / "crab.fits", **files).replace(label="Crab")
    assert CountSpectrum.from_oda(made) == CountSpectrum.from_oda(sent) == expected
