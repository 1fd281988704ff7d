"""Maximum-likelihood fit of one point source to the counts of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from .psf import KingPSF

__all__ = ["LineSourceFit", "PointSourceFit", "fit_line_source", "fit_point_source", "fit_radius_pix"]

Floats = NDArray[np.float64]

# Radius of the circle that holds 90 per cent of a two-dimensional normal
# distribution, in sigmas: sqrt(-2 ln 0.1); the same as a rise of 4.61 in C.
SIGMAS_90 = 2.145966
# Radius of the fit (pixels) up to each signal to noise.
_FIT_RADIUS_PIX = ((7.0, 12.0), (11.0, 15.0), (40.0, 20.0), (np.inf, 30.0))
_TINY = 1e-12
_MOST_STEPS = 60
_PRECISION = 1e-6
# Fits that slow down to such steps and are farther than this from what they should reach are broken off.
_ROUGH, _MARGIN = 1e-3, 1.0
_LONGEST_STEP = 3.0


def fit_radius_pix(snr: float) -> float:
    """Radius in pixels in which a source of some signal to noise is fitted."""
    return next(radius for limit, radius in _FIT_RADIUS_PIX if snr <= limit)


@dataclass(frozen=True)
class PointSourceFit:
    """Result of `fit_point_source`.

    Parameters
    ----------
    x_pix, y_pix : float
        Position in sky pixels.
    counts : float
        Events of the source over the whole profile, at full exposure.
    background_per_pix : float
        Background at full exposure; the mean where the counts of other sources were given.
    covariance : ndarray, shape (2, 2)
        Of x and y in square pixels, from the Fisher matrix, with counts (and
        background if free) marginalised.
    statistic, statistic_empty : float
        Cash statistic of the fit, and of the best fit without a source.
    """

    x_pix: float
    y_pix: float
    counts: float
    background_per_pix: float
    covariance: Floats
    statistic: float
    statistic_empty: float

    @property
    def radius90_pix(self) -> float:
        """Radius that holds the true position with 90 per cent probability (statistical)."""
        return SIGMAS_90 * float(np.sqrt(np.trace(self.covariance) / 2.0))

    @property
    def significance(self) -> float:
        """Square root of the gain in the statistic over no source."""
        return float(np.sqrt(max(self.statistic_empty - self.statistic, 0.0)))


class _Problem:
    """Data and model of one fit: x, y, log of the strength, and log of the background if it is free."""

    def __init__(self, data: Floats, x: Floats, y: Floats, weight: Floats, psf: KingPSF, fixed: Floats | None) -> None:
        self.data, self.x, self.y, self.weight, self.psf = data, x, y, weight, psf
        self.flat = max(float(data.sum()) / max(float(weight.sum()), _TINY), _TINY)
        self.free = fixed is None
        #: Counts in each pixel that are not the source's; halved as a first guess where they are free.
        self.other = 0.5 * self.flat * weight if fixed is None else np.maximum(fixed, _TINY)
        self.background = float(self.other.sum()) / max(float(weight.sum()), _TINY)

    def guess(self, start: tuple[float, float]) -> Floats:
        """Parameters to start from."""
        source = max(float(self.data.sum()) - float(self.other.sum()), 1.0)
        return np.array([*start, np.log(source), np.log(max(self.background, _TINY))][: 4 if self.free else 3])

    def values(self, parameters: Floats) -> tuple[float, float, float, float]:
        """Position, strength and background."""
        x, y, source, *rest = parameters.tolist()
        return x, y, float(np.exp(source)), float(np.exp(rest[0])) if self.free else self.background

    def model(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Expected counts and their derivatives by the parameters."""
        x, y, source, background = self.values(parameters)
        other = background * self.weight if self.free else self.other
        dx, dy, strength = self.x - x, self.y - y, source * self.weight
        fractions, falls = self.psf.pixel_slopes(dx, dy)
        slopes = np.empty((parameters.size, dx.size))
        share = np.multiply(strength, fractions, out=slopes[2])
        fall = -2.0 * (strength * falls)
        np.multiply(dx, fall, out=slopes[0])
        np.multiply(dy, fall, out=slopes[1])
        if self.free:
            slopes[3] = other
        return np.maximum(share + other, _TINY), slopes

    def cash(self, expected: Floats) -> float:
        return 2.0 * float((expected - self.data * np.log(expected)).sum())

    def minimise(self, start: tuple[float, float], reach_pix: float, hopeless: float = np.inf) -> Floats:
        """The best parameters, by damped steps of Fisher's method of scoring.

        Rough ones if the statistic stays above `hopeless`.
        """
        best = self.guess(start)
        limit = np.array([reach_pix, reach_pix, *np.full(best.size - 2, 50.0)])
        lowest, highest = best - limit, best + limit
        expected, slopes = self.model(best)
        statistic, damping = self.cash(expected), 1e-3
        for _ in range(_MOST_STEPS):
            weighted = slopes / expected
            fisher, downhill = weighted @ slopes.T, weighted @ (self.data - expected)
            fisher.flat[:: best.size + 1] *= 1.0 + damping
            fisher.flat[:: best.size + 1] += _TINY
            solved = lapack.dgesv(fisher, downhill)[2]  # numpy's solve takes longer to check three numbers
            step = np.minimum(np.maximum(solved, -_LONGEST_STEP), _LONGEST_STEP)
            trial = np.minimum(np.maximum(best + step, lowest), highest)
            trial_expected, trial_slopes = self.model(trial)
            change = self.cash(trial_expected) - statistic
            if change <= 0.0:
                best, expected, slopes = trial, trial_expected, trial_slopes
                statistic += change
            damping *= 0.1 if change <= 0.0 else 10.0
            precision = _ROUGH if statistic > hopeless else _PRECISION
            if abs(change) < precision or damping > 1e8:
                break
        return best


