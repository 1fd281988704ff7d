"""Pages and files of the archives, and what their refusals mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.time import Time

from ...exceptions import NoDataError, ServiceError
from ..transport import Transport

__all__ = ["fetched", "months_of", "page", "unknown"]

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
#: So long observations may be at Leicester only.
_QUICK_LOOK = 30.0 * u.day


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


def unknown(obsid: str, place: str, start: Time | None = None) -> NoDataError:
    """The error for an observation that an archive does not have; one of the last days may be elsewhere already."""
    is_new = start is not None and Time.now() - start < _QUICK_LOOK
    elsewhere = "; one of the last days may be at source='ukssdc' already" if is_new else ""
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
