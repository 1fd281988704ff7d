"""Where observations can be downloaded from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import astropy.units as u
from astropy.time import Time

from ..._fields import nearest
from ...exceptions import NoDataError, RequestError, ServiceError
from ..transport import Transport
from .contents import Content
from .listing import Listing

__all__ = ["ArchiveSource", "check_source", "fetched", "make_source", "months_of", "needs_start", "page", "unknown"]

_NAMES = ("heasarc", "ukssdc", "aws")
#: Those where observations are in folders for months.
_BY_MONTH = ("heasarc", "aws")
_NOT_THERE = 404
# Refusals, in words for files.
_REASONS = {
    401: "the archive does not give it to everybody",
    403: "the archive does not give it to everybody",
    _NOT_THERE: "it is listed, but not there",
    410: "it is not there any more",
}
# The folder is that of the planned start, which may lie on the other side of midnight.
_MARGIN = 1.0 * u.day


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


def check_source(name: object) -> str:
    """The name of an archive.

    Raises
    ------
    RequestError
        If there is none of that name.
    """
    if isinstance(name, str) and name.lower() in _NAMES:
        return name.lower()
    hint = nearest(name, _NAMES) if isinstance(name, str) else ""
    raise RequestError(
        [("source", f"must be one of {', '.join(map(repr, _NAMES))}; got {name!r:.60}{hint}")], "download"
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
    name = check_source(name)
    if name == "heasarc":
        from .heasarc_files import HeasarcFiles

        return HeasarcFiles()
    if name == "aws":
        from .aws_files import AwsFiles

        return AwsFiles()
    from .ukssdc_files import UkssdcFiles

    return UkssdcFiles()


def months_of(obsid: str, start: Time | None) -> list[str]:
    """The folders in which an observation may be, the most likely first, such as ``2014_11``.

    Raises
    ------
    NoDataError
        If it is not known when the observation was.
    """
    if start is None:
        raise NoDataError(
            f"the archive has its observations in folders for months, and when {obsid} began is not known; give a "
            "table with the columns obsid and start, as query_observations makes it"
        )
    times = (start, start - _MARGIN, start + _MARGIN)
    return list(dict.fromkeys(str(one.utc.strftime("%Y_%m")) for one in times))


def unknown(obsid: str, name: str, place: str) -> NoDataError:
    """The error for an observation that an archive does not have."""
    elsewhere = "" if name == "ukssdc" else "; one of the last days may be at source='ukssdc' already"
    return NoDataError(f"there is no observation {obsid} at {place}{elsewhere}")


def page(transport: Transport, url: str) -> str | None:
    """The text of a page; None if there is none.

    Raises
    ------
    ServiceError
        If it cannot be had.
    """
    try:
        return transport.read(url)
    except ServiceError as error:
        if error.status == _NOT_THERE:
            return None
        if error.status in _REASONS:
            raise _reworded(url, error.status) from error
        raise


def fetched(transport: Transport, url: str, path: Path, check: Callable[[Path], None]) -> str:
    """Fetch a file; see `ArchiveSource.download`."""
    options: dict[str, Any] = {"overwrite": True, "check": check}
    try:
        return transport.download(url, path, **options).outcome
    except ServiceError as error:
        if error.status in _REASONS:
            raise _reworded(url, error.status) from error
        raise


def _reworded(url: str, status: int) -> ServiceError:
    """A refusal, without advice on jobs and registered addresses."""
    text = f"{url} was not had: {_REASONS[status]} (HTTP status {status}); try again later"
    return ServiceError(text, url=url, status=status)
