"""What the service demands of a request, beyond what our own requests do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..kinds import ProductKind
from ..wire.names import ALIASES
from ..wire.values import flag, is_unset

__all__ = ["missing_keys"]

Payload = Mapping[str, Any]


def _asked(payload: Payload, *kinds: ProductKind) -> bool:
    return any(flag(payload.get(kind.flag)) for kind in kinds)


def _extracts(payload: Payload) -> bool:
    return _asked(payload, ProductKind.LIGHT_CURVE, ProductKind.SPECTRUM)


def _needs_position(payload: Payload) -> bool:
    """Only lists of sources can do without a position."""
    others = [kind for kind in ProductKind if kind is not ProductKind.SOURCES]
    return _asked(payload, *others) and not flag(payload.get("getCoords"))


def _bins_counts(payload: Payload) -> bool:
    method = str(payload.get("binMeth")).strip().lower()
    return _asked(payload, ProductKind.LIGHT_CURVE) and method == "counts"


#: The key, and when it is needed.
_RULES: tuple[tuple[str, Callable[[Payload], bool]], ...] = (
    ("name", lambda payload: True),
    ("targ", lambda payload: not flag(payload.get("getTargs"))),
    ("RA", _needs_position),
    ("Dec", _needs_position),
    ("cent", _extracts),
    ("poserr", lambda payload: flag(payload.get("cent"))),
    ("binMeth", lambda payload: _asked(payload, ProductKind.LIGHT_CURVE)),
    ("pccounts", _bins_counts),
    ("wtcounts", _bins_counts),
    ("specz", lambda payload: _asked(payload, ProductKind.SPECTRUM)),
    ("zval", lambda payload: _asked(payload, ProductKind.SPECTRUM) and flag(payload.get("specz"))),
)


def missing_keys(payload: Payload) -> list[str]:
    """Names of the parameters that are needed, but were not supplied.

    Parameters
    ----------
    payload : mapping
        A submission.
    """
    return [key for key, is_needed in _RULES if is_needed(payload) and not _has(payload, key)]


def _has(payload: Payload, key: str) -> bool:
    return any(not is_unset(payload.get(name)) for name in (key, *ALIASES.get(key, ())))
