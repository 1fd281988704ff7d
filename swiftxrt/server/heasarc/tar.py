"""Folders as one tar file, as the tar servlet of the HEASARC packs them."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from .files import ArchiveFiles

__all__ = ["asked_folders", "write_tar"]

_PART = re.compile(r">\s*([^&>]+?)\s*(?:&&|$)")


def asked_folders(text: str) -> list[str]:
    """The places of folders and files that a request names, as ``>/FTP/swift/.../&&>/FTP/...&&``."""
    found = (re.sub("/+", "/", part) for part in _PART.findall(text))
    return [part.removeprefix("/FTP/").strip("/") for part in found if part.startswith("/FTP/")]


def write_tar(files: ArchiveFiles, folders: list[str], path: Path) -> int:
    """Pack folders, each under its own name.

    Parameters
    ----------
    files : ArchiveFiles
        What there is.
    folders : list of str
        Places of folders, or of single files.
    path : Path
        The tar file to write.

    Returns
    -------
    count : int
        Number of files packed.
    """
    count = 0
    with tarfile.open(path, "w") as packed:
        for folder in folders:
            above = len(folder) - len(folder.rpartition("/")[2])
            for file in files.below(folder):
                if file.key == folder or file.key.startswith(f"{folder}/"):
                    packed.add(file.path, arcname=file.key[above:], recursive=False)
                    count += 1
    return count
