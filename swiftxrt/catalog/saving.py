"""Where files of a catalogued object are kept: in a folder of its own, or under names that begin with its name."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._atomic import atomic_path, check_target, usable_folder
from .._fields import nearest
from .._filenames import safe_name
from .._paths import as_path
from ..exceptions import RequestError

__all__ = ["LAYOUTS", "Keeping", "file_name"]

#: Files of an object in a folder of its own, or all together with the name of the object before theirs.
LAYOUTS = ("folders", "stems")


@dataclass(frozen=True)
class Keeping:
    """Where files of one object are kept.

    Parameters
    ----------
    folder : Path
        Where.
    stem : str
        What their names begin with.
    overwrite : bool
        Whether files may be replaced.
    """

    folder: Path
    stem: str = ""
    overwrite: bool = False

    @classmethod
    def of(cls, location: Any, label: Any, *, layout: str = "folders", overwrite: bool = False) -> Keeping | None:
        """The place for an object below a folder; None if nothing is kept.

        Raises
        ------
        RequestError
            If the layout is not known, or the place is no path.
        """
        if layout not in LAYOUTS:
            hint = nearest(str(layout), LAYOUTS)
            raise RequestError([("layout", f"must be one of {', '.join(LAYOUTS)}; got {layout!r}{hint}")])
        if location is None:
            return None
        folder, name = as_path(location, "location"), safe_name(str(label))
        return cls(folder / name, "", overwrite) if layout == "folders" else cls(folder, f"{name}_", overwrite)

    def path(self, name: str) -> Path:
        """The file of a name, which may come from anywhere."""
        return self.folder / f"{self.stem}{safe_name(name)}"

    def check(self, names: Iterable[str]) -> None:
        """Make the folder, and look whether files of these names may be written there.

        Raises
        ------
        OutputExistsError
            If one exists and may not be replaced.
        StorageError
            If nothing can be written.
        """
        usable_folder(self.folder)
        for name in names:
            check_target(self.path(name), self.overwrite)

    def keep(self, file: Path, name: str) -> Path:
        """Copy a file under a name; it appears complete or not at all."""
        target = self.path(name)
        with atomic_path(target, self.overwrite) as temporary:
            shutil.copyfile(file, temporary)
        return target


def file_name(url: str) -> str:
    """The name of the file at an address."""
    return safe_name(url.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2])
