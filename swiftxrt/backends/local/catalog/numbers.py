"""Values as replies and tables have them."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["COORDINATES", "designation", "healpix", "number", "sexagesimal"]

#: Decimals of coordinates in degrees.
COORDINATES = 8


def number(value: Any, decimals: int | None = None) -> float | None:
    """A number; None if it is none."""
    plain = float(value)
    if not math.isfinite(plain):
        return None
    return (plain if decimals is None else round(plain, decimals)) + 0.0  # no negative zero


def designation(prefix: str, ra_deg: float, dec_deg: float) -> str:
    """Name of an object by its position, such as ``LSXPS J062131.8-622213``: digits are cut off, not rounded."""
    tenths = int(ra_deg % 360.0 / 15.0 * 36000.0 + 1e-6)
    seconds = int(abs(dec_deg) * 3600.0 + 1e-6)
    hours, minutes = divmod(tenths // 600, 60)
    degrees, arcmin = divmod(seconds // 60, 60)
    ra = f"{hours:02d}{minutes:02d}{tenths % 600 / 10:04.1f}"
    return f"{prefix} J{ra}{'-' if dec_deg < 0 else '+'}{degrees:02d}{arcmin:02d}{seconds % 60:02d}"


def sexagesimal(ra_deg: float, dec_deg: float) -> tuple[str, str]:
    """A position as ``02 08 36.30`` and ``+56 56 44.6``."""
    hundredths = round(ra_deg % 360.0 / 15.0 * 360000.0) % 8640000
    tenths = round(abs(dec_deg) * 36000.0)
    hours, minutes = divmod(hundredths // 6000, 60)
    degrees, arcmin = divmod(tenths // 600, 60)
    ra = f"{hours:02d} {minutes:02d} {hundredths % 6000 / 100:05.2f}"
    return ra, f"{'-' if dec_deg < 0 else '+'}{degrees:02d} {arcmin:02d} {tenths % 600 / 10:04.1f}"


def healpix(ra_deg: float, dec_deg: float, nside: int = 128) -> int:
    """Number of the HEALPix pixel, equatorial, in the order of rings (Gorski et al. 2005, ApJ 622, 759)."""
    z, turn = math.sin(math.radians(dec_deg)), ra_deg % 360.0 / 90.0
    if abs(z) <= 2.0 / 3.0:
        middle, shift = nside * (0.5 + turn), nside * 0.75 * z
        down, up = math.floor(middle - shift), math.floor(middle + shift)
        ring = nside + 1 + down - up
        column = (down + up - nside + 2 - ring % 2) // 2 % (4 * nside)
        return 2 * nside * (nside - 1) + (ring - 1) * 4 * nside + column
    part, width = turn % 1.0, nside * math.sqrt(3.0 * (1.0 - abs(z)))
    ring = math.floor(part * width) + math.floor((1.0 - part) * width) + 1
    column = math.floor(turn * ring) % (4 * ring)
    return 2 * ring * (ring - 1) + column if z > 0 else 12 * nside**2 - 2 * ring * (ring + 1) + column
