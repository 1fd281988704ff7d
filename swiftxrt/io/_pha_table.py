"""The content of a table with one spectrum (OGIP memo 92-007), of the XRT or of another instrument."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..exceptions import FormatError
from ..mission import MJDREFF, MJDREFI, Mode
from ..products.gti import GTI
from ..products.provenance import Provenance
from ._pha_hdus import REGIONS
from .response import bin_edges, find_table, is_ebounds, numbers

__all__ = ["choose_table", "is_of_xrt", "is_type_two", "label_of", "spectrum_tables", "table_content"]

Counted = tuple[NDArray[Any], NDArray[np.float64] | None]

#: What a count rate times the exposure may differ from a whole number: as it is, and as a part of it.
_COUNT_TOLERANCE, _RELATIVE_TOLERANCE = 0.01, 1e-6
#: How closely errors must be those of counted photons to say no more than the counts.
_ERROR_TOLERANCE = 0.01
_SECONDS_PER_DAY = 86400.0
_NAMES = ("NAME", "OBJECT", "SOURCEID")


def spectrum_tables(hdus: fits.HDUList, path: Path) -> list[tuple[int, Any]]:
    """Number and table of each HDU that holds a spectrum.

    Raises
    ------
    FormatError
        If there is none.
    """
    found = [
        (number, hdu)
        for number, hdu in enumerate(hdus)
        if isinstance(hdu, fits.BinTableHDU) and (hdu.name == "SPECTRUM" or _class(hdu, 1) == "SPECTRUM")
    ]
    if not found:
        find_table(hdus, path, "a PHA file", (), ("SPECTRUM",))  # Tells what there is instead.
    declared = _class(found[0][1], 1)
    if declared not in ("", "SPECTRUM"):
        raise FormatError(f"is not a spectrum: HDUCLAS1 is {declared!r}", path)
    return found


def _class(hdu: Any, level: int) -> str:
    return str(hdu.header.get(f"HDUCLAS{level}", "")).strip().upper()


def choose_table(hdus: fits.HDUList, path: Path, extension: int | str | None, *, background: bool = False) -> Any:
    """The one table that holds the wanted spectrum.

    Of several, backgrounds are passed over, or everything else if one is wanted.

    Raises
    ------
    FormatError
        If there is none, or several and none is chosen.
    """
    found = spectrum_tables(hdus, path)
    if extension is not None:
        wanted = str(extension).strip().casefold()
        chosen = [
            hdu
            for number, hdu in found
            if (number == extension if isinstance(extension, int) else wanted in _names(hdu, folded=True))
        ]
    else:
        alike = [hdu for _, hdu in found if (_class(hdu, 2) == "BKG") == background]
        chosen = alike or [hdu for _, hdu in found]
    if len(chosen) == 1:
        if extension is not None and not is_of_xrt(chosen[0].header):
            tables = [hdu for _, hdu in found]
            chosen[0].header.setdefault("XRTLABEL", named_sources(tables)[tables.index(chosen[0])])
        return chosen[0]
    told = ", ".join(f"{number} ({' = '.join(_names(hdu)) or hdu.name})" for number, hdu in found)
    advice = "name one, as in CountSpectrum.read(path, extension=2), or read all with SpectrumSet.read_pha"
    what = "holds several spectra" if extension is None else f"has not one spectrum {extension!r}"
    raise FormatError(f"{what}, in the HDUs {told}; {advice}", path)


def _names(hdu: Any, *, folded: bool = False) -> list[str]:
    names = dict.fromkeys(str(hdu.header.get(keyword, "")).strip() for keyword in _NAMES)
    return [name.casefold() if folded else name for name in names if name]


def is_type_two(table: Any) -> bool:
    """Whether the rows of a table are spectra rather than channels."""
    names = table.columns.names
    return any(name in names and np.ndim(table.data[name]) == 2 for name in ("CHANNEL", "COUNTS", "RATE"))


def is_of_xrt(header: fits.Header) -> bool:
    """Whether a spectrum is of the Swift XRT."""
    return _origin(header) == ("SWIFT", "XRT")


def _origin(header: fits.Header) -> tuple[str, str]:
    telescope, instrument = (str(header.get(name, "")).strip().upper() for name in ("TELESCOP", "INSTRUME"))
    return telescope or "UNKNOWN", instrument or "UNKNOWN"


def table_content(hdus: fits.HDUList, table: Any, path: Path) -> dict[str, Any]:
    """The fields of a `CountSpectrum` in the table of one spectrum and the HDUs beside it."""
    header = table.header
    telescope, instrument = _origin(header)
    mode = _mode(header, path) if is_of_xrt(header) else None
    exposure_s = _number(header, "EXPOSURE", path)
    counts, errors = _counts(table, exposure_s, path, of_xrt=mode is not None)
    start, stop = header.get("SLICEBEG"), header.get("SLICEEND")
    content: dict[str, Any] = {
        "counts": counts,
        "counts_err": errors,
        "channel": _channel(hdus, table, path),
        "exposure": exposure_s * u.s,
        "mode": mode,
        "telescope": telescope,
        "instrument": instrument,
        "filter_name": _text(header, "FILTER", "NONE"),
        "channel_type": _text(header, "CHANTYPE", "PI"),
        "backscale": _scaling(table, "BACKSCAL", path),
        "areascale": _scaling(table, "AREASCAL", path),
        "quality": _flags(table, "QUALITY", path),
        "grouping": _flags(table, "GROUPING", path),
        "systematic": _systematic(table, path),
        "grades": None if mode is None else _grades(header) or mode.grades,
        "gti": _gti(hdus, path, of_swift=telescope == "SWIFT"),
        "label": str(header.get("XRTLABEL") or label_of(path.name, mode)),
        "interval": None if start is None or stop is None else (start, stop),
        "mean_event_met": header.get("MEANMET"),
        "header": dict(header.items()),
        "provenance": _provenance(header),
        **_regions(hdus),
    }
    if "E_MIN" in table.columns.names and "E_MAX" in table.columns.names:
        edges = np.append(numbers(table, "E_MIN", path), numbers(table, "E_MAX", path)[-1:])
        content["energy_edges"] = edges * u.keV
    elif mode is None:
        content["energy_edges"] = _bounds(hdus, len(table.data), path)
    return content


def _mode(header: fits.Header, path: Path) -> Mode:
    named = str(header.get("DATAMODE", "")).strip()
    try:
        return Mode.from_datamode(named)
    except KeyError:
        raise FormatError(f"has DATAMODE {named!r}; spectra in PHOTON and WINDOWED mode can be read", path) from None


def _text(header: fits.Header, keyword: str, default: str) -> str:
    text = "".join(char for char in str(header.get(keyword, "")) if " " <= char <= "~").strip()
    return text[:60] or default


def _number(header: fits.Header, keyword: str, path: Path, default: float | None = None) -> float:
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"has no usable {keyword} in the header (found {value!r})", path)
    return float(value)


def _scaling(table: Any, name: str, path: Path) -> Any:
    """One number, or one per channel; a column that repeats one number is that number."""
    if name not in table.columns.names:
        return _number(table.header, name, path, default=1.0)
    values = np.asarray(numbers(table, name, path), dtype=float)
    return float(values[0]) if values.size and np.all(values == values[0]) else values


def _channel(hdus: fits.HDUList, table: Any, path: Path) -> NDArray[np.int64]:
    """Channel numbers; where the table has none, those of the energy bounds beside it."""
    if "CHANNEL" not in table.columns.names:
        for hdu in hdus:
            if is_ebounds(hdu) and len(hdu.data) == len(table.data):
                return np.asarray(numbers(hdu, "CHANNEL", path), dtype=np.int64)
    return numbers(table, "CHANNEL", path)


def _bounds(hdus: fits.HDUList, size: int, path: Path) -> u.Quantity | None:
    """Energies of the channels from the table EBOUNDS beside the spectrum, if there is one."""
    for hdu in hdus:
        if is_ebounds(hdu) and len(hdu.data) == size:
            return bin_edges(hdu, "E_MIN", "E_MAX", path)
    return None


def _counts(table: Any, exposure_s: float, path: Path, *, of_xrt: bool) -> Counted:
    """Counts, or real numbers with their errors where the file holds no counted photons."""
    rates = "COUNTS" not in table.columns.names
    factor = exposure_s if rates else 1.0
    values = np.asarray(numbers(table, "RATE" if rates else "COUNTS", path), dtype=float) * factor
    errors = None
    if "STAT_ERR" in table.columns.names:
        errors = np.asarray(numbers(table, "STAT_ERR", path), dtype=float) * factor
    poisson = table.header.get("POISSERR")
    whole = np.rint(values)
    if _are_whole(values, whole) and (errors is None or poisson is True or _say_no_more(errors, whole)):
        return whole.astype(np.int64), None
    if errors is None and poisson is True and not of_xrt:
        errors = np.sqrt(np.maximum(values, 0.0))
    if errors is None:
        told = "holds no counts: values (times the exposure, for rates) are not whole numbers"
        raise FormatError(told if of_xrt else f"{told}, and there is no column STAT_ERR with their errors", path)
    return values, errors


def _are_whole(values: NDArray[np.float64], whole: NDArray[np.float64]) -> bool:
    """Whether numbers are whole ones but for rounding; small ones, such as rates for one second, are not zero."""
    close = np.allclose(values, whole, rtol=_RELATIVE_TOLERANCE, atol=_COUNT_TOLERANCE)
    return bool(close and np.all(whole >= 0) and np.all(np.abs(values[whole == 0]) < _RELATIVE_TOLERANCE))


def _say_no_more(errors: NDArray[np.float64], counts: NDArray[np.float64]) -> bool:
    """Whether errors are those of counted photons: the root of the counts, or that of Gehrels (1986)."""
    seen = counts > 0
    usual = (np.sqrt(counts), 1.0 + np.sqrt(counts + 0.75))
    return any(np.allclose(errors[seen], one[seen], rtol=_ERROR_TOLERANCE, atol=0.0) for one in usual)


def _flags(table: Any, name: str, path: Path) -> NDArray[np.int64]:
    """A column of flags, or the one value for all channels that the keyword gives instead."""
    if name in table.columns.names:
        return np.asarray(numbers(table, name, path), dtype=np.int64)
    value = table.header.get(name, 0)
    return np.full(len(table.data), int(value) if isinstance(value, int) else 0, dtype=np.int64)


def _systematic(table: Any, path: Path) -> NDArray[np.float64]:
    """Fractional systematic errors: a column, or one value for all channels."""
    if "SYS_ERR" in table.columns.names:
        return np.asarray(numbers(table, "SYS_ERR", path), dtype=float)
    return np.full(len(table.data), _number(table.header, "SYS_ERR", path, default=0.0))


def _grades(header: fits.Header) -> tuple[int, int] | None:
    """Event grades from the data subspace keywords (``DSTYPn`` GRADE, ``DSVALn`` 0:12)."""
    for keyword, value in header.items():
        if keyword.startswith("DSTYP") and str(value).strip().upper() == "GRADE":
            limits = re.findall(r"\d+", str(header.get("DSVAL" + keyword.removeprefix("DSTYP"), "")))
            if limits:
                return int(limits[0]), int(limits[-1])
    return None


def _gti(hdus: fits.HDUList, path: Path, *, of_swift: bool) -> GTI | None:
    """Good times in Swift's mission elapsed time; none if it is not known what clock they are on."""
    for hdu in hdus[1:]:
        if hdu.name in ("GTI", "STDGTI"):
            zero = _seconds_after_swift(hdu.header, of_swift=of_swift)
            if zero is None:
                return None
            return GTI(numbers(hdu, "START", path) + zero, numbers(hdu, "STOP", path) + zero)
    return None