def fit_point_source(
    counts: Any,
    x_pix: Any,
    y_pix: Any,
    start: tuple[float, float],
    *,
    psf: KingPSF,
    exposure: Any = 1.0,
    background_per_pix: float | None = None,
    other_counts: Any = None,
    reach_pix: float = 20.0,
    worth: float = 0.0,
) -> PointSourceFit:
    """Fit position and strength of a source by minimising the Cash statistic.

    ``C = 2 sum(M - D ln M)`` over the pixels, with the model ``M = E (S P(x, y)
    + b)``: profile P integrated over pixels, relative exposure E, strength S,
    flat background b.

    Parameters
    ----------
    counts : array, shape (n,)
        Events in each pixel.
    x_pix, y_pix : array, shape (n,)
        Pixel centres.
    start : tuple of float
        First guess of the position.
    psf : KingPSF
        Profile.
    exposure : array, shape (n,), optional
        Exposure of each pixel relative to the full one; 0 where nothing is recorded.
    background_per_pix : float, optional
        Fixed background; a free parameter when not given.
    other_counts : array, shape (n,), optional
        In place of `background_per_pix`: expected counts of each pixel that
        are not the source's, such as background and other sources.
    reach_pix : float, optional
        The position may move so far from `start` in each axis.
    worth : float, optional
        The fit is broken off where the gain in the statistic will stay below this.

    Returns
    -------
    fit : PointSourceFit
    """
    weight = np.broadcast_to(np.asarray(exposure, dtype=float), np.shape(counts))
    used = weight > 0
    fixed = weight * background_per_pix if background_per_pix is not None else other_counts
    data, x, y = (np.asarray(values, dtype=float)[used] for values in (counts, x_pix, y_pix))
    problem = _Problem(data, x, y, weight[used], psf, None if fixed is None else np.asarray(fixed, dtype=float)[used])
    empty = problem.flat * problem.weight if problem.free else problem.other
    best = problem.minimise(start, reach_pix, hopeless=problem.cash(empty) - worth + _MARGIN)
    expected, slopes = problem.model(best)
    covariance = _position_covariance((slopes / expected) @ slopes.T)
    statistics = problem.cash(expected), problem.cash(empty)
    return PointSourceFit(*problem.values(best), covariance, *statistics)


def _position_covariance(fisher: Floats) -> Floats:
    """Covariance of the first two parameters; infinite where there is no information."""
    size = np.sqrt(np.maximum(np.diag(fisher), 0.0))
    if np.any(size[:2] <= 0):
        return np.full((2, 2), np.inf)
    size[size == 0] = 1.0
    # Parameters differ by many orders of magnitude: invert in units of their own errors.
    inverse = np.linalg.pinv(fisher / np.outer(size, size), hermitian=True)
    return (inverse / np.outer(size, size))[:2, :2]


@dataclass(frozen=True)
class LineSourceFit:
    """Result of `fit_line_source`: position along the columns, and the gain in the Cash statistic as sigmas."""

    shift_pix: float
    significance: float


def fit_line_source(counts: Any, along_pix: Any, exposure: Any, *, psf: KingPSF, reach_pix: float) -> LineSourceFit:
    """Find a source in windowed timing counts by minimising the Cash statistic.

    Position on a grid of half a pixel, then of a twentieth around the best;
    strength and background by expectation maximisation for each position.

    Parameters
    ----------
    counts : array, shape (n,)
        Events per column.
    along_pix : array, shape (n,)
        Column centres, 1 pixel apart, relative to the position expected.
    exposure : array, shape (n,)
        Relative exposure of the columns.
    psf : KingPSF
        Profile, summed over rows here.
    reach_pix : float
        Largest shift.

    Returns
    -------
    fit : LineSourceFit
    """
    used = np.asarray(exposure, dtype=float) > 0
    data, along, weight = (np.asarray(values, dtype=float)[used] for values in (counts, along_pix, exposure))
    if not data.sum():
        return LineSourceFit(0.0, 0.0)
    coarse = np.arange(-np.floor(2 * reach_pix), np.floor(2 * reach_pix) + 1) / 2
    middle = coarse[np.argmin(_line_statistic(coarse, data, along, weight, psf))]
    fine = middle + np.linspace(-0.5, 0.5, 21)
    statistic = _line_statistic(fine, data, along, weight, psf)
    flat = data.sum() / weight.sum() * weight
    empty = float(2.0 * np.sum(flat - data * np.log(flat)))
    best = int(np.argmin(statistic))
    return LineSourceFit(float(fine[best]), float(np.sqrt(max(empty - float(statistic[best]), 0.0))))


def _line_statistic(shift: Floats, data: Floats, along: Floats, weight: Floats, psf: KingPSF) -> Floats:
    """Cash statistic for each position, with the best strength and background."""
    lower = along[None, :] - shift[:, None] - 0.5
    share = [np.sign(edge) * psf.line_enclosed(np.abs(edge)) / 2 for edge in (lower, lower + 1.0)]
    line = weight * (share[1] - share[0])
    source = np.full((shift.size, 1), data.sum() / 2)
    flat = np.full((shift.size, 1), data.sum() / weight.sum() / 2)
    for _ in range(40):
        excess = data / np.maximum(source * line + flat * weight, _TINY)
        source = source * (excess * line).sum(axis=1, keepdims=True) / line.sum(axis=1, keepdims=True)
        flat = flat * (excess * weight).sum(axis=1, keepdims=True) / weight.sum()
    model = np.maximum(source * line + flat * weight, _TINY)
    return np.asarray(2.0 * np.sum(model - data * np.log(model), axis=1))
