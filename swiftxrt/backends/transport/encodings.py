"""Bodies of replies: unpacking within limits, and their texts."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from html import unescape

from ..._log import log
from ..._printable import printable

__all__ = ["ACCEPTED", "EncodingError", "as_text", "gist", "is_page", "unpacked"]

#: The encodings asked for.
ACCEPTED = "gzip, deflate"
_GZIP = ("gzip", "x-gzip")
_PIECE = 1 << 20
_BEGINNING = 1 << 16
_EITHER_HEADER = 32 + zlib.MAX_WBITS
# Of the codecs that Python has, those that are character sets of replies.
_CHARSET = re.compile(
    r"charset\s*=\s*[\"']?((?:utf|iso|latin|windows|cp|us-ascii|ascii)[\w.:-]{0,20})", re.IGNORECASE | re.ASCII
)
_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_TITLE = re.compile(r"<(title|h1)\b[^>]{0,200}>(.{1,500}?)</\1>", re.I | re.S)
_TAG = re.compile(r"<[^>]{0,1000}>")
_REASONS = ("ERROR", "error", "message", "detail", "title")
_LONGEST_REASON = 300


class EncodingError(ValueError):
    """A body is not packed as its headers say."""


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The content of a packed body, in pieces of bounded size.

    Parameters
    ----------
    pieces : iterable of bytes
        The body as it comes.
    encoding : str
        Its ``Content-Encoding``.

    Raises
    ------
    EncodingError
        If it is not packed so, or ends too early.
    """
    names = [name for part in encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if not names:
        yield from pieces
    elif len(names) == 1 and names[0] in _GZIP:
        yield from _inflated(pieces, names[0], _EITHER_HEADER)
    elif names == ["deflate"]:
        yield from _inflated(pieces, "deflate", zlib.MAX_WBITS)
    else:
        raise EncodingError(f"it is packed as {printable(encoding, 60)!r}, which was not asked for")


def _inflated(pieces: Iterable[bytes], name: str, bits: int) -> Iterator[bytes]:
    unpacker, begun = zlib.decompressobj(bits), False
    try:
        for piece in pieces:
            if not begun and name == "deflate" and piece[:1] and piece[0] & 0x0F != 8:
                unpacker = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers leave out the header
            begun = begun or bool(piece)
            while piece:
                if unpacker.eof:  # one packed part may follow the other
                    unpacker = zlib.decompressobj(bits)
                yield unpacker.decompress(piece, _PIECE)
                piece = unpacker.unconsumed_tail or unpacker.unused_data
        while begun and not unpacker.eof and (rest := unpacker.decompress(b"", _PIECE)):
            yield rest
    except zlib.error as error:
        raise EncodingError(f"its headers say that it is packed with {name}, and it is not ({error})") from error
    if begun and not unpacker.eof:
        raise EncodingError(f"what is packed with {name} ends too early")


def as_text(body: bytes, content_type: str = "") -> str:
    """A body as text: in the character set it claims, in one that fits, at last in one that always does."""
    claimed = _CHARSET.search(content_type)
    for name in filter(None, (claimed and claimed[1], json.detect_encoding(body))):
        try:
            return body.decode(name).removeprefix("\ufeff")
        except (LookupError, UnicodeError) as error:
            log.debug("a reply is not the text it claims to be: %s", error)
    return body.decode("latin-1")


def is_page(text: str) -> bool:
    """Whether a text is a web page."""
    return _PAGE.match(text[:4096]) is not None


def gist(text: str) -> str:
    """What an error page or error reply says, in one line; empty if it says nothing."""
    start = text[:_BEGINNING]
    if is_page(start):
        found = _TITLE.search(start)
        return printable(" ".join(unescape(_TAG.sub("", found[2])).split()), _LONGEST_REASON) if found else ""
    try:
        content = json.loads(start)
    except (ValueError, RecursionError):
        return printable(start[: 2 * _LONGEST_REASON], _LONGEST_REASON)
    if isinstance(content, dict):
        said = next((content[key] for key in _REASONS if isinstance(content.get(key), str)), "")
        return printable(said, _LONGEST_REASON)
    return ""
