"""Positions and names of objects, however they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from numbers import Real
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from ..exceptions import RequestError
from ..request.target import Target

__all__ = ["as_places", "as_positions"]

_MOST_NAMED = 5
_AXES = ("lon", "lat")
_NEEDED = "a SkyCoord, a Target, or a list or table of them is needed"
_WHAT = "upper limits"


def as_positions(value: Any, find: Callable[[str], SkyCoord]) -> SkyCoord:
    """One array of positions of whatever names positions.

    Parameters
    ----------
    value : object
        What was given.
    find : callable
        Tells where an object is that is given by name.

    Raises
    ------
    RequestError
        If it names something else, or a position is masked or not finite.
    """
    lon, lat = _coordinates([find(part) if isinstance(part, str) else part for part in _parts(value)])
    return SkyCoord(lon, lat, unit="deg", frame="icrs")


def as_places(value: Any) -> list[tuple[float, float] | str]:
    """Positions in degrees (ICRS), and names, of whatever names them.

    Raises
    ------
    RequestError
        If it names something else, or one is masked, empty or not finite.
    """
    parts = _parts(value)
    lon, lat = _coordinates(parts)
    pairs = zip(lon.tolist(), lat.tolist(), strict=True)
    places: list[tuple[float, float] | str] = []
    for part in parts:
        places += [part] if isinstance(part, str) else islice(pairs, part.size)
    return places


def _parts(value: Any) -> list[SkyCoord | str]:
    """Positions and names in the order in which they are given."""
    if isinstance(value, SkyCoord):
        return [value]
    if isinstance(value, Target):
        return [value.name if value.position is None else value.position]
    if isinstance(value, Table):
        return [_of_table(value)]
    if isinstance(value, str) and value.strip():
        return [str(value).strip()]
    if isinstance(value, str | bytes) or value is np.ma.masked or not isinstance(value, Iterable):
        is_number = isinstance(value, Real | u.Quantity)
        hint = "; two numbers are SkyCoord(170, 32, unit='deg')" if is_number else ""
        raise RequestError([("positions", f"{_NEEDED}; got {value!r:.60}{hint}")], _WHAT)
    return [place for one in value for place in _parts(one)]


def _of_table(table: Table) -> SkyCoord:
    names = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    if "position" in names or len(names) == 1:
        column: SkyCoord = table["position" if "position" in names else names[0]]
        return column
    what = f"several columns of positions, {', '.join(names)}, and none called position" if names else "none"
    text = f"the table must have a column 'position' of SkyCoord; it has {what}"
    raise RequestError([("positions", text)], _WHAT)


def _coordinates(parts: Iterable[SkyCoord | str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of all positions; names are passed over."""
    spherical = [part.icrs.spherical for part in parts if not isinstance(part, str)]
    lon, lat = (np.concatenate([np.zeros(0), *(_degrees(getattr(part, axis)) for part in spherical)]) for axis in _AXES)
    rows = np.flatnonzero(~np.isfinite(lon + lat))
    if rows.size:
        shown = f"{rows[:_MOST_NAMED].tolist()}{' and more' if rows.size > _MOST_NAMED else ''}"
        text = f"number {shown} (from 0) of {lon.size} is masked or not a number; leave it out"
        raise RequestError([("positions", text)], _WHAT)
    return lon, lat


def _degrees(angle: Any) -> Any:
    """Degrees, NaN where they are masked."""
    values = np.atleast_1d(angle.deg).ravel()
    return np.asarray(values.filled(np.nan) if isinstance(values, Masked) else values)
