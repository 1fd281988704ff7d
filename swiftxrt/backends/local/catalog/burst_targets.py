"""The gamma-ray bursts among the targets of an archive, known by the names of their objects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ....exceptions import UnknownObjectError
from ....products.observation import Observation
from ....wire.values import job_number
from ..archive import Archive

__all__ = ["Burst", "all_bursts", "burst_of_name", "burst_of_target", "observations_of", "require_burst", "target_of"]

#: Names of bursts in event files, with the mark that simulations have.
_NAME = re.compile(r"(?:SIM[\s_-]*)?GRB[\s_-]*(\d{6})([A-Z]?)", re.IGNORECASE)
_DIGITS = 8


@dataclass(frozen=True)
class Burst:
    """A burst of the archive.

    Parameters
    ----------
    name : str
        As ``GRB 200416A``.
    object_name : str
        As in the event files.
    target_ids : tuple of str
        All targets that it was observed as; the first names its products.
    """

    name: str
    object_name: str
    target_ids: tuple[str, ...]

    @property
    def target_id(self) -> str:
        """The target that names its products."""
        return self.target_ids[0]


def _bursts(archive: Archive) -> dict[str, Burst]:
    """All bursts by their names."""
    found: dict[str, Burst] = {}
    for target_id, object_name in sorted(archive.objects().items()):
        name = _normal(object_name)
        if name:
            first = found.get(name, Burst(name, object_name, ()))
            found[name] = Burst(name, first.object_name, (*first.target_ids, target_id))
    return found


def all_bursts(archive: Archive) -> list[Burst]:
    """All bursts, in the order of their targets."""
    return list(_bursts(archive).values())


def _normal(name: Any) -> str:
    """A name as the service writes it; an empty text if it is not that of a burst."""
    match = _NAME.fullmatch(name.strip()) if isinstance(name, str) else None
    return f"GRB {match[1]}{match[2].upper()}" if match else ""


def burst_of_name(archive: Archive, name: Any) -> Burst | None:
    """The burst of a name, with blank or without."""
    return _bursts(archive).get(_normal(name))


def target_of(value: Any) -> str:
    """A target ID, which may come as number or text, in eight digits; an empty text if it is none."""
    digits = job_number(value)
    return digits.zfill(_DIGITS) if digits and len(digits.lstrip("0")) <= _DIGITS else ""


def burst_of_target(archive: Archive, value: Any) -> Burst | None:
    """The burst of one of its targets; none for targets of another kind."""
    target = target_of(value)[-_DIGITS:]
    return next((burst for burst in _bursts(archive).values() if target in burst.target_ids), None)


def require_burst(archive: Archive, value: Any) -> Burst:
    """The burst of a target, or an error.

    Raises
    ------
    UnknownObjectError
        If no target of that number is a burst.
    """
    burst = burst_of_target(archive, value)
    if burst is None:
        raise UnknownObjectError(f"there is no such burst here: target {value!r:.40}; ask for the number of its name")
    return burst


def observations_of(archive: Archive, target_ids: Iterable[str]) -> list[Observation]:
    """The observations of some targets, by ObsID."""
    wanted = set(target_ids)
    return [one for one in archive.observations if one.target_id in wanted]
