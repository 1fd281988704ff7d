"""Unpacking archives that come from elsewhere: zip, tar, tar.gz, and single files packed with gzip.

Nothing in an archive is trusted. Only the bytes of regular files are taken,
into files that are made here under names that are checked here; the extracting
functions of the standard library, which also make links and set modes, are not
used. Everything happens in a new folder beside the one that is asked for, which
takes its place when the whole archive is read.
"""

from __future__ import annotations

import gzip
import os
import re
import secrets
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from .._atomic import output_errors
from .._filenames import name_key, safe_name
from .._log import log
from .._paths import as_path
from ..exceptions import FormatError, OutputExistsError, StorageError

__all__ = ["unpack", "unpacked_limit"]

#: Archives of one job are tens of megabytes; far larger ones are refused.
_MAX_BYTES = 4_000_000_000
#: A spectrum of each observation of a source that was seen for years makes some thousands of files.
_MAX_MEMBERS = 20_000
#: Images that are mostly zero shrink to a hundredth; what shrinks much more than that is no data.
_MAX_RATIO = 200
#: So much may always be unpacked, as of a small file with a nearly empty image.
_FREE_BYTES = 256 << 20
#: Paths in archives of the service have less than a hundred characters.
_MAX_PATH = 512
#: Headers of tar members are read in one piece: larger ones are no headers, and would be kept in memory.
_TAR_PIECE = 1 << 14
#: The same for the table at the end of a zip archive: about 400 bytes for each member.
_ZIP_PIECE = 8 << 20

_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_TAR_BLOCK = 512
_LEADS_OUT = re.compile(r"[\\\0]|^[A-Za-z]:|^/|(?:^|/)\.\.(?:/|$)")


def unpack(path: str | os.PathLike[str], folder: Path, *, flat: bool = False) -> list[Path]:
    """Unpack an archive into a new or empty folder.

    Regular files only: links, devices and the like are left out. Archives are
    refused that have names leading out of the folder, two files of one name
    (in whatever case), parts that are encrypted or packed in a way that the
    service does not use, no proper end, or far more in them than any archive
    of the service.

    Parameters
    ----------
    path : path-like
        The archive: zip, tar or tar.gz; or one file packed with gzip. What it
        is, its content tells.
    folder : Path
        Where to. It is filled in one step: after an error it is as before.
    flat : bool, optional
        Whether files of folders in the archive go into `folder` itself.

    Returns
    -------
    files : list of Path
        In the order of the archive. Names that some system does not take are
        changed, see `swiftxrt._filenames.safe_name`.

    Raises
    ------
    FormatError
        If the archive is damaged or refused.
    OutputExistsError
        If `folder` is a file, a link or not empty.
    StorageError
        If the files cannot be written.
    """
    source = as_path(path, "path")
    with _new_content(folder) as new:
        places = _Places(new, source, flat=flat)
        try:
            with closing(_members(source)) as members:
                files = [_copy(content, places.of(name), size) for name, size, content in members]
        except (FormatError, StorageError):
            raise
        except FileNotFoundError as error:
            raise FormatError("there is no such file", source) from error
        except _DAMAGE as error:
            raise FormatError(f"cannot be unpacked: {error}", source) from error
    return [folder / file.relative_to(new) for file in files]


# What the standard library raises over damaged archives.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)

#: Name of a regular file, its size if it is known beforehand, and what opens it.
_Member = tuple[str, int | None, Callable[[], IO[bytes]]]


def _members(path: Path) -> Generator[_Member, None, None]:
    """The regular files of an archive; an error at the end of them means that it is not whole."""
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic[:2] == b"PK":
            yield from _zip_members(file, path)
        elif magic[:2] == b"\x1f\x8b":
            with gzip.open(file) as unpacked:
                yield from _gzip_members(unpacked, path)
        else:
            yield from _tar_members(file, path)


def _gzip_members(file: gzip.GzipFile, path: Path) -> Generator[_Member, None, None]:
    named_tar = path.name.lower().endswith((".tar.gz", ".tgz"))
    if named_tar or _is_tar(file.peek(_TAR_BLOCK)[:_TAR_BLOCK]):
        yield from _tar_members(file, path)
        return
    stem = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    yield safe_name(stem), None, partial(_Guarded, file, path, _TAR_PIECE)


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def _tar_members(file: IO[bytes], path: Path) -> Generator[_Member, None, None]:
    guarded = _Guarded(file, path, _TAR_PIECE)
    budget = _Budget(path)
    with tarfile.open(fileobj=cast("IO[bytes]", guarded), mode="r:") as archive:
        for member in archive:
            budget.take(member.size)
            if member.isfile():
                # Of a regular file there is always something to read.
                yield member.name, member.size, cast("Callable[[], IO[bytes]]", partial(archive.extractfile, member))
            elif not member.isdir():
                log.info("%s: %r is no regular file and is left out", path, member.name)
        guarded.seek(archive.offset)
    if guarded.read(_TAR_BLOCK) != bytes(_TAR_BLOCK):
        raise FormatError("is cut short: it has no end mark; fetch it again", path)
    while guarded.read(_TAR_PIECE):  # up to the checksum of the compression
        pass


