"""The table of bursts of an archive."""

from __future__ import annotations

from typing import Any

from ....catalog_fields import fields_of
from ....request.target import Target
from ..archive import Archive
from .burst_targets import all_bursts

__all__ = ["TABLE", "burst_rows"]

#: Its catalogue and name.
TABLE = "UK_XRT_XRTLiveCat"


def burst_rows(archive: Archive) -> list[dict[str, Any]]:
    """A row for each burst: who it is, and the position of its target; what needs its products is null."""
    columns = fields_of(*TABLE.rsplit("_", 1))
    rows = []
    for burst in all_bursts(archive):
        position = archive.resolve(Target(burst.object_name, target_ids=burst.target_ids)).position
        known = {
            "targetID": int(burst.target_id),
            "name": burst.name,
            "RA": float(position.icrs.ra.deg),
            "Decl": float(position.icrs.dec.deg),
        }
        rows.append(dict.fromkeys(columns) | known)
    return rows
