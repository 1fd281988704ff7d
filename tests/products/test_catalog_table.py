"""Columns of a catalogue: kinds, units, missing values, odd cells."""

from __future__ import annotations

import zoneinfo
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt.catalog_fields import KINDS, CatalogField
from swiftxrt.exceptions import ProtocolError, SwiftXRTError
from swiftxrt.met import met_to_time
from swiftxrt.products import _catalog_columns
from swiftxrt.products.catalog_table import catalog_columns, catalog_table, catalog_value, rows_to_columns


def column(values: Any, kind: str, unit: str = "") -> Any:
    return catalog_columns({"x": values}, {"x": CatalogField("x", kind, unit)})["x"]


def guessed(values: Any) -> Any:
    return catalog_columns({"x": values}, {})["x"]


def test_numbers_have_their_unit_and_missing_ones_are_masked() -> None:
    made = column([1, None, "NaN", "2.5", float("nan"), "", "null"], "float", "ct / s")
    assert isinstance(made, Masked)
    assert made.unit == u.ct / u.s
    assert made.mask.tolist() == [False, True, True, False, True, True, True]
    assert made[3].unmasked == 2.5 * u.ct / u.s


def test_known_numbers_are_plain_quantities_and_arrays() -> None:
    made = column([1, 2.5], "float", "arcsec")
    assert type(made) is u.Quantity
    assert type(column(["1", "2"], "float")) is np.ndarray


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ([1, 2**53 + 1, 9_007_199_254_740_993], [1, 2**53 + 1, 2**53 + 1]),
        (["9007199254740993", "7"], [2**53 + 1, 7]),
        ([1, None, "NaN", "-3.0"], [1, None, None, -3]),
        ([2.0, 3.0], [2, 3]),
        ([2.0, float("nan")], [2, None]),
        ([2**53 + 1, None], [2**53 + 1, None]),
        ([1.5e300, 1][1:], [1]),
        ([True, False], [1, 0]),
        ([], []),
    ],
)
def test_whole_numbers_are_exact(values: list[Any], whole: list[Any]) -> None:
    made = column(values, "int")
    assert made.dtype == np.int64
    assert [None if value is np.ma.masked else value for value in made] == whole


def test_flags_may_be_missing() -> None:
    made = column([0, "1", None, 1.0], "flag")
    assert isinstance(made, MaskedColumn)
    assert made.tolist() == [False, True, None, True]


@pytest.mark.parametrize("values", [[1.5], ["many"], [2**70], [[1]], [{"a": 1}], [float("inf")]])
@pytest.mark.parametrize("kind", ["int", "flag"])
def test_what_is_no_whole_number_is_an_error(kind: str, values: list[Any]) -> None:
    with pytest.raises(ProtocolError, match=f"'x' are not what the catalogue promises \\({kind}\\)"):
        column(values, kind)


@pytest.mark.parametrize(("kind", "value"), [("float", "bright"), ("float", [1]), ("utc", "soon"), ("obsid", "x1")])
def test_values_of_another_kind_are_errors(kind: str, value: Any) -> None:
    with pytest.raises(ProtocolError):
        column([value, value], kind)


def test_texts_lose_entities_and_what_cannot_be_shown() -> None:
    made = column(["0.3 &#8212; 10 keV", "M&uuml;ller  et al.", None, "a\x1b[31mb", 7], "text")
    assert made.tolist() == ["0.3 — 10 keV", "Müller  et al.", None, "ab", "7"]
    # An entity must not bring in what was taken out elsewhere.
    assert column(["&#8238;der"], "text").tolist() == ["\N{REPLACEMENT CHARACTER}der"]
    long = column(["x" * 20_000, "y"], "text")
    assert len(long[0]) == 10_000


def test_identifiers_have_all_their_digits() -> None:
    made = column([282445000, "00030842005", "::ObsID=03109705002", 10000021451, None], "obsid")
    assert made.tolist() == ["00282445000", "00030842005", "03109705002", "10000021451", None]
    assert column(["3109705", 20666], "target_id").tolist() == ["03109705", "00020666"]
    for value in (123456789012, -5, "1.5"):
        with pytest.raises(ProtocolError):
            column([value], "obsid")


def test_times_of_numbers() -> None:
    made = column([175893506.97, None], "met")
    assert abs((made[0] - met_to_time(175893506.97)).to_value("s")) < 1e-6
    assert made.mask.tolist() == [False, True]
    assert column([54268.2687986174], "mjd").scale == "utc"
    barycentric = column(["2454268.765854076", "NaN"], "jd_tdb")
    assert barycentric.scale == "tdb"
    assert barycentric.mask.tolist() == [False, True]


@pytest.mark.parametrize(
    ("civil", "utc"),
    [
        ("2006-07-29 20:18:25", "2006-07-29 19:18:25"),
        ("2022-01-15 12:00:00", "2022-01-15 12:00:00"),
        # The clocks go forward at 1 h, and back at 2 h civil time, on the last Sundays of March and October.
        ("2022-03-27 00:59:59", "2022-03-27 00:59:59"),
        ("2022-03-27 02:00:00", "2022-03-27 01:00:00"),
        ("2022-10-30 00:30:00", "2022-10-29 23:30:00"),
        ("2022-10-30 02:00:00", "2022-10-30 02:00:00"),
    ],
)
def test_dates_in_civil_time_become_utc(civil: str, utc: str) -> None:
    made = column([civil, None, civil], "uk_date")
    assert abs((made[2] - Time(utc)).to_value("s")) < 1e-6
    assert made.mask.tolist() == [False, True, False]


