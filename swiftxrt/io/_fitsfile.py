"""Opening FITS files, and writing them, with clear errors and without open handles."""

from __future__ import annotations

import gzip
import os
import warnings
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyUserWarning

from .._atomic import atomic_path
from ..exceptions import FormatError
from ._reading import foreign_content

__all__ = ["load_fits", "save_fits"]

_GZIP_MAGIC = b"\x1f\x8b"


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
        If it could be read, but breaks the rules of FITS.
    """
    place = Path(path)
    try:
        # Opened here rather than by astropy, which leaves damaged files open.
        with place.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            stream = BytesIO(gzip.decompress(file.read())) if packed else file
            return _loaded(stream, place)
    except FileNotFoundError as error:
        raise FormatError("there is no such file", place) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(f"the compressed file is truncated or damaged; get it again ({error})", place) from error
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"the file cannot be read ({error.strerror})", place) from error


def _loaded(stream: BinaryIO, path: Path) -> fits.HDUList:
    is_fits = stream.read(6) == b"SIMPLE"
    stream.seek(0)
    with foreign_content(path, "the file is damaged; get it again" if is_fits else "this is not a FITS file"):
        # Astropy reads on after these warnings and gives short tables.
        warnings.filterwarnings("error", "File may have been truncated", AstropyUserWarning)
        warnings.filterwarnings("error", "Error validating header", AstropyUserWarning)
        try:
            hdus = fits.open(stream, memmap=False, lazy_load_hdus=False)
            for hdu in hdus:
                hdu.data  # noqa: B018 - loads the data
                list(hdu.header.values())  # Cards, too, are looked into late.
        except (AstropyUserWarning, VerifyError) as error:
            raise FormatError(f"the file is truncated or damaged; get it again ({error})", path) from error
    return hdus


def save_fits(hdus: Sequence[Any], path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a FITS file, gzipped if its name ends with ``.gz``.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    target = Path(path)
    with atomic_path(target, overwrite) as temporary:
        units = fits.HDUList(list(hdus))
        units.update_extend()
        for hdu in units:
            # Without time stamps, here and below, the same content gives the same bytes.
            hdu.add_checksum(when="of this HDU")
        stream = BytesIO()
        units.writeto(stream)
        content = stream.getvalue()
        temporary.write_bytes(gzip.compress(content, 6, mtime=0) if target.suffix == ".gz" else content)
    return target
