"""Upper limits from a service, at one position and many; what is kept, and what is asked again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt import SwiftXRTClass, Target, conf, merge_upper_limits
from swiftxrt.catalog import limit_journal, limits
from swiftxrt.engine.counts import kbn_interval
from swiftxrt.exceptions import (
    OfflineError,
    PartialResultWarning,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    ServiceUnavailableError,
    ServiceWarning,
    UnknownObjectError,
)
from swiftxrt.products.limits import COLUMNS
from tests.catalog.replay import Replay, fixture

UL = "getSXPSUL"
PLACE = SkyCoord(77.969042, -62.324167, unit="deg")
THREE = SkyCoord([10.0, 20.0, 30.0], [1.0, 2.0, 3.0], unit="deg")


def row(obsid: str = "00031635001", **changes: Any) -> dict[str, Any]:
    made = {
        "StartTime": 275000000.0,
        "StopTime": 275001000.0,
        "ObsID": obsid,
        "SourceExposure": 900.0,
        "ImageExposure": 1000.0,
        "Total_UpperLimit": 0.0123,
        "Total_Counts": 2,
        "Total_BGCounts": 0.5,
        "Total_CorrectionFactor": 1.25,
    }
    return {**made, **changes}


def reply(*rows: dict[str, Any], **others: Any) -> dict[str, Any]:
    rows = rows or (row(),)
    return {"Columns": list(rows[0]), "ULData": list(rows), **others}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cache"
    with conf.set_temp("cache_dir", str(folder)):
        yield folder / "limits"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "_now", made.now)
    monkeypatch.setattr(limits, "_clock", made.now)
    monkeypatch.setattr(limits, "_sleep", made.sleep)
    monkeypatch.setattr(limit_journal, "_now", made.now)
    return made


class Clock:
    """Time that passes while one waits."""

    def __init__(self) -> None:
        self.time = 1.6e9
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def service(answer: Any) -> tuple[SwiftXRTClass, Replay]:
    made, backend = SwiftXRTClass(), Replay({UL: answer})
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend


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
        (PLACE, {"radius": 20 * u.arcsec}, "radius: is for backend='local'"),
        (PLACE, {"catalog": "UK_XRT"}, "LSXPS or 2SXPS"),
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
    with pytest.warns(PartialResultWarning):
        found = client.get_upper_limits(["GK Per", "nobody"])
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


# ---------------------------------------------------------------- many, kept and resumed


def test_answers_are_kept_and_asked_for_once(clock: Clock, cache: Path) -> None:
    client, backend = service(lambda asked: reply(row(Total_UpperLimit=asked["RA"])))
    first = client.get_upper_limits(THREE)
    assert len(backend.asked) == 3
    again, other = service(reply())
    second = again.get_upper_limits(THREE[::-1])
    assert not other.asked
    assert first["total_upper_limit"].value.tolist() == [10.0, 20.0, 30.0]
    assert second["total_upper_limit"].value.tolist() == [30.0, 20.0, 10.0]
    assert not list(cache.glob("*.reply"))
    # Another question, or another service, is not answered by it.
    for settings in ({"bands": "hard"}, {"data": "all"}, {"confidence": 0.95}, {"catalog": "2SXPS"}):
        assert again.get_upper_limits(THREE[:1], **settings)["position_number"].tolist() == [0]
    assert len(other.asked) == 4
    other.service = "https://elsewhere.invalid"
    again.get_upper_limits(THREE[:1])
    assert len(other.asked) == 5
    other.service = backend.service
    again.get_upper_limits(THREE[:2], refresh=True)
    assert len(other.asked) == 7
    clock.time += conf.cache_expiry + 1
    again.get_upper_limits(THREE)
    assert len(other.asked) == 10


def test_positions_that_stand_twice_are_asked_once() -> None:
    client, backend = service(reply())
    found = client.get_upper_limits([PLACE, THREE[0], PLACE, "GK Per", "GK Per"])
    assert found["position_number"].tolist() == [0, 1, 2, 3, 4]
    assert set(found["outcome"]) == {"limit"}
    assert len(backend.asked) == 3


def test_nothing_is_kept_if_that_is_not_wanted(cache: Path) -> None:
    client, backend = service(reply())
    with conf.set_temp("cache", False):
        for _ in range(2):
            client.get_upper_limits(PLACE)
    assert len(backend.asked) == 2
    assert not cache.exists()


def test_where_nothing_can_be_kept(cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file in the way")
    client, _ = service(reply())
    with pytest.warns(ServiceWarning, match="answers are not kept in .*limits"):
        assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]


def test_a_damaged_file_of_answers_is_put_aside(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.mkdir(parents=True)
    (cache / "limits.sqlite").write_bytes(b"not a database" * 100)
    client, backend = service(reply())
    with caplog.at_level(logging.WARNING, "swiftxrt"):
        for _ in range(2):
            client.get_upper_limits(PLACE)
    assert "damaged" in caplog.text
    assert (cache / "limits.sqlite.damaged").exists()
    assert len(backend.asked) == 1


def test_a_few_are_asked_side_by_side() -> None:
    guard, inside, most = threading.Lock(), 0, 0
    together = threading.Barrier(3, timeout=10)

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        together.wait()
        with guard:
            inside -= 1
        return reply()

    client, _ = service(answer)
    with conf.set_temp("max_connections", 3):
        client.get_upper_limits(SkyCoord(np.arange(12.0), np.zeros(12), unit="deg"))
    assert most == 3


def test_after_many_failures_the_rest_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_FAILURES", 5)
    good = threading.Event()

    def answer(asked: dict[str, Any]) -> Any:
        return reply() if asked["RA"] == 0 else ServiceUnavailableError("is down", url="u")

    client, backend = service(answer)
    places = SkyCoord(np.arange(50.0), np.zeros(50), unit="deg")
    with conf.set_temp("max_connections", 1), pytest.warns(PartialResultWarning, match="49 of 50"):
        found = client.get_upper_limits(places)
    assert len(backend.asked) == 6
    assert "is down" in found["message"][5]
    assert "not asked, as the last 5 questions to the service failed: is down" in found["message"][49]
    backend.functions[UL] = ServiceUnavailableError("is down", url="u")
    with pytest.raises(ServiceUnavailableError, match="is down"):
        client.get_upper_limits(places[1:])
    backend.functions[UL] = reply()
    assert set(client.get_upper_limits(places)["outcome"]) == {"limit"}
    assert not good.is_set()


def test_offline_what_is_kept_is_given() -> None:
    client, backend = service(reply())
    client.get_upper_limits(THREE[:2])
    backend.functions[UL] = OfflineError("not asked because conf.offline is set", url="u")
    assert client.get_upper_limits(THREE[:2])["outcome"].tolist() == ["limit"] * 2
    with pytest.warns(PartialResultWarning), conf.set_temp("max_connections", 1):
        found = client.get_upper_limits(SkyCoord(np.arange(10.0, 40.0, 5), np.full(6, 1.0), unit="deg"))
    assert found["outcome"].tolist() == ["limit", *["failed"] * 5]
    assert len(backend.asked) == 3
    with pytest.raises(OfflineError):
        client.get_upper_limits(THREE[2])


# ---------------------------------------------------------------- calculations that take long


def test_a_slow_calculation_is_asked_for_until_it_is_done(clock: Clock) -> None:
    client, backend = service([{"TIMEOUT": "a1"}, {"TIMEOUT": "a1"}, {"TIMEOUT": "a1"}, reply()])
    found = client.get_upper_limits(PLACE)
    assert found["outcome"].tolist() == ["limit"]
    assert [content for _, content in backend.asked[1:]] == [{"ULID": "a1"}] * 3
    assert clock.waits == [15.0, 30.0, 60.0]
    client.get_upper_limits(PLACE)
    assert len(backend.asked) == 4


def test_waiting_ends(clock: Clock) -> None:
    client, backend = service({"TIMEOUT": "a1"})
    with pytest.warns(PartialResultWarning, match="1 timed out; the same call asks for them again"):
        found = client.get_upper_limits(PLACE, timeout=5 * u.min)
    assert found["outcome"].tolist() == ["timed out"]
    assert sum(clock.waits) <= 300
    assert len(backend.asked) == 5
    # Next time it is there: the position is not asked about again.
    backend.functions[UL] = reply()
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert backend.asked[-1][1] == {"ULID": "a1"}
    assert len(backend.asked) == 6


def test_a_calculation_that_the_service_gave_up_is_begun_anew(clock: Clock) -> None:
    client, backend = service({"TIMEOUT": "a1"})
    with pytest.warns(PartialResultWarning):
        client.get_upper_limits(PLACE, timeout=0 * u.s)
    clock.time += limits.JOB_LIFE_S + 1
    backend.functions[UL] = [{"TIMEOUT": "a1"}, {"TIMEOUT": "b2"}, reply()]
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert [content.get("ULID") for _, content in backend.asked] == [None, "a1", None, "b2"]


@pytest.mark.parametrize("text", ["Your upper limit was not found", "There is nothing of that name here"])
def test_a_result_that_is_gone_is_asked_for_anew(clock: Clock, text: str) -> None:
    """As when the session ended between the service's reply and our file."""
    client, backend = service([{"TIMEOUT": "a1"}, {"ERROR": 1, "ERRORTEXT": text}, reply()])
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert [content.get("ULID") for _, content in backend.asked] == [None, "a1", None]


