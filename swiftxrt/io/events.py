"""XRT event files.

Layout: the cleaned (level 2) event files of the Swift archive; see the
headers of such files and HEASoft's ``xrtdefs.h``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .._paths import as_path
from ..exceptions import FormatError, NoDataError, RequestError
from ..mission import MJDREFF, MJDREFI, N_CHANNELS, PIXEL_DEG, SKY_CENTRE_FITS, SKY_SIZE, Mode
from ..products.events import BAD_PIXEL_DTYPE, FLAGGED_BAD_PIXEL_DTYPE, EventList
from ..products.gti import GTI
from ._fitsfile import load_fits, save_fits

__all__ = ["read_events", "read_gti", "write_events"]

_NEEDED = ("TIME", "X", "Y", "PI", "GRADE")
_ENDINGS = (".evt", ".fits")
_OPTIONAL = ("RAWX", "RAWY", "DETX", "DETY", "PHA")

# Files round the fraction of MJDREF to a millisecond at worst.
_CLOCK_DAY = 2e-8
# Swift sees nothing for more than an hour at a time; simulations may.
_LONGEST_S = 1e6
# Part of the events above which equal ones are no accident.
_MOST_TWICE = 0.01

# Cards that describe the table or the making of the file; all others travel.
_STRUCTURE = re.compile(
    r"|XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS|THEAP|EXT(NAME|VER|LEVEL)|HDU(CLASS|CLAS\d|VERS\d?|NAME)"
    r"|T(TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM|LMIN|LMAX|DMIN|DMAX|CTYP|CRPX|CRVL|CDLT|CUNI|CROT)\d+|(RADE|EQUI)\d+"
    r"|(MTYPE|MFORM|METYP|DSTYP|DSFORM|DSVAL|DSREF|FILIN)\d+|CHECKSUM|DATASUM|COMMENT|HISTORY|CONTINUE"
    r"|CREATOR|ORIGIN|DATE|USER|TIMEZERO|NEVENTS|NPIXSOU|SIMPLE|EXTEND|LONGSTRN"
)


def read_events(path: str | os.PathLike[str]) -> EventList:
    """Read an XRT event file.

    Columns other than time, position, energy and grade may be missing, names
    may be in lower case. Good time intervals come from the extension ``GTI``,
    else ``STDGTI``, else the last one with columns START and STOP.

    Parameters
    ----------
    path : path-like
        Event file, plain or gzipped.

    Returns
    -------
    events : EventList

    Raises
    ------
    FormatError
        If the file is not a sound XRT event file of a supported mode.
    NoDataError
        If it holds no event.
    """
    hdus = load_fits(path)
    table = _events_table(hdus, path)
    cards = _cards(hdus, table)
    mode = _mode(cards, path)
    _check_clock(cards, path)
    if table.data is None or len(table.data) == 0:
        raise NoDataError(f"{path} is sound but holds no event")
    columns = _columns(table, path)
    try:
        return EventList(
            **columns,
            gti=_gti(hdus, path),
            mode=mode,
            header=cards | _sky_centre(table, path),
            bad_pixels=_bad_pixels(hdus),
            path=Path(path),
        )
    except RequestError as error:
        raise FormatError(f"the header or the columns are unusable: {error}", path) from error


def read_gti(path: str | os.PathLike[str]) -> GTI:
    """Read the good time intervals of any FITS file that has some.

    Raises
    ------
    FormatError
        If there are none.
    """
    return _gti(load_fits(path), path)


def _names(hdu: Any) -> dict[str, str]:
    """Upper-case names of the columns of a table, to those in the file."""
    return {name.upper(): name for name in hdu.columns.names} if isinstance(hdu, fits.BinTableHDU) else {}


def _events_table(hdus: fits.HDUList, path: Any) -> fits.BinTableHDU:
    for hdu in hdus:
        if hdu.name == "EVENTS" and isinstance(hdu, fits.BinTableHDU):
            return hdu
    found = ", ".join(hdu.name or "unnamed" for hdu in hdus)
    raise FormatError(f"there is no table EVENTS, so this is not an event file (it has {found})", path)


def _cards(hdus: fits.HDUList, table: fits.BinTableHDU) -> dict[str, Any]:
    """Cards of the EVENTS header, completed from the primary header."""
    cards = {}
    for header in (hdus[0].header, table.header):
        for card in header.cards:
            if not _STRUCTURE.fullmatch(card.keyword) and isinstance(card.value, str | int | float | bool):
                cards[card.keyword.upper()] = card.value
    return cards


def _mode(cards: Mapping[str, Any], path: Any) -> Mode:
    telescope, instrument = (str(cards.get(key, "?")).strip().upper() for key in ("TELESCOP", "INSTRUME"))
    if (telescope, instrument) != ("SWIFT", "XRT"):
        raise FormatError(f"events of the Swift XRT are needed; these come from {telescope} {instrument}", path)
    datamode, obs_mode = str(cards.get("DATAMODE", "?")), str(cards.get("OBS_MODE", "POINTING")).strip().upper()
    try:
        mode = Mode.from_datamode(datamode)
    except KeyError:
        raise FormatError(f"DATAMODE is {datamode!r}; only PHOTON and WINDOWED can be used", path) from None
    if obs_mode == "SLEW":
        raise FormatError("the events were taken during a slew; use the pointing file (...po_cl.evt)", path)
    return mode


def _check_clock(cards: Mapping[str, Any], path: Any) -> None:
    """Refuse times that do not count in seconds from the beginning of 2001 (TT)."""
    zero = MJDREFI + MJDREFF
    given = cards.get("MJDREF", cards.get("MJDREFI", MJDREFI) + cards.get("MJDREFF", MJDREFF))
    if isinstance(given, str):
        raise FormatError(f"the zero of time (MJDREF) is the text {given!r}", path)
    if not abs(given - zero) < _CLOCK_DAY:
        raise FormatError(f"times count from MJD {given:.8f}, those of Swift from {zero:.8f}", path)
    for key, usual in (("TIMESYS", "TT"), ("TIMEUNIT", "s")):
        if str(cards.get(key, usual)).strip().lower() != usual.lower():
            raise FormatError(f"{key} is {cards[key]!r}; Swift event files have {usual!r}", path)


def _check_twice(columns: Mapping[str, NDArray[Any]], path: Any) -> None:
    """Refuse files whose events were added twice; no two have the same time, place and energy."""
    _, inverse, counts = np.unique(columns["met"], return_inverse=True, return_counts=True)
    together = np.flatnonzero(counts[inverse] > 1)
    order = together[np.lexsort([columns[name][together] for name in ("pi", "y", "x", "met")])]
    same = np.ones(max(order.size - 1, 0), dtype=bool)
    for array in columns.values():
        values = array[order]
        same &= values[1:] == values[:-1]
    count = int(np.count_nonzero(same))
    if count > max(_MOST_TWICE * len(columns["met"]), 2):
        raise FormatError(f"{count} of {len(columns['met'])} events are there twice; take the original file", path)


def _columns(table: fits.BinTableHDU, path: Any) -> dict[str, Any]:
    names = _names(table)
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise FormatError(f"the events lack {', '.join(missing)} (they have {', '.join(names)})", path)
    columns: dict[str, NDArray[Any]] = {
        name.lower(): _whole(table.data[names[name]], name, path)
        for name in (*_NEEDED[1:], *_OPTIONAL)
        if name in names
    }
    columns["x"] -= 1
    columns["y"] -= 1
    columns["met"] = np.array(table.data[names["TIME"]], dtype=np.float64)
    columns["met"] += float(table.header.get("TIMEZERO", 0.0))
    if "STATUS" in names:
        columns["status"] = _sixteen_flags(table, names["STATUS"])
    for array in columns.values():
        if array.ndim != 1:
            raise FormatError("the events have a column with several values per event where one is needed", path)
        array.flags.writeable = False
    _check_twice(columns, path)
    return columns


def _whole(values: Any, name: str, path: Any) -> NDArray[np.int32]:
    """Whole numbers, also where a program stored them as floating point."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = np.count_nonzero(~np.isfinite(values))
        raise FormatError(f"{count} of {len(values)} events have no finite {name}; take them out of the file", path)
    if values.dtype.kind == "f":
        return np.rint(values).astype(np.int32)  # a pixel reaches to half a pixel on either side of its number
    return np.array(values, dtype=np.int32)


