"""How large a source region is, and which part of it pile-up spoils."""

from __future__ import annotations

import numpy as np

from ..mission import PIXEL_ARCSEC, Mode

__all__ = ["pileup_radius_pix", "source_radius_pix"]

# Raw count rate (ct/s) above which each radius (pixels) is used (Evans et al.
# 2007, table 1); the last one holds for all fainter sources.
_RADIUS_ABOVE = ((0.5, 30), (0.1, 25), (0.05, 20), (0.01, 15), (0.005, 12), (0.001, 9), (0.0005, 7), (-np.inf, 5))

# Raw count rate (ct/s) from which on the middle is left out, and out to where
# (arcsec): the fixed table of HEASoft's xrtgrblc.
_HOLE_FROM = {
    Mode.PC: ((0.0, 7.1), (1.0, 14.2), (3.0, 16.5), (5.0, 18.9), (7.0, 23.6)),
    Mode.WT: ((0.0, 4.7), (200.0, 7.1), (300.0, 9.4), (400.0, 23.7), (600.0, 28.4), (1000.0, 37.8)),
}


def source_radius_pix(rate_cps: float) -> float:
    """Radius of the source region in pixels, for a raw count rate in ct/s."""
    return float(next(radius for limit, radius in _RADIUS_ABOVE if rate_cps > limit))


def pileup_radius_pix(rate_cps: float, mode: Mode) -> float:
    """Radius in whole pixels (half length of the strip in windowed timing) that pile-up spoils.

    Meant for rates above the threshold of the request; a static table, good
    to about 10 per cent in the corrected rate.
    """
    arcsec = [radius for limit, radius in _HOLE_FROM[mode] if rate_cps >= limit][-1]
    return float(round(arcsec / PIXEL_ARCSEC))
