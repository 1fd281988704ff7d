"""What light-curve bins have collected up to any moment, in one or more bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .selection import BandEvents, Sums

__all__ = ["EDGE", "FIELDS", "Collector", "band_sums", "fewest_counts"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Row of totals with the time; the `FIELDS` fields of `Sums` of each band follow.
EDGE, FIELDS = 0, len(Sums._fields)


class Collector:
    """The events of all bands in one sequence, and what they sum up to.

    A moment is given by the number of events before it ("cut") and its time
    ("edge"). Totals are arrays with one column for each moment; their rows are
    the edge, and for each band the fields of `Sums`.

    Parameters
    ----------
    bands : sequence of BandEvents
        The events.
    """

    def __init__(self, bands: Sequence[BandEvents]) -> None:
        self.bands = tuple(bands)
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
        """Totals at some moments."""
        rows = [edges_s]
        for before, band in zip(self.before(cuts), self.bands, strict=True):
            rows.extend(band.up_to(before, edges_s))
        return np.array(rows, dtype=np.float64)

    def before(self, cuts: Integers) -> list[Integers]:
        """For each band, the number of events before cuts."""
        return [cuts] if self.single else [before[cuts] for before in self._before]

    def cut_with(self, cut: int, counts: int) -> int:
        """The first cut after another at which each band has so many more events."""
        if self.single:
            return cut + counts
        last = [int(before[cut]) + counts - 1 for before in self._before]
        if any(k >= len(place) for k, place in zip(last, self._place, strict=True)):
            return len(self.time_s) + 1
        return max(int(place[k]) + 1 for k, place in zip(last, self._place, strict=True))


def band_sums(totals: Floats) -> Iterator[Sums]:
    """The sums of each band in totals, or in differences of totals."""
    for row in range(EDGE + 1, len(totals), FIELDS):
        yield Sums(*totals[row : row + FIELDS])


def fewest_counts(totals: Floats) -> Floats:
    """Counts of the band that has the fewest."""
    return np.minimum.reduce(totals[EDGE + 1 :: FIELDS])
