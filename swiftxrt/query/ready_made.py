"""The methods of `~swiftxrt.SwiftXRT` that give products which the service has ready: nothing is made for them.

Each takes one object, under the name of what it is.
"""

from __future__ import annotations

from typing import Any

from ..catalog import bursts
from ..exceptions import RequestError
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.spectrumset import SpectrumSet
from .catalogs import CatalogAsking

__all__ = ["ReadyMade"]


class ReadyMade(CatalogAsking):
    """Light curves, spectra and positions of catalogued objects."""

    def get_light_curve(self, *, grb: Any = None) -> LightCurveSet:
        """The light curves that the service has ready.

        Parameters
        ----------
        grb : str, int or row
            A gamma-ray burst: its name in any spelling, its trigger number or
            target ID, or a row of a catalogue of bursts.

        Returns
        -------
        curves : LightCurveSet
            For a burst the curves without unreliable bins, with the systematic
            error of WT mode; its ``variants`` are the others.

        Raises
        ------
        RequestError
            If not precisely one object is given, or it cannot be one.
        UnknownObjectError
            If there is no such object.
        ProductNotAvailableError
            If the service has no light curve of it.
        ServiceError
            If the service cannot be reached or answers nonsense.

        Examples
        --------
        >>> from swiftxrt import SwiftXRT
        >>> curves = SwiftXRT.get_light_curve(grb="GRB 060729")  # doctest: +SKIP
        >>> curves.total.plot()  # doctest: +SKIP
        """
        _, value = _the_object(grb=grb)
        return bursts.burst_light_curve(self._catalog, value)

    def get_spectra(self, *, grb: Any = None) -> SpectrumSet:
        """The spectra that the service has ready, with their fits and responses.

        Parameters
        ----------
        grb : str, int or row
            A gamma-ray burst, as for `get_light_curve`.

        Returns
        -------
        spectra : SpectrumSet
            For a burst the slices ``interval0`` (all times) and, with enough
            data, ``late_time``.

        Raises
        ------
        RequestError, UnknownObjectError, ServiceError
            As for `get_light_curve`.
        ProductNotAvailableError
            If the service has no spectrum of it.
        FormatError
            If its files are damaged.
        """
        _, value = _the_object(grb=grb)
        return bursts.burst_spectra(self._catalog, value)

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
