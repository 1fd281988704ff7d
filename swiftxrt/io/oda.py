"""Spectra from the INTEGRAL online platform, as its client ``oda_api`` hands them out.

What is used of its classes, without importing them: a ``DataCollection`` has a
list ``_p_list`` (and can be iterated over in some versions); a product has
``data_unit``, a list of units, and ``meta_data`` with ``src_name`` and
``product`` (such as ``"isgri_spectrum"``); a unit has ``data``, a structured
array, ``header``, a dict, and ``name``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ..exceptions import FormatError, RequestError
from ..products.countspectrum import CountSpectrum
from ._pha_table import choose_table, table_content
from .pha import joined
from .response import arf_from, rmf_from

__all__ = ["read_oda"]

# What astropy writes itself for a table made of columns.
_STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|EXTEND|T(TYPE|FORM|UNIT|SCAL|ZERO|DIM|DISP|NULL)\d+|THEAP"
    r"|CHECKSUM|DATASUM|COMMENT|HISTORY|CONTINUE|"
)
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
_KINDS = ("spectrum", "arf", "rmf")


def read_oda(products: Any, *, source: str | None = None, systematic: float | None = None) -> CountSpectrum:
    """Make a spectrum of data products; see `swiftxrt.CountSpectrum.from_oda`."""
    found = _sorted_out(_listed(products), source)
    name, spectrum = found["spectrum"]
    path = Path(f"{name} (spectrum)")
    hdus = _hdus(spectrum, path)
    table = choose_table(hdus, path, None)
    table.header["XRTLABEL"] = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name)
    parts: dict[str, Any] = {}
    for kind, reader in (("arf", arf_from), ("rmf", rmf_from)):
        if kind in found:
            place = Path(f"{name} ({kind})")
            parts[kind] = reader(_hdus(found[kind][1], place), place)
    made = joined(table_content(hdus, table, path), parts, path)
    return made if systematic is None else made.with_systematic(systematic)


def _listed(products: Any) -> list[Any]:
    if hasattr(products, "data_unit"):
        return [products]
    listed = getattr(products, "_p_list", products)
    if not isinstance(listed, Sequence) or isinstance(listed, str | bytes):
        told = "the result of get_product of oda_api, or a list of its data products, is needed"
        raise RequestError([("products", f"{told}; got {type(products).__name__}")], "from_oda")
    return [one for one in listed if hasattr(one, "data_unit")]


def _sorted_out(products: Sequence[Any], source: str | None) -> dict[str, tuple[str, Any]]:
    """Name of the source and product, for each of spectrum, ARF and RMF."""
    by_source: dict[str, dict[str, Any]] = {}
    for product in products:
        kind = _kind(product)
        if kind is not None:
            by_source.setdefault(_source(product), {}).setdefault(kind, product)
    sources = [name for name, kinds in by_source.items() if "spectrum" in kinds]
    if source is not None:
        wanted = [name for name in sources if name.casefold() == str(source).strip().casefold()]
        if not wanted:
            told = f"no spectrum of {source!r}; there are those of {', '.join(sources) or 'no source'}"
            raise RequestError([("source", told)], "from_oda")
    else:
        wanted = sources
    if len(wanted) != 1:
        told = f"there are spectra of {', '.join(sources)}; choose one with source=..." if sources else "no spectrum"
        raise RequestError([("products" if not sources else "source", told)], "from_oda")
    return {kind: (wanted[0], product) for kind, product in by_source[wanted[0]].items()}


def _source(product: Any) -> str:
    meta = getattr(product, "meta_data", None)
    named = meta.get("src_name") if isinstance(meta, Mapping) else None
    for unit in product.data_unit:
        named = named or unit.header.get("NAME")
    return str(named or "source").strip()


def _kind(product: Any) -> str | None:
    """What a product holds, by what it is said to be, else by its tables."""
    meta = getattr(product, "meta_data", None)
    told = str(meta.get("product", "")) if isinstance(meta, Mapping) else ""
    for kind in _KINDS:
        if told.endswith(kind):
            return kind
    classes = {str(unit.header.get(f"HDUCLAS{level}", "")) for unit in product.data_unit for level in (1, 2)}
    for kind, name in zip(_KINDS, ("SPECTRUM", "SPECRESP", "RSP_MATRIX"), strict=True):
        if name in classes:
            return kind
    return None


def _hdus(product: Any, path: Path) -> fits.HDUList:
    tables = [_table(unit, path) for unit in product.data_unit if getattr(unit.data, "dtype", None) is not None]
    return fits.HDUList([fits.PrimaryHDU(), *(table for table in tables if table is not None)])


def _table(unit: Any, path: Path) -> Any:
    """A unit as a table of FITS; none for what is no table."""
    names = unit.data.dtype.names
    if not names:
        return None
    units = dict(_units(unit))
    columns = [_column(name, unit.data[name], units.get(name), path) for name in names]
    table = fits.BinTableHDU.from_columns(columns)
    for key, value in unit.header.items():
        name = str(key).upper()
        plain = value.item() if isinstance(value, np.generic) else value
        if _KEYWORD.fullmatch(name) and not _STRUCTURE.fullmatch(name) and _is_card(plain):
            table.header[name] = _text(plain) if isinstance(plain, str) else plain
    table.name = str(unit.name or unit.header.get("EXTNAME", ""))
    return table


def _units(unit: Any) -> Iterator[tuple[str, str]]:
    for key, value in unit.header.items():
        number = str(key).upper().removeprefix("TTYPE")
        if number.isdigit() and f"TUNIT{number}" in unit.header:
            yield str(value), str(unit.header[f"TUNIT{number}"])
    yield from (getattr(unit, "units_dict", None) or {}).items()


def _column(name: str, values: Any, unit: str | None, path: Path) -> fits.Column:
    if values.dtype.kind == "O":  # Rows of different length.
        rows = np.empty(len(values), dtype=object)
        for number, row in enumerate(values):
            rows[number] = np.atleast_1d(np.asarray(row, dtype=float))
        return fits.Column(name, "PD()", unit=unit, array=rows)
    kind = {"i": "K", "u": "K", "f": "D", "b": "L"}.get(values.dtype.kind)
    if values.dtype.kind in "SU":
        return fits.Column(name, f"{max(1, values.dtype.itemsize)}A", array=values)
    if kind is None:
        raise FormatError(f"the column {name} holds no numbers", path)
    size = int(np.prod(values.shape[1:], dtype=int)) if values.ndim > 1 else ""
    return fits.Column(name, f"{size}{kind}", unit=unit, array=np.asarray(values))


def _text(value: str) -> str:
    return "".join(char for char in value if " " <= char <= "~")


def _is_card(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and bool(np.isfinite(value)))
