"""Error of the attitude, from sources of the field that are in a catalogue.

All sources of a field are off by the same angle. It is looked for with the
likelihood of Evans et al. (2014, ApJS 210, 8) and of the task ``eposcorr`` of
XMM-Newton: each source is either an object of the catalogue or not, and objects that have
nothing to do with it lie around by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST_SOURCES", "AstrometricMatch", "XraySources", "match_catalog"]

Floats = NDArray[np.float64]

#: A match needs so many sources.
FEWEST_SOURCES = 3
#: The logarithm of the likelihood must be so much above the mean of fields that have nothing to do with the catalogue.
LEAST_GAIN = 6.0

# The attitude is off by less than this, and is searched in such steps.
_REACH_ARCSEC = 15.0
_STEP_ARCSEC = 0.75
# From so many sources on the roll angle may be off too.
_ROLL_SOURCES, _ROLL_DEG = 6, 0.1
# Parts of the sources that may be in the catalogue.
_SHARES = np.array([0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
# Error of whatever is left.
_FLOOR_ARCSEC = 0.1
_RANDOM_FIELDS = 100
# What is less likely by this (logarithm) does not count for the error.
_NEGLIGIBLE = 8.0
_FINE_POINTS = 61
_HELD = 0.9
# Objects so many standard deviations away do not matter.
_FARTHEST_SIGMAS = 6.0


@dataclass(frozen=True, eq=False)
class XraySources:
    """Sources of a field.

    Parameters
    ----------
    x_arcsec, y_arcsec : ndarray, shape (n,)
        On the tangent plane of the middle of the field, east and north.
    sigma_arcsec : ndarray, shape (n,)
        Statistical standard deviation of each coordinate.
    """

    x_arcsec: Floats
    y_arcsec: Floats
    sigma_arcsec: Floats

    def rolled(self, angle_deg: float) -> XraySources:
        """Turned about the middle of the field, from east to north."""
        cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
        x, y = self.x_arcsec, self.y_arcsec
        return XraySources(cosine * x - sine * y, sine * x + cosine * y, self.sigma_arcsec)


@dataclass(frozen=True)
class AstrometricMatch:
    """Result of `match_catalog`.

    Parameters
    ----------
    x_arcsec, y_arcsec : float
        To be added to positions of sources, east and north, after the roll.
    roll_deg : float
        Turns the sources about the middle of the field, from east to north.
    radius90 : float
        Radius that holds the true shift with 90 per cent probability (arcsec).
    share : float
        Part of the sources that are in the catalogue.
    gain : float
        Logarithm of the likelihood, above that of no match at all.
    chance_gains : ndarray
        The same for fields that have nothing to do with the catalogue.
    """

    x_arcsec: float
    y_arcsec: float
    roll_deg: float
    radius90: float
    share: float
    gain: float
    chance_gains: Floats

    @property
    def accepted(self) -> bool:
        """Whether chance does not give such a match."""
        return bool(self.gain > self.chance_gains.max() and self.gain - self.chance_gains.mean() >= LEAST_GAIN)


def match_catalog(
    sources: XraySources, x_arcsec: Floats, y_arcsec: Floats, sigma_arcsec: Floats, *, half_size_arcsec: float
) -> AstrometricMatch:
    """Find the shift that brings sources onto the objects of a catalogue.

    With the part p of the sources that are in the catalogue, the density of
    its objects rho, the distances d between source i, shifted, and object j,
    and s the error of both together, ``ln L = sum_i ln(1 - p + p / rho sum_j
    exp(-d**2 / (2 s**2)) / (2 pi s**2))`` is as large as possible. Whether
    that means anything is seen from a hundred fields with the same sources, mirrored,
    turned and displaced.

    Parameters
    ----------
    sources : XraySources
        At least `FEWEST_SOURCES`.
    x_arcsec, y_arcsec : ndarray, shape (m,)
        Objects on the same plane.
    sigma_arcsec : ndarray, shape (m,)
        Standard deviation of each of their coordinates.
    half_size_arcsec : float
        Radius of the field that the objects fill: the density is their number over its area.

    Returns
    -------
    match : AstrometricMatch
    """
    inside = np.hypot(x_arcsec, y_arcsec) <= half_size_arcsec
    objects = np.array([x_arcsec[inside], y_arcsec[inside], sigma_arcsec[inside]])
    density = max(int(inside.sum()), 1) / (np.pi * half_size_arcsec**2)
    axis = np.arange(-_REACH_ARCSEC, _REACH_ARCSEC + 1e-9, _STEP_ARCSEC)
    blur = _STEP_ARCSEC / 2.0  # no peak falls between the points of the grid
    coarse = _log_likelihood(sources, objects, density, axis, axis, blur)
    chance = [_log_likelihood(field, objects, density, axis, axis, blur).max() for field in _random_fields(sources)]
    best = coarse.max(axis=0)
    near = np.nonzero(best > best.max() - _NEGLIGIBLE)
    fine = [
        np.linspace(axis[index.min()] - _STEP_ARCSEC, axis[index.max()] + _STEP_ARCSEC, _FINE_POINTS) for index in near
    ]
    turned = sources.x_arcsec.size >= _ROLL_SOURCES
    rolls = np.linspace(-_ROLL_DEG, _ROLL_DEG, 9) if turned else np.zeros(1)
    # Over roll, share, x and y.
    cube = np.array([_log_likelihood(sources.rolled(roll), objects, density, *fine, 0.0) for roll in rolls])
    roll, share, column, row = np.unravel_index(int(np.argmax(cube)), cube.shape)
    x, y = float(fine[0][column]), float(fine[1][row])
    return AstrometricMatch(
        x, y, float(rolls[roll]), _radius(cube.max(axis=(0, 1)), fine, x, y), float(_SHARES[share]),
        float(coarse.max()), np.array(chance),
    )  # fmt: skip


def _log_likelihood(
    sources: XraySources, objects: Floats, density: float, x: Floats, y: Floats, blur_arcsec: float
) -> Floats:
    """Above that of no match, over share, shift in x and shift in y."""
    total = np.zeros((_SHARES.size, x.size, y.size))
    share = _SHARES[:, None, None]
    reach = max(np.abs(x).max(), np.abs(y).max())
    triples = zip(sources.x_arcsec, sources.y_arcsec, sources.sigma_arcsec, strict=True)
    for source_x, source_y, sigma in triples:
        dx, dy, error = objects[0] - source_x, objects[1] - source_y, objects[2]
        variance = sigma**2 + error**2 + _FLOOR_ARCSEC**2 + blur_arcsec**2
        near = np.maximum(np.abs(dx), np.abs(dy)) < reach + _FARTHEST_SIGMAS * np.sqrt(variance)
        dx, dy, variance = dx[near], dy[near], variance[near, None]
        along = np.exp(-((dx[:, None] - x) ** 2) / (2.0 * variance)) / (2.0 * np.pi * variance)
        across = np.exp(-((dy[:, None] - y) ** 2) / (2.0 * variance))
        total += np.log1p(share * ((along.T @ across) / density - 1.0))
    return total


def _random_fields(sources: XraySources) -> list[XraySources]:
    """The sources where they cannot be: mirrored, turned about the middle, and displaced a little."""
    rng = np.random.default_rng(20041120)
    mirrored = XraySources(-sources.x_arcsec, sources.y_arcsec, sources.sigma_arcsec)
    fields = []
    for _ in range(_RANDOM_FIELDS):
        turned, angle = mirrored.rolled(rng.uniform(0.0, 360.0)), rng.uniform(0.0, 2.0 * np.pi)
        away = rng.uniform(40.0, 80.0)
        x, y = turned.x_arcsec + away * np.cos(angle), turned.y_arcsec + away * np.sin(angle)
        fields.append(XraySources(x, y, sources.sigma_arcsec))
    return fields


def _radius(log_likelihood: Floats, axes: list[Floats], x: float, y: float) -> float:
    """Radius of the circle around the best shift that holds 90 per cent of the likelihood."""
    weight = np.exp(log_likelihood - log_likelihood.max())
    distance = np.hypot(axes[0][:, None] - x, axes[1] - y).ravel()
    order = np.argsort(distance)
    held = np.cumsum(weight.ravel()[order])
    return float(np.interp(_HELD * held[-1], held, distance[order]))
