"""Numbers and quantities that a request can hold."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import astropy.units as u
import numpy as np

from .base import Kind, compact, wire_number

__all__ = ["Integer", "Measure", "Number"]


class _Ranged(Kind):
    def __init__(
        self, minimum: float | None = None, maximum: float | None = None, *, above: bool = False, reason: str = ""
    ) -> None:
        self.minimum, self.maximum, self.above, self.reason = minimum, maximum, above, reason

    def _limits(self, unit: str = "") -> str:
        suffix = f" {unit}" if unit else ""
        parts = []
        if self.minimum is not None:
            parts.append(f"{'>' if self.above else '>='} {self.minimum:g}{suffix}")
        if self.maximum is not None:
            parts.append(f"<= {self.maximum:g}{suffix}")
        return " and ".join(parts)

    def _check(self, number: float, given: Any, unit: str = "") -> None:
        low = self.minimum is not None and (number < self.minimum or (self.above and number == self.minimum))
        high = self.maximum is not None and number > self.maximum
        if not math.isfinite(number) or low or high:
            limits = self._limits(unit)
            reason = f" ({self.reason})" if self.reason and math.isfinite(number) else ""
            raise ValueError(f"must be finite{' and ' + limits if limits else ''}{reason}; got {given}")


class Integer(_Ranged):
    """A whole number within limits."""

    def convert(self, value: Any) -> int:
        if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
            raise ValueError(f"a whole number is needed; got {value!r}")
        self._check(int(value), value)
        return int(value)

    def from_wire(self, value: Any) -> int:
        number = wire_number(value)
        if not number.is_integer():
            raise ValueError(f"a whole number is needed; got {value!r}")
        return self.convert(int(number))

    def describe(self) -> str:
        return f"int {self._limits()}".strip()


class Number(_Ranged):
    """A dimensionless number within limits."""

    def __init__(
        self,
        minimum: float | None = None,
        maximum: float | None = None,
        *,
        above: bool = False,
        always_float: bool = False,
    ) -> None:
        super().__init__(minimum, maximum, above=above)
        self.always_float = always_float

    def convert(self, value: Any) -> float:
        if isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(u.one):
            value = value.to_value(u.one).item()
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
            raise ValueError(f"a number without unit is needed; got {value!r}")
        self._check(float(value), value)
        return float(value)

    def to_wire(self, value: float) -> int | float:
        return value if self.always_float else compact(value)

    def from_wire(self, value: Any) -> float:
        return self.convert(wire_number(value))

    def describe(self) -> str:
        return f"float {self._limits()}".strip()


class Measure(_Ranged):
    """A scalar quantity, stored in one unit."""

    def __init__(
        self,
        unit: u.UnitBase,
        minimum: float | None = None,
        maximum: float | None = None,
        *,
        above: bool = False,
        whole: bool = False,
        reason: str = "",
    ) -> None:
        super().__init__(minimum, maximum, above=above, reason=reason)
        self.unit = unit
        self.whole = whole

    def convert(self, value: Any) -> u.Quantity:
        given = value
        if isinstance(value, str):
            try:
                value = u.Quantity(value)
            except (TypeError, ValueError):
                value = None
        if not isinstance(value, u.Quantity):
            name = str(self.unit)
            example = f"20 * u.{name}" if name.isidentifier() else f"20 * u.Unit({name!r})"
            raise ValueError(f"a quantity with unit is needed, such as {example}; got {given!r}")
        if not value.isscalar or not value.unit.is_equivalent(self.unit):
            raise ValueError(f"one value in {self.unit} (or a compatible unit) is needed; got {value}")
        # Twelve significant digits remove the rounding noise of the conversion.
        number = float(f"{float(value.to_value(self.unit)):.12g}")
        self._check(number, value, str(self.unit))
        if self.whole and not number.is_integer():
            raise ValueError(f"a whole number of {self.unit} is needed; got {value}")
        return number * self.unit

    def to_plain(self, value: u.Quantity) -> str:
        return f"{compact(value.value)!r} {self.unit}"

    def to_wire(self, value: u.Quantity) -> int | float:
        return compact(value.value)

    def from_wire(self, value: Any) -> u.Quantity:
        return self.convert(wire_number(value) * self.unit)

    def describe(self) -> str:
        return f"Quantity [{self.unit}] {self._limits()}".strip()
