"""Tables as files that other programs read too, without loss: FITS, VOTable, ECSV, Parquet.

Astropy writes ECSV and Parquet as they are. FITS and VOTable have neither
positions nor times of Astropy, nor nested metadata. There a position is two
columns, such as ``position_ra`` and ``position_dec``, a time is a text (ISO
8601) in the scale of the column, and all metadata are one JSON text: the
keyword ``SXRTMETA`` of the header, or the ``INFO`` of the same name.
"""

from __future__ import annotations

import html
import json
import math
import os
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from .._atomic import atomic_path
from .._paths import as_path
from ..exceptions import FormatError
from ..products._display import ReadableTable
from ._fitsfile import load_fits
from ._reading import foreign_content, needed_packages
from ._table_notes import from_json, to_json

__all__ = ["read_table", "write_table"]

_NOTE = "SXRTMETA"
_ENDINGS = {
    ".fits": "fits",
    ".fit": "fits",
    ".fts": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".ecsv": "ascii.ecsv",
    ".parquet": "parquet",
}
_DIGITS = 9
#: Keywords that mean nothing in FITS itself, and the longest text that needs one card.
_KEYWORD = re.compile(
    r"(?!(T[A-Z]+\d+|END|SIMPLE|COMMENT|HISTORY|CONTINUE|THEAP|CHECKSUM|DATASUM)$)[A-Z][A-Z0-9_]{0,7}"
)
_LONGEST_CARD = 60


def write_table(table: QTable, path: Any, *args: Any, format: str | None = None, **options: Any) -> None:  # noqa: A002
    """Write a table; see `swiftxrt.products._display.ReadableTable.write`."""
    is_path = isinstance(path, str | os.PathLike)
    chosen = format or (_format_of(path) if is_path else None)
    if not is_path or args or chosen not in _WRITERS or options.keys() - {"overwrite"}:
        told = {} if chosen is None else {"format": chosen}
        with needed_packages(os.fspath(path)) if is_path else nullcontext():  # type: ignore[arg-type]
            QTable(table, copy=False).write(path, *args, **told, **options)
        return
    with atomic_path(as_path(path, "path"), options.get("overwrite", False)) as temporary:
        _WRITERS[chosen](table, temporary)


def read_table(path: str | os.PathLike[str]) -> QTable:
    """Read a table from a file that ``table.write`` made.

    Parameters
    ----------
    path : path-like
        A FITS, VOTable, ECSV or Parquet file.

    Returns
    -------
    table : `~astropy.table.QTable`
        With units, descriptions, positions, times and metadata. Files of
        others are read as Astropy does.

    Raises
    ------
    FormatError
        If there is no such file, or it holds no table of one of these kinds.
    """
    place = as_path(path, "path")
    chosen = _format_of(place)
    if chosen is None:
        raise FormatError(f"the name of a table must end with one of {', '.join(_ENDINGS)}", place)
    if chosen == "fits":
        hdus = load_fits(place)
        with foreign_content(place, "holds no table that could be read"):
            return _from_fits(hdus)
    if not place.is_file():
        raise FormatError("there is no such file", place)
    with foreign_content(place, "holds no table that could be read"):
        if chosen == "votable":
            return _from_votable(votable.parse(place))
        return ReadableTable(QTable.read(place, format=chosen), copy=False)


def _format_of(path: str | os.PathLike[str]) -> str | None:
    name = os.fsdecode(path).lower().removesuffix(".gz")
    return next((form for ending, form in _ENDINGS.items() if name.endswith(ending)), None)


def _write_fits(table: QTable, path: Any) -> None:
    plain, note = _simplified(table, is_ascii=True)
    hdu = fits.table_to_hdu(plain)
    for number, name in enumerate(plain.colnames, 1):  # the keywords that TOPCAT knows
        info = plain[name].info
        for keyword, text in (("TCOMM", info.description), ("TUCD", (info.meta or {}).get("ucd"))):
            if text:
                hdu.header[f"{keyword}{number}"] = _ascii(text)
    for key, value in table.meta.items():  # what a header can hold is there for other programs, too
        if _is_card(key, value) and key.upper() not in hdu.header:
            hdu.header[key.upper()] = value
    hdu.header[_NOTE] = note
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)


