"""Models of spectra: immutable expressions of components, with their parameters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..bands import EnergyBand
from ..exceptions import RequestError
from .components import COMPONENTS, NORM_UNIT, Component
from .expression import (
    Tree,
    combine,
    component_names,
    derivative,
    expression_text,
    is_additive,
    leaves,
    product,
    shifted,
    total,
)
from .grid import EnergyGrid
from .parameterised import Parameterised
from .parameters import Slot
from .xspec import XspecModel, xspec_model

__all__ = ["Model", "as_band", "band_flux", "band_grid"]

Floats = NDArray[np.float64]

_ERG_PER_KEV = u.keV.to(u.erg)
_BAND_LOG_STEP = 0.002


class Model(Parameterised):
    """A model of a photon spectrum: components joined by ``*`` and ``+``.

    Made from the components in `swiftxrt.models`. Immutable: all methods that
    change something return a new model. Compared by value, and picklable.

    A parameter has the name of its component before it, such as
    ``"tbabs.nh"``; the short form ``"nh"`` is accepted where only one
    component has such a parameter. Components of which there are several are
    numbered: ``"powerlaw_2.norm"``.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import models
    >>> model = models.TBabs(2e21 / u.cm**2) * models.PowerLaw(1.8)
    >>> model.expression
    'tbabs*powerlaw'
    >>> model.freeze("nh").bound("photon_index", 1, 3).parameters["nh"].frozen
    True
    """

    _components: tuple[Component, ...]
    _tree: Tree
    _slots: tuple[Slot, ...]

    def __init__(self, components: tuple[Component, ...], tree: Tree, slots: tuple[Slot, ...]) -> None:
        self._components, self._tree, self._slots = components, tree, slots

    # Composition

    def with_slots(self, slots: Sequence[Slot]) -> Model:
        """The same expression with other parameters, given as plain numbers."""
        return Model(self._components, self._tree, tuple(slots))

    def _with(self, changed: Mapping[int, Slot]) -> Model:
        slots = tuple(changed.get(place, slot) for place, slot in enumerate(self._slots))
        return Model(self._components, self._tree, slots)

    def __mul__(self, other: Any) -> Model:
        return self._joined(other, product) if isinstance(other, Model) else NotImplemented

    def __add__(self, other: Any) -> Model:
        return self._joined(other, total) if isinstance(other, Model) else NotImplemented

    def _joined(self, other: Model, join: Any) -> Model:
        components = self._components + other._components
        tree = join(self._tree, shifted(other._tree, len(self._components)), components)
        moved = (
            slot if slot.tied_to is None else replace(slot, tied_to=slot.tied_to + len(self._slots))
            for slot in other._slots
        )
        return Model(components, tree, (*self._slots, *moved))

    @property
    def expression(self) -> str:
        """The model as text, such as ``"tbabs*ztbabs*powerlaw"``."""
        return expression_text(self._tree, self._components, names=component_names(self._components))

    @property
    def is_additive(self) -> bool:
        """Whether the model emits photons; absorbers alone do not."""
        return is_additive(self._tree, self._components)

    # Evaluation, in plain numbers

    def arrays(self, grid: EnergyGrid, values: Floats) -> list[Floats]:
        """What each component gives in each piece of a grid."""
        found, first = [], 0
        for component in self._components:
            last = first + len(component.parameters)
            found.append(component.evaluate(grid, *values[first:last]))
            first = last
        return found

    def combined(self, arrays: list[Floats]) -> Floats:
        """Photons per cm2 and s in each piece from what the components give."""
        return combine(self._tree, arrays)

    def photon_slope(self, arrays: list[Floats], grid: EnergyGrid, values: Floats, place: int) -> Floats | None:
        """Derivative of the photons in each piece by one parameter; None if only differences give it."""
        owner = self.component_of(place)
        definition, first, component = self._slots[place].definition, self._first[owner], self._components[owner]
        own = values[first : first + len(component.parameters)]
        if definition.is_linear and values[place] != 0:
            change = arrays[owner] / values[place]
        elif definition.name in component.log_slopes:
            change = arrays[owner] * component.log_slopes[definition.name](grid, *own)
        elif definition.name in component.slopes:
            change = component.slopes[definition.name](grid, *own)
        else:
            return None
        return derivative(self._tree, arrays, owner, change)

    @cached_property
    def _first(self) -> list[int]:
        """Place of the first parameter of each component."""
        return [0, *np.cumsum([len(component.parameters) for component in self._components])[:-1].tolist()]

    def component_of(self, place: int) -> int:
        """Place of the component to which a parameter belongs."""
        return bisect_right(self._first, place) - 1

    def array(self, grid: EnergyGrid, values: Floats, component: int) -> Floats:
        """What one component gives in each piece of a grid."""
        first, item = self._first[component], self._components[component]
        return item.evaluate(grid, *values[first : first + len(item.parameters)])

    def unabsorbed(self) -> Model:
        """The model with all columns zero, frozen and untied."""
        places = [p for p, slot in enumerate(self._slots) if slot.definition.name == "nh"]
        return self._with(
            {p: replace(self._slots[p], value=0.0, low=0.0, is_frozen=True, tied_to=None, factor=1.0) for p in places}
        )

    def terms(self) -> Mapping[str, tuple[int, ...]]:
        """Emitting components: name, and the places of their linear parameters."""
        return MappingProxyType(
            {
                self.components[leaf]: tuple(
                    p
                    for p, slot in enumerate(self._slots)
                    if self.component_of(p) == leaf and slot.definition.is_linear
                )
                for leaf in leaves(self._tree)
                if self._components[leaf].is_additive
            }
        )

    # Evaluation, with units

    def __call__(self, energy: u.Quantity) -> u.Quantity:
        """Photon flux per energy.

        Parameters
        ----------
        energy : `~astropy.units.Quantity`, energy
            Photon energies.

        Returns
        -------
        density : `~astropy.units.Quantity`
            In photons per cm2, s and keV, of the same shape.
        """
        energy_kev = np.atleast_1d(_energies(energy, "energy"))
        if not np.all(energy_kev > 0):
            raise RequestError([("energy", f"energies must be positive; got {energy!r}")])
        values = self.known_values()
        grid = EnergyGrid.at(energy_kev.ravel())
        density = self.combined(self.arrays(grid, values)) / (grid.energy_kev * grid.log_width)
        return np.reshape(density, np.shape(energy)) * NORM_UNIT

    def photons(self, edges: u.Quantity) -> u.Quantity:
        """Photons in bins of energy, with the absorption averaged over at least five points in each.

        Parameters
        ----------
        edges : `~astropy.units.Quantity`, shape (n_bin + 1,), energy
            Increasing edges of the bins. A lowest one of zero, which responses have, becomes a tenth of the next.

        Returns
        -------
        photons : `~astropy.units.Quantity`, shape (n_bin,)
            In photons per cm2 and s.
        """
        edges_kev = _energies(edges, "edges")
        if edges_kev.ndim != 1 or edges_kev.size < 2 or not np.all(np.diff(edges_kev) > 0):
            raise RequestError([("edges", "at least two increasing energies are needed")])
        grid = EnergyGrid(edges_kev)
        photons = grid.per_bin(self.combined(self.arrays(grid, self.known_values())))
        return photons * u.ph / (u.cm**2 * u.s)

    def flux(self, band: Any = "0.3-10 keV", *, absorbed: bool = True, energy: bool = True) -> u.Quantity:
        """Flux in a band.

        Parameters
        ----------
        band : EnergyBand, text or pair of energies, optional
            The band.
        absorbed : bool, optional
            Flux as observed; otherwise that without any absorption.
        energy : bool, optional
            Energy flux; otherwise photon flux.

        Returns
        -------
        flux : `~astropy.units.Quantity`
            In erg or photons per cm2 and s.
        """
        model = self if absorbed else self.unabsorbed()
        value = band_flux(model, model.known_values(), band_grid(as_band(band)), energy=energy)
        return value * ((u.erg if energy else u.ph) / (u.cm**2 * u.s))

    def known_values(self) -> Floats:
        """Values of all parameters, or an error if one has none.

        Raises
        ------
        RequestError
            If a value is missing, or the model emits no photons.
        """
        values = self.values
        unknown = [name for name, value in zip(self.names, values, strict=True) if np.isnan(value)]
        if unknown:
            raise RequestError([(unknown[0], "has no value yet; set one, or fit the model")], self.expression)
        if not self.is_additive:
            raise RequestError(f"{self.expression} emits no photons; multiply it with a component that does")
        return values

    def to_xspec(self) -> XspecModel:
        """Components and parameters in the names, order and units of XSPEC."""
        return xspec_model(self._components, self._tree, self._slots, self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        return (self._components, self._tree) == (other._components, other._tree) and all(
            replace(one, value=0.0) == replace(two, value=0.0) and np.array_equal(one.value, two.value, equal_nan=True)
            for one, two in zip(self._slots, other._slots, strict=True)
        )

    def __hash__(self) -> int:
        return hash(self.expression)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, ([component.name for component in self._components], self._tree, self._states())

    def _states(self) -> list[tuple[Any, ...]]:
        return [(s.value, s.low, s.high, s.is_frozen, s.tied_to, s.factor) for s in self._slots]

    def __repr__(self) -> str:
        return f"<Model {self.expression}: {self._text()}>"

    def _text(self) -> str:
        texts = []
        for name, item in self.parameters.items():
            value = "to be estimated" if item.value is None else f"{item.value:.6g}".rstrip()
            if item.tied is not None:
                ratio = "" if item.factor == 1 else f"{item.factor:g} x "
                value = f"{ratio}{item.tied}"
            texts.append(f"{name} = {value}" + (" (frozen)" if item.frozen and item.tied is None else ""))
        return ", ".join(texts)


def _rebuild(names: list[str], tree: Tree, states: list[tuple[Any, ...]]) -> Model:
    components = tuple(COMPONENTS[name] for name in names)
    definitions = [definition for component in components for definition in component.parameters]
    slots = tuple(Slot(definition, *state) for definition, state in zip(definitions, states, strict=True))
    return Model(components, tree, slots)


def as_band(band: Any) -> tuple[float, float]:
    """Limits in keV of a band given as `EnergyBand`, text or pair of energies."""
    parsed = EnergyBand.parse(band)
    return float(parsed.low.value), float(parsed.high.value)


def band_grid(band_kev: tuple[float, float]) -> EnergyGrid:
    """A grid of one bin, fine enough for fluxes."""
    return EnergyGrid(np.array(band_kev), log_step=_BAND_LOG_STEP)


def band_flux(model: Model, values: Floats, grid: EnergyGrid, *, energy: bool = True) -> float:
    """Flux over a grid, in erg or photons per cm2 and s, from plain values of all parameters."""
    photons = model.combined(model.arrays(grid, values))
    return float(photons @ grid.energy_kev) * _ERG_PER_KEV if energy else float(photons.sum())


def _energies(given: Any, name: str) -> Floats:
    if not isinstance(given, u.Quantity) or not given.unit.is_equivalent(u.keV):
        raise RequestError([(name, f"energies are needed, such as [1, 2] * u.keV; got {given!r}")])
    energies = given.to_value(u.keV)
    if not np.all(np.isfinite(energies)) or np.any(energies < 0) or not np.size(energies):
        raise RequestError([(name, f"energies must be positive; got {given!r}")])
    return np.asarray(energies, dtype=float)