def _zip_members(file: IO[bytes], path: Path) -> Generator[_Member, None, None]:
    budget = _Budget(path)
    with zipfile.ZipFile(cast("IO[bytes]", _Guarded(file, path, _ZIP_PIECE))) as archive:
        members = archive.infolist()
        for member in members:
            budget.take(member.file_size)
            _check_zipped(member, path)
        if sum(member.compress_size for member in members) > path.stat().st_size:
            raise FormatError("holds files that lie over each other; nothing was used", path)
        for member in members:
            is_folder = member.orig_filename.endswith("/")
            # Archives made elsewhere than on Unix tell no type.
            if not is_folder and stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG):
                yield member.orig_filename, member.file_size, partial(archive.open, member)
            elif not is_folder:
                log.info("%s: %r is no regular file and is left out", path, member.filename)


def _check_zipped(member: zipfile.ZipInfo, path: Path) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise FormatError(f"holds the encrypted file {member.filename[:80]!r}; nothing was used", path)
    if member.compress_type not in _ZIP_METHODS:
        raise FormatError(
            f"holds a file packed in a way that the service does not use (method {member.compress_type})", path
        )


def _copy(content: Callable[[], IO[bytes]], target: Path, size: int | None) -> Path:
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    with file, content() as stream:
        while chunk := stream.read(_TAR_PIECE):
            with output_errors(target):
                file.write(chunk)
        if size is not None and file.tell() != size:
            raise ValueError(f"{target.name} has {file.tell()} bytes, the archive says {size}")
        with output_errors(target):
            file.close()  # what is still in memory is written now
    return target


@contextmanager
def _new_content(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when the block ends well."""
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise OutputExistsError(f"{folder} is not a new or empty folder; give another one to unpack to")
    new = folder.with_name(f".unpack-{secrets.token_hex(4)}")
    try:
        with output_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            new.mkdir()
        yield new
        with output_errors(folder):
            if folder.exists():
                shutil.copymode(folder, new)
                if os.name == "nt":
                    folder.rmdir()
            os.replace(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


class _Places:
    """Where the files of an archive go."""

    def __init__(self, folder: Path, archive: Path, *, flat: bool) -> None:
        self._folder = folder
        self._archive = archive
        self._flat = flat
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}

    def of(self, name: str) -> Path:
        """The place of a file; `FormatError` if it leads elsewhere or is taken."""
        parts = PurePosixPath(name).parts
        if not parts or len(name) > _MAX_PATH or _LEADS_OUT.search(name):
            shown = name if len(name) <= 80 else f"{name[:80]}..."
            raise FormatError(f"holds a file with the unsafe name {shown!r}; nothing was used", self._archive)
        safe = [safe_name(part) for part in (parts[-1:] if self._flat else parts)]
        self._claim(safe)
        return self._folder.joinpath(*safe)

    def _claim(self, parts: list[str]) -> None:
        steps = ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]
        *folders, file = steps
        clash = any(
            name_key(step) in self._files or self._folders.setdefault(name_key(step), step) != step for step in folders
        )
        key = name_key(file)
        if clash or key in self._files or key in self._folders:
            raise FormatError(
                f"holds {file!r} twice, or as another name in another case; nothing was used", self._archive
            )
        self._files.add(key)


class _Budget:
    """How much an archive may hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bytes = unpacked_limit(path)
        self._members = _MAX_MEMBERS

    def take(self, size: int) -> None:
        """Count a member; `FormatError` if that is too much."""
        self._bytes -= size
        self._members -= 1
        if size < 0:
            raise FormatError("holds a file of negative size; nothing was used", self._path)
        if self._bytes < 0 or self._members < 0:
            raise FormatError(_TOO_LARGE, self._path)


def unpacked_limit(path: Path) -> int:
    """Bytes that may come out of an archive or of a compressed file."""
    return min(_MAX_BYTES, max(_FREE_BYTES, _MAX_RATIO * path.stat().st_size))


class _Guarded:
    """A file of which not too much is read, neither at once nor in all.

    The standard library believes an archive how long its headers are.
    """

    def __init__(self, file: IO[bytes], path: Path, piece: int) -> None:
        self._file = file
        self._path = path
        self._piece = piece
        self._limit = max(unpacked_limit(path), path.stat().st_size)
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._piece:
            raise FormatError(f"holds a header of {size} bytes; nothing was used", self._path)
        data = self._file.read(self._piece + 1 if size < 0 else size)
        if len(data) > self._piece or self._file.tell() > self._limit:
            raise FormatError(_TOO_LARGE, self._path)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and offset > self._limit:
            raise FormatError(_TOO_LARGE, self._path)
        return self._file.seek(offset, whence)

    def __enter__(self) -> _Guarded:
        return self

    def __exit__(self, *error: object) -> None:
        pass  # whoever opened the file closes it

    close = __exit__


_TOO_LARGE = "is larger than any archive of the service; nothing was used"
