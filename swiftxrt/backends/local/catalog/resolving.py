"""Where a name, or a text that is a position, lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import astropy.units as u
from astropy.coordinates import SkyCoord

from ....catalog_fields import CATALOGS
from ....exceptions import NoDataError, RequestError, UnknownObjectError
from ....request.target import Target
from ..archive import Archive
from .store import CatalogStore

__all__ = ["Resolved", "parse_position", "resolve"]

#: Columns that hold names, and pairs of columns that hold positions, the best first.
_NAMES = ("IAUName", "Name", "name", "GRBname", "TargetName", "ObjectName")
_PAIRS = (("RA", "Decl"), ("XRT_RA", "XRT_Dec"), ("BAT_RA", "BAT_Dec"), ("RA_ground", "DEC_ground"))

#: What names of sources have: a J, and the position.
_DESIGNATION = re.compile(r"J\s*\d", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Resolved(NamedTuple):
    """A position, and where it is from.

    Parameters
    ----------
    ra, dec : float
        Degrees.
    text : str
        For the reply.
    """

    ra: float
    dec: float
    text: str

    @property
    def content(self) -> dict[str, Any]:
        """What replies say of it."""
        return {"ResolvedInfo": self.text, "ResolvedRA": self.ra, "ResolvedDec": self.dec}


def resolve(catalog: Any, name: str) -> Resolved:
    """Find a position by a text.

    Parameters
    ----------
    catalog : LocalCatalog
        Knows the names of its objects, and of the targets of its observations.
    name : str
        A position, in degrees or sexagesimal, or a name.

    Raises
    ------
    UnknownObjectError
        If it is neither.
    """
    text = name.strip()
    place = parse_position(text)
    if place is not None:
        return Resolved(*place, f"Parsed '{text}' as ({place[0]:.5f}, {place[1]:.5f})")
    found = next(_named(catalog.burst_store, text, is_sxps=False), None)
    if found is None and _DESIGNATION.search(text):  # no other text can be the name of a source: it need not be built
        found = next(_named(catalog.store, text, is_sxps=True), None)
    found = found or _target(catalog.archive, text)
    if found is None:
        hint = "positions are written as '52.80 +43.90' or '03 31 12.0, +43 54 15'"
        raise UnknownObjectError(f"The name `{text[:60]}` was not found among the objects and targets here; {hint}")
    ra, dec, where = found
    return Resolved(ra, dec, f"Resolved '{text}' as ({ra!r}, {dec!r}) via {where}")


def parse_position(text: str) -> tuple[float, float] | None:
    """Right ascension and declination in degrees of a text, or None if it is no position.

    Two numbers are degrees; six, or others with colons or letters, are hours
    and degrees.
    """
    words = text.replace(",", " ").split()
    if len(words) in (2, 6) and all(map(_NUMBER.fullmatch, words)):
        unit = (u.deg, u.deg) if len(words) == 2 else (u.hourangle, u.deg)
    elif len(words) == 2 and all(word[:1] in "+-.0123456789" for word in words):
        unit = (u.hourangle, u.deg)
    else:
        return None
    half = len(words) // 2
    try:
        place = SkyCoord(" ".join(words[:half]), " ".join(words[half:]), unit=unit, frame="icrs")
    except (ValueError, u.UnitsError):
        return None
    return float(place.ra.deg), float(place.dec.deg)


def _named(store: CatalogStore, name: str, *, is_sxps: bool) -> Iterator[tuple[float, float, str]]:
    """Positions of the sources or bursts that have a name, the best first; spaces and case do not matter."""
    catalogs = [info for info in CATALOGS.values() if info.is_sxps == is_sxps]
    tables = [(f"{info.name}_{table}", f"{info.name} {table}") for info in catalogs for table in info.tables]
    for table, title in tables:
        columns = set(store.columns(table))
        for lon, lat in (pair for pair in _PAIRS if columns.issuperset(pair)):
            for column in (one for one in _NAMES if one in columns):
                sql = (
                    f'SELECT "{lon}" AS lon, "{lat}" AS lat FROM "{table}" WHERE "{lon}" IS NOT NULL '
                    f"AND REPLACE(\"{column}\", ' ', '') = ? COLLATE NOCASE"
                )
                for row in store.select(sql, [name.replace(" ", "")]):
                    yield float(row["lon"]), float(row["lat"]), title


def _target(archive: Archive, name: str) -> tuple[float, float, str] | None:
    """The position of a target of the observations."""
    try:
        position = archive.resolve(Target(name=name)).position
    except (NoDataError, RequestError):
        return None
    return (float(position.ra.deg), float(position.dec.deg), "the observations") if position is not None else None
