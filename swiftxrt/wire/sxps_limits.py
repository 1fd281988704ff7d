"""Upper limits in the words of the service.

A question names one position, as numbers or as a text, or a calculation that
took too long when it was asked for (``ULID``). The answer has one row for each
data set that observed the position; sources of the catalogue within 30 arcsec
are told beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from astropy.time import Time

from .._printable import printable
from ..bands import SXPS_BAND_NAMES
from ..exceptions import IdentifierError, ProtocolError
from ..identifiers import parse_obsid
from ..met import met_to_time
from .query import Resolved, read_resolved
from .reading import number, text, yes

__all__ = [
    "BAND_FLAGS",
    "BAND_NUMBERS",
    "DATA",
    "FUNCTION",
    "TIME_FORMATS",
    "LimitReply",
    "LimitRequest",
    "Nearby",
    "is_nothing_there",
    "read_limit_reply",
    "read_times",
]

#: Name of the function.
FUNCTION = "getSXPSUL"
#: How times are told: as a calendar date, mission elapsed time, MJD (UTC), or barycentric Julian date (TDB).
TIME_FORMATS = ("cal", "met", "mjd", "tdb")
#: Which data sets.
DATA = ("deepest", "all")
#: What is told of each band, in the words of the service and ours.
BAND_NUMBERS: Mapping[str, str] = {
    "UpperLimit": "upper_limit",
    "Rate": "rate",
    "RatePos": "rate_err_pos",
    "RateNeg": "rate_err_neg",
    "Counts": "counts",
    "BGCounts": "background_counts",
    "CorrectionFactor": "correction_factor",
}
BAND_FLAGS: Mapping[str, str] = {
    "IsDetected": "is_detected",
    "IsRetrospectiveDetection": "is_retrospective",
    "DataFromCatalogue": "from_catalog",
    "PileupWarning": "pileup_warning",
}
_NUMBERS, _FLAGS = (
    {f"{band.capitalize()}_{key}": f"{band}_{ours}" for band in SXPS_BAND_NAMES for key, ours in names.items()}
    for names in (BAND_NUMBERS, BAND_FLAGS)
)
_LIMITS, _NEGATIVE = ({f"{band}_{name}" for band in SXPS_BAND_NAMES} for name in ("upper_limit", "rate_err_neg"))
_EXCERPT = 300
_OBSID_DIGITS = 11
# The words with which positions without data are refused are not known.
_NOTHING_THERE = ("not observed", "never observed", "not been observed", "no observation", "no dataset", "no data ")


@dataclass(frozen=True)
class LimitRequest:
    """One question, in the service's terms.

    Parameters
    ----------
    catalog : str, optional
        LSXPS or 2SXPS.
    bands : "all" or tuple of str, optional
        Names of bands.
    data : {"deepest", "all"}, optional
        The deepest data set, or all.
    time_format : str, optional
        One of `TIME_FORMATS`.
    sigma : float, optional
        Of the limits, as for a normal distribution.
    detections_as_rates, skip_detections, use_catalog_values : bool, optional
        Whether rates are told of what is detected, data sets in which
        something is detected are left out, and values of the catalogue are
        taken where there are any.
    detection_sigma : float, optional
        From which detections count. The reference client has such an argument
        and never sends it; ``detThresh`` is what it would be called, and
        nobody knows whether the service heeds it.
    name : str, optional
        A name, or a position as a text.
    ra, dec : float, optional
        Degrees, in place of the name.
    job : str, optional
        In place of all others: a calculation that took too long.
    """

    catalog: str = "LSXPS"
    bands: str | tuple[str, ...] = ("total",)
    data: str = "deepest"
    time_format: str = "cal"
    sigma: float = 3.0
    detections_as_rates: bool = False
    skip_detections: bool = False
    use_catalog_values: bool = False
    detection_sigma: float | None = None
    name: str | None = None
    ra: float | None = None
    dec: float | None = None
    job: str | None = None

    def encode(self) -> dict[str, Any]:
        """The content of the call; the keys are in the order in which the reference client sends them."""
        if self.job is not None:
            return {"ULID": self.job}
        content = {
            "catalogue": self.catalog,
            "bands": self.bands if isinstance(self.bands, str) else list(self.bands),
            "whichData": self.data,
            "timeFormat": self.time_format,
            "sigma": self.sigma,
            "detectionsAsRates": self.detections_as_rates,
            "skipDetections": self.skip_detections,
            "useCatValues": self.use_catalog_values,
            "detThresh": self.detection_sigma,
            "searchName": self.name,
            "RA": self.ra,
            "Dec": self.dec,
        }
        return {key: value for key, value in content.items() if value is not None}

    @property
    def band_names(self) -> tuple[str, ...]:
        """Of the bands, in their usual order."""
        return SXPS_BAND_NAMES if self.bands == "all" else tuple(one for one in SXPS_BAND_NAMES if one in self.bands)


class Nearby(NamedTuple):
    """A source of the catalogue near a position.

    Parameters
    ----------
    name : str
        What it is called.
    distance_arcsec : float
        How far away it is.
    """

    name: str
    distance_arcsec: float


@dataclass(frozen=True)
class LimitReply:
    """What the service says about one position.

    Parameters
    ----------
    rows : tuple of dict
        For each data set its ``obsid``, ``start`` and ``stop`` (see
        `read_times`), and numbers under our names of columns.
    nearby : tuple of Nearby
        Sources of the catalogue, the nearest first.
    resolved : Resolved or None
        What was made of a name.
    job : str
        If it took too long: by what the result can be asked for later; there
        is nothing else then.
    """

    rows: tuple[dict[str, Any], ...] = ()
    nearby: tuple[Nearby, ...] = ()
    resolved: Resolved | None = None
    job: str = ""


def read_limit_reply(content: Mapping[str, Any], time_format: str = "met") -> LimitReply:
    """Read the content of a reply.

    Parameters
    ----------
    content : mapping
        Without its envelope. Rows may be objects or lists; what is not known
        is passed over, numbers that are missing are NaN.
    time_format : str, optional
        How times were asked for; dates are recognised anyway.

    Raises
    ------
    ProtocolError
        If it is not what the protocol promises.
    """
    if "TIMEOUT" in content:
        job = text(content["TIMEOUT"])
        if not job:
            raise _bad("TIMEOUT", content)
        return LimitReply(job=job)
    rows = tuple(_row(row, time_format) for row in _named_rows(content))
    return LimitReply(rows, _nearby(content), read_resolved(content))


def is_nothing_there(message: str) -> bool:
    """Whether a refusal says that there are no data of the position."""
    return any(words in f"{message.lower()} " for words in _NOTHING_THERE)


def read_times(values: Sequence[tuple[str, Any]]) -> Time:
    """Times of rows; masked where they cannot be read.

    Parameters
    ----------
    values : sequence of (str, float or str)
        As in the rows of `LimitReply`: one of `TIME_FORMATS` and the value,
        or ``("", None)``.
    """
    made = met_to_time(np.zeros(len(values)))
    kinds = np.array([kind for kind, _ in values], dtype="U3")
    for kind in TIME_FORMATS:
        rows = np.flatnonzero(kinds == kind)
        if rows.size:
            given = [values[int(row)][1] for row in rows]
            times = {
                "cal": lambda given: Time(given, scale="utc"),
                "met": met_to_time,
                "mjd": lambda given: Time(given, format="mjd", scale="utc"),
                # To a few minutes: the times of the light to the barycentre are left in.
                "tdb": lambda given: Time(given, format="jd", scale="tdb").utc,
            }[kind](given)
            made[rows] = times
    unknown = kinds == ""
    if unknown.any():
        made[unknown] = np.ma.masked
    return made


def _named_rows(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The rows as objects, whatever they are."""
    rows, names = content.get("ULData"), content.get("Columns")
    if rows is None and not {"DetData", "Columns", "ULData", "ResolvedInfo"} & set(content):
        raise _bad("ULData", content)
    rows = [] if rows is None else list(rows.values()) if isinstance(rows, Mapping) else rows
    if not isinstance(rows, list):
        raise _bad("ULData", content)
    for row in rows:
        if isinstance(row, list) and isinstance(names, list) and len(row) == len(names):
            yield dict(zip(map(str, names), row, strict=True))
        elif isinstance(row, Mapping):
            yield row
        else:
            raise _bad("ULData", content)


