"""Detector and sky: the pointing found from events, live pixels, areas."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.geometry import (
    Pointing,
    fit_pointing,
    live_columns,
    live_map,
    look_up,
    nominal_pointing,
    off_axis_arcmin,
    pixel_to_sky,
    ring_pixels,
    sky_to_pixel,
)
from swiftxrt.mission import PIXEL_ARCSEC, Mode
from swiftxrt.products.events import BAD_PIXEL_DTYPE, FLAGGED_BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI

LATE_MET, EARLY_MET = 6.0e8, 1.3e8


def _rotation(degrees: float) -> complex:
    return complex(np.exp(1j * np.radians(degrees)))


def _events_of(pointing: Pointing, n: int, seed: int, duration_s: float = 1000.0, reach_pix: int = 297):
    """Times, whole sky pixels and whole detector pixels, as in a file, around the middle of the detector."""
    rng = np.random.default_rng(seed)
    time_s = np.sort(rng.uniform(0, duration_s, n))
    detx, dety = rng.integers(300 - reach_pix, 300 + reach_pix, (2, n))
    x, y = pointing.to_sky(
        detx + rng.uniform(-0.5, 0.5, n), dety + rng.uniform(-0.5, 0.5, n), pointing.offset_at(time_s)
    )
    return time_s, np.rint(x), np.rint(y), detx, dety


def test_sky_and_detector_are_inverse() -> None:
    pointing = Pointing(_rotation(-123.2), np.array([0.0, 100.0]), np.array([60 + 410j, 62 + 413j]), measured=True)
    offset = pointing.offset_at(50.0)
    assert offset == pytest.approx(61 + 411.5j)
    x, y = pointing.to_sky(290.0, 310.0, offset)
    assert pointing.to_detector(x, y, offset) == pytest.approx((290.0, 310.0))


def test_distances_along_the_columns() -> None:
    pointing = Pointing(_rotation(37.0), np.zeros(1), np.array([500 + 500j]), measured=True)
    x, y = pointing.to_sky(np.array([300.0, 312.0, 300.0]), np.array([300.0, 300.0, 340.0]), pointing.offset[0])
    assert pointing.along_columns(x, y, x[0], y[0]) == pytest.approx([0.0, 12.0, 0.0], abs=1e-9)
    assert pointing.moved_along_columns(x[0], y[0], 12.0) == pytest.approx((x[1], y[1]))
    assert np.tan(np.radians(pointing.column_angle_deg)) == pytest.approx((y[1] - y[0]) / (x[1] - x[0]))


@pytest.mark.parametrize("n", [40, 400, 8000])
def test_pointing_is_found_from_the_events(n: int) -> None:
    truth = Pointing(_rotation(65.0), np.array([0.0, 1000.0]), np.array([400 + 900j, 409 + 894j]), measured=True)
    found = fit_pointing(*_events_of(truth, n, seed=n))
    assert found is not None
    assert found.measured
    assert np.degrees(np.angle(found.rotation)) == pytest.approx(65.0, abs=0.2)
    time_s = np.linspace(100, 900, 17)
    x, y = truth.to_sky(310.0, 280.0, truth.offset_at(time_s))
    detx, dety = found.to_detector(x, y, found.offset_at(time_s))
    # A group of four events of one pixel each leaves 0.2 pixels per axis.
    assert np.hypot(detx - 310, dety - 280).max() < 0.8


def test_pointing_survives_the_settling_of_the_spacecraft() -> None:
    """While it moves by 20 pixels in 10 s, events of one source say nothing about the rotation."""
    time_s = np.array([0.0, 100.0, 400.0])
    truth = Pointing(_rotation(10.0), time_s, np.array([480 + 560j, 300 + 500j, 300 + 500j]), measured=True)
    found = fit_pointing(*_events_of(truth, 60, seed=4, duration_s=400.0, reach_pix=20))
    assert found is not None
    assert np.degrees(np.angle(found.rotation)) == pytest.approx(10.0, abs=0.6)
    x, y = truth.to_sky(300.0, 300.0, truth.offset_at(250.0))
    assert found.to_detector(x, y, found.offset_at(250.0)) == pytest.approx((300.0, 300.0), abs=1.0)


def test_windowed_timing_has_one_row_only() -> None:
    truth = Pointing(_rotation(-50.0), np.zeros(1), np.array([200 + 700j]), measured=True)
    rng = np.random.default_rng(8)
    time_s, detx = np.sort(rng.uniform(0, 100, 500)), rng.integers(200, 400, 500)
    x, y = truth.to_sky(detx, np.full(500, 280), truth.offset[0])
    found = fit_pointing(time_s, np.rint(x), np.rint(y), detx, np.full(500, 280))
    assert found is not None
    assert np.degrees(np.angle(found.rotation)) == pytest.approx(-50.0, abs=0.1)
    assert abs(found.offset.mean() - truth.offset[0]) < 0.5


def test_too_few_events_tell_nothing() -> None:
    few = np.arange(7.0)
    assert fit_pointing(few, few, few, few, few) is None


def test_nominal_pointing_puts_the_boresight_on_the_pointing_direction() -> None:
    pointing = nominal_pointing(327.0, 499.5, 499.5)
    assert not pointing.measured
    assert pointing.to_detector(499.5, 499.5, pointing.offset[0]) == pytest.approx((294.63, 298.78))


def test_off_axis_angle() -> None:
    assert off_axis_arcmin(300.0, 300.0) == 0.0
    assert off_axis_arcmin(300.0, 300.0 + 60.0 / PIXEL_ARCSEC) == pytest.approx(1.0)


def _row(rawx: int, rawy: int, kind: int, length: int) -> np.ndarray:
    return np.array([(rawx, rawy, kind, length)], dtype=BAD_PIXEL_DTYPE)


def test_neighbours_of_bad_pixels_are_dead_too() -> None:
    live = live_map(Mode.PC, EARLY_MET, np.concatenate([_row(199, 299, 1, 1), _row(399, 100, 2, 50)]))
    assert not live[299:302, 199:202].any()
    assert live[298, 200]
    assert live[300, 198]
    assert not live[100:152, 399:402].any()
    assert live[99, 400]
    assert live[152, 400]
    assert live[120, 398]


@pytest.mark.parametrize(
    ("flag", "neighbours_die"),
    [(0, True), (1, True), (3, True), (64, True), (67, True), (35, True), (8, False), (32, False)],
)
def test_neighbours_of_pixels_that_were_found_late_live(flag: int, neighbours_die: bool) -> None:
    row = np.array([(199, 299, 1, 1, flag)], dtype=FLAGGED_BAD_PIXEL_DTYPE)
    live = live_map(Mode.PC, EARLY_MET, row)
    assert not live[300, 200]
    around = live[299:302, 199:202]
    assert around.sum() == (0 if neighbours_die else 8)


def test_bad_pixels_outside_the_detector_are_none() -> None:
    rows = np.concatenate([_row(-5, 300, 1, 1), _row(700, 5, 1, 1), _row(300, -3, 2, 600), _row(5, 700, 1, 1)])
    assert np.array_equal(live_map(Mode.PC, EARLY_MET, rows), live_map(Mode.PC, EARLY_MET))


def test_columns_are_damaged_since_2005() -> None:
    early, late = live_columns(live_map(Mode.PC, EARLY_MET)), live_columns(live_map(Mode.PC, LATE_MET))
    assert early[280:330].all()
    assert np.flatnonzero(~late[280:330]).tolist() == [11, 12, 13, 14, 39, 40, 41]


def test_field_of_view() -> None:
    """The official exposure map of 00085374001 has 321096 pixels in two pointings 29 pixels apart."""
    live = live_map(Mode.PC, EARLY_MET)
    assert 290_000 < live.sum() < 321_096
    assert not live[:3].any()
    assert not live[:, 599:].any()
    assert not live[590, 10]
    assert live_map(Mode.PC, EARLY_MET)[300, 300]
    assert look_up(live, np.array([300.2, -50.0, 900.0]), np.array([299.8, 300.0, 300.0])).tolist() == [
        True,
        False,
        False,
    ]


def test_windowed_timing_reads_a_window() -> None:
    live = live_map(Mode.WT, EARLY_MET, None, (200, 399))
    assert np.flatnonzero(live_columns(live))[[0, -1]].tolist() == [200, 399]
    assert live_columns(live).sum() == 200


def test_pixels_of_circles_and_rings() -> None:
    x, y = ring_pixels(480.3, 520.7, 30.0)
    assert x.size == pytest.approx(np.pi * 900, rel=5e-3)
    assert np.hypot(x - 480.3, y - 520.7).max() <= 30.0
    ring_x, _ = ring_pixels(480.3, 520.7, 30.0, 4.0)
    hole_x, _ = ring_pixels(480.3, 520.7, 4.0)
    assert ring_x.size + hole_x.size == x.size
    edge_x, edge_y = ring_pixels(2.0, 998.0, 10.0)
    assert edge_x.min() == 0
    assert edge_y.max() == 999
    assert ring_pixels(-100.0, 500.0, 10.0)[0].size == 0


def test_sky_positions() -> None:
    header = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 0.0}
    nothing = np.zeros(0, dtype=int)
    events = EventList(
        met=nothing, x=nothing, y=nothing, pi=nothing, grade=nothing, gti=GTI([0.0], [10.0]), mode="PC", header=header
    )
    x, y = sky_to_pixel(events.wcs, SkyCoord(150.0, 20.0, unit="deg", frame="fk5"))
    assert (x, y) == pytest.approx((499.5, 499.5), abs=1e-6)
    north = pixel_to_sky(events.wcs, 499.5, 599.5)
    assert north.separation(events.pointing.icrs).arcsec == pytest.approx(100 * PIXEL_ARCSEC, rel=1e-5)
    assert sky_to_pixel(events.wcs, north) == pytest.approx((499.5, 599.5), abs=1e-6)
