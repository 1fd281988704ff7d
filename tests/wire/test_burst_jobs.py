"""Questions that start something for a burst."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest
from astropy.time import Time

from swiftxrt import CountsBinning, LightCurveRequest, Mode, ObsidBinning, Phase, ProductKind, TimeSlice
from swiftxrt.exceptions import ProtocolError, RequestError
from swiftxrt.wire import burst_jobs


def sliced(intervals: Any, **options: Any) -> dict[str, Any]:
    return burst_jobs.ask_slicing(221755, {"a": intervals}, name=None, **options)


@pytest.mark.parametrize(
    ("intervals", "times", "mode"),
    [
        ((100 * u.s, 800 * u.s), "100-800", "BOTH"),
        ([0.1, 0.8] * u.ks, "100-800", "BOTH"),
        ([(100 * u.s, 300 * u.s), (500 * u.s, 1 * u.ks)], "100-300,500-1000", "BOTH"),
        ("100-800 s", "100-800", "BOTH"),
        ("0.1 - 0.3, 0.5-1ks", "100-300,500-1000", "BOTH"),
        (("100-800 s", "wt"), "100-800", "WT"),
        (((100 * u.s, 800 * u.s), Mode.PC), "100-800", "PC"),
        (["100-800 s", "both"], "100-800", "BOTH"),
        ("OBS00635887000 - obs00635887001", "OBS00635887000-OBS00635887001", "BOTH"),
        ((Time("2020-01-01T00:00:00"), Time("2020-01-01T00:00:10")), "599529624.227-599529634.227", "BOTH"),
    ],
)
def test_slices(intervals: Any, times: str, mode: str) -> None:
    asked = sliced(intervals)
    assert asked["modes"] == [mode]
    if "." in times:
        assert float(asked["times"][0].split("-")[0]) == pytest.approx(599529624.227, abs=0.1)
    else:
        assert asked["times"] == [times]
    assert set(asked) == {"targetID", "rnames", "times", "modes"}


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ("100-800", "intervals with a unit are needed"),
        ("100-800 keV", "intervals with a unit are needed"),
        ("early", "intervals with a unit are needed"),
        ((800 * u.s, 100 * u.s), "must start before it stops"),
        (
            (100, 800),
            r"times since T0 \(or MET\) have a unit, such as \(100 \* u.s, 800 \* u.s\) or '100-800 s'; got 100",
        ),
        ([(100 * u.s, 800 * u.s), (1 * u.km, 2 * u.km)], "have a unit, .* got <Quantity 1. km>"),
        ("OBS221755000-OBS221755001", "observations are 'OBS00221755000-OBS00221755001'"),
        (("100-800 s", "xx"), "the mode must be one of WT, PC, BOTH"),
        (None, "needed"),
        ([], "needed"),
    ],
)
def test_slices_that_are_none(intervals: Any, message: str) -> None:
    with pytest.raises(RequestError, match=rf"slices\['a'\]: .*{message}"):
        sliced(intervals)


@pytest.mark.parametrize("slices", [None, {}, ["100-800 s"], "100-800 s"])
def test_slices_have_names(slices: Any) -> None:
    with pytest.raises(RequestError, match="slices: a dictionary of names and intervals is needed"):
        burst_jobs.ask_slicing(1, slices, name=None)


def test_names_of_slices() -> None:
    with pytest.raises(RequestError, match="letters and digits"):
        burst_jobs.ask_slicing(1, {"../a": "1-2 s"}, name=None)


def test_redshift_and_grades() -> None:
    assert sliced("1-2 s", redshift=2)["redshift"] == 2.0
    assert isinstance(sliced("1-2 s", redshift=2)["redshift"], float)
    assert sliced("1-2 s", redshift="None")["redshift"] == "NONE"
    assert [sliced("1-2 s", grades=one)["grades"] for one in ("all", 0, "4")] == ["all", 0, 4]
    with pytest.raises(RequestError, match="redshift: must be a number") as error:
        sliced("1-2 s", redshift=-1, grades=7)
    assert [field for field, _ in error.value.problems] == ["grades", "redshift"]


def test_rebinning() -> None:
    asked = burst_jobs.ask_rebinning(1, LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)), None)
    assert asked == {
        "type": "GRB",
        "objectID": 1,
        "binMeth": "counts",
        "pcCounts": 20,
        "wtCounts": 30,
        "dynamic": True,
    }
    times = burst_jobs.ask_rebinning(1, LightCurveRequest(binning=ObsidBinning(), time_format="s"), "GRB 060729")
    assert (times["timeFormat"], times["name"]) == ("s", "GRB 060729")


@pytest.mark.parametrize("number", [1234, "1234", "01234"])
def test_numbers_of_jobs(number: Any) -> None:
    assert burst_jobs.read_job({"JobID": number}) == "1234"


@pytest.mark.parametrize("reply", [{}, {"JobID": None}, {"JobID": "many"}, {"JobID": -1}, {"JobID": "../1"}])
def test_replies_without_number(reply: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="does not name a job"):
        burst_jobs.read_job(reply)


@pytest.mark.parametrize(
    ("code", "phase"),
    [
        (1, Phase.PENDING),
        (2, Phase.QUEUED),
        (3, Phase.EXECUTING),
        ("4", Phase.COMPLETED),
        (-1, Phase.ERROR),
        (-2, Phase.ERROR),
        (-3, Phase.ERROR),
        (-4, Phase.ABORTED),
        (-10, Phase.UNKNOWN),
        (None, Phase.UNKNOWN),
    ],
)
def test_states(code: Any, phase: Phase) -> None:
    report = burst_jobs.read_status({"status": code, "text": "as it is"}, "7", ProductKind.SPECTRUM)
    assert (report.phase, report.is_final) == (phase, phase.is_final)


def test_slices_of_requests() -> None:
    one = TimeSlice(label="b", intervals=((100 * u.s, 800 * u.s),))
    assert sliced(one)["times"] == ["100-800"]
