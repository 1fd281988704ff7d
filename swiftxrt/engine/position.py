"""Standard position: the point spread function fitted to the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray
from scipy import ndimage

from ..exceptions import NoDataError, ProductNotAvailableError, RequestError
from ..mission import PIXEL_ARCSEC, Mode
from ..products.calibration import Calibration
from ..products.events import EventList
from .calibration import EMBEDDED
from .centroid import iterative_centroid, simple_centroid
from .contours import PixelModel, position_errors
from .detection import find_sources
from .detection_field import Field, PointSource
from .geometry import off_axis_arcmin, pixel_to_sky, ring_pixels, sky_to_pixel
from .image import centred_wcs, stack_exposure, stack_images
from .psf import KingPSF
from .psffit import PointSourceFit, fit_point_source, fit_radius_pix
from .region_notes import pointing_notes
from .snapshots import split_snapshots

__all__ = ["SYSTEMATIC_ARCSEC", "PositionFit", "standard_position"]

Floats = NDArray[np.float64]

#: Error of the star-tracker attitude, 90 per cent (UKSSDC).
SYSTEMATIC_ARCSEC = 3.5
#: A source counts from this square root of the gain in the Cash statistic on.
MIN_SIGNIFICANCE = 4.5

_KIND = "standard position"
_RING_PIX = (40.0, 100.0)
_KERNEL_HALF = 10
_ENERGY_KEV = 1.5
_SCAN_PIX = 110
# A detection closer than this to where the fit starts is the source itself.
_SAME_PIX = 5.0


@dataclass(frozen=True)
class PositionFit:
    """A position from a fit of the PSF.

    Parameters
    ----------
    coord : `~astropy.coordinates.SkyCoord`
        ICRS.
    radius_arcsec : float
        90 per cent error radius, systematic error included.
    radius_statistical_arcsec : float
        The statistical part.
    counts : float
        Events of the source over the whole profile.
    background_per_pix : float
        Events per pixel.
    exposure_s : float
        Good time on the source.
    significance : float
        Square root of the gain in the Cash statistic over no source.
    x_pix, y_pix : float
        In the stacked image.
    obsids : tuple of str
        Observations used.
    notes : tuple of str
        Approximations, one sentence each.
    """

    coord: SkyCoord
    radius_arcsec: float
    radius_statistical_arcsec: float
    counts: float
    background_per_pix: float
    exposure_s: float
    significance: float
    x_pix: float
    y_pix: float
    obsids: tuple[str, ...]
    notes: tuple[str, ...]


def standard_position(
    event_lists: Sequence[EventList],
    position: SkyCoord,
    *,
    search_radius_arcsec: float = 20.0,
    method: str = "detect",
    centroid_method: str = "simple",
    channels: tuple[int, int] = (30, 1000),
    calibration: Calibration = EMBEDDED,
) -> PositionFit:
    """Find the source near a position and fit where it is.

    The observations are added up, and other sources around are found (see
    `swiftxrt.engine.detection`) and kept in the model. The fit starts at the highest peak of the
    image filtered with the PSF, or at the barycentre of the events, within
    the search radius. It minimises the Cash statistic over the pixels around
    the source, in a radius that grows with the signal to noise; bad pixels
    are left out through the exposure. The statistical radius follows from the
    likelihood around the position, see `swiftxrt.engine.contours.position_errors`;
    3.5 arcsec are added in quadrature.

    Parameters
    ----------
    event_lists : sequence of EventList
        Photon counting mode.
    position : `~astropy.coordinates.SkyCoord`
        Where to look.
    search_radius_arcsec : float, optional
        The source lies within this radius.
    method : str, optional
        ``"detect"`` or ``"centroid"``: what the fit starts from.
    centroid_method : str, optional
        ``"simple"`` or ``"iterative"``: how the centroid is taken, see
        `swiftxrt.engine.centroid`.
    channels : tuple of int, optional
        First and last PI channel.
    calibration : Calibration, optional
        Point spread function.

    Returns
    -------
    fit : PositionFit

    Raises
    ------
    ProductNotAvailableError
        If there is no significant source within the search radius.
    NoDataError
        If no observation has the position in its field of view.
    RequestError
        If there are no event lists of photon counting mode, or a method is none of those named.
    """
    if method not in ("detect", "centroid"):
        raise RequestError([("method", f"must be 'detect' or 'centroid'; got {method!r}")], _KIND)
    if centroid_method not in ("simple", "iterative"):
        problem = f"must be 'simple' or 'iterative'; got {centroid_method!r}"
        raise RequestError([("centroid_method", problem)], _KIND)
    lists = list(event_lists)
    wcs = centred_wcs(lists, position if len(lists) > 1 else None) if lists else None
    stack = stack_images(lists, channels, wcs=wcs, exposure=False)
    target = _Window(lists, stack.wcs, stack.counts, *sky_to_pixel(stack.wcs, position), calibration)
    reach_pix = search_radius_arcsec / PIXEL_ARCSEC
    target.leave_out_beyond(reach_pix)
    first = target.peak(reach_pix) if method == "detect" else target.centroid(centroid_method, reach_pix)
    neighbours = target.leave_out_beside(*first)
    fit, radius90_pix = target.fit(first)
    away_pix = np.hypot(fit.x_pix - target.x0, fit.y_pix - target.y0)
    if fit.significance < MIN_SIGNIFICANCE or away_pix > reach_pix + radius90_pix:
        raise ProductNotAvailableError(
            _KIND,
            f"no significant source within {search_radius_arcsec:g} arcsec of {position.to_string('hmsdms', precision=1)} "
            f"(best: {fit.significance:.1f} sigma of {MIN_SIGNIFICANCE:g} needed{target.nearest()}); "
            "use more data or a larger search radius",
        )
    statistical = radius90_pix * PIXEL_ARCSEC
    profile = f"PSF {calibration.psf(Mode.PC).name} at {_ENERGY_KEV:g} keV; pile-up is not modelled"
    beside = (f"{neighbours} other source(s) around were taken into account",) if neighbours else ()
    return PositionFit(
        coord=pixel_to_sky(stack.wcs, fit.x_pix, fit.y_pix),
        radius_arcsec=float(np.hypot(statistical, SYSTEMATIC_ARCSEC)),
        radius_statistical_arcsec=statistical,
        counts=fit.counts,
        background_per_pix=fit.background_per_pix,
        exposure_s=target.full_s,
        significance=fit.significance,
        x_pix=fit.x_pix,
        y_pix=fit.y_pix,
        obsids=stack.obsids,
        notes=(profile, *target.notes, *beside, *stack.notes),
    )


class _Window:
    """Counts and exposure around the place in question, and the expected counts of other sources."""

    def __init__(
        self, lists: list[EventList], wcs: WCS, counts: NDArray[Any], x0: float, y0: float, calibration: Calibration
    ) -> None:
        self.x0, self.y0 = x0, y0
        self.left, self.low = round(x0) - _SCAN_PIX, round(y0) - _SCAN_PIX
        size = 2 * _SCAN_PIX + 1
        self.grid_y, self.grid_x = np.mgrid[self.low : self.low + size, self.left : self.left + size]
        known = (self.grid_x >= 0) & (self.grid_x < counts.shape[1])
        known &= (self.grid_y >= 0) & (self.grid_y < counts.shape[0])
        self.counts = np.zeros(known.shape)
        self.counts[known] = counts[self.grid_y[known], self.grid_x[known]]
        exposure_s = np.where(known, stack_exposure(lists, wcs, self.grid_x, self.grid_y), 0.0)
        self.full_s = float(exposure_s.max())
        if self.full_s <= 0:
            raise NoDataError("the position is outside the field of view of all observations; check it")
        self.exposure = exposure_s / self.full_s
        angle, self.notes = _pointings(lists, pixel_to_sky(wcs, x0, y0))
        self.psf = KingPSF.at(_ENERGY_KEV, angle, calibration.psf(Mode.PC))
        everywhere = np.full(known.shape, angle)
        self.field = Field(
            self.counts * (exposure_s > 0), *(exposure_s,) * 3, everywhere, _ENERGY_KEV, calibration.psf(Mode.PC)
        )
        self.found = find_sources(self.field).sources
        self.others = np.zeros(known.shape)

    def leave_out_beyond(self, reach_pix: float) -> None:
        """Take sources beyond the search radius into the model: the peak is not in their wings."""
        middle = self.x0 - self.left, self.y0 - self.low
        self._leave_out([one for one in self.found if _apart(one, *middle) > reach_pix + one.radius90_pix])

    def leave_out_beside(self, x: float, y: float) -> int:
        """Take all sources but the one at a place into the model; returns how many."""
        place = x - self.left, y - self.low
        beside = [one for one in self.found if _apart(one, *place) > _SAME_PIX + one.hole_pix]
        self._leave_out(beside)
        return len(beside)

    def nearest(self) -> str:
        """How far the nearest source that was found is from the place in question."""
        apart = [_apart(one, self.x0 - self.left, self.y0 - self.low) * PIXEL_ARCSEC for one in self.found]
        return f"; the nearest source is {min(apart):.0f} arcsec away" if apart else ""

    def _leave_out(self, sources: list[PointSource]) -> None:
        self.others = np.zeros_like(self.counts)
        for source in sources:
            source.add_to(self.others, self.field, 1e-6)

    def background_per_pix(self, x: float, y: float, counts: float = 0.0) -> float:
        """Events per pixel at full exposure in a ring around a source of so many events, without its wings."""
        distance = np.hypot(self.grid_x - x, self.grid_y - y)
        ring = (distance > _RING_PIX[0]) & (distance < _RING_PIX[1])
        wings = counts * self.psf.pixel_fractions(self.grid_x[ring] - x, self.grid_y[ring] - y) @ self.exposure[ring]
        # Half an event keeps the model from being exactly zero.
        rest = self.counts[ring].sum() - self.others[ring].sum() - wings
        return float(max(rest, 0.5) / max(self.exposure[ring].sum(), 1.0))

    def centroid(self, method: str, reach_pix: float) -> tuple[float, float]:
        """Centroid of the events."""
        x, y = (np.repeat(grid.ravel(), self.counts.ravel().astype(int)) for grid in (self.grid_x, self.grid_y))
        if method == "simple":
            found = simple_centroid(x, y, self.x0, self.y0, reach_pix)
        else:
            found = iterative_centroid(
                x, y, self.x0, self.y0, reach_pix, seen_s=self._seen, coefficients=self.field.coefficients
            )
        if found is None:
            raise ProductNotAvailableError(_KIND, "no centroid within the search radius; method 'detect' may help")
        return found

    def _seen(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> Floats:
        """Relative exposure of sky pixels, 0 outside the window."""
        row, column = y - self.low, x - self.left
        inside = (row >= 0) & (row < self.exposure.shape[0]) & (column >= 0) & (column < self.exposure.shape[1])
        return np.where(inside, self.exposure[row * inside, column * inside], 0.0)

    def peak(self, reach_pix: float) -> tuple[float, float]:
        """Highest place of the image filtered with the PSF."""
        y_offset, x_offset = np.mgrid[-_KERNEL_HALF : _KERNEL_HALF + 1, -_KERNEL_HALF : _KERNEL_HALF + 1]
        kernel = self.psf.pixel_fractions(x_offset, y_offset)
        background = max(self.background_per_pix(self.x0, self.y0), 1e-9)
        expected = background * self.exposure + self.others
        excess = ndimage.convolve(self.counts - expected, kernel, mode="constant")
        noise = np.sqrt(np.maximum(ndimage.convolve(expected, kernel**2, mode="constant"), 0.0))
        score = np.where(noise > 0, excess / np.maximum(noise, 1e-12), -np.inf)
        score[np.hypot(self.grid_x - self.x0, self.grid_y - self.y0) > reach_pix] = -np.inf
        row, column = np.unravel_index(np.argmax(score), score.shape)
        return float(self.grid_x[row, column]), float(self.grid_y[row, column])

    def fit(self, start: tuple[float, float]) -> tuple[PointSourceFit, float]:
        """Fit around a first guess, and its 90 per cent radius; radius of the fit, centre and background settle."""
        radius, centre, counts = fit_radius_pix(0.0), start, 0.0
        for _ in range(3):
            background = self.background_per_pix(*centre, counts)
            pixels = self._pixels(centre, radius, background)
            fit = fit_point_source(
                pixels.counts,
                pixels.x_pix,
                pixels.y_pix,
                centre,
                psf=self.psf,
                exposure=pixels.exposure,
                other_counts=pixels.others,
                reach_pix=radius / 2,
            )
            centre, counts = (fit.x_pix, fit.y_pix), fit.counts
            snr = counts / np.sqrt(counts + background * np.pi * radius**2)
            radius = fit_radius_pix(snr)
        fit = replace(fit, background_per_pix=background)
        return fit, position_errors(pixels, *centre, counts, fit.radius90_pix).radius90

    def _pixels(self, centre: tuple[float, float], radius_pix: float, background: float) -> PixelModel:
        x, y = ring_pixels(*centre, radius_pix)
        row, column = y - self.low, x - self.left
        inside = (row >= 0) & (row < self.counts.shape[0]) & (column >= 0) & (column < self.counts.shape[1])
        x, y, row, column = x[inside], y[inside], row[inside], column[inside]
        seen = self.exposure[row, column] > 0
        x, y, row, column = x[seen], y[seen], row[seen], column[seen]
        exposure = self.exposure[row, column]
        others = background * exposure + self.others[row, column]
        return PixelModel(self.counts[row, column], x, y, exposure, others, self.psf)


def _apart(source: PointSource, x: float, y: float) -> float:
    return float(np.hypot(source.x_pix - x, source.y_pix - y))


def _pointings(lists: list[EventList], position: SkyCoord) -> tuple[float, tuple[str, ...]]:
    """Off-axis angle in arcminutes, mean over the snapshots weighted by exposure, and what the pointings are from."""
    angles, weights, sources = [], [], []
    for events in lists:
        x, y = sky_to_pixel(events.wcs, position)
        for snapshot in split_snapshots(events):
            _, length_s, offset = snapshot.steps
            angles.append(np.average(off_axis_arcmin(*snapshot.pointing.to_detector(x, y, offset)), weights=length_s))
            weights.append(length_s.sum())
            sources.append(snapshot.pointing.source)
    return float(np.average(angles, weights=weights)), pointing_notes(sources)
