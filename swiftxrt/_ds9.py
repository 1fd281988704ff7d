"""Regions as text in the form of DS9 files.

Reading goes through the package ``regions``. Writing is our own, because
what that package writes is misread by HEASoft: the frame line ``j2000`` is
unknown to it, and a shape excluded by ``# include=0`` counts as included,
since everything after ``#`` is a comment there.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u

if TYPE_CHECKING:
    from regions import Region

__all__ = ["FRAME_HINT", "ds9_lines", "parse_text", "parsed_strictly", "region_text"]

#: What files that cannot be read often lack.
FRAME_HINT = "each shape needs a frame before it (a line 'fk5', 'image' or 'physical')"

# Region files are small; anything beyond (bytes) is something else.
_LARGEST_FILE = 2_000_000
_WRITABLE = "circles, ellipses, rectangles, annuli of these and polygons can be written"
# Sky pixels of XRT images, which the package regions does not know; they are those of the image.
_PHYSICAL = re.compile(r"(^|;)([ \t]*)physical(?=[ \t]*(?:;|#|\r?$))", re.IGNORECASE | re.MULTILINE)


def parse_text(text: str, form: str = "ds9") -> tuple[list[Region], list[str]]:
    """Shapes of a region file, and why some of its lines were left out.

    Shapes excluded by a leading minus have ``meta["include"]`` 0. Pixels are
    counted from 0, as everywhere in Python; in the file they count from 1.
    DS9's ``physical`` pixels are the sky pixels X and Y of the event file, as
    are those of ``image`` for the sky images made of it.

    Raises
    ------
    ValueError
        If a shape cannot be understood.
    """
    from astropy.utils.exceptions import AstropyUserWarning
    from regions import Regions

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = Regions.parse(_PHYSICAL.sub(r"\1\2image", text) if form == "ds9" else text, format=form)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise ValueError(f"the regions cannot be understood: {error}; correct the file") from error
    skipped = [str(item.message) for item in caught if issubclass(item.category, AstropyUserWarning)]
    return [_plain(region) for region in found], skipped


def parsed_strictly(text: str) -> list[Region]:
    """Shapes of a DS9 text, none of whose lines may be left out.

    Raises
    ------
    ValueError
        If there is no shape that is not cut out, or anything cannot be understood.
    """
    found, skipped = parse_text(text)
    if not found:
        raise ValueError(f"no region could be read; {FRAME_HINT}. {' '.join(skipped)}".rstrip())
    if skipped:
        raise ValueError(f"not every line could be read: {' '.join(skipped)}; {FRAME_HINT}")
    _require_area(found)
    return found


def _require_area(shapes: list[Any]) -> None:
    """Refuse what would mean all of the sky but some shapes."""
    if not any(shape.meta.get("include", True) for shape in shapes):
        raise ValueError(
            "there are only shapes that are cut out (with a minus); give the shape they are cut out of too"
        )


def region_text(value: Any) -> str:
    """A region in any form as DS9 text.

    Parameters
    ----------
    value : region, iterable of regions, str or path-like
        Shapes of the package ``regions``; the text of a DS9 file; or the path
        of one, in which case the file is read.

    Raises
    ------
    ValueError
        If it is none of these, or holds no shape with a frame that is not cut out.
    """
    # Every shape has brackets, no usual path does.
    if isinstance(value, os.PathLike) or (isinstance(value, str) and "(" not in value):
        value = _content(Path(value))
    if isinstance(value, str):
        value = parsed_strictly(value)
    shapes = _shapes(value)
    _require_area(shapes)
    return "\n".join(ds9_lines(shapes))


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"{str(path)!r} is too large for a region file")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"no region file can be read at {str(path)!r} ({error}), nor is this a region") from error


def _shapes(value: Any) -> list[Any]:
    from regions import PixelRegion, SkyRegion

    try:
        items = [value] if isinstance(value, PixelRegion | SkyRegion) else list(value)
    except TypeError:
        items = [value]
    if not items:
        raise ValueError("the list of regions is empty")
    for item in items:
        if not isinstance(item, PixelRegion | SkyRegion):
            raise ValueError(f"shapes of the package 'regions', a DS9 text or the path of one are needed; got {item!r}")
    return items


def _plain(region: Region) -> Region:
    """Without the marks that reading leaves, so that a shape equals the one that was written."""
    region.visual.pop("default_style", None)
    if region.meta.get("include"):
        del region.meta["include"]
    return region


def ds9_lines(regions: list[Any]) -> list[str]:
    """Lines of a region file: each shape, and a frame where it changes.

    Raises
    ------
    ValueError
        If a shape cannot be written.
    """
    from regions import SkyRegion

    lines: list[str] = []
    frame = ""
    for item in _single_shapes(regions):
        shape = _shape(item)
        wanted = "fk5" if isinstance(item, SkyRegion) else "image"
        if wanted != frame:
            lines.append(wanted)
            frame = wanted
        sign = "" if item.meta.get("include", True) else "-"
        label = str(item.meta.get("text", "")).translate(str.maketrans("{}\n", "()" + " "))
        lines.append(f"{sign}{shape}" + (f" # text={{{label}}}" if label else ""))
    return lines


def _single_shapes(regions: list[Any]) -> list[Any]:
    """The parts of compound regions that are unions; others have no DS9 form."""
    from operator import or_

    from regions import CompoundPixelRegion, CompoundSkyRegion

    singles: list[Any] = []
    for item in regions:
        if not isinstance(item, CompoundPixelRegion | CompoundSkyRegion):
            singles.append(item)
        elif item.operator is or_ and item.meta.get("include", True):
            singles += _single_shapes([item.region1, item.region2])
        else:
            raise ValueError(
                "of compound regions only unions (a | b) can be written; give a list of shapes instead and mark those "
                "to be cut out with meta={'include': False}"
            )
    return singles


def _shape(region: Any) -> str:
    kind = type(region).__name__.removesuffix("Region").removesuffix("Sky").removesuffix("Pixel")
    match kind:
        case "Circle":
            name, sizes = "circle", [region.radius]
        case "CircleAnnulus":
            name, sizes = "annulus", [region.inner_radius, region.outer_radius]
        case "Ellipse":  # DS9 gives semi-axes.
            name, sizes = "ellipse", [region.width / 2, region.height / 2]
        case "EllipseAnnulus":
            name, sizes = "ellipse", [size / 2 for size in _annulus_sizes(region)]
        case "Rectangle":
            name, sizes = "box", [region.width, region.height]
        case "RectangleAnnulus":
            name, sizes = "box", _annulus_sizes(region)
        case "Polygon":
            return f"polygon({','.join(number for vertex in region.vertices for number in _point(vertex))})"
        case _:
            raise ValueError(f"{_WRITABLE}; got {region!r}")
    numbers = [_length(size) for size in sizes]
    if name in ("ellipse", "box"):
        numbers.append(_number(region.angle.to_value(u.deg)))
    return f"{name}({','.join([*_point(region.center), *numbers])})"


def _annulus_sizes(region: Any) -> list[Any]:
    return [region.inner_width, region.inner_height, region.outer_width, region.outer_height]


def _point(position: Any) -> tuple[str, str]:
    from astropy.coordinates import FK5, SkyCoord

    if isinstance(position, SkyCoord):
        place = position if position.frame.is_equivalent_frame(FK5()) else position.transform_to(FK5())
        return _number(place.data.lon.deg), _number(place.data.lat.deg)
    return _number(position.x + 1), _number(position.y + 1)


def _length(value: Any) -> str:
    # Lengths in pixels are bare numbers.
    return f'{_number(value.to_value(u.arcsec))}"' if isinstance(value, u.Quantity) else _number(value)


def _number(value: Any) -> str:
    """Shortest text that gives the same number again, without exponent."""
    if not math.isfinite(value):
        raise ValueError(f"every number of a region must be finite; got {value}")
    text = repr(float(value))
    return f"{float(value):.17f}".rstrip("0") if "e" in text else text
