"""Source and background regions of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._ds9 import parsed_strictly
from ..exceptions import RequestError
from ..mission import FIELD_RADIUS_ARCMIN, PIXEL_ARCSEC
from ..products._regions import region_raster
from ..products.events import EventList

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["UserRegion"]


class UserRegion:
    """Shapes on the sky or in sky pixels, as the pixels of any observation.

    Parameters
    ----------
    name : str
        What it is for, ``"source_region"`` or ``"background_region"``.
    text : str
        DS9 text.
    first : EventList
        The earliest observation; shapes in pixels are in those of its image.

    Raises
    ------
    RequestError
        If nothing can be read from the text.
    """

    def __init__(self, name: str, text: str, first: EventList) -> None:
        try:
            self._shapes: list[Any] = list(parsed_strictly(text))
        except ValueError as error:
            raise RequestError([(name, str(error))], "extraction") from error
        self.text = text
        self._label = name.replace("_", " ")
        self._wcs: WCS = first.wcs

    def why_nothing(self, lists: Sequence[EventList]) -> str:
        """Why no pixel of it was seen in any observation."""
        which = f"{len(lists)} {lists[0].mode.value} event lists"
        nearest_arcmin = min(self._distance_arcmin(events) for events in lists)
        if nearest_arcmin < FIELD_RADIUS_ARCMIN and not any(self.raster(events).any() for events in lists):
            return (
                f"the {self._label} given holds no pixel of the {which}: "
                f"it is too small for pixels of {PIXEL_ARCSEC:.2f} arcsec; make it larger"
            )
        return (
            f"the {self._label} given is outside the field of view of all {which}: it is at best {nearest_arcmin:.1f} "
            "arcmin from the pointing, the field ends at about 12 arcmin; check the region and the observations"
        )

    def _distance_arcmin(self, events: EventList) -> float:
        """How far the nearest shape (middle, or first corner) is from where an observation was pointed."""
        from regions import PixelRegion

        shapes = [one for one in self._shapes if one.meta.get("include", True)]
        on_sky = [one.to_sky(self._wcs) if isinstance(one, PixelRegion) else one for one in shapes]
        places = [one.vertices[0] if hasattr(one, "vertices") else one.center for one in on_sky]
        return min(float(events.pointing.separation(place).arcmin) for place in places)

    def raster(self, events: EventList) -> NDArray[np.bool_]:
        """The pixels inside, in the sky image of an observation, indexed [y, x]."""
        if events.wcs.wcs.compare(self._wcs.wcs, cmp=0, tolerance=1e-9):
            return region_raster(self._shapes, events.wcs)
        from regions import PixelRegion

        moved = [one.to_sky(self._wcs) if isinstance(one, PixelRegion) else one for one in self._shapes]
        return region_raster(moved, events.wcs)
