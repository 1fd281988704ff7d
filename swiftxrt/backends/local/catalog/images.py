"""Images of catalogued sources and of datasets, in the words of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from ....engine.catalogue_fields import FieldImages
from ....engine.detection_field import BANDS, PointSource
from ....engine.make_limits import DataSet
from ....exceptions import NoDataError
from ....io.maps import write_map
from ....io.png import write_png
from ....io.regions import write_ds9
from .build import pc_events
from .lookup import chosen_words, find_dataset, find_source, find_transient, flag
from .making import covering, kept_file, place_for
from .pictures import thumbnail

__all__ = ["FUNCTIONS", "dataset_images", "source_images"]

_BANDS = {"total": "Total", "soft": "Soft", "medium": "Medium", "hard": "Hard", "expmap": "Expmap"}
_TYPES = {
    "image": "Image",
    **dict.fromkeys(("backgroundmap", "bgmap"), "BackgroundMap"),
    **dict.fromkeys(("backgroundmapwithsources", "bgmap_wsrc"), "BackgroundMapWithSources"),
}
_ENDINGS = {
    "Image": ".img.gz",
    "BackgroundMap": "_final_BGmap.img.gz",
    "BackgroundMapWithSources": "_final_BGmap_w_source.img.gz",
}
#: Bands in the names of files.
_IN_FILES = {"Total": "total", "Soft": "band1", "Medium": "band2", "Hard": "band3"}
_EXPMAP = "Expmap"


def source_images(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Pictures of the surroundings of a source or transient, from all observations that cover it.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the observations.
    content : mapping
        Of the call.
    base_url : str
        Address under which the client sees the server.
    """
    if flag(content, "transient"):
        row = find_transient(catalog.store, content)
        place = ("transients", str(row["TransientID"]))
    else:
        row = find_source(catalog.store, content)
        place = ("sources", str(row["LSXPS_ID"]))
    wanted = chosen_words(content, "bands", _BANDS, "all")
    paths = {name: place_for(catalog, *place, "images", f"{name}.png") for name in wanted}
    with catalog.making:
        if not all(path.is_file() for path in paths.values()):
            images = _images_of(catalog, covering(catalog, row["LSXPS_ID"]))
            x, y = images.wcs.world_to_pixel(SkyCoord(row["RA"], row["Decl"], unit="deg", frame="icrs"))
            for name, path in paths.items():
                image = images.exposure.time_s if name == _EXPMAP else images.counts(name.lower())
                picture = thumbnail(image, float(x), float(y), smooth=name != _EXPMAP)
                kept_file(path, partial(write_png, picture))
    return {name: catalog.address(path, base_url) for name, path in paths.items()}


