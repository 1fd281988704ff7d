"""Observations cut into snapshots, each with its pointing and its live pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mission import Mode
from ..products.events import EventList
from ..products.gti import GTI
from .dead_columns import dead_columns
from .geometry import Pointing, live_map, look_up
from .pointing import choose_pointing

__all__ = ["Snapshot", "live_time_s", "split_snapshots"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Offsets = NDArray[np.complex128]

#: Length of the steps in which the pointing is followed, as in the official light curves.
STEP_S = 10.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One uninterrupted pointing.

    Parameters
    ----------
    events : EventList
        The whole observation.
    gti : GTI
        Good time of the snapshot.
    index : ndarray of int
        Which events of the observation belong to it.
    pointing : Pointing
        The detector on the sky.
    live, field : ndarray of bool, shape (602, 602)
        `swiftxrt.engine.geometry.live_map` with and without bad pixels. They
        are the same where the pointing is not measured, because then nobody
        knows where on the sky the bad pixels were.
    """

    events: EventList
    gti: GTI
    index: NDArray[np.intp]
    pointing: Pointing
    live: Flags
    field: Flags
    notes: tuple[str, ...] = ()

    @cached_property
    def steps(self) -> tuple[Floats, Floats, Offsets]:
        """Start (MET s), length (s) and offset of the pointing in steps of about 10 s."""
        return self._stepped(STEP_S)

    def followed(self, step_s: float) -> tuple[Floats, Offsets]:
        """Length (s) and offset of the pointing in steps of about `step_s`."""
        return self._stepped(step_s)[1:]

    def _stepped(self, step_s: float) -> tuple[Floats, Floats, Offsets]:
        starts, lengths = [], []
        for start, stop in self.gti:
            n = max(round((stop - start) / step_s), 1)
            edges = np.linspace(start, stop, n + 1)
            starts.append(edges[:-1])
            lengths.append(np.diff(edges))
        start_s, length_s = np.concatenate(starts), np.concatenate(lengths)
        return start_s, length_s, np.asarray(self.pointing.offset_at(start_s + length_s / 2))

    def offsets(self, precision_pix: float) -> tuple[Offsets, Floats]:
        """Different offsets of the pointing and the time spent at each.

        Parameters
        ----------
        precision_pix : float
            Offsets are rounded to this, in pixels.

        Returns
        -------
        offset : ndarray of complex
        time_s : ndarray
            Good time in seconds.
        """
        _, length_s, offset = self.steps
        different, which = np.unique(np.round(offset / precision_pix) * precision_pix, return_inverse=True)
        return different, np.bincount(which, length_s).astype(float)


def split_snapshots(events: EventList, gti: GTI | None = None) -> list[Snapshot]:
    """The snapshots of an observation, in order of time.

    Events count for the good time interval that holds the middle of their
    readout frame.

    Parameters
    ----------
    events : EventList
        One observation.
    gti : GTI, optional
        Use these parts of the good time only.

    Returns
    -------
    snapshots : list of Snapshot
        Empty if there is no good time.
    """
    good = events.gti if gti is None else events.gti & gti
    if not len(good):
        return []
    met, columns = float(good.start[0]), _window(events)
    live = live_map(events.mode, met, events.bad_pixels, columns)
    dead = dead_columns(events, live)
    live[:, list(dead)] = False
    about_columns = _about_columns(events, dead)
    field = live_map(events.mode, 0.0, None, columns)
    time_s = events.met_mid_s
    found = []
    for part in good.snapshots():
        index = np.flatnonzero(part.contains(time_s))
        pointing, notes = choose_pointing(events, part, index)
        found.append(
            Snapshot(
                events, part, index, pointing, live if pointing.measured else field, field, (*notes, *about_columns)
            )
        )
    return found


def _about_columns(events: EventList, dead: tuple[int, ...]) -> tuple[str, ...]:
    notes = []
    if events.bad_pixels is None:
        notes.append(
            f"{events.obsid} {events.mode.value} lists no bad pixels: only the columns damaged in 2005 are left out"
        )
    if dead:
        listed = ", ".join(str(column) for column in dead)
        notes.append(f"{events.obsid}: DETX {listed} hold no events where 20 or more are expected, and are left out")
    return tuple(notes)


def live_time_s(snapshots: Sequence[Snapshot], x_pix: Any, y_pix: Any, precision_pix: float) -> Floats:
    """Good time (s) during which sky pixels of one observation lay on live detector pixels.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        Of one observation in photon counting mode.
    x_pix, y_pix : ndarray
        0-based sky pixels, of any shape.
    precision_pix : float
        How closely the pointing is followed, in pixels.
    """
    total = np.zeros(np.shape(x_pix))
    for snapshot in snapshots:
        for offset, time_s in zip(*snapshot.offsets(precision_pix), strict=True):
            total += time_s * look_up(snapshot.live, *snapshot.pointing.to_detector(x_pix, y_pix, offset))
    return total


def _window(events: EventList) -> tuple[int, int] | None:
    """First and last DETX of a windowed timing observation."""
    if events.mode is not Mode.WT:
        return None
    if "WM1STCOL" in events.header and "WMCOLNUM" in events.header:
        first = int(events.header["WM1STCOL"]) + 1
        return first, first + int(events.header["WMCOLNUM"]) - 1
    if events.detx is not None and len(events) >= 200:
        return int(events.detx.min()), int(events.detx.max())
    return None
