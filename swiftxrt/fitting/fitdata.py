"""The part of a spectrum that is fitted: bins in use, counts, background, errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import NoDataError, RequestError
from ..products.countspectrum import CountSpectrum
from ..products.grouping import GOOD
from .folding import Folding
from .statistics import STATISTICS, ChiSquare, Poisson

__all__ = ["XRT_BAND_KEV", "FitData", "count_spectrum"]

Floats = NDArray[np.float64]

#: What is fitted of XRT spectra unless asked otherwise.
XRT_BAND_KEV = (0.3, 10.0)
_SAME_ENERGY_KEV = 1e-6


def count_spectrum(given: Any) -> CountSpectrum:
    """The counts of a `CountSpectrum` or `XRTSpectrum`.

    Raises
    ------
    RequestError
        If it is neither, or has no counts.
    """
    if isinstance(given, CountSpectrum):
        return given
    from ..products.spectrum import XRTSpectrum

    if not isinstance(given, XRTSpectrum):
        raise RequestError(
            [("spectra", f"a CountSpectrum or XRTSpectrum is needed; got {type(given).__name__}")], "fit"
        )
    return given.selected_counts("fitted")


@dataclass(frozen=True, eq=False)
class FitData:
    """Bins of one spectrum.

    Parameters
    ----------
    spectrum : CountSpectrum
        Where they are from.
    first, stop : ndarray of int, shape (n_bin,)
        Places of the first channel of each bin, and of the one after its last.
    statistic_name : str
        One of ``STATISTICS``.
    """

    spectrum: CountSpectrum
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    statistic_name: str

    @classmethod
    def of(cls, spectrum: CountSpectrum, band_kev: tuple[float, float] | None, statistic: str | None) -> FitData:
        """Choose the good bins of a spectrum that lie in a band.

        Parameters
        ----------
        spectrum : CountSpectrum
            The spectrum.
        band_kev : tuple of float or None
            Limits; by default those of the XRT, and none for other instruments.
        statistic : str or None
            Statistic; by default W with background, that of Cash without, and
            chi squared for what are no counts.

        Raises
        ------
        NoDataError
            If nothing is left to fit.
        RequestError
            If the spectrum cannot be fitted this way.
        """
        first, stop = _bins(spectrum, band_kev)
        data = cls(spectrum, first, stop, _statistic_name(spectrum, statistic))
        _check(data)
        return data

    @cached_property
    def folding(self) -> Folding:
        """The response for the bins."""
        return Folding(self.spectrum, self.first, self.stop)

    def summed(self, channels: Any) -> Floats:
        """Sums over the channels of each bin, shape (n_bin,)."""
        total = np.append(0.0, np.cumsum(np.asarray(channels, dtype=float)))
        sums: Floats = total[self.stop] - total[self.first]
        return sums

    @cached_property
    def counts(self) -> Floats:
        """Counts in each bin, shape (n_bin,)."""
        return self.summed(self.spectrum.counts)

    @cached_property
    def background(self) -> Floats | None:
        """Counts of the background region in each bin, shape (n_bin,)."""
        return None if self.spectrum.background is None else self.summed(self.spectrum.background.counts)

    @cached_property
    def ratio(self) -> Floats:
        """Factor from background counts to those in the source region, shape (n_bin,)."""
        ratio = np.broadcast_to(np.asarray(self.spectrum.background_ratio, dtype=float), self.spectrum.counts.shape)
        return self.summed(ratio) / (self.stop - self.first)

    @cached_property
    def net(self) -> Floats:
        """Counts without background, shape (n_bin,)."""
        return self.counts if self.background is None else self.counts - self.ratio * self.background

    @cached_property
    def variance(self) -> Floats:
        """Variance of `net`, systematic errors included, shape (n_bin,)."""
        variance = self._own_variance(self.spectrum)
        outside = self.spectrum.background
        return variance if outside is None else variance + self.ratio**2 * self._own_variance(outside)

    def _own_variance(self, spectrum: CountSpectrum) -> Floats:
        errors = getattr(spectrum, "counts_err", None)
        random = spectrum.counts if errors is None else np.asarray(errors) ** 2
        return self.summed(random) + self.summed((spectrum.systematic * spectrum.counts) ** 2)

    def redrawn(self, **arrays: Floats | None) -> FitData:
        """The same bins and response with other counts: some of `counts`, `background`, `net`."""
        other = FitData(self.spectrum, self.first, self.stop, self.statistic_name)
        kept = {name: getattr(self, name) for name in ("folding", "ratio", "variance")}
        other.__dict__.update({**kept, **arrays})  # In the place of what would be computed from the spectrum.
        return other

    @cached_property
    def edges_kev(self) -> tuple[Floats, Floats]:
        """Lower and upper edge of each bin."""
        edges = self.spectrum.energy_edges.value
        return edges[self.first], edges[self.stop]

    @cached_property
    def statistic(self) -> Poisson | ChiSquare:
        """The statistic for all bins."""
        if self.statistic_name == "chi2":
            return ChiSquare(self.net, self.variance)
        return Poisson(self.counts, self.background, self.ratio)

    @property
    def name(self) -> str:
        """Name of the spectrum."""
        return self.spectrum.name


def _bins(spectrum: CountSpectrum, band_kev: tuple[float, float] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """First channels of the good bins that lie in a band as a whole, and the channels after their last."""
    if band_kev is None and spectrum.mode is not None:
        band_kev = XRT_BAND_KEV
    start = np.flatnonzero(spectrum.grouping != -1)
    start = start if start.size and start[0] == 0 else np.append(0, start)
    stop = np.append(start[1:], spectrum.counts.size)
    used = np.maximum.reduceat(spectrum.quality, start) == GOOD
    if not used.any():
        raise NoDataError(f"{spectrum.name} has no good channel; group it with fewer counts per group")
    if band_kev is not None:
        edges = spectrum.energy_edges.value
        used &= (edges[start] >= band_kev[0] - _SAME_ENERGY_KEV) & (edges[stop] <= band_kev[1] + _SAME_ENERGY_KEV)
    if not used.any():
        raise NoDataError(f"{spectrum.name} has no good bin between {band_kev[0]:g} and {band_kev[1]:g} keV")  # type: ignore[index]
    return start[used], stop[used]


def _statistic_name(spectrum: CountSpectrum, asked: str | None) -> str:
    is_counted = getattr(spectrum, "has_poisson_counts", True)
    if asked is None:
        return ("cstat" if spectrum.background is None else "wstat") if is_counted else "chi2"
    name = str(asked).lower()
    problem = ""
    if name not in STATISTICS:
        problem = f"one of {', '.join(STATISTICS)} is needed; got {asked!r}"
    elif name != "chi2" and not is_counted:
        problem = f"{spectrum.name} holds rates with errors, no counts: only 'chi2' is possible"
    elif name == "wstat" and spectrum.background is None:
        problem = f"{spectrum.name} has no background; use 'cstat', or read it with background=..."
    elif name == "cstat" and spectrum.background is not None:
        problem = (
            f"{spectrum.name} has a background, for which 'wstat' is made (XSPEC calls that cstat too); "
            "to leave the background out, fit spectrum.replace(background=None)"
        )
    if problem:
        raise RequestError([("statistic", problem)], "fit")
    return name


def _check(data: FitData) -> None:
    spectrum, outside = data.spectrum, data.spectrum.background
    for owner, one in (("", spectrum), ("background of ", outside)):
        if one is None:
            continue
        if not one.exposure.value > 0:
            raise NoDataError(
                f"{owner}{spectrum.name} has no exposure ({one.exposure}); set it with .replace(exposure=...)"
            )
        for name in ("backscale", "areascale"):
            value = np.asarray(getattr(one, name), dtype=float)
            is_bad = ~(value > 0)
            if data.summed(is_bad).any() if value.ndim else is_bad:
                text = f"{owner}{spectrum.name} has {value.min():g}, so that the background cannot be scaled"
                raise RequestError([(name, text)], "fit")
    if not data.counts.any():
        low, high = data.edges_kev
        raise NoDataError(f"{spectrum.name} has no counts between {low[0]:g} and {high[-1]:g} keV; nothing to fit")
    if data.statistic_name == "chi2" and not np.all(data.variance > 0):
        number = int(np.sum(data.variance <= 0))
        raise RequestError(
            [
                (
                    "statistic",
                    f"'chi2' needs counts in each bin, and {number} of {data.name} have none; "
                    "use .group(min_counts=20), or 'wstat'",
                )
            ],
            "fit",
        )
