"""What a hostile server could send: names, addresses, texts, archives and bodies without end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .archives import hostile_archive, pack, zeros
from .plan import Fault, Reply, Request
from .replies import change_reply, change_texts, replace_body

__all__ = [
    "HOSTILE_NAMES",
    "control_characters",
    "deep_json",
    "endless_body",
    "gzip_bomb",
    "hostile_file",
    "hostile_urls",
    "rename",
]

#: File names that lead astray, or that some file system cannot hold.
HOSTILE_NAMES = (
    "../../escaped",
    "/escaped",
    "..\\..\\escaped",
    "C:\\escaped",
    "null\0byte",
    "x" * 300,
    "dot.",
    "CON",
    ".",
    "..",
    "",
    "~",
    "-rf",
    "new\nline",
    "\x1b[2Jcleared",
    "gpj.\u202eexe",
)

#: A title for the window, a cleared screen, colours, a forged line, letters from right to left.
_CONTROL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\r\nERROR: forged line\u202e\x9b0m\x00"
_TEXTS = frozenset({"ERROR", "Name", "name", "statusText", "Reason", "message", "StepLabel", "label", "list"})


def hostile_file(trick: str, *, size: int = 2**30, members: int = 1_000_000) -> Fault:
    """Send `hostile_archive` in the place of every archive; other files stay.

    Parameters
    ----------
    trick : str
        One of ``ARCHIVE_TRICKS``.
    size, members : int, optional
        As for `hostile_archive`.
    """
    made: dict[str, bytes] = {}

    def change(request: Request, reply: Reply) -> Reply:
        suffix = next((end for end in (".tar.gz", ".tar", ".zip") if request.path.endswith(end)), None)
        if suffix is None or reply.status != 200:
            return reply
        if suffix not in made:
            made[suffix] = hostile_archive(trick, suffix, size=size, members=members)
        return replace(reply, body=made[suffix], length=None)

    return Fault(f"archive with {trick}", change).on("file")


def rename(old: str, new: str) -> Fault:
    """Give something another name wherever a JSON reply mentions it, such as one of ``HOSTILE_NAMES``.

    Parameters
    ----------
    old, new : str
        The names.
    """
    return replace(change_texts(lambda text: new if text == old else text, keys=True), name="rename")


def hostile_urls(to: str | Callable[[str], str]) -> Fault:
    """Let the addresses in a JSON reply lead elsewhere.

    Parameters
    ----------
    to : str or callable
        The address, or what makes it of the one that the server gave.
    """
    change = to if callable(to) else lambda url: str(to)
    return replace(
        change_texts(lambda text: change(text) if text.startswith(("http://", "https://")) else text),
        name="hostile URLs",
    )


def control_characters(text: str = _CONTROL) -> Fault:
    """Add what steers a terminal, or forges lines of a log, to the texts that people read.

    Parameters
    ----------
    text : str, optional
        What is added to names, reasons, errors and the like.
    """

    def changed(value: Any, *, wanted: bool) -> Any:
        if isinstance(value, dict):
            return {key: changed(item, wanted=key in _TEXTS) for key, item in value.items()}
        if isinstance(value, list):
            return [changed(item, wanted=wanted) for item in value]
        return value + text if isinstance(value, str) and wanted else value

    return replace(change_reply(lambda content: changed(content, wanted=False)), name="control characters")


def deep_json(depth: int = 100_000) -> Fault:
    """Send JSON that is nested far too deeply.

    Parameters
    ----------
    depth : int, optional
        How deeply.
    """
    return replace(replace_body(b'{"OK":1,"x":' + b"[" * depth + b"]" * depth + b"}"), name="deep JSON")


def endless_body(start: bytes = b'{"OK":1,"x":"', *, chunk: bytes = b"x" * 65536, size: float = float("inf")) -> Fault:
    """Send a body that goes on for as long as the client reads.

    Parameters
    ----------
    start : bytes, optional
        How it begins.
    chunk : bytes, optional
        What comes then, again and again.
    size : float, optional
        After how many bytes of that it ends.
    """

    def change(request: Request, reply: Reply) -> Reply:
        return replace(reply, body=start, filler=chunk, filler_size=size, framing="chunked", length=None)

    return Fault("endless body", change)


def gzip_bomb(size: int = 10 * 2**30) -> Fault:
    """Send zeros, compressed a thousandfold, with ``Content-Encoding: gzip``.

    Parameters
    ----------
    size : int, optional
        Bytes that it unpacks to.
    """
    body = b"".join(pack(zeros(size)))

    def change(request: Request, reply: Reply) -> Reply:
        return replace(reply.with_headers({"Content-Encoding": "gzip"}), body=body, length=None)

    return Fault("gzip bomb", change)
