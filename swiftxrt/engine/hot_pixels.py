"""Events of detector pixels that see something where there is nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from ..mission import DETECTOR_SIZE
from ..products.events import EventList

__all__ = ["hot_events"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# No more than this part of the events of a point source within 15 x 15 pixels
# falls on 2 x 2 of them (0.14 for a source that does not move).
_CORE_SHARE = 0.18
_BOX_PIX = 15
_FEWEST = 4
# More concentrated events come from a hot pixel if chance gives that less often
# than this ...
_CHANCE = 1e-5
# ... and, if nearly all have the lowest energies as those of hot pixels do
# (below 0.6 keV), more often by this factor.
_SOFT_PI, _SOFT_SHARE, _SOFT_FACTOR = 60, 0.9, 1000.0


def hot_events(events: EventList, channels: tuple[int, int] = (30, 1000)) -> Flags:
    """Which events fell on pixels that are too bright for their neighbourhood.

    A few pixels give events just above the threshold for some minutes, which
    cleaned event files keep: two neighbours with 8 of 8 events in PI 35 to 54
    and of no single grade in ``sw010_1`` of GRB 221009A, for instance. On the
    sky they look like a faint source, but a point source never puts most of
    its events on 2 x 2 pixels.

    Parameters
    ----------
    events : EventList
        Photon counting mode.
    channels : tuple of int, optional
        First and last PI channel of the events that count.

    Returns
    -------
    hot : ndarray of bool, shape (n,)
        All False where the list has no detector coordinates.
    """
    none = np.zeros(len(events), dtype=bool)
    if events.detx is None or events.dety is None:
        return none
    counted = (events.pi >= channels[0]) & (events.pi <= channels[1])
    row, column = (np.clip(pixel, 0, DETECTOR_SIZE + 1).astype(np.intp) for pixel in (events.dety, events.detx))
    soft = counted & (events.pi < _SOFT_PI)
    block = _hot_blocks(*(_image(row[part], column[part]) for part in (counted, soft)))
    # A block is known by its last pixel in x and y; each pixel belongs to four.
    pixels = ndimage.maximum_filter(block, 2, origin=-1, mode="constant")
    return counted & pixels[row, column]


def _hot_blocks(counts: Floats, soft: Floats) -> Flags:
    """Blocks of 2 x 2 pixels that are too bright."""
    block, soft_block = (_block_sum(image) for image in (counts, soft))
    around = np.rint(ndimage.uniform_filter(counts, _BOX_PIX, mode="constant") * _BOX_PIX**2)
    hot = np.zeros(counts.shape, dtype=bool)
    bright = block >= _FEWEST
    number, others = block[bright], (np.maximum(around, block) - block)[bright]
    chance = special.betainc(number, others + 1.0, _CORE_SHARE)  # Binomial: at least so many of all.
    allowed = np.where(soft_block >= _SOFT_SHARE * block, _SOFT_FACTOR * _CHANCE, _CHANCE)[bright]
    hot[bright] = chance < allowed
    return hot


def _block_sum(image: Floats) -> Floats:
    """Sums over each pixel and its three neighbours to the left and below."""
    return image + np.roll(image, 1, axis=0) + np.roll(image, 1, axis=1) + np.roll(image, (1, 1), axis=(0, 1))


def _image(row: NDArray[np.intp], column: NDArray[np.intp]) -> Floats:
    size = DETECTOR_SIZE + 2
    return np.bincount(row * size + column, minlength=size * size).reshape(size, size).astype(float)
