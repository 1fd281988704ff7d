"""Catalogues of objects whose positions are known well, as users give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.typing import NDArray

from ..exceptions import RequestError

__all__ = ["ReferenceCatalog", "ReferenceObjects", "check_reference_catalog", "reference_objects"]

Floats = NDArray[np.float64]

#: A table, or a function that is given the middle and the radius of a field and returns one.
ReferenceCatalog: TypeAlias = Table | Callable[[SkyCoord, u.Quantity], Table]

#: Standard deviation of a coordinate where the catalogue gives none: that of 2MASS (Skrutskie et al. 2006, AJ 131, 1163).
DEFAULT_ERROR_ARCSEC = 0.1

_FIELD = "reference_catalog"
_RA = ("ra", "raj2000", "ra_icrs", "_raj2000", "ra_deg")
_DEC = ("dec", "dej2000", "decj2000", "de_icrs", "dec_icrs", "_dej2000", "dec_deg")
_ERROR = ("error", "err", "position_err", "pos_err", "poserr", "err_maj", "errmaj", "e_pos")
_ALLOWED = (
    "a Table with a SkyCoord column, or with columns 'ra' and 'dec' with units, and if wanted 'error' (1 sigma of each "
    "coordinate, with a unit)"
)


@dataclass(frozen=True, eq=False)
class ReferenceObjects:
    """Objects of a catalogue.

    Parameters
    ----------
    coord : `~astropy.coordinates.SkyCoord`, shape (n,)
        ICRS.
    error_arcsec : ndarray, shape (n,)
        Standard deviation of each coordinate.
    """

    coord: SkyCoord
    error_arcsec: Floats


def check_reference_catalog(catalog: Any) -> None:
    """Refuse what cannot be a reference catalogue.

    Parameters
    ----------
    catalog : object
        What the user gave; None for none.

    Raises
    ------
    RequestError
        If it is neither a usable table nor callable.
    """
    if catalog is None or (callable(catalog) and not isinstance(catalog, Table)):
        return
    _read(catalog)


def reference_objects(catalog: ReferenceCatalog, centre: SkyCoord, radius: u.Quantity) -> ReferenceObjects:
    """The objects in a field.

    Parameters
    ----------
    catalog : `~astropy.table.Table` or callable
        The catalogue, or ``catalog(centre, radius)`` that returns it.
    centre : `~astropy.coordinates.SkyCoord`
        Middle of the field.
    radius : `~astropy.units.Quantity`
        Of the field.

    Raises
    ------
    RequestError
        If it is no usable table.
    """
    table = catalog if isinstance(catalog, Table) else catalog(centre, radius)
    every = _read(table)
    near = every.coord.separation(centre) <= radius
    return ReferenceObjects(every.coord[near], every.error_arcsec[near])


def _read(table: Any) -> ReferenceObjects:
    """Positions and errors of the rows that have a position."""
    if not isinstance(table, Table):
        raise RequestError(
            [(_FIELD, f"must be {_ALLOWED}, or a function that returns one; got {type(table).__name__}")]
        )
    if not len(table):
        raise RequestError([(_FIELD, "the table has no rows")])
    coord, error = _coord(table), _error(table)
    known = np.isfinite(coord.ra.deg) & np.isfinite(coord.dec.deg) & np.isfinite(error) & (error >= 0)
    if not known.any():
        raise RequestError([(_FIELD, "no row of the table has a finite position and error")])
    return ReferenceObjects(coord[known], error[known])


def _coord(table: Table) -> SkyCoord:
    for name in table.colnames:
        if isinstance(table[name], SkyCoord):
            return table[name].icrs
    names = [_named(table, wanted) for wanted in (_RA, _DEC)]
    if None in names:
        raise RequestError([(_FIELD, f"needs positions: {_ALLOWED}; the columns are {', '.join(table.colnames)}")])
    ra, dec = (_angles(table, str(name), u.deg) for name in names)
    bad = np.abs(dec) > 90.0
    if bad.any():
        raise RequestError([(_FIELD, f"declinations must lie between -90 and 90 deg; got {dec[bad][0]:g}")])
    return SkyCoord(ra, dec, unit=u.deg, frame="icrs")


def _error(table: Table) -> Floats:
    name = _named(table, _ERROR)
    return np.full(len(table), DEFAULT_ERROR_ARCSEC) if name is None else _angles(table, name, u.arcsec)


def _named(table: Table, wanted: tuple[str, ...]) -> str | None:
    """The first column of one of some names, in whatever case."""
    return next((name for one in wanted for name in table.colnames if name.lower() == one), None)


def _angles(table: Table, name: str, unit: u.UnitBase) -> Floats:
    """A column of angles; NaN where it is masked."""
    column = table[name]
    given = getattr(column, "unit", None)
    if given is None or not u.Unit(given).is_equivalent(unit):
        what = "has no unit" if given is None else f"is in {given}"
        raise RequestError([(_FIELD, f"the column {name!r} {what}; set table[{name!r}].unit = '{unit}'")])
    values = np.ma.filled(np.ma.asarray(getattr(column, "value", column), dtype=float), np.nan)
    return np.asarray((values * u.Unit(given)).to_value(unit), dtype=float)
