"""Observations in the archive of the service, which says itself where their files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from astropy.time import Time

from ...config import conf
from ...exceptions import ProtocolError, UnknownObjectError
from ...wire import api
from ..transport import Transport
from .contents import Content
from .listing import Listing, RemoteFile, inner_path
from .pages import fetched, unknown

__all__ = ["UkssdcFiles"]

_CALL = "API/main.php"
_FUNCTION = "listObsFiles"
# Of all, as an observation without the folders that are asked for looks like none.
_FOLDERS = ("auxil", "bat", "log", "tdrss", "uvot", "xrt")
# Reprocessed with recent software; else as it came, which of the last days is the quick-look.
_VERSIONS = ("uk_reproc", "uk")


class UkssdcFiles:
    """The archive behind the service at ``conf.service_url``.

    The service tells the address of each observation, and so decides between
    archive and quick-look.
    """

    name = "ukssdc"

    def __init__(self) -> None:
        self.base_url = conf.service_url.rstrip("/")
        self._transport = Transport(self.base_url, "")

    def find(self, obsid: str, start: Time | None, contents: Sequence[Content]) -> Listing:
        """The files of all parts; see `swiftxrt.backends.archives.sources.ArchiveSource.find`."""
        for version in _VERSIONS:
            listing = self._list(obsid, version)
            if listing is not None:
                return listing
        raise unknown(obsid, self.base_url)

    def download(self, url: str, path: Path, check: Callable[[Path], None]) -> str:
        """Fetch a file; see `swiftxrt.backends.archives.sources.ArchiveSource.download`."""
        return fetched(self._transport, url, path, check)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _list(self, obsid: str, version: str) -> Listing | None:
        """The files of a version of an observation; None if it is not there."""
        question = api.seal(_FUNCTION, {"obsid": obsid, "source": version, "dirs": list(_FOLDERS)})
        reply, url = self._transport.post(_CALL, question, repeatable=True)
        try:
            content = api.open_reply(reply, url=url, needed=("fileList",))
        except UnknownObjectError:
            return None
        files = content["fileList"].get("files") if isinstance(content["fileList"], Mapping) else []
        if files is None or files == []:
            return None
        return _listing(files, content.get("url"), url)


def _listing(files: Any, place: Any, url: str) -> Listing:
    """The files that a reply names."""
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files) or not isinstance(place, str):
        raise ProtocolError(f"{url} answered with something else than a list of files and their address", url=url)
    listing = Listing()
    for name in dict.fromkeys(files):
        path = inner_path(name)
        if path is None:
            listing.refused.append(name)
        else:
            listing.add(RemoteFile(path, f"{place.rstrip('/')}/{quote(path)}"))
    return listing
