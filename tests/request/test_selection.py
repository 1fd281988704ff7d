"""Selections of data and their text form."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from swiftxrt.exceptions import RequestError
from swiftxrt.met import met_to_time
from swiftxrt.request.selection import (
    AllData,
    FirstHours,
    Observations,
    TimeIntervals,
    parse_selection,
    selection_text,
)

TIMES = Time(["2020-04-16T08:00:00", "2020-04-16T09:00:00"])


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Observations("00032459001", "00032459002"), "00032459001,00032459002"),
        (Observations(32459001, "sw00032459002"), "00032459001,00032459002"),
        (TimeIntervals((608713541 * u.s, 608714541 * u.s)), "608713541-608714541"),
        (TimeIntervals((0 * u.s, 1 * u.ks), (2000.5 * u.s, 1 * u.h)), "0-1000,2000.5-3600"),
        (TimeIntervals((-100.25 * u.s, -50 * u.s)), "-100.25--50"),
        (TimeIntervals((608713541.123456 * u.s, 1e9 * u.s)), "608713541.123456-1000000000"),
        (TimeIntervals((1e-6 * u.s, 2e-5 * u.s)), "0.000001-0.00002"),
    ],
)
def test_text_both_ways(selection, text):
    assert selection_text(selection) == text
    assert parse_selection(text) == selection


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        (" 00032459001 , 00032459002, ", Observations("00032459001", "00032459002")),
        ("sw00032459001", Observations("00032459001")),
        ("1e3 - 2E3", TimeIntervals((1000 * u.s, 2000 * u.s))),
        ("1e-3-2.", TimeIntervals((0.001 * u.s, 2 * u.s))),
    ],
)
def test_tolerant_reading(text, selection):
    assert parse_selection(text) == selection


@pytest.mark.parametrize("text", ["", ",", "32459001", "a", "1-2-3", "5-", "00032459001,1-2", "2-1", "٣-٤", "1-inf"])
def test_unreadable(text):
    with pytest.raises(RequestError):
        parse_selection(text)


def test_days_and_seconds_are_told_apart():
    assert parse_selection("58288.5-58289").intervals[0][0] == 58288.5 * u.s
    start, stop = parse_selection("58288.5-58289", relative=False).intervals[0]
    assert abs(start - Time(58288.5, format="mjd")) < 1 * u.us
    assert abs(stop - Time(58289, format="mjd")) < 1 * u.us
    assert parse_selection("608713541-608714541", relative=False).intervals[0][0] == 608713541 * u.s


@pytest.mark.parametrize(
    "given_",
    [
        ((0 * u.s, 1000 * u.s),),
        (0 * u.s, 1000 * u.s),
        ([0, 1000] * u.s,),
        ([0 * u.s, 1000 * u.s],),
        ((0 * u.min, 1000 * u.s),),
    ],
    ids=repr,
)
def test_ways_to_give_one_interval(given_):
    assert TimeIntervals(*given_).to_dict() == {"intervals": [["0 s", "1000 s"]]}


def test_times_stay_times_until_a_request_knows_their_zero():
    for intervals in (TimeIntervals(TIMES), TimeIntervals((TIMES[0], TIMES[1])), TimeIntervals(*TIMES)):
        start, stop = intervals.intervals[0]
        assert abs(start - TIMES[0]) < 1 * u.us
        assert abs(stop - TIMES[1]) < 1 * u.us
        assert TimeIntervals.from_dict(intervals.to_dict()) == intervals


@pytest.mark.parametrize(
    ("intervals", "text"),
    [
        ((), "is needed"),
        (((3 * u.s, 1 * u.s),), "must start before it stops; got 3 s to 1 s"),
        (((1 * u.s, 1 * u.s),), "must start before it stops"),
        (((3, 4),), "a Time, or seconds"),
        ((3, 4), "a Time, or seconds"),
        (((3 * u.m, 4 * u.m),), "a Time, or seconds"),
        (((58955.3 * u.day, 58955.5 * u.day),), r"58955.3 d looks like a modified Julian date; give Time\(58955.3"),
        (((TIMES[0], 4 * u.s),), "both be Time or both be seconds"),
        (((0 * u.s, np.nan * u.s),), "a Time, or seconds"),
        ((3 * u.s,), "pair"),
        (((0 * u.s, 1 * u.s, 2 * u.s),), "pair"),
        (("0-1000",), "pair"),
    ],
    ids=repr,
)
def test_intervals_refused(intervals, text):
    with pytest.raises(RequestError, match=text) as caught:
        TimeIntervals(*intervals)
    assert caught.value.problems[0][0] == "intervals"


@pytest.mark.parametrize("plain", ["0-1000", [["0 s"]], [["0 s", 5]], ["0 s", "5 s"], [], [["5 s", "0 s"]]])
def test_plain_intervals_refused(plain):
    with pytest.raises(RequestError, match="intervals"):
        TimeIntervals.from_dict({"intervals": plain})


@pytest.mark.fault_case(89)
@pytest.mark.parametrize("obsids", [(), ("123",), (["00032459001"],), (1.5,), (None,), (58990,)])
def test_observations_refused(obsids):
    with pytest.raises(RequestError, match="obsids"):
        Observations(*obsids)


def test_list_of_observations_says_how_it_is_given():
    with pytest.raises(RequestError) as caught:
        Observations(["00032459001", "x"])
    (first, second) = caught.value.problems
    assert first == ("obsids", "are given one by one, Observations(*obsids), or by name, Observations(obsids=obsids)")
    assert "eleven digits" in second[1]
    assert Observations(obsids=["00032459001"]) == Observations("00032459001")


def test_first_hours():
    assert FirstHours() == FirstHours(12 * u.h) == FirstHours(hours=0.5 * u.day)
    assert FirstHours("30 min").hours == 0.5 * u.h
    for hours in (12, 0 * u.h, -1 * u.h, 3 * u.m, np.inf * u.h):
        with pytest.raises(RequestError, match="hours"):
            FirstHours(hours)


def test_kinds_of_selection_are_different():
    assert AllData() == AllData()
    assert AllData() != FirstHours()
    assert len({AllData(), AllData(), FirstHours()}) == 2


def test_written_times_are_exact() -> None:
    """The six decimals that times are shown with would be a microsecond off after reading, for 4 % of them."""
    met_s = 608713541 + np.round(np.random.default_rng(1).uniform(0, 1e5, 200), 6)
    for start in met_s:
        selection = TimeIntervals((met_to_time(start), met_to_time(start + 10)))
        assert TimeIntervals.from_dict(selection.to_dict()) == selection


def test_times_of_unknown_scale():
    with pytest.raises(RequestError, match=r"intervals: .*scale 'local'; .* scale='utc'"):
        TimeIntervals((TIMES[0].replicate(), Time("2020-04-16T09:00:00", scale="local")))
