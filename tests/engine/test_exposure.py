"""Exposure maps of whole images."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine.exposure import ExposureMap, map_exposure
from swiftxrt.engine.image import centred_wcs, exposure_at, stack_exposure
from swiftxrt.engine.psf import vignetting
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.calibration import VignettingCoefficients
from swiftxrt.products.events import BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI
from swiftxrt.testing.synthetic import small_scene

PLACES = np.random.default_rng(1).integers(150, 850, (2, 4000))


@pytest.fixture(scope="module")
def events() -> EventList:
    """Three snapshots that drift, of different pointings and rolls."""
    scene = small_scene(duration=300 * u.s, rate=0.01 * u.ct / u.s, snapshots=3, pointing_scatter=1 * u.arcmin)
    return simulate_observations(scene, seed=4)[0]


@pytest.fixture(scope="module")
def exposure(events: EventList) -> ExposureMap:
    """Of these, on their own pixels."""
    return map_exposure([events], events.wcs)


def _at_edges(ours: np.ndarray, exact: np.ndarray) -> float:
    """Share of the places where two maps differ by more than two per cent of the exposure."""
    return float(np.mean(np.abs(ours - exact) > 0.02 * exact.max()))


def test_map_is_the_exposure_of_all_places(events: EventList, exposure: ExposureMap) -> None:
    """Pixels at rims and bad columns are partly alive in the map; all others are what each looks up for itself."""
    x, y = PLACES
    exact = exposure_at(events, x, y)
    assert _at_edges(exposure.time_s[y, x], exact) < 0.05
    assert exposure.time_s[y, x].mean() == pytest.approx(exact.mean(), rel=5e-3)
    assert exposure.time_s.max() == pytest.approx(events.gti.exposure_s)


def test_the_sum_is_the_live_area_times_the_good_time(events: EventList, exposure: ExposureMap) -> None:
    """Whatever the roll, the drift and the bad columns."""
    expected = sum(snapshot.live.sum() * snapshot.gti.exposure_s for snapshot in split_snapshots(events))
    assert exposure.time_s.sum() == pytest.approx(expected, rel=1e-4)


def test_pixels_are_weighted_by_area() -> None:
    """One bad column turned by 25 degrees takes, with its neighbours, 3 pixels of each row of the detector."""
    whole, holed = (map_exposure([item], item.wcs).time_s for item in _still_pointings())
    lost = (whole - holed)[:, 400:600] / 500.0
    assert lost.sum(axis=0) == pytest.approx(3 / np.cos(np.radians(90.0 - 65.17)), rel=0.03)
    assert np.mean((lost > 0.1) & (lost < 0.9)) > 0.3 * np.mean(lost > 0.1)


def _still_pointings() -> list[EventList]:
    """One pointing that does not move, without and with a bad column."""
    header = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 25.0}
    nothing = np.zeros(0, dtype=int)
    columns = dict.fromkeys(("met", "x", "y", "pi", "grade"), nothing)
    blank = EventList(**columns, gti=GTI([1.3e8], [1.3e8 + 500.0]), mode="PC", header=header)
    since_s = np.arange(0.0, 501.0, 2.5)
    record = Attitude(1.3e8 + since_s, 0 * since_s + 150.0, 0 * since_s + 20.0, 0 * since_s + 25.0)
    column = np.array([(300, 0, 2, 600)], dtype=BAD_PIXEL_DTYPE)
    return [replace(blank, attitude=record, bad_pixels=rows) for rows in (None, column)]


def test_vignetting_and_angle(events: EventList, exposure: ExposureMap) -> None:
    """The pointing of a snapshot is taken as its mean for the vignetting, which changes by 4 per cent per arcmin."""
    x, y = PLACES
    inner = np.isclose(exposure.time_s[y, x], exposure_at(events, x, y))
    for energy_kev in (1.5, 5.0):
        exact = exposure_at(events, x, y, vignetted_kev=energy_kev)
        assert exposure.vignetted_s(energy_kev)[y, x][inner] == pytest.approx(exact[inner], abs=1e-3 * exact.max())
    part = exposure[480:520, 480:520]
    assert part.time_s.shape == (40, 40)
    expected = vignetting(1.5, part.off_axis_arcmin) * part.time_s
    assert part.vignetted_s(1.5) == pytest.approx(expected)
    assert exposure.off_axis_arcmin[0, 0] == 0.0


def test_vignetting_of_another_calibration(events: EventList, exposure: ExposureMap) -> None:
    twice = VignettingCoefficients("test", 0.0, 1.0, 4e-3)
    middle = (500, 560)
    angle = exposure.off_axis_arcmin[middle]
    assert exposure.vignetted_s(1.5, twice)[middle] == pytest.approx(exposure.time_s[middle] * (1 - 4e-3 * angle**2))
    place = (events, np.array([560]), np.array([500]))
    ratio = exposure_at(*place, vignetted_kev=1.5, coefficients=twice) / exposure_at(*place)
    assert ratio == pytest.approx(1 - 4e-3 * angle**2, rel=1e-3)


def test_notes_of_the_pointing_reach_the_map() -> None:
    bare = replace(_still_pointings()[1], attitude=None)
    mapped = map_exposure([bare, bare], bare.wcs)
    assert mapped.notes[0] == "pointing from the header in 2 of 2 snapshots"
    assert len(mapped.notes) == 2
    assert "the mean of the header" in mapped.notes[1]
    assert (mapped + mapped).notes == mapped.notes


def test_another_tangent_point(events: EventList) -> None:
    wcs = centred_wcs([events], SkyCoord(150.13, 20.05, unit="deg"))
    x, y = PLACES
    moved = map_exposure([events], wcs).time_s[y, x]
    exact = stack_exposure([events], wcs, x, y)
    assert _at_edges(moved, exact) < 0.08
    assert moved.sum() == pytest.approx(exact.sum(), rel=5e-3)


def test_moved_maps_keep_their_sum(events: EventList, exposure: ExposureMap) -> None:
    wcs = centred_wcs([events], SkyCoord(150.05, 20.02, unit="deg"))
    moved = map_exposure([events], wcs)
    # Pixels of the two tangent planes differ in area by less than 1e-4.
    assert moved.time_s.sum() == pytest.approx(exposure.time_s.sum(), rel=5e-4)
    assert moved.square_s.sum() == pytest.approx(exposure.square_s.sum(), rel=2e-3)


def test_larger_images(events: EventList, exposure: ExposureMap) -> None:
    wcs = centred_wcs([events])
    wcs.wcs.crpix = [600.5, 600.5]
    wcs.wcs.set()
    wcs.array_shape = (1200, 1200)
    large = map_exposure([events], wcs).time_s
    assert large.shape == (1200, 1200)
    assert large[100:1100, 100:1100] == pytest.approx(exposure.time_s, abs=1e-3)


def test_overlapping_unsorted_intervals_count_once(events: EventList) -> None:
    start, stop = events.gti.start[0], events.gti.stop[0]
    messy = GTI([start + 50, start, stop - 20], [stop, start + 80, stop - 10])
    lists = [replace(events, gti=gti) for gti in (messy, GTI([start], [stop]))]
    maps = [map_exposure([item], item.wcs).time_s for item in lists]
    assert np.array_equal(*maps)
    assert maps[0].max() == pytest.approx(stop - start)


def test_maps_add_up(events: EventList, exposure: ExposureMap) -> None:
    one, two = exposure, map_exposure([events, events], events.wcs)
    assert np.array_equal(two.time_s, (one + one).time_s)
    assert np.array_equal(two.square_s, 2 * one.square_s)
    assert two.off_axis_arcmin == pytest.approx(one.off_axis_arcmin)


def test_field_that_misses_the_image(events: EventList, exposure: ExposureMap) -> None:
    """Observations may lie beside the image, or across its rim."""
    for ra_deg, share in ((150.35, 0.5), (151.5, 0.0)):
        wcs = centred_wcs([events], SkyCoord(ra_deg, 20.0, unit="deg"))
        seen = map_exposure([events], wcs).time_s.sum() / exposure.time_s.sum()
        assert seen == pytest.approx(share, abs=0.25)
        assert share == 0.0 or 0.1 < seen < 0.95


def test_negative_exposure_is_impossible() -> None:
    far = ExposureMap(np.full((2, 2), 10.0), np.full((2, 2), 10.0 * 40.0**2))
    assert not far.vignetted_s(1.5).any()
