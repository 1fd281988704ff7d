"""Source and background regions of both modes, seen through one interface.

A region is the set of places with ``inner <= distance <= outer``. In photon
counting mode the distance is measured in the plane, so regions are circles
and rings; in windowed timing mode it is measured along DETX, so they are
strips, of which files draw a box 5 pixels wide (the official BACKSCAL counts
them so: 60 columns have 298 pixels). Neither the position across the strip
nor the spread of the profile there matters, since all rows are summed.

A region of the user's own is any set of sky pixels; the radii have no meaning
for it. In windowed timing mode the line along DETX through the source is cut
by it, and the columns inside count.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..mission import DETECTOR_SIZE, SKY_SIZE, Mode
from ..products.calibration import Calibration
from .calibration import EMBEDDED
from .geometry import live_columns, look_up, off_axis_arcmin, ring_pixels
from .psf import KingPSF, vignetting
from .snapshots import Snapshot

__all__ = [
    "REFERENCE_KEV",
    "WT_HEIGHT_PIX",
    "XRTLCCORR",
    "Aperture",
    "CircleAperture",
    "StripAperture",
    "aperture",
    "shape_aperture",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Offsets = NDArray[Any]

#: Energy at which losses are worked out, as the mission's tools do.
REFERENCE_KEV = 1.5
#: Height of the boxes that stand for strips of windowed timing.
WT_HEIGHT_PIX = 5.0
#: Name of the way to work out correction factors in which HEASoft's task does:
#: it gives energy (keV) and angle (arcmin) to polynomials that are meant for
#: tenths of these, so that its profile hardly changes over the field.
XRTLCCORR = "xrtlccorr"
_XRTLCCORR_UNIT = 0.1

#: Rounding of the pointing, in pixels, for source regions (bad columns are 3
#: pixels wide) and for the large background regions.
_FINE_PIX, _COARSE_PIX = 0.25, 4.0
# The same where a mean over the snapshot is enough.
_MEAN_PIX = 1.0


class Aperture(ABC):
    """Regions around one point of the sky during one snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        The time concerned.
    x_pix, y_pix : float
        Source, in 0-based sky pixels of the observation.
    calibration : Calibration, optional
        Point spread function and vignetting.
    compat : str, optional
        ``"xrtlccorr"`` evaluates the profile as HEASoft's task does.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        x_pix: float,
        y_pix: float,
        calibration: Calibration = EMBEDDED,
        compat: str | None = None,
    ) -> None:
        self.snapshot, self.x_pix, self.y_pix = snapshot, x_pix, y_pix
        self.calibration, self.compat = calibration, compat
        _, length_s, offset = snapshot.steps
        mean = np.average(offset, weights=length_s)
        self.detx, self.dety = (float(value) for value in snapshot.pointing.to_detector(x_pix, y_pix, mean))
        self.off_axis_arcmin = float(off_axis_arcmin(self.detx, self.dety))
        self.psf = self.psf_at(REFERENCE_KEV)
        self.vignetting = float(vignetting(REFERENCE_KEV, self.off_axis_arcmin, calibration.vignetting))

    def psf_at(self, energy_kev: float) -> KingPSF:
        """Profile of the source at an energy."""
        unit = _XRTLCCORR_UNIT if self.compat == XRTLCCORR else 1.0
        coefficients = self.calibration.psf(self.snapshot.events.mode)
        return KingPSF.at(energy_kev * unit, self.off_axis_arcmin * unit, coefficients)

    @abstractmethod
    def distance(self, x_pix: Any, y_pix: Any) -> Floats:
        """Distance of sky pixels from the source."""

    @abstractmethod
    def live_fractions(
        self,
        inner_pix: float,
        outer_pix: float,
        offset: Offsets,
        shift_pix: float = 0.0,
        psf: KingPSF | None = None,
    ) -> tuple[Floats, Floats]:
        """Fraction of the source's events, and area in square pixels, that the live part holds.

        One value for each offset of the pointing; `shift_pix` is how far along
        DETX the source is from the middle of the region, `psf` another profile
        than that at 1.5 keV.
        """

    @abstractmethod
    def background_area(self, inner_pix: float, outer_pix: float, skip: Any = None) -> float:
        """Live area in square pixels; `skip` says of arrays x, y which pixels are left out."""

    @abstractmethod
    def field_fraction(self, outer_pix: float) -> float:
        """Part of the source region that lies in the field of view, bad pixels included."""

    def select(self, x_pix: Any, y_pix: Any, inner_pix: float, outer_pix: float) -> Flags:
        """Which sky pixels lie in a region."""
        distance = self.distance(x_pix, y_pix)
        return (distance >= inner_pix) & (distance <= outer_pix)

    def psf_fractions(self, inner_pix: float, outer_pix: float, shift_pix: float = 0.0) -> tuple[Floats, float]:
        """Fraction of the source's events in the region for each step of the snapshot, and the mean live area."""
        _, length_s, offset = self.snapshot.steps
        rounded, which = np.unique(np.round(offset / _FINE_PIX) * _FINE_PIX, return_inverse=True)
        fraction, area = self.live_fractions(inner_pix, outer_pix, rounded, shift_pix)
        return fraction[which], float(np.average(area[which], weights=length_s))

    def fractions_at(self, inner_pix: float, outer_pix: float, energy_kev: ArrayLike) -> Floats:
        """Fraction of the source's events in the region at each energy, mean over the snapshot."""
        offset, time_s = self.snapshot.offsets(_MEAN_PIX)
        fractions = [
            np.average(
                self.live_fractions(inner_pix, outer_pix, offset, psf=self.psf_at(float(energy)))[0], weights=time_s
            )
            for energy in np.atleast_1d(energy_kev)
        ]
        return np.array(fractions)


