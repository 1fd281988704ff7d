"""Joining channels of a spectrum into groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError

if TYPE_CHECKING:
    from .countspectrum import CountSpectrum

__all__ = [
    "BAD",
    "GOOD",
    "LAST_BAD_CHANNEL",
    "LEFT_OVER",
    "GroupedCounts",
    "GroupingRule",
    "group_flags",
    "optimal_widths",
]

Flags = NDArray[np.bool_]

#: Flags of the column QUALITY (OGIP 92-007): good, left over by grouping, bad.
GOOD, LEFT_OVER, BAD = 0, 2, 5
#: The service declares channels 0 to 29 (below 0.3 keV) bad.
LAST_BAD_CHANNEL = 29
# Below this x of Kaastra & Bleeker a group is as wide as the resolution.
_ALL_OF_IT = 2.119


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


@dataclass(frozen=True)
class GroupingRule:
    """When a group of channels is complete.

    At least one of the three is needed. ``optimal`` and ``min_counts`` can be
    asked for together: the channels are then joined as far as the optimal
    width, and on until there are enough counts.

    Parameters
    ----------
    min_counts : int, optional
        Counts, background included, that a group must have.
    signal_to_noise : float, optional
        Net counts over their error that a group must have; the variance of the
        net counts is ``N + ratio**2 N_b``.
    optimal : bool, optional
        Join channels to the width of Kaastra & Bleeker (2016, A&A 587, A151),
        which loses no information for the resolution and the counts there are.

    Raises
    ------
    RequestError
        If nothing is asked for, `signal_to_noise` is combined with another
        rule, or a value is not positive.
    """

    min_counts: int | None = None
    signal_to_noise: float | None = None
    optimal: bool = False

    def __post_init__(self) -> None:
        counts, ratio = self.min_counts, self.signal_to_noise
        problems = []
        if counts is not None and (
            isinstance(counts, bool) or not isinstance(counts, int | np.integer) or not counts >= 1
        ):
            problems.append(("min_counts", f"a positive whole number is needed; got {counts!r}"))
        if ratio is not None and (isinstance(ratio, bool) or not isinstance(ratio, Real) or not 0 < ratio < np.inf):
            problems.append(("signal_to_noise", f"a positive number is needed; got {ratio!r}"))
        if counts is None and ratio is None and not self.optimal:
            problems.append(("min_counts", "give min_counts, signal_to_noise or optimal=True"))
        if ratio is not None and (counts is not None or self.optimal):
            problems.append(("signal_to_noise", "cannot be combined with min_counts or optimal"))
        if problems:
            raise RequestError(problems, "grouping")

    def flags(self, spectrum: CountSpectrum, good: Flags) -> tuple[NDArray[np.int64], Flags]:
        """Grouping flags and the channels left over; see `group_flags`.

        Raises
        ------
        RequestError
            If the optimal width is asked for and the spectrum has no RMF.
        """
        source = np.append(0, np.cumsum(spectrum.counts))
        if self.signal_to_noise is not None:
            outside = spectrum.background.counts if spectrum.background is not None else np.zeros_like(spectrum.counts)
            background = np.append(0, np.cumsum(outside))
            ratio, wanted = spectrum.background_ratio, float(self.signal_to_noise)

            def significant(start: int, stop: int) -> bool:
                number, other = source[stop] - source[start], background[stop] - background[start]
                net, variance = number - ratio * other, number + ratio**2 * other
                return bool(net > 0 and net >= wanted * np.sqrt(variance))

            return group_flags(good, significant)
        least = self.min_counts or 0
        width = optimal_widths(spectrum, good) if self.optimal else np.ones(good.size, dtype=np.int64)
        at_end = _ends(good) if self.min_counts is None else np.zeros(good.size, dtype=bool)

        def complete(start: int, stop: int) -> bool:
            wide = stop - start >= width[start] or at_end[stop - 1]
            return bool(wide and source[stop] - source[start] >= least)

        return group_flags(good, complete)


def _ends(good: Flags) -> Flags:
    """The last channel of each range of good ones."""
    return good & ~np.append(good[1:], [False])


def group_flags(good: Flags, complete: Callable[[int, int], bool]) -> tuple[NDArray[np.int64], Flags]:
    """Join channels until each group is complete, as ``grppha`` does.

    Parameters
    ----------
    good : ndarray of bool, shape (n_channel,)
        Channels that may be grouped; no group reaches over another.
    complete : callable
        Told the first channel and the one after the last, whether they make a
        group.

    Returns
    -------
    grouping : ndarray of int, shape (n_channel,)
        1 where a group starts, -1 where it goes on; all others are 1.
    left_over : ndarray of bool, shape (n_channel,)
        Channels at the end of a good range that do not make a group.
    """
    grouping = np.ones(good.size, dtype=np.int64)
    left_over = np.zeros(good.size, dtype=bool)
    start = 0
    for index in range(good.size + 1):
        if index == good.size or not good[index]:
            grouping[start:index] = 1
            left_over[start:index] = True
            start = index + 1
            continue
        grouping[index] = 1 if index == start else -1
        if complete(start, index + 1):
            start = index + 1
    return grouping, left_over


def optimal_widths(spectrum: CountSpectrum, good: Flags) -> NDArray[np.int64]:
    """Optimal width in channels of a group that begins at each channel (Kaastra & Bleeker 2016).

    With the full width at half maximum of the response w (in channels), the
    number of resolution elements R in the good channels and the net counts N_r
    within w of each channel, ``x = ln(N_r (1 + 0.2 ln R))`` and the width is
    ``w`` for ``x <= 2.119``, else
    ``w (0.08 + 7 / x + 1.8 / x**2) / (1 + 5.9 / x)``; at least one channel,
    and rounded down.

    Parameters
    ----------
    spectrum : CountSpectrum
        With an RMF.
    good : ndarray of bool, shape (n_channel,)
        Channels in use.

    Returns
    -------
    width : ndarray of int, shape (n_channel,)

    Raises
    ------
    RequestError
        If the spectrum has no RMF.
    """
    if spectrum.rmf is None:
        raise RequestError(
            [("optimal", f"the optimal width follows from the resolution, and {spectrum.stem} has no RMF")], "grouping"
        )
    if not good.any():
        return np.ones(good.size, dtype=np.int64)
    fwhm = spectrum.rmf.fwhm_channels
    elements = max(float(np.sum(1.0 / fwhm[good])), 1.0)
    outside = spectrum.background.counts if spectrum.background is not None else np.zeros_like(spectrum.counts)
    net = np.where(good, spectrum.counts - spectrum.background_ratio * outside, 0.0)
    # Counts below each point of the channel axis, linear in between: the element need not begin at an edge.
    total, edge, middle = np.append(0.0, np.cumsum(net)), np.arange(net.size + 1), np.arange(net.size) + 0.5
    within = np.interp(middle + fwhm / 2, edge, total) - np.interp(middle - fwhm / 2, edge, total)
    x = np.log(np.maximum(within, 1.0) * (1.0 + 0.2 * np.log(elements)))
    large = np.maximum(x, _ALL_OF_IT)
    share = np.where(x <= _ALL_OF_IT, 1.0, (0.08 + 7.0 / large + 1.8 / large**2) / (1.0 + 5.9 / large))
    return np.maximum(np.floor(share * fwhm), 1.0).astype(np.int64)
