"""What a fit found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import NoDataError, RequestError
from ..products.countspectrum import CountSpectrum
from ..products.fit import FitParameter, SpectralFit
from .fitdata import FitData
from .fluxes import flux_interval, flux_value
from .folded import FoldedSpectrum, folded_spectrum
from .goodness import pearson
from .layout import Layout
from .minimise import Minimum
from .model import Model, as_band, band_grid
from .problem import Problem
from .profile import covariance
from .rates import band_rate, rise_of
from .tables import result_dict, result_row

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from astropy.table import QTable
    from matplotlib.axes import Axes

    from .contour import Contour
    from .goodness import Goodness

__all__ = ["FitResult"]

Floats = NDArray[np.float64]

_RATE_UNIT = u.ct / u.s


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FitResult:
    """A model fitted to one spectrum or several; immutable and picklable. Made by `swiftxrt.fit`.

    Parameters
    ----------
    spectra : tuple of CountSpectrum
        What was fitted.
    model : Model
        The model with the best values (those of the first spectrum, where each has its own).
    own : tuple of str
        Parameters that each spectrum has for itself.
    free_names : tuple of str
        Free parameters, in the order of `values` and of `covariance`.
    values : ndarray
        Best values of the free parameters, in the units of `parameters`.
    parameters : mapping of str to FitParameter
        All parameters with their errors; ``"norm[0]"``, ``"norm[1]"``, ...
        where each spectrum has its own.
    statistic : float
        Fit statistic.
    statistic_name : str
        ``"wstat"``, ``"cstat"`` or ``"chi2"``; several joined by ``+``.
    n_bins : int
        Bins that were fitted.
    is_converged : bool
        Whether the minimum was found.
    messages : tuple of str
        What needs care.
    delta_statistic : float
        Rise of the statistic that defines the errors.
    confidence : float
        The probability that belongs to it.
    band : tuple of float or None
        Limits (keV) that were asked for.
    backend : str
        What did the fit.
    """

    spectra: tuple[CountSpectrum, ...]
    model: Model
    own: tuple[str, ...]
    free_names: tuple[str, ...]
    values: Floats
    parameters: Mapping[str, FitParameter]
    statistic: float
    statistic_name: str
    n_bins: int
    is_converged: bool
    messages: tuple[str, ...]
    delta_statistic: float
    confidence: float
    band: tuple[float, float] | None
    backend: str = "swiftxrt"

    @property
    def dof(self) -> int:
        """Degrees of freedom: bins minus free parameters."""
        return self.n_bins - len(self.free_names)

    @cached_property
    def problem(self) -> Problem:
        """Data and model as the minimiser sees them."""
        names = self.statistic_name.split("+")
        data = [FitData.of(one, self.band, name) for one, name in zip(self.spectra, names, strict=True)]
        return Problem(data, self._layout)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.model, len(self.spectra), self.own)

    @cached_property
    def _best(self) -> Minimum:
        return Minimum(self.values, self.problem.evaluate(self.values), self.is_converged)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The model of each spectrum with its best values."""
        return tuple(self._layout.model_of(self.values, number) for number in range(len(self.spectra)))

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the free parameters, shape (n_free, n_free), from the second derivatives of the statistic.

        NaN for a parameter at its bound.
        """
        return covariance(self.problem, self._best)

    @cached_property
    def folded(self) -> tuple[FoldedSpectrum, ...]:
        """Data and folded model of each spectrum, bin by bin."""
        return tuple(folded_spectrum(self.problem, self.values, number) for number in range(len(self.spectra)))

    @cached_property
    def test_statistic(self) -> float:
        """Pearson's chi squared: squared differences of counts and prediction, over the variance of the prediction."""
        return pearson(self.problem, self.values)

    def flux(
        self,
        band: Any = "0.3-10 keV",
        *,
        absorbed: bool = True,
        energy: bool = True,
        confidence: float | None = None,
        errors: bool = True,
        index: int = 0,
    ) -> FitParameter:
        """Flux in a band, with errors from the rise of the statistic.

        The flux takes the place of a norm among the free parameters, and all
        others are fitted again for each value of it.

        Parameters
        ----------
        band : EnergyBand, text or pair of energies, optional
            The band; it need not be the one that was fitted.
        absorbed : bool, optional
            Flux as observed; otherwise that without any absorption.
        energy : bool, optional
            Energy flux; otherwise photon flux.
        confidence : float, optional
            Probability of the errors; by default that of the fit.
        errors : bool, optional
            Whether to compute errors.
        index : int, optional
            The spectrum whose model is meant.

        Returns
        -------
        flux : FitParameter
            In erg or photons per cm2 and s.

        Raises
        ------
        RequestError
            If the band or the probability cannot be used.
        FitError
            If the statistic falls below that of the fit on the way to an
            error: the fit is at another minimum than the lowest.
        """
        number = self._number(index)
        rise = self.delta_statistic if confidence is None else rise_of(confidence)
        model = self.model if absorbed else self.model.unabsorbed()
        grid, unit = band_grid(as_band(band)), (u.erg if energy else u.ph) / (u.cm**2 * u.s)
        value = flux_value(self._layout, self.values, number, grid, model, energy=energy)
        if not errors:
            return FitParameter(value * unit)
        found = flux_interval(self.problem, self._layout, self._best, number, grid, model, rise, energy=energy)
        low, high = (max(item, 0.0) * unit for item in (value - found.low, found.high - value))
        return FitParameter(value * unit, low, high)

    def energy_conversion_factor(
        self, band: Any = "0.3-10 keV", *, absorbed: bool = True, index: int = 0
    ) -> u.Quantity:
        """Energy flux per count rate, for a spectrum of this shape.

        The rate is what the model predicts for the region of the spectrum:
        between 0.3 and 10 keV for the XRT, in the fitted bins for other
        instruments.

        Parameters
        ----------
        band : EnergyBand, text or pair of energies, optional
            Band of the flux.
        absorbed : bool, optional
            Flux as observed; otherwise that without any absorption.
        index : int, optional
            The spectrum.

        Returns
        -------
        factor : `~astropy.units.Quantity`
            In erg per cm2 and count.
        """
        number = self._number(index)
        flux = self.flux(band, absorbed=absorbed, errors=False, index=number).value
        rate = band_rate(self.problem, self.values, number)
        if not rate > 0:
            raise NoDataError(f"the model predicts no counts for {self.spectra[number].name}")
        return flux / (rate * _RATE_UNIT)

    def counts_to_flux(
        self, rate: u.Quantity, band: Any = "0.3-10 keV", *, absorbed: bool = True, index: int = 0
    ) -> u.Quantity:
        """Flux at count rates, for a spectrum of this shape; see `energy_conversion_factor`.

        Parameters
        ----------
        rate : `~astropy.units.Quantity`, ct/s
            Net count rates, with the losses of the region of the spectrum.
        band : EnergyBand, text or pair of energies, optional
            Band of the flux.
        absorbed : bool, optional
            Flux as observed; otherwise that without any absorption.
        index : int, optional
            The spectrum.

        Returns
        -------
        flux : `~astropy.units.Quantity`
            In erg per cm2 and s, of the shape of `rate`.

        Raises
        ------
        RequestError
            If `rate` is no count rate.
        """
        if not isinstance(rate, u.Quantity) or not rate.unit.is_equivalent(_RATE_UNIT):
            raise RequestError([("rate", f"a count rate is needed, such as 0.1 * u.ct / u.s; got {rate!r}")])
        factor = self.energy_conversion_factor(band, absorbed=absorbed, index=index)
        return (rate * factor).to(u.erg / (u.cm**2 * u.s))

    def plot(
        self,
        *,
        axes: Sequence[Axes] | Axes | None = None,
        residuals: str | None = "delta",
        min_significance: float | None = None,
        max_bins: int = 60,
        components: bool = True,
        legend: bool = True,
        **artist_kwargs: Any,
    ) -> NDArray[Any]:
        """Draw the spectra with the model, and residuals below; see `swiftxrt.plot_fits` for several fits.

        Parameters
        ----------
        axes : sequence of `~matplotlib.axes.Axes`, optional
            Where to draw: one for the spectra and, with residuals, one for these; a new figure by default.
        residuals : {"delta", "ratio"} or None, optional
            ``"delta"``: those of the statistic, see `FoldedSpectrum.residuals`; ``"ratio"``: data over model; None: none.
        min_significance : float, optional
            Put neighbouring bins together until their rate is so many errors, for the figure only. By default 3 to 10,
            by the number of counts; 0 never does.
        max_bins : int, optional
            Most bins put together.
        components : bool, optional
            Whether the parts of a sum are drawn too (dotted).
        legend : bool, optional
            Whether to name the spectra.
        **artist_kwargs
            Passed on to `~matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        axes : ndarray of `~matplotlib.axes.Axes`
            That of the spectra and, if there are any, that of the residuals.

        Raises
        ------
        RequestError
            If an argument is unusable.
        """
        from ..plot.fit import plot_fit

        return plot_fit(
            self, axes=axes, residuals=residuals, min_significance=min_significance, max_bins=max_bins,
            components=components, legend=legend, **artist_kwargs,
        )  # fmt: skip

    def peek(self) -> None:
        """Draw the spectra with the model and show them."""
        from ..plot.fit import peek_fit

        peek_fit(self)

    def write_xspec(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a folder with which XSPEC repeats the fit; see `CountSpectrum.write_xspec`."""
        from ..io.xspec import write_xspec

        return write_xspec(
            self.spectra,
            folder,
            model=self.models,
            own=self.own,
            statistic=self.statistic_name,
            band=self.band,
            regroup=False,
            delta_statistic=self.delta_statistic,
            overwrite=overwrite,
        )

    def goodness(
        self, n: int = 1000, *, seed: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Goodness:
        """How often data that follow the model fit better than these; see `swiftxrt.fitting.goodness`."""
        from .goodness import simulate_goodness

        return simulate_goodness(self, n, seed=seed, progress=progress)

    def contour(
        self, name: str, other: str, *, n: int = 21, x: u.Quantity | None = None, y: u.Quantity | None = None
    ) -> Contour:
        """The statistic as a function of two parameters; see `make_contour`, and `Contour.plot` for a picture."""
        from .contour import make_contour

        return make_contour(self, name, other, n=n, x=x, y=y)

    def summary(self, index: int = 0) -> SpectralFit:
        """The fit of one spectrum in the form of the product service; see `swiftxrt.fitting.service`."""
        from .service import service_fit

        return service_fit(self, self._number(index))

    def forget(self) -> None:
        """Give back the memory of what is kept for fluxes; it is made again when needed."""
        for name in set(self.__dict__) - set(self.__dataclass_fields__):
            del self.__dict__[name]

    def _number(self, index: int) -> int:
        if not isinstance(index, int) or not -len(self.spectra) <= index < len(self.spectra):
            raise RequestError(
                [("index", f"there are {len(self.spectra)} spectra, from 0; got {index!r}")], "fit result"
            )
        return index % len(self.spectra)

    @property
    def table(self) -> QTable:
        """One row with all values, for a table of several fits.

        Errors are in columns of their own: ``photon_index``,
        ``photon_index_err_neg``, ``photon_index_err_pos``, ...
        `astropy.table.vstack` joins such tables.
        """
        return result_row(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return result_dict(self)

    def __getstate__(self) -> dict[str, Any]:
        # What follows from the rest is made again when it is needed; matrices are large.
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**state, "parameters": dict(self.parameters)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "parameters": MappingProxyType(state["parameters"])})

    def __repr__(self) -> str:
        named = "; ".join(f"{name} = {item}" for name, item in self.parameters.items())
        care = f"; {len(self.messages)} message{'s' * (len(self.messages) > 1)}" if self.messages else ""
        return (
            f"<FitResult {self.model.expression}: {named}; {self.statistic_name} {self.statistic:.6g} "
            f"for {self.dof} dof{care}>"
        )
