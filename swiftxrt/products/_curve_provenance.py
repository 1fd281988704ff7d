"""The provenance of curves, kept among the attributes of their tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astropy.table import TableAttribute

from ..exceptions import RequestError
from .provenance import Provenance, joined

__all__ = ["ProvenanceAttribute"]


class ProvenanceAttribute(TableAttribute):
    """A `Provenance` in the metadata of a table.

    It is kept there as a list of plain dictionaries: plain, because files hold
    texts and numbers only, and a list, because Astropy puts the lists of two
    tables together when these are stacked and would choose one of two
    dictionaries.
    """

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        return joined(map(Provenance.from_dict, _plain(super().__get__(instance, owner))))

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not None and not isinstance(value, Provenance | Mapping | list):
            raise RequestError([("provenance", f"a Provenance is needed; got {value!r}")])
        super().__set__(instance, _plain(value))


def _plain(value: Any) -> list[dict[str, Any]]:
    """What the metadata hold, from any form of it."""
    parts = value if isinstance(value, list) else [] if value is None else [value]
    plain = [part.to_dict() if isinstance(part, Provenance) else part for part in parts]
    if not all(isinstance(part, Mapping) for part in plain):
        raise RequestError([("provenance", f"a Provenance, or a mapping of its fields, is needed; got {value!r}")])
    return [dict(part) for part in plain if part]
