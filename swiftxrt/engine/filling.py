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

Bins depend on each other, so they cannot be made all at once. But while the
number of counts needed stays the same, their ends follow from counting alone:
many are proposed together, checked together, and kept up to the first that
the rule would have ended elsewhere. Only there bins are filled one by one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

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

    def at(self, rate: float) -> int:
        return self.counts[bisect_right(self.rates, rate)]

    def at_each(self, rate: Floats) -> Integers:
        return self._counts[np.searchsorted(self._rates, rate, side="right")]

    def below(self, counts: int) -> list[tuple[int, float]]:
        """Smaller numbers, each with the rate from which it no longer suffices."""
        return [(low, rate) for low, rate in zip(self.counts, self.rates, strict=False) if low < counts]


class _Totals(NamedTuple):
    """Everything collected up to some moments: the time, good time, and the sums of each band."""

    edge_s: Floats
    good_s: Floats
    bands: tuple[Sums, ...]

    def take(self, index: Integers | int | slice) -> _Totals:
        bands = tuple(Sums(*(part[index] for part in band)) for band in self.bands)
        return _Totals(self.edge_s[index], self.good_s[index], bands)

    def since(self, start: _Totals) -> _Totals:
        bands = tuple(late.since(early) for late, early in zip(self.bands, start.bands, strict=True))
        return _Totals(self.edge_s - start.edge_s, self.good_s - start.good_s, bands)


def _shifted(first: _Totals, totals: _Totals, opening: _Totals, fresh: Flags, which: Integers) -> _Totals:
    """Totals at the start of each piece: those at the end of the piece before, or of a new snapshot."""

    def shift(start: Floats, stops: NDArray, openings: NDArray) -> NDArray:
        starts = np.empty_like(stops)
        starts[1:] = stops[:-1]
        starts[fresh] = openings[which[fresh]]
        starts[0] = start
        return starts

    bands = tuple(
        Sums(*(shift(*parts) for parts in zip(*each, strict=True)))
        for each in zip(first.bands, totals.bands, opening.bands, strict=True)
    )
    return _Totals(
        shift(first.edge_s, totals.edge_s, opening.edge_s), shift(first.good_s, totals.good_s, opening.good_s), bands
    )


def snapshot_spans(data: ExtractedEvents) -> tuple[Floats, Floats]:
    """Start of the first and stop of the last good time interval of each snapshot, in seconds."""
    first = np.flatnonzero(np.diff(data.gti_snapshot, prepend=data.gti_snapshot[0] - 1))
    last = np.append(first[1:], len(data.gti_snapshot)) - 1
    return data.gti_start_s[first], data.gti_stop_s[last]


