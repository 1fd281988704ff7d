"""The parts of an observation, by the names that users give them: folders and names in the archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..._fields import nearest
from ...exceptions import RequestError

__all__ = ["CONTENTS", "Content", "choose_contents", "folders_of"]


@dataclass(frozen=True)
class Content:
    """One part of an observation.

    Attributes
    ----------
    name : str
        What users call it.
    folder : str
        Where it lies below the observation, with a slash at its end; empty for the observation itself.
    pattern : str
        Names of its files; empty if it is the whole folder with all folders in it.
    about : str
        What it is.
    """

    name: str
    folder: str
    pattern: str
    about: str

    @property
    def is_deep(self) -> bool:
        """Whether it reaches into the folders of its folder."""
        return not self.pattern

    def takes(self, path: str) -> bool:
        """Whether a file, named by its place in the observation, belongs to it."""
        if not path.startswith(self.folder):
            return False
        return self.is_deep or re.fullmatch(self.pattern, path.removeprefix(self.folder)) is not None


_CONTENTS = (
    Content(
        "events", "xrt/event/", r"sw\d{11}x(pc|wt)\w*po_cl\.evt(\.gz)?", "cleaned events of the XRT while pointing"
    ),
    Content("unfiltered", "xrt/event/", r"sw\d{11}x\w*_uf\w*\.evt(\.gz)?", "events of the XRT before they are cleaned"),
    Content("attitude", "auxil/", r"sw\d{11}[spu]at\.fits(\.gz)?", "where the telescope pointed"),
    Content("hk", "xrt/hk/", "", "housekeeping of the XRT"),
    Content("exposure", "xrt/products/", r"sw\d{11}x\w*_ex\.img(\.gz)?", "exposure maps of the XRT"),
    Content("images", "xrt/products/", r"sw\d{11}x\w*_sk\.img(\.gz)?", "sky images of the XRT"),
    Content("products", "xrt/products/", "", "all products of the XRT, also pictures and spectra"),
    Content("xrt", "xrt/", "", "everything of the XRT"),
    Content("auxil", "auxil/", "", "attitude, orbit, filter file and other records of the satellite"),
    Content("log", "log/", "", "what the processing said"),
    Content("tdrss", "tdrss/", "", "messages that were sent at once, of bursts"),
    Content("uvot", "uvot/", "", "everything of the UVOT"),
    Content("bat", "bat/", "", "everything of the BAT"),
    Content("all", "", "", "everything"),
)
#: All parts by their names.
CONTENTS = {one.name: one for one in _CONTENTS}


def choose_contents(names: str | Iterable[str]) -> tuple[Content, ...]:
    """The parts with some names.

    Parameters
    ----------
    names : str or iterable of str
        One name, or several; the same twice counts once.

    Raises
    ------
    RequestError
        If there is no such part, or none is named.
    """
    given = [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else [names]
    allowed = f"must be of {', '.join(map(repr, CONTENTS))}"
    problems = []
    for name in given:
        if not isinstance(name, str) or name.lower() not in CONTENTS:
            hint = nearest(name, CONTENTS) if isinstance(name, str) else ""
            problems.append(("contents", f"{allowed}; got {name!r:.60}{hint}"))
    if not given:
        problems.append(("contents", f"{allowed}; none was given"))
    if problems:
        raise RequestError(problems, "download")
    return tuple(dict.fromkeys(CONTENTS[name.lower()] for name in given))


def folders_of(contents: Sequence[Content]) -> dict[str, bool]:
    """The folders to look into, and of each whether also into the folders in it; none lies in another of those."""
    deep = {one.folder for one in contents if one.is_deep}
    folders = {one.folder: one.folder in deep for one in contents}
    return {
        folder: is_deep
        for folder, is_deep in folders.items()
        if not any(folder != other and folder.startswith(other) for other in deep)
    }
