"""Source and background regions of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._ds9 import parsed_strictly
from ..exceptions import RequestError
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
        self._wcs: WCS = first.wcs

    def raster(self, events: EventList) -> NDArray[np.bool_]:
        """The pixels inside, in the sky image of an observation, indexed [y, x]."""
        if events.wcs.wcs.compare(self._wcs.wcs, cmp=0, tolerance=1e-9):
            return region_raster(self._shapes, events.wcs)
        from regions import PixelRegion

        moved = [one.to_sky(self._wcs) if isinstance(one, PixelRegion) else one for one in self._shapes]
        return region_raster(moved, events.wcs)
