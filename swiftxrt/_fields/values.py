"""The sorts of value that a request can hold: checks, conversions, plain and wire forms."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import astropy.units as u
import numpy as np

from ..bands import EnergyBand

__all__ = [
    "Band",
    "Choice",
    "Flag",
    "Identifier",
    "Integer",
    "Kind",
    "Many",
    "Measure",
    "Number",
    "Pair",
    "Text",
    "Words",
    "compact",
    "nearest",
    "wire_number",
]


def nearest(given: str, allowed: Iterable[str]) -> str:
    """A hint naming the allowed word nearest to `given`, or an empty string."""
    by_lower = {word.lower(): word for word in allowed}
    match = difflib.get_close_matches(given.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[match[0]]!r}?" if match else ""


def compact(number: float) -> int | float:
    """The same number as an int where it is whole, so that 20.0 is written as 20."""
    return int(number) if float(number).is_integer() and abs(number) < 2**53 else float(number)


def wire_number(value: Any) -> float:
    """A number of the service, which may come as a text.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"a number is needed; got {value!r}") from None


class Kind:
    """How one sort of value is checked, stored and written.

    ``convert`` takes what a user gives and returns what is stored, raising
    `ValueError` with a sentence that says what is allowed. ``to_plain`` and
    ``from_plain`` translate to JSON values, ``to_wire`` and ``from_wire`` to
    the service's values.
    """

    def convert(self, value: Any) -> Any:
        raise NotImplementedError(type(self).__name__)  # pragma: no cover - every kind overrides it

    def to_plain(self, value: Any) -> Any:
        return value

    def from_plain(self, value: Any) -> Any:
        return self.convert(value)

    def to_wire(self, value: Any) -> Any:
        return self.to_plain(value)

    def from_wire(self, value: Any) -> Any:
        return self.convert(value)

    def show(self, value: Any) -> str:
        """The value in the representation of an object, on one line."""
        return repr(value)

    def describe(self) -> str:
        """What is allowed, for the documentation tables."""
        raise NotImplementedError(type(self).__name__)  # pragma: no cover - every kind overrides it


class Pair(Kind):
    """A kind that takes two keys on the wire."""

    def to_pair(self, value: Any) -> tuple[Any, Any]:
        """The values of the two keys."""
        raise NotImplementedError(type(self).__name__)  # pragma: no cover - every pair overrides it

    def from_pair(self, first: Any, second: Any) -> Any:
        """The value that two keys stand for."""
        raise NotImplementedError(type(self).__name__)  # pragma: no cover - every pair overrides it


class Flag(Kind):
    """True or False; 1 or 0 on the wire, or the other way round where the key says the opposite."""

    def __init__(self, *, inverted: bool = False) -> None:
        self.inverted = inverted

    def convert(self, value: Any) -> bool:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise ValueError(f"True or False is needed; got {value!r}")

    def to_wire(self, value: bool) -> int:
        return int(value is not self.inverted)

    def from_wire(self, value: Any) -> bool:
        # Other texts are false, as in the reference client: the service may
        # answer with the name of a catalogue where it means "none asked for".
        truth = value.strip().lower() in ("1", "yes", "true") if isinstance(value, str) else bool(value)
        return truth is not self.inverted

    def describe(self) -> str:
        return "bool"


class _Ranged(Kind):
    def __init__(self, minimum: float | None = None, maximum: float | None = None, *, above: bool = False) -> None:
        self.minimum, self.maximum, self.above = minimum, maximum, above

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
            raise ValueError(f"must be finite{' and ' + limits if limits else ''}; got {given}")


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
    ) -> None:
        super().__init__(minimum, maximum, above=above)
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


class Text(Kind):
    """A non-empty text."""

    def __init__(self, allowed: Callable[[str], bool] | None = None, rule: str = "a text is needed") -> None:
        self.allowed, self.rule = allowed, rule

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or (self.allowed and not self.allowed(value.strip())):
            raise ValueError(f"{self.rule}; got {value!r}")
        return value.strip()

    def from_wire(self, value: Any) -> str:
        return self.convert(str(value))

    def describe(self) -> str:
        return "str"


