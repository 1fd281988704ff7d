"""Products of catalogued sources that are made when they are first asked for, and then kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from ...._atomic import atomic_path
from ....engine.build import build_product
from ....exceptions import NoDataError
from ....kinds import ProductKind
from ....mission import Mode
from ....products.observation import Observation
from ....request.bundle import XRTRequest
from ....request.extraction import ExtractionSettings
from ....request.target import Target
from .build import VERSION_DIGITS

__all__ = ["CATALOGUE_T0_S", "covering", "kept_file", "make_product", "place_for"]

#: Beginning of 2005 (MET, s), from which the times of catalogued spectra count.
CATALOGUE_T0_S = 126230399.334228


def covering(catalog: Any, source: int) -> list[str]:
    """ObsIDs of the observations that cover a source, by time."""
    rows = catalog.store.select(
        "SELECT DISTINCT ObsID, StartMET FROM bins WHERE LSXPS_ID = ? AND Snapshot = 0 AND NOT IsStack "
        "AND Band = 0 ORDER BY StartMET",
        [source],
    )
    return [row["ObsID"] for row in rows]


def make_product(catalog: Any, kind: ProductKind, row: dict[str, Any], obsids: Collection[str], **wanted: Any) -> Any:
    """Make a product of a source or transient from photon-counting data.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the observations.
    kind : ProductKind
        Which product.
    row : dict
        Of the source: ``IAUName``, ``RA``, ``Decl``.
    obsids : collection of str
        Observations that are used.
    **wanted
        Parts of the request.

    Raises
    ------
    NoDataError, ProductNotAvailableError
        If it cannot be made.
    FormatError
        If an event file is damaged.
    """
    chosen = [one for one in catalog.archive.observations if one.obsid in set(obsids) and Mode.PC in one.modes]
    if not chosen:
        raise NoDataError(f"the observations of {row['IAUName']} are no longer there")
    photons = [Observation(one.obsid, {Mode.PC: one.files[Mode.PC]}) for one in chosen]
    target = Target(
        row["IAUName"],
        position=SkyCoord(row["RA"], row["Decl"], unit="deg", frame="icrs"),
        target_ids=tuple(dict.fromkeys(one.target_id for one in photons)),
        t0=CATALOGUE_T0_S * u.s,
    )
    # As of the service: where the catalogue has the source.
    request = XRTRequest(target=target, extraction=ExtractionSettings(centroid=False), **wanted)
    return build_product(kind, request, photons, calibration=catalog.calibration)


def place_for(catalog: Any, *parts: str) -> Path:
    """Where a file is kept; another place for each version of the catalogue."""
    path: Path = catalog.files.joinpath(catalog.store.about.get("digest", "")[:VERSION_DIGITS] or "unversioned", *parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def kept_file(path: Path, write: Callable[[Path], Any]) -> Path:
    """A file, written now if it is not there: it appears complete or not at all."""
    if not path.is_file():
        with atomic_path(path, overwrite=True) as temporary:
            write(temporary)
    return path
