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

from ..mission import OPTICAL_AXIS_DET, PIXEL_ARCSEC
from ..products._wcs import same_wcs
from ..products.calibration import VignettingCoefficients
from ..products.events import EventList
from .calibration import EMBEDDED
from .geometry import FIELD_CENTRE_DET, FIELD_RADIUS_PIX
from .grid import image_shape
from .psf import vignetting
from .region_notes import pointing_notes
from .snapshots import Snapshot, split_snapshots

__all__ = ["ExposureMap", "map_exposure"]

Floats = NDArray[np.float64]
#: Part of a plane: values, and the pixel (y, x) of the first.
Box = tuple[NDArray[Any], tuple[int, int]]

# The pointing is followed frame by frame; its steps of whole pixels shift the
# map of the detector, which is brought to the sky once in a snapshot.
_STEP_S = 2.5
# Half of a box around the field of view.
_HALF_FIELD_PIX = int(FIELD_RADIUS_PIX) + 3
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
    notes : tuple of str, optional
        What there is to say about the pointings.
    """

    time_s: Floats
    square_s: Floats
    notes: tuple[str, ...] = ()

    def vignetted_s(self, energy_kev: float, coefficients: VignettingCoefficients = EMBEDDED.vignetting) -> Floats:
        """Good time times the vignetting at an energy (keV)."""
        loss = 1.0 - float(vignetting(energy_kev, 1.0, coefficients))
        return np.clip(self.time_s - loss * self.square_s, 0.0, None)

    @property
    def off_axis_arcmin(self) -> Floats:
        """Root mean square of the off-axis angle; 0 where nothing was seen."""
        mean = np.divide(self.square_s, self.time_s, out=np.zeros_like(self.time_s), where=self.time_s > 0)
        return np.sqrt(mean)

    def __getitem__(self, window: Any) -> ExposureMap:
        return ExposureMap(self.time_s[window], self.square_s[window], self.notes)

    def __add__(self, other: ExposureMap) -> ExposureMap:
        notes = tuple(dict.fromkeys((*self.notes, *other.notes)))
        return ExposureMap(self.time_s + other.time_s, self.square_s + other.square_s, notes)


def map_exposure(event_lists: Sequence[EventList], wcs: WCS) -> ExposureMap:
    """Exposure map of observations in a common system.

    In each snapshot the map of live detector pixels is brought to the sky
    once, weighted by area, and added up over the whole pixels by which the
    pointing moved.

    Parameters
    ----------
    event_lists : sequence of EventList
        Photon counting mode.
    wcs : `~astropy.wcs.WCS`
        System of the map, of its ``array_shape`` or of 1000 x 1000 pixels.

    Returns
    -------
    exposure : ExposureMap
    """
    total = np.zeros((2, *image_shape(wcs)))
    notes: list[str] = []
    sources: list[str] = []
    for events in event_lists:
        snapshots = split_snapshots(events)
        sources += [snapshot.pointing.source for snapshot in snapshots]
        notes += [note for snapshot in snapshots for note in snapshot.notes]
        box = _observation_box(snapshots)
        if box is not None:
            _add_part(total, box if same_wcs(events.wcs, wcs) else _moved(box, events.wcs, wcs))
    return ExposureMap(total[0], total[1], tuple(dict.fromkeys([*pointing_notes(sources), *notes])))


def _observation_box(snapshots: Sequence[Snapshot]) -> Box | None:
    """Good time and its product with the squared angle, around all that was seen, on the grid of the observation."""
    boxes = [_snapshot_box(snapshot) for snapshot in snapshots]
    if not boxes:
        return None
    first = np.min([corner for _, corner in boxes], axis=0)
    last = np.max([np.add(corner, part.shape[1:]) for part, corner in boxes], axis=0)
    whole = np.zeros((2, *(last - first)))
    for part, corner in boxes:
        _add_part(whole, (part, (corner[0] - first[0], corner[1] - first[1])))
    return whole, (int(first[0]), int(first[1]))


def _snapshot_box(snapshot: Snapshot) -> Box:
    length_s, offset = snapshot.followed(_STEP_S)
    middle = complex(_median(offset.real, length_s), _median(offset.imag, length_s))
    moved = np.rint(np.column_stack([(offset - middle).imag, (offset - middle).real])).astype(np.intp)
    shifts, which = np.unique(moved, axis=0, return_inverse=True)
    time_s = np.bincount(which.ravel(), length_s)
    live, corner = _live_on_sky(snapshot, middle)
    first = shifts.min(axis=0)
    box = np.zeros((2, *(live.shape + shifts.max(axis=0) - first)))
    weighted = np.empty_like(live)
    for (dy, dx), seconds in zip(shifts - first, time_s, strict=True):
        box[0, dy : dy + live.shape[0], dx : dx + live.shape[1]] += np.multiply(live, seconds, out=weighted)
    y0, x0 = corner[0] + int(first[0]), corner[1] + int(first[1])
    axis_x, axis_y = snapshot.pointing.to_sky(*OPTICAL_AXIS_DET, np.average(offset, weights=length_s))
    y, x = np.arange(y0, y0 + box.shape[1]) - axis_y, np.arange(x0, x0 + box.shape[2]) - axis_x
    np.multiply(box[0], (x**2 + y[:, None] ** 2) * (PIXEL_ARCSEC / 60.0) ** 2, out=box[1])
    return box, (y0, x0)


def _median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(passed, passed[-1] / 2)])


def _live_on_sky(snapshot: Snapshot, offset: complex) -> Box:
    """The live part of each sky pixel in a box around the field of view."""
    centre_x, centre_y = snapshot.pointing.to_sky(*FIELD_CENTRE_DET, offset)
    y0, x0 = (round(float(place)) - _HALF_FIELD_PIX for place in (centre_y, centre_x))
    steps = np.arange(2 * _HALF_FIELD_PIX + 1)
    # A rotation: each detector coordinate is a function of x plus one of y.
    x_part = snapshot.pointing.to_detector(x0 + steps, 0.0, offset)
    y_part = snapshot.pointing.to_detector(0.0, y0 + steps, offset)
    origin = snapshot.pointing.to_detector(0.0, 0.0, offset)
    detx, dety = (
        along_x + (along_y - zero)[:, None] for along_x, along_y, zero in zip(x_part, y_part, origin, strict=True)
    )
    live = ndimage.map_coordinates(snapshot.live.astype(float), [dety, detx], order=1)
    return live, (y0, x0)


def _add_part(total: Floats, box: Box) -> None:
    """Add what of a box lies on a larger plane."""
    values, corner = box
    on_box, on_total = [], []
    for first, size, limit in zip(corner, values.shape[1:], total.shape[1:], strict=True):
        low, high = max(first, 0), max(min(first + size, limit), 0)
        on_box.append(slice(low - first, max(high, low) - first))
        on_total.append(slice(low, max(high, low)))
    total[:, on_total[0], on_total[1]] += values[:, on_box[0], on_box[1]]


def _moved(box: Box, source: WCS, target: WCS) -> Box:
    """A box in another system, cut at the image of that system."""
    values, (y0, x0) = box
    height, width = values.shape[1:]
    rim = np.linspace(0.0, 1.0, 9)
    x_rim, y_rim = x0 - 1 + np.outer(rim, np.ones(9)) * (width + 1), y0 - 1 + np.outer(np.ones(9), rim) * (height + 1)
    new_x, new_y = pixel_to_pixel(source, target, x_rim.ravel(), y_rim.ravel())
    limits = []
    for places, size in zip((new_y, new_x), image_shape(target), strict=True):
        known = places[np.isfinite(places)]
        low = int(np.clip(np.floor(known.min()) if known.size else 0, 0, size))
        limits.append((low, int(np.clip(np.ceil(known.max()) + 1 if known.size else 0, low, size))))
    (low_y, high_y), (low_x, high_x) = limits
    moved = np.zeros((2, high_y - low_y, high_x - low_x))
    if moved.size:
        y, x = _places(target, source, limits)
        for plane, part in zip(moved, values, strict=True):
            ndimage.map_coordinates(part, [y - y0, x - x0], order=1, output=plane)
    return moved, (low_y, low_x)


def _places(target: WCS, source: WCS, limits: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Where the pixels of a part of one image lie on another."""
    nodes = [low + np.arange(0, high - low + _MESH_PIX, _MESH_PIX, dtype=float) for low, high in limits]
    node_y, node_x = np.meshgrid(*nodes, indexing="ij")
    mesh_x, mesh_y = pixel_to_pixel(target, source, node_x, node_y)
    rows, columns = (np.arange(high - low) / _MESH_PIX for low, high in limits)
    return _between_nodes(mesh_y, rows, columns), _between_nodes(mesh_x, rows, columns)


def _between_nodes(mesh: Floats, rows: Floats, columns: Floats) -> Floats:
    """Bilinear interpolation at a grid of places, one axis after the other."""
    for places in (rows, columns):
        low = np.minimum(places.astype(np.intp), mesh.shape[0] - 2)
        share = (places - low)[:, None]
        mesh = (mesh[low] * (1 - share) + mesh[low + 1] * share).T
    return mesh
