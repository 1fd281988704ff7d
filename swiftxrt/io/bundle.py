"""Everything that is known of the products of a job, in one folder or zip archive.

::

    bundle.json        format, versions, provenance, index of the replies
    request.json       the request as objects of this package
    submission.json    the request in the words of the service
    products/          the products, as ``ProductSet.write`` saves them
    replies/           what the service sent, as it came, by product
    SHA256SUMS         checksums of all files above

Nobody's e-mail address is in it.
"""

from __future__ import annotations

import json
import platform
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy
import numpy as np

from .._atomic import atomic_path, output_errors
from .._filenames import name_key, safe_name
from ..exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError, SwiftXRTError, warn
from ..kinds import ProductKind
from ..products.productset import ProductSet
from ..products.provenance import CLIENT, provenance_of, utc_now
from ..products.replies import ServiceReply
from ..request.bundle import XRTRequest
from ._checksums import check_sums, write_sums
from ._folders import folder_to_write
from ._replies import read_replies, write_replies
from .manifest import REQUEST, read_product, read_productset
from .unpacking import unpack

__all__ = ["read_bundle", "write_bundle"]

_INDEX = "bundle.json"
_FORMAT = "swiftxrt-bundle"
_VERSION = 1
# Stands for the address of the user where the words of the service are made; it is taken out again.
_NOBODY = "nobody"
_GET_AGAIN = "get it again from where it came"
_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, RecursionError, OSError)

#: Makes a product of what a service sent for it: ``decode(kind, reply, request)``.
Decode = Callable[[ProductKind, ServiceReply, Any], Any]


def write_bundle(products: ProductSet, path: Path, *, overwrite: bool = False) -> Path:
    """Write a bundle; see `swiftxrt.ProductSet.write_bundle`."""
    is_zip = path.suffix.lower() == ".zip"
    place = path if is_zip else folder_to_write(path, "a bundle", f"write_bundle({path.stem + '.zip'!r})")
    with output_errors(place):
        _check_free(place, overwrite=overwrite, is_zip=is_zip)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".bundle-") as scratch:
            new = Path(scratch) / "new"
            _fill(new, products)
            if is_zip:
                _pack(new, place, overwrite=overwrite)
            else:
                _put(new, place, Path(scratch) / "old")
    return place


def read_bundle(path: Path, decode: Decode) -> ProductSet:
    """Read a bundle; see `swiftxrt.ProductSet.read_bundle`.

    Parameters
    ----------
    path : Path
        The folder or archive.
    decode : callable
        Makes a product of the replies of a service.
    """
    with _opened(path) as folder:
        index = _read_index(folder, path)
        check_sums(folder, path)
        try:
            replies = read_replies(index["replies"], folder / "replies")
        except _DAMAGE as error:
            raise FormatError(f"holds no usable replies: {error}", path) from error
        unread: dict[ProductKind, SwiftXRTError] = {}
        products = read_productset(folder / "products", _reader(folder / "products", replies, decode, unread))
    for kind, error in unread.items():
        text = f"the {kind.title} is read as it was saved, because the reply for it cannot be read: {error}"
        warn(f"{path.name}: {text}", MetadataWarning, stacklevel=4)
    known = {"failed": products.failed, "request": products.request, "provenance": products.provenance}
    return ProductSet(products, **known, replies=replies)


def _reader(
    folder: Path,
    replies: Mapping[ProductKind, ServiceReply],
    decode: Decode,
    unread: dict[ProductKind, SwiftXRTError],
) -> Callable[[ProductKind, Path], Any]:
    """What reads a product: from the reply of the service if there is one, or else as it was saved."""
    request = XRTRequest.read(folder / REQUEST) if (folder / REQUEST).is_file() else None

    def read(kind: ProductKind, place: Path) -> Any:
        if kind in replies and request is not None and kind in request.kinds:
            try:
                return decode(kind, replies[kind], request)
            except SwiftXRTError as error:
                unread[kind] = error
        return read_product(kind, place)

    return read


