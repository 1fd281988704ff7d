"""Whole tables of a catalogue: from the files of the service to Parquet, and parts of them from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from .._atomic import atomic_path, output_errors
from .._printable import printable
from .._threads import DaemonThreads
from ..catalog_fields import CatalogField, catalog_info, fields_of
from ..exceptions import FormatError, SwiftXRTError
from ._catalog_csv import NO_VALUE, csv_parts
from ._fitsfile import load_fits
from ._reading import foreign_content

__all__ = ["ENDINGS", "KeptTable", "import_table", "open_table", "read_columns"]

#: Endings of the files that can be read.
ENDINGS = (".csv", ".csv.gz", ".fits", ".fits.gz")

_KEY = b"swiftxrt"
_FORMAT = 1
# Rows that are written together.
_GROUP = 50_000
# Columns that are read at a time: few, as they are there twice for a moment.
_AT_A_TIME = 16

# How the kinds of field are kept, in the words of pyarrow; others are texts. Dates stay as they are in the catalogue.
_TYPES: Mapping[str, str] = {
    "int": "int64",
    "flag": "int32",
    **dict.fromkeys(("float", "met", "mjd", "jd_tdb"), "float64"),
    **dict.fromkeys(("utc", "uk_date"), "timestamp"),
}
_WHOLE = ("int", "flag")


class KeptTable(NamedTuple):
    """A table on this computer.

    Attributes
    ----------
    path : Path
        The file.
    fields : mapping of str to CatalogField
        Its columns.
    n_rows : int
        Number of rows.
    meta : mapping
        What was said when it was made.
    """

    path: Path
    fields: Mapping[str, CatalogField]
    n_rows: int
    meta: Mapping[str, Any]


def import_table(
    source: Path,
    target: Path,
    catalog: str,
    table: str,
    meta: Mapping[str, Any],
    *,
    names: Sequence[str] | None = (),
) -> dict[str, NDArray[Any]]:
    """Make a Parquet file, with units and descriptions, of a table as the service gives it.

    Parameters
    ----------
    source : Path
        A file with one of `ENDINGS`.
    target : Path
        The file to make; an existing one is replaced.
    catalog, table : str
        Which table it must be.
    meta : mapping
        Plain values that are kept with it.
    names : sequence of str, optional
        Columns that are wanted at once; None for all.

    Returns
    -------
    columns : dict
        Those of `names` that are there, as `read_columns` would give them.

    Raises
    ------
    FormatError
        If the file is damaged, cut off, or another table.
    StorageError
        If the disk is full.
    SwiftXRTError
        If pyarrow is not installed.
    """
    with atomic_path(target, overwrite=True) as temporary:
        made = _Import(source, temporary, catalog, table, meta, names)
        try:
            return _convert(made)
        except _UnfitError:
            # Whole numbers may be written with a decimal point because some are missing.
            try:
                return _convert(made, has_points=True)
            except _UnfitError as error:
                text = f"this is no sound {catalog} {table} table, or it is cut off; get it again"
                raise FormatError(f"{text} ({printable(str(error), 300)})", source) from error


class _UnfitError(Exception):
    """What is in the file does not fit its columns."""


class _Import(NamedTuple):
    """The arguments of `import_table`."""

    source: Path
    target: Path
    catalog: str
    table: str
    meta: Mapping[str, Any]
    names: Sequence[str] | None


def _convert(made: _Import, *, has_points: bool = False) -> dict[str, NDArray[Any]]:
    pa = _pyarrow()
    known = fields_of(made.catalog, made.table)
    with closing(_parts(made.source, known, has_points=has_points)) as parts:
        schema = next(parts)
        with _input_errors(made.source):  # names may be no texts
            names = schema.names
        _check_names(names, made.catalog, made.table, made.source)
        fields = [field.with_metadata(_about(known.get(field.name), field.type)) for field in schema]
        about = {_KEY: json.dumps({"format": _FORMAT, "meta": dict(made.meta)}).encode()}
        kept = pa.schema(fields, metadata=about)
        wanted = kept.names if made.names is None else [name for name in made.names if name in kept.names]
        taken: dict[str, list[NDArray[Any]]] = {name: [] for name in wanted}
        with output_errors(made.target), made.target.open("wb") as file:
            # Numbers with many digits do not become shorter, and a dictionary pays for texts that come often.
            packing = {one.name: "none" if pa.types.is_floating(one.type) else "lz4" for one in kept}
            writer = pa.parquet.ParquetWriter(file, kept, compression=packing, use_dictionary=False)
            with writer, _behind(writer.write_table) as write:
                for group in _groups(parts):
                    write(group.cast(kept))
                    for name, values in taken.items():
                        values.append(_array(group[name]))
    return {name: _joined(taken.pop(name)) for name in wanted}


@contextmanager
def _behind(work: Callable[[Any], None]) -> Iterator[Callable[[Any], None]]:
    """Do one thing after the other in another thread; a new one is taken when the last one is done."""
    pool, last = DaemonThreads(1), Future[None]()
    last.set_result(None)

    def do(thing: Any) -> None:
        nonlocal last
        last.result()
        last = pool.submit(work, thing)

    try:
        yield do
        last.result()
    finally:
        pool.shutdown()


def _groups(parts: Iterator[Any]) -> Iterator[Any]:
    """Parts together, so that the file is not cut into many small ones."""
    group: list[Any] = []
    for part in parts:
        group.append(part)
        if sum(one.num_rows for one in group) >= _GROUP:
            yield _pyarrow().concat_tables(group)
            group = []
    if group:
        yield _pyarrow().concat_tables(group)


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    return np.ma.concatenate(parts) if is_masked else np.concatenate(parts)


def _parts(source: Path, known: Mapping[str, CatalogField], *, has_points: bool) -> Generator[Any, None, None]:
    """The schema of a file, then its rows."""
    pa = _pyarrow()
    whole = [name for name, field in known.items() if has_points and field.kind in _WHOLE]
    wanted = {name: _arrow_type(field.kind) for name, field in known.items() if name not in whole}
    with _input_errors(source):
        if source.name.endswith((".csv", ".csv.gz")):
            yield from csv_parts(pa, source, wanted, examined=whole if has_points else None)
        else:
            table = _fits_table(source, wanted)
            yield table.schema
            yield table


@contextmanager
def _input_errors(source: Path) -> Iterator[None]:
    """Say that a file is not what it should be; nothing else may be read or written in the block."""
    pa = _pyarrow()
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _UnfitError(str(error)) from error
    except SwiftXRTError:
        raise
    except OSError as error:  # also of a compressed file that ends too early
        raise FormatError(f"the file cannot be read, or is cut off; get it again ({error})", source) from error


def _fits_table(source: Path, wanted: Mapping[str, Any]) -> Any:
    """All rows of the first table of a FITS file."""
    pa = _pyarrow()
    hdus = load_fits(source)
    found = next((hdu for hdu in hdus if getattr(hdu, "columns", None) is not None), None)
    if found is None:
        raise FormatError("there is no table in the file", source)
    with foreign_content(source, "the table in the file cannot be read"):
        table = Table.read(found, format="fits", unit_parse_strict="silent")
        table.convert_bytestring_to_unicode()
    arrays = [_arrow_array(table[name], wanted.get(name)) for name in table.colnames]
    return pa.table(arrays, names=table.colnames)


def _arrow_array(column: Any, wanted: Any) -> Any:
    pa = _pyarrow()
    values = np.asarray(column)
    mask = np.ma.getmaskarray(np.ma.asarray(column))
    if values.dtype.kind == "U":
        mask = mask | np.isin(values, NO_VALUE)
    elif values.dtype.kind == "f":
        mask = mask | np.isnan(values)
    array = pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask if mask.any() else None)
    return array if wanted is None else array.cast(wanted)


def _check_names(names: Sequence[str], catalog: str, table: str, source: Path) -> None:
    """See that the columns are those of a table, of which later versions may have more or fewer."""
    if len(set(names)) < len(names):
        raise FormatError("the file has several columns of one name", source)
    alike = {other: len(fields_of(catalog, other).keys() & set(names)) for other in catalog_info(catalog).tables}
    closest = max(alike, key=lambda other: alike[other])
    key = next(iter(fields_of(catalog, table)))
    if key not in names or alike[table] < alike[closest]:
        seems = f", and is like the table {closest}" if closest != table and alike[closest] > 1 else ""
        columns = printable(", ".join(names), 80)
        raise FormatError(f"the file is not the table {catalog} {table}: it has the columns {columns}{seems}", source)


def _arrow_type(kind: str) -> Any:
    pa = _pyarrow()
    name = _TYPES.get(kind, "string")
    return pa.timestamp("us") if name == "timestamp" else pa.type_for_alias(name)


def _about(field: CatalogField | None, arrow_type: Any) -> dict[str, str]:
    """What is kept of a field beside its values."""
    if field is None:
        return {"kind": _guessed_kind(arrow_type)}
    told = {"kind": field.kind, "unit": field.unit, "ucd": field.ucd, "description": field.description}
    return {**{key: text for key, text in told.items() if text}, **({"default": "1"} if field.is_default else {})}


def _guessed_kind(arrow_type: Any) -> str:
    types = _pyarrow().types
    if types.is_floating(arrow_type):
        return "float"
    if types.is_integer(arrow_type):
        return "int"
    return "flag" if types.is_boolean(arrow_type) else "text"


def open_table(path: Path) -> KeptTable:
    """Look what a file made by `import_table` holds.

    Raises
    ------
    FormatError
        If it is something else, or damaged.
    """
    with _parquet(path) as file:
        return _kept(path, file)


def _kept(path: Path, file: Any) -> KeptTable:
    schema = file.schema_arrow
    try:
        about = json.loads((schema.metadata or {})[_KEY])
        if about["format"] != _FORMAT:
            raise ValueError(f"format {about['format']}")
        meta = dict(about["meta"])
        fields = {name: _field(name, schema.field(name).metadata or {}) for name in schema.names}
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("this is no table of a catalogue that this version of swiftxrt has kept", path) from error
    return KeptTable(path, MappingProxyType(fields), file.metadata.num_rows, MappingProxyType(meta))


def _field(name: str, about: Mapping[bytes, bytes]) -> CatalogField:
    told = {key: about.get(key.encode(), b"").decode() for key in ("kind", "unit", "description", "ucd", "default")}
    is_default = told.pop("default") == "1"
    return CatalogField(name, **told, is_default=is_default)


def read_columns(path: Path, names: Sequence[str], condition: Any = None) -> dict[str, NDArray[Any]]:
    """Columns of a kept table as arrays, masked where values are missing.

    Parameters
    ----------
    path : Path
        A file made by `import_table`.
    names : sequence of str
        The columns.
    condition : pyarrow.compute.Expression, optional
        Only rows for which this holds; parts of the file where it cannot hold are not read.

    Raises
    ------
    FormatError
        If the file is damaged.
    """
    with _parquet(path) as file:
        if condition is not None:
            rows = _pyarrow().parquet.read_table(path, columns=list(names), filters=condition)
            return {name: _array(rows[name]) for name in names}
        found: dict[str, NDArray[Any]] = {}
        for start in range(0, len(names), _AT_A_TIME):
            part = list(names[start : start + _AT_A_TIME])
            rows = file.read(columns=part)
            found |= {name: _array(rows[name]) for name in part}
        return found


def _array(column: Any) -> NDArray[Any]:
    """A column as an array."""
    types, mask = _pyarrow().types, None
    if types.is_integer(column.type) or types.is_boolean(column.type):
        if column.null_count:
            mask = column.is_null().to_numpy()
            column = column.fill_null(_pyarrow().scalar(0).cast(column.type))
    elif types.is_date(column.type) or types.is_time(column.type) or types.is_null(column.type):
        column = column.cast("string")
    values = column.to_numpy()
    values = values if values.flags.writeable else values.copy()  # what pyarrow holds cannot be changed
    return values if mask is None else np.ma.MaskedArray(values, mask)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    pa = _pyarrow()
    try:
        with pa.parquet.ParquetFile(path) as file:
            yield file
    except SwiftXRTError:
        raise
    except FileNotFoundError as error:
        raise FormatError("there is no such file", path) from error
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise FormatError(f"the kept table is damaged; remove it ({printable(str(error), 200)})", path) from error


def _pyarrow() -> Any:
    """The package pyarrow, with its parts for CSV and Parquet."""
    try:
        import pyarrow as pa
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError as error:
        raise SwiftXRTError(
            "whole tables are kept with the package pyarrow, which is not installed: "
            "python -m pip install 'swiftxrt[tables]'"
        ) from error
    return pa
