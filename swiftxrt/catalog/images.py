"""Pictures of catalogued sources and transients, and images of datasets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.nddata import CCDData

from ..bands import EnergyBand
from ..catalog_fields import catalog_info
from ..exceptions import FormatError, PartialResultWarning, RequestError, ServiceError, ServiceWarning, warn
from ..io.image import read_image, read_map
from ..io.regions import read_regions
from ..products.dataset_images import DatasetImages
from ..products.image import SkyImage
from ..products.preview import SourcePreview
from ..products.provenance import Provenance
from ..wire import api, sxps, sxps_images, sxps_products
from ..wire.lightcurve_names import CATALOGUE_BANDS
from .bursts import fetched_from
from .fetching import fetch_all
from .following import ask_following, asked_about, product_key, tell_replaced
from .protocol import CatalogBackend
from .references import dataset_key
from .saving import Keeping, file_name

__all__ = ["catalog_images", "catalog_previews", "images_payload", "previews_payload"]

_Missing = Mapping[str, ServiceError | FormatError | str]


def catalog_previews(
    backend: CatalogBackend,
    source: Any = None,
    *,
    transient: Any = None,
    catalog: str,
    bands: str | Iterable[str] = "all",
    location: str | Path | None = None,
    layout: str = "folders",
    overwrite: bool = False,
) -> dict[str, SourcePreview]:
    """Pictures of a source or transient; see `swiftxrt.SwiftXRTClass.get_previews`."""
    Keeping.of(location, "", layout=layout)
    content = _preview_question(backend, source, transient=transient, catalog=catalog, bands=bands)

    def read(reply: Mapping[str, Any]) -> sxps_images.ImageAddresses:
        sxps.check_current(reply, content["whichCat"], asked_about(content))
        return sxps_images.read_previews(reply)

    told, is_other = ask_following(backend, sxps_products.PREVIEWS, content, read)
    keeping = Keeping.of(location, asked_about(content), layout=layout, overwrite=overwrite)
    if keeping is not None:
        keeping.check(map(_picture_name, told.urls))
    name = str(getattr(transient if source is None else source, "name", asked_about(content)))
    previews: dict[str, SourcePreview] = {}
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        files, errors = fetch_all(backend, told.urls, Path(scratch))
        missing: dict[str, ServiceError | FormatError | str] = {**told.missing, **errors}
        for band, path in files.items():
            try:
                previews[band] = SourcePreview(band, path.read_bytes(), told.urls[band], name)
            except FormatError as error:
                missing[band] = error
                continue
            if keeping is not None:
                keeping.keep(path, _picture_name(band))
    _tell_missing("pictures", previews, missing)
    if is_other:
        tell_replaced(content)
    return previews


def previews_payload(
    source: Any = None, *, transient: Any = None, catalog: str, bands: str | Iterable[str] = "all"
) -> dict[str, Any]:
    """What would be sent for pictures; arguments as for `catalog_previews`."""
    content = _preview_question(None, source, transient=transient, catalog=catalog, bands=bands)
    return api.seal(sxps_products.PREVIEWS, content)


def _preview_question(
    backend: CatalogBackend | None, source: Any, *, transient: Any, catalog: str, bands: str | Iterable[str]
) -> dict[str, Any]:
    is_transient = transient is not None
    bands = _several(bands)
    # What cannot be asked for is told before anything is sent.
    sxps_products.ask_previews(catalog, {}, transient=is_transient, bands=bands)
    name, key = product_key(backend, source, transient=transient, catalog=catalog, what="images")
    return sxps_products.ask_previews(name, key, transient=is_transient, bands=bands)


def _picture_name(band: str) -> str:
    """Name of a picture, as the service's own client gives it."""
    return f"{sxps_products.IMAGE_BANDS[band].capitalize()}.png"


