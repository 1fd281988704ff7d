"""ARF and RMF files in the OGIP format (OGIP memos CAL/GEN/92-002 and 92-002a)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FormatError, MetadataWarning, RequestError, warn
from ..products.response import ARF, RMF
from ._fitsfile import load_fits, save_fits

__all__ = [
    "arf_from",
    "arf_hdus",
    "bin_edges",
    "is_ebounds",
    "numbers",
    "read_arf",
    "read_rmf",
    "rmf_from",
    "rmf_hdus",
    "write_arf",
    "write_rmf",
]

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


def numbers(hdu: Any, name: str, path: PathLike) -> NDArray[Any]:
    """A column with one number in each row.

    Raises
    ------
    FormatError
        If the table has no such column, or it holds something else.
    """
    values: NDArray[Any] = column(hdu, name, path)
    if values.ndim != 1 or values.dtype.kind not in "iufb":
        raise FormatError(f"column {name} of {hdu.name} does not hold one number in each row", path)
    return values


def is_ebounds(hdu: Any) -> bool:
    """Whether an HDU is the table of the channels' energies."""
    name, level = hdu.name, str(hdu.header.get("HDUCLAS2", "")).strip().upper()
    return isinstance(hdu, fits.BinTableHDU) and (name == "EBOUNDS" or name.endswith(_EBOUNDS) or level == "EBOUNDS")


def _is_matrix(hdu: Any) -> bool:
    declared = tuple(str(hdu.header.get(f"HDUCLAS{level}", "")).strip() for level in (1, 2))
    named = hdu.name in ("MATRIX", "SPECRESP MATRIX") or declared == ("RESPONSE", "RSP_MATRIX")
    return isinstance(hdu, fits.BinTableHDU) and named


def read_arf(path: PathLike) -> ARF:
    """Read an ARF; see `swiftxrt.ARF.read`."""
    return arf_from(load_fits(path), path)


def arf_from(hdus: fits.HDUList, path: PathLike) -> ARF:
    """The ARF in HDUs."""
    hdu = find_table(hdus, path, "an ARF", ("SPECRESP",), ("RESPONSE", "SPECRESP"))
    with content_errors(path):
        return ARF(
            energy_edges=bin_edges(hdu, "ENERG_LO", "ENERG_HI", path),
            effective_area=_quantity(hdu, "SPECRESP", u.cm**2, path),
            header=dict(hdu.header.items()),
            **_origin(hdu.header),
        )


def read_rmf(path: PathLike, number: int = 1) -> RMF:
    """Read an RMF, the given one of a file with several; see `swiftxrt.RMF.read`."""
    return rmf_from(load_fits(path), path, number)


def rmf_from(hdus: fits.HDUList, path: PathLike, number: int = 1) -> RMF:
    """The RMF in HDUs.

    Raises
    ------
    FormatError
        If they are not those of an RMF, or there is none of that number.

    Warns
    -----
    MetadataWarning
        If the channels are not numbered.
    """
    matrices = [hdu for hdu in hdus if _is_matrix(hdu)]
    if number > len(matrices) > 0:
        raise FormatError(f"holds {len(matrices)} matrices; there is no number {number}", path)
    wanted = matrices or [find_table(hdus, path, "an RMF", ("MATRIX",), ("RESPONSE", "RSP_MATRIX"))]
    matrix = wanted[max(number, 1) - 1]
    tables = [hdu for hdu in hdus if is_ebounds(hdu)]
    bounds = tables[0] if tables else find_table(hdus, path, "a complete RMF", ("EBOUNDS",), ("RESPONSE", "EBOUNDS"))
    first, channel_edges = _first_channel(bounds, matrix, path), bin_edges(bounds, "E_MIN", "E_MAX", path)
    origin = _origin(matrix.header)
    is_full = str(matrix.header.get("HDUCLAS3", "")).strip().upper() == "FULL"
    with content_errors(path):
        return RMF(
            matrix=_dense(matrix, first, channel_edges.size - 1, path),
            energy_edges=bin_edges(matrix, "ENERG_LO", "ENERG_HI", path),
            channel_edges=channel_edges,
            first_channel=first,
            channel_type=_text(matrix.header, "CHANTYPE", "PI"),
            includes_area=True if is_full else None,
            header=dict(matrix.header.items()),
            **origin,
        )


