"""The methods of `~swiftxrt.SwiftXRT` that give pictures and images which the service has ready."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from .._calls import clear_calls
from ..catalog import images
from ..exceptions import RequestError
from ..products.dataset_images import DatasetImages
from ..products.preview import SourcePreview
from .catalogs import CatalogAsking

__all__ = ["ImageAsking", "ImageChoice", "PreviewChoice", "the_object"]

_LSXPS = "LSXPS"


class PreviewChoice(TypedDict, total=False):
    """What `ImageAsking.get_previews` takes besides a source."""

    transient: Any
    catalog: str
    bands: str | Iterable[str]
    location: str | Path | None
    layout: str
    overwrite: bool


class ImageChoice(TypedDict, total=False):
    """What `ImageAsking.get_images` takes besides an ObsID."""

    dataset_id: int | None
    catalog: str
    bands: str | Iterable[str]
    types: str | Iterable[str]
    regions: bool
    location: str | Path | None
    layout: str
    overwrite: bool


@clear_calls
class ImageAsking(CatalogAsking):
    """Pictures of sources, and images of datasets."""

    @overload
    def get_previews(
        self, source: Any = ..., *, get_query_payload: Literal[False] = ..., **choice: Unpack[PreviewChoice]
    ) -> dict[str, SourcePreview]: ...

    @overload
    def get_previews(
        self, source: Any = ..., *, get_query_payload: Literal[True], **choice: Unpack[PreviewChoice]
    ) -> dict[str, Any]: ...

    def get_previews(
        self,
        source: Any = None,
        *,
        transient: Any = None,
        catalog: str = _LSXPS,
        bands: str | Iterable[str] = "all",
        location: str | Path | None = None,
        layout: str = "folders",
        overwrite: bool = False,
        get_query_payload: bool = False,
    ) -> dict[str, SourcePreview] | dict[str, Any]:
        """Pictures (PNG) of a source or transient; images with numbers are those of its datasets, see `get_images`.

        Parameters
        ----------
        source, transient, catalog
            As for `get_light_curve`.
        bands : str or iterable of str, optional
            ``"all"``, or some of ``"total"``, ``"soft"``, ``"medium"``, ``"hard"`` and ``"exposure"``.
        location, layout, overwrite
            As for `get_spectra`: where to keep them, as ``Total.png`` and so on.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing.

        Returns
        -------
        previews : dict of str to SourcePreview, or dict
            By band.

        Raises
        ------
        RequestError, UnknownObjectError, SupersededError, ServiceError
            As for `get_light_curve`.
        ProductNotAvailableError
            If the service has none of them.
        OutputExistsError, StorageError
            If files exist in `location`, or cannot be written.

        Warns
        -----
        PartialResultWarning
            If it has some of them only.
        """
        what, value = the_object(source=source, transient=transient)
        question: dict[str, Any] = {what: value, "catalog": catalog, "bands": bands}
        if get_query_payload:
            return images.previews_payload(**question)
        files: dict[str, Any] = {"location": location, "layout": layout, "overwrite": overwrite}
        return images.catalog_previews(self._catalog, **question, **files)

    @overload
    def get_images(
        self, dataset: Any = ..., *, get_query_payload: Literal[False] = ..., **choice: Unpack[ImageChoice]
    ) -> DatasetImages: ...

    @overload
    def get_images(
        self, dataset: Any = ..., *, get_query_payload: Literal[True], **choice: Unpack[ImageChoice]
    ) -> dict[str, Any]: ...

    def get_images(
        self,
        dataset: Any = None,
        *,
        dataset_id: int | None = None,
        catalog: str = _LSXPS,
        bands: str | Iterable[str] = "all",
        types: str | Iterable[str] = "all",
        regions: bool = True,
        location: str | Path | None = None,
        layout: str = "folders",
        overwrite: bool = False,
        get_query_payload: bool = False,
    ) -> DatasetImages | dict[str, Any]:
        """The images of an observation, or of a stack of observations, of the catalogue.

        Parameters
        ----------
        dataset, dataset_id
            ObsID or number, as for `get_dataset`.
        catalog : {"LSXPS", "2SXPS"}, optional
            The catalogue.
        bands : str or iterable of str, optional
            ``"all"``, or some of ``"total"``, ``"soft"``, ``"medium"``,
            ``"hard"`` and ``"exposure"`` (the exposure map).
        types : str or iterable of str, optional
            ``"all"``, or some of ``"counts"``, ``"background"`` and ``"background_with_sources"``.
        regions : bool, optional
            Whether to get the sources found, as regions.
        location, layout, overwrite
            As for `get_spectra`: where to keep the files.
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing.

        Returns
        -------
        images : DatasetImages, or dict
            A mapping of bands to `SkyImage`; background maps and regions are its attributes.

        Raises
        ------
        RequestError, ServiceError
            As for `get_light_curve`.
        UnknownObjectError
            If there is no such dataset; it may be a stack that was replaced, which `get_dataset` tells.
        ProductNotAvailableError
            If the service has none of the images, as of many stacks.
        FormatError
            If the files are damaged.
        OutputExistsError, StorageError
            If files exist in `location`, or cannot be written.

        Warns
        -----
        PartialResultWarning
            If some of the images are missing; ``images.missing`` tells which.
        ServiceWarning
            If the dataset is an obsolete stack.

        Examples
        --------
        >>> images = SwiftXRT.get_images("00282445000")  # doctest: +SKIP
        >>> images["total"].plot(regions=images.regions["total"])  # doctest: +SKIP
        """
        question: dict[str, Any] = {"dataset_id": dataset_id, "catalog": catalog, "bands": bands}
        question |= {"types": types, "regions": regions}
        if get_query_payload:
            return images.images_payload(dataset, **question)
        files: dict[str, Any] = {"location": location, "layout": layout, "overwrite": overwrite}
        return images.catalog_images(self._catalog, dataset, **question, **files)


def the_object(**given: Any) -> tuple[str, Any]:
    """The one object that is given, and the word for what it is."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) != 1:
        words = " or ".join(f"{name}=..." for name in given)
        got = f"got {' and '.join(chosen)}" if chosen else "none is given"
        raise RequestError(f"one object is needed, as {words}; {got}")
    return next(iter(chosen.items()))
