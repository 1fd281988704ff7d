"""Counts, background and correction factor in circles around given positions.

Nothing is searched or fitted at the positions: the events in a circle are
counted, the background under them is read from the background map, together
with what the sources of the field spread into the circle, and the part of the
point spread function that the circle sees follows from the exposure map. All
positions of a field are done at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..mission import PIXEL_ARCSEC
from .detection import Detection
from .detection_field import Field
from .psf import KingPSF

__all__ = ["LEAST_COVERAGE", "RADIUS_PIX", "Apertures", "measure_apertures"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Radius of the circle, 28.3 arcsec: that of the upper-limit server, as its background counts tell.
RADIUS_PIX = 12.0
#: A position of which less than this part was seen was not observed. The part is weighted with the point spread
#: function; below a tenth, the limit depends on the far wings of the profile.
LEAST_COVERAGE = 0.1

# So many positions are done at once: the arrays stay below some ten megabytes.
_AT_ONCE = 2000
_FAR_PIX = 1e6


@dataclass(frozen=True, eq=False)
class Apertures:
    """What was found in circles, one value for each position.

    Parameters
    ----------
    counts : ndarray
        Events in the circle.
    background : ndarray
        Expected counts of the background and of sources outside the circle.
    correction_factor : ndarray
        By which net counts per good time must be multiplied to get the rate
        on axis and without losses; NaN where nothing was seen.
    source_s : ndarray
        Mean good time of the pixels of the circle, without vignetting, in s.
    coverage : ndarray
        Part of the profile within the circle, times the part of the good
        time, that was seen.
    off_axis_arcmin : ndarray
        Off-axis angle of the position.
    nearest_arcsec : ndarray
        Distance of the nearest source that was detected; NaN if there is none.
    """

    counts: Floats
    background: Floats
    correction_factor: Floats
    source_s: Floats
    coverage: Floats
    off_axis_arcmin: Floats
    nearest_arcsec: Floats

    @property
    def observed(self) -> Flags:
        """Which positions count as observed."""
        return self.coverage >= LEAST_COVERAGE

    @classmethod
    def joined(cls, parts: list[Apertures]) -> Apertures:
        """Parts in one."""
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)))


def measure_apertures(
    field: Field,
    detection: Detection,
    x_pix: Floats,
    y_pix: Floats,
    exposure_s: float,
    *,
    radius_pix: float = RADIUS_PIX,
) -> Apertures:
    """Measure circles around positions.

    Parameters
    ----------
    field : Field
        Image and exposures of one band.
    detection : Detection
        The sources in it and its background map. Sources within the circle
        of a position are taken for what is at the position; what the others
        spread into the circle counts as background.
    x_pix, y_pix : ndarray, shape (n,)
        Positions in 0-based pixels of the field; they may lie outside.
    exposure_s : float
        Good time of the data set.
    radius_pix : float, optional
        Radius of the circles; pixels whose centre lies inside belong to them.

    Returns
    -------
    apertures : Apertures
    """
    # A position far outside must not overflow the indices.
    x, y = (np.clip(np.atleast_1d(np.asarray(values, dtype=float)), -_FAR_PIX, _FAR_PIX) for values in (x_pix, y_pix))
    parts = [(x[k : k + _AT_ONCE], y[k : k + _AT_ONCE]) for k in range(0, max(x.size, 1), _AT_ONCE)]
    return Apertures.joined([_measure(field, detection, *part, exposure_s, radius_pix) for part in parts])


class _Circles:
    """Pixels of circles of one radius: arrays with one row for each circle."""

    def __init__(self, field: Field, x: Floats, y: Floats, radius_pix: float) -> None:
        ny, nx = field.counts.shape
        reach = np.arange(-int(np.ceil(radius_pix)) - 1, int(np.ceil(radius_pix)) + 2)
        down, across = (part.ravel() for part in np.meshgrid(reach, reach, indexing="ij"))
        column, row = (np.rint(axis).astype(np.int64)[:, None] + shift for axis, shift in ((x, across), (y, down)))
        self.inside = np.hypot(column - x[:, None], row - y[:, None]) <= radius_pix
        on_image = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
        self.weight = (self.inside & on_image).astype(float)
        self._index = np.clip(row, 0, ny - 1) * nx + np.clip(column, 0, nx - 1)
        self.column, self.row = column, row

    def sum(self, image: Floats, weight: Floats | float = 1.0) -> Floats:
        """Sum of an image over each circle."""
        return np.asarray((image.ravel()[self._index] * self.weight * weight).sum(axis=1))

    def shares(self, psf: KingPSF, x: Floats, y: Floats) -> Floats:
        """Part of the events of sources at (x, y) that falls on each pixel."""
        return np.asarray(psf.pixel_fractions(self.column - x[:, None], self.row - y[:, None]))


def _measure(
    field: Field,
    detection: Detection,
    x: Floats,
    y: Floats,
    exposure_s: float,
    radius_pix: float,
) -> Apertures:
    circles = _Circles(field, x, y, radius_pix)
    ny, nx = field.counts.shape
    row, column = (np.rint(np.clip(k, 0, n - 1)).astype(int) for k, n in ((y, ny), (x, nx)))
    off_axis = field.off_axis_arcmin[row, column]
    share = circles.shares(KingPSF.at(field.energy_kev, off_axis[:, None], field.coefficients), x, y)
    whole_s = exposure_s * (share * circles.inside).sum(axis=1)
    seen_s = circles.sum(field.source_s, share)
    own, nearest = _own_sources(field, detection, x, y, radius_pix)
    return Apertures(
        counts=circles.sum(field.counts),
        background=circles.sum(detection.background) + np.maximum(circles.sum(detection.model) - own, 0.0),
        correction_factor=np.divide(exposure_s, seen_s, out=np.full(x.shape, np.nan), where=seen_s > 0),
        source_s=circles.sum(field.time_s) / circles.inside.sum(axis=1),
        coverage=np.divide(circles.sum(field.time_s, share), whole_s, out=np.zeros(x.shape), where=whole_s > 0),
        off_axis_arcmin=off_axis,
        nearest_arcsec=nearest,
    )


def _own_sources(field: Field, detection: Detection, x: Floats, y: Floats, radius_pix: float) -> tuple[Floats, Floats]:
    """Expected counts of the sources that lie in each circle, and the distance (arcsec) of the nearest source."""
    own, nearest = np.zeros(x.shape), np.full(x.shape, np.inf)
    for source in detection.sources:
        distance = np.hypot(source.x_pix - x, source.y_pix - y)
        nearest = np.minimum(nearest, distance)
        inside = np.flatnonzero(distance <= radius_pix)
        if inside.size:
            circles = _Circles(field, x[inside], y[inside], radius_pix)
            place = (np.full(inside.shape, part) for part in (source.x_pix, source.y_pix))
            share = circles.shares(field.psf(source.x_pix, source.y_pix), *place)
            own[inside] += source.rate_cps * circles.sum(field.source_s, share)
    return own, np.where(np.isfinite(nearest), nearest * PIXEL_ARCSEC, np.nan)
