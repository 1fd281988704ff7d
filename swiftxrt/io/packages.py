"""Product files in the layout of the service's archives.

One folder per product, named by the service's code for it, below
``USERPROD_<job>``. The embedded server writes them and the client reads them,
so both sides are here.
"""

from __future__ import annotations

import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.nddata import CCDData

from .._atomic import atomic_path
from ..bands import EnergyBand
from ..exceptions import FormatError, MetadataWarning, PartialResultWarning, warn
from ..kinds import ProductKind
from ..products.image import SkyImage
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.provenance import Provenance
from ..products.sources import SourceList
from ..products.spectrumset import SpectrumSet
from ..request.bundle import XRTRequest
from .image import read_exposure, read_image, write_image
from .position import write_missing_position, write_position
from .qdp import write_qdp
from .sources import write_sources
from .spectrum import write_slice_archive
from .unpacking import unpack

__all__ = ["pack_folder", "package_product", "read_image_package", "write_missing_files", "write_service_files"]

_EXPOSURE = "summed_ex.img.gz"
_IMAGE_LOG = "images.log"
_NUMBERED = re.compile(r"image(\d+)\.img(?:\.gz)?")


def write_service_files(kind: ProductKind, product: Any, folder: Path, request: XRTRequest) -> None:
    """Write the files of a product; the folder appears complete or not at all.

    Parameters
    ----------
    kind : ProductKind
        Which product.
    product : object
        The product.
    folder : Path
        A folder that does not exist.
    request : XRTRequest
        The request, for names and the source's position.
    """
    writers: dict[ProductKind, Callable[[Any, Path, XRTRequest], None]] = {
        ProductKind.LIGHT_CURVE: _write_light_curves,
        ProductKind.SPECTRUM: _write_spectra,
        ProductKind.IMAGE: _write_images,
        ProductKind.SOURCES: _write_sources,
        **{one: _position_writer(one) for one in ProductKind if one.is_position},
    }
    with _new_folder(folder) as new:
        writers[kind](product, new, request)


def write_missing_files(kind: ProductKind, reason: str, folder: Path) -> None:
    """Write what the archive of a product holds that could not be made: the reason, and the service's marker.

    Parameters
    ----------
    kind : ProductKind
        Which product.
    reason : str
        Why there is none.
    folder : Path
        A folder that does not exist.
    """
    with _new_folder(folder) as new:
        write_missing_position(kind, reason, new)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        new = Path(scratch) / folder.name
        new.mkdir()
        yield new
        new.rename(folder)


def _write_light_curves(curves: LightCurveSet, folder: Path, request: XRTRequest) -> None:
    write_qdp(curves, folder, name=request.target.name, target_id=",".join(request.target.target_ids or ()))


def _write_spectra(spectra: SpectrumSet, folder: Path, request: XRTRequest) -> None:
    for label, members in spectra.slices.items():
        write_slice_archive(
            members, folder / f"{label}.tar.gz", t0_met=spectra.t0_met, position=request.target.position
        )


def _position_writer(kind: ProductKind) -> Callable[[Position, Path, XRTRequest], None]:
    def write(position: Position, folder: Path, request: XRTRequest) -> None:
        target = request.target
        write_position(position, kind, folder, name=target.name, target_ids=target.target_ids or ())

    return write


def _write_images(images: Sequence[SkyImage], folder: Path, request: XRTRequest) -> None:
    lines = []
    for number, image in enumerate(images, start=1):
        low, high = (image.band.low_kev, image.band.high_kev) if image.band else (0.0, 10.23)
        lines.append(f"{number}\t{low:.12g}\t{high:.12g}\n")
        write_image(replace(image, exposure=None), folder / f"image{number}.img.gz")
    with_exposure = [image for image in images if image.exposure is not None]
    if with_exposure:
        exposure = with_exposure[0].exposure
        write_exposure(exposure, folder / _EXPOSURE)
    (folder / _IMAGE_LOG).write_text("".join(lines), encoding="utf-8")


def write_exposure(exposure: Any, path: Path) -> None:
    """Write an exposure map as the only image of a file."""
    from astropy.io import fits

    from ._fitsfile import save_fits

    header = exposure.wcs.to_header()
    header["BUNIT"] = "s"
    save_fits([fits.PrimaryHDU(exposure.data, header=header)], path)


def _write_sources(sources: SourceList, folder: Path, request: XRTRequest) -> None:
    write_sources(sources, folder)


