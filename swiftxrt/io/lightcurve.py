"""Files of light curves: FITS and ECSV, and the way to the service's QDP files.

A FITS file has one table ``RATE`` after OGIP/93-003 (timing files): ``TIME``
is mission elapsed time, ``ERROR`` and ``TIMEDEL`` are there for other
programs only. The time in UTC is kept as its two Julian date parts, so
reading gives the very same numbers back.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.io.registry import IORegistryError
from astropy.table import Column, QTable
from astropy.time import Time
from numpy.typing import NDArray

from .._atomic import atomic_path, usable_folder
from .._paths import as_path
from ..bands import EnergyBand
from ..exceptions import FormatError, RequestError
from ..met import DECIMALS
from ..mission import MJDREFF, MJDREFI
from ..products._curve import Curve, curve_time
from ..products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
from ..products.provenance import Provenance
from ._catalogue_text import write_catalogue_text
from ._fitsfile import load_fits, save_fits
from ._folders import folder_to_write
from ._reading import foreign_content
from .qdp import looks_like_qdp, read_qdp_folder, read_qdp_set, write_qdp

__all__ = ["read_curve", "read_set", "write_curve", "write_set"]

_C = TypeVar("_C", bound=Curve)

_FORMATS = ("ogip.lc", "ascii.ecsv", "ukssdc.qdp")
_CATALOGUE = "ukssdc.dat"
_BY_ENDING = {".fits": "ogip.lc", ".fit": "ogip.lc", ".lc": "ogip.lc", ".ecsv": "ascii.ecsv", ".qdp": "ukssdc.qdp"}
_SET_ENDINGS = {"ogip.lc": ".fits", "ascii.ecsv": ".ecsv"}

#: Where times are those of, if they were corrected for the way of the light.
_BARYCENTRE = "SOLARSYSTEM"

# OGIP names of columns; all others have our names in capitals.
_FITS_NAMES = {"met": "TIME", "fractional_exposure": "FRACEXP"}
_STRING_WIDTHS = {"mode": 2, "obsid": 11}
_FITS_KINDS: dict[type, str] = {float: "D", int: "K", bool: "L"}
_UNITS = {u.s: "s", u.ct / u.s: "count/s", u.ct: "count"}
#: Times of a file that differ less are the same: half of the last decimal, and a little.
_SAME_TIME_S = 0.6 * 10.0**-DECIMALS
# Attributes and their keywords.
_ATTRIBUTES = {
    "t0_met": "T0MET",
    "binning": "BINNING",
    "band": "BAND",
    "confidence": "CONFLEV",
    "definition": "HRDEF",
    "soft_band": "SOFTBAND",
    "hard_band": "HARDBAND",
    "provenance": "PROVENAN",
}

# Astropy's own FITS tables would lose attributes: ours are meant.
_ALIASES = {"fits": "ogip.lc"}


def write_curve(curve: Curve, path: str | PathLike[str], *, format: str | None, overwrite: bool) -> Path:  # noqa: A002
    """Write a curve; see `swiftxrt.LightCurve.write`."""
    path = as_path(path, "path")
    chosen = _ALIASES.get(format or "", format) or _format_of(path)
    if chosen not in _SET_ENDINGS:
        # Astropy's other formats lose units, times or attributes, so that the curve cannot be read back.
        raise RequestError(
            f"a curve is written as ogip.lc (.fits, .fit, .lc) or ascii.ecsv (.ecsv); got {format or path.name!r}. "
            f"The service's QDP files are written by LightCurveSet.write(folder, format='ukssdc.qdp'), tables "
            f"in other formats from QTable(curve)"
        )
    if chosen == "ogip.lc":
        return save_fits([fits.PrimaryHDU(), _rate_hdu(curve)], path, overwrite=overwrite)
    table = QTable(curve)
    # The default would keep the format of the object, which may round to tens of microseconds. Times
    # that follow from MET are made from it again by the reader: digits that are noise need not be there.
    decimals = DECIMALS if len(curve) == np.count_nonzero(_follows_met(table)) else 9
    table["time"].format, table["time"].precision = "isot", decimals
    with atomic_path(path, overwrite) as temporary:
        table.write(temporary, format="ascii.ecsv")
    return path


def _follows_met(table: QTable) -> NDArray[np.bool_]:
    """Where the time is that of the column `met`, to the digits that a file has."""
    return np.asarray(np.abs((table["time"] - _time_of_met(table)).sec) < _SAME_TIME_S)


def _time_of_met(table: QTable) -> Time:
    return curve_time(table["met"], barycentred=table["time"].scale == "tdb")


def read_curve(
    kind: type[_C],
    path: str | PathLike[str],
    *,
    format: str | None,  # noqa: A002
    table: str | None,
    t0_met: float | None,
    columns: Any,
) -> _C:
    """Read a curve; see `swiftxrt.LightCurve.read`."""
    path = as_path(path, "path")
    if not path.is_file():
        raise FormatError("is not a file; a folder of light curves is read by LightCurveSet.read", path)
    chosen = _ALIASES.get(format or "", format) or _format_of(path) or _sniff(path)
    if chosen == "ukssdc.qdp":
        return _from_qdp(kind, path, table, t0_met, columns)
    if table is not None or t0_met is not None or columns is not None:
        raise RequestError(f"table, t0_met and columns are for QDP files; {path.name} is read as {chosen}")
    with foreign_content(path, "its content cannot be used"):
        return _read_fits(kind, path) if chosen == "ogip.lc" else _read_table(kind, path, chosen)


def _read_table(kind: type[_C], path: Path, chosen: str) -> _C:
    known = f"known formats are {', '.join(_FORMATS)}"
    try:
        with foreign_content(path, f"cannot be read as {chosen}; {known}"):
            table = QTable.read(path, format=chosen)
    except IORegistryError as error:
        raise FormatError(f"cannot be read as {chosen}: {error}; {known}", path) from error
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Column) and column.dtype.kind in "SU":  # FITS has bytes; an empty text is missing.
            table[name] = Column(np.ma.filled(column, "").astype(str))
    if {"time", "met"} <= set(table.colnames) and isinstance(table["time"], Time) and hasattr(table["met"], "unit"):
        _restore_times(table)
    keys = {name: key for name, key in _ATTRIBUTES.items() if key in table.meta and hasattr(kind, name)}
    return _checked(kind, table, path, **{name: table.meta.pop(key) for name, key in keys.items()})


def _restore_times(table: QTable) -> None:
    """Replace the time by that of `met` where it is the same but for rounding in the file."""
    if len(table) and np.all(_follows_met(table)):
        table["time"] = _time_of_met(table)


def _format_of(path: Path) -> str | None:
    """Format after the ending of a name, looking through ``.gz``."""
    name = path.with_suffix("") if path.suffix == ".gz" else path
    return _BY_ENDING.get(name.suffix.lower())


def _sniff(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith((b"SIMPLE  =", b"\x1f\x8b")):
        return "ogip.lc"
    if start.startswith(b"# %ECSV"):
        return "ascii.ecsv"
    if looks_like_qdp(start):
        return "ukssdc.qdp"
    raise FormatError(f"is none of the known formats, which are {', '.join(_FORMATS)}; tell it with format", path)


def _from_qdp(kind: type[_C], path: Path, table: str | None, t0_met: float | None, columns: Any) -> _C:
    curves = read_qdp_set(path, table=table, t0_met=t0_met, columns=columns)
    found = {name: curve for name, curve in curves.items() if isinstance(curve, kind) and len(curve)}
    if not found:
        raise FormatError(f"holds no {kind._title}", path)
    if len(found) > 1:
        raise FormatError("holds both bands of a hardness ratio; choose one with table='PCSoft' or 'PCHard'", path)
    return next(iter(found.values()))  # type: ignore[return-value]


def _checked(kind: type[_C], table: QTable, path: Path, **attributes: Any) -> _C:
    try:
        return kind(table, **attributes)
    except (RequestError, TypeError) as error:
        raise FormatError(f"is no {kind._title}: {error}", path) from error


def _rate_hdu(curve: Curve) -> fits.BinTableHDU:
    rate = fits.BinTableHDU.from_columns(_fits_columns(curve), name="RATE")
    header = rate.header
    for key, value, comment in _keywords(curve):
        header[key] = (value, comment)
    for name, key in _ATTRIBUTES.items():
        value = getattr(curve, name, None)
        if isinstance(value, Provenance):
            value = json.dumps(value.to_dict())
        if value is not None:
            header[key] = value
    return rate


def _keywords(curve: Curve) -> list[tuple[str, Any, str]]:
    ratio = isinstance(curve, HardnessCurve)
    met_s, before, after = (curve[name].value for name in ("met", "time_err_neg", "time_err_pos"))
    cards: list[tuple[str, Any, str]] = [
        ("HDUCLASS", "OGIP", "format conforms to OGIP standard"),
        ("HDUCLAS1", "LIGHTCURVE", "OGIP/93-003"),
        ("HDUCLAS2", "NET", "background subtracted"),
        ("HDUCLAS3", "COLOUR" if ratio else "RATE", ""),
        ("TELESCOP", "SWIFT", ""),
        ("INSTRUME", "XRT", ""),
        ("TIMESYS", "TDB" if curve.barycentred else "TT", "time system"),
        ("TIMEUNIT", "s", ""),
        ("TIMEREF", *((_BARYCENTRE, "barycentred") if curve.barycentred else ("LOCAL", "not barycentred"))),
        ("CLOCKAPP", False, "TIME is not corrected for clock drift"),
        ("MJDREFI", MJDREFI, "MJD (TT) of TIME 0, integer part"),
        ("MJDREFF", MJDREFF, "fractional part"),
        ("TIMEZERO", 0.0, "offset of TIME"),
    ]
    if len(curve):
        cards += [("TSTART", float(np.min(met_s - before)), "start of the first bin")]
        cards += [("TSTOP", float(np.max(met_s + after)), "end of the last bin")]
        if len(np.unique(before)) == len(np.unique(after)) == 1 and before[0] + after[0] > 0:
            cards += [("TIMEDEL", float(before[0] + after[0]), "[s] length of every bin")]
            cards += [("TIMEPIXR", float(before[0] / (before[0] + after[0])), "where in the bin TIME is")]
    if isinstance(curve, LightCurve):
        band = EnergyBand.parse(curve.band)
        cards += [("E_MIN", band.low_kev, "[keV]"), ("E_MAX", band.high_kev, "[keV]"), ("BACKAPP", True, "")]
    return cards


def _fits_columns(curve: Curve) -> list[fits.Column]:
    extra = set(curve.colnames) - {"time", *curve._schema}
    if extra:
        raise RequestError(f"ogip.lc has no place for {', '.join(sorted(extra))}; take ascii.ecsv, or leave them out")
    columns = []
    order = ["met", *(name for name in curve._schema if name != "met")]
    for name in order:
        kind = curve._schema[name]
        values = np.asarray(getattr(curve[name], "value", curve[name]))
        label = _FITS_NAMES.get(name, name.upper())
        if kind is str:
            width = max(_STRING_WIDTHS[name], values.dtype.itemsize // 4)
            columns.append(fits.Column(label, f"{width}A", array=values.astype(f"S{width}")))
        elif isinstance(kind, type):
            columns.append(fits.Column(label, _FITS_KINDS[kind], array=values))
        else:
            columns.append(fits.Column(label, "D", unit=_UNITS[kind], array=values))
    scale = "tdb" if curve.barycentred else "utc"
    dates = getattr(curve.time, scale)
    columns += [fits.Column(f"{scale}_{part}".upper(), "D", array=getattr(dates, part)) for part in ("jd1", "jd2")]
    size_s = (curve["time_err_neg"] + curve["time_err_pos"]).value
    columns.append(fits.Column("TIMEDEL", "D", unit="s", array=size_s))
    if isinstance(curve, LightCurve):
        error = 0.5 * (curve["rate_err_neg"] + curve["rate_err_pos"]).value
        columns.append(fits.Column("ERROR", "D", unit="count/s", array=error))
    return columns


def _read_fits(kind: type[_C], path: Path) -> _C:
    hdus = load_fits(path)
    if "RATE" not in hdus:
        raise FormatError("has no table RATE, so it is no light curve of this package", path)
    header, records = hdus["RATE"].header, hdus["RATE"].data
    data = {name: np.array(records[name]) for name in records.names}
    names = {name: _FITS_NAMES.get(name, name.upper()) for name in kind._schema}
    missing = [label for label in names.values() if label not in data]
    if missing:
        raise FormatError(f"is no {kind._title} of this package: the table RATE lacks {', '.join(missing)}", path)
    barycentred = header.get("TIMEREF") == _BARYCENTRE
    table: dict[str, Any] = {"time": _fits_time(data, barycentred=barycentred)}
    for name, label in names.items():
        table[name] = _native(data[label], kind._schema[name])
    attributes = {name: header[key] for name, key in _ATTRIBUTES.items() if key in header and hasattr(kind, name)}
    try:
        attributes["provenance"] = json.loads(attributes.get("provenance", "{}"))
    except ValueError as error:
        raise FormatError(f"tells its provenance in a way that cannot be read: {error}", path) from error
    return _checked(kind, QTable(table), path, barycentred=barycentred, **attributes)


def _fits_time(data: dict[str, Any], *, barycentred: bool) -> Time:
    scale = "tdb" if barycentred else "utc"
    names = [f"{scale}_{part}".upper() for part in ("jd1", "jd2")]
    if names[0] not in data:
        return curve_time(data["TIME"].astype(float), barycentred=barycentred)
    time = Time(*(data[name].astype(float) for name in names), format="jd", scale=scale, precision=DECIMALS)
    time.format = "isot"
    return time


def _native(values: Any, kind: Any) -> Any:
    """A column in native byte order and of our type."""
    if kind is str:
        return np.char.decode(values, "ascii") if values.dtype.kind == "S" else values.astype(str)
    if isinstance(kind, type):
        return values.astype({float: np.float64, int: np.int64, bool: np.bool_}[kind])
    return values.astype(float) << kind


def write_set(
    curves: LightCurveSet,
    folder: str | PathLike[str],
    *,
    format: str,  # noqa: A002
    overwrite: bool,
    prefix: str = "",
) -> Path:
    """Write a set; see `swiftxrt.LightCurveSet.write`. With a prefix to their names all files are in one folder."""
    folder = folder_to_write(folder, "a set of light curves", "curves.total.write('curve.fits')")
    if format == "ukssdc.qdp":
        write_qdp(curves, folder, overwrite=overwrite)
        return folder
    if format not in (*_SET_ENDINGS, _CATALOGUE):
        raise RequestError(f"a set is written as {', '.join((*_FORMATS, _CATALOGUE))}; got {format!r}")
    usable_folder(folder)
    if format == _CATALOGUE:
        write_catalogue_text(curves, folder, prefix=prefix, overwrite=overwrite)
        return folder
    for name, curve in curves.items():
        write_curve(curve, folder / f"{prefix}{name}{_SET_ENDINGS[format]}", format=format, overwrite=overwrite)
    for name, one in curves.variants.items():
        inner = (folder, f"{prefix}{name}_") if prefix else (folder / name, "")
        write_set(one, inner[0], format=format, overwrite=overwrite, prefix=inner[1])
    return folder


def read_set(kind: type[LightCurveSet], folder: str | PathLike[str]) -> LightCurveSet:
    """Read a set; see `swiftxrt.LightCurveSet.read`."""
    folder = as_path(folder, "folder")
    if not folder.is_dir():
        raise FormatError("is not a folder; a single curve is read by LightCurve.read", folder)
    curves: dict[str, Any] = {}
    for name in kind.NAMES:
        paths = [path for ending in _SET_ENDINGS.values() if (path := folder / f"{name}{ending}").is_file()]
        if paths:
            curves[name] = (HardnessCurve if name in kind.RATIOS else LightCurve).read(paths[0])
    if "total" in curves:
        variants = {name: read_set(kind, folder / name) for name in kind.VARIANTS if (folder / name).is_dir()}
        return kind(**curves, variants=variants)
    service = read_qdp_folder(folder)
    if service is None:
        raise FormatError("holds neither total.fits or total.ecsv nor PCCURVE.qdp, WTCURVE.qdp or curve.qdp", folder)
    return service
