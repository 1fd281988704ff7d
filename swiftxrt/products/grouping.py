"""Joining channels of a spectrum into groups with enough counts."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

__all__ = ["BAD", "GOOD", "LAST_BAD_CHANNEL", "LEFT_OVER", "GroupedCounts", "group_flags"]

#: Flags of the column QUALITY (OGIP 92-007): good, left over by grouping, bad.
GOOD, LEFT_OVER, BAD = 0, 2, 5
#: The service declares channels 0 to 29 (below 0.3 keV) bad.
LAST_BAD_CHANNEL = 29


@dataclass(frozen=True, eq=False, repr=False)
class GroupedCounts:
    """Counts summed over the groups of a spectrum; channels without grouping are groups of one.

    Parameters
    ----------
    energy_edges : `~astropy.units.Quantity`, shape (n_group + 1,), keV
        Edges of the groups.
    counts, background_counts : ndarray of int, shape (n_group,)
        Counts in the source and in the background region (0 without background).
    background_ratio : float
        What to multiply background counts with to get those in the source region.
    quality : ndarray of int, shape (n_group,)
        Largest quality flag in each group; 0 is good.
    """

    energy_edges: u.Quantity
    counts: NDArray[np.int64]
    background_counts: NDArray[np.int64]
    background_ratio: float
    quality: NDArray[np.int64]

    @property
    def net_counts(self) -> NDArray[np.float64]:
        """Source counts minus scaled background counts, shape (n_group,)."""
        return self.counts - self.background_ratio * self.background_counts

    @property
    def net_counts_err(self) -> NDArray[np.float64]:
        """One standard deviation of `net_counts`, shape (n_group,).

        ``sqrt(max(N, 1) + ratio**2 N_b)``. The floor of one count keeps groups
        without counts from an error of zero: with a flat prior the Poisson
        mean given N counts is Gamma(N + 1) distributed, whose standard
        deviation for N = 0 is 1.
        """
        return np.sqrt(np.maximum(self.counts, 1) + self.background_ratio**2 * self.background_counts)


def group_flags(
    counts: NDArray[np.int64], good: NDArray[np.bool_], min_counts: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Join channels until each group has enough counts, as ``grppha`` does with ``group min``.

    Parameters
    ----------
    counts : ndarray of int, shape (n_channel,)
        Counts in each channel.
    good : ndarray of bool, shape (n_channel,)
        Channels that may be grouped; no group reaches over another.
    min_counts : int
        Counts that a group must have.

    Returns
    -------
    grouping : ndarray of int, shape (n_channel,)
        1 where a group starts, -1 where it goes on; all others are 1.
    left_over : ndarray of bool, shape (n_channel,)
        Channels at the end of a good range that do not fill a group.
    """
    grouping = np.ones(counts.size, dtype=np.int64)
    left_over = np.zeros(counts.size, dtype=bool)
    start, total = 0, 0
    for index in range(counts.size + 1):
        if index == counts.size or not good[index]:
            grouping[start:index] = 1
            left_over[start:index] = True
            start, total = index + 1, 0
            continue
        grouping[index] = 1 if index == start else -1
        total += int(counts[index])
        if total >= min_counts:
            start, total = index + 1, 0
    return grouping, left_over
