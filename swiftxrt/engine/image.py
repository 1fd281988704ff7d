"""Sky images and exposure maps, over any number of observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import SKY_SIZE, Mode
from ..products.events import EventList
from .exposure import map_exposure
from .geometry import look_up, off_axis_arcmin
from .psf import vignetting
from .snapshots import live_time_s, split_snapshots

__all__ = ["StackedImage", "centred_wcs", "exposure_at", "stack_exposure", "stack_images"]

Floats = NDArray[np.float64]

# Bad columns are 3 to 5 pixels wide: the pointing is followed to one pixel.
_PRECISION_PIX = 1.0


@dataclass(frozen=True, eq=False)
class StackedImage:
    """Counts of one band, and how long each pixel was seen.

    Parameters
    ----------
    counts : ndarray of int, shape (1000, 1000)
        Events per pixel, indexed [y, x].
    exposure_s : ndarray or None
        Good time in seconds, same shape; without vignetting, as in the
        official exposure maps. None if it was not asked for.
    wcs : `~astropy.wcs.WCS`
        System of both.
    obsids : tuple of str
        What was added up.
    notes : tuple of str
        Approximations, one sentence each.
    """

    counts: NDArray[np.int32]
    exposure_s: Floats | None
    wcs: WCS
    obsids: tuple[str, ...]
    notes: tuple[str, ...]


def centred_wcs(event_lists: Sequence[EventList], position: SkyCoord | None = None) -> WCS:
    """System of a sky image of 1000 x 1000 pixels.

    Parameters
    ----------
    event_lists : sequence of EventList
        The first one sets scale and frame.
    position : `~astropy.coordinates.SkyCoord`, optional
        Tangent point; that of the first event list when not given.
    """
    wcs = event_lists[0].wcs.deepcopy()
    if position is not None:
        moved = position.transform_to(event_lists[0].pointing.frame)
        wcs.wcs.crval = [moved.ra.deg, moved.dec.deg]
        wcs.wcs.set()
    return wcs


def exposure_at(
    events: EventList, x_pix: NDArray[np.generic], y_pix: NDArray[np.generic], *, vignetted_kev: float | None = None
) -> Floats:
    """How long places on the sky were seen by a live pixel.

    The field of view is a circle on the detector without its bad pixels and
    their neighbours; its place on the sky follows the pointing in steps of
    10 s. Compared with the official maps the jitter within the steps is
    missing.

    Parameters
    ----------
    events : EventList
        Photon counting mode.
    x_pix, y_pix : ndarray
        0-based sky pixels of this observation, of any shape.
    vignetted_kev : float, optional
        Multiply by the vignetting at this energy.

    Returns
    -------
    exposure_s : ndarray
        Good time in seconds (dead time not taken off), same shape.
    """
    snapshots = split_snapshots(events)
    if vignetted_kev is None:
        return live_time_s(snapshots, x_pix, y_pix, _PRECISION_PIX)
    exposure = np.zeros(np.shape(x_pix))
    for snapshot in snapshots:
        for offset, time_s in zip(*snapshot.offsets(_PRECISION_PIX), strict=True):
            detx, dety = snapshot.pointing.to_detector(x_pix, y_pix, offset)
            seen = vignetting(vignetted_kev, off_axis_arcmin(detx, dety)) * look_up(snapshot.live, detx, dety)
            exposure += time_s * seen
    return exposure


def stack_exposure(
    event_lists: Sequence[EventList], wcs: WCS, x_pix: NDArray[np.generic], y_pix: NDArray[np.generic]
) -> Floats:
    """Sum of `exposure_at` over observations, for pixels of a common system."""
    total = np.zeros(np.shape(x_pix))
    for events in event_lists:
        total += exposure_at(events, *_moved(x_pix, y_pix, wcs, events.wcs))
    return total


def stack_images(
    event_lists: Sequence[EventList],
    channels: tuple[int, int] | None = (30, 1000),
    *,
    wcs: WCS | None = None,
    exposure: bool = True,
    left_out: Sequence[NDArray[np.bool_]] | None = None,
    seed: int = 0,
) -> StackedImage:
    """Add up the images of observations.

    Events of an observation that has another tangent point are spread over
    their pixel at random before they are counted in the new one; otherwise
    the two grids would interfere.

    Parameters
    ----------
    event_lists : sequence of EventList
        Photon counting mode.
    channels : tuple of int or None, optional
        First and last PI channel; None counts all events.
    wcs : `~astropy.wcs.WCS`, optional
        System of the result, e.g. of `centred_wcs`; that of the first event
        list when not given.
    exposure : bool, optional
        Make the exposure map too.
    left_out : sequence of ndarray of bool, optional
        For each event list, which of its events are not counted.
    seed : int, optional
        Of the random numbers; the same seed gives the same image.

    Returns
    -------
    image : StackedImage

    Raises
    ------
    RequestError
        If there is no event list or one is of windowed timing mode.
    """
    lists = list(event_lists)
    if not lists or any(events.mode is not Mode.PC for events in lists):
        raise RequestError([("event_lists", "images are made from event lists of photon counting mode")], "image")
    target = centred_wcs(lists) if wcs is None else wcs
    rng = np.random.default_rng(seed)
    skipped = [None] * len(lists) if left_out is None else left_out
    images = (_counted(events, channels, target, rng, skip) for events, skip in zip(lists, skipped, strict=True))
    counts = sum(images, np.zeros((SKY_SIZE, SKY_SIZE)))
    notes = []
    if exposure:
        notes.append("exposure: field of view and bad pixels follow the pointing in steps of 10 s, no vignetting")
    if any(not _same(events.wcs, target) for events in lists):
        notes.append("observations with another tangent point were moved with their events spread over their pixels")
    return StackedImage(
        counts=counts.astype(np.int32),
        exposure_s=map_exposure(lists, target).time_s if exposure else None,
        wcs=target,
        obsids=tuple(dict.fromkeys(events.obsid for events in lists)),
        notes=tuple(notes),
    )


def _counted(
    events: EventList,
    channels: tuple[int, int] | None,
    target: WCS,
    rng: np.random.Generator,
    left_out: NDArray[np.bool_] | None,
) -> Floats:
    """Events of one observation per pixel of the target system."""
    kept = (events.x >= 0) & (events.y >= 0)
    if left_out is not None:
        kept &= ~left_out
    if channels is not None:
        kept &= (events.pi >= channels[0]) & (events.pi <= channels[1])
    x, y = events.x[kept].astype(float), events.y[kept].astype(float)
    if not _same(events.wcs, target):
        shift = rng.uniform(-0.5, 0.5, (2, x.size))
        x, y = _moved(x + shift[0], y + shift[1], events.wcs, target)
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    inside = (column >= 0) & (column < SKY_SIZE) & (row >= 0) & (row < SKY_SIZE)
    flat = np.bincount(row[inside] * SKY_SIZE + column[inside], minlength=SKY_SIZE * SKY_SIZE)
    return flat.reshape(SKY_SIZE, SKY_SIZE).astype(float)


def _same(first: WCS, second: WCS) -> bool:
    return bool(first.wcs.compare(second.wcs, cmp=0, tolerance=1e-9))


def _moved(x: NDArray[np.generic], y: NDArray[np.generic], source: WCS, target: WCS) -> tuple[Floats, Floats]:
    """Pixels of one system in another."""
    if _same(source, target):
        return np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    new_x, new_y = pixel_to_pixel(source, target, x, y)
    return np.asarray(new_x), np.asarray(new_y)
