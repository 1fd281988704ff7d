"""Which sources of a catalogue are new: brighter than what earlier observations allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .catalogue import Catalogue
from .catalogue_matching import DataSource, UniqueSource
from .catalogue_rates import Bins, summed
from .detection_quality import Quality

__all__ = ["Transient", "find_transients"]

# The peak rate must be above the limit by so many of its errors.
_LEAST_SIGNIFICANCE = 1.0
_SOFT_MEDIUM = (1, 2)


@dataclass(frozen=True, eq=False)
class Transient:
    """A source that earlier observations should have seen.

    Parameters
    ----------
    source : UniqueSource
        The source.
    discovery : DataSource
        What it is in the observation that found it.
    peak : Bins
        The bin of that observation, as a whole or of a snapshot, with the
        highest rate: one row for each band.
    limit : float
        The lowest upper limit (three sigma, ct/s) of an earlier observation.
    limit_data_set : int
        That observation.
    data_sets : tuple of int
        Observations that cover it, from the discovery on.
    """

    source: UniqueSource
    discovery: DataSource
    peak: Bins
    limit: float
    limit_data_set: int
    data_sets: tuple[int, ...]

    @cached_property
    def significance(self) -> float:
        """Errors of the peak rate by which it is above the limit."""
        return float((self.peak.rate[0] - self.limit) / max(self.peak.errors[0][0], 1e-30))

    @cached_property
    def soft_medium(self) -> Bins:
        """The peak in 0.3-2 keV: one row."""
        part = self.peak[np.isin(self.peak.band, _SOFT_MEDIUM)]
        together = summed(part.replaced(source=np.zeros(len(part), dtype=int), band=np.zeros(len(part), dtype=int)), 1)
        # Both bands were seen at the same time.
        return together[:1].replaced(exposure_s=part.exposure_s[:1])


def find_transients(catalogue: Catalogue) -> list[Transient]:
    """Sources that no earlier observation detects, and whose peak rate is above the limit of one of them.

    The first observation that detects it must find it as good or reasonable,
    and the lower end of its peak rate must be above the limit.
    """
    start = {one.number: min(float(ev.gti.start[0]) for ev in one.data_set.lists) for one in catalogue.searches}
    found = (_transient(catalogue, row, start) for row in range(len(catalogue.sources)))
    return sorted((one for one in found if one is not None), key=lambda one: start[one.discovery.data_set])


def _transient(catalogue: Catalogue, row: int, start: dict[int, float]) -> Transient | None:
    source = catalogue.sources[row]
    blind = [one for one in source.members if one.data_set not in catalogue.stacks]
    if not blind:
        return None
    discovery = min(blind, key=lambda one: start[one.data_set])
    begin = start[discovery.data_set]
    here = catalogue.observed[catalogue.observed.source == row]
    before = here[here.stop_met <= begin]
    total = before[before.band == 0]
    limits = np.where(np.isfinite(total.limit), total.limit, np.inf)
    if discovery.quality > Quality.REASONABLE or before.is_detected.any() or not np.isfinite(limits).any():
        return None
    best = int(np.argmin(limits))
    later = tuple(dict.fromkeys(here.data_set[here.start_met >= begin].tolist()))
    for peak in _peak(catalogue, row, discovery.data_set):
        made = Transient(source, discovery, peak, float(limits[best]), int(total.data_set[best]), later)
        return made if made.significance >= _LEAST_SIGNIFICANCE else None
    return None


def _peak(catalogue: Catalogue, row: int, data_set: int) -> Iterator[Bins]:
    """The bin of a data set with the surely highest rate in the total band, in all bands."""
    moments = catalogue.moments
    here = moments[(moments.source == row) & (moments.data_set == data_set)]
    certain = np.where((here.band == 0) & np.isfinite(here.rate), here.rate - here.errors[0], -np.inf)
    if certain.size and np.isfinite(certain).any():
        best = int(np.argmax(certain))
        chosen = here[here.snapshot == here.snapshot[best]]
        yield chosen[np.argsort(chosen.band)]
