"""Positions with their error circle."""

from __future__ import annotations

import json
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Angle, SkyCoord
from regions import CircleSkyRegion

from swiftxrt.exceptions import OutputExistsError, RequestError
from swiftxrt.io.regions import read_regions
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance

COORD = SkyCoord("1h26m57.2s", "+33d07m30.04s")


def test_parts_and_defaults():
    position = Position(COORD, 0.001 * u.deg)
    assert position.radius == 3.6 * u.arcsec
    assert position.radius.unit == u.arcsec
    assert (position.confidence, position.kind, position.catalog) == (0.9, "standard", None)
    with pytest.raises(AttributeError):
        position.radius = 1 * u.arcsec


def test_any_frame_becomes_icrs():
    position = Position(COORD.galactic, 3 * u.arcsec)
    assert position.coord.frame.name == "icrs"
    assert position.coord.separation(COORD).arcsec < 1e-6
    with_distance = SkyCoord(COORD, distance=3 * u.Mpc)
    assert Position(with_distance, 3 * u.arcsec).coord.distance.unit == u.one


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (((21.7, 33.1), 3 * u.arcsec), "coord"),
        ((SkyCoord([1, 2], [3, 4], unit="deg"), 3 * u.arcsec), "coord"),
        ((SkyCoord(np.nan, 3, unit="deg"), 3 * u.arcsec), "coord"),
        ((SkyCoord(3, np.nan, unit="deg", frame="galactic"), 3 * u.arcsec), "coord"),
        ((COORD, 3), "radius"),
        ((COORD, 3 * u.s), "radius"),
        ((COORD, 0 * u.arcsec), "radius"),
        ((COORD, np.nan * u.arcsec), "radius"),
        ((COORD, [3, 4] * u.arcsec), "radius"),
        ((COORD, 3 * u.arcsec, 90), "confidence"),
        ((COORD, 3 * u.arcsec, "0.9"), "confidence"),
    ],
)
def test_bad_values(values, field):
    with pytest.raises(RequestError, match=field):
        Position(*values)


def test_region():
    region = Position(COORD, 3.5 * u.arcsec, kind="enhanced").region
    assert isinstance(region, CircleSkyRegion)
    assert region.radius == 3.5 * u.arcsec
    assert region.center.separation(COORD).arcsec < 1e-6
    assert region.meta["text"] == "enhanced position (90%)"


def test_separation():
    position = Position(COORD, 3 * u.arcsec)
    other = Position(COORD.directional_offset_by(0 * u.deg, 10 * u.arcsec), 3 * u.arcsec)
    assert isinstance(position.separation(other), Angle)
    assert position.separation(other).arcsec == pytest.approx(10, abs=1e-6)
    assert position.separation(other.coord).arcsec == pytest.approx(10, abs=1e-6)
    with pytest.raises(RequestError, match="Position or SkyCoord"):
        position.separation("there")


def test_dictionary_is_json_and_comes_back():
    position = Position(COORD, 3.5 * u.arcsec, 0.68, "astrometric", "2MASS", Provenance(backend="local", notes=("a",)))
    plain = json.loads(json.dumps(position.to_dict()))
    again = Position.from_dict(plain)
    assert again == position
    assert again.provenance == position.provenance
    assert again.coord.ra.deg == position.coord.ra.deg
    assert Position.from_dict(Position(COORD, 3 * u.arcsec).to_dict()) == Position(COORD, 3 * u.arcsec)


@pytest.mark.parametrize(
    "plain", [{}, {"ra_deg": 1, "dec_deg": 2}, {"ra_deg": "x", "dec_deg": 2, "radius_arcsec": 3}, {"ra_deg": None}]
)
def test_incomplete_dictionaries(plain):
    with pytest.raises(RequestError):
        Position.from_dict(plain)


def test_equality_by_value():
    position = Position(COORD, 3.5 * u.arcsec)
    same = Position(COORD.fk5, (3.5 / 3600) * u.deg, provenance=Provenance(backend="other"))
    assert position == same
    assert hash(position) == hash(same)
    assert position != Position(COORD.directional_offset_by(0 * u.deg, 0.001 * u.arcsec), 3.5 * u.arcsec)
    assert position != Position(COORD, 3.6 * u.arcsec)
    assert position != Position(COORD, 3.5 * u.arcsec, 0.95)
    assert position != Position(COORD, 3.5 * u.arcsec, kind="enhanced")
    assert position != Position(COORD, 3.5 * u.arcsec, catalog="2MASS")
    assert position != "position"


def test_pickle():
    position = Position(COORD, 3.5 * u.arcsec, kind="astrometric", catalog="2MASS")
    assert pickle.loads(pickle.dumps(position)) == position


def test_write(tmp_path):
    position = Position(COORD, 3.5 * u.arcsec)
    path = position.write(tmp_path / "x.reg")
    (region,) = read_regions(path)
    assert region.radius == 3.5 * u.arcsec
    assert position.coord.separation(region.center).arcsec < 1e-6
    assert path.read_text().splitlines()[1] == "fk5"
    with pytest.raises(OutputExistsError):
        position.write(path)
    position.write(path, overwrite=True)


@pytest.mark.parametrize("name", ["p.dat", "p.fits", "p.reg.gz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(RequestError, match=r"written as \.json, or as region \.reg"):
        Position(COORD, 3.5 * u.arcsec).write(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_repr():
    position = Position(COORD, 3.5 * u.arcsec)
    assert repr(position) == "<Position 01h26m57.20s +33d07m30.0s, radius 3.5 arcsec (90%), standard>"
    south = Position(SkyCoord(1, -0.5, unit="deg"), 1.46 * u.arcsec, kind="astrometric", catalog="2MASS")
    assert repr(south) == "<Position 00h04m00.00s -00d30m00.0s, radius 1.46 arcsec (90%), astrometric, 2MASS>"
