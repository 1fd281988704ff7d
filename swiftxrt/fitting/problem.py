"""The function that a fit makes small: spectra, a model, and the derivatives by its free parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .fitdata import FitData
from .folding import Matrix
from .layout import Layout
from .statistics import Poisson

__all__ = ["Evaluation", "Problem"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Central differences: change of a parameter in parts of its value, or of its scale where that is larger.
_DIFFERENCE = 1e-4


class Evaluation(NamedTuple):
    """The statistic at a point, half its gradient, and half its matrix of second derivatives as far as it is positive."""

    statistic: float
    gradient: Floats
    curvature: Floats


class _Part:
    """One spectrum, with what its statistic needs of the response.

    Poisson bins without source counts add twice the counts predicted and a
    constant, with any background: they are summed once and for all, unless a
    model may predict less than nothing for some of them.
    """

    def __init__(self, data: FitData, *, may_be_negative: bool) -> None:
        self.data = data
        statistic = data.statistic
        if isinstance(statistic, Poisson) and not may_be_negative:
            chosen, empty = np.flatnonzero(data.counts > 0), np.flatnonzero(data.counts == 0)
            background = None if data.background is None else data.background[chosen]
            self.statistic: object = Poisson(data.counts[chosen], background, data.ratio[chosen])
            self.constant = statistic.zero_statistic()
            self.empty = data.folding.summed(empty)
            self.matrix = Matrix(data.folding.matrix(chosen))
        else:
            self.statistic, self.constant = statistic, 0.0
            self.matrix = Matrix(data.folding.matrix(np.arange(data.counts.size)))
            self.empty = np.zeros_like(self.matrix.total)

    @cached_property
    def total(self) -> Floats:
        """Counts expected in all bins together per photon in each bin of the grid."""
        return self.matrix.total + self.empty

    def evaluate(self, photons: Floats) -> Evaluation:
        """From weighted photons (first row) and their derivatives (other rows)."""
        counts, rest = self.matrix.fold(photons), np.einsum("ke,e->k", photons, self.empty)
        terms = self.statistic.terms(counts[0])  # type: ignore[attr-defined]
        slopes = counts[1:]
        return Evaluation(
            float(terms.statistic.sum() + 2.0 * rest[0] + self.constant),
            slopes @ terms.slope + rest[1:],
            (slopes * terms.curvature) @ slopes.T,
        )


class Problem:
    """Spectra and the model to fit to them.

    Parameters
    ----------
    data : sequence of FitData
        The spectra.
    layout : Layout
        Model and free parameters.
    """

    def __init__(self, data: Sequence[FitData], layout: Layout) -> None:
        self.data, self.layout = tuple(data), layout
        self.low, self.high, self.step = layout.low, layout.high, layout.step
        self._parts = [_Part(item, may_be_negative=layout.may_be_negative) for item in self.data]
        self._touched = [
            [layout.touches(free, number) for free in range(len(layout.free))] for number in range(len(self.data))
        ]

    def evaluate(self, x: Floats, held: Flags | None = None) -> Evaluation:
        """Statistic, gradient and curvature at a point; zeros for parameters that are held."""
        size = len(self.layout.free)
        statistic, gradient, curvature = 0.0, np.zeros(size), np.zeros((size, size))
        for number, part in enumerate(self._parts):
            moved, photons = self._photons(part.data, x, number, held)
            own = part.evaluate(photons)
            statistic += own.statistic
            gradient[moved] += own.gradient
            curvature[np.ix_(moved, moved)] += own.curvature
        return Evaluation(statistic, gradient, curvature)

    def _photons(self, data: FitData, x: Floats, number: int, held: Flags | None) -> tuple[list[int], Floats]:
        """Which free parameters move the photons of a spectrum; the photons, and their derivatives."""
        model, folding = self.layout.model, data.folding
        values = self.layout.values(x, number)
        arrays = model.arrays(folding.grid, values)
        rows, moved = [folding.weighted(model.combined(arrays))], []
        for free in range(len(x)):
            touched = self._touched[number][free]
            if not touched or (held is not None and held[free]):
                continue
            slope = model.photon_slope(arrays, folding.grid, values, touched[0]) if len(touched) == 1 else None
            if slope is None:
                slope = self._difference(arrays, x, free, number)
            moved.append(free)
            rows.append(folding.weighted(slope))
        return moved, np.array(rows)

    def _difference(self, arrays: list[Floats], x: Floats, free: int, number: int) -> Floats:
        """Derivative of the photons in each piece by one free parameter."""
        model, grid = self.layout.model, self.data[number].folding.grid
        touched = {model.component_of(place) for place in self._touched[number][free]}
        step = _DIFFERENCE * max(abs(x[free]), self.step[free])
        sides = []
        for sign in (1.0, -1.0):
            other = np.array(x)
            other[free] += sign * step
            values = self.layout.values(other, number)
            replaced = [model.array(grid, values, p) if p in touched else array for p, array in enumerate(arrays)]
            sides.append(model.combined(replaced))
        return (sides[0] - sides[1]) / (2.0 * step)

    def total(self, x: Floats, number: int) -> float:
        """Counts of the source expected in all bins of a spectrum together."""
        model, part = self.layout.model, self._parts[number]
        folding = part.data.folding
        arrays = model.arrays(folding.grid, self.layout.values(x, number))
        return float(folding.weighted(model.combined(arrays)) @ part.total)

    def predicted(self, x: Floats, number: int) -> Floats:
        """Counts of the source expected in all bins of a spectrum."""
        model, folding = self.layout.model, self.data[number].folding
        return folding.counts(model.combined(model.arrays(folding.grid, self.layout.values(x, number))))
