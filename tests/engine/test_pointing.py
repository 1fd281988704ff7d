"""Which source of the pointing is used, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swiftxrt.engine.geometry import BORESIGHT_DET, Pointing, nominal_pointing
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

START_S, LENGTH_S, ROLL_DEG = 5.0e8, 600.0, 40.0
HEADER = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": ROLL_DEG}
# Where the telescope points: 30 pixels from the mean of the header, and moving.
DRIFT = np.array([[0.0, 520.0, 520.0], [LENGTH_S, 526.0, 514.0]])


def _truth() -> Pointing:
    rotation = nominal_pointing(ROLL_DEG, 0.0, 0.0).rotation
    offset = DRIFT[:, 1] + 1j * DRIFT[:, 2] + rotation * (BORESIGHT_DET[0] - 1j * BORESIGHT_DET[1])
    return Pointing(rotation, START_S + DRIFT[:, 0], offset, measured=True)


def _events(n: int, **changes) -> EventList:
    rng = np.random.default_rng(n)
    truth, gti = _truth(), GTI([START_S], [START_S + LENGTH_S])
    met = START_S + np.sort(rng.uniform(0, LENGTH_S - 3, n))
    detx, dety = rng.integers(20, 580, (2, n))
    x, y = truth.to_sky(detx, dety, truth.offset_at(met + 1.25))
    values = {"bad_pixels": [], "detx": detx, "dety": dety, "x": np.rint(x), "y": np.rint(y)} | changes
    return EventList(
        met=met, pi=np.full(n, 100), grade=np.zeros(n), gti=gti, mode="PC", header=HEADER, **values
    )  # fmt: skip


def _record(
    events: EventList, kind: str = "attitude", until_s: float = LENGTH_S, step_s: float = 2.5, **changes
) -> Attitude:
    since_s = np.arange(0.0, until_s + step_s, step_s)
    x, y = (np.interp(since_s, DRIFT[:, 0], DRIFT[:, k]) for k in (1, 2))
    ra_deg, dec_deg = events.wcs.wcs_pix2world(x, y, 0)
    columns = {"ra_deg": ra_deg, "dec_deg": dec_deg, "roll_deg": np.full(x.size, ROLL_DEG)} | changes
    return Attitude(START_S + since_s, kind=kind, **columns)


def _pointing(events: EventList) -> tuple[Pointing, tuple[str, ...]]:
    (snapshot,) = split_snapshots(events)
    return snapshot.pointing, snapshot.notes


def _error_pix(pointing: Pointing) -> float:
    truth, time_s = _truth(), START_S + np.linspace(10, LENGTH_S - 10, 20)
    (x, y), (true_x, true_y) = (item.to_sky(100.0, 500.0, item.offset_at(time_s)) for item in (pointing, truth))
    return float(np.hypot(x - true_x, y - true_y).max())


@pytest.mark.parametrize(
    ("n", "kind", "source"),
    [
        (5, None, "header"),
        (100, None, "events"),
        (3000, None, "events"),
        (0, "attitude", "attitude"),
        (3000, "attitude", "attitude"),
        (5, "housekeeping", "housekeeping"),
        (100, "housekeeping", "housekeeping"),
        (3000, "housekeeping", "events"),
    ],
)
def test_the_best_source_is_used(n, kind, source):
    events = _events(n)
    if kind is not None:
        events = replace(events, attitude=_record(events, kind))
    pointing, notes = _pointing(events)
    assert pointing.source == source
    assert pointing.measured is (source != "header")
    assert bool(notes) is (source == "header")
    worst = {"header": 50.0, "events": 2.0, "attitude": 0.01, "housekeeping": 0.01}
    assert _error_pix(pointing) < worst[source]
    (snapshot,) = split_snapshots(events)
    assert np.array_equal(snapshot.live, snapshot.field) is (source == "header")  # No BADPIX, but the bad columns.


def test_a_record_that_ends_early_is_not_used():
    events = _events(100)
    short = _record(events, until_s=400.0)
    pointing, (note,) = _pointing(replace(events, attitude=short))
    assert pointing.source == "events"
    assert "attitude record not used" in note
    assert "does not cover the good time" in note
    assert "00099999001" in note
    holes = _record(events, step_s=120.0)
    assert _pointing(replace(events, attitude=holes))[0].source == "events"
    elsewhen = replace(short, met=short.met + 1e6)
    assert _pointing(replace(events, attitude=elsewhen))[0].source == "events"


def test_a_record_of_another_pointing_is_not_used():
    events = _events(100)
    record = _record(events)
    for wrong in (
        replace(record, roll_deg=record.roll_deg + 3.0),
        replace(record, ra_deg=record.ra_deg + 0.01),
        replace(record, dec_deg=-record.dec_deg),
    ):
        pointing, (note,) = _pointing(replace(events, attitude=wrong))
        assert pointing.source == "events"
        assert "half of the events lie more than" in note
    assert (
        _pointing(replace(_events(4), attitude=replace(record, roll_deg=record.roll_deg + 3.0)))[0].source == "attitude"
    )


def test_the_slew_before_does_no_harm():
    events = _events(0)
    record = _record(events)
    slew = np.arange(-25.0, 0.0, 2.5)
    columns = [
        np.concatenate([START_S + slew, record.met[1:]]),
        np.concatenate([150.0 - 3 * slew, record.ra_deg[1:]]),
        np.concatenate([20.0 + 2 * slew, record.dec_deg[1:]]),
        np.concatenate([ROLL_DEG + slew, record.roll_deg[1:]]),
    ]
    pointing, _ = _pointing(replace(events, attitude=Attitude(*columns)))
    assert _error_pix(pointing) < 0.02
    first_s = np.array([START_S, START_S + 1.0])
    assert np.abs(pointing.offset_at(first_s) - _truth().offset_at(first_s)).max() < 0.1


def test_without_detector_coordinates():
    events = _events(500, detx=None, dety=None)
    assert _pointing(events)[0].source == "header"
    assert _pointing(replace(events, attitude=_record(events, "housekeeping")))[0].source == "housekeeping"


def test_roll_across_north():
    events = _events(0)
    rolls = np.where(np.arange(242) % 2, 359.9995, 0.0005)
    record = _record(events, until_s=LENGTH_S - 2.5)
    assert len(record) % 2 == 0  # The plain median would be 180 degrees.
    pointing, _ = _pointing(replace(events, attitude=replace(record, roll_deg=rolls[: len(record)])))
    expected = nominal_pointing(0.0, 0.0, 0.0).rotation
    assert abs(np.angle(pointing.rotation / expected)) < 2e-5


def test_events_that_follow_nothing_are_no_pointing():
    rng = np.random.default_rng(3)
    events = _events(50, x=rng.integers(0, 1000, 50), y=rng.integers(0, 1000, 50))
    pointing, _ = _pointing(events)
    assert pointing.source == "header"