def _sixteen_flags(table: fits.BinTableHDU, name: str) -> NDArray[np.uint16]:
    """The flags as one number; bit 0 is the last of the sixteen in the file."""
    # Astropy would make sixteen flags of each; the bytes of the file are the number.
    values = table.data.view(np.ndarray)[name]
    if values.ndim == 2 and values.shape[1] == 2:
        values = values.view(">u2")[:, 0]
    return values.astype(np.uint16)


def _sky_centre(table: fits.BinTableHDU, path: Any) -> dict[str, float]:
    """Sky position of the reference pixel, as the cards ``RA_NOM`` and ``DEC_NOM``."""
    header = table.header
    centre = {}
    for column, key, step in (("X", "RA_NOM", -PIXEL_DEG), ("Y", "DEC_NOM", PIXEL_DEG)):
        number = [name.upper() for name in table.columns.names].index(column) + 1
        given = {f"TCRPX{number}": SKY_CENTRE_FITS, f"TCDLT{number}": step, f"TCRVL{number}": 0.0}
        pixel, size, angle = (header.get(card, default) for card, default in given.items())
        if not all(isinstance(value, int | float) for value in (pixel, size, angle)):
            raise FormatError(f"{', '.join(given)} must be numbers; got {pixel!r}, {size!r}, {angle!r}", path)
        if abs(pixel - SKY_CENTRE_FITS) > 1e-3 or abs(size / step - 1) > 1e-6:
            raise FormatError(
                f"{column} is not on the XRT sky grid (reference pixel {pixel}, step {size} deg instead of "
                f"{SKY_CENTRE_FITS}, {step} deg)",
                path,
            )
        if f"TCRVL{number}" in header:
            centre[key] = float(angle)
    return centre


