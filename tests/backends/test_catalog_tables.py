"""``getMetadata`` and ``queryDB`` from the rows of a local catalogue, also as the reference client sees them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from swiftxrt.backends.local.catalog.host import LocalCatalog
from swiftxrt.exceptions import RequestError, RequestRejectedError, UnknownObjectError
from swiftxrt.server.catalogcalls import answer
from tests.catalog.stores import local_catalog


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCatalog]:
    made = local_catalog(tmp_path_factory.mktemp("catalog"))
    yield made
    made.close()


def rows(catalog: LocalCatalog, **content: Any) -> list[dict[str, Any]]:
    usual = {"database": "LSXPS", "table": "sources", "numRows": 1000, "firstRow": 0, "cols": ["LSXPS_ID"]}
    reply = catalog.ask("queryDB", {**usual, **content})
    assert reply["NumRows"] == len(reply["Results"])
    return list(reply["Results"])


def numbers(catalog: LocalCatalog, **content: Any) -> list[int]:
    return [row["LSXPS_ID"] for row in rows(catalog, **content)]


def filtered(catalog: LocalCatalog, *parts: Any) -> list[int]:
    keys = ("colName", "filter", "val", "combiner", "filter2", "val2")
    constraint = dict.fromkeys(keys) | dict(zip(keys, parts, strict=False))
    return numbers(catalog, constraints=[constraint])


def test_metadata_names_the_columns_that_are_there(catalog: LocalCatalog) -> None:
    content = catalog.ask("getMetadata", {"database": "LSXPS", "table": "sources"})["metadata"]
    by_name = {row["ColName"]: row for row in content["metadata"]}
    assert set(by_name) == {
        "LSXPS_ID",
        "IAUName",
        "RA",
        "Decl",
        "Err90",
        "Rate_band0",
        "HR1",
        "DetFlag",
        "FieldFlag",
    } | {
        "FirstObsMET",
        "Notes",
    }
    assert list(content["columns"]) == list(by_name["RA"])
    assert by_name["RA"]["Type"] == "COORDH"
    assert by_name["Decl"]["Type"] == "COORDD"
    assert by_name["LSXPS_ID"]["Type"] == "INT"
    assert by_name["IAUName"]["IsNameCol"] == 1
    assert "BASIC" in by_name["LSXPS_ID"]["Class"]
    assert "(ct / s)" in by_name["Rate_band0"]["Description"]
    datasets = catalog.ask("getMetadata", {"database": "LSXPS", "table": "datasets"})["metadata"]["metadata"]
    assert [row["ColName"] for row in datasets if row["IsObsCol"]] == ["ObsID"]


def test_metadata_of_a_table_without_rows_are_what_is_known(catalog: LocalCatalog) -> None:
    content = catalog.ask("getMetadata", {"database": "SDC_GRB", "table": "SDC_Data_Table"})
    assert len(content["metadata"]["metadata"]) > 40
    assert catalog.ask("queryDB", {"database": "SDC_GRB", "table": "SDC_Data_Table"}) == {"Results": [], "NumRows": 0}


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("Rate_band0", ">", 0.02), [11, 12]),
        (("Rate_band0", ">=", 0.02), [11, 12, 15]),
        (("Rate_band0", "<", "0.02"), [13]),
        (("DetFlag", "=", 0), [11, 14, 15]),
        (("DetFlag", "!=", 0), [12, 13]),
        (("HR1", "IS NULL"), [12]),
        (("HR1", "IS NOT NULL"), [11, 13, 14, 15]),
        (("HR1", "!=", 0.9), [11, 14, 15]),  # nothing is known of 12
        (("Rate_band0", "BETWEEN", [0.005, 0.05]), [12, 13, 15]),
        (("IAUName", "LIKE", "lsxps j0000%"), [11, 12, 15]),
        (("IAUName", "NOT LIKE", "%j0000%"), [13, 14]),
        (("Notes", "LIKE", r"50\%\_%"), [13]),
        (("Notes", "=", "BRIGHT"), [11]),
        (("Notes", ">", "b"), [11, 15]),
        (("HR1", "<", -0.1, "or", ">", 0.5), [11, 13]),
        (("HR1", "IS NULL", None, "OR", ">", 0.5), [12, 13]),
        (("HR1", ">", 0, "AND", "<", 0.5), [14, 15]),
        (("LSXPS_ID", "<", 10**30), [11, 12, 13, 14, 15]),
    ],
)
def test_every_operator(catalog: LocalCatalog, parts: tuple[Any, ...], found: list[int]) -> None:
    assert filtered(catalog, *parts) == found


def test_obsids_are_compared_with_and_without_their_zeros(catalog: LocalCatalog) -> None:
    for value in ("00030842027", 30842027):
        constraint = {"colName": "ObsID", "filter": "=", "val": value}
        found = rows(catalog, table="datasets", cols=["DatasetID"], constraints=[constraint])
        assert found == [{"DatasetID": 7}]


def test_the_nearest_come_first_in_a_cone(catalog: LocalCatalog) -> None:
    cone = {"searchRA": 359.992, "searchDec": 0.0, "searchRad": 70.0, "adUnits": "arcsec"}
    found = rows(catalog, **cone)
    assert [list(row) for row in found] == [["_r", "LSXPS_ID"]] * 3
    assert [row["LSXPS_ID"] for row in found] == [13, 11, 12]
    assert [row["_r"] for row in found] == pytest.approx([7.2, 28.8, 64.8])
    assert numbers(catalog, **cone, sortBy="Err90") == [11, 12, 13]
    assert numbers(catalog, **cone, sortBy="Err90", sortDir="DESC", numRows=1, firstRow=1) == [12]
    assert [row["_r"] for row in rows(catalog, **{**cone, "adUnits": "deg"})][:1] == pytest.approx([0.002])


def test_the_whole_sky_and_the_pole(catalog: LocalCatalog) -> None:
    assert numbers(catalog, searchRA=10.0, searchDec=0.0, searchRad=180.0, adUnits="deg") == [12, 11, 13, 14]
    assert numbers(catalog, searchRA=77.0, searchDec=89.99, searchRad=1.0, adUnits="arcmin") == [14]
    assert numbers(catalog, searchRA=77.0, searchDec=20, searchRad=1.0, adUnits="arcmin") == []


@pytest.mark.parametrize(
    ("subset", "found"), [("clean", [11, 12, 14, 15]), ("Clean", [11, 12, 14, 15]), ("ultraclean", [11, 15])]
)
def test_subsets(catalog: LocalCatalog, subset: str, found: list[int]) -> None:
    assert numbers(catalog, subset=subset) == found


def test_subset_of_datasets(catalog: LocalCatalog) -> None:
    for subset in ("clean", "ultra-clean"):
        assert rows(catalog, table="datasets", cols=["DatasetID"], subset=subset) == [{"DatasetID": 7}]
    with pytest.raises(RequestRejectedError, match="UK_XRT XRTLiveCat has no subset 'clean'"):
        rows(catalog, database="UK_XRT", table="XRTLiveCat", cols=["name"], subset="clean")


def test_pages_and_order(catalog: LocalCatalog) -> None:
    assert numbers(catalog, numRows=2, firstRow=2) == [13, 14]
    assert numbers(catalog, numRows=2, firstRow=6) == []
    assert numbers(catalog, numRows=0) == []
    assert numbers(catalog, sortBy="Rate_band0") == [14, 13, 15, 12, 11]
    assert numbers(catalog, sortBy="Rate_band0", sortDir="desc") == [11, 12, 15, 13, 14]


def test_usual_columns(catalog: LocalCatalog) -> None:
    first = rows(catalog, cols=None)[0]
    assert list(first)[:2] == ["LSXPS_ID", "IAUName"]
    assert "Notes" not in first


def test_names_and_positions_as_texts(catalog: LocalCatalog) -> None:
    def resolved(name: str) -> dict[str, Any]:
        content = {"database": "LSXPS", "table": "sources", "searchName": name, "searchRad": 5.0, "cols": ["LSXPS_ID"]}
        return catalog.ask("queryDB", content)

    reply = resolved("lsxps  J000002.4+000000")
    assert reply["Results"] == [{"_r": 0.0, "LSXPS_ID": 12}]
    assert (reply["ResolvedRA"], reply["ResolvedDec"]) == (0.01, 0.0)
    assert reply["ResolvedInfo"].endswith("as (0.01, 0.0) via LSXPS sources")
    assert resolved("T Pyx")["ResolvedInfo"] == "Resolved 'T Pyx' as (0.01, 0.0) via the observations"
    # The XRT knows better than the BAT.
    assert resolved("grb051221A")["ResolvedRA"] == 328.70252
    assert resolved("GRB 060218")["ResolvedRA"] == 50.3838
    for text in ("0.01 0.0", "00 00 02.4, +00 00 00", "00:00:02.4 -00:00:00", "00h00m02.4s +00d00m00s"):
        assert resolved(text)["ResolvedRA"] == pytest.approx(0.01), text
        assert resolved(text)["Results"][0]["LSXPS_ID"] == 12
    assert resolved("77.969042, -62.324167")["ResolvedInfo"] == (
        "Parsed '77.969042, -62.324167' as (77.96904, -62.32417)"
    )
    for text in ("GK Per", "1 2 3", "10 95", "1 2 3 4 5 nan"):
        with pytest.raises(UnknownObjectError, match="was not found"):
            resolved(text)


@pytest.mark.parametrize(
    "content",
    [
        {"cols": ["Rate_band9"]},
        {"cols": ['RA" FROM x; --']},
        {"sortBy": "nothing"},
        {"constraints": [{"colName": "nothing", "filter": "=", "val": 1}]},
        {"constraints": [{"colName": "Rate_band0", "filter": "=", "val": "much"}]},
        {"constraints": [{"colName": "Notes", "filter": "LIKE", "val": "%" * 1001}]},
        {"constraints": [{"colName": "Notes", "filter": "MATCH", "val": "x"}]},
        {"constraints": [{"colName": "Notes", "filter": "=", "val": "\ud800"}]},
        {"constraints": [{"colName": "Notes", "filter": "BETWEEN", "val": 1}]},
        {"constraints": "RA > 1"},
        {"database": "obs", "table": "swiftmastr"},
        {"table": "nothing"},
        {"searchRad": 5.0},
        {"searchRA": "x", "searchDec": 0, "searchRad": 5.0},
        {"searchRA": 0, "searchDec": 0, "searchRad": 5.0, "RACol": "Rate", "DecCol": "Decl"},
        {"adUnits": "parsec"},
        {"sortDir": "UP"},
        {"numRows": -1},
        {"numRows": True},
        {"subset": "dirty"},
        {"searchName": ["GK Per"], "searchRad": 5.0},
    ],
)
def test_what_cannot_be_answered_is_refused(catalog: LocalCatalog, content: dict[str, Any]) -> None:
    with pytest.raises((RequestError, RequestRejectedError)):
        rows(catalog, **content)


def test_any_pair_of_columns_may_be_the_position(catalog: LocalCatalog) -> None:
    cone = {"database": "UK_XRT", "table": "XRTLiveCat", "cols": ["name"], "searchRA": 315.298, "searchDec": 42.221}
    for ra, dec in (("Enh_RA", "Enh_Decl"), ("RA", "Decl"), ("Enh_RA", "Decl")):
        found = rows(catalog, **cone, searchRad=2.0, RACol=ra, DecCol=dec)
        assert [row["name"] for row in found] == ["GRB 160623A"]
    assert rows(catalog, **cone, searchRad=2.0, RACol="Enh_RA", DecCol="SPER_Decl") == []


# The reference client.


@pytest.fixture
def post(catalog: LocalCatalog) -> Callable[..., Any]:
    """What stands for ``requests.post``."""

    def posted(url: str, json_: Any = None, **options: Any) -> Any:
        payload = json.loads(json.dumps(options.get("json", json_)))
        call = SimpleNamespace(backend=SimpleNamespace(catalog=catalog), payload=payload, base_url="http://x")
        reply = answer(call, payload["APIFunc"])  # type: ignore[arg-type]
        return SimpleNamespace(status_code=200, reason="OK", text=json.dumps(reply))

    return posted


@pytest.fixture
def client(post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """``swifttools.ukssdc.query``, whose calls go to the catalogue."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("swifttools", reason="swifttools is not installed (extra 'interop')")
        module = pytest.importorskip("swifttools.ukssdc.query", reason="swifttools needs setuptools")
        main = pytest.importorskip("swifttools.ukssdc.main")
    monkeypatch.setattr(main.requests, "post", post)
    return module


