"""Astrometric positions of a simulated observation whose catalogue is off by a known shift."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt import AllData, PositionRequest, ProductKind, Target, XRTRequest
from swiftxrt.engine import make_astrometric
from swiftxrt.engine.build import build_product, step_labels
from swiftxrt.engine.data import Data
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.exceptions import ProductNotAvailableError
from swiftxrt.products.position import Position
from swiftxrt.products.provenance import Provenance

TARGET = SkyCoord(150.0, 60.0, unit="deg")
OFFSETS = [(x, y) for x in (-5.0, -1.5, 2.0, 5.5) for y in (-5.5, -2.0, 1.5, 5.0)]
PLACES = SkyCoord([TARGET.spherical_offsets_by(x * u.arcmin, y * u.arcmin) for x, y in OFFSETS])
SHIFT = (3.0, -2.0)
REQUEST = XRTRequest(
    target=Target("X", position=TARGET), position=PositionRequest("astrometric", data=AllData())
).with_defaults()


def catalogue() -> QTable:
    """The truth is elsewhere: the star tracker was off. With chance objects between."""
    rng = np.random.default_rng(1)
    every = [place.spherical_offsets_by(*(SHIFT * u.arcsec)) for place in PLACES]
    chance = rng.uniform(-9.0, 9.0, (400, 2)) * u.arcmin
    every += [TARGET.spherical_offsets_by(*offset) for offset in chance]
    return QTable({"position": SkyCoord([SkyCoord(one.ra, one.dec) for one in every])})


@pytest.fixture(scope="module")
def data() -> Data:
    sources = tuple(
        Source(str(k), float(place.ra.deg), float(place.dec.deg), Constant(0.02))
        for k, place in enumerate([TARGET, *PLACES])
    )
    scene = Scene("X", "09999004", sources, (Snapshot(5e8, 1500.0), Snapshot(5e8 + 5754.0, 1500.0)))
    return Data(pc=tuple(simulate_observations(scene, seed=2)), wt=())


def test_attitude_is_corrected(data: Data) -> None:
    steps: list[int] = []
    asked: list[tuple[SkyCoord, u.Quantity]] = []

    def ask(centre: SkyCoord, radius: u.Quantity) -> QTable:
        asked.append((centre, radius))
        return catalogue()

    made = make_astrometric.make(
        REQUEST, data, Provenance(), lambda index, note="": steps.append(index), reference_catalog=ask
    )
    truth = TARGET.spherical_offsets_by(*(SHIFT * u.arcsec))
    assert made.kind == "astrometric"
    assert made.coord.separation(truth) < 1.5 * made.radius
    assert made.coord.separation(TARGET) > 1.5 * u.arcsec
    assert made.systematic < 1.6 * u.arcsec
    assert made.radius < 3.5 * u.arcsec
    assert made.radius > made.systematic
    assert steps == [1, 2, 3]
    assert len(step_labels(ProductKind.ASTROMETRIC_POSITION)) == 4
    assert any("astrometric error" in note for note in made.provenance.notes)
    ((centre, radius),) = asked
    assert centre.separation(TARGET) < 2 * u.arcmin
    assert 7 * u.arcmin < radius < 11 * u.arcmin
    assert Position.from_dict(made.to_dict()).systematic == made.systematic


def test_without_catalogue_it_says_what_is_needed(data: Data) -> None:
    with pytest.raises(ProductNotAvailableError, match=r"none was given: SwiftXRT\(.*reference_catalog=\.\.\.\)"):
        build_product(ProductKind.ASTROMETRIC_POSITION, REQUEST, [])
    with pytest.raises(ProductNotAvailableError, match="UVOT aspect solutions"):
        build_product(ProductKind.ENHANCED_POSITION, REQUEST, [])
