"""ARF and RMF files in the OGIP format (OGIP memos CAL/GEN/92-002 and 92-002a)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FormatError, RequestError
from ..products.response import ARF, RMF
from ._fitsfile import load_fits, save_fits

__all__ = ["arf_hdus", "read_arf", "read_rmf", "rmf_hdus", "write_arf", "write_rmf"]

PathLike = str | os.PathLike[str]


def find_table(hdus: fits.HDUList, path: PathLike, what: str, names: Iterable[str], classes: tuple[str, ...]) -> Any:
    """The table HDU with one of the names, or with OGIP classes (``HDUCLAS1``, ``HDUCLAS2``).

    Raises
    ------
    FormatError
        If there is none.
    """
    for hdu in hdus[1:]:
        header = hdu.header
        declared = tuple(str(header.get(f"HDUCLAS{level}", "")).strip() for level in range(1, len(classes) + 1))
        if isinstance(hdu, fits.BinTableHDU) and (hdu.name in names or declared == classes):
            return hdu
    found = ", ".join(hdu.name or "unnamed" for hdu in hdus)
    raise FormatError(f"is not {what}: it holds only {found}", path)


def column(hdu: Any, name: str, path: PathLike) -> Any:
    """A column of a table in native byte order.

    Raises
    ------
    FormatError
        If the table has no such column.
    """
    if name not in hdu.columns.names:
        raise FormatError(f"{hdu.name} has no column {name} (it has {', '.join(hdu.columns.names)})", path)
    values = hdu.data[name]
    return values if values.dtype.kind == "O" else np.asarray(values, dtype=values.dtype.newbyteorder("="))


def read_arf(path: PathLike) -> ARF:
    """Read an ARF; see `swiftxrt.ARF.read`."""
    hdu = find_table(load_fits(path), path, "an ARF", ("SPECRESP",), ("RESPONSE", "SPECRESP"))
    with content_errors(path):
        return ARF(
            energy_edges=_bin_edges(hdu, "ENERG_LO", "ENERG_HI", path),
            effective_area=_quantity(hdu, "SPECRESP", u.cm**2, path),
            header=dict(hdu.header.items()),
        )


def read_rmf(path: PathLike) -> RMF:
    """Read an RMF; see `swiftxrt.RMF.read`."""
    hdus = load_fits(path)
    matrix = find_table(hdus, path, "an RMF", ("MATRIX", "SPECRESP MATRIX"), ("RESPONSE", "RSP_MATRIX"))
    bounds = find_table(hdus, path, "a complete RMF", ("EBOUNDS",), ("RESPONSE", "EBOUNDS"))
    channel = column(bounds, "CHANNEL", path)
    channel_edges = _bin_edges(bounds, "E_MIN", "E_MAX", path)
    with content_errors(path):
        return RMF(
            matrix=_dense(matrix, int(channel[0]), len(channel), path),
            energy_edges=_bin_edges(matrix, "ENERG_LO", "ENERG_HI", path),
            channel_edges=channel_edges,
            first_channel=int(channel[0]),
            header=dict(matrix.header.items()),
        )


@contextmanager
def content_errors(path: PathLike) -> Iterator[None]:
    """Tell of values that do not fit together as an error of the file."""
    try:
        yield
    except RequestError as error:
        raise FormatError(f"does not fit together: {error}", path) from error


def _quantity(hdu: Any, name: str, unit: u.UnitBase, path: PathLike) -> u.Quantity:
    values = np.asarray(column(hdu, name, path), dtype=float)
    given = hdu.columns[name].unit
    try:
        return u.Quantity(values, u.Unit(given) if given else unit).to(unit)
    except ValueError as error:
        raise FormatError(f"column {name} has the unit {given!r}; {unit} is expected", path) from error


def _bin_edges(hdu: Any, low_name: str, high_name: str, path: PathLike) -> u.Quantity:
    low, high = (_quantity(hdu, name, u.keV, path) for name in (low_name, high_name))
    if low.size == 0 or not np.allclose(low.value[1:], high.value[:-1], rtol=1e-5, atol=1e-6):
        raise FormatError(f"the bins of {low_name} and {high_name} are missing or not contiguous", path)
    return u.Quantity(np.append(low.value, high.value[-1]), u.keV)


def _dense(hdu: Any, first_channel: int, n_channel: int, path: PathLike) -> NDArray[np.float64]:
    """The matrix as a full array; the file may hold groups of channels per energy."""
    n_group, f_chan, n_chan, values = (column(hdu, name, path) for name in ("N_GRP", "F_CHAN", "N_CHAN", "MATRIX"))
    if values.ndim == 2 and np.all(n_group == 1) and np.all(n_chan == n_channel) and np.all(f_chan == first_channel):
        return np.asarray(values[:, :n_channel], dtype=float)
    matrix = np.zeros((len(values), n_channel))
    for row, (groups, starts, lengths, content) in enumerate(zip(n_group, f_chan, n_chan, values, strict=True)):
        used = 0
        for start, length in zip(np.atleast_1d(starts)[:groups], np.atleast_1d(lengths)[:groups], strict=True):
            at, part = int(start) - first_channel, np.atleast_1d(content)[used : used + int(length)]
            if at < 0 or at + length > n_channel or part.size != length:
                raise FormatError(f"row {row + 1} of {hdu.name} does not fit the {n_channel} channels", path)
            matrix[row, at : at + length] = part
            used += int(length)
    return matrix


def write_arf(arf: ARF, path: PathLike, *, overwrite: bool = False) -> None:
    """Write an ARF; see `swiftxrt.ARF.write`."""
    save_fits(arf_hdus(arf), path, overwrite=overwrite)


def write_rmf(rmf: RMF, path: PathLike, *, overwrite: bool = False) -> None:
    """Write an RMF; see `swiftxrt.RMF.write`."""
    save_fits(rmf_hdus(rmf), path, overwrite=overwrite)


def arf_hdus(arf: ARF) -> fits.HDUList:
    """The HDUs of an ARF file."""
    edges = arf.energy_edges.value
    columns = [
        real_column("ENERG_LO", edges[:-1], "keV"),
        real_column("ENERG_HI", edges[1:], "keV"),
        real_column("SPECRESP", arf.effective_area.value, "cm**2"),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SPECRESP")
    add_cards(hdu, {**_RESPONSE, "HDUCLAS2": "SPECRESP", "HDUVERS": "1.1.0", **arf.header})
    return fits.HDUList([fits.PrimaryHDU(), hdu])


def rmf_hdus(rmf: RMF) -> fits.HDUList:
    """The HDUs of an RMF file: one group per energy, from its first channel to its last.

    Where that saves nothing, all channels are written, as in the XRT's own files.
    """
    n_energy, n_channel = rmf.matrix.shape
    energy, channel = rmf.energy_edges.value, rmf.channel_edges.value
    first, length = _extents(rmf.matrix)
    n_element = int(length.sum())
    if n_element > _WORTH_PACKING * rmf.matrix.size:
        first, length, n_element = np.zeros_like(first), np.full_like(length, n_channel), rmf.matrix.size
    matrix = fits.BinTableHDU.from_columns(
        [
            real_column("ENERG_LO", energy[:-1], "keV"),
            real_column("ENERG_HI", energy[1:], "keV"),
            fits.Column("N_GRP", "I", array=np.ones(n_energy, dtype=np.int16)),
            fits.Column("F_CHAN", "J", array=rmf.first_channel + first),
            fits.Column("N_CHAN", "J", array=length),
            _matrix_column(rmf.matrix, first, length),
        ],
        name="MATRIX",
    )
    limits = {"DETCHANS": n_channel, "CHANTYPE": "PI"}
    last = rmf.first_channel + n_channel - 1
    more = {"TLMIN4": rmf.first_channel, "TLMAX4": last, "NUMGRP": n_energy, "NUMELT": n_element}
    version = {"HDUCLAS2": "RSP_MATRIX", "HDUCLAS3": "REDIST", "HDUVERS": "1.3.0"}
    add_cards(matrix, {**_RESPONSE, **version, **limits, **more, "LO_THRES": 0.0, **rmf.header})
    bounds = fits.BinTableHDU.from_columns(
        [
            fits.Column("CHANNEL", "J", array=rmf.channels),
            real_column("E_MIN", channel[:-1], "keV"),
            real_column("E_MAX", channel[1:], "keV"),
        ],
        name="EBOUNDS",
    )
    add_cards(bounds, {**_RESPONSE, "HDUCLAS2": "EBOUNDS", "HDUVERS": "1.2.0", **limits})
    return fits.HDUList([fits.PrimaryHDU(), matrix, bounds])


def _extents(matrix: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First channel that is not zero, and number of channels up to the last, of each row; at least one channel."""
    seen = matrix > 0
    first = seen.argmax(axis=1)
    last = matrix.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
    return first, np.where(seen.any(axis=1), last - first + 1, 1)


