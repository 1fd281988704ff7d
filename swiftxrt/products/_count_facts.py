"""What follows from a spectrum of counts: its name, mean time and rate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..bands import TOTAL
from ..exceptions import RequestError
from ..mission import Mode
from .gti import GTI

if TYPE_CHECKING:
    from .countspectrum import CountSpectrum

__all__ = ["CountFacts"]

Floats = NDArray[np.float64]

#: Names of slices to which a mode can be added without making them hard to read.
_NUMBERED = re.compile(r"[A-Za-z]+\d+")
#: Those that the service gives.
_OF_SERVICE = re.compile(r"interval\d+")


class CountFacts:
    """The part of `CountSpectrum` that follows from its values."""

    counts: NDArray[Any]
    counts_err: Floats | None
    channel: NDArray[np.int64]
    quality: NDArray[np.int64]
    grouping: NDArray[np.int64]
    exposure: u.Quantity
    energy_edges: u.Quantity
    backscale: float | Floats
    areascale: float | Floats
    background: CountSpectrum | None
    gti: GTI | None
    mode: Mode | None
    telescope: str
    instrument: str
    label: str
    file_name: str
    mean_event_met: float | None

    @property
    def stem(self) -> str:
        """Name of slice and mode, as in the service's file names: ``"interval0pc"``; the label alone without mode."""
        return f"{self.label}{self.mode_name.lower()}"

    @property
    def name(self) -> str:
        """Name of slice and mode for people, in tables, legends and files for XSPEC.

        That of the service for slices with a number, ``"interval0pc"``; the
        mode apart for others: ``"early PC"``, ``"2020-03-01 WT"``. Without
        mode it is the label. Of a spectrum that was read from a file with a
        name of its own, such as ``crab_2012.pha``, that name takes the place
        of a label of the service (``"interval0"``): ``"crab_2012 WT"``.
        """
        if self.file_name and _OF_SERVICE.fullmatch(self.label):
            return f"{self.file_name} {self.mode_name}".rstrip()
        if _NUMBERED.fullmatch(self.label):
            return self.stem
        return f"{self.label} {self.mode_name}".rstrip()

    @property
    def mode_name(self) -> str:
        """``"PC"`` or ``"WT"``; empty for other instruments than the XRT."""
        return "" if self.mode is None else self.mode.value

    @property
    def has_poisson_counts(self) -> bool:
        """Whether what is held are counted photons, rather than rates with errors of their own (`counts_err`)."""
        return self.counts_err is None

    @property
    def has_energies(self) -> bool:
        """Whether the energies of the channels are known; without response, they are for the XRT only."""
        return bool(np.all(np.isfinite(self.energy_edges.value)))

    @property
    def variance(self) -> Floats:
        """Variance of the counts of each channel: the counts themselves, or the squares of `counts_err`."""
        return self.counts.astype(float) if self.counts_err is None else self.counts_err**2

    @property
    def mean_met(self) -> u.Quantity:
        """Mean arrival time of the counts (MET, s).

        Where that is not known, the middle of the good time; NaN without good time.
        """
        if self.mean_event_met is not None:
            return self.mean_event_met * u.s
        if self.gti is None or not self.gti.exposure_s:
            return np.nan * u.s
        middle = (self.gti.start + self.gti.stop) / 2
        return float(np.average(middle, weights=self.gti.stop - self.gti.start)) * u.s

    @property
    def background_ratio(self) -> float | Floats:
        """Factor from counts of the background region to those expected in the source region; 0 without background.

        Ratio of exposure, BACKSCAL and AREASCAL (OGIP 92-007); an array with
        one value per channel if one of these has that.
        """
        if self.background is None:
            return 0.0
        exposures = float(self.exposure / self.background.exposure)
        ratio = _over(exposures * self.backscale, self.background.backscale)
        return _over(ratio * self.areascale, self.background.areascale)

    @property
    def net_rate(self) -> u.Quantity:
        """Background-subtracted count rate of the XRT between 0.3 and 10 keV (channels 30 to 1000).

        For other instruments, that in all good channels (quality 0).
        """
        inside = self.quality == 0
        if self.mode is not None:
            first, last = TOTAL.channels
            inside = (self.channel >= first) & (self.channel <= last)
        outside = np.zeros_like(self.counts) if self.background is None else self.background.counts
        ratio, area = self.background_ratio, self.areascale
        if np.ndim(ratio) or np.ndim(area):
            net = float(np.sum(_over(self.counts - ratio * outside, area)[inside]))
        else:
            net = float((float(self.counts[inside].sum()) - ratio * float(outside[inside].sum())) / area)
        return net * u.ct / self.exposure

    @property
    def is_grouped(self) -> bool:
        """Whether grouping flags are set."""
        return bool(np.any(self.grouping))

    def per_count(self, unit: u.UnitBase, widths: u.Quantity, areascale: float | Floats | None = None) -> u.Quantity:
        """What one count is worth in a unit, for bins of given widths.

        Parameters
        ----------
        unit : unit
            Counts, counts per time, per energy, or both.
        widths : `~astropy.units.Quantity`, shape (n_bin,), energy
            Widths of the bins.
        areascale : float or ndarray, shape (n_bin,), optional
            Area scaling factor of the bins; by default that of the spectrum.

        Returns
        -------
        factor : `~astropy.units.Quantity`, shape (n_bin,)

        Raises
        ------
        RequestError
            If `unit` is of another kind.
        """
        time = self.exposure * (self.areascale if areascale is None else areascale)
        one = np.ones(widths.size) * u.ct
        for value in (one / time / widths, one / time, one / widths, one):
            if value.unit.is_equivalent(unit):
                return value.to(unit)
        raise RequestError(
            [("unit", f"ct, ct/s, ct/keV or ct/(s keV), or their multiples, are possible; got '{unit}'")]
        )


def _over(upper: Any, lower: Any) -> Any:
    """The ratio of two factors; 0 where the lower one is, which files write for channels that are not used."""
    if not np.ndim(lower):
        return upper / lower
    return np.divide(upper, lower, out=np.zeros(np.shape(lower)), where=np.asarray(lower) > 0)
