"""What the engine tells of its work, one step after the other."""

from __future__ import annotations

import dataclasses
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import LightCurveRequest, Mode, ObsidBinning, ObsidSlices, SpectrumRequest, Target, XRTRequest
from swiftxrt.engine import make_lightcurve, make_spectra
from swiftxrt.engine.data import Data
from swiftxrt.engine.scene import Snapshot
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.products.provenance import Provenance
from swiftxrt.testing.synthetic import small_scene

POSITION = SkyCoord(150.0, 20.0, unit="deg")


@pytest.fixture(scope="module")
def data() -> Data:
    """A bright snapshot in windowed timing, then a faint one."""
    events = []
    for number, rate in enumerate((8, 1)):
        shot = Snapshot(5.0e8 + 1e4 * number, 60.0, segment=number)
        scene = dataclasses.replace(small_scene(rate=rate * u.ct / u.s), snapshots=(shot,))
        events += simulate_observations(scene, seed=5)
    pc, wt = (tuple(one for one in events if one.mode is mode) for mode in (Mode.PC, Mode.WT))
    return Data(pc=pc, wt=wt)


@pytest.mark.parametrize("maker", [make_lightcurve, make_spectra])
def test_steps_of_two_modes_come_in_order(maker: Any, data: Data) -> None:
    request = XRTRequest(
        target=Target("X", position=POSITION),
        light_curve=LightCurveRequest(binning=ObsidBinning()),
        spectrum=SpectrumRequest(slices=ObsidSlices()),
    ).with_defaults()
    told: list[tuple[int, str]] = []
    maker.make(request, data, Provenance(), lambda index, note="": told.append((index, note)))
    indices = [index for index, _ in told]
    assert indices == sorted(indices)
    assert set(indices) == set(range(len(maker.STEPS)))
    for step in (0, 1):
        notes = " ".join(note for index, note in told if index == step)
        assert "WT" in notes
        assert "PC" in notes
