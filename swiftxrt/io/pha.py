"""Spectra as OGIP PHA files (OGIP memo 92-007) with background, ARF and RMF beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .._paths import as_path
from ..exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError, warn
from ..products._arrays import integers
from ..products.countspectrum import CountSpectrum
from ._fitsfile import load_fits, save_fits
from ._pha_hdus import pha_hdus
from ._pha_rows import one_row
from ._pha_table import choose_table, is_of_xrt, is_type_two, label_of, table_content
from .response import arf_hdus, content_errors, read_arf, read_rmf, rmf_hdus

__all__ = ["companions", "own_name", "pha_content", "pha_hdus", "read_pha", "write_pha"]

PathLike = str | os.PathLike[str]

_NO_FILE = ("", "none", "caldb")
#: What may follow the name of a file: an extension, or a number.
_PART = re.compile(r"(\[[^\]]*\]|\{\d+\})+\s*$")
_LONGEST_LINK = 68
_ENDINGS = (".pha", ".pi", ".fits", ".fit")


def read_pha(
    path: PathLike,
    *,
    background: PathLike | None = None,
    arf: PathLike | None = None,
    rmf: PathLike | None = None,
    extension: int | str | None = None,
    row: int | None = None,
    known: dict[Path, Any] | None = None,
) -> CountSpectrum:
    """Read a PHA file; see `swiftxrt.CountSpectrum.read`.

    Of several spectra, `known` keeps the matrices that they share.
    """
    path = as_path(path, "path")
    hdus, table = open_pha(path, extension)
    if is_type_two(table) and (row is not None or len(table.data) == 1):
        hdus, table = one_row(hdus, table, 1 if row is None else row, path)
    elif row is not None:
        raise FormatError(f"has one spectrum, not one in each row; leave out row={row!r}", path)
    content = _content(hdus, table, path)
    given = {"background": background, "arf": arf, "rmf": rmf}
    parts = table_companions(path, table.header, given, known=known)
    if parts["background"] is not None:
        _tell_lack_of_size(path, table, "which has a background")
    return joined(content, parts, path)


def own_name(spectrum: CountSpectrum, path: PathLike) -> str:
    """What a file is called if that is not after the label and mode of the spectrum in it; else nothing."""
    name = label_of(Path(path).name, spectrum.mode)
    return "" if name == spectrum.label else name


def joined(content: dict[str, Any], parts: dict[str, Any], path: Path) -> CountSpectrum:
    """A spectrum with its companions.

    Raises
    ------
    FormatError
        If they do not fit together.

    Warns
    -----
    MetadataWarning
        If background or matrix count the channels from another number than the spectrum.
    """
    with content_errors(path):
        channel = integers(content["channel"], "channel")
    fitting = dict(parts)
    rmf, background = fitting.get("rmf"), fitting.get("background")
    if content["mode"] is None and len(channel):
        if rmf is not None:
            fitting["rmf"], content = rmf.numbered_like(channel), {**content, "energy_edges": None}
        if background is not None and _counted_from_another(background, channel):
            fitting["background"] = background.replace(channel=channel, rmf=None, energy_edges=None)
        if fitting.get("rmf") is not rmf or fitting.get("background") is not background:
            told = "background or matrix count the channels from another number; they are taken in their order"
            warn(f"{path.name}: {told}", MetadataWarning)
    with content_errors(path):
        return CountSpectrum(**content, **fitting)


def _counted_from_another(background: CountSpectrum, channel: NDArray[np.int64]) -> bool:
    return background.channel.size == len(channel) and abs(int(background.channel[0]) - int(channel[0])) == 1


def companions(
    path: Path,
    *,
    background: PathLike | None = None,
    arf: PathLike | None = None,
    rmf: PathLike | None = None,
    forgiving: bool = False,
    known: dict[Path, Any] | None = None,
) -> dict[str, Any]:
    """Background, ARF and RMF of a PHA file: those given, else those its header names.

    Parameters
    ----------
    path : Path
        The PHA file.
    background, arf, rmf : path-like, optional
        Files to use instead of those that the header names.
    forgiving : bool, optional
        Whether a damaged file is left out with a warning, rather than an error.
    known : dict of Path to RMF, optional
        Matrices read before; those read now are added.

    Raises
    ------
    FormatError
        If a file is damaged.

    Warns
    -----
    MetadataWarning
        If the header names a file that is not next to the PHA file.
    """
    _, table = open_pha(path)
    given = {"background": background, "arf": arf, "rmf": rmf}
    return table_companions(path, table.header, given, forgiving=forgiving, known=known)


def table_companions(
    path: Path,
    header: fits.Header,
    given: Mapping[str, PathLike | None],
    *,
    forgiving: bool = False,
    known: dict[Path, Any] | None = None,
) -> dict[str, Any]:
    """The companions of one table; those `given` and those that its header names."""
    known = {} if known is None else known
    parts: dict[str, Any] = {}
    for part, keyword in (("background", "BACKFILE"), ("arf", "ANCRFILE"), ("rmf", "RESPFILE")):
        named = given.get(part) or beside(path, header, keyword)
        if named is None:
            parts[part] = None
        elif part != "rmf":
            parts[part] = _companion(part, Path(named), forgiving)
        else:
            number = 1 if given.get(part) else _number_in(header, keyword)
            place = Path(named) if number == 1 else Path(f"{named}{{{number}}}")
            if place not in known:
                known[place] = _companion(part, Path(named), forgiving, number)
            parts[part] = known[place]
    return parts


def _companion(part: str, path: Path, forgiving: bool, number: int = 1) -> Any:
    readers: dict[str, Callable[[Path], Any]] = {
        "background": _background,
        "arf": read_arf,
        "rmf": partial(read_rmf, number=number),
    }
    try:
        return readers[part](path)
    except FormatError as error:
        if not forgiving:
            raise
        warn(f"{path.name} cannot be used and is left out: {error.reason}", MetadataWarning)
        return None


def _background(path: Path) -> CountSpectrum:
    hdus, table = open_pha(path, background=True)
    if is_type_two(table) and len(table.data) == 1:
        hdus, table = one_row(hdus, table, 1, path)
    content = _content(hdus, table, path)
    _tell_lack_of_size(path, table, "a background")
    with content_errors(path):
        return CountSpectrum(**content)


def _tell_lack_of_size(path: Path, table: Any, what: str) -> None:
    """Warn if a background cannot be scaled for sure."""
    if "BACKSCAL" not in table.header and "BACKSCAL" not in table.columns.names:
        told = "tells no BACKSCAL, the size of its region; 1 is taken, as XSPEC does"
        warn(f"{path.name}, {what}, {told}", MetadataWarning)


def open_pha(path: Path, extension: int | str | None = None, *, background: bool = False) -> tuple[fits.HDUList, Any]:
    """The HDUs of a PHA file, and the table of the spectrum.

    Raises
    ------
    FormatError
        If it is not a PHA file, or holds several spectra and none is chosen.
    """
    hdus = load_fits(path)
    return hdus, choose_table(hdus, path, extension, background=background)


def beside(path: Path, header: fits.Header, keyword: str) -> Path | None:
    """The companion file a header names, looked for by its name next to the file itself."""
    named = str(header.get(keyword, "")).strip()
    if named.lower() in _NO_FILE:
        return None
    name = re.split(r"[/\\]", _PART.sub("", named))[-1]
    for candidate in (path.with_name(name), path.with_name(name + ".gz")):
        if candidate.is_file():
            return candidate
    warn(
        f"{path.name} names {name!r} as its {keyword}, which is not in the same folder; read without it",
        MetadataWarning,
    )
    return None


def _number_in(header: fits.Header, keyword: str) -> int:
    """Which one of a file is meant: 2 of ``name.rsp{2}``."""
    match = re.search(r"\{(\d+)\}\s*$", str(header.get(keyword, "")))
    return max(1, int(match[1])) if match else 1


def pha_content(path: Path) -> dict[str, Any]:
    """The fields of a `CountSpectrum` of the XRT that are in the PHA file itself.

    Raises
    ------
    FormatError
        If the file is not a PHA file of the XRT with one spectrum, or damaged.
    """
    hdus, table = open_pha(path)
    if not is_of_xrt(table.header):
        origin = tuple(str(table.header.get(name, "")).strip().upper() for name in ("TELESCOP", "INSTRUME"))
        raise FormatError(f"is not a spectrum of the Swift XRT: TELESCOP, INSTRUME are {origin}", path)
    return _content(hdus, table, path)


def _content(hdus: fits.HDUList, table: Any, path: Path) -> dict[str, Any]:
    if is_type_two(table):
        advice = "choose one with row=1 (and so on), or read all with SpectrumSet.read_pha"
        raise FormatError(f"holds several spectra (PHA type II); {advice}", path)
    return table_content(hdus, table, path)


def companion_names(path: Path) -> dict[str, str]:
    """Names of the files that go with a PHA file, by header keyword."""
    plain = path.with_name(path.name.removesuffix(".gz"))
    stem, suffix = plain.stem, plain.suffix or ".pha"
    return {"BACKFILE": f"{stem}_bkg{suffix}", "RESPFILE": f"{stem}.rmf", "ANCRFILE": f"{stem}.arf"}


def check_name(path: Path) -> None:
    """Refuse names that other programs would not take for a spectrum.

    Raises
    ------
    RequestError
        If the name has another ending.
    """
    if Path(path.name.removesuffix(".gz")).suffix.lower() not in ("", *_ENDINGS):
        raise RequestError(
            f"{path.name!r} cannot name a spectrum; it is written as {', '.join(_ENDINGS)}, or these with .gz, "
            f"such as {path.stem + '.pha'!r}"
        )


def write_pha(
    spectrum: CountSpectrum,
    path: PathLike,
    *,
    overwrite: bool = False,
    links: Mapping[str, str | None] | None = None,
    known: dict[int, str] | None = None,
) -> Path:
    """Write a PHA file and its companions; see `swiftxrt.CountSpectrum.write`.

    `links` are names of files for the header, by keyword. Of several spectra
    in one folder, `known` keeps the names of the matrices that they share,
    which are written once.
    """
    path = as_path(path, "path")
    check_name(path)
    given = {key: _link(name, key) for key, name in (links or {}).items() if name is not None}
    names = companion_names(path)
    own_matrix = names["RESPFILE"]
    if known is not None and spectrum.rmf is not None:
        names["RESPFILE"] = known.setdefault(id(spectrum.rmf), own_matrix)
    parts = {key: make for key, make in _parts(spectrum).items() if key not in given}
    shown = {**{key: names[key] for key in parts}, **given}
    targets = {path: pha_hdus(spectrum, shown)}
    for key, make in parts.items():
        if key != "RESPFILE" or names[key] == own_matrix:
            targets[path.with_name(names[key])] = make()
    taken = [target.name for target in targets if target.exists()]
    if taken and not overwrite:
        raise OutputExistsError(f"{', '.join(taken)} exist in {path.parent}; give another name or overwrite=True")
    for target in reversed(targets):  # The companions first: the PHA file names them.
        save_fits(targets[target], target, overwrite=overwrite)
    return path


def _link(name: str, keyword: str) -> str:
    """A name as the header can hold it."""
    if not isinstance(name, str) or not name.isascii() or not name.isprintable() or len(name) > _LONGEST_LINK:
        told = f"the name of a file of at most {_LONGEST_LINK} ASCII characters is needed; got {name!r:.90}"
        raise RequestError([(keyword.lower(), told)])
    return name.strip() or "none"


def _parts(spectrum: CountSpectrum) -> dict[str, Callable[[], fits.HDUList]]:
    """What makes the HDUs of the companions there are, by header keyword."""
    parts: dict[str, Callable[[], fits.HDUList]] = {}
    if spectrum.background is not None:
        parts["BACKFILE"] = partial(pha_hdus, spectrum.background, {}, background=True)
    if spectrum.rmf is not None:
        parts["RESPFILE"] = partial(rmf_hdus, spectrum.rmf)
    if spectrum.arf is not None:
        parts["ANCRFILE"] = partial(arf_hdus, spectrum.arf)
    return parts
