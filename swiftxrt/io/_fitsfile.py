"""Opening FITS files, and writing them, with clear errors and without open handles."""

from __future__ import annotations

import gzip
import os
import re
import warnings
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyUserWarning

from .._atomic import atomic_path
from .._paths import as_path
from ..exceptions import FormatError, MetadataWarning, warn
from ._reading import foreign_content
from .unpacking import unpacked_limit

__all__ = ["load_fits", "save_fits"]

_GZIP_MAGIC = b"\x1f\x8b"
#: FITS standard 4.0, section 7.3.1.
_MOST_COLUMNS = 999
#: More axes than the standard allows (section 4.4.1.1).
_TOO_MANY_AXES = re.compile(rb"NAXIS   = *\+?(0*[1-9]\d{3,})")
_CARD, _BLOCK = 80, 1000 * 2880
#: Comment of the checksums that `save_fits` writes. Without the usual time, the same content gives the same bytes.
_OUR_SUM = "of this HDU"


def load_fits(path: str | os.PathLike[str]) -> fits.HDUList:
    """Read a FITS file, plain or gzipped, completely into memory.

    Returns
    -------
    hdus : `~astropy.io.fits.HDUList`
        With all data loaded; no file stays open.

    Raises
    ------
    FormatError
        If there is no such file, or it is not FITS, truncated or otherwise
        damaged.

    Warns
    -----
    MetadataWarning
        If it could be read, but breaks the rules of FITS; or if this package
        wrote it, and its data are no longer what they were (``DATASUM``).
        Checksums of others are not looked at: ``grppha``, ``fsort`` and editors
        of headers leave outdated ones in sound files of the service.
    """
    place = as_path(path, "path")
    try:
        # Opened here rather than by astropy, which leaves damaged files open.
        with place.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            return _loaded(_unpacked(file, place) if packed else file, place)
    except FileNotFoundError as error:
        raise FormatError("there is no such file", place) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(f"the compressed file is truncated or damaged; get it again ({error})", place) from error
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"the file cannot be read ({error.strerror})", place) from error


def _unpacked(file: BinaryIO, path: Path) -> BytesIO:
    limit = unpacked_limit(path)
    with gzip.open(file) as packed:
        content = packed.read(limit + 1)
    if len(content) > limit:
        raise FormatError("the file unpacks to far more than any FITS file of the service", path)
    return BytesIO(content)


def _loaded(stream: BinaryIO, path: Path) -> fits.HDUList:
    is_fits = stream.read(6) == b"SIMPLE"
    stream.seek(0)
    _check_axes(stream, path)
    with foreign_content(path, "the file is damaged; get it again" if is_fits else "this is not a FITS file"):
        # Astropy reads on after these warnings and gives short tables.
        warnings.filterwarnings("error", "File may have been truncated", AstropyUserWarning)
        warnings.filterwarnings("error", "Error validating header", AstropyUserWarning)
        try:
            hdus = fits.open(stream, memmap=False, lazy_load_hdus=False)
            for hdu in hdus:
                if hdu.header.get("TFIELDS", 0) > _MOST_COLUMNS:  # Astropy would make each of them.
                    raise FormatError(f"the table {hdu.name} cannot have {hdu.header['TFIELDS']} columns", path)
                hdu.data  # noqa: B018 - loads the data
                list(hdu.header.values())  # Cards, too, are looked into late.
            changed = [hdu.name or "PRIMARY" for hdu in hdus if _changed(hdu, stream)]
        except (AstropyUserWarning, VerifyError) as error:
            raise FormatError(f"the file is truncated or damaged; get it again ({error})", path) from error
    if changed:
        text = f"the data in {', '.join(changed)} are not those that were written (DATASUM)"
        warn(f"{path.name}: {text}: the file is damaged, or another program changed it", MetadataWarning)
    return hdus


def _check_axes(stream: BinaryIO, path: Path) -> None:
    """Refuse headers that claim thousands of axes: Astropy would go through all of them, for hours."""
    while block := stream.read(_BLOCK):
        for found in _TOO_MANY_AXES.finditer(block):
            if found.start() % _CARD == 0:
                axes = found[1].decode()[:20]
                raise FormatError(f"the file is damaged; get it again (an image with {axes} axes)", path)
    stream.seek(0)


def _changed(hdu: Any, stream: BinaryIO) -> bool:
    """Whether the data are no longer those that this package wrote."""
    if "DATASUM" not in hdu.header or hdu.header.comments["DATASUM"] != _OUR_SUM:
        return False
    place = hdu.fileinfo()
    stream.seek(place["datLoc"])
    # The sum of 32-bit numbers whose carries are added at the other end, which is a remainder.
    words = np.frombuffer(stream.read(place["datSpan"]), ">u4")
    total = int(words.sum(dtype=np.uint64))
    return str(hdu.header["DATASUM"]) != str(total and (total - 1) % 0xFFFFFFFF + 1)


def save_fits(hdus: Sequence[Any], path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a FITS file, gzipped if its name ends with ``.gz``.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    target = as_path(path, "path")
    with atomic_path(target, overwrite) as temporary:
        units = fits.HDUList(list(hdus))
        units.update_extend()
        for hdu in units:
            hdu.add_checksum(when=_OUR_SUM)
        stream = BytesIO()
        units.writeto(stream)
        content = stream.getvalue()
        temporary.write_bytes(gzip.compress(content, 6, mtime=0) if target.suffix == ".gz" else content)
    return target
