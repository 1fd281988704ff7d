"""What follows from a spectrum of counts: its name, mean time and rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


class CountFacts:
    """The part of `CountSpectrum` that follows from its values."""

    counts: NDArray[np.int64]
    channel: NDArray[np.int64]
    grouping: NDArray[np.int64]
    exposure: u.Quantity
    backscale: float
    areascale: float
    background: CountSpectrum | None
    gti: GTI | None
    mode: Mode
    label: str
    mean_event_met: float | None

    @property
    def stem(self) -> str:
        """Name of slice and mode, as in the service's file names: ``"interval0pc"``."""
        return f"{self.label}{self.mode.value.lower()}"

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
    def background_ratio(self) -> float:
        """Factor from counts of the background region to those expected in the source region; 0 without background.

        Ratio of exposure, BACKSCAL and AREASCAL (OGIP 92-007).
        """
        if self.background is None:
            return 0.0
        exposures = self.exposure / self.background.exposure
        return (
            float(exposures) * self.backscale / self.background.backscale * self.areascale / self.background.areascale
        )

    @property
    def net_rate(self) -> u.Quantity:
        """Background-subtracted count rate between 0.3 and 10 keV (channels 30 to 1000)."""
        first, last = TOTAL.channels
        inside = (self.channel >= first) & (self.channel <= last)
        net = float(self.counts[inside].sum())
        if self.background is not None:
            net -= self.background_ratio * float(self.background.counts[inside].sum())
        return net / self.areascale * u.ct / self.exposure

    @property
    def is_grouped(self) -> bool:
        """Whether grouping flags are set."""
        return bool(np.any(self.grouping))

    def per_count(self, unit: u.UnitBase, widths: u.Quantity) -> u.Quantity:
        """What one count is worth in a unit, for bins of given widths.

        Parameters
        ----------
        unit : unit
            Counts, counts per time, per energy, or both.
        widths : `~astropy.units.Quantity`, shape (n_bin,), energy
            Widths of the bins.

        Returns
        -------
        factor : `~astropy.units.Quantity`, shape (n_bin,)

        Raises
        ------
        RequestError
            If `unit` is of another kind.
        """
        time = self.exposure * self.areascale
        one = np.ones(widths.size) * u.ct
        for value in (one / time / widths, one / time, one / widths, one):
            if value.unit.is_equivalent(unit):
                return value.to(unit)
        raise RequestError(
            [("unit", f"ct, ct/s, ct/keV or ct/(s keV), or their multiples, are possible; got '{unit}'")]
        )
