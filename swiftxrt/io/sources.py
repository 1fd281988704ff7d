"""Lists of sources on disk: a table and regions for each band.

A folder holds ``sources_<band>.ecsv`` and ``sources_<band>.reg`` for each
band, and ``sources.json``, which names the bands and the provenance. The
archive ``sourceDet.tar.gz`` of an embedded server holds the same files; those
of the service itself are not documented.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from astropy.table import QTable

from .._atomic import atomic_path, usable_folder
from .._filenames import distinct_names
from .._paths import as_path
from ..exceptions import FormatError, OutputExistsError
from ..products.provenance import Provenance
from ..products.sources import SourceList
from ._folders import folder_to_write
from ._reading import foreign_content
from .regions import write_ds9
from .response import content_errors
from .unpacking import unpack

__all__ = ["read_sources", "write_sources"]

PathLike = str | os.PathLike[str]

_INDEX = "sources.json"


def write_sources(sources: SourceList, folder: PathLike, *, overwrite: bool = False) -> Path:
    """Write a list of sources; see `swiftxrt.SourceList.write`."""
    folder = folder_to_write(folder, "a list of sources", "sources.table.write('sources.ecsv')")
    usable_folder(folder)
    names = _names(sources)
    taken = [path.name for name in names for path in folder.glob(f"{name}.*")]
    if (taken or (folder / _INDEX).exists()) and not overwrite:
        raise OutputExistsError(f"{folder} holds a list of sources already; choose another folder or overwrite=True")
    for name, band in zip(names, sources, strict=True):
        with atomic_path(folder / f"{name}.ecsv", overwrite) as temporary:
            sources[band].write(temporary, format="ascii.ecsv")
        circles = sources.band_regions(band)
        if len(circles):
            write_ds9(folder / f"{name}.reg", circles, overwrite=overwrite)
    index = {"bands": list(sources), "provenance": sources.provenance.to_dict()}
    with atomic_path(folder / _INDEX, overwrite) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")
    return folder


def read_sources(place: PathLike) -> SourceList:
    """Read a folder, or an archive of one; see `swiftxrt.SourceList.read`."""
    place = as_path(place, "place")
    if not place.is_file():
        return _read_folder(place)
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        unpack(place, Path(scratch), flat=True)
        if not (Path(scratch) / _INDEX).is_file():
            raise FormatError(f"is no archive of a list of sources: it holds no {_INDEX}", place)
        return _read_folder(Path(scratch))


def _names(bands: Iterable[str]) -> list[str]:
    """Names of files; those of bands come from the service, or from an index."""
    return distinct_names(f"sources_{band}" for band in bands)


def _read_folder(folder: Path) -> SourceList:
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        bands = [str(band) for band in index["bands"]]
        provenance = Provenance.from_dict(index["provenance"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"holds no usable {_INDEX}, the index of a list of sources: {error}", folder) from error
    tables = {band: _read_table(folder / f"{name}.ecsv") for band, name in zip(bands, _names(bands), strict=True)}
    with content_errors(folder):
        return SourceList(tables, provenance=provenance)


def _read_table(path: Path) -> Any:
    if not path.is_file():
        raise FormatError("there is no such file", path)
    with foreign_content(path, "cannot be read as ECSV"):
        return QTable.read(path, format="ascii.ecsv")