def catalog_images(
    backend: CatalogBackend,
    dataset: Any = None,
    *,
    dataset_id: int | None = None,
    catalog: str,
    bands: str | Iterable[str] = "all",
    types: str | Iterable[str] = "all",
    regions: bool = True,
    location: str | Path | None = None,
    layout: str = "folders",
    overwrite: bool = False,
) -> DatasetImages:
    """Images of a dataset; see `swiftxrt.SwiftXRTClass.get_images`."""
    content, label = _image_question(dataset, dataset_id, catalog, bands=bands, types=types, regions=regions)
    Keeping.of(location, label, layout=layout)
    reply = backend.ask(sxps_products.DATASET_IMAGES, content)
    sxps.check_stack(reply, content["whichCat"], label)
    told = sxps_images.read_dataset_images(reply)
    if told.superseded_by:
        text = f"dataset {label} is an obsolete stack; get_dataset({label!r}) tells what has replaced it"
        warn(f"{text} (the service says: {told.superseded_by})", ServiceWarning)
    keeping = Keeping.of(location, label, layout=layout, overwrite=overwrite)
    if keeping is not None:
        keeping.check(map(file_name, told.urls.values()))
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        files, errors = fetch_all(backend, told.urls, Path(scratch))
        parts, damaged = _read_all(files)
        for what, path in files.items() if keeping is not None else ():
            keeping.keep(path, file_name(told.urls[what]))
    missing = {**told.missing, **errors, **damaged}
    _tell_missing("images", parts, missing)
    return _put_together(str(label), parts, missing, fetched_from(backend))


def images_payload(
    dataset: Any = None, *, dataset_id: int | None = None, catalog: str, **choice: Any
) -> dict[str, Any]:
    """What would be sent for images of a dataset; arguments as for `catalog_images`."""
    return api.seal(sxps_products.DATASET_IMAGES, _image_question(dataset, dataset_id, catalog, **choice)[0])


def _image_question(
    dataset: Any, dataset_id: int | None, catalog: str, **choice: Any
) -> tuple[dict[str, Any], int | str]:
    """The question, and what the dataset is called in it."""
    info = catalog_info(catalog)
    if not info.is_sxps:
        raise RequestError([("catalog", f"images are those of LSXPS and 2SXPS, not of {info.name}")])
    key = dataset_key(dataset, dataset_id)
    return sxps_products.ask_dataset_images(info.name, key, **choice), next(iter(key.values()))


def _read_all(files: Mapping[str, Path]) -> tuple[dict[str, Any], dict[str, FormatError]]:
    """What is in the files, and why nothing is in others."""
    parts: dict[str, Any] = {}
    damaged: dict[str, FormatError] = {}
    for what, path in files.items():
        kind = what.rpartition("/")[2]
        try:
            if kind == "regions":
                parts[what] = read_regions(path)
            elif kind == "counts":
                parts[what] = read_image(path)
            else:
                parts[what] = read_map(path, u.s if kind == "exposure" else u.ct)
        except FormatError as error:
            damaged[what] = error
    return parts, damaged


def _put_together(label: str, parts: Mapping[str, Any], missing: _Missing, provenance: Provenance) -> DatasetImages:
    exposure: CCDData | None = parts.get("exposure")

    def of(kind: str) -> dict[str, Any]:
        return {band: parts[f"{band}/{kind}"] for band in CATALOGUE_BANDS if f"{band}/{kind}" in parts}

    def complete(image: SkyImage, band: EnergyBand) -> SkyImage:
        fits = exposure is not None and exposure.shape == image.shape
        told = image.provenance.received(provenance)
        return replace(image, exposure=exposure if fits else image.exposure, band=band, provenance=told)

    return DatasetImages(
        {band: complete(image, CATALOGUE_BANDS[band]) for band, image in of("counts").items()},
        background=of("background"),
        background_with_sources=of("background_with_sources"),
        exposure=exposure,
        regions=of("regions"),
        missing={what: str(why) for what, why in missing.items()},
        dataset=label,
        provenance=provenance,
    )


def _several(words: str | Iterable[str]) -> Any:
    """An iterator is used up by its first reader."""
    return words if isinstance(words, str) or not isinstance(words, Iterable) else list(words)


def _tell_missing(what: str, found: Mapping[str, Any], missing: _Missing) -> None:
    """Raise the first error if there is nothing, or warn of what is missing."""
    reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
    errors = [why for why in missing.values() if not isinstance(why, str)]
    if not found and errors:
        raise errors[0]
    if missing:
        warn(f"{what} are missing: {reasons}", PartialResultWarning)
