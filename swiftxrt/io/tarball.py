"""Unpacking archives that come from elsewhere."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from ..exceptions import FormatError

__all__ = ["unpack"]

#: Archives of one job are tens of megabytes; far larger ones are refused.
_MAX_BYTES = 4_000_000_000
_MAX_MEMBERS = 100_000


def unpack(path: str | os.PathLike[str], folder: Path, *, flat: bool = False) -> list[Path]:
    """Unpack a tar archive into an empty folder.

    Regular files only; names that lead out of the folder, and archives that
    would fill the disk, are refused.

    Parameters
    ----------
    path : path-like
        The archive, packed in any way that `tarfile` knows.
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
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise FormatError(f"holds a file with the unsafe name {member.name!r}; nothing was used", path)
                left -= member.size
                if left < 0 or len(files) >= _MAX_MEMBERS:
                    raise FormatError("is larger than any archive of the service; nothing was used", path)
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    parts = name.parts[-1:] if flat else name.parts
                    files.append(_copy(stream, folder.joinpath(*parts)))
    except FormatError:
        raise
    except FileNotFoundError as error:
        raise FormatError("there is no such file", path) from error
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise FormatError(f"cannot be unpacked: {error}", path) from error
    return files


def _copy(stream: IO[bytes], target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with stream, target.open("wb") as file:
        while chunk := stream.read(1 << 20):
            file.write(chunk)
    return target
