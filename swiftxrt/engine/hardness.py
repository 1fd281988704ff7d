"""Hardness ratios."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .rate_bins import RateBins

__all__ = ["HardnessBins", "hardness_ratio"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HardnessBins:
    """The bins of a hardness ratio, hard over soft.

    Parameters
    ----------
    start_s, stop_s : ndarray, shape (n,)
        Edges in MET seconds.
    met_s : ndarray
        Time of each bin in MET seconds.
    time_err_neg, time_err_pos : ndarray
        Seconds from the time of the bin back to its start, and on to its stop.
    hardness_ratio : ndarray
        Hard rate over soft rate; NaN where the soft rate is not positive.
    hardness_ratio_err : ndarray
        Its standard deviation; NaN where the soft rate is not positive or the
        hard band has no counts: Gaussian errors know nothing of zero counts.
    exposure : ndarray
        Good time in seconds.
    obsid : ndarray of str
        Observation of the first good time in the bin.
    snapshot : ndarray of int
        Number of the snapshot of this good time, from 1.
    """

    start_s: Floats
    stop_s: Floats
    met_s: Floats
    time_err_neg: Floats
    time_err_pos: Floats
    hardness_ratio: Floats
    hardness_ratio_err: Floats
    exposure: Floats
    obsid: NDArray[np.str_]
    snapshot: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hardness_ratio)

    def defined(self) -> HardnessBins:
        """The bins that have a ratio."""
        kept = ~np.isnan(self.hardness_ratio)
        return HardnessBins(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def hardness_ratio(soft: RateBins, hard: RateBins) -> HardnessBins:
    """Ratio of the rates of two bands, with the error of Gaussian propagation.

    Parameters
    ----------
    soft, hard : RateBins
        Rates in the same bins.

    Returns
    -------
    ratio : HardnessBins
        One bin for each bin given.
    """
    ratio, error = np.full(len(soft), np.nan), np.full(len(soft), np.nan)
    np.divide(hard.rate, soft.rate, out=ratio, where=soft.rate > 0)
    both = (soft.rate > 0) & (hard.counts > 0)  # The hard rate may be negative, if there is more background.
    error[both] = np.hypot(hard.rate_err_pos[both], ratio[both] * soft.rate_err_pos[both]) / soft.rate[both]
    shared = ("start_s", "stop_s", "met_s", "time_err_neg", "time_err_pos", "exposure", "obsid", "snapshot")
    return HardnessBins(
        hardness_ratio=ratio, hardness_ratio_err=error, **{name: getattr(soft, name) for name in shared}
    )