def _matrix_column(matrix: NDArray[np.float64], first: NDArray[np.int64], length: NDArray[np.int64]) -> fits.Column:
    if np.all(length == matrix.shape[1]):
        return real_column("MATRIX", matrix)
    single = np.array_equal(matrix.astype(np.float32), matrix)
    rows = np.empty(len(matrix), dtype=object)
    for number, (start, size) in enumerate(zip(first, length, strict=True)):
        rows[number] = matrix[number, start : start + size].astype(np.float32 if single else np.float64)
    return fits.Column("MATRIX", f"P{'E' if single else 'D'}({length.max()})", array=rows)


#: Rows of different length are written if they take less than this part of the whole matrix.
_WORTH_PACKING = 0.6

_RESPONSE = {
    "HDUCLASS": "OGIP",
    "HDUCLAS1": "RESPONSE",
    "TELESCOP": "SWIFT",
    "INSTRUME": "XRT",
    "FILTER": "NONE",
}


def real_column(name: str, values: NDArray[np.float64], unit: str | None = None) -> fits.Column:
    """A column of single precision where that loses nothing, as in files made from single precision."""
    exact = np.array_equal(values.astype(np.float32), values)
    size = values.shape[1] if values.ndim == 2 else ""
    return fits.Column(name, f"{size}{'E' if exact else 'D'}", unit=unit, array=values)


def add_cards(hdu: Any, cards: Mapping[str, Any]) -> None:
    """Append header cards; real numbers are written with all their digits."""
    for name, value in cards.items():
        if isinstance(value, float):
            hdu.header.append(fits.Card.fromstring(f"{name:8}= {_digits(value):>20}"))
        else:
            hdu.header.append((name, value))


def _digits(value: float) -> str:
    """A number as FITS wants it; astropy itself would drop digits beyond 20 characters."""
    mantissa, _, exponent = repr(value).upper().partition("E")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{exponent}" if exponent else mantissa
