"""Position replies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.exceptions import ProductNotAvailableError, ProtocolError
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance
from swiftxrt.wire import position

NOWHERE = Provenance()
SOUND = {"GotPos": 1, "RA": "335.69849", "Dec": "-7.51788", "Err90": "3.5", "FromSXPS": 0}
EXCHANGES = json.loads((Path(__file__).parents[1] / "data" / "golden_exchanges.json").read_text(encoding="utf-8"))[
    "exchanges"
]


def decode(kind: Kind = Kind.STANDARD_POSITION, **changes: Any) -> Position:
    return position.decode({**SOUND, **changes}, kind, NOWHERE)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("exchange_30_psf_pos", Kind.STANDARD_POSITION, (335.69849, -7.51788, 3.5)),
        ("exchange_33_enh_pos", Kind.ENHANCED_POSITION, (335.70008, -7.51816, 1.7)),
        ("exchange_34_astrom_pos", Kind.ASTROMETRIC_POSITION, (335.70087, -7.51741, 14.3)),
    ],
)
def test_recorded_positions(name: str, kind: Kind, expected: tuple[float, ...]) -> None:
    found = position.decode(EXCHANGES[name]["reply"]["json"], kind, NOWHERE)
    assert (found.coord.ra.deg, found.coord.dec.deg, found.radius.to_value(u.arcsec)) == expected
    assert (found.kind, found.catalog, found.confidence) == (kind.value.removesuffix("_position"), None, 0.9)


def test_recorded_outcome_without_position() -> None:
    reply = EXCHANGES["exchange_32_psf_no_pos"]["reply"]["json"]
    with pytest.raises(ProductNotAvailableError, match="could not determine") as caught:
        position.decode(reply, Kind.STANDARD_POSITION, NOWHERE)
    assert caught.value.kind == "standard position"


def test_catalogue_position() -> None:
    assert decode(FromSXPS=1, WhichSXPS="2SXPS").catalog == "2SXPS"
    assert decode(FromSXPS="1", WhichSXPS=None).catalog == "SXPS"
    assert decode(FromSXPS="0", WhichSXPS="2SXPS").catalog is None
    assert decode(FromSXPS=None).catalog is None


@pytest.mark.parametrize("got", [1, "1", 1.0, True, "true", "yes"])
def test_spellings_of_yes(got: Any) -> None:
    assert decode(GotPos=got).radius == 3.5 * u.arcsec


@pytest.mark.parametrize("got", [0, "0", 0.0, False, "false", "no", None, ""])
def test_spellings_of_no(got: Any) -> None:
    with pytest.raises(ProductNotAvailableError, match="too faint"):
        decode(GotPos=got, Reason="too faint")


@pytest.mark.parametrize("got", ["perhaps", [], float("nan")])
def test_answers_that_are_none(got: Any) -> None:
    with pytest.raises(ProtocolError, match="GotPos"):
        decode(GotPos=got)


def test_numbers_as_such() -> None:
    assert decode(RA=335.69849, Dec=-7.51788, Err90=3.5) == decode()
    assert decode(RA=" 335.69849 ") == decode()


def test_keys_missing_from_old_replies() -> None:
    reply = {key: value for key, value in SOUND.items() if key != "FromSXPS"}
    assert position.decode(reply, Kind.STANDARD_POSITION, NOWHERE) == decode()


def test_further_keys_become_notes() -> None:
    told = Provenance(notes=("job 3",), backend="ukssdc")
    found = position.decode({**SOUND, "Sno": 3, "Reason": None, "Deep": {"x": 1}}, Kind.STANDARD_POSITION, told)
    assert found.provenance == Provenance(notes=("job 3", "the service says Sno = 3"), backend="ukssdc")
    assert decode(Provenance={"backend": "local"}).provenance == NOWHERE


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_position])
@pytest.mark.parametrize("catalog", [None, "2SXPS"])
def test_round_trip(kind: Kind, catalog: str | None) -> None:
    catalog = None if kind is Kind.ENHANCED_POSITION else catalog
    coord = SkyCoord(335.698512345678 * u.deg, -7.517912345678 * u.deg)
    word = kind.value.removesuffix("_position")
    made = Position(coord=coord, radius=1.234567890123 * u.arcsec, kind=word, catalog=catalog)
    reply = json.loads(json.dumps(position.encode(made, kind)))
    assert ("FromSXPS" in reply) == (kind is not Kind.ENHANCED_POSITION)
    assert all(isinstance(reply[key], str) for key in ("RA", "Dec", "Err90"))
    assert position.decode(reply, kind, NOWHERE) == made


def test_no_position_has_a_reason() -> None:
    with pytest.raises(ProductNotAvailableError, match="no UVOT data") as caught:
        position.decode(position.encode_missing("no UVOT data"), Kind.ENHANCED_POSITION, NOWHERE)
    assert caught.value.kind == "enhanced position"


@pytest.mark.parametrize(
    "bad", [{"RA": "x"}, {"RA": None}, {"Dec": "95"}, {"RA": "nan"}, {"Err90": "inf"}, {"Err90": "0"}, {"Err90": "-1"}]
)
def test_unreadable_numbers(bad: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="standard position"):
        decode(**bad)


def test_unreadable_numbers_are_named() -> None:
    with pytest.raises(ProtocolError, match="RA is 'nan', Err90 is None;"):
        decode(RA="nan", Err90=None)


@pytest.mark.parametrize("bad", [[], None, "x", {}, {"GotPos": 1}, {"RA": "1", "Dec": "2", "Err90": "3"}])
def test_replies_that_are_none(bad: Any) -> None:
    with pytest.raises(ProtocolError):
        position.decode(bad, Kind.STANDARD_POSITION, NOWHERE)
