"""Where a product comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Provenance"]


@dataclass(frozen=True)
class Provenance:
    """How, from what and by whom a product was made.

    Two products are compared without their provenance: the same request run
    by two backends gives equal products with different provenance.

    Parameters
    ----------
    backend : str
        ``"local"``, ``"ukssdc"`` or the name of another backend.
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
    created : str
        UTC, ISO 8601.
    """

    backend: str = ""
    request_digest: str = ""
    software: str = ""
    inputs: tuple[str, ...] = ()
    calibration: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    created: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and file headers."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items() if value}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Provenance:
        """Rebuild from `to_dict`; unknown keys are ignored."""
        names = {field.name for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name in names & set(plain):
            values[name] = tuple(plain[name]) if isinstance(plain[name], list | tuple) else plain[name]
        return cls(**values)
