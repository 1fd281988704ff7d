"""Archives that no client should unpack as they are; nothing here is written to disk."""

from __future__ import annotations

import copy
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from ...exceptions import RequestError

__all__ = ["ARCHIVE_TRICKS", "hostile_archive"]

#: What `hostile_archive` can make.
ARCHIVE_TRICKS = (
    "parent",
    "absolute",
    "backslash",
    "symlink",
    "hardlink",
    "device",
    "fifo",
    "setuid",
    "duplicates",
    "long path",
    "control characters",
    "many members",
    "bomb",
    "nested bomb",
    "encrypted",
    "truncated",
)

_EVIL = b"written by a hostile archive\n"
_TAR, _ZIP = (".tar", ".tar.gz"), ".zip"
_BLOCK = 1 << 24


def hostile_archive(trick: str, suffix: str = ".tar.gz", *, size: int = 10 * 2**30, members: int = 1_000_000) -> bytes:
    """An archive that no client should unpack as it is.

    Parameters
    ----------
    trick : str
        One of ``ARCHIVE_TRICKS``. Links, devices and FIFOs, and the nested bomb
        are for tar; archives with passwords and with backslashes in names for zip.
    suffix : {".tar.gz", ".tar", ".zip"}, optional
        How it is packed.
    size : int, optional
        Bytes that a bomb unpacks to.
    members : int, optional
        How many files ``"many members"`` has.

    Returns
    -------
    archive : bytes

    Raises
    ------
    RequestError
        If there is no such archive.

    Examples
    --------
    >>> from swiftxrt.testing.faults import hostile_archive
    >>> bomb = hostile_archive("bomb", size=2**30)
    >>> len(bomb) < 2**21
    True
    """
    if suffix not in (*_TAR, _ZIP):
        raise RequestError([("suffix", f"one of .tar.gz, .tar, .zip is needed; got {suffix!r}")], "archive")
    makers = _ZIP_MAKERS if suffix == _ZIP else _TAR_MAKERS
    if trick not in makers:
        raise RequestError([("trick", f"one of {', '.join(makers)} is needed for {suffix}; got {trick!r}")], "archive")
    made = makers[trick](size, members)
    if suffix == _ZIP:
        return made if isinstance(made, bytes) else b"".join(made)
    pieces = [made] if isinstance(made, bytes) else made
    packed = b"".join(pieces) if suffix == ".tar" else b"".join(pack(pieces))
    return packed[: len(packed) // 2] if trick == "truncated" else packed


# How archives are made. A piece that comes again, the very same object, is compressed once.


def pack(pieces: Any) -> Iterator[bytes]:
    """Compress pieces to one gzip stream after the other, which readers take for one."""
    last, packed = None, b""
    for piece in pieces:
        if piece is not last:
            last, packed = piece, gzip.compress(piece, 6, mtime=0)
        yield packed


def zeros(size: int) -> Iterator[bytes]:
    block = bytes(_BLOCK)
    for _ in range(size // _BLOCK):
        yield block
    yield bytes(size % _BLOCK)


def _header(name: str, *, size: int = 0, **changes: Any) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    for key, value in changes.items():
        setattr(member, key, value)
    return member.tobuf(tarfile.PAX_FORMAT)


def _file(name: str, content: bytes = _EVIL, **changes: Any) -> bytes:
    padding = bytes(-len(content) % 512)
    return _header(name, size=len(content), **changes) + content + padding


_END = bytes(1024)


def _tar(*parts: bytes) -> Callable[[int, int], bytes]:
    return lambda size, members: b"".join(parts) + _END


def _tar_with_many(size: int, members: int) -> Iterator[bytes]:
    names = 1000
    block = b"".join(_header(f"{number}.txt") for number in range(min(names, members)))
    for _ in range(members // names):
        yield block
    yield block[: 512 * (members % names)] + _END


def _tar_bomb(size: int, members: int) -> Iterator[bytes]:
    yield _header("bomb.img", size=size)
    yield from zeros(size)
    yield bytes(-size % 512) + _END


def _nested_bomb(size: int, members: int) -> bytes:
    inner = gzip.compress(b"".join(pack(zeros(size))), mtime=0)
    return _file("bomb.img.gz.gz", inner) + _END


_TAR_MAKERS: dict[str, Callable[[int, int], bytes | Iterator[bytes]]] = {
    "parent": _tar(_file("../escaped.txt"), _file("a/../../escaped.txt")),
    "absolute": _tar(_file("/escaped.txt")),
    "symlink": _tar(_header("link", type=tarfile.SYMTYPE, linkname=".."), _file("link/escaped.txt")),
    "hardlink": _tar(
        _header("passwd", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        _header("other", type=tarfile.LNKTYPE, linkname="../escaped.txt"),
        _file("other"),
    ),
    "device": _tar(
        _header("disk", type=tarfile.BLKTYPE, devmajor=8), _header("null", type=tarfile.CHRTYPE, devmajor=1)
    ),
    "fifo": _tar(_header("pipe", type=tarfile.FIFOTYPE)),
    "setuid": _tar(_file("program", mode=0o6777, uid=0, gid=0)),
    "duplicates": _tar(_file("one.txt"), _file("one.txt", b"other\n"), _file("ONE.txt", b"third\n")),
    "long path": _tar(_file("/".join(["d" * 200] * 25)), _file("x" * 5000)),
    "control characters": _tar(_file("\x1b[2J\r\nname\u202e.txt")),
    "many members": _tar_with_many,
    "bomb": _tar_bomb,
    "nested bomb": _nested_bomb,
    "truncated": _tar(_file("one.txt", _EVIL * 500)),
}


def _zip(*members: tuple[str, bytes], mode: int = 0o100644) -> Callable[[int, int], bytes]:
    def make(size: int, number: int) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in members:
                archive.writestr(_entry(name, mode), content)
        return stream.getvalue()

    return make


def _entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("x")
    entry.filename = name  # its constructor would make the name harmless
    entry.external_attr = mode << 16
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _listed_again(content: bytes, number: int) -> bytes:
    """A zip file whose list names one and the same piece of data under many names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        first = _entry("0.txt")
        archive.writestr(first, content)
        for name in range(1, number):
            again = copy.copy(first)
            again.filename = again.orig_filename = f"{name}.txt"
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    return stream.getvalue()


def _encrypted(size: int, members: int) -> bytes:
    """A zip file that says of its only member that it is encrypted."""
    made = bytearray(_zip(("secret.txt", _EVIL))(size, members))
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        made[made.index(mark) + offset] |= 1
    return bytes(made)


_ZIP_MAKERS: dict[str, Callable[[int, int], bytes | Iterator[bytes]]] = {
    "parent": _zip(("../escaped.txt", _EVIL), ("a/../../escaped.txt", _EVIL)),
    "absolute": _zip(("/escaped.txt", _EVIL)),
    "backslash": _zip(("..\\..\\escaped.txt", _EVIL), ("C:\\escaped.txt", _EVIL)),
    "symlink": _zip(("link", b".."), mode=0o120777),
    "setuid": _zip(("program", _EVIL), mode=0o106777),
    "duplicates": _zip(("one.txt", _EVIL), ("ONE.txt", b"other\n")),
    "long path": _zip(("/".join(["d" * 200] * 25), _EVIL), ("x" * 5000, _EVIL)),
    "control characters": _zip(("\x1b[2J\r\nname\u202e.txt", _EVIL)),
    "many members": lambda size, members: _listed_again(b"", members),
    "bomb": lambda size, members: _listed_again(bytes(_BLOCK), max(1, size // _BLOCK)),
    "encrypted": _encrypted,
    "truncated": lambda size, members: _zip(("one.txt", _EVIL * 500))(size, members)[:-40],
}
