"""Spectra of counts with something about them changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..bands import EnergyBand
from ..exceptions import RequestError
from ._arrays import quantities
from ._count_facts import CountFacts
from .grouping import BAD, GOOD, LAST_BAD_CHANNEL, LEFT_OVER, GroupingRule
from .response import ARF, RMF

if TYPE_CHECKING:
    from .countspectrum import CountSpectrum

__all__ = ["CountChanges"]

_SAME_ENERGY = 1e-6


class CountChanges(CountFacts):
    """The methods of `CountSpectrum` that make another one of it."""

    if TYPE_CHECKING:

        def replace(self, **changes: Any) -> CountSpectrum:
            """As in `CountSpectrum`."""

    def group(
        self,
        *,
        min_counts: int | None = None,
        signal_to_noise: float | None = None,
        optimal: bool = False,
        min_background_counts: int | None = None,
        band: EnergyBand | str | None = None,
    ) -> CountSpectrum:
        """Set grouping flags.

        Of the XRT, channels 0 to 29 (below 0.3 keV) become bad (quality 5); of
        other instruments none does. All other channels are joined until a group is complete; channels
        at the end that make no group get quality 2. With ``min_counts=1``
        these are the flags of the service's ``.pi`` files, and of ``grppha``
        with ``bad 0-29`` and ``group min``. Flags set by earlier grouping are
        replaced; bad channels stay bad, and no group contains one.

        Parameters
        ----------
        min_counts : int, optional
            Counts, background included, that a group must have; not for
            rates with errors of their own.
        signal_to_noise : float, optional
            Net counts over their error that a group must have; not together
            with another rule.
        optimal : bool, optional
            Whether to join channels to the width of Kaastra & Bleeker (2016),
            which follows from the RMF and the counts; with `min_counts` at
            least so wide.
        min_background_counts : int, optional
            Counts of the background region, not scaled, that a group must
            have. With 1 the W statistic has no bias from bins without
            background counts; with `min_counts` a group has both.
        band : EnergyBand or str, optional
            Channels that are not wholly inside become bad.

        Returns
        -------
        spectrum : CountSpectrum
            The same counts with other flags.

        Raises
        ------
        RequestError
            If no rule is given or a value cannot be used, `optimal` is asked
            for without an RMF, `min_background_counts` without a background,
            or `band` where the energies of the channels are not known.
        """
        rule = GroupingRule(min_counts, signal_to_noise, optimal, min_background_counts)
        if band is None:
            return self.group_channels(rule, int(self.channel[0]), int(self.channel[-1]))
        return self.group_channels(rule, *self._channels_of(EnergyBand.parse(band)))

    def _channels_of(self, band: EnergyBand) -> tuple[int, int]:
        if self.mode is not None:
            return band.channels
        if not self.has_energies:
            raise RequestError([("band", f"the energies of the channels of {self.name} are not known; give its RMF")])
        edges = self.energy_edges.value
        low, high = band.low_kev * (1 - _SAME_ENERGY), band.high_kev * (1 + _SAME_ENERGY)
        inside = self.channel[(edges[:-1] >= low) & (edges[1:] <= high)]
        if inside.size == 0:
            told = f"no channel is wholly within {band}; they cover {edges[0]:.4g} to {edges[-1]:.4g} keV"
            raise RequestError([("band", told)], "grouping")
        return int(inside[0]), int(inside[-1])

    def group_channels(self, rule: GroupingRule, first: int, last: int) -> CountSpectrum:
        """`group` within the channels from `first` to `last`, both included."""
        bad = (self.quality != GOOD) & (self.quality != LEFT_OVER)
        quality = np.where(bad, self.quality, GOOD)
        quality[(self.channel < first) | (self.channel > last)] = BAD
        if self.mode is not None:
            quality[self.channel <= LAST_BAD_CHANNEL] = BAD
        grouping, left_over = rule.flags(self, quality == GOOD)  # type: ignore[arg-type]  # It is one.
        quality[left_over] = LEFT_OVER
        return self.replace(quality=quality, grouping=grouping)

    def with_systematic(self, fraction: float | NDArray[np.float64]) -> CountSpectrum:
        """The same with a systematic error, as a fraction of the counts (OGIP ``SYS_ERR``).

        Parameters
        ----------
        fraction : float or array_like, shape (n_channel,)
            For all channels, or for each; 0.01 is one per cent.

        Raises
        ------
        RequestError
            If it is no fraction.

        Examples
        --------
        >>> import astropy.units as u
        >>> from swiftxrt.products.countspectrum import CountSpectrum
        >>> spectrum = CountSpectrum(counts=[3, 4], exposure=1000 * u.s, mode="PC")
        >>> spectrum.with_systematic(0.03).systematic
        array([0.03, 0.03])
        """
        if np.ndim(fraction):
            return self.replace(systematic=fraction)
        try:
            values = np.full(self.counts.size, float(fraction))
        except (TypeError, ValueError):
            raise RequestError([("fraction", f"a number such as 0.01 is needed; got {fraction!r}")]) from None
        if np.any(values > 1):
            raise RequestError([("fraction", f"at most 1 is needed, and 0.01 is one per cent; got {fraction!r}")])
        return self.replace(systematic=values)

    def with_response(
        self, *, arf: ARF | str | os.PathLike[str] | None = None, rmf: RMF | str | os.PathLike[str] | None = None
    ) -> CountSpectrum:
        """The same with another effective area, redistribution matrix, or both.

        The energies of the channels follow from the matrix.

        Parameters
        ----------
        arf : ARF or path-like, optional
            Effective area, or its file; by default the one there is.
        rmf : RMF or path-like, optional
            Matrix, or its file; by default the one there is.

        Raises
        ------
        RequestError
            If the matrix has other channels than the spectrum.
        FormatError
            If a file is not what it should be, or damaged.
        """
        changes: dict[str, Any] = {}
        if arf is not None:
            changes["arf"] = arf if isinstance(arf, ARF) else ARF.read(arf)
        if rmf is not None:
            matrix = rmf if isinstance(rmf, RMF) else RMF.read(rmf)
            changes.update(rmf=matrix.numbered_like(self.channel), energy_edges=None)
        return self.replace(**changes)

    def with_exposure(self, exposure: u.Quantity) -> CountSpectrum:
        """The same with another exposure.

        Counted photons stay what they are. Where rates were measured
        (`has_poisson_counts` is false), the rates and their errors stay.

        Parameters
        ----------
        exposure : `~astropy.units.Quantity`, time
            Live time.
        """
        time = quantities(exposure, u.s, "exposure")
        if self.counts_err is None:
            return self.replace(exposure=time)
        factor = float(time / self.exposure)
        return self.replace(exposure=time, counts=self.counts * factor, counts_err=self.counts_err * factor)
