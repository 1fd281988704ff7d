"""Exposure maps of the whole sky image: how long each pixel was seen, and how far off axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel
from numpy.typing import NDArray
from scipy import ndimage

from ..mission import DETECTOR_SIZE, SKY_SIZE
from ..products.events import EventList
from .geometry import look_up, off_axis_arcmin
from .psf import vignetting
from .snapshots import Snapshot, split_snapshots

__all__ = ["ExposureMap", "map_exposure"]

Floats = NDArray[np.float64]

# The pointing is followed to one pixel, so that one map of the detector,
# shifted by whole pixels, does for a whole snapshot.
_PRECISION_PIX = 1.0
# Half of a box around the field of view (314 pixels) and its centre.
_HALF_FIELD_PIX = 320
_FIELD_CENTRE_DET = (DETECTOR_SIZE + 1) / 2
# Two tangent projections differ by little more than a linear function: the
# transformation is worked out at points so far apart and interpolated, exact
# to 1e-4 pixel for observations 10 arcmin apart.
_MESH_PIX = 40


@dataclass(frozen=True, eq=False)
class ExposureMap:
    """Good time of each pixel, and the off-axis angle at which it was seen.

    The vignetting is ``1 - C(E) angle**2``, so that two maps hold it for all
    energies.

    Parameters
    ----------
    time_s : ndarray, shape (ny, nx)
        Good time in seconds, without vignetting, indexed [y, x].
    square_s : ndarray, shape (ny, nx)
        Sum of good time times the square of the off-axis angle, in s arcmin2.
    """

    time_s: Floats
    square_s: Floats

    def vignetted_s(self, energy_kev: float) -> Floats:
        """Good time times the vignetting at an energy (keV)."""
        coefficient = 1.0 - float(vignetting(energy_kev, 1.0))
        return np.clip(self.time_s - coefficient * self.square_s, 0.0, None)

    @property
    def off_axis_arcmin(self) -> Floats:
        """Root mean square of the off-axis angle; 0 where nothing was seen."""
        mean = np.divide(self.square_s, self.time_s, out=np.zeros_like(self.time_s), where=self.time_s > 0)
        return np.sqrt(mean)

    def __getitem__(self, window: Any) -> ExposureMap:
        return ExposureMap(self.time_s[window], self.square_s[window])

    def __add__(self, other: ExposureMap) -> ExposureMap:
        return ExposureMap(self.time_s + other.time_s, self.square_s + other.square_s)


def map_exposure(event_lists: Sequence[EventList], wcs: WCS) -> ExposureMap:
    """Exposure map of observations in a common system.

    The same field of view, live pixels and pointing as in
    `swiftxrt.engine.image.exposure_at`, for all pixels at once.

    Parameters
    ----------
    event_lists : sequence of EventList
        Photon counting mode.
    wcs : `~astropy.wcs.WCS`
        System of the map of 1000 x 1000 pixels.

    Returns
    -------
    exposure : ExposureMap
    """
    blank = np.zeros((SKY_SIZE, SKY_SIZE))
    total = ExposureMap(blank, blank)
    for events in event_lists:
        total += _moved(_own_map(events), events.wcs, wcs)
    return total


def _own_map(events: EventList) -> ExposureMap:
    """Map of one observation in its own system."""
    time_s, square_s = np.zeros((2, SKY_SIZE, SKY_SIZE))
    for snapshot in split_snapshots(events):
        seen, angle, corner = _snapshot_map(snapshot)
        # The part of the box that lies on the image, as an index of either.
        on_box, on_sky = [], []
        for first, size in zip(corner, seen.shape, strict=True):
            low, high = max(first, 0), max(min(first + size, SKY_SIZE), 0)
            on_box.append(slice(low - first, max(high, low) - first))
            on_sky.append(slice(low, max(high, low)))
        inside = seen[tuple(on_box)]
        time_s[tuple(on_sky)] += inside
        square_s[tuple(on_sky)] += inside * angle[tuple(on_box)] ** 2
    return ExposureMap(time_s, square_s)


def _snapshot_map(snapshot: Snapshot) -> tuple[Floats, Floats, tuple[int, int]]:
    """Good time and off-axis angle in a box of the sky image, and its first pixel (y, x)."""
    offset, time_s = snapshot.offsets(_PRECISION_PIX)
    first = complex(offset.real.min(), offset.imag.min())
    shift_x, shift_y = (np.rint(part).astype(int) for part in ((offset - first).real, (offset - first).imag))
    centre = snapshot.pointing.to_sky(_FIELD_CENTRE_DET, _FIELD_CENTRE_DET, first)
    x0, y0 = (round(float(place)) - _HALF_FIELD_PIX for place in centre)
    size = 2 * _HALF_FIELD_PIX + 1
    grid_y, grid_x = np.mgrid[y0 : y0 + size, x0 : x0 + size]
    live = look_up(snapshot.live, *snapshot.pointing.to_detector(grid_x, grid_y, first)).astype(float)
    seen = np.zeros((size + int(shift_y.max()), size + int(shift_x.max())))
    for dx, dy, seconds in zip(shift_x, shift_y, time_s, strict=True):
        seen[dy : dy + size, dx : dx + size] += seconds * live
    grid_y, grid_x = np.mgrid[y0 : y0 + seen.shape[0], x0 : x0 + seen.shape[1]]
    mean = np.average(offset, weights=time_s)
    return seen, off_axis_arcmin(*snapshot.pointing.to_detector(grid_x, grid_y, mean)), (y0, x0)


def _moved(exposure: ExposureMap, source: WCS, target: WCS) -> ExposureMap:
    """A map in another system."""
    if source.wcs.compare(target.wcs, cmp=0, tolerance=1e-9):
        return exposure
    nodes = np.arange(0, SKY_SIZE + _MESH_PIX, _MESH_PIX, dtype=float)
    node_x, node_y = np.meshgrid(nodes, nodes)
    mesh = np.array(pixel_to_pixel(target, source, node_x, node_y))
    grid = np.mgrid[0:SKY_SIZE, 0:SKY_SIZE] / _MESH_PIX
    x, y = (ndimage.map_coordinates(part, grid, order=1) for part in mesh)
    return ExposureMap(
        *(ndimage.map_coordinates(part, [y, x], order=1) for part in (exposure.time_s, exposure.square_s))
    )
