"""Mission elapsed time (MET) and absolute time.

MET counts seconds of the spacecraft clock since 2001-01-01 00:00:00 UTC. The
clock drifts, so two relations exist:

* *nominal*: TT = MJDREF + MET. This is what ``DATE-OBS`` in event files says;
  it ignores the drift and is off by tens of seconds today.
* *true*: UTC = 2001-01-01 + MET + UTCF, where UTCF (header ``UTCFINIT``)
  holds the drift and minus the leap seconds since 2001. See the HEASARC Swift
  time guide.

Where no UTCF is known, the drift is interpolated in the table below, which
was taken from the headers of public event files. Against files left out of
the table it is good to 0.2 s between 2007 and 2024.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time

from .exceptions import RequestError
from .mission import MJDREFF, MJDREFI

__all__ = [
    "DECIMALS",
    "estimate_utcf",
    "fuller_met",
    "met_to_time",
    "met_to_time_nominal",
    "mjd_to_met",
    "require_scale",
    "time_to_met",
]

#: Decimals of a second that times are shown with. A MET of today has a
#: resolution of 0.12 microseconds: further digits would be noise, as in
#: 23:59:59.999999881 for midnight.
DECIMALS = 6

_SECONDS_PER_DAY = 86400.0

# Leap seconds since 2001 (IERS Bulletin C): the MJD (UTC) of the days that end
# with one, and the seconds since 2001-01-01 00:00:00 UTC after it.
_LEAP_DAY = np.array([53735, 54831, 56108, 57203, 57753])
_LEAP_SECOND = (_LEAP_DAY + 1 - MJDREFI) * _SECONDS_PER_DAY + np.arange(1, 6)

# MET (s) and clock drift UTCF + leap seconds (s), from UTCFINIT of public
# event files (the last but one from the 2023-09-28 example of the time guide).
_DRIFT = np.array(
    [
        (190110646.7, -0.68954),
        (333803450.4, -5.21224),
        (437040841.4, -9.75564),
        (473443929.0, -11.64118),
        (483319794.6, -12.17876),
        (551097298.7, -16.13006),
        (630122828.4, -21.18328),
        (687081918.2, -25.00916),
        (717624081.4, -27.09200),
        (731196205.0, -28.02174),
    ]
)


def estimate_utcf(met_s: Any) -> Any:
    """Clock correction UTCF at a mission elapsed time.

    Parameters
    ----------
    met_s : float or array
        MET in seconds.

    Returns
    -------
    utcf_s : float or array
        UTCF in seconds, interpolated between published values (extrapolated
        with the slope at the end outside them).
    """
    met_s = np.asarray(met_s, dtype=float)
    drift_s = _drift(met_s)
    return (drift_s - np.searchsorted(_LEAP_SECOND, met_s + drift_s, side="right"))[()]


def met_to_time(met: Any, *, utcf: float | None = None) -> Time:
    """Convert MET to true time.

    Parameters
    ----------
    met : float, array or `~astropy.units.Quantity`
        Mission elapsed time (seconds if bare; event columns are bare).
    utcf : float, optional
        Clock correction in seconds, as in the header keyword ``UTCFINIT``;
        by default that of `estimate_utcf`.

    Returns
    -------
    time : `~astropy.time.Time`
        Scale UTC, format ``isot``, same shape as `met`. A time within a leap
        second comes out in the first second of the next day.
    """
    met_s = _seconds(met)
    offset = estimate_utcf(met_s) if utcf is None else utcf
    # UTCF arithmetic counts days of 86400 s, so the leap seconds in it cancel
    # against those of the UTC calendar (HEASARC time guide).
    day = np.floor((met_s + offset) / _SECONDS_PER_DAY)
    second = met_s - day * _SECONDS_PER_DAY + offset
    time = Time(MJDREFI + day, second / _day_length(day), format="mjd", scale="utc", precision=DECIMALS)
    time.format = "isot"
    return time


def time_to_met(time: Time, *, utcf: float | None = None) -> Any:
    """Convert true time to MET; the inverse of `met_to_time`.

    Parameters
    ----------
    time : `~astropy.time.Time`
        Any scale that can be converted to UTC.
    utcf : float, optional
        Clock correction in seconds; by default that of `estimate_utcf`.

    Returns
    -------
    met_s : float or array
        MET in seconds, rounded to the microsecond.

    Raises
    ------
    RequestError
        If the scale is ``"local"``.
    """
    require_scale(time)
    utc = time.utc
    return _utc_to_met(utc.jd1 - 2400000.5 - MJDREFI, utc.jd2, utcf)


def require_scale(time: Time) -> None:
    """Refuse times that cannot be converted to other scales.

    Parameters
    ----------
    time : `~astropy.time.Time`
        Any time.

    Raises
    ------
    RequestError
        If the scale is ``"local"``.
    """
    if time.scale == "local":
        text = "UTC cannot be told from a time of scale 'local'; say which scale it is, such as scale='utc'"
        raise RequestError(f"{text}; got {time!s:.60}")


def mjd_to_met(mjd: Any) -> Any:
    """Convert true time as MJD (UTC) to MET, as `time_to_met` does but much faster for short arrays.

    Parameters
    ----------
    mjd : float or array
        Modified Julian date of UTC.

    Returns
    -------
    met_s : float or array
        MET in seconds, rounded to the microsecond.
    """
    day = np.floor(mjd)
    return _utc_to_met(day - MJDREFI, mjd - day, None)


def _utc_to_met(whole: Any, rest: Any, utcf: float | None) -> Any:
    """MET at a date of the UTC calendar: two parts in days since 2001-01-01."""
    day = np.floor(whole + rest)
    naive = day * _SECONDS_PER_DAY + (whole - day + rest) * _day_length(day)
    if utcf is not None:
        return np.round(naive - utcf, 6)[()]
    true = naive + np.searchsorted(_LEAP_DAY, MJDREFI + day, side="left")
    met_s = true
    for _ in range(3):  # The drift is < 1e-7 s/s: two rounds reach the last digit.
        met_s = true - _drift(met_s)
    return np.round(met_s, 6)[()]


def met_to_time_nominal(met: Any, *, scale: str = "tt") -> Time:
    """Time by the nominal relation TT = MJDREF + MET, as in ``DATE-OBS``.

    Parameters
    ----------
    met : float, array or `~astropy.units.Quantity`
        Mission elapsed time.
    scale : {"tt", "tdb"}, optional
        TDB for times that were corrected to the barycentre of the solar
        system, which count from the same date.

    Returns
    -------
    time : `~astropy.time.Time`
        In that scale, format ``isot``.
    """
    met_s = _seconds(met)
    whole = np.floor(met_s / _SECONDS_PER_DAY)
    rest = (met_s - whole * _SECONDS_PER_DAY) / _SECONDS_PER_DAY
    time = Time(MJDREFI + whole, MJDREFF + rest, format="mjd", scale=scale, precision=DECIMALS)
    time.format = "isot"
    return time


def fuller_met(met: float, others: Iterable[float | None]) -> tuple[float, float]:
    """A MET that may have been rounded to six digits, as catalogues have it, with all its digits if others have them.

    Parameters
    ----------
    met : float
        Mission elapsed time in seconds.
    others : iterable of float or None
        Times of the same kind, of which one that is rounded to the same six
        digits is taken to be the same.

    Returns
    -------
    met_s, error_s : float
        The time, and by how much it may be off: half of the sixth digit (500 s
        today) if it is rounded and nothing better is known, else zero.

    Examples
    --------
    >>> from swiftxrt.met import fuller_met
    >>> fuller_met(175894000, [None, 188956000, 175893506.972863])
    (175893506.972863, 0.0)
    >>> fuller_met(129528000, [])
    (129528000.0, 500.0)
    """
    if not _has_six_digits(met) or met <= 0:
        return float(met), 0.0
    full = (other for other in others if other is not None and not _has_six_digits(other))
    same = next((float(other) for other in full if float(f"{other:.6g}") == met), None)
    if same is not None:
        return same, 0.0
    return float(met), float(0.5 * 10.0 ** (np.floor(np.log10(met)) - 5))


def _has_six_digits(met: float) -> bool:
    return float(f"{met:.6g}") == met


def _drift(met_s: Any) -> Any:
    node, drift = _DRIFT.T
    before = (drift[1] - drift[0]) / (node[1] - node[0])
    after = (drift[-1] - drift[-3]) / (node[-1] - node[-3])
    beyond = np.minimum(met_s - node[0], 0) * before + np.maximum(met_s - node[-1], 0) * after
    return np.interp(met_s, node, drift) + beyond


def _day_length(day: Any) -> Any:
    """Seconds in a day of the UTC calendar, numbered from 2001-01-01; astropy counts in fractions of it."""
    return _SECONDS_PER_DAY + np.isin(MJDREFI + day, _LEAP_DAY)


def _seconds(met: Any) -> Any:
    if isinstance(met, u.Quantity):
        return met.to_value(u.s)
    return np.asarray(met, dtype=float)[()]