def _row(row: Mapping[str, Any], time_format: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "obsid": _obsid(row.get("ObsID")),
        "start": _moment(row.get("StartTime"), time_format),
        "stop": _moment(row.get("StopTime"), time_format),
        "source_exposure": number(row.get("SourceExposure")),
        "image_exposure": number(row.get("ImageExposure")),
    }
    made |= {ours: number(row[name]) for name in row if (ours := _NUMBERS.get(name, ""))}
    made |= {ours: bool(yes(row[name])) for name in row if (ours := _FLAGS.get(name, ""))}
    for name in _NEGATIVE & made.keys():
        made[name] = abs(made[name])
    if _LIMITS.isdisjoint(made):
        raise _bad("a row", row)
    return made


def _obsid(value: Any) -> str:
    digits = text(value).removesuffix(".0")
    try:
        return parse_obsid(digits and digits.zfill(_OBSID_DIGITS))  # numbers have lost their zeros
    except IdentifierError as error:
        raise ProtocolError(f"a row of upper limits has no ObsID: {error}") from None


def _moment(value: Any, time_format: str) -> tuple[str, Any]:
    """A time and how it is told; ``("", None)`` if it is none."""
    moment = number(value)
    if math.isfinite(moment):
        kind = time_format.lower()
        return (kind, moment) if kind != "cal" and kind in TIME_FORMATS else ("", None)
    try:
        return "cal", datetime.fromisoformat(text(value)).replace(tzinfo=None).isoformat()
    except ValueError:
        return "", None


def _nearby(content: Mapping[str, Any]) -> tuple[Nearby, ...]:
    given = content.get("DetData") or []
    given = list(given.values()) if isinstance(given, Mapping) else given
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise _bad("DetData", content)
    found = [Nearby(printable(text(one.get("SourceName")), 100), number(one.get("Distance"))) for one in given]
    return tuple(sorted(found, key=lambda one: (math.isnan(one.distance_arcsec), one.distance_arcsec)))


def _bad(what: str, content: Mapping[str, Any]) -> ProtocolError:
    return ProtocolError(
        f"the reply is not what the service's protocol promises ({what} cannot be read)",
        payload_excerpt=repr(content)[:_EXCERPT],
    )
