"""The bins of a light curve of one mode, in one band and in all of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from .hardness import HardnessBins

__all__ = ["CurveResult", "RateBins"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RateBins:
    """The bins of a light curve of one mode and band.

    Parameters
    ----------
    start_s, stop_s : ndarray, shape (n,)
        Edges in MET seconds.
    met_s : ndarray
        Time of each bin in MET seconds.
    time_err_neg, time_err_pos : ndarray
        Seconds from the time of the bin back to its start, and on to its stop.
    rate : ndarray
        Corrected count rate, or upper limit, in ct/s.
    rate_err_neg, rate_err_pos : ndarray
        Its statistical errors in ct/s, both positive; NaN for limits.
    is_upper_limit : ndarray of bool
        Whether `rate` is a limit.
    counts : ndarray of int
        Events in the source region.
    background_counts : ndarray
        Background expected among them.
    exposure : ndarray
        Good time in seconds; dead time is not taken off.
    fractional_exposure : ndarray
        Good time over the length of the bin.
    background_rate, background_rate_err : ndarray
        Background in the source region in ct/s, not corrected.
    correction_factor : ndarray
        Factor from net counts to all counts of the source: mean over the
        events; over time where there are none.
    significance : ndarray
        Of the source above the background, in sigma.
    snr : ndarray
        Rate over its (lower) error; infinite for limits.
    obsid : ndarray of str
        Observation of the first good time in the bin.
    snapshot : ndarray of int
        Number of the snapshot of this good time, from 1.
    quality : ndarray of int
        0 where nothing is wrong.
    systematic_neg, systematic_pos : ndarray
        Systematic error downwards and upwards, as a part of the rate; not
        among the errors before `with_systematics`.
    """

    start_s: Floats
    stop_s: Floats
    met_s: Floats
    time_err_neg: Floats
    time_err_pos: Floats
    rate: Floats
    rate_err_neg: Floats
    rate_err_pos: Floats
    is_upper_limit: Flags
    counts: NDArray[np.int64]
    background_counts: Floats
    exposure: Floats
    fractional_exposure: Floats
    background_rate: Floats
    background_rate_err: Floats
    correction_factor: Floats
    significance: Floats
    snr: Floats
    obsid: NDArray[np.str_]
    snapshot: NDArray[np.int64]
    quality: NDArray[np.int64]
    systematic_neg: Floats
    systematic_pos: Floats

    def __len__(self) -> int:
        return len(self.rate)

    def take(self, index: NDArray) -> RateBins:
        """Some of the bins, by mask or position."""
        return RateBins(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def at(self, met_s: Floats) -> RateBins:
        """The same bins, quoted at other times."""
        return replace(self, met_s=met_s, time_err_neg=met_s - self.start_s, time_err_pos=self.stop_s - met_s)

    def with_systematics(self, *, symmetric: bool = False) -> RateBins:
        """The same bins, the systematic errors added to the statistical ones in quadrature.

        This is how the systematic factors in the service's ``WTCURVE.qdp``
        enter its errors, and the rate over its lower error is its
        signal-to-noise ratio. Limits stay as they are.

        Parameters
        ----------
        symmetric : bool, optional
            Whether to take half the spread on both sides.
        """
        below, above = self.systematic_neg, self.systematic_pos
        if symmetric:
            below = above = (below + above) / 2
        lower, upper = np.hypot(self.rate_err_neg, self.rate * below), np.hypot(self.rate_err_pos, self.rate * above)
        kept = self.is_upper_limit | (below == 0) | ~(lower > 0)
        snr = np.divide(self.rate, lower, out=self.snr.copy(), where=~kept)
        return replace(self, rate_err_neg=lower, rate_err_pos=upper, snr=snr)


@dataclass(frozen=True, eq=False)
class CurveResult:
    """Light curves of one mode.

    Parameters
    ----------
    total : RateBins
        In the total band.
    soft, hard : RateBins
        In the soft and the hard band; errors are Gaussian, there are no limits.
    hardness : HardnessBins
        Their ratio, where the soft rate is positive.

    Notes
    -----
    Errors are statistical unless made `with_systematics`.
    """

    total: RateBins
    soft: RateBins
    hard: RateBins
    hardness: HardnessBins

    def with_systematics(self) -> CurveResult:
        """The same curves with systematic errors.

        The rates of both bands move together, so that the ratio is not
        affected; the error of a band is the same on both sides.
        """
        soft, hard = self.soft.with_systematics(symmetric=True), self.hard.with_systematics(symmetric=True)
        return CurveResult(self.total.with_systematics(), soft, hard, self.hardness)
