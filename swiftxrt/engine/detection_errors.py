"""Errors of the positions of sources in a field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .contours import PixelModel, PositionErrors, position_errors
from .detection_field import Field, PointSource
from .psffit import fit_radius_pix

__all__ = ["source_pixels", "source_position_errors"]

Floats = NDArray[np.float64]


def source_position_errors(field: Field, others: Floats, source: PointSource) -> PositionErrors:
    """Errors of the position of a source that was fitted; see `swiftxrt.engine.contours.position_errors`.

    Parameters
    ----------
    field : Field
        Image and exposures.
    others : ndarray, shape (ny, nx)
        Expected counts of background and other sources.
    source : PointSource
        The source.
    """
    scale = source.radius90_pix
    reach = scale if np.isfinite(scale) else 0.0
    pixels = source_pixels(field, others, source, reach)
    return position_errors(pixels, source.x_pix, source.y_pix, source.rate_cps, scale)


def source_pixels(field: Field, others: Floats, source: PointSource, reach_pix: float) -> PixelModel:
    """The pixels around a source that are seen, without those that pile-up spoils, some farther than in the fit."""
    radius = max(fit_radius_pix(0.0), 2.0 * source.hole_pix) + reach_pix
    disc = field.disc(source.x_pix, source.y_pix, radius, source.hole_pix)
    return PixelModel(
        counts=disc.of(field.counts),
        x_pix=disc.x_pix,
        y_pix=disc.y_pix,
        exposure=disc.of(field.source_s),
        others=disc.of(others),
        psf=field.psf(source.x_pix, source.y_pix),
    )
