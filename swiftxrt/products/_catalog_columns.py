"""Columns of a catalogue as arrays, quantities and times, made of what a service or a file holds."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import astropy.units as u
import erfa
import numpy as np
from astropy.table import MaskedColumn
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from .._printable import printable
from ..catalog_fields import CatalogField
from ..exceptions import ProtocolError, SwiftXRTError
from ..met import DECIMALS, met_to_time
from ..mission import MJDREFI

__all__ = ["catalog_column", "is_missing", "known_met"]

Values = Sequence[Any] | NDArray[Any]
Flags = NDArray[np.bool_]

_LONGEST_TEXT = 10_000
_NO_VALUE = ("nan", "null", "none", "")
_NO_DATE = "0000-00-00"  # what a MariaDB holds where there is no date
_UNKNOWN = CatalogField("", "")
_CIVIL_TIME = "Europe/London"
# Doubles hold whole numbers exactly up to here.
_EXACT = 2.0**53
# Times before there was UTC, and of the future, stand for times that are not known.
_FIRST_MJD, _FUTURE_DAYS = 36934.0, 365.0
_UNIX_MJD, _UNIX_JD, _DAY_S = 40587.0, 2440587.5, 86400.0
# Seconds between TAI and UTC when leap seconds began.
_FIRST_TAI_UTC = 10.0


def catalog_column(name: str, values: Values, field: CatalogField | None) -> Any:
    """A column as the kind of its field asks.

    Parameters
    ----------
    name : str
        For the error.
    values : sequence or array
        As they came; masked, None and ``"NaN"`` where there is none.
    field : CatalogField or None
        What is known of it; without it the column gets the type of its values.

    Raises
    ------
    ProtocolError
        If a value is not of the kind of the field.
    """
    kind = field.kind if field and field.kind in _MAKERS else _guessed_kind(values)
    try:
        return _MAKERS[kind](values, field or _UNKNOWN)
    except (TypeError, ValueError, OverflowError) as error:
        reason = printable(str(error), 200)
        raise ProtocolError(f"the values of {name!r} are not what the catalogue promises ({kind}): {reason}") from error


def is_missing(value: Any) -> bool:
    """Whether a cell says that there is no value."""
    if isinstance(value, str):
        return value.strip().lower() in _NO_VALUE
    return value is None or value != value or value is np.ma.masked


def _guessed_kind(values: Values) -> str:
    """What the values of an unknown field are."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return {"b": "flag", "i": "int", "u": "int", "f": "float", "M": "utc"}.get(values.dtype.kind, "text")
    types = {type(value) for value in values} - {type(None)}
    if types & {dict, list, tuple}:
        return "object"
    numbers = {bool: "flag", int: "int", float: "float"}
    if not types or not types <= {bool, int, float}:
        return "text"
    return numbers[types.pop()] if len(types) == 1 else "float"


def _split(values: Values) -> tuple[Values, Flags | None]:
    """The values of a masked array, and its mask."""
    if isinstance(values, np.ma.MaskedArray):
        return values.data, np.ma.getmaskarray(values)
    return values, None


