"""The standard position of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import astropy.units as u

from ..exceptions import NoDataError
from ..mission import Mode
from ..products.calibration import Calibration
from ..products.position import Position
from ..products.provenance import Provenance
from ..request.bundle import XRTRequest
from .calibration import EMBEDDED
from .data import Data
from .position import SYSTEMATIC_ARCSEC, PositionFit, standard_position

__all__ = ["STEPS", "fit_position", "make"]

STEPS = ("Collect data.", "Find the source and fit the PSF.")


def make(
    request: XRTRequest,
    data: Data,
    provenance: Provenance,
    progress: Callable[..., None],
    calibration: Calibration = EMBEDDED,
) -> Position:
    """Find the source and fit its position; see `swiftxrt.engine.position.standard_position`.

    Raises
    ------
    NoDataError
        If there are no photon-counting data, or none of the position.
    ProductNotAvailableError
        If no source is found.
    """
    progress(1)
    fit = fit_position(request, data, calibration)
    notes = (*provenance.notes, f"{fit.counts:.1f} counts, significance {fit.significance:.1f}", *fit.notes)
    return Position(
        coord=fit.coord,
        radius=fit.radius_arcsec * u.arcsec,
        kind="standard",
        systematic=SYSTEMATIC_ARCSEC * u.arcsec,
        provenance=replace(provenance, notes=notes, calibration=(calibration.psf(Mode.PC).name,)),
    )


def fit_position(request: XRTRequest, data: Data, calibration: Calibration) -> PositionFit:
    """The fit of the source, with the settings of a request.

    Raises
    ------
    NoDataError
        If there are no photon-counting data.
    ProductNotAvailableError
        If no source is found.
    """
    if not data.pc:
        raise NoDataError("a position needs photon-counting data; these observations have windowed timing only")
    wanted = request.position
    return standard_position(
        data.pc,
        request.target.position,
        search_radius_arcsec=float(wanted.search_radius.to_value(u.arcsec)),
        method=wanted.method,
        centroid_method=wanted.centroid_method,
        calibration=calibration,
    )
