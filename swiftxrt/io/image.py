"""Sky images and exposure maps."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

from .._paths import as_path
from ..bands import EnergyBand
from ..exceptions import FormatError, RequestError
from ..products._wcs import celestial_wcs, wcs_cards
from ..products.image import SkyImage
from ..products.provenance import Provenance
from ._fitsfile import load_fits, save_fits
from ._history import add_sources
from ._reading import foreign_content

__all__ = ["read_exposure", "read_image", "read_map", "write_image"]

_EXPOSURE = "EXPOSURE"
#: Cards with the band in keV, as in the EBOUNDS extensions of OGIP files.
_BAND_CARDS = ("E_MIN", "E_MAX")
_PROVENANCE = "XRTPROV"
_ENDINGS = (".fits", ".fit", ".img")

# Cards that the writer makes from the image itself, and coordinate systems,
# which would be wrong after a cutout.
_OWN = re.compile(
    r"|SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|[PG]COUNT|EXTNAME|BUNIT|CHECKSUM|DATASUM|COMMENT|HISTORY|CONTINUE"
    r"|LONGSTRN|TOTCTS|CREATOR|DATE|USER|ORIGIN|HDU(CLASS|CLAS\d|NAME)|RADESYS|RADECSYS|EQUINOX|E_MIN|E_MAX|XRTPROV"
    r"|WCSAXES|WCSNAME\w?|WCSTY\d\w|C(TYPE|RPIX|RVAL|DELT|UNIT|ROTA)\d\w?|(PC|CD|PV)\d+_\d+|L(ON|AT)POLE"
    r"|LT(V\d|M\d_\d)|DR?(RPIX|DELT)\d|MTYPE\d|MFORM\d|FILIN\d+"
)


def read_image(path: str | os.PathLike[str], *, exposure: str | os.PathLike[str] | None = None) -> SkyImage:
    """Read a sky image.

    Parameters
    ----------
    path : path-like
        FITS file whose first image holds the counts, plain or gzipped; the
        official ``_sk.img`` files and those of `write_image`.
    exposure : path-like, optional
        FITS file with the exposure in seconds; by default the extension
        ``EXPOSURE`` of `path`, if there is one.

    Returns
    -------
    image : SkyImage

    Raises
    ------
    FormatError
        If a file is damaged or holds no image with a celestial WCS, or if
        the values of `path` are no counts.
    """
    hdus = load_fits(path)
    counts = _first_image(hdus, path)
    _check_counts(counts, path)
    header = counts.header
    maps = [hdu for hdu in hdus if hdu.name == _EXPOSURE and _is_image(hdu)]
    if exposure is not None:
        exposure_data = read_exposure(exposure)
    else:
        exposure_data = _ccd(maps[0], u.s, path) if maps else None
    try:
        band = EnergyBand(*(float(header[key]) * u.keV for key in _BAND_CARDS)) if _BAND_CARDS[0] in header else None
        provenance = Provenance.from_dict(json.loads(header.get(_PROVENANCE, "{}")))
        return SkyImage(_ccd(counts, u.ct, path), exposure_data, band, provenance)
    except (RequestError, KeyError, ValueError) as error:
        raise FormatError(f"this is not a sky image: {error}", path) from error


def read_exposure(path: str | os.PathLike[str]) -> CCDData:
    """Read an exposure map (s); see `read_map`."""
    return read_map(path, u.s)


def read_map(path: str | os.PathLike[str], unit: u.UnitBase) -> CCDData:
    """Read the first image of a file as values of a unit, whatever they are.

    Raises
    ------
    FormatError
        If the file is damaged or holds no image with a celestial WCS.
    """
    return _ccd(_first_image(load_fits(path), path), unit, path)


def _is_image(hdu: Any) -> bool:
    return hdu.is_image and hdu.data is not None and hdu.data.ndim == 2


def _first_image(hdus: fits.HDUList, path: Any) -> Any:
    for hdu in hdus:
        if _is_image(hdu):
            return hdu
    raise FormatError("there is no two-dimensional image in the file", path)


def _check_counts(hdu: Any, path: Any) -> None:
    """Refuse what is no image of counts, most likely an exposure map."""
    unit = str(hdu.header.get("BUNIT", "")).strip()
    if u.Unit(unit, parse_strict="silent").is_equivalent(u.s):
        found = f"in {unit}"
    elif not np.array_equal(hdu.data, np.rint(hdu.data)):
        found = "not whole numbers"
    else:
        return
    raise FormatError(
        f"the values are {found}, so this looks like an exposure map rather than counts; pass it together with the "
        f"image of the counts, as in SkyImage.read(counts_path, exposure=map_path)",
        path,
    )


def _ccd(hdu: Any, unit: u.UnitBase, path: Any) -> CCDData:
    with foreign_content(path, "its coordinate system cannot be used"):
        wcs = celestial_wcs(hdu.header, hdu.data.shape)
    if wcs is None:
        raise FormatError("the image has no celestial coordinate system (CTYPE1 and so on)", path)
    meta = {
        card.keyword: card.value
        for card in hdu.header.cards
        if not _OWN.fullmatch(card.keyword) and isinstance(card.value, str | int | float | bool)
    }
    data = hdu.data.astype(hdu.data.dtype.newbyteorder("="))
    return CCDData(data, unit=unit, wcs=wcs, meta=meta)


def write_image(image: SkyImage, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a sky image: counts as primary image, exposure as extension ``EXPOSURE``.

    Parameters
    ----------
    image : SkyImage
        What to write.
    path : path-like
        The file, named ``.fits``, ``.fit`` or ``.img``; gzipped if ``.gz`` follows.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Returns
    -------
    path : `~pathlib.Path`

    Raises
    ------
    RequestError
        If the name has another ending.
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    path = as_path(path, "path")
    if Path(path.name.removesuffix(".gz")).suffix.lower() not in ("", *_ENDINGS):
        raise RequestError(
            f"{path.name!r} cannot name an image; it is written as {', '.join(_ENDINGS)}, or these with .gz. "
            f"A picture is saved with image.plot().figure.savefig(...)"
        )
    primary = fits.PrimaryHDU(np.asarray(image.counts.data), header=_header(image.counts.meta, image.wcs))
    primary.header.update({"BUNIT": "count", "HDUCLASS": "OGIP", "HDUCLAS1": "IMAGE", "CREATOR": "swiftxrt"})
    primary.header["TOTCTS"] = (float(np.sum(image.counts.data)), "Sum of all pixels")
    if image.band is not None:
        limits = (image.band.low_kev, image.band.high_kev)
        for key, value, end in zip(_BAND_CARDS, limits, ("Lower", "Upper"), strict=True):
            primary.header[key] = (value, f"[keV] {end} end of the band")
    provenance = image.provenance.to_dict()
    if provenance:
        primary.header[_PROVENANCE] = json.dumps(provenance)
    add_sources(primary.header, image.provenance)
    hdus: list[Any] = [primary]
    if image.exposure is not None:
        header = _header(image.exposure.meta, image.exposure.wcs or image.wcs)
        hdus.append(fits.ImageHDU(np.asarray(image.exposure.data), header=header, name=_EXPOSURE))
        hdus[-1].header.update({"BUNIT": "s", "HDUCLASS": "OGIP", "HDUCLAS1": "IMAGE", "HDUCLAS2": "EXPOSURE"})
    return save_fits(hdus, path, overwrite=overwrite)


def _header(meta: Mapping[str, Any], wcs: Any) -> fits.Header:
    """Cards of the metadata that FITS can hold, and the coordinate system."""
    header = fits.Header()
    for key, value in meta.items():
        plain = isinstance(value, str | bool | int | float) and (not isinstance(value, str) or value.isascii())
        if plain and len(key) <= 8 and not _OWN.fullmatch(key.upper()):
            header[key.upper()] = value
    header.update(wcs_cards(wcs))
    return header
