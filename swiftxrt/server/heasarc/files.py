"""The files of an archive at the places where the HEASARC has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["ROOT", "ArchiveFiles", "Entry", "StoredFile"]

#: Where the observations of Swift are, below the address of the files.
ROOT = "swift/data/obs"
#: Where event files belong that do not lie in a folder of their observation.
_EVENTS = "xrt/event"


@dataclass(frozen=True)
class StoredFile:
    """A file by its place in the archive.

    Parameters
    ----------
    key : str
        Its place, with slashes between the names.
    path : Path
        Where it is on this machine.
    """

    key: str
    path: Path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @property
    def modified(self) -> datetime:
        """When it was written, UTC."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)


@dataclass(frozen=True)
class Entry:
    """One line of the listing of a folder.

    Parameters
    ----------
    name : str
        Name in the folder.
    file : StoredFile or None
        The file; none for a folder.
    """

    name: str
    file: StoredFile | None = None


class ArchiveFiles:
    """Observations in the layout of the HEASARC, as they are on disk at the moment.

    Parameters
    ----------
    observations : mapping of str to sequence of Path
        For each observation, as ``"2011_09/00031968059"``, the folder with its
        files, or files that lie elsewhere and belong to its events.
    """

    def __init__(self, observations: Mapping[str, Sequence[Path]]) -> None:
        self._observations = {f"{ROOT}/{place}": tuple(paths) for place, paths in sorted(observations.items())}

    def find(self, key: str) -> StoredFile | None:
        """The file at a place; none outside of the observations is ever found."""
        return next((one for one in self.below(key) if one.key == key), None)

    def below(self, prefix: str) -> Iterator[StoredFile]:
        """All files whose place begins with a text, in order."""
        for place, paths in self._observations.items():
            if f"{place}/".startswith(prefix) or prefix.startswith(f"{place}/"):
                for name, path in sorted(_files(paths).items()):
                    if (key := f"{place}/{name}").startswith(prefix):
                        yield StoredFile(key, path)

    def listing(self, folder: str) -> list[Entry] | None:
        """What a folder holds, folders first; none if there is no such folder.

        Parameters
        ----------
        folder : str
            Its place, without a slash at the end.
        """
        start = f"{folder}/" if folder else ""
        found: dict[str, Entry] = {}
        for place in self._observations:  # without a look into observations that are further down
            if place.startswith(start):
                name = place[len(start) :].split("/")[0]
                found[name] = Entry(name)
        if not found:
            for file in self.below(start):
                name, _, rest = file.key[len(start) :].partition("/")
                found[name] = Entry(name) if rest else Entry(name, file)
        return sorted(found.values(), key=lambda entry: (entry.file is not None, entry.name)) or None


def _files(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by their place in the observation."""
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            root = path.resolve()
            there = {one.relative_to(path).as_posix(): one for one in path.rglob("*") if one.is_file()}
            found |= {name: one for name, one in there.items() if one.resolve().is_relative_to(root)}
        elif path.is_file():
            found[f"{_EVENTS}/{path.name}"] = path
    return {name: path for name, path in found.items() if not any(part[0] == "." for part in name.split("/"))}
