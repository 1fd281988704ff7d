"""What a catalogue takes over from the one that it replaces: numbers, names, and what has been superseded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .dataset_numbering import KnownDataset, known_datasets
from .store import CatalogStore

__all__ = ["Remembered"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Remembered:
    """Rows of the catalogue before.

    Parameters
    ----------
    sources : list of dict
        Its sources: number, name, position and error.
    gone : list of dict
        Sources that were no longer in it.
    names : list of dict
        All names that sources ever had, with their numbers.
    datasets : list of KnownDataset
        All datasets that there ever were.
    stacks : list of dict
        Its stacks.
    old_stacks : list of dict
        Stacks that were superseded already.
    transients : list of dict
        Numbers of transients, and of the sources that they are.
    """

    sources: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    names: list[Row] = field(default_factory=list)
    datasets: list[KnownDataset] = field(default_factory=list)
    stacks: list[Row] = field(default_factory=list)
    old_stacks: list[Row] = field(default_factory=list)
    transients: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, before: CatalogStore | None) -> Remembered:
        """What is in a store; nothing if there is none."""
        if before is None:
            return cls()

        def rows(table: str, what: str = "*", where: str = "1") -> list[Row]:
            return before.select(f"SELECT {what} FROM {table} WHERE {where}") if before.columns(table) else []

        return cls(
            sources=rows("LSXPS_sources", "LSXPS_ID, IAUName, RA, Decl, Err90"),
            gone=rows("gone"),
            names=rows("names"),
            datasets=known_datasets(rows("known_datasets")),
            stacks=rows("LSXPS_datasets", where="IsStackedImage"),
            old_stacks=rows("LSXPS_oldstacks"),
            transients=rows("transient_ids"),
        )

    def all_names(self, sources: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Names that sources have now, and all that they had before."""
        pairs = [(row["LSXPS_ID"], row["IAUName"]) for row in (*self.names, *sources)]
        return [{"LSXPS_ID": number, "IAUName": name} for number, name in dict.fromkeys(pairs)]

    def superseded(self, live: Iterable[int]) -> list[Row]:
        """Stacks that are not among the datasets of these numbers."""
        kept = set(live)
        every = {row["DatasetID"]: {**row, "IsObsoleteStack": 1} for row in (*self.old_stacks, *self.stacks)}
        return [row for number, row in sorted(every.items()) if number not in kept]

    def transient_ids(self, sources: Sequence[int]) -> dict[int, int]:
        """Numbers of the transients that some sources are, those of before first."""
        known = {int(row["LSXPS_ID"]): int(row["TransientID"]) for row in self.transients}
        free = 1 + max(known.values(), default=0)
        for source in sources:
            if source not in known:
                known[source], free = free, free + 1
        return known
