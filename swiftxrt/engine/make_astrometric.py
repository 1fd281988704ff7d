"""The astrometric position of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..exceptions import ProductNotAvailableError
from ..kinds import ProductKind
from ..mission import Mode
from ..products.calibration import Calibration
from ..products.events import EventList
from ..products.position import Position
from ..products.provenance import Provenance
from ..request.bundle import XRTRequest
from .astrometry import FEWEST_SOURCES, LEAST_GAIN, AstrometricMatch, XraySources, match_catalog
from .calibration import EMBEDDED
from .data import Data
from .detection_quality import Quality
from .make_position import fit_position
from .make_sources import search_total
from .position import SYSTEMATIC_ARCSEC
from .psffit import SIGMAS_90
from .reference_catalog import ReferenceCatalog, reference_objects

__all__ = ["STEPS", "make"]

Floats = NDArray[np.float64]

STEPS = (
    "Collect data.",
    "Find the source and fit the PSF.",
    "Search for sources in the field.",
    "Match them to the reference catalogue.",
)

_KIND = ProductKind.ASTROMETRIC_POSITION.title
# The source itself, which may be in no catalogue, does not help to find the shift (arcsec).
_ITSELF_ARCSEC = 25.0
# The field is so much larger than the outermost source (arcsec).
_RIM_ARCSEC = 60.0


def make(
    request: XRTRequest,
    data: Data,
    provenance: Provenance,
    progress: Callable[..., None],
    calibration: Calibration = EMBEDDED,
    *,
    reference_catalog: ReferenceCatalog,
) -> Position:
    """Fit the source, and find the error of the attitude from the other sources of the field.

    Raises
    ------
    NoDataError
        If there are no photon-counting data, or none of the position.
    ProductNotAvailableError
        If no source is found, there are too few others, or they match nothing.
    RequestError
        If the catalogue cannot be used.
    """
    progress(1)
    fit = fit_position(request, data, calibration)
    progress(2)
    others, sigma_arcsec = _other_sources(data.pc, fit.coord, calibration)
    progress(3)
    centre = _middle(others)
    match, objects = _matched(others, sigma_arcsec, centre, reference_catalog)
    radius = float(np.hypot(fit.radius_statistical_arcsec, match.radius90))
    notes = (
        *provenance.notes,
        f"standard position {fit.coord.to_string('hmsdms', precision=2)}, {fit.counts:.1f} counts, significance "
        f"{fit.significance:.1f}",
        f"astrometric error {match.radius90:.2f} arcsec (90 per cent), from {len(others)} sources and {objects} objects: "
        f"shift {match.x_arcsec:+.2f} arcsec east, {match.y_arcsec:+.2f} arcsec north, roll {match.roll_deg:+.3f} deg, "
        f"{match.share:.0%} of the sources in the catalogue, likelihood {match.gain:.1f} (logarithm; "
        f"{match.chance_gains.max():.1f} at most by chance)",
        *(["the star tracker alone (3.5 arcsec) is better here"] if match.radius90 > SYSTEMATIC_ARCSEC else []),
        *fit.notes,
    )
    return Position(
        coord=_corrected(fit.coord, centre, match),
        radius=radius * u.arcsec,
        kind="astrometric",
        systematic=match.radius90 * u.arcsec,
        provenance=replace(
            provenance, notes=notes, calibration=(calibration.psf(Mode.PC).name, calibration.vignetting.name)
        ),
    )


def _other_sources(lists: Sequence[EventList], place: SkyCoord, calibration: Calibration) -> tuple[SkyCoord, Floats]:
    """Good and reasonable sources but the one in question, and the standard deviations of their coordinates."""
    columns, _ = search_total(lists, calibration)
    coord = SkyCoord(columns["ra_deg"], columns["dec_deg"], unit="deg", frame="icrs")
    kept = (columns["quality"] <= Quality.REASONABLE) & (coord.separation(place).arcsec > _ITSELF_ARCSEC)
    number = int(kept.sum())
    if number < FEWEST_SOURCES:
        raise ProductNotAvailableError(
            _KIND,
            f"{number} good or reasonable source(s) besides the target were found in the field, and {FEWEST_SOURCES} are "
            "needed; use more data, such as PositionRequest(astrometric_all_data=True)",
        )
    radius90 = np.sqrt(columns["position_err"][kept] ** 2 - SYSTEMATIC_ARCSEC**2)
    return coord[kept], np.asarray(radius90 / SIGMAS_90, dtype=float)


def _middle(coord: SkyCoord) -> SkyCoord:
    mean = SkyCoord(coord.cartesian.mean(), frame="icrs").spherical
    return SkyCoord(mean.lon, mean.lat, frame="icrs")


def _matched(
    coord: SkyCoord, sigma_arcsec: Floats, centre: SkyCoord, catalog: ReferenceCatalog
) -> tuple[AstrometricMatch, int]:
    """The match, and of how many objects."""
    radius = coord.separation(centre).max() + _RIM_ARCSEC * u.arcsec
    objects = reference_objects(catalog, centre, radius)
    if not len(objects.coord):
        raise ProductNotAvailableError(
            _KIND,
            f"the reference catalogue has no object within {radius.to_value(u.arcmin):.1f} arcmin of "
            f"{centre.to_string('hmsdms', precision=0)}, where the sources are; give one that covers the field",
        )
    match = match_catalog(
        XraySources(*_plane(coord, centre), sigma_arcsec),
        *_plane(objects.coord, centre),
        objects.error_arcsec,
        half_size_arcsec=float(radius.to_value(u.arcsec)),
    )
    if not match.accepted:
        raise ProductNotAvailableError(
            _KIND,
            f"{len(coord)} sources and {len(objects.coord)} objects of the reference catalogue do not match better than "
            f"by chance (logarithm of the likelihood {match.gain:.1f}; by chance {match.chance_gains.mean():.1f} in the "
            f"mean and at most {match.chance_gains.max():.1f}; {LEAST_GAIN:g} above the mean and more than the highest "
            "are needed); use more data or another catalogue",
        )
    return match, len(objects.coord)


def _plane(coord: SkyCoord, centre: SkyCoord) -> tuple[Floats, Floats]:
    """Tangent plane: arcseconds east and north of the middle."""
    frame = coord.transform_to(centre.skyoffset_frame())
    lon, lat = frame.lon.wrap_at(180 * u.deg).rad, frame.lat.rad
    factor = np.rad2deg(1.0) * 3600.0
    return np.tan(lon) * factor, np.tan(lat) / np.cos(lon) * factor


def _corrected(coord: SkyCoord, centre: SkyCoord, match: AstrometricMatch) -> SkyCoord:
    """A position, turned and shifted as the sources were."""
    place = XraySources(*(np.atleast_1d(value) for value in _plane(coord, centre)), np.zeros(1)).rolled(match.roll_deg)
    east, north = np.deg2rad(
        [(place.x_arcsec[0] + match.x_arcsec) / 3600.0, (place.y_arcsec[0] + match.y_arcsec) / 3600.0]
    )
    lon = np.arctan(east)
    lat = np.arctan(north * np.cos(lon))
    made = SkyCoord(lon * u.rad, lat * u.rad, frame=centre.skyoffset_frame()).icrs
    return SkyCoord(made.ra, made.dec)
