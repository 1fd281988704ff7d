"""Joining channels of a spectrum into groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

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
    "grouped_counts",
    "optimal_widths",
]

Flags = NDArray[np.bool_]

#: Flags of the column QUALITY (OGIP 92-007): good, left over by grouping, bad.
GOOD, LEFT_OVER, BAD = 0, 2, 5
#: The service declares channels 0 to 29 of the XRT (below 0.3 keV) bad.
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
        Counts in the source and in the background region (0 without background); real numbers where they
        have errors of their own.
    background_ratio : float or ndarray, shape (n_group,)
        What to multiply background counts with to get those in the source region.
    quality : ndarray of int, shape (n_group,)
        Largest quality flag in each group; 0 is good.
    counts_err, background_err : ndarray, shape (n_group,), optional
        Standard deviations, where they do not follow from the counts.
    areascale : float or ndarray, shape (n_group,), optional
        Area scaling factor.
    """

    energy_edges: u.Quantity
    counts: NDArray[Any]
    background_counts: NDArray[Any]
    background_ratio: float | NDArray[np.float64]
    quality: NDArray[np.int64]
    counts_err: NDArray[np.float64] | None = None
    background_err: NDArray[np.float64] | None = None
    areascale: float | NDArray[np.float64] = 1.0

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
        deviation for N = 0 is 1. Errors that the spectrum brings take the place
        of those that follow from the counts.
        """
        source = np.maximum(self.counts, 1) if self.counts_err is None else self.counts_err**2
        outside = self.background_counts if self.background_err is None else self.background_err**2
        errors: NDArray[np.float64] = np.sqrt(source + self.background_ratio**2 * outside)
        return errors


def grouped_counts(spectrum: CountSpectrum) -> GroupedCounts:
    """Sums over the groups of a spectrum; see `swiftxrt.CountSpectrum.grouped`."""
    start = np.flatnonzero(spectrum.grouping != -1)
    start = start if start.size and start[0] == 0 else np.append(0, start)
    edges = spectrum.energy_edges.value[np.append(start, spectrum.counts.size)]
    background = spectrum.background
    outside = np.zeros_like(spectrum.counts) if background is None else background.counts
    source_err = None if spectrum.counts_err is None else np.sqrt(np.add.reduceat(spectrum.variance, start))
    ratio, outside_err = _group_ratio(spectrum, outside, start)
    area = spectrum.areascale
    if isinstance(area, np.ndarray):
        area = np.add.reduceat(area, start) / np.diff(np.append(start, area.size))
    return GroupedCounts(
        energy_edges=u.Quantity(edges, u.keV),
        counts=np.add.reduceat(spectrum.counts, start),
        background_counts=np.add.reduceat(outside, start),
        background_ratio=ratio,
        quality=np.maximum.reduceat(spectrum.quality, start),
        counts_err=source_err,
        background_err=outside_err,
        areascale=area,
    )


def _group_ratio(
    spectrum: CountSpectrum, outside: NDArray[Any], start: NDArray[np.int64]
) -> tuple[float | NDArray[np.float64], NDArray[np.float64] | None]:
    """Background ratio and error of the background counts of groups; a ratio that varies is that of the sums."""
    ratio, background = spectrum.background_ratio, spectrum.background
    if background is None:
        return 0.0, None
    if not isinstance(ratio, np.ndarray):
        own = None if background.counts_err is None else np.sqrt(np.add.reduceat(background.variance, start))
        return ratio, own
    total = np.add.reduceat(outside, start)
    mean = np.add.reduceat(ratio, start) / np.diff(np.append(start, ratio.size))
    expected = np.add.reduceat(ratio * outside, start)
    joined = np.divide(expected, total, out=mean, where=total != 0)
    error = np.sqrt(np.add.reduceat(ratio**2 * background.variance, start))
    return joined, np.divide(error, np.abs(joined), out=np.zeros_like(error), where=joined != 0)


@dataclass(frozen=True)
class GroupingRule:
    """When a group of channels is complete.

    At least one of the four is needed. ``optimal``, ``min_counts`` and
    ``min_background_counts`` can be asked for together: the channels are then
    joined as far as the optimal width, and on until there are enough counts of
    either kind.

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
    min_background_counts : int, optional
        Counts of the background region, not scaled, that a group must have.

    Raises
    ------
    RequestError
        If nothing is asked for, `signal_to_noise` is combined with another
        rule, or a value is not positive.
    """

    min_counts: int | None = None
    signal_to_noise: float | None = None
    optimal: bool = False
    min_background_counts: int | None = None

    def __post_init__(self) -> None:
        ratio, numbers = self.signal_to_noise, self._numbers
        problems = [
            (name, f"a positive whole number is needed; got {number!r}")
            for name, number in numbers.items()
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or not number >= 1
        ]
        if ratio is not None and (isinstance(ratio, bool) or not isinstance(ratio, Real) or not 0 < ratio < np.inf):
            problems.append(("signal_to_noise", f"a positive number is needed; got {ratio!r}"))
        if not numbers and ratio is None and not self.optimal:
            told = "give min_counts, min_background_counts, signal_to_noise or optimal=True"
            problems.append(("min_counts", told))
        if ratio is not None and (numbers or self.optimal):
            problems.append(("signal_to_noise", "cannot be combined with min_counts, min_background_counts or optimal"))
        if problems:
            raise RequestError(problems, "grouping")

    @property
    def _numbers(self) -> dict[str, int]:
        """The numbers of counts that are asked for."""
        asked = {"min_counts": self.min_counts, "min_background_counts": self.min_background_counts}
        return {name: number for name, number in asked.items() if number is not None}

    def flags(self, spectrum: CountSpectrum, good: Flags) -> tuple[NDArray[np.int64], Flags]:
        """Grouping flags and the channels left over; see `group_flags`.

        Raises
        ------
        RequestError
            If the optimal width is asked for and the spectrum has no RMF, a
            number of counts of a spectrum that has rates, or of a background
            that there is not.
        """
        if self.signal_to_noise is not None:
            net, variance = _sums(spectrum)
            wanted = float(self.signal_to_noise)

            def significant(start: int, stop: int) -> bool:
                signal, noise = net[stop] - net[start], variance[stop] - variance[start]
                return bool(signal > 0 and signal >= wanted * np.sqrt(noise))

            return group_flags(good, significant)
        needed = [(np.append(0, np.cumsum(counts)), least) for counts, least in self._needed(spectrum)]
        width = optimal_widths(spectrum, good) if self.optimal else np.ones(good.size, dtype=np.int64)
        at_end = np.zeros(good.size, dtype=bool) if needed else _ends(good)

        def complete(start: int, stop: int) -> bool:
            wide = stop - start >= width[start] or at_end[stop - 1]
            return bool(wide and all(below[stop] - below[start] >= least for below, least in needed))

        return group_flags(good, complete)

    def _needed(self, spectrum: CountSpectrum) -> list[tuple[NDArray[Any], int]]:
        """Counts per channel, and how many of them a group needs."""
        needed: list[tuple[NDArray[Any], int]] = []
        for name, least in self._numbers.items():
            owner = spectrum if name == "min_counts" else spectrum.background
            whose = spectrum.name if name == "min_counts" else f"the background of {spectrum.name}"
            if owner is None:
                told = f"{spectrum.name} has no background; read it with background=..., or group it by min_counts"
                raise RequestError([(name, told)], "grouping")
            if not owner.has_poisson_counts:
                told = f"{whose} holds rates with errors of their own, not counts; group it by signal_to_noise"
                raise RequestError([(name, told)], "grouping")
            needed.append((owner.counts, least))
        return needed


def _sums(spectrum: CountSpectrum) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Net counts, and their variance, below each edge of the channels."""
    source, noise = np.append(0, np.cumsum(spectrum.counts)), np.append(0, np.cumsum(spectrum.variance))
    background = spectrum.background
    if background is None:
        return source, noise
    ratio = spectrum.background_ratio
    if isinstance(ratio, np.ndarray):
        outside, outside_noise = np.cumsum(ratio * background.counts), np.cumsum(ratio**2 * background.variance)
    else:
        outside, outside_noise = ratio * np.cumsum(background.counts), ratio**2 * np.cumsum(background.variance)
    return source - np.append(0, outside), noise + np.append(0, outside_noise)


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


