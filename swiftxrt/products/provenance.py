"""Where a product comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Provenance", "provenance_of"]


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
    cautions : tuple of (str, str)
        What the user is warned of when the product is handed over: class of
        the warning and text.
    created : str
        UTC, ISO 8601.
    """

    backend: str = ""
    request_digest: str = ""
    software: str = ""
    inputs: tuple[str, ...] = ()
    calibration: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cautions: tuple[tuple[str, str], ...] = ()
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
            values[name] = _tuples(plain[name])
        return cls(**values)


def _tuples(value: Any) -> Any:
    """Lists, as JSON gives them, as tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def provenance_of(product: Any) -> Provenance:
    """Provenance of a product of any kind; that of its first part if it has several."""
    part = product[0] if isinstance(product, tuple) else getattr(product, "total", product)
    provenance = getattr(part, "provenance", None) or {}
    return provenance if isinstance(provenance, Provenance) else Provenance.from_dict(provenance)
