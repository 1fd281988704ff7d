"""The images of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import astropy.units as u
from astropy.nddata import CCDData

from ..exceptions import NoDataError
from ..products._event_header import joint_cards
from ..products.calibration import Calibration
from ..products.image import SkyImage
from ..products.provenance import Provenance
from ..request.bundle import XRTRequest
from .calibration import EMBEDDED
from .data import Data
from .image import stack_images

__all__ = ["STEPS", "make"]

STEPS = ("Collect data.", "Create the images.", "Create the exposure map.")


def make(
    request: XRTRequest,
    data: Data,
    provenance: Provenance,
    progress: Callable[..., None],
    calibration: Calibration = EMBEDDED,
) -> tuple[SkyImage, ...]:
    """Add up the observations, one image per band, with one exposure map.

    Raises
    ------
    NoDataError
        If there are no photon-counting data.
    """
    if not data.pc:
        raise NoDataError("an image needs photon-counting data; these observations have windowed timing only")
    progress(1)
    bands = request.image.bands
    stacks = [stack_images(data.pc, band.channels, exposure=False) for band in bands]
    progress(2)
    mapped = stack_images(data.pc, bands[0].channels, exposure=True)
    meta = {**joint_cards([events.header for events in data.pc]), "OBJECT": request.target.name}
    exposure = CCDData(mapped.exposure_s, unit=u.s, wcs=mapped.wcs, meta=dict(meta))
    made = (note for stack in (*stacks, mapped) for note in stack.notes)
    notes = tuple(dict.fromkeys((*provenance.notes, *made)))
    return tuple(
        SkyImage(
            counts=CCDData(stack.counts, unit=u.ct, wcs=stack.wcs, meta=dict(meta)),
            exposure=exposure,
            band=band,
            provenance=replace(provenance, notes=notes),
        )
        for band, stack in zip(bands, stacks, strict=True)
    )
