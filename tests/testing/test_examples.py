"""Simulated observations of the tutorials: what is simulated, without the work of it."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time

from swiftxrt import Scene
from swiftxrt.engine.source import Source
from swiftxrt.met import met_to_time
from swiftxrt.testing import simulate_nova

DISCOVERY = Time("2011-04-14")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> tuple[Scene, dict[str, Any]]:
    """The scene of the nova, and how it is simulated."""
    calls: list[tuple[Scene, dict[str, Any]]] = []
    monkeypatch.setattr(
        "swiftxrt.testing.examples.simulate_observations",
        lambda scene, folder, **options: calls.append((scene, {"folder": folder, **options})) or [],
    )
    simulate_nova("somewhere", seed=7, overwrite=True)
    return calls[0]


def days_of(scene: Scene) -> list[float]:
    """When each observation begins, in days after the discovery."""
    first = {one.segment: one.start_s for one in reversed(scene.snapshots)}
    return [float((met_to_time(first[segment]) - DISCOVERY).to_value(u.day)) for segment in sorted(first)]


def test_the_visits_of_the_nova(asked: tuple[Scene, dict[str, Any]], validation_data: Any) -> None:
    """Those of one week are at the days, and have the exposures, of the real ones."""
    scene, options = asked
    assert options == {"folder": "somewhere", "seed": 7, "overwrite": True}
    assert scene.name == "T Pyx"
    days = days_of(scene)
    assert len(days) == 14
    assert (min(days), max(days)) == pytest.approx((0.6, 240.4), abs=1e-3)
    real = Table.read(validation_data / "query_results" / "tpyx_swiftmastr_selected8.ecsv")
    real_days = np.sort(real["start_time"]) - DISCOVERY.mjd
    assert [day for day in days if 142 < day < 150] == pytest.approx(real_days.tolist(), abs=0.25)
    exposure = [sum(one.duration_s for one in scene.snapshots if one.segment == segment) for segment in range(4, 12)]
    assert exposure == pytest.approx(real[np.argsort(real["start_time"])]["xrt_exposure"].tolist(), abs=5)


def rate(source: Source, day: float) -> float:
    met_s = 324432000.0 + day * 86400.0  # 2011-04-14, up to some seconds
    return float(np.asarray(source.curve.rate_cps(np.array([met_s])))[0])


def test_the_surface_appears_when_the_shell_is_thin(asked: tuple[Scene, dict[str, Any]]) -> None:
    scene, _ = asked
    surface, shocks = scene.sources
    assert [one.name for one in scene.sources] == ["surface", "shocks"]
    place = SkyCoord(136.1729423, -32.37986193, unit="deg")
    assert all(SkyCoord(one.ra_deg, one.dec_deg, unit="deg").separation(place) < 1 * u.mas for one in scene.sources)
    assert [rate(surface, day) for day in (50, 145, 250)] == pytest.approx([0.0, 0.18, 0.0], abs=1e-3)
    assert [rate(shocks, day) for day in (0, 120, 250)] == pytest.approx([0.01, 0.10, 0.02], abs=1e-3)
