"""Observations in the public bucket of HEASARC at Amazon, asked with plain HTTPS: no account, no further package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

from astropy.time import Time

from ...config import conf
from ...exceptions import ProtocolError
from ..transport import Transport
from .contents import Content, folders_of
from .listing import Listing, read_keys
from .sources import fetched, months_of, unknown

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
        """The files of some parts; see `swiftxrt.backends.archives.sources.ArchiveSource.find`."""
        months = months_of(obsid, start)
        for month in months:
            prefix = f"{_FOLDER}/{month}/{obsid}/"
            listing = Listing()
            for folder in folders_of(contents):
                self._list(prefix, folder, listing)
            if listing.files or listing.refused or self._is_there(prefix):
                return listing
        raise unknown(obsid, self.name, f"{self.base_url}/{_FOLDER}/{months[0]}")

    def download(self, url: str, path: Path, check: Callable[[Path], None]) -> str:
        """Fetch a file; see `swiftxrt.backends.archives.sources.ArchiveSource.download`."""
        return fetched(self._transport, url, path, check)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _list(self, prefix: str, folder: str, listing: Listing) -> None:
        """Add what is below a folder; the bucket tells it in parts."""
        token: str | None = None
        seen: set[str] = set()
        for _ in range(_MOST_PARTS):
            part, token = self._part(prefix, folder, token)
            listing.extend(part.files, part.refused)
            if token is None:
                return
            if token in seen:
                break
            seen.add(token)
        url = f"{self.base_url}/{prefix}{folder}"
        raise ProtocolError(f"the list of {url} does not end", url=url)

    def _part(self, prefix: str, folder: str, token: str | None = None, **more: str) -> tuple[Listing, str | None]:
        query = {"list-type": "2", "prefix": prefix + folder, **more}
        if token is not None:
            query["continuation-token"] = token
        url = f"{self.base_url}/?{urlencode(query)}"
        return read_keys(self._transport.read(url), url, prefix, f"{self.base_url}/{prefix}")

    def _is_there(self, prefix: str) -> bool:
        listing, _ = self._part(prefix, "", **{"max-keys": "1"})
        return bool(listing.files or listing.refused)
