"""The standard position of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import astropy.units as u

from ..exceptions import ProductNotAvailableError
from ..kinds import ProductKind
from ..products.position import Position
from ..products.provenance import Provenance
from ..request.bundle import XRTRequest
from .data import Data
from .position import standard_position

__all__ = ["STEPS", "make"]

STEPS = ("Collect data.", "Find the source and fit the PSF.")


def make(request: XRTRequest, data: Data, provenance: Provenance, progress: Callable[..., None]) -> Position:
    """Find the source and fit its position; see `swiftxrt.engine.position.standard_position`.

    Raises
    ------
    ProductNotAvailableError
        If there are no photon-counting data or no source is found.
    """
    if not data.pc:
        raise ProductNotAvailableError(
            ProductKind.STANDARD_POSITION.title,
            "a position needs photon-counting data; these observations have windowed timing only",
        )
    wanted = request.position
    progress(1)
    fit = standard_position(
        data.pc,
        request.target.position,
        search_radius_arcsec=float(wanted.search_radius.to_value(u.arcsec)),
        method=wanted.method,
        centroid_method=wanted.centroid_method,
    )
    notes = (*provenance.notes, f"{fit.counts:.1f} counts, significance {fit.significance:.1f}", *fit.notes)
    return Position(
        coord=fit.coord,
        radius=fit.radius_arcsec * u.arcsec,
        kind="standard",
        provenance=replace(provenance, notes=notes),
    )
