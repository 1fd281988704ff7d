"""Pile-up: photons that fall on the same pixels in the same readout frame look like one.

Photons whose pixels touch (one pixel apart or less, along both axes) are one
event: it lies where the brightest of them fell and has the energy of all. Its
grade follows from the pixels that all their charges light up together; where
they form none of the shapes of X-ray events, it is rejected. Which photons
share their charge, and with which neighbours, follows from the measured
fractions of grades.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..mission import Mode
from .simulated_photons import Photons

__all__ = ["merge_piled_up"]

Integers = NDArray[np.int64]

# Pixels next to the brightest that are lit in each grade. The numbers within
# doubles, triples and quadruples are given to directions counterclockwise from
# +y; nothing in the package depends on which is which.
_SIDES = ((0, 1), (-1, 0), (0, -1), (1, 0))
_CORNERS = ((-1, 1), (-1, -1), (1, -1), (1, 1))
_SHAPES = {
    Mode.PC: (
        (),
        *((side,) for side in _SIDES),
        *((_SIDES[n], _SIDES[(n + 1) % 4]) for n in range(4)),
        *((_SIDES[n], _SIDES[(n + 1) % 4], _CORNERS[n]) for n in range(4)),
    ),
    Mode.WT: ((), ((1, 0),), ((-1, 0),)),
}
_REJECTED = -1


def merge_piled_up(
    photons: Photons, frame: Integers, grade: Integers, mode: Mode
) -> tuple[Photons, Integers, Integers]:
    """Events that remain of photons that pile up.

    Parameters
    ----------
    photons : Photons
        Photons that are read out.
    frame : ndarray of int
        Readout frame of each.
    grade : ndarray of int
        Grade that each would have had alone.
    mode : Mode
        Shapes of windowed timing have one row.

    Returns
    -------
    events : Photons
        Merged ones have the time, place and label of their brightest photon.
    frame, grade : ndarray of int
        Of the events.
    """
    # Frames are 10 apart, so that only photons of one frame can be neighbours.
    place = np.stack([10.0 * frame, np.rint(photons.detx), np.rint(photons.dety)], axis=1)
    pairs = cKDTree(place).query_pairs(1.0, p=np.inf, output_type="ndarray")
    if not len(pairs):
        return photons, frame, grade
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(frame.size, frame.size))
    number_of_groups, group = connected_components(graph, directed=False)
    order = np.lexsort((-photons.pi, group))
    first = np.searchsorted(group[order], np.arange(number_of_groups))
    brightest = order[first]
    relative = (place[order] - place[brightest][group[order]])[:, 1:].astype(np.int64)
    lit = np.bitwise_or.reduceat(_lit_pixels(relative, grade[order], mode), first)
    merged_grade = _grade_of_shapes(mode)[lit]
    alone = np.bincount(group, minlength=number_of_groups) == 1
    merged_grade[alone] = grade[brightest[alone]]
    chosen = np.sort(brightest[merged_grade != _REJECTED])
    total = np.bincount(group, photons.pi).astype(np.int64)
    events = replace(photons[chosen], pi=total[group[chosen]])
    return events, frame[chosen], merged_grade[group[chosen]]


def _lit_pixels(relative: Integers, grade: Integers, mode: Mode) -> Integers:
    """Which of the 3x3 pixels around the brightest photon each photon lights up, a bit for each."""
    shapes = [((0, 0), *shape) for shape in _SHAPES[mode]]
    most = max(len(shape) for shape in shapes)
    table = np.array([shape + ((0, 0),) * (most - len(shape)) for shape in shapes])
    place = relative[:, None, :] + table[grade]
    inside = (np.abs(place) <= 1).all(axis=2)
    bit = np.where(inside, 1 << _bit(np.where(inside[..., None], place, 0)), 0)
    return np.bitwise_or.reduce(bit, axis=1)


def _bit(place: Integers) -> Integers:
    return 3 * (place[..., 1] + 1) + place[..., 0] + 1


def _grade_of_shapes(mode: Mode) -> Integers:
    """Grade of each of the 512 patterns of 3x3 pixels."""
    grades = np.full(512, _REJECTED)
    for grade, shape in enumerate(_SHAPES[mode]):
        grades[sum(1 << int(_bit(np.array(pixel))) for pixel in ((0, 0), *shape))] = grade
    return grades
