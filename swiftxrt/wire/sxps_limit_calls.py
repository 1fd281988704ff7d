"""Upper limits as a server of this protocol reads and tells them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from astropy.table import QTable

from ..bands import SXPS_BAND_NAMES
from ..exceptions import RequestError
from .reading import sent_number, yes
from .sxps_limits import BAND_FLAGS, BAND_NUMBERS, DATA, TIME_FORMATS, LimitRequest, Nearby

__all__ = ["encode_limits", "encode_nearby", "read_limit_request"]

_RATES = ("Rate", "RatePos", "RateNeg")


def read_limit_request(content: Mapping[str, Any]) -> LimitRequest:
    """Read the content of a call.

    Parameters
    ----------
    content : mapping
        As it was sent; what is not known is passed over.

    Raises
    ------
    RequestError
        If something cannot be understood, or there is no position.
    """
    job = content.get("ULID")
    if job is not None:
        return LimitRequest(job=str(job))
    ra, dec = (sent_number(content, key) for key in ("RA", "Dec"))
    name = content.get("searchName")
    if not (isinstance(name, str) and name.strip()) and (ra is None or dec is None):
        raise RequestError([("position", "give searchName, or RA and Dec")])
    sigma = sent_number(content, "sigma")
    return LimitRequest(
        catalog=str(content.get("catalogue") or "LSXPS"),
        bands=_bands(content.get("bands")),
        data=_word(content, "whichData", DATA),
        time_format=_word(content, "timeFormat", TIME_FORMATS),
        sigma=3.0 if sigma is None else sigma,
        detections_as_rates=bool(yes(content.get("detectionsAsRates"))),
        skip_detections=bool(yes(content.get("skipDetections"))),
        use_catalog_values=bool(yes(content.get("useCatValues"))),
        detection_sigma=sent_number(content, "detThresh"),
        name=name.strip() if isinstance(name, str) and name.strip() else None,
        ra=ra,
        dec=dec,
    )


def _bands(value: Any) -> str | tuple[str, ...]:
    given = [value] if isinstance(value, str) else value or ["total"]
    names = [one.lower() if isinstance(one, str) else one for one in given] if isinstance(given, list) else [given]
    if "all" in names:
        return "all"
    unknown = [one for one in names if one not in SXPS_BAND_NAMES]
    if unknown:
        raise RequestError([("bands", f"must be some of {', '.join(SXPS_BAND_NAMES)}; got {unknown[0]!r:.60}")])
    return tuple(names)


def _word(content: Mapping[str, Any], key: str, words: Sequence[str]) -> str:
    given = content.get(key) or words[0]
    if not isinstance(given, str) or given.lower() not in words:
        raise RequestError([(key, f"must be one of {', '.join(words)}; got {given!r:.60}")])
    return given.lower()


def encode_nearby(nearby: Iterable[Nearby]) -> list[dict[str, Any]]:
    """What a reply says of sources of the catalogue (``DetData``)."""
    return [{"Distance": round(one.distance_arcsec, 1), "SourceName": one.name} for one in nearby]


def encode_limits(
    table: QTable, obsids: Sequence[str], times: tuple[Sequence[Any], Sequence[Any]], request: LimitRequest
) -> dict[str, Any]:
    """The content of a reply: ``Columns`` and ``ULData``.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Upper limits at one position, only rows of data sets that observed it.
    obsids : sequence of str
        What the data sets are called in the reply.
    times : (sequence, sequence)
        Their begins and ends, in the form that was asked for.
    request : LimitRequest
        What was asked for.
    """
    columns: dict[str, Sequence[Any]] = {
        "StartTime": times[0],
        "StopTime": times[1],
        "ObsID": obsids,
        "SourceExposure": _numbers(table["source_exposure"].to_value("s")),
        "ImageExposure": _numbers(table["image_exposure"].to_value("s")),
    }
    for band in request.band_names:
        columns |= _of_band(table, band, request.detections_as_rates)
    names = list(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"Columns": names, "ULData": rows}


def _of_band(table: QTable, band: str, rates: bool) -> dict[str, list[Any]]:
    """Columns in the order of the service, as far as they were asked for."""
    columns = {}
    for theirs, ours in BAND_NUMBERS.items():
        if theirs not in _RATES or rates:
            values = table[f"{band}_{ours}"]
            sign = -1.0 if theirs == "RateNeg" else 1.0
            columns[f"{band.capitalize()}_{theirs}"] = _numbers(sign * getattr(values, "value", values))
    if rates:
        # Numbers: the reference client takes every text for true.
        key = next(key for key, ours in BAND_FLAGS.items() if ours == "is_detected")
        columns[f"{band.capitalize()}_{key}"] = [int(value) for value in table[f"{band}_is_detected"]]
    return columns


def _numbers(values: Iterable[Any]) -> list[Any]:
    """As the service sends them: what is no number as a text, which the reference client reads, unlike null."""
    return [float(value) if math.isfinite(value) else "NaN" for value in values]
