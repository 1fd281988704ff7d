"""Several spectra in one table: PHA files of type II (OGIP memo 92-007).

Each row is a spectrum. What all have in common stands in the header, what
differs in columns of the same name. The backgrounds are a second such file
with the same rows; ARF and RMF are files of their own, named row by row.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from .._atomic import check_target
from .._paths import as_path
from ..exceptions import FormatError, RequestError
from ..products.countspectrum import CountSpectrum
from ._fitsfile import load_fits, save_fits
from ._pha_hdus import count_columns, edges_follow, pha_hdus
from ._pha_rows import one_row, plain_cards
from ._pha_table import is_type_two, named_sources, spectrum_tables, table_content
from .pha import beside, check_name, companion_names, joined, table_companions
from .response import add_cards, arf_hdus, content_errors, rmf_hdus

__all__ = ["read_pha_rows", "write_pha_rows"]

PathLike = str | os.PathLike[str]
Cards = dict[str, Any]

_ROW = re.compile(r"\{(\d+)\}$")


def write_pha_rows(spectra: Sequence[CountSpectrum], path: PathLike, *, overwrite: bool = False) -> Path:
    """Write spectra as the rows of one PHA file; see `swiftxrt.SpectrumSet.write_pha`."""
    path = as_path(path, "path")
    check_name(path)
    if not spectra:
        raise RequestError("a PHA file needs at least one spectrum; there is none")
    channel = spectra[0].channel
    if any(not np.array_equal(one.channel, channel) for one in spectra):
        raise RequestError("the spectra of one table need the same channels; write them one by one")
    backgrounds = [one.background for one in spectra if one.background is not None]
    for several in (spectra, backgrounds):
        if len({one.has_poisson_counts for one in several}) > 1:
            raise RequestError("one table holds either counts or rates with errors; write these spectra one by one")
    files, targets = _companions_of(spectra, path)
    targets[path] = _hdus(spectra, files, background=False)
    for target in targets:
        check_target(target, overwrite)
    for target, hdus in targets.items():  # The companions first: the PHA file names them.
        save_fits(hdus, target, overwrite=overwrite)
    return path


def _companions_of(spectra: Sequence[CountSpectrum], path: Path) -> tuple[list[dict[str, str]], dict[Path, Any]]:
    """Names of the companions of each row, and the HDUs of these files; a matrix that rows share is one file."""
    names = companion_names(path)
    stem = Path(names["ANCRFILE"]).stem
    files: list[dict[str, str]] = [{} for _ in spectra]
    targets: dict[Path, Any] = {}
    matrices: dict[int, str] = {}
    for number, (spectrum, own) in enumerate(zip(spectra, files, strict=True), start=1):
        if spectrum.arf is not None:
            own["ANCRFILE"] = f"{stem}_{number}.arf"
            targets[path.with_name(own["ANCRFILE"])] = arf_hdus(spectrum.arf)
        if spectrum.rmf is not None:
            if id(spectrum.rmf) not in matrices:
                matrices[id(spectrum.rmf)] = f"{stem}_{number}.rmf"
                targets[path.with_name(f"{stem}_{number}.rmf")] = rmf_hdus(spectrum.rmf)
            own["RESPFILE"] = matrices[id(spectrum.rmf)]
    backgrounds = [one.background for one in spectra if one.background is not None]
    if backgrounds:
        row = 0
        for spectrum, own in zip(spectra, files, strict=True):
            if spectrum.background is not None:
                row += 1
                own["BACKFILE"] = f"{names['BACKFILE']}{{{row}}}"
        empty: list[dict[str, str]] = [{} for _ in backgrounds]
        targets[path.with_name(names["BACKFILE"])] = _hdus(backgrounds, empty, background=True)
    return files, targets


def _hdus(spectra: Sequence[CountSpectrum], files: Sequence[dict[str, str]], *, background: bool) -> fits.HDUList:
    singles = [pha_hdus(one, own, background=background) for one, own in zip(spectra, files, strict=True)]
    cards = [plain_cards(single[1].header) for single in singles]
    vectors = list(_vector_columns(spectra, spectra[0].channel.size))
    for one in cards:
        for column in vectors:
            one.pop(column.name, None)
    shared, different = _sorted_out(cards)
    columns = [fits.Column("SPEC_NUM", "J", array=np.arange(1, len(spectra) + 1)), *vectors]
    columns += [_scalar_column(name, [one.get(name) for one in cards]) for name in different]
    table = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    first, last = int(spectra[0].channel[0]), int(spectra[0].channel[-1])
    add_cards(table, {**shared, "HDUCLAS4": "TYPE:II", "TLMIN2": first, "TLMAX2": last})
    more = []
    for number, single in enumerate(singles, start=1):
        for hdu in single[2:]:
            hdu.ver = number
            more.append(hdu)
    return fits.HDUList([fits.PrimaryHDU(), table, *more])


def _sorted_out(cards: Sequence[Cards]) -> tuple[Cards, list[str]]:
    """What all rows have in common, and the names of what differs."""
    names = dict.fromkeys(name for one in cards for name in one)
    shared = {
        name: cards[0][name] for name in names if all(name in one and _equal(one, cards[0], name) for one in cards)
    }
    return shared, [name for name in names if name not in shared]


def _equal(one: Cards, other: Cards, name: str) -> bool:
    return name in other and type(one[name]) is type(other[name]) and one[name] == other[name]


def _vector_columns(spectra: Sequence[CountSpectrum], size: int) -> Iterator[fits.Column]:
    yield fits.Column("CHANNEL", f"{size}J", array=np.array([one.channel for one in spectra]))
    for columns in zip(*(count_columns(one) for one in spectra), strict=True):
        kind = "D" if any(one.array.dtype.kind == "f" for one in columns) else "J" if _are_short(spectra) else "K"
        yield fits.Column(columns[0].name, f"{size}{kind}", unit=columns[0].unit, array=[one.array for one in columns])
    yield fits.Column("QUALITY", f"{size}I", array=np.array([one.quality for one in spectra]))
    yield fits.Column("GROUPING", f"{size}I", array=np.array([one.grouping for one in spectra]))
    for name in ("AREASCAL", "BACKSCAL"):
        values = [getattr(one, name.lower().replace("scal", "scale")) for one in spectra]
        if any(isinstance(value, np.ndarray) for value in values):
            yield fits.Column(name, f"{size}D", array=[np.broadcast_to(value, size) for value in values])
    errors = np.array([one.systematic for one in spectra])
    if errors.any():
        yield fits.Column("SYS_ERR", f"{size}D", array=errors)
    if not all(edges_follow(one) for one in spectra):
        edges = np.array([one.energy_edges.value for one in spectra])
        yield fits.Column("E_MIN", f"{size}D", unit="keV", array=edges[:, :-1])
        yield fits.Column("E_MAX", f"{size}D", unit="keV", array=edges[:, 1:])


def _are_short(spectra: Sequence[CountSpectrum]) -> bool:
    return all(int(one.counts.max()) <= np.iinfo(np.int32).max for one in spectra)


def _scalar_column(name: str, values: Sequence[Any]) -> fits.Column:
    """A column for a keyword; blank or NaN where a row has none."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool} and None not in values:
        return fits.Column(name, "L", array=np.array(values))
    if kinds == {int} and None not in values:
        return fits.Column(name, "K", array=np.array(values))
    if kinds <= {int, float, bool}:
        return fits.Column(name, "D", array=np.array([np.nan if value is None else float(value) for value in values]))
    texts = ["" if value is None else str(value) for value in values]
    return fits.Column(name, f"{max(1, *map(len, texts))}A", array=np.array(texts))


