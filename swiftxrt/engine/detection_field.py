"""The image in which sources are searched, and the picture of a source in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..mission import Mode
from ..products.calibration import Calibration, PSFCoefficients
from .calibration import EMBEDDED, PSF_V004
from .exposure import ExposureMap
from .psf import KingPSF

__all__ = ["BANDS", "DetectionBand", "Disc", "Field", "PointSource"]

Floats = NDArray[np.float64]

# Part of a typical background that passed the mirrors and is vignetted: 2.7e-7
# of 7.5e-7 ct/s per pixel are cosmic, the rest particles.
_VIGNETTED_SHARE = 0.36
# The picture of a source ends where it is this part of the background ...
_NEGLIGIBLE = 0.01
# ... but not before or beyond this (pixels).
_PICTURE_PIX = (20.0, 400.0)
# Dead pixels take their off-axis angle from a box of this width.
_FILLED_PIX = 31


@dataclass(frozen=True)
class DetectionBand:
    """A band in which sources are searched.

    Parameters
    ----------
    name : str
        As in source lists.
    channels : tuple of int
        First and last PI channel.
    energy_kev : float
        For the point spread function and the background; about the mean of the events.
    vignetting_kev : float
        For the vignetting of sources: where it is the mean over the events of
        a power law of photon index 1.7 behind 3e20 per cm2. It is steep at
        high energies.
    """

    name: str
    channels: tuple[int, int]
    energy_kev: float
    vignetting_kev: float


#: The bands of the SXPS catalogues: 0.3-10, 0.3-1, 1-2 and 2-10 keV; no event
#: counts in two of the three narrow ones.
BANDS = {
    band.name: band
    for band in (
        DetectionBand("total", (30, 1000), 1.5, 2.5),
        DetectionBand("soft", (30, 99), 0.8, 0.8),
        DetectionBand("medium", (100, 199), 1.4, 1.4),
        DetectionBand("hard", (200, 1000), 3.5, 4.25),
    )
}


@dataclass(frozen=True, eq=False)
class Disc:
    """Pixels around a place that were seen, as one-dimensional arrays."""

    x_pix: NDArray[np.int64]
    y_pix: NDArray[np.int64]

    def of(self, image: Floats) -> Floats:
        """Values of an image in these pixels."""
        return image[self.y_pix, self.x_pix]

    def sum(self, image: Floats) -> float:
        """Sum of an image over these pixels."""
        return float(image[self.y_pix, self.x_pix].sum())


@dataclass(frozen=True, eq=False)
class Field:
    """Events of one band in pixels, and how long each pixel was seen.

    Parameters
    ----------
    counts : ndarray, shape (ny, nx)
        Events, indexed [y, x].
    time_s : ndarray, shape (ny, nx)
        Good time.
    source_s : ndarray, shape (ny, nx)
        Good time times vignetting: the exposure to a source.
    background_s : ndarray, shape (ny, nx)
        The exposure to a typical background, only a part of which is vignetted.
    off_axis_arcmin : ndarray, shape (ny, nx)
        Off-axis angle, also of dead pixels beside live ones.
    energy_kev : float
        For the point spread function.
    coefficients : PSFCoefficients, optional
        Of the point spread function.
    """

    counts: Floats
    time_s: Floats
    source_s: Floats
    background_s: Floats
    off_axis_arcmin: Floats
    energy_kev: float
    coefficients: PSFCoefficients = PSF_V004

    @classmethod
    def of(
        cls,
        counts: NDArray[Any],
        exposure: ExposureMap,
        energy_kev: float,
        calibration: Calibration = EMBEDDED,
        *,
        vignetting_kev: float | None = None,
    ) -> Field:
        """Field of an image and its exposure map; sources are vignetted as at `energy_kev` if nothing else is given."""
        vignetted_s = exposure.vignetted_s(energy_kev, calibration.vignetting)
        return cls(
            counts=np.where(exposure.time_s > 0, counts, 0.0),
            time_s=exposure.time_s,
            source_s=exposure.vignetted_s(vignetting_kev or energy_kev, calibration.vignetting),
            background_s=(1.0 - _VIGNETTED_SHARE) * exposure.time_s + _VIGNETTED_SHARE * vignetted_s,
            off_axis_arcmin=_filled_angle(exposure),
            energy_kev=energy_kev,
            coefficients=calibration.psf(Mode.PC),
        )

    @cached_property
    def longest_s(self) -> float:
        """Exposure to a source where it is longest."""
        return float(self.source_s.max())

    def psf(self, x_pix: float, y_pix: float) -> KingPSF:
        """Profile of a source at a place."""
        return KingPSF.at(self.energy_kev, self.value(self.off_axis_arcmin, x_pix, y_pix), self.coefficients)

    def value(self, image: Floats, x_pix: float, y_pix: float) -> float:
        """Value of an image at a place; at the rim for places outside."""
        row, column = (
            round(min(max(float(k), 0.0), n - 1.0)) for k, n in zip((y_pix, x_pix), image.shape, strict=True)
        )
        return float(image[row, column])

    def disc(self, x_pix: float, y_pix: float, radius_pix: float, inner_pix: float = 0.0) -> Disc:
        """Pixels that were seen and whose centre lies in a circle or ring."""
        rows, columns = self.window(x_pix, y_pix, radius_pix)
        x, y = np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop)
        radius = np.hypot(x - x_pix, (y - y_pix)[:, None])
        inside = (radius <= radius_pix) & (self.time_s[rows, columns] > 0)
        if inner_pix > 0:
            inside &= radius >= inner_pix
        down, across = np.nonzero(inside)
        return Disc(x[across], y[down])

    def window(self, x_pix: float, y_pix: float, half_pix: float) -> tuple[slice, slice]:
        """Index of the square part of the image around a place."""
        y, x = (
            slice(_within(floor(k - half_pix), n), _within(ceil(k + half_pix) + 1, n))
            for k, n in zip((y_pix, x_pix), self.counts.shape, strict=True)
        )
        return y, x


def _within(index: int, size: int) -> int:
    return min(max(index, 0), size)


def _filled_angle(exposure: ExposureMap) -> Floats:
    """Off-axis angles; where nothing was seen, those of the pixels around."""
    time_s, square_s = (
        ndimage.uniform_filter(image, _FILLED_PIX, mode="constant") for image in (exposure.time_s, exposure.square_s)
    )
    # The running sums of the filter leave rounding errors behind.
    some = time_s > 1e-6 * max(float(time_s.max()), 1e-9)
    around = ExposureMap(np.where(some, time_s, 0.0), np.where(some, np.maximum(square_s, 0.0), 0.0))
    return np.where(exposure.time_s > 0, exposure.off_axis_arcmin, around.off_axis_arcmin)


@dataclass(frozen=True, eq=False)
class PointSource:
    """A source as it was fitted.

    Parameters
    ----------
    x_pix, y_pix : float
        Position in 0-based pixels of the field.
    rate_cps : float
        Counts per second of good time: on axis, whole profile.
    radius90_pix : float
        Radius that holds the true position with 90 per cent probability, from
        the Fisher matrix.
    gain : float
        Gain in the Cash statistic over no source.
    hole_pix : float
        Radius that pile-up spoils; not used in the fit.
    surroundings : float
        Counts around the source over those expected; 1 unless there are
        significantly more.
    """

    x_pix: float
    y_pix: float
    rate_cps: float
    radius90_pix: float
    gain: float
    hole_pix: float = 0.0
    surroundings: float = 1.0

    def shares(self, field: Field, disc: Disc) -> Floats:
        """Fractions of the source's events that fall on some pixels, were they seen all the time."""
        psf = field.psf(self.x_pix, self.y_pix)
        return np.asarray(psf.pixel_fractions(disc.x_pix - self.x_pix, disc.y_pix - self.y_pix))

    def expected(self, field: Field, disc: Disc) -> Floats:
        """Expected counts in some pixels."""
        return self.rate_cps * disc.of(field.source_s) * self.shares(field, disc)

    def add_to(self, image: Floats, field: Field, background_per_pix: float, sign: float = 1.0) -> None:
        """Add the expected counts to an image, or take them off, out to where they are negligible."""
        psf = field.psf(self.x_pix, self.y_pix)
        window = field.window(self.x_pix, self.y_pix, self._reach_pix(psf, field, background_per_pix))
        grid_y, grid_x = np.mgrid[window]
        share = psf.pixel_fractions(grid_x - self.x_pix, grid_y - self.y_pix)
        image[window] += sign * self.rate_cps * field.source_s[window] * share

    def _reach_pix(self, psf: KingPSF, field: Field, background_per_pix: float) -> float:
        peak = self.rate_cps * field.longest_s * float(psf.profile(0.0))
        ratio = max(peak / (_NEGLIGIBLE * background_per_pix), 1.0)
        return float(np.clip(psf.core_pix * np.sqrt(ratio ** (1.0 / psf.slope) - 1.0), *_PICTURE_PIX))

    def distance_pix(self, other: PointSource) -> float:
        """Distance from another source."""
        return float(np.hypot(self.x_pix - other.x_pix, self.y_pix - other.y_pix))
