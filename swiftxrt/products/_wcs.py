"""The world coordinate systems of sky images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.wcs import WCS

from ..mission import PIXEL_DEG, SKY_CENTRE_FITS, SKY_SIZE

__all__ = ["celestial_wcs", "same_wcs", "sky_wcs", "wcs_cards"]

# What defines a celestial system; anything else in an image header (physical
# axes, DATE-OBS without time scale, ...) only makes astropy complain.
_CELESTIAL = re.compile(
    r"(?:CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)[12]|(?:PC|CD)[12]_[12]|PV[12]_\d+|LONPOLE|LATPOLE|EQUINOX|RADESYS"
)


def sky_wcs(ra_deg: float, dec_deg: float, frame: str = "FK5", equinox: float = 2000.0) -> WCS:
    """The system of a standard XRT sky image.

    1000 x 1000 pixels of 2.3573 arcsec, north up, tangential projection, the
    reference pixel (500.5, 500.5) in the FITS count.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Sky position of the reference pixel in degrees.
    frame : str, optional
        Value of ``RADESYS``.
    equinox : float, optional
        Value of ``EQUINOX``.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crpix = [SKY_CENTRE_FITS, SKY_CENTRE_FITS]
    wcs.wcs.cdelt = [-PIXEL_DEG, PIXEL_DEG]
    wcs.wcs.crval = [ra_deg, dec_deg]
    wcs.wcs.radesys = frame
    if frame.upper() != "ICRS":
        wcs.wcs.equinox = equinox
    wcs.array_shape = (SKY_SIZE, SKY_SIZE)
    wcs.wcs.set()
    return wcs


def celestial_wcs(header: Mapping[str, Any], shape: tuple[int, int]) -> WCS | None:
    """The celestial system of an image header, or None if it has none.

    Parameters
    ----------
    header : mapping
        FITS header of a two-dimensional image. The old spelling ``RADECSYS``
        is understood.
    shape : tuple of int
        Shape of the image, (ny, nx).
    """
    cards = {key: header[key] for key in header if _CELESTIAL.fullmatch(key)}
    if "RADESYS" not in cards and "RADECSYS" in header:
        cards["RADESYS"] = header["RADECSYS"]
    if "CTYPE1" not in cards:
        return None
    wcs = WCS(cards, naxis=2)
    if not wcs.has_celestial:
        return None
    wcs.array_shape = shape
    return wcs


def wcs_cards(wcs: WCS) -> dict[str, str | float]:
    """Header cards of a celestial system, with all digits.

    `~astropy.wcs.WCS.to_header` rounds to twelve digits.
    """
    core = wcs.wcs
    cards: dict[str, str | float] = {}
    for axis in (0, 1):
        cards[f"CTYPE{axis + 1}"] = core.ctype[axis]
        cards[f"CUNIT{axis + 1}"] = str(core.cunit[axis])
        cards[f"CRPIX{axis + 1}"] = float(core.crpix[axis])
        cards[f"CRVAL{axis + 1}"] = float(core.crval[axis])
        cards[f"CDELT{axis + 1}"] = float(core.cdelt[axis])
    matrix = core.get_pc()
    if not np.array_equal(matrix, np.eye(2)):
        cards |= {f"PC{i + 1}_{j + 1}": float(matrix[i, j]) for i in (0, 1) for j in (0, 1)}
    if core.radesys:
        cards["RADESYS"] = core.radesys
    if np.isfinite(core.equinox):
        cards["EQUINOX"] = float(core.equinox)
    return cards


def same_wcs(first: WCS | None, second: WCS | None, tolerance: float = 1e-9) -> bool:
    """Whether two systems agree (to `tolerance` in degrees and pixels)."""
    if first is None or second is None:
        return first is second
    return bool(first.wcs.compare(second.wcs, cmp=0, tolerance=tolerance))
