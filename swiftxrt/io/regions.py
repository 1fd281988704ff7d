"""Region files.

Reading goes through the package ``regions``. Writing is our own, because
what that package writes is misread by HEASoft: the frame line ``j2000`` is
unknown to it, and a shape excluded by ``# include=0`` counts as included,
since everything after ``#`` is a comment there.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
from astropy.coordinates import FK5, SkyCoord
from astropy.utils.exceptions import AstropyUserWarning

from .._atomic import atomic_path
from ..exceptions import FormatError, PartialResultWarning, RequestError, warn
from ..products._regions import region_list

if TYPE_CHECKING:
    from regions import Region, Regions

__all__ = ["ds9_text", "read_regions", "write_ds9"]

_HINT = "each shape needs a frame before it (a line 'fk5' or 'image'; XRT 'physical' pixels are 'image' pixels)"


def read_regions(path: str | os.PathLike[str]) -> Regions:
    """Read a region file: DS9, or CRTF if the name ends with ``.crtf``.

    Shapes excluded by a leading minus have ``meta["include"]`` 0. Pixels are
    counted from 0, as everywhere in Python; in the file they count from 1.

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

    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise FormatError("there is no such file", place) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"this is not a region file ({error})", place) from error
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = Regions.parse(text, format="crtf" if place.suffix == ".crtf" else "ds9")
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise FormatError(f"the regions cannot be understood: {error}; correct the file", place) from error
    skipped = [str(item.message) for item in caught if issubclass(item.category, AstropyUserWarning)]
    if not len(found):
        raise FormatError(f"no region could be read; {_HINT}. {' '.join(skipped)}".rstrip(), place)
    if skipped:
        warn(f"{place}: {len(skipped)} lines were left out. {' '.join(skipped)}", PartialResultWarning)
    return Regions([_plain(region) for region in found])


def _plain(region: Region) -> Region:
    """Without the marks that reading leaves, so that a shape equals the one that was written."""
    region.visual.pop("default_style", None)
    if region.meta.get("include"):
        del region.meta["include"]
    return region


def write_ds9(path: str | os.PathLike[str], regions: Any, *, overwrite: bool = False) -> Path:
    """Write a DS9 region file that HEASoft reads correctly, too.

    Parameters
    ----------
    path : path-like
        The file, named ``.reg``.
    regions : region or iterable of regions
        Circles, circular annuli, ellipses, rectangles and polygons, on the
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
    from regions import SkyRegion

    items = region_list(regions)
    if not items:
        raise RequestError([("regions", "the list of regions is empty")], "region file")
    lines = ["# Region file format: DS9 version 4.1"]
    frame = ""
    for item in items:
        shape = _shape(item)
        wanted = "fk5" if isinstance(item, SkyRegion) else "image"
        if wanted != frame:
            lines.append(wanted)
            frame = wanted
        sign = "" if item.meta.get("include", True) else "-"
        label = str(item.meta.get("text", "")).translate(str.maketrans("{}\n", "()" + " "))
        lines.append(f"{sign}{shape}" + (f" # text={{{label}}}" if label else ""))
    return "\n".join(lines) + "\n"


def _shape(region: Any) -> str:
    kind = type(region).__name__.removesuffix("Region").removesuffix("Sky").removesuffix("Pixel")
    match kind:
        case "Circle":
            name, sizes = "circle", [region.radius]
        case "CircleAnnulus":
            name, sizes = "annulus", [region.inner_radius, region.outer_radius]
        case "Ellipse":  # DS9 gives semi-axes.
            name, sizes = "ellipse", [region.width / 2, region.height / 2]
        case "Rectangle":
            name, sizes = "box", [region.width, region.height]
        case "Polygon":
            return f"polygon({','.join(number for vertex in region.vertices for number in _point(vertex))})"
        case _:
            allowed = "circles, circular annuli, ellipses, rectangles and polygons can be written"
            raise RequestError([("regions", f"{allowed}; got {region!r}")], "region file")
    numbers = [_length(size) for size in sizes]
    if kind in ("Ellipse", "Rectangle"):
        numbers.append(_number(region.angle.to_value(u.deg)))
    return f"{name}({','.join([*_point(region.center), *numbers])})"


def _point(position: Any) -> tuple[str, str]:
    if isinstance(position, SkyCoord):
        place = position if position.frame.is_equivalent_frame(FK5()) else position.transform_to(FK5())
        return _number(place.data.lon.deg), _number(place.data.lat.deg)
    return _number(position.x + 1), _number(position.y + 1)


def _length(value: Any) -> str:
    # Lengths in pixels are bare numbers.
    return f'{_number(value.to_value(u.arcsec))}"' if isinstance(value, u.Quantity) else _number(value)


def _number(value: Any) -> str:
    """Shortest text that gives the same number again, without exponent."""
    text = repr(float(value))
    return f"{float(value):.17f}".rstrip("0") if "e" in text else text
