"""Upper limits as the local catalogue tells them, with rows of the catalogue that are written here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.backends.local.archive import Archive
from swiftxrt.backends.local.catalog import limits
from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.backends.local.catalog.store import CatalogStore
from swiftxrt.engine.calibration import EMBEDDED
from swiftxrt.exceptions import RequestError, RequestRejectedError, UnknownObjectError

UL = "getSXPSUL"
OBSID = "09999002000"
SOURCES = [
    {"LSXPS_ID": 1, "IAUName": "LSXPS J100000.0+200000", "RA": 150.0, "Decl": 20.0},
    {"LSXPS_ID": 2, "IAUName": "LSXPS J100000.0+200020", "RA": 150.0, "Decl": 20.0055},
    {"LSXPS_ID": 3, "IAUName": "LSXPS J120000.0+200000", "RA": 180.0, "Decl": 20.0},
    {"LSXPS_ID": 4, "IAUName": "LSXPS unknown", "RA": None, "Decl": 20.0},
]
MEASURED = {
    "Counts": 9,
    "BgCounts": 0.25,
    "CorrFact": 1.5,
    "UpperLimit": 0.5,
    "Rate": 0.4,
    "RatePos": 0.1,
    "RateNeg": -0.2,
}


def bins(source: int, band: int, origin: str) -> dict[str, Any]:
    place = {"LSXPS_ID": source, "ObsID": OBSID, "Snapshot": 0, "Band": band}
    return {**place, **MEASURED, "IsDet": int(origin != "nondet"), "Origin": origin}


@pytest.fixture(scope="module")
def catalog(small_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCatalog]:
    made = LocalCatalog(Archive(small_archive), tmp_path_factory.mktemp("catalog"), EMBEDDED)
    made._sources._store = store = CatalogStore()
    store.add("LSXPS_sources", SOURCES)
    store.add("LSXPS_datasets", [{"ObsID": OBSID, "IsStackedImage": 0}])
    store.add("bins", [bins(1, 0, "blind"), bins(1, 1, "retro"), bins(1, 2, "nondet")])
    yield made
    made.close()


def asked(catalog: LocalCatalog, **content: Any) -> dict[str, Any]:
    place = {} if {"searchName", "ULID"} & set(content) else {"RA": 150.0, "Dec": 20.0}
    return dict(json.loads(json.dumps(catalog.ask(UL, {**place, **content}), allow_nan=False)))


def test_sources_nearby(catalog: LocalCatalog) -> None:
    found = asked(catalog)
    assert found["DetData"] == [
        {"Distance": 0.0, "SourceName": SOURCES[0]["IAUName"]},
        {"Distance": 19.8, "SourceName": SOURCES[1]["IAUName"]},
    ]
    (row,) = found["ULData"]
    assert list(row) == found["Columns"]
    assert row["ObsID"] == OBSID
    assert row["Total_Counts"] > 80
    assert "DetData" not in asked(catalog, catalogue="2SXPS")
    assert "DetData" not in asked(catalog, RA=150.08, Dec=20.02)


def test_2sxps_ends_in_july_2018(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = asked(catalog, timeFormat="met", catalogue="2SXPS")["ULData"]
    monkeypatch.setitem(limits._ENDS, "2SXPS", row["StartTime"])
    found = asked(catalog, catalogue="2SXPS")
    assert (found["ULData"], found["Columns"][2]) == ([], "ObsID")
    assert len(asked(catalog)["ULData"]) == 1
    monkeypatch.setitem(limits._ENDS, "2SXPS", row["StartTime"] + 1.0)
    assert len(asked(catalog, catalogue="2SXPS")["ULData"]) == 1


def test_positions_as_text_and_names(catalog: LocalCatalog) -> None:
    named = asked(catalog, searchName=SOURCES[0]["IAUName"])
    assert (named["ResolvedRA"], named["ResolvedDec"]) == (150.0, 20.0)
    parsed = asked(catalog, searchName="10 00 00, +20 00 00")
    assert parsed["ResolvedRA"] == pytest.approx(150.0)
    assert parsed["ULData"][0]["Total_Counts"] == named["ULData"][0]["Total_Counts"]
    with pytest.raises(UnknownObjectError, match="nobody"):
        asked(catalog, searchName="nobody")


def test_where_nothing_was_observed(catalog: LocalCatalog) -> None:
    found = asked(catalog, RA=180.0, Dec=20.0)
    assert found["ULData"] == []
    assert found["Columns"][-1] == "Total_CorrectionFactor"
    assert [one["SourceName"] for one in found["DetData"]] == [SOURCES[2]["IAUName"]]


def test_numbers_of_the_catalogue(catalog: LocalCatalog) -> None:
    (row,) = asked(catalog, useCatValues=True, detectionsAsRates=True, bands="all")["ULData"]
    assert (row["Total_Counts"], row["Total_BGCounts"], row["Total_CorrectionFactor"]) == (9, 0.25, 1.5)
    assert (row["Total_Rate"], row["Total_RateNeg"], row["Total_IsDetected"]) == (0.4, -0.2, 1)
    assert (row["Medium_Rate"], row["Medium_IsDetected"], row["Medium_UpperLimit"]) == ("NaN", 0, 0.5)
    bands = ("Total", "Soft", "Medium", "Hard")
    assert [row[f"{band}_DataFromCatalogue"] for band in bands] == [1, 1, 1, 0]
    assert [row[f"{band}_IsRetrospectiveDetection"] for band in bands] == [0, 1, 0, 0]
    assert row["Hard_Counts"] > 20


def test_detections_are_left_out(catalog: LocalCatalog) -> None:
    assert asked(catalog, skipDetections=True)["ULData"] == []
    assert len(asked(catalog, skipDetections=True, RA=150.08, Dec=20.02)["ULData"]) == 1


def test_sigmas(catalog: LocalCatalog) -> None:
    limit = {
        sigma: asked(catalog, sigma=sigma, RA=150.08, Dec=20.02)["ULData"][0]["Total_UpperLimit"] for sigma in (1, 3)
    }
    assert limit[1] < limit[3]
    faint = {"RA": 150.08, "Dec": 20.02, "detectionsAsRates": True}
    assert asked(catalog, **faint)["ULData"][0]["Total_IsDetected"] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"Dec": 95.0}, "Dec between -90 and 90"),
        ({"sigma": 0}, "sigma must be a number of sigmas"),
        ({"sigma": 1e9}, "sigma must be a number of sigmas"),
        ({"detThresh": -1}, "detThresh must be a number of sigmas"),
        ({"catalogue": "UK_XRT"}, "LSXPS or 2SXPS"),
        ({"catalogue": "x"}, "catalog: must be one of"),
        ({"bands": "ultra"}, "bands"),
    ],
    ids=str,
)
def test_what_is_refused(catalog: LocalCatalog, content: dict[str, Any], message: str) -> None:
    with pytest.raises((RequestRejectedError, RequestError), match=message):
        asked(catalog, **content)


def test_a_result_is_given_out_once(catalog: LocalCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(limits, "_PATIENCE_S", 0.0)
        begun = asked(catalog, RA=150.07, Dec=20.01)
        assert list(begun) == ["TIMEOUT"]
    assert len(asked(catalog, ULID=begun["TIMEOUT"])["ULData"]) == 1
    with pytest.raises(UnknownObjectError, match="was not found"):
        asked(catalog, ULID=begun["TIMEOUT"])


def test_stacks_have_the_numbers_of_the_catalogue() -> None:
    from swiftxrt.met import met_to_time

    store = CatalogStore()
    row = {"start": met_to_time(5e8), "stop": met_to_time(6e8)}
    assert limits._stack(store, row) == "10000000001"
    stacks = [("10000000001", 4e8, 4.5e8), ("10000000002", 5e8, 6e8 + 1), ("10000000003", 5e8, 7e8)]
    names = ("ObsID", "StartTime_MET", "StopTime_MET")
    store.add("LSXPS_datasets", [{**dict(zip(names, one, strict=True)), "IsStackedImage": 1} for one in stacks])
    assert limits._stack(store, row) == "10000000002"
    store.close()
