"""Circles around positions, and tables of limits made from event lists."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from swiftxrt.engine import limit_fields
from swiftxrt.engine import make_limits as limits_module
from swiftxrt.engine.calibration import PSF_V004, PSF_V006, EmbeddedCalibration
from swiftxrt.engine.counts import kbn_interval
from swiftxrt.engine.detection import Detection
from swiftxrt.engine.detection_background import background_map
from swiftxrt.engine.detection_field import Field, PointSource
from swiftxrt.engine.exposure import ExposureMap, map_exposure
from swiftxrt.engine.limits import RADIUS_PIX, Apertures, measure_apertures
from swiftxrt.engine.make_limits import LimitSettings, make_limits
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.exceptions import RequestError
from swiftxrt.mission import PIXEL_ARCSEC
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

SIZE, EXPOSURE_S, BACKGROUND = 200, 1000.0, 0.01


def flat_field(**changes: np.ndarray) -> Field:
    """A square field without vignetting, its events by chance."""
    shape = (SIZE, SIZE)
    seen = np.full(shape, EXPOSURE_S)
    counts = np.random.default_rng(3).poisson(BACKGROUND, shape).astype(float)
    images = {"counts": counts, "time_s": seen, "source_s": seen, "background_s": seen}
    return Field(**(images | {"off_axis_arcmin": np.zeros(shape)} | changes), energy_kev=1.5)


def with_sources(field: Field, *sources: PointSource) -> Detection:
    model = np.zeros_like(field.counts)
    for source in sources:
        source.add_to(model, field, 1e-4)
    return Detection(sources, np.where(field.time_s > 0, BACKGROUND, 0.0), model)


def test_circle_by_circle_and_all_at_once() -> None:
    field = flat_field()
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-5.0, SIZE + 5.0, (2, 2500))  # more than are done at a time
    found = measure_apertures(field, with_sources(field), x, y, EXPOSURE_S)
    assert found.counts.shape == (2500,)
    for k in (0, 1, 2, 1999, 2000, 2499):
        disc = field.disc(x[k], y[k], RADIUS_PIX)
        share = field.psf(x[k], y[k]).pixel_fractions(disc.x_pix - x[k], disc.y_pix - y[k])
        assert found.counts[k] == disc.sum(field.counts)
        assert found.background[k] == pytest.approx(BACKGROUND * disc.x_pix.size)
        assert found.correction_factor[k] == pytest.approx(EXPOSURE_S / float((share * EXPOSURE_S).sum()))
    middle = (np.abs(x - SIZE / 2) < 80) & (np.abs(y - SIZE / 2) < 80)
    # The whole circle sees what the profile encloses.
    enclosed = float(field.psf(0, 0).enclosed(RADIUS_PIX))
    np.testing.assert_allclose(found.correction_factor[middle], 1 / enclosed, rtol=6e-3)
    np.testing.assert_allclose(found.coverage[middle], 1.0)
    np.testing.assert_allclose(found.source_s[middle], EXPOSURE_S)
    assert np.isnan(found.nearest_arcsec).all()


def test_dead_columns_and_vignetting() -> None:
    seen = np.full((SIZE, SIZE), EXPOSURE_S)
    seen[:, 98:102] = 0.0
    seen[:, 150:] = 0.0
    field = flat_field(time_s=seen, source_s=0.8 * seen)
    found = measure_apertures(
        field, with_sources(field), np.array([50.0, 110.0, 100.0, 158.0, 162.5]), np.full(5, 60.0), EXPOSURE_S
    )
    whole = 1 / (0.8 * float(field.psf(0, 0).enclosed(RADIUS_PIX)))
    assert found.correction_factor[0] == pytest.approx(whole, rel=6e-3)
    assert whole < found.correction_factor[1] < found.correction_factor[2] < found.correction_factor[3]
    assert np.isnan(found.correction_factor[4])
    # Without vignetting, the mean over the circle; the coverage is that of the profile.
    assert found.source_s[2] == pytest.approx(EXPOSURE_S * (1 - 4 * 24 / (np.pi * 144)), rel=0.02)
    assert found.coverage[2] < 0.8 * found.coverage[1]
    np.testing.assert_array_equal(found.observed, [True, True, True, False, False])
    assert found.background[4] == 0


def test_positions_outside_were_not_observed() -> None:
    field = flat_field()
    x, y = np.array([-50.0, 1e30, 100.0, np.float64(SIZE + 13)]), np.array([100.0, 1e30, -1e12, 100.0])
    found = measure_apertures(field, with_sources(field), x, y, EXPOSURE_S)
    assert not found.observed.any()
    assert not found.counts.any()
    assert not measure_apertures(field, with_sources(field), np.array([]), np.array([]), EXPOSURE_S).counts.size
    # Without any good time nothing was observed either.
    blank = flat_field(**{name: np.zeros((SIZE, SIZE)) for name in ("time_s", "source_s", "background_s")})
    assert not measure_apertures(blank, with_sources(blank), np.array([9.0]), np.array([9.0]), 0.0).observed.any()


def test_sources_nearby_are_background_and_those_inside_are_not() -> None:
    field = flat_field()
    bright = PointSource(60.0, 60.0, 0.5, 1.0, 1000.0)
    faint = PointSource(160.0, 160.0, 0.01, 1.0, 30.0)
    detection = with_sources(field, bright, faint)
    places = np.array([(60.0, 60.0), (71.0, 60.0), (80.0, 60.0), (160.0, 163.0), (20.0, 180.0)])
    found = measure_apertures(field, detection, *places.T, EXPOSURE_S)
    empty = measure_apertures(field, with_sources(field), *places.T, EXPOSURE_S)
    np.testing.assert_allclose(found.background[[0, 1]], empty.background[[0, 1]], rtol=0.05)
    disc = field.disc(80.0, 60.0, RADIUS_PIX)
    spread = float(bright.expected(field, disc).sum())
    assert spread > 2
    assert found.background[2] - empty.background[2] == pytest.approx(spread, rel=0.03)
    np.testing.assert_allclose(found.nearest_arcsec[[1, 3]], np.array([11.0, 3.0]) * PIXEL_ARCSEC)


def test_parts_are_joined_in_order() -> None:
    parts = [Apertures(*np.arange(7.0).reshape(7, 1) + 10 * k) for k in range(2)]
    joined = Apertures.joined(parts)
    assert joined.counts.tolist() == [0, 10]
    assert joined.nearest_arcsec.tolist() == [6, 16]


TARGET = SkyCoord(150.0, 20.0, unit="deg")
EMPTY = TARGET.directional_offset_by(40 * u.deg, 5 * u.arcmin)
OUTSIDE = SkyCoord(10.0, -20.0, unit="deg")


@pytest.fixture(scope="module")
def lists() -> list[EventList]:
    """A source in two observations of 600 s."""
    scene = Scene(
        "X",
        "09999004",
        (Source("target", 150.0, 20.0, Constant(0.05)),),
        (Snapshot(5e8, 600.0, 0), Snapshot(5e8 + 9e4, 600.0, 1)),
        pointing_scatter_arcmin=1.0,
        pointing_offset_arcmin=(-2.0, 0.0),
    )
    return simulate_observations(scene, seed=2)


def background_only(field: Field) -> Detection:
    """In place of the search for sources, which takes its time."""
    nothing = np.zeros_like(field.counts)
    return Detection((), background_map(field, nothing), nothing)


EXPOSURE_MAPS: dict[tuple[int, ...], ExposureMap] = {}


def remembered_exposure(lists: Sequence[EventList], wcs: WCS) -> ExposureMap:
    """The same map for the same event lists."""
    key = tuple(map(id, lists))
    if key not in EXPOSURE_MAPS:
        EXPOSURE_MAPS[key] = map_exposure(lists, wcs)
    return EXPOSURE_MAPS[key]


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch, lists: list[EventList]) -> None:
    monkeypatch.setattr(limit_fields, "find_sources", background_only)
    monkeypatch.setattr(limit_fields, "map_exposure", remembered_exposure)


def places(*points: SkyCoord) -> SkyCoord:
    return SkyCoord([point.ra.deg for point in points], [point.dec.deg for point in points], unit="deg")


def test_all_data_sets_of_all_positions(lists: list[EventList]) -> None:
    notes: list[str] = []
    settings = LimitSettings(data="all", detections_as_rates=True)
    table = make_limits(lists, places(TARGET, OUTSIDE, EMPTY), settings, progress=notes.append)
    titles = ("stack of 2 observations", "09999004000", "09999004001")
    assert notes == [note for title in titles for note in (title, f"{title}, total band")]
    assert table["position_number"].tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert table["outcome"].tolist() == ["detection"] * 3 + ["not observed"] + ["limit"] * 3
    assert table["dataset"].tolist() == [*["stack", "observation", "observation"], "", *["stack"], *["observation"] * 2]
    assert table["obsid"].tolist()[:3] == ["", "09999004000", "09999004001"]
    assert table["n_observations"].tolist() == [2, 1, 1, 0, 2, 1, 1]
    assert table["start"].mask.tolist() == [False] * 3 + [True] + [False] * 3
    assert table["start"][0] == table["start"][1] < table["stop"][1] < table["start"][2] < table["stop"][2]
    assert table["position"][4].separation(EMPTY) < 1e-6 * u.arcsec
    np.testing.assert_allclose(table["image_exposure"].value[:3], [1200, 600, 600], rtol=5e-3)
    assert np.isnan(table["total_upper_limit"][3])
    assert np.isnan(table["total_rate"][4:]).all()
    assert np.isfinite(table["total_rate"][:3]).all()
    # The limit is what the numbers in the row give, the rate what was put in.
    seen = table[table["outcome"] != "not observed"]
    n, b = seen["total_counts"].value, seen["total_background_counts"].value
    scale = seen["total_correction_factor"] / seen["image_exposure"].value
    np.testing.assert_allclose(seen["total_upper_limit"].value, kbn_interval(n, b, 0.9973)[1] * scale)
    assert abs(table["total_rate"][0].value - 0.05) < 3 * table["total_rate_err_pos"][0].value
    assert table["nearest_source"][0] < 8 * u.arcsec
    assert table["nearest_source"][4] > 4 * u.arcmin
    assert table.meta["detection_threshold"] == 0.9973
    assert u.Quantity(table.meta["radius"]).to_value(u.arcsec) == pytest.approx(28.29, abs=0.01)


@pytest.mark.usefixtures("no_search")
def test_other_choices_of_data(lists: list[EventList]) -> None:
    points = places(TARGET, OUTSIDE)
    every = make_limits(lists, points, LimitSettings(data="all"))
    assert "total_rate" not in every.colnames
    assert every["outcome"].tolist() == ["limit"] * 3 + ["not observed"]
    for data, rows in (("deepest", [0, 3]), ("stack", [0, 3]), ("observations", [1, 2, 3])):
        found = make_limits(lists, points, LimitSettings(data=data))
        assert found.colnames == every.colnames
        np.testing.assert_array_equal(found["total_upper_limit"], every["total_upper_limit"][rows])
    merged = make_limits(lists, points, LimitSettings(data="merged"))
    assert merged["dataset"].tolist() == ["merged", "merged"]
    assert merged["outcome"].tolist() == ["limit", "not observed"]
    assert merged["total_counts"][0] == every["total_counts"][1] + every["total_counts"][2]
    assert "total_is_detected" not in merged.colnames
    rates = make_limits(lists, points, LimitSettings(data="merged", detections_as_rates=True))
    assert rates["outcome"].tolist() == ["detection", "not observed"]
    # Merged and stacked are two ways to one limit.
    ratio = merged["total_upper_limit"][0] / every["total_upper_limit"][0]
    assert 0.9 < ratio < 1.1


@pytest.mark.usefixtures("no_search")
def test_bands_radius_and_confidence(lists: list[EventList]) -> None:
    points = places(EMPTY)
    narrow = make_limits(lists[:1], points, LimitSettings(bands="all", radius=15 * u.arcsec, confidence=0.9))
    for band in ("total", "soft", "medium", "hard"):
        assert narrow[f"{band}_correction_factor"][0] > 1.3
    parts = sum(narrow[f"{band}_counts"][0] for band in ("soft", "medium", "hard"))
    assert parts == narrow["total_counts"][0]
    assert narrow["confidence"][0] == 0.9
    one = make_limits(lists[:1], points, LimitSettings(bands=["hard", "soft"]))
    assert not [name for name in one.colnames if name.startswith(("total", "medium"))]


@pytest.mark.usefixtures("no_search")
def test_calibration_sets_the_correction_factor(lists: list[EventList]) -> None:
    """A wider profile has less inside the circle."""
    embedded = make_limits(lists[:1], places(EMPTY))
    other = make_limits(lists[:1], places(EMPTY), calibration=EmbeddedCalibration(PSF_V006))
    ratio = other["total_correction_factor"][0] / embedded["total_correction_factor"][0]
    inside = [float(KingPSF.at(1.5, 5.0, psf).enclosed(RADIUS_PIX)) for psf in (PSF_V004, PSF_V006)]
    assert ratio == pytest.approx(inside[0] / inside[1], rel=0.02)
    assert abs(ratio - 1) > 0.01
    assert other.meta["calibration"] == ["swxpsf20010101v006", "swxvign20010101v001"]


@pytest.mark.usefixtures("no_search")
def test_nothing_to_measure(lists: list[EventList]) -> None:
    for events in ([], [dataclasses.replace(lists[0], gti=GTI.empty())]):
        table = make_limits(events, places(TARGET))
        assert table["outcome"].tolist() == ["not observed"]
        assert table["source_exposure"][0] == 0 * u.s
    empty = make_limits(lists, SkyCoord([], [], unit="deg"), LimitSettings(detections_as_rates=True))
    assert len(empty) == 0
    assert "total_rate" in empty.colnames
    assert not len(make_limits([], SkyCoord([], [], unit="deg"), LimitSettings(data="merged")))


@pytest.mark.usefixtures("no_search")
def test_far_observations_are_not_stacked(lists: list[EventList], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "_STACK_ARCMIN", 0.01)
    table = make_limits(lists, places(EMPTY), LimitSettings(data="all"))
    assert table["dataset"].tolist() == ["observation", "observation"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": "herd"}, "did you mean 'hard'"),
        ({"data": "deppest"}, "did you mean 'deepest'"),
        ({"data": None}, "must be one of 'deepest'"),
        ({"confidence": 99.73}, "write 0.9973"),
        ({"detection_threshold": 3}, "detection_threshold: must be a probability"),
        ({"detections_as_rates": "yes"}, "must be True or False"),
        ({"radius": 12}, "must be an angle"),
        ({"radius": 0 * u.arcsec}, "must be an angle"),
        ({"radius": np.nan * u.arcsec}, "must be an angle"),
        ({"radius": 1 * u.deg}, "up to 120 arcsec"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        LimitSettings(**settings)


def test_deepest_is_the_longest_exposure_of_each_position() -> None:
    columns = {
        "position_number": np.array([3, 1, 1, 3, 2]),
        "source_exposure": np.array([5.0, 7.0, 8.0, 4.0, 0.0]),
        "name": np.array(["a", "b", "c", "d", "e"]),
    }
    found = limits_module._deepest(columns)
    assert found["position_number"].tolist() == [1, 2, 3]
    assert found["name"].tolist() == ["c", "e", "a"]
