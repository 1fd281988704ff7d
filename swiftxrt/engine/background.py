"""Other sources that must not be counted as background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..mission import SKY_SIZE
from .counts import poisson_tail
from .geometry import ring_pixels
from .psf import KingPSF
from .snapshots import Snapshot, live_time_s

__all__ = ["Neighbours", "find_neighbours"]

Floats = NDArray[np.float64]

_CELL_PIX = 11  # Holds 0.65 of a source's events.
_CELL_FRACTION = 0.65
_FALSE_ALARM = 1e-6  # Of one cell; an annulus has about a thousand.
_MOST = 30
_PRECISION_PIX = 4.0
_RADIUS_LIMITS_PIX = (10.0, 60.0)
_CONTRAST = 0.2  # A source is left out to where its profile is this fraction of the background.


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Circles around other sources of one observation.

    Parameters
    ----------
    x_pix, y_pix, radius_pix : ndarray, shape (n,)
        Centres (0-based sky pixels) and radii.
    """

    x_pix: Floats
    y_pix: Floats
    radius_pix: Floats

    def cover(self, x_pix: Any, y_pix: Any) -> NDArray[np.bool_]:
        """Which of the given sky pixels lie in one of the circles."""
        x, y = np.rint(x_pix).astype(np.intp), np.rint(y_pix).astype(np.intp)
        on_image = (x >= 0) & (x < SKY_SIZE) & (y >= 0) & (y < SKY_SIZE)
        return on_image & self._raster[np.clip(y, 0, SKY_SIZE - 1), np.clip(x, 0, SKY_SIZE - 1)]

    @cached_property
    def _raster(self) -> NDArray[np.bool_]:
        """The pixels of the sky image in the circles, indexed [y, x]."""
        raster = np.zeros((SKY_SIZE, SKY_SIZE), dtype=bool)
        for x0, y0, radius in zip(self.x_pix, self.y_pix, self.radius_pix, strict=True):
            x, y = ring_pixels(x0, y0, radius)
            raster[y, x] = True
        return raster


def find_neighbours(
    snapshots: Sequence[Snapshot],
    kept: NDArray[np.bool_],
    x_pix: float,
    y_pix: float,
    inner_pix: float,
    outer_pix: float,
    psf: KingPSF | None = None,
) -> Neighbours:
    """Sources in the background annulus of an observation.

    The counts in cells of 11 x 11 pixels are compared with what the mean
    density of the annulus lets expect; the most significant excess is left
    out and the search repeated. Each source is left out to the radius where
    its profile falls to a fifth of the background, at least 10 pixels.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        Of one observation in photon counting mode.
    kept : ndarray of bool
        Events of the observation that count (band and grade).
    x_pix, y_pix : float
        Source in question.
    inner_pix, outer_pix : float
        Annulus.
    psf : KingPSF, optional
        Profile of sources.

    Returns
    -------
    neighbours : Neighbours
    """
    half = int(outer_pix) + _CELL_PIX
    x0, y0 = round(x_pix) - half, round(y_pix) - half
    counts, exposure = _maps(snapshots, kept, x0, y0, 2 * half + 1)
    grid_y, grid_x = np.mgrid[y0 : y0 + counts.shape[0], x0 : x0 + counts.shape[1]]
    distance = np.hypot(grid_x - x_pix, grid_y - y_pix)
    searched = (distance >= inner_pix) & (distance <= outer_pix)
    beyond_source = distance >= inner_pix - _CELL_PIX / 2
    counts, exposure = counts * beyond_source, exposure * beyond_source
    psf = psf or KingPSF.at()
    found: list[tuple[float, float, float]] = []
    for _ in range(_MOST):
        total = float(exposure[searched].sum())
        density = float(counts[searched].sum()) / total if total > 0 else 0.0
        if density <= 0:
            break
        peak, excess = _highest_cell(counts, density * exposure, searched)
        if peak is None:
            break
        x, y = _barycentre(counts, peak, grid_x, grid_y)
        level = density * float(exposure.max())
        radius = _extent(psf, excess / _CELL_FRACTION, level)
        found.append((x, y, radius))
        away = np.hypot(grid_x - x, grid_y - y) > radius
        counts, exposure = counts * away, exposure * away
    columns = np.array(found, dtype=float).reshape(-1, 3).T
    return Neighbours(columns[0], columns[1], columns[2])


def _maps(snapshots: Sequence[Snapshot], kept: NDArray[np.bool_], x0: int, y0: int, size: int) -> tuple[Floats, Floats]:
    """Counts and exposure (s) per pixel of a window of the sky image."""
    counts = np.zeros((size, size))
    grid_y, grid_x = np.mgrid[y0 : y0 + size, x0 : x0 + size]
    for snapshot in snapshots:
        index = snapshot.index[kept[snapshot.index]]
        x, y = snapshot.events.x[index] - x0, snapshot.events.y[index] - y0
        inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
        np.add.at(counts, (y[inside], x[inside]), 1.0)
    return counts, live_time_s(snapshots, grid_x, grid_y, _PRECISION_PIX)


def _highest_cell(
    counts: Floats, expected: Floats, searched: NDArray[np.bool_]
) -> tuple[tuple[int, int] | None, float]:
    """Row and column of the least likely cell, and its excess; None if none is unlikely enough."""
    cell = float(_CELL_PIX**2)
    in_cell = ndimage.uniform_filter(counts, _CELL_PIX, mode="constant") * cell
    lam = ndimage.uniform_filter(expected, _CELL_PIX, mode="constant") * cell
    # Cells that are mostly dead tell nothing.
    usable = searched & (lam > 0.3 * lam[searched].max())
    excess = np.where(usable, (in_cell - lam) / np.sqrt(np.maximum(lam, 1.0)), -np.inf)
    row, column = (int(k) for k in np.unravel_index(np.argmax(excess), excess.shape))
    number, mean = round(in_cell[row, column]), float(lam[row, column])
    if not np.isfinite(excess[row, column]) or poisson_tail(number, mean) > _FALSE_ALARM:
        return None, 0.0
    return (row, column), number - mean


def _barycentre(counts: Floats, peak: tuple[int, int], grid_x: Any, grid_y: Any) -> tuple[float, float]:
    half = _CELL_PIX // 2
    box = tuple(slice(max(k - half, 0), k + half + 1) for k in peak)
    weight = counts[box]
    return float(np.average(grid_x[box], weights=weight)), float(np.average(grid_y[box], weights=weight))


def _extent(psf: KingPSF, counts: float, background_per_pix: float) -> float:
    """Radius where the profile of a source falls to a fraction of the background."""
    radius = psf.radius_of_density(_CONTRAST * background_per_pix / counts)
    return float(np.clip(radius, *_RADIUS_LIMITS_PIX))