def test_others_do_not_wait_for_a_slow_one(clock: Clock) -> None:
    first = {10.0: {"TIMEOUT": "a1"}}
    client, backend = service(
        lambda asked: reply(row("7")) if "ULID" in asked else first.get(asked["RA"], reply(row("8")))
    )
    found = client.get_upper_limits(THREE)
    assert found["obsid"].tolist() == ["00000000007", "00000000008", "00000000008"]
    assert [("ULID" in content) for _, content in backend.asked] == [False, False, False, True]


def test_a_service_that_is_down_takes_no_calculation_away(clock: Clock) -> None:
    down = ServiceUnavailableError("is down", url="u")
    client, backend = service([{"TIMEOUT": "a1"}, down, down, reply()])
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 4
    client, backend = service([{"TIMEOUT": "a1"}, down])
    with pytest.warns(PartialResultWarning, match="timed out"):
        found = client.get_upper_limits(THREE[0])
    assert found["outcome"].tolist() == ["timed out"]


# ---------------------------------------------------------------- crashes and garbage


def test_a_reply_that_was_written_but_not_read_is_taken_up(cache: Path) -> None:
    """Killed between the two: the reply is in its file only."""
    client, backend = service(reply())
    put = limit_journal.LimitJournal.put
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_journal.LimitJournal, "put", lambda *arguments: None)
        client.get_upper_limits(PLACE)
    assert limit_journal.LimitJournal.put is put
    assert len(list(cache.glob("*.reply"))) == 1
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 1
    assert not list(cache.glob("*.reply"))
    client.get_upper_limits(PLACE)
    assert len(backend.asked) == 1