def _check_free(place: Path, *, overwrite: bool, is_zip: bool) -> None:
    """Refuse to touch what is not an earlier bundle."""
    is_free = not place.exists() or (place.is_dir() and not is_zip and not any(place.iterdir()))
    if is_free and not place.is_symlink():
        return
    if not overwrite:
        raise OutputExistsError(f"{place} exists already; choose another name or pass overwrite=True")
    if place.is_symlink() or not (_is_packed(place) if is_zip else (place / _INDEX).is_file()):
        raise OutputExistsError(f"{place} is no bundle and is not replaced; choose another name")


def _is_packed(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return any(name.rpartition("/")[2] == _INDEX for name in packed.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _fill(folder: Path, products: ProductSet) -> None:
    folder.mkdir()
    products.write(folder / "products")
    replies = write_replies(products.replies, folder / "replies")
    _write_json(folder / _INDEX, {**_described(products), "replies": replies})
    if products.request is not None:
        _write_json(folder / "request.json", products.request.to_dict())
        try:
            sent = products.request.to_wire(user=_NOBODY)
        except RequestError:  # one that only the local engine understands
            sent = {}
        if sent:
            _write_json(folder / "submission.json", {key: value for key, value in sent.items() if value != _NOBODY})
    write_sums(folder)


def _described(products: ProductSet) -> dict[str, Any]:
    calibration = [line for product in products.values() for line in provenance_of(product).calibration]
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "created": utc_now(),
        "versions": {
            "written by": CLIENT,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "astropy": astropy.__version__,
            "service": products.provenance.api_version,
            "made by": products.provenance.software,
        },
        "calibration": list(dict.fromkeys(calibration)),
        "provenance": products.provenance.to_dict(),
    }


def _put(new: Path, place: Path, old: Path) -> None:
    """Give the new folder its name; if that fails, the old one keeps it."""
    if not place.exists():
        new.rename(place)
        return
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise


def _pack(folder: Path, path: Path, *, overwrite: bool) -> None:
    root = safe_name(path.stem, default="bundle")
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    known: dict[str, str] = {}
    for name in files:
        other = known.setdefault(name_key(name), name)
        if other != name:
            raise RequestError(
                f"{other!r} and {name!r} differ only in case, which archives for all systems cannot hold; write a folder"
            )
    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed,
    ):
        for name, file in files.items():
            packed.write(file, f"{root}/{name}")


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """The folder of a bundle, unpacked if it is an archive."""
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise FormatError(f"cannot be read ({error}); look at its permissions", path) from error
    if not is_there:
        raise FormatError("there is no such file or folder; name a bundle that products.write_bundle(...) wrote", path)
    if is_folder:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        folder = Path(scratch) / "bundle"
        try:
            unpack(path, folder)
        except FormatError as error:
            raise FormatError(f"is no bundle that can be read: {error.reason}; {_GET_AGAIN}", path) from error
        inside = [one for one in folder.iterdir() if one.is_dir() and one.name != "__MACOSX"]
        yield folder if len(inside) != 1 or (folder / _INDEX).is_file() else inside[0]


def _read_index(folder: Path, shown: Path) -> dict[str, Any]:
    if not (folder / _INDEX).is_file():
        raise FormatError(
            f"is no bundle: it has no {_INDEX}. Bundles are written with products.write_bundle(...)", shown
        )
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        if index["format"] != _FORMAT:
            raise ValueError(f"its format is {index['format']!r}")
        version, writer = int(index["version"]), str(index["versions"]["written by"])
    except _DAMAGE as error:
        text = f"is no bundle that can be read: {_INDEX} is damaged ({error}); {_GET_AGAIN}"
        raise FormatError(text, shown) from error
    if version > _VERSION:
        raise FormatError(
            f"was written by a newer release ({writer}, version {version} of the format; this release reads version "
            f"{_VERSION}): update swiftxrt",
            shown,
        )
    return dict(index)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
