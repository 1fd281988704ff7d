"""The pixel grids that observations are added up on."""

from __future__ import annotations

from collections.abc import Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from ..exceptions import RequestError
from ..mission import PIXEL_ARCSEC, SKY_SIZE
from ..products.events import EventList
from .geometry import FIELD_RADIUS_PIX

__all__ = ["LARGEST_SIZE", "centred_wcs", "enclosing_wcs", "image_shape", "require_one_field"]

#: Side of the largest image in pixels (90 arcmin).
LARGEST_SIZE = 2300

# What a field of view needs around the pointing direction (pixels): its
# radius, its centre beside the boresight, and the scatter of pointings within
# an observation.
_REACH_PIX = FIELD_RADIUS_PIX + 15.0


def image_shape(wcs: WCS) -> tuple[int, int]:
    """Rows and columns of the image of a system; 1000 x 1000 where it does not say."""
    shape = wcs.array_shape
    return (SKY_SIZE, SKY_SIZE) if shape is None else (int(shape[0]), int(shape[1]))


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
    wcs.array_shape = (SKY_SIZE, SKY_SIZE)
    if position is not None:
        moved = position.transform_to(event_lists[0].pointing.frame)
        wcs.wcs.crval = [moved.ra.deg, moved.dec.deg]
        wcs.wcs.set()
    return wcs


def enclosing_wcs(event_lists: Sequence[EventList], position: SkyCoord | None = None) -> WCS:
    """System of an image that holds the fields of view of all observations.

    1000 x 1000 pixels around the tangent point of the first observation if
    they fit, as they nearly always do, and otherwise a larger square around
    the middle of the pointings.

    Parameters
    ----------
    event_lists : sequence of EventList
        The first one sets scale and frame.
    position : `~astropy.coordinates.SkyCoord`, optional
        Tangent point and middle, instead.

    Raises
    ------
    RequestError
        If more than 2300 x 2300 pixels would be needed; the message names the
        observations.
    """
    wcs = centred_wcs(event_lists, position)
    needed = _needed_pix(wcs, event_lists)
    if needed > SKY_SIZE and position is None:
        wcs = centred_wcs(event_lists, _middle(event_lists))
        needed = _needed_pix(wcs, event_lists)
    if needed > LARGEST_SIZE:
        require_one_field(event_lists)
        raise RequestError([("position", f"the observations reach {needed / 2:.0f} pixels from it; an image has at most "
                             f"{LARGEST_SIZE // 2} on each side")], "image")  # fmt: skip
    size = SKY_SIZE if needed <= SKY_SIZE else int(np.ceil(needed / 2)) * 2
    wcs.array_shape = (size, size)
    wcs.wcs.crpix = [(size + 1) / 2, (size + 1) / 2]
    wcs.wcs.set()
    return wcs


def require_one_field(event_lists: Sequence[EventList]) -> None:
    """Refuse observations that cannot share an image.

    Raises
    ------
    RequestError
        Names one observation on either side.
    """
    largest = (LARGEST_SIZE - 2 * _REACH_PIX) * PIXEL_ARCSEC * u.arcsec
    first = event_lists[0]
    for other in event_lists[1:]:
        distance = first.pointing.separation(other.pointing)
        if distance > largest:
            raise RequestError(
                [("observations", f"{_named(first)} and {_named(other)} are {distance.deg:.2f} deg apart, more than the "
                  f"{largest.to_value(u.deg):.2f} deg that fit into one image; make products of each target by itself")],
                "stack of observations",
            )  # fmt: skip


def _named(events: EventList) -> str:
    name = f" ({events.object_name.strip()})" if events.object_name.strip() else ""
    return f"{events.obsid}{name}"


def _middle(event_lists: Sequence[EventList]) -> SkyCoord:
    """Middle of the pointings, wherever on the sphere."""
    frame = event_lists[0].pointing.frame
    corners = np.array([events.pointing.transform_to(frame).cartesian.xyz.value for events in event_lists])
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    ra_rad, dec_rad = np.arctan2(middle[1], middle[0]), np.arctan2(middle[2], np.hypot(middle[0], middle[1]))
    return SkyCoord(ra_rad, dec_rad, unit="rad", frame=frame)


def _needed_pix(wcs: WCS, event_lists: Sequence[EventList]) -> float:
    """Side of a square around the tangent point that holds all fields of view."""
    tangent = SkyCoord(*wcs.wcs.crval, unit="deg", frame=event_lists[0].pointing.frame)
    reach = []
    for events in event_lists:
        pointing = events.pointing.transform_to(tangent.frame)
        if pointing.separation(tangent) > 45 * u.deg:
            return np.inf
        x_pix, y_pix = wcs.wcs_world2pix(pointing.ra.deg, pointing.dec.deg, 1)
        reach.append(max(abs(x_pix - wcs.wcs.crpix[0]), abs(y_pix - wcs.wcs.crpix[1])))
    return 2 * (float(max(reach)) + _REACH_PIX)
