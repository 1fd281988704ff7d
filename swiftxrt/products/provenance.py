"""Where a product comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from .._version import __version__

__all__ = ["CLIENT", "Provenance", "joined", "provenance_of", "utc_now"]

#: This program, as it stands in `Provenance.client`.
CLIENT = f"swiftxrt {__version__}"


@dataclass(frozen=True)
class Provenance:
    """How, from what and by whom a product was made.

    Two products are compared without their provenance: the same request run
    by two backends gives equal products with different provenance.

    Parameters
    ----------
    backend : str
        What made the product: ``"local"``, ``"ukssdc"`` or the name of another
        backend; an embedded server works with the local engine.
    request_digest : str
        Digest of the request as resolved by the backend.
    software : str
        Name and version of what made the product.
    inputs : tuple of str
        ObsIDs or file names used.
    calibration : tuple of str
        Calibration used, one sentence for each approximation.
    notes : tuple of str
        Anything else a user should know.
    cautions : tuple of (str, str)
        What the user is warned of when the product is handed over: class of
        the warning and text.
    created : str
        When it was made or, if that is not told, fetched: UTC, ISO 8601.
    service : str
        Address of the service it was fetched from; empty for the local engine.
    api_version : str
        Version of the protocol which that service speaks.
    job_id : str
        The job that made it.
    client : str
        Name and version of the program that asked for it.
    """

    backend: str = ""
    request_digest: str = ""
    software: str = ""
    inputs: tuple[str, ...] = ()
    calibration: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cautions: tuple[tuple[str, str], ...] = ()
    created: str = ""
    service: str = ""
    api_version: str = ""
    job_id: str = ""
    client: str = ""

    def received(self, here: Provenance) -> Provenance:
        """What came with a product, and what the program that fetched it knows.

        Parameters
        ----------
        here : Provenance
            Counts for where the product was fetched from, and for what was not told.
        """
        told = {name: value for name, value in vars(self).items() if value and name not in _OF_THE_WAY}
        return replace(here, **told)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and file headers."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items() if value}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Provenance:
        """Rebuild from `to_dict`; unknown keys, and values that are not of their kind, are ignored."""
        told = dict(plain)
        values = {
            field.name: _read(field.name, told[field.name]) for field in dataclasses.fields(cls) if field.name in told
        }
        return cls(**{name: value for name, value in values.items() if value})


_LISTS = ("inputs", "calibration", "notes", "cautions")
# What the last program on the way knows best.
_OF_THE_WAY = ("service", "api_version", "job_id", "client")


def _read(name: str, value: Any) -> Any:
    """A value as it was before JSON made lists of tuples; nothing, if it is not of its kind."""
    if name not in _LISTS:
        return value if isinstance(value, str) else ""
    items = value if isinstance(value, list | tuple) else ()
    if name == "cautions":
        return tuple((item[0], item[1]) for item in items if _is_pair(item))
    return tuple(item for item in items if isinstance(item, str))


def _is_pair(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(word, str) for word in item)


def provenance_of(product: Any) -> Provenance:
    """Provenance of a product of any kind; that of its first part if it has several."""
    part = product[0] if isinstance(product, tuple) else getattr(product, "total", product)
    provenance = getattr(part, "provenance", None) or {}
    return provenance if isinstance(provenance, Provenance) else Provenance.from_dict(provenance)


def joined(parts: Iterable[Provenance]) -> Provenance:
    """One provenance of several: everything told once, different words beside each other."""
    parts = list(parts)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Provenance):
        told = [value for one in parts if (value := getattr(one, field.name))]
        if field.type == "str":
            values[field.name] = ", ".join(_once(told))
        else:
            values[field.name] = tuple(_once(item for items in told for item in items))
    return Provenance(**values)


def _once(items: Iterable[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


def utc_now() -> str:
    """The present moment as it stands in `Provenance.created`."""
    return datetime.now(UTC).isoformat(timespec="seconds")
