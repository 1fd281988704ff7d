"""Unpacking archives that come from elsewhere."""

from __future__ import annotations

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ..exceptions import FormatError

__all__ = ["unpack"]

#: Archives of one job are tens of megabytes; far larger ones are refused.
_MAX_BYTES = 4_000_000_000
_MAX_MEMBERS = 100_000


def unpack(path: str | os.PathLike[str], folder: Path, *, flat: bool = False) -> list[Path]:
    """Unpack an archive into an empty folder.

    Regular files only; names that lead out of the folder, and archives that
    would fill the disk, are refused.

    Parameters
    ----------
    path : path-like
        The archive: zip, or tar packed in any way that `tarfile` knows.
    folder : Path
        Where to.
    flat : bool, optional
        Whether files of folders in the archive go into `folder` itself.

    Returns
    -------
    files : list of Path
        In the order of the archive.

    Raises
    ------
    FormatError
        If the archive is damaged or refused.
    """
    files: list[Path] = []
    left = _MAX_BYTES
    try:
        with closing(_zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path)) as members:
            for member, size, content in members:
                name = PurePosixPath(member)
                if name.is_absolute() or ".." in name.parts or "\\" in member:
                    raise FormatError(f"holds a file with the unsafe name {member!r}; nothing was used", path)
                left -= size
                if left < 0 or len(files) >= _MAX_MEMBERS:
                    raise FormatError("is larger than any archive of the service; nothing was used", path)
                if content is not None:
                    parts = name.parts[-1:] if flat else name.parts
                    files.append(_copy(content, folder.joinpath(*parts), size))
    except FormatError:
        raise
    except FileNotFoundError as error:
        raise FormatError("there is no such file", path) from error
    except _DAMAGE as error:
        raise FormatError(f"cannot be unpacked: {error}", path) from error
    return files


# What the standard library raises over damaged archives; a RuntimeError is one that is encrypted.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)
#: Name, size and, for a regular file, what opens a member.
_Member = tuple[str, int, Callable[[], IO[bytes]] | None]


def _tar_members(path: str | os.PathLike[str]) -> Generator[_Member, None, None]:
    with tarfile.open(path) as archive:
        for member in archive:
            # Of a regular file there is always something to read.
            opener = partial(archive.extractfile, member) if member.isfile() else None
            yield member.name, member.size, cast("Callable[[], IO[bytes]] | None", opener)


def _zip_members(path: str | os.PathLike[str]) -> Generator[_Member, None, None]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            # Archives made elsewhere than on Unix tell no type.
            is_file = not member.is_dir() and stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
            yield member.filename, member.file_size, partial(archive.open, member) if is_file else None


def _copy(content: Callable[[], IO[bytes]], target: Path, size: int) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with content() as stream, target.open("wb") as file:
        while chunk := stream.read(1 << 20):
            size -= len(chunk)
            if size < 0:
                raise ValueError(f"{target.name} is longer than the archive says")
            file.write(chunk)
    return target
