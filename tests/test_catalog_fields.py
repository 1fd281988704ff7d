"""The fields of the catalogues against what the service sent, and the notation of the files they stand in."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.io.votable.ucd import parse_ucd
from astropy.table import QTable

from swiftxrt.catalog_fields import CATALOGS, KINDS, _expanded, _fields_in, fields_of
from swiftxrt.products.catalog_record import catalog_rows
from swiftxrt.products.catalog_table import catalog_table, catalog_value, rows_to_columns
from tests.catalog.replay import fixture

FILES = sorted(path.name.removesuffix(".csv") for path in (files("swiftxrt.data") / "fields").iterdir())


def row(name: str, **cells: str) -> dict[str, str]:
    return {"kind": "float", "unit": "", "ucd": "", "default": "", "description": "", **cells, "name": name}


@pytest.mark.parametrize("name", FILES)
def test_every_field_has_a_kind_a_unit_and_a_description(name: str) -> None:
    fields = _fields_in(name)
    assert fields
    for key, field in fields.items():
        assert key == field.name
        assert field.kind in KINDS
        assert u.Unit(field.unit) is not None
        assert field.description
        assert not set("{}|@*") & set(field.name + field.description + field.ucd + field.unit)


@pytest.mark.parametrize("name", FILES)
def test_descriptors_follow_the_vocabulary(name: str) -> None:
    for field in _fields_in(name).values():
        if field.ucd:
            assert parse_ucd(field.ucd, check_controlled_vocabulary=True)


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_table_has_fields_with_identifiers_and_positions(catalog: str) -> None:
    info = CATALOGS[catalog]
    for table in info.tables:
        assert any(field.is_default for field in fields_of(catalog, table).values())
    usual = fields_of(catalog, info.tables[0])
    assert {info.id_column, info.name_column} <= set(usual)
    for lon, lat in info.positions.values():
        assert usual[lon].ucd.startswith("pos.eq.ra")
        assert usual[lat].ucd.startswith("pos.eq.dec")
        assert usual[lon].unit == usual[lat].unit == "deg"


@pytest.mark.parametrize("kind", ["source", "dataset", "transient"])
def test_details_have_exactly_the_recorded_fields(validation_data: Path, kind: str) -> None:
    recorded = fixture(validation_data, f"sxps/fields/{kind}.json")["fields"]
    fields = fields_of("LSXPS", kind)
    assert set(fields) == set(recorded)
    for name, known in recorded.items():
        unit = recorded[name.removesuffix("_pos").removesuffix("_neg")]["unit"]
        unit = unit if known["unit"] == "as parent" else known["unit"]
        if fields[name].kind in ("met", "mjd", "jd_tdb") or unit == "sigma" or name == "OpticalLoadingWarning":
            continue  # times; no unit of astropy; given for sources only
        assert u.Unit(fields[name].unit) == u.Unit(unit.replace("pixel", "pix")), name


def test_tables_have_the_recorded_columns(validation_data: Path) -> None:
    shown = fixture(validation_data, "query/sxps_obssources_fulltable.json")["table"]["columns"]
    assert list(fields_of("LSXPS", "obssources")) == shown
    transients = fixture(validation_data, "query/sxps_transients_confirmed.json")["table"]["columns"]
    assert list(fields_of("LSXPS", "transients")) == transients
    bursts = fixture(validation_data, "query/grb_sdc_all_columns.json")["value"]
    # Whether UVOT_limit_v ... are limits or marks of limits is nowhere recorded.
    described = [name for name in bursts if not name.startswith("UVOT_limit")]
    assert list(fields_of("SDC_GRB", "SDC_Data_Table")) == described


def test_whole_table_of_sources_begins_and_ends_as_recorded(validation_data: Path) -> None:
    first, last = " ".join(fixture(validation_data, "sxps/fulltable_sources_csv.json")["table"]["columns"]).split(
        " ... "
    )
    names = list(fields_of("LSXPS", "sources"))
    assert names[:10] == first.split()[1:]
    assert names[-10:] == last.split()
    assert len(names) == 229  # 234 in August 2022, five of which are nowhere recorded


@pytest.mark.parametrize("name", ["datasets_gkper_12arcmin_exp5000", "transients_confirmed"])
def test_columns_that_come_if_none_are_chosen(validation_data: Path, name: str) -> None:
    table = name.partition("_")[0]
    shown = [
        column
        for column in fixture(validation_data, f"query/sxps_{name}.json")["table"]["columns"]
        if column[-4:] != "_apy"
    ]
    usual = [name for name, field in fields_of("LSXPS", table).items() if field.is_default]
    assert [column for column in shown if column in usual] == [column for column in usual if column in shown]
    assert {column for column in shown if column[-2:] != "_s"} - {"_r", "..."} <= set(usual)


REPLIES = [
    ("source", "getSXPSSourceInfo_11375"),
    ("source", "getSXPSSourceInfo_209920"),
    ("dataset", "getSXPSDatasetInfo_00282445000"),
    *(("transient", f"getSXPSTransInfo_{number}") for number in (1, 10, 30, 576)),
]


@pytest.mark.parametrize(("kind", "name"), REPLIES)
def test_every_recorded_value_is_what_its_field_says(validation_data: Path, kind: str, name: str) -> None:
    reply: dict[str, Any] = fixture(validation_data, f"sxps/wire/{name}.json")["reply"]
    record = reply.get("data", reply)
    fields = fields_of("LSXPS", kind)
    envelope = {"OK", "APIVersion"}
    assert set(record) - envelope <= set(fields)
    for key, value in record.items():
        if key not in envelope:
            decoded = catalog_value(value, fields[key])
            assert (decoded is None) == (value is None)
            if isinstance(decoded, u.Quantity):
                assert decoded.value == value


def test_every_recorded_row_is_what_its_fields_say(validation_data: Path) -> None:
    source = fixture(validation_data, "sxps/wire/getSXPSSourceInfo_11375.json")["reply"]["data"]
    parts = {
        "source_detections": source["Detections"]["Observations"],
        "source_nondetections": source["NonDetections"]["Stacks"],
        "xcorr": source["CrossMatch"],
        "dataset_sources": fixture(validation_data, "sxps/wire/getSXPSDatasetInfo_00282445000.json")["reply"]["data"][
            "Sources"
        ],
    }
    for table, rows in parts.items():
        assert set(rows[0]) <= set(fields_of("LSXPS", table)), table
        made = catalog_rows(rows, table)
        assert isinstance(made, QTable)
        assert len(made) == len(rows)


def test_recorded_rows_of_transients(validation_data: Path) -> None:
    shown = fixture(validation_data, "query/sxps_transients_confirmed.json")["table"]
    rows = [dict(zip(shown["columns"], cells, strict=True)) for cells in shown["rows"]]
    table = catalog_table(
        rows_to_columns(rows), fields_of("LSXPS", "transients"), positions={"position": ("RA", "Decl")}
    )
    # In the civil time of summer: 2022-05-30 09:13:32 is 08:13:32 UTC.
    assert table["DetectionDate"][3].isot == "2022-05-30T08:13:32.000000"
    assert abs((table["DetectionMET"] - table["DetectionDate"]).to_value("s")).max() < 100  # MET shown with 7 digits
    assert table["Notes"].mask.tolist() == [False, False, True, False, False, False]
    assert table["position"].ra.deg[0] == 156.885618


def test_alternatives_and_the_words_that_belong_to_them() -> None:
    text = "{1:soft|hard} band{2:|: error}"
    fields = [*_expanded(row("Rate_band{0|1}{|_pos}", description=text, ucd="{2:phot|stat.error}", default="{1:1|}"))]
    assert [field.name for field in fields] == ["Rate_band0", "Rate_band0_pos", "Rate_band1", "Rate_band1_pos"]
    assert [field.description for field in fields] == ["soft band", "soft band: error", "hard band", "hard band: error"]
    assert [field.ucd for field in fields] == ["phot", "stat.error"] * 2
    assert [field.is_default for field in fields] == [True, True, False, False]


def test_tables_take_fields_of_others() -> None:
    details, table = fields_of("LSXPS", "source"), fields_of("LSXPS", "sources")
    assert table["Rate_band0"].description == details["Rate_band0"].description
    assert "lcRanges" in details
    assert "lcRanges" not in table
    other = fields_of("2SXPS", "sources")
    assert "LSXPS_ID" not in other
    assert next(iter(other)) == "2SXPS_ID"
    assert not fields_of("LSXPS", "nonsense")
