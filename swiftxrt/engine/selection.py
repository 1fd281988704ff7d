"""Selection of events by good time, channel, grade and observation, and sums of them up to any time.

Everything is half open: an interval holds the times ``start <= t < stop``.
Channel and grade ranges hold both ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..exceptions import RequestError
from ..mission import SNAPSHOT_GAP_S
from .inputs import ExtractedEvents

__all__ = [
    "BandEvents",
    "GoodTime",
    "Sums",
    "in_channels",
    "in_grades",
    "in_intervals",
    "select_band",
    "select_good_time",
    "select_obsid",
    "snapshot_numbers",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def in_intervals(time_s: ArrayLike, start_s: ArrayLike, stop_s: ArrayLike) -> Flags:
    """Whether times lie in one of some intervals.

    Parameters
    ----------
    time_s : array_like, shape (n,)
        Times in seconds.
    start_s, stop_s : array_like, shape (m,)
        Intervals in seconds, sorted and disjoint.

    Returns
    -------
    inside : ndarray of bool, shape (n,)
    """
    time_s, start_s, stop_s = np.asarray(time_s), np.asarray(start_s), np.asarray(stop_s)
    # Odd positions among the limits are inside; of equal limits the start counts.
    limits = np.column_stack([start_s, stop_s]).ravel()
    return np.searchsorted(limits, time_s, side="right") % 2 == 1


def in_channels(pi: ArrayLike, channels: tuple[int, int]) -> Flags:
    """Whether PI channels lie in a band; the first and the last channel belong to it."""
    pi = np.asarray(pi)
    return (pi >= channels[0]) & (pi <= channels[1])


def in_grades(grade: ArrayLike, grades: tuple[int, int]) -> Flags:
    """Whether event grades lie in a range; the lowest and the highest grade belong to it."""
    grade = np.asarray(grade)
    return (grade >= grades[0]) & (grade <= grades[1])


def snapshot_numbers(start_s: ArrayLike, stop_s: ArrayLike, max_gap_s: float = SNAPSHOT_GAP_S) -> Integers:
    """Number the snapshots that good time intervals belong to.

    Parameters
    ----------
    start_s, stop_s : array_like, shape (n,)
        Good time intervals in seconds, sorted and disjoint.
    max_gap_s : float, optional
        Intervals further apart than this belong to different snapshots. Gaps
        inside snapshots of AT2018cow last 20 to 30 s, those between them 1000 s and more.

    Returns
    -------
    numbers : ndarray of int, shape (n,)
        0, 1, 2, ... in order of time.
    """
    start_s, stop_s = np.asarray(start_s, dtype=float), np.asarray(stop_s, dtype=float)
    numbers = np.zeros(len(start_s), dtype=np.int64)
    np.cumsum(start_s[1:] - stop_s[:-1] > max_gap_s, out=numbers[1:])
    return numbers


def select_obsid(data: ExtractedEvents, obsid: str) -> ExtractedEvents:
    """The part of the data that belongs to one observation.

    Parameters
    ----------
    data : ExtractedEvents
        Any number of observations.
    obsid : str
        The observation.

    Returns
    -------
    part : ExtractedEvents
        Its good time and the events in it.
    """
    return select_good_time(data, data.gti_obsid == obsid)


def select_good_time(data: ExtractedEvents, gti: Flags) -> ExtractedEvents:
    """The part of the data that lies in some of the good time intervals.

    Parameters
    ----------
    data : ExtractedEvents
        Any number of observations.
    gti : ndarray of bool, shape (n_gti,)
        Which intervals to keep.

    Returns
    -------
    part : ExtractedEvents
        These intervals and the events in them.
    """
    good = data.gti_start_s[gti], data.gti_stop_s[gti]
    source = in_intervals(data.source_time_s, *good)
    background = in_intervals(data.background_time_s, *good)
    events = {name: getattr(data, name)[source] for name in ("source_time_s", "source_pi")}
    events |= {
        name: getattr(data, name)[background] for name in ("background_time_s", "background_pi", "background_ratio")
    }
    intervals = {
        name: getattr(data, name)[gti]
        for name in ("gti_start_s", "gti_stop_s", "gti_snapshot", "gti_obsid", "gti_ratio")
    }
    return replace(data, **events, **intervals)


class GoodTime:
    """Good time up to any time.

    Parameters
    ----------
    start_s, stop_s : ndarray, shape (n,)
        Good time intervals in seconds, sorted and disjoint.
    """

    def __init__(self, start_s: Floats, stop_s: Floats) -> None:
        self._limits = np.column_stack([start_s, stop_s]).ravel()
        self._sums = np.zeros(2 * len(start_s))
        self._sums[1::2] = np.cumsum(stop_s - start_s)
        self._sums[2::2] = self._sums[1:-1:2]

    def before(self, time_s: Floats) -> Floats:
        """Seconds of good time before each time."""
        return np.interp(time_s, self._limits, self._sums)

    def between(self, start_s: Floats, stop_s: Floats) -> Floats:
        """Seconds of good time in each interval."""
        return self.before(stop_s) - self.before(start_s)


class Sums(NamedTuple):
    """What was collected up to some times, or between two of them.

    Attributes
    ----------
    counts, background_counts : ndarray of int
        Events in the source and in the background region.
    background : ndarray of float
        Background events, each times source area over background area.
    factors : ndarray of float
        Sum of the correction factors of the source events.
    """

    counts: Integers
    background_counts: Integers
    background: Floats
    factors: Floats

    def since(self, start: Sums) -> Sums:
        """What was added after `start`."""
        return Sums(*(late - early for late, early in zip(self, start, strict=True)))

    @property
    def net(self) -> Floats:
        """Source counts less the background expected in the source region."""
        return self.counts - self.background

    @property
    def background_error(self) -> Floats:
        """Standard deviation of `background`.

        The Poisson error of the background events times their mean area
        ratio, B / sqrt(N_b), which is what the official light curves carry.
        """
        return self.background / np.sqrt(np.maximum(self.background_counts, 1))

    @property
    def net_error(self) -> Floats:
        """Standard deviation of `net`, sqrt(C + error of B squared)."""
        return np.sqrt(self.counts + self.background_error**2)


@dataclass(frozen=True, eq=False)
class BandEvents:
    """The events of one band, ready to be summed.

    Correction factors are a step function of time, so their sum over the
    source events is linear in the number of events between two steps.

    Parameters
    ----------
    source_time_s, background_time_s : ndarray
        Times of the events of the band in seconds, sorted.
    background_sum : ndarray, shape (n_background + 1,)
        Sum of the area ratios before each background event.
    factor : ndarray, shape (n_factor,)
        Correction factors.
    factor_from, factor_sum : ndarray, shape (n_factor,)
        The first source event with each factor, and the sum over the events before it.
    """

    source_time_s: Floats
    background_time_s: Floats
    background_sum: Floats
    factor: Floats
    factor_from: Integers
    factor_sum: Floats

    def before(self, time_s: Floats) -> Sums:
        """Sums over all events before each time."""
        return self.up_to(np.searchsorted(self.source_time_s, time_s), time_s)

    def up_to(self, counts: Integers, time_s: Floats) -> Sums:
        """The same where the number of source events is known.

        Parameters
        ----------
        counts : ndarray of int
            Number of source events before each time.
        time_s : ndarray
            Times in seconds.

        Returns
        -------
        sums : Sums
        """
        background_counts = np.searchsorted(self.background_time_s, time_s)
        row = self._row(counts)
        factors = self.factor_sum[row] + (counts - self.factor_from[row]) * self.factor[row]
        return Sums(counts, background_counts, self.background_sum[background_counts], factors)

    def smallest_factors(self, cuts: Integers) -> Floats:
        """Smallest correction factor between consecutive numbers of source events, those at both ends included."""
        rows = self._row(cuts)
        return np.minimum(np.minimum.reduceat(self.factor, rows)[:-1], self.factor[rows[1:]])

    def _row(self, event: Integers) -> Integers:
        return np.searchsorted(self.factor_from, event, side="right") - 1


def select_band(data: ExtractedEvents, channels: tuple[int, int]) -> BandEvents:
    """Take the events of one band.

    Parameters
    ----------
    data : ExtractedEvents
        Source and background events.
    channels : tuple of int
        First and last PI channel, both inside.

    Returns
    -------
    events : BandEvents

    Raises
    ------
    RequestError
        If the first channel is above the last.
    """
    if channels[0] > channels[1]:
        raise RequestError([("channels", f"the first must not be above the last; got {channels}")], "light curve")
    source_time_s = _selected(data.source_pi, channels, data.source_time_s)
    background_time_s = _selected(data.background_pi, channels, data.background_time_s)
    ratio = _selected(data.background_pi, channels, data.background_ratio)
    time_s, factor = data.correction_time_s, data.correction_factor
    if not len(factor):
        time_s, factor = np.array([-np.inf]), np.ones(1)
    # The last factor at or before an event holds; the first one also before its own time.
    factor_from = np.searchsorted(source_time_s, time_s)
    factor_from[0] = 0
    return BandEvents(
        source_time_s,
        background_time_s,
        np.concatenate([[0.0], np.cumsum(ratio)]),
        factor,
        factor_from,
        np.concatenate([[0.0], np.cumsum(np.diff(factor_from) * factor[:-1])]),
    )


def _selected(pi: NDArray[np.int64], channels: tuple[int, int], values: Floats) -> Floats:
    if not len(pi) or (pi.min() >= channels[0] and pi.max() <= channels[1]):
        return values
    return values[in_channels(pi, channels)]
