"""Numbers in the arguments of faults."""

from __future__ import annotations

from typing import Any

import astropy.units as u

from ...exceptions import RequestError

__all__ = ["http_status", "is_number", "plain"]


def plain(name: str, quantity: Any, unit: u.UnitBase) -> float:
    """The number in a quantity that is not below zero."""
    if not isinstance(quantity, u.Quantity) or not quantity.isscalar or not quantity.unit.is_equivalent(unit):
        raise RequestError([(name, f"a quantity in {unit} is needed; got {quantity!r}")], "fault")
    value = float(quantity.to_value(unit))
    if not 0 <= value < float("inf"):
        raise RequestError([(name, f"must not be below zero or infinite; got {quantity}")], "fault")
    return value


def http_status(code: Any) -> int:
    """A status that can end a reply of HTTP."""
    if isinstance(code, bool) or not isinstance(code, int) or not 200 <= code <= 599:
        raise RequestError(
            [("status", f"a status of HTTP from 200 to 599 is needed, such as 503; got {code!r}")], "fault"
        )
    return code


def is_number(value: object) -> bool:
    """Whether something is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
