"""Position replies of the product service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from ..exceptions import ProductNotAvailableError, ProtocolError
from ..kinds import ProductKind
from ..products.position import Position
from ..products.provenance import Provenance

__all__ = ["decode", "encode", "encode_missing"]


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

    Raises
    ------
    ProductNotAvailableError
        If the service found no position.
    ProtocolError
        If what should be numbers are not.
    """
    if str(reply.get("GotPos")) not in ("1", "True", "true"):
        reason = str(reply.get("Reason") or "the service could not determine a position")
        raise ProductNotAvailableError(kind.title, reason)
    try:
        ra, dec, radius = (float(reply[key]) for key in ("RA", "Dec", "Err90"))
        coord = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs")
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(
            f"the reply holds no readable {kind.title}: {error}", payload_excerpt=repr(reply)[:300]
        ) from error
    catalog = None
    if str(reply.get("FromSXPS", 0)) in ("1", "True", "true"):
        catalog = str(reply.get("WhichSXPS") or "SXPS")
    return Position(
        coord=coord,
        radius=radius * u.arcsec,
        kind=kind.value.removesuffix("_position"),
        catalog=catalog,
        provenance=provenance,
    )
