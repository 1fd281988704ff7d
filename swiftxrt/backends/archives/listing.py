"""What lies in a folder of an archive, as its server lists it: pages of Apache and the like, and lists of S3.

Names come from a server. Those that could lead out of their folder, or that
some system would not take, are set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree as ET

from ..._filenames import name_key, safe_name
from ..._printable import printable
from ...exceptions import ProtocolError

__all__ = ["Listing", "RemoteFile", "Size", "inner_path", "read_index", "read_keys"]

_DEEPEST = 8
_LONGEST_TAIL = 200
_IS_INDEX = re.compile(r"\b(?:index of|directory listing)\b", re.IGNORECASE)
_END = re.compile(r"</(?:html|body|table|pre)\s*>\s*(?:<!--.{0,500}?-->\s*)?$|</(?:html|body)\s*>", re.IGNORECASE)
# After the time of the last change.
_SIZE = re.compile(r"\d:\d\d(?::\d\d)?\s+(\d{1,18}(?:\.\d)?)\s*([KMGTP]?)(?![\w.])")
_STEPS = {"": 1, **{letter: 1024**power for power, letter in enumerate("KMGTP", 1)}}
_SHOWN = 3


@dataclass(frozen=True)
class Size:
    """How many bytes a file has; pages for people round it.

    Attributes
    ----------
    least, most : int
        Bytes.
    """

    least: int
    most: int

    def fits(self, size: int) -> bool:
        """Whether a file may be of this size."""
        return self.least <= size <= self.most

    @property
    def middle(self) -> int:
        """The best guess."""
        return (self.least + self.most) // 2

    def __str__(self) -> str:
        return f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class RemoteFile:
    """A file of an observation.

    Attributes
    ----------
    path : str
        Its place in the observation, such as ``xrt/event/sw00085374001xpcw3po_cl.evt.gz``.
    url : str
        Where it is.
    size : Size or None
        How large it is, if the archive says so.
    """

    path: str
    url: str
    size: Size | None = None


@dataclass
class Listing:
    """Files, folders, and names that must not be used.

    Attributes
    ----------
    files : list of RemoteFile
        In the order of the server; no two with names that are one to some system.
    folders : list of str
        Their places in the observation, with a slash at the end.
    refused : list of str
        What is not usable as the name of a file.
    """

    files: list[RemoteFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set, repr=False)

    def add(self, file: RemoteFile) -> None:
        """Add a file, or refuse it if there is one of that name."""
        key = name_key(file.path)
        if key in self._keys:
            self.refused.append(file.path)
        else:
            self._keys.add(key)
            self.files.append(file)

    def extend(self, files: Iterable[RemoteFile], refused: Iterable[str]) -> None:
        """Add several files, and names that were refused."""
        for file in files:
            self.add(file)
        self.refused.extend(refused)

    @property
    def refusal(self) -> str:
        """A sentence on the names that were refused; empty if there are none."""
        if not self.refused:
            return ""
        shown = ", ".join(repr(printable(name, 60)) for name in self.refused[:_SHOWN])
        more = ", ..." if len(self.refused) > _SHOWN else ""
        return f"{len(self.refused)} names are there twice, or cannot be names of files here ({shown}{more})"


def inner_path(text: str) -> str | None:
    """A place in an observation as it is, or None if it is not safe to use.

    Examples
    --------
    >>> from swiftxrt.backends.archives.listing import inner_path
    >>> inner_path("xrt/event/a.evt.gz"), inner_path("xrt/../../a"), inner_path("/etc/passwd"), inner_path("aux.fits")
    ('xrt/event/a.evt.gz', None, None, None)
    """
    parts = text.split("/")
    return text if len(parts) <= _DEEPEST and all(part and safe_name(part) == part for part in parts) else None


class _Index(HTMLParser):
    """The links of a page, what follows each of them, and the title."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.links: list[tuple[str, str]] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") if tag == "a" else None
        if href:
            self.links.append((href, ""))
        if tag in ("a", "title", "h1"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("title", "h1"):
            self.title += data[:_LONGEST_TAIL]
        elif self.links and not self._inside:
            href, tail = self.links[-1]
            if len(tail) < _LONGEST_TAIL:
                self.links[-1] = href, tail + data[:_LONGEST_TAIL]


def read_index(text: str, url: str, folder: str) -> Listing:
    """Read the page that a web server makes of a folder.

    Parameters
    ----------
    text : str
        The page.
    url : str
        Where it is from; ends with a slash.
    folder : str
        Its place in the observation; empty, or with a slash at the end.

    Raises
    ------
    ProtocolError
        If it is another page, or incomplete.
    """
    page = _Index()
    page.feed(text)
    page.close()
    if not _IS_INDEX.search(page.title):
        said = printable(" ".join(page.title.split()), 100)
        text = f"{url} answered with another page{f' ({said})' if said else ''} than a list of files"
        raise ProtocolError(text, advice="the archive may be under maintenance: try again later", url=url, status=200)
    if not _END.search(text[-2000:]):
        raise ProtocolError(f"the list of files at {url} breaks off", advice="try again", url=url, status=200)
    listing = Listing()
    for href, tail in page.links:
        name = _entry(href, url)
        if not name:
            continue
        plain = name.removesuffix("/")
        path = None if "/" in plain else inner_path(folder + plain)  # a slash that was written as %2F
        if path is None:
            listing.refused.append(folder + name)
        elif name.endswith("/"):
            listing.folders.append(f"{path}/")
        else:
            listing.add(RemoteFile(path, url + quote(name), _size(tail)))
    return listing


def _entry(href: str, url: str) -> str:
    """The name behind a link to something in the folder; empty for links to elsewhere, of which pages have many."""
    try:
        found, base = urlsplit(urljoin(url, href.strip())), urlsplit(url)
    except ValueError:
        return ""
    inner = found.path.removeprefix(base.path)
    is_inside = found[:2] == base[:2] and found.path.startswith(base.path) and not found.query
    return unquote(inner) if is_inside and "/" not in inner.removesuffix("/") else ""


def _size(tail: str) -> Size | None:
    """The size beside a name, with what rounding leaves open."""
    found = _SIZE.search(tail)
    if found is None:
        return None
    step = _STEPS[found[2]]
    if step == 1:
        return Size(int(float(found[1])), int(float(found[1])))
    # Servers round to the nearest, up or down.
    open_end = 0.1 if "." in found[1] else 1.0
    value = float(found[1])
    return Size(max(0, int((value - open_end) * step)), int((value + open_end) * step) + 1)


def read_keys(text: str, url: str, prefix: str, base: str) -> tuple[Listing, str | None]:
    """Read a part of a list of S3 (ListObjectsV2).

    Parameters
    ----------
    text : str
        The document.
    url : str
        Where it is from.
    prefix : str
        What all keys of the observation begin with; ends with a slash.
    base : str
        Address of the observation's files; ends with a slash.

    Returns
    -------
    listing : Listing
        The files; no folders.
    token : str or None
        By which the next part is asked for, if there is one.

    Raises
    ------
    ProtocolError
        If it is something else.
    """
    problem: dict[str, Any] = {"advice": "try again later", "url": url, "status": 200}
    if "<!" in text.replace("<![CDATA[", ""):
        raise ProtocolError(f"{url} answered with something else than a list of S3", **problem)
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ProtocolError(f"the list of {url} is no XML, or breaks off ({error})", **problem) from error
    if root.tag.rpartition("}")[2] != "ListBucketResult":
        raise ProtocolError(f"{url} answered with {printable(root.tag, 60)!r} instead of a list of S3", **problem)
    listing = Listing()
    for item in root.iterfind("{*}Contents"):
        key, size = item.findtext("{*}Key", ""), item.findtext("{*}Size", "").strip()
        if key.endswith("/"):  # marks of folders
            continue
        path = inner_path(key.removeprefix(prefix)) if key.startswith(prefix) else None
        if path is None:
            listing.refused.append(key)
        else:
            known = Size(int(size), int(size)) if size.isascii() and size.isdigit() and len(size) < 19 else None
            listing.add(RemoteFile(path, base + quote(path), known))
    token = root.findtext("{*}NextContinuationToken", "").strip()
    if root.findtext("{*}IsTruncated", "").strip().lower() != "true":
        return listing, None
    if not token:
        raise ProtocolError(f"the list of {url} goes on, but does not say how to ask for the rest", **problem)
    return listing, token
