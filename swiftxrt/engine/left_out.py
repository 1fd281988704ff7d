"""What a product was not made from, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..mission import Mode
from ..products.observation import Observation

__all__ = ["LeftOut", "file_names", "listed"]

_MOST_NAMED = 10


def listed(names: Sequence[str], most: int = _MOST_NAMED) -> str:
    """Names in one sentence: the first ones, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def file_names(observation: Observation, mode: Mode) -> list[str]:
    """Names of the event files of one mode."""
    return [path.name for path in observation.files.get(mode, ())]


class LeftOut:
    """Names of what was not used, by reason."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], list[str]] = {}

    def add(self, reason: str, names: Iterable[str], noun: str = "event file") -> None:
        """Note that some files, or whatever `noun` says, were not used."""
        known = self._names.setdefault((noun, reason), [])
        known += [name for name in names if name not in known]

    def sentences(self, most: int = _MOST_NAMED) -> tuple[str, ...]:
        """One sentence for each reason: how many, why, and which."""
        return tuple(
            f"{len(names)} {noun}{'s were' if len(names) > 1 else ' was'} not used, {reason}: {listed(names, most)}"
            for (noun, reason), names in self._names.items()
            if names
        )
