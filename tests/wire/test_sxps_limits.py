"""Upper limits in the words of the service: recorded questions and replies, and odd ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from swiftxrt.exceptions import ProtocolError, RequestError
from swiftxrt.met import met_to_time
from swiftxrt.products.limits import limit_table
from swiftxrt.wire import api
from swiftxrt.wire.sxps_limit_calls import encode_limits, encode_nearby, read_limit_request
from swiftxrt.wire.sxps_limits import (
    FUNCTION,
    LimitRequest,
    Nearby,
    is_nothing_there,
    read_limit_reply,
    read_times,
)
from tests.catalog.replay import fixture

ROW = {
    "StartTime": 550000000.0,
    "StopTime": 550001000.0,
    "ObsID": "00831816008",
    "SourceExposure": 3012.9,
    "ImageExposure": 3151.7,
    "Total_UpperLimit": 0.005775,
    "Total_Rate": 0.001688,
    "Total_RatePos": 0.001065,
    "Total_RateNeg": -0.000786,
    "Total_Counts": 5.0,
    "Total_BGCounts": 0.83,
    "Total_CorrectionFactor": 1.276,
    "Total_IsDetected": 1,
}
#: What the reference client is asked, and the same here.
ASKED = [
    LimitRequest(name="334.502058 -8.256481"),
    LimitRequest(
        bands="all",
        data="all",
        time_format="MJD",
        sigma=5,
        detections_as_rates=True,
        skip_detections=True,
        use_catalog_values=True,
        name="GK Per",
    ),
    LimitRequest(bands=("total", "hard"), ra=74.99999999999999, dec=-62.31666666666667),
    LimitRequest(ra=12, dec=3),
    LimitRequest(),
    LimitRequest(job="abc"),
]


def content(**changes: Any) -> dict[str, Any]:
    """A reply of one row; changes are of the row."""
    row = {key: value for key, value in {**ROW, **changes}.items() if value is not ...}
    return {"Columns": list(row), "ULData": [row]}


def test_recorded_questions_to_the_byte(validation_data: Path) -> None:
    calls = fixture(validation_data, "sxps", "requests_sent_by_swifttools.json")["calls"]
    sent = [one["requests"][0] for one in calls if one["requests"] and one["requests"][0]["APIFunc"] == FUNCTION]
    assert [json.dumps(api.seal(FUNCTION, one.encode())) for one in ASKED] == [json.dumps(one) for one in sent]


def test_the_threshold_is_sent_when_asked_for() -> None:
    assert LimitRequest(ra=1.0, dec=2.0, detection_sigma=2.5).encode()["detThresh"] == 2.5
    assert "detThresh" not in LimitRequest(ra=1.0, dec=2.0).encode()


@pytest.mark.parametrize("request_", [*ASKED[:4], ASKED[5]], ids=str)
def test_a_server_reads_what_is_sent(request_: LimitRequest) -> None:
    found = read_limit_request(json.loads(json.dumps(request_.encode())))
    assert found.encode() == {**request_.encode(), **({"timeFormat": "mjd"} if request_.time_format == "MJD" else {})}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "searchName, or RA and Dec"),
        ({"RA": 12}, "searchName, or RA and Dec"),
        ({"searchName": " "}, "searchName, or RA and Dec"),
        ({"RA": "x", "Dec": 1}, "RA"),
        ({"RA": 1, "Dec": float("nan")}, "Dec: must be finite"),
        ({"RA": 1, "Dec": 2, "bands": ["total", "medum"]}, "bands: must be some of"),
        ({"RA": 1, "Dec": 2, "bands": 3}, "bands: must be some of"),
        ({"RA": 1, "Dec": 2, "whichData": "every"}, "whichData: must be one of"),
        ({"RA": 1, "Dec": 2, "timeFormat": 7}, "timeFormat: must be one of"),
    ],
)
def test_a_server_refuses(sent: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read_limit_request(sent)


def test_a_server_takes_bands_in_any_spelling() -> None:
    place = {"RA": 1, "Dec": "-2.5"}
    assert read_limit_request({**place, "bands": "Total"}).band_names == ("total",)
    assert read_limit_request({**place, "bands": ["HARD", "Soft"]}).band_names == ("soft", "hard")
    assert read_limit_request({**place, "bands": ["ALL"]}).band_names == ("total", "soft", "medium", "hard")
    assert read_limit_request(place).dec == -2.5


@pytest.mark.parametrize("name", ["all_bands_all_datasets", "deepest_total", "detections_as_rates"])
def test_recorded_replies(validation_data: Path, name: str) -> None:
    reply = fixture(validation_data, "sxps", "wire", f"getSXPSUL_ul_{name}.json")["reply"]
    found = read_limit_reply(reply)
    assert len(found.rows) == len(reply["ULData"])
    for row, sent in zip(found.rows, reply["ULData"], strict=True):
        assert row["obsid"] == sent["ObsID"]
        assert row["total_upper_limit"] == sent["Total_UpperLimit"]
        assert row["image_exposure"] == sent["ImageExposure"]
        assert Time(row["start"][1]).isot[:19] == sent["StartTime"].replace(" ", "T")
    assert found.resolved is not None
    assert found.resolved.ra == reply["ResolvedRA"]
    nearby = (Nearby("LSXPS J051152.3-621925", 2.4),) if "DetData" in reply else ()
    assert found.nearby == nearby


def test_rows_are_objects_or_lists() -> None:
    as_objects = content()
    as_lists = {"Columns": list(ROW), "ULData": [list(ROW.values())]}
    numbered = {"Columns": list(ROW), "ULData": {"0": ROW}}
    assert read_limit_reply(as_objects).rows == read_limit_reply(as_lists).rows == read_limit_reply(numbered).rows
    (row,) = read_limit_reply(as_objects).rows
    assert row["total_rate_err_neg"] == 0.000786
    assert row["total_is_detected"] is True


@pytest.mark.parametrize("value", ["NaN", None, float("nan"), "nan", ""])
def test_not_a_number_in_every_spelling(value: Any) -> None:
    (row,) = read_limit_reply(content(Total_Rate=value, SourceExposure=value)).rows
    assert np.isnan(row["total_rate"])
    assert np.isnan(row["source_exposure"])


@pytest.mark.parametrize(
    ("value", "truth"), [(0, False), (1, True), ("0", False), ("1", True), (True, True), (None, False), (1.0, True)]
)
def test_truth_in_every_spelling(value: Any, truth: bool) -> None:
    (row,) = read_limit_reply(content(Total_IsDetected=value, Total_PileupWarning=value)).rows
    assert row["total_is_detected"] is truth
    assert row["total_pileup_warning"] is truth


@pytest.mark.parametrize("value", [831816008, "831816008", 831816008.0, "00831816008", " 00831816008 "])
def test_observations_have_their_zeros(value: Any) -> None:
    assert read_limit_reply(content(ObsID=value)).rows[0]["obsid"] == "00831816008"


def test_columns_that_are_missing_or_new() -> None:
    (row,) = read_limit_reply(content(Total_Counts=..., Total_Novelty=3, Hard_UpperLimit="0.5")).rows
    assert "total_counts" not in row
    assert row["hard_upper_limit"] == 0.5
    assert not [name for name in row if "ovelty" in name]


def test_sources_nearby_come_by_distance() -> None:
    sources = [
        {"Distance": "9.5", "SourceName": "far"},
        {"SourceName": "?"},
        {"Distance": 2, "SourceName": "near\x1b["},
    ]
    found = read_limit_reply({"DetData": sources, "ULData": []})
    assert [one.name for one in found.nearby] == ["near", "far", "?"]
    assert [one.distance_arcsec for one in found.nearby[:2]] == [2.0, 9.5]
    assert found.rows == ()


def test_nothing_was_observed_or_it_took_too_long() -> None:
    assert read_limit_reply({"Columns": [], "ULData": []}).rows == ()
    assert read_limit_reply({"ULData": None, "DetData": None}).nearby == ()
    assert read_limit_reply({"TIMEOUT": 12345}).job == "12345"
    assert is_nothing_there("the service refused: This position has not been observed by Swift")
    assert not is_nothing_there("the service refused: Cannot resolve that name")


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"ULData": "none"},
        {"ULData": [1]},
        {"Columns": ["ObsID"], "ULData": [["00831816008", 2]]},
        {"ULData": [["00831816008"]]},
        {"DetData": 3, "ULData": []},
        {"DetData": ["x"], "ULData": []},
        {"TIMEOUT": None},
        {"TIMEOUT": ""},
        {"ULData": [{"ObsID": "00831816008"}]},
        {"ULData": [{**ROW, "ObsID": "x"}]},
        {"ULData": [{**ROW, "ObsID": None}]},
        {"ULData": [], "ResolvedInfo": "x", "ResolvedRA": "here"},
    ],
    ids=str,
)
def test_replies_that_cannot_be_read(reply: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        read_limit_reply(reply)


def test_times_in_every_form() -> None:
    when = Time("2018-05-18T02:43:21", scale="utc")
    told = {"met": 548304222.5, "mjd": when.mjd, "tdb": when.tdb.jd, "cal": "2018-05-18 02:43:21"}
    moments = []
    for kind, value in told.items():
        (row,) = read_limit_reply(content(StartTime=value, StopTime=None), kind).rows
        moments.append(row["start"])
        assert row["stop"] == ("", None)
    times = read_times([*moments, ("", None)])
    assert abs(times[0] - met_to_time(548304222.5)) < 1 * u.us
    for number in (1, 2, 3):
        assert abs(times[number] - when) < 1 * u.ms
    assert times.mask.tolist() == [False] * 4 + [True]
    assert len(read_times([])) == 0


def test_a_date_is_recognised_whatever_was_asked_for() -> None:
    assert read_limit_reply(content(StartTime="2018-05-18 02:43:21"), "met").rows[0]["start"][0] == "cal"
    assert read_limit_reply(content(StartTime=12345.0), "cal").rows[0]["start"] == ("", None)


def test_what_a_server_sends_is_what_was_meant() -> None:
    table = limit_table(
        {
            "position": SkyCoord([150.0, 150.0], [20.0, 20.0], unit="deg"),
            "start": met_to_time([5.5e8, 5.6e8]),
            "stop": met_to_time([5.5e8 + 900.0, 5.6e8 + 900.0]),
            "source_exposure": [800.0, 850.0],
            "image_exposure": [900.0, 900.0],
            "hard_upper_limit": [0.01, 0.02],
            "hard_rate": [np.nan, 0.015],
            "hard_rate_err_neg": [np.nan, 0.002],
            "hard_rate_err_pos": [np.nan, 0.003],
            "hard_counts": [0, 15],
            "hard_background_counts": [0.5, 0.5],
            "hard_correction_factor": [1.2, 1.3],
            "hard_is_detected": [False, True],
        }
    )
    request = LimitRequest(bands=("hard",), time_format="met", detections_as_rates=True, ra=150.0, dec=20.0)
    times = ([5.5e8, 5.6e8], [5.5e8 + 900.0, 5.6e8 + 900.0])
    sent = encode_limits(table, ["00000000001", "10000000001"], times, request)
    text = json.dumps(sent, allow_nan=False)
    assert sent["Columns"][5:] == [
        f"Hard_{name}"
        for name in (
            *("UpperLimit", "Rate", "RatePos", "RateNeg"),
            *("Counts", "BGCounts", "CorrectionFactor", "IsDetected"),
        )
    ]
    assert sent["ULData"][0]["Hard_Rate"] == "NaN"
    assert sent["ULData"][1]["Hard_RateNeg"] == -0.002
    assert sent["ULData"][1]["Hard_IsDetected"] == 1
    found = read_limit_reply(json.loads(text)).rows
    for name in ("hard_upper_limit", "hard_rate", "hard_rate_err_neg", "hard_rate_err_pos", "source_exposure"):
        np.testing.assert_array_equal([row[name] for row in found], table[name].value)
    for name in ("start", "stop"):
        assert np.all(np.abs((read_times([row[name] for row in found]) - table[name]).sec) < 1e-6)


def test_a_server_leaves_rates_out_unless_asked_for() -> None:
    table = limit_table(
        {
            "position": SkyCoord([150.0], [20.0], unit="deg"),
            **{name: met_to_time([5.5e8]) for name in ("start", "stop")},
            **{name: [900.0] for name in ("source_exposure", "image_exposure")},
            **{f"total_{name}": [1.0] for name in ("upper_limit", "counts", "background_counts", "correction_factor")},
        }
    )
    sent = encode_limits(table, ["00000000001"], ([1.0], [2.0]), LimitRequest(ra=150.0, dec=20.0))
    names = ("UpperLimit", "Counts", "BGCounts", "CorrectionFactor")
    assert sent["Columns"] == [
        *("StartTime", "StopTime", "ObsID", "SourceExposure", "ImageExposure"),
        *(f"Total_{name}" for name in names),
    ]
    assert list(sent["ULData"][0]) == sent["Columns"]
    assert encode_nearby([Nearby("a", 2.44)]) == [{"Distance": 2.4, "SourceName": "a"}]
