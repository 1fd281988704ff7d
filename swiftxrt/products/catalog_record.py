"""What the entries of a catalogue have in common: the fields of one object, with units and descriptions."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

from .._fields import nearest
from .._printable import printable
from ..catalog_fields import CatalogField, fields_of
from ..exceptions import NoDataError, ProtocolError
from ..met import met_to_time
from ._catalog_columns import known_met
from .catalog_table import catalog_table, catalog_value, rows_to_columns

__all__ = ["CatalogRecord", "catalog_rows", "number_or_none"]

_POLE_DEG = 90.0
#: So many fields are proposed for one that does not exist.
_NEAREST = 3
_CONSTANTS = {"NaN": None, "Infinity": "inf", "-Infinity": "-inf"}
_NESTED = ("table", "object", "list")


class CatalogRecord(Mapping[str, Any]):
    """One entry of a catalogue: a mapping of the names of its fields to values with units; frozen.

    Parameters
    ----------
    record : mapping
        The fields as the service sent them; a copy is kept.
    catalog : str, optional
        The catalogue.
    asked : str or int, optional
        The name or number that was asked for.

    Raises
    ------
    ProtocolError
        If what identifies the object is missing.
    """

    #: What the object is, and under which name its fields are described.
    kind: ClassVar[str]
    _needed: ClassVar[tuple[str, ...]]

    catalog: str
    asked: str | int | None
    _record: dict[str, Any]

    def __init__(self, record: Mapping[str, Any], *, catalog: str = "LSXPS", asked: str | int | None = None) -> None:
        self._take(_plain(record), catalog, asked)

    @classmethod
    def of_reply(cls, reply: Mapping[str, Any], *, catalog: str, asked: str | int) -> Self:
        """Make an entry of a reply that nobody else holds, without another copy of it; arguments as for the class."""
        entry = cls.__new__(cls)
        entry._take(dict(reply), catalog, asked)
        return entry

    def _take(self, record: dict[str, Any], catalog: str, asked: str | int | None) -> None:
        lacking = [name for name in self._needed if _is_missing(record.get(name))]
        if lacking:
            raise ProtocolError(f"the details of a {self.kind} lack {', '.join(lacking)}")
        vars(self).update(_record=record, catalog=catalog, asked=asked)
        if "Decl" in self._needed:
            self._coordinates()
        for name in self._needed:
            if isinstance(record[name], dict | list):
                raise ProtocolError(f"{name} of a {self.kind} must be a single value; got {record[name]!r:.60}")
            self[name]  # is an error if it cannot be read

    def __getitem__(self, name: str) -> Any:
        if name not in self._record:
            known = f"the {self.kind} has no field {name!r}"
            raise KeyError(known + (nearest(name, self._record, most=_NEAREST) if isinstance(name, str) else ""))
        value = self._record[name]
        if isinstance(value, dict | list) and self._is_nested(name):
            return self._nested(name, value)
        return catalog_value(value, self._described.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def __len__(self) -> int:
        return len(self._record)

    def _nested(self, name: str, value: Any) -> Any:
        """A field that holds several values."""
        return copy.deepcopy(value)

    @property
    def _described(self) -> Mapping[str, CatalogField]:
        return fields_of("LSXPS", self.kind)

    @property
    def fields(self) -> Mapping[str, CatalogField]:
        """What is known of the fields that there are: units, descriptions and so on."""
        described = self._described
        return MappingProxyType({name: described.get(name) or CatalogField(name, "") for name in self._record})

    def describe(self, field: str) -> str:
        """What a field is, in a sentence, with its unit.

        Parameters
        ----------
        field : str
            Its name.

        Raises
        ------
        KeyError
            If there is no such field.
        """
        if field not in self._record and field not in self._described:
            raise KeyError(f"a {self.kind} has no field {field!r}{nearest(str(field), self._record, most=_NEAREST)}")
        about = self._described.get(field) or CatalogField(field, "")
        unit = f" ({about.unit})" if about.unit else ""
        return f"{field}{unit}: {about.description or 'not described'}"

    @property
    def record(self) -> dict[str, Any]:
        """The fields as the service sent them, without units: a copy."""
        return _plain(self._record)

    @property
    def table(self) -> QTable:
        """All fields that hold one value, as a table with one row, units and descriptions."""
        row = {name: [value] for name, value in self._record.items() if not self._is_nested(name)}
        meta = {"catalog": self.catalog, "kind": self.kind}
        return catalog_table(row, self._described, positions={"position": ("RA", "Decl")}, meta=meta)

    def _is_nested(self, name: str) -> bool:
        field = self._described.get(name)
        return isinstance(self._record[name], dict | list) if field is None else field.kind in _NESTED

    @property
    def position(self) -> SkyCoord:
        """Its position (ICRS).

        Raises
        ------
        NoDataError
            If the catalogue has none.
        """
        return SkyCoord(*self._coordinates(), unit="deg", frame="icrs")

    def _coordinates(self) -> tuple[float, float]:
        """Right ascension and declination in degrees."""
        ra, dec = (number_or_none(self._record.get(name)) for name in ("RA", "Decl"))
        if ra is None or dec is None:
            raise NoDataError(f"the catalogue has no position of this {self.kind}")
        if math.isinf(ra) or not abs(dec) <= _POLE_DEG:
            raise ProtocolError(f"the position of a {self.kind} is {ra:g}, {dec:g} degrees")
        return ra, dec

    @property
    def name(self) -> str:
        """Its name."""
        return printable(str(self._record["IAUName"]))

    def _time(self, name: str) -> Time | None:
        value = known_met(number_or_none(self._record.get(name)))
        return None if value is None else met_to_time(value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, "catalog": self.catalog, "asked": self.asked, "record": self.record}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ProtocolError
            If it is something else.
        """
        if plain.get("kind") != cls.kind or not isinstance(plain.get("record"), Mapping):
            raise ProtocolError(f"this is not a {cls.kind} of a catalogue, but {plain.get('kind')!s:.40}")
        return cls(plain["record"], catalog=str(plain.get("catalog") or "LSXPS"), asked=plain.get("asked"))

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write all fields to a file, from which `read` makes the same again.

        Parameters
        ----------
        path : path-like
            Name ending with ``.json``, or ``.ecsv`` for a table with one row,
            units and descriptions, whose cells are those of the catalogue.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Returns
        -------
        path : Path

        Raises
        ------
        RequestError
            If the name has another ending.
        OutputExistsError
            If `path` exists and `overwrite` is false.
        StorageError
            If it cannot be written.
        """
        from ..io.catalog_record import save_record

        return save_record(self, path, overwrite=overwrite)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Read what `write` made.

        Parameters
        ----------
        path : path-like
            A file whose name ends with ``.json`` or ``.ecsv``.

        Raises
        ------
        RequestError
            If the name has another ending.
        FormatError
            If it is something else, or damaged.
        """
        from ..io.catalog_record import read_record

        return read_record(cls, path)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"the {self.kind} is as the catalogue has it; {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"the {self.kind} is as the catalogue has it; {name!r} cannot be deleted")

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.catalog == other.catalog and _same(self._record, other._record)

    def __hash__(self) -> int:
        return hash((self.kind, self.catalog, *(self._record[name] for name in self._needed)))


