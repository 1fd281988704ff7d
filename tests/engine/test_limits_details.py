"""Events of hot pixels do not count in upper limits, and sources are vignetted at the energy of their band."""

from __future__ import annotations

import dataclasses

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine import limit_fields
from swiftxrt.engine.calibration import PSF_V004, EmbeddedCalibration
from swiftxrt.engine.detection import Detection
from swiftxrt.engine.detection_background import background_map
from swiftxrt.engine.detection_field import BANDS, Field
from swiftxrt.engine.hot_pixels import hot_events
from swiftxrt.engine.make_limits import LimitSettings, make_limits
from swiftxrt.engine.psf import vignetting
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.products.calibration import VignettingCoefficients
from swiftxrt.products.events import EventList

# PI of the events of a hot pixel of GRB 221009A.
HOT_PI = [38, 39, 54, 38, 36, 35, 41, 37]
NONE = VignettingCoefficients("none", 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def events() -> EventList:
    """600 s of a faint source on axis."""
    scene = Scene("X", "09999004", (Source("target", 150.0, 20.0, Constant(0.02)),), (Snapshot(5e8, 600.0),))
    scene = dataclasses.replace(scene, pointing_scatter_arcmin=0.0, jitter_arcsec=0.0, drift_arcsec=0.0)
    (events,) = simulate_observations(scene, seed=2)
    return events


@pytest.fixture(autouse=True)
def _no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for sources takes its time, and makes no difference here."""

    def background_only(field: Field) -> Detection:
        nothing = np.zeros_like(field.counts)
        return Detection((), background_map(field, nothing), nothing)

    monkeypatch.setattr(limit_fields, "find_sources", background_only)


def with_hot_pixel(events: EventList, index: int) -> EventList:
    """More events where and when one of the events is, as soft as those of a hot pixel."""
    columns = ("met", "x", "y", "pi", "grade", "rawx", "rawy", "detx", "dety", "pha", "status")
    rows = np.insert(np.arange(len(events)), index, np.full(len(HOT_PI), index))
    found = {name: getattr(events, name) for name in columns}
    more = {name: values[rows] for name, values in found.items() if values is not None}
    more["pi"][index : index + len(HOT_PI)] = HOT_PI
    return dataclasses.replace(events, **more)


def test_hot_pixels_do_not_count(events: EventList) -> None:
    away = np.hypot(events.x - 500.5, events.y - 500.5)
    # A lonely event of the background in the inner part of the field.
    (index,) = np.flatnonzero((away > 80) & (away < 200) & (events.pi > 100))[:1]
    both = with_hot_pixel(events, int(index))
    assert hot_events(both).sum() >= len(HOT_PI)
    x, y = (float(column[index]) - 1.0 for column in (events.x, events.y))
    place = events.wcs.pixel_to_world([x], [y])
    settings = LimitSettings(bands=["total", "soft"])
    clean, dirty = (make_limits([one], place, settings) for one in (events, both))
    # The event itself is on the hot pixel now.
    assert clean["total_counts"][0].value - dirty["total_counts"][0].value in (0, 1)
    for band in ("total", "soft"):
        assert dirty[f"{band}_counts"][0] <= clean[f"{band}_counts"][0]
        assert dirty[f"{band}_upper_limit"][0] <= 1.05 * clean[f"{band}_upper_limit"][0]


def test_sources_are_vignetted_at_the_energy_of_the_band(events: EventList) -> None:
    calibration = EmbeddedCalibration(PSF_V004)
    without = dataclasses.replace(calibration, vignetting=NONE)
    place = SkyCoord([150.0], [20.0], unit="deg").directional_offset_by(40 * u.deg, 8 * u.arcmin)
    settings = LimitSettings(bands="all")
    bent, flat = (make_limits([events], place, settings, calibration=one) for one in (calibration, without))
    angle = float(bent["off_axis"][0].to_value(u.arcmin))
    assert angle > 6.0
    for name in settings.names:
        lost = flat[f"{name}_correction_factor"][0] / bent[f"{name}_correction_factor"][0]
        expected = float(vignetting(BANDS[name].vignetting_kev, angle, calibration.vignetting))
        assert lost == pytest.approx(expected, rel=0.003)
