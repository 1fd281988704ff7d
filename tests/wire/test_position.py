"""Position replies."""

from __future__ import annotations

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.exceptions import ProductNotAvailableError, ProtocolError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance
from swiftxrt.wire import position

NOWHERE = Provenance()


def test_documented_reply() -> None:
    reply = {"GotPos": 1, "RA": "335.69849", "Dec": "-7.51788", "Err90": "3.5", "FromSXPS": 0}
    found = position.decode(reply, Kind.STANDARD_POSITION, NOWHERE)
    assert found.coord.ra.deg == 335.69849
    assert found.coord.dec.deg == -7.51788
    assert found.radius == 3.5 * u.arcsec
    assert (found.kind, found.catalog, found.confidence) == ("standard", None, 0.9)


def test_catalogue_position() -> None:
    reply = {"GotPos": 1, "RA": "1", "Dec": "2", "Err90": "3.5", "FromSXPS": 1, "WhichSXPS": "2SXPS"}
    assert position.decode(reply, Kind.STANDARD_POSITION, NOWHERE).catalog == "2SXPS"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_position])
def test_round_trip(kind: Kind) -> None:
    coord = SkyCoord(335.698512345678 * u.deg, -7.517912345678 * u.deg)
    made = Position(coord=coord, radius=1.234567890123 * u.arcsec, kind=kind.value.removesuffix("_position"))
    reply = position.encode(made, kind)
    assert ("FromSXPS" in reply) == (kind is not Kind.ENHANCED_POSITION)
    assert all(isinstance(reply[key], str) for key in ("RA", "Dec", "Err90"))
    assert position.decode(reply, kind, NOWHERE) == made


def test_no_position_has_a_reason() -> None:
    with pytest.raises(ProductNotAvailableError, match="no UVOT data") as caught:
        position.decode(position.encode_missing("no UVOT data"), Kind.ENHANCED_POSITION, NOWHERE)
    assert caught.value.kind == "enhanced position"
    with pytest.raises(ProductNotAvailableError, match="could not determine"):
        position.decode({"GotPos": 0}, Kind.ENHANCED_POSITION, NOWHERE)


@pytest.mark.parametrize("bad", [{"RA": "x"}, {"RA": None}, {"Dec": "95"}])
def test_unreadable_numbers(bad: dict) -> None:
    reply = {"GotPos": 1, "RA": "1", "Dec": "2", "Err90": "3.5", "FromSXPS": 0, **bad}
    with pytest.raises(ProtocolError, match="standard position"):
        position.decode(reply, Kind.STANDARD_POSITION, NOWHERE)
    del reply["Err90"]
    with pytest.raises(ProtocolError):
        position.decode(reply, Kind.STANDARD_POSITION, NOWHERE)
