"""What all sorts of value have in common."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

__all__ = ["Kind", "Pair", "compact", "is_code", "nearest", "wire_number"]

#: Similarities (0 to 1) that differ by less are equal.
_SAME_SCORE = 0.02
#: A beginning of a word has so many letters at least, and this score.
_SHORTEST_BEGINNING, _LONGER_SCORE = 3, 0.8


def nearest(given: str, allowed: Iterable[str], *, most: int = 1) -> str:
    """A hint naming the allowed words nearest to `given`, those that are nearer than the others, or an empty string.

    A word that begins with what was given is near. Of words that are equally
    near the first ones are named, `most` at most.
    """
    by_lower = {word.lower(): word for word in reversed(list(allowed))}
    order = list(by_lower)[::-1]
    matcher = difflib.SequenceMatcher()
    matcher.set_seq2(given.lower())
    scores = {}
    for word in difflib.get_close_matches(given.lower(), order, n=max(1, len(order))):
        matcher.set_seq1(word)
        scores[word] = matcher.ratio()
    if len(given) >= _SHORTEST_BEGINNING:
        longer = [word for word in order if word.startswith(given.lower())]
        scores |= {word: max(scores.get(word, 0.0), _LONGER_SCORE) for word in longer}
    near = sorted(scores, key=lambda word: (-scores[word], order.index(word)))
    words = [repr(by_lower[word]) for word in near[:most] if scores[word] >= scores[near[0]] - _SAME_SCORE]
    return f"; did you mean {' or '.join(filter(None, (', '.join(words[:-1]), words[-1])))}?" if words else ""


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
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"a number is needed; got {value!r}") from None


def is_code(value: Any) -> bool:
    """Whether a value is a whole number, or its text, as the internal codes of the service are."""
    return str(value).strip().lstrip("-").isdecimal()


class Kind(ABC):
    """How one sort of value is checked, stored and written.

    ``convert`` takes what a user gives and returns what is stored, raising
    `ValueError` with a sentence that says what is allowed. ``to_plain`` and
    ``from_plain`` translate to JSON values, ``to_wire`` and ``from_wire`` to
    the service's values.
    """

    @abstractmethod
    def convert(self, value: Any) -> Any:
        """What is stored of a value."""

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

    @abstractmethod
    def describe(self) -> str:
        """What is allowed, for the documentation tables."""


class Pair(Kind):
    """A kind that takes two keys on the wire."""

    @abstractmethod
    def to_pair(self, value: Any) -> tuple[Any, Any]:
        """The values of the two keys."""

    @abstractmethod
    def from_pair(self, first: Any, second: Any) -> Any:
        """The value that two keys stand for."""
