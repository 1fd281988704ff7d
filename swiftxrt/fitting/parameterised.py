"""The parameters of a model: by name, frozen, bounded, tied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .._fields import nearest
from ..exceptions import RequestError
from .components import Component
from .expression import component_names
from .parameters import Parameter, Slot, as_number

__all__ = ["Parameterised"]

Floats = NDArray[np.float64]


class Parameterised(ABC):
    """The part of `Model` that deals with its parameters."""

    _components: tuple[Component, ...]
    _slots: tuple[Slot, ...]

    @abstractmethod
    def _with(self, changed: Mapping[int, Slot]) -> Self:
        """The model with some of its parameters changed."""

    @property
    @abstractmethod
    def expression(self) -> str:
        """The model as text."""

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components, in their order."""
        return component_names(self._components)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Parameters by name: the short name where it is unique, else with the component before it."""
        names = self.names
        return MappingProxyType(
            {
                name: Parameter(
                    self._resolved(place).quantity,
                    slot.is_frozen,
                    (slot.low * slot.definition.unit, slot.high * slot.definition.unit),
                    None if slot.tied_to is None else names[slot.tied_to],
                    slot.factor,
                )
                for place, (name, slot) in enumerate(zip(names, self._slots, strict=True))
            }
        )

    @property
    def full_names(self) -> tuple[str, ...]:
        """Names of all parameters with that of the component, in their order."""
        named = zip(self.components, self._components, strict=True)
        return tuple(f"{name}.{item.name}" for name, component in named for item in component.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, short where that is unique, in their order."""
        short = [slot.definition.name for slot in self._slots]
        return tuple(one if short.count(one) == 1 else full for one, full in zip(short, self.full_names, strict=True))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Parameters as plain numbers, in their order; for the code that fits."""
        return self._slots

    def place(self, name: str) -> int:
        """Place of a parameter in the order of all.

        Raises
        ------
        RequestError
            If there is no such parameter, or several have that short name.
        """
        if name in self.full_names:
            return self.full_names.index(name)
        short = [slot.definition.name for slot in self._slots]
        if short.count(name) == 1:
            return short.index(name)
        if name in short:
            several = ", ".join(full for full, one in zip(self.full_names, short, strict=True) if one == name)
            raise RequestError([(name, f"several components of {self.expression} have one; name one of {several}")])
        known = (*self.names, *self.full_names)
        raise RequestError(
            [(str(name), f"{self.expression} has the parameters {', '.join(self.names)}{nearest(str(name), known)}")]
        )

    def set(self, values: Mapping[str, Any] | None = None, **named: Any) -> Self:
        """The model with other values.

        Parameters
        ----------
        values : mapping, optional
            Values by name, for names with a dot.
        **named
            Values by short name; None makes a norm unknown again.

        Raises
        ------
        RequestError
            If a name is not known, or a value has no such unit, lies outside
            of its bounds, or belongs to a parameter that is tied.
        """
        changed = {}
        for name, given in {**(values or {}), **named}.items():
            place = self.place(name)
            slot = self._slots[place]
            if slot.tied_to is not None:
                raise RequestError([(name, f"is tied to {self.names[slot.tied_to]}; set that one, or untie it first")])
            if given is None and not slot.definition.is_linear:
                raise RequestError([(name, "only norms can be estimated from the data; give a value")])
            value = np.nan if given is None else as_number(given, slot.definition)
            changed[place] = replace(slot, value=value)
            changed[place].check(name)
        return self._with(changed)

    def freeze(self, *names: str) -> Self:
        """The model with these parameters kept as they are.

        Raises
        ------
        RequestError
            If one is not known, or has no value yet.
        """
        for name in names:
            if np.isnan(self._resolved(self.place(name)).value):
                raise RequestError([(name, "has no value yet and cannot be frozen; set one first")])
        return self._with({p: replace(self._slots[p], is_frozen=True) for p in map(self.place, names)})

    def thaw(self, *names: str) -> Self:
        """The model with these parameters free."""
        return self._with({p: replace(self._slots[p], is_frozen=False) for p in map(self.place, names)})

    def bound(self, name: str, low: Any = None, high: Any = None) -> Self:
        """The model with other bounds of a parameter; None leaves that bound as it is.

        Raises
        ------
        RequestError
            If the bounds are not in order, or the value lies outside.
        """
        place = self.place(name)
        slot = self._slots[place]
        low_number = slot.low if low is None else as_number(low, slot.definition)
        high_number = slot.high if high is None else as_number(high, slot.definition)
        changed = replace(slot, low=low_number, high=high_number)
        if low_number < high_number and not np.isnan(slot.value) and not low_number <= slot.value <= high_number:
            unit = slot.definition.unit
            told = f"its value {slot.value:g} {unit}".rstrip() + f" is outside of the new bounds {low_number:g} and"
            given = f"{name}=..." if name.isidentifier() else f"{{{name!r}: ...}}"
            raise RequestError([(name, f"{told} {high_number:g} {unit}".rstrip() + f"; call .set({given}) first")])
        changed.check(name)
        return self._with({place: changed})

    def tie(self, name: str, *, to: str, factor: float = 1.0) -> Self:
        """The model with one parameter following another.

        Parameters
        ----------
        name : str
            The parameter that follows.
        to : str
            The parameter that it follows.
        factor : float, optional
            Ratio of the two.

        Raises
        ------
        RequestError
            If a name is not known, the two have different units, the ties
            would make a loop, or the factor is not a finite number.
        """
        place, target = self.place(name), self.place(to)
        mine, other = self._slots[place].definition.unit, self._slots[target].definition.unit
        if not mine.is_equivalent(other):
            units = [f"is in {one}" if str(one) else "has no unit" for one in (mine, other)]
            raise RequestError([(name, f"{units[0]} and cannot follow {to}, which {units[1]}")])
        if isinstance(factor, bool) or not isinstance(factor, Real) or not np.isfinite(factor):
            raise RequestError([("factor", f"a finite number is needed; got {factor!r}")])
        chain = [place]
        while target is not None and target not in chain:
            chain.append(target)
            target = self._slots[target].tied_to  # type: ignore[assignment]  # None ends the loop.
        if target is not None:
            loop = " -> ".join(self.names[p] for p in (*chain, target))
            raise RequestError([(name, f"would be tied in a loop: {loop}; untie one of them first")])
        return self._with({place: replace(self._slots[place], tied_to=chain[1], factor=float(factor))})

    def untie(self, *names: str) -> Self:
        """The model with these parameters following no other; they keep their values."""
        return self._with({p: replace(self._resolved(p), tied_to=None, factor=1.0) for p in map(self.place, names)})

    def _resolved(self, place: int) -> Slot:
        """A parameter with the value that its tie gives it."""
        slot, factor = self._slots[place], 1.0
        target = slot
        while target.tied_to is not None:
            factor *= target.factor
            target = self._slots[target.tied_to]
        return slot if target is slot else replace(slot, value=factor * target.value)

    @property
    def values(self) -> Floats:
        """Values of all parameters in their order, ties followed; NaN where there is none yet."""
        return np.array([self._resolved(place).value for place in range(len(self._slots))])
