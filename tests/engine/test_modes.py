"""Extractions are made once for the same events and settings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import ExtractionSettings, LightCurveRequest, SnapshotBinning, Target, XRTRequest
from swiftxrt.engine import modes
from swiftxrt.engine.data import Data
from swiftxrt.engine.parameters import extraction_parameters
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant
from swiftxrt.mission import Mode


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every extraction that is really made."""
    calls: list[int] = []
    original = modes.extract

    def extract(*arguments: object) -> object:
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(modes, "extract", extract)
    monkeypatch.setattr(modes, "_kept", modes._Kept())
    return calls


def data(seed: int = 1) -> Data:
    source = Source("source", 150.0, 20.0, Constant(0.3), AbsorbedPowerLaw())
    scene = Scene("s", "09999001", (source,), (Snapshot(5e8, 100.0),))
    return Data(tuple(events for events in simulate_observations(scene, seed=seed) if events.mode is Mode.PC), ())


def test_the_same_events_are_extracted_once(counted: list[int]) -> None:
    request = XRTRequest(
        target=Target(name="s", position=SkyCoord(150.0, 20.0, unit="deg")),
        light_curve=LightCurveRequest(binning=SnapshotBinning()),
    ).with_defaults()
    parameters = extraction_parameters(request.extraction, None)

    def made(of: Data, **changes: object) -> object:
        return modes.extract_modes(request, of, replace(parameters, **changes), lambda *_: None)[0][Mode.PC]

    first = made(data())
    assert made(data()) is first
    assert len(counted) == 1
    made(data(seed=2))
    made(data(), source_radius_max_pix=20.0)
    assert len(counted) == 3
    for radius in (10.0, 11.0, 12.0):
        made(data(), source_radius_max_pix=radius)
    assert made(data()) is not first  # Only the last few are kept.
    assert len(counted) == 7


def test_regions_reach_the_engine() -> None:
    settings = ExtractionSettings(source_region='fk5\ncircle(150,20,47")').with_defaults()
    parameters = extraction_parameters(settings, None)
    assert parameters.source_region == 'fk5\ncircle(150.0,20.0,47.0")'
    assert parameters.background_region is None
