"""The parts of the search for sources, and the search on small drawn fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from swiftxrt.engine.calibration import EMBEDDED, PSF_V006, VIGNETTING, EmbeddedCalibration
from swiftxrt.engine.detection import _Search, find_sources
from swiftxrt.engine.detection_background import background_map
from swiftxrt.engine.detection_cells import find_candidates, local_background
from swiftxrt.engine.detection_errors import source_pixels, source_position_errors
from swiftxrt.engine.detection_field import BANDS, Disc, Field, PointSource
from swiftxrt.engine.detection_fit import gain_of, likelihood, settle_source, try_source
from swiftxrt.engine.detection_measure import measure_sources, unevenness
from swiftxrt.engine.detection_quality import Quality, likelihood_limits, rate_quality
from swiftxrt.engine.exposure import ExposureMap
from swiftxrt.engine.psf import KingPSF
from swiftxrt.mission import PIXEL_ARCSEC

SIZE = 240
TIME_S = 5000.0
BACKGROUND_CPS = 7.5e-7
Placed = tuple[float, float, float]


def in_discs(image: np.ndarray) -> Callable[[Disc], np.ndarray]:
    return lambda disc: disc.of(image)


def exposure_map(time_s: float = TIME_S, *, size: int = SIZE, columns: slice | None = None) -> ExposureMap:
    """Part of a field around the optical axis, perhaps with dead columns."""
    y, x = np.mgrid[0:size, 0:size] - size / 2
    time = np.full((size, size), time_s)
    if columns is not None:
        time[:, columns] = 0.0
    return ExposureMap(time, time * (np.hypot(x, y) * PIXEL_ARCSEC / 60.0) ** 2)


def drawn(
    seed: int,
    sources: Sequence[Placed] = (),
    *,
    exposure: ExposureMap | None = None,
    background: float = BACKGROUND_CPS,
) -> Field:
    """An image with background and sources given as (x, y, counts on axis)."""
    exposure = exposure_map() if exposure is None else exposure
    flat = Field.of(np.zeros_like(exposure.time_s), exposure, 1.5)
    mean = background * flat.background_s
    for x, y, counts in sources:
        PointSource(x, y, counts / exposure.time_s.max(), 1.0, 0.0).add_to(mean, flat, 1e-6)
    return Field.of(np.random.default_rng(seed).poisson(mean).astype(float), exposure, 1.5)


# --- Field ----------------------------------------------------------------------


def test_bands_share_no_event() -> None:
    total, soft, medium, hard = (BANDS[name].channels for name in ("total", "soft", "medium", "hard"))
    assert (soft[0], hard[1]) == total == (30, 1000)
    assert (soft[1] + 1, medium[1] + 1) == (medium[0], hard[0]) == (100, 200)


def test_picture_of_a_source() -> None:
    field = drawn(1)
    source = PointSource(100.3, 140.8, 0.1, 1.0, 0.0)
    image = np.zeros_like(field.counts)
    source.add_to(image, field, 1e-3)
    disc = field.disc(100.3, 140.8, 30.0)
    assert disc.of(image) == pytest.approx(source.expected(field, disc))
    seen = field.value(field.source_s, 100.3, 140.8)
    assert 0.985 * TIME_S < seen < 0.999 * TIME_S
    enclosed = field.psf(100.3, 140.8).enclosed(30.0)
    assert disc.sum(image) == pytest.approx(0.1 * seen * enclosed, rel=3e-3)
    source.add_to(image, field, 1e-3, -1.0)
    assert np.abs(image).max() < 1e-12


def test_discs_end_where_nothing_was_seen() -> None:
    field = drawn(1, exposure=exposure_map(columns=slice(0, 100)))
    assert field.disc(103.0, 50.0, 10.0).x_pix.min() == 100
    assert field.disc(3.0, 50.0, 10.0).x_pix.size == 0
    ring = field.disc(150.0, 3.0, 10.0, 5.0)
    assert ring.y_pix.min() == 0
    assert np.hypot(ring.x_pix - 150.0, ring.y_pix - 3.0).min() >= 5.0


def test_events_where_nothing_was_seen_do_not_count() -> None:
    exposure = exposure_map(columns=slice(0, 100))
    field = Field.of(np.ones_like(exposure.time_s), exposure, 1.5)
    assert field.counts[:, :100].sum() == 0.0
    assert field.counts.sum() == SIZE * (SIZE - 100)


def test_angle_is_known_in_dead_columns() -> None:
    exposure = exposure_map(columns=slice(200, 204))
    field = Field.of(np.zeros_like(exposure.time_s), exposure, 1.5)
    expected = 81.5 * PIXEL_ARCSEC / 60.0
    assert field.value(field.off_axis_arcmin, 201.5, 120.0) == pytest.approx(expected, rel=0.05)
    assert field.psf(201.5, 120.0).slope == pytest.approx(field.psf(38.5, 120.0).slope, rel=1e-3)


# --- Background -----------------------------------------------------------------


@pytest.mark.parametrize(("time_s", "spread"), [(1e3, 0.2), (2e4, 0.06), (1e5, 0.04)])
def test_background_of_an_empty_field(time_s: float, spread: float) -> None:
    field = drawn(2, exposure=exposure_map(time_s))
    ratio = background_map(field, np.zeros_like(field.counts)) / (BACKGROUND_CPS * field.background_s)
    assert ratio.mean() == pytest.approx(1.0, abs=spread)
    assert ratio.std() < spread


def test_background_follows_a_slope() -> None:
    exposure = exposure_map(1e5, size=600)
    slope = np.linspace(0.5, 1.5, 600)
    flat = Field.of(np.zeros_like(exposure.time_s), exposure, 1.5)
    counts = np.random.default_rng(3).poisson(BACKGROUND_CPS * flat.background_s * slope)
    made = background_map(Field.of(counts, exposure, 1.5), np.zeros_like(flat.counts))
    ratio = (made / (BACKGROUND_CPS * flat.background_s)).mean(axis=0)
    assert ratio[100:500] == pytest.approx(slope[100:500], abs=0.05)


def test_sources_are_no_background() -> None:
    """Neither their cores, also if their picture is too faint, nor their wings."""
    truth = [(120.0, 120.0, 6000.0), (60.0, 180.0, 50.0)]
    ratios = []
    for seed in range(6):
        field = drawn(seed, truth, exposure=exposure_map(2e4))
        models = np.zeros((3, *field.counts.shape))
        for model, part in zip(models, (1.0, 0.7, 0.0), strict=True):
            for x, y, counts in truth:
                PointSource(x, y, part * counts / 2e4, 1.0, 0.0).add_to(model, field, 1e-2)
        right = BACKGROUND_CPS * field.background_s
        ratios.append([(background_map(field, model) / right).mean() for model in models])
    exact, too_faint, none = np.mean(ratios, axis=0)
    assert exact == pytest.approx(1.0, abs=0.05)
    assert 1.0 < too_faint < 1.3
    assert none > 5.0


def test_background_is_never_zero() -> None:
    field = drawn(5, background=1e-12)
    assert background_map(field, np.zeros_like(field.counts)).min() > 0.0
    assert local_background(field).min() > 0.0


# --- Cells ----------------------------------------------------------------------


def test_candidates_are_where_sources_are() -> None:
    truth = [(60.0, 60.0, 25.0), (170.0, 90.0, 80.0), (80.0, 190.0, 400.0)]
    field = drawn(6, truth)
    for expected in (local_background(field), BACKGROUND_CPS * field.background_s):
        places = np.array(find_candidates(field, expected))
        for x, y, _ in truth:
            assert np.hypot(*(places - [x, y]).T).min() < 3.0
        assert places[0] == pytest.approx([80.0, 190.0], abs=2.0)  # The least likely first.
        assert len(places) < 40


def test_known_sources_are_no_candidates() -> None:
    truth = [(80.0, 190.0, 400.0)]
    field = drawn(7, truth)
    expected = BACKGROUND_CPS * field.background_s
    PointSource(80.0, 190.0, 400.0 / TIME_S, 1.0, 0.0).add_to(expected, field, 1e-3)
    assert all(np.hypot(x - 80.0, y - 190.0) > 10.0 for x, y in find_candidates(field, expected))


def test_candidate_on_the_slope_of_a_known_source() -> None:
    """There is no peak in the counts themselves."""
    found = 0
    for seed in range(5):
        field = drawn(seed, [(100.0, 120.0, 4000.0), (109.0, 120.0, 200.0)])
        expected = BACKGROUND_CPS * field.background_s
        PointSource(100.0, 120.0, 4000.0 / TIME_S, 1.0, 0.0).add_to(expected, field, 1e-3)
        found += min(np.hypot(x - 109.0, y - 120.0) for x, y in find_candidates(field, expected)) < 3.0
    assert found == 5


# --- Fit ------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [0.0, 0.3, 5.0, 30.0, 400.0])
def test_likelihood_is_the_tail_of_chi_square(gain: float) -> None:
    assert likelihood(gain) == pytest.approx(-stats.chi2.logsf(gain, 3), rel=1e-9, abs=1e-12)


def test_likelihood_of_the_brightest_sources_is_finite() -> None:
    assert likelihood(np.array([-1.0, 1e5])) == pytest.approx([0.0, 5e4 - np.log(2 * np.sqrt(5e4 / np.pi))])


def test_fit_beside_a_neighbour() -> None:
    """Counts of a source in the wings of a brighter one are its own."""
    truth = [(120.0, 120.0, 2000.0), (135.0, 120.0, 150.0)]
    rates = []
    for seed in range(12):
        field = drawn(seed, truth)
        others = BACKGROUND_CPS * field.background_s
        PointSource(120.0, 120.0, 2000.0 / TIME_S, 1.0, 0.0).add_to(others, field, 1e-3)
        fitted = try_source(field, in_discs(others), 136.0, 121.0)
        assert np.hypot(fitted.x_pix - 135.0, fitted.y_pix - 120.0) < 1.5
        rates.append(fitted.rate_cps * TIME_S)
    assert np.mean(rates) == pytest.approx(150.0, abs=4 * 20.0 / np.sqrt(12))


def test_fit_that_cannot_be_worth_it_is_broken_off() -> None:
    """What is worth it comes out the same to the last bit; what is not is only rough."""
    for seed in range(8):
        field = drawn(seed, [(120.0, 120.0, 12.0)])
        others = in_discs(BACKGROUND_CPS * field.background_s)
        whole = try_source(field, others, 118.0, 119.0)
        for least in (0.5 * whole.gain, whole.gain + 0.5):
            assert repr(try_source(field, others, 118.0, 119.0, worth=least)) == repr(whole)
        rough = try_source(field, others, 118.0, 119.0, worth=whole.gain + 5.0)
        assert whole.gain - 0.1 < rough.gain <= whole.gain + 1e-5


@pytest.mark.parametrize("least", [1e-3, 6.5, 12.5, 1e9])
def test_gain_of_a_likelihood(least: float) -> None:
    assert likelihood(gain_of(least)) == pytest.approx(least, rel=1e-6)


def test_weak_candidates_are_not_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless less is expected around them."""
    field = drawn(4, [(60.0, 60.0, 60.0), (120.0, 120.0, 300.0), (180.0, 90.0, 25.0)])
    search = _Search(field, None)
    search.add_candidates()
    search.refine()
    search.add_candidates()
    weak = set(search.hopeless)
    assert weak
    calls: list[tuple[float, float]] = []

    def counted(*given: object, **options: object) -> PointSource | None:
        calls.append(given[2:4])  # type: ignore[arg-type]
        return try_source(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("swiftxrt.engine.detection.try_source", counted)
    search.add_candidates()
    assert not set(calls) & weak
    search.background = 0.5 * search.background
    search.add_candidates()
    assert set(calls) & weak


def test_source_beside_a_neighbour_is_less_sure() -> None:
    """It is weighed against half as much again of the neighbour, whose profile may differ."""
    field = drawn(9, [(120.0, 120.0, 30.0), (128.0, 120.0, 300.0)])
    background, neighbour = BACKGROUND_CPS * field.background_s, np.zeros_like(field.counts)
    brighter = PointSource(128.0, 120.0, 300.0 / TIME_S, 1.0, 0.0)
    brighter.add_to(neighbour, field, 1e-3)
    beside = try_source(field, in_discs(background + neighbour), 120.0, 120.0)
    doubted = try_source(field, in_discs(background + 1.5 * neighbour), 120.0, 120.0)
    assert 0.0 < doubted.gain < 0.9 * beside.gain
    settled = settle_source(field, background, neighbour, beside, [brighter])
    assert settled.gain == pytest.approx(doubted.gain, rel=0.1)
    assert settled.rate_cps == pytest.approx(beside.rate_cps, rel=0.1)


def test_source_amid_diffuse_emission_is_less_sure() -> None:
    """The background around it is two and a half times that of the map."""
    field = drawn(9, [(120.0, 120.0, 40.0)], exposure=exposure_map(2e4))
    background, nothing = BACKGROUND_CPS * field.background_s, np.zeros_like(field.counts)
    alone = try_source(field, in_discs(background), 120.0, 120.0)
    assert settle_source(field, background, nothing, alone).gain == pytest.approx(alone.gain, rel=0.02)
    amid = try_source(field, in_discs(0.4 * background), 120.0, 120.0)
    assert settle_source(field, 0.4 * background, nothing, amid).gain == pytest.approx(alone.gain, rel=0.1)
    assert amid.gain > 1.3 * alone.gain


def test_point_sources_around_are_not_diffuse_emission() -> None:
    """A neighbour of the same kind fills one sector of the ring, diffuse emission all of them."""
    gains = []
    for seed in range(6):
        field = drawn(seed, [(120.0, 120.0, 40.0), (140.0, 120.0, 60.0)], exposure=exposure_map(2e4))
        background = BACKGROUND_CPS * field.background_s
        model = np.zeros_like(background)
        neighbour = PointSource(140.0, 120.0, 60.0 / 2e4, 1.0, 0.0)
        neighbour.add_to(model, field, 1e-3)
        found = try_source(field, in_discs(background + model), 120.0, 120.0)
        gains.append(settle_source(field, background, model, found, [neighbour]).gain / found.gain)
    assert np.mean(gains) > 0.72


@pytest.mark.parametrize(("x_pix", "counts"), [(93.0, 600.0), (90.0, 1500.0)])
def test_fit_stays_in_the_field(x_pix: float, counts: float) -> None:
    """Events at the rim are the wing of something beyond it; how bright it is nobody can tell."""
    field = drawn(18, [(x_pix, 120.0, counts)], exposure=exposure_map(columns=slice(0, 100)))
    source = try_source(field, in_discs(BACKGROUND_CPS * field.background_s), 101.0, 120.0)
    assert source is not None
    assert source.x_pix > 98.0
    assert source.rate_cps * TIME_S < 100.0


def test_fit_needs_pixels() -> None:
    field = drawn(1, exposure=exposure_map(columns=slice(0, 100)))
    assert try_source(field, in_discs(BACKGROUND_CPS * field.background_s), 20.0, 100.0) is None


def test_core_spoilt_by_pile_up_is_left_out() -> None:
    """A flat core where there should be a peak: counts follow from the wings."""
    field = drawn(10, [(120.0, 120.0, 2.0 * TIME_S)])
    radius = np.hypot(*(np.indices(field.counts.shape) - 120.0))
    field.counts[radius < 6.0] = np.minimum(field.counts[radius < 6.0], 15.0)
    (source,) = find_sources(field).sources
    assert source.hole_pix == 6.0
    assert source.rate_cps == pytest.approx(2.0, rel=0.05)
    assert measure_sources(field, find_sources(field))["rate"] == pytest.approx([2.0], rel=0.05)


# --- Errors ---------------------------------------------------------------------


def test_contour_of_a_bright_source_is_that_of_the_fisher_matrix() -> None:
    field = drawn(11, [(120.0, 120.0, 800.0)])
    background = BACKGROUND_CPS * field.background_s
    source = settle_source(
        field, background, np.zeros_like(background), try_source(field, in_discs(background), 120.0, 120.0)
    )
    errors = source_position_errors(field, background, source)
    assert errors.radius90 == pytest.approx(source.radius90_pix, rel=0.1)
    one = np.array([errors.x_neg, errors.x_pos, errors.y_neg, errors.y_pos])
    # Two dimensions, 90 per cent: 2.146 sigma.
    assert one == pytest.approx(np.full(4, source.radius90_pix / 2.146), rel=0.2)


def test_contours_are_where_the_statistic_rises() -> None:
    """Against the statistic with the strength adjusted by scipy, at 68 per cent along one axis."""
    field = drawn(12, [(121.0, 120.0, 40.0)], exposure=exposure_map(columns=slice(116, 118)))
    others = BACKGROUND_CPS * field.background_s
    source = try_source(field, in_discs(others), 121.0, 120.0)
    errors = source_position_errors(field, others, source)
    disc = field.disc(source.x_pix, source.y_pix, 12.0 + source.radius90_pix)
    counts, fixed = disc.of(field.counts), disc.of(others)

    def statistic(dx: float, dy: float) -> float:
        moved = PointSource(source.x_pix + dx, source.y_pix + dy, 1.0, 1.0, 0.0)
        share = moved.expected(field, disc)

        def cash(log_rate: float) -> float:
            model = np.exp(log_rate) * share + fixed
            return float(2.0 * np.sum(model - counts * np.log(model)))

        return optimize.minimize_scalar(cash, bounds=(-25.0, 0.0), method="bounded", options={"xatol": 1e-6}).fun

    best = statistic(0.0, 0.0)
    shifts = np.array([(0.0, 0.0), (2.0, 0.0), (-1.0, 3.0)])
    pixels = source_pixels(field, others, source, source.radius90_pix)
    places = source.x_pix + shifts[:, 0], source.y_pix + shifts[:, 1]
    profile = pixels.profile_statistic(*places, source.rate_cps)
    assert profile == pytest.approx([statistic(*shift) for shift in shifts], abs=0.05)
    rises = [statistic(*shift) - best for shift in ((errors.x_pos, 0.0), (-errors.x_neg, 0.0), (0.0, errors.y_pos))]
    # The errors are the largest along the contour, which may be a little off the axis.
    assert np.all(np.array(rises) > 0.9)
    assert np.array(rises) == pytest.approx(np.ones(3), abs=0.35)
    angles = np.arange(16) * np.pi / 8
    around = [statistic(errors.contour90 * np.cos(a), errors.contour90 * np.sin(a)) - best for a in angles]
    assert np.median(around) == pytest.approx(4.605, rel=0.15)


def test_no_information_no_limit() -> None:
    field = drawn(1)
    errors = source_position_errors(field, field.background_s, PointSource(5.0, 5.0, 0.0, np.inf, 0.0))
    assert errors.radius90 == errors.x_neg == np.inf


# --- Quality --------------------------------------------------------------------


def test_quality_falls_with_the_likelihood() -> None:
    level = BACKGROUND_CPS * 1e4
    good, reasonable, poor = likelihood_limits(level)
    assert 13.0 > good > reasonable > poor > 6.0
    made = rate_quality(np.array([good, good - 0.01, reasonable - 0.01, poor - 0.01]), np.full(4, level))
    assert made.tolist() == [Quality.GOOD, Quality.REASONABLE, Quality.POOR, Quality.NONE]


def test_limits_are_lower_in_deep_fields() -> None:
    """There are more real sources among which false ones may hide."""
    limits = likelihood_limits(np.array([1e-9, 2e-4, 7e-4, 2e-2, 7e-2, 10.0]))
    assert limits.shape == (3, 6)
    assert np.all(np.diff(limits, axis=1) <= 0)
    assert np.array_equal(limits[:, 0], limits[:, 1])
    assert np.array_equal(limits[:, -1], limits[:, -2])


def test_calibration_gives_profile_and_vignetting() -> None:
    calibration = EmbeddedCalibration(PSF_V006, replace(VIGNETTING, p2=2 * VIGNETTING.p2))
    exposure = exposure_map()
    given, usual = (Field.of(np.zeros((SIZE, SIZE)), exposure, 1.5, one) for one in (calibration, EMBEDDED))
    assert given.psf(120.0, 120.0) == KingPSF.at(1.5, 0.0, PSF_V006)
    assert usual.psf(120.0, 120.0) == KingPSF.at(1.5, 0.0)
    assert given.source_s[0, 0] < usual.source_s[0, 0]
    assert given.time_s[0, 0] == usual.time_s[0, 0]


# --- The search -----------------------------------------------------------------


def test_search_finds_each_source_once() -> None:
    truth = [(60.0, 60.0, 25.0), (170.0, 90.0, 80.0), (80.0, 190.0, 1000.0), (92.0, 190.0, 200.0)]
    field = drawn(13, truth)
    detection = find_sources(field)
    assert len(detection.sources) == 4
    for x, y, _ in truth:
        assert min(np.hypot(source.x_pix - x, source.y_pix - y) for source in detection.sources) < 2.0
    gains = [source.gain for source in detection.sources]
    assert gains == sorted(gains, reverse=True)
    everything = detection.background + detection.model
    assert everything.sum() == pytest.approx(field.counts.sum(), abs=4 * np.sqrt(field.counts.sum()))


def test_two_sources_keep_their_distance() -> None:
    search = _Search(drawn(1), 7.0)
    source = PointSource(120.0, 120.0, 0.1, 1.0, 100.0)
    for hole, apart, wanted in ((0.0, 4.9, False), (0.0, 5.1, True), (6.0, 10.9, False), (6.0, 11.1, True)):
        other = PointSource(120.0 + apart, 120.0, 0.2, 1.0, 100.0, hole)
        assert search._wanted(source, [other]) is wanted
    assert not search._wanted(PointSource(120.0, 120.0, 0.1, 1.0, 10.0), [])


def test_source_in_a_dead_column_is_found_and_corrected() -> None:
    field = drawn(14, [(121.0, 120.0, 300.0)], exposure=exposure_map(columns=slice(118, 123)))
    detection = find_sources(field)
    assert len(detection.sources) == 1
    made = measure_sources(field, detection)
    assert made["counts"][0] < 200.0
    assert made["rate"][0] * TIME_S == pytest.approx(300.0, abs=4 * made["rate_err_pos"][0] * TIME_S)
    assert abs(made["x_pix"][0] - 121.0) < 3 * made["x_err_pos"][0]


def test_empty_and_unseen_fields_have_no_sources() -> None:
    nothing = ExposureMap(np.full((60, 60), 100.0), np.zeros((60, 60)))
    field = Field.of(np.zeros((60, 60)), nothing, 1.5)
    detection = find_sources(field)
    assert detection.sources == ()
    assert {name: column.size for name, column in measure_sources(field, detection).items()}["rate"] == 0
    assert unevenness(field, detection) == (1.0, 0)


def test_measures_of_a_faint_source_are_bayesian() -> None:
    """Counts and background in the circle, and the rate that follows: interval of Kraft, Burrows & Nousek (1991)."""
    from astropy.stats import poisson_conf_interval

    field = drawn(15, [(100.0, 120.0, 15.0)])
    detection = find_sources(field)
    made = {name: column[0] for name, column in measure_sources(field, detection).items()}
    disc = field.disc(made["x_pix"], made["y_pix"], 9.0)  # 0.001 to 0.005 ct/s
    assert made["counts"] == disc.sum(field.counts)
    assert made["background_counts"] == pytest.approx(disc.sum(detection.background), rel=1e-3)
    seen_s = float((detection.sources[0].shares(field, disc) * disc.of(field.source_s)).sum())
    limits = poisson_conf_interval(
        int(made["counts"]), "kraft-burrows-nousek", background=made["background_counts"], confidence_level=0.683
    )
    assert made["rate"] - made["rate_err_neg"] == pytest.approx(limits[0] / seen_s, rel=1e-3)
    assert made["rate"] + made["rate_err_pos"] == pytest.approx(limits[1] / seen_s, rel=1e-3)
    assert made["snr"] == pytest.approx(made["rate"] / made["rate_err_neg"])
    assert made["exposure"] == pytest.approx(TIME_S)
    assert made["off_axis"] == pytest.approx(20.0 * PIXEL_ARCSEC / 60.0, abs=0.1)


def test_diffuse_emission_is_noticed_and_not_taken_for_sources() -> None:
    """A ring three times as bright as the background."""
    exposure = exposure_map(2e4, size=500)
    flat = Field.of(np.zeros_like(exposure.time_s), exposure, 1.5)
    radius = np.hypot(*(np.indices(flat.counts.shape) - 250.0))
    mean = BACKGROUND_CPS * flat.background_s
    rng = np.random.default_rng(16)
    plain, ringed = (
        Field.of(rng.poisson(mean * (1.0 + strength * (np.abs(radius - 150.0) < 15.0))), exposure, 1.5)
        for strength in (0.0, 3.0)
    )
    flat_value, blocks = unevenness(plain, find_sources(plain))
    assert abs(flat_value - 1.0) < 4 * np.sqrt(2 / blocks)
    detection = find_sources(ringed)
    assert unevenness(ringed, detection)[0] > 2.0
    assert len(detection.sources) < 12  # The ring has 28,000 square pixels.
