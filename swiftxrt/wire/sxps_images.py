"""Replies with the addresses of images of catalogued sources, transients and datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._printable import printable
from ..exceptions import ProductNotAvailableError, ProtocolError
from .reading import any_case, text

__all__ = ["ImageAddresses", "read_dataset_images", "read_previews"]

_BANDS = ("total", "soft", "medium", "hard")
#: Kinds of image by the keys of the reply in lower case.
_TYPES = {
    "image": "counts",
    "backgroundmap": "background",
    "backgroundmapwithsources": "background_with_sources",
}
_NOT_FOUND = "NOTFOUND"
_NONE = "the service has no such image"
_EXPOSURE = "exposure"
_REGIONS = "regions"


@dataclass(frozen=True)
class ImageAddresses:
    """What a reply about images says.

    Parameters
    ----------
    urls : mapping of str to str
        Addresses by name: ``"total/counts"``, ``"total/background"``,
        ``"total/background_with_sources"``, ``"total/regions"``, the same for
        the other bands, and ``"exposure"``. Of previews just the band.
    missing : mapping of str to str
        What the service says that there is not, by the same names, and why.
    superseded_by : str
        What has taken the place of an obsolete stack, as the service tells it; empty if it is none.
    """

    urls: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=dict)
    superseded_by: str = ""


def read_previews(content: Mapping[str, Any]) -> ImageAddresses:
    """Addresses of pictures of a source.

    Raises
    ------
    ProductNotAvailableError
        If there are none.
    ProtocolError
        If the reply is about something else.
    """
    return _sorted([*((band, any_case(content, band)) for band in _BANDS), *_exposure(content)], content)


def read_dataset_images(content: Mapping[str, Any]) -> ImageAddresses:
    """Addresses of images of a dataset.

    Raises
    ------
    ProductNotAvailableError
        If there are none.
    ProtocolError
        If the reply is about something else.
    """
    pairs = [pair for band in _BANDS for pair in _of_band(band, any_case(content, band))]
    told = any_case(content, "SupersededBy")
    superseded_by = "" if told is None else printable(str(told))[:200] or "another"
    return _sorted([*pairs, *_exposure(content)], content, superseded_by)


def _of_band(band: str, block: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(block, str):
        yield f"{band}/counts", block
    elif block is not None and not isinstance(block, Mapping):
        raise ProtocolError(f"the images of a band were promised; got {block!r:.80}")
    for key, value in (block or {}).items() if not isinstance(block, str) else ():
        kind = _TYPES.get(str(key).lower())
        if kind is None and (str(key).lower().startswith("reg") or text(value).lower().endswith(".reg")):
            kind = _REGIONS
        if kind is not None:
            yield f"{band}/{kind}", value


def _exposure(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if any_case(content, "Missingexpmap") is not None:
        yield _EXPOSURE, _NOT_FOUND
    else:
        yield _EXPOSURE, any_case(content, "Expmap")


def _sorted(pairs: list[tuple[str, Any]], content: Mapping[str, Any], superseded_by: str = "") -> ImageAddresses:
    """Addresses, and what the service says that there is not; what was not asked for is not in the reply."""
    urls = {name: text(value) for name, value in pairs if value is not None}
    missing = {name: _NONE for name, url in urls.items() if url.upper() == _NOT_FOUND or not url}
    if not urls:
        raise ProtocolError(f"addresses of images were promised; the reply has {', '.join(content) or 'nothing':.100}")
    if len(missing) == len(urls):
        raise ProductNotAvailableError("image", f"the service has none of {', '.join(missing)}")
    return ImageAddresses({name: url for name, url in urls.items() if name not in missing}, missing, superseded_by)
