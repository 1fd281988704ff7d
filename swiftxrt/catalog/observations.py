"""Questions for observations: who answers them, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol

from astropy.table import QTable
from astropy.time import Time

from .._printable import first_few
from .._version import __version__
from ..exceptions import NoDataError, PartialResultWarning, warn
from ..products.observation_table import ObservationRow, observations_table
from ..request.observations import ObservationQuery

__all__ = ["ObservationSource", "found_table"]

_DIGITS_OF_TARGET = 8
_MOST_NAMED = 5
#: From a warning here to who called `query_observations`.
_CALLER = 6


class ObservationSource(Protocol):
    """Where observations are asked for."""

    def payload(self, query: ObservationQuery) -> dict[str, Any]:
        """What is sent."""
        ...

    def find(self, query: ObservationQuery) -> QTable:
        """The observations that a question is about.

        Raises
        ------
        NoDataError
            If nothing is found of what is asked for by its number.
        ServiceError
            If nobody answers, or with nonsense.
        """
        ...


def found_table(
    query: ObservationQuery,
    rows: Iterable[ObservationRow],
    *,
    source: str,
    service: str,
    request: dict[str, Any],
    note: str = "",
) -> QTable:
    """The table of what a question found.

    Parameters
    ----------
    query : ObservationQuery
        The question.
    rows : iterable of ObservationRow
        What was found.
    source, service : str
        Who was asked, and where that is.
    request : dict
        What was sent.
    note : str, optional
        What is known of things asked for by number that are not there.

    Raises
    ------
    NoDataError
        If nothing is found of what is asked for by its number.

    Warns
    -----
    PartialResultWarning
        If only some of it is found.
    """
    found = list(rows)
    _check_ids(query, [one.obsid for one in found], service, note)
    meta = {
        "source": source,
        "service": service,
        "queried": Time.now().utc.isot[:19],
        "query": query.to_dict(),
        "request": request,
        "version": __version__,
    }
    return observations_table(found, centre=query.position, meta=meta)


def _check_ids(query: ObservationQuery, found: Collection[str], where: str, note: str) -> None:
    """Tell what was asked for by its number and is not there."""
    missing = [one for one in query.ids if not any(obsid.startswith(one) for obsid in found)]
    if not missing:
        return
    targets = [one for one in missing if len(one) == _DIGITS_OF_TARGET]
    obsids = [one for one in missing if len(one) != _DIGITS_OF_TARGET]
    parts = [_listed("observation", obsids)] * bool(obsids) + [_listed("observation of target", targets)] * bool(
        targets
    )
    others = sorted(query.to_dict().keys() - {"obsid", "target_id", "radius"})
    limits = f" with {', '.join(others)} as given" if others else ""
    text = f"there is no {' and no '.join(parts)} at {where}{limits}{f': {note}' * bool(note)}"
    if not found:
        raise NoDataError(text if note else f"{text}; check the number, or ask by position")
    warn(f"{text}; the others are given", PartialResultWarning, stacklevel=_CALLER)


def _listed(kind: str, ids: list[str]) -> str:
    return f"{kind} {first_few(ids, _MOST_NAMED)}"