@dataclass(frozen=True, eq=False)
class _Slots:
    """Moments at which a bin can end: readout frames with events.

    Parameters
    ----------
    time_s : ndarray, shape (n_slots + 1,)
        Times of the events, each once; infinite at the end.
    before : tuple of sequence of int, each of length n_slots + 1
        For each band, the number of events before a slot.
    slot : tuple of sequence of int
        For each band, the slot of each event.
    simple : bool
        Whether there is one band and one event in each slot.
    """

    time_s: Floats
    before: tuple[Sequence[int], ...]
    slot: tuple[Sequence[int], ...]
    simple: bool

    @classmethod
    def of(cls, bands: Sequence[BandEvents]) -> _Slots:
        if len(bands) > 1:
            time_s = np.unique(np.concatenate([band.source_time_s for band in bands]))
            before = [np.searchsorted(band.source_time_s, np.append(time_s, np.inf)) for band in bands]
            slot = [np.searchsorted(time_s, band.source_time_s) for band in bands]
            return cls(np.append(time_s, np.inf), tuple(map(memoryview, before)), tuple(map(memoryview, slot)), False)
        time_s = bands[0].source_time_s
        new = np.empty(len(time_s), dtype=bool)
        new[:1] = True
        np.greater(time_s[1:], time_s[:-1], out=new[1:])
        if new.all():
            return cls(np.append(time_s, np.inf), (range(len(new) + 1),), (range(len(new)),), True)
        before = np.append(np.flatnonzero(new), len(new))
        slot = np.cumsum(new) - 1
        return cls(np.append(time_s[new], np.inf), (memoryview(before),), (memoryview(slot),), False)

    def events_before(self, band: int, slots: Integers) -> Integers:
        return slots if self.simple else np.asarray(self.before[band])[slots]

    def next_ends(self, slot: int, stop: int, counts: int, limit: int) -> Integers:
        """Last slots of consecutive bins that hold `counts` of each band."""
        if self.simple:
            return np.arange(slot + counts - 1, min(stop, slot + limit * counts), counts)
        ends: list[int] = []
        bands = [(before, slots, len(slots) - counts) for before, slots in zip(self.before, self.slot, strict=True)]
        while len(ends) < limit:
            end = slot
            for before, slots, last in bands:
                event = before[slot]
                end = max(end, slots[event + counts - 1]) if event <= last else stop
            if end >= stop:
                break
            ends.append(end)
            slot = end + 1
        return np.array(ends, dtype=np.int64)


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
        self._bands, self._rule, self._need = tuple(bands), rule, _Need(rule)
        self._good = GoodTime(data.gti_start_s, data.gti_stop_s)
        self._slots = _Slots.of(bands)
        self._half_frame_s = max(data.frame_s / 2, _TIME_PRECISION_S)
        self._open_s, self._close_s = snapshot_spans(data)
        times = self._slots.time_s[:-1]
        self._first_slot = np.searchsorted(times, self._open_s)
        self._stop_slot = np.searchsorted(times, self._close_s)
        self._opening = self._totals(self._first_slot, self._open_s)
        # Where the filling has got to.
        self._starts: list[float] = []
        self._stops: list[float] = []
        self._counts = self._need.at(1.0)
        self._enter(0)

    def fill(self) -> tuple[Floats, Floats]:
        """Start and stop of the bins, in seconds."""
        limit, patience = 64, 4
        while self._snapshot < len(self._open_s):
            kept = self._fill_together(limit)
            if kept == limit:
                limit = min(limit * 4, 1 << 17)
                continue
            patience = min(patience * 2, 256) if kept < 8 else 4
            self._fill_singly(patience)
            limit = 64
        return np.array(self._starts), np.array(self._stops)

    def _enter(self, snapshot: int, *, carry: bool = False) -> None:
        """Go to a snapshot, with an empty bin or with one that is not full yet."""
        self._snapshot, self._carried, self._filled = snapshot, carry, False
        if snapshot < len(self._open_s):
            self._slot = int(self._first_slot[snapshot])
            if not carry:
                self._start = self._opening.take(snapshot)

    def _totals(self, slots: Integers, edge_s: Floats) -> _Totals:
        """Totals at some times that lie before the event of each slot and after that of the one before."""
        bands = tuple(
            band.up_to(self._slots.events_before(k, slots), edge_s) for k, band in enumerate(self._bands)
        )
        return _Totals(edge_s, self._good.before(edge_s), bands)

    def _frame_ends(self, slots: Integers, snapshot: Integers | int) -> Floats:
        """Ends of the frames of some slots; never beyond the next event or the snapshot."""
        ends = np.minimum(self._slots.time_s[slots] + self._half_frame_s, self._slots.time_s[slots + 1])
        return np.minimum(ends, self._close_s[snapshot])

    # Many bins at once.

    def _fill_together(self, limit: int) -> int:
        """Propose bins that need as many counts as the last one; keep those that follow the rule."""
        if self._carried or not self._need.grows:
            return 0
        ends, snapshot, rest = self._propose(limit)
        if not len(ends):
            return 0
        edges = np.where(rest, self._close_s[snapshot], self._frame_ends(ends, snapshot))
        totals = self._totals(ends + 1, edges)
        fresh = np.diff(snapshot, prepend=self._snapshot) > 0
        starts = _shifted(self._start, totals, self._opening, fresh, snapshot)
        right = self._not_full_earlier(starts, totals)
        full = self._full(totals.since(starts))
        right &= full | rest
        kept = len(right) if right.all() else int(np.argmin(right))
        if kept:
            self._keep(ends[:kept], snapshot[:kept], rest[:kept], starts.edge_s[:kept], totals.take(slice(kept)))
        return kept

    def _propose(self, limit: int) -> tuple[Integers, Integers, Flags]:
        """Last slot and snapshot of pieces, and whether they are the rest of a snapshot."""
        ends, snapshots, rests = [], [], []
        snapshot, slot, filled, missing = self._snapshot, self._slot, self._filled, limit
        while missing > 0 and snapshot < len(self._open_s):
            stop = int(self._stop_slot[snapshot])
            found = self._slots.next_ends(slot, stop, self._counts, missing)
            if not (len(found) or filled):
                break
            complete = len(found) < missing
            ends.append(np.append(found, stop - 1) if complete else found)
            snapshots.append(np.full(len(ends[-1]), snapshot))
            rests.append(np.arange(len(ends[-1])) == len(found))
            missing -= len(ends[-1])
            snapshot, filled = snapshot + 1, False
            if snapshot < len(self._open_s):
                slot = int(self._first_slot[snapshot])
        if not ends:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
        return np.concatenate(ends), np.concatenate(snapshots), np.concatenate(rests)

    def _full(self, bins: _Totals) -> Flags:
        rate = np.zeros(len(bins.edge_s))
        fewest = np.full(len(rate), np.iinfo(np.int64).max)
        full = bins.edge_s >= self._rule.min_bin_s - _TIME_PRECISION_S
        for sums in bins.bands:
            rate += sums.net * sums.factors / np.maximum(sums.counts, 1)
            fewest = np.minimum(fewest, sums.counts)
            full &= sums.net >= self._rule.min_snr * sums.net_error
        return full & (fewest >= self._need.at_each(rate / np.maximum(bins.good_s, _MIN_GOOD_S)))

    def _not_full_earlier(self, starts: _Totals, stops: _Totals) -> Flags:
        """Whether no smaller number of counts can have sufficed on the way.

        A smaller number suffices below some rate. With that many counts in
        each band, less the background and at the smallest correction factor of
        the whole bin, and in the good time of the whole bin, the rate cannot
        have been so low. (May be False although the bin is right.)
        """
        bins = stops.since(starts)
        right = np.ones(len(bins.edge_s), dtype=bool)
        smaller = self._need.below(self._counts)
        if not smaller:
            return right
        fewest = np.minimum.reduce([sums.counts for sums in bins.bands])
        factors = [
            _smallest_factor(band, start.counts, stop.counts)
            for band, start, stop in zip(self._bands, starts.bands, stops.bands, strict=True)
        ]
        for counts, rate in smaller:
            net = sum((counts - sums.background) * factor for sums, factor in zip(bins.bands, factors, strict=True))
            right &= (net >= rate * bins.good_s) | (fewest < counts)
        return right

    def _keep(self, ends: Integers, snapshot: Integers, rest: Flags, start_s: Floats, totals: _Totals) -> None:
        bins = ~rest
        stop_s = totals.edge_s[bins]
        # The rest of a snapshot extends the bin before it, which may be an older one.
        owner = np.cumsum(bins)[rest] - 1
        older = owner < 0
        stop_s[owner[~older]] = totals.edge_s[rest][~older]
        if older.any():
            self._stops[-1] = float(totals.edge_s[rest][older][-1])
        self._starts.extend(start_s[bins].tolist())
        self._stops.extend(stop_s.tolist())
        last = int(snapshot[-1])
        if rest[-1]:
            self._enter(last + 1)
        else:
            self._snapshot, self._slot, self._filled = last, int(ends[-1]) + 1, True
            self._start = totals.take(-1)

    # One bin after the other.

    def _fill_singly(self, limit: int) -> None:
        """Fill up to `limit` bins by the rule itself."""
        width = min(2 * limit * self._counts, 4096)
        while limit > 0 and self._snapshot < len(self._open_s):
            stop = int(self._stop_slot[self._snapshot])
            begin, end = self._slot, min(self._slot + width, stop)
            window = self._window(begin, end)
            filled = self._fill_window(window, limit)
            limit -= filled
            if limit > 0 and end == stop:
                self._leave_snapshot()
                limit -= 1
            elif not filled:
                width *= 4

    def _window(self, begin: int, end: int) -> _Window:
        slots = np.arange(begin, end)
        totals = self._totals(slots + 1, self._frame_ends(slots, self._snapshot))
        bands = tuple(tuple(part.tolist() for part in sums) for sums in totals.bands)
        return _Window(begin, totals, totals.edge_s.tolist(), totals.good_s.tolist(), bands)

    def _fill_window(self, window: _Window, limit: int) -> int:
        for filled in range(limit):
            k = self._first_full(window, self._slot - window.begin)
            if k is None:
                return filled
            self._starts.append(float(self._start.edge_s))
            self._stops.append(window.edge_s[k])
            self._start = window.totals.take(k)
            self._slot, self._filled, self._carried = window.begin + k + 1, True, False
        return limit

    def _first_full(self, window: _Window, k: int) -> int | None:
        """The first slot of the window at which the bin is full."""
        edge_s, good_s, starts = float(self._start.edge_s), float(self._start.good_s), self._start.bands
        lowest, min_snr = self._need.lowest, self._rule.min_snr
        k = max(k, bisect_left(window.edge_s, edge_s + self._rule.min_bin_s - _TIME_PRECISION_S))
        bands = [(*parts, *(part.item() for part in start)) for parts, start in zip(window.bands, starts, strict=True)]
        for band in bands:
            k = max(k, bisect_left(band[0], band[4] + lowest))
        for k in range(k, len(window.edge_s)):
            net_rate, fewest, clear = 0.0, math.inf, True
            for counts, background_counts, background, factors, counts0, background_counts0, background0, factors0 in bands:
                n, b = counts[k] - counts0, background[k] - background0
                net = n - b
                variance = n + b * b / max(background_counts[k] - background_counts0, 1)
                clear = clear and net >= min_snr * math.sqrt(variance)
                net_rate += net * (factors[k] - factors0) / n
                fewest = min(fewest, n)
            if clear:
                needed = self._need.at(net_rate / max(window.good_s[k] - good_s, _MIN_GOOD_S))
                if fewest >= needed:
                    self._counts = needed
                    return k
        return None

    def _leave_snapshot(self) -> None:
        """At the end of a snapshot: what is left joins the last bin, goes on, or is closed as it is."""
        snapshot, last = self._snapshot, self._snapshot + 1 == len(self._open_s)
        if self._filled:
            self._stops[-1] = float(self._close_s[snapshot])
            self._enter(snapshot + 1)
        elif last or self._open_s[snapshot + 1] - self._close_s[snapshot] > self._rule.max_gap_s:
            self._starts.append(float(self._start.edge_s))
            self._stops.append(float(self._close_s[snapshot]))
            self._enter(snapshot + 1)
        else:
            self._enter(snapshot + 1, carry=True)


class _Window(NamedTuple):
    """Totals of some consecutive slots, also as lists, which are faster one by one."""

    begin: int
    totals: _Totals
    edge_s: list[float]
    good_s: list[float]
    bands: tuple[tuple[list, ...], ...]


def _smallest_factor(band: BandEvents, first: Integers, stop: Integers) -> Floats:
    """Smallest correction factor of the events from `first` up to, but without, `stop`."""
    rows = np.column_stack([band.factor_row(first), band.factor_row(np.maximum(stop - 1, first)) + 1]).ravel()
    return np.minimum.reduceat(np.append(band.factor, np.inf), rows)[::2]
