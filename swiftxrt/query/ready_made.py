"""The methods of `~swiftxrt.SwiftXRT` that give products which the service has ready: nothing is made for them.

Each takes one object: a catalogued source, or something else under the name of what it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from .._calls import clear_calls
from ..catalog import bursts, curves, spectra
from ..exceptions import RequestError
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.spectrumset import SpectrumSet
from .images import ImageAsking, the_object

__all__ = ["CurveChoice", "ReadyMade", "SpectraChoice"]

_LSXPS = "LSXPS"
# What is no option of a question.
_BESIDE = ("self", "source", "transient", "grb", "get_query_payload")


class CurveChoice(TypedDict, total=False):
    """What `ReadyMade.get_light_curve` takes besides a source."""

    transient: Any
    grb: Any
    catalog: str
    bands: str | Iterable[str]
    binning: str
    time_format: str | None
    show_obsids: bool
    all_types: bool
    hide_piled_up: bool | None
    merge_aliases: bool | None
    group_rates: bool | None
    group_limits: bool | None
    group_hr: bool | None
    retrospective_as_limits: bool | None
    undetected_as_limits: bool | None
    retrospective_hr: bool | None


class SpectraChoice(TypedDict, total=False):
    """What `ReadyMade.get_spectra` takes besides a source."""

    transient: Any
    grb: Any
    catalog: str
    which: str | None
    location: str | Path | None
    layout: str
    overwrite: bool


@clear_calls
class ReadyMade(ImageAsking):
    """Light curves, spectra, images and positions of catalogued objects."""

    @overload
    def get_light_curve(
        self, source: Any = ..., *, get_query_payload: Literal[False] = ..., **choice: Unpack[CurveChoice]
    ) -> LightCurveSet: ...

    @overload
    def get_light_curve(
        self, source: Any = ..., *, get_query_payload: Literal[True], **choice: Unpack[CurveChoice]
    ) -> dict[str, Any]: ...

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
        get_query_payload: bool = False,
    ) -> LightCurveSet | dict[str, Any]:
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
        get_query_payload : bool, optional
            Whether to return what would be sent, and send nothing. Names
            of bursts, and of transients in place of a source, are asked for
            first: give numbers instead.

        Returns
        -------
        curves : LightCurveSet, or dict
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
        options = {name: value for name, value in locals().items() if name not in _BESIDE}
        what, value = the_object(source=source, transient=transient, grb=grb)
        if what == "grb":
            _refuse_options("get_light_curve", options)
            ask = bursts.burst_light_curve_payload if get_query_payload else bursts.burst_light_curve
            return ask(self._catalog, value)
        if get_query_payload:
            return curves.light_curve_payload(**{what: value}, **options)
        return curves.catalog_light_curve(self._catalog, **{what: value}, **options)

    @overload
    def get_spectra(
        self, source: Any = ..., *, get_query_payload: Literal[False] = ..., **choice: Unpack[SpectraChoice]
    ) -> SpectrumSet: ...

    @overload
    def get_spectra(
        self, source: Any = ..., *, get_query_payload: Literal[True], **choice: Unpack[SpectraChoice]
    ) -> dict[str, Any]: ...

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
        get_query_payload: bool = False,
    ) -> SpectrumSet | dict[str, Any]:
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
        get_query_payload
            As for `get_light_curve`.

        Returns
        -------
        spectra : SpectrumSet, or dict
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
        options = {name: value for name, value in locals().items() if name not in _BESIDE}
        what, value = the_object(source=source, transient=transient, grb=grb)
        if what == "grb":
            _refuse_options("get_spectra", options)
            ask = bursts.burst_spectra_payload if get_query_payload else bursts.burst_spectra
            return ask(self._catalog, value)
        if get_query_payload:
            return spectra.spectra_payload(**{what: value}, catalog=catalog, which=which)
        return spectra.catalog_spectra(self._catalog, **{what: value}, **options)

    @overload
    def get_position(self, *, grb: Any = ..., kind: str = ..., get_query_payload: Literal[False] = ...) -> Position: ...

    @overload
    def get_position(self, *, grb: Any = ..., kind: str = ..., get_query_payload: Literal[True]) -> dict[str, Any]: ...

    def get_position(
        self, *, grb: Any = None, kind: str = "best", get_query_payload: bool = False
    ) -> Position | dict[str, Any]:
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
        get_query_payload
            As for `get_light_curve`.

        Returns
        -------
        position : Position, or dict
            Its ``kind`` says which it is.

        Raises
        ------
        RequestError, UnknownObjectError, ServiceError
            As for `get_light_curve`.
        ProductNotAvailableError
            If there is no position of the kind; the message tells which there are.
        """
        _, value = the_object(grb=grb)
        ask = bursts.position_payload if get_query_payload else bursts.burst_position
        return ask(self._catalog, value, kind)


def _refuse_options(method: str, options: Mapping[str, Any]) -> None:
    """Refuse options that were given for a burst, of which everything comes at once."""
    usual = inspect.signature(getattr(ReadyMade, method)).parameters
    given = [
        name for name, value in options.items() if value is not usual[name].default and value != usual[name].default
    ]
    if given:
        text = "is for catalogued sources and transients; of a burst everything comes at once"
        raise RequestError([(name, text) for name in given])
