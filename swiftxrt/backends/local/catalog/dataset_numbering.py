"""Numbers, names and versions of datasets that stay when the catalogue is built again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....engine.catalogue import FIRST_STACK, Catalogue
from ....engine.catalogue_fields import FieldSearch
from ....engine.catalogue_matching import DataSource
from ....engine.catalogue_rates import Bins
from ....engine.make_limits import DataSet

__all__ = ["KnownDataset", "known_datasets", "with_kept_datasets"]


@dataclass(frozen=True)
class KnownDataset:
    """A dataset that is in the catalogue, or was.

    Parameters
    ----------
    number : int
        DatasetID.
    obsid : str
        Of the observation or stack.
    version : int
        DataVersion.
    content : str
        Digest of its data.
    members : tuple of str
        ObsIDs of its observations.
    is_stack : bool
        Whether it is a stack.
    is_live : bool
        Whether it is in the catalogue.
    """

    number: int
    obsid: str
    version: int
    content: str
    members: tuple[str, ...]
    is_stack: bool
    is_live: bool = True

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> KnownDataset:
        """From a row of the store."""
        kept = {name: row[name] for name in ("number", "obsid", "version", "content")}
        flags = {name: bool(row[name]) for name in ("is_stack", "is_live")}
        return cls(**kept, members=tuple(json.loads(row["members"])), **flags)

    @property
    def row(self) -> dict[str, Any]:
        """For the store."""
        return {**vars(self), "is_stack": int(self.is_stack), "is_live": int(self.is_live)}


def known_datasets(rows: Sequence[Mapping[str, Any]]) -> list[KnownDataset]:
    """Datasets from rows of the store."""
    return [KnownDataset.of_row(row) for row in rows]


def with_kept_datasets(catalogue: Catalogue, known: Sequence[KnownDataset]) -> tuple[Catalogue, list[KnownDataset]]:
    """The catalogue with numbers, names and versions that its datasets had before.

    Observations keep their number; their version counts how often their data
    changed. A stack is the one of before that has most observations in common
    with it; if its data have changed, it is a new version and has a new number.

    Parameters
    ----------
    catalogue : Catalogue
        Its datasets are numbered from 1 on.
    known : sequence of KnownDataset
        Those of before, live or not.

    Returns
    -------
    catalogue : Catalogue
        No dataset has a number that another one had before.
    known : list of KnownDataset
        The datasets of this catalogue, and all that were ever known.
    """
    naming = _Naming(known)
    named = {one.number: naming.observation(one.data_set) for one in catalogue.searches if not _is_stack(one)}
    stacks = [one for one in catalogue.searches if _is_stack(one)]
    claimed = naming.claims([one.data_set for one in stacks])
    named |= {one.number: naming.stack(one.data_set, claimed.get(row)) for row, one in enumerate(stacks)}
    live = {one.number for one in named.values()}
    rest = [replace(one, is_live=False) for one in known if one.number not in live]
    return _renamed(catalogue, named), [*named.values(), *rest]


def _is_stack(search: FieldSearch) -> bool:
    return search.data_set.kind == "stack"


def _content(data_set: DataSet) -> str:
    """Changes with the events and the good time, not with the files that hold them."""
    told = [
        [one.obsid, len(one), float(one.gti.exposure_s), float(one.gti.start[0]), float(one.gti.stop[-1])]
        for one in data_set.lists
    ]
    return hashlib.sha256(json.dumps(sorted(told)).encode()).hexdigest()


class _Naming:
    """Gives names, those of before first."""

    def __init__(self, known: Sequence[KnownDataset]) -> None:
        self._free = 1 + max((one.number for one in known), default=0)
        #: The last version of each.
        self._last: dict[str, KnownDataset] = {}
        for one in sorted(known, key=lambda one: (one.is_live, one.version)):
            self._last[one.obsid] = one
        stacks = [int(one.obsid) for one in known if one.is_stack]
        self._free_stack = 1 + max(stacks, default=FIRST_STACK - 1)

    def observation(self, data_set: DataSet) -> KnownDataset:
        (obsid,), content = data_set.obsids, _content(data_set)
        before = self._last.get(obsid)
        if before is None:
            return KnownDataset(self._number(), obsid, 1, content, (obsid,), is_stack=False)
        version = before.version + (content != before.content)
        return replace(before, version=version, content=content, is_live=True)

    def claims(self, data_sets: Sequence[DataSet]) -> dict[int, KnownDataset]:
        """Which stacks of before stacks are: the same data first, then the most observations in common, live ones."""
        before = [one for one in self._last.values() if one.is_stack]
        pairs = []
        for row, data_set in enumerate(data_sets):
            content = _content(data_set)
            for column, one in enumerate(before):
                if common := len(set(data_set.obsids) & set(one.members)):
                    pairs.append((one.content != content, not one.is_live, -common, row, column))
        claimed: dict[int, KnownDataset] = {}
        for *_, row, column in sorted(pairs):
            if row not in claimed and before[column] not in claimed.values():
                claimed[row] = before[column]
        return claimed

    def stack(self, data_set: DataSet, before: KnownDataset | None) -> KnownDataset:
        content = _content(data_set)
        if before is None:
            obsid, self._free_stack = str(self._free_stack), self._free_stack + 1
            return KnownDataset(self._number(), obsid, 1, content, data_set.obsids, is_stack=True)
        if before.is_live and before.content == content:
            return before
        return replace(
            before,
            number=self._number(),
            version=before.version + 1,
            content=content,
            members=data_set.obsids,
            is_live=True,
        )

    def _number(self) -> int:
        self._free += 1
        return self._free - 1


def _renamed(catalogue: Catalogue, named: Mapping[int, KnownDataset]) -> Catalogue:
    """The catalogue with other numbers of its datasets."""
    new = {number: one.number for number, one in named.items()}

    def bins(one: Bins) -> Bins:
        return one.replaced(data_set=np.array([new[number] for number in one.data_set.tolist()], dtype=int))

    def search(one: FieldSearch) -> FieldSearch:
        known = named[one.number]
        detections = {
            band: tuple(replace(each, data_set=known.number) for each in found)
            for band, found in one.detections.items()
        }
        return replace(one, number=known.number, detections=detections, obsid=known.obsid, version=known.version)

    def member(one: DataSource) -> DataSource:
        number = new[one.data_set]
        detections = {band: replace(each, data_set=number) for band, each in one.detections.items()}
        return replace(one, data_set=number, detections=detections)

    return replace(
        catalogue,
        searches=tuple(map(search, catalogue.searches)),
        sources=tuple(replace(one, members=tuple(map(member, one.members))) for one in catalogue.sources),
        bins=bins(catalogue.bins),
        snapshots=bins(catalogue.snapshots),
    )