def dataset_images(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Images of a dataset: counts, background with and without sources, exposure, regions of the sources."""
    row = find_dataset(catalog.store, content)
    wanted = chosen_words(content, "bands", _BANDS, "all")
    types = chosen_words(content, "types", _TYPES, "all")
    regions = flag(content, "getRegions")
    with catalog.making:
        files = _DatasetFiles(catalog, row)
        reply: dict[str, Any] = {}
        for band in (name for name in wanted if name != _EXPMAP):
            paths: dict[str, Path | None] = {kind: files.image(band, kind) for kind in types}
            if regions:
                paths["Region"] = files.regions(band)
            reply[band] = {kind: catalog.address(path, base_url) for kind, path in paths.items() if path}
        if _EXPMAP in wanted:
            reply[_EXPMAP] = catalog.address(files.exposure(), base_url)
    return reply


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "getSXPSSourceImages": source_images,
    "getSXPSDatasetImages": dataset_images,
}


def _images_of(catalog: Any, obsids: Collection[str]) -> FieldImages:
    chosen = [one for one in catalog.archive.observations if one.obsid in set(obsids)]
    lists = [events for events in pc_events(chosen) if events.gti.exposure_s > 0]
    if not lists:
        raise NoDataError(f"the observations {', '.join(sorted(obsids))} are no longer there, or cannot be read")
    lists.sort(key=lambda events: float(events.gti.start[0]))
    return FieldImages(DataSet(tuple(lists)), catalog.calibration)


class _DatasetFiles:
    """Files with the images of a dataset, made when they are not there.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the observations.
    row : dict
        All that is known of the dataset.
    """

    def __init__(self, catalog: Any, row: Mapping[str, Any]) -> None:
        self.catalog, self.row = catalog, row
        self._images: FieldImages | None = None
        self._maps: dict[str, tuple[Any, Any]] = {}

    @property
    def images(self) -> FieldImages:
        """The images, made at first use."""
        if self._images is None:
            self._images = _images_of(self.catalog, self._obsids())
        return self._images

    def image(self, band: str, kind: str) -> Path:
        """Counts, or a map of the background."""
        path = self._place(f"{self.row['ObsID']}_{_IN_FILES[band]}{_ENDINGS[kind]}")
        return kept_file(path, lambda new: self._write(band, kind, new))

    def exposure(self) -> Path:
        """How long each pixel was seen."""
        path = self._place(f"{self.row['ObsID']}_ex.img.gz")
        return kept_file(
            path, lambda new: write_map(self.images.exposure.time_s, self.images.wcs, "s", new, cards=self._cards())
        )

    def regions(self, band: str) -> Path | None:
        """Error circles of the detections; None if there are none."""
        from regions import CircleSkyRegion, RegionMeta

        rows = self.catalog.store.select(
            "SELECT d.RA, d.Decl, d.Err90, s.IAUName FROM LSXPS_detections AS d "
            "JOIN LSXPS_obssources AS o ON o.ObsSourceID = d.ObsSourceID "
            "JOIN LSXPS_sources AS s ON s.LSXPS_ID = o.LSXPS_ID WHERE d.DatasetID = ? AND d.Band = ?",
            [self.row["DatasetID"], self._band(band)],
        )
        circles = [
            CircleSkyRegion(
                SkyCoord(one["RA"], one["Decl"], unit="deg", frame="icrs"),
                one["Err90"] * u.arcsec,
                meta=RegionMeta({"text": one["IAUName"]}),
            )
            for one in rows
        ]
        if not circles:
            return None
        return kept_file(self._place(f"{_IN_FILES[band]}.reg"), lambda new: write_ds9(new, circles))

    def _write(self, band: str, kind: str, path: Path) -> None:
        low, high = (0.01 * edge for edge in BANDS[band.lower()].channels)
        cards = {**self._cards(), "E_MIN": low, "E_MAX": round(high, 2)}
        if kind == "Image":
            write_map(self.images.counts(band.lower()), self.images.wcs, "count", path, cards=cards)
            return
        if band not in self._maps:
            _, detection = self.images.known(band.lower(), self._points(band))
            self._maps[band] = detection.background, detection.model
        background, model = self._maps[band]
        whole = self.images.whole(background + model if kind == "BackgroundMapWithSources" else background)
        write_map(whole, self.images.wcs, "count", path, cards=cards)

    def _points(self, band: str) -> list[PointSource]:
        names = ("x_pix", "y_pix", "rate_cps", "radius90_pix", "gain", "hole_pix", "surroundings")
        rows = self.catalog.store.select(
            f"SELECT {', '.join(names)} FROM points WHERE DatasetID = ? AND Band = ? ORDER BY DetectionID",
            [self.row["DatasetID"], self._band(band)],
        )
        return [PointSource(**one) for one in rows]

    @staticmethod
    def _band(band: str) -> int:
        return list(_IN_FILES).index(band)

    def _obsids(self) -> list[str]:
        """What the dataset is made of."""
        if not self.row["IsStackedImage"]:
            return [str(self.row["ObsID"])]
        rows = self.catalog.store.select("SELECT ObsID, inStack FROM dataset_details WHERE NOT IsStackedImage")
        return [one["ObsID"] for one in rows if int(self.row["ObsID"]) in json.loads(one["inStack"])]

    def _cards(self) -> dict[str, Any]:
        cards = {"TELESCOP": "SWIFT", "INSTRUME": "XRT", "DATAMODE": "PHOTON", "OBS_ID": self.row["ObsID"]}
        cards |= {"EXPOSURE": self.row["ExposureUsed"], "ONTIME": self.row["ExposureUsed"]}
        return cards

    def _place(self, name: str) -> Path:
        return place_for(self.catalog, "datasets", str(self.row["DatasetID"]), name)
