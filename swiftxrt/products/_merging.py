"""Event lists of one observation made one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._log import log
from ..exceptions import RequestError
from ._wcs import same_wcs
from .events import EventList
from .gti import GTI

__all__ = ["merged", "uncovered"]

# Grids that differ by less than this (pixels) are taken as one.
_SAME_GRID_PIX = 0.1


def merged(lists: Sequence[EventList]) -> EventList:
    """One event list from several of the same ObsID and mode.

    Time that an earlier list covers already is not taken again from the next:
    two copies of a file are one. Sky pixels are counted on the grid of the first list; where the grids
    differ, events move to the nearest pixel of it.

    Parameters
    ----------
    lists : sequence of EventList
        At least one.

    Raises
    ------
    RequestError
        If they differ in mode or ObsID.
    """
    first = lists[0]
    if len(lists) == 1:
        return first
    if any((item.mode, item.obsid) != (first.mode, first.obsid) for item in lists):
        raise RequestError("only event lists of one ObsID and mode can be merged", "event list")
    lists = _without_overlap(lists)
    if len(lists) == 1:
        return first
    gti = GTI(np.concatenate([item.gti.start for item in lists]), np.concatenate([item.gti.stop for item in lists]))
    good_s = sum(item.gti.exposure_s for item in lists)
    live_fraction = sum(item.live_fraction * item.gti.exposure_s for item in lists) / good_s
    pixels = [_on_grid(item, first) for item in lists]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(item, name) for item in lists])
        for name in ("met", "pi", "grade", "rawx", "rawy", "detx", "dety", "pha", "status")
        if all(getattr(item, name) is not None for item in lists)
    }
    timing = ("ONTIME", "LIVETIME", "EXPOSURE", "TSTART", "TSTOP", "TELAPSE", "DATE-OBS", "DATE-END", "MJD-OBS")
    kept = {key: value for key, value in first.header.items() if key not in timing}
    bad_pixels = [item.bad_pixels for item in lists if item.bad_pixels is not None]
    return EventList(
        **columns,
        x=np.concatenate([x for x, _ in pixels]),
        y=np.concatenate([y for _, y in pixels]),
        gti=gti,
        mode=first.mode,
        header={**kept, "DEADC": live_fraction},
        bad_pixels=np.unique(np.concatenate(bad_pixels)) if bad_pixels else None,
    )


def uncovered(lists: Sequence[EventList]) -> list[GTI]:
    """Of each list, the good time that those before it do not cover."""
    fresh: list[GTI] = []
    used = GTI.empty()
    for events in lists:
        fresh.append(events.gti - used)
        used |= events.gti
    return fresh


def _without_overlap(lists: Sequence[EventList]) -> list[EventList]:
    """The lists without the time that those before them cover; those with nothing else are left out."""
    kept: list[EventList] = []
    for events, fresh in zip(lists, uncovered(lists), strict=True):
        if fresh == events.gti:
            kept.append(events)
        else:
            log.warning("%s: time that another event file of %s covers too is left out", events.path, events.obsid)
            kept += [events.select(gti=fresh)] if len(fresh) else []
    return kept


def _on_grid(events: EventList, reference: EventList) -> tuple[Any, Any]:
    """Sky pixels of the events on the grid of another list."""
    centre = events.wcs.wcs.crpix - 1
    shift = reference.wcs.wcs_world2pix([events.wcs.wcs_pix2world([centre], 0)[0]], 0)[0] - centre
    if same_wcs(events.wcs, reference.wcs) or np.all(np.abs(shift) < _SAME_GRID_PIX):
        return events.x, events.y
    placed = (events.x >= 0) & (events.y >= 0)
    sky = events.wcs.wcs_pix2world(np.column_stack([events.x, events.y]).astype(float), 0)
    moved = np.rint(reference.wcs.wcs_world2pix(sky, 0)).astype(int)
    return np.where(placed, moved[:, 0], events.x), np.where(placed, moved[:, 1], events.y)
