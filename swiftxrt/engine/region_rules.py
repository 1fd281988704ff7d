"""How large a source region is, which part of it pile-up may spoil, and where the background is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..mission import PIXEL_ARCSEC, Mode
from .regions import WT_HEIGHT_PIX, Aperture

__all__ = [
    "BACKGROUND_PIX",
    "FIRST_RADIUS_PIX",
    "Measurement",
    "background_limits",
    "net_rate_cps",
    "pileup_radius_pix",
    "pixels_inside",
    "source_radius_pix",
    "unpiled_radius_pix",
]

Flags = NDArray[np.bool_]
Index = NDArray[np.intp]

#: Background annulus (strip in windowed timing) in pixels; no official
#: background event is closer than 60 pixels to the source.
BACKGROUND_PIX = {Mode.PC: (60.0, 190.0), Mode.WT: (60.0, 600.0)}
# Below this area the annulus grows outwards (PC), the strip inwards (WT).
_LEAST_BACKGROUND_PIX = {Mode.PC: 2000.0, Mode.WT: 20 * WT_HEIGHT_PIX}
_WHOLE_FIELD_PIX = 700.0
_WT_BACKGROUND_FROM_PIX = 35.0

#: The rate is measured in this radius first.
FIRST_RADIUS_PIX = 30.0
#: With fewer events than this the rate of the whole observation is used.
FEWEST_EVENTS = 20

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


def pixels_inside(
    target: Aperture, index: Index, inner_pix: float, outer_pix: float, skip: Callable[..., Flags] | None = None
) -> Index:
    """Those of the indexed events that lie in a region."""
    events = target.snapshot.events
    x, y = events.x[index], events.y[index]
    inside = target.select(x, y, inner_pix, outer_pix)
    if skip is not None:
        inside &= ~skip(x, y)
    return index[inside]


def background_limits(target: Aperture, skip: Callable[..., Flags] | None) -> tuple[float, float, float]:
    """Inner and outer limit (pixels) and live area (square pixels) of the background region."""
    mode = target.snapshot.events.mode
    inner, outer = BACKGROUND_PIX[mode]
    area = target.background_area(inner, outer, skip)
    if area >= _LEAST_BACKGROUND_PIX[mode]:
        return inner, outer, area
    if mode is Mode.PC:
        outer = _WHOLE_FIELD_PIX
    else:
        inner = _WT_BACKGROUND_FROM_PIX
    return inner, outer, target.background_area(inner, outer, skip)


@dataclass(frozen=True, eq=False)
class Measurement:
    """Events of one snapshot that choose its source region.

    Parameters
    ----------
    target : Aperture
        Regions around the source.
    index : ndarray of int
        Events of the snapshot in the band that counts.
    background_per_area : float
        Background events of that band per square pixel.
    """

    target: Aperture
    index: Index
    background_per_area: float

    def counts(self, radius_pix: float) -> int:
        """Events in a circle (strip)."""
        return int(pixels_inside(self.target, self.index, 0.0, radius_pix).size)

    def net_counts(self, radius_pix: float) -> float:
        """The same less background."""
        area = self.target.psf_fractions(0.0, radius_pix)[1]
        return self.counts(radius_pix) - self.background_per_area * area


def net_rate_cps(measurements: Sequence[Measurement], radius_pix: float) -> float:
    """Raw count rate less background in a radius, over one or more snapshots."""
    exposure_s = sum(item.target.snapshot.gti.exposure_s for item in measurements)
    return sum(item.net_counts(radius_pix) for item in measurements) / exposure_s


def unpiled_radius_pix(measurements: Sequence[Measurement], largest_pix: float) -> tuple[float, float]:
    """Radius of the source region and the raw net rate (ct/s) in it.

    The rate is measured in 30 pixels and, if that calls for a smaller region,
    once more in it.
    """
    first = min(FIRST_RADIUS_PIX, largest_pix)
    rate = net_rate_cps(measurements, first)
    radius = min(source_radius_pix(rate), first)
    if radius < first:
        rate = net_rate_cps(measurements, radius)
        radius = min(source_radius_pix(rate), radius)
    return radius, rate