def _is_card(key: Any, value: Any) -> bool:
    """Whether an entry of the metadata may be a keyword of its own."""
    if not isinstance(key, str) or not _KEYWORD.fullmatch(key.upper()):
        return False
    if isinstance(value, str):
        return len(value) <= _LONGEST_CARD and value.isascii() and value.isprintable()
    return isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))


def _write_votable(table: QTable, path: Any) -> None:
    plain, note = _simplified(table, is_ascii=False)
    document = votable.from_table(plain)
    document.get_first_table().infos.append(votable.tree.Info(name=_NOTE, value=note))
    document.to_xml(os.fspath(path))


_WRITERS: dict[str | None, Callable[[QTable, Any], None]] = {"fits": _write_fits, "votable": _write_votable}


def _from_fits(hdus: fits.HDUList) -> QTable:
    number = next(place for place, hdu in enumerate(hdus) if isinstance(hdu, fits.BinTableHDU))
    table = Table.read(hdus, hdu=number, unit_parse_strict="silent", character_as_bytes=False)
    header = hdus[number].header
    for place, name in enumerate(table.colnames, 1):
        table[name].info.description = header.get(f"TCOMM{place}")
        table[name].info.meta = {"ucd": header[f"TUCD{place}"]} if f"TUCD{place}" in header else None
    return _restored(table, header.get(_NOTE))


def _from_votable(document: Any) -> QTable:
    found = document.get_first_table()
    note = next((info.value for info in found.infos if info.name == _NOTE), None)
    return _restored(found.to_table(use_names_over_ids=True), note)


def _simplified(table: QTable, *, is_ascii: bool) -> tuple[Table, str]:
    """A table of numbers and texts only, and what it takes to make the other one of it again."""
    plain = Table(masked=False)
    kinds: dict[str, Any] = {}
    for name in table.colnames:
        columns, kinds[name] = _parts(name, table[name], set(table.colnames), is_ascii=is_ascii)
        for part, column in columns.items():
            info = table[name].info
            plain[part] = column
            plain[part].info.description = plain[part].info.description or info.description
            plain[part].info.meta = {"ucd": info.meta["ucd"]} if info.meta and "ucd" in info.meta else None
    special = {name: kind for name, kind in kinds.items() if kind}
    order = list(table.colnames)
    return plain, to_json({"meta": dict(table.meta), "columns": special, "order": order})


