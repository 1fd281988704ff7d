"""Spectra as OGIP PHA files (OGIP memo 92-007) with background, ARF and RMF beside them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError, warn
from ..mission import MJDREFF, MJDREFI, Mode
from ..products.countspectrum import CountSpectrum
from ..products.gti import GTI
from ..products.provenance import Provenance
from ._fitsfile import load_fits, save_fits
from .response import add_cards, arf_hdus, column, content_errors, find_table, read_arf, read_rmf, rmf_hdus

__all__ = ["companions", "pha_content", "pha_hdus", "read_pha", "write_pha"]

PathLike = str | os.PathLike[str]

#: What a count rate times the exposure may differ from a whole number.
_COUNT_TOLERANCE = 0.01
#: Table with the regions' text; our own, other programs pass over it.
_REGIONS = "REGIONTXT"
_NO_FILE = ("", "none")
_ENDINGS = (".pha", ".pi", ".fits", ".fit")


def read_pha(
    path: PathLike,
    *,
    background: PathLike | None = None,
    arf: PathLike | None = None,
    rmf: PathLike | None = None,
) -> CountSpectrum:
    """Read a PHA file; see `swiftxrt.CountSpectrum.read`."""
    path = Path(path)
    content = pha_content(path)
    parts = companions(path, background=background, arf=arf, rmf=rmf)
    with content_errors(path):
        return CountSpectrum(**content, **parts)


def companions(
    path: Path,
    *,
    background: PathLike | None = None,
    arf: PathLike | None = None,
    rmf: PathLike | None = None,
    forgiving: bool = False,
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

    Raises
    ------
    FormatError
        If a file is damaged.

    Warns
    -----
    MetadataWarning
        If the header names a file that is not next to the PHA file.
    """
    _, table = _open(path)
    places = {
        "background": background or _beside(path, table.header, "BACKFILE"),
        "arf": arf or _beside(path, table.header, "ANCRFILE"),
        "rmf": rmf or _beside(path, table.header, "RESPFILE"),
    }
    return {part: None if place is None else _companion(part, Path(place), forgiving) for part, place in places.items()}


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


def _open(path: Path) -> tuple[fits.HDUList, Any]:
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


