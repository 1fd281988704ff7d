"""Numbers of sources that stay when the catalogue is built again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....engine.catalogue import Catalogue
from ....engine.catalogue_matching import separation_arcsec

__all__ = ["renumbered"]

# A source is the one of before if it is closer than three sigma of both 90 per cent errors, within these limits.
_SIGMAS = 3.0 / 2.146
_CLOSE_ARCSEC = (5.0, 24.0)
# What takes the place of a source that is gone lies within this.
_SUCCESSOR_ARCSEC = 30.0

Row = Mapping[str, Any]


def renumbered(
    catalogue: Catalogue, before: Sequence[Row], gone: Sequence[Row]
) -> tuple[Catalogue, list[dict[str, Any]]]:
    """The catalogue with the numbers that its sources had before, and what became of the others.

    Parameters
    ----------
    catalogue : Catalogue
        Its sources are numbered from 1 on.
    before : sequence of mapping
        Rows of the sources of the catalogue that it replaces.
    gone : sequence of mapping
        Sources that were no longer in that one; what is found where one of
        them was is that source again.

    Returns
    -------
    catalogue : Catalogue
        New sources have numbers that no source had before.
    gone : list of dict
        Those that are not in it: ``LSXPS_ID``, ``IAUName``, ``RA``, ``Decl``, ``Err90`` and
        ``Successors``, the numbers of the sources in their place.
    """
    if not before and not gone:
        return catalogue, []
    places = np.array([source.best.place for source in catalogue.sources]).reshape(-1, 2)
    errors = np.array([source.best.err90_arcsec for source in catalogue.sources])
    claimed: dict[int, int] = {}
    for rows in (before, gone):
        _claim(claimed, rows, places, errors)
    free = 1 + max(int(row["LSXPS_ID"]) for row in (*before, *gone))
    numbers = []
    for index in range(len(catalogue.sources)):
        numbers.append(claimed.get(index, free))
        free += index not in claimed
    sources = tuple(replace(source, number=number) for source, number in zip(catalogue.sources, numbers, strict=True))
    kept = set(claimed.values())
    lost = [row for row in (*before, *gone) if int(row["LSXPS_ID"]) not in kept]
    return replace(catalogue, sources=sources), [_lost(row, places, numbers) for row in lost]


def _claim(claimed: dict[int, int], before: Sequence[Row], places: Any, errors: Any) -> None:
    """Give numbers of before to rows of sources that have none yet, the nearest pairs first."""
    pairs = []
    for row in before:
        apart = separation_arcsec(row["RA"], row["Decl"], *places.T)
        allowed = np.clip(_SIGMAS * np.hypot(errors, row["Err90"]), *_CLOSE_ARCSEC)
        pairs += [(float(apart[index]), int(index), int(row["LSXPS_ID"])) for index in np.flatnonzero(apart <= allowed)]
    for _, index, number in sorted(pairs):
        if index not in claimed and number not in claimed.values():
            claimed[index] = number


def _lost(row: Row, places: Any, numbers: Sequence[int]) -> dict[str, Any]:
    apart = separation_arcsec(row["RA"], row["Decl"], *places.T)
    near = [index for index in np.argsort(apart).tolist() if apart[index] <= _SUCCESSOR_ARCSEC]
    known = {name: row[name] for name in ("LSXPS_ID", "IAUName", "RA", "Decl", "Err90")}
    return {**known, "Successors": [numbers[index] for index in near]}
