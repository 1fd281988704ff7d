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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u

from .._atomic import atomic_path
from ..bands import EnergyBand
from ..exceptions import FormatError
from ..kinds import ProductKind
from ..products.image import SkyImage
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.provenance import Provenance
from ..products.spectrumset import SpectrumSet
from ..request.bundle import XRTRequest
from .image import read_image, write_image
from .qdp import write_qdp
from .spectrum import write_slice_archive
from .tarball import unpack

__all__ = ["pack_folder", "package_product", "read_image_package", "write_service_files"]

_EXPOSURE = "summed_ex.img.gz"
_IMAGE_LOG = "images.log"


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
        ProductKind.STANDARD_POSITION: _write_standard,
        ProductKind.ENHANCED_POSITION: _write_enhanced,
        ProductKind.ASTROMETRIC_POSITION: _write_astrometric,
        ProductKind.IMAGE: _write_images,
        ProductKind.SOURCES: _write_sources,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        new = Path(scratch) / folder.name
        new.mkdir()
        writers[kind](product, new, request)
        new.rename(folder)


def _write_light_curves(curves: LightCurveSet, folder: Path, request: XRTRequest) -> None:
    write_qdp(curves, folder, name=request.target.name, target_id=",".join(request.target.target_ids or ()))


def _write_spectra(spectra: SpectrumSet, folder: Path, request: XRTRequest) -> None:
    for label, members in spectra.slices.items():
        write_slice_archive(
            members, folder / f"{label}.tar.gz", t0_met=spectra.t0_met, position=request.target.position
        )


def _position_words(position: Position) -> list[str]:
    coord = position.coord.icrs
    sexagesimal = coord.to_string("hmsdms", sep=":", precision=2).split()
    return [
        repr(float(coord.ra.deg)),
        repr(float(coord.dec.deg)),
        *sexagesimal,
        f"{position.radius.to_value(u.arcsec):.6g}",
    ]


def _write_standard(position: Position, folder: Path, request: XRTRequest) -> None:
    (folder / "results.dat").write_text("\t".join(_position_words(position)) + "\n", encoding="utf-8")


def _write_enhanced(position: Position, folder: Path, request: XRTRequest) -> None:
    targets = ",".join(request.target.target_ids or ())
    lines = [request.target.name, targets, "", "", "", "", *_position_words(position)]
    (folder / "success.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_astrometric(position: Position, folder: Path, request: XRTRequest) -> None:
    (folder / "corrpos.dat").write_text("\t".join(_position_words(position)) + "\n", encoding="utf-8")


def _write_images(images: Sequence[SkyImage], folder: Path, request: XRTRequest) -> None:
    lines = []
    for number, image in enumerate(images, start=1):
        low, high = (image.band.low_kev, image.band.high_kev) if image.band else (0.0, 10.23)
        lines.append(f"{number}\t{low:g}\t{high:g}\n")
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


def _write_sources(table: Any, folder: Path, request: XRTRequest) -> None:
    with atomic_path(folder / "sources.ecsv") as temporary:
        table.write(temporary, format="ascii.ecsv")


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
    """Read the images of an archive ``image.tar.gz``.

    Parameters
    ----------
    path : Path
        The archive.
    provenance : Provenance
        Given to each image whose file does not tell its own.

    Returns
    -------
    images : tuple of SkyImage
        In the order of the archive's log.

    Raises
    ------
    FormatError
        If the archive holds no images or is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        files = {file.name: file for file in unpack(path, Path(scratch))}
        if _IMAGE_LOG not in files:
            raise FormatError(f"is no archive of images: it holds no {_IMAGE_LOG}", path)
        images = []
        for line in files[_IMAGE_LOG].read_text("utf-8", "replace").splitlines():
            words = re.split(r"\s+", line.strip())
            if len(words) != 3:
                continue
            number, low, high = words
            file = files.get(f"image{number}.img.gz")
            if file is None:
                raise FormatError(f"its log names image {number}, which is not there", path)
            try:
                band = EnergyBand(float(low) * u.keV, float(high) * u.keV) if float(low) > 0 else None
            except ValueError as error:
                raise FormatError(f"its log gives no energy band for image {number}: {line.strip()!r}", path) from error
            image = read_image(file, exposure=files.get(_EXPOSURE))
            told = image.provenance if image.provenance.backend else provenance
            images.append(replace(image, band=band, provenance=told))
    if not images:
        raise FormatError("holds no image", path)
    return tuple(images)
