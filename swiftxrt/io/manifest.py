"""A folder that holds all products of a job.

Every product has a folder named after its kind, with native files (ECSV, PHA,
FITS, JSON); ``swiftxrt.json`` beside them lists files and checksums and keeps
request and provenance. The local engine's workers hand over their products in
the same form.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._atomic import atomic_path, output_errors
from ..exceptions import FormatError, OutputExistsError
from ..kinds import ProductKind
from ..products.image import SkyImage
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.productset import ProductSet
from ..products.provenance import Provenance
from ..products.sources import SourceList
from ..products.spectrumset import SpectrumSet
from ..request.bundle import XRTRequest

__all__ = ["read_product", "read_productset", "write_product", "write_productset"]

MANIFEST = "swiftxrt.json"
_FORMAT = "swiftxrt-products"
_VERSION = 1
_INDEX = "index.json"
# So many characters of its name does a folder share with the hidden one in which it is made.
_SHOWN = 100
#: Name of the file with the request.
REQUEST = "request.yaml"


def write_product(kind: ProductKind, product: Any, folder: Path) -> None:
    """Write the files of one product into a new, empty folder."""
    folder.mkdir(parents=True)
    if kind.is_position:
        _write_json(folder / "position.json", product.to_dict())
        product.write(folder / "position.reg")
    elif kind is ProductKind.IMAGE:
        _write_images(product, folder)
    else:
        product.write(folder)


def read_product(kind: ProductKind, folder: Path) -> Any:
    """Read the files that `write_product` made.

    Raises
    ------
    FormatError
        If a file is missing or damaged.
    """
    try:
        return _read_files(kind, folder)
    except (KeyError, TypeError, ValueError, AttributeError, FileNotFoundError) as error:
        raise FormatError(f"holds no readable {kind.title}: {error}", folder) from error


def _read_files(kind: ProductKind, folder: Path) -> Any:
    if kind is ProductKind.LIGHT_CURVE:
        return LightCurveSet.read(folder)
    if kind is ProductKind.SPECTRUM:
        return SpectrumSet.read(folder)
    if kind.is_position:
        return Position.from_dict(_read_json(folder / "position.json"))
    if kind is ProductKind.IMAGE:
        return tuple(SkyImage.read(folder / name) for name in _read_json(folder / _INDEX)["images"])
    return SourceList.read(folder)


def _write_images(images: tuple[SkyImage, ...], folder: Path) -> None:
    names = []
    for number, image in enumerate(images, start=1):
        band = f"_{image.band.text}keV" if image.band else ""
        names.append(f"image{number}{band}.fits")
        image.write(folder / names[-1])
    _write_json(folder / _INDEX, {"images": names})


def write_productset(products: ProductSet, folder: Path, *, overwrite: bool) -> Path:
    """Write a set; the folder appears complete or not at all.

    Raises
    ------
    OutputExistsError
        If the folder holds files and `overwrite` is false, or files that no
        set of products was written with: those are never replaced.
    StorageError
        If it cannot be written.
    """
    with output_errors(folder):
        _check_free(folder, overwrite=overwrite)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name[:_SHOWN]}-") as scratch:
            new = Path(scratch) / "new"
            new.mkdir()
            for kind, product in products.items():
                write_product(kind, product, new / kind.value)
            if products.request is not None:
                products.request.write(new / REQUEST)
            _write_json(new / MANIFEST, _describe(products, new))
            if folder.exists():
                folder.rename(Path(scratch) / "old")
            new.rename(folder)
    return folder


def _check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse to touch what is not an earlier set of products."""
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file; choose another name for the folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise OutputExistsError(f"{folder} holds files already; choose another folder or pass overwrite=True")
        if not (folder / MANIFEST).is_file():
            raise OutputExistsError(f"{folder} holds files that are no products; choose another folder")


def _describe(products: ProductSet, folder: Path) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "products": [kind.value for kind in products],
        "failed": {kind.value: reason for kind, reason in products.failed.items()},
        "provenance": products.provenance.to_dict(),
        "files": {path.relative_to(folder).as_posix(): _sha256(path) for path in files},
    }


def read_productset(folder: Path, read: Callable[[ProductKind, Path], Any] = read_product) -> ProductSet:
    """Read a set, checking every file against its checksum.

    Parameters
    ----------
    folder : Path
        What `write_productset` made.
    read : callable, optional
        Reads one product from its folder.
    """
    _check_is_set(folder)
    content = _read_json(folder / MANIFEST)
    if content.get("format") != _FORMAT or content.get("version") != _VERSION:
        raise FormatError(
            f"is of format {content.get('format')!r} version {content.get('version')!r}; "
            f"this release reads {_FORMAT!r} version {_VERSION}",
            folder / MANIFEST,
        )
    try:
        files = dict(content["files"])
        kinds = [ProductKind.of(name) for name in content["products"]]
        failed = {ProductKind.of(name): str(reason) for name, reason in content["failed"].items()}
        provenance = Provenance.from_dict(content["provenance"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"is no list of products as this package writes it: {error}", folder / MANIFEST) from error
    for name, digest in files.items():
        path = folder / name
        try:
            is_sound = path.is_file() and _sha256(path) == digest
        except OSError as error:
            raise FormatError(f"names a file that cannot be read: {error}", folder / MANIFEST) from error
        if not is_sound:
            raise FormatError("is missing or was changed since the products were written", path)
    request = folder / REQUEST
    return ProductSet(
        {kind: read(kind, folder / kind.value) for kind in kinds},
        failed=failed,
        request=XRTRequest.read(request) if request.is_file() else None,
        provenance=provenance,
    )


def _check_is_set(folder: Path) -> None:
    try:
        is_set, is_there = (folder / MANIFEST).is_file(), folder.exists()
    except OSError as error:
        raise FormatError(f"cannot be read ({error}); look at its permissions", folder) from error
    if is_set:
        return
    if not is_there:
        raise FormatError("there is no such folder; name one that products.write(...) made", folder)
    raise FormatError(
        f"is no folder of products: it has no {MANIFEST}. Such folders are written with products.write(...), bundles are "
        "read with ProductSet.read_bundle(...)",
        folder,
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot be read as JSON: {error}", path) from error
    if not isinstance(content, dict):
        raise FormatError("holds no JSON object", path)
    return content
