"""Sky images and exposure maps, over any number of observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..mission import Mode
from ..products._wcs import same_wcs
from ..products.calibration import VignettingCoefficients
from ..products.events import EventList
from .calibration import EMBEDDED
from .exposure import map_exposure
from .geometry import look_up, off_axis_arcmin
from .grid import centred_wcs, enclosing_wcs, image_shape, require_one_field
from .lost_events import in_good_time, outside_good_time
from .psf import vignetting
from .snapshots import live_time_s, split_snapshots

__all__ = ["StackedImage", "centred_wcs", "enclosing_wcs", "exposure_at", "stack_exposure", "stack_images"]

Floats = NDArray[np.float64]

# Bad columns are 3 to 5 pixels wide: the pointing is followed to one pixel.
_PRECISION_PIX = 1.0


@dataclass(frozen=True, eq=False)
class StackedImage:
    """Counts of one band, and how long each pixel was seen.

    Parameters
    ----------
    counts : ndarray of int, shape (ny, nx)
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


def exposure_at(
    events: EventList,
    x_pix: NDArray[np.generic],
    y_pix: NDArray[np.generic],
    *,
    vignetted_kev: float | None = None,
    coefficients: VignettingCoefficients = EMBEDDED.vignetting,
) -> Floats:
    """How long places on the sky were seen by a live pixel.

    The field of view is a circle on the detector without its bad pixels and
    the dead ones beside them; its place on the sky follows the pointing in
    steps of 10 s.

    Parameters
    ----------
    events : EventList
        Photon counting mode.
    x_pix, y_pix : ndarray
        0-based sky pixels of this observation, of any shape.
    vignetted_kev : float, optional
        Multiply by the vignetting at this energy.
    coefficients : VignettingCoefficients, optional
        Those of the vignetting.

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
            angle = off_axis_arcmin(detx, dety)
            seen = vignetting(vignetted_kev, angle, coefficients) * look_up(snapshot.live, detx, dety)
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
    the two grids would interfere. Events outside the good time are not
    counted.

    Parameters
    ----------
    event_lists : sequence of EventList
        Photon counting mode.
    channels : tuple of int or None, optional
        First and last PI channel; None counts all events.
    wcs : `~astropy.wcs.WCS`, optional
        System of the result, e.g. of `centred_wcs`, and by its
        ``array_shape`` the size; that of the first event list, larger where
        the pointings differ (`enclosing_wcs`), when not given.
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
        If there is no event list, one is of windowed timing mode, or they are
        of targets too far apart for one image.
    """
    lists = list(event_lists)
    if not lists or any(events.mode is not Mode.PC for events in lists):
        raise RequestError([("event_lists", "images are made from event lists of photon counting mode")], "image")
    require_one_field(lists)
    target = enclosing_wcs(lists) if wcs is None else wcs
    rng = np.random.default_rng(seed)
    skipped = [None] * len(lists) if left_out is None else left_out
    images = (_counted(events, channels, target, rng, skip) for events, skip in zip(lists, skipped, strict=True))
    counts = sum(images, np.zeros(image_shape(target)))
    notes = []
    mapped = map_exposure(lists, target) if exposure else None
    if mapped is not None:
        notes.append("exposure: field of view and bad pixels follow the pointing frame by frame, no vignetting")
        notes += mapped.notes
    if any(not same_wcs(events.wcs, target) for events in lists):
        notes.append("observations with another tangent point were moved with their events spread over their pixels")
    notes += [note for events in lists for note in outside_good_time(events)]
    return StackedImage(
        counts=counts.astype(np.int32),
        exposure_s=None if mapped is None else mapped.time_s,
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
    kept = (events.x >= 0) & (events.y >= 0) & in_good_time(events)
    if left_out is not None:
        kept &= ~left_out
    if channels is not None:
        kept &= (events.pi >= channels[0]) & (events.pi <= channels[1])
    x, y = events.x[kept].astype(float), events.y[kept].astype(float)
    if not same_wcs(events.wcs, target):
        shift = rng.uniform(-0.5, 0.5, (2, x.size))
        x, y = _moved(x + shift[0], y + shift[1], events.wcs, target)
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    height, width = image_shape(target)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    flat = np.bincount(row[inside] * width + column[inside], minlength=height * width)
    return flat.reshape(height, width).astype(float)


def _moved(x: NDArray[np.generic], y: NDArray[np.generic], source: WCS, target: WCS) -> tuple[Floats, Floats]:
    """Pixels of one system in another."""
    if same_wcs(source, target):
        return np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    new_x, new_y = pixel_to_pixel(source, target, x, y)
    return np.asarray(new_x), np.asarray(new_y)
