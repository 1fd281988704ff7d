"""Sliding cells: where there may be a source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .counts import poisson_tail
from .detection_field import Field

__all__ = ["find_candidates", "local_background"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Widths of the square cells: the small one suits deep images, in which the
# background matters, the large ones the few events of short exposures.
_CELLS_PIX = (7, 13, 21)
_LARGEST_PIX = 21
# Width of the box around the cell that gives the first background, at least,
# and how many events it should hold.
_BOX_PIX = 51
_BOX_EVENTS = 60.0
# A cell is looked at more closely if chance gives so many events less often than this ...
_CHANCE = 1e-3
# ... and if it holds at least so many.
_FEWEST = 3
# Cells of which less than this part was seen tell nothing.
_LEAST_SEEN = 0.25
# Size of the box in which a candidate is the highest peak.
_PEAK_PIX = 7


def local_background(field: Field) -> Floats:
    """Expected counts per pixel, from the box around each place without the cell in its middle."""
    density = float(field.counts.sum()) / max(float((field.background_s > 0).sum()), 1.0)
    width = max(_BOX_PIX, int(np.sqrt(_BOX_EVENTS / max(density, 1e-9))) // 2 * 2 + 1)
    width = min(width, 2 * max(field.counts.shape) - 1)
    around, exposure = (
        _box_sum(image, width) - _box_sum(image, _LARGEST_PIX) for image in (field.counts, field.background_s)
    )
    ratio = np.divide(
        np.maximum(around, 1.0), exposure, out=np.zeros_like(exposure), where=exposure > 1e-6 * field.background_s.max()
    )
    return ratio * field.background_s


def find_candidates(field: Field, expected: Floats) -> list[tuple[float, float]]:
    """Places (x, y) with more events than expected, the least likely first.

    Parameters
    ----------
    field : Field
        Image and exposures.
    expected : ndarray, shape (ny, nx)
        Expected counts of background and known sources.
    """
    chance = np.ones(field.counts.shape)
    for width in _CELLS_PIX:
        inside, mean = _box_sum(field.counts, width), _box_sum(expected, width)
        # The tail is worked out only where it can be small.
        worth = (inside >= _FEWEST - 0.5) & (inside > mean + 2.0 * np.sqrt(mean))
        tail = poisson_tail(np.rint(inside[worth]), np.maximum(mean[worth], 1e-9))
        chance[worth] = np.minimum(chance[worth], tail)
    peak = _peaks(field, expected) & (chance < _CHANCE) & _seen(field)
    row, column = np.nonzero(peak)
    order = np.argsort(chance[row, column], kind="stable")
    return [(float(column[k]), float(row[k])) for k in order]


def _peaks(field: Field, expected: Floats) -> Flags:
    """Highest places of the image smoothed about as the point spread function."""
    smooth = ndimage.gaussian_filter(field.counts - expected, 2.0, mode="constant", truncate=4.0)
    return (smooth > 0) & (smooth >= ndimage.maximum_filter(smooth, _PEAK_PIX, mode="constant"))


def _seen(field: Field) -> Flags:
    """Where a good part of the cell was seen."""
    here = ndimage.uniform_filter(field.source_s, _CELLS_PIX[1], mode="constant")
    most = ndimage.maximum_filter(field.source_s, _CELLS_PIX[1], mode="constant")
    return here > _LEAST_SEEN * np.maximum(most, 1e-9)


def _box_sum(image: Floats, width: int) -> Floats:
    return np.maximum(ndimage.uniform_filter(image, width, mode="constant") * float(width**2), 0.0)
