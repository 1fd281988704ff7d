"""How a simulated detector is operated and read out: pointing, modes, frames, pile-up, grades."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from ..mission import CHANNEL_KEV, N_CHANNELS, PC_LIVE_FRACTION, PIXEL_ARCSEC, Mode
from ..products.events import BAD_PIXEL_DTYPE
from .geometry import Pointing, live_map, look_up, nominal_pointing
from .response_tables import grade_fractions
from .scene import Scene, Snapshot
from .simulated_photons import Photons
from .simulated_pileup import merge_piled_up

__all__ = [
    "LIVE_FRACTION",
    "WT_WINDOW_DETX",
    "Interval",
    "bad_pixels",
    "intervals",
    "live_pixels",
    "pointing_path",
    "read_out",
]

Integers = NDArray[np.int64]

#: Live over good time; windowed timing: DEADC of observation 00085374001.
LIVE_FRACTION = {Mode.PC: PC_LIVE_FRACTION, Mode.WT: 0.998507798}

#: Columns that are read in windowed timing: WM1STCOL = 199, WMCOLNUM = 200 in 00085374001.
WT_WINDOW_DETX = (200, 399)

# The damaged columns as BADPIX of 00085374001 lists them (their neighbours,
# which give no events either, are not in that list).
_BAD_RAWX = {Mode.PC: (290, 291, 292, 319), Mode.WT: (290, 291, 292, 293, 319)}

_DAMAGE_MET = 138_844_800.0

# Cleaned files have few events below the event threshold: lowest PI of 00085374001.
_LOWEST_PI = 20

# The pointing wobbles with this memory and is followed in steps of one frame.
_JITTER_TIME_S = 5.0
_POINTING_STEP_S = 2.5

# Grades 0 to 2 of 227 windowed timing events of 00085374001 and 00085374005.
_WT_GRADES = (0.736, 0.110, 0.154)


@dataclass(frozen=True)
class Interval:
    """A good time interval of a snapshot: the readout frames ``first <= n < last`` of one mode."""

    snapshot: Snapshot
    mode: Mode
    first: int
    last: int

    @property
    def start_s(self) -> float:
        """Start, MET."""
        return self.snapshot.start_s + self.first * self.mode.frame_time_s

    @property
    def stop_s(self) -> float:
        """End, MET."""
        return self.snapshot.start_s + self.last * self.mode.frame_time_s

    def event_time_s(self, frame: Integers) -> NDArray[np.float64]:
        """Time that files give to events: the start of a frame, in windowed timing its middle."""
        return self.snapshot.start_s + (frame + (0.0 if self.mode is Mode.PC else 0.5)) * self.mode.frame_time_s


def intervals(scene: Scene, snapshot: Snapshot) -> Iterator[Interval]:
    """Split a snapshot into intervals of one mode, as the XRT does by the count rate.

    Windowed timing while the target was above `Scene.wt_above_cps` and has not
    dropped below `Scene.pc_below_cps` since; judged once a second.
    """
    second = np.arange(int(snapshot.duration_s))
    rate = scene.expected_rate(snapshot.start_s + second)
    wanted = np.where(rate > scene.wt_above_cps, 1, np.where(rate < scene.pc_below_cps, 0, -1))
    # Between the two thresholds the last decision holds; at first it is photon counting.
    decided = np.maximum.accumulate(np.where(wanted >= 0, second, -1))
    in_wt = np.where(decided >= 0, wanted[decided], 0)
    change = np.flatnonzero(np.diff(in_wt)) + 1
    bounds_s = [0.0, *change.tolist(), snapshot.duration_s]
    for windowed, start_s, stop_s in zip(in_wt[[0, *change]], bounds_s, bounds_s[1:], strict=False):
        mode = Mode.WT if windowed else Mode.PC
        first, last = math.ceil(start_s / mode.frame_time_s), math.floor(stop_s / mode.frame_time_s)
        if last > first:
            yield Interval(snapshot, mode, first, last)


def pointing_path(
    scene: Scene, snapshot: Snapshot, pixel: tuple[float, float], roll_deg: float, rng: np.random.Generator
) -> Pointing:
    """Where the detector looks during a snapshot.

    Parameters
    ----------
    scene : Scene
        Jitter and drift.
    snapshot : Snapshot
        When.
    pixel : (float, float)
        Sky pixel (0-based) of the mean pointing.
    roll_deg : float
        Roll angle.
    rng : `numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    pointing : Pointing
        Nodes every 2.5 s.
    """
    mean = nominal_pointing(roll_deg, *pixel)
    steps = int(snapshot.duration_s / _POINTING_STEP_S) + 2
    memory = np.exp(-_POINTING_STEP_S / _JITTER_TIME_S)
    kicks = rng.standard_normal((2, steps)) * np.sqrt(1.0 - memory**2)
    jitter = lfilter([1.0], [1.0, -memory], kicks, axis=1) * scene.jitter_arcsec
    drift = np.outer(rng.standard_normal(2), np.linspace(-0.5, 0.5, steps)) * scene.drift_arcsec
    x_pix, y_pix = (jitter + drift) / PIXEL_ARCSEC
    time_s = snapshot.start_s + _POINTING_STEP_S * np.arange(steps)
    return Pointing(mean.rotation, time_s, mean.offset[0] + x_pix + 1j * y_pix, measured=True)


def bad_pixels(mode: Mode, met_s: float) -> NDArray[np.void]:
    """Rows of the BADPIX table: the columns damaged on 2005-05-27, later."""
    columns = _BAD_RAWX[mode] if met_s > _DAMAGE_MET else ()
    return np.array([(rawx, 0, 2, 600) for rawx in columns], dtype=BAD_PIXEL_DTYPE)


def live_pixels(mode: Mode, met_s: float) -> NDArray[np.bool_]:
    """Detector pixels that give events, indexed [dety, detx]."""
    return _live_pixels(mode, met_s > _DAMAGE_MET)


@cache
def _live_pixels(mode: Mode, is_damaged: bool) -> NDArray[np.bool_]:
    met_s = _DAMAGE_MET + (1.0 if is_damaged else -1.0)
    live = live_map(mode, met_s, bad_pixels(mode, met_s), WT_WINDOW_DETX if mode is Mode.WT else None)
    live.flags.writeable = False
    return live


def read_out(
    photons: Photons, interval: Interval, target_dety: int, pile_up: bool
) -> tuple[Photons, Integers, Integers]:
    """Events of one interval.

    Parameters
    ----------
    photons : Photons
        All photons of the snapshot.
    interval : Interval
        Mode and frames.
    target_dety : int
        Row that windowed timing events are given.
    pile_up : bool
        Whether photons that fall together are merged.

    Returns
    -------
    events : Photons
        Sorted by time, with the time and place where the photons fell
        (windowed timing: in the row of the target).
    frame, grade : ndarray of int
        Readout frame and grade of each event.
    """
    mode = interval.mode
    live = photons.live_draw < LIVE_FRACTION[mode]
    frame = np.floor((photons.time_s - interval.snapshot.start_s) / mode.frame_time_s).astype(np.int64)
    detector = live_pixels(mode, interval.start_s)
    kept = live & (frame >= interval.first) & (frame < interval.last) & look_up(detector, photons.detx, photons.dety)
    order = np.flatnonzero(kept)[np.argsort(photons.time_s[kept], kind="stable")]
    events, frame = photons[order], frame[order]
    if mode is Mode.WT:
        events = _with(events, dety=np.full(frame.size, float(target_dety)))
    grade = _grades(mode, events)
    if pile_up and frame.size:
        events, frame, grade = merge_piled_up(events, frame, grade, mode)
    kept = (events.pi >= _LOWEST_PI) & (events.pi < N_CHANNELS)
    return events[kept], frame[kept], grade[kept]


def _grades(mode: Mode, events: Photons) -> Integers:
    """Grades of events, each on its own."""
    table = grade_fractions(events.pi * CHANNEL_KEV) if mode is Mode.PC else np.array([_WT_GRADES])
    return (events.grade_draw[:, None] >= np.cumsum(table, axis=1)[:, :-1]).sum(axis=1)


def _with(events: Photons, **columns: NDArray[Any]) -> Photons:
    """Events with other columns."""
    return Photons(**(vars(events) | columns))
