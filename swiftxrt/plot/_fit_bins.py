"""Bins of fitted spectra put together until they can be seen; the fit is not touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..fitting.folded import FoldedSpectrum

__all__ = ["ShownBins", "shown_bins"]

Floats = NDArray[np.float64]

#: Edges closer than this part of the energy belong together.
_SAME = 1e-6


@dataclass(frozen=True)
class ShownBins:
    """Edges (keV), rates of data and model, errors of the data (ct / (s keV)), and residuals as of the fit."""

    low: Floats
    high: Floats
    rate: Floats
    error: Floats
    model: Floats
    residual: Floats

    @property
    def centre(self) -> Floats:
        """Middles on a logarithmic axis."""
        return np.sqrt(np.maximum(self.low, 1e-3) * self.high)

    @property
    def across(self) -> Floats:
        """Distances from the middles to the edges, shape (2, n_bin)."""
        return np.array([self.centre - self.low, self.high - self.centre])


def shown_bins(folded: FoldedSpectrum, min_significance: float, max_bins: int) -> ShownBins:
    """Put neighbouring bins together until each is significant.

    Parameters
    ----------
    folded : FoldedSpectrum
        Bins of a fit.
    min_significance : float
        Rate over its error that a group reaches; 0 leaves the bins as they are.
    max_bins : int
        Most bins in a group.
    """
    low, high = folded.energy_low.value, folded.energy_high.value
    rate, error, model = folded.rate.value, folded.rate_err.value, folded.model_rate.value
    if not min_significance > 0:
        return ShownBins(low, high, rate, error, model, folded.residuals)
    width = high - low
    per_count = _per_count(folded)
    firsts, count = [], len(rate)
    place = 0
    while place < count:
        firsts.append(place)
        end = place + 1
        while end < count and end - place < max_bins and abs(low[end] - high[end - 1]) < _SAME * high[end]:
            part = slice(place, end)
            if _sum(rate, width, part) >= min_significance * _error(folded, per_count, part):
                break
            end += 1
        place = end
    ends = [*firsts[1:], count]
    parts = [slice(first, end) for first, end in zip(firsts, ends, strict=True)]
    total = np.array([width[part].sum() for part in parts])
    return ShownBins(
        low[firsts],
        high[np.array(ends) - 1],
        np.array([_sum(rate, width, part) for part in parts]) / total,
        np.array([_error(folded, per_count, part) for part in parts]) / total,
        np.array([_sum(model, width, part) for part in parts]) / total,
        folded.residuals_of_groups(np.array(firsts)),
    )


def _sum(rate: Floats, width: Floats, part: slice) -> float:
    return float(np.sum(rate[part] * width[part]))


def _per_count(folded: FoldedSpectrum) -> Floats | None:
    """Rate of one count in each bin, if the data are counts and their errors follow from these."""
    variance = np.maximum(folded.counts, 1.0) + folded.background_ratio**2 * folded.background_counts
    width = (folded.energy_high - folded.energy_low).value
    per_count = folded.rate_err.value / np.sqrt(variance) * width
    net = folded.counts - folded.background_ratio * folded.background_counts
    return per_count if np.allclose(net * per_count, folded.rate.value * width, rtol=1e-6, atol=0) else None


def _error(folded: FoldedSpectrum, per_count: Floats | None, part: slice) -> float:
    """Error of the rate (ct/s) of a group: empty bins add nothing to it, but a group of them has one count."""
    if per_count is None:
        width = (folded.energy_high - folded.energy_low).value[part]
        return float(np.sqrt(np.sum((folded.rate_err.value[part] * width) ** 2)))
    counts, ratio, background = (
        one[part] for one in (folded.counts, folded.background_ratio, folded.background_counts)
    )
    least = per_count[part].mean() ** 2 if not counts.any() else 0.0
    return float(np.sqrt(np.sum(per_count[part] ** 2 * (counts + ratio**2 * background)) + least))
