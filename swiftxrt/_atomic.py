"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._paths import as_path
from .exceptions import OutputExistsError, RequestError, StorageError, SwiftXRTError

__all__ = ["atomic_path", "check_target", "name_beside", "output_errors", "too_full", "usable_folder"]

# File systems allow 255 bytes for a name; the rest is for what is put around it.
_LONGEST_NAME = 200
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_UNNAMED = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
_ELSEWHERE = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ELOOP)


@contextmanager
def atomic_path(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to, which becomes `path` when the block ends well.

    Parameters
    ----------
    path : path-like
        The file to make.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Yields
    ------
    temporary : `~pathlib.Path`
        A free name in the same folder with the same ending, so writers that
        go by the ending (``.fits.gz``) do the same as for `path`. After an
        error in the block nothing is left of it and `path` is untouched.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is false, or `path` is a folder.
    RequestError
        If `path` cannot be a path, or its folder does not exist.
    StorageError
        If the disk is full, or the folder cannot be written to.
    """
    target = as_path(path, "path")
    check_target(target, overwrite)
    temporary = name_beside(target, f".part-{secrets.token_hex(4)}-")
    try:
        yield temporary
        check_target(target, overwrite)  # Somebody may have written it meanwhile.
        os.replace(temporary, target)
    except OSError as error:
        # What is read in the block may be refused too, which is another matter.
        is_here = error.filename is not None and Path(os.fsdecode(error.filename)).parent == target.parent
        if isinstance(error, SwiftXRTError) or not (error.errno in _FULL or (is_here and error.errno in _FORBIDDEN)):
            raise
        raise _refused(error, target) from error
    finally:
        temporary.unlink(missing_ok=True)


def name_beside(target: Path, before: str, after: str = "") -> Path:
    """The name of a file with something around it, in the same folder; a long name is replaced by a short one."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest() + "".join(target.suffixes[-2:])[-20:]
    return target.with_name(f"{before}{name}{after}")


def check_target(target: Path, overwrite: bool) -> None:
    """Look whether a file may be written.

    Parameters
    ----------
    target : Path
        The file.
    overwrite : bool
        Whether it may be there already.

    Raises
    ------
    OutputExistsError
        If something is in its place.
    RequestError
        If there is no folder for it.
    StorageError
        If the system does not take the name or does not let us look.
    """
    with output_errors(target):
        is_folder, is_there, has_folder = target.is_dir(), target.exists(), target.parent.is_dir()
    if is_folder:
        raise OutputExistsError(f"{target} is a folder; give the name of a file")
    if is_there and not overwrite:
        raise OutputExistsError(f"{target} exists; give another name or overwrite=True")
    if not has_folder:
        raise RequestError(f"there is no folder {str(target.parent)!r} to write {target.name!r} to; make it first")


@contextmanager
def output_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say what was to be written, and what to do, when the system refuses to write.

    Parameters
    ----------
    path : path-like
        What is written in the block. Nothing else should be done there that
        the system can refuse.

    Raises
    ------
    StorageError
        If it is refused.
    """
    try:
        yield
    except StorageError as error:
        if error.path == str(path):
            raise
        raise StorageError(error.reason, path) from error  # not of a temporary name that nobody has heard of
    except SwiftXRTError:
        raise
    except OSError as error:
        raise _refused(error, path) from error


def usable_folder(folder: Path) -> Path:
    """Make a folder if it is not there, and try whether files can be written to it.

    Raises
    ------
    OutputExistsError
        If it is a file.
    StorageError
        If nothing can be written.
    """
    with output_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise OutputExistsError(f"{folder} is a file; name a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder


def too_full(path: str | os.PathLike[str], missing: int, free: int) -> StorageError:
    """The error for a file of so many bytes that would fill the disk."""
    return StorageError(f"needs {missing} bytes, and {free} are free; {_MAKE_ROOM}", path)


_MAKE_ROOM = "make room, or write elsewhere, and try again"


def _refused(error: OSError, path: str | os.PathLike[str]) -> StorageError:
    advice = "try again"
    if error.errno in _FULL:
        advice = f"the disk or the user's share of it is full: {_MAKE_ROOM}"
    elif error.errno in _FORBIDDEN:
        advice = "give a folder that may be written to, or change its permissions"
    elif error.errno in _UNNAMED:
        advice = "give a shorter or a plainer name"
    elif error.errno in _ELSEWHERE:
        advice = "name another place"
    reason = error.strerror or type(error).__name__
    return StorageError(f"cannot be written ({reason}); {advice}", path)
