"""Numbers in the arguments of faults."""

from __future__ import annotations

from typing import Any

import astropy.units as u

from ...exceptions import RequestError

__all__ = ["plain"]


def plain(name: str, quantity: Any, unit: u.UnitBase) -> float:
    """The number in a quantity that is not below zero."""
    if not isinstance(quantity, u.Quantity) or not quantity.isscalar or not quantity.unit.is_equivalent(unit):
        raise RequestError([(name, f"a quantity in {unit} is needed; got {quantity!r}")], "fault")
    value = float(quantity.to_value(unit))
    if not 0 <= value < float("inf"):
        raise RequestError([(name, f"must not be below zero or infinite; got {quantity}")], "fault")
    return value
