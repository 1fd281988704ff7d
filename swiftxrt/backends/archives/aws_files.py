"""Observations in the public bucket of HEASARC at Amazon, asked with plain HTTPS: no account, no further package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

from astropy.time import Time

from ...config import conf
from ...exceptions import ProtocolError, ServiceError
from ..transport import Transport
from .contents import Content
from .listing import Listing, read_keys
from .pages import fetched, months_of, page, unknown

__all__ = ["AwsFiles"]

_FOLDER = "swift/data/obs"
# Of up to 1000 files each.
_MOST_PARTS = 100


class AwsFiles:
    """The bucket at ``conf.aws_url``, or something that speaks like it."""

    name = "aws"

    def __init__(self) -> None:
        self.base_url = conf.aws_url.rstrip("/")
        setting = "conf.aws_url"
        self._transport = Transport(self.base_url, "", setting=setting, rate="archive_requests_per_second")

    def find(self, obsid: str, start: Time | None, contents: Sequence[Content]) -> Listing:
        """The files of all parts; see `swiftxrt.backends.archives.sources.ArchiveSource.find`."""
        months = months_of(obsid, start)
        for month in months:
            listing = self._list(f"{_FOLDER}/{month}/{obsid}/")
            if listing.files or listing.refused:
                return listing
        raise unknown(obsid, f"{self.base_url}/{_FOLDER}/{months[0]}", start)

    def download(self, url: str, path: Path, check: Callable[[Path], None]) -> str:
        """Fetch a file; see `swiftxrt.backends.archives.sources.ArchiveSource.download`."""
        return fetched(self._transport, url, path, check)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _list(self, prefix: str) -> Listing:
        """All files of an observation, which the bucket lists in parts; mostly there is one."""
        listing = Listing()
        seen: set[str] = set()
        query = {"list-type": "2", "prefix": prefix}
        for _ in range(_MOST_PARTS):
            url = f"{self.base_url}/?{urlencode(query)}"
            text = page(self._transport, url)
            if text is None:
                raise ServiceError(f"there is no bucket at {self.base_url}; check conf.aws_url", url=url, status=404)
            part, token = read_keys(text, url, prefix, f"{self.base_url}/{prefix}")
            listing.extend(part.files, part.refused)
            if token is None:
                return listing
            if token in seen:
                break
            seen.add(token)
            query["continuation-token"] = token
        url = f"{self.base_url}/{prefix}"
        raise ProtocolError(f"the list of {url} does not end", url=url)
