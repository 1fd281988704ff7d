"""Events that are in a file but cannot be counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..products.events import EventList

__all__ = ["in_good_time", "outside_good_time", "without_values"]

Flags = NDArray[np.bool_]


def in_good_time(events: EventList) -> Flags:
    """Which events were read out in good time; the ends of intervals cut through frames, which count."""
    return events.gti.contains(events.met) | events.gti.contains(events.met + events.frame_s)


def outside_good_time(events: EventList) -> list[str]:
    """A sentence if there are events outside the good time."""
    count = int(np.count_nonzero(~in_good_time(events)))
    return [f"{count} events of {events.obsid} lie outside its good time and were not counted"] if count else []


def without_values(events: EventList) -> list[str]:
    """A sentence if events have no energy or no place on the sky: no region and no band holds them.

    Cleaned files of the archive have none, so rates from such a file are too low.
    """
    lacking = {"energy (PI)": events.pi < 0, "place on the sky (X, Y)": (events.x < 0) | (events.y < 0)}
    parts = [f"{np.count_nonzero(flags)} no {name}" for name, flags in lacking.items() if flags.any()]
    if not parts:
        return []
    which = f"{len(events)} events of {events.obsid} {events.mode.value}"
    return [f"of {which}, {' and '.join(parts)}: they were not counted, so that rates are too low by as much"]
