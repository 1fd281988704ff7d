"""Where observations can be downloaded from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from astropy.time import Time

from ..._fields import nearest
from ...exceptions import RequestError
from .aws_files import AwsFiles
from .contents import Content
from .heasarc_files import HeasarcFiles
from .listing import Listing
from .ukssdc_files import UkssdcFiles

__all__ = ["ArchiveSource", "check_source", "make_source", "needs_start"]

#: Those where observations are in folders for months.
_BY_MONTH = ("heasarc", "aws")


class ArchiveSource(Protocol):
    """An archive; may be used in several threads."""

    name: str

    def find(self, obsid: str, start: Time | None, contents: Sequence[Content]) -> Listing:
        """The files of some parts of an observation, and perhaps others.

        Parameters
        ----------
        obsid : str
            Eleven digits.
        start : Time or None
            When it began; needed where observations are in folders for months.
        contents : sequence of Content
            The parts.

        Raises
        ------
        NoDataError
            If the archive does not have the observation.
        ServiceError
            If the archive cannot be asked, or answers nonsense.
        """
        ...

    def download(self, url: str, path: Path, check: Callable[[Path], None]) -> str:
        """Fetch a file, complete or not at all, and tell how it came.

        Parameters
        ----------
        url : str
            Where it is.
        path : Path
            Where it goes; what is there is replaced.
        check : callable
            Looks at what came before it takes its place.

        Raises
        ------
        ServiceError
            If it cannot be had.
        FormatError
            If what came is damaged or something else.
        StorageError
            If it cannot be written.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


_SOURCES: dict[str, Callable[[], ArchiveSource]] = {
    "heasarc": HeasarcFiles,
    "ukssdc": UkssdcFiles,
    "aws": AwsFiles,
}


def check_source(name: object) -> str:
    """The name of an archive.

    Raises
    ------
    RequestError
        If there is none of that name.
    """
    if isinstance(name, str) and name.lower() in _SOURCES:
        return name.lower()
    hint = nearest(name, _SOURCES) if isinstance(name, str) else ""
    raise RequestError(
        [("source", f"must be one of {', '.join(map(repr, _SOURCES))}; got {name!r:.60}{hint}")], "download"
    )


def needs_start(name: str) -> bool:
    """Whether an archive has observations in folders for months."""
    return name in _BY_MONTH


def make_source(name: str) -> ArchiveSource:
    """Make what asks an archive, as the settings are now.

    Raises
    ------
    RequestError
        If there is none of that name.
    ServiceError
        If the setting of its address is none.
    """
    return _SOURCES[check_source(name)]()
