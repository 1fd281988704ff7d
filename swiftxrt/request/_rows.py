"""Rows of tables: observation lists and catalogues, as archives and services write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from ..exceptions import RequestError
from ..identifiers import parse_obsid, parse_target_id, target_id_of
from ._values import SkyPoint, angle_deg

__all__ = ["Cells", "is_missing", "is_row", "obsids_of"]

# Names of columns, in lower case, the surest first. Sources: HEASARC's swiftmastr, the tables of
# the UKSSDC query service, and the catalogues 2SXPS and LSXPS.
_OBSID = ("obsid", "obs_id")
_TARGET_ID = ("target_id", "targ_id", "targetid")
_NAME = ("iauname", "name", "object", "object_name", "target_name", "targname")
_COORD = ("position", "coord", "coordinates", "sky_coord", "skycoord")
_OBJECT_POSITION = (("ra_obj", "dec_obj"), ("ra_object", "dec_object"))
_POSITION = (("ra", "dec"), ("ra", "decl"))


class Cells:
    """The cells of one row, found by the names of columns in any case.

    Parameters
    ----------
    row : mapping, `~astropy.table.Row` or similar
        Anything with named cells.

    Raises
    ------
    RequestError
        If it has no named cells, or is a whole table.
    """

    def __init__(self, row: Any) -> None:
        names = _names(row)
        if names is None or hasattr(row, "add_column"):
            what = f"a table of {len(row)} rows: give one of them, such as table[0]" if names else repr(row)
            raise RequestError([("", f"one row of a table, or a mapping, is needed; got {what}")])
        self.row = row
        self.names = {str(name).strip().lower(): name for name in names}

    def get(self, *names: str) -> Any:
        """The first of these cells that holds something, or `None`."""
        for name in names:
            if name in self.names:
                value = self.row[self.names[name]]
                if np.shape(value) != ():
                    raise RequestError([(name, f"one value is needed; got {value!r:.80}; give one row of the table")])
                if not is_missing(value):
                    return value.decode() if isinstance(value, bytes) else value
        return None

    @property
    def name(self) -> str | None:
        """What the object is called."""
        name = self.get(*_NAME)
        return None if name is None else str(name)

    @property
    def object_position(self) -> SkyCoord | None:
        """Where the object is: a cell with coordinates, or those of the object by name."""
        coord = self.get(*_COORD)
        return coord if isinstance(coord, SkyCoord) else self._position(_OBJECT_POSITION)

    @property
    def position(self) -> SkyCoord | None:
        """Right ascension and declination of whatever the row is about."""
        return self._position(_POSITION)

    @property
    def target_id(self) -> str | None:
        """The target ID, which may have lost its leading zeros, or that of the ObsID."""
        value = self.get(*_TARGET_ID)
        if value is None:
            obsid = self.get(*_OBSID)
            return None if obsid is None else target_id_of(_whole(obsid))
        value = _whole(value)
        return parse_target_id(
            value.strip().zfill(8) if isinstance(value, str) and value.strip().isdecimal() else value
        )

    def met(self, name: str) -> Time | u.Quantity | None:
        """A mission elapsed time."""
        value = self.get(name)
        if value is None or isinstance(value, Time | u.Quantity):
            return value
        try:
            return float(value) * (self._unit(name) or u.s)
        except (TypeError, ValueError):
            raise RequestError([(name, f"a mission elapsed time is needed; got {value!r}")]) from None

    def _position(self, pairs: Iterable[tuple[str, str]]) -> SkyCoord | None:
        for pair in pairs:
            degrees = [self._degrees(name) for name in pair]
            if None not in degrees:
                return _sky_coord(degrees, pair)
        return None

    def _degrees(self, name: str) -> float | None:
        value = self.get(name)
        if value is None:
            return None
        unit = self._unit(name)
        try:
            if isinstance(value, u.Quantity):
                return float(value.to_value(u.deg))
            if isinstance(value, str) and not _is_number(value):
                return angle_deg(name, value)
            return float((float(value) * (unit or u.deg)).to_value(u.deg))
        except (TypeError, ValueError) as error:
            raise RequestError(
                [(name, f"an angle, or a number of degrees, is needed; got {value!r} ({error})")]
            ) from None

    def _unit(self, name: str) -> u.UnitBase | None:
        """The unit of a column that holds plain numbers."""
        table = getattr(self.row, "table", None)
        return None if table is None else getattr(table[self.names[name]], "unit", None)


def obsids_of(table: Any) -> list[str]:
    """The ObsIDs in a table, a sequence of rows, or one row.

    Raises
    ------
    RequestError
        If there is none, or a row lacks it.
    """
    names = _names(table)
    if names is None:
        cells = [Cells(row).get(*_OBSID) for row in table] if _is_iterable(table) else None
    else:
        column = next((name for wanted in _OBSID for name in names if str(name).strip().lower() == wanted), None)
        if column is None:
            raise RequestError([("obsids", f"a column obsid is needed; there are {', '.join(map(str, names))}")])
        cells = list(np.atleast_1d(table[column]))
    if cells is None:
        raise RequestError([("obsids", f"a table with a column obsid is needed; got {table!r:.80}")])
    empty = [number for number, value in enumerate(cells) if value is None or is_missing(value)]
    if empty:
        raise RequestError([("obsids", f"row {empty[0]} has no ObsID")])
    return [parse_obsid(_whole(value)) for value in cells]


def is_missing(value: Any) -> bool:
    """Whether a cell of a table holds nothing: masked, empty or not a number."""
    if value is None or value is np.ma.masked or np.any(getattr(value, "mask", False)):
        return True
    if isinstance(value, str | bytes):
        return not value.strip()
    number = value.value if isinstance(value, u.Quantity) else value
    return isinstance(number, Real) and bool(np.isnan(float(number)))


def is_row(value: Any) -> bool:
    """Whether something has named cells."""
    return _names(value) is not None


def _names(value: Any) -> list[Any] | None:
    if isinstance(value, Mapping) or hasattr(value, "colnames") or hasattr(value, "columns"):
        return list(getattr(value, "colnames", None) or (value if isinstance(value, Mapping) else value.columns))
    if isinstance(value, np.void | np.ndarray):
        return list(value.dtype.names) if value.dtype.names else None
    return list(value.keys()) if hasattr(value, "keys") and hasattr(value, "__getitem__") else None


def _is_iterable(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _whole(value: Any) -> Any:
    """An identifier as text or integer; tables with gaps hold them as floats."""
    if isinstance(value, bytes):
        return value.decode()
    return int(value) if isinstance(value, float | np.floating) and float(value).is_integer() else value


def _sky_coord(degrees: list[Any], names: tuple[str, str]) -> SkyCoord:
    try:
        position: SkyCoord = SkyPoint().from_pair(*degrees)
    except ValueError as error:
        raise RequestError([(" and ".join(names), str(error))]) from None
    return position
