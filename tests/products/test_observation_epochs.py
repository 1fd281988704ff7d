"""Days since an event, and observations gathered into epochs."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from swiftxrt import days_since, group_epochs, select_days
from swiftxrt.exceptions import RequestError
from swiftxrt.products.observation_table import ObservationRow, observations_table

EVENT = Time("2011-04-14")


def table(*starts: float, hours: float | None = 1.0, obsids: list[str] | None = None) -> QTable:
    """Observations that began at some days after the event."""
    names = obsids or [f"00031968{number:03d}" for number in range(1, len(starts) + 1)]
    return observations_table(
        ObservationRow(
            name, "T Pyx", 136.0, -32.0, EVENT.mjd + start, 1000.0,
            stop_mjd=None if hours is None else EVENT.mjd + start + hours / 24,
        )
        for name, start in zip(names, starts, strict=True)
    )  # fmt: skip


def test_days() -> None:
    assert days_since(table(0.5, 10.0), EVENT).to_value(u.day) == pytest.approx([0.5, 10.0])
    assert days_since(table(-3.0), EVENT.tdb).to_value(u.day) == pytest.approx([-3.0])
    assert len(days_since(table(), EVENT)) == 0


def test_a_range_of_days() -> None:
    found = select_days(table(0.5, 2.0, 10.0), EVENT, 12 * u.hour, 3 * u.day)
    assert found["obsid"].tolist() == ["00031968001", "00031968002"]
    assert len(select_days(table(0.5), EVENT, 1 * u.day, 2 * u.day)) == 0
    assert select_days(table(0.5, 2.0, 2.25, 2.5), EVENT, 2 * u.day, 2.25 * u.day)["obsid"].tolist() == [
        "00031968002",
        "00031968003",
    ]
    assert len(select_days(table(0.5, 50.0), EVENT, 1 * u.day, np.inf * u.day)) == 1


@pytest.mark.parametrize(
    ("starts", "options", "numbers", "labels"),
    [
        ([1.0, 1.5, 3.0], {}, [1, 1, 2], ["2011-04-15", "2011-04-15", "2011-04-17"]),
        ([3.0, 1.0, 1.5], {}, [1, 1, 2], ["2011-04-15", "2011-04-15", "2011-04-17"]),
        ([1.0, 1.2], {"max_gap": 1 * u.hour}, [1, 2], ["2011-04-15T0000", "2011-04-15T0448"]),
        ([1.0, 1.2], {"max_gap": 0 * u.s}, [1, 2], ["2011-04-15T0000", "2011-04-15T0448"]),
        ([1.2, 1.9, 2.1], {"per": "day"}, [1, 1, 2], ["2011-04-15", "2011-04-15", "2011-04-16"]),
        ([1.0, 1.0001, 3.0], {"per": "obsid"}, [1, 2, 3], ["00031968001", "00031968002", "00031968003"]),
        ([142.75, 142.76, 144.62], {"epoch": EVENT}, [1, 1, 2], ["day 142.8", "day 142.8", "day 144.6"]),
        ([-0.01, 2.0], {"epoch": EVENT}, [1, 2], ["day 0.0", "day 2.0"]),
        ([1.0, 1.002], {"epoch": EVENT, "per": "obsid"}, [1, 2], ["day 1.000", "day 1.002"]),
        ([1.0, 1.0], {"epoch": EVENT, "per": "obsid"}, [1, 2], ["day 1.00000000 (1)", "day 1.00000000 (2)"]),
        ([], {}, [], []),
    ],
)
def test_epochs(starts: list[float], options: dict[str, Any], numbers: list[int], labels: list[str]) -> None:
    given = table(*starts)
    grouped = group_epochs(given, **options)
    assert grouped["epoch"].tolist() == numbers
    assert grouped["epoch_label"].tolist() == labels
    assert "epoch" not in given.colnames


def test_a_gap_as_long_as_allowed_is_none() -> None:
    assert group_epochs(table(1.0, 2.5, hours=12))["epoch"].tolist() == [1, 1]
    assert group_epochs(table(1.0, 2.5, hours=12), max_gap=23.9 * u.hour)["epoch"].tolist() == [1, 2]


def test_days_are_those_of_utc() -> None:
    """At 23:59:30 UTC it is the next day in TT already."""
    rows = QTable({"start": Time(["2011-04-15T10:00:00", "2011-04-15T23:59:30", "2011-04-16T00:00:00"]).tt})
    grouped = group_epochs(rows, per="day")
    assert grouped["epoch"].tolist() == [1, 1, 2]
    assert group_epochs(rows[1:], per="day")["epoch_label"].tolist() == ["2011-04-15", "2011-04-16"]


def test_an_observation_lasts_as_long_as_its_exposure_at_least() -> None:
    rows = table(1.0, 3.0)
    rows["exposure"] = [1.5, 0.1] * u.day
    assert group_epochs(rows)["epoch"].tolist() == [1, 1]
    rows["exposure"] = [0.5, 0.1] * u.day
    assert group_epochs(rows)["epoch"].tolist() == [1, 2]
    rows["stop"][0] = np.ma.masked
    assert group_epochs(rows, max_gap=1.5 * u.day)["epoch"].tolist() == [1, 1]
    assert group_epochs(rows, max_gap=1.4 * u.day)["epoch"].tolist() == [1, 2]


def test_observations_that_overlap_are_one_epoch() -> None:
    """The end that counts is the last one so far, not that of the observation before."""
    long = table(1.0, 1.1, 4.0, hours=None)
    long["stop"] = EVENT + [3.5, 1.2, 4.5] * u.day
    assert group_epochs(long)["epoch"].tolist() == [1, 1, 1]


def test_without_an_end_the_exposure_counts() -> None:
    rows = table(1.0, 2.1, hours=None)
    rows["exposure"] = [0.2, 0.2] * u.day
    assert group_epochs(rows)["epoch"].tolist() == [1, 1]
    rows["exposure"] = Masked([0.2, 0.2] * u.day, mask=[True, False])
    assert group_epochs(rows)["epoch"].tolist() == [1, 2]
    assert group_epochs(rows["obsid", "start"])["epoch"].tolist() == [1, 2]


def test_rows_of_an_observation_in_several_places_are_one_epoch() -> None:
    rows = table(1.0, 2.0, 3.0, obsids=["00031968002", "00031968001", "00031968002"])
    grouped = group_epochs(rows, per="obsid")
    assert grouped["epoch"].tolist() == [1, 2, 1]
    assert grouped["epoch_label"].tolist() == ["00031968002", "00031968001", "00031968002"]


LENGTH = "a length of time with its unit is needed, such as 10 [*] u.day; got"
LOCAL = Time("2011-04-14", scale="local")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: days_since(table(1.0), 55665.0), "epoch: one Time is needed, .*; got 55665.0"),  # type: ignore[arg-type]
        (lambda: days_since(table(1.0), Time(["2011-04-14"])), "one Time"),
        (lambda: days_since(table(1.0), Time(np.ma.array(5e4, mask=True), format="mjd")), "one Time"),
        (lambda: days_since(table(1.0), LOCAL), "epoch: times of scale 'local'"),
        (lambda: days_since([1], EVENT), "a table of observations is needed; got list"),  # type: ignore[arg-type]
        (lambda: days_since(QTable({"obsid": ["1"]}), EVENT), "column 'start' with times .* this table has obsid"),
        (lambda: days_since(QTable({"start": [1.0]}), EVENT), "column 'start' must have times, .*; got a Column"),
        (lambda: days_since(QTable({"start": LOCAL.reshape(1)}), EVENT), "column 'start': times of scale 'local'"),
        (lambda: days_since(QTable({"start": Time(np.ma.array([5e4], mask=[True]), format="mjd")}), EVENT), "masked"),
        (lambda: select_days(table(1.0), EVENT, 5 * u.day, 1 * u.h), "start: 5.0 d is after stop=1.0 h; exchange the"),
        (lambda: select_days(table(1.0), EVENT, 1, 5 * u.day), f"start: {LENGTH} 1$"),  # type: ignore[arg-type]
        (lambda: select_days(table(1.0), EVENT, 1 * u.day, 5), f"stop: {LENGTH} 5$"),  # type: ignore[arg-type]
        (lambda: select_days(table(1.0), EVENT, 1 * u.m, 5 * u.m), f"start: {LENGTH} <Quantity 1. m>"),
        (lambda: select_days(table(1.0), EVENT, EVENT, EVENT), f"start: {LENGTH} <Time"),  # type: ignore[arg-type]
        (lambda: select_days(table(1.0), EVENT, np.nan * u.day, 5 * u.day), f"start: {LENGTH}"),
        (lambda: select_days(table(1.0), EVENT, [1, 2] * u.day, 5 * u.day), f"start: {LENGTH}"),
        (lambda: group_epochs(table(1.0), max_gap=-1 * u.day), "max_gap: must not be negative; got -1.0 d"),
        (lambda: group_epochs(table(), max_gap=-1 * u.day), "max_gap: must not be negative"),
        (lambda: group_epochs(table(1.0), max_gap=1), f"max_gap: {LENGTH} 1$"),  # type: ignore[arg-type]
        (
            lambda: group_epochs(table(1.0), per="week"),
            r"per: must be 'obsid' \(.*\) or 'day' \(.*\); got 'week'; .*max_gap",
        ),
        (lambda: group_epochs(table(1.0), per=["day"]), r"per: must be .*; got \['day'\]"),  # type: ignore[arg-type]
        (lambda: group_epochs(table(1.0), per=1 * u.day), "per: must be .*; got <Quantity 1. d>"),  # type: ignore[arg-type]
        (
            lambda: group_epochs(table(1.0), per="day", max_gap=1 * u.day),
            r"per: give per='day' \(.*\) or max_gap .*not both",
        ),
        (lambda: group_epochs(table(1.0)["start",], per="obsid"), "column 'obsid' is needed .* this table has start"),
        (lambda: group_epochs(table(1.0), epoch=5), "epoch: one Time"),  # type: ignore[arg-type]
        (lambda: group_epochs(table(), epoch=5), "epoch: one Time"),  # type: ignore[arg-type]
        (
            lambda: group_epochs(QTable({"start": EVENT.reshape(1), "exposure": [1] * u.m})),
            "column 'exposure' must have times",
        ),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        call()
    assert str(caught.value).startswith("selection of observations cannot be used")
