"""Exposure maps of whole images."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.exposure import ExposureMap, map_exposure
from swiftxrt.engine.image import centred_wcs, exposure_at, stack_exposure
from swiftxrt.engine.psf import vignetting
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.products.events import EventList
from swiftxrt.testing.synthetic import small_scene

PLACES = np.random.default_rng(1).integers(150, 850, (2, 4000))


@pytest.fixture(scope="module")
def events() -> EventList:
    """Three snapshots that drift, of different pointings and rolls."""
    scene = small_scene(duration=300 * u.s, rate=0.01 * u.ct / u.s, snapshots=3, pointing_scatter=1 * u.arcmin)
    return simulate_observations(scene, seed=4)[0]


def test_map_is_the_exposure_of_all_places(events: EventList) -> None:
    """Shifting one map of the detector gives what each pixel looks up for itself."""
    x, y = PLACES
    exposure = map_exposure([events], events.wcs)
    assert np.array_equal(exposure.time_s[y, x], exposure_at(events, x, y))
    assert exposure.time_s.max() == pytest.approx(events.gti.exposure_s)


def test_vignetting_and_angle(events: EventList) -> None:
    """The pointing of a snapshot is taken as its mean for the vignetting, which changes by 4 per cent per arcmin."""
    x, y = PLACES
    exposure = map_exposure([events], events.wcs)
    for energy_kev in (1.5, 5.0):
        exact = exposure_at(events, x, y, vignetted_kev=energy_kev)
        assert exposure.vignetted_s(energy_kev)[y, x] == pytest.approx(exact, abs=1e-3 * exact.max())
    part = exposure[480:520, 480:520]
    assert part.time_s.shape == (40, 40)
    expected = vignetting(1.5, part.off_axis_arcmin) * part.time_s
    assert part.vignetted_s(1.5) == pytest.approx(expected)
    assert exposure.off_axis_arcmin[0, 0] == 0.0


def test_another_tangent_point(events: EventList) -> None:
    wcs = centred_wcs([events], SkyCoord(150.13, 20.05, unit="deg"))
    x, y = PLACES
    moved = map_exposure([events], wcs).time_s[y, x]
    exact = stack_exposure([events], wcs, x, y)
    # Pixels at rims and bad columns differ, all others do not.
    assert np.mean(np.abs(moved - exact) > 0.02 * exact.max()) < 0.05
    assert moved.sum() == pytest.approx(exact.sum(), rel=2e-3)


def test_maps_add_up(events: EventList) -> None:
    one, two = map_exposure([events], events.wcs), map_exposure([events, events], events.wcs)
    assert np.array_equal(two.time_s, (one + one).time_s)
    assert np.array_equal(two.square_s, 2 * one.square_s)
    assert two.off_axis_arcmin == pytest.approx(one.off_axis_arcmin)


def test_field_that_misses_the_image(events: EventList) -> None:
    """Observations may lie beside the image, or across its rim."""
    for ra_deg, share in ((150.35, 0.5), (151.5, 0.0)):
        wcs = centred_wcs([events], SkyCoord(ra_deg, 20.0, unit="deg"))
        seen = map_exposure([events], wcs).time_s.sum() / map_exposure([events], events.wcs).time_s.sum()
        assert seen == pytest.approx(share, abs=0.25)
        assert share == 0.0 or 0.1 < seen < 0.95


def test_negative_exposure_is_impossible() -> None:
    far = ExposureMap(np.full((2, 2), 10.0), np.full((2, 2), 10.0 * 40.0**2))
    assert not far.vignetted_s(1.5).any()
