"""Background maps: the field without its sources, smoothed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .detection_field import Field

__all__ = ["background_map"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# The smoothing is as wide as it takes to have so many events under the kernel:
# the map is then good to 5 per cent.
_EVENTS = 400.0
_WIDTH_PIX = (40.0, 160.0)
# Smoothing on blocks of so many pixels is fast and loses nothing.
_BLOCK = 8
# Pixels in which sources give more than this part of the background are left out.
_SOURCE_SHARE = 0.2
_LEAST_RATIO = 0.3


def background_map(field: Field, sources: Floats) -> Floats:
    """Expected background counts per pixel.

    What is left of the counts after the expected counts of the sources are
    taken off, without the pixels in which sources dominate, over the exposure
    to a typical background; both are smoothed with one Gaussian.

    Parameters
    ----------
    field : Field
        Image and exposures.
    sources : ndarray, shape (ny, nx)
        Expected counts of the sources known.

    Returns
    -------
    background : ndarray, shape (ny, nx)
        Zero where nothing was seen.
    """
    seen = field.background_s > 0
    background = _mean(field, sources, seen) * field.background_s
    for _ in range(2):
        background = _smooth(field, sources, seen & (sources <= _SOURCE_SHARE * background))
    return background


def _mean(field: Field, sources: Floats, kept: Flags) -> float:
    """Background counts per second of exposure; half an event keeps it from being zero."""
    rest = float((field.counts - sources)[kept].sum())
    return max(rest, 0.5) / max(float(field.background_s[kept].sum()), 1e-9)


def _smooth(field: Field, sources: Floats, kept: Flags) -> Floats:
    mean = _mean(field, sources, kept)
    per_pix = mean * float(field.background_s[kept].mean()) if kept.any() else 0.0
    width = float(np.sqrt(_EVENTS / (4.0 * np.pi * max(per_pix, 1e-12))))
    if width > _WIDTH_PIX[1]:
        return mean * field.background_s
    sigma = max(width, _WIDTH_PIX[0]) / _BLOCK
    counts, exposure = (
        ndimage.gaussian_filter(_blocks(np.where(kept, image, 0.0)), sigma, mode="constant")
        for image in (field.counts - sources, field.background_s)
    )
    # Where next to nothing is seen the mean of the field stands in.
    weak = 1e-3 * float(exposure.max())
    ratio = (counts + weak * mean) / (exposure + weak)
    return _unblocked(np.maximum(ratio, _LEAST_RATIO * mean), field.counts.shape) * field.background_s


def _blocks(image: Floats) -> Floats:
    """Sums over blocks of pixels."""
    padding = [(0, -n % _BLOCK) for n in image.shape]
    padded = np.pad(image, padding)
    ny, nx = (n // _BLOCK for n in padded.shape)
    return padded.reshape(ny, _BLOCK, nx, _BLOCK).sum(axis=(1, 3))


def _unblocked(blocks: Floats, shape: tuple[int, ...]) -> Floats:
    """A smooth function at all pixels from its values at the middles of the blocks."""
    down, across = (_interpolation(n, size) for n, size in zip(shape, blocks.shape, strict=True))
    return down @ blocks @ across.T


def _interpolation(n: int, blocks: int) -> Floats:
    """Matrix that interpolates linearly from the middles of the blocks to the pixels."""
    place = np.clip((np.arange(n) - (_BLOCK - 1) / 2) / _BLOCK, 0.0, blocks - 1.0)
    return np.maximum(1.0 - np.abs(place[:, None] - np.arange(blocks)), 0.0)
