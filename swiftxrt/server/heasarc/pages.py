"""Listings of folders: pages as the web server of the HEASARC makes them, and those of S3."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from hashlib import md5
from html import escape
from urllib.parse import quote
from xml.sax.saxutils import escape as xml_escape

from .files import ArchiveFiles, Entry, StoredFile

__all__ = ["BUCKET", "MOST_KEYS", "bucket_page", "folder_page", "missing_key"]

#: Name of the bucket of the HEASARC in the cloud.
BUCKET = "nasa-heasarc"
#: Files that one reply of S3 lists at most.
MOST_KEYS = 1000

_NAME_WIDTH = 23
_UNITS = "KMGT"
_TIME = "%Y-%m-%d %H:%M"
_ICONS = {True: ("compressed.gif", "[   ]"), False: ("unknown.gif", "[   ]")}
_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"


def folder_page(address: str, entries: Iterable[Entry]) -> str:
    """The page of a folder, as Apache lists it.

    Long names are cut where they are shown, as there; the links have them whole.

    Parameters
    ----------
    address : str
        Path of the folder at the server, with a slash at its end.
    entries : iterable of Entry
        What it holds.
    """
    title = escape(f"Index of {address.rstrip('/')}")
    parent = escape(address.rstrip("/").rpartition("/")[0] + "/", quote=True)
    lines = [
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">',
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n<h1>{title}</h1>",
        '<pre><img src="/icons/blank.gif" alt="Icon "> <a href="?C=N;O=D">Name</a>                    '
        '<a href="?C=M;O=A">Last modified</a>      <a href="?C=S;O=A">Size</a>  <a href="?C=D;O=A">Description</a><hr>'
        f'<img src="/icons/back.gif" alt="[PARENTDIR]"> <a href="{parent}">Parent Directory</a>'
        "                             -   ",
        *map(_line, entries),
        "<hr></pre>\n</body></html>\n",
    ]
    return "\n".join(lines)


def _line(entry: Entry) -> str:
    name = entry.name if entry.file is not None else f"{entry.name}/"
    shown = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 3]}..>"
    gap = " " * (_NAME_WIDTH - len(shown))
    if entry.file is None:
        icon, alt, when, size = "folder.gif", "[DIR]", " " * 16, "  - "
    else:
        icon, alt = _ICONS[name.endswith(".gz")]
        when, size = entry.file.modified.strftime(_TIME), _rounded(entry.file.size)
    link = f'<a href="{escape(quote(name), quote=True)}">{escape(shown)}</a>'
    return f'<img src="/icons/{icon}" alt="{alt}"> {link}{gap} {when}  {size}  '


def _rounded(size: int) -> str:
    """Bytes in four characters, as Apache writes them."""
    value = float(size)
    if value < 973:
        return f"{size:3d} "
    for unit in _UNITS:
        value /= 1024.0
        if value < 9.95:
            return f"{value:3.1f}{unit}"
        if value < 973:
            return f"{value:3.0f}{unit}"
    return f"{value:.0f}{_UNITS[-1]}"


def bucket_page(files: ArchiveFiles, asked: Mapping[str, str], most: int = MOST_KEYS) -> str:
    """One reply of S3 to ``ListObjectsV2``.

    Parameters
    ----------
    files : ArchiveFiles
        What there is.
    asked : mapping
        The query of the address: ``prefix``, ``delimiter``, ``max-keys``,
        ``continuation-token``, ``start-after``, ``encoding-type``.
    most : int, optional
        How many files and folders a reply lists at most.

    Raises
    ------
    ValueError
        If a value cannot be used.
    """
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    limit = min(int(asked.get("max-keys", MOST_KEYS)), most)
    after = _opened(asked["continuation-token"]) if "continuation-token" in asked else asked.get("start-after", "")
    items: dict[str, StoredFile | None] = {}
    for file in files.below(prefix):
        head, cut, _ = file.key[len(prefix) :].partition(delimiter) if delimiter else (file.key, "", "")
        items.setdefault(f"{prefix}{head}{cut}" if cut else file.key, None if cut else file)
    left = [(name, file) for name, file in sorted(items.items()) if name > after]
    return _bucket_xml(asked, left[:limit], limit, truncated=len(left) > limit)


def _bucket_xml(
    asked: Mapping[str, str], listed: list[tuple[str, StoredFile | None]], limit: int, *, truncated: bool
) -> str:
    is_coded = asked.get("encoding-type") == "url"

    def text(value: str) -> str:
        return xml_escape(quote(value, safe="/") if is_coded else value)

    parts = [f"<Name>{BUCKET}</Name><Prefix>{text(asked.get('prefix', ''))}</Prefix>"]
    if truncated:
        parts.append(f"<NextContinuationToken>{_closed(listed[-1][0] if listed else '')}</NextContinuationToken>")
    if "continuation-token" in asked:
        parts.append(f"<ContinuationToken>{xml_escape(asked['continuation-token'])}</ContinuationToken>")
    parts.append(f"<KeyCount>{len(listed)}</KeyCount><MaxKeys>{limit}</MaxKeys>")
    if asked.get("delimiter"):
        parts.append(f"<Delimiter>{text(asked['delimiter'])}</Delimiter>")
    parts += ["<EncodingType>url</EncodingType>"] * is_coded
    parts.append(f"<IsTruncated>{str(truncated).lower()}</IsTruncated>")
    parts += [_content(text(name), file) for name, file in listed if file is not None]
    parts += [f"<CommonPrefixes><Prefix>{text(name)}</Prefix></CommonPrefixes>" for name, file in listed if not file]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<ListBucketResult xmlns="{_S3}">{"".join(parts)}</ListBucketResult>'


def _content(name: str, file: StoredFile) -> str:
    when = file.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    tag = md5(f"{file.key} {file.size} {when}".encode(), usedforsecurity=False).hexdigest()
    return (
        f"<Contents><Key>{name}</Key><LastModified>{when}</LastModified><ETag>&quot;{tag}&quot;</ETag>"
        f"<Size>{file.size}</Size><StorageClass>INTELLIGENT_TIERING</StorageClass></Contents>"
    )


def missing_key(key: str) -> str:
    """What S3 says of a file that is not there."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>The specified key does not exist.</Message><Key>{xml_escape(key)}</Key></Error>"
    )


def _closed(name: str) -> str:
    return b64encode(name.encode()).decode("ascii")


def _opened(token: str) -> str:
    try:
        return b64decode(token, validate=True).decode()
    except (Base64Error, UnicodeDecodeError) as error:
        raise ValueError(f"no such continuation token: {token[:60]}") from error