def catalog_rows(
    rows: Any, table: str, *others: str, position: tuple[str, str] | None = None, meta: Mapping[str, Any] | None = None
) -> QTable:
    """Rows of a table inside of an entry, with units and descriptions.

    Parameters
    ----------
    rows : list of mapping, or None
        The rows, which may lack cells.
    table, *others : str
        Names of tables in `swiftxrt.catalog_fields.fields_of`, of which the first says most.
    position : (str, str), optional
        Columns that are a position.
    meta : mapping, optional
        For the table.

    Raises
    ------
    ProtocolError
        If they are something else.
    """
    fields = {name: field for one in (*others[::-1], table) for name, field in fields_of("LSXPS", one).items()}
    wanted = [] if rows is None else rows
    if not isinstance(wanted, list) or not all(isinstance(row, Mapping) for row in wanted):
        raise ProtocolError(f"a list of rows was promised as {table.replace('_', ' ')}; got {rows!r:.80}")
    columns = rows_to_columns(wanted, () if wanted else fields_of("LSXPS", table))
    return catalog_table(columns, fields, positions={"position": position} if position else None, meta=meta)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    # What is no number is not equal to itself.
    return one == other or _plain(one) == _plain(other)


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy that JSON can hold: None for what is not a number."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(record), default=_other), parse_constant=_CONSTANTS.get)
    return plain


def _other(value: Any) -> Any:
    """What JSON has for values of other types."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise ProtocolError(f"the catalogue holds numbers, texts, lists and objects only; got {value!r:.60}")


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("", "nan", "null")
    return value is None or value != value


def number_or_none(value: Any) -> float | None:
    """A number that may be a text, or missing."""
    if _is_missing(value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ProtocolError(f"a number was promised; got {value!r:.60}") from None
