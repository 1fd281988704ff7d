"""Light-curve bins that are filled with counts.

The rule of the official light curves (Evans et al. 2007, A&A 469, 379), with
the details as they show in about 30 000 published bins:

* A bin is full at the end of the first readout frame at which it holds enough
  counts and has the signal-to-noise ratio and the duration asked for. The next
  bin starts there.
* Enough is ``max(min_counts, trunc(counts * bin_factor**n))`` with
  ``n = trunc(log(rate) / log(rate_factor))`` when the bins follow the rate of
  the source (the corrected counts of the bin itself over all the time since
  its start, gaps included, in ct/s), else ``counts``.
* What is left at the end of a snapshot joins the last bin that was filled in
  it. If there is none, the bin goes on in the next snapshot, unless it would
  straddle too long a gap or the data end: then it is closed as it is.

Where a bin ends depends on where it starts, so bins cannot be made all at
once. But while the number of counts needed stays the same, their ends follow
from counting alone. Hence many bins are proposed, then held against the rule
together, and kept up to the first that is not right. From there some are
found by trying all frames, before the next are proposed.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .inputs import ExtractedEvents
from .selection import BandEvents
from .totals import EDGE, FIELDS, Collector, band_sums, fewest_counts

if TYPE_CHECKING:
    from .binning import BinningParameters

__all__ = ["CountsFiller", "snapshot_spans"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Event times are known to about a microsecond.
_TIME_PRECISION_S = 1e-6
_MIN_SPAN_S = 1e-9
# Rates (ct/s) outside these limits need as many counts as at the limits.
_RATE_LIMITS = (1e-9, 1e9)
# Smallest and largest number of pieces proposed together, and of bins found one by one.
_PROPOSED = (64, 1 << 16)
_FOUND = (2, 256)
_USEFUL = 8


def snapshot_spans(data: ExtractedEvents) -> tuple[Floats, Floats]:
    """Start of the first and stop of the last good time interval of each snapshot, in seconds."""
    first = np.flatnonzero(np.diff(data.gti_snapshot, prepend=data.gti_snapshot[0] - 1))
    last = np.append(first[1:], len(data.gti_snapshot)) - 1
    return data.gti_start_s[first], data.gti_stop_s[last]


class _Need:
    """How many counts a bin needs, as a step function of its rate."""

    def __init__(self, rule: BinningParameters) -> None:
        rates, counts = [], [max(rule.counts, 1)]
        if rule.dynamic:
            steps = int(math.log(_RATE_LIMITS[1]) / math.log(rule.rate_factor)) + 1
            powers = np.arange(-steps, steps + 1)
            rates = [rule.rate_factor**n for n in powers if n != 0]
            wanted = np.trunc(np.minimum(rule.counts * rule.bin_factor ** powers.astype(float), 1e9) + 1e-9)
            counts = [int(max(n, rule.min_counts, 1)) for n in wanted]
        changes = [0] + [k for k in range(1, len(counts)) if counts[k] != counts[k - 1]]
        self._counts = np.array([counts[k] for k in changes])
        self._rates = np.array([rates[k - 1] for k in changes[1:]])
        self._edges = self._rates.tolist()
        self.lowest = int(self._counts[0])
        #: The numbers, each with the rate from which it no longer suffices.
        self.steps = [*zip(self._counts.tolist(), [*self._rates.tolist(), math.inf], strict=True)]

    def suffices(self, counts: float, rate: float) -> bool:
        return counts >= self.steps[bisect_right(self._edges, rate)][0]

    def at(self, rate: Floats) -> Integers:
        return self._counts[np.searchsorted(self._rates, rate, side="right")]


class CountsFiller:
    """Fills bins with counts, in order of time.

    Parameters
    ----------
    data : ExtractedEvents
        Gives good time, snapshots and the length of a readout frame.
    bands : sequence of BandEvents
        A bin is full when it is full in each of these bands.
    rule : BinningParameters
        When it is full: `counts` to `max_gap_s`.
    """

    def __init__(self, data: ExtractedEvents, bands: Sequence[BandEvents], rule: BinningParameters) -> None:
        self._rule, self._need = rule, _Need(rule)
        self._shortest_s = rule.min_bin_s - _TIME_PRECISION_S
        self._events = Collector(bands)
        self._time_s = self._events.time_s
        self._half_frame_s = max(data.frame_s / 2, _TIME_PRECISION_S)
        self._open_s, self._close_s = snapshot_spans(data)
        self._first = np.searchsorted(self._time_s, self._open_s)
        self._end = np.searchsorted(self._time_s, self._close_s)
        self._opening = self._events.totals(self._first, self._open_s)
        # Whether an event has the time of the one before, as events of one frame have.
        tied = np.zeros(len(self._time_s) + 1, dtype=bool)
        np.equal(self._time_s[1:], self._time_s[:-1], out=tied[1:-1])
        self._tied = tied.tobytes()
        # Where the filling has got to, and what the last bin was like.
        self._starts: list[Floats] = []
        self._stops: list[Floats] = []
        self._needed = int(self._need.at(np.array(1.0)))
        self._brief = False
        self._enter(0)

    def fill(self) -> tuple[Floats, Floats]:
        """Start and stop of the bins, in seconds."""
        proposed, found = _PROPOSED[0], _FOUND[0]
        while self._snapshot < len(self._open_s):
            kept = 0 if self._carried else self._fill_together(proposed)
            if kept == proposed:
                proposed = min(proposed * 4, _PROPOSED[1])
            elif self._snapshot < len(self._open_s):
                # Where proposals are of little use, more bins are found without them.
                found = _FOUND[0] if kept > _USEFUL else min(found * 2, _FOUND[1])
                self._fill_one_by_one(found)
                proposed = min(max(kept, _PROPOSED[0]), proposed)
        return np.concatenate(self._starts), np.concatenate(self._stops)

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
        rates = [sums.net * sums.factors / np.maximum(sums.counts, 1) for sums in band_sums(bins)]
        return sum(rates) / np.maximum(bins[EDGE], _MIN_SPAN_S)

    def _full(self, bins: Floats) -> Flags:
        """Whether bins are full by the rule."""
        full = bins[EDGE] >= self._shortest_s
        for sums in band_sums(bins):
            full &= sums.net >= self._rule.min_snr * sums.net_error
        return full & (fewest_counts(bins) >= self._need.at(self._rate(bins)))

    # Many bins together.

    def _fill_together(self, limit: int) -> int:
        """Keep proposed pieces (bins, and rests of snapshots) up to the first that is not right."""
        cuts, rest = self._propose(limit)
        if not len(cuts):
            return 0
        snapshot = self._snapshot + np.cumsum(rest) - rest
        edges = np.where(rest, self._close_s[snapshot], self._frame_ends(np.maximum(cuts, 1), snapshot))
        stops = self._events.totals(cuts, edges)
        starts = np.column_stack([self._start, stops[:, :-1]])
        fresh = np.flatnonzero(rest[:-1]) + 1
        starts[:, fresh] = self._opening[:, snapshot[fresh]]
        right = self._full(stops - starts) | rest
        right &= self._not_full_earlier(cuts, rest, snapshot, starts, stops)
        kept = len(right) if right.all() else int(np.argmin(right))
        if kept:
            self._keep(cuts[:kept], rest[:kept], starts[EDGE, :kept], stops[:, :kept])
        return kept

    def _propose(self, limit: int) -> tuple[Integers, Flags]:
        """Cuts at the ends of pieces, and which of these are the rest of a snapshot."""
        cuts: list[int] = []
        rests: list[int] = []
        snapshot, cut, filled = self._snapshot, self._cut, self._filled
        start_s = float(self._start[EDGE])
        while snapshot < len(self._open_s):
            found = self._next_cuts(cut, int(self._end[snapshot]), start_s, limit - len(cuts))
            cuts.extend(found)
            if len(cuts) == limit or not (found or filled):
                break
            rests.append(len(cuts))
            cuts.append(int(self._end[snapshot]))
            snapshot, filled = snapshot + 1, False
            if len(cuts) == limit or snapshot == len(self._open_s):
                break
            cut, start_s = int(self._first[snapshot]), float(self._open_s[snapshot])
        rest = np.zeros(len(cuts), dtype=bool)
        rest[rests] = True
        return np.array(cuts, dtype=np.int64), rest

    def _next_cuts(self, cut: int, end: int, start_s: float, limit: int) -> list[int]:
        """Cuts at which bins from one cut up to another have enough counts, and last long enough."""
        found: list[int] = []
        tied, needed = self._tied, self._needed
        if self._brief or not self._events.single:
            return self._next_brief_cuts(cut, end, start_s, limit)
        for _ in range(limit):
            cut += needed
            if cut > end:
                break
            while tied[cut]:
                cut += 1
            found.append(cut)
        return found

    def _next_brief_cuts(self, cut: int, end: int, start_s: float, limit: int) -> list[int]:
        """The same for several bands, or if bins may have enough counts before they last long enough."""
        found: list[int] = []
        time_s, previous_s = memoryview(self._time_s), start_s - self._half_frame_s
        for _ in range(limit):
            stop = self._events.cut_with(cut, self._needed)
            if stop <= end:
                stop = max(stop, bisect_left(time_s, previous_s + self._shortest_s, cut, end) + 1)
            if stop > end:
                break
            while self._tied[stop]:
                stop += 1
            found.append(stop)
            cut, previous_s = stop, time_s[stop - 1]
        return found

    def _not_full_earlier(
        self, cuts: Integers, rest: Flags, snapshot: Integers, starts: Floats, stops: Floats
    ) -> Flags:
        """Whether pieces were not full at any frame before their last (rests: nor at that); False if it is not clear."""
        fewest = fewest_counts(stops - starts)
        if not (self._brief or rest.all()):
            # Proposed were the first frames with enough counts.
            fewest[~rest] = np.minimum(fewest[~rest], self._needed) - 1
            return self._too_bright(fewest, starts, stops)
        before = np.where(rest, cuts, np.searchsorted(self._time_s, self._time_s[np.maximum(cuts, 1) - 1]))
        counts = zip(self._events.before(before), band_sums(starts), strict=True)
        fewest = np.minimum.reduce([cuts - start.counts for cuts, start in counts])
        brief = self._frame_ends(np.maximum(before, 1), snapshot) - starts[EDGE] < self._shortest_s
        return brief | self._too_bright(fewest, starts, stops)

    def _too_bright(self, fewest: Floats, starts: Floats, stops: Floats) -> Flags:
        """Whether no number of counts up to `fewest` can have sufficed in bins.

        A number suffices below some rate. With that many counts in each band,
        less the background of the whole bin, at its smallest correction factor
        and in all its time, the rate was not so low: that proves that it
        did not suffice.
        """
        proved = np.ones(len(fewest), dtype=bool)
        steps = [step for step in self._need.steps if step[0] <= fewest.max()]
        if not steps:
            return proved
        bins = stops - starts
        span_s = np.maximum(bins[EDGE], _MIN_SPAN_S)
        cuts = [
            np.append(start.counts[:1], stop.counts).astype(np.int64)
            for start, stop in zip(band_sums(starts), band_sums(stops), strict=True)
        ]
        # The smallest factor of all bins is found faster, and often does.
        for ends in ([0, -1], slice(None)):
            factors = [band.smallest_factors(cut[ends]) for band, cut in zip(self._events.bands, cuts, strict=True)]
            proved[:] = True
            for counts, rate in steps:
                rates = [
                    (counts - sums.background) * factor for sums, factor in zip(band_sums(bins), factors, strict=True)
                ]
                proved &= (sum(rates) >= rate * span_s) | (fewest < counts)
            if proved.all():
                break
        return proved

    def _keep(self, cuts: Integers, rest: Flags, start_s: Floats, stops: Floats) -> None:
        stop_s = stops[EDGE]
        if rest[0]:
            self._stops[-1][-1] = stop_s[0]
        # The rest of a snapshot extends the bin before it.
        stop_s = np.where(np.append(rest[1:], [False]), np.append(stop_s[1:], [0.0]), stop_s)
        if not rest.all():
            self._starts.append(start_s[~rest])
            self._stops.append(stop_s[~rest])
        snapshot = self._snapshot + int(rest.sum())
        if rest[-1]:
            self._enter(snapshot)
        else:
            self._snapshot, self._cut, self._filled = snapshot, int(cuts[-1]), True
            self._start = stops[:, -1].copy()

    # One bin after the other.

    def _fill_one_by_one(self, limit: int) -> None:
        """Fill some bins, and leave the snapshot if there is no full bin in it any more."""
        end, width = int(self._end[self._snapshot]), 2 * limit * self._needed
        while True:
            stop = min(self._cut + width, end)
            filled = self._fill_between(stop, limit)
            if filled == limit or (filled and stop < end):
                return
            if stop == end:
                self._leave_snapshot()
                return
            width *= 4

    def _fill_between(self, end: int, limit: int) -> int:
        """Fill bins that end at or before a cut; returns how many."""
        cuts = np.arange(self._cut + 1, end + 1)
        # A frame is over when the next event is later.
        cuts = cuts[~np.frombuffer(self._tied, dtype=bool)[cuts]]
        totals = np.column_stack([self._start, self._events.totals(cuts, self._frame_ends(cuts, self._snapshot))])
        edges, *rows = totals.tolist()
        bands = [rows[k : k + FIELDS] for k in range(0, len(rows), FIELDS)]
        ends = self._events.before(np.array([self._cut, end]))
        low = [float(band.smallest_factors(k)[0]) for band, k in zip(self._events.bands, ends, strict=True)]
        at = [0]
        while len(at) <= limit and (found := self._first_full(edges, bands, low, at[-1])):
            at.append(found)
        if len(at) == 1:
            return 0
        self._starts.append(totals[EDGE, at[:-1]])
        self._stops.append(totals[EDGE, at[1:]])
        last = totals[:, at[-1:]] - totals[:, at[-2:-1]]
        self._needed, self._brief = int(self._need.at(self._rate(last))[0]), bool(last[EDGE, 0] < 2 * self._shortest_s)
        self._start, self._cut = totals[:, at[-1]].copy(), int(cuts[at[-1] - 1])
        self._filled, self._carried = True, False
        return len(at) - 1

    def _first_full(self, edges: list[float], bands: list[list[list[float]]], low: list[float], start: int) -> int:
        """The first moment at which a bin that starts at another is full; 0 if it is not.

        The same rule as in `_full`; for a few dozen frames plain numbers are faster.

        Parameters
        ----------
        edges, bands : list
            Totals at some moments: edges, and for each band the fields of `Sums`.
        low : list of float
            For each band, the smallest correction factor.
        start : int
            Moment at which the bin starts.
        """
        start_s, enough = edges[start], self._need.suffices
        first = bisect_left(edges, start_s + self._shortest_s, start + 1)
        first = max(first, *(bisect_left(band[0], band[0][start] + self._need.lowest) for band in bands))
        # Numbers of counts that are too small all the way are passed over, as in `_too_bright`.
        for (few, rate), (more, _) in zip(self._need.steps, self._need.steps[1:], strict=False):
            last = max(bisect_left(band[0], band[0][start] + more) for band in bands)
            if last >= len(edges):
                break
            net = (few - background[last] + background[start] for _, _, background, _ in bands)
            if sum(map(operator.mul, net, low)) < rate * (edges[last] - start_s):
                break
            first = max(first, last)
        for k in range(first, len(edges)):
            corrected, fewest = 0.0, math.inf
            for counts, _, background, factors in bands:
                n = counts[k] - counts[start]
                corrected += (n - background[k] + background[start]) * (factors[k] - factors[start]) / n
                fewest = min(fewest, n)
            rate = corrected / max(edges[k] - start_s, _MIN_SPAN_S)
            if enough(fewest, rate) and self._is_clear(bands, start, k):
                return k
        return 0

    def _is_clear(self, bands: list[list[list[float]]], start: int, stop: int) -> bool:
        """Whether a bin has the signal-to-noise ratio asked for."""
        for band in bands:
            n, behind, b = (row[stop] - row[start] for row in band[:3])
            if n - b < self._rule.min_snr * math.sqrt(n + b * b / max(behind, 1.0)):
                return False
        return True

    def _leave_snapshot(self) -> None:
        """At the end of a snapshot: what is left joins the last bin, goes on, or is closed as it is."""
        snapshot, last = self._snapshot, self._snapshot + 1 == len(self._open_s)
        if self._filled:
            self._stops[-1][-1] = self._close_s[snapshot]
            self._enter(snapshot + 1)
        elif last or self._open_s[snapshot + 1] - self._close_s[snapshot] > self._rule.max_gap_s:
            self._starts.append(self._start[EDGE, None])
            self._stops.append(self._close_s[snapshot : snapshot + 1].copy())
            self._enter(snapshot + 1)
        else:
            self._enter(snapshot + 1, carry=True)