class Identifier(Kind):
    """An ObsID or target ID, stored with its leading zeros."""

    def __init__(self, parse: Callable[[Any], str], name: str) -> None:
        self.parse, self.name = parse, name

    def convert(self, value: Any) -> str:
        return self.parse(value)

    def from_plain(self, value: Any) -> str:
        # YAML reads 00031653 as an octal number, so a number has lost its digits.
        if not isinstance(value, str):
            raise ValueError(f"{self.name} must stand in quotes, so that its leading zeros survive; got {value!r}")
        return self.parse(value)

    def describe(self) -> str:
        return self.name


class Choice(Kind):
    """One of a few words, in any case; stored as listed."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any) -> str:
        if isinstance(value, str):
            for word in self.words:
                if value.strip().lower() == word.lower():
                    return word
        hint = nearest(value, self.words) if isinstance(value, str) else ""
        raise ValueError(f"must be one of {', '.join(map(repr, self.words))}; got {value!r}{hint}")

    def from_plain(self, value: Any) -> str:
        # Unquoted in YAML, the word no is False and the grade 4 a number.
        if isinstance(value, bool):
            value = "yes" if value else "no"
        return self.convert(str(value) if isinstance(value, int) else value)

    def from_wire(self, value: Any) -> str | None:
        """The word, or `None` for a bare number: an internal code of the service, of unknown meaning."""
        text = str(value).strip()
        is_code = text not in self.words and text.lstrip("-").isdecimal()
        return None if is_code else self.convert(text)

    def describe(self) -> str:
        return " or ".join(f"``{word!r}``" for word in self.words)


class Band(Pair):
    """An `~swiftxrt.EnergyBand`; two keys in keV, or a text such as ``0.3-10``, on the wire."""

    def __init__(self, within: EnergyBand | None = None) -> None:
        self.within = within

    def convert(self, value: Any) -> EnergyBand:
        band = EnergyBand.parse(value)
        if self.within and not (self.within.low_kev <= band.low_kev and band.high_kev <= self.within.high_kev):
            raise ValueError(f"must lie within {self.within}; got {band}")
        return band

    def to_plain(self, value: EnergyBand) -> str:
        return str(value)

    def to_wire(self, value: EnergyBand) -> str:
        return value.text

    def from_wire(self, value: Any) -> EnergyBand:
        return self.convert(f"{value} keV")

    def to_pair(self, value: EnergyBand) -> tuple[int | float, int | float]:
        return compact(value.low_kev), compact(value.high_kev)

    def from_pair(self, first: Any, second: Any) -> EnergyBand:
        return self.convert((wire_number(first) * u.keV, wire_number(second) * u.keV))

    def describe(self) -> str:
        return f"EnergyBand within {self.within}" if self.within else "EnergyBand"


class Many(Kind):
    """A tuple of values of one kind; a single value is taken as a tuple of one.

    On the wire it is a list, or a text with commas if `joined`.
    """

    def __init__(self, kind: Kind, *, most: int | None = None, joined: bool = False) -> None:
        self.kind, self.most, self.joined = kind, most, joined

    def convert(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Iterable):
            value = (value,)
        result = tuple(dict.fromkeys(self.kind.convert(item) for item in value))
        if not result or (self.most is not None and len(result) > self.most):
            wanted = "at least one" if self.most is None else f"1 to {self.most}"
            raise ValueError(f"{wanted} needed, without repeats; got {len(result)}")
        return result

    def to_plain(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.kind.to_plain(item) for item in value]

    def from_plain(self, value: Any) -> tuple[Any, ...]:
        items = value if isinstance(value, list | tuple) else [value]
        return self.convert([self.kind.from_plain(item) for item in items])

    def to_wire(self, value: tuple[Any, ...]) -> str | list[Any]:
        items = [self.kind.to_wire(item) for item in value]
        return ",".join(items) if self.joined else items

    def from_wire(self, value: Any) -> tuple[Any, ...]:
        # The service has put lists of target IDs in braces.
        items = value.strip(" {}").split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise ValueError(f"a list, or a text with commas, is needed; got {value!r}")
        return self.convert([self.kind.from_wire(item) for item in items])

    def describe(self) -> str:
        return f"tuple of {self.kind.describe()}"


class Words(Many):
    """One or more of a few words, kept in the order in which they are listed."""

    def __init__(self, *words: str) -> None:
        super().__init__(Choice(*words))
        self.words = words

    def convert(self, value: Any) -> tuple[str, ...]:
        return tuple(sorted(super().convert(value), key=self.words.index))
