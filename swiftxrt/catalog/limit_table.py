"""The table of upper limits that a service gave; with the same columns as that of the local engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from numpy.typing import NDArray

from ..engine.make_limits import LimitSettings, merged_limits
from ..engine.merge_limits import limit_columns
from ..products.limits import (
    DETECTION,
    FAILED,
    LIMIT,
    NOT_OBSERVED,
    SOURCE_NEARBY,
    TIMED_OUT,
    UNANSWERED,
    is_stack,
    limit_table,
)
from ..wire.sxps_limits import BAND_FLAGS, LimitReply, read_times
from .limits import Answer

__all__ = ["limits_of_service"]

_NUMBERS = ("upper_limit", "counts", "background_counts", "correction_factor")
_RATES = ("rate", "rate_err_neg", "rate_err_pos")
_NO_TIME = ("", None)
_NO_DATA = {"obsid": "", "start": _NO_TIME, "stop": _NO_TIME}
_COUNT_OF_NOTHING = ("counts", "background_counts")


@dataclass(frozen=True)
class _Row:
    """One row to be: the number of the position, what came out, and the numbers of a data set."""

    place: int
    outcome: str
    dataset: str
    values: dict[str, Any]
    message: str


def limits_of_service(
    answers: Sequence[Answer],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    settings: LimitSettings,
    meta: dict[str, Any],
) -> QTable:
    """Make the table.

    Parameters
    ----------
    answers : sequence of Answer
        One for each position.
    lon, lat : ndarray
        The positions in degrees; NaN of those that have only a name.
    settings : LimitSettings
        What was asked for.
    meta : dict
        Whom was asked what.
    """
    rows = [row for number, answer in enumerate(answers) for row in _rows(number, answer, settings)]
    columns = _general(rows, answers, lon, lat, settings)
    for band in settings.names:
        columns |= _of_band(rows, band, settings, columns)
    detected = [columns[f"{band}_is_detected"] for band in settings.names if settings.detections_as_rates]
    if detected:
        columns["outcome"] = np.where(np.any(detected, axis=0), DETECTION, columns["outcome"])
    said = [answer.since for answer in answers if answer.since]
    asked = datetime.fromtimestamp(min(said), UTC).isoformat()[:19] if said else ""
    table = limit_table(columns, meta={**meta, "queried": asked, "detection_threshold": settings.threshold})
    return merged_limits(table, settings) if settings.data == "merged" else table


def _rows(place: int, answer: Answer, settings: LimitSettings) -> Iterator[_Row]:
    """Rows of a position: at least one."""
    reply = answer.reply
    if reply is None:
        yield _Row(place, FAILED, "", _NO_DATA, str(answer.error))
        return
    message = reply.resolved.text if reply.resolved is not None else ""
    if reply.job:
        yield _Row(place, TIMED_OUT, "", _NO_DATA, f"the service is still at it (its number {reply.job})")
        return
    outcome = SOURCE_NEARBY if reply.nearby else LIMIT
    chosen = list(_chosen(reply, settings.data))
    for values in chosen:
        yield _Row(place, outcome, "stack" if is_stack(values["obsid"]) else "observation", values, message)
    if not chosen:
        yield _Row(place, SOURCE_NEARBY if reply.nearby else NOT_OBSERVED, "", _NO_DATA, message)


def _chosen(reply: LimitReply, data: str) -> Iterator[dict[str, Any]]:
    """The data sets that are wanted of all."""
    stacks = [is_stack(row["obsid"]) for row in reply.rows]
    if data in ("observations", "merged"):
        yield from (row for row, is_sum in zip(reply.rows, stacks, strict=True) if not is_sum)
    elif data == "stack" and any(stacks):
        yield from (row for row, is_sum in zip(reply.rows, stacks, strict=True) if is_sum)
    else:
        yield from reply.rows


def _general(
    rows: Sequence[_Row],
    answers: Sequence[Answer],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    settings: LimitSettings,
) -> dict[str, Any]:
    """Columns that are not of a band."""
    number = np.array([row.place for row in rows], dtype=int)
    outcome = np.array([row.outcome for row in rows], dtype=object)
    kind = np.array([row.dataset for row in rows], dtype="U11")
    unknown = np.isin(outcome, UNANSWERED)
    replies = [answers[row.place].reply or LimitReply() for row in rows]
    columns: dict[str, Any] = {
        "position_number": number,
        "position": _positions(answers, lon, lat)[number],
        "outcome": outcome.astype(str),
        "dataset": kind,
        "obsid": np.array([row.values["obsid"] for row in rows], dtype="U11"),
        "n_observations": _masked((kind == "observation").astype(int), (kind == "stack") | unknown),
        "off_axis": np.full(number.size, np.nan),
        "nearest_source": [reply.nearby[0].distance_arcsec if reply.nearby else np.nan for reply in replies],
        "catalog_source": np.array(["; ".join(one.name for one in reply.nearby) for reply in replies], dtype=str),
        "confidence": np.full(number.size, float(settings.confidence)),
        "message": np.array([row.message for row in rows], dtype=str),
    }
    for name in ("start", "stop"):
        columns[name] = read_times([row.values[name] for row in rows])
    for name in ("source_exposure", "image_exposure"):
        columns[name] = _numbers(rows, name, unknown, nothing=0.0)
    return columns


def _masked(values: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    return np.ma.MaskedArray(values, mask) if mask.any() else values


def _positions(answers: Sequence[Answer], lon: NDArray[np.float64], lat: NDArray[np.float64]) -> SkyCoord:
    """Those that were given, and those that the service found for names."""
    lon, lat = lon.copy(), lat.copy()
    for number in np.flatnonzero(np.isnan(lon)):
        reply = answers[int(number)].reply
        if reply is not None and reply.resolved is not None:
            lon[number], lat[number] = reply.resolved.ra, reply.resolved.dec
    return SkyCoord(lon, lat, unit="deg", frame="icrs")


def _numbers(rows: Sequence[_Row], name: str, unknown: NDArray[np.bool_], nothing: float = np.nan) -> Any:
    """A column of numbers; where nothing was observed it is `nothing`, where nothing is known NaN."""
    usual = np.where(unknown, np.nan, nothing)
    return np.array(
        [
            row.values.get(name, np.nan) if row.values is not _NO_DATA else value
            for row, value in zip(rows, usual, strict=True)
        ],
        dtype=float,
    )


def _of_band(rows: Sequence[_Row], band: str, settings: LimitSettings, general: dict[str, Any]) -> dict[str, Any]:
    unknown = np.isin(general["outcome"], UNANSWERED)
    names = (*_NUMBERS, *(_RATES if settings.detections_as_rates else ()))
    columns: dict[str, Any] = {}
    for name in names:
        nothing = 0.0 if name in _COUNT_OF_NOTHING else np.nan
        columns[name] = _numbers(rows, f"{band}_{name}", unknown, nothing)
    for name in BAND_FLAGS.values():
        told = [row.values.get(f"{band}_{name}") for row in rows]
        if any(one is not None for one in told) or (name == "is_detected" and settings.detections_as_rates):
            columns[name] = np.array(told, dtype=bool)
    if settings.detections_as_rates and settings.detection_threshold is not None:
        columns |= _judged(columns, general, settings)
    return {f"{band}_{name}": values for name, values in columns.items()}


def _judged(columns: dict[str, Any], general: dict[str, Any], settings: LimitSettings) -> dict[str, Any]:
    """Rates and detections by the threshold of the user, which the service may not heed; not those of its catalogue."""
    counted = [columns[name] for name in ("counts", "background_counts", "correction_factor")]
    known = np.isfinite(counted).all(axis=0) & (general["image_exposure"] > 0)
    known &= ~columns.get("from_catalog", np.zeros(known.shape, dtype=bool))
    n, b, factor, exposure = (np.where(known, values, 0.0) for values in (*counted, general["image_exposure"]))
    made = limit_columns(n, b, factor, exposure, settings.confidence, settings.threshold, rates=True)
    return {name: np.where(known, made[name], columns[name]) for name in (*_RATES, "is_detected")}