def _text(header: fits.Header, keyword: str, default: str) -> str:
    return "".join(char for char in str(header.get(keyword, "")) if " " <= char <= "~").strip()[:60] or default


def _origin(header: fits.Header) -> dict[str, str]:
    """Telescope, instrument and filter; of the XRT where the header tells none."""
    telescope, instrument = _text(header, "TELESCOP", ""), _text(header, "INSTRUME", "")
    if "TELESCOP" not in header and "INSTRUME" not in header:
        telescope, instrument = "SWIFT", "XRT"
    names = {"telescope": telescope or "UNKNOWN", "instrument": instrument or "UNKNOWN"}
    return {**names, "filter_name": _text(header, "FILTER", "NONE")}


def _first_channel(bounds: Any, matrix: Any, path: PathLike) -> int:
    """Number of the first channel; of tables that do not number them, what the header tells."""
    channel = numbers(bounds, "CHANNEL", path)
    if channel.size and np.all(np.isfinite(channel)) and np.all(np.diff(channel) == 1):
        return int(channel[0])
    first = _lowest(bounds, "CHANNEL", _lowest(matrix, "F_CHAN", 1))
    warn(f"{Path(path).name}: EBOUNDS does not number its channels; taken as {first} and up", MetadataWarning)
    return first


def _lowest(hdu: Any, name: str, default: int) -> int:
    """The least value a column may have (``TLMINn``), which is what its numbers are counted from."""
    value = hdu.header.get(f"TLMIN{hdu.columns.names.index(name) + 1}")
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


@contextmanager
def content_errors(path: PathLike) -> Iterator[None]:
    """Tell of values that do not fit together as an error of the file."""
    try:
        yield
    except RequestError as error:
        raise FormatError(f"does not fit together: {error}", path) from error


def _quantity(hdu: Any, name: str, unit: u.UnitBase, path: PathLike) -> u.Quantity:
    values = np.asarray(numbers(hdu, name, path), dtype=float)
    given = (hdu.columns[name].unit or "").strip()
    spelled = _SPELLINGS.get(given.lower(), given)
    try:
        return u.Quantity(values, u.Unit(spelled) if spelled else unit).to(unit)
    except ValueError as error:
        raise FormatError(f"column {name} has the unit {given!r}; {unit} is expected", path) from error


def bin_edges(hdu: Any, low_name: str, high_name: str, path: PathLike) -> u.Quantity:
    """Edges of contiguous bins.

    Raises
    ------
    FormatError
        If a column is missing, or the bins are not contiguous.
    """
    low, high = (_quantity(hdu, name, u.keV, path) for name in (low_name, high_name))
    if low.size == 0 or not np.allclose(low.value[1:], high.value[:-1], rtol=1e-5, atol=1e-6):
        raise FormatError(f"the bins of {low_name} and {high_name} are missing or not contiguous", path)
    return u.Quantity(np.append(low.value, high.value[-1]), u.keV)


def _dense(hdu: Any, first_channel: int, n_channel: int, path: PathLike) -> NDArray[np.float64]:
    """The matrix as a full array; the file may hold groups of channels per energy."""
    n_group, f_chan, n_chan, values = (column(hdu, name, path) for name in ("N_GRP", "F_CHAN", "N_CHAN", "MATRIX"))
    declared = _lowest(hdu, "F_CHAN", 1)  # As the memo says; in files of XMM and GBM without TLMIN, it is so.
    plain = values.ndim == 2 and f_chan.dtype.kind != "O" and n_chan.dtype.kind != "O"
    if plain and np.all(n_group == 1) and np.all(n_chan == n_channel) and np.all(f_chan == declared):
        return np.asarray(values[:, :n_channel], dtype=float)
    try:
        groups = list(_groups(n_group, f_chan, n_chan, values))
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"the groups of channels of {hdu.name} are no numbers", path) from error
    # Some files count as in EBOUNDS, whatever they declare.
    for lowest in (declared, first_channel, 1):
        if all(start >= lowest and start - lowest + part.size <= n_channel for _, start, part, _ in groups):
            break
    matrix = np.zeros((len(values), n_channel))
    for row, start, part, length in groups:
        at = start - lowest
        if at < 0 or at + length > n_channel or part.size != length:
            raise FormatError(f"row {row + 1} of {hdu.name} does not fit the {n_channel} channels", path)
        matrix[row, at : at + length] = part
    return matrix


