"""Rates, limits and hardness ratios of many sources in many bins of time at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .counts import kbn_interval, kbn_mode
from .detection_bands import hardness
from .detection_field import BANDS
from .merge_limits import DEFAULT_CONFIDENCE, RATE_CONFIDENCE

__all__ = [
    "BAND_NAMES",
    "RATIOS",
    "Bins",
    "Ratios",
    "by_key",
    "constancy",
    "joined",
    "peaks",
    "ratio_constancy",
    "ratios",
    "summed",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Bands by their number.
BAND_NAMES = tuple(BANDS)
#: Hardness ratios, and the numbers of their soft and hard band.
RATIOS = {"HR1": (1, 2), "HR2": (2, 3)}

# From so many counts on errors are Gaussian, as in the SXPS catalogues.
_GAUSSIAN_COUNTS = 100


@dataclass(frozen=True, eq=False)
class Bins:
    """What was counted for a source in a band, in a data set or a snapshot; one row for each.

    Parameters
    ----------
    source : ndarray of int
        Row of the source.
    data_set : ndarray of int
        Number of the data set.
    snapshot : ndarray of int
        Number of the snapshot in it, from 1 on; 0 for the whole data set.
    band : ndarray of int
        Number of the band.
    counts, background : ndarray
        Counts, and those expected without the source.
    factor : ndarray
        Correction factor; NaN where nothing was seen.
    exposure_s : ndarray
        Good time.
    source_s : ndarray
        Good time at the source.
    off_axis : ndarray
        Off-axis angle in arcmin.
    start_met, stop_met : ndarray
        First and last moment of good time.
    """

    source: Integers
    data_set: Integers
    snapshot: Integers
    band: Integers
    counts: Floats
    background: Floats
    factor: Floats
    exposure_s: Floats
    source_s: Floats
    off_axis: Floats
    start_met: Floats
    stop_met: Floats

    def __len__(self) -> int:
        return int(self.source.size)

    def __getitem__(self, rows: Any) -> Bins:
        return Bins(*(getattr(self, item.name)[rows] for item in fields(self)))

    def replaced(self, **columns: Any) -> Bins:
        """The same with other columns."""
        return replace(self, **columns)

    @cached_property
    def scale(self) -> Floats:
        """Rate for one count."""
        known = (self.exposure_s > 0) & np.isfinite(self.factor)
        return np.divide(self.factor, self.exposure_s, out=np.full(len(self), np.nan), where=known)

    @cached_property
    def net(self) -> Floats:
        """The most probable number of counts of the source."""
        return kbn_mode(self.counts, self.background)

    @cached_property
    def rate(self) -> Floats:
        """Rate in ct/s."""
        return self.net * self.scale

    @cached_property
    def errors(self) -> tuple[Floats, Floats]:
        """Lower and upper error of the rate, 68.3 per cent, both positive."""
        lower, upper = kbn_interval(self.counts, self.background, RATE_CONFIDENCE)
        many = self.counts >= _GAUSSIAN_COUNTS
        sigma = np.sqrt(self.counts + self.background)
        neg, pos = np.where(many, sigma, self.net - lower), np.where(many, sigma, upper - self.net)
        return neg * self.scale, pos * self.scale

    @cached_property
    def _wide(self) -> tuple[Floats, Floats]:
        lower, upper = kbn_interval(self.counts, self.background, DEFAULT_CONFIDENCE)
        return lower, upper

    @cached_property
    def limit(self) -> Floats:
        """Upper limit of the rate, three sigma."""
        return self._wide[1] * self.scale

    @cached_property
    def is_detected(self) -> Flags:
        """Whether the interval of three sigma does not reach down to zero."""
        return np.asarray((self._wide[0] > 0) & np.isfinite(self.scale))


def joined(parts: Sequence[Bins]) -> Bins:
    """Rows after one another."""
    if not parts:
        whole = dict.fromkeys(("source", "data_set", "snapshot", "band"), np.zeros(0, dtype=int))
        return Bins(**{item.name: whole.get(item.name, np.zeros(0)) for item in fields(Bins)})
    return Bins(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Bins)))


def summed(bins: Bins, n_sources: int) -> Bins:
    """The bins of each source and band together: row ``source * 4 + band``.

    Counts, background and exposure are added up. The factor is the one with
    which the sums give the rate of a constant source: that of the exposure
    over the sum of exposures divided by their factors.
    """
    used = np.isfinite(bins.factor)
    slot = (bins.source * len(BAND_NAMES) + bins.band)[used]
    size = n_sources * len(BAND_NAMES)

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(slot, values[used], minlength=size), dtype=float)

    exposure_s = total(bins.exposure_s)
    start, stop = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(start, slot, bins.start_met[used])
    np.maximum.at(stop, slot, bins.stop_met[used])

    def ratio(above: Floats, below: Floats) -> Floats:
        return np.divide(above, below, out=np.full(size, np.nan), where=exposure_s > 0)

    source, band = np.divmod(np.arange(size), len(BAND_NAMES))
    nothing = np.zeros(size, dtype=int)
    return Bins(
        source=source,
        data_set=nothing,
        snapshot=nothing,
        band=band,
        counts=total(bins.counts),
        background=total(bins.background),
        factor=ratio(exposure_s, total(bins.exposure_s / bins.factor)),
        exposure_s=exposure_s,
        source_s=total(bins.source_s),
        off_axis=ratio(total(bins.off_axis * bins.exposure_s), exposure_s),
        start_met=start,
        stop_met=stop,
    )


def peaks(bins: Bins, n_sources: int) -> Integers:
    """For each source and band (``source * 4 + band``) the bin whose rate is surely the highest; -1 if there is none.

    That is the one with the highest lower end of the error bar: bins of a few
    seconds with one count have high rates, but mean nothing.
    """
    best = np.full(n_sources * len(BAND_NAMES), -1)
    certain = np.where(np.isfinite(bins.rate), bins.rate - bins.errors[0], -np.inf)
    # The last one counts: first by what is sure, then by the rate.
    order = np.lexsort((np.nan_to_num(bins.rate), certain))
    order = order[np.isfinite(certain[order])]
    best[bins.source[order] * len(BAND_NAMES) + bins.band[order]] = order
    return best


def constancy(bins: Bins, n_sources: int) -> Floats:
    """Probability that each source is constant in each band (``source * 4 + band``), by chi square.

    Counts are compared with those expected of the mean rate and the
    background. NaN for fewer than two bins.
    """
    used = np.isfinite(bins.scale) & (bins.background + bins.counts > 0)
    part = bins[used]
    slot, size = part.source * len(BAND_NAMES) + part.band, n_sources * len(BAND_NAMES)
    seen_s = 1.0 / part.scale
    total_s = np.bincount(slot, seen_s, minlength=size)
    net = np.maximum(np.bincount(slot, part.counts - part.background, minlength=size), 0.0)
    mean = np.divide(net, total_s, out=np.zeros(size), where=total_s > 0)
    expected = np.maximum(mean[slot] * seen_s + part.background, 1e-9)
    chi_square = np.bincount(slot, (part.counts - expected) ** 2 / expected, minlength=size)
    number = np.bincount(slot, minlength=size)
    return np.where(number > 1, special.chdtrc(np.maximum(number - 1, 1), chi_square), np.nan)


@dataclass(frozen=True, eq=False)
class Ratios:
    """A hardness ratio for each row of the total band; errors positive, NaN where it is not known."""

    value: Floats
    err_neg: Floats
    err_pos: Floats

    def __getitem__(self, rows: Any) -> Ratios:
        return Ratios(self.value[rows], self.err_neg[rows], self.err_pos[rows])


def ratios(bins: Bins, name: str, wanted: Flags | None = None) -> Ratios:
    """A hardness ratio of bins, in the order of the rows of the total band.

    Parameters
    ----------
    bins : Bins
        All four bands of each source and time, in any order.
    name : str
        ``"HR1"`` or ``"HR2"``.
    wanted : ndarray of bool, optional
        For which rows of the total band it is worked out; all by default.
    """
    rows = {band: by_key(bins, band) for band in (0, *RATIOS[name])}
    size = rows[0].size
    chosen = np.flatnonzero(np.ones(size, dtype=bool) if wanted is None else wanted)
    soft, hard = (bins[rows[band][chosen]] for band in RATIOS[name])
    made = hardness(soft.counts, soft.background, hard.counts, hard.background, soft.scale / hard.scale)
    columns = []
    for values in made:
        column = np.full(size, np.nan)
        column[chosen] = values
        columns.append(column)
    return Ratios(*columns)


def by_key(bins: Bins, band: int) -> Integers:
    """Rows of a band by source, data set and snapshot, so that those of all bands are in one order."""
    rows = np.flatnonzero(bins.band == band)
    part = bins[rows]
    return np.asarray(rows[np.lexsort((part.snapshot, part.data_set, part.source))])


def ratio_constancy(source: Integers, ratio: Ratios, n_sources: int) -> Floats:
    """Probability that a hardness ratio of each source is constant; NaN for fewer than two values."""
    error = 0.5 * (ratio.err_neg + ratio.err_pos)
    used = np.isfinite(ratio.value) & (error > 0)
    weight, value, where = 1.0 / error[used] ** 2, ratio.value[used], source[used]
    total = np.bincount(where, weight, minlength=n_sources)
    mean = np.divide(
        np.bincount(where, weight * value, minlength=n_sources), total, out=np.zeros(n_sources), where=total > 0
    )
    chi_square = np.bincount(where, weight * (value - mean[where]) ** 2, minlength=n_sources)
    number = np.bincount(where, minlength=n_sources)
    return np.where(number > 1, special.chdtrc(np.maximum(number - 1, 1), chi_square), np.nan)
