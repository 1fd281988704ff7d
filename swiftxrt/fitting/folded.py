"""Data and model of a spectrum side by side, as a figure shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from .problem import Problem
from .statistics import Poisson, poisson_deviance, wstat

__all__ = ["FoldedSpectrum", "folded_spectrum"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class FoldedSpectrum:
    """The bins of one spectrum that were fitted, and the model folded with its response.

    Parameters
    ----------
    label : str
        Name of the spectrum.
    energy_low, energy_high : `~astropy.units.Quantity`, shape (n_bin,), keV
        Edges of the bins; between bins there may be gaps.
    counts, background_counts : ndarray, shape (n_bin,)
        Counts in the source and in the background region.
    background_ratio : ndarray, shape (n_bin,)
        Factor from background counts to those in the source region.
    rate, rate_err : `~astropy.units.Quantity`, shape (n_bin,), ct / (s keV)
        Net rate of the data and its error.
    model_counts : ndarray, shape (n_bin,)
        Counts of the source that the model predicts.
    model_rate : `~astropy.units.Quantity`, shape (n_bin,), ct / (s keV)
        Rate of the model.
    terms : mapping of str to `~astropy.units.Quantity`
        Rate of each emitting component, where there are several.
    statistic_name : str
        ``"wstat"``, ``"cstat"`` or ``"chi2"``.
    """

    label: str
    energy_low: u.Quantity
    energy_high: u.Quantity
    counts: Floats
    background_counts: Floats
    background_ratio: Floats
    rate: u.Quantity
    rate_err: u.Quantity
    model_counts: Floats
    model_rate: u.Quantity
    terms: Mapping[str, u.Quantity]
    statistic_name: str

    @property
    def residuals(self) -> Floats:
        """How far the data are from the model, about in standard deviations; shape (n_bin,).

        Their squares add up to the statistic of the fit. For ``"wstat"`` and
        ``"cstat"`` each is the root of what the bin adds to it, negative where
        the data are below the model; for ``"chi2"`` it is data minus model over
        the error of the data.
        """
        return self.residuals_of_groups(np.arange(self.counts.size))

    def residuals_of_groups(self, first: NDArray[np.int64]) -> Floats:
        """`residuals` of bins put together, from what the bins of each group hold in all.

        Parameters
        ----------
        first : ndarray of int, shape (n_group,)
            First bin of each group, from 0 on; a group ends where the next begins.
        """
        if self.statistic_name == "chi2":
            width = (self.energy_high - self.energy_low).value
            above = np.add.reduceat((self.rate - self.model_rate).value * width, first)
            return above / np.sqrt(np.add.reduceat((self.rate_err.value * width) ** 2, first))
        counts, outside, model, scaled, ratio = (
            np.add.reduceat(one, first)
            for one in (
                self.counts,
                self.background_counts,
                self.model_counts,
                self.background_ratio * self.background_counts,
                self.background_ratio,
            )
        )
        if self.statistic_name == "cstat":
            deviance = poisson_deviance(counts, model)
        else:
            mean = ratio / np.diff(first, append=self.counts.size)
            deviance = wstat(counts, outside, np.where(outside > 0, scaled / np.maximum(outside, 1.0), mean), model)
        return np.sign(counts - scaled - model) * np.sqrt(np.maximum(deviance, 0.0))

    @property
    def data_over_model(self) -> Floats:
        """Data divided by model, shape (n_bin,)."""
        return (self.rate / self.model_rate).to_value(u.dimensionless_unscaled)

    def __repr__(self) -> str:
        low, high = self.energy_low[0].value, self.energy_high[-1].value
        return f"<FoldedSpectrum {self.label}: {self.counts.size} bins, {low:g}-{high:g} keV>"


def folded_spectrum(problem: Problem, x: Floats, number: int) -> FoldedSpectrum:
    """Data and model of one spectrum of a fit, for values of its free parameters."""
    data = problem.data[number]
    low, high = data.edges_kev
    scale = np.broadcast_to(np.asarray(data.spectrum.areascale, dtype=float), data.spectrum.counts.shape)
    per_count = 1.0 / (data.spectrum.exposure.value * scale[data.first] * (high - low)) * u.ct / (u.s * u.keV)
    outside = np.zeros_like(data.counts) if data.background is None else data.background
    error, predicted = np.sqrt(data.variance), problem.predicted(x, number)
    if isinstance(data.statistic, Poisson):
        # A bin without counts has an error of one count, as in `GroupedCounts`.
        error = np.sqrt(np.maximum(data.counts, 1.0) + data.ratio**2 * outside)
    return FoldedSpectrum(
        data.spectrum.name,
        low * u.keV,
        high * u.keV,
        data.counts,
        outside,
        data.ratio,
        data.net * per_count,
        error * per_count,
        predicted,
        predicted * per_count,
        {name: counts * per_count for name, counts in _terms(problem, x, number).items()},
        data.statistic_name,
    )


def _terms(problem: Problem, x: Floats, number: int) -> dict[str, Floats]:
    """Counts of each emitting component, if there are several."""
    model, folding = problem.layout.model, problem.data[number].folding
    terms = model.terms()
    if len(terms) < 2:
        return {}
    arrays = model.arrays(folding.grid, problem.layout.values(x, number))
    places = {name: model.components.index(name) for name in terms}
    found = {}
    for name, place in places.items():
        alone = [
            np.zeros_like(array) if k in places.values() and k != place else array for k, array in enumerate(arrays)
        ]
        found[name] = folding.counts(model.combined(alone))
    return found
