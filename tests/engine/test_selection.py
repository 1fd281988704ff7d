"""Selections and sums of events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.selection import (
    GoodTime,
    in_channels,
    in_grades,
    in_intervals,
    select_band,
    select_obsid,
    snapshot_numbers,
)
from swiftxrt.exceptions import RequestError
from swiftxrt.products.gti import GTI


@pytest.fixture
def data():
    """Two observations that take turns, and steps of the correction factor before, between and at events."""
    return ExtractedEvents(
        mode="PC",
        frame_s=2.0,
        source_time_s=np.array([11.0, 13.0, 13.0, 25.0, 101.0, 109.0, 203.0]),
        source_pi=np.array([30, 150, 1000, 1001, 29, 500, 31]),
        background_time_s=np.array([12.0, 14.0, 105.0, 205.0]),
        background_pi=np.array([40, 2000, 100, 150]),
        background_ratio=np.array([0.1, 0.2, 0.25, 0.5]),
        gti_start_s=np.array([10.0, 100.0, 200.0]),
        gti_stop_s=np.array([30.0, 110.0, 210.0]),
        gti_snapshot=np.array([0, 1, 2]),
        gti_obsid=np.array(["00000000001", "00000000002", "00000000001"]),
        gti_ratio=np.array([0.1, 0.25, 0.5]),
        correction_time_s=np.array([12.0, 13.0, 20.0, 100.0]),
        correction_factor=np.array([2.0, 1.5, 3.0, 1.25]),
    )


def test_both_ends_of_a_band_belong_to_it():
    np.testing.assert_array_equal(in_channels([29, 30, 150, 151], (30, 150)), [False, True, True, False])
    np.testing.assert_array_equal(in_grades([0, 12, 13], (0, 12)), [True, True, False])


def test_intervals_are_half_open():
    inside = in_intervals([0, 10, 29, 30, 100, 109.9, 110, 500], [10, 30, 100], [29, 50, 110])
    np.testing.assert_array_equal(inside, [False, True, False, True, True, True, False, False])


def test_intervals_that_touch():
    assert in_intervals([5.0, 10.0, 15.0], [0.0, 10.0], [10.0, 20.0]).all()
    assert not in_intervals([1.0], [], []).any()


limits = st.lists(st.floats(0, 1000), min_size=2, max_size=20, unique=True)


@given(limits, st.lists(st.floats(-10, 1010), max_size=30))
def test_intervals_and_good_time_agree_with_gti(edges, times):
    edges = np.sort(edges[: len(edges) // 2 * 2])
    gti, times = GTI(edges[::2], edges[1::2]), np.sort(times)
    np.testing.assert_array_equal(in_intervals(times, edges[::2], edges[1::2]), gti.contains(times))
    good = GoodTime(gti.start, gti.stop)
    np.testing.assert_allclose(good.between(times[:-1], times[1:]), gti.overlap_s(times[:-1], times[1:]), atol=1e-9)


def test_snapshots():
    start, stop = np.array([0.0, 126.0, 5700.0, 6000.0]), np.array([100.0, 300.0, 5720.0, 6100.0])
    np.testing.assert_array_equal(snapshot_numbers(start, stop), [0, 0, 1, 1])
    np.testing.assert_array_equal(snapshot_numbers(start, stop, 100.0), [0, 0, 1, 2])
    np.testing.assert_array_equal(snapshot_numbers(start, stop), GTI(start, stop).snapshot_index())
    assert len(snapshot_numbers([], [])) == 0


def test_one_observation(data):
    part = select_obsid(data, "00000000001")
    np.testing.assert_array_equal(part.source_time_s, [11, 13, 13, 25, 203])
    np.testing.assert_array_equal(part.source_pi, [30, 150, 1000, 1001, 31])
    np.testing.assert_array_equal(part.background_ratio, [0.1, 0.2, 0.5])
    np.testing.assert_array_equal(part.gti_start_s, [10, 200])
    np.testing.assert_array_equal(part.correction_factor, data.correction_factor)


def test_sums_of_a_band(data):
    band = select_band(data, (30, 1000))
    sums = band.before(np.array([0.0, 13.0, 20.0, 110.0, 300.0]))
    np.testing.assert_array_equal(sums.counts, [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(sums.background_counts, [0, 1, 1, 2, 3])
    np.testing.assert_allclose(sums.background, [0, 0.1, 0.1, 0.35, 0.85])
    # The first factor holds before its time; at its time a factor is in force.
    np.testing.assert_allclose(sums.factors, [0, 2.0, 2.0 + 2 * 1.5, 5.0 + 1.25, 6.25 + 1.25])


def test_background_error_is_that_of_its_counts(data):
    sums = select_band(data, (30, 1000)).before(np.array([0.0, 300.0]))
    np.testing.assert_allclose(sums.background_error, [0, 0.85 / np.sqrt(3)])
    np.testing.assert_allclose(sums.net_error, [0, np.sqrt(5 + 0.85**2 / 3)])


@given(st.integers(0, 2**32 - 1))
def test_sums_agree_with_adding_up(seed):
    rng = np.random.default_rng(seed)
    times, background = np.sort(rng.integers(0, 60, 40) / 2.0), np.sort(rng.uniform(0, 30, 25))
    steps = np.sort(rng.choice(60, rng.integers(1, 12), replace=False) / 2.0)
    data = ExtractedEvents(
        mode="WT",
        frame_s=0.5,
        source_time_s=times,
        source_pi=rng.integers(0, 300, 40),
        background_time_s=background,
        background_pi=rng.integers(0, 300, 25),
        background_ratio=rng.uniform(0.1, 1, 25),
        gti_start_s=np.array([0.0]),
        gti_stop_s=np.array([30.0]),
        gti_snapshot=np.array([0]),
        gti_obsid=np.array(["00000000001"]),
        gti_ratio=np.array([0.1]),
        correction_time_s=steps,
        correction_factor=rng.uniform(1, 3, len(steps)),
    )
    edges = np.sort(rng.uniform(-1, 31, 9))
    edges[4] = times[20]
    edges.sort()
    band = select_band(data, (50, 250))
    found = band.before(edges[1:]).since(band.before(edges[:-1]))
    inside = (data.source_pi >= 50) & (data.source_pi <= 250)
    behind = (data.background_pi >= 50) & (data.background_pi <= 250)
    for k in range(8):
        events = inside & (times >= edges[k]) & (times < edges[k + 1])
        others = behind & (background >= edges[k]) & (background < edges[k + 1])
        row = np.maximum(np.searchsorted(steps, times[events], side="right") - 1, 0)
        assert found.counts[k] == events.sum()
        assert found.background_counts[k] == others.sum()
        assert found.background[k] == pytest.approx(data.background_ratio[others].sum(), abs=1e-12)
        assert found.factors[k] == pytest.approx(data.correction_factor[row].sum(), abs=1e-11)


def test_a_band_needs_its_channels_in_order(data):
    with pytest.raises(RequestError, match="first must not be above the last"):
        select_band(data, (1000, 30))
