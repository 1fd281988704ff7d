"""The spectrum that users get: a `specutils.Spectrum` that keeps its exact bin edges."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import StdDevUncertainty
from numpy.typing import NDArray
from specutils import Spectrum

from .._paths import as_path
from ..exceptions import RequestError
from ._binned import BinnedSpectrum
from .countspectrum import CountSpectrum
from .grouping import BAD, GOOD, LEFT_OVER, GroupingRule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["XRTSpectrum"]

_SAME_ENERGY_KEV = 1e-6


class XRTSpectrum(BinnedSpectrum):
    """A one-dimensional X-ray spectrum: background-subtracted count rate per energy.

    A `specutils.Spectrum` (called ``Spectrum1D`` before specutils 2.0) with
    three things more: the edges of its bins stay exact through slicing,
    arithmetic, conversion, copying and pickling, where `specutils.Spectrum`
    derives them from the bins' centres; it carries the `CountSpectrum` it was
    made from; and it can be pickled.

    Made by `CountSpectrum.to_spectrum` or `XRTSpectrum.read`.

    Parameters
    ----------
    flux : `~astropy.units.Quantity`, shape (n_bin,)
        Count rate density.
    spectral_axis : `~astropy.units.Quantity`, shape (n_bin + 1,) or SpectralAxis
        Edges of the bins.
    counts : CountSpectrum, optional
        What the spectrum was made from.
    **kwargs
        As for `specutils.Spectrum`: ``uncertainty``, ``mask``, ``meta``, ...

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt.products.countspectrum import CountSpectrum
    >>> counts = CountSpectrum(counts=[0] * 100 + [4] * 100, exposure=1000 * u.s, mode="PC")
    >>> spectrum = counts.to_spectrum()
    >>> spectrum[1.2 * u.keV : 1.6 * u.keV]
    <XRTSpectrum interval0pc: 40 bins, 1.2-1.6 keV, mean 0.4 ct / (keV s)>
    >>> spectrum.group(min_counts=20).energy_edges[:3]
    <Quantity [0.3 , 1.05, 1.1 ] keV>
    """

    @classmethod
    def from_bins(
        cls,
        flux: u.Quantity,
        flux_err: u.Quantity,
        edges: u.Quantity,
        mask: NDArray[np.bool_],
        counts: CountSpectrum,
    ) -> XRTSpectrum:
        """Make a spectrum from binned counts.

        Parameters
        ----------
        flux, flux_err : `~astropy.units.Quantity`, shape (n_bin,)
            Values and their standard deviations.
        edges : `~astropy.units.Quantity`, shape (n_bin + 1,), energy
            Edges of the bins.
        mask : ndarray of bool, shape (n_bin,)
            True where a bin must not be used.
        counts : CountSpectrum
            What the values were made from.
        """
        mode = counts.mode_name or None
        meta = {"label": counts.label, "mode": mode, "header": fits.Header(dict(counts.header))}
        uncertainty = StdDevUncertainty(flux_err.value, unit=flux_err.unit)
        return cls(flux, edges, counts=counts, bin_specification="edges", uncertainty=uncertainty, mask=mask, meta=meta)

    def group(
        self,
        *,
        min_counts: int | None = None,
        signal_to_noise: float | None = None,
        optimal: bool = False,
        min_background_counts: int | None = None,
    ) -> XRTSpectrum:
        """Join bins until each is complete.

        Starts from the channels within this spectrum, whatever its bins are.

        Parameters
        ----------
        min_counts, signal_to_noise, optimal, min_background_counts
            See `CountSpectrum.group`.

        Returns
        -------
        spectrum : XRTSpectrum
            In the same units, from the first to the last complete bin.

        Raises
        ------
        RequestError
            If this spectrum is the result of arithmetic, or the rule cannot
            be used.
        NoDataError
            If there are not enough counts for one bin.
        """
        counts = self._counts_for("grouped")
        channel = counts.channel[self._channels_inside(counts)]
        first, last = (int(channel[0]), int(channel[-1])) if channel.size else (0, -1)
        rule = GroupingRule(min_counts, signal_to_noise, optimal, min_background_counts)
        grouped = counts.group_channels(rule, first, last).to_spectrum(unit=self.unit)
        axis_unit = self._spectral_axis.unit
        return grouped if axis_unit == u.keV else grouped.with_spectral_axis_unit(axis_unit)

    def _channels_inside(self, counts: CountSpectrum) -> NDArray[np.bool_]:
        low, high = np.sort(self.energy_edges.value[[0, -1]])
        edges = counts.energy_edges.value
        inside: NDArray[np.bool_] = (edges[:-1] > low - _SAME_ENERGY_KEV) & (edges[1:] < high + _SAME_ENERGY_KEV)
        return inside

    def selected_counts(self, purpose: str = "used") -> CountSpectrum:
        """The counts of this spectrum, with the channels outside of it flagged as bad (quality 5).

        Of a slice, such as ``spectrum[0.5 * u.keV : 2 * u.keV]``, the `counts`
        are those of all channels; these say which of them it is.

        Parameters
        ----------
        purpose : str, optional
            What they are for, for the message of the error.

        Raises
        ------
        RequestError
            If this spectrum is the result of arithmetic and has no counts.
        """
        counts = self._counts_for(purpose)
        outside = ~self._channels_inside(counts)
        if not np.any(counts.quality[outside] == GOOD):
            return counts
        newly_bad = outside & np.isin(counts.quality, (GOOD, LEFT_OVER))
        return counts.replace(quality=np.where(newly_bad, BAD, counts.quality))

    def _counts_for(self, purpose: str) -> CountSpectrum:
        if self._counts is None:
            raise RequestError(f"the result of arithmetic on a spectrum has no counts and cannot be {purpose}")
        return self._counts

    @classmethod
    def read(cls, path: str | os.PathLike[str], **companions: str | os.PathLike[str]) -> XRTSpectrum:
        """Read an OGIP PHA file with its companions; see `CountSpectrum.read`.

        Raises
        ------
        FormatError
            If a file is not what it should be, or damaged.
        """
        from ..io.specutils import read_spectrum

        return read_spectrum(path, **companions)

    def write(self, path: str | os.PathLike[str], *, format: str = "ogip.pha", overwrite: bool = False) -> Path:  # noqa: A002
        """Write the counts as OGIP PHA file with companions; see `CountSpectrum.write`.

        The file always holds all channels. Those outside of a slice, such as
        ``spectrum[0.5 * u.keV : 2 * u.keV]``, get QUALITY 5 (bad), so that
        reading the file gives the slice again and XSPEC leaves them out with
        ``ignore bad``.

        Parameters
        ----------
        path : path-like
            Name of the PHA file; for its endings see `CountSpectrum.write`.
        format : str, optional
            ``"ogip.pha"`` or one of specutils' formats, none of which keeps
            the counts or the edges.
        overwrite : bool, optional
            Whether existing files may be replaced.

        Returns
        -------
        path : Path
            The file.

        Raises
        ------
        RequestError
            If this spectrum is the result of arithmetic: what it holds is no
            longer counts. If the name of the PHA file has another ending.
        """
        if format != "ogip.pha":
            Spectrum(self.flux, self.spectral_axis, uncertainty=self.uncertainty, mask=self.mask, meta=self.meta).write(
                path, format=format, overwrite=overwrite
            )
            return as_path(path, "path")
        counts = self.selected_counts("written as PHA file; write it with format='tabular-fits'")
        return counts.write(path, overwrite=overwrite)

    def write_xspec(self, folder: str | os.PathLike[str], **options: Any) -> Path:
        """Write a folder with which XSPEC can fit the spectrum; see `CountSpectrum.write_xspec`.

        Channels outside of a slice get QUALITY 5 (bad), as in `write`.

        Parameters
        ----------
        folder : path-like
            A new folder, or one to put the files into.
        **options
            As for `CountSpectrum.write_xspec`.

        Returns
        -------
        path : Path
            The script ``fit.xcm``.

        Raises
        ------
        RequestError
            If this spectrum is the result of arithmetic, or an option cannot
            be used.
        """
        return self.selected_counts("written for XSPEC").write_xspec(folder, **options)

    def plot(self, *, ax: Axes | None = None, min_counts: int | None = None, **artist_kwargs: Any) -> Axes:
        """Draw the spectrum with error bars; see `swiftxrt.plot.spectrum.plot_spectrum`."""
        from ..plot.spectrum import plot_spectrum

        return plot_spectrum(self, ax=ax, min_counts=min_counts, **artist_kwargs)

    def peek(self) -> None:
        """Draw the spectrum and show it."""
        from ..plot.spectrum import peek_spectrum

        peek_spectrum(self)

    def __eq__(self, other: object) -> bool:
        """Whether edges, values, errors, mask and `counts` are the same, in the same units."""
        if not isinstance(other, XRTSpectrum):
            return NotImplemented
        return (
            _same(self._edges, other._edges)
            and _same(self.flux, other.flux)
            and _same_errors(self.uncertainty, other.uncertainty)
            and np.array_equal(self.mask, other.mask)
            and self._counts == other._counts
        )

    __hash__ = None  # type: ignore[assignment]  # Compared by content, which is arrays and can be shifted in place.

    def __repr__(self) -> str:
        name = f" {self._counts.name}" if self._counts is not None else ""
        edges = self._edges.value
        good = self.flux if self.mask is None else self.flux[~self.mask]
        mean = f"mean {np.nanmean(good.value):.4g}" if good.size else "all masked,"
        return (
            f"<XRTSpectrum{name}: {self._spectral_axis.size} bins, {edges[0]:.6g}-{edges[-1]:.6g} {self._edges.unit}, "
            f"{mean} {self.unit}>"
        )


def _same(one: u.Quantity, two: u.Quantity) -> bool:
    return bool(one.unit == two.unit) and np.array_equal(one.value, two.value, equal_nan=True)


def _same_errors(one: Any, two: Any) -> bool:
    if one is None or two is None:
        return one is two
    return type(one) is type(two) and _same(one.quantity, two.quantity)
