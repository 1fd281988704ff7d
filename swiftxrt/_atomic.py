"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .exceptions import OutputExistsError, RequestError

__all__ = ["atomic_path"]


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
        If the folder of `path` does not exist.
    """
    target = Path(path)
    _check_free(target, overwrite)
    if not target.parent.is_dir():
        raise RequestError(f"there is no folder {str(target.parent)!r} to write {target.name!r} to; make it first")
    temporary = target.with_name(f".part-{secrets.token_hex(4)}-{target.name}")
    try:
        yield temporary
        _check_free(target, overwrite)  # Somebody may have written it meanwhile.
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _check_free(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise OutputExistsError(f"{target} is a folder; give the name of a file")
    if not overwrite and target.exists():
        raise OutputExistsError(f"{target} exists; give another name or overwrite=True")
