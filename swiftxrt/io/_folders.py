"""Names of folders to write several files to."""

from __future__ import annotations

import os
from pathlib import Path

from .._atomic import output_errors
from .._paths import as_path
from ..exceptions import OutputExistsError, RequestError

__all__ = ["folder_to_write"]

#: Endings of files: somebody who gives such a name wants one file. Other dots belong to names of sources and versions.
_FILE_ENDINGS = {
    *(".fits", ".fit", ".fts", ".lc", ".ecsv", ".csv", ".qdp", ".txt", ".dat", ".json", ".yaml", ".yml", ".reg"),
    *(".pha", ".pi", ".arf", ".rmf", ".rsp", ".img", ".gz", ".tar", ".tgz", ".zip", ".hdf5", ".h5", ".png", ".pdf"),
}


def folder_to_write(path: str | os.PathLike[str], what: str, instead: str) -> Path:
    """The folder that a user names, refusing the name of a file.

    Parameters
    ----------
    path : path-like
        What the user gave.
    what : str
        What is written, such as ``"a set of light curves"``.
    instead : str
        How one file is written, as code.

    Raises
    ------
    RequestError
        If the name ends as that of a file, and there is no such folder.
    OutputExistsError
        If there is a file of that name.
    StorageError
        If the system does not let us look.
    """
    folder = as_path(path, "folder")
    with output_errors(folder):
        if folder.is_dir():
            return folder
        if folder.exists():
            raise OutputExistsError(f"{folder} is a file; choose another name for the folder")
    if folder.suffix.lower() in _FILE_ENDINGS:
        stem = folder.name.split(".")[0] or "products"
        raise RequestError(
            f"{what} has several files and is written to a folder; {folder.name!r} names a file. "
            f"Name a folder, such as {stem!r}, or write one file: {instead}"
        )
    return folder
