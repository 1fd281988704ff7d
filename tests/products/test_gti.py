"""Sets of good time intervals."""

from __future__ import annotations

import operator
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from swiftxrt.exceptions import RequestError
from swiftxrt.met import met_to_time
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

# Whole seconds, so that sums are exact and a brute-force comparison is easy.
SPAN = 60
pairs = st.tuples(st.integers(0, SPAN - 1), st.integers(1, 15)).map(lambda item: (item[0], item[0] + item[1]))
gtis = st.lists(pairs, max_size=8).map(GTI.from_pairs)
CELLS = np.arange(SPAN + 16) + 0.5


def cells(gti):
    """Seconds that are good, without the code under test."""
    return {cell for cell in CELLS for start, stop in gti if start <= cell < stop}


def test_intervals_are_sorted_merged_and_disjoint():
    gti = GTI([50.0, 0.0, 200.0, 100.0, 30.0], [60.0, 10.0, 200.0, 120.0, 55.0])
    assert list(gti) == [(0.0, 10.0), (30.0, 60.0), (100.0, 120.0)]
    assert gti.exposure == 60 * u.s
    assert gti.exposure_s == 60.0


def test_touching_intervals_become_one():
    assert list(GTI([0, 10], [10, 20])) == [(0.0, 20.0)]


def test_a_long_interval_swallows_later_ones():
    assert list(GTI([0, 1, 5], [100, 2, 6])) == [(0.0, 100.0)]


def test_empty():
    gti = GTI.empty()
    assert len(gti) == 0
    assert list(gti) == []
    assert gti.exposure == 0 * u.s
    assert not gti.contains([1.0]).any()
    assert gti.overlap_s([0.0], [1.0]) == 0
    assert gti.snapshots() == []
    assert gti | GTI([0], [1]) == GTI([0], [1])
    assert repr(gti) == "<GTI empty>"


@given(gtis, gtis)
def test_operations_agree_with_brute_force(a, b):
    assert cells(a | b) == cells(a) | cells(b)
    assert cells(a & b) == cells(a) & cells(b)
    assert cells(a - b) == cells(a) - cells(b)
    assert (a | b).exposure_s == len(cells(a) | cells(b))


@given(gtis, gtis, gtis)
def test_laws_of_sets(a, b, c):
    assert (a | b) == (b | a)
    assert (a & b) == (b & a)
    assert ((a | b) & c) == ((a & c) | (b & c))
    assert (a - b) == (a & b.inverted(a | b))
    assert (a - (b | c)) == ((a - b) - c)
    assert a.exposure_s + b.exposure_s == (a | b).exposure_s + (a & b).exposure_s
    assert len((a - b) & b) == 0
    for gti in (a | b, a & b, a - b):
        assert np.all(gti.start < gti.stop)
        assert np.all(gti.start[1:] > gti.stop[:-1])


@given(gtis, st.lists(st.floats(-5, SPAN + 20), max_size=20))
def test_contains_agrees_with_brute_force(gti, times):
    expected = [any(start <= time < stop for start, stop in gti) for time in times]
    assert gti.contains(times).tolist() == expected


@given(gtis, st.lists(st.tuples(st.floats(-5, SPAN + 20), st.floats(-5, SPAN + 20)), min_size=1, max_size=10))
def test_overlap_is_that_of_the_intersection(gti, windows):
    low, high = np.array(windows).T
    expected = [sum(max(0.0, min(h, stop) - max(lo, start)) for start, stop in gti) for lo, h in windows]
    np.testing.assert_allclose(gti.overlap_s(low, high), expected, atol=1e-12)


def test_intersection_agrees_with_stingray():
    stingray_gti = pytest.importorskip("stingray.gti")
    rng = np.random.default_rng(3)
    edges = [np.sort(rng.uniform(0, 1000, 40)).reshape(-1, 2) for _ in range(2)]
    ours = GTI(*edges[0].T) & GTI(*edges[1].T)
    theirs = stingray_gti.cross_two_gtis(*edges)
    np.testing.assert_array_equal(np.column_stack([ours.start, ours.stop]), theirs)


