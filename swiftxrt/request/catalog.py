"""What is asked of a catalogue: where, which rows, which columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from .._fields import nearest
from ..catalog_fields import CatalogField, CatalogInfo, catalog_info, table_name
from ..exceptions import RequestError
from ._values import SkyPoint
from .constraints import Constraint, as_constraints

__all__ = ["DISTANCE", "CatalogQuery"]

#: The column with the distance from the centre of a cone.
DISTANCE = "distance"

_WHAT = "catalogue query"
_SUBSETS = {"clean": "clean", "ultraclean": "ultraclean", "ultra-clean": "ultraclean"}
#: Tables that have subsets.
_WITH_SUBSETS = ("sources", "datasets")
_ALL = ("all", "*")
#: Positions in the tables of objects of other catalogues.
_XCORR = ("Ext_RA", "Ext_Decl")
_WHOLE_SKY_DEG = 180.0
#: So many names are proposed for one that is not known.
_NEAREST = 3


@dataclass(frozen=True, eq=False)
class CatalogQuery:
    """A question to a catalogue.

    Parameters
    ----------
    catalog : str, optional
        The catalogue: ``"LSXPS"``, ``"2SXPS"``, ``"UK_XRT"``, ``"SDC_GRB"`` or ``"BAT_GRB"``.
    table : str, optional
        One of its tables; the usual one by default.
    position : `~astropy.coordinates.SkyCoord`, optional
        Centre of a cone.
    name : str, optional
        An object, or a position as a text, that the service finds and that
        is the centre of a cone; in place of `position`.
    radius : `~astropy.units.Quantity`, optional
        Radius of the cone, up to 180 deg.
    where : Constraint or iterable of these, optional
        Comparisons of columns that must all hold; see `~swiftxrt.Column`.
    columns : {"all"} or iterable of str, optional
        The columns to get; those that the catalogue takes for usual by default.
    sort_by : str, optional
        Column by which the rows are sorted; by default those of a cone are
        sorted by distance, and others as they come.
    descending : bool, optional
        Whether the largest comes first.
    limit : int, optional
        Number of rows at most; all by default.
    subset : {"clean", "ultraclean"}, optional
        Only reliable sources or datasets.
    position_from : str, optional
        Of catalogues of bursts, which of several positions is meant, such as
        ``"XRT"`` or ``"enhanced"``.

    Raises
    ------
    RequestError
        If something cannot be used as given; all problems are reported at once.
    """

    catalog: str = "LSXPS"
    table: str | None = None
    position: SkyCoord | None = None
    name: str | None = None
    radius: u.Quantity | None = None
    where: Any = ()
    columns: Any = None
    sort_by: str | None = None
    descending: bool = False
    limit: int | None = None
    subset: str | None = None
    position_from: str | None = None

    def __post_init__(self) -> None:
        problems: list[tuple[str, str]] = []
        for name, value in self._normal(problems):
            object.__setattr__(self, name, value)
        problems += self._cone_problems()
        problems += self._order_problems()
        if problems:
            raise RequestError(problems, _WHAT)

    def _normal(self, problems: list[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
        """The values as they are kept, each stored before the next is looked at; problems are added to the list."""
        try:
            info = catalog_info(self.catalog)
            yield "catalog", info.name
            yield "table", table_name(info.name, self.table)
        except RequestError as error:
            raise RequestError(error.problems, _WHAT) from None
        checks = {
            "position": _position,
            "name": _name,
            "radius": _radius,
            "where": as_constraints,
            "columns": _columns,
            "sort_by": _column_name,
            "limit": _limit,
            "subset": lambda value: _subset(value, self.catalog, str(self.table)),
            "position_from": lambda value: _position_from(value, info),
        }
        for name, check in checks.items():
            value = getattr(self, name)
            try:
                yield name, None if value is None else check(value)
            except RequestError as error:
                problems += error.problems
            except ValueError as error:
                problems.append((name, str(error)))

    def _cone_problems(self) -> Iterator[tuple[str, str]]:
        has_centre = self.position is not None or self.name is not None
        if self.position is not None and self.name is not None:
            yield "name", "give a position or a name, not both"
        if has_centre and self.radius is None:
            yield "radius", "a cone needs a radius, such as 30 * u.arcsec"
        if self.radius is not None and not has_centre:
            yield "radius", "a radius needs a position or a name"

    def _order_problems(self) -> Iterator[tuple[str, str]]:
        if not isinstance(self.descending, bool | np.bool_):
            yield "descending", f"True or False is needed; got {self.descending!r:.60}"
        elif self.descending and self.sort_by in (None, DISTANCE):
            yield (
                "descending",
                "give a column to sort by; cones come with the nearest first, table[::-1] turns them round",
            )
        if self.sort_by == DISTANCE and self.radius is None:
            yield "sort_by", "there are distances in cones only; give a position and a radius"

    @property
    def info(self) -> CatalogInfo:
        """The catalogue."""
        return catalog_info(self.catalog)

    @property
    def position_columns(self) -> tuple[str, str]:
        """The columns that hold the position that is meant."""
        if self.table == "xcorr":
            return _XCORR
        positions = self.info.positions
        return positions[self.position_from or next(iter(positions))]

    def chosen(self, fields: Mapping[str, CatalogField]) -> tuple[str, ...] | None:
        """The columns to ask for, or None for those that the service takes for usual.

        Parameters
        ----------
        fields : mapping of str to CatalogField
            The columns of the table.
        """
        if self.columns is None:
            return tuple(name for name, field in fields.items() if field.is_default) or None
        return tuple(fields) if self.columns == "all" else tuple(self.columns)

    def bound(self, fields: Mapping[str, CatalogField]) -> tuple[Constraint, ...]:
        """The constraints with values in the terms of the columns.

        Parameters
        ----------
        fields : mapping of str to CatalogField
            The columns of the table; if empty, names are not checked.

        Raises
        ------
        RequestError
            If there is no such column, anywhere in the query, or a value does not fit.
        """
        problems = [*self._unknown_names(fields)]
        bound = []
        for constraint in self.where:
            if fields and constraint.column not in fields:  # which is told already
                continue
            try:
                bound.append(constraint.bound(fields.get(constraint.column, CatalogField(constraint.column, ""))))
            except RequestError as error:
                problems += [("where", message) for _, message in error.problems]
        if problems:
            raise RequestError(problems, _WHAT)
        return tuple(bound)

    def _unknown_names(self, fields: Mapping[str, CatalogField]) -> Iterator[tuple[str, str]]:
        used = [("where", one.column) for one in self.where]
        used += [("columns", name) for name in (() if self.columns in (None, "all") else self.columns)]
        used += [("sort_by", self.sort_by)] if self.sort_by not in (None, DISTANCE) else []
        for argument, name in used if fields else ():
            if name not in fields:
                text = f"{self.catalog} {self.table} has no column {name!r}{nearest(name, fields, most=_NEAREST)}"
                yield (
                    argument,
                    f"{text}; SwiftXRT.list_columns({self.catalog!r}, {self.table!r}) shows all {len(fields)}",
                )

    def to_dict(self) -> dict[str, Any]:
        """The query in plain numbers and texts, for a record of what was asked; what was not given is left out."""
        position = None if self.position is None else [float(self.position.ra.deg), float(self.position.dec.deg)]
        plain = {
            "catalog": self.catalog,
            "table": self.table,
            "position": position,
            "name": self.name,
            "radius": None if self.radius is None else str(self.radius),
            "where": [str(one) for one in self.where] or None,
            "columns": list(self.columns) if isinstance(self.columns, tuple) else self.columns,
            "sort_by": self.sort_by,
            "descending": bool(self.descending) or None,
            "limit": self.limit,
            "subset": self.subset,
            "position_from": self.position_from,
        }
        return {name: value for name, value in plain.items() if value is not None}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CatalogQuery) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict()))


def _position(value: Any) -> SkyCoord:
    SkyPoint().convert(value)
    return SkyCoord(value.icrs.ra, value.icrs.dec, frame="icrs")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"a name, or a position such as '06 21 31, -62 22 13', is needed; got {value!r:.60}")
    return value.strip()


def _radius(value: Any) -> u.Quantity:
    if not isinstance(value, u.Quantity) or not value.isscalar or not value.unit.is_equivalent(u.deg):
        raise ValueError(f"an angle with its unit is needed, such as 30 * u.arcsec; got {value!r:.60}")
    degrees = float(value.to_value(u.deg))
    if not 0 < degrees <= _WHOLE_SKY_DEG:  # NaN is refused too
        raise ValueError(f"must be above 0 and at most 180 deg, which is the whole sky; got {value}")
    return u.Quantity(value)


def _columns(value: Any) -> Any:
    if isinstance(value, str):
        return "all" if value.strip().lower() in _ALL else (_column_name(value),)
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        raise ValueError(f"'all' or a list of names of columns is needed; got {value!r:.60}")
    names = tuple(dict.fromkeys(map(_column_name, value)))
    if not names:
        raise ValueError("the list of columns is empty; leave it out for the usual ones, or give 'all'")
    return names


def _column_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the name of a column is a text; got {value!r:.60}")
    return str(value).strip()


def _limit(value: Any) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"a number of rows, at least 1, is needed; leave it out to get all; got {value!r:.60}")
    return int(value)


def _subset(value: Any, catalog: str, table: str) -> str:
    known = _SUBSETS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        hint = nearest(value, _SUBSETS) if isinstance(value, str) else ""
        raise ValueError(f"must be 'clean' or 'ultraclean'; got {value!r:.60}{hint}")
    if not catalog_info(catalog).is_sxps or table not in _WITH_SUBSETS:
        raise ValueError(f"{catalog} {table} has no subsets; sources and datasets of LSXPS and 2SXPS have")
    return known


def _position_from(value: Any, info: CatalogInfo) -> str:
    by_name = {name.lower(): name for name in info.positions}
    known = by_name.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        hint = nearest(value, info.positions) if isinstance(value, str) else ""
        there = f"has positions from {', '.join(info.positions)}"
        if len(info.positions) == 1:
            there = "has one position of each object; leave it out"
        raise ValueError(f"{info.name} {there}; got {value!r:.60}{hint}")
    return known
