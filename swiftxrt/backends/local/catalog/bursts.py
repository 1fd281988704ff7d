"""Gamma-ray bursts in the words of the service: who they are and where, and their products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....exceptions import NoDataError, ProductNotAvailableError, RequestRejectedError
from ....kinds import ProductKind
from ....wire.grb import POSITION_KINDS
from . import burst_curves, burst_fluxes, burst_spectra, observation_files
from .burst_targets import burst_of_name, burst_of_target

__all__ = ["FUNCTIONS"]

_BEST, _STANDARD = "Best", POSITION_KINDS["standard"]
_WORDS = (_BEST, *POSITION_KINDS.values())
_CELLS = ("RA", "Decl", "Err90")


def target_of_name(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The target of a burst.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the archive.
    content : mapping
        Of the call: ``name``.
    base_url : str
        Not used.
    """
    burst = burst_of_name(catalog.archive, content.get("name"))
    return {"NOTFOUND": 1} if burst is None else {"targetID": int(burst.target_id)}


def targets(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """All targets that a burst was observed as.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the archive.
    content : mapping
        Of the call: ``targetID``, one of them.
    base_url : str
        Not used.
    """
    burst = burst_of_target(catalog.archive, content.get("targetID"))
    return {"targetList": [] if burst is None else list(burst.target_ids)}


def positions(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The positions of a burst: the standard one, as the others need more than X-ray events.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``targetID`` and ``posToGet``.
    base_url : str
        Not used.
    """
    asked = content.get("posToGet", "all")
    given = [str(one).strip().lower() for one in (asked if isinstance(asked, list) else [asked])]
    words = [word for word in _WORDS if word.lower() in given or "all" in given]
    if unknown := set(given) - {"all", *map(str.lower, _WORDS)}:
        raise RequestRejectedError(f"positions are {', '.join(_WORDS)}, or all; got {sorted(unknown)[0]!r:.40}")
    found = _standard(catalog, content.get("targetID")) if {_BEST, _STANDARD} & set(words) else None
    return {
        f"{word}_{cell}": found[cell] if found and word in (_BEST, _STANDARD) else None
        for word in words
        for cell in _CELLS
    }


def _standard(catalog: Any, target: Any) -> dict[str, float] | None:
    burst = burst_of_target(catalog.archive, target)
    if burst is None:
        return None
    try:
        position = catalog.bursts.get(burst, ProductKind.STANDARD_POSITION)[1]
    except (ProductNotAvailableError, NoDataError):
        return None
    numbers = (position.coord.icrs.ra.deg, position.coord.icrs.dec.deg, position.radius.to_value("arcsec"))
    return dict(zip(_CELLS, map(float, numbers), strict=True))


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "GRBNameToTargetID": target_of_name,
    "getGRBTargetList": targets,
    "getGRBPositions": positions,
    **observation_files.FUNCTIONS,
    **burst_curves.FUNCTIONS,
    **burst_spectra.FUNCTIONS,
    **burst_fluxes.FUNCTIONS,
}
