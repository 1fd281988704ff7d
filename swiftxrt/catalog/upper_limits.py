"""Upper limits from a service: from positions and settings to a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable
from scipy.special import erfinv

from .._fields import nearest
from ..bands import SXPS_BAND_NAMES
from ..catalog_fields import CATALOGS, catalog_info
from ..engine.make_limits import LimitSettings
from ..exceptions import PartialResultWarning, RequestError, warn
from ..products.limits import FAILED, UNANSWERED
from ..wire import api
from ..wire.sxps_limits import FUNCTION, LimitRequest
from .limit_table import limits_of_service
from .limits import ask_limits, with_positions
from .protocol import CatalogBackend

__all__ = ["LimitQuestion", "find_limits", "limit_payloads"]

_WHAT = "upper limits"
_MOST_NAMED = 3
#: Digits of sigmas: 0.9973 is the three sigma that it stands for.
_DIGITS = 4


@dataclass(frozen=True)
class LimitQuestion:
    """What a service is asked; see `swiftxrt.SwiftXRTClass.get_upper_limits`.

    Parameters
    ----------
    places : sequence of (float, float) or str
        Right ascension and declination in degrees, or names.
    settings : LimitSettings
        What it has in common with the local engine.
    catalog : str
        LSXPS or 2SXPS.
    skip_detections, use_catalog_values : bool
        What only the service can do.

    Raises
    ------
    RequestError
        If a value cannot be used.
    """

    places: Sequence[tuple[float, float] | str]
    settings: LimitSettings
    catalog: str = "LSXPS"
    skip_detections: bool = False
    use_catalog_values: bool = False

    def __post_init__(self) -> None:
        known = [info.name for info in CATALOGS.values() if info.is_sxps]
        if not isinstance(self.catalog, str) or self.catalog.strip().upper() not in known:
            hint = nearest(self.catalog, known) if isinstance(self.catalog, str) else ""
            text = f"must be one of {', '.join(known)}; got {self.catalog!r:.60}{hint}"
            raise RequestError([("catalog", text)], _WHAT)
        for name in ("skip_detections", "use_catalog_values"):
            if not isinstance(getattr(self, name), bool):
                raise RequestError([(name, f"must be True or False; got {getattr(self, name)!r:.60}")], _WHAT)
        if self.settings.radius is not None:
            text = "is for measurements with backend='local'; a service, and what asks a catalogue, chooses the circle"
            raise RequestError([("radius", text)], _WHAT)

    @property
    def requests(self) -> list[LimitRequest]:
        """One for each place."""
        settings, threshold = self.settings, self.settings.detection_threshold
        request = LimitRequest(
            catalog=catalog_info(self.catalog).name,
            bands="all" if settings.names == SXPS_BAND_NAMES else settings.names,
            data="deepest" if settings.data == "deepest" else "all",
            # Of calendar dates nobody knows the time zone.
            time_format="met",
            sigma=_sigma(settings.confidence),
            detections_as_rates=bool(settings.detections_as_rates),
            skip_detections=self.skip_detections,
            use_catalog_values=self.use_catalog_values,
            detection_sigma=None if threshold is None else _sigma(threshold),
        )
        return with_positions(request, self.places)


def limit_payloads(question: LimitQuestion) -> list[dict[str, Any]]:
    """The bodies of the calls, one for each place; nothing is sent."""
    return [api.seal(FUNCTION, request.encode()) for request in question.requests]


def find_limits(
    backend: CatalogBackend, question: LimitQuestion, *, patience_s: float, refresh: bool = False
) -> QTable:
    """Ask a service for upper limits.

    Parameters
    ----------
    backend : CatalogBackend
        The service.
    question : LimitQuestion
        What is asked.
    patience_s : float
        How long to wait for calculations that took the service too long.
    refresh : bool, optional
        Whether to ask all anew.

    Returns
    -------
    limits : `~astropy.table.QTable`
        See `swiftxrt.SwiftXRTClass.get_upper_limits`.

    Raises
    ------
    SwiftXRTError
        If no position has an answer: why the first has none.

    Warns
    -----
    PartialResultWarning
        If some have none.
    """
    answers = ask_limits(backend, question.requests, patience_s=patience_s, refresh=refresh)
    errors = [answer.error for answer in answers if answer.error is not None]
    if errors and len(errors) == len(answers):
        raise errors[0]
    lon, lat = (
        np.array([(math.nan, math.nan) if isinstance(one, str) else one for one in question.places]).reshape(-1, 2).T
    )
    meta = {"service": backend.service, "catalog": catalog_info(question.catalog).name}
    table = limits_of_service(answers, lon, lat, question.settings, meta)
    _tell(table, len(answers))
    return table


def _tell(table: QTable, number: int) -> None:
    """Warn of positions that have no answer."""
    rows = np.flatnonzero(np.isin(np.asarray(table["outcome"]), UNANSWERED))
    if rows.size:
        failed = int(np.sum(np.asarray(table["outcome"])[rows] == FAILED))
        shown = "; ".join(f"{table['position_number'][row]}: {table['message'][row]}" for row in rows[:_MOST_NAMED])
        text = f"{rows.size} of {number} positions have no upper limit, as {failed} failed and {rows.size - failed}"
        warn(f"{text} timed out; the same call asks for them again ({shown})", PartialResultWarning, stacklevel=6)


def _sigma(confidence: float) -> float:
    """How many sigmas of a normal distribution hold such a part of it."""
    return round(math.sqrt(2.0) * float(erfinv(confidence)), _DIGITS)
