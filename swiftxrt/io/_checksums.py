"""Checksums of all files in a folder, in the form that ``sha256sum --check`` reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..exceptions import FormatError

__all__ = ["SUMS", "check_sums", "write_sums"]

#: Name of the file with the checksums.
SUMS = "SHA256SUMS"
_AGAIN = "get it again from where it came"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
# What file managers leave in folders that they show; unpacking takes leading dots away.
_OF_FILE_MANAGERS = {".DS_Store", "DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"}


def write_sums(folder: Path) -> None:
    """Write the checksums of all files that are in a folder."""
    lines = [f"{_sum(path)}  {name}\n" for name, path in sorted(_files(folder))]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def check_sums(folder: Path, shown: Path) -> None:
    """Check that a folder holds what `write_sums` saw, and nothing else.

    Parameters
    ----------
    folder : Path
        The folder.
    shown : Path
        What it is called in errors.

    Raises
    ------
    FormatError
        With the name of the first file that is damaged or missing, or does
        not belong there.
    """
    listed = _read_sums(folder / SUMS, shown)
    found = dict(_files(folder))
    for name in sorted(listed):
        if name not in found:
            raise FormatError(f"lacks the file {name!r}; {_AGAIN}", shown)
        if found[name].is_symlink():
            raise FormatError(f"has a link in place of the file {name!r}; {_AGAIN}", shown)
        if _sum(found[name]) != listed[name]:
            raise FormatError(
                f"holds a damaged file: {name!r} was changed since it was written; {_AGAIN}",
                shown,
            )
    for name in sorted(found):
        if name not in listed:
            raise FormatError(f"holds {name!r}, which does not belong to it; move that file elsewhere", shown)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        ours = name.as_posix() != SUMS and not _OF_FILE_MANAGERS.intersection(name.parts)
        if ours and (path.is_symlink() or not path.is_dir()):
            yield name.as_posix(), path


def _read_sums(path: Path, shown: Path) -> dict[str, str]:
    try:
        *lines, rest = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError as error:
        raise FormatError(f"lacks the file {SUMS!r}; {_AGAIN}", shown) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"holds a damaged file: {SUMS!r} cannot be read ({error}); {_AGAIN}", shown) from error
    matches = [_LINE.fullmatch(line) for line in lines]
    if rest or not matches or None in matches:
        raise FormatError(f"holds a damaged file: {SUMS!r} is no list of checksums; {_AGAIN}", shown)
    return {match[2]: match[1] for match in matches if match}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