def _beside(path: Path, header: fits.Header, keyword: str) -> Path | None:
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
        If the file is not a PHA file of the XRT, or damaged.
    """
    hdus, table = _open(path)
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
    if _REGIONS not in hdus:
        return {}
    rows = [(str(row["KIND"]), str(row["TEXT"])) for row in hdus[_REGIONS].data]
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


def write_pha(spectrum: CountSpectrum, path: PathLike, *, overwrite: bool = False) -> None:
    """Write a PHA file and its companions; see `swiftxrt.CountSpectrum.write`."""
    path = Path(path)
    if Path(path.name.removesuffix(".gz")).suffix.lower() not in ("", *_ENDINGS):
        raise RequestError(
            f"{path.name!r} cannot name a spectrum; it is written as {', '.join(_ENDINGS)}, or these with .gz, "
            f"such as {path.stem + '.pha'!r}"
        )
    names = companion_names(path)
    parts = dict(_parts(spectrum, names))
    targets = {path: pha_hdus(spectrum, {key: names[key] for key in parts})}
    targets.update({path.with_name(names[key]): hdus for key, hdus in parts.items()})
    taken = [target.name for target in targets if target.exists()]
    if taken and not overwrite:
        raise OutputExistsError(f"{', '.join(taken)} exist in {path.parent}; give another name or overwrite=True")
    for target in reversed(targets):  # The companions first: the PHA file names them.
        save_fits(targets[target], target, overwrite=overwrite)


def _parts(spectrum: CountSpectrum, names: dict[str, str]) -> Iterator[tuple[str, fits.HDUList]]:
    if spectrum.background is not None:
        yield "BACKFILE", pha_hdus(spectrum.background, {}, background=True)
    if spectrum.rmf is not None:
        yield "RESPFILE", rmf_hdus(spectrum.rmf)
    if spectrum.arf is not None:
        yield "ANCRFILE", arf_hdus(spectrum.arf)


def pha_hdus(spectrum: CountSpectrum, files: dict[str, str], *, background: bool = False) -> fits.HDUList:
    """The HDUs of a PHA file.

    Parameters
    ----------
    spectrum : CountSpectrum
        What to write.
    files : dict
        Names of the companion files by keyword (``BACKFILE``, ``RESPFILE``, ``ANCRFILE``).
    background : bool, optional
        Whether this is the background of another spectrum.
    """
    columns = [
        fits.Column("CHANNEL", "J", array=spectrum.channel),
        fits.Column("COUNTS", "J", unit="count", array=spectrum.counts),
    ]
    keywords: dict[str, Any] = {}
    for name, flags in (("QUALITY", spectrum.quality), ("GROUPING", spectrum.grouping)):
        if np.any(flags):
            columns.append(fits.Column(name, "I", array=flags))
        else:
            keywords[name] = 0
    if not background and not _edges_follow(spectrum):
        edges = spectrum.energy_edges.value
        columns.append(fits.Column("E_MIN", "D", unit="keV", array=edges[:-1]))
        columns.append(fits.Column("E_MAX", "D", unit="keV", array=edges[1:]))
    table = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    add_cards(table, {**_ogip(spectrum, background), **keywords, **_metadata(spectrum)})
    add_cards(table, {key: files.get(key, "none") for key in ("BACKFILE", "RESPFILE", "ANCRFILE")})
    add_cards(table, dict(spectrum.header))
    more = [_gti_hdu(spectrum.gti)] if spectrum.gti is not None else []
    if spectrum.source_region or spectrum.background_region:
        more.append(_region_hdu(spectrum))
    return fits.HDUList([fits.PrimaryHDU(), table, *more])


def _edges_follow(spectrum: CountSpectrum) -> bool:
    """Whether a reader finds the channel energies without columns for them."""
    usual = spectrum.replace(energy_edges=None, background=None).energy_edges
    return bool(np.array_equal(spectrum.energy_edges, usual))


def _ogip(spectrum: CountSpectrum, background: bool) -> dict[str, Any]:
    first, last = int(spectrum.channel[0]), int(spectrum.channel[-1])
    return {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "SPECTRUM",
        "HDUVERS": "1.2.0",
        "HDUCLAS2": "BKG" if background else "TOTAL",
        "HDUCLAS3": "COUNT",
        "TLMIN1": first,
        "TLMAX1": last,
        "TELESCOP": "SWIFT",
        "INSTRUME": "XRT",
        "FILTER": "NONE",
        "DATAMODE": spectrum.mode.datamode,
        "EXPOSURE": float(spectrum.exposure.value),
        "AREASCAL": spectrum.areascale,
        "BACKSCAL": spectrum.backscale,
        "CORRFILE": "none",
        "CORRSCAL": 1.0,
        "PHAVERSN": "1992a",
        "DETCHANS": spectrum.channel.size,
        "CHANTYPE": "PI",
        "POISSERR": True,
        "STAT_ERR": 0,
        "SYS_ERR": 0,
        "TOTCTS": int(spectrum.counts.sum()),
        "DSTYP1": "GRADE",
        "DSFORM1": "I",
        "DSVAL1": f"{spectrum.grades[0]}:{spectrum.grades[1]}",
    }


def _metadata(spectrum: CountSpectrum) -> dict[str, Any]:
    """Keywords of our own for what OGIP has none."""
    cards: dict[str, Any] = {"XRTLABEL": spectrum.label}
    if spectrum.interval is not None:
        cards["SLICEBEG"], cards["SLICEEND"] = spectrum.interval
    if spectrum.mean_event_met is not None:
        cards["MEANMET"] = spectrum.mean_event_met
    provenance = spectrum.provenance.to_dict()
    if provenance:
        cards["XRTPROV"] = json.dumps(provenance, sort_keys=True)
    return cards


def _gti_hdu(gti: GTI) -> Any:
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column("START", "D", unit="s", array=gti.start), fits.Column("STOP", "D", unit="s", array=gti.stop)],
        name="GTI",
    )
    classes = {"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", "HDUCLAS2": "STANDARD", "TELESCOP": "SWIFT", "INSTRUME": "XRT"}
    clock = {"MJDREFI": MJDREFI, "MJDREFF": MJDREFF, "TIMESYS": "TT", "TIMEUNIT": "s"}
    add_cards(hdu, {**classes, **clock})
    return hdu


def _region_hdu(spectrum: CountSpectrum) -> Any:
    regions = (("SOURCE", spectrum.source_region), ("BACKGROUND", spectrum.background_region))
    rows = [(kind, line) for kind, text in regions if text for line in text.splitlines()]
    width = max(len(line) for _, line in rows)
    return fits.BinTableHDU.from_columns(
        [
            fits.Column("KIND", "10A", array=[kind for kind, _ in rows]),
            fits.Column("TEXT", f"{width}A", array=[line for _, line in rows]),
        ],
        name=_REGIONS,
    )
