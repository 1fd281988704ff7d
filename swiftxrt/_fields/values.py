"""The sorts of value that a request can hold beside numbers: checks, conversions, plain and wire forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import astropy.units as u
import numpy as np

from ..bands import EnergyBand
from .base import Kind, Pair, compact, is_code, nearest, wire_number

__all__ = ["Band", "Choice", "Flag", "Identifier", "Many", "Text", "Words"]

_TRUE = ("1", "yes", "true")
_FALSE = ("0", "no", "false")


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
        truth = value.strip().lower() in _TRUE if isinstance(value, str) else bool(value)
        return truth is not self.inverted

    def knows(self, value: Any) -> bool:
        """Whether a value of the service is a plain yes or no."""
        if isinstance(value, str):
            return value.strip().lower() in _TRUE + _FALSE
        return isinstance(value, Real) and value in (0, 1)

    def describe(self) -> str:
        return "bool"


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

    def from_wire(self, value: Any) -> str:
        # The service and its reference client leave leading zeros away at times.
        text = str(value).strip()
        return self.parse(int(text) if text.isascii() and text.isdecimal() else value)

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
        return None if text not in self.words and is_code(text) else self.convert(text)

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

    def from_wire(self, value: Any) -> tuple[Any, ...] | None:
        """The values, or `None` if one of them is an internal code of the service."""
        # The service has put lists of target IDs in braces.
        items = value.strip(" {}").split(",") if isinstance(value, str) else value
        if isinstance(value, int) and not isinstance(value, bool):
            items = [value]
        if not isinstance(items, list | tuple):
            raise ValueError(f"a list, or a text with commas, is needed; got {value!r}")
        read = [self.kind.from_wire(item) for item in items]
        return None if None in read else self.convert(read)

    def describe(self) -> str:
        return f"tuple of {self.kind.describe()}"


class Words(Many):
    """One or more of a few words, kept in the order in which they are listed."""

    def __init__(self, *words: str) -> None:
        super().__init__(Choice(*words))
        self.words = words

    def convert(self, value: Any) -> tuple[str, ...]:
        return tuple(sorted(super().convert(value), key=self.words.index))
