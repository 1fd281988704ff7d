"""Region files; their text is the matter of `swiftxrt._ds9`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._atomic import atomic_path
from .._ds9 import FRAME_HINT, ds9_lines, parse_text
from .._paths import as_path
from ..exceptions import FormatError, PartialResultWarning, RequestError, warn
from ..products._regions import region_list

if TYPE_CHECKING:
    from regions import Regions

__all__ = ["ds9_text", "read_regions", "write_ds9"]


def read_regions(path: str | os.PathLike[str]) -> Regions:
    """Read a region file: DS9, or CRTF if the name ends with ``.crtf``.

    Shapes excluded by a leading minus have ``meta["include"]`` 0. Pixels are
    counted from 0, as everywhere in Python; in the file they count from 1.
    DS9's ``physical`` pixels are read like those of ``image``: in sky images
    of the XRT both are the sky pixels X and Y of the event file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    regions : `~regions.Regions`
        At least one shape.

    Raises
    ------
    FormatError
        If there is no such file, or nothing in it can be understood.

    Warns
    -----
    PartialResultWarning
        If some of its lines cannot be understood.
    """
    from regions import Regions

    place = as_path(path, "path")
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise FormatError("there is no such file", place) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"this is not a region file ({error})", place) from error
    try:
        found, skipped = parse_text(text, "crtf" if place.suffix == ".crtf" else "ds9")
    except ValueError as error:
        raise FormatError(str(error), place) from error
    if not found:
        raise FormatError(f"no region could be read; {FRAME_HINT}. {' '.join(skipped)}".rstrip(), place)
    if skipped:
        warn(f"{place}: {len(skipped)} lines were left out. {' '.join(skipped)}", PartialResultWarning)
    return Regions(found)


def write_ds9(path: str | os.PathLike[str], regions: Any, *, overwrite: bool = False) -> Path:
    """Write a DS9 region file that HEASoft reads correctly, too.

    Parameters
    ----------
    path : path-like
        The file, named ``.reg``.
    regions : region or iterable of regions
        Circles, ellipses, rectangles, annuli of these and polygons, on the
        sky (written in FK5) or in 0-based pixels (written 1-based under
        ``image``). ``meta["include"]`` false gives a leading minus,
        ``meta["text"]`` a label.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Returns
    -------
    path : `~pathlib.Path`

    Raises
    ------
    RequestError
        If there is no region, or one of another shape, or the name has another ending.
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    if Path(path).suffix.lower() not in ("", ".reg"):
        raise RequestError(f"{Path(path).name!r} cannot name a region file; regions are written as .reg")
    text = ds9_text(regions)
    with atomic_path(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def ds9_text(regions: Any) -> str:
    """The content of a region file, see `write_ds9`."""
    items = region_list(regions)
    if not items:
        raise RequestError([("regions", "the list of regions is empty")], "region file")
    try:
        lines = ds9_lines(items)
    except ValueError as error:
        raise RequestError([("regions", str(error))], "region file") from error
    return "\n".join(["# Region file format: DS9 version 4.1", *lines]) + "\n"
