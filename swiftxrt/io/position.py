"""Position files: those in the service's archives, and our own JSON and regions.

In the folder of a product (``psf``, ``enh`` or ``xastrom``):

* ``results.dat`` (standard): ``NOPOS``, or one line with tabs: RA, Dec in
  degrees, RA, Dec sexagesimal, radius of 90 % in arcsec, then whether and how
  pile-up was treated;
* ``success.txt`` (enhanced): eleven lines: name, targets, overlaps used,
  exposure, outliers, exposure rejected, RA, Dec in degrees, RA, Dec
  sexagesimal, radius;
* ``corrpos.dat`` (astrometric): like ``results.dat``; the marker ``NOCORR``
  where no correction was found;
* ``INSXPS`` (standard and astrometric): eight lines for a position that was
  taken from a catalogue: source, RA, Dec in degrees, radius, RA, Dec
  sexagesimal, data set, catalogue.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from .._atomic import atomic_path
from .._paths import as_path
from ..exceptions import FormatError, ProductNotAvailableError, RequestError
from ..kinds import ProductKind
from ..products.position import Position
from ..products.provenance import Provenance
from .regions import read_regions, write_ds9
from .unpacking import unpack

__all__ = ["read_position", "save_position", "write_missing_position", "write_position"]

PathLike = str | os.PathLike[str]

_STANDARD, _ENHANCED, _ASTROMETRIC = "results.dat", "success.txt", "corrpos.dat"
_CATALOG = "INSXPS"
_NO_POSITION, _NO_CORRECTION = "NOPOS", "NOCORR"
_README = "README.txt"
#: The text of a region that `Position.region` gives it.
_LABEL = re.compile(r"(?P<kind>.+) position \((?P<percent>[0-9.]+)%\)(?:, (?P<catalog>.+))?")
_KINDS = {
    _STANDARD: ProductKind.STANDARD_POSITION,
    _ENHANCED: ProductKind.ENHANCED_POSITION,
    _ASTROMETRIC: ProductKind.ASTROMETRIC_POSITION,
    _NO_CORRECTION: ProductKind.ASTROMETRIC_POSITION,
}
#: Where RA, Dec and radius stand: fields of a line, or lines.
_FIELDS = {_STANDARD: (0, 1, 4), _ASTROMETRIC: (0, 1, 4), _ENHANCED: (6, 7, 10), _CATALOG: (1, 2, 3)}


def write_position(
    position: Position, kind: ProductKind, folder: Path, *, name: str, target_ids: Sequence[str]
) -> None:
    """Write the files of a position into the folder of its product.

    What the service tells beyond the position (pile-up, overlaps with UVOT
    exposures) is left empty or out.

    Parameters
    ----------
    position : Position
        The position.
    kind : ProductKind
        Which of the three.
    folder : Path
        An existing folder.
    name : str
        Name of the target.
    target_ids : sequence of str
        Its target IDs.
    """
    ra, dec, *sexagesimal, radius = _words(position)
    if kind is ProductKind.ENHANCED_POSITION:
        lines = [name, ",".join(target_ids), "", "", "", "", ra, dec, *sexagesimal, radius]
        (folder / _ENHANCED).write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif position.catalog is not None:
        lines = ["", ra, dec, radius, *sexagesimal, "", position.catalog]
        (folder / _CATALOG).write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        file = _STANDARD if kind is ProductKind.STANDARD_POSITION else _ASTROMETRIC
        (folder / file).write_text("\t".join([ra, dec, *sexagesimal, radius]) + "\n", encoding="utf-8")


def _words(position: Position) -> list[str]:
    coord = position.coord.icrs
    ra, dec = coord.to_string("hmsdms", sep=":", precision=2).split()
    radius = float(position.radius.to_value(u.arcsec))
    return [repr(float(coord.ra.deg)), repr(float(coord.dec.deg)), ra, dec, f"{radius:.12g}"]


def save_position(position: Position, path: PathLike, *, overwrite: bool) -> Path:
    """Write a position as JSON or region; see `swiftxrt.Position.write`."""
    path = as_path(path, "path")
    if path.suffix.lower() == ".json":
        with atomic_path(path, overwrite) as temporary:
            temporary.write_text(json.dumps(position.to_dict(), indent=1), encoding="utf-8")
        return path
    if path.suffix.lower() not in ("", ".reg"):
        raise RequestError(f"a position is written as .json, or as region .reg; got {path.name!r}")
    return write_ds9(path, [position.region], overwrite=overwrite)


def write_missing_position(kind: ProductKind, reason: str, folder: Path) -> None:
    """Write the marker for a position that was not found, and the reason beside it."""
    if kind is ProductKind.STANDARD_POSITION:
        (folder / _STANDARD).write_text(f"{_NO_POSITION}\n", encoding="utf-8")
    if kind is ProductKind.ASTROMETRIC_POSITION:
        (folder / _NO_CORRECTION).write_text("\n", encoding="utf-8")
    (folder / _README).write_text(f"{reason}\n", encoding="utf-8")


def read_position(place: PathLike) -> Position:
    """Read a position; see `swiftxrt.Position.read`."""
    place = as_path(place, "place")
    if place.is_dir():
        return _read_folder([file for file in sorted(place.rglob("*")) if file.is_file()], place)
    if place.name in (*_FIELDS, _NO_CORRECTION):
        return _read_folder([file for file in place.parent.iterdir() if file.name in (place.name, _README)], place)
    if place.suffix.lower() == ".json":
        return _read_json(place)
    if place.suffix.lower() == ".reg":
        return _read_region(place)
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        return _read_folder(unpack(place, Path(scratch)), place)


def _read_json(path: Path) -> Position:
    try:
        return Position.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise FormatError("there is no such file", path) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"holds no position: {error}", path) from error


def _read_region(path: Path) -> Position:
    """The position of a region file that `save_position` made; others do not tell what their radius means."""
    from regions import CircleSkyRegion

    circles = list(read_regions(path))
    told = _LABEL.fullmatch(str(circles[0].meta.get("text", "")))
    if len(circles) != 1 or not isinstance(circles[0], CircleSkyRegion) or told is None:
        raise FormatError(
            "is no position: one circle on the sky is needed, with a text such as 'standard position (90%)', as "
            "Position.write makes it. Of another circle make Position(circle.center, circle.radius, confidence=...); "
            "swiftxrt.io.regions.read_regions reads it",
            path,
        )
    try:
        confidence = round(float(told["percent"]) / 100, 12)
        return Position(circles[0].center, circles[0].radius, confidence, told["kind"], told["catalog"])
    except (ValueError, RequestError) as error:
        raise FormatError(f"holds no readable position: {error}", path) from error


def _read_folder(files: Sequence[Path], place: Path) -> Position:
    """The position among the files of one product; `place` is what the user named."""
    there = {file.name: file for file in files}
    found = [name for name in (_ENHANCED, _CATALOG, _ASTROMETRIC, _NO_CORRECTION, _STANDARD) if name in there]
    if len(found) > 1 and {_kind_of(there[name]) for name in found} > {_kind_of(there[found[0]])}:
        raise FormatError("holds several positions; give the folder of one (psf, enh or xastrom)", place)
    if "position.json" in there and not found:
        return _read_json(there["position.json"])
    if not found:
        raise FormatError(f"holds no position: there is none of {', '.join((*_FIELDS, _NO_CORRECTION))}", place)
    path = there[found[0]]
    kind = _kind_of(path)
    text = path.read_text("utf-8", "replace")
    if path.name == _NO_CORRECTION or text.strip() == _NO_POSITION:
        readme = there.get(_README)
        why = readme.read_text("utf-8", "replace").strip() if readme else "the service found none"
        raise ProductNotAvailableError(kind.title, why)
    return _parse(text, path.name, kind, place)


def _kind_of(path: Path) -> ProductKind:
    """Which position a file holds; that from a catalogue is told by its folder."""
    if path.name in _KINDS:
        return _KINDS[path.name]
    astrometric = path.parent.name == ProductKind.ASTROMETRIC_POSITION.code
    return ProductKind.ASTROMETRIC_POSITION if astrometric else ProductKind.STANDARD_POSITION


def _parse(text: str, name: str, kind: ProductKind, place: Path) -> Position:
    lines = [line.strip() for line in text.splitlines()]
    one_line = name in (_STANDARD, _ASTROMETRIC)
    words = re.split(r"\s+", next(filter(None, lines), "")) if one_line else lines
    try:
        ra_deg, dec_deg, radius_arcsec = (float(words[number]) for number in _FIELDS[name])
        return Position(
            SkyCoord(ra_deg * u.deg, dec_deg * u.deg, frame="icrs"),
            radius_arcsec * u.arcsec,
            kind=kind.value.removesuffix("_position"),
            catalog=_catalog(words) if name == _CATALOG else None,
            provenance=_provenance(words) if name == _CATALOG else Provenance(),
        )
    except (IndexError, ValueError, RequestError) as error:
        raise FormatError(f"{name} holds no readable position: {error}", place) from error


def _catalog(lines: Sequence[str]) -> str:
    return lines[7] if len(lines) > 7 and lines[7] else "SXPS"


def _provenance(lines: Sequence[str]) -> Provenance:
    """Source and data set of the catalogue that a position was taken from."""
    told: dict[str, Any] = {"source": lines[0], "data set": lines[6] if len(lines) > 6 else ""}
    return Provenance(notes=tuple(f"{name} {value} of the catalogue" for name, value in told.items() if value))