def package_product(
    kind: ProductKind, product: Any, path: Path, *, root: str, request: XRTRequest, overwrite: bool = False
) -> Path:
    """Save a product as an archive in the layout of the service.

    Parameters
    ----------
    kind : ProductKind
        Which product.
    product : object
        The product.
    path : Path
        The archive; its ending (``.tar.gz``, ``.tar``, ``.zip``) says how it is packed.
    root : str
        Folder in the archive, ``USERPROD_<job>/<code>``.
    request : XRTRequest
        The request.
    overwrite : bool, optional
        Whether an existing file is replaced.

    Returns
    -------
    path : Path
    """
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        write_service_files(kind, product, Path(scratch) / root, request)
        return pack_folder(Path(scratch), [Path(root)], path, overwrite=overwrite)


def pack_folder(base: Path, folders: Iterable[Path], path: Path, *, overwrite: bool = False) -> Path:
    """Pack folders, given relative to `base`, into one archive."""
    files = [file for folder in folders for file in sorted((base / folder).rglob("*")) if file.is_file()]
    with atomic_path(path, overwrite=overwrite) as temporary:
        if path.suffix == ".zip":
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
                for file in files:
                    packed.write(file, file.relative_to(base).as_posix())
        else:
            with tarfile.open(temporary, "w:gz" if path.suffix == ".gz" else "w") as archive:
                for file in files:
                    archive.add(file, file.relative_to(base).as_posix(), filter=_anonymous)
    return path


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Keep names and numbers of this machine's users out of archives."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def read_image_package(path: Path, provenance: Provenance) -> tuple[SkyImage, ...]:
    """Read the images of an archive ``image.tar.gz``, or of the folder it unpacks to.

    Parameters
    ----------
    path : Path
        The archive (tar, tar.gz or zip) or folder.
    provenance : Provenance
        Given to each image whose file does not tell its own.

    Returns
    -------
    images : tuple of SkyImage
        In the order of the archive's log; by number where there is no log,
        then with the band that the image's own header tells, if it does.

    Raises
    ------
    FormatError
        If there is no image that can be read.

    Warns
    -----
    MetadataWarning
        If log or exposure map are missing or cannot be used.
    PartialResultWarning
        If some of the images cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        found = sorted(path.rglob("*")) if path.is_dir() else unpack(path, Path(scratch))
        files = {file.name: file for file in found if file.is_file()}
        images: list[SkyImage] = []
        errors: list[FormatError] = []
        for number, line in _logged(files, path).items():
            try:
                image = _read_numbered(files, number, path)
                band = _band(line, path) if line else image.band
            except FormatError as error:
                errors.append(error)
            else:
                told = image.provenance if image.provenance.backend else provenance
                images.append(replace(image, band=band, provenance=told))
        exposure = _exposure(files, images)
    if not images:
        raise errors[0] if errors else FormatError("holds no image", path)
    for one in errors:
        warn(f"an image is left out: {Path(str(one.path)).name}: {one.reason}", PartialResultWarning)
    return tuple(images if exposure is None else [replace(image, exposure=exposure) for image in images])


def _logged(files: dict[str, Path], path: Path) -> dict[str, str]:
    """Numbers of the images with the line that the log has for each; empty lines without log."""
    numbered = {match[1]: "" for name in files if (match := _NUMBERED.fullmatch(name))}
    by_number = dict(sorted(numbered.items(), key=lambda item: int(item[0])))
    if _IMAGE_LOG not in files:
        if by_number:
            warn(f"{path.name} holds no {_IMAGE_LOG}, which names the energy bands", MetadataWarning)
        return by_number
    lines = [line.strip() for line in files[_IMAGE_LOG].read_text("utf-8", "replace").splitlines()]
    logged = {words[0]: line for line in lines if len(words := line.split()) == 3 and words[0].isdigit()}
    return logged or by_number


def _read_numbered(files: dict[str, Path], number: str, path: Path) -> SkyImage:
    file = next((files[name] for name in (f"image{number}.img.gz", f"image{number}.img") if name in files), None)
    if file is None:
        raise FormatError(f"its log names image {number}, which is not there", path)
    return read_image(file)


def _exposure(files: dict[str, Path], images: Sequence[SkyImage]) -> CCDData | None:
    """The exposure map of all images, if there is one that fits."""
    file = files.get(_EXPOSURE)
    if file is None or not images:
        return None
    try:
        exposure = read_exposure(file)
    except FormatError as error:
        warn(f"the exposure map cannot be used, the images are read without it: {error.reason}", MetadataWarning)
        return None
    if any(image.shape != exposure.shape for image in images):
        warn(f"the exposure map has another shape ({exposure.shape}) than the images and is left out", MetadataWarning)
        return None
    return exposure


def _band(line: str, path: Path) -> EnergyBand | None:
    """The band in a line of the log; none where it begins at 0, because all events were counted."""
    _, low, high = line.split()
    try:
        return EnergyBand(float(low) * u.keV, float(high) * u.keV) if float(low) > 0 else None
    except ValueError as error:
        raise FormatError(f"its log gives no energy band: {line!r}", path) from error