def _gti(hdus: fits.HDUList, path: Any) -> GTI:
    tables = [hdu for hdu in hdus if {"START", "STOP"} <= _names(hdu).keys()]
    if not tables:
        raise FormatError("there are no good time intervals (no table with START and STOP)", path)
    by_name = {hdu.name: hdu for hdu in reversed(tables)}
    chosen = by_name.get("GTI", by_name.get("STDGTI", tables[-1]))
    names, zero = _names(chosen), float(chosen.header.get("TIMEZERO", 0.0))
    try:
        gti = GTI(chosen.data[names["START"]] + zero, chosen.data[names["STOP"]] + zero)
    except RequestError as error:
        raise FormatError(f"the good time intervals are unusable: {error}", path) from error
    if not len(gti):
        raise FormatError(f"the extension {chosen.name} holds no good time", path)
    longest = float((gti.stop - gti.start).max())
    if longest > _LONGEST_S:
        raise FormatError(f"good time of {longest:.6g} s without a break cannot be; check START and STOP", path)
    return gti


def _bad_pixels(hdus: fits.HDUList) -> NDArray[Any] | None:
    for hdu in hdus:
        names = _names(hdu)
        if hdu.name == "BADPIX" and {"RAWX", "RAWY", "TYPE", "YEXTENT"} <= names.keys():
            rows = np.zeros(len(hdu.data), dtype=FLAGGED_BAD_PIXEL_DTYPE)
            for name in BAD_PIXEL_DTYPE.names or ():
                rows[name] = hdu.data[names[name.upper()]]
            if "BADFLAG" in names:
                rows["badflag"] = _sixteen_flags(hdu, names["BADFLAG"])
            return rows
    return None


# --- Writing -------------------------------------------------------------------

# Name, format, unit, lowest and highest legal value (None: no limits), null.
_LAYOUT: tuple[tuple[str, str, str | None, int | None, int | None, int | None], ...] = (
    ("TIME", "D", "s", None, None, None),
    ("X", "I", "pixel", 1, SKY_SIZE, -1),
    ("Y", "I", "pixel", 1, SKY_SIZE, -1),
    ("RAWX", "I", "pixel", 0, 599, None),
    ("RAWY", "I", "pixel", 0, 599, None),
    ("DETX", "I", "pixel", 1, 600, -1),
    ("DETY", "I", "pixel", 1, 600, -1),
    ("PHA", "J", "chan", 0, 4095, -4095),
    ("PI", "J", "chan", 0, N_CHANNELS - 1, -4095),
    ("GRADE", "I", None, 0, 32, None),
    ("STATUS", "16X", None, None, None, None),
)