def _parts(name: str, column: Any, taken: set[str], *, is_ascii: bool) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The columns that stand for one, and what it is if they do not tell."""
    if isinstance(column, SkyCoord):
        names = [_free(f"{name}_{axis}", taken) for axis in ("ra", "dec")]
        place = column.icrs
        axes = [Masked(axis.to_value(u.deg)).filled(np.nan) for axis in (place.ra, place.dec)]
        made = {part: Column(axis, unit=u.deg) for part, axis in zip(names, axes, strict=True)}
        return made, {"kind": "SkyCoord", "parts": names}
    if isinstance(column, Time):
        return {name: Column(_iso(column))}, {"kind": "Time", "scale": column.scale}
    if isinstance(column, u.Quantity):
        values = np.asarray(column.filled(np.nan).value if isinstance(column, Masked) else column.value)
        return {name: Column(values, unit=column.unit)}, {"kind": "masked"} if _is_masked(column) else None
    return _plain_column(name, column, is_ascii=is_ascii)


def _plain_column(name: str, column: Any, *, is_ascii: bool) -> tuple[dict[str, Any], dict[str, Any] | None]:
    values: Any = np.asarray(column)
    mask = np.ma.getmaskarray(column)
    if values.dtype.kind == "O":
        cells = [_as_cell(value, hidden) for value, hidden in zip(values, mask, strict=True)]
        made, kind = _plain_column(name, Column(np.array(cells, dtype=str)), is_ascii=is_ascii)
        return made, {**(kind or {}), "kind": "json"}
    if values.dtype.kind in "US":
        texts = np.where(mask, "", values.astype(str))
        escaped = is_ascii and not "".join(texts.flat).isascii()
        if escaped:
            texts = np.array([_escaped(text) for text in texts])
        if is_ascii:
            texts = texts.astype("S")
        kind = {"escaped": True} if escaped else {}
        return {name: Column(texts)}, {**kind, "kind": "masked"} if mask.any() else kind or None
    if not mask.any():
        return {name: Column(values)}, None
    if values.dtype.kind == "f":
        return {name: Column(np.where(mask, np.nan, values))}, {"kind": "masked"}
    integer = np.int64 if values.dtype.kind in "iu" else np.int16
    whole = values.astype(integer)
    lowest = np.iinfo(integer).min  # 999999, the usual one, may be a number of the table
    made = MaskedColumn(np.where(mask, lowest, whole), mask=mask, fill_value=lowest)
    return {name: made}, {"kind": "bool"} if values.dtype.kind == "b" else None


def _iso(times: Time) -> NDArray[np.str_]:
    """Times as texts, blank where they are not known."""
    texts = np.full(times.shape, "", dtype="U32")
    known = ~np.broadcast_to(np.asarray(times.mask), times.shape)
    if known.any():
        shown = Time(times[known], format="isot", precision=_DIGITS)
        texts[known] = np.asarray(getattr(shown.isot, "unmasked", shown.isot))
    return texts


def _is_masked(column: Any) -> bool:
    return isinstance(column, Masked) and bool(np.any(column.mask))


def _as_cell(value: Any, is_hidden: bool) -> str:
    return "" if is_hidden or value is None else json.dumps(value, default=str)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").encode("ascii", "xmlcharrefreplace").decode("ascii")


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def _restored(plain: Table, note: Any) -> QTable:
    """The table that `_simplified` made a plain one of; any other as it is."""
    if not isinstance(note, str):
        return ReadableTable(plain, copy=False)
    told = from_json(note)
    table = ReadableTable(meta=told["meta"])
    for name in told["order"]:
        kind = told["columns"].get(name, {})
        parts = [plain[part] for part in kind.get("parts", [name])]
        made = ReadableTable({name: _whole(parts, kind)}, copy=False)[name]
        table[name] = made
        description = parts[0].info.description
        table[name].info.description = " ".join(description.split()) if description else None
        ucd = (parts[0].info.meta or {}).get("ucd")
        if ucd:
            table[name].info.meta = {"ucd": ucd}
    return table


def _whole(parts: list[Any], kind: dict[str, Any]) -> Any:
    """One column as it was."""
    first = parts[0]
    what = kind.get("kind")
    if what == "SkyCoord":
        axes = [_known(part) << u.deg for part in parts]
        return SkyCoord(*axes, frame="icrs")
    cells = np.ma.filled(first, "") if first.dtype.kind in "US" else None
    if what == "Time" and cells is not None:
        blank = cells == ""
        made = Time(np.where(blank, "2000-01-01T00:00:00", cells.astype(str)), format="isot", scale=kind["scale"])
        if blank.any():
            made[blank] = np.ma.masked
        return made
    if cells is not None:
        return _texts(cells.astype(str), kind)
    if what == "bool":
        return MaskedColumn(np.ma.filled(first, 0).astype(bool), mask=np.ma.getmaskarray(first))
    if first.dtype.kind != "f":
        return first if np.ma.is_masked(first) else Column(first)
    values = np.ma.filled(first, np.nan)
    shown = Masked(values, np.isnan(values)) if what == "masked" else values
    if first.unit is not None:
        return shown << first.unit
    return MaskedColumn(values, mask=np.isnan(values)) if what == "masked" else Column(values)


def _texts(cells: Any, kind: dict[str, Any]) -> Any:
    if kind.get("escaped"):
        cells = np.array([html.unescape(text) for text in cells])
    if kind.get("kind") == "json":
        found = np.empty(len(cells), dtype=object)
        found[:] = [json.loads(text) if text else None for text in cells]
        return Column(found)
    return MaskedColumn(cells, mask=cells == "") if kind.get("kind") == "masked" else Column(cells)


def _known(column: Any) -> Any:
    values = np.ma.filled(column, np.nan)
    return Masked(values, np.isnan(values)) if np.isnan(values).any() else np.asarray(values)
