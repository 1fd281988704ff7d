"""Binning a light curve anew, in the words of the service."""

from __future__ import annotations

import json
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import (
    CountsBinning,
    LightCurveRequest,
    Observations,
    ObsidBinning,
    SnapshotBinning,
    TimeBinning,
    TimeIntervals,
)
from swiftxrt.exceptions import (
    JobLostError,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    RequestRejectedError,
)
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.report import Phase, ProductStatus
from swiftxrt.wire import rebin

BASE = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30, pc_bin=5 * u.s), band="1-10 keV")
URL = "https://x/API/main.php"
# What the reference client (swifttools 4.0.5) sends.
RECORDED = {
    "type": "UOB_LC",
    "objectID": "951",
    "binMeth": "counts",
    "pcCounts": 20,
    "wtCounts": 30,
    "dynamic": True,
    "timeFormat": "MJD",
    "name": "GRB 200416A",
    "APIFunc": "rebinLightCurve",
    "APIVersion": "1.0.5",
}


def test_request_is_that_of_the_reference_client() -> None:
    request = LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30), time_format="mjd")
    encoded = rebin.encode_rebin("951", request, "GRB 200416A")
    assert json.dumps(encoded) == json.dumps(RECORDED | {"timeFormat": "mjd"})
    assert rebin.ask("checkRebinStatus", "77") == {
        "JobID": 77,
        "APIFunc": "checkRebinStatus",
        "APIVersion": "1.0.5",
    }
    assert rebin.read_rebin(RECORDED, LightCurveRequest(binning=SnapshotBinning())) == ("951", request)


@pytest.mark.parametrize(
    "request_",
    [
        BASE,
        BASE.with_defaults(),
        LightCurveRequest(binning=TimeBinning(pc_bin=100 * u.s, wt_bin=1 * u.s)).with_defaults(),
        LightCurveRequest(binning=SnapshotBinning(), match_hardness_bins=False, min_fractional_exposure=0.1),
        LightCurveRequest(binning=ObsidBinning(), upper_limits="pc", bayesian="no", grades="4", significance=2.5),
    ],
)
def test_round_trip(request_: LightCurveRequest) -> None:
    sent = json.loads(json.dumps(rebin.encode_rebin("951", request_, "X")))
    assert rebin.read_rebin(sent, LightCurveRequest(binning=SnapshotBinning())) == ("951", request_)


@pytest.mark.parametrize("relative", [True, False])
def test_intervals_count_as_in_the_job(relative: bool) -> None:
    start = 0 if relative else 6e8
    data = TimeIntervals((start * u.s, (start + 1000) * u.s))
    request = LightCurveRequest(binning=SnapshotBinning(), data=data)
    sent = rebin.encode_rebin("951", request, "X")
    assert sent["useObs"] == f"{start:.0f}-{start + 1000:.0f}"
    assert rebin.read_rebin(sent, request, times_since_t0=relative)[1] == request
    if relative:
        with pytest.raises(RequestError, match="before the launch"):
            rebin.read_rebin(sent, request)


def read(**given: Any) -> LightCurveRequest:
    return rebin.read_rebin({"type": "UOB_LC", "objectID": "951", **given}, BASE)[1]


