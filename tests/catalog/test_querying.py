"""Rows of catalogues: from a question to a table."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

from swiftxrt import Column, join_bursts
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.catalog.querying import columns_table, query_payload, query_rows, table_fields
from swiftxrt.catalog_fields import fields_of
from swiftxrt.exceptions import (
    PartialResultWarning,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    UnknownObjectError,
)
from swiftxrt.request.catalog import CatalogQuery
from swiftxrt.wire.query import PAGE
from swiftxrt.wire.query_columns import encode_metadata
from tests.catalog.replay import URL, Replay, fixture, metadata, rows_of
from tests.catalog.stores import local_catalog

RATE = u.ct / u.s


def known_metadata(catalog: str, table: str) -> dict[str, Any]:
    return encode_metadata(fields_of(catalog, table).values(), "", "")


def reply(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"Results": rows, "NumRows": len(rows), **more}


def service(rows: Any, catalog: str = "LSXPS", table: str = "sources") -> Replay:
    """A service with prepared rows."""
    return Replay({"getMetadata": known_metadata(catalog, table), "queryDB": rows})


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalCatalog]:
    made = local_catalog(tmp_path)
    yield made
    made.close()


def ids(table: QTable) -> list[int]:
    return [int(number) for number in table["LSXPS_ID"]]


# What comes of the replies that were recorded.


def test_recorded_cone_of_datasets(validation_data: Path) -> None:
    recorded = fixture(validation_data, "query", "sxps_datasets_gkper_12arcmin_exp5000.json")["table"]
    words = "Resolved 'GK Per' as (52.80004119305, 43.90429720867) via SIMBAD"
    where = {"ResolvedInfo": words, "ResolvedRA": 52.80004119305, "ResolvedDec": 43.90429720867}
    replay = service(reply(rows_of(recorded), **where), table="datasets")
    query = CatalogQuery(table="datasets", name="GK Per", radius=12 * u.arcmin, where=Column("ExposureUsed") > 5 * u.ks)
    table = query_rows(replay, query)
    assert table.colnames[:2] == ["position", "distance"]
    assert len(table) == len(rows_of(recorded))
    assert replay.sent("queryDB")[0]["constraints"][0]["val"] == 5000
    assert (table["distance"] < 12 * u.arcmin).all()
    assert table["distance"].unit == u.arcmin
    centre = table.meta["resolved_position"]
    assert table["position"].separation(centre).arcmin == pytest.approx(table["distance"].value, abs=2e-3)
    assert table.meta["resolved_by"] == words
    assert all(len(obsid) == 11 for obsid in table["ObsID"])


def test_recorded_transients(validation_data: Path) -> None:
    recorded = fixture(validation_data, "query", "sxps_transients_confirmed.json")["table"]
    replay = service(reply(rows_of(recorded)), table="transients")
    table = query_rows(replay, CatalogQuery(table="transients", where=Column("Classification") == 1))
    assert len(table) == 6
    assert table["IAUName"][0] == "Swift J102732.5-643553"
    assert table["position"][0].ra.deg == 156.885618
    assert table["Err90"][0] == 4.695682 * u.arcsec
    assert isinstance(table["DiscoveryDate"], Time)
    assert replay.sent("queryDB")[0]["constraints"][0] == {
        "colName": "Classification",
        "filter": "=",
        "val": 1,
        "combiner": None,
        "filter2": None,
        "val2": None,
    }


def test_recorded_bursts_of_two_catalogues_are_joined(validation_data: Path) -> None:
    primary = fixture(validation_data, "query", "grb_bat_short_with_aux_primary.json")["table"]
    auxiliary = fixture(validation_data, "query", "grb_bat_short_with_aux_aux.json")["table"]
    merged = fixture(validation_data, "query", "grb_bat_short_merged.json")["table"]
    short = query_rows(
        service(reply(rows_of(primary)), "BAT_GRB", "BATGRBCat"),
        CatalogQuery(catalog="BAT_GRB", where=Column("T90") < 2 * u.s),
    )
    # The other catalogue in another order, with bursts that are not in the first.
    others = [*reversed(rows_of(auxiliary)), {**rows_of(auxiliary)[0], "name": "GRB 990101"}]
    breaks = query_rows(
        service(reply(others), "UK_XRT", "XRTLiveCat"),
        CatalogQuery(catalog="UK_XRT", where=Column("NumLCBreaks") >= 1),
    )
    both = join_bursts(short, breaks)
    expected = rows_of(merged)
    assert len(both) == len(expected) == 16
    for name in ("GRBname", "name", "NumLCBreaks", "Trig_ID"):
        assert both[name].tolist() == [row[name] for row in expected]
    assert both["targetID"].tolist() == [f"{row['targetID']:08d}" for row in expected]
    assert both["RA"].value.tolist() == [row["RA"] for row in expected]
    assert both["T90"].unit == u.s
    # One has no position from the ground, which the catalogue writes as 0, 0.
    unknown = np.asarray(both["position"].mask)
    assert both["GRBname"][unknown].tolist() == ["GRB 160623A"]
    assert both["RA_ground"].mask.tolist() == unknown.tolist()
    apart = both["position"][~unknown].separation(both["position_UK_XRT"][~unknown])
    assert (apart < 5 * u.arcmin).all()
    assert both.meta["catalog"] == "BAT_GRB"
    assert both.meta["joined"]["catalog"] == "UK_XRT"
    assert short.colnames[0] == "position"
    assert both["T90"].info.description == short["T90"].info.description != ""


def test_recorded_short_bursts_have_three_masked_positions(validation_data: Path) -> None:
    recorded = fixture(validation_data, "query", "grb_sdc_short_bursts.json")["table"]
    rows = rows_of(recorded)
    for row, place in zip(rows, (None, 189.058, 241.99), strict=False):
        row.update(XRT_RA=place, XRT_Dec=place and 11.0, UVOT_RA=None, UVOT_Dec=None)
    replay = service(reply(rows), "SDC_GRB", "SDC_Data_Table")
    table = query_rows(replay, CatalogQuery(catalog="SDC_GRB", position_from="XRT", columns="all"))
    assert table.colnames[:3] == ["position", "position_bat", "position_uvot"]
    assert table["position"].mask.tolist()[:2] == [True, False]
    assert np.asarray(table["position_uvot"].mask).all()
    assert not np.asarray(table["position_bat"].mask).any()
    assert table["position"][1].ra.deg == 189.058
    assert table["Name"][0] == "GRB 050202"


def test_columns_with_the_original_text_and_a_warning(validation_data: Path) -> None:
    name, number, original = fixture(validation_data, "query", "grb_sdc_warn_row.json")["stdout"][0].split("\n")
    row = {"Name": name, "BAT_T90": number, "BAT_T90_orig": original, "BAT_T90_warn": 1}
    replay = service(reply([row]), "SDC_GRB", "SDC_Data_Table")
    table = query_rows(replay, CatalogQuery(catalog="SDC_GRB", columns=list(row)))
    assert table["BAT_T90"][0] == 1.3 * u.s
    assert table["BAT_T90_orig"][0] == "~1.3 to ~3"
    assert bool(table["BAT_T90_warn"][0])
    assert "position" not in table.colnames


def test_zeros_are_nowhere_in_one_catalogue_only() -> None:
    rows = [
        {"GRBname": str(one), "RA_ground": ra, "DEC_ground": dec} for one, ra, dec in [(1, 0, 5), (2, "0.000", -0.0)]
    ]
    table = query_rows(service(reply(rows), "BAT_GRB", "BATGRBCat"), CatalogQuery(catalog="BAT_GRB"))
    assert np.asarray(table["position"].mask).tolist() == [False, True]
    named = query_rows(service(reply(rows), "BAT_GRB", "BATGRBCat"), CatalogQuery(catalog="BAT_GRB", columns="GRBname"))
    assert named["GRBname"].tolist() == ["1", "2"]
    source = query_rows(service(reply([{"LSXPS_ID": 1, "RA": 0.0, "Decl": 0.0}])), CatalogQuery())
    assert source["position"][0].ra.deg == 0


# Pages.


def pages(rows: list[dict[str, Any]]) -> Any:
    """What answers as the service does."""
    return lambda content: reply(rows[content["firstRow"] : content["firstRow"] + content["numRows"]])


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"LSXPS_ID": number} for number in range(count)]


@pytest.mark.parametrize(
    ("count", "limit", "calls"),
    [
        (0, None, [(0, 1000)]),
        (999, None, [(0, 1000)]),
        (5, 3, [(0, 3)]),
        (1500, 1000, [(0, 1000)]),
        (1000, None, [(0, 1000), (0, 1000), (1000, 1000)]),
        (2500, None, [(0, 1000), (0, 1000), (1000, 1000), (2000, 1000)]),
        (2500, 1500, [(0, 1000), (0, 1000), (1000, 500)]),
        (1200, 1500, [(0, 1000), (0, 1000), (1000, 500)]),
    ],
)
def test_all_rows_come(count: int, limit: int | None, calls: list[tuple[int, int]]) -> None:
    replay = service(pages(numbered(count)))
    table = query_rows(replay, CatalogQuery(columns=["LSXPS_ID"], limit=limit))
    assert ids(table) == list(range(min(count, limit or count)))
    sent = replay.sent("queryDB")
    assert [(one["firstRow"], one["numRows"]) for one in sent] == calls
    # More than one page needs an order, or rows could be on none of them.
    assert [one.get("sortBy") for one in sent] == [None] + ["LSXPS_ID"] * (len(calls) - 1)


def test_cones_and_sorted_rows_have_an_order() -> None:
    replay = service(pages([{**row, "_r": 1.0} for row in numbered(1100)]))
    query = {"columns": ["LSXPS_ID"], "position": SkyCoord(0, 0, unit="deg"), "radius": 1 * u.deg}
    assert len(query_rows(replay, CatalogQuery(**query))) == 1100
    assert len(query_rows(replay, CatalogQuery(columns=["LSXPS_ID"], sort_by="Err90"))) == 1100
    assert [one.get("sortBy") for one in replay.sent("queryDB")] == [None, None, "Err90", "Err90"]


@pytest.mark.parametrize(
    ("catalog", "table", "column"),
    [
        ("LSXPS", "datasets", "DatasetID"),
        ("LSXPS", "xcorr", "LSXPS_ID"),
        ("2SXPS", "sources", "2SXPS_ID"),
        ("SDC_GRB", "SDC_Data_Table", "Name"),
        ("UK_XRT", "XRTLiveCat", "targetID"),
    ],
)
def test_order_of_every_table(catalog: str, table: str, column: str) -> None:
    replay = service(pages([{column: number} for number in range(1001)]), catalog, table)
    query_rows(replay, CatalogQuery(catalog=catalog, table=table, columns=[column]))
    assert replay.sent("queryDB")[-1]["sortBy"] == column


def test_a_row_that_comes_twice_is_told() -> None:
    first, second = numbered(1000), [{"LSXPS_ID": 999}, {"LSXPS_ID": 1000}]
    replay = service([reply(first), reply(first), reply(second)])
    with pytest.warns(PartialResultWarning, match="1 rows came twice"):
        table = query_rows(replay, CatalogQuery(columns=["LSXPS_ID"]))
    assert ids(table) == list(range(1001))


def test_rows_without_a_number_are_all_kept() -> None:
    rows = [*numbered(999), *([{"LSXPS_ID": None}] * 3)]
    assert len(query_rows(service(pages(rows)), CatalogQuery(columns=["LSXPS_ID"]))) == 1002


def test_a_source_may_have_many_counterparts() -> None:
    replay = service(pages([{"LSXPS_ID": 7, "ExtCat_ID": str(one)} for one in range(1001)]), table="xcorr")
    assert len(query_rows(replay, CatalogQuery(table="xcorr"))) == 1001


def test_a_service_without_pages_does_not_hold_us() -> None:
    replay = service(reply(numbered(1000)))
    with pytest.raises(ProtocolError, match="same rows for every page"):
        query_rows(replay, CatalogQuery(columns=["LSXPS_ID"]))
    assert len(replay.sent("queryDB")) == 3


def test_a_failure_half_way_gives_no_part() -> None:
    replay = service([reply(numbered(1000)), reply(numbered(1000)), {"ERROR": 1, "ERRORTEXT": "overload"}])
    with pytest.raises(RequestRejectedError, match="overload"):
        query_rows(replay, CatalogQuery(columns=["LSXPS_ID"]))


# Columns.


def test_columns_are_asked_for_once_in_a_session() -> None:
    replay = service(reply([]))
    for _ in range(3):
        query_rows(replay, CatalogQuery())
    assert len(replay.sent("getMetadata")) == 1
    assert replay.sent("getMetadata") == [{"database": "LSXPS", "table": "sources"}]
    other = service(reply([]))
    query_rows(other, CatalogQuery())
    assert len(other.sent("getMetadata")) == 1


def test_a_failed_look_at_the_columns_is_not_kept() -> None:
    replay = Replay({"getMetadata": [{"ERROR": 1}, known_metadata("LSXPS", "sources")], "queryDB": reply([])})
    with pytest.raises(RequestRejectedError):
        query_rows(replay, CatalogQuery())
    assert len(query_rows(replay, CatalogQuery())) == 0


def test_columns_of_the_service_count_not_those_that_are_known() -> None:
    rows = [{"ColName": "LSXPS_ID", "Type": "INT"}, {"ColName": "Newest", "Type": "NUM", "Description": "New (m)"}]
    replay = Replay({"getMetadata": metadata(rows), "queryDB": reply([{"LSXPS_ID": "9007199254740993", "Newest": 1}])})
    table = query_rows(replay, CatalogQuery(columns="all", where=Column("Newest") > 5))
    assert replay.sent("queryDB")[0]["cols"] == ["LSXPS_ID", "Newest"]
    assert table["LSXPS_ID"][0] == 2**53 + 1
    assert table["Newest"].info.description == "New (m)"
    with pytest.raises(RequestError, match="LSXPS sources has no column 'Err90'"):
        query_rows(replay, CatalogQuery(columns=["Err90"]))
    assert len(replay.sent("queryDB")) == 1


def test_a_column_that_nobody_announced() -> None:
    table = query_rows(service(reply([{"LSXPS_ID": 1, "Surprise": "0.5"}])), CatalogQuery(columns=["LSXPS_ID"]))
    assert table["Surprise"].tolist() == ["0.5"]


def test_list_of_columns() -> None:
    table = columns_table(service(reply([])), "lsxps", None)
    assert table.colnames == ["name", "kind", "unit", "ucd", "default", "description"]
    row = table[table["name"] == "Rate_band0"][0]
    assert (row["kind"], row["unit"]) == ("float", "ct / s")
    assert row["description"]
    assert table["default"].sum() == sum(field.is_default for field in fields_of("LSXPS", "sources").values())


def test_numbers_texts_and_gaps() -> None:
    rows = [
        {"LSXPS_ID": "11", "IAUName": "A &amp; B \u2014", "Err90": "4.5", "HR1": None, "Rate_band0": "NaN"},
        {"LSXPS_ID": 12, "IAUName": None, "Err90": None, "HR1": 0.5, "Rate_band0": 0.25},
    ]
    table = query_rows(service(reply(rows)), CatalogQuery(columns=list(rows[0])))
    assert ids(table) == [11, 12]
    assert table["IAUName"][0] == "A & B \u2014"
    assert table["IAUName"].mask.tolist() == [False, True]
    assert table["Err90"].mask.tolist() == [False, True]
    assert table["HR1"].mask.tolist() == [True, False]
    assert table["Rate_band0"].mask.tolist() == [True, False]
    assert table["Rate_band0"].unit == RATE


def test_texts_where_numbers_were_promised() -> None:
    with pytest.raises(ProtocolError, match="'Err90'"):
        query_rows(service(reply([{"Err90": "much"}])), CatalogQuery(columns=["Err90"]))


def test_nothing_found_is_a_table_with_columns() -> None:
    query = CatalogQuery(position=SkyCoord(1, 2, unit="deg"), radius=5 * u.arcsec)
    table = query_rows(service(reply([])), query)
    assert len(table) == 0
    assert table.colnames[:3] == ["position", "distance", "LSXPS_ID"]
    assert table["Err90"].unit == u.arcsec
    assert table["distance"].unit == u.arcsec
    assert isinstance(table["position"], SkyCoord)
    assert pickle.loads(pickle.dumps(table)).colnames == table.colnames


def test_the_table_tells_what_was_asked(tmp_path: Path) -> None:
    query = CatalogQuery(where=Column("Err90") < 5 * u.arcsec, limit=5)
    table = query_rows(service(reply([{"LSXPS_ID": 1, "RA": 1.0, "Decl": 2.0}])), query)
    assert (table.meta["catalog"], table.meta["table"], table.meta["service"]) == ("LSXPS", "sources", URL)
    assert table.meta["query"] == query.to_dict()
    assert abs((Time(table.meta["queried"], scale="utc") - Time.now()).to_value(u.min)) < 5
    table.write(tmp_path / "rows.ecsv")
    again = QTable.read(tmp_path / "rows.ecsv")
    assert again.meta["query"] == query.to_dict()
    assert again["position"][0].dec.deg == 2.0


# What is sent, and what is not.


def test_payload_is_what_is_sent_and_nothing_is_sent() -> None:
    replay = service(reply([]))
    query = CatalogQuery(where=Column("Rate_band0") > 0.1 * RATE, name="GK Per", radius=10 * u.arcmin)
    payload = query_payload(replay, query)
    assert replay.asked == []
    assert list(payload)[-2:] == ["APIFunc", "APIVersion"]
    query_rows(replay, query)
    assert replay.sent("queryDB") == [{key: value for key, value in payload.items() if not key.startswith("API")}]


def test_payload_knows_the_columns_of_the_session() -> None:
    replay = Replay({"getMetadata": metadata([{"ColName": "Newest"}])})
    table_fields(replay, "LSXPS", "sources")
    assert query_payload(replay, CatalogQuery())["cols"] == ["Newest"]


def test_names_that_nobody_knows() -> None:
    replay = service({"ERROR": 1, "ERRORTEXT": "The name `x` was not found"})
    with pytest.raises(UnknownObjectError, match="`x` was not found"):
        query_rows(replay, CatalogQuery(name="x", radius=1 * u.deg))


def test_rows_that_were_not_asked_for() -> None:
    with pytest.raises(ProtocolError, match="at most 2"):
        query_rows(service(reply(numbered(5))), CatalogQuery(limit=2))


# With the local catalogue, both sides of the wire.


def test_local_cones(local: LocalCatalog) -> None:
    place = SkyCoord(359.992, 0.0, unit="deg")
    table = query_rows(local, CatalogQuery(position=place.galactic, radius=70 * u.arcsec))
    assert ids(table) == [13, 11, 12]
    assert table["distance"].value == pytest.approx([7.2, 28.8, 64.8])
    assert place.separation(table["position"]).arcsec == pytest.approx(table["distance"].value)
    whole = query_rows(local, CatalogQuery(position=place, radius=180 * u.deg))
    assert ids(whole) == [13, 11, 12, 14]
    by_name = query_rows(local, CatalogQuery(name="00 00 02.4 +00 00 00", radius=1 * u.arcsec))
    assert ids(by_name) == [12]
    assert by_name.meta["resolved_position"].ra.deg == pytest.approx(0.01)


def test_local_constraints(local: LocalCatalog) -> None:
    hr1 = Column("HR1")
    asked = {
        "where": [Column("Rate_band0") > 0.01 * RATE, (hr1 < 0) | (hr1 > 0.25)],
        "columns": ["LSXPS_ID", "HR1"],
        "sort_by": "Rate_band0",
    }
    assert ids(query_rows(local, CatalogQuery(**asked))) == [15, 11]
    assert ids(query_rows(local, CatalogQuery(**asked, descending=True))) == [11, 15]
    assert ids(query_rows(local, CatalogQuery(where=hr1.is_null()))) == [12]
    assert ids(query_rows(local, CatalogQuery(where=hr1.is_null() | (hr1 > 0.5)))) == [12, 13]
    assert ids(query_rows(local, CatalogQuery(where=hr1.is_not_null() & (hr1 != 0.9), subset="ultraclean"))) == [11, 15]
    assert ids(query_rows(local, CatalogQuery(where=Column("IAUName").not_like("%J0000%")))) == [13, 14]
    assert ids(query_rows(local, CatalogQuery(where=Column("DetFlag").between(1, 2)))) == [12, 13]
    # These numbers are seconds.
    assert ids(query_rows(local, CatalogQuery(where=Column("FirstObsMET") > (2e8 + 13) * u.s))) == [14, 15]
    with pytest.raises(RequestError, match="FirstObsMET.*scale 'local'; .*scale='utc'"):
        Column("FirstObsMET") > Time("2007-01-01", scale="local")  # noqa: B015
    dataset = CatalogQuery(table="datasets", where=Column("ObsID") == "00030842027")
    assert query_rows(local, dataset)["DatasetID"].tolist() == [7]


def test_local_bursts(local: LocalCatalog) -> None:
    place = SkyCoord(315.2981, 42.2210, unit="deg")
    query = CatalogQuery(catalog="UK_XRT", position=place, radius=1 * u.arcsec, position_from="enhanced", columns="all")
    table = query_rows(local, query)
    assert table["name"].tolist() == ["GRB 160623A"]
    assert {"position", "position_best", "position_sper"} <= set(table.colnames)
    assert table["position"][0].separation(place) < 0.1 * u.arcsec
    assert query_payload(local, query)["RACol"] == "Enh_RA"
    assert query_payload(local, query)["DecCol"] == "Enh_Decl"


# Bursts in two catalogues.


def test_join_of_bursts(local: LocalCatalog) -> None:
    bat = query_rows(local, CatalogQuery(catalog="BAT_GRB"))
    xrt = query_rows(local, CatalogQuery(catalog="UK_XRT"))
    both = join_bursts(bat, xrt)
    assert both["GRBname"].tolist() == ["GRB 051221A"]
    assert both["targetID"].tolist() == ["00173780"]
    assert len(join_bursts(xrt, bat)) == 1
    assert len(join_bursts(xrt[:1], bat)) == 0
    assert join_bursts(xrt[:1], bat).colnames == join_bursts(xrt, bat).colnames
    xrt["name"][1] = "grb051221a"
    assert len(join_bursts(bat, xrt)) == 1


def test_names_may_be_missing_or_come_twice() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = QTable({"Name": np.ma.array(["GRB 1", "x", "GRB 2"], mask=[False, True, False]), "a": [1, 2, 3]})
        second = QTable({"name": ["GRB 2", "GRB2", ""], "a": [4, 5, 6]})
        both = join_bursts(first, second)
    assert [tuple(row) for row in both] == [("GRB 2", 3, "GRB 2", 4), ("GRB 2", 3, "GRB2", 5)]
    assert both.colnames == ["Name", "a", "name", "a_2"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (QTable({"Name": ["x"]}), {"Name": ["x"]}, "second: a table is needed"),
        (QTable({"T90": [1]}), QTable({"Name": ["x"]}), "first: there is no column name or Name or GRBname"),
        (QTable({"Name": ["x"]}), QTable({"T90": [1]}, meta={"catalog": "BAT_GRB"}), "no column GRBname"),
        (QTable({"Name": ["x"], "Name_2": ["x"]}), QTable({"Name": ["x"]}), "rename one"),
    ],
)
def test_tables_that_cannot_be_joined(first: Any, second: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        join_bursts(first, second)


def test_the_meta_of_a_query_are_plain(local: LocalCatalog) -> None:
    table = query_rows(
        local, CatalogQuery(where=Column("FirstObsMET") > Time("2007-01-01"), radius=1 * u.deg, name="0 0")
    )
    assert json.loads(json.dumps(table.meta["query"])) == table.meta["query"]
    assert PAGE == 1000
