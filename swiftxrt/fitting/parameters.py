"""Parameters of models: values, bounds, what is frozen and what is tied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from ..exceptions import RequestError
from .components import Definition

__all__ = ["Parameter", "Slot", "as_number"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model, as users see it.

    Parameters
    ----------
    value : `~astropy.units.Quantity` or None
        The value; None for a norm that is to be estimated from the data.
    frozen : bool
        Whether a fit leaves it as it is.
    bounds : tuple of `~astropy.units.Quantity`
        Lowest and highest value.
    tied : str or None
        Name of the parameter that it follows.
    factor : float
        Ratio to that parameter.
    """

    value: u.Quantity | None
    frozen: bool
    bounds: tuple[u.Quantity, u.Quantity]
    tied: str | None = None
    factor: float = 1.0


@dataclass(frozen=True)
class Slot:
    """A parameter as models keep it: plain numbers in the unit of its definition; NaN is "not known yet".

    Parameters
    ----------
    definition : Definition
        What the parameter is.
    value, low, high : float
        Value and bounds.
    is_frozen : bool
        Whether a fit leaves it as it is.
    tied_to : int or None
        Place of the parameter that it follows.
    factor : float
        Ratio to that parameter.
    """

    definition: Definition
    value: float
    low: float
    high: float
    is_frozen: bool
    tied_to: int | None = None
    factor: float = 1.0

    @classmethod
    def of(cls, definition: Definition, given: Any) -> Slot:
        """A new parameter with a value from a user; None is "to be estimated"."""
        value = np.nan if given is None else as_number(given, definition)
        slot = cls(definition, value, definition.low, definition.high, definition.is_frozen)
        slot.check(definition.name)
        return slot

    def check(self, name: str) -> None:
        """Refuse a value outside of the bounds, or bounds in the wrong order."""
        unit = self.definition.unit
        if not self.low < self.high:
            raise RequestError(
                [(name, f"bounds must be low < high; got {self.low:g} and {self.high:g} {unit}".rstrip())]
            )
        if not np.isnan(self.value) and not self.low <= self.value <= self.high:
            text = f"must be within {self.low:g} and {self.high:g} {unit}".rstrip()
            raise RequestError([(name, f"{text}; got {self.value:g}; .bound() changes what is allowed")])

    @property
    def quantity(self) -> u.Quantity | None:
        """The value with its unit; None if it is not known yet."""
        return None if np.isnan(self.value) else self.value * self.definition.unit


def as_number(given: Any, definition: Definition) -> float:
    """A value from a user in the unit of its definition.

    Raises
    ------
    RequestError
        If it is no single finite number, or has no such unit.
    """
    unit = definition.unit
    try:
        quantity = u.Quantity(given)
        if u.ph in unit.bases and quantity.unit.is_equivalent(unit / u.ph):
            quantity = quantity * u.ph
        value = quantity.to_value(unit, u.temperature_energy() if definition.is_temperature else [])
    except (TypeError, ValueError, u.UnitConversionError):
        value = np.array([np.nan])
    if np.ndim(value) or not np.isfinite(value):
        wanted = "a number" if unit == u.dimensionless_unscaled else f"a Quantity in {unit} or an equivalent unit"
        if definition.is_temperature:
            wanted = "kT as an energy, such as 0.5 * u.keV, or a temperature in kelvin"
        raise RequestError([(definition.name, f"{wanted} is needed; got {given!r}")], "model parameter")
    return float(value)