def test_reference_client_queries_sources(client: Any) -> None:
    query = client.SXPSQuery(cat="LSXPS", table="sources", silent=True)
    query.addConeSearch(name="LSXPS J000000.0+000000", radius=1, units="arcmin")
    query.addFilter(("Rate_band0", ">", 0.01))
    query.addCol("*")
    query.subset = "Clean"
    query.submit()
    assert query.results["LSXPS_ID"].tolist() == [11, 12]
    assert query.results["_r"].tolist() == pytest.approx([0.0, 0.6])
    assert query.resolvedRA == 0.0
    assert query.results["RA_s"][1] == "+00h 00m 2.40s"


def test_reference_client_queries_datasets(client: Any) -> None:
    query = client.SXPSQuery(cat="LSXPS", table="datasets", silent=True)
    query.addFilter(("ExposureUsed", "BETWEEN", [1000, 2000]))
    query.sortCol = "ExposureUsed"
    query.submit()
    assert query.results["ObsID"].tolist() == ["00030842027"]


def test_reference_client_merges_bursts(client: Any) -> None:
    query = client.GRBQuery(cat="BAT_GRB", silent=True)
    query.addFilter(("T90", "<", 2))
    query.setAuxCat("UK_XRT")
    query.auxCat.addFilter(("NumLCBreaks", ">=", 1))
    query.submit()
    query.mergeResults()
    assert query.results["GRBname"].tolist() == ["GRB 051221A"]
    assert query.results["targetID"].tolist() == [173780]


def test_reference_client_gets_errors(client: Any) -> None:
    query = client.SXPSQuery(cat="LSXPS", table="sources", silent=True)
    query.addConeSearch(name="GK Per", radius=1)
    with pytest.raises(RuntimeError, match="was not found"):
        query.submit()
