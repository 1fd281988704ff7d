"""Whole tables as files, and maps of the sky."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from swiftxrt.catalog_fields import CatalogField
from swiftxrt.exceptions import OutputExistsError, RequestError
from swiftxrt.io.catalog_export import write_catalog_table
from swiftxrt.io.maps import write_map

COLUMNS = {
    "ID": CatalogField("ID", "int"),
    "Name": CatalogField("Name", "text"),
    "Rate": CatalogField("Rate", "float", "ct / s"),
    "Date": CatalogField("Date", "uk_date"),
}
ROWS: list[dict[str, Any]] = [
    {"ID": 1, "Name": 'a, "b"', "Rate": 0.1, "Date": "2020-01-01 00:00:00"},
    {"ID": 2**60, "Name": "é", "Rate": None, "Date": None},
    {"ID": None, "Name": None, "Rate": -1e-30},
]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_csv(tmp_path: Path, name: str) -> None:
    write_catalog_table(ROWS, COLUMNS, tmp_path / name, form="csv")
    content = (tmp_path / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    read = list(csv.DictReader(text.splitlines()))
    assert list(read[0]) == list(COLUMNS)
    assert read[0]["Name"] == 'a, "b"'
    assert float(read[2]["Rate"]) == -1e-30
    assert [row["ID"] for row in read] == ["1", str(2**60), ""]
    assert (read[1]["Rate"], read[1]["Date"]) == ("", "")


@pytest.mark.parametrize("name", ["t.fits", "t.fits.gz"])
def test_fits(tmp_path: Path, name: str) -> None:
    write_catalog_table(ROWS, COLUMNS, tmp_path / name, form="fits")
    table = Table.read(tmp_path / name)
    assert table.colnames == list(COLUMNS)
    assert table["ID"].tolist() == [1, 2**60, None]
    assert str(table["Rate"].unit) == "ct / s"
    assert np.ma.is_masked(table["Rate"][1]) or np.isnan(table["Rate"][1])
    assert table["Name"][1] == "?"


@pytest.mark.parametrize("form", ["csv", "fits"])
def test_table_without_rows(tmp_path: Path, form: str) -> None:
    path = write_catalog_table([], COLUMNS, tmp_path / f"t.{form}", form=form)
    read = path.read_text().splitlines()[0].split(",") if form == "csv" else Table.read(path).colnames
    assert read == list(COLUMNS)


def test_other_forms_and_files_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="csv or fits"):
        write_catalog_table(ROWS, COLUMNS, tmp_path / "t.xml", form="xml")
    (tmp_path / "t.csv").touch()
    with pytest.raises(OutputExistsError):
        write_catalog_table(ROWS, COLUMNS, tmp_path / "t.csv", form="csv")


def test_maps(tmp_path: Path) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [10.0, 20.0], [-1e-3, 1e-3]
    for values, kind in ((np.full((2, 3), 1.5), np.float32), (np.full((2, 3), 7), np.int32)):
        path = write_map(values, wcs, "s", tmp_path / "m.img.gz", cards={"OBS_ID": "00012345001"}, overwrite=True)
        with fits.open(path) as hdus:
            assert np.array_equal(hdus[0].data, values)
            assert hdus[0].data.dtype.newbyteorder("=") == kind
            header = hdus[0].header
        assert (header["BUNIT"], header["OBS_ID"], header["CRVAL2"]) == ("s", "00012345001", 20.0)