def test_limits_are_half_open():
    gti = GTI([10.0], [20.0])
    assert gti.contains([9.999, 10.0, 19.999, 20.0]).tolist() == [False, True, True, False]


def test_snapshots():
    gti = GTI([0, 200, 6000, 12000], [100, 300, 6500, 12001])
    assert gti.snapshot_index().tolist() == [0, 0, 1, 2]
    assert gti.snapshots() == [GTI([0, 200], [100, 300]), GTI([6000], [6500]), GTI([12000], [12001])]
    assert gti.snapshot_index(50 * u.s).tolist() == [0, 1, 2, 3]
    assert gti.snapshot_index(2 * u.hr).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("gap", [300, "300 s", 3 * u.m, -1 * u.s, [1, 2] * u.s, np.nan * u.s])
def test_the_gap_is_a_positive_time(gap):
    with pytest.raises(RequestError, match="max_gap"):
        GTI([0], [1]).snapshot_index(gap)


def test_limits_with_units_and_times():
    start = Time("2014-11-07T08:16:03.4", scale="utc")
    gti = GTI(start, start + 100 * u.s)
    assert gti.exposure_s == pytest.approx(100, abs=1e-5)
    assert abs((gti.time_start[0] - start).to_value(u.s)) < 1e-5
    assert GTI([1] * u.min, [2] * u.min) == GTI([60], [120])
    assert GTI.from_pairs([(1 * u.min, 2 * u.min), (200.0, 300.0)]) == GTI([60, 200], [120, 300])
    assert np.all(gti.time_stop == met_to_time(gti.stop))


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [
        ([1.0, 2.0], [3.0], "as many starts as stops"),
        ([5.0], [4.0], "before its start"),
        ([np.nan], [4.0], "finite"),
        ([1.0], [np.inf], "finite"),
        ([[1.0]], [[2.0]], "one-dimensional"),
        ("soon", "later", "MET seconds or Time"),
        ([1.0] * u.m, [2.0] * u.m, "times are needed"),
    ],
)
def test_bad_limits(start, stop, message):
    with pytest.raises(RequestError, match=message):
        GTI(start, stop)


def test_pairs_are_pairs():
    with pytest.raises(RequestError, match="pair"):
        GTI.from_pairs([(1, 2, 3)])


@pytest.mark.parametrize("act", [operator.or_, operator.and_, operator.sub])
def test_only_gti_combine(act):
    with pytest.raises(TypeError):
        act(GTI([0], [1]), [(0, 1)])


def test_nothing_can_be_changed():
    source = np.array([0.0, 10.0])
    gti = GTI(source, source + 1)
    source[0] = 5
    assert gti.start[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        gti.start[0] = 1
    with pytest.raises(AttributeError, match="cannot be changed"):
        gti._start = source
    with pytest.raises(AttributeError):
        gti.start = source


def test_pickle_equality_and_hash():
    gti = GTI([0, 10], [5, 20])
    again = pickle.loads(pickle.dumps(gti))
    assert again == gti
    assert hash(again) == hash(gti)
    assert not again.start.flags.writeable
    assert gti != GTI([0, 10], [5, 21])
    assert gti != "gti"


def test_repr():
    assert repr(GTI([0, 10], [5, 20.5])) == "<GTI 2 intervals, 15.5 s good, MET 0.0 to 20.5 s>"
    assert "1 interval," in repr(GTI([0], [5]))


def test_official_ontime_is_the_sum(validation_data):
    """ONTIME of the header of the archived file, 1572.077 s in two orbits."""
    folder = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/event"
    gti = EventList.read(folder / "sw00085374001xpcw3po_cl.evt.gz").gti
    assert gti.exposure_s == pytest.approx(1572.077100038528, abs=1e-9)
    assert len(gti.snapshots()) == 2