class CircleAperture(Aperture):
    """Circles and rings of photon counting mode."""

    def distance(self, x_pix: Any, y_pix: Any) -> Floats:
        """Distance of sky pixels from the source; see `Aperture`."""
        return np.hypot(np.asarray(x_pix) - self.x_pix, np.asarray(y_pix) - self.y_pix)

    def pixels(self, inner_pix: float, outer_pix: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sky pixels (x, y) of a region."""
        return ring_pixels(self.x_pix, self.y_pix, outer_pix, inner_pix)

    def seen(self, x_pix: Any, y_pix: Any) -> Floats:
        """Part of the snapshot during which each sky pixel lay on a live one of the detector."""
        offset, time_s = self.snapshot.offsets(_MEAN_PIX)
        live = [self._is_live(self.snapshot.live, x_pix, y_pix, value) for value in offset]
        return np.average(np.array(live), axis=0, weights=time_s)

    def _is_live(self, mask: Flags, x: Any, y: Any, offset: Any) -> Flags:
        return look_up(mask, *self.snapshot.pointing.to_detector(x, y, offset))

    def live_fractions(
        self,
        inner_pix: float,
        outer_pix: float,
        offset: Offsets,
        shift_pix: float = 0.0,
        psf: KingPSF | None = None,
    ) -> tuple[Floats, Floats]:
        """Fraction of the events and live area; see `Aperture`."""
        x, y = self.pixels(inner_pix, outer_pix)
        x0, y0 = self.snapshot.pointing.moved_along_columns(self.x_pix, self.y_pix, shift_pix)
        share = (psf or self.psf).pixel_fractions(x - x0, y - y0)
        live = np.array([self._is_live(self.snapshot.live, x, y, value) for value in offset])
        return live @ share, live.sum(axis=1).astype(float)

    def background_area(self, inner_pix: float, outer_pix: float, skip: Any = None) -> float:
        """Live area; see `Aperture`."""
        x, y = self.pixels(inner_pix, outer_pix)
        if skip is not None:
            kept = ~skip(x, y)
            x, y = x[kept], y[kept]
        offset, time_s = self.snapshot.offsets(_COARSE_PIX)
        areas = [np.count_nonzero(self._is_live(self.snapshot.live, x, y, value)) for value in offset]
        return float(np.average(areas, weights=time_s))

    def field_fraction(self, outer_pix: float) -> float:
        """Part in the field of view; see `Aperture`."""
        x, y = self.pixels(0.0, outer_pix)
        offset, time_s = self.snapshot.offsets(_COARSE_PIX)
        if not x.size:
            return 0.0
        shares = [self._is_live(self.snapshot.field, x, y, value).mean() for value in offset]
        return float(np.average(shares, weights=time_s))


class StripAperture(Aperture):
    """Strips along DETX of windowed timing mode."""

    def __init__(
        self,
        snapshot: Snapshot,
        x_pix: float,
        y_pix: float,
        calibration: Calibration = EMBEDDED,
        compat: str | None = None,
    ) -> None:
        super().__init__(snapshot, x_pix, y_pix, calibration, compat)
        self._column = np.arange(DETECTOR_SIZE + 2, dtype=float)
        self._live, self._field = live_columns(snapshot.live), live_columns(snapshot.field)

    def distance(self, x_pix: Any, y_pix: Any) -> Floats:
        """Distance of sky pixels from the source; see `Aperture`."""
        return np.abs(self._along(x_pix, y_pix))

    def select(self, x_pix: Any, y_pix: Any, inner_pix: float, outer_pix: float) -> Flags:
        """Which sky pixels lie in a region; see `Aperture`."""
        return self._inside(self._along(x_pix, y_pix), inner_pix, outer_pix)

    def _along(self, x_pix: Any, y_pix: Any) -> Floats:
        return self.snapshot.pointing.along_columns(x_pix, y_pix, self.x_pix, self.y_pix)

    def _inside(self, along_pix: Any, inner_pix: float, outer_pix: float) -> Flags:
        """Whether distances from the source, of either sign, belong to a region."""
        distance = np.abs(along_pix)
        return (distance >= inner_pix) & (distance <= outer_pix)

    def _source_column(self, offset: Any) -> Any:
        return self.snapshot.pointing.to_detector(self.x_pix, self.y_pix, offset)[0]

    def _in_region(self, inner_pix: float, outer_pix: float, offset: Any) -> Flags:
        return self._inside(self._column - self._source_column(offset), inner_pix, outer_pix)

    def live_fractions(
        self,
        inner_pix: float,
        outer_pix: float,
        offset: Offsets,
        shift_pix: float = 0.0,
        psf: KingPSF | None = None,
    ) -> tuple[Floats, Floats]:
        """Fraction of the events and live area; see `Aperture`."""
        fraction, area = np.zeros(offset.size), np.zeros(offset.size)
        edge, psf = np.arange(-0.5, DETECTOR_SIZE + 2) - shift_pix, psf or self.psf
        for k, value in enumerate(offset):
            distance = edge - self._source_column(value)
            share = np.diff(np.sign(distance) * psf.line_enclosed(np.abs(distance)) / 2)
            used = self._live & self._in_region(inner_pix, outer_pix, value)
            fraction[k], area[k] = share[used].sum(), WT_HEIGHT_PIX * np.count_nonzero(used)
        return fraction, area

    def background_area(self, inner_pix: float, outer_pix: float, skip: Any = None) -> float:
        """Live area; `skip` has no meaning here. See `Aperture`."""
        offset, time_s = self.snapshot.offsets(_COARSE_PIX)
        columns = [np.count_nonzero(self._live & self._in_region(inner_pix, outer_pix, value)) for value in offset]
        return WT_HEIGHT_PIX * float(np.average(columns, weights=time_s))

    def field_fraction(self, outer_pix: float) -> float:
        """Part in the window, while the source itself is on one of its rows; see `Aperture`."""
        offset, time_s = self.snapshot.offsets(_COARSE_PIX)
        row = self.snapshot.pointing.to_detector(self.x_pix, self.y_pix, offset)[1]
        on_rows = np.abs(row - (DETECTOR_SIZE + 1) / 2) <= DETECTOR_SIZE / 2 + outer_pix
        shares = [
            seen * self._field[self._in_region(0.0, outer_pix, value)].sum() / self._width(outer_pix)
            for value, seen in zip(offset, on_rows, strict=True)
        ]
        return min(float(np.average(shares, weights=time_s)), 1.0)

    def _width(self, outer_pix: float) -> float:
        """Columns of a region without hole."""
        return 2 * outer_pix


class _CircleShape(CircleAperture):
    """Any set of sky pixels, in photon counting mode."""

    def __init__(self, raster: Flags, *place: Any) -> None:
        super().__init__(*place)
        self._raster = raster

    def pixels(self, inner_pix: float, outer_pix: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pixels of the shape; see `CircleAperture`."""
        y, x = np.nonzero(self._raster)
        return x, y

    def select(self, x_pix: Any, y_pix: Any, inner_pix: float, outer_pix: float) -> Flags:
        """Which sky pixels lie in the shape; see `Aperture`."""
        return _on_raster(self._raster, x_pix, y_pix)


class _StripShape(StripAperture):
    """The columns in which any set of sky pixels cuts the line through the source, in windowed timing mode."""

    def __init__(self, raster: Flags, *place: Any) -> None:
        super().__init__(*place)
        along = np.arange(-2 * SKY_SIZE, 2 * SKY_SIZE + 1)
        line = self.snapshot.pointing.moved_along_columns(self.x_pix, self.y_pix, along)
        self._cut = _on_raster(raster, *line)

    def _inside(self, along_pix: Any, inner_pix: float, outer_pix: float) -> Flags:
        """Whether distances from the source belong to the shape; see `StripAperture`."""
        return self._cut[np.rint(np.clip(along_pix, -2 * SKY_SIZE, 2 * SKY_SIZE)).astype(np.intp) + 2 * SKY_SIZE]

    def _width(self, outer_pix: float) -> float:
        return float(np.maximum(np.count_nonzero(self._cut), 1))


def _on_raster(raster: Flags, x_pix: Any, y_pix: Any) -> Flags:
    """Values of an image of flags, indexed [y, x], at sky pixels; False outside."""
    column, row = np.rint(x_pix).astype(np.intp), np.rint(y_pix).astype(np.intp)
    height, width = raster.shape
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return inside & raster[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]


def aperture(
    snapshot: Snapshot, x_pix: float, y_pix: float, calibration: Calibration = EMBEDDED, compat: str | None = None
) -> Aperture:
    """The kind of regions that fits the mode of a snapshot; the parameters are those of `Aperture`."""
    kind = CircleAperture if snapshot.events.mode is Mode.PC else StripAperture
    return kind(snapshot, x_pix, y_pix, calibration, compat)


def shape_aperture(place: Aperture, raster: Flags) -> Aperture:
    """A region made of any sky pixels, for the source and the snapshot of another.

    Parameters
    ----------
    place : Aperture
        Regions around the source.
    raster : ndarray of bool, shape (1000, 1000)
        The pixels inside, indexed [y, x].
    """
    kind = _CircleShape if place.snapshot.events.mode is Mode.PC else _StripShape
    return kind(raster, place.snapshot, place.x_pix, place.y_pix, place.calibration, place.compat)
