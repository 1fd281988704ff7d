"""The fields of a catalogue: searched once, and put together again where more is to be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..mission import PIXEL_ARCSEC
from ..products.calibration import Calibration
from .detection import Detection
from .detection_background import background_map
from .detection_bands import BandSearch
from .detection_field import BANDS, Field, PointSource
from .detection_quality import Quality
from .exposure import ExposureMap, map_exposure
from .grid import enclosing_wcs, image_shape
from .hot_pixels import hot_events
from .image import stack_images
from .make_limits import DataSet
from .make_sources import band_columns, band_field, field_cautions, search_band, seen_part

__all__ = ["Detected", "FieldImages", "FieldSearch", "in_bands", "search_field"]

Floats = NDArray[np.float64]
T = TypeVar("T")

_ARCMIN_PIX = 60.0 / PIXEL_ARCSEC


@dataclass(frozen=True)
class Detected:
    """A detection in one band of one data set.

    Parameters
    ----------
    number : int
        Its number in the catalogue.
    data_set : int
        The data set.
    band : str
        The band.
    point : PointSource
        As it was fitted, in pixels of the part that was seen.
    values : mapping of str to float
        As columns of `swiftxrt.engine.make_sources.band_columns`.
    """

    number: int
    data_set: int
    band: str
    point: PointSource
    values: Mapping[str, float]

    @property
    def place(self) -> tuple[float, float]:
        """Right ascension and declination (deg)."""
        return self.values["ra_deg"], self.values["dec_deg"]

    @property
    def err90_arcsec(self) -> float:
        """Radius of the 90 per cent circle, systematic part included."""
        return self.values["position_err"]

    @property
    def statistical_arcsec(self) -> float:
        """The statistical part of it."""
        return self.point.radius90_pix * PIXEL_ARCSEC

    @property
    def quality(self) -> Quality:
        """How sure it is."""
        return Quality(int(self.values["quality"]))

    @property
    def rank(self) -> tuple[int, float]:
        """The best detection has the lowest."""
        return int(self.quality), -self.values["likelihood"]


class FieldImages:
    """Exposure and images of a data set.

    Parameters
    ----------
    data_set : DataSet
        Photon counting mode.
    calibration : Calibration
        Point spread function and vignetting.
    """

    def __init__(self, data_set: DataSet, calibration: Calibration) -> None:
        self.data_set, self.calibration = data_set, calibration
        self.wcs: WCS = enclosing_wcs(data_set.lists)
        self.exposure: ExposureMap = map_exposure(data_set.lists, self.wcs)
        self.hot = [hot_events(events) for events in data_set.lists]
        #: First row and column of the part that was seen, and its index.
        self.corner, self.window = seen_part(self.exposure)

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole image."""
        return image_shape(self.wcs)

    def counts(self, band: str) -> NDArray[np.int32]:
        """Events of a band in the pixels of the whole image."""
        channels = BANDS[band].channels
        return stack_images(self.data_set.lists, channels, wcs=self.wcs, exposure=False, left_out=self.hot).counts

    def searched(self, band: str) -> BandSearch:
        """Look for sources."""
        return search_band(self.counts(band), self.exposure, BANDS[band], self.calibration)

    def known(self, band: str, sources: Sequence[PointSource]) -> tuple[Field, Detection]:
        """The part of the image that was seen, with sources that are known."""
        field = band_field(self.counts(band)[self.window], self.exposure[self.window], BANDS[band], self.calibration)
        model, seen = np.zeros_like(field.counts), field.background_s > 0
        level = max(float(field.counts[seen].mean()), 1e-9)
        for source in sources:
            source.add_to(model, field, level)
        return field, Detection(tuple(sources), background_map(field, model), model)

    def pixels(self, places: SkyCoord) -> tuple[Floats, Floats]:
        """Where places lie in the part that was seen."""
        x, y = (np.asarray(axis, dtype=float) for axis in self.wcs.world_to_pixel(places))
        return x - self.corner[1], y - self.corner[0]

    def whole(self, part: Floats) -> Floats:
        """The whole image, zero beyond the part that was seen."""
        image = np.zeros(self.shape)
        image[self.window] = part
        return image


@dataclass(frozen=True, eq=False)
class FieldSearch:
    """What was found in a data set.

    Parameters
    ----------
    number : int
        Of the data set.
    data_set : DataSet
        What was searched.
    detections : mapping of str to tuple of Detected
        By band.
    background_cps : mapping of str to float
        Mean background per pixel and second, by band.
    uneven : bool
        Whether the background is uneven: diffuse emission, or stray light.
    image_size : int
        Pixels along a side of the image.
    obsid : str, optional
        What the data set is called in the catalogue, if that is known.
    version : int, optional
        How many times its data have changed, and one.
    """

    number: int
    data_set: DataSet
    detections: Mapping[str, tuple[Detected, ...]]
    background_cps: Mapping[str, float]
    uneven: bool
    image_size: int
    obsid: str = ""
    version: int = 1

    def points(self, band: str) -> tuple[PointSource, ...]:
        """The sources of a band as they were fitted."""
        return tuple(one.point for one in self.detections[band])


def in_bands(work: Callable[[str], T]) -> dict[str, T]:
    """Do something for each band, side by side: filters of images run on several cores."""
    with ThreadPoolExecutor(len(BANDS)) as threads:
        return dict(zip(BANDS, threads.map(work, BANDS), strict=True))


def search_field(number: int, images: FieldImages, *, first: int = 1) -> FieldSearch:
    """Search a data set in all bands.

    Parameters
    ----------
    number : int
        Of the data set in the catalogue.
    images : FieldImages
        Of the data set.
    first : int, optional
        Number of the first detection.

    Raises
    ------
    NoDataError
        If no pixel was seen.
    """
    detections: dict[str, tuple[Detected, ...]] = {}
    background: dict[str, float] = {}
    uneven = False
    for name, search in in_bands(images.searched).items():
        detections[name] = _detected(first, number, name, search, images)
        first += len(detections[name])
        time_s = float(search.field.time_s.sum())
        background[name] = float(search.detection.background.sum()) / max(time_s, 1e-9)
        cautions = field_cautions(search.field, search.detection, BANDS[name])
        uneven |= any("uneven" in text for _, text in cautions)
    return FieldSearch(number, images.data_set, detections, background, uneven, images.shape[0])


def _detected(first: int, number: int, band: str, search: BandSearch, images: FieldImages) -> tuple[Detected, ...]:
    columns = band_columns(search, images.exposure, images.wcs)
    return tuple(
        Detected(first + row, number, band, point, {name: float(column[row]) for name, column in columns.items()})
        for row, point in enumerate(search.detection.sources)
    )
