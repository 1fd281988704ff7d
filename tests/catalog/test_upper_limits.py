"""Upper limits from a service: questions, and tables of replies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt import SwiftXRTClass, Target, conf, merge_upper_limits
from swiftxrt.engine.counts import kbn_interval
from swiftxrt.exceptions import (
    PartialResultWarning,
    RequestError,
    UnknownObjectError,
)
from swiftxrt.products.limits import COLUMNS
from swiftxrt.wire.sxps_limits import BAND_FLAGS, BAND_NUMBERS
from tests.catalog.limit_replies import PLACE, THREE, UL, reply, row, service
from tests.catalog.replay import fixture

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden_upper_limits.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cache"
    with conf.set_temp("cache_dir", str(folder)):
        yield folder / "limits"


def payloads(positions: Any, **settings: Any) -> list[dict[str, Any]]:
    return SwiftXRTClass().get_upper_limits(positions, get_query_payload=True, **settings)


# ---------------------------------------------------------------- questions


def test_questions() -> None:
    (sent,) = payloads(PLACE)
    assert sent == {
        "catalogue": "LSXPS",
        "bands": ["total"],
        "whichData": "deepest",
        "timeFormat": "met",
        "sigma": 3.0,
        "detectionsAsRates": False,
        "skipDetections": False,
        "useCatValues": False,
        "RA": pytest.approx(77.969042),
        "Dec": pytest.approx(-62.324167),
        "APIFunc": UL,
        "APIVersion": "1.0.5",
    }
    settings = {"catalog": "2sxps", "bands": "all", "skip_detections": True, "use_catalog_values": True}
    (sent,) = payloads("GK Per", data="merged", confidence=0.95, detection_threshold=0.9973, **settings)
    assert (sent["catalogue"], sent["bands"], sent["whichData"]) == ("2SXPS", "all", "all")
    assert (sent["sigma"], sent["detThresh"]) == (1.96, 3.0)
    assert (sent["skipDetections"], sent["useCatValues"], sent["searchName"]) == (True, True, "GK Per")


@pytest.mark.parametrize(("confidence", "sigma"), [(0.9973, 3.0), (0.6827, 1.0), (0.9545, 2.0), (0.9999994267, 5.0)])
def test_confidence_in_sigmas(confidence: float, sigma: float) -> None:
    assert payloads(PLACE, confidence=confidence)[0]["sigma"] == sigma


def test_what_names_places() -> None:
    table = QTable({"position": THREE[:2]})
    sent = payloads([PLACE, "GK Per", Target("V404 Cyg"), Target("X", position=THREE[2]), table, np.str_(" M 31 ")])
    named = [one.get("searchName") for one in sent]
    assert named == [None, "GK Per", "V404 Cyg", None, None, None, "M 31"]
    places = [(round(one["RA"]), round(one["Dec"])) for one in sent if "RA" in one]
    assert places == [(78, -62), (30, 3), (10, 1), (20, 2)]


@pytest.mark.parametrize(
    ("positions", "settings", "message"),
    [
        (SkyCoord([1.0, np.nan], [2.0, 3.0], unit="deg"), {}, r"number \[1\] \(from 0\) of 2 is masked or not a"),
        ([PLACE, "  "], {}, "a SkyCoord, a Target"),
        ([PLACE, np.ma.masked], {}, "a SkyCoord, a Target"),
        (12.5, {}, "a SkyCoord, a Target"),
        (PLACE, {"radius": 20 * u.arcsec}, "radius: is for measurements with backend='local'"),
        (PLACE, {"catalog": "UK_XRT"}, "one of LSXPS, 2SXPS"),
        (PLACE, {"catalog": "3SXPS"}, "catalog: must be one of"),
        (PLACE, {"skip_detections": 1}, "skip_detections: must be True or False"),
        (PLACE, {"bands": "medum"}, "did you mean 'medium'"),
        (PLACE, {"confidence": 99.73}, "for per cent write 0.9973"),
        (PLACE, {"timeout": 5}, "timeout: a time is needed"),
    ],
)
def test_what_cannot_be_asked(positions: Any, settings: dict[str, Any], message: str) -> None:
    client, backend = service({})
    with pytest.raises(RequestError, match=message):
        client.get_upper_limits(positions, **settings)
    assert not backend.asked


def test_no_position_at_all() -> None:
    client, backend = service(reply())
    for data in ("deepest", "merged"):
        found = client.get_upper_limits([], data=data)
        assert len(found) == 0
        assert {"position", "outcome", "total_upper_limit"} <= set(found.colnames)
    assert not backend.asked


# ---------------------------------------------------------------- tables


def test_recorded_reply(validation_data: Path) -> None:
    recorded = fixture(validation_data, "sxps", "wire", "getSXPSUL_ul_detections_as_rates.json")["reply"]
    client, _ = service(recorded)
    found = client.get_upper_limits("77.969042, -62.324167", data="all", detections_as_rates=True)
    assert len(found) == 12
    assert set(found.colnames) <= set(COLUMNS)
    assert [name for name in COLUMNS if name in found.colnames] == found.colnames
    detected = [one["Total_IsDetected"] for one in recorded["ULData"]]
    assert found["total_is_detected"].tolist() == detected
    assert [one == "detection" for one in found["outcome"]] == detected
    assert set(found["outcome"]) == {"detection", "catalogued source nearby"}
    np.testing.assert_array_equal(found["total_upper_limit"].value, [x["Total_UpperLimit"] for x in recorded["ULData"]])
    assert found["dataset"].tolist() == ["stack"] + ["observation"] * 11
    assert found["n_observations"].mask.tolist() == [True] + [False] * 11
    assert found["start"][1].isot.startswith("2018-05-10T22:06:39")
    assert set(found["catalog_source"]) == {"LSXPS J051152.3-621925"}
    assert found["nearest_source"][0] == 2.4 * u.arcsec
    assert found["position"][0].separation(PLACE) < 1 * u.arcsec
    assert found["message"][0] == recorded["ResolvedInfo"]
    assert found.meta["catalog"] == "LSXPS"


def test_merging_what_the_service_gave(validation_data: Path) -> None:
    """The example of the documentation, in which the stack is left out by hand."""
    recorded = fixture(validation_data, "sxps", "wire", "getSXPSUL_ul_detections_as_rates.json")["reply"]
    golden = fixture(validation_data, "sxps", "ul_merge_result.json")["result"]
    client, backend = service(recorded)
    found = client.get_upper_limits("77.969042, -62.324167", data="all", detections_as_rates=True)
    for table in (found, found[found["dataset"] == "observation"]):
        merged = merge_upper_limits(table, confidence=0.95)
        assert merged["total_upper_limit"][0].value == pytest.approx(golden["Total_UpperLimit"], rel=2e-5)
        assert merged["image_exposure"][0].value == pytest.approx(golden["ImageExposure"])
        assert merged["total_background_counts"][0].value == pytest.approx(golden["Total_BGCounts"])
        assert merged["outcome"].tolist() == ["catalogued source nearby"]
        assert merged["catalog_source"].tolist() == ["LSXPS J051152.3-621925"]
        assert merged["n_observations"].tolist() == [11]
    at_once = client.get_upper_limits("77.969042, -62.324167", data="merged", confidence=0.95)
    assert at_once["total_upper_limit"][0] == merged["total_upper_limit"][0]
    assert not [name for name in at_once.colnames if "rate" in name or "is_detected" in name]
    assert at_once["outcome"].tolist() == ["catalogued source nearby"]
    assert merge_upper_limits(found[:1])["n_observations"].mask.tolist() == [True]
    assert len(backend.asked) == 2


@pytest.mark.parametrize("case", [one for one in GOLDEN["merges"] if one["rows"]], ids=lambda case: str(case["name"]))
def test_merges_worked_out_elsewhere(case: dict[str, Any]) -> None:
    """The same numbers as rows of a reply; there the limits themselves do not matter."""
    rows = [dict(zip(case["columns"], values, strict=True)) for values in case["rows"]]
    numbered = [{"ObsID": f"{number:011d}", **one} for number, one in enumerate(rows, start=20_000_001)]
    observations = [one for one in numbered if one["ObsID"] < "1"]
    bands = {name.partition("_")[0] for name in case["columns"] if "_" in name}
    sent = [{**one, **dict.fromkeys((f"{band}_UpperLimit" for band in bands), 0.0)} for one in numbered]
    options = case["options"]
    percent = {name: value / 100 if value > 1 else value for name, value in options.items() if name != "bands"}
    client, _ = service(reply(*sent))
    found = client.get_upper_limits(PLACE, data="all", bands=sorted(bands))
    merged = merge_upper_limits(
        found,
        bands=options.get("bands", "all"),
        confidence=percent.get("conf", 0.997),
        detection_threshold=percent.get("detThresh"),
    )
    assert merged["n_observations"].tolist() == [len(observations) or None]
    if 0 < len(observations) < len(rows):  # what was worked out counts the stack and its observations
        return
    for band, exact in case["exact"].items():
        for name, value in exact.items():
            ours = (BAND_NUMBERS | BAND_FLAGS)[name]
            sign = -1 if name == "RateNeg" else 1
            column = u.Quantity(merged[f"{band.lower()}_{ours}"][0]).value
            assert column == pytest.approx(sign * value, rel=1e-6)


def test_what_can_come_of_a_position() -> None:
    near = [{"Distance": 7.5, "SourceName": "LSXPS J000000.0+000000"}, {"Distance": 2, "SourceName": "nearer"}]
    replies = {
        1.0: reply(row("10000000001"), row()),
        2.0: reply(row(), DetData=near),
        3.0: {"Columns": [], "ULData": []},
        4.0: {"ERROR": 1, "ERRORTEXT": "This position has not been observed by XRT"},
        5.0: {"ERROR": 1, "ERRORTEXT": "Something is wrong with it"},
        6.0: {"TIMEOUT": "abc"},
        7.0: {"DetData": near, "Columns": [], "ULData": []},
    }
    client, backend = service(lambda asked: replies[asked["Dec"]])
    places = SkyCoord(np.full(7, 10.0), list(replies), unit="deg")
    with pytest.warns(PartialResultWarning, match="2 of 7 positions have no upper limit, as 1 failed and 1 timed out"):
        found = client.get_upper_limits(places, data="all", timeout=0 * u.s)
    assert found["position_number"].tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    assert found["outcome"].tolist() == [
        *("limit", "limit", "catalogued source nearby", "not observed", "not observed"),
        *("failed", "timed out", "catalogued source nearby"),
    ]
    assert found["catalog_source"][2] == "nearer; LSXPS J000000.0+000000"
    assert found["nearest_source"][2] == 2 * u.arcsec
    assert "Something is wrong with it" in found["message"][5]
    assert "abc" in found["message"][6]
    assert found["total_upper_limit"].value[[0, 1, 2]].tolist() == [0.0123] * 3
    assert np.isnan(found["total_upper_limit"].value[3:]).all()
    assert found["image_exposure"].value[[3, 4, 7]].tolist() == [0.0] * 3
    assert np.isnan(found["image_exposure"].value[[5, 6]]).all()
    assert found["total_counts"].value[3] == 0
    assert found["start"].mask.tolist() == [False] * 3 + [True] * 5
    assert found["position"].dec.deg.tolist() == [1.0, *range(1, 8)]
    merged = merge_upper_limits(found)
    assert merged["outcome"].tolist() == [
        *("limit", "catalogued source nearby", "not observed", "not observed"),
        *("failed", "timed out", "catalogued source nearby"),
    ]
    assert len(backend.asked) == 7


@pytest.mark.parametrize(
    ("data", "obsids"),
    [
        ("all", ["10000000001", "00000000001", "00000000002", "00000000003"]),
        ("observations", ["00000000001", "00000000002", "00000000003"]),
        ("stack", ["10000000001", "00000000003"]),
        ("merged", ["", ""]),
    ],
)
def test_which_data_sets(data: str, obsids: list[str]) -> None:
    replies = {10.0: [row("10000000001"), row("1"), row("2")], 20.0: [row("3")]}
    client, backend = service(lambda asked: reply(*replies[asked["RA"]]))
    found = client.get_upper_limits(THREE[:2], data=data)
    assert found["obsid"].tolist() == obsids
    assert {one["whichData"] for one in backend.sent(UL)} == {"all"}


def test_a_name_that_nobody_knows_is_not_anywhere() -> None:
    unknown = {"ERROR": 2, "ERRORTEXT": "The name `nobody` was not found"}
    resolved = {"ResolvedInfo": "Resolved", "ResolvedRA": 12.5, "ResolvedDec": "-3"}
    client, _ = service(lambda asked: unknown if asked["searchName"] == "nobody" else reply(**resolved))
    with pytest.warns(PartialResultWarning) as caught:
        found = client.get_upper_limits(["GK Per", "nobody"])
    assert caught[0].filename == __file__
    assert found["position"][0].separation(SkyCoord(12.5, -3.0, unit="deg")) < 1e-6 * u.arcsec
    assert np.isnan(found["position"].ra.deg[1])
    merged = merge_upper_limits(found)
    assert merged["outcome"].tolist() == ["limit", "failed"]
    assert "position" in merged.colnames
    with pytest.raises(UnknownObjectError, match="nobody"):
        client.get_upper_limits("nobody")


def test_the_threshold_is_heeded_here_whatever_the_service_does() -> None:
    rates = {"Total_Rate": "NaN", "Total_RatePos": "NaN", "Total_RateNeg": "NaN", "Total_IsDetected": 0}
    of_catalog = {**rates, "Total_IsDetected": 1, "Total_Rate": 5.0, "Total_DataFromCatalogue": 1}
    rows = [
        row("1", Total_Counts=7, **rates, Total_DataFromCatalogue=0),
        row("2", Total_Counts=0, **{**rates, "Total_IsDetected": 1}, Total_DataFromCatalogue=0),
        row("3", **of_catalog),
    ]
    client, backend = service(reply(*rows))
    found = client.get_upper_limits(
        PLACE, data="all", detections_as_rates=True, detection_threshold=0.9, use_catalog_values=True
    )
    assert kbn_interval(7, 0.5, 0.9)[0] > 0
    assert found["total_is_detected"].tolist() == [True, False, True]
    assert found["outcome"].tolist() == ["detection", "limit", "detection"]
    assert found["total_rate"].value.tolist() == pytest.approx([6.5 * 1.25 / 1000, np.nan, 5.0], nan_ok=True)
    assert found["total_from_catalog"].tolist() == [False, False, True]
    assert found["total_upper_limit"].value.tolist() == [0.0123] * 3
    assert backend.asked[0][1]["detThresh"] == pytest.approx(1.6449)


def test_other_bands() -> None:
    hard = {name.replace("Total", "Hard"): value for name, value in row().items() if name.startswith("Total")}
    client, _ = service(reply({**row(), **hard}))
    found = client.get_upper_limits(PLACE, bands=["hard", "total"])
    assert found["hard_upper_limit"].unit == u.ct / u.s
    assert found["hard_upper_limit"][0] == found["total_upper_limit"][0]
