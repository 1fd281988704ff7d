"""Whole tables of catalogues as the service offers them: CSV and FITS."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .._atomic import atomic_path
from ..catalog_fields import CatalogField
from ..exceptions import RequestError
from ._fitsfile import save_fits

__all__ = ["write_catalog_table"]

_WHOLE = frozenset({"int", "flag", "target_id"})
_REAL = frozenset({"float", "met", "mjd", "jd_tdb"})
#: Stands for a missing whole number.
_NULL = -(2**63)


def write_catalog_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, CatalogField],
    path: Path,
    *,
    form: str,
    overwrite: bool = False,
) -> Path:
    """Write a table.

    Parameters
    ----------
    rows : sequence of mapping
        The rows; None where there is no value.
    columns : mapping of str to CatalogField
        The columns in their order.
    path : Path
        The file; it is gzipped if its name ends with ``.gz``.
    form : {"csv", "fits"}
        How. Missing values are empty in CSV, NaN, the null value of the
        column or empty in FITS.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Raises
    ------
    RequestError
        If there is no such form.
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    if form == "fits":
        table = fits.BinTableHDU.from_columns([_column(name, one, rows) for name, one in columns.items()])
        return save_fits([fits.PrimaryHDU(), table], path, overwrite=overwrite)
    if form != "csv":
        raise RequestError([("format", f"must be csv or fits; got {form!r:.40}")])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name) for name in columns] for row in rows)
    content = text.getvalue().encode("utf-8")
    with atomic_path(path, overwrite) as temporary:
        temporary.write_bytes(gzip.compress(content, 6, mtime=0) if path.suffix == ".gz" else content)
    return path


def _column(name: str, field: CatalogField, rows: Sequence[Mapping[str, Any]]) -> fits.Column:
    values = [row.get(name) for row in rows]
    unit = field.unit or None
    if field.kind in _WHOLE:
        whole = np.array([_NULL if value is None else int(value) for value in values], dtype=np.int64)
        return fits.Column(name, "K", unit=unit, null=_NULL if (whole == _NULL).any() else None, array=whole)
    if field.kind in _REAL:
        real = np.array([np.nan if value is None else float(value) for value in values], dtype=float)
        return fits.Column(name, "D", unit=unit, array=real)
    text = _encoded(values)
    return fits.Column(name, f"{max(text.dtype.itemsize, 1)}A", array=text)


def _encoded(values: Sequence[Any]) -> NDArray[np.bytes_]:
    """Texts as FITS has them: ASCII."""
    found = ["" if value is None else str(value).encode("ascii", "replace").decode("ascii") for value in values]
    return np.array(found, dtype="S") if found else np.zeros(0, dtype="S1")
