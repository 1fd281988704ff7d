"""Position replies of the product service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from ..exceptions import ProductNotAvailableError, ProtocolError, RequestError
from ..kinds import ProductKind
from ..products.position import Position
from ..products.provenance import Provenance
from .reading import any_case, number, text, yes

__all__ = ["decode", "encode", "encode_missing"]

_NUMBERS = ("RA", "Dec", "Err90")
#: Keys that this package understands, and the one under which an embedded server tells of provenance.
_READ = {key.lower() for key in (*_NUMBERS, "GotPos", "FromSXPS", "WhichSXPS", "Reason", "Provenance")}


def encode(position: Position, kind: ProductKind) -> dict[str, Any]:
    """The content of a position reply; numbers are texts, as in the service's."""
    coord = position.coord.icrs
    reply: dict[str, Any] = {
        "GotPos": 1,
        "RA": repr(float(coord.ra.deg)),
        "Dec": repr(float(coord.dec.deg)),
        "Err90": repr(float(position.radius.to_value(u.arcsec))),
    }
    if kind is not ProductKind.ENHANCED_POSITION:
        reply["FromSXPS"] = int(position.catalog is not None)
        if position.catalog is not None:
            reply["WhichSXPS"] = position.catalog
    return reply


def encode_missing(reason: str) -> dict[str, Any]:
    """The content of a reply without position; ``Reason`` is ours, other clients ignore it."""
    return {"GotPos": 0, "Reason": reason}


def decode(reply: Mapping[str, Any], kind: ProductKind, provenance: Provenance) -> Position:
    """Read a position reply.

    Truth values and numbers may come in any spelling. Keys that this package
    does not know become notes of the position's provenance.

    Parameters
    ----------
    reply : mapping
        The content of the reply.
    kind : ProductKind
        Which position was asked for.
    provenance : Provenance
        Where it comes from.

    Returns
    -------
    position : Position
        ``catalog`` names the catalogue it was taken from, if it was.

    Raises
    ------
    ProductNotAvailableError
        If the service found no position, with its reason.
    ProtocolError
        If what should be numbers are not.
    """
    if not isinstance(reply, Mapping):
        raise ProtocolError("a position reply must be a JSON object", payload_excerpt=repr(reply)[:300])
    got = yes(any_case(reply, "GotPos"))
    values = {key: number(any_case(reply, key)) for key in _NUMBERS}
    if not got:
        if got is None or "GotPos" not in reply:
            raise _unreadable(kind, reply, "it does not say whether there is one (GotPos)")
        reason = text(any_case(reply, "Reason")) or "the service could not determine a position"
        raise ProductNotAvailableError(kind.title, reason)
    unreadable = [key for key, value in values.items() if not np.isfinite(value)]
    if unreadable:
        told = ", ".join(f"{key} is {any_case(reply, key)!r}" for key in unreadable)
        raise _unreadable(kind, reply, told)
    try:
        return Position(
            coord=SkyCoord(values["RA"] * u.deg, values["Dec"] * u.deg, frame="icrs"),
            radius=values["Err90"] * u.arcsec,
            kind=kind.value.removesuffix("_position"),
            catalog=_catalog(reply),
            provenance=replace(provenance, notes=(*provenance.notes, *_notes(reply))),
        )
    except (ValueError, RequestError) as error:
        raise _unreadable(kind, reply, str(error)) from error


def _catalog(reply: Mapping[str, Any]) -> str | None:
    """The catalogue a position was taken from; the flag and the name may contradict each other."""
    if not yes(any_case(reply, "FromSXPS")):
        return None
    return text(any_case(reply, "WhichSXPS")) or "SXPS"


def _notes(reply: Mapping[str, Any]) -> tuple[str, ...]:
    others = {str(key): text(value) for key, value in reply.items() if str(key).lower() not in _READ}
    return tuple(f"the service says {key} = {said}" for key, said in others.items() if said)


def _unreadable(kind: ProductKind, reply: Mapping[str, Any], why: str) -> ProtocolError:
    return ProtocolError(f"the reply holds no readable {kind.title}: {why}", payload_excerpt=repr(dict(reply))[:300])
