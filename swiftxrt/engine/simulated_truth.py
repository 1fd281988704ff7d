"""What a simulation knows beside the events: the attitude of the spacecraft, the frames and the true exposure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..mission import DETECTOR_SIZE, PC_FRAME_TIME_S, SKY_SIZE, Mode
from ..products.attitude import Attitude
from .geometry import Pointing, look_up, nominal_pointing
from .simulated_readout import Interval, live_pixels

__all__ = ["Frames", "attitude_of", "exposure_of", "frames_of"]

Floats = NDArray[np.float64]

# The attitude is told once a second, from ten seconds before to ten after.
_ATTITUDE_STEP_S = 1.0
_ATTITUDE_MARGIN_S = 10.0
# Housekeeping of windowed timing: one row for 600 rows of the detector.
_WT_ROWS = 600
# The exposure map follows the pointing to half a pixel.
_PHASES = 2
_HALF_FIELD_PIX = 325


@dataclass(frozen=True, eq=False)
class Frames:
    """Readout frames of one interval of one mode.

    Parameters
    ----------
    mode : Mode
        Mode.
    start_s, stop_s : ndarray, shape (n,)
        When each began and ended, MET.
    counts : ndarray of int, shape (n,)
        Events in each.
    """

    mode: Mode
    start_s: Floats
    stop_s: Floats
    counts: NDArray[np.int64]


def attitude_of(pointings: Sequence[tuple[Pointing, float, float]], wcs: WCS) -> Attitude:
    """Attitude during snapshots.

    Parameters
    ----------
    pointings : sequence of (Pointing, float, float)
        Pointing, start and stop (MET s) of each snapshot.
    wcs : `~astropy.wcs.WCS`
        Of the sky pixels.
    """
    times, places, angles = [], [], []
    for pointing, start_s, stop_s in pointings:
        met_s = np.arange(start_s - _ATTITUDE_MARGIN_S, stop_s + _ATTITUDE_MARGIN_S, _ATTITUDE_STEP_S)
        unrolled = nominal_pointing(0.0, 0.0, 0.0)
        # The boresight lies where that of a nominal pointing with this rotation does.
        boresight = unrolled.offset[0] / unrolled.rotation * pointing.rotation
        times.append(met_s)
        places.append(pointing.offset_at(met_s) - boresight)
        roll_deg = np.degrees(np.angle(pointing.rotation / unrolled.rotation))
        angles.append(np.full(met_s.size, roll_deg))
    place = np.concatenate(places)
    sky = wcs.pixel_to_world(place.real, place.imag)
    up = sky.position_angle(wcs.pixel_to_world(place.real, place.imag + 1.0)).wrap_at(180 * u.deg).deg
    roll_deg = (np.concatenate(angles) + up) % 360.0
    return Attitude(np.concatenate(times), np.asarray(sky.ra.deg), np.asarray(sky.dec.deg), roll_deg)


def frames_of(interval: Interval, event_frames: NDArray[np.int64]) -> Frames:
    """Frames of an interval as the housekeeping tells them: in windowed timing 600 rows are one.

    Parameters
    ----------
    interval : Interval
        Mode and frames.
    event_frames : ndarray of int
        Frame of each event.
    """
    size = 1 if interval.mode is Mode.PC else _WT_ROWS
    number = -(-(interval.last - interval.first) // size)
    bounds = np.minimum(interval.first + size * np.arange(number + 1), interval.last)
    bounds_s = interval.snapshot.start_s + bounds * interval.mode.frame_time_s
    counts = np.bincount((event_frames - interval.first) // size, minlength=number)
    return Frames(interval.mode, bounds_s[:-1], bounds_s[1:], counts)


def exposure_of(parts: Sequence[tuple[Interval, Pointing]]) -> Floats:
    """True exposure map of photon counting intervals: good time without vignetting, in s.

    Parameters
    ----------
    parts : sequence of (Interval, Pointing)
        Intervals and where the detector looked.

    Returns
    -------
    exposure_s : ndarray, shape (1000, 1000)
        Indexed [y, x].
    """
    total = np.zeros((SKY_SIZE, SKY_SIZE))
    for interval, pointing in parts:
        live = live_pixels(interval.mode, interval.start_s)
        time_s = interval.snapshot.start_s + (np.arange(interval.first, interval.last) + 0.5) * PC_FRAME_TIME_S
        for (y0, x0), exposure_s in _phases(pointing, pointing.offset_at(time_s), live):
            size_y, size_x = exposure_s.shape
            ys, xs = slice(max(y0, 0), min(y0 + size_y, SKY_SIZE)), slice(max(x0, 0), min(x0 + size_x, SKY_SIZE))
            total[ys, xs] += exposure_s[ys.start - y0 : ys.stop - y0, xs.start - x0 : xs.stop - x0]
    return total


def _phases(
    pointing: Pointing, offset: NDArray[np.complex128], live: NDArray[np.bool_]
) -> Iterator[tuple[tuple[int, int], Floats]]:
    """Corner (y, x) and exposure of a box, for each fraction of a pixel that the pointing takes."""
    steps, frames = np.unique(
        np.rint(_PHASES * np.stack([offset.real, offset.imag], axis=1)).astype(int), axis=0, return_counts=True
    )
    phase = steps % _PHASES
    for wanted in np.unique(phase, axis=0):
        chosen = (phase == wanted).all(axis=1)
        first = steps[chosen].min(axis=0)
        first -= (first - wanted) % _PHASES
        shifts = (steps[chosen] - first) // _PHASES
        reference = complex(*first) / _PHASES
        centre = pointing.to_sky((DETECTOR_SIZE + 1) / 2, (DETECTOR_SIZE + 1) / 2, reference)
        x0, y0 = (round(float(place)) - _HALF_FIELD_PIX for place in centre)
        size = 2 * _HALF_FIELD_PIX + 1
        grid_y, grid_x = np.mgrid[y0 : y0 + size, x0 : x0 + size]
        seen = look_up(live, *pointing.to_detector(grid_x, grid_y, reference)) * PC_FRAME_TIME_S
        exposure_s = np.zeros((size + shifts[:, 1].max(), size + shifts[:, 0].max()))
        for (dx, dy), number in zip(shifts, frames[chosen], strict=True):
            exposure_s[dy : dy + size, dx : dx + size] += number * seen
        yield (y0, x0), exposure_s
