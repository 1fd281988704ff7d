"""Pulse-height spectra of extracted events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..exceptions import NoDataError
from ..mission import N_CHANNELS
from ..products.gti import GTI
from .extracted import Extraction, SnapshotRegion

__all__ = ["SpectrumCounts", "pulse_height_spectrum"]

Floats = NDArray[np.float64]

_FOREVER_S = 1e12


@dataclass(frozen=True, eq=False)
class SpectrumCounts:
    """Counts per channel of one mode in a set of time intervals.

    Parameters
    ----------
    mode : str
        ``"PC"`` or ``"WT"``.
    source_counts, background_counts : ndarray of int, shape (1024,)
        Events per PI channel in the two regions.
    exposure_s : float
        Live time (dead time taken off).
    backscale_source, backscale_background : float
        Mean live areas weighted by exposure, in square sky pixels over 1e6.
    gti : GTI
        Good time used.
    mean_met : float
        Mean time of the source events (MET s); the middle of the good time
        if there is none.
    regions : tuple of SnapshotRegion
        In force in these intervals.
    region_exposure_s : ndarray
        Live time of each of them inside the intervals; with `region_counts`
        a weight for averaging responses.
    region_counts : ndarray of int
        Source events of each.
    """

    mode: str
    source_counts: NDArray[np.int64]
    background_counts: NDArray[np.int64]
    exposure_s: float
    backscale_source: float
    backscale_background: float
    gti: GTI
    mean_met: float
    regions: tuple[SnapshotRegion, ...]
    region_exposure_s: Floats
    region_counts: NDArray[np.int64]

    @property
    def net_counts(self) -> float:
        """Source counts less the background scaled to the source region."""
        if not self.backscale_background:
            return float(self.source_counts.sum())
        ratio = self.backscale_source / self.backscale_background
        return float(self.source_counts.sum() - ratio * self.background_counts.sum())


def pulse_height_spectrum(
    extraction: Extraction,
    start_s: ArrayLike | None = None,
    stop_s: ArrayLike | None = None,
    *,
    obsids: Sequence[str] | None = None,
    snapshots: Sequence[int] | None = None,
) -> SpectrumCounts:
    """Count extracted events per channel.

    Parameters
    ----------
    extraction : Extraction
        Result of `swiftxrt.engine.extraction.extract`.
    start_s, stop_s : float or array, optional
        Time intervals in MET seconds, ``start <= t < stop``; all time when
        not given.
    obsids : sequence of str, optional
        Use these observations only.
    snapshots : sequence of int, optional
        Use these snapshots only (`SnapshotRegion.snapshot`).

    Returns
    -------
    spectrum : SpectrumCounts

    Raises
    ------
    NoDataError
        If no good time is left.
    """
    events = extraction.events
    wanted = _wanted(extraction, start_s, stop_s, obsids, snapshots)
    region = extraction.region_of_gti
    parts = [
        GTI(events.gti_start_s[region == k], events.gti_stop_s[region == k]) & wanted
        for k in range(len(extraction.regions))
    ]
    picked = [k for k, part in enumerate(parts) if len(part)]
    regions = tuple(extraction.regions[k] for k in picked)
    good_s = np.array([parts[k].exposure_s for k in picked])
    live_s = good_s * np.array([region.live_fraction for region in regions])
    in_source, in_background = wanted.contains(events.source_time_s), wanted.contains(events.background_time_s)
    time_s = events.source_time_s[in_source]
    middle = float(np.average((wanted.start + wanted.stop) / 2, weights=wanted.stop - wanted.start))
    return SpectrumCounts(
        mode=events.mode,
        source_counts=_histogram(events.source_pi[in_source]),
        background_counts=_histogram(events.background_pi[in_background]),
        exposure_s=float(live_s.sum()),
        backscale_source=float(np.average([region.source_backscale for region in regions], weights=live_s)),
        backscale_background=float(np.average([region.background_backscale for region in regions], weights=live_s)),
        gti=wanted,
        mean_met=float(time_s.mean()) if time_s.size else middle,
        regions=regions,
        region_exposure_s=live_s,
        region_counts=np.array([np.count_nonzero(parts[k].contains(time_s)) for k in picked], dtype=np.int64),
    )


def _wanted(
    extraction: Extraction,
    start_s: ArrayLike | None,
    stop_s: ArrayLike | None,
    obsids: Sequence[str] | None,
    snapshots: Sequence[int] | None,
) -> GTI:
    """Good time that meets all conditions."""
    events = extraction.events
    used = np.ones(events.gti_start_s.size, dtype=bool)
    if obsids is not None:
        used &= np.isin(events.gti_obsid, list(obsids))
    if snapshots is not None:
        used &= np.isin(events.gti_snapshot, list(snapshots))
    wanted = GTI(events.gti_start_s[used], events.gti_stop_s[used])
    if start_s is not None or stop_s is not None:
        wanted &= GTI(-_FOREVER_S if start_s is None else start_s, _FOREVER_S if stop_s is None else stop_s)
    if not len(wanted):
        raise NoDataError("no good time of the source is left in these intervals; widen them or use all data")
    return wanted


def _histogram(pi: NDArray[np.int64]) -> NDArray[np.int64]:
    valid = pi[(pi >= 0) & (pi < N_CHANNELS)]
    return np.bincount(valid, minlength=N_CHANNELS).astype(np.int64)