def _seconds_after_swift(header: fits.Header, *, of_swift: bool) -> float | None:
    """Time zero of a clock on that of Swift; None for clocks in days or UTC, or without time zero."""
    if str(header.get("TIMESYS", "TT")).strip().upper() != "TT" or str(header.get("TIMEUNIT", "s")).strip() != "s":
        return None
    days, part = header.get("MJDREFI", header.get("MJDREF")), header.get("MJDREFF", 0.0)
    if not isinstance(days, int | float) or not isinstance(part, int | float):
        return 0.0 if of_swift else None
    zero = (days - MJDREFI + (part - MJDREFF)) * _SECONDS_PER_DAY
    return 0.0 if abs(zero) < 1.0 else zero  # Files of Swift itself round their reference.


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


def label_of(name: str, mode: Mode | None) -> str:
    """Name of the time slice from a file name: ``interval0`` of ``interval0pcsource.pi``."""
    stem = re.sub(r"(\.(pi|pha|fits?|grp|fak|bak|bkg))?(\.gz)?$", "", name)
    stem = re.sub(r"[^A-Za-z0-9_.+-]", "_", stem) or "spectrum"
    if mode is None:
        return stem
    match = re.fullmatch(rf"(.+){mode.value.lower()}(source|back|_bkg)?", stem)
    return match[1] if match else stem.removesuffix("_bkg")


def named_sources(tables: Sequence[Any]) -> list[str]:
    """A label for each of several tables, none twice: the name of the source, else a number."""
    labels: list[str] = []
    for number, table in enumerate(tables, start=1):
        name = re.sub(r"[^A-Za-z0-9_.+-]+", "_", next(iter(_names(table)), "")) or f"spectrum_{number}"
        labels.append(name if name not in labels else f"{name}_{number}")
    return labels