def write_events(events: EventList, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write an event file in the layout of the Swift archive.

    Parameters
    ----------
    events : EventList
        What to write.
    path : path-like
        The file, named ``.evt`` or ``.fits``; gzipped if ``.gz`` follows.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Returns
    -------
    path : `~pathlib.Path`

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is false.
    RequestError
        If a value does not fit into its column, or the name has another ending.
    """
    path = as_path(path, "path")
    if Path(path.name.removesuffix(".gz")).suffix.lower() not in ("", *_ENDINGS):
        raise RequestError(
            f"{path.name!r} cannot name an event list; it is written as {', '.join(_ENDINGS)}, or these with .gz. "
            f"Other formats are written from its table, as in QTable.write"
        )
    # XRT files, and the HEASoft that reads them, have the old spelling.
    general = fits.Header([("RADECSYS" if key == "RADESYS" else key, value) for key, value in events.header.items()])
    primary = fits.PrimaryHDU(header=general.copy())
    primary.header["CREATOR"] = "swiftxrt"
    hdus = [primary, _events_hdu(events, general), _gti_hdu(events.gti, general)]
    if events.bad_pixels is not None:
        hdus.append(_bad_pixel_hdu(events.bad_pixels, general))
    return save_fits(hdus, path, overwrite=overwrite)


def _events_hdu(events: EventList, general: fits.Header) -> fits.BinTableHDU:
    columns = []
    limits: dict[str, int] = {}
    for name, form, unit, lowest, highest, null in _LAYOUT:
        values = events.met if name == "TIME" else getattr(events, name.lower())
        if values is None:
            continue
        array = _file_values(name, form, values)
        columns.append(fits.Column(name, form, unit=unit, null=null, array=array))
        if lowest is not None and highest is not None:
            limits |= {f"TLMIN{len(columns)}": lowest, f"TLMAX{len(columns)}": highest}
    hdu = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    hdu.header.update({"HDUCLASS": "OGIP", "HDUCLAS1": "EVENTS", **limits})
    hdu.header.update(_sky_cards(events))
    hdu.header.update({"MTYPE1": "SKY", "MFORM1": "X, Y", "MTYPE2": "DET", "MFORM2": "DETX, DETY"})
    hdu.header.extend(general, update=True)
    return hdu


def _file_values(name: str, form: str, values: NDArray[Any]) -> NDArray[Any]:
    if name == "STATUS":
        return (values[:, None] >> np.arange(15, -1, -1)) & 1 == 1
    if name in ("X", "Y"):
        values = values + 1
    if form == "I" and len(values) and not -32768 <= values.min() <= values.max() <= 32767:
        raise RequestError(
            [(name.lower(), f"{values.min()} to {values.max()} does not fit into 16 bits")], "event file"
        )
    return values


def _sky_cards(events: EventList) -> dict[str, Any]:
    """The pixel-list world coordinate system; X and Y are columns 2 and 3."""
    ra_deg, dec_deg = (float(value) for value in events.wcs.wcs.crval)
    cards: dict[str, Any] = {}
    for number, kind, step, value in ((2, "RA---TAN", -PIXEL_DEG, ra_deg), (3, "DEC--TAN", PIXEL_DEG, dec_deg)):
        cards |= {
            f"TCTYP{number}": kind,
            f"TCUNI{number}": "deg",
            f"TCRPX{number}": SKY_CENTRE_FITS,
            f"TCDLT{number}": step,
            f"TCRVL{number}": value,
            # The spelling of RADESYS and EQUINOX that the FITS standard wants for columns.
            f"RADE{number}": events.header["RADESYS"],
            f"EQUI{number}": events.header["EQUINOX"],
        }
    return cards


def _gti_hdu(gti: GTI, general: fits.Header) -> fits.BinTableHDU:
    columns = [
        fits.Column("START", "D", unit="s", array=gti.start),
        fits.Column("STOP", "D", unit="s", array=gti.stop),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="GTI")
    hdu.header.update({"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", "HDUCLAS2": "STANDARD"})
    hdu.header.extend(general, update=True)
    return hdu


def _bad_pixel_hdu(bad_pixels: NDArray[Any], general: fits.Header) -> fits.BinTableHDU:
    size = len(bad_pixels)
    columns = [
        fits.Column("RAWX", "I", unit="pixel", array=bad_pixels["rawx"]),
        fits.Column("RAWY", "I", unit="pixel", array=bad_pixels["rawy"]),
        fits.Column("Amp", "I", array=np.ones(size, dtype=np.int16)),
        fits.Column("TYPE", "I", array=bad_pixels["type"]),
        fits.Column("YEXTENT", "I", array=bad_pixels["yextent"]),
        fits.Column("BADFLAG", "16X", array=_file_values("STATUS", "16X", bad_pixels["badflag"])),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="BADPIX")
    hdu.header.extend(general, update=True)
    return hdu