def _groups(n_group: Any, f_chan: Any, n_chan: Any, values: Any) -> Iterator[tuple[int, int, NDArray[Any], int]]:
    """Row, first channel, values and length of each group of channels that is not empty."""
    for row, (groups, starts, lengths, content) in enumerate(zip(n_group, f_chan, n_chan, values, strict=True)):
        used, flat = 0, np.atleast_1d(content)
        for start, length in zip(np.atleast_1d(starts)[:groups], np.atleast_1d(lengths)[:groups], strict=True):
            if length > 0:
                yield row, int(start), flat[used : used + int(length)], int(length)
                used += int(length)


def write_arf(arf: ARF, path: PathLike, *, overwrite: bool = False) -> Path:
    """Write an ARF; see `swiftxrt.ARF.write`."""
    return save_fits(arf_hdus(arf), path, overwrite=overwrite)


def write_rmf(rmf: RMF, path: PathLike, *, overwrite: bool = False) -> Path:
    """Write an RMF; see `swiftxrt.RMF.write`."""
    return save_fits(rmf_hdus(rmf), path, overwrite=overwrite)


def arf_hdus(arf: ARF) -> fits.HDUList:
    """The HDUs of an ARF file."""
    edges = arf.energy_edges.value
    columns = [
        real_column("ENERG_LO", edges[:-1], "keV"),
        real_column("ENERG_HI", edges[1:], "keV"),
        real_column("SPECRESP", arf.effective_area.value, "cm**2"),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SPECRESP")
    add_cards(hdu, {**_response(arf), "HDUCLAS2": "SPECRESP", "HDUVERS": "1.1.0", **arf.header})
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
    limits = {"DETCHANS": n_channel, "CHANTYPE": rmf.channel_type}
    last = rmf.first_channel + n_channel - 1
    more = {"TLMIN4": rmf.first_channel, "TLMAX4": last, "NUMGRP": n_energy, "NUMELT": n_element}
    kind = "FULL" if rmf.includes_area else "REDIST"
    version = {"HDUCLAS2": "RSP_MATRIX", "HDUCLAS3": kind, "HDUVERS": "1.3.0"}
    add_cards(matrix, {**_response(rmf), **version, **limits, **more, "LO_THRES": 0.0, **rmf.header})
    bounds = fits.BinTableHDU.from_columns(
        [
            fits.Column("CHANNEL", "J", array=rmf.channels),
            real_column("E_MIN", channel[:-1], "keV"),
            real_column("E_MAX", channel[1:], "keV"),
        ],
        name="EBOUNDS",
    )
    add_cards(bounds, {**_response(rmf), "HDUCLAS2": "EBOUNDS", "HDUVERS": "1.2.0", **limits})
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

#: Names of tables with the channels' energies in files of INTEGRAL end like this.
_EBOUNDS = ("-EBDS-MOD", "-FBDS-MOD")
#: Units as some files spell them.
_SPELLINGS = {"kev": "keV", "cm^2": "cm2", "cm**2": "cm2", "mev": "MeV", "gev": "GeV", "ev": "eV"}


def _response(response: ARF | RMF) -> dict[str, str]:
    """Keywords of all tables of a response."""
    return {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "RESPONSE",
        "TELESCOP": response.telescope,
        "INSTRUME": response.instrument,
        "FILTER": response.filter_name,
    }


def real_column(name: str, values: NDArray[np.float64], unit: str | None = None) -> fits.Column:
    """A column of single precision where that loses nothing, as in files made from single precision."""
    with np.errstate(over="ignore"):  # What is too large for single precision is not kept in it.
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
