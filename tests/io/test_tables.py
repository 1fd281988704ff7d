"""Tables of all kinds as files, and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt import read_table
from swiftxrt.catalog_fields import fields_of
from swiftxrt.exceptions import FormatError, OutputExistsError
from swiftxrt.products._display import ReadableTable
from swiftxrt.products.catalog_table import catalog_table

ENDINGS = ["fits", "fits.gz", "vot", "ecsv", "parquet"]
PLACE = SkyCoord(95.3824, -62.3702, unit="deg")
WHEN = Time("2006-07-29T19:12:29.123456789", scale="utc")


def sources(**more: Any) -> QTable:
    columns = {
        "LSXPS_ID": [209920, 999999, 3],
        "IAUName": ["LSXPS J062126.9-622317", "Größe & <Co>", None],
        "RA": [95.362, 1.0, None],
        "Decl": [-62.388, 2.0, None],
        "Rate_band0": [1e-4, None, 0.3],
        "DetFlag": [0, None, 999999],
        "FirstObsMET": [175893506.972863, 2.0, None],
    }
    meta = {
        "query": {"catalog": "LSXPS", "columns": ["RA", "é"], "limit": None},
        "resolved_position": PLACE,
        "queried": WHEN,
        "radius": 2 * u.arcmin,
        "a rather long key": "x" * 300,
    }
    fields = fields_of("LSXPS", "sources")
    return catalog_table({**columns, **more}, fields, positions={"position": ("RA", "Decl")}, meta=meta)


def check_column(read: Any, written: Any) -> None:
    assert type(read) is type(written) or {type(read), type(written)} <= {Column, np.ndarray}
    masks = [np.asarray(getattr(one, "mask", False)) for one in (read, written)]
    assert np.array_equal(*(np.broadcast_to(mask, len(written)) for mask in masks))
    shown = ~np.broadcast_to(masks[1], len(written))
    if isinstance(written, SkyCoord):
        assert np.all(read[shown].separation(written[shown]) < 1e-9 * u.arcsec)
    elif isinstance(written, Time):
        assert read.scale == written.scale
        assert np.all(np.abs((read[shown] - written[shown]).to_value(u.us)) < 1)
    else:
        np.testing.assert_array_equal(np.asarray(read)[shown], np.asarray(written)[shown])
        assert getattr(read, "unit", None) == getattr(written, "unit", None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_all_comes_back(tmp_path: Path, ending: str) -> None:
    table = sources()
    table.write(tmp_path / f"t.{ending}")
    read = read_table(tmp_path / f"t.{ending}")
    assert read.colnames == table.colnames
    for name in table.colnames:
        check_column(read[name], table[name])
        assert read[name].info.description == table[name].info.description
    assert read["RA"].info.meta == {"ucd": "pos.eq.ra;meta.main"} == table["RA"].info.meta
    assert read.meta["query"] == table.meta["query"]
    assert read.meta["a rather long key"] == "x" * 300
    assert read.meta["radius"] == 2 * u.arcmin
    assert read.meta["resolved_position"].separation(PLACE) < 1e-9 * u.arcsec
    assert abs(read.meta["queried"] - WHEN) < 1 * u.ns


@pytest.mark.parametrize("ending", ["fits", "vot"])
@pytest.mark.parametrize(
    "column",
    [
        np.array([True, False, True]),
        MaskedColumn([True, False, True], mask=[False, True, False]),
        MaskedColumn([1, 2, 3], mask=[False, True, False], dtype="i4"),
        MaskedColumn([1.0, 2.0, 3.0], mask=[False, True, False]),
        np.array([1.5, np.nan, np.inf], dtype="f4"),
        np.arange(6.0).reshape(3, 2) * u.s,
        Masked([1.0, 2.0, 3.0] * u.s, mask=[True, True, True]),
        np.array(["", "a", "ü & <b>"]),
        Time([50000.0, 51000.5, 52000.25], format="mjd", scale="tdb"),
    ],
)
def test_kinds_of_columns(tmp_path: Path, ending: str, column: Any) -> None:
    table = ReadableTable({"x": column})
    table.write(tmp_path / f"t.{ending}")
    check_column(read_table(tmp_path / f"t.{ending}")["x"], table["x"])


@pytest.mark.parametrize("ending", ["fits", "vot"])
def test_lists_in_cells(tmp_path: Path, ending: str) -> None:
    cells = np.empty(3, dtype=object)
    cells[:] = [["00015190001", "é"], None, []]
    ReadableTable({"x": cells}).write(tmp_path / f"t.{ending}")
    assert list(read_table(tmp_path / f"t.{ending}")["x"]) == [["00015190001", "é"], None, []]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_without_rows(tmp_path: Path, ending: str) -> None:
    table = sources()[:0]
    table.write(tmp_path / f"t.{ending}")
    read = read_table(tmp_path / f"t.{ending}")
    assert read.colnames == table.colnames
    assert len(read) == 0
    assert read["Rate_band0"].unit == u.ct / u.s


def test_other_programs_read_positions_and_times(tmp_path: Path) -> None:
    table = sources()
    table.write(tmp_path / "t.fits")
    with fits.open(tmp_path / "t.fits") as hdus:
        data = hdus[1].data
        assert data["position_ra"][0] == 95.362
        assert np.isnan(data["position_dec"][2])
        assert data["FirstObsMET"][0].startswith("2006-07-29T")
        assert data["FirstObsMET"][2] == ""
        assert hdus[1].columns["position_ra"].unit == "deg"
    table.write(tmp_path / "t.vot")
    field = votable.parse_single_table(tmp_path / "t.vot").get_field_by_id_or_name("RA")
    assert (field.ucd, str(field.unit)) == ("pos.eq.ra;meta.main", "deg")
    assert "Right ascension" in field.description


def test_simple_metadata_are_keywords(tmp_path: Path) -> None:
    meta = {
        "radius": "20 arcsec",
        "n": 2,
        "TTYPE1": "x",
        "end": 1,
        "NAXIS": 7,
        "note": "é",
        "far": np.inf,
        "many words": 1,
    }
    ReadableTable({"a": [1]}, meta=meta).write(tmp_path / "t.fits")
    with fits.open(tmp_path / "t.fits") as hdus:
        header = hdus[1].header
        assert (header["RADIUS"], header["N"], header["TTYPE1"], header["NAXIS"]) == ("20 arcsec", 2, "a", 2)
        assert not {"NOTE", "FAR"} & set(header)
    assert read_table(tmp_path / "t.fits").meta == meta


def test_the_table_stays_as_it_was(tmp_path: Path) -> None:
    table = sources()
    for ending in ENDINGS:
        table.write(tmp_path / f"t.{ending}")
    assert table.meta == sources().meta or set(table.meta) == set(sources().meta)
    assert isinstance(table["position"], SkyCoord)


def test_a_column_may_have_the_name_of_a_part(tmp_path: Path) -> None:
    table = sources()
    table["position_ra"] = [1, 2, 3]
    table.write(tmp_path / "t.fits")
    read = read_table(tmp_path / "t.fits")
    assert read["position_ra"].tolist() == [1, 2, 3]
    check_column(read["position"], table["position"])


@pytest.mark.parametrize("ending", ["fits", "vot"])
def test_existing_files_stay(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    sources().write(path)
    before = path.read_bytes()
    with pytest.raises(OutputExistsError):
        sources().write(path)
    assert path.read_bytes() == before
    sources().write(str(path), overwrite=True, format="fits" if ending == "fits" else "votable")


def test_the_rest_is_astropys(tmp_path: Path) -> None:
    sources()["LSXPS_ID", "IAUName"].write(tmp_path / "t.csv")
    assert len(Table.read(tmp_path / "t.csv")) == 3
    Table({"a": [1, 2]}).write(tmp_path / "t.fits")
    assert read_table(tmp_path / "t.fits")["a"].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["no.fits", "no.vot", "t.unknown", "bad.fits", "bad.vot", "bad.ecsv", "note.fits"])
def test_what_is_no_table(tmp_path: Path, name: str) -> None:
    for bad in ("bad.fits", "bad.vot", "bad.ecsv"):
        (tmp_path / bad).write_text("nothing")
    hdu = fits.table_to_hdu(Table({"a": [1]}))
    hdu.header["SXRTMETA"] = "{"
    hdu.writeto(tmp_path / "note.fits")
    with pytest.raises(FormatError):
        read_table(tmp_path / name)


def test_a_format_that_needs_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept.parquet").write_bytes(b"PAR1")
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FormatError, match=r"kept\.parquet: this format needs another package.*install pyarrow"):
        read_table(tmp_path / "kept.parquet")
    with pytest.raises(FormatError, match=r"new\.parquet: this format needs another package.*install pyarrow"):
        sources().write(tmp_path / "new.parquet")
    assert not (tmp_path / "new.parquet").exists()
