"""The source and its regions in one snapshot, or in a part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..mission import PIXEL_ARCSEC, Mode
from .background import Neighbours
from .extracted import PSF_ENERGIES_KEV, ExtractionParameters, SnapshotRegion
from .geometry import pixel_to_sky
from .region_rules import BACKGROUND_PIX, Measurement, background_limits, pixels_inside
from .regions import WT_HEIGHT_PIX, Aperture, aperture, shape_aperture
from .snapshots import Snapshot
from .user_regions import UserRegion

__all__ = ["Piece", "Surroundings", "Target"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.intp]

# A source that sits on a dead column for a while must not give infinite factors.
_MIN_FRACTION = 0.02
# Position error (1 sigma) behind the systematic error of windowed timing: the
# 3.5 arcsec (90 per cent) of XRT positions over 2.15.
_POSITION_SIGMA_PIX = 1.6 / PIXEL_ARCSEC
_REACH_PIX = 1e6


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What all snapshots of an observation share.

    Parameters
    ----------
    parameters : ExtractionParameters
        How to extract.
    graded, kept : ndarray of bool
        Which events of the observation are of the right grade, and which of these in the right band.
    neighbours : Neighbours or None
        Other sources.
    source, background : UserRegion or None
        Regions of the user's own.
    """

    parameters: ExtractionParameters
    graded: Flags
    kept: Flags
    neighbours: Neighbours | None = None
    source: UserRegion | None = None
    background: UserRegion | None = None

    def regions(self, snapshot: Snapshot, centre: tuple[float, float]) -> tuple[Aperture, Aperture]:
        """Regions for the source and for the background of a snapshot."""
        place = aperture(snapshot, *centre, self.parameters.calibration, self.parameters.compat)
        own = (
            place if region is None else shape_aperture(place, region.raster(snapshot.events))
            for region in (self.source, self.background)
        )
        source, background = own
        return source, background


@dataclass(frozen=True, eq=False)
class Target:
    """The source in one snapshot, or in a part of it: where it is, and its background.

    Parameters
    ----------
    place : Aperture
        Source regions.
    field : Aperture
        Background regions.
    centroided : bool
        Whether the source was found.
    graded, background : ndarray of int
        Events of the right grade, and those of them in the background region.
    inner_pix, outer_pix, area_pix : float
        Limits and live area of the background region.
    measured : Measurement
        Events in the band that chooses the source region.
    around : Surroundings
        What it shares with the other snapshots of its observation.
    """

    place: Aperture
    field: Aperture
    centroided: bool
    graded: Index
    background: Index
    inner_pix: float
    outer_pix: float
    area_pix: float
    measured: Measurement
    around: Surroundings

    @classmethod
    def of(cls, snapshot: Snapshot, centre: tuple[float, float], centroided: bool, around: Surroundings) -> Target:
        """The source at a place in a snapshot."""
        place, field = around.regions(snapshot, centre)
        graded, kept = (snapshot.index[flags[snapshot.index]] for flags in (around.graded, around.kept))
        if around.background is None:
            skip = around.neighbours.cover if around.neighbours is not None else None
            inner, outer, area = background_limits(field, skip)
            background = pixels_inside(field, graded, inner, outer, skip)
        else:
            background = pixels_inside(field, graded, 0.0, _REACH_PIX)
            area = field.background_area(0.0, _REACH_PIX)
            inner, outer = 0.0, _equivalent_pix(area, snapshot.events.mode)
        density = np.count_nonzero(around.kept[background]) / area if area else 0.0
        measured = Measurement(place, kept, density)
        return cls(place, field, centroided, graded, background, inner, outer, area, measured, around)

    def during(self, snapshot: Snapshot) -> Target:
        """The same source in a part of the snapshot."""
        if snapshot is self.place.snapshot:
            return self
        return Target.of(snapshot, (self.place.x_pix, self.place.y_pix), self.centroided, self.around)

    @property
    def obsid(self) -> str:
        """Observation."""
        return self.place.snapshot.events.obsid

    @property
    def has_usual_background(self) -> bool:
        """Whether the background region did not have to be enlarged."""
        if self.around.background is not None:
            return True
        return (self.inner_pix, self.outer_pix) == BACKGROUND_PIX[self.place.snapshot.events.mode]


