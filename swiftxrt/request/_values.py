"""Sorts of field value that need astropy's coordinates and times."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, SkyCoord
from astropy.time import Time

from .._fields import Kind, Pair
from .._fields.base import compact, wire_number
from ..exceptions import RequestError
from ..met import met_to_time, time_to_met

__all__ = [
    "Instant",
    "Intervals",
    "LAUNCH_MET_S",
    "SkyPoint",
    "Span",
    "angle_deg",
    "interval_met",
    "interval_text",
    "is_mjd",
    "parse_intervals",
    "utc_text",
]

#: Two moments: times, or seconds whose zero the request knows.
Span = tuple[Time, Time] | tuple[u.Quantity, u.Quantity]

# Frames fixed on the sky; others depend on where and when the observer is.
_CELESTIAL = ("icrs", "fk5", "fk4", "fk4noeterms", "galactic", "supergalactic", "barycentricmeanecliptic")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SPAN = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*", re.ASCII)

#: Launch of Swift, 2004-11-20 17:16 UTC: a smaller MET is a mistake.
LAUNCH_MET_S = 122663760.0

# MJD since the launch of Swift (2004-11-20); as MET these lie in January 2001.
_MJD_RANGE = (53329.0, 100000.0)

# Degrees: rounding leaves some units in the last place of 360, which is less than a nanoarcsecond.
_ANGLE_DECIMALS = 11
_ANGLE_NOISE_DEG = 4 * math.ulp(360.0)

# Seconds: three centuries, beyond which calendars are of no use here.
_FARTHEST_S = 1e10


class SkyPoint(Pair):
    """One position on the sky, stored in ICRS; right ascension and declination in degrees on the wire."""

    def convert(self, value: Any) -> SkyCoord:
        if not isinstance(value, SkyCoord):
            raise ValueError(f"a SkyCoord is needed, such as SkyCoord(335.6985, -7.5179, unit='deg'); got {value!r}")
        if value.frame.name not in _CELESTIAL:
            raise ValueError(f"a celestial frame ({', '.join(_CELESTIAL)}) is needed; got {value.frame.name!r}")
        if not value.isscalar:
            raise ValueError(f"one position is needed; got an array of shape {value.shape}")
        if np.any(value.mask):
            raise ValueError(f"a known position is needed; got one that is masked: {value!r}")
        if not np.isfinite([value.spherical.lon.rad, value.spherical.lat.rad]).all():
            raise ValueError(f"the position must be finite; got {value!r}")
        return _sky_point(value.icrs.ra, value.icrs.dec)

    def to_plain(self, value: SkyCoord) -> dict[str, str]:
        return {"ra": f"{compact(value.ra.deg)!r} deg", "dec": f"{compact(value.dec.deg)!r} deg"}

    def from_plain(self, value: Any) -> SkyCoord:
        if not isinstance(value, dict) or set(value) != {"ra", "dec"}:
            raise ValueError(f"a position is written as ra: 335.6985 deg, dec: -7.5179 deg; got {value!r}")
        return self._checked(angle_deg("ra", value["ra"]), angle_deg("dec", value["dec"]))

    def to_pair(self, value: SkyCoord) -> tuple[float, float]:
        return float(value.ra.deg), float(value.dec.deg)

    def from_pair(self, first: Any, second: Any) -> SkyCoord:
        return self._checked(wire_number(first), wire_number(second))

    def _checked(self, ra_deg: float, dec_deg: float) -> SkyCoord:
        # SkyCoord itself would turn 400 degrees into 40.
        if not (0 <= ra_deg <= 360 and -90 <= dec_deg <= 90):
            raise ValueError(
                f"0 <= RA <= 360 deg and -90 <= Dec <= 90 deg are needed; got {ra_deg:.10g}, {dec_deg:.10g}"
            )
        return _sky_point(ra_deg * u.deg, dec_deg * u.deg)

    def show(self, value: SkyCoord) -> str:
        return f"<SkyCoord (ICRS) {value.ra.deg:.10g}, {value.dec.deg:.10g} deg>"

    def describe(self) -> str:
        return "`~astropy.coordinates.SkyCoord`, scalar"


def _sky_point(ra: u.Quantity, dec: u.Quantity) -> SkyCoord:
    return SkyCoord(_without_noise(ra) * u.deg, _without_noise(dec) * u.deg, frame="icrs")


def _without_noise(angle: u.Quantity) -> float:
    """Degrees; a number that only rounding in a conversion keeps from few decimals becomes the one with few."""
    degrees = float(angle.to_value(u.deg))
    short = round(degrees, _ANGLE_DECIMALS)
    return short if abs(short - degrees) < _ANGLE_NOISE_DEG else degrees


def angle_deg(name: str, text: Any) -> float:
    """An angle written with its unit, or in sexagesimal form with letters, in degrees."""
    # Quantity reads exponents, Angle sexagesimal texts.
    for read in (u.Quantity, Angle) if isinstance(text, str) else ():
        try:
            return float(read(text).to_value(u.deg))
        except (TypeError, ValueError, u.UnitsError):
            continue
    raise ValueError(f"{name} needs an angle with its unit, such as '335.6985 deg' or '22h22m47.64s'; got {text!r}")


def _moment(value: Any) -> Time | u.Quantity:
    """A finite scalar time, or seconds, exact to the microsecond."""
    if isinstance(value, Time) and value.isscalar and not value.masked:
        return met_to_time(_not_far(time_to_met(value), value))
    if isinstance(value, u.Quantity) and value.isscalar and value.unit.is_equivalent(u.s) and np.isfinite(value.value):
        if value.unit == u.day and is_mjd(value.value):
            raise ValueError(
                f"{value} looks like a modified Julian date; give Time({value.value:.15g}, format='mjd') if that is "
                "meant; a quantity is a time since 2001-01-01 (MET) or since T0"
            )
        return _not_far(round(float(value.to_value(u.s)), 6), value) * u.s
    raise ValueError(f"a Time, or seconds such as 608713541.952 * u.s, is needed (one finite value); got {value!r}")


def _not_far(seconds: float, given: Any) -> float:
    if abs(seconds) > _FARTHEST_S:
        raise ValueError(f"times must lie within {_FARTHEST_S:g} s (three centuries); got {given}")
    return seconds


def _moment_from_plain(value: Any) -> Time | u.Quantity:
    """Read ``"2020-04-16T07:05:17"`` (UTC) or ``"608713541.952 s"``; YAML makes dates of the former."""
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        return _moment(Time(moment, scale="utc"))
    for read in (u.Quantity, Time) if isinstance(value, str) else ():
        try:
            moment = read(value)
        except (TypeError, ValueError):
            continue
        if isinstance(moment, Time) or moment.unit.is_equivalent(u.s):
            return _moment(moment)
    raise ValueError(f"a time such as 2020-04-16T07:05:17 (UTC) or '608713541.952 s' is needed; got {value!r}")


def is_mjd(number: float) -> bool:
    """Whether a time of the service is a modified Julian date (UTC), which it reads as well as MET."""
    return _MJD_RANGE[0] <= number < _MJD_RANGE[1]


def _seconds_text(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


class Instant(Kind):
    """A moment, given as a time or as MET; stored as a UTC time that stands for a MET to the microsecond."""

    def convert(self, value: Any) -> Time:
        moment = _moment(value)
        return moment if isinstance(moment, Time) else met_to_time(moment)

    def to_plain(self, value: Time) -> str:
        return f"{_seconds_text(time_to_met(value))} s"

    def from_plain(self, value: Any) -> Time:
        return self.convert(_moment_from_plain(value))

    def to_wire(self, value: Time) -> int | float:
        return compact(time_to_met(value))

    def from_wire(self, value: Any) -> Time:
        number = wire_number(value)
        return self.convert(Time(number, format="mjd", scale="utc") if is_mjd(number) else number * u.s)

    def show(self, value: Time) -> str:
        return f"<Time {utc_text(value)} UTC>"

    def describe(self) -> str:
        return "`~astropy.time.Time`, or MET in seconds"


class Intervals(Kind):
    """One or more intervals, each a pair of times or of seconds."""

    def convert(self, value: Any) -> tuple[Span, ...]:
        if _is_sequence(value) and len(value) == 2 and not any(_is_sequence(item) for item in value):
            value = (value,)
        if not _is_sequence(value) or not len(value):
            raise ValueError(f"one or more pairs (start, stop) of Time or of seconds are needed; got {value!r}")
        return tuple(_span(pair) for pair in value)

    def to_plain(self, value: tuple[Span, ...]) -> list[list[str]]:
        return [[_moment_plain(start), _moment_plain(stop)] for start, stop in value]

    def from_plain(self, value: Any) -> tuple[Span, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(pair, list | tuple) for pair in value):
            raise ValueError(f"a list of pairs such as [[0 s, 1000 s]] is needed; got {value!r}")
        return self.convert([[_moment_from_plain(item) for item in pair] for pair in value])

    def to_wire(self, value: tuple[Span, ...]) -> str:
        return ",".join(interval_text(pair) for pair in value)

    def from_wire(self, value: Any) -> tuple[Span, ...]:
        return parse_intervals(str(value))

    def describe(self) -> str:
        return "pairs of `~astropy.time.Time` or of Quantity [s]"


def _is_sequence(value: Any) -> bool:
    """Whether `value` holds several items: a list or tuple, or an array of times or seconds."""
    if isinstance(value, Time | u.Quantity):
        return not value.isscalar
    return isinstance(value, Sequence) and not isinstance(value, str)


def _span(pair: Any) -> Span:
    if not _is_sequence(pair) or len(pair) != 2:
        raise ValueError(f"an interval is a pair (start, stop); got {pair!r}")
    start, stop = _moment(pair[0]), _moment(pair[1])
    if isinstance(start, Time) is not isinstance(stop, Time):
        raise ValueError(f"start and stop must both be Time or both be seconds; got {pair!r}")
    if not start < stop:
        raise ValueError(f"an interval must start before it stops; got {_moment_plain(start)} to {_moment_plain(stop)}")
    return start, stop


def _moment_plain(value: Time | u.Quantity) -> str:
    if not isinstance(value, Time):
        return f"{_seconds_text(value.value)} s"
    # With the six decimals that are shown, reading would be a microsecond off now and then.
    return utc_text(value, decimals=9)


def utc_text(value: Time, decimals: int | None = None) -> str:
    """A time as text, also where nobody knows the leap seconds yet: Astropy warns of every time from 2029 on or so."""
    moment = value.copy(format="isot")
    if decimals is not None:
        moment.precision = decimals
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*dubious year")
        return str(moment.value)


def interval_met(pair: Span) -> tuple[float, float]:
    """Start and stop in seconds; times become MET."""
    start, stop = (time_to_met(item) if isinstance(item, Time) else item.value for item in pair)
    return float(start), float(stop)


def interval_text(pair: Span) -> str:
    """An interval as the service writes it, such as ``608713541-608714541``."""
    start, stop = interval_met(pair)
    return f"{_seconds_text(start)}-{_seconds_text(stop)}"


def parse_intervals(text: str, *, relative: bool = True) -> tuple[Span, ...]:
    """Read intervals as the service writes them.

    Parameters
    ----------
    text : str
        Such as ``"608713541-608714541,608720000-608721000"``.
    relative : bool, optional
        Whether small numbers may be seconds since T0. If not, numbers too
        small for a MET of Swift are MJD (UTC), which the service reads too.

    Returns
    -------
    intervals : tuple of pairs
        Of Quantity in seconds, or of Time where MJD were given.

    Raises
    ------
    RequestError
        If the text cannot be read.
    """
    pairs: list[Any] = []
    for part in filter(None, (item.strip() for item in text.split(","))):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise RequestError(f"intervals are written like 608713541-608714541 with commas between them; got {part!r}")
        start, stop = float(match.group(1)), float(match.group(2))
        days = not relative and is_mjd(start)
        pairs.append(Time([start, stop], format="mjd", scale="utc") if days else (start * u.s, stop * u.s))
    try:
        return Intervals().convert(pairs)
    except ValueError as error:
        raise RequestError(f"{error}; the text was {text!r}") from None
