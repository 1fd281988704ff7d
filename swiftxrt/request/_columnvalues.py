"""What a value that is compared with a column is in the terms of that column."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import astropy.units as u
from astropy.time import Time

from .._fields.base import compact
from ..catalog_fields import CatalogField
from ..exceptions import IdentifierError
from ..identifiers import parse_obsid
from ..met import time_to_met

__all__ = ["column_value"]

_NUMBERS = ("int", "float", "flag")
#: Kinds of field that hold moments, with the unit of those that are numbers.
_MOMENTS = {"met": u.s, "mjd": u.day, "jd_tdb": u.day, "utc": None, "uk_date": None}
_NESTED = ("table", "object", "list")


def column_value(value: Any, field: CatalogField, *, is_pattern: bool = False) -> Any:
    """A value in the terms of a column.

    Parameters
    ----------
    value : str, bool, int, float, `~astropy.units.Quantity` or `~astropy.time.Time`
        The value.
    field : CatalogField
        The column; one without a kind takes numbers and texts as they are.
    is_pattern : bool, optional
        Whether it is a pattern for texts.

    Returns
    -------
    plain : str, int or float
        As the catalogues have it.

    Raises
    ------
    ValueError
        If it does not fit.
    """
    if field.kind in _NESTED:
        raise ValueError("this column holds tables or lists, which cannot be compared")
    if is_pattern:
        if field.kind in (*_NUMBERS, "met", "mjd", "jd_tdb"):
            raise ValueError("this column holds numbers, which have no pattern; compare them with <, > or between()")
        return value
    if field.kind in _MOMENTS:
        return _moment(value, field.kind)
    if field.kind == "obsid":
        return _obsid(value)
    if field.kind == "text":
        if not isinstance(value, str):
            raise ValueError(f"this column holds texts; got {value!r:.60}")
        return value
    if isinstance(value, Time):
        raise ValueError("this column does not hold times")
    if isinstance(value, str):
        return _text(value, field)
    return _number(value, field)


def _text(value: str, field: CatalogField) -> str | int:
    if field.kind == "target_id" and value.strip().isascii() and value.strip().isdecimal():
        return int(value)
    if field.kind:
        raise ValueError(f"this column holds numbers{_in_unit(field)}; got the text {value!r:.60}")
    return value


def _number(value: Any, field: CatalogField) -> int | float:
    if isinstance(value, u.Quantity):
        return compact(_in_field(value, field))
    if field.unit:
        raise ValueError(f"a quantity{_in_unit(field)} is needed, such as {value!r} * u.Unit({field.unit!r})")
    return int(value) if isinstance(value, bool | int) else compact(value)


def _in_field(value: u.Quantity, field: CatalogField) -> float:
    if not field.kind:
        raise ValueError(f"nothing is known of the unit of this column, so it needs a plain number; got {value}")
    unit = u.Unit(field.unit) if field.unit else u.dimensionless_unscaled
    try:
        return float(value.to_value(unit))
    except u.UnitConversionError:
        needed = f"a quantity{_in_unit(field)}" if field.unit else "a number without a unit"
        raise ValueError(f"{needed} is needed; got {value}") from None


def _in_unit(field: CatalogField) -> str:
    return f" in {field.unit}" if field.unit else ""


def _obsid(value: Any) -> str:
    try:
        return parse_obsid(value)
    except IdentifierError as error:
        raise ValueError(str(error)) from None


def _moment(value: Any, kind: str) -> str | int | float:
    unit = _MOMENTS[kind]
    if unit is not None and isinstance(value, u.Quantity) and value.unit.is_equivalent(unit):
        return compact(float(value.to_value(unit)))
    if unit is None and isinstance(value, str):
        try:
            value = Time(value, scale="utc")
        except ValueError:
            raise ValueError(f"a time such as '2020-04-16 07:05:17' (UTC) is needed; got {value!r:.60}") from None
    if not isinstance(value, Time):
        also = f", or a quantity in {unit}" if unit is not None else ""
        raise ValueError(
            f"this column holds times; a Time such as Time('2020-04-16T07:05:17'){also} is needed; got {value!r:.60}"
        )
    if kind == "met":
        return compact(round(float(time_to_met(value)), 6))
    if kind in ("mjd", "jd_tdb"):
        return float(value.utc.mjd if kind == "mjd" else value.tdb.jd)
    return _date_text(value) if kind == "utc" else _uk_text(value)


def _date_text(value: Time) -> str:
    """A date as the catalogues write it, ``2020-04-16 07:05:17``, with a fraction only if there is one."""
    whole, _, fraction = str(Time(value, format="iso", precision=6).utc.iso).partition(".")
    return f"{whole}.{fraction.rstrip('0')}".rstrip(".")


def _uk_text(value: Time) -> str:
    """The same in the civil time of the United Kingdom."""
    moment = value.utc.to_datetime(timezone=UTC).astimezone(ZoneInfo("Europe/London"))
    return moment.replace(tzinfo=None, microsecond=0).isoformat(sep=" ")
