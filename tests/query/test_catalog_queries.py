"""Catalogues through `SwiftXRT`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt import Column, SwiftXRTClass, Target, conf, join_bursts
from swiftxrt.backends.local.catalog import host
from swiftxrt.backends.local.catalog.store import CatalogStore
from swiftxrt.catalog import tables
from swiftxrt.catalog_fields import CATALOGS, fields_of
from swiftxrt.exceptions import RequestError, UnknownObjectError
from swiftxrt.query.catalog_queries import CatalogQuerying, RowChoice
from swiftxrt.request.catalog import CatalogQuery
from swiftxrt.testing.server import embedded_server
from tests.catalog.replay import Replay, metadata
from tests.catalog.stores import TABLES

PLACE = SkyCoord(0.0, 0.0, unit="deg")


@pytest.fixture
def replay() -> Replay:
    rows = [{"ColName": "LSXPS_ID", "Type": "INT"}, {"ColName": "RA"}, {"ColName": "Decl"}]
    return Replay({"getMetadata": metadata(rows), "queryDB": {"Results": [], "NumRows": 0}})


@pytest.fixture
def swift(replay: Replay) -> SwiftXRTClass:
    made = SwiftXRTClass()
    made._catalogs[conf.service_url.rstrip("/")] = replay
    return made


@pytest.mark.parametrize(
    ("position", "sent"),
    [
        (PLACE, {"searchRA": 0.0, "searchDec": 0.0}),
        (Target("GK Per", position=PLACE), {"searchRA": 0.0, "searchDec": 0.0}),
        (Target("GK Per"), {"searchName": "GK Per"}),
        ("GK Per", {"searchName": "GK Per"}),
        ("06 21 31, -62 22 13", {"searchName": "06 21 31, -62 22 13"}),
    ],
)
def test_forms_of_a_position(swift: SwiftXRTClass, replay: Replay, position: Any, sent: dict[str, Any]) -> None:
    for query in (swift.query_catalog, swift.query_region):
        query(position, radius=5 * u.arcsec)
        content = replay.sent("queryDB")[-1]
        assert {key: value for key, value in content.items() if key.startswith("search")} == sent | {"searchRad": 5.0}


def test_an_object_by_its_name(swift: SwiftXRTClass, replay: Replay) -> None:
    swift.query_object("GK Per", table="datasets")
    content = replay.sent("queryDB")[0]
    assert (content["searchName"], content["searchRad"], content["adUnits"]) == ("GK Per", 1.0, "arcmin")
    assert content["table"] == "datasets"
    with pytest.raises(RequestError, match="positions are for query_region"):
        swift.query_object(PLACE)  # type: ignore[call-overload]


def test_nothing_is_sent_for_the_payload(swift: SwiftXRTClass, replay: Replay) -> None:
    for query in (swift.query_catalog, swift.query_region, swift.query_object):
        payload = query("GK Per", radius=5 * u.arcsec, get_query_payload=True)  # type: ignore[operator]
        assert payload["APIFunc"] == "queryDB"
        assert payload["searchRad"] == 5.0
    assert replay.asked == []


def test_every_choice_is_passed_on(swift: SwiftXRTClass, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CatalogQuery] = []
    monkeypatch.setattr(tables, "query_table", lambda backend, query: asked.append(query) or QTable(), raising=False)
    choice: dict[str, Any] = {
        "catalog": "2SXPS",
        "table": "datasets",
        "where": Column("ExposureUsed") > 5 * u.ks,
        "columns": ["ObsID"],
        "sort_by": "RA",
        "descending": True,
        "limit": 5,
        "subset": "clean",
        "position_from": "best",
    }
    for query in (swift.query_catalog, swift.query_region, swift.query_object):
        query("GK Per", radius=5 * u.arcsec, offline=True, **choice)  # type: ignore[operator]
        assert asked.pop() == CatalogQuery(name="GK Per", radius=5 * u.arcsec, **choice)
    named = set(inspect.signature(CatalogQuerying.query_catalog).parameters)
    assert set(RowChoice.__annotations__) == named - {"self", "position", "radius", "get_query_payload"}
    assert set(choice) == set(RowChoice.__annotations__) - {"offline"}


def test_what_cannot_be_asked_reaches_nobody(swift: SwiftXRTClass, replay: Replay) -> None:
    with pytest.raises(RequestError, match="one position is needed"):
        swift.query_region(SkyCoord([1, 2], [3, 4], unit="deg"), radius=5 * u.arcsec)
    with pytest.raises(RequestError, match="names a place"):
        swift.query_region(None, radius=5 * u.arcsec)  # type: ignore[call-overload]
    with pytest.raises(RequestError, match="LSXPS has the tables"):
        swift.query_catalog(table="stars")
    assert replay.asked == []


def test_lists(swift: SwiftXRTClass, replay: Replay) -> None:
    assert swift.list_catalogs()["catalog"].tolist() == ["LSXPS", "2SXPS", "UK_XRT", "SDC_GRB", "BAT_GRB"]
    assert "XRT" in swift.list_catalogs()["positions"][3]
    assert replay.asked == []
    assert swift.list_columns()["name"].tolist() == ["LSXPS_ID", "RA", "Decl"]
    assert swift.list_columns("LSXPS", "sources")["unit"][1] == "deg"
    assert len(replay.asked) == 1


@pytest.fixture(scope="module")
def url(small_archive: Path) -> Iterator[str]:
    """A server whose catalogue has rows that nobody had to measure."""

    def opened(*args: Any) -> CatalogStore:
        store = CatalogStore()
        for info, table in ((one, table) for one in CATALOGS.values() for table in one.tables):
            name = f"{info.name}_{table}"
            if name in TABLES:
                fields = fields_of(info.name, table).items()
                columns = [one for one, field in fields if field.kind not in ("table", "object", "list")]
                store.add(name, TABLES[name], columns)
        return store

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "open_catalog", opened)
        patch.setattr(host, "burst_tables", opened)
        with embedded_server(small_archive) as address:
            yield address


def test_over_the_wire(url: str) -> None:
    with SwiftXRTClass() as swift:
        table = swift.query_object("LSXPS J000000.0+000000", where=Column("Rate_band0") > 0.01 * u.ct / u.s)
        assert table["LSXPS_ID"].tolist() == [11, 12]
        assert table["distance"].to_value(u.arcsec) == pytest.approx([0, 36])
        assert table.meta["service"] == url
        with pytest.raises(UnknownObjectError, match="GK Per"):
            swift.query_object("GK Per")
        with pytest.raises(RequestError, match="has no column 'Rate'"):
            swift.query_catalog(columns=["Rate"])
        both = join_bursts(swift.query_catalog(catalog="BAT_GRB"), swift.query_catalog(catalog="UK_XRT"))
        assert both["GRBname"].tolist() == ["GRB 051221A"]
        assert "Rate_band0" in swift.list_columns()["name"]
