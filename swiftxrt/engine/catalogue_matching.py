"""Which detections are of one source: over the bands of a data set, and over data sets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..mission import PIXEL_ARCSEC
from .catalogue_fields import Detected, FieldSearch
from .detection_quality import Quality
from .psffit import SIGMAS_90

__all__ = ["NO_NEIGHBOUR_ARCSEC", "DataSource", "Neighbour", "UniqueSource", "identify", "nearest_neighbours"]

Floats = NDArray[np.float64]
T = TypeVar("T")

#: Distance of a neighbour that does not exist, as the catalogues have it.
NO_NEIGHBOUR_ARCSEC = 1e80

# Two detections are one source if they are closer than three sigma of both errors, within these limits.
_SIGMAS = 3.0 / SIGMAS_90
_CLOSE_ARCSEC = (2.0 * PIXEL_ARCSEC, 10.0 * PIXEL_ARCSEC)


@dataclass(frozen=True, eq=False)
class DataSource:
    """A source of one data set: its detections in one or more bands.

    Parameters
    ----------
    number : int
        Its number in the catalogue.
    order : int
        Its number in the data set.
    data_set : int
        The data set.
    detections : mapping of str to Detected
        By band, the best first.
    """

    number: int
    order: int
    data_set: int
    detections: Mapping[str, Detected]

    @property
    def best(self) -> Detected:
        """The detection that gives the position."""
        return next(iter(self.detections.values()))

    @property
    def quality(self) -> Quality:
        """Of the best detection."""
        return self.best.quality


@dataclass(frozen=True, eq=False)
class UniqueSource:
    """A source of the catalogue.

    Parameters
    ----------
    number : int
        Its number.
    members : tuple of DataSource
        What it is in the data sets, the best first.
    """

    number: int
    members: tuple[DataSource, ...]

    @property
    def best(self) -> Detected:
        """The detection that gives the position."""
        return self.members[0].best

    def member(self, data_set: int) -> DataSource | None:
        """What it is in a data set; None if it was not found there."""
        return next((one for one in self.members if one.data_set == data_set), None)

    def detection(self, data_set: int, band: str) -> Detected | None:
        """Its detection in a band of a data set, if there is one."""
        member = self.member(data_set)
        return None if member is None else member.detections.get(band)


@dataclass(frozen=True)
class Neighbour:
    """The nearest of the other sources: its row, and its distance; row -1 if there is none."""

    row: int = -1
    arcsec: float = NO_NEIGHBOUR_ARCSEC


def identify(searches: Sequence[FieldSearch]) -> tuple[UniqueSource, ...]:
    """Put the detections of all data sets together.

    Detections are taken from the best to the worst; each joins the source of
    the nearest of those before it within three sigma of both errors (at least
    2 and at most 10 pixels), unless that has one of the same band, or of the
    same data set, already. The best detection gives the position.

    Parameters
    ----------
    searches : sequence of FieldSearch
        What was found.

    Returns
    -------
    sources : tuple of UniqueSource
        By right ascension, numbered from 1 on.
    """
    found: list[DataSource] = []
    for search in searches:
        found += _of_one_field(search, len(found) + 1)
    found.sort(key=lambda one: (int(one.quality), one.best.err90_arcsec))
    groups = _grouped(
        found, place=lambda one: one.best.place, error=lambda one: one.best.err90_arcsec, key=lambda one: one.data_set
    )
    groups.sort(key=lambda group: group[0].best.place)
    return tuple(UniqueSource(number, tuple(group)) for number, group in enumerate(groups, start=1))


def _of_one_field(search: FieldSearch, first: int) -> list[DataSource]:
    """The sources of a data set; positions in its bands share their systematic error."""
    every = sorted((one for band in search.detections.values() for one in band), key=lambda one: one.rank)
    groups = _grouped(
        every, place=lambda one: one.place, error=lambda one: one.statistical_arcsec, key=lambda one: one.band
    )
    return [
        DataSource(first + order, order + 1, search.number, {one.band: one for one in group})
        for order, group in enumerate(groups)
    ]


def _grouped(
    items: Sequence[T],
    *,
    place: Callable[[T], tuple[float, float]],
    error: Callable[[T], float],
    key: Callable[[T], Hashable],
) -> list[list[T]]:
    """Groups of items with different keys, each near at least one other of its group."""
    groups: list[list[T]] = []
    owner = np.zeros(len(items), dtype=int)
    ra, dec = (np.array([place(item)[axis] for item in items], dtype=float) for axis in (0, 1))
    errors = np.array([error(item) for item in items], dtype=float)
    for row, item in enumerate(items):
        apart = separation_arcsec(ra[row], dec[row], ra[:row], dec[:row])
        near = np.flatnonzero(apart <= np.clip(_SIGMAS * np.hypot(errors[row], errors[:row]), *_CLOSE_ARCSEC))
        for other in near[np.argsort(apart[near])]:
            if all(key(item) != key(member) for member in groups[owner[other]]):
                owner[row] = owner[other]
                groups[owner[row]].append(item)
                break
        else:
            owner[row] = len(groups)
            groups.append([item])
    return groups


def nearest_neighbours(ra: ArrayLike, dec: ArrayLike, among: ArrayLike | None = None) -> list[Neighbour]:
    """The nearest other place of each.

    Parameters
    ----------
    ra, dec : array-like
        Places (deg).
    among : array-like of bool, optional
        Which of them count as neighbours; all by default.
    """
    lon, lat = (np.asarray(values, dtype=float) for values in (ra, dec))
    candidates = np.ones(lon.size, dtype=bool) if among is None else np.asarray(among, dtype=bool)
    found = []
    for row in range(lon.size):
        apart = np.where(candidates, separation_arcsec(lon[row], lat[row], lon, lat), np.inf)
        apart[row] = np.inf
        best = int(np.argmin(apart))
        found.append(Neighbour(best, float(apart[best])) if np.isfinite(apart[best]) else Neighbour())
    return found


def separation_arcsec(ra: float, dec: float, other_ra: Floats, other_dec: Floats) -> Floats:
    """Distances of one place from others (deg in, arcsec out), exact for small ones."""
    dlon, lat = np.radians(other_ra - ra) / 2.0, np.radians(other_dec)
    half = (lat - np.radians(dec)) / 2.0
    square = np.sin(half) ** 2 + np.cos(lat) * np.cos(np.radians(dec)) * np.sin(dlon) ** 2
    return np.asarray(np.degrees(2.0 * np.arcsin(np.sqrt(np.minimum(square, 1.0)))) * 3600.0)