def _numbers(values: Values) -> tuple[NDArray[np.float64], Flags]:
    """Values as numbers, and which are missing; missing ones are NaN."""
    plain, mask = _split(values)
    try:
        numbers = np.asarray(plain, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array([np.nan if is_missing(value) else value for value in plain], dtype=float)
    if numbers.ndim != 1:
        raise ValueError("single numbers are needed")
    if mask is not None and mask.any():
        numbers = np.where(mask, np.nan, numbers)
    return numbers, np.isnan(numbers)


def _floats(values: Values, field: CatalogField) -> Any:
    numbers, missing = _numbers(values)
    some = bool(missing.any())
    if not field.unit:
        return MaskedColumn(numbers, mask=missing, copy=False) if some else numbers
    quantity = u.Quantity(numbers, _unit(field.unit), copy=False)
    return Masked(quantity, mask=missing, copy=False) if some else quantity


@lru_cache
def _unit(text: str) -> u.UnitBase:
    return u.Unit(text)


def _whole_numbers(values: Values) -> tuple[NDArray[np.int64], Flags]:
    """Whole numbers, exact also beyond 2**53, and which are missing; missing ones are 0."""
    plain, mask = _split(values)
    array = np.asarray(plain) if len(plain) else np.array([], dtype=np.int64)
    if array.ndim != 1:
        raise ValueError("single numbers are needed")
    if array.dtype.kind in "ib":
        missing = np.zeros(len(array), dtype=bool)
    elif array.dtype.kind == "f" and bool(np.nanmax(np.abs(array), initial=0.0) < _EXACT):
        missing = np.isnan(array)
        array = np.where(missing, 0.0, array)
        if np.any(broken := array != np.trunc(array)):
            raise ValueError(f"{array[broken][0]!r} is not a whole number")
    else:  # texts, and mixtures with None or large numbers, which lose digits as an array
        missing = _which_missing(plain)
        array = np.array([0 if no else _whole(one) for one, no in zip(plain, missing, strict=True)], dtype=np.int64)
    return array.astype(np.int64, copy=False), missing if mask is None else missing | mask


def _which_missing(values: Values) -> Flags:
    return np.fromiter(map(is_missing, values), dtype=bool, count=len(values))


def _whole(value: Any) -> int:
    """A whole number, exact also beyond 2**53."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if value != int(value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def _ints(values: Values, field: CatalogField) -> Any:
    if field.unit:
        return _floats(values, field)
    return _masked(*_whole_numbers(values))


def _flags(values: Values, field: CatalogField) -> Any:
    whole, missing = _whole_numbers(values)
    return _masked(whole != 0, missing)


def _masked(values: NDArray[Any], missing: Flags) -> Any:
    return MaskedColumn(values, mask=missing, copy=False) if missing.any() else values


def _texts(values: Values, field: CatalogField) -> Any:
    plain, mask = _split(values)
    texts = plain.tolist() if isinstance(plain, np.ndarray) else plain
    missing = np.zeros(len(texts), dtype=bool)
    try:
        together = "".join(texts)
    except TypeError:  # not all are texts
        missing = np.fromiter((value is None for value in texts), dtype=bool, count=len(texts))
        texts = ["" if value is None else str(value) for value in texts]
        together = "".join(texts)
    if "&" in together or not together.isprintable() or max(map(len, texts), default=0) > _LONGEST_TEXT:
        texts = [printable(html.unescape(text), _LONGEST_TEXT) for text in texts]
    column = np.array(texts, dtype=str) if len(texts) else np.array([], dtype="U1")
    return _masked(column, missing if mask is None else missing | mask)


def _padded(digits: int) -> Callable[[Values, CatalogField], Any]:
    """Makes columns of numbers with a fixed number of digits, as texts."""

    def make(values: Values, field: CatalogField) -> Any:
        plain, mask = _split(values)
        missing = _which_missing(plain)
        if mask is not None:
            missing |= mask
        texts = [_digits(value, digits, no) for value, no in zip(plain, missing, strict=True)]
        return _masked(np.array(texts, dtype=f"U{digits}"), missing)

    return make


def _digits(value: Any, digits: int, is_missing: bool) -> str:
    if is_missing:
        return ""
    # Exports of the service write "::ObsID=..." so that spreadsheets do not take it for a number.
    text = value.removeprefix("::ObsID=").strip() if isinstance(value, str) else value
    if isinstance(text, str) and len(text) == digits and text.isascii() and text.isdigit():
        return text
    padded = f"{_whole(text):0{digits}d}"
    if len(padded) > digits or not padded.isdigit():
        raise ValueError(f"{value!r:.40} has not {digits} digits")
    return padded


def _mets(values: Values, field: CatalogField) -> Time:
    numbers, missing = _numbers(values)
    missing |= _is_never(numbers / _DAY_S + MJDREFI)
    return _masked_time(met_to_time(np.where(missing, 0.0, numbers)), missing)


def _scaled(form: str, scale: str, usual: float) -> Callable[[Values, CatalogField], Time]:
    """Makes times of numbers; `usual` stands where there is none."""

    def make(values: Values, field: CatalogField) -> Time:
        numbers, missing = _numbers(values)
        missing |= _is_never(numbers - usual + MJDREFI)
        return _masked_time(Time(np.where(missing, usual, numbers), format=form, scale=scale), missing)

    return make


def _is_never(mjd: NDArray[np.float64]) -> Flags:
    """Which times cannot be those of anything that was observed."""
    last = _UNIX_MJD + time.time() / _DAY_S + _FUTURE_DAYS
    return np.asarray((mjd < _FIRST_MJD) | (mjd > last))


def known_met(value: float | None) -> float | None:
    """A mission elapsed time; None if it cannot be that of anything that was observed."""
    return None if value is None or _is_never(np.array([value / _DAY_S + MJDREFI])).any() else value


def _moments(values: Values) -> tuple[NDArray[np.datetime64], Flags]:
    """Dates without a time zone, and which are missing."""
    plain, mask = _split(values)
    if not (isinstance(plain, np.ndarray) and plain.dtype.kind == "M"):
        plain = [None if is_missing(one) or str(one).startswith(_NO_DATE) else str(one).strip() for one in plain]
    moments = np.array(plain, dtype="datetime64[us]")
    mjd = (moments - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "s") / _DAY_S + _UNIX_MJD
    missing = np.isnat(moments) | _is_never(mjd)
    return moments, missing if mask is None else missing | mask


def _dates(values: Values, field: CatalogField) -> Time:
    """Dates in UTC."""
    return _utc(*_moments(values))


def _uk_dates(values: Values, field: CatalogField) -> Time:
    """Dates in the civil time of the United Kingdom, as UTC."""
    moments, missing = _moments(values)
    known = moments[~missing]
    shifts = _shifts(known.astype("datetime64[D]"))
    changing = np.isnat(shifts)  # days on which the clocks are changed: moment by moment
    shifts[changing] = [_shift(moment) for moment in known[changing].tolist()]
    utc = moments.copy()
    utc[~missing] = known - shifts
    return _utc(utc, missing)


def _shifts(days: NDArray[np.datetime64]) -> NDArray[np.timedelta64]:
    """By how much civil time is ahead of UTC on each day; not a time if that changes during the day."""
    if not len(days):
        return np.array([], dtype="timedelta64[us]")
    first, last = np.array([days.min(), days.max()], dtype="datetime64[Y]")
    shifts = np.concatenate(
        [_shifts_of_year(year) for year in range(int(first.astype(int)), int(last.astype(int)) + 1)]
    )
    return shifts[(days - first.astype("datetime64[D]")).astype(int)]


@lru_cache
def _shifts_of_year(year: int) -> NDArray[np.timedelta64]:
    """`_shifts` of all days of a year, which is counted from 1970."""
    bounds = np.array([year, year + 1], dtype="datetime64[Y]").astype("datetime64[D]")
    starts = np.arange(*bounds).astype("datetime64[us]").tolist()
    early = [_shift(start) for start in starts]
    late = [_shift(start + timedelta(hours=23, minutes=59)) for start in starts]
    shifts = [one if one == other else None for one, other in zip(early, late, strict=True)]
    return np.array(shifts, dtype="timedelta64[us]")


def _shift(moment: datetime) -> timedelta:
    shift: timedelta = _civil_time().utcoffset(moment)
    return shift


@lru_cache
def _civil_time() -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(_CIVIL_TIME)
    except ZoneInfoNotFoundError as error:
        raise SwiftXRTError(
            f"dates of the catalogue are in the civil time of the United Kingdom, and this system has no table of "
            f"time zones with {_CIVIL_TIME}; install the package tzdata (pip install tzdata)"
        ) from error


def _utc(moments: NDArray[np.datetime64], missing: Flags) -> Time:
    """Times of dates in UTC, right on days with leap seconds too."""
    known = np.where(missing, np.datetime64("2001-01-01", "us"), moments)
    days = known.astype("datetime64[D]")
    jd1 = days.astype(float) + _UNIX_JD
    jd2 = (known - days) / np.timedelta64(1, "s") / (_DAY_S + np.isin(days, _long_days()))
    times = Time(jd1, jd2, format="jd", scale="utc", precision=DECIMALS)
    times.format = "isot"
    return _masked_time(times, missing)


def _long_days() -> NDArray[np.datetime64]:
    """The days that end with a leap second."""
    table = erfa.leap_seconds.get()
    changes = [f"{year}-{month:02d}-01" for year, month in zip(table["year"], table["month"], strict=True)]
    return np.array(changes, dtype="datetime64[D]")[table["tai_utc"] > _FIRST_TAI_UTC] - np.timedelta64(1, "D")


def _masked_time(times: Time, missing: Flags) -> Time:
    if missing.any():
        times[missing] = np.ma.masked
    return times


def _objects(values: Values, field: CatalogField) -> NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


_MAKERS: Mapping[str, Callable[[Values, CatalogField], Any]] = {
    "float": _floats,
    "int": _ints,
    "flag": _flags,
    "text": _texts,
    "met": _mets,
    "mjd": _scaled("mjd", "utc", 51910.0),
    "jd_tdb": _scaled("jd", "tdb", 2451910.5),
    "utc": _dates,
    "uk_date": _uk_dates,
    "obsid": _padded(11),
    "target_id": _padded(8),
    "table": _objects,
    "object": _objects,
    "list": _objects,
}
