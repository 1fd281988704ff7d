"""Quantities of users as plain numbers, with all complaints at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from ..exceptions import RequestError

__all__ = ["Arguments"]

Kind = TypeVar("Kind")


class Arguments:
    """Converts arguments, and remembers what is wrong with them.

    Parameters
    ----------
    what : str
        What is being made; it opens the message of the error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._problems: list[tuple[str, str]] = []

    def complain(self, name: str, text: str) -> None:
        """Note a problem with an argument."""
        self._problems.append((name, text))

    def adopt(self, error: RequestError) -> None:
        """Note the problems of an error that was raised elsewhere."""
        self._problems += error.problems

    def done(self) -> None:
        """Raise what was noted.

        Raises
        ------
        RequestError
            If there is a problem.
        """
        if self._problems:
            raise RequestError(self._problems, self._what)

    def number(self, name: str, given: Any, unit: u.UnitBase, *, least: float = -np.inf) -> float:
        """A scalar quantity in a unit; NaN, after a complaint, if it is none."""
        values = self.numbers(name, given, unit, least=least)
        if values.size == 1 and np.ndim(getattr(given, "value", given)) == 0:
            return float(values[0])
        if values.size:
            self.complain(name, f"one value is needed; got {values.size}")
        return float("nan")

    def numbers(self, name: str, given: Any, unit: u.UnitBase, *, least: float = -np.inf) -> Any:
        """Values of a quantity as an array; empty, after a complaint, if it is none."""
        if not isinstance(given, u.Quantity) or not given.unit.is_equivalent(unit):
            self.complain(name, f"a quantity in {unit} is needed; got {given!r}")
            return np.empty(0)
        values = np.atleast_1d(given.to_value(unit)).astype(float)
        if not np.isfinite(values).all() or (values < least).any():
            limit = "" if least == -np.inf else f" and at least {least:g} {unit}"
            self.complain(name, f"finite values{limit} are needed; got {given}")
            return np.empty(0)
        return values

    def several(self, name: str, given: Any, kind: type[Kind]) -> tuple[Kind, ...]:
        """Objects of a class, of which one may be given by itself; none, after a complaint, if there is another."""
        items = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        wrong = next((item for item in items if not isinstance(item, kind)), None)
        if not all(isinstance(item, kind) for item in items):
            self.complain(name, f"a {kind.__name__}, or several, is needed; got {wrong!r:.60}")
            return ()
        return items

    def position(self, name: str, given: Any) -> tuple[float, float]:
        """Right ascension and declination of a SkyCoord in degrees, ICRS."""
        if not isinstance(given, SkyCoord) or not given.isscalar:
            self.complain(name, f"a SkyCoord of one position is needed; got {given!r}")
            return float("nan"), float("nan")
        return float(given.icrs.ra.deg), float(given.icrs.dec.deg)

    def time(self, name: str, given: Any) -> Time:
        """A Time."""
        if not isinstance(given, Time):
            several = isinstance(given, list | tuple) and all(isinstance(one, Time) for one in given)
            hint = "Time([...])" if several else "Time('2020-01-01T12:00:00')"
            self.complain(name, f"a Time is needed, such as {hint} of astropy.time; got {given!r:.60}")
            return Time("2020-01-01T00:00:00", scale="utc")
        return given
