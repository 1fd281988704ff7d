"""One request for each epoch of a source that is observed again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..exceptions import RequestError
from ..identifiers import parse_obsid
from ._rows import is_missing, obsids_of
from .bundle import XRTRequest
from .selection import Observations

__all__ = ["epoch_requests", "observations_by_epoch"]

_SLOTS = ("light_curve", "spectrum", "position", "image", "sources")


def observations_by_epoch(observations: Any) -> dict[str, tuple[str, ...]]:
    """The ObsIDs of each epoch.

    Parameters
    ----------
    observations : `~astropy.table.Table`, or sequence or mapping of str
        A table of observations; its column ``epoch_label``, else ``epoch``,
        says which belong together, and without one each ObsID is an epoch. Or
        ObsIDs, each one an epoch; or a mapping from the name of an epoch to
        its ObsIDs.

    Returns
    -------
    epochs : dict of str to tuple of str
        In the order in which they are named.

    Raises
    ------
    RequestError
        If there is none, also of one of the epochs, or the epoch of a row is
        not known.
    IdentifierError
        If an ObsID is malformed.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from swiftxrt.request.epochs import observations_by_epoch
    >>> table = Table({"obsid": ["00031968059", "00032089001", "00031968060"], "epoch": [1, 1, 2]})
    >>> observations_by_epoch(table)
    {'1': ('00031968059', '00032089001'), '2': ('00031968060',)}
    """
    if hasattr(observations, "colnames"):
        pairs = list(zip(_labels(observations), obsids_of(observations), strict=True))
    elif isinstance(observations, Mapping):
        pairs = [(str(label), obsid) for label, several in observations.items() for obsid in _some(label, several)]
    else:
        pairs = [(obsid, obsid) for obsid in _obsids(observations)]
    found: dict[str, tuple[str, ...]] = {}
    for label, obsid in pairs:
        found[label] = tuple(dict.fromkeys((*found.get(label, ()), obsid)))
    if not found:
        raise RequestError([("observations", "at least one observation is needed; got none")], "epochs")
    return found


def epoch_requests(request: XRTRequest, observations: Any) -> dict[str, XRTRequest]:
    """The same request for the observations of each epoch.

    Parameters
    ----------
    request : XRTRequest
        What to make of each epoch; which data its products are made from is replaced.
    observations : `~astropy.table.Table`, or sequence or mapping of str
        See `observations_by_epoch`.

    Returns
    -------
    requests : dict of str to XRTRequest
        By the name of the epoch.

    Raises
    ------
    RequestError
        If `request` is none, or there is no observation.
    """
    if not isinstance(request, XRTRequest):
        raise RequestError([("request", f"an XRTRequest is needed; got {type(request).__name__}")], "epochs")
    slots = [slot for slot in _SLOTS if getattr(request, slot) is not None]
    return {
        label: request.replace(**{slot: getattr(request, slot).replace(data=Observations(*obsids)) for slot in slots})
        for label, obsids in observations_by_epoch(observations).items()
    }


def _labels(table: Any) -> list[str]:
    named = next((name for name in ("epoch_label", "epoch") if name in table.colnames), None)
    if named is None:
        return obsids_of(table)
    labels = list(np.atleast_1d(table[named]))
    empty = [number for number, label in enumerate(labels) if is_missing(label)]
    if empty:
        raise RequestError([("observations", f"row {empty[0]} has no {named}; leave it out, or give it one")], "epochs")
    return [str(label) for label in labels]


def _some(label: Any, given: Any) -> tuple[str, ...]:
    obsids = _obsids(given)
    if not obsids:
        raise RequestError([("observations", f"epoch {str(label)!r:.60} has none; leave it out")], "epochs")
    return obsids


def _obsids(given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        given = (given,)
    return tuple(parse_obsid(one) for one in given)
