"""Maximum-likelihood fit of one point source to the counts of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from .psf import KingPSF

__all__ = ["PointSourceFit", "fit_point_source"]

Floats = NDArray[np.float64]

# Radius of the circle that holds 90 per cent of a two-dimensional normal
# distribution, in sigmas: sqrt(-2 ln 0.1); the same as a rise of 4.61 in C.
_SIGMAS_90 = 2.145966
_STEP_PIX = 0.02
_TINY = 1e-12


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
        Background at full exposure.
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
        return _SIGMAS_90 * float(np.sqrt(np.trace(self.covariance) / 2.0))

    @property
    def significance(self) -> float:
        """Square root of the gain in the statistic over no source."""
        return float(np.sqrt(max(self.statistic_empty - self.statistic, 0.0)))


class _Model:
    """Expected counts of pixels and the Cash statistic, with derivatives."""

    def __init__(self, counts: Floats, x: Floats, y: Floats, exposure: Floats, psf: KingPSF) -> None:
        self.counts, self.x, self.y, self.exposure, self.psf = counts, x, y, exposure, psf

    def share(self, x: float, y: float) -> Floats:
        return self.exposure * self.psf.pixel_fractions(self.x - x, self.y - y)

    def gradients(self, x: float, y: float, source: float) -> tuple[Floats, Floats]:
        """Share of the source in each pixel, and derivatives of the model: x, y, source, background."""
        share, h = self.share(x, y), _STEP_PIX
        by_x = source * (self.share(x + h, y) - self.share(x - h, y)) / (2 * h)
        by_y = source * (self.share(x, y + h) - self.share(x, y - h)) / (2 * h)
        return share, np.array([by_x, by_y, share, self.exposure])

    def cash(self, model: Floats) -> float:
        return float(2.0 * np.sum(model - self.counts * np.log(np.maximum(model, _TINY))))


def fit_point_source(
    counts: Any,
    x_pix: Any,
    y_pix: Any,
    start: tuple[float, float],
    *,
    psf: KingPSF,
    exposure: Any = 1.0,
    background_per_pix: float | None = None,
    reach_pix: float = 20.0,
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
    reach_pix : float, optional
        The position may move so far from `start` in each axis.

    Returns
    -------
    fit : PointSourceFit
    """
    weight = np.broadcast_to(np.asarray(exposure, dtype=float), np.shape(counts))
    used = weight > 0
    arrays = (np.asarray(values, dtype=float)[used] for values in (counts, x_pix, y_pix, weight))
    model = _Model(*arrays, psf)
    total, full = float(model.counts.sum()), float(model.exposure.sum())
    flat = total / max(full, _TINY)
    free = background_per_pix is None
    first_background = 0.5 * flat if free else float(background_per_pix or 0.0)
    first_source = max(total - first_background * full, 1.0)
    scale = np.array([1.0, 1.0, first_source, max(flat, _TINY)])

    def values(parameters: Floats) -> tuple[float, float, float, float]:
        x, y, source, *rest = (parameters * scale[: parameters.size]).tolist()
        return x, y, source, rest[0] if free else first_background

    def target(parameters: Floats) -> tuple[float, Floats]:
        x, y, source, background = values(parameters)
        share, slopes = model.gradients(x, y, source)
        expected = np.maximum(source * share + background * model.exposure, _TINY)
        slope = 2.0 * (slopes @ (1.0 - model.counts / expected)) * scale
        return model.cash(expected), slope[: parameters.size]

    bounds = [(start[0] - reach_pix, start[0] + reach_pix), (start[1] - reach_pix, start[1] + reach_pix), (0.0, None)]
    guess = [start[0], start[1], 1.0]
    if free:
        bounds.append((1e-6, None))
        guess.append(first_background / scale[3])
    best = optimize.minimize(target, guess, jac=True, method="L-BFGS-B", bounds=bounds)
    x, y, source, background = values(best.x)
    _, slopes = model.gradients(x, y, source)
    expected = np.maximum(source * slopes[2] + background * model.exposure, _TINY)
    slopes = slopes if free else slopes[:3]
    fisher = (slopes / expected) @ slopes.T
    empty = np.maximum((flat if free else first_background) * model.exposure, _TINY)
    return PointSourceFit(
        x, y, source, background, _position_covariance(fisher), model.cash(expected), model.cash(empty)
    )


def _position_covariance(fisher: Floats) -> Floats:
    """Covariance of the first two parameters; infinite where there is no information."""
    size = np.sqrt(np.maximum(np.diag(fisher), 0.0))
    if np.any(size[:2] <= 0):
        return np.full((2, 2), np.inf)
    size[size == 0] = 1.0
    # Parameters differ by many orders of magnitude: invert in units of their own errors.
    inverse = np.linalg.pinv(fisher / np.outer(size, size), hermitian=True)
    return (inverse / np.outer(size, size))[:2, :2]
