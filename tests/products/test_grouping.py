"""Rules that join channels: signal to noise, and the optimal width of Kaastra & Bleeker (2016)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from swiftxrt import RMF, CountSpectrum
from swiftxrt.exceptions import RequestError
from swiftxrt.products.grouping import BAD, GOOD, LEFT_OVER, GroupingRule, group_flags, optimal_widths

N = 200
EDGES = np.linspace(0.0, 2.0, N + 1) * u.keV


def resolving(fwhm_channels: float) -> RMF:
    """A response of the same width everywhere."""
    channel = np.arange(N)
    sigma = fwhm_channels / np.sqrt(8 * np.log(2))
    matrix = np.exp(-0.5 * ((channel - channel[:, None]) / sigma) ** 2)
    return RMF(matrix=matrix, energy_edges=EDGES, channel_edges=EDGES)


def make(counts: Any, fwhm_channels: float = 12.0, **more: Any) -> CountSpectrum:
    return CountSpectrum(counts=counts, exposure=100 * u.s, mode="PC", rmf=resolving(fwhm_channels), **more)


def groups(spectrum: CountSpectrum) -> list[tuple[int, int, int]]:
    """First channel, one after the last, and quality of every group."""
    start = np.flatnonzero(spectrum.grouping == 1)
    return [(int(a), int(b), int(spectrum.quality[a])) for a, b in zip(start, [*start[1:], N], strict=True)]


@pytest.mark.parametrize("width", [2.0, 3.3, 11.5, 40.0])
def test_width_of_a_response(width: float) -> None:
    assert resolving(width).fwhm_channels[100] == pytest.approx(width, rel=0.02)


def test_narrow_response_is_one_channel_wide() -> None:
    assert RMF(matrix=np.eye(N), energy_edges=EDGES, channel_edges=EDGES).fwhm_channels.tolist() == [1.0] * N
    assert RMF(matrix=np.zeros((N, N)), energy_edges=EDGES, channel_edges=EDGES).fwhm_channels.tolist() == [1.0] * N


@pytest.mark.parametrize("per_channel", [0, 1, 3, 30, 1000, 100_000])
def test_optimal_width_is_the_formula_of_the_paper(per_channel: int) -> None:
    """Same counts and width everywhere: one number, worked out here by hand."""
    spectrum, used = make(np.full(N, per_channel)), np.arange(N) >= 30
    width = float(spectrum.rmf.fwhm_channels[100])
    elements = float(np.sum(1 / spectrum.rmf.fwhm_channels[used]))
    x = np.log(max(per_channel * width, 1.0) * (1 + 0.2 * np.log(elements)))
    share = 1.0 if x <= 2.119 else (0.08 + 7.0 / x + 1.8 / x**2) / (1 + 5.9 / x)
    assert optimal_widths(spectrum, used)[100] == int(share * width)


def test_formula_is_continuous_where_the_paper_switches() -> None:
    x = 2.119
    assert (0.08 + 7.0 / x + 1.8 / x**2) / (1 + 5.9 / x) == pytest.approx(1.0, abs=1e-3)


def test_optimal_groups() -> None:
    spectrum = make(np.full(N, 4)).group(optimal=True)
    width = optimal_widths(spectrum, spectrum.quality == GOOD)
    found = [group for group in groups(spectrum) if group[2] == GOOD]
    assert found[0][0] == 30
    assert found[-1][1] == N  # the rest at the end is a group too: nothing is left over
    assert LEFT_OVER not in spectrum.quality
    assert all(stop - start == width[start] for start, stop, _ in found[:-1])


def test_more_counts_make_narrower_groups() -> None:
    numbers = [len(groups(make(np.full(N, level)).group(optimal=True))) for level in (1, 30, 1000)]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[-1]


def test_background_makes_wider_groups() -> None:
    outside = CountSpectrum(counts=np.full(N, 29), exposure=100 * u.s, mode="PC")
    bright = make(np.full(N, 30)).group(optimal=True)
    drowned = make(np.full(N, 30), background=outside).group(optimal=True)
    assert len(groups(drowned)) < len(groups(bright))


def test_optimal_with_least_counts() -> None:
    counts = np.where(np.arange(N) < 100, 20, 1)
    both = make(counts).group(optimal=True, min_counts=25)
    alone = make(counts).group(optimal=True)
    found = [group for group in groups(both) if group[2] == GOOD]
    width = optimal_widths(alone, alone.quality == GOOD)
    assert all(counts[start:stop].sum() >= 25 and stop - start >= width[start] for start, stop, _ in found)
    assert LEFT_OVER in both.quality
    assert found[0] == next(group for group in groups(alone) if group[2] == GOOD)


def test_optimal_needs_a_matrix() -> None:
    with pytest.raises(RequestError, match="no RMF"):
        CountSpectrum(counts=np.ones(N), exposure=1 * u.s, mode="PC").group(optimal=True)


def test_signal_to_noise() -> None:
    outside = CountSpectrum(counts=np.full(N, 8), exposure=400 * u.s, mode="PC")
    spectrum = make(np.full(N, 5), background=outside).group(signal_to_noise=6.0)
    # n channels: net (5 - 8 / 4) n, variance (5 + 8 / 16) n
    n = int(np.ceil((6.0 / 3.0) ** 2 * 5.5))
    found = [group for group in groups(spectrum) if group[2] == GOOD]
    assert {stop - start for start, stop, _ in found} == {n}


def test_no_signal_leaves_everything_over() -> None:
    outside = CountSpectrum(counts=np.full(N, 8), exposure=100 * u.s, mode="PC")
    spectrum = make(np.full(N, 5), background=outside).group(signal_to_noise=3.0)
    assert set(spectrum.quality[30:]) == {LEFT_OVER}


@given(
    hnp.arrays(np.int64, N, elements=st.integers(0, 30)),
    hnp.arrays(np.bool_, N, elements=st.sampled_from([True] * 19 + [False])),
    st.sampled_from(
        [{"optimal": True}, {"signal_to_noise": 4.0}, {"min_counts": 9}, {"optimal": True, "min_counts": 9}]
    ),
)
@settings(max_examples=40, deadline=None)
def test_no_group_reaches_over_a_change_of_quality(counts: np.ndarray, good: np.ndarray, rule: dict[str, Any]) -> None:
    spectrum = make(counts, quality=np.where(good, GOOD, BAD)).group(**rule)
    for start, stop, quality in groups(spectrum):
        assert set(spectrum.quality[start:stop]) == {quality}
    assert np.all(spectrum.quality[~good] == BAD)
    assert spectrum.grouped().counts.sum() == counts.sum()


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, "give min_counts"),
        ({"signal_to_noise": 0}, "positive number"),
        ({"signal_to_noise": np.nan}, "positive number"),
        ({"signal_to_noise": "3"}, "positive number"),
        ({"signal_to_noise": 3, "min_counts": 5}, "cannot be combined"),
        ({"signal_to_noise": 3, "optimal": True}, "cannot be combined"),
        ({"min_counts": 0, "optimal": True}, "positive whole number"),
        ({"min_background_counts": 0}, "positive whole number"),
        ({"min_background_counts": True}, "positive whole number"),
        ({"min_background_counts": 1.5, "min_counts": 3}, "min_background_counts.*positive whole number"),
        ({"signal_to_noise": 3, "min_background_counts": 5}, "cannot be combined"),
    ],
)
def test_rules_that_cannot_be_used(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        GroupingRule(**rule)


def slow_groups(counts: np.ndarray, outside: np.ndarray, good: np.ndarray, least: tuple[int, int]) -> list[int]:
    """Number of the group of each channel: -1 bad, -2 left over."""
    number, group = [-1] * N, 0
    channel = 0
    while channel < N:
        if not good[channel]:
            channel += 1
            continue
        inside, beyond, stop = 0, 0, channel
        while stop < N and good[stop] and (stop == channel or inside < least[0] or beyond < least[1]):
            inside, beyond, stop = inside + counts[stop], beyond + outside[stop], stop + 1
        complete = inside >= least[0] and beyond >= least[1]
        for one in range(channel, stop):
            number[one] = group if complete else -2
        group += complete
        channel = stop
    return number


@given(
    hnp.arrays(np.int64, N, elements=st.sampled_from([0, 0, 0, 1, 2])),
    hnp.arrays(np.int64, N, elements=st.sampled_from([0, 0, 0, 0, 1, 3])),
    hnp.arrays(np.bool_, N, elements=st.sampled_from([True] * 29 + [False])),
    st.sampled_from([None, 1, 4]),
    st.integers(1, 5),
)
@settings(max_examples=40, deadline=None)
def test_counts_of_source_and_background(
    counts: np.ndarray, outside: np.ndarray, good: np.ndarray, least: int | None, beyond: int
) -> None:
    background = CountSpectrum(counts=outside, exposure=100 * u.s, mode="PC", backscale=7)
    spectrum = make(counts, background=background, quality=np.where(good, GOOD, BAD))
    found = spectrum.group(min_counts=least, min_background_counts=beyond)
    assert found.quality[:30].tolist() == [BAD] * 30
    wanted = np.array(slow_groups(counts, outside, good & (np.arange(N) >= 30), (least or 0, beyond)))
    assert np.array_equal(found.quality == GOOD, wanted >= 0)
    assert np.array_equal(found.quality == LEFT_OVER, wanted == -2)
    in_group = np.cumsum(found.grouping == 1)[wanted >= 0]
    assert np.array_equal(np.diff(in_group) > 0, np.diff(wanted[wanted >= 0]) > 0)


def test_background_counts_and_optimal_width() -> None:
    background = CountSpectrum(counts=(np.arange(N) % 40 == 0).astype(int), exposure=100 * u.s, mode="PC")
    both = make(np.full(N, 4), background=background).group(optimal=True, min_background_counts=1)
    found = [group for group in groups(both) if group[2] == GOOD]
    assert all(background.counts[start:stop].sum() >= 1 for start, stop, _ in found)
    assert found[-1][1] < N
    assert both.to_spectrum().group(min_background_counts=2).flux.size == len(found) // 2


def test_background_counts_need_a_background() -> None:
    with pytest.raises(RequestError, match="min_background_counts: interval0pc has no background; read it with"):
        make(np.full(N, 4)).group(min_background_counts=1)


def test_background_counts_must_be_counts() -> None:
    rates = CountSpectrum(counts=np.full(N, 0.5), counts_err=np.full(N, 0.1), exposure=100 * u.s, mode="PC")
    with pytest.raises(RequestError, match="the background of interval0pc holds rates"):
        make(np.full(N, 4), background=rates).group(min_background_counts=1)


def test_only_the_lowest_channels_of_the_xrt_are_bad_by_themselves() -> None:
    counts, of_xrt = np.full(N, 4), make(np.full(N, 4))
    other = CountSpectrum(counts=counts, exposure=100 * u.s, telescope="NICER", instrument="XTI", rmf=resolving(12.0))
    for rule in ({"min_counts": 8}, {"optimal": True}, {"signal_to_noise": 3.0}):
        assert np.all(of_xrt.group(**rule).quality[:30] == BAD)
        assert BAD not in other.group(**rule).quality


def test_flags_of_any_condition() -> None:
    grouping, left_over = group_flags(np.array([1, 1, 0, 1, 1, 1], dtype=bool), lambda start, stop: stop - start == 2)
    assert grouping.tolist() == [1, -1, 1, 1, -1, 1]
    assert left_over.tolist() == [False] * 5 + [True]


def test_spectra_group_as_their_counts() -> None:
    counted = make(np.full(N, 4))
    drawn = counted.to_spectrum()
    assert drawn.group(optimal=True).flux.size == counted.group(optimal=True).to_spectrum().flux.size
    assert drawn.group(signal_to_noise=5).flux.size == counted.group(signal_to_noise=5).to_spectrum().flux.size


def test_real_matrix(validation_data: Path) -> None:
    """About 50 resolution elements between 0.3 and 10 keV; widths of the matrix of 2013."""
    rmf = RMF.read(validation_data / "caldb_like" / "swxpc0to12s6_20130101v014.rmf.gz")
    assert np.sum(1 / rmf.fwhm_channels[30:1001]) == pytest.approx(50, abs=6)
    assert rmf.fwhm_channels[[100, 150, 590]] == pytest.approx([11.5, 13.0, 26.1], abs=0.6)
