"""The table of observations at the HEASARC (``swiftmastr``), asked through `astroquery.heasarc`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from astropy.table import QTable, Table

from ...catalog.observations import found_table
from ...config import conf
from ...exceptions import (
    IdentifierError,
    PartialResultWarning,
    ProtocolError,
    RequestRejectedError,
    ServiceError,
    warn,
)
from ...identifiers import parse_obsid
from ...products.observation_table import ObservationRow
from ...request.observations import ObservationQuery
from ..transport import Transport
from ..transport.session import ArchiveSession

__all__ = ["HeasarcObservations"]

_CATALOG = "swiftmastr"
# The fields of a row, and what the archive calls them.
_FIELDS: Mapping[str, str] = {
    "obsid": "obsid",
    "name": "name",
    "ra_deg": "ra",
    "dec_deg": "dec",
    "start_mjd": "start_time",
    "exposure_s": "xrt_exposure",
    "stop_mjd": "stop_time",
    "exposure_pc_s": "xrt_expo_pc",
    "exposure_wt_s": "xrt_expo_wt",
    "uvot_exposure_s": "uvot_exposure",
    "bat_exposure_s": "bat_exposure",
    "roll_deg": "roll_angle",
    "archive_date_mjd": "archive_date",
    "processing_date_mjd": "processing_date",
    "row": "__row",
}
# A table without these is none of observations.
_NEEDED = ("obsid", "ra", "dec", "start_time")
_EXPOSURES = {"exposure": "xrt_exposure", "exposure_pc": "xrt_expo_pc", "exposure_wt": "xrt_expo_wt"}
#: More rows than there will be; archives have lower limits of their own.
_MOST_ROWS = 1_000_000
#: Observations and targets that one question may name.
_MOST_IDS = 200
#: From a warning here to who called `query_observations`.
_CALLER = 5
_RATE = "archive_requests_per_second"


class HeasarcObservations:
    """The table of observations at ``conf.heasarc_url``."""

    name = "heasarc"

    def __init__(self) -> None:
        self.service = conf.heasarc_url.rstrip("/")

    def payload(self, query: ObservationQuery) -> dict[str, Any]:
        """What is sent for a question, or first if it takes several."""
        return {"url": f"{self.service}/tap/sync", "QUERY": next(_questions(query)), "MAXREC": _MOST_ROWS}

    def find(self, query: ObservationQuery) -> QTable:
        """The observations that a question is about.

        Raises
        ------
        NoDataError
            If nothing is found of what is asked for by its number.
        RequestRejectedError
            If the archive refuses the question.
        ServiceError
            If the archive cannot be asked, or answers nonsense.

        Warns
        -----
        PartialResultWarning
            If the archive gave a part of the rows only, or some numbers are unknown.
        """
        rows: dict[str, ObservationRow] = {}
        with closing(Transport(self.service, "", setting="conf.heasarc_url", rate=_RATE)) as transport:
            session = ArchiveSession(transport)
            for question in _questions(query):
                rows |= {row.obsid: row for row in self._rows(self._ask(question, session))}
        return found_table(query, rows.values(), source=self.name, service=self.service, request=self.payload(query))

    def _ask(self, question: str, session: ArchiveSession) -> Table:
        """The rows that the archive has for a question."""
        from astroquery.heasarc import HeasarcClass
        from pyvo.dal.exceptions import DALAccessError, DALQueryError

        archive = HeasarcClass()
        archive.VO_URL = self.service
        archive._set_session(session)
        with warnings.catch_warnings():
            # Units and dates of the archive are not to the letter of the standard; what is cut is told below.
            warnings.simplefilter("ignore")
            try:
                found = archive.query_tap(question, maxrec=_MOST_ROWS)
                table: Table = found.to_table()
            except DALQueryError as error:
                text = f"{self.service} refused the question: {error.reason}"
                raise RequestRejectedError(text, url=self.service) from error
            except (DALAccessError, ValueError, TypeError, LookupError) as error:
                raise _failure(error, self.service) from error
        if str(found.query_status).upper() == "OVERFLOW":
            text = f"the archive gave the first {len(table)} observations only, and there are more"
            advice = "ask for fewer at a time, by a smaller radius or start and stop"
            warn(f"{text}; {advice}", PartialResultWarning, stacklevel=_CALLER)
        return table

    def _rows(self, table: Table) -> Iterator[ObservationRow]:
        missing = [name for name in _NEEDED if name not in table.colnames]
        if missing:
            there = ", ".join(table.colnames[:8])
            text = f"the table of {self.service} has no {', '.join(missing)}; it has {there or 'no columns'}"
            raise ProtocolError(text, url=self.service)
        for row in table:
            values = {field: _plain(row[name]) for field, name in _FIELDS.items() if name in table.colnames}
            try:
                yield _row(values)
            except (IdentifierError, ValueError, TypeError) as error:
                text = f"a row of {self.service} cannot be read: {error}"
                raise ProtocolError(text, url=self.service) from error


def _questions(query: ObservationQuery) -> Iterator[str]:
    """The question in ADQL; several if it names many observations."""
    columns = ", ".join(_FIELDS.values())
    ids = query.ids
    for first in range(0, max(len(ids), 1), _MOST_IDS):
        conditions = list(_conditions(query))
        if ids:
            conditions.insert(0, _one_of(ids[first : first + _MOST_IDS]))
        yield f"SELECT {columns} FROM {_CATALOG} WHERE {' AND '.join(conditions)} ORDER BY start_time"


def _one_of(ids: Sequence[str]) -> str:
    obsids = ", ".join(f"'{one}'" for one in ids if len(one) > 8)
    parts = [f"obsid IN ({obsids})"] if obsids else []
    parts += [f"obsid LIKE '{one}%'" for one in ids if len(one) == 8]
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _conditions(query: ObservationQuery) -> Iterator[str]:
    if query.position is not None:
        place = f"{float(query.position.ra.deg)!r},{float(query.position.dec.deg)!r},{query.radius_deg!r}"
        yield f"CONTAINS(POINT('ICRS',ra,dec),CIRCLE('ICRS',{place}))=1"
    if query.start is not None:
        yield f"start_time >= {float(query.start.utc.mjd)!r}"
    if query.stop is not None:
        yield f"start_time <= {float(query.stop.utc.mjd)!r}"
    if query.mode is not None:
        yield f"{_EXPOSURES[query.exposure_name]} > 0"
    if query.least_exposure_s is not None:
        yield f"{_EXPOSURES[query.exposure_name]} >= {query.least_exposure_s!r}"


def _failure(error: BaseException, service: str) -> ServiceError:
    """What a fault of the packages below means: the error that our session raised, or an answer that is no table."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ServiceError):
            return _not_there(cause) if type(cause) is ServiceError and (cause.status or 0) >= 400 else cause
        cause = cause.__cause__ or cause.__context__
    text = f"{service} answered with something that is no table of observations ({error})"
    return ProtocolError(text, advice="check conf.heasarc_url, or try again later", url=service)