def _within(values: NDArray[np.float64], width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over a width about the middle of each channel."""
    # The sum below each point of the channel axis, linear in between: the element need not begin at an edge.
    total, edge = np.append(0.0, np.cumsum(values)), np.arange(values.size + 1)
    middle = np.arange(values.size) + 0.5
    return np.interp(middle + width / 2, edge, total) - np.interp(middle - width / 2, edge, total)


def optimal_widths(spectrum: CountSpectrum, good: Flags) -> NDArray[np.int64]:
    """Optimal width in channels of a group that begins at each channel (Kaastra & Bleeker 2016).

    With the full width at half maximum of the response w (in channels), the
    number of resolution elements R in the good channels and the net counts N_r
    within w of each channel, ``x = ln(N_r (1 + 0.2 ln R))`` and the width is
    ``w`` for ``x <= 2.119``, else
    ``w (0.08 + 7 / x + 1.8 / x**2) / (1 + 5.9 / x)``; at least one channel,
    and rounded down. For rates with errors of their own, N_r is the square of
    their ratio of signal to noise.

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
            [("optimal", f"the optimal width follows from the resolution, and {spectrum.name} has no RMF")], "grouping"
        )
    if not good.any():
        return np.ones(good.size, dtype=np.int64)
    fwhm = spectrum.rmf.fwhm_channels
    elements = max(float(np.sum(1.0 / fwhm[good])), 1.0)
    outside = spectrum.background.counts if spectrum.background is not None else np.zeros_like(spectrum.counts)
    net = np.where(good, spectrum.counts - spectrum.background_ratio * outside, 0.0)
    within = _within(net, fwhm)
    if not spectrum.has_poisson_counts:  # As many counts as would have this ratio of signal to noise.
        noise = _within(np.where(good, np.diff(_sums(spectrum)[1]), 0.0), fwhm)
        within = np.divide(np.maximum(within, 0.0) ** 2, noise, out=np.zeros_like(noise), where=noise > 0)
    x = np.log(np.maximum(within, 1.0) * (1.0 + 0.2 * np.log(elements)))
    large = np.maximum(x, _ALL_OF_IT)
    share = np.where(x <= _ALL_OF_IT, 1.0, (0.08 + 7.0 / large + 1.8 / large**2) / (1.0 + 5.9 / large))
    return np.maximum(np.floor(share * fwhm), 1.0).astype(np.int64)
