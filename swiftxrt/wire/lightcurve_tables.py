"""The tables of a light-curve reply: one for each dataset, with ``columns`` and ``data`` (rows)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ProtocolError
from ..products._datasets import COLUMNS, Dataset, canonical
from .lightcurve_names import DatasetName
from .reading import number_column

__all__ = ["NO_OBSID", "read_columns", "read_dataset"]

#: Stands for an unknown ObsID, as the service's client needs a number there.
NO_OBSID = "0" * 11

_OBSID = re.compile(r"(?:!?\s*::ObsID=)?\s*(\d{1,11})(?:\.0*)?")
_LARGEST = 2**31 - 1
# More than any time has, in whatever unit: in another one it might overflow.
_ENDLESS = 1e12
_TEXT_COLUMNS = ("ObsID", "URL")
_NUMBERS = {name for columns in COLUMNS.values() for name in columns} | {"HRPos", "HRNeg", "Quality", "Snapshot"}
# Errors are positive; downward ones may have either sign.
_POSITIVE = ("Quality", "Snapshot", "TimePos", "RatePos", "RateErr", "HRErr", "HRPos", "BGerr")


def read_dataset(reply: Mapping[str, Any], parsed: DatasetName) -> Dataset:
    """Read and check one dataset of a reply.

    Parameters
    ----------
    reply : mapping
        The whole reply.
    parsed : DatasetName
        One of its ``Datasets``.

    Raises
    ------
    ProtocolError
        If the table is missing or cannot be used; the message says why.
    """
    name = parsed.text
    columns = read_columns(reply, name)
    obsid = columns.pop("ObsID", np.array([], dtype=str))
    columns.pop("URL", None)
    if "HRErr" not in columns and {"HRPos", "HRNeg"} <= columns.keys():
        columns["HRErr"] = (columns["HRPos"] + np.abs(columns["HRNeg"])) / 2
    if parsed.curve and "SNR" not in columns and "Rate" in columns:
        columns["SNR"] = _signal_to_noise(columns)
    needed = ("Time", "TimePos", "TimeNeg", "HR" if parsed.kind == "HR" else "Rate")
    missing = [column for column in needed if column not in columns]
    if missing:
        raise ProtocolError(f"{name!r} lacks {', '.join(missing)}; its columns are {', '.join(columns)}")
    if not np.all(np.isfinite(columns["Time"])):
        raise ProtocolError(f"{name!r} has rows without a time")
    for column in ("Time", "TimePos", "TimeNeg"):
        wrong = (np.abs(columns[column]) > _ENDLESS) & np.isfinite(columns[column])
        if wrong.any():
            raise ProtocolError(f"{name!r} has times that are no dates, such as {columns[column][wrong][0]:.10g}")
    positive = [column for column in _POSITIVE if column in columns]
    if np.any(np.array([columns[column] for column in positive]) < 0):  # NaN is not.
        negative = next(column for column in positive if np.any(columns[column] < 0))
        raise ProtocolError(f"{name!r} has negative values of {negative}")
    quality, snapshot = (_whole(columns.pop(column, None)) for column in ("Quality", "Snapshot"))
    return Dataset(parsed.mode, parsed.kind, columns, obsid, quality, snapshot)


def _signal_to_noise(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Rates over their errors, which curves of catalogued sources leave out; infinite for limits, as elsewhere."""
    rate = columns["Rate"]
    error = np.abs(columns.get("RateNeg", columns.get("RateErr", np.zeros_like(rate))))
    return np.divide(rate, error, out=np.where(np.isnan(rate + error), np.nan, np.inf), where=error > 0)


def _whole(numbers: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Whole numbers; 0 where there is none."""
    if numbers is None:
        return np.array([], dtype=np.int64)
    return np.clip(np.nan_to_num(numbers), 0, _LARGEST).astype(np.int64)


def read_columns(reply: Mapping[str, Any], name: str) -> dict[str, NDArray[Any]]:
    """Columns of one dataset, under today's names; unknown ones are left out.

    Parameters
    ----------
    reply : mapping
        The whole reply.
    name : str
        One of its ``Datasets``.

    Returns
    -------
    columns : dict of str to ndarray
        Numbers (NaN for null), but texts for ``ObsID`` (11 digits) and ``URL``.

    Raises
    ------
    ProtocolError
        If the table is missing, ragged, names a column twice or holds text
        where numbers belong.
    """
    table = reply.get(f"{name}Data")
    if not isinstance(table, Mapping):
        raise ProtocolError(f"{name!r} is listed but there is no table '{name}Data'")
    columns, rows = table.get("columns"), table.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise ProtocolError(f"'{name}Data' needs the lists 'columns' and 'data'; it has {', '.join(table)}")
    names = [canonical(str(column)) for column in columns]
    if len(set(names)) < len(names):
        twice = [column for column, number in Counter(names).items() if number > 1]
        raise ProtocolError(f"{name!r} has the column {twice[0]} more than once: {', '.join(map(str, columns))}")
    fast = _all_numbers(names, rows)
    if fast is not None:
        return {column: fast[:, index] for index, column in enumerate(names) if column in _NUMBERS}
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ProtocolError(f"row {number} of {name!r} should have {len(columns)} values: {row!r}")
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    known = _NUMBERS.union(_TEXT_COLUMNS)
    return {
        column: _read_column(f"{column} of {name!r}", column, values)
        for column, values in zip(names, cells, strict=True)
        if column in known
    }


def _all_numbers(names: Sequence[str], rows: Sequence[Any]) -> NDArray[np.float64] | None:
    """A table of nothing but numbers at once; None if it is something else, of which there is more to say."""
    if not rows or set(names) & set(_TEXT_COLUMNS):
        return None
    try:
        numbers = np.array(rows, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if numbers.shape == (len(rows), len(names)) and type(rows[0]) is list else None


def _read_column(what: str, column: str, cells: Iterable[Any]) -> NDArray[Any]:
    if column == "ObsID":
        return np.array([_read_obsid(what, cell) for cell in cells], dtype=str)
    if column in _TEXT_COLUMNS:
        return np.array([str(cell) for cell in cells], dtype=str)
    return number_column(what, cells)


def _read_obsid(what: str, cell: Any) -> str:
    if cell is None or cell == "":
        return ""
    match = _OBSID.fullmatch(str(cell).strip())
    if match is None:
        raise ProtocolError(f"{what} should hold ObsIDs of up to eleven digits; got {cell!r}")
    obsid = match.group(1).zfill(11)
    return "" if obsid == NO_OBSID else obsid
