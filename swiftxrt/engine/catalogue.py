"""A catalogue of the sources in observations: searched, identified with each other and measured everywhere.

Each observation is a data set, and each group of two or more that point to
within 12 arcmin of each other a stack. All are searched in four bands; what
was found is put together to sources, which are then measured in every data set
that covers them and in every snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..exceptions import NoDataError
from ..mission import Mode
from ..products.calibration import Calibration
from ..products.events import EventList
from .calibration import EMBEDDED
from .catalogue_bins import measure_field
from .catalogue_fields import FieldImages, FieldSearch, search_field
from .catalogue_matching import UniqueSource, identify
from .catalogue_rates import (
    BAND_NAMES,
    RATIOS,
    Bins,
    Ratios,
    by_key,
    constancy,
    joined,
    peaks,
    ratio_constancy,
    ratios,
    summed,
)
from .make_limits import data_sets

__all__ = ["FIRST_STACK", "BinRatios", "Catalogue", "make_catalogue", "obsid_of"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: ObsID of the first stack.
FIRST_STACK = 10_000_000_001

# The search takes about this share of the time.
_SEARCH_SHARE = 0.8
# Exposure maps of so many data sets wait in memory until the sources are known; those of others are made again.
_MOST_KEPT = 10


@dataclass(frozen=True, eq=False)
class BinRatios:
    """A hardness ratio of sources in data sets or snapshots.

    Parameters
    ----------
    bins : Bins
        Rows of the total band.
    blind : ndarray of bool
        Whether the source was found in the data set, in any band.
    ratio : Ratios
        NaN where the source is not detected, or the ratio not known.
    """

    bins: Bins
    blind: Flags
    ratio: Ratios


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What was found and measured.

    Parameters
    ----------
    searches : tuple of FieldSearch
        The data sets: observations by time, then stacks, numbered from 1 on.
    sources : tuple of UniqueSource
        By right ascension.
    bins : Bins
        Of whole data sets.
    snapshots : Bins
        Of the snapshots of observations.
    left_out : tuple of str
        What could not be used, and why.
    """

    searches: tuple[FieldSearch, ...]
    sources: tuple[UniqueSource, ...]
    bins: Bins
    snapshots: Bins
    left_out: tuple[str, ...] = ()

    @cached_property
    def stacks(self) -> frozenset[int]:
        """Numbers of the data sets that are stacks."""
        return frozenset(one.number for one in self.searches if one.data_set.kind == "stack")

    @cached_property
    def observed(self) -> Bins:
        """Of whole observations, without stacks."""
        return self.bins[~np.isin(self.bins.data_set, list(self.stacks))]

    @cached_property
    def means(self) -> Bins:
        """All observations together: row ``source * 4 + band``."""
        return summed(self.observed, len(self.sources))

    @cached_property
    def moments(self) -> Bins:
        """Observations and snapshots one after another: where the highest rate is looked for."""
        return joined([self.observed, self.snapshots])

    @cached_property
    def peaks(self) -> NDArray[np.int64]:
        """Rows of `moments` with the highest rates (``source * 4 + band``); -1 if there is none."""
        return peaks(self.moments, len(self.sources))

    def constancy(self, *, snapshots: bool) -> Floats:
        """Probabilities that sources are constant (``source * 4 + band``)."""
        return constancy(self.snapshots if snapshots else self.observed, len(self.sources))

    def ratio_constancy(self, name: str, *, snapshots: bool) -> Floats:
        """Probabilities that a hardness ratio of the sources is constant, from bins in which they are detected."""
        made = self.bin_ratios[name, snapshots]
        single = ~np.isin(made.bins.data_set, list(self.stacks))
        return ratio_constancy(made.bins.source[single], made.ratio[single], len(self.sources))

    @cached_property
    def bin_ratios(self) -> dict[tuple[str, bool], BinRatios]:
        """Hardness ratios of the detections, by name and whether they are of snapshots or of whole data sets."""
        made = {}
        for of_snapshots, bins in ((False, self.bins), (True, self.snapshots)):
            part = bins[by_key(bins, 0)]
            blind = self.is_member(part)
            for name in RATIOS:
                made[name, of_snapshots] = BinRatios(part, blind, ratios(bins, name, part.is_detected | blind))
        return made

    def ratios(self, name: str) -> Ratios:
        """A hardness ratio of each source, from all observations together."""
        return ratios(self.means, name)

    def is_blind(self, bins: Bins) -> Flags:
        """Which bins are of data sets where the source was found in that band without knowing of it."""
        keys = zip(bins.source.tolist(), bins.data_set.tolist(), bins.band.tolist(), strict=True)
        return np.array([key in self._blind for key in keys], dtype=bool)

    def is_member(self, bins: Bins) -> Flags:
        """The same for any band."""
        found = {key[:2] for key in self._blind}
        keys = zip(bins.source.tolist(), bins.data_set.tolist(), strict=True)
        return np.array([key in found for key in keys], dtype=bool)

    @cached_property
    def _blind(self) -> frozenset[tuple[int, int, int]]:
        """Row of the source, data set and band of all detections."""
        return frozenset(
            (row, member.data_set, BAND_NAMES.index(band))
            for row, source in enumerate(self.sources)
            for member in source.members
            for band in member.detections
        )