def test_what_is_not_given_stays() -> None:
    assert read() == read(binMeth=None) == BASE
    assert read(pcCounts="50") == BASE.replace(binning=BASE.binning.replace(pc_counts=50))
    assert read(minEnergy=0.5) == BASE.replace(band="0.5-10 keV")
    complete = BASE.with_defaults()
    (_, narrower) = rebin.read_rebin({"type": "UOB_LC", "objectID": "951", "maxEnergy": 5}, complete)
    assert narrower == complete.replace(band="1-5 keV")
    assert str(narrower.with_defaults().hard) == "1.5-5 keV"
    assert str(read(maxEnergy=5, hardHi=4, hardLo=3).hard) == "3-4 keV"
    assert str(read(softHi=2).soft) == "1-2 keV"
    assert str(read(maxEnergy=8, hardHi=7).hard) == "1.5-7 keV"
    other = read(binMeth="time")
    assert other == BASE.replace(binning=TimeBinning())  # not the shortest bin of the counts
    assert read(useObs="00012345001").data.obsids == ("00012345001",)
    (_, chosen) = rebin.read_rebin({"type": "UOB_LC", "objectID": "951", "useObs": "00012345001"}, complete)
    assert chosen == complete.replace(data=Observations("00012345001"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"binMeth": "observation"}, {"binning": ObsidBinning()}),
        ({"binMeth": "ObsID"}, {"binning": ObsidBinning()}),
        ({"binMeth": "Snapshot"}, {"binning": SnapshotBinning()}),
        ({"timeType": "m"}, {"time_format": "m"}),
        ({"wtMaxGap": 1e5}, {"binning": BASE.binning.replace(wt_max_gap=1e5 * u.s)}),
        ({"pcmaxgap": "1e5"}, {"binning": BASE.binning.replace(pc_max_gap=1e5 * u.s)}),
        ({"allowB": "pc"}, {"bayesian": "pc"}),
        ({"minen": 2, "softLo": 2, "softHi": 3}, {"band": "2-10 keV", "soft": "2-3 keV"}),
        ({"matchHR": False, "dynamic": "1", "moon": "full"}, {"match_hardness_bins": False}),
    ],
)
def test_names_in_every_spelling(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(**given) == BASE.replace(**expected)


def test_problems_under_our_names() -> None:
    with pytest.raises(RequestError) as caught:
        read(pcCounts=0, minSig="x", binMeth="counts")
    assert {field for field, _ in caught.value.problems} == {
        "light_curve.binning.pc_counts",
        "light_curve.significance",
    }
    with pytest.raises(RequestError, match="moon"):
        read(binMeth="moon")
    with pytest.raises(RequestError, match="UOB_LC"):
        rebin.read_rebin(RECORDED | {"type": "GRB"}, BASE)


def test_which_job_a_call_is_about() -> None:
    assert rebin.job_id_of(RECORDED) == "951"
    assert rebin.job_id_of(rebin.ask_light_curve("77")) == "77"
    assert rebin.job_id_of(rebin.ask("cancelRebin", "77")) == "77"
    assert rebin.job_id_of({}) == rebin.job_id_of({"JobID": None}) == rebin.job_id_of({"type": "UOB_LC"}) == ""
    with pytest.raises(RequestError, match="REBIN_LC"):
        rebin.job_id_of(rebin.ask_light_curve("77") | {"type": "UOB_LC"})


@pytest.mark.parametrize("phase", Phase)
def test_states_there_and_back(phase: Phase) -> None:
    reply = json.loads(json.dumps(rebin.encode_status(ProductStatus(phase))))
    report = rebin.decode_status(rebin.open_reply(reply, url=URL, job_id="77"), "77")
    assert (report.job_id, report.phase, tuple(report.products)) == ("77", phase, (Kind.LIGHT_CURVE,))
    assert {"OK", "status", "text"} <= set(reply)


def test_state_nobody_knows() -> None:
    status = rebin.decode_status({"status": "done", "text": "Resting"}, "77").products[Kind.LIGHT_CURVE]
    assert status.phase is Phase.UNKNOWN
    assert "done" in status.text
    assert "Resting" in status.text


def test_accepted() -> None:
    for number in (77, "77", 77.0):
        assert rebin.decode_job({"JobID": number}) == "77"
    assert rebin.encode_job("77")["JobID"] == 77
    for number in (None, "x", [], float("inf"), ...):
        with pytest.raises(ProtocolError, match="does not name it"):
            rebin.decode_job({} if number is ... else {"JobID": number})


def test_cancellations() -> None:
    def reason(reply: Any) -> str:
        return rebin.decode_cancel(reply, url=URL, job_id="77")

    assert reason(rebin.encode_cancel(True)) == ""
    assert "OK" not in rebin.encode_cancel(False)  # all that the reference client looks at
    assert reason(rebin.encode_cancel(False)) == reason({}) == reason({"APIVersion": "1.0.5"}) == "already finished"
    with pytest.raises(JobLostError):
        reason(rebin.unknown_job("77"))
    with pytest.raises(ProtocolError):
        reason([1])


def test_refusals() -> None:
    with pytest.raises(RequestRejectedError, match=r"moon is full \(its code is 4\)") as caught:
        rebin.open_reply(rebin.failure("moon is full", 4), url=URL, job_id="1")
    assert caught.value.url == URL
    with pytest.raises(RequestRejectedError, match="no reason"):
        rebin.open_reply({"ERROR": 0, "OK": 1}, url=URL, job_id="1")
    with pytest.raises(JobLostError) as lost:
        rebin.open_reply(rebin.unknown_job("x" * 500), url=URL, job_id="9")
    assert lost.value.job_id == "9"
    assert len(str(lost.value)) < 300
    for reply in (None, [], "x", {"JobID": 7}):
        with pytest.raises(ProtocolError, match="'OK'"):
            rebin.open_reply(reply, url=URL, job_id="1")


def test_no_light_curve() -> None:
    reply = rebin.encode_missing("too few counts")
    assert reply["Datasets"] == []  # the reference client wants it
    with pytest.raises(ProductNotAvailableError, match="too few counts"):
        rebin.check_light_curve(reply)
    for value in (1, "1", "", None, True):
        with pytest.raises(ProductNotAvailableError, match="nothing is left"):
            rebin.check_light_curve({"NOLC": value})
    rebin.check_light_curve({"Datasets": ["PC"]})
