"""The methods of `~swiftxrt.SwiftXRT` that give products which the service has ready: nothing is made for them.

Each takes one object: a catalogued source, or something else under the name of what it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..catalog import bursts, curves, images, spectra
from ..exceptions import RequestError
from ..products.dataset_images import DatasetImages
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.preview import SourcePreview
from ..products.spectrumset import SpectrumSet
from .catalogs import CatalogAsking

__all__ = ["ReadyMade"]

_LSXPS = "LSXPS"
_OBJECTS = ("source", "transient", "grb")


class ReadyMade(CatalogAsking):
    """Light curves, spectra, images and positions of catalogued objects."""

    def get_light_curve(
        self,
        source: Any = None,
        *,
        transient: Any = None,
        grb: Any = None,
        catalog: str = _LSXPS,
        bands: str | Iterable[str] = "all",
        binning: str = "observation",
        time_format: str | None = None,
        show_obsids: bool = True,
        all_types: bool = False,
        hide_piled_up: bool | None = None,
        merge_aliases: bool | None = None,
        group_rates: bool | None = None,
        group_limits: bool | None = None,
        group_hr: bool | None = None,
        retrospective_as_limits: bool | None = None,
        undetected_as_limits: bool | None = None,
        retrospective_hr: bool | None = None,
    ) -> LightCurveSet:
        """The light curves that the service has ready.

        Everything but the object itself is for catalogued sources; of
        transients the binning can be chosen.

        Parameters
        ----------
        source : str, int, row or CatalogSource, optional
            A catalogued source, as for `get_source`. The name of a transient
            stands for the source that it is.
        transient : str, int, row or CatalogTransient, optional
            A transient, as for `get_transient`: its curve was made like that
            of a burst, in one band with a hardness ratio.
        grb : str, int or row, optional
            A gamma-ray burst: its name in any spelling, its trigger number or
            target ID, or a row of a catalogue of bursts.
        catalog : {"LSXPS", "2SXPS"}, optional
            The catalogue of the source.
        bands : str or iterable of str, optional
            ``"all"``, or some of ``"total"``, ``"soft"``, ``"medium"``,
            ``"hard"``, ``"HR1"`` and ``"HR2"``.
        binning : {"observation", "snapshot", "counts"}, optional
            One bin for each observation or snapshot, or (transients only) of
            so many counts.
        time_format : {"met", "mjd", "tdb"}, optional
            How the service sends the times: in the clock of the satellite
            (the usual one, which loses nothing) or as UTC, both of which become
            the same columns; or corrected to the barycentre of the solar
            system, see `LightCurve.barycentred`.
        show_obsids : bool, optional
            Whether to get the ObsID of each bin.
        all_types : bool, optional
            Whether to get everything: bins by their origin as variants of the
            set, and those that are no blind detections both as rates and as limits.
        hide_piled_up : bool, optional
            Whether to leave out bins with a warning of pile-up; the service does if not told otherwise.
        merge_aliases : bool, optional
            Whether to include the bins of entries that are the same source; the service does.
        group_rates, group_limits, group_hr : bool, optional
            Whether rates, limits and ratios come together, whatever their
            origin. They do; otherwise ``variants`` has them by their origin.
        retrospective_as_limits : bool, optional
            Whether detections at the known position, where none was found
            blindly, come as limits; they come as rates.
        undetected_as_limits : bool, optional
            Whether bins without detection come as limits; they do.
        retrospective_hr : bool, optional
            Whether there are ratios of detections at the known position; there are.

        Returns
        -------
        curves : LightCurveSet
            Of a source the curves ``total``, ``soft``, ``medium``, ``hard``,
            ``hr1`` and ``hr2`` as far as they were asked for. For a burst or
            transient the curves without unreliable bins, with the systematic
            error of WT mode; its ``variants`` are the others.

        Raises
        ------
        RequestError
            If not precisely one object is given, it cannot be one, or options
            cannot be had together.
        UnknownObjectError
            If there is no such object.
        SupersededError
            If several sources, which it names, have taken the place of the source.
        ProductNotAvailableError
            If the service has no light curve of it.
        ServiceError
            If the service cannot be reached or answers nonsense.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> curves = SwiftXRT.get_light_curve("LSXPS J062131.8-622213", bands=["total", "HR1"])  # doctest: +SKIP
        >>> curves.total.plot()  # doctest: +SKIP
        >>> curves = SwiftXRT.get_light_curve(grb="GRB 060729")  # doctest: +SKIP
        """
        options = {name: value for name, value in locals().items() if name not in ("self", *_OBJECTS)}
        what, value = _the_object(source=source, transient=transient, grb=grb)
        if what == "grb":
            _refuse_options("get_light_curve", options)
            return bursts.burst_light_curve(self._catalog, value)
        return curves.catalog_light_curve(self._catalog, **{what: value}, **options)

    def get_spectra(
        self,
        source: Any = None,
        *,
        transient: Any = None,
        grb: Any = None,
        catalog: str = _LSXPS,
        which: str | None = None,
        location: str | Path | None = None,
        layout: str = "folders",
        overwrite: bool = False,
    ) -> SpectrumSet:
        """The spectra that the service has ready, with their fits and responses.

        Parameters
        ----------
        source, transient, grb, catalog
            As for `get_light_curve`.
        which : {"full", "discovery"}, optional
            Of a transient: the spectrum of all its data or that of its
            discovery; by default the former if there is one.
        location : path-like, optional
            Folder to keep the files of a source or transient in, as the
            service sends them: archives, and pictures of the fits. By default
            nothing is kept.
        layout : {"folders", "stems"}, optional
            Whether files of a source go into a folder with its name, or all
            into one, with its name before theirs.
        overwrite : bool, optional
            Whether files may be replaced.

        Returns
        -------
        spectra : SpectrumSet
            Of a source or transient ``interval0pc``, fitted with a power law
            and, of sources, a plasma (APEC). For a burst the slices
            ``interval0`` (all times) and, with enough data, ``late_time``.

        Raises
        ------
        RequestError, UnknownObjectError, SupersededError, ServiceError
            As for `get_light_curve`.
        ProductNotAvailableError
            If the service has no spectrum of it.
        FormatError
            If its files are damaged.
        OutputExistsError, StorageError
            If files exist in `location`, or cannot be written.

        Examples
        --------
        >>> spectra = SwiftXRT.get_spectra("LSXPS J062131.8-622213")  # doctest: +SKIP
        >>> spectra.fits["interval0pc"]["PowerLaw"]  # doctest: +SKIP
        """
        options = {name: value for name, value in locals().items() if name not in ("self", *_OBJECTS)}
        what, value = _the_object(source=source, transient=transient, grb=grb)
        if what == "grb":
            _refuse_options("get_spectra", options)
            return bursts.burst_spectra(self._catalog, value)
        return spectra.catalog_spectra(self._catalog, **{what: value}, **options)

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
    ) -> dict[str, SourcePreview]:
        """Pictures (PNG) of a source or transient; images with numbers are those of its datasets, see `get_images`.

        Parameters
        ----------
        source, transient, catalog
            As for `get_light_curve`.
        bands : str or iterable of str, optional
            ``"all"``, or some of ``"total"``, ``"soft"``, ``"medium"``, ``"hard"`` and ``"exposure"``.
        location, layout, overwrite
            As for `get_spectra`: where to keep them, as ``Total.png`` and so on.

        Returns
        -------
        previews : dict of str to SourcePreview
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
        what, value = _the_object(source=source, transient=transient)
        options: dict[str, Any] = {"bands": bands, "location": location, "layout": layout, "overwrite": overwrite}
        return images.catalog_previews(self._catalog, **{what: value}, catalog=catalog, **options)

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
    ) -> DatasetImages:
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

        Returns
        -------
        images : DatasetImages
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
        options: dict[str, Any] = {"bands": bands, "types": types, "regions": regions, "location": location}
        options |= {"layout": layout, "overwrite": overwrite, "dataset_id": dataset_id, "catalog": catalog}
        return images.catalog_images(self._catalog, dataset, **options)

    def get_position(self, *, grb: Any = None, kind: str = "best") -> Position:
        """The position that the service has.

        Parameters
        ----------
        grb : str, int or row
            A gamma-ray burst, as for `get_light_curve`.
        kind : {"best", "enhanced", "standard", "sper", "onboard"}, optional
            The best one is the first of the others, in this order, that there
            is: the position that was improved with the UVOT; that of the
            X-ray data alone; that of the first data that were sent down; and
            that which the satellite found itself.

        Returns
        -------
        position : Position
            Its ``kind`` says which it is.

        Raises
        ------
        RequestError, UnknownObjectError, ServiceError
            As for `get_light_curve`.
        ProductNotAvailableError
            If there is no position of the kind; the message tells which there are.
        """
        _, value = _the_object(grb=grb)
        return bursts.burst_position(self._catalog, value, kind)


def _the_object(**given: Any) -> tuple[str, Any]:
    """The one object that is given, and the word for what it is."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) != 1:
        words = " or ".join(f"{name}=..." for name in given)
        got = f"got {' and '.join(chosen)}" if chosen else "none is given"
        raise RequestError(f"one object is needed, as {words}; {got}")
    return next(iter(chosen.items()))


def _refuse_options(method: str, options: Mapping[str, Any]) -> None:
    """Refuse options that were given for a burst, of which everything comes at once."""
    usual = inspect.signature(getattr(ReadyMade, method)).parameters
    given = [
        name for name, value in options.items() if value is not usual[name].default and value != usual[name].default
    ]
    if given:
        text = "is for catalogued sources and transients; of a burst everything comes at once"
        raise RequestError([(name, text) for name in given])
