"""Finding the source around the position that was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..mission import PIXEL_ARCSEC, Mode
from ..products.calibration import PSFCoefficients
from .calibration import PSF_V004
from .counts import poisson_tail
from .extracted import ExtractionParameters
from .geometry import live_columns, off_axis_arcmin, ring_pixels
from .psf import KingPSF
from .psffit import fit_line_source, fit_point_source
from .snapshots import Snapshot, live_time_s

__all__ = ["SourceFinder", "count_map", "iterative_centroid", "simple_centroid", "strip_centroid"]

Floats = NDArray[np.float64]

# First half width of the box (about 20 arcsec) and how it shrinks.
_BOX_PIX = 10.0
_SHRINK = 0.8
_ROUNDS = 5
_FIT_RADIUS_PIX = 20.0
_SETTLED_PIX = 0.1
# How closely the pointing is followed for dead pixels.
_FOLLOWED_PIX = 0.5
# Pixels seen for a smaller part of the time disturb a barycentre.
_WHOLE = 0.95
_LEAST_SIGNIFICANCE = 5.0
_CELL_PIX = 9
# A centroid counts if chance gives that many events less often than this.
_CHANCE = 1e-4
_MIN_EVENTS = 5
# Ring in which the local background is measured.
_RING_PIX = (40.0, 100.0)


def count_map(x_pix: Any, y_pix: Any, x0: int, y0: int, size: int) -> Floats:
    """Events per pixel of a square window whose first pixel is (x0, y0), indexed [y, x]."""
    x, y = np.asarray(x_pix) - x0, np.asarray(y_pix) - y0
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
    flat = np.bincount(y[inside] * size + x[inside], minlength=size * size)
    return flat.reshape(size, size).astype(float)


def _background_per_pix(x: Any, y: Any, x0: float, y0: float) -> float:
    inner, outer = _RING_PIX
    distance = np.hypot(x - x0, y - y0)
    return float(np.count_nonzero((distance > inner) & (distance < outer)) / (np.pi * (outer**2 - inner**2)))


def _is_source(x: Any, y: Any, x0: float, y0: float, background_per_pix: float) -> bool:
    """Whether a circle of 10 pixels holds more events than chance would give."""
    number = int(np.count_nonzero(np.hypot(x - x0, y - y0) <= _BOX_PIX))
    expected = background_per_pix * np.pi * _BOX_PIX**2
    return number >= _MIN_EVENTS and bool(poisson_tail(number, expected) < _CHANCE)


def _highest_peak(x: Any, y: Any, x0: float, y0: float, reach_pix: float) -> tuple[float, float]:
    """Middle of the 9 x 9 cell with most events within reach."""
    half = int(np.ceil(reach_pix)) + _CELL_PIX
    left, low = round(x0) - half, round(y0) - half
    cells = ndimage.uniform_filter(count_map(x, y, left, low, 2 * half + 1), _CELL_PIX, mode="constant")
    grid_y, grid_x = np.mgrid[low : low + cells.shape[0], left : left + cells.shape[1]]
    cells[np.hypot(grid_x - x0, grid_y - y0) > reach_pix] = -1.0
    row, column = np.unravel_index(np.argmax(cells), cells.shape)
    return float(left + column), float(low + row)


def simple_centroid(
    x_pix: Any, y_pix: Any, x0_pix: float, y0_pix: float, tolerance_pix: float
) -> tuple[float, float] | None:
    """Barycentre of the events in a shrinking box.

    The box starts at the position given if there is a source within 10
    pixels (24 arcsec), else at the highest peak within the tolerance. Its
    half width shrinks from 10 pixels by 0.8 in each of five rounds, and each
    round moves it twice to the barycentre of the events inside.

    Parameters
    ----------
    x_pix, y_pix : array of int, shape (n,)
        Sky pixels of the events.
    x0_pix, y0_pix : float
        Where to look.
    tolerance_pix : float
        How far the source may be.

    Returns
    -------
    x, y : tuple of float, or None
        None if nothing significant lies within the tolerance.
    """
    x, y = np.asarray(x_pix), np.asarray(y_pix)
    background = _background_per_pix(x, y, x0_pix, y0_pix)
    centre = (x0_pix, y0_pix)
    if not _is_source(x, y, *centre, background):
        centre = _highest_peak(x, y, x0_pix, y0_pix, tolerance_pix)
    for half in _BOX_PIX * _SHRINK ** np.repeat(np.arange(_ROUNDS), 2):
        inside = (np.abs(x - centre[0]) <= half) & (np.abs(y - centre[1]) <= half)
        if not inside.any():
            return None
        centre = (float(x[inside].mean()), float(y[inside].mean()))
    far = np.hypot(centre[0] - x0_pix, centre[1] - y0_pix) > tolerance_pix
    return None if far or not _is_source(x, y, *centre, background) else centre


def iterative_centroid(
    x_pix: Any,
    y_pix: Any,
    x0_pix: float,
    y0_pix: float,
    tolerance_pix: float,
    *,
    seen_s: Callable[[Any, Any], Floats] | None = None,
    coefficients: PSFCoefficients = PSF_V004,
) -> tuple[float, float] | None:
    """Fit of the profile, repeated around each result until it moves less than 0.1 pixel.

    Starts from `simple_centroid`. With the exposure dead pixels are taken
    into account, which a barycentre cannot do.

    Parameters
    ----------
    x_pix, y_pix : array of int, shape (n,)
        Sky pixels of the events.
    x0_pix, y0_pix : float
        Where to look.
    tolerance_pix : float
        How far the source may be.
    seen_s : callable, optional
        Exposure of the sky pixels whose x and y it is given.
    coefficients : PSFCoefficients, optional
        Of the point spread function.

    Returns
    -------
    x, y : tuple of float, or None
        None if nothing significant lies within the tolerance.
    """
    centre = simple_centroid(x_pix, y_pix, x0_pix, y0_pix, tolerance_pix)
    for _ in range(10):
        if centre is None:
            return None
        x, y = ring_pixels(*centre, _FIT_RADIUS_PIX)
        left, low, size = int(x.min()), int(y.min()), int(max(np.ptp(x), np.ptp(y))) + 1
        counts = count_map(x_pix, y_pix, left, low, size)[y - low, x - left]
        exposure = np.ones(x.size) if seen_s is None else seen_s(x, y)
        exposure = exposure / max(float(exposure.max()), 1e-9)
        psf = KingPSF.at(coefficients=coefficients)
        fit = fit_point_source(counts, x, y, centre, psf=psf, exposure=exposure, reach_pix=_BOX_PIX)
        moved = np.hypot(fit.x_pix - centre[0], fit.y_pix - centre[1])
        far = np.hypot(fit.x_pix - x0_pix, fit.y_pix - y0_pix) > tolerance_pix
        centre = None if far else (fit.x_pix, fit.y_pix)
        if moved < _SETTLED_PIX:
            break
    return centre


def strip_centroid(
    snapshot: Snapshot,
    index: NDArray[np.intp],
    x0_pix: float,
    y0_pix: float,
    tolerance_pix: float,
    coefficients: PSFCoefficients = PSF_V004,
) -> tuple[float, float] | None:
    """Position along DETX of a source in windowed timing mode, from a fit of the profile.

    Dead columns are taken into account: close to them a barycentre would be
    off by pixels, and the correction factor by tens of per cent.

    Parameters
    ----------
    snapshot : Snapshot
        Windowed timing.
    index : ndarray of int
        Events to use.
    x0_pix, y0_pix : float
        Where to look, in sky pixels.
    tolerance_pix : float
        How far the source may be.
    coefficients : PSFCoefficients, optional
        Of the point spread function.

    Returns
    -------
    x, y : tuple of float, or None
        Moved along DETX only; None if nothing significant lies within the tolerance.
    """
    pointing, events = snapshot.pointing, snapshot.events
    half = int(np.ceil(tolerance_pix + _FIT_RADIUS_PIX))
    along = np.arange(-half, half + 1)
    measured = np.rint(pointing.along_columns(events.x[index], events.y[index], x0_pix, y0_pix)).astype(int)
    counts = np.bincount(measured[np.abs(measured) <= half] + half, minlength=along.size)
    live, exposure = live_columns(snapshot.live), np.zeros(along.size)
    for offset, time_s in zip(*snapshot.offsets(_FOLLOWED_PIX), strict=True):
        column = np.rint(pointing.to_detector(x0_pix, y0_pix, offset)[0] + along).astype(int)
        exposure += time_s * live[np.clip(column, 0, live.size - 1)]
    angle = off_axis_arcmin(*pointing.to_detector(x0_pix, y0_pix, pointing.offset.mean()))
    psf = KingPSF.at(off_axis_arcmin=float(angle), coefficients=coefficients)
    if not exposure.any():
        return None
    fit = fit_line_source(counts, along, exposure / exposure.max(), psf=psf, reach_pix=tolerance_pix)
    if fit.significance < _LEAST_SIGNIFICANCE:
        return None
    return pointing.moved_along_columns(x0_pix, y0_pix, fit.shift_pix)


def _fully_seen(snapshots: Sequence[Snapshot], x_pix: float, y_pix: float) -> bool:
    """Whether all pixels that the barycentre uses were live all the time."""
    x, y = ring_pixels(x_pix, y_pix, _BOX_PIX)
    seen_s = live_time_s(snapshots, x, y, _FOLLOWED_PIX)
    return bool(seen_s.min() > _WHOLE * seen_s.max())


class SourceFinder:
    """Looks for the source in one observation after the other.

    Parameters
    ----------
    parameters : ExtractionParameters
        Method, tolerance, and after how many failures in a row to give up.
    """

    def __init__(self, parameters: ExtractionParameters) -> None:
        self.parameters = parameters
        self.tolerance_pix = parameters.tolerance_arcmin * 60.0 / PIXEL_ARCSEC
        self.failures = 0

    @property
    def active(self) -> bool:
        """Whether there is any point in asking."""
        return self.parameters.centroid and self.failures < self.parameters.attempts

    def find(
        self, snapshots: Sequence[Snapshot], kept: NDArray[np.bool_], x0_pix: float, y0_pix: float
    ) -> tuple[float, float] | None:
        """The source in snapshots of one observation, or None.

        Parameters
        ----------
        snapshots : sequence of Snapshot
            Of photon counting mode, or a single one of windowed timing.
        kept : ndarray of bool
            Events of the observation that count.
        x0_pix, y0_pix : float
            Where to look, in sky pixels of the observation.
        """
        if not self.active or not snapshots:
            return None
        events = snapshots[0].events
        index = np.concatenate([snapshot.index[kept[snapshot.index]] for snapshot in snapshots])
        x, y = events.x[index], events.y[index]
        coefficients = self.parameters.calibration.psf(events.mode)
        if events.mode is Mode.WT:
            found = strip_centroid(snapshots[0], index, x0_pix, y0_pix, self.tolerance_pix, coefficients)
        else:
            found = simple_centroid(x, y, x0_pix, y0_pix, self.tolerance_pix)
            # A barycentre beside a bad column is off by a pixel, and the
            # correction factor then by tens of per cent.
            if found and (self.parameters.method == "iterative" or not _fully_seen(snapshots, *found)):
                seen_s = partial(live_time_s, snapshots, precision_pix=_FOLLOWED_PIX)
                found = iterative_centroid(
                    x, y, x0_pix, y0_pix, self.tolerance_pix, seen_s=seen_s, coefficients=coefficients
                )
        self.failures = 0 if found else self.failures + 1
        return found
