"""Good time intervals: sets of half-open intervals of mission elapsed time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from ..exceptions import RequestError
from ..met import met_to_time, time_to_met
from ..mission import SNAPSHOT_GAP_S

__all__ = ["GTI"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class GTI:
    """Good time intervals, sorted and disjoint; immutable.

    An interval holds the times ``start <= t < stop``. Intervals that overlap
    or touch are merged, empty ones are dropped.

    Parameters
    ----------
    start, stop : array_like, shape (n,)
        Limits as mission elapsed time: seconds (bare, as in event files, or
        as `~astropy.units.Quantity`) or `~astropy.time.Time`.

    Raises
    ------
    RequestError
        If the limits are not finite, differ in number or a stop lies before
        its start.

    Examples
    --------
    >>> from swiftxrt.products.gti import GTI
    >>> gti = GTI([0.0, 50.0, 900.0], [60.0, 100.0, 1000.0])
    >>> list(gti)
    [(0.0, 100.0), (900.0, 1000.0)]
    >>> gti & GTI([90.0], [950.0])
    <GTI 2 intervals, 60 s good, MET 90.0 to 950.0 s>
    """

    __slots__ = ("_before", "_start", "_stop")

    _start: Floats
    _stop: Floats
    _before: Floats  # Exposure before each interval, and the whole in the end.

    def __init__(self, start: Any, stop: Any) -> None:
        low, high = _met(start, "start"), _met(stop, "stop")
        if low.shape != high.shape:
            raise RequestError(f"as many starts as stops are needed; got {low.size} and {high.size}", "GTI")
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise RequestError("start and stop must be finite; the file they come from may be damaged", "GTI")
        if np.any(high < low):
            worst = int(np.argmin(high - low))
            raise RequestError(f"a stop lies before its start: {low[worst]!r} to {high[worst]!r}", "GTI")
        low, high = _merged(low[high > low], high[high > low])
        self._set(low, high)

    def _set(self, start: Floats, stop: Floats) -> None:
        before = np.concatenate([[0.0], np.cumsum(stop - start)])
        for name, array in (("_start", start), ("_stop", stop), ("_before", before)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a GTI cannot be changed; make a new one instead of setting {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return GTI, (np.array(self._start), np.array(self._stop))

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[Any, Any]]) -> GTI:
        """Make a GTI from (start, stop) pairs of numbers (s), quantities or times."""
        items = [tuple(pair) for pair in pairs]
        if any(len(item) != 2 for item in items):
            raise RequestError("each interval is a pair of start and stop", "GTI")
        low = [float(_met(item[0], "start")[0]) for item in items]
        high = [float(_met(item[1], "stop")[0]) for item in items]
        return cls(low, high)

    @classmethod
    def empty(cls) -> GTI:
        """The GTI without any interval."""
        return cls([], [])

    @property
    def start(self) -> Floats:
        """Starts in MET seconds, shape (n,), read-only."""
        return self._start

    @property
    def stop(self) -> Floats:
        """Stops in MET seconds, shape (n,), read-only."""
        return self._stop

    @property
    def time_start(self) -> Time:
        """Starts as UTC, with the embedded clock correction."""
        return met_to_time(self._start)

    @property
    def time_stop(self) -> Time:
        """Stops as UTC, with the embedded clock correction."""
        return met_to_time(self._stop)

    @property
    def exposure_s(self) -> float:
        """Sum of all intervals in seconds (dead time not taken off)."""
        return float(self._before[-1])

    @property
    def exposure(self) -> u.Quantity:
        """Sum of all intervals (dead time not taken off)."""
        return self.exposure_s * u.s

    def __len__(self) -> int:
        return len(self._start)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self._start.tolist(), self._stop.tolist(), strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GTI):
            return NotImplemented
        return np.array_equal(self._start, other._start) and np.array_equal(self._stop, other._stop)

    def __hash__(self) -> int:
        return hash((self._start.tobytes(), self._stop.tobytes()))

    def __repr__(self) -> str:
        if not len(self):
            return "<GTI empty>"
        word = "interval" if len(self) == 1 else "intervals"
        span = f"MET {self._start[0]:.1f} to {self._stop[-1]:.1f} s"
        return f"<GTI {len(self)} {word}, {self.exposure_s:.10g} s good, {span}>"

    def __or__(self, other: GTI) -> GTI:
        return self._combined(other, np.logical_or)

    def __and__(self, other: GTI) -> GTI:
        return self._combined(other, np.logical_and)

    def __sub__(self, other: GTI) -> GTI:
        return self._combined(other, np.greater)

    def _combined(self, other: GTI, rule: Callable[[Flags, Flags], Flags]) -> GTI:
        if not isinstance(other, GTI):
            return NotImplemented
        # Between two neighbouring limits of either set nothing changes, so
        # the rule has to be asked once for each such piece.
        limits = np.unique(np.concatenate([self._start, self._stop, other._start, other._stop]))
        low, high = limits[:-1], limits[1:]
        kept = rule(self.contains(low), other.contains(low))
        return GTI(low[kept], high[kept])

    def inverted(self, within: GTI) -> GTI:
        """The times of `within` that are not in this GTI."""
        return within - self

    def contains(self, met: ArrayLike) -> Flags:
        """Whether times lie in an interval, ``start <= t < stop``.

        Parameters
        ----------
        met : array_like, shape (m,)
            Mission elapsed time in seconds.

        Returns
        -------
        inside : ndarray of bool, shape (m,)
        """
        time_s = np.atleast_1d(np.asarray(met, dtype=float))
        if not len(self):
            return np.zeros(time_s.shape, dtype=bool)
        index = np.searchsorted(self._start, time_s, side="right") - 1
        return (index >= 0) & (time_s < self._stop[index])

    def overlap_s(self, lo_s: ArrayLike, hi_s: ArrayLike) -> Floats:
        """Good time inside each interval [lo, hi).

        Parameters
        ----------
        lo_s, hi_s : array_like, shape (m,)
            Limits in MET seconds.

        Returns
        -------
        overlap_s : ndarray, shape (m,)
            Seconds; zero where hi <= lo.
        """
        lower, upper = (np.atleast_1d(np.asarray(limit, dtype=float)) for limit in (lo_s, hi_s))
        return np.maximum(self._elapsed_good_s(upper) - self._elapsed_good_s(lower), 0.0)

    def _elapsed_good_s(self, time_s: Floats) -> Floats:
        """Good time before each time."""
        if not len(self):
            return np.zeros(time_s.shape)
        index = np.searchsorted(self._start, time_s, side="right") - 1
        safe = np.maximum(index, 0)
        in_interval = np.clip(time_s - self._start[safe], 0.0, self._stop[safe] - self._start[safe])
        return self._before[safe] + in_interval

    def snapshot_index(self, max_gap: u.Quantity = SNAPSHOT_GAP_S * u.s) -> NDArray[np.int64]:
        """Running number of the snapshot of each interval.

        Parameters
        ----------
        max_gap : `~astropy.units.Quantity`, time
            Intervals closer than this belong to one snapshot (one
            uninterrupted pointing within an orbit).

        Returns
        -------
        index : ndarray of int, shape (n,)
            Starting from 0.

        Raises
        ------
        RequestError
            If `max_gap` is not a positive time.
        """
        if not isinstance(max_gap, u.Quantity) or not max_gap.isscalar or not max_gap.unit.is_equivalent(u.s):
            raise RequestError([("max_gap", f"a time is needed, such as 300 * u.s; got {max_gap!r}")], "snapshots")
        gap_s = float(max_gap.to_value(u.s))
        if not gap_s > 0:
            raise RequestError([("max_gap", f"must be positive; got {max_gap}")], "snapshots")
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        new = self._start[1:] - self._stop[:-1] >= gap_s
        return np.concatenate([[0], np.cumsum(new)]).astype(np.int64)

    def snapshots(self, max_gap: u.Quantity = SNAPSHOT_GAP_S * u.s) -> list[GTI]:
        """One GTI for each snapshot, see `snapshot_index`."""
        index = self.snapshot_index(max_gap)
        return [GTI(self._start[index == k], self._stop[index == k]) for k in np.unique(index)]


def _met(value: Any, name: str) -> Floats:
    """A new array of MET seconds, one-dimensional."""
    if isinstance(value, Time):
        seconds = time_to_met(value)
    elif isinstance(value, u.Quantity):
        if not value.unit.is_equivalent(u.s):
            raise RequestError([(name, f"times are needed; got {value.unit}")], "GTI")
        seconds = value.to_value(u.s)
    else:
        seconds = value
    try:
        array = np.array(seconds, dtype=np.float64, ndmin=1) + 0.0  # no negative zero, which hashes otherwise
    except (TypeError, ValueError):
        raise RequestError([(name, f"MET seconds or Time are needed; got {value!r}")], "GTI") from None
    if array.ndim != 1:
        raise RequestError([(name, f"a one-dimensional array is needed; got {array.ndim} dimensions")], "GTI")
    return array


def _merged(start: Floats, stop: Floats) -> tuple[Floats, Floats]:
    """Sorted limits of the union of intervals."""
    if not start.size:
        return start, stop
    order = np.argsort(start, kind="stable")
    start, stop = start[order], np.maximum.accumulate(stop[order])
    first = np.concatenate([[True], start[1:] > stop[:-1]])
    last = np.concatenate([first[1:], [True]])
    return start[first], stop[last]
