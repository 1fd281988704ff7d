"""Maps of the sky whose values are no counts: exposure, background."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..products._wcs import wcs_cards
from ._fitsfile import save_fits

__all__ = ["write_map"]


def write_map(
    values: NDArray[Any],
    wcs: WCS,
    unit: str,
    path: Path,
    *,
    cards: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a map as the only image of a FITS file, gzipped if its name ends so.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        The map; single precision is kept.
    wcs : `~astropy.wcs.WCS`
        Its system.
    unit : str
        For ``BUNIT``.
    path : Path
        The file.
    cards : mapping, optional
        Further cards.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is false.
    """
    header = fits.Header()
    header.update(wcs_cards(wcs))
    header.update({"BUNIT": unit, "CREATOR": "swiftxrt", **(cards or {})})
    data = values.astype(np.int32 if np.issubdtype(values.dtype, np.integer) else np.float32)
    return save_fits([fits.PrimaryHDU(data, header=header)], path, overwrite=overwrite)
