"""Errors of a position from the likelihood around it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from swiftxrt.engine.contours import PixelModel, PositionErrors, position_errors
from swiftxrt.engine.geometry import ring_pixels
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.psffit import fit_point_source

PSF = KingPSF.at()
X, Y = ring_pixels(100.0, 100.0, 15.0)
BACKGROUND = 4e-3


def fitted(counts: np.ndarray) -> tuple[PixelModel, tuple[float, ...], PositionErrors]:
    """The pixels, position, strength and Fisher radius of a fit, and its errors."""
    fit = fit_point_source(counts, X, Y, (100.0, 100.0), psf=PSF, background_per_pix=BACKGROUND, reach_pix=6.0)
    ones = np.ones(X.size)
    pixels = PixelModel(counts.astype(float), X, Y, ones, BACKGROUND * ones, PSF)
    best = (fit.x_pix, fit.y_pix, fit.counts, fit.radius90_pix)
    return pixels, best, position_errors(pixels, *best)


def drawn(counts: float, rng: np.random.Generator, x0: float = 100.0, y0: float = 100.0) -> np.ndarray:
    return rng.poisson(counts * PSF.pixel_fractions(X - x0, Y - y0) + BACKGROUND)


def test_many_events_make_a_parabola() -> None:
    """All three radii are one, and those of single coordinates are 2.146 times smaller."""
    _, best, errors = fitted(drawn(5000.0, np.random.default_rng(1)))
    assert errors.radius90 == pytest.approx(best[3], rel=0.03)
    assert errors.contour90 == pytest.approx(best[3], rel=0.03)
    one = np.array([errors.x_neg, errors.x_pos, errors.y_neg, errors.y_pos])
    assert one == pytest.approx(np.full(4, best[3] / 2.146), rel=0.06)


def test_few_events_reach_farther_than_their_contour() -> None:
    """The 90 per cent circle of 15 counts holds the truth in 90 per cent of 400 trials, the contour in fewer."""
    rng, held, contour = np.random.default_rng(7), [], []
    for _ in range(400):
        x0, y0 = 100.0 + rng.uniform(-0.5, 0.5, 2)
        _, best, errors = fitted(drawn(15.0, rng, x0, y0))
        apart = np.hypot(best[0] - x0, best[1] - y0)
        held.append(apart <= errors.radius90)
        contour.append(apart <= errors.contour90)
    assert np.mean(held) == pytest.approx(0.90, abs=0.035)
    assert np.mean(held) > np.mean(contour)


def test_statistic_is_that_of_the_best_strength() -> None:
    pixels, (x, y, strength, _), _ = fitted(drawn(30.0, np.random.default_rng(3)))
    shifts = np.array([(0.0, 0.0), (2.0, 0.0), (-1.0, 3.0), (6.0, 6.0)])

    def statistic(dx: float, dy: float) -> float:
        share = PSF.pixel_fractions(X - x - dx, Y - y - dy)

        def cash(log_strength: float) -> float:
            model = np.exp(log_strength) * share + BACKGROUND
            return float(2.0 * np.sum(model - pixels.counts * np.log(model)))

        return optimize.minimize_scalar(cash, bounds=(-10.0, 10.0), method="bounded", options={"xatol": 1e-7}).fun

    made = pixels.profile_statistic(x + shifts[:, 0], y + shifts[:, 1], strength)
    assert made == pytest.approx([statistic(*shift) for shift in shifts], abs=0.02)


def test_dead_columns_make_the_error_larger_across() -> None:
    """Half of the events are missing on one side: right and left are known less well than up and down."""
    exposure = np.where(np.abs(X - 102) <= 1, 0.0, 1.0)
    counts = np.rint(2000 * PSF.pixel_fractions(X - 100.0, Y - 100.0)) * exposure
    fit = fit_point_source(
        counts, X, Y, (100.0, 100.0), psf=PSF, exposure=exposure, background_per_pix=BACKGROUND, reach_pix=6.0
    )
    seen = exposure > 0
    pixels = PixelModel(counts[seen], X[seen], Y[seen], exposure[seen], BACKGROUND * exposure[seen], PSF)
    errors = position_errors(pixels, fit.x_pix, fit.y_pix, fit.counts, fit.radius90_pix)
    assert errors.x_pos + errors.x_neg > 1.1 * (errors.y_pos + errors.y_neg)


def test_one_event_or_none_has_a_radius_or_no_limit() -> None:
    single = np.zeros(X.size)
    single[np.argmin(np.hypot(X - 100, Y - 100))] = 1.0
    _, _, errors = fitted(single)
    assert errors.radius90 > 1.0
    ones = np.ones(X.size)
    nothing = PixelModel(0 * ones, X, Y, ones, BACKGROUND * ones, PSF)
    assert position_errors(nothing, 100.0, 100.0, 1.0, np.inf).radius90 == np.inf
    assert np.isfinite(position_errors(nothing, 100.0, 100.0, 1.0, 5.0).radius90)
