"""One row of a PHA file of type II as the table of one spectrum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FormatError

__all__ = ["VECTORS", "one_row", "plain_cards"]

# What describes a table of one spectrum, and stands otherwise in one of several.
_STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|EXTNAME|T(TYPE|FORM|UNIT|LMIN|LMAX|NULL|DIM)\d+"
    r"|QUALITY|GROUPING|SYS_ERR|COMMENT|HISTORY|CHECKSUM|DATASUM|LONGSTRN|THEAP"
)
#: Columns with a value for each channel.
VECTORS = (
    "CHANNEL", "COUNTS", "RATE", "STAT_ERR", "QUALITY", "GROUPING", "SYS_ERR", "AREASCAL", "BACKSCAL", "E_MIN", "E_MAX",
)  # fmt: skip
#: HDUs beside the table that belong to one row, whose number is their EXTVER.
_OF_ROW = ("GTI", "REGIONTXT")
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")


def plain_cards(header: fits.Header) -> dict[str, Any]:
    """The keywords that do not describe the table."""
    return {key: value for key, value in header.items() if not _STRUCTURE.fullmatch(key)}


def one_row(hdus: fits.HDUList, table: Any, number: int, path: Path) -> tuple[fits.HDUList, Any]:
    """A row, counted from 1, as the HDUs of a file of one spectrum.

    Raises
    ------
    FormatError
        If there is no such row.
    """
    if not isinstance(number, int | np.integer) or not 1 <= number <= len(table.data):
        raise FormatError(f"has {len(table.data)} spectra, in rows from 1; there is no row {number!r}", path)
    others = [hdu for hdu in hdus[1:] if hdu is not table and hdu.name != table.name]
    is_ours = "XRTLABEL" in table.columns.names or "XRTLABEL" in table.header
    own = [hdu for hdu in others if hdu.name not in _OF_ROW or (is_ours and hdu.ver == number)]
    return fits.HDUList([fits.PrimaryHDU(), *own]), _row_table(table, number - 1, path)


def _row_table(table: Any, number: int, path: Path) -> Any:
    names = table.columns.names
    vectors = [name for name in VECTORS if name in names and np.ndim(table.data[name]) == 2]
    single = fits.BinTableHDU.from_columns([_cell(table, name, number) for name in vectors], name="SPECTRUM")
    cards = {**plain_cards(table.header), **_scalars(table, number)}
    for name in ("QUALITY", "GROUPING", "SYS_ERR"):
        if name not in vectors and name in table.header:
            cards.setdefault(name, table.header[name])
    single.header.update(
        {key: value for key, value in cards.items() if not _STRUCTURE.fullmatch(key) or key in VECTORS}
    )
    if not single.header.get("XRTLABEL"):
        single.header["XRTLABEL"] = f"{re.sub(r'[^A-Za-z0-9_.+-]', '_', path.name.split('.')[0])}_{number + 1}"
    return single


def _scalars(table: Any, number: int) -> Mapping[str, Any]:
    """What stands in columns of one value per row, as keywords."""
    cards = {}
    for name in table.columns.names:
        if name not in ("SPEC_NUM", "ROWID") and _KEYWORD.fullmatch(name) and np.ndim(table.data[name]) == 1:
            value = table.data[name][number]
            plain = value.item() if isinstance(value, np.generic) else value
            if isinstance(plain, str | int | float) and plain == plain and plain != "":  # Not NaN: a row without it.
                cards[name] = plain
    return cards


def _cell(table: Any, name: str, number: int) -> fits.Column:
    values: NDArray[Any] = np.asarray(table.data[name][number])
    kind = {"i": "K", "u": "K", "f": "D"}.get(values.dtype.kind)
    if kind is None:
        raise FormatError(f"column {name} of {table.name} holds no numbers")
    return fits.Column(name, kind, unit=table.columns[name].unit, array=values)
