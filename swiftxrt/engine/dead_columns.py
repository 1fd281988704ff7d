"""Columns of the detector that hold no events although others around them do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..mission import Mode
from ..products.events import EventList
from .geometry import look_up

__all__ = ["dead_columns"]

Flags = NDArray[np.bool_]

# A column is dead if it holds less than this part of the events that the
# columns on either side let expect, and these are at least so many: fewer than
# 20 could be missed by chance once in a hundred thousand observations.
_MOST_LEFT = 0.05
_FEWEST_EXPECTED = 20.0
# So many columns on either side are compared, of which five may be dead themselves; with less live pixels a column says nothing.
_COLUMNS_BESIDE = 11
_FEWEST_LIVE = 100


def dead_columns(events: EventList, live: Flags) -> tuple[int, ...]:
    """Columns (DETX) that are dead according to the events themselves.

    Lists of bad pixels are not complete: DETX 295, beside the columns damaged
    in 2005, is in none of those of GRB 221009A and holds 4 events where 350
    would be.

    Parameters
    ----------
    events : EventList
        Photon counting mode; for other modes, and without detector
        coordinates, nothing is found.
    live : ndarray of bool, shape (602, 602)
        `swiftxrt.engine.geometry.live_map`.
    """
    if events.mode is not Mode.PC or events.detx is None or events.dety is None:
        return ()
    seen = look_up(live, events.detx, events.dety)
    height = live.sum(axis=0)
    column = np.flatnonzero(height >= _FEWEST_LIVE)
    count = np.bincount(events.detx[seen], minlength=height.size)[column]
    density = np.pad(count / height[column], _COLUMNS_BESIDE)
    windows = np.median(np.lib.stride_tricks.sliding_window_view(density, _COLUMNS_BESIDE), axis=1)
    left, right = windows[: column.size], windows[_COLUMNS_BESIDE + 1 :]
    expected = np.minimum(left, right) * height[column]
    dead = (expected >= _FEWEST_EXPECTED) & (count < _MOST_LEFT * expected)
    return tuple(column[dead].tolist())
