"""The tables of bursts, as far as observations with the XRT tell of them."""

from __future__ import annotations

from typing import Any

from ....catalog_fields import fields_of
from ....request.target import Target
from ..archive import Archive
from .burst_targets import Burst, all_bursts
from .store import CatalogStore

__all__ = ["add_bursts"]


def add_bursts(store: CatalogStore, archive: Archive) -> None:
    """Add a row for each burst to the tables of bursts; what needs its products, or other instruments, is null."""
    bursts = all_bursts(archive)
    positions = [archive.resolve(Target(one.object_name, target_ids=one.target_ids)).position for one in bursts]
    seen = [_seen(one, place) for one, place in zip(bursts, positions, strict=True)]
    triggered = [{"Name": one.name, "TriggerNumber": int(one.target_id)} for one in bursts]
    for catalog, table, rows in (("UK_XRT", "XRTLiveCat", seen), ("SDC_GRB", "SDC_Data_Table", triggered)):
        columns = fields_of(catalog, table)
        store.add(f"{catalog}_{table}", [dict.fromkeys(columns) | row for row in rows], columns)


def _seen(burst: Burst, position: Any) -> dict[str, Any]:
    """Who a burst is, and the position of its target."""
    place = position.icrs
    return {
        "targetID": int(burst.target_id),
        "name": burst.name,
        "RA": float(place.ra.deg),
        "Decl": float(place.dec.deg),
    }
