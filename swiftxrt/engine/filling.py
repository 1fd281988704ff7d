"""Light-curve bins that are filled with counts.

The rule of the official light curves (Evans et al. 2007, A&A 469, 379),
with the details read off from about 30 000 published bins:

* A bin is full at the end of the first readout frame at which it holds enough
  counts, has the signal-to-noise ratio and the duration asked for. The next
  bin starts there.
* Enough is ``max(min_counts, trunc(counts * bin_factor**n))`` with
  ``n = trunc(log(rate) / log(rate_factor))`` when the bins follow the rate of
  the source (the corrected rate of the bin itself, in ct/s), else ``counts``.
* What is left at the end of a snapshot joins the last bin that was filled in
  it. If there is none, the bin goes on in the next snapshot, unless it would
  straddle too long a gap or the data end: then it is closed as it is.

Where a bin ends depends on where it starts, so bins cannot be made all at once.
But while the number of counts needed stays the same, their ends follow from
counting alone: many are proposed together, checked together, and kept up to
the first that the rule would have ended elsewhere. Around that one the end of
the bin is worked out for every event that it could start at, and the bins are
read off from that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .inputs import ExtractedEvents
from .selection import BandEvents, GoodTime, Sums

__all__ = ["CountsFiller", "CountsRule", "snapshot_spans"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Event times are known to about a microsecond.
_TIME_PRECISION_S = 1e-6
_MIN_GOOD_S = 1e-9
# Rows of totals; the fields of `Sums` of each band follow from the third on.
_EDGE, _GOOD, _COUNTS = 0, 1, 2
# How many pieces are proposed, or events looked at, in one go.
_FEW, _MANY = 64, 1 << 16
_WINDOW = 4096
# Rates (ct/s) outside these limits need as many counts as at the limits.
_RATE_LIMITS = (1e-9, 1e9)


class CountsRule(Protocol):
    """Parameters of the rule; see `swiftxrt.engine.binning.BinningParameters`."""

    @property
    def counts(self) -> int: ...
    @property
    def dynamic(self) -> bool: ...
    @property
    def rate_factor(self) -> float: ...
    @property
    def bin_factor(self) -> float: ...
    @property
    def min_counts(self) -> int: ...
    @property
    def min_snr(self) -> float: ...
    @property
    def min_bin_s(self) -> float: ...
    @property
    def max_gap_s(self) -> float: ...


class _Need:
    """How many counts a bin needs, as a step function of its rate."""

    def __init__(self, rule: CountsRule) -> None:
        rates, counts = [], [max(rule.counts, 1)]
        if rule.dynamic:
            steps = int(math.log(_RATE_LIMITS[1]) / math.log(rule.rate_factor)) + 1
            powers = np.arange(-steps, steps + 1)
            rates = [rule.rate_factor**n for n in powers if n != 0]
            wanted = np.trunc(np.minimum(rule.counts * rule.bin_factor ** powers.astype(float), 1e9) + 1e-9)
            counts = [int(max(n, rule.min_counts, 1)) for n in wanted]
        changes = [0] + [k for k in range(1, len(counts)) if counts[k] != counts[k - 1]]
        self.counts = [counts[k] for k in changes]
        self.rates = [rates[k - 1] for k in changes[1:]]
        self.lowest = min(self.counts)
        self.grows = sorted(self.counts) == self.counts
        self._counts, self._rates = np.array(self.counts), np.array(self.rates)

    def at(self, rate: Floats) -> Integers:
        return self._counts[np.searchsorted(self._rates, rate, side="right")]

    def steps(self) -> Iterator[tuple[int, float]]:
        """The numbers, each with the rate from which it no longer suffices."""
        if self.grows:
            return zip(self.counts, [*self.rates, math.inf], strict=True)
        return iter([(self.lowest, math.inf)])



def snapshot_spans(data: ExtractedEvents) -> tuple[Floats, Floats]:
    """Start of the first and stop of the last good time interval of each snapshot, in seconds."""
    first = np.flatnonzero(np.diff(data.gti_snapshot, prepend=data.gti_snapshot[0] - 1))
    last = np.append(first[1:], len(data.gti_snapshot)) - 1
    return data.gti_start_s[first], data.gti_stop_s[last]


class _Collector:
    """What has been collected up to any moment; the events of all bands in one sequence.

    A moment is given by the number of events before it ("cut") and its time
    ("edge"). Totals are arrays with one column for each moment; their rows are
    the edge, the good time, and for each band the fields of `Sums`.

    Parameters
    ----------
    data : ExtractedEvents
        Gives the good time.
    bands : sequence of BandEvents
        Gives the events.
    """

    def __init__(self, data: ExtractedEvents, bands: Sequence[BandEvents]) -> None:
        self.bands = tuple(bands)
        self._good = GoodTime(data.gti_start_s, data.gti_stop_s)
        self.single = len(bands) == 1
        if self.single:
            self.time_s = bands[0].source_time_s
            return
        time_s = np.concatenate([band.source_time_s for band in bands])
        owner = np.repeat(np.arange(len(bands)), [len(band.source_time_s) for band in bands])
        order = np.argsort(time_s, kind="stable")
        self.time_s, owner = time_s[order], owner[order]
        self._place = [np.flatnonzero(owner == k) for k in range(len(bands))]
        self._before = [np.append(0, np.cumsum(owner == k)) for k in range(len(bands))]

    def totals(self, cuts: Integers, edges_s: Floats) -> Floats:
        rows = [edges_s, self._good.before(edges_s)]
        for k, band in enumerate(self.bands):
            rows.extend(band.up_to(cuts if self.single else self._before[k][cuts], edges_s))
        return np.array(rows, dtype=np.float64)

    def cut_with(self, cut: int, counts: int) -> int:
        """The first cut after which each band has so many more events."""
        if self.single:
            return cut + counts
        needed = [int(before[cut]) + counts for before in self._before]
        if any(last > len(place) for last, place in zip(needed, self._place, strict=True)):
            return len(self.time_s) + 1
        return max(int(place[last - 1]) + 1 for last, place in zip(needed, self._place, strict=True))

    def fewest_between(self, start: Floats, cut: int) -> int:
        """Smallest number of events that a band has from a moment (one column of totals) up to a cut."""
        before = [cut] if self.single else [int(before[cut]) for before in self._before]
        return min(int(now - then) for now, then in zip(before, start[_COUNTS :: len(Sums._fields)], strict=True))


def _band_sums(totals: Floats) -> Iterator[Sums]:
    for row in range(_COUNTS, len(totals), len(Sums._fields)):
        yield Sums(*totals[row : row + len(Sums._fields)])


def _fewest(totals: Floats) -> Floats:
    return np.minimum.reduce(totals[_COUNTS :: len(Sums._fields)])


class CountsFiller:
    """Fills bins with counts, in order of time.

    Parameters
    ----------
    data : ExtractedEvents
        Gives good time, snapshots and the length of a readout frame.
    bands : sequence of BandEvents
        A bin is full when it is full in each of these bands.
    rule : CountsRule
        When it is full.
    """

    def __init__(self, data: ExtractedEvents, bands: Sequence[BandEvents], rule: CountsRule) -> None:
        self._rule, self._need = rule, _Need(rule)
        self._events = _Collector(data, bands)
        self._time_s = self._events.time_s
        self._half_frame_s = max(data.frame_s / 2, _TIME_PRECISION_S)
        self._open_s, self._close_s = snapshot_spans(data)
        self._first = np.searchsorted(self._time_s, self._open_s)
        self._end = np.searchsorted(self._time_s, self._close_s)
        self._opening = self._events.totals(self._first, self._open_s)
        # Where the filling has got to.
        self._starts: list[float] = []
        self._stops: list[float] = []
        self._counts = int(self._need.at(np.array(1.0)))
        self._enter(0)

    def fill(self) -> tuple[Floats, Floats]:
        """Start and stop of the bins, in seconds."""
        limit = width = _FEW
        while self._snapshot < len(self._open_s):
            kept = 0 if self._carried else self._fill_together(limit)
            if kept == limit:
                limit = min(limit * 8, _MANY)
            elif self._snapshot < len(self._open_s):
                # The more often proposals fail, the further the other way goes.
                width = _FEW if kept > _FEW else min(width * 2, _WINDOW)
                self._fill_apart(width + 2 * self._counts)
                limit = _FEW
        return np.array(self._starts), np.array(self._stops)

    def _enter(self, snapshot: int, *, carry: bool = False) -> None:
        """Go to a snapshot, with an empty bin or with one that is not full yet."""
        self._snapshot, self._carried, self._filled = snapshot, carry, False
        if snapshot < len(self._open_s):
            self._cut = int(self._first[snapshot])
            if not carry:
                self._start = self._opening[:, snapshot].copy()

    def _frame_ends(self, cuts: Integers, snapshot: Integers | int) -> Floats:
        """End of the frame of the event before each cut; not after the next event or the snapshot."""
        ends = np.minimum(self._time_s[cuts - 1] + self._half_frame_s, self._close_s[snapshot])
        inside = cuts < len(self._time_s)
        ends[inside] = np.minimum(ends[inside], self._time_s[cuts[inside]])
        return ends

    def _rate(self, bins: Floats) -> Floats:
        """Corrected rate of bins in ct/s; `bins` are differences of totals."""
        rate = sum(sums.net * sums.factors / np.maximum(sums.counts, 1) for sums in _band_sums(bins))
        return rate / np.maximum(bins[_GOOD], _MIN_GOOD_S)

    def _full(self, bins: Floats) -> Flags:
        """Whether bins follow the rule."""
        full = bins[_EDGE] >= self._rule.min_bin_s - _TIME_PRECISION_S
        for sums in _band_sums(bins):
            full &= sums.net >= self._rule.min_snr * sums.net_error
        return full & (_fewest(bins) >= self._need.at(self._rate(bins)))

    def _too_bright(self, starts: Floats, stops: Floats, counts: int, rate: float) -> Flags:
        """Whether all through a bin, `counts` cannot have sufficed because it was too bright.

        They suffice below `rate`. With that many counts in each band, less the
        background of the whole bin, at its smallest correction factor and in
        all its good time, the rate was not that low. (Cautious: where this is
        False they need not have sufficed.)
        """
        net = np.zeros(starts.shape[1])
        for band, start, stop in zip(self._events.bands, _band_sums(starts), _band_sums(stops), strict=True):
            factor = band.smallest_factor(start.counts.astype(np.int64), stop.counts.astype(np.int64))
            net += (counts - stop.since(start).background) * factor
        return net >= rate * (stops[_GOOD] - starts[_GOOD])

    # Many bins together.

    def _fill_together(self, limit: int) -> int:
        """Propose bins that need as many counts as the last one; keep those that follow the rule.

        Returns the number of pieces kept: bins, and rests of snapshots.
        """
        cuts, rest = self._propose(limit)
        if not len(cuts):
            return 0
        snapshot = self._snapshot + np.cumsum(rest) - rest
        edges = np.where(rest, self._close_s[snapshot], self._frame_ends(np.maximum(cuts, 1), snapshot))
        stops = self._events.totals(cuts, edges)
        starts = np.empty_like(stops)
        starts[:, 0], starts[:, 1:] = self._start, stops[:, :-1]
        fresh = np.flatnonzero(rest[:-1]) + 1
        starts[:, fresh] = self._opening[:, snapshot[fresh]]
        right = self._full(stops - starts) | rest
        right &= self._not_full_earlier(starts, stops)
        kept = len(right) if right.all() else int(np.argmin(right))
        if kept:
            self._keep(cuts[:kept], rest[:kept], starts[_EDGE, :kept], stops[:, :kept])
        return kept

    def _propose(self, limit: int) -> tuple[Integers, Flags]:
        """Cuts at the ends of pieces that hold just enough counts, or are the rest of a snapshot."""
        cuts: list[int] = []
        rests: list[int] = []
        time_s, counts, events = memoryview(self._time_s), self._counts, self._events
        snapshot, cut, end, filled = self._snapshot, self._cut, int(self._end[self._snapshot]), self._filled
        while len(cuts) < limit:
            stop = cut + counts if events.single else events.cut_with(cut, counts)
            if stop <= end:
                time = time_s[stop - 1]
                while stop < end and time_s[stop] == time:
                    stop += 1
                cuts.append(stop)
                cut, filled = stop, True
                continue
            if not filled:
                break
            rests.append(len(cuts))
            cuts.append(end)
            snapshot, filled = snapshot + 1, False
            if snapshot == len(self._open_s):
                break
            cut, end = int(self._first[snapshot]), int(self._end[snapshot])
        rest = np.zeros(len(cuts), dtype=bool)
        rest[rests] = True
        return np.array(cuts, dtype=np.int64), rest

    def _not_full_earlier(self, starts: Floats, stops: Floats) -> Flags:
        """Whether pieces can be shown not to have been full with fewer counts (False if unsure)."""
        right = np.full(starts.shape[1], self._need.grows)
        fewest = _fewest(stops - starts)
        for counts, rate in self._need.steps():
            if counts < self._counts:
                right &= self._too_bright(starts, stops, counts, rate) | (fewest < counts)
        return right

    def _keep(self, cuts: Integers, rest: Flags, start_s: Floats, stops: Floats) -> None:
        stop_s = stops[_EDGE]
        if rest[0]:
            self._stops[-1] = float(stop_s[0])
        # The rest of a snapshot extends the bin before it.
        extended = np.append(rest[1:], [False])
        stop_s = np.where(extended, np.append(stop_s[1:], [np.nan]), stop_s)
        self._starts.extend(start_s[~rest].tolist())
        self._stops.extend(stop_s[~rest].tolist())
        snapshot = self._snapshot + int(rest.sum())
        if rest[-1]:
            self._enter(snapshot)
        else:
            self._snapshot, self._cut, self._filled = snapshot, int(cuts[-1]), True
            self._start = stops[:, -1].copy()

    # Bins whose ends do not follow from counting alone.

    def _fill_apart(self, width: int) -> None:
        """Fill bins from here to so many events further on, or to the end of the snapshot."""
        end = int(self._end[self._snapshot])
        while self._events.fewest_between(self._start, end) >= self._need.lowest:
            stop = min(self._cut + width, end)
            filled = self._fill_window(stop)
            if stop == end:
                break
            if filled:
                return
            width *= 4
        self._leave_snapshot()

    def _fill_window(self, end: int) -> int:
        """Fill bins that end at or before a cut; returns how many."""
        cuts = np.arange(self._cut + 1, end + 1)
        # A frame ends after the last of several events at one time.
        cuts = cuts[np.append(self._time_s[cuts[:-1]] > self._time_s[cuts[:-1] - 1], [True])] if len(cuts) else cuts
        later = self._events.totals(cuts, self._frame_ends(cuts, self._snapshot))
        totals = np.column_stack([self._start, later])
        following = self._first_full(totals).tolist()
        at = [0]
        while following[at[-1]]:
            at.append(following[at[-1]])
        if len(at) == 1:
            return 0
        edges = totals[_EDGE, at].tolist()
        self._starts.extend(edges[:-1])
        self._stops.extend(edges[1:])
        last = totals[:, at[-1]]
        self._counts = int(self._need.at(self._rate((last - totals[:, at[-2]])[:, None]))[0])
        self._start, self._cut = last.copy(), int(cuts[at[-1] - 1])
        self._filled, self._carried = True, False
        return len(at) - 1

    def _first_full(self, totals: Floats) -> Integers:
        """For bins that start at each moment, the moment at which they are full; 0 if there is none.

        The counts that can suffice are tried in ascending order. For each, the
        moments from where there are so many up to where there are enough for
        the next are looked at one after the other, for all starts together.
        """
        size = totals.shape[1]
        following = np.zeros(size, dtype=np.int64)
        start = np.arange(size)
        shortest_s = self._rule.min_bin_s - _TIME_PRECISION_S
        at = np.maximum(np.searchsorted(totals[_EDGE], totals[_EDGE] + shortest_s), start + 1)
        steps = [*self._need.steps(), (0, math.inf)]
        for (counts, rate), (more, _) in zip(steps, steps[1:], strict=False):
            at = np.maximum(at, self._reach(totals, start, counts))
            limit = self._reach(totals, start, more) if more else np.full(len(start), size)
            if more:
                end = np.minimum(limit, size - 1)
                bright = self._too_bright(totals[:, start], totals[:, end], counts, rate)
                at = np.where(bright, np.maximum(at, limit), at)
            open_ = np.flatnonzero(at < limit)
            while len(open_):
                bins = totals[:, at[open_]] - totals[:, start[open_]]
                full = self._full(bins)
                following[start[open_[full]]] = at[open_[full]]
                at[open_[full]] = size
                open_, bins = open_[~full], bins[:, ~full]
                at[open_] = self._next_try(totals, at[open_], bins)
                open_ = open_[at[open_] < limit[open_]]
            left = at < size
            start, at = start[left], at[left]
        return following

    def _reach(self, totals: Floats, start: Integers, counts: int) -> Integers:
        """The first moments at which each band has so many counts more than at the start."""
        rows = totals[_COUNTS :: len(Sums._fields)]
        return np.maximum.reduce([np.searchsorted(row, row[start] + counts) for row in rows])

    def _next_try(self, totals: Floats, at: Integers, bins: Floats) -> Integers:
        """The next moments at which bins that are not full can be: not before the signal-to-noise ratio suffices."""
        following = at + 1
        square = self._rule.min_snr**2
        for row, sums in zip(totals[_COUNTS :: len(Sums._fields)], _band_sums(bins), strict=True):
            # With more counts and no more background, net^2 = square (net + noise).
            noise = sums.net_error**2 - sums.net
            net = (square + np.sqrt(square**2 + 4 * square * noise)) / 2
            missing = np.ceil(net - sums.net - 1e-6)
            following = np.maximum(following, np.searchsorted(row, row[at] + missing))
        return following

    def _leave_snapshot(self) -> None:
        """At the end of a snapshot: what is left joins the last bin, goes on, or is closed as it is."""
        snapshot, last = self._snapshot, self._snapshot + 1 == len(self._open_s)
        if self._filled:
            self._stops[-1] = float(self._close_s[snapshot])
            self._enter(snapshot + 1)
        elif last or self._open_s[snapshot + 1] - self._close_s[snapshot] > self._rule.max_gap_s:
            self._starts.append(float(self._start[_EDGE]))
            self._stops.append(float(self._close_s[snapshot]))
            self._enter(snapshot + 1)
        else:
            self._enter(snapshot + 1, carry=True)
