"""Paths as users give them."""

from __future__ import annotations

import os
from pathlib import Path

from .exceptions import RequestError

__all__ = ["as_path"]

#: File systems take no longer name for a file or folder.
_LONGEST_NAME = 255


def as_path(value: object, name: str) -> Path:
    """The path that an argument names; nothing is looked for on disk.

    Parameters
    ----------
    value : str or path-like
        What the user gave; ``~`` at its beginning is their home folder.
    name : str
        Name of the argument, for the error.

    Returns
    -------
    path : Path

    Raises
    ------
    RequestError
        If it cannot be a path.

    Examples
    --------
    >>> from swiftxrt._paths import as_path
    >>> as_path("results/new", "location").parts
    ('results', 'new')
    >>> as_path("", "location")
    Traceback (most recent call last):
        ...
    swiftxrt.exceptions.RequestError: location: a path is needed, such as 'results' or Path('results'); got ''
    """
    try:
        text = os.fsdecode(value)  # type: ignore[arg-type]
    except TypeError:
        text = ""
    if not text:
        raise _unfit(name, f"a path is needed, such as 'results' or Path('results'); got {value!r:.60}")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise _unfit(name, f"this system knows no home folder for the beginning of {text!r:.60}") from error
    try:
        longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    except UnicodeEncodeError as error:
        raise _unfit(name, f"{text!r:.60} has a character that no file name can hold") from error
    if "\0" in text:
        raise _unfit(name, f"{text!r:.60} has a NUL character, which no file name can hold; leave it out")
    if longest > _LONGEST_NAME:
        raise _unfit(name, f"has a name of {longest} bytes, {text!r:.40}...; give one of at most {_LONGEST_NAME}")
    return path


def _unfit(name: str, text: str) -> RequestError:
    return RequestError([(name, text)])
