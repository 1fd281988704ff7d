"""Edges of light-curve bins, by the four methods of the UKSSDC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..exceptions import NoDataError, RequestError
from .filling import CountsFiller, snapshot_spans
from .inputs import ExtractedEvents
from .selection import GoodTime, select_band

__all__ = ["BinningParameters", "Bins", "counts_bins", "make_bins", "obsid_bins", "snapshot_bins", "time_bins"]

Floats = NDArray[np.float64]

METHODS = ("counts", "time", "snapshot", "obsid")
# A light curve of that many bins takes minutes and some hundred megabytes.
_MAX_TIME_BINS = 1_000_000
# Time bins in which this many seconds are not good are not there at all.
_MIN_GOOD_S = 1e-6


@dataclass(frozen=True)
class BinningParameters:
    """How the events of one mode are put into bins.

    Parameters
    ----------
    method : str
        ``"counts"``, ``"time"``, ``"snapshot"`` or ``"obsid"``.
    counts : int
        Method counts: how many source-region events fill a bin, at 0.1 to 10
        ct/s if `dynamic`.
    dynamic : bool
        Method counts: whether brighter bins need more events.
    rate_factor : float
        With `dynamic`: the number needed changes at each power of this rate (ct/s); above 1.
    bin_factor : float
        With `dynamic`: by how much it changes; at least 1.
    min_counts : int
        With `dynamic`: the smallest number of events that can fill a bin.
    min_snr : float
        Method counts: smallest signal-to-noise ratio of a full bin.
    min_bin_s : float
        Method counts: shortest duration of a full bin in seconds.
    max_gap_s : float
        Method counts: longest gap between snapshots, in seconds, that a bin may straddle.
    width_s : float
        Method time: length of the bins in seconds.
    t0_s : float, optional
        Method time: a time (MET, s) at which a bin starts. Without it the
        first bin starts with the first good time, as in the official products.
    min_fractional_exposure : float
        Method time: bins with at most this part of good time are left out.
    hardness_width_s : float, optional
        Method time: length of the bins of the hardness ratio in seconds; that
        of the light curve when not given.

    Raises
    ------
    RequestError
        If a value makes no sense.
    """

    method: str = "counts"
    counts: int = 20
    dynamic: bool = True
    rate_factor: float = 10.0
    bin_factor: float = 1.5
    min_counts: int = 15
    min_snr: float = 2.4
    min_bin_s: float = 0.5
    max_gap_s: float = 1e8
    width_s: float = 100.0
    t0_s: float | None = None
    min_fractional_exposure: float = 0.0
    hardness_width_s: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.method not in METHODS:
            problems.append(("method", f"must be one of {', '.join(METHODS)}; got {self.method!r}"))
        if not self.rate_factor > 1:
            problems.append(("rate_factor", f"must be above 1; got {self.rate_factor!r}"))
        if not self.bin_factor >= 1:
            problems.append(("bin_factor", f"must be at least 1; got {self.bin_factor!r}"))
        for name in ("counts", "width_s"):
            if not getattr(self, name) > 0:
                problems.append((name, f"must be positive; got {getattr(self, name)!r}"))
        for name in ("min_counts", "min_snr", "min_bin_s", "max_gap_s"):
            if not getattr(self, name) >= 0:
                problems.append((name, f"must not be negative; got {getattr(self, name)!r}"))
        if not 0 <= self.min_fractional_exposure < 1:
            problems.append(("min_fractional_exposure", f"must be in 0 to 1; got {self.min_fractional_exposure!r}"))
        if self.hardness_width_s is not None and not self.hardness_width_s > 0:
            problems.append(("hardness_width_s", f"must be positive; got {self.hardness_width_s!r}"))
        if problems:
            raise RequestError(problems, "binning")


@dataclass(frozen=True, eq=False)
class Bins:
    """Edges of bins.

    Parameters
    ----------
    start_s, stop_s : ndarray, shape (n,)
        Edges in MET seconds.
    centred : bool
        Whether a bin is quoted at its centre; otherwise at the mean arrival
        time of its source events (the official light curves do both).
    obsid : ndarray of str, optional
        Observation that a bin is restricted to, where there is one.
    """

    start_s: Floats
    stop_s: Floats
    centred: bool
    obsid: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.start_s)


def make_bins(
    data: ExtractedEvents, parameters: BinningParameters, *, bands: Sequence[tuple[int, int]] = ((30, 1000),)
) -> Bins:
    """Make bins by the method that the parameters name.

    Parameters
    ----------
    data : ExtractedEvents
        Events and good time of one mode.
    parameters : BinningParameters
        Method and its parameters.
    bands : sequence of (int, int), optional
        PI channels of the bands in which a bin has to be full; used by the method counts.

    Returns
    -------
    bins : Bins
        Each has good time.

    Raises
    ------
    NoDataError
        If there is no good time.
    """
    if parameters.method == "counts":
        return counts_bins(data, parameters, bands=bands)
    if parameters.method == "time":
        return time_bins(
            data,
            parameters.width_s,
            t0_s=parameters.t0_s,
            min_fractional_exposure=parameters.min_fractional_exposure,
        )
    return snapshot_bins(data) if parameters.method == "snapshot" else obsid_bins(data)


def counts_bins(
    data: ExtractedEvents, parameters: BinningParameters, *, bands: Sequence[tuple[int, int]] = ((30, 1000),)
) -> Bins:
    """Bins that are closed once they hold enough counts.

    Parameters
    ----------
    data : ExtractedEvents
        Events and good time of one mode.
    parameters : BinningParameters
        `counts` to `max_gap_s` are used. `swiftxrt.engine.filling` says how.
    bands : sequence of (int, int), optional
        PI channels, first and last, of the bands in which a bin has to be full.

    Returns
    -------
    bins : Bins

    Raises
    ------
    NoDataError
        If there is no good time.
    """
    _check_good_time(data)
    filler = CountsFiller(data, [select_band(data, channels) for channels in bands], parameters)
    return Bins(*filler.fill(), centred=False)


def time_bins(
    data: ExtractedEvents, width_s: float, *, t0_s: float | None = None, min_fractional_exposure: float = 0.0
) -> Bins:
    """Bins of one length, on a grid that goes on through all gaps.

    Parameters
    ----------
    data : ExtractedEvents
        Good time of one mode.
    width_s : float
        Length in seconds.
    t0_s : float, optional
        A time (MET, s) at which a bin starts; by default the first start of good time.
    min_fractional_exposure : float, optional
        Bins with at most this part of good time are left out.

    Returns
    -------
    bins : Bins

    Raises
    ------
    NoDataError
        If there is no good time.
    RequestError
        If there would be more than a million bins.
    """
    _check_good_time(data)
    _check_number(data, width_s)
    origin_s = data.gti_start_s[0] if t0_s is None else t0_s
    first = np.floor((data.gti_start_s - origin_s) / width_s).astype(np.int64)
    last = np.floor((data.gti_stop_s - origin_s) / width_s).astype(np.int64)
    # All grid positions that each interval touches, once.
    number = last - first + 1
    position = np.repeat(first - np.cumsum(number) + number, number) + np.arange(number.sum())
    position = np.unique(position)
    start_s, stop_s = origin_s + position * width_s, origin_s + (position + 1) * width_s
    good_s = GoodTime(data.gti_start_s, data.gti_stop_s).between(start_s, stop_s)
    kept = (good_s > _MIN_GOOD_S) & (good_s > min_fractional_exposure * width_s)
    return Bins(start_s[kept], stop_s[kept], centred=True)


def _check_number(data: ExtractedEvents, width_s: float) -> None:
    """Refuse bins so short that the light curve would fill the memory."""
    good_s = float(np.sum(data.gti_stop_s - data.gti_start_s))
    if good_s / width_s > _MAX_TIME_BINS:
        raise RequestError(
            [
                (
                    "width_s",
                    f"bins of {width_s:g} s divide {good_s:g} s of {data.mode} data into more than {_MAX_TIME_BINS:,} "
                    f"bins; give longer bins, of {good_s / _MAX_TIME_BINS:.2g} s at least, or choose fewer data",
                )
            ],
            "binning",
        )


def snapshot_bins(data: ExtractedEvents) -> Bins:
    """One bin for each snapshot, from its first to its last good time.

    Parameters
    ----------
    data : ExtractedEvents
        Good time of one mode.

    Returns
    -------
    bins : Bins

    Raises
    ------
    NoDataError
        If there is no good time.
    """
    _check_good_time(data)
    return Bins(*snapshot_spans(data), centred=True)


def obsid_bins(data: ExtractedEvents) -> Bins:
    """One bin for each observation, from its first to its last good time.

    Observations may overlap in time, so each bin is restricted to its own.

    Parameters
    ----------
    data : ExtractedEvents
        Good time of one mode.

    Returns
    -------
    bins : Bins
        In order of start.

    Raises
    ------
    NoDataError
        If there is no good time.
    """
    _check_good_time(data)
    obsid, first = np.unique(data.gti_obsid, return_index=True)
    obsid = obsid[np.argsort(first)]
    members = [np.flatnonzero(data.gti_obsid == name) for name in obsid]
    start_s = np.array([data.gti_start_s[index[0]] for index in members])
    stop_s = np.array([data.gti_stop_s[index[-1]] for index in members])
    return Bins(start_s, stop_s, centred=True, obsid=obsid)


def _check_good_time(data: ExtractedEvents) -> None:
    if not len(data.gti_start_s):
        raise NoDataError(f"there is no good time in {data.mode} mode to make bins of; choose other observations")