@dataclass(frozen=True, eq=False)
class Piece:
    """What one snapshot, or a part of it, contributes.

    Parameters
    ----------
    which : int
        Number of the event list.
    snapshot : Snapshot
        The time.
    region : SnapshotRegion
        The regions; its `snapshot` is numbered when all are known.
    source, background : ndarray of int
        Events.
    step_s, factor : ndarray
        Correction factor from each time on.
    shifted : ndarray or None
        The same for a displaced source (windowed timing).
    """

    which: int
    snapshot: Snapshot
    region: SnapshotRegion
    source: Index
    background: Index
    step_s: Floats
    factor: Floats
    shifted: Floats | None

    @classmethod
    def of(cls, which: int, target: Target, radius_pix: float, hole_pix: float, rate_cps: float, pileup: str) -> Piece:
        """The events of a target in a source region, with all that describes them."""
        place, snapshot = target.place, target.place.snapshot
        fraction, area = place.psf_fractions(hole_pix, radius_pix)
        start_s, _, _ = snapshot.steps
        factor = _factor(fraction, place)
        region = _described(target, (hole_pix, radius_pix), fraction, area)
        return cls(
            which=which,
            snapshot=snapshot,
            region=replace(region, net_rate_cps=rate_cps, pileup=pileup),
            source=pixels_inside(place, target.graded, hole_pix, radius_pix),
            background=target.background,
            step_s=start_s,
            factor=factor,
            shifted=_shifted_factors(place, hole_pix, radius_pix) if snapshot.events.mode is Mode.WT else None,
        )


def _described(target: Target, limits_pix: tuple[float, float], fraction: Floats, area_pix: float) -> SnapshotRegion:
    """The regions of a target, all but the rate and what there is to say of pile-up."""
    place, snapshot, around = target.place, target.place.snapshot, target.around
    events, length_s = snapshot.events, snapshot.steps[1]
    centre = pixel_to_sky(events.wcs, place.x_pix, place.y_pix)
    inner, outer = limits_pix
    if around.source is not None:
        inner, outer = 0.0, _equivalent_pix(area_pix, events.mode)
    return SnapshotRegion(
        obsid=events.obsid,
        snapshot=0,
        mode=events.mode,
        start_s=float(snapshot.gti.start[0]),
        stop_s=float(snapshot.gti.stop[-1]),
        x_pix=place.x_pix,
        y_pix=place.y_pix,
        ra_deg=float(centre.ra.deg),
        dec_deg=float(centre.dec.deg),
        angle_deg=snapshot.pointing.column_angle_deg,
        source_inner_pix=inner,
        source_radius_pix=outer,
        background_inner_pix=target.inner_pix,
        background_outer_pix=target.outer_pix,
        source_area_pix=area_pix,
        background_area_pix=target.area_pix,
        exposure_s=snapshot.gti.exposure_s,
        live_fraction=events.live_fraction,
        net_rate_cps=0.0,
        correction=1.0 / float(np.average(1.0 / _factor(fraction, place), weights=length_s)),
        psf_fraction=float(np.average(fraction, weights=length_s)),
        off_axis_arcmin=place.off_axis_arcmin,
        centroided=target.centroided,
        psf_fractions=tuple(place.fractions_at(*limits_pix, PSF_ENERGIES_KEV).tolist()),
        pointing=snapshot.pointing.source,
        source_shape="" if around.source is None else around.source.text,
        background_shape="" if around.background is None else around.background.text,
    )


def _equivalent_pix(area_pix: float, mode: Mode) -> float:
    """Radius of a circle, or half length of a strip, of an area."""
    return float(np.sqrt(area_pix / np.pi)) if mode is Mode.PC else area_pix / WT_HEIGHT_PIX / 2


def _factor(fraction: Floats, place: Aperture) -> Floats:
    return 1.0 / (np.maximum(fraction, _MIN_FRACTION) * place.vignetting)


def _shifted_factors(place: Aperture, hole_pix: float, radius_pix: float) -> Floats:
    """Correction factors for the same region if the source lay one standard deviation to either side along DETX."""
    shifts = (-_POSITION_SIGMA_PIX, _POSITION_SIGMA_PIX)
    return np.array([_factor(place.psf_fractions(hole_pix, radius_pix, shift)[0], place) for shift in shifts])