def test_dates_are_exact_on_days_with_a_leap_second() -> None:
    made = column(["2016-12-31 23:59:59", "2017-01-01T00:00:00.25", "0000-00-00 00:00:00"], "utc")
    assert abs((made[1] - made[0]).to_value("s") - 2.25) < 1e-6
    assert made.mask.tolist() == [False, False, True]


def test_a_system_without_time_zones_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(key: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", none)
    _catalog_columns._civil_time.cache_clear()
    _catalog_columns._shifts_of_year.cache_clear()
    with pytest.raises(SwiftXRTError, match="pip install tzdata"):
        column(["2006-07-29 20:18:25"], "uk_date")
    _catalog_columns._civil_time.cache_clear()


def test_unknown_columns_get_the_type_of_their_values() -> None:
    assert guessed([1, None]).dtype == np.int64
    assert guessed([True, False]).dtype == bool
    assert guessed([1, 2.5]).dtype == float
    assert guessed([1, "x"]).tolist() == ["1", "x"]
    assert guessed([None, None]).mask.all()
    assert guessed([[1], None]).tolist() == [[1], None]
    assert guessed(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert guessed(np.array(["2020-01-01"], dtype="datetime64[s]")).isot[0] == "2020-01-01T00:00:00.000000"


def test_masked_arrays_are_masked_columns() -> None:
    whole = np.ma.MaskedArray([1, 2], [False, True])
    assert column(whole, "int").tolist() == [1, None]
    assert column(whole, "float", "s").mask.tolist() == [False, True]
    assert column(np.ma.MaskedArray(["00030842005", ""], [False, True]), "obsid").tolist() == ["00030842005", None]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_columns_keep_their_type(kind: str) -> None:
    full = {"utc": "2020-01-01", "uk_date": "2020-01-01", "text": "a", "table": [], "object": {}, "list": []}
    empty, one = column([], kind), column([full.get(kind, 1)], kind)
    assert type(empty) is type(one)
    assert len(empty) == 0
    if not isinstance(one, Time):
        assert empty.dtype.kind == one.dtype.kind


def test_tables_have_positions_descriptions_and_descriptors() -> None:
    fields = {
        "RA": CatalogField("RA", "float", "deg", "Right ascension", "pos.eq.ra"),
        "Decl": CatalogField("Decl", "float", "deg"),
    }
    columns = {"RA": [10.0, None], "Decl": ["-20", None], "note": ["a", "b"]}
    table = catalog_table(columns, fields, positions={"position": ("RA", "Decl")}, meta={"catalog": "LSXPS"})
    assert isinstance(table, QTable)
    assert table.colnames == ["position", "RA", "Decl", "note"]
    assert isinstance(table["position"], SkyCoord)
    assert table["position"][0].dec.deg == -20
    assert table["position"].mask.tolist() == [False, True]
    assert table["RA"].info.description == "Right ascension"
    assert table["RA"].info.meta == {"ucd": "pos.eq.ra"}
    assert table.meta == {"catalog": "LSXPS"}
    assert "position" not in catalog_table({"RA": [1.0]}, fields, positions={"position": ("RA", "Decl")}).colnames


def test_positions_without_units_are_degrees() -> None:
    table = catalog_table({"a": [1.0, None], "b": [2.0, 3.0]}, {}, positions={"position": ("a", "b")})
    assert table["position"][0].ra.deg == 1.0
    assert table["position"].mask.tolist() == [False, True]


def test_positions_that_are_none_are_errors() -> None:
    with pytest.raises(ProtocolError, match="are no positions"):
        catalog_table({"a": [1.0], "b": [100.0]}, {}, positions={"position": ("a", "b")})


def test_single_values() -> None:
    assert catalog_value("NaN", CatalogField("x", "float", "s")) is None
    assert catalog_value(3, CatalogField("x", "float", "s")) == 3 * u.s
    assert catalog_value("1", CatalogField("x", "flag")) is True
    assert catalog_value(2**53 + 1, CatalogField("x", "int")) == 2**53 + 1
    assert catalog_value("a &amp; b", None) == "a & b"


def test_rows_may_lack_cells_and_come_in_any_order() -> None:
    rows = [{"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 5, "b": 6}]
    assert rows_to_columns(rows, ["b", "d"]) == {
        "b": [2, 3, 6],
        "d": [None] * 3,
        "a": [1, None, 5],
        "c": [None, 4, None],
    }
    assert rows_to_columns([{"a": 1, "b": 2}, {"b": 3, "a": 4}]) == {"a": [1, 4], "b": [2, 3]}
    many = [{"a": number, "b": -number} for number in range(1000)]
    assert rows_to_columns(many, ["b", "z"]) == {
        "b": list(range(0, -1000, -1)),
        "z": [None] * 1000,
        "a": list(range(1000)),
    }
    assert rows_to_columns([], ["a"]) == {"a": []}
    assert rows_to_columns([{}, {}], ["a"]) == {"a": [None, None]}
