"""The list of sources of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel
from numpy.typing import NDArray

from ..exceptions import CalibrationWarning, NoDataError, PileUpWarning
from ..mission import PIXEL_ARCSEC, SKY_SIZE, Mode
from ..products.calibration import Calibration
from ..products.events import EventList
from ..products.provenance import Provenance
from ..products.sources import SourceList
from ..request.bundle import XRTRequest
from .calibration import EMBEDDED
from .data import Data
from .detection import Detection, find_sources
from .detection_bands import BandSearch, across_bands
from .detection_field import BANDS, DetectionBand, Field
from .detection_measure import measure_sources, unevenness
from .exposure import ExposureMap, map_exposure
from .geometry import FIELD_RADIUS_PIX
from .hot_pixels import hot_events
from .image import centred_wcs, stack_images
from .position import SYSTEMATIC_ARCSEC

__all__ = [
    "STEPS",
    "band_columns",
    "band_field",
    "field_cautions",
    "make",
    "search_band",
    "search_total",
    "seen_part",
    "source_columns",
]

STEPS = ("Collect data.", "Create images and exposure map.", "Search for sources.")

Columns = dict[str, NDArray[np.generic]]

# The background is uneven if chi square per degree of freedom is above 1 by this
# and by five times its standard deviation.
_UNEVEN, _SIGMAS = 0.25, 5.0
# So many sources with so much more around them than expected are knots of
# something larger; it has then been taken for sources, and the rest may be even.
_KNOTS, _SURROUNDINGS = 3, 1.5
_ENERGIES = "at 1.5, 0.8, 1.4 and 3.5 keV (PSF) and 2.5, 0.8, 1.4 and 4.25 keV (vignetting) in the total, soft, medium and hard band"
_FALSE = (
    "sources: 0.3, 1 and 10 per cent of those that are good, reasonable or better, and poor or better are false in "
    "simulated fields without extended sources"
)


def make(
    request: XRTRequest,
    data: Data,
    provenance: Provenance,
    progress: Callable[..., None],
    calibration: Calibration = EMBEDDED,
) -> SourceList:
    """Add up the observations and search each band for sources.

    Raises
    ------
    NoDataError
        If there are no photon-counting data.
    """
    if not data.pc:
        raise NoDataError(
            "sources are searched for in photon-counting data; these observations have windowed timing only"
        )
    progress(1)
    lists = sorted(data.pc, key=lambda events: float(events.gti.start[0]))
    wcs = centred_wcs(data.pc)
    exposure, hot = map_exposure(lists, wcs), [hot_events(events) for events in lists]
    searches: dict[str, BandSearch] = {}
    cautions = list(provenance.cautions)
    names = ["total"] if request.sources.bands == "total" else list(BANDS)
    for name in names:
        progress(2, f"{name} band")
        counts = stack_images(lists, BANDS[name].channels, wcs=wcs, exposure=False, left_out=hot).counts
        searches[name] = search_band(counts, exposure, BANDS[name], calibration)
        cautions += field_cautions(searches[name].field, searches[name].detection, BANDS[name])
    found = {name: band_columns(search, exposure, wcs) for name, search in searches.items()}
    if len(searches) > 1:
        found = {name: columns | across_bands(searches, name) for name, columns in found.items()}
    notes = (*provenance.notes, *_notes(lists, wcs, hot))
    used = (f"PSF {calibration.psf(Mode.PC).name} and vignetting {calibration.vignetting.name}, {_ENERGIES}", _FALSE)
    complete = replace(provenance, notes=notes, calibration=used, cautions=tuple(cautions))
    return SourceList.from_columns(found, provenance=complete)


def search_total(
    lists: Sequence[EventList], calibration: Calibration = EMBEDDED
) -> tuple[Columns, list[tuple[str, str]]]:
    """Add up observations and search the total band; columns and cautions as of `source_columns`."""
    wcs, hot = centred_wcs(lists), [hot_events(events) for events in lists]
    counts = stack_images(lists, BANDS["total"].channels, wcs=wcs, exposure=False, left_out=hot).counts
    return source_columns(counts, map_exposure(lists, wcs), BANDS["total"], wcs, calibration)


def source_columns(
    counts: NDArray[np.generic],
    exposure: ExposureMap,
    band: DetectionBand,
    wcs: WCS,
    calibration: Calibration = EMBEDDED,
) -> tuple[Columns, list[tuple[str, str]]]:
    """Search one image.

    Parameters
    ----------
    counts : ndarray, shape (ny, nx)
        Events of the band, indexed [y, x].
    exposure : ExposureMap
        Of the same pixels.
    band : DetectionBand
        The band.
    wcs : `~astropy.wcs.WCS`
        System of the image, north up.
    calibration : Calibration, optional
        Point spread function and vignetting.

    Returns
    -------
    columns : dict of str to ndarray
        As `SourceList.from_columns` takes them.
    cautions : list of (str, str)
        What the user should be warned of: class of the warning and text.
    """
    search = search_band(counts, exposure, band, calibration)
    return band_columns(search, exposure, wcs), field_cautions(search.field, search.detection, band)


def search_band(
    counts: NDArray[np.generic], exposure: ExposureMap, band: DetectionBand, calibration: Calibration
) -> BandSearch:
    """Search the part of an image that was seen."""
    _, window = seen_part(exposure)
    field = band_field(counts[window], exposure[window], band, calibration)
    detection = find_sources(field)
    return BandSearch(field, detection, measure_sources(field, detection))


def band_field(
    counts: NDArray[np.generic], exposure: ExposureMap, band: DetectionBand, calibration: Calibration
) -> Field:
    """An image in which sources of a band are searched."""
    return Field.of(counts, exposure, band.energy_kev, calibration, vignetting_kev=band.vignetting_kev)


def band_columns(search: BandSearch, exposure: ExposureMap, wcs: WCS) -> Columns:
    """The sources of a band as `SourceList.from_columns` takes them; `wcs` is that of the whole image."""
    (row, column), _ = seen_part(exposure)
    made = search.measured
    x, y = made["x_pix"] + column, made["y_pix"] + row
    position = wcs.pixel_to_world(x, y).icrs
    # Right ascension grows against x.
    errors = {
        "ra_err_neg": "x_err_pos",
        "ra_err_pos": "x_err_neg",
        "dec_err_neg": "y_err_neg",
        "dec_err_pos": "y_err_pos",
    }
    kept = ("counts", "background_counts", "rate", "rate_err_neg", "rate_err_pos", "snr", "exposure", "likelihood")
    return {
        "source_number": np.arange(1, x.size + 1),
        "ra_deg": position.ra.deg,
        "dec_deg": position.dec.deg,
        "position_err": np.hypot(made["radius90_pix"] * PIXEL_ARCSEC, SYSTEMATIC_ARCSEC),
        **{name: made[pixels] * PIXEL_ARCSEC for name, pixels in errors.items()},
        "x": x + 1.0,
        "y": y + 1.0,
        **{name: made[name] for name in (*kept, "quality", "off_axis")},
    }


def seen_part(exposure: ExposureMap) -> tuple[tuple[int, int], tuple[slice, slice]]:
    """First row and column of the part of the image that was seen, and its index."""
    seen = exposure.time_s > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not rows.size:
        raise NoDataError("no pixel of the image was seen at all; check the pointing of the observations")
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return (int(rows[0]), int(columns[0])), window


def field_cautions(field: Field, detection: Detection, band: DetectionBand) -> list[tuple[str, str]]:
    """What users are warned of: class of the warning and text."""
    cautions = []
    piled_up = sum(source.hole_pix > 0 for source in detection.sources)
    if piled_up:
        text = f"{band.name} band: pile-up spoils the core of {piled_up} source(s), which was left out"
        cautions.append((PileUpWarning.__name__, f"{text}; rates are good to about 10 per cent"))
    chi_square, blocks = unevenness(field, detection)
    uneven = blocks and chi_square > 1.0 + max(_UNEVEN, _SIGMAS * (2.0 / blocks) ** 0.5)
    knots = sum(source.surroundings > _SURROUNDINGS for source in detection.sources)
    if uneven or knots >= _KNOTS:
        text = f"{band.name} band: the background is uneven (chi square {chi_square:.1f} per degree of freedom"
        text += f", {knots} source(s) amid more than expected)"
        cautions.append((CalibrationWarning.__name__, f"{text}; there may be diffuse emission or stray light"))
    return cautions


def _notes(lists: Sequence[EventList], wcs: WCS, hot: Sequence[NDArray[np.bool_]]) -> list[str]:
    notes = ["stray light and extended sources are not modelled"]
    number = int(sum(mask.sum() for mask in hot))
    if number:
        notes.append(f"{number} events of hot pixels were left out")
    middle = (SKY_SIZE - 1) / 2.0
    beyond = []
    for events in lists:
        x, y = pixel_to_pixel(events.wcs, wcs, middle, middle)
        if max(abs(float(x) - middle), abs(float(y) - middle)) > middle - FIELD_RADIUS_PIX:
            beyond.append(events.obsid)
    if beyond:
        notes.append(f"parts of the field of {', '.join(dict.fromkeys(beyond))} lie outside the image")
    return notes
