"""Reading PHA files of the XRT through specutils.

Importing this module registers the format ``"swift-xrt-pha"``, after which
``specutils.Spectrum.read("interval0pc.pi")`` recognises such files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from astropy.io import fits
from specutils.io.registers import data_loader

from ..products.countspectrum import CountSpectrum
from ..products.spectrum import XRTSpectrum

__all__ = ["FORMAT", "read_spectrum"]

FORMAT = "swift-xrt-pha"


def is_xrt_pha(origin: str, path: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether a file is a spectrum of the XRT, by its keywords alone."""
    if origin != "read" or not isinstance(path, str | os.PathLike) or not Path(path).is_file():
        return False
    try:
        with fits.open(path, memmap=False) as hdus:
            return any(_declares_pha(hdu.header) for hdu in hdus[1:])
    except OSError:  # Not FITS.
        return False


def _declares_pha(header: fits.Header) -> bool:
    values = tuple(str(header.get(name, "")).strip().upper() for name in ("TELESCOP", "INSTRUME", "HDUCLAS1"))
    return values == ("SWIFT", "XRT", "SPECTRUM")


def read_spectrum(path: str | os.PathLike[str], **companions: Any) -> XRTSpectrum:
    """Read a PHA file as `XRTSpectrum`; see `swiftxrt.CountSpectrum.read`."""
    return CountSpectrum.read(path, **companions).to_spectrum()


# The priority puts it before "tabular-fits", which claims every FITS table.
@data_loader(FORMAT, identifier=is_xrt_pha, extensions=["pha", "pi"], priority=10, force=True)
def _load(source: Any, **kwargs: Any) -> XRTSpectrum:
    # To find the format, astropy opens a file and hands that on; companions need its name.
    return read_spectrum(source if isinstance(source, str | os.PathLike) else source.name, **kwargs)
