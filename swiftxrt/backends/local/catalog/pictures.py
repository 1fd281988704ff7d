"""Small pictures of sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ....mission import PIXEL_DEG

__all__ = ["thumbnail"]

Floats = NDArray[np.float64]

_HALF_PIX = 90
_ENLARGED = 3
_SMOOTHING_PIX = 1.5
# Colours from dark to bright: values of red, green and blue at equal steps.
_COLOURS = np.array([(0, 0, 0), (40, 11, 84), (137, 34, 106), (227, 89, 51), (249, 201, 50), (252, 255, 200)])
# The cross around the source: its arms begin and end so many pixels away.
_CROSS_PIX = (8, 18)
_GREEN = (90, 255, 120)
# One arcmin, and its distance from the lower left corner.
_BAR_PIX, _BAR_PLACE_PIX = 1 / (60 * PIXEL_DEG), 8


def thumbnail(image: NDArray[np.generic], x_pix: float, y_pix: float, *, smooth: bool) -> NDArray[np.uint8]:
    """The surroundings of a source, north up, with a cross around it and a bar of one arcmin.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Counts or exposure.
    x_pix, y_pix : float
        Where the source is.
    smooth : bool
        Whether single events are made visible; the scale is then logarithmic.

    Returns
    -------
    pixels : ndarray of uint8, shape (543, 543, 3)
        Red, green and blue, the top row first; 7 arcmin wide.
    """
    padded = np.pad(np.asarray(image, dtype=float), _HALF_PIX)
    column, row = round(x_pix), round(y_pix)
    part = padded[row : row + 2 * _HALF_PIX + 1, column : column + 2 * _HALF_PIX + 1]
    if smooth:
        part = np.log1p(ndimage.gaussian_filter(part, _SMOOTHING_PIX) * 20.0)
    highest = float(part.max())
    level = part / highest if highest > 0 else np.zeros_like(part)
    steps = np.linspace(0.0, 1.0, len(_COLOURS))
    pixels = np.stack([np.interp(level, steps, colour) for colour in _COLOURS.T], axis=-1).round().astype(np.uint8)
    large = pixels[::-1].repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
    return _with_marks(np.ascontiguousarray(large))


def _with_marks(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    middle = pixels.shape[0] // 2
    first, last = (_ENLARGED * arm for arm in _CROSS_PIX)
    for arm in (slice(middle - last, middle - first), slice(middle + first, middle + last)):
        pixels[middle - 1 : middle + 1, arm] = _GREEN
        pixels[arm, middle - 1 : middle + 1] = _GREEN
    edge = _ENLARGED * _BAR_PLACE_PIX
    pixels[-edge - 3 : -edge, edge : edge + round(_ENLARGED * _BAR_PIX)] = _GREEN
    return pixels
