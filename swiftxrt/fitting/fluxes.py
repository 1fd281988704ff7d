"""Fluxes with errors: the flux takes the place of a norm among the parameters of the fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..exceptions import FitError
from .grid import EnergyGrid
from .layout import Layout
from .minimise import Minimum, Objective, minimise
from .model import Model, band_flux
from .problem import Evaluation
from .profile import BetterMinimumError, Interval, covariance, profile_interval

__all__ = ["FluxObjective", "flux_interval", "flux_value"]

Floats = NDArray[np.float64]
Flux = Callable[[Floats], float]

_DIFFERENCE = 1e-4
_BIG = 1e30


def flux_value(layout: Layout, x: Floats, spectrum: int, grid: EnergyGrid, model: Model, *, energy: bool) -> float:
    """Flux of the model of one spectrum for values of the free parameters."""
    return band_flux(model, _values(layout, x, spectrum, model), grid, energy=energy)


def _values(layout: Layout, x: Floats, spectrum: int, model: Model) -> Floats:
    """Values of all parameters, with those that `model` has frozen in another way (columns of zero)."""
    values = layout.values(x, spectrum)
    if model is not layout.model:
        for place, slot in enumerate(model.slots):
            if slot.value == 0.0 and slot.definition.name == "nh":
                values[place] = 0.0
    return values


class FluxObjective:
    """The statistic as a function of the logarithm of a flux and the parameters of the fit but one.

    The one left out, a norm, follows: the flux is a straight line in it.

    Parameters
    ----------
    problem : Objective
        The fit.
    lead : int
        The free parameter that follows.
    flux : callable
        Flux from the values of the free parameters.
    """

    def __init__(self, problem: Objective, lead: int, flux: Flux) -> None:
        self._problem, self._lead, self._flux = problem, lead, flux
        self.low, self.high, self.step = (
            np.array(item, dtype=float) for item in (problem.low, problem.high, problem.step)
        )
        self.low[lead], self.high[lead], self.step[lead] = -700.0, 700.0, 0.1

    def inner(self, y: Floats) -> Floats:
        """Parameters of the fit; the norm may come out negative."""
        zero, one = np.array(y), np.array(y)
        zero[self._lead], one[self._lead] = 0.0, 1.0
        rest = self._flux(zero)
        worth = self._flux(one) - rest
        zero[self._lead] = (np.exp(y[self._lead]) - rest) / worth if worth > 0 else np.nan
        return zero

    def evaluate(self, y: Floats, held: NDArray[np.bool_] | None = None) -> Evaluation:
        """Statistic, gradient and curvature."""
        x = self.inner(y)
        if not self._problem.low[self._lead] <= x[self._lead] <= self._problem.high[self._lead]:
            return Evaluation(_BIG, np.zeros(y.size), np.eye(y.size))
        at = self._problem.evaluate(x)
        jacobian = np.eye(y.size)
        for place in range(y.size):
            step = _DIFFERENCE * max(abs(y[place]), self.step[place]) if place != self._lead else _DIFFERENCE
            sides = [self.inner(y + sign * step * (np.arange(y.size) == place))[self._lead] for sign in (1.0, -1.0)]
            jacobian[self._lead, place] = (sides[0] - sides[1]) / (2 * step)
        return Evaluation(at.statistic, jacobian.T @ at.gradient, jacobian.T @ at.curvature @ jacobian)


def flux_interval(
    problem: Objective,
    layout: Layout,
    best: Minimum,
    spectrum: int,
    grid: EnergyGrid,
    model: Model,
    rise: float,
    *,
    energy: bool,
) -> Interval:
    """Limits of a flux, by the rise of the statistic.

    Raises
    ------
    FitError
        If the statistic becomes lower than at the minimum.
    """

    def flux(x: Floats) -> float:
        return flux_value(layout, x, spectrum, grid, model, energy=energy)

    value, slopes = flux(best.x), _slopes(flux, best.x, layout.step)
    scatter = covariance(problem, best)
    known = np.isfinite(np.diag(scatter))
    sigma = float(np.sqrt(max(slopes[known] @ scatter[np.ix_(known, known)] @ slopes[known], 0.0)))
    linear = [k for k, item in enumerate(layout.free) if item.slot.definition.is_linear and layout.touches(k, spectrum)]
    gains = [slopes[k] * best.x[k] for k in linear]
    if not linear or not max(gains) > 0 or not value > 0:
        # All norms are frozen, or nothing is emitted: errors of first order.
        return Interval(value - sigma * np.sqrt(rise), value + sigma * np.sqrt(rise))
    lead = linear[int(np.argmax(gains))]
    objective = FluxObjective(problem, lead, flux)
    start = best.x.copy()
    start[lead] = np.log(value)
    there = minimise(objective, start, robust=False)
    try:
        found = profile_interval(objective, there, lead, sigma / value, rise)
    except BetterMinimumError as error:
        told = "a lower statistic was found on the way to an error of the flux"
        raise FitError(f"{told}; fit again with starts=10, or ask for the flux with errors=False") from error
    return Interval(float(np.exp(found.low)), float(np.exp(found.high)), found.ends_at)


def _slopes(flux: Flux, x: Floats, step: Floats) -> Floats:
    slopes = np.zeros(x.size)
    for place in range(x.size):
        change = _DIFFERENCE * max(abs(x[place]), step[place]) * (np.arange(x.size) == place)
        slopes[place] = (flux(x + change) - flux(x - change)) / (2 * change[place])
    return slopes