def _not_there(error: ServiceError) -> ServiceError:
    """A refusal, in words for an address where there is no such service."""
    text = f"{error.url} has no table of observations (HTTP status {error.status}); check conf.heasarc_url"
    return ServiceError(text, url=error.url, status=error.status, payload_excerpt=error.payload_excerpt)


def _plain(value: Any) -> Any:
    """A cell as a plain value; None where there is nothing."""
    if value is np.ma.masked or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    value = getattr(value, "value", value)
    value = value.item() if isinstance(value, np.generic) else value
    return value.strip() if isinstance(value, str) else value


def _row(values: dict[str, Any]) -> ObservationRow:
    numbers = {
        field: None if value is None else float(value)
        for field, value in values.items()
        if field not in ("obsid", "name", "row")
    }
    unknown = [_FIELDS[field] for field in ("ra_deg", "dec_deg", "start_mjd") if numbers[field] is None]
    if unknown:
        raise ValueError(f"{values['obsid']} has no {', '.join(unknown)}")
    number = values.get("row")
    full: dict[str, Any] = {**numbers, "exposure_s": numbers.get("exposure_s") or 0.0}
    return ObservationRow(
        obsid=parse_obsid(values["obsid"]),
        name=str(values.get("name") or ""),
        row=None if number is None else int(number),
        **full,
    )
