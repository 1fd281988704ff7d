"""Files with one entry of a catalogue: JSON, or a table of one row (ECSV) with the cells of the catalogue.

The table has units and descriptions, and the numbers that the catalogue has:
times as mission elapsed time, flags as 0 and 1. Cells with several values,
and texts that a table would change, such as those of several lines, are JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from .._atomic import atomic_path
from .._paths import as_path
from ..catalog_fields import CatalogField
from ..exceptions import FormatError, ProtocolError, RequestError
from ..products.catalog_record import CatalogRecord
from ._reading import foreign_content

__all__ = ["read_record", "save_record"]

Entry = TypeVar("Entry", bound=CatalogRecord)

_META = "catalogue entry"
_NUMBERS = ("float", "met", "mjd", "jd_tdb")
_WHOLE = ("int", "flag")


def save_record(entry: CatalogRecord, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write an entry; see `swiftxrt.products.catalog_record.CatalogRecord.write`."""
    place = as_path(path, "path")
    form = _form(place)
    with atomic_path(place, overwrite) as temporary:
        if form == ".json":
            text = json.dumps(entry.to_dict(), indent=1, allow_nan=False) + "\n"
            temporary.write_text(text, encoding="ascii")
        else:
            _table(entry).write(temporary, format="ascii.ecsv", overwrite=True)
    return place


def read_record(cls: type[Entry], path: str | os.PathLike[str]) -> Entry:
    """Read an entry; see `swiftxrt.products.catalog_record.CatalogRecord.read`."""
    place = as_path(path, "path")
    form = _form(place)
    try:
        plain = json.loads(place.read_bytes()) if form == ".json" else _from_table(place)
        if not isinstance(plain, Mapping):
            raise FormatError(f"holds no {cls.kind} of a catalogue", place)
        return cls.from_dict(plain)
    except FormatError:
        raise
    except (OSError, ValueError, KeyError, TypeError, ProtocolError, RecursionError) as error:
        raise FormatError(f"holds no {cls.kind} of a catalogue that could be read: {error}", place) from error


def _form(place: Path) -> str:
    form = place.suffix.lower()
    if form not in (".json", ".ecsv"):
        raise RequestError([("path", f"the name must end with .json or .ecsv; got {place.name!r:.80}")])
    return form


def _table(entry: CatalogRecord) -> Table:
    head = {"kind": entry.kind, "catalog": entry.catalog, "asked": entry.asked}
    table = Table(meta={_META: head})
    for name, value in entry.record.items():
        table[name] = _column(value, entry.fields[name])
    return table


def _column(value: Any, field: CatalogField) -> Column:
    about = {"description": field.description or None}
    if value is None:
        kind = float if field.kind in _NUMBERS else np.int64 if field.kind in _WHOLE else "U1"
        return MaskedColumn(np.zeros(1, dtype=kind), mask=[True], **about)
    is_number = isinstance(value, float | int) and not isinstance(value, bool)
    if is_number or isinstance(value, bool) or _is_simple(value):
        unit = ("s" if field.kind == "met" else field.unit) if is_number else ""
        return Column([value], unit=unit or None, **about)
    cell = np.empty(1, dtype=object)
    cell[0] = value
    return Column(cell, **about)


def _is_simple(value: Any) -> bool:
    """Whether a text comes back from a table as it was."""
    return isinstance(value, str) and value != "" and value == value.strip() and value.isprintable()


def _from_table(place: Path) -> dict[str, Any]:
    with foreign_content(place, "holds no entry of a catalogue that could be read"):
        table = Table.read(place, format="ascii.ecsv")
    head = table.meta.get(_META)
    if not isinstance(head, Mapping) or len(table) != 1:
        raise FormatError("is not a table with one entry of a catalogue, as written by write()", place)
    return {**head, "record": {name: _cell(table[name][0]) for name in table.colnames}}


def _cell(value: Any) -> Any:
    if value is np.ma.masked:
        return None
    return value.item() if isinstance(value, np.generic) else value