def make_catalogue(
    event_lists: Sequence[EventList],
    *,
    calibration: Calibration = EMBEDDED,
    progress: Callable[[str, float], None] = lambda note, fraction: None,
) -> Catalogue:
    """Make the catalogue of some observations.

    Parameters
    ----------
    event_lists : sequence of EventList
        Those of windowed timing, and those without good time, are left out.
    calibration : Calibration, optional
        Point spread function and vignetting.
    progress : callable, optional
        Told what comes next, and which share of the work is done; it may raise to stop the work.

    Returns
    -------
    catalogue : Catalogue
        Empty if there are no photon-counting data.
    """
    usable = [events for events in event_lists if events.mode is Mode.PC and events.gti.exposure_s > 0]
    usable.sort(key=lambda events: float(events.gti.start[0]))
    every = list(data_sets(usable, "all"))
    every.sort(key=lambda one: one.kind == "stack")
    searches: list[FieldSearch] = []
    left_out: list[str] = []
    kept: dict[int, FieldImages] = {}
    first = 1
    for done, data_set in enumerate(every):
        progress(f"search of {data_set.title} ({done + 1}/{len(every)})", _SEARCH_SHARE * done / len(every))
        try:
            images = FieldImages(data_set, calibration)
            search = search_field(len(searches) + 1, images, first=first)
        except NoDataError as error:
            left_out.append(f"{data_set.title}: {error}")
            continue
        first += sum(map(len, search.detections.values()))
        searches.append(search)
        if len(kept) < _MOST_KEPT:
            kept[search.number] = images
    sources = identify(searches)
    measured = list(_measured(searches, sources, kept, calibration, progress))
    whole, snapshots = (joined([pair[kind] for pair in measured]) for kind in (0, 1))
    return Catalogue(tuple(searches), sources, whole, snapshots, tuple(left_out))


def _measured(
    searches: Sequence[FieldSearch],
    sources: Sequence[UniqueSource],
    kept: dict[int, FieldImages],
    calibration: Calibration,
    progress: Callable[[str, float], None],
) -> Iterator[tuple[Bins, Bins]]:
    if not sources:
        return
    places = SkyCoord(*np.transpose([one.best.place for one in sources]), unit="deg", frame="icrs")
    for done, search in enumerate(searches):
        fraction = _SEARCH_SHARE + (1.0 - _SEARCH_SHARE) * done / len(searches)
        progress(f"{len(sources)} sources in {search.data_set.title} ({done + 1}/{len(searches)})", fraction)
        images = kept.pop(search.number, None) or FieldImages(search.data_set, calibration)
        yield measure_field(images, search, places)


def obsid_of(search: FieldSearch, searches: Sequence[FieldSearch]) -> str:
    """ObsID of a data set; stacks that have none yet are counted from `FIRST_STACK` on."""
    if search.obsid:
        return search.obsid
    if search.data_set.kind == "observation":
        return search.data_set.obsids[0]
    stacks = [one.number for one in searches if one.data_set.kind == "stack"]
    return str(FIRST_STACK + stacks.index(search.number))
