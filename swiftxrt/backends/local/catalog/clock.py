"""Times as the catalogues write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import astropy.units as u
import numpy as np
from astropy.constants import c
from astropy.coordinates import SkyCoord, get_body_barycentric
from numpy.typing import NDArray

from ....met import met_to_time

__all__ = ["FORM", "bjd_of", "mjd_of", "uk_civil", "uk_date", "utc_date"]

Floats = NDArray[np.float64]

#: Form of dates.
FORM = "%Y-%m-%d %H:%M:%S"


def utc_date(met_s: float) -> str:
    """Date in UTC, to a second."""
    return str(met_to_time(met_s).to_datetime(timezone=UTC).strftime(FORM))


def uk_date(met_s: float | None) -> str | None:
    """Date in the civil time of the United Kingdom, which the service uses for the dates of sources."""
    return None if met_s is None else uk_civil(utc_date(met_s))


def uk_civil(date: str) -> str:
    """A date in UTC in the civil time of the United Kingdom."""
    moment = datetime.strptime(date, FORM).replace(tzinfo=UTC)
    return moment.astimezone(ZoneInfo("Europe/London")).strftime(FORM)


def mjd_of(met_s: Any) -> Floats:
    """Modified Julian dates, UTC."""
    return np.asarray(met_to_time(np.asarray(met_s, dtype=float)).mjd)


def bjd_of(met_s: Any, ra_deg: float, dec_deg: float) -> Floats:
    """Julian dates, TDB, at which the light passes the barycentre of the solar system.

    The way of the light is that to the centre of the Earth, good to 0.03 s for a satellite.
    """
    time = met_to_time(np.asarray(met_s, dtype=float)).tdb
    direction = SkyCoord(ra_deg, dec_deg, unit="deg").cartesian.xyz.value
    earth = get_body_barycentric("earth", time, ephemeris="builtin").xyz.to_value(u.m)
    return np.asarray((time + np.tensordot(direction, earth, axes=1) / c.value * u.s).jd)
