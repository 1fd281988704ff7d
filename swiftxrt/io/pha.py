"""Spectra as OGIP PHA files (OGIP memo 92-007) with background, ARF and RMF beside them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .._paths import as_path
from ..exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError, warn
from ..mission import Mode
from ..products.countspectrum import CountSpectrum
from ..products.gti import GTI
from ..products.provenance import Provenance
from ._fitsfile import load_fits, save_fits
from ._pha_hdus import REGIONS, pha_hdus
from .response import arf_hdus, column, content_errors, find_table, read_arf, read_rmf, rmf_hdus

__all__ = ["companions", "pha_content", "pha_hdus", "read_pha", "write_pha"]

PathLike = str | os.PathLike[str]

#: What a count rate times the exposure may differ from a whole number.
_COUNT_TOLERANCE = 0.01
_NO_FILE = ("", "none")
_ENDINGS = (".pha", ".pi", ".fits", ".fit")


def read_pha(
    path: PathLike,
    *,
    background: PathLike | None = None,
    arf: PathLike | None = None,
    rmf: PathLike | None = None,
    known: dict[Path, Any] | None = None,
) -> CountSpectrum:
    """Read a PHA file; see `swiftxrt.CountSpectrum.read`.

    Of several spectra, `known` keeps the matrices that they share.
    """
    path = as_path(path, "path")
    content = pha_content(path)
    parts = companions(path, background=background, arf=arf, rmf=rmf, known=known)
    with content_errors(path):
        return CountSpectrum(**content, **parts)


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
        place = None if named is None else Path(named)
        if part == "rmf" and place is not None and place not in known:
            known[place] = _companion(part, place, forgiving)
        parts[part] = None if place is None else known[place] if part == "rmf" else _companion(part, place, forgiving)
    return parts


def _companion(part: str, path: Path, forgiving: bool) -> Any:
    readers: dict[str, Callable[[Path], Any]] = {"background": _background, "arf": read_arf, "rmf": read_rmf}
    try:
        return readers[part](path)
    except FormatError as error:
        if not forgiving:
            raise
        warn(f"{path.name} cannot be used and is left out: {error.reason}", MetadataWarning)
        return None


def _background(path: Path) -> CountSpectrum:
    content = pha_content(path)
    with content_errors(path):
        return CountSpectrum(**content)


def open_pha(path: Path) -> tuple[fits.HDUList, Any]:
    """The HDUs of a PHA file, and the table of the spectrum.

    Raises
    ------
    FormatError
        If it is not a PHA file of the XRT.
    """
    hdus = load_fits(path)
    table = find_table(hdus, path, "a PHA file", ("SPECTRUM",), ("SPECTRUM",))
    header = table.header
    declared = str(header.get("HDUCLAS1", "SPECTRUM")).strip().upper()
    if declared != "SPECTRUM":
        raise FormatError(f"is not a spectrum: HDUCLAS1 is {declared!r}", path)
    origin = tuple(str(header.get(name, "")).strip().upper() for name in ("TELESCOP", "INSTRUME"))
    if origin != ("SWIFT", "XRT"):
        raise FormatError(f"is not a spectrum of the Swift XRT: TELESCOP, INSTRUME are {origin}", path)
    return hdus, table


def beside(path: Path, header: fits.Header, keyword: str) -> Path | None:
    """The companion file a header names, looked for by its name next to the file itself."""
    named = str(header.get(keyword, "")).strip()
    if named.lower() in _NO_FILE:
        return None
    name = re.split(r"[/\\]", named)[-1]
    for candidate in (path.with_name(name), path.with_name(name + ".gz")):
        if candidate.is_file():
            return candidate
    warn(
        f"{path.name} names {name!r} as its {keyword}, which is not in the same folder; read without it",
        MetadataWarning,
    )
    return None


def pha_content(path: Path) -> dict[str, Any]:
    """The fields of a `CountSpectrum` that are in the PHA file itself.

    Raises
    ------
    FormatError
        If the file is not a PHA file of the XRT with one spectrum, or damaged.
    """
    hdus, table = open_pha(path)
    if is_type_two(table):
        raise FormatError("holds several spectra (PHA type II); read them with SpectrumSet.read_pha", path)
    return table_content(hdus, table, path)


def is_type_two(table: Any) -> bool:
    """Whether the rows of a table are spectra rather than channels."""
    return "CHANNEL" in table.columns.names and table.data["CHANNEL"].ndim == 2


def table_content(hdus: fits.HDUList, table: Any, path: Path) -> dict[str, Any]:
    """The fields of a `CountSpectrum` in the table of one spectrum and the HDUs beside it."""
    header = table.header
    mode = _mode(header, path)
    exposure_s = _number(header, "EXPOSURE", path)
    start, stop = header.get("SLICEBEG"), header.get("SLICEEND")
    content: dict[str, Any] = {
        "counts": _counts(table, exposure_s, path),
        "channel": column(table, "CHANNEL", path),
        "exposure": exposure_s * u.s,
        "mode": mode,
        "backscale": _number(header, "BACKSCAL", path, default=1.0),
        "areascale": _number(header, "AREASCAL", path, default=1.0),
        "quality": _flags(table, "QUALITY", path),
        "grouping": _flags(table, "GROUPING", path),
        "systematic": _systematic(table, path),
        "grades": _grades(header) or mode.grades,
        "gti": _gti(hdus, path),
        "label": str(header.get("XRTLABEL") or label_of(path.name, mode)),
        "interval": None if start is None or stop is None else (start, stop),
        "mean_event_met": header.get("MEANMET"),
        "header": dict(header.items()),
        "provenance": _provenance(header),
        **_regions(hdus),
    }
    if "E_MIN" in table.columns.names and "E_MAX" in table.columns.names:
        edges = np.append(column(table, "E_MIN", path), column(table, "E_MAX", path)[-1:])
        content["energy_edges"] = edges * u.keV
    return content


def _mode(header: fits.Header, path: Path) -> Mode:
    named = str(header.get("DATAMODE", "")).strip()
    try:
        return Mode.from_datamode(named)
    except KeyError:
        raise FormatError(f"has DATAMODE {named!r}; spectra in PHOTON and WINDOWED mode can be read", path) from None


def _number(header: fits.Header, keyword: str, path: Path, default: float | None = None) -> float:
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"has no usable {keyword} in the header (found {value!r})", path)
    return float(value)


def _counts(table: Any, exposure_s: float, path: Path) -> NDArray[np.int64]:
    names = table.columns.names
    for vector in ("BACKSCAL", "AREASCAL"):
        if vector in names:
            raise FormatError(f"has {vector} for each channel; only one value for the spectrum can be read", path)
    if "COUNTS" in names:
        counts = np.asarray(column(table, "COUNTS", path), dtype=float)
    else:
        counts = np.asarray(column(table, "RATE", path), dtype=float) * exposure_s
    whole = np.rint(counts)
    if not np.allclose(counts, whole, rtol=0, atol=_COUNT_TOLERANCE):
        raise FormatError("holds no counts: values (times the exposure, for rates) are not whole numbers", path)
    return whole.astype(np.int64)


def _flags(table: Any, name: str, path: Path) -> NDArray[np.int64]:
    """A column of flags, or the one value for all channels that the keyword gives instead."""
    if name in table.columns.names:
        return np.asarray(column(table, name, path), dtype=np.int64)
    value = table.header.get(name, 0)
    return np.full(len(table.data), int(value) if isinstance(value, int) else 0, dtype=np.int64)


def _systematic(table: Any, path: Path) -> NDArray[np.float64]:
    """Fractional systematic errors: a column, or one value for all channels."""
    if "SYS_ERR" in table.columns.names:
        return np.asarray(column(table, "SYS_ERR", path), dtype=float)
    return np.full(len(table.data), _number(table.header, "SYS_ERR", path, default=0.0))


def _grades(header: fits.Header) -> tuple[int, int] | None:
    """Event grades from the data subspace keywords (``DSTYPn`` GRADE, ``DSVALn`` 0:12)."""
    for keyword, value in header.items():
        if keyword.startswith("DSTYP") and str(value).strip().upper() == "GRADE":
            limits = re.findall(r"\d+", str(header.get("DSVAL" + keyword.removeprefix("DSTYP"), "")))
            if limits:
                return int(limits[0]), int(limits[-1])
    return None


def _gti(hdus: fits.HDUList, path: Path) -> GTI | None:
    for hdu in hdus[1:]:
        if hdu.name in ("GTI", "STDGTI"):
            return GTI(column(hdu, "START", path), column(hdu, "STOP", path))
    return None


def _regions(hdus: fits.HDUList) -> dict[str, str]:
    if REGIONS not in hdus:
        return {}
    rows = [(str(row["KIND"]), str(row["TEXT"])) for row in hdus[REGIONS].data]
    kinds = {"source_region": "SOURCE", "background_region": "BACKGROUND"}
    return {field: "\n".join(text for kind, text in rows if kind == wanted) for field, wanted in kinds.items()}


def _provenance(header: fits.Header) -> Provenance:
    """What `_metadata` wrote; the creator alone for files of others."""
    try:
        return Provenance.from_dict(json.loads(str(header["XRTPROV"])))
    except (KeyError, ValueError, AttributeError):
        return Provenance(software=str(header.get("CREATOR", "")).strip())


def label_of(name: str, mode: Mode) -> str:
    """Name of the time slice from a file name: ``interval0`` of ``interval0pcsource.pi``."""
    stem = re.sub(r"(\.(pi|pha|fits))?(\.gz)?$", "", name)
    stem = re.sub(r"[^A-Za-z0-9_.+-]", "_", stem) or "spectrum"
    match = re.fullmatch(rf"(.+){mode.value.lower()}(source|back|_bkg)?", stem)
    return match[1] if match else stem.removesuffix("_bkg")


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
    spectrum: CountSpectrum, path: PathLike, *, overwrite: bool = False, known: dict[int, str] | None = None
) -> None:
    """Write a PHA file and its companions; see `swiftxrt.CountSpectrum.write`.

    Of several spectra in one folder, `known` keeps the names of the matrices
    that they share, which are written once.
    """
    path = as_path(path, "path")
    check_name(path)
    names = companion_names(path)
    own_matrix = names["RESPFILE"]
    if known is not None and spectrum.rmf is not None:
        names["RESPFILE"] = known.setdefault(id(spectrum.rmf), own_matrix)
    parts = {key: make for key, make in _parts(spectrum).items() if key != "RESPFILE" or names[key] == own_matrix}
    targets = {path: pha_hdus(spectrum, {key: names[key] for key in _parts(spectrum)})}
    targets.update({path.with_name(names[key]): make() for key, make in parts.items()})
    taken = [target.name for target in targets if target.exists()]
    if taken and not overwrite:
        raise OutputExistsError(f"{', '.join(taken)} exist in {path.parent}; give another name or overwrite=True")
    for target in reversed(targets):  # The companions first: the PHA file names them.
        save_fits(targets[target], target, overwrite=overwrite)


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