def test_a_timeout_that_was_written_but_not_read_is_taken_up(cache: Path, clock: Clock) -> None:
    client, backend = service([{"TIMEOUT": "a1"}, reply()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_journal.LimitJournal, "put", lambda *arguments: None)
        with pytest.warns(PartialResultWarning):
            client.get_upper_limits(PLACE, timeout=0 * u.s)
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert [content.get("ULID") for _, content in backend.asked] == [None, "a1"]


@pytest.mark.parametrize(
    "garbage", [b"<html>", b'{"OK": 1', b'{"ERROR": 1, "ERRORTEXT": "no"}', b"[1, 2]", b"[" * 99999]
)
def test_a_file_that_is_no_reply_is_asked_for_anew(cache: Path, garbage: bytes) -> None:
    client, backend = service(reply())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_journal.LimitJournal, "put", lambda *arguments: None)
        client.get_upper_limits(PLACE)
    (left,) = cache.glob("*.reply")
    left.write_bytes(garbage)
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 2
    assert not list(cache.glob("*.reply"))


def test_a_reply_that_cannot_be_understood_is_kept(cache: Path) -> None:
    client, backend = service({"ULData": "?", "Columns": []})
    for number in (1, 2):
        with pytest.raises(ProtocolError, match="ULData"):
            client.get_upper_limits(PLACE)
        assert len(backend.asked) == number
    (kept,) = cache.glob("*.unreadable")
    assert '"ULData": "?"' in kept.read_text()
    backend.functions[UL] = reply()
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]


def test_a_refusal_is_not_kept(cache: Path) -> None:
    client, backend = service([{"ERROR": 1, "ERRORTEXT": "Too busy"}, reply()])
    with pytest.raises(RequestRejectedError):
        client.get_upper_limits(PLACE)
    assert not list(cache.glob("*.reply"))
    assert client.get_upper_limits(PLACE)["outcome"].tolist() == ["limit"]
    assert len(backend.asked) == 2


def test_old_answers_make_room(cache: Path, clock: Clock) -> None:
    client, backend = service(reply())
    for place in THREE:
        client.get_upper_limits(place)
        clock.time += 60
    with conf.set_temp("cache_size", 500):  # one answer has about 250 bytes
        client.get_upper_limits(THREE[2])
    assert len(backend.asked) == 3
    client.get_upper_limits(THREE)
    assert 4 <= len(backend.asked) <= 5
