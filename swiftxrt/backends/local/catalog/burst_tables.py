"""The tables of bursts, as far as observations with the XRT tell of them."""

from __future__ import annotations

from typing import Any

from ...._log import log
from ....catalog_fields import fields_of
from ....exceptions import (
    JobLostError,
    NoDataError,
    ProductNotAvailableError,
    RequestRejectedError,
    ServiceUnavailableError,
)
from ....kinds import ProductKind
from ....products.position import Position
from ....request.target import Target
from ..archive import Archive
from .burst_targets import Burst, all_bursts, burst_of_target
from .store import CatalogStore
from .telling import build_progress

__all__ = ["add_bursts", "burst_tables", "fill_positions"]

_SEEN, _TRIGGERED = ("UK_XRT", "XRTLiveCat"), ("SDC_GRB", "SDC_Data_Table")
#: Bursts whose X-ray position nobody has asked for.
_OPEN = "bursts_without_position"


def burst_tables(archive: Archive) -> CatalogStore:
    """A store with the tables of the bursts of an archive."""
    store = CatalogStore()
    add_bursts(store, archive)
    return store


def add_bursts(store: CatalogStore, archive: Archive) -> None:
    """Add a row for each burst to the tables of bursts; what needs its products, or other instruments, is null."""
    bursts = all_bursts(archive)
    positions = [archive.resolve(Target(one.object_name, target_ids=one.target_ids)).position for one in bursts]
    seen = [_seen(one, place) for one, place in zip(bursts, positions, strict=True)]
    triggered = [{"Name": one.name, "TriggerNumber": int(one.target_id)} for one in bursts]
    for (catalog, table), rows in ((_SEEN, seen), (_TRIGGERED, triggered)):
        columns = fields_of(catalog, table)
        store.add(f"{catalog}_{table}", [dict.fromkeys(columns) | row for row in rows], columns)
    store.add(_OPEN, [{"targetID": int(one.target_id)} for one in bursts], ["targetID"])


def fill_positions(catalog: Any, store: CatalogStore) -> None:
    """Put the positions of the X-ray sources into the rows, made by jobs when the table is first asked for.

    Bursts without a detectable source keep the position of the target, without an error.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products of the bursts.
    store : CatalogStore
        Has the rows.
    """
    if not store.columns(_OPEN):
        return
    with catalog.filling:
        left = [row["targetID"] for row in store.select(f"SELECT targetID FROM {_OPEN}")]
        if not left:
            return
        with build_progress(f"positions of {len(left)} bursts") as tell:
            for done, target in enumerate(left):
                burst = burst_of_target(catalog.archive, target)
                if burst is None:
                    continue
                tell(f"position of {burst.name} ({done + 1}/{len(left)})", done / len(left))
                try:
                    _fill(catalog, store, burst)
                except (ServiceUnavailableError, RequestRejectedError, JobLostError) as error:  # perhaps later
                    log.info("the table of bursts has no X-ray positions yet: %s", error)
                    return


def _fill(catalog: Any, store: CatalogStore, burst: Burst) -> None:
    number = int(burst.target_id)
    try:
        position: Position = catalog.bursts.get(burst, ProductKind.STANDARD_POSITION)[1]
    except (ProductNotAvailableError, NoDataError) as error:
        log.info("the table of bursts has no X-ray position of %s: %s", burst.name, error)
    else:
        place = position.coord.icrs
        ra, dec, err90 = float(place.ra.deg), float(place.dec.deg), float(position.radius.to_value("arcsec"))
        cells = {"RA": ra, "Decl": dec, "Err90": err90, "PSF_RA": ra, "PSF_Decl": dec}
        store.change("_".join(_SEEN), ("targetID", number), cells)
        store.change(
            "_".join(_TRIGGERED), ("TriggerNumber", number), {"XRT_RA": ra, "XRT_Dec": dec, "XRT_Err90": err90}
        )
    store.select(f"DELETE FROM {_OPEN} WHERE targetID = ?", [number])


def _seen(burst: Burst, position: Any) -> dict[str, Any]:
    """Who a burst is, and the position of its target."""
    place = position.icrs
    return {
        "targetID": int(burst.target_id),
        "name": burst.name,
        "RA": float(place.ra.deg),
        "Decl": float(place.dec.deg),
    }