def read_pha_rows(path: PathLike) -> tuple[CountSpectrum, ...]:
    """Read the spectra of a PHA file of either type; see `swiftxrt.SpectrumSet.read_pha`.

    Raises
    ------
    FormatError
        If it is not a PHA file, or damaged.
    """
    path = Path(path)
    matrices: dict[Path, Any] = {}
    backgrounds: dict[Path, list[CountSpectrum]] = {}
    spectra = []
    for number, (hdus, table) in enumerate(_rows(path)):
        background, row = _background_file(path, table.header, number)
        parts = table_companions(path, table.header, {}, known=matrices)
        if background is not None and background not in backgrounds:
            backgrounds[background] = [_plain(*one, background) for one in _rows(background, background=True)]
        if background is not None:
            if row >= len(backgrounds[background]):
                raise FormatError(f"names row {row + 1} of {background.name}, which has fewer", path)
            parts["background"] = backgrounds[background][row]
        spectra.append(joined(table_content(hdus, table, path), parts, path))
    return tuple(spectra)


def _plain(hdus: fits.HDUList, table: Any, path: Path) -> CountSpectrum:
    with content_errors(path):
        return CountSpectrum(**table_content(hdus, table, path))


def _background_file(path: Path, header: fits.Header, number: int) -> tuple[Path | None, int]:
    """File and row (from 0) of the background; taken out of the header, where programs expect a file of one."""
    named = str(header.get("BACKFILE", "")).strip()
    match = _ROW.search(named)
    header["BACKFILE"] = _ROW.sub("", named)
    found = beside(path, header, "BACKFILE")
    header["BACKFILE"] = "none"
    return found, int(match[1]) - 1 if match else number


def _rows(path: Path, *, background: bool = False) -> Iterator[tuple[fits.HDUList, Any]]:
    """Each spectrum of a file, in the rows of a table or in tables of its own, as the HDUs of a file of one."""
    hdus = load_fits(path)
    tables = [table for _, table in spectrum_tables(hdus, path)]
    alike = [one for one in tables if (str(one.header.get("HDUCLAS2", "")).strip() == "BKG") == background] or tables
    labels = named_sources(alike)
    for label, table in zip(labels, alike, strict=True):
        if is_type_two(table):
            yield from (one_row(hdus, table, number, path) for number in range(1, len(table.data) + 1))
            continue
        if len(alike) > 1 and not table.header.get("XRTLABEL"):
            table.header["XRTLABEL"] = label
        yield hdus, table
