"""Observations on the web server of HEASARC, which lists its folders on pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from astropy.time import Time

from ...config import conf
from ...exceptions import ProtocolError
from ..transport import Transport
from .contents import Content, folders_of
from .listing import Listing, read_index
from .pages import fetched, months_of, page, unknown

__all__ = ["HeasarcFiles"]

# Folders in folders, folders and files of one observation: real ones have 4, 30 and 500.
_DEEPEST = 6
_MOST_FOLDERS = 500
_MOST_FILES = 50_000


class HeasarcFiles:
    """The archive of HEASARC at ``conf.heasarc_files_url``, or one that looks like it."""

    name = "heasarc"

    def __init__(self) -> None:
        self.base_url = conf.heasarc_files_url.rstrip("/")
        setting = "conf.heasarc_files_url"
        self._transport = Transport(self.base_url, "", setting=setting, rate="archive_requests_per_second")

    def find(self, obsid: str, start: Time | None, contents: Sequence[Content]) -> Listing:
        """The files of some parts; see `swiftxrt.backends.archives.sources.ArchiveSource.find`."""
        months = months_of(obsid, start)
        for month in months:
            place = f"{self.base_url}/{month}/{obsid}/"
            listing = Listing()
            found = [self._walk(place, folder, is_deep, listing) for folder, is_deep in folders_of(contents).items()]
            # Without any of its folders, the observation itself may be there or not.
            if any(found) or self._page(place, "") is not None:
                return listing
        raise unknown(obsid, f"{self.base_url}/{months[0]}", start)

    def download(self, url: str, path: Path, check: Callable[[Path], None]) -> str:
        """Fetch a file; see `swiftxrt.backends.archives.sources.ArchiveSource.download`."""
        return fetched(self._transport, url, path, check)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _walk(self, place: str, folder: str, is_deep: bool, listing: Listing) -> bool:
        """Add what is in a folder, and if wanted in the folders in it; tell whether it is there."""
        waiting, count, is_there = [folder], 0, False
        while waiting:
            inner = waiting.pop(0)
            found = self._page(place, inner)
            if found is None:
                continue
            is_there = True
            count += 1
            listing.extend(found.files, found.refused)
            if is_deep:
                waiting += found.folders
            deepest = max((one.count("/") for one in waiting), default=0)
            if deepest > _DEEPEST or count + len(waiting) > _MOST_FOLDERS or len(listing.files) > _MOST_FILES:
                raise ProtocolError(
                    f"{place} has more folders or files than any observation: folders may lead in a circle there",
                    advice="download chosen parts of it, and report it to the archive",
                    url=place,
                )
        return is_there

    def _page(self, place: str, folder: str) -> Listing | None:
        """What is in a folder; None if it is not there."""
        url = place + folder
        text = page(self._transport, url)
        return None if text is None else read_index(text, url, folder)
