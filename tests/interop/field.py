"""The field that the reference client looks at: a burst, two steady sources, and one that was not there before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from swiftxrt.engine.demonstration import default_scene
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.source_models import AbsorbedPowerLaw, Constant, TabulatedCurve
from swiftxrt.testing.synthetic import simulate

NAME, TARGET = "GRB 200416A", 9999001
_DAY_S = 86400.0
_SPECTRUM = AbsorbedPowerLaw(1.7, 5e20)


def make_field(folder: Path) -> None:
    """Simulate two observations, a day apart."""
    usual = default_scene()
    t0, burst = float(usual.t0_met_s or 0.0), usual.sources[0]
    places = [(0.07, 0.03), (-0.06, 0.06), (0.02, -0.09)]
    curves = [
        Constant(0.08),
        Constant(0.05),
        TabulatedCurve((t0, t0 + 0.5 * _DAY_S, t0 + 0.6 * _DAY_S), (0.0, 0.0, 0.3)),
    ]
    field = [
        Source(f"field {number}", burst.ra_deg + ra, burst.dec_deg + dec, curve, _SPECTRUM)
        for number, ((ra, dec), curve) in enumerate(zip(places, curves, strict=True))
    ]
    scene: Scene = replace(
        usual,
        sources=(burst, *field),
        snapshots=(
            Snapshot(t0 + 80.0, 900.0, 0),
            Snapshot(t0 + 5800.0, 900.0, 0),
            Snapshot(t0 + _DAY_S, 900.0, 1),
        ),
    )
    simulate(folder, scene=scene)
