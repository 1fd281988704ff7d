"""Sky images: counts per pixel with their exposure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData, Cutout2D, NoOverlapError
from astropy.wcs import WCS

from ..bands import EnergyBand
from ..exceptions import NoDataError, RequestError
from ._wcs import same_wcs
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SkyImage"]


@dataclass(frozen=True, eq=False, repr=False)
class SkyImage:
    """Counts per sky pixel in one energy band, with the exposure of each pixel if known.

    Parameters
    ----------
    counts : `~astropy.nddata.CCDData`
        Counts; data in FITS order [y, x], unit ct, with a celestial WCS.
    exposure : `~astropy.nddata.CCDData`, optional
        Exposure of each pixel in seconds; same shape as `counts`.
    band : EnergyBand, optional
        Energies counted; None when all events were.
    provenance : Provenance, optional
        How the image was made; not part of comparisons.

    Raises
    ------
    RequestError
        If units, shapes or the WCS do not fit.
    """

    counts: CCDData
    exposure: CCDData | None = None
    band: EnergyBand | None = None
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.counts, CCDData) or self.counts.unit != u.ct or self.counts.data.ndim != 2:
            problems.append(("counts", "a two-dimensional CCDData with unit ct is needed"))
        elif self.counts.wcs is None or not self.counts.wcs.has_celestial:
            problems.append(("counts", "a celestial WCS is needed"))
        elif self.exposure is not None:
            if not isinstance(self.exposure, CCDData) or self.exposure.unit != u.s:
                problems.append(("exposure", "a CCDData with unit s is needed"))
            elif self.exposure.shape != self.counts.shape:
                problems.append(("exposure", f"shape {self.exposure.shape} is not that of the counts"))
        if self.band is not None and not isinstance(self.band, EnergyBand):
            problems.append(("band", f"an EnergyBand is needed; got {self.band!r}"))
        if problems:
            raise RequestError(problems, "sky image")

    @property
    def wcs(self) -> WCS:
        """Celestial system of the pixels."""
        return self.counts.wcs

    @property
    def shape(self) -> tuple[int, int]:
        """Number of pixels, (ny, nx)."""
        return self.counts.data.shape

    @property
    def rate(self) -> CCDData:
        """Count rate in ct/s; NaN where there was no exposure.

        Raises
        ------
        NoDataError
            If the image has no exposure map.
        """
        if self.exposure is None:
            raise NoDataError("the image has no exposure map; give one, as in SkyImage.read(path, exposure=map_path)")
        exposure_s = self.exposure.data
        rate = np.full(self.shape, np.nan)
        np.divide(self.counts.data, exposure_s, out=rate, where=exposure_s > 0)
        return CCDData(rate, unit=u.ct / u.s, wcs=self.wcs, meta=dict(self.counts.meta))

    def cutout(self, position: SkyCoord, size: u.Quantity) -> SkyImage:
        """The part of the image around a position.

        Parameters
        ----------
        position : `~astropy.coordinates.SkyCoord`
            Centre.
        size : `~astropy.units.Quantity`, angle
            Side of a square, or the pair (height, width).

        Returns
        -------
        image : SkyImage
            Trimmed at the edge of the image.

        Raises
        ------
        RequestError
            If the arguments are not a position and a positive angle.
        NoDataError
            If nothing of the image lies there.
        """
        if not isinstance(position, SkyCoord) or not position.isscalar:
            raise RequestError([("position", f"one SkyCoord is needed; got {position!r}")], "cutout")
        angle = isinstance(size, u.Quantity) and size.unit.is_equivalent(u.arcsec) and size.shape in ((), (2,))
        if not angle or not np.all(size > 0):
            raise RequestError([("size", f"a positive angle is needed, such as 5 * u.arcmin; got {size!r}")], "cutout")
        try:
            counts = _cut(self.counts, position, size)
            exposure = None if self.exposure is None else _cut(self.exposure, position, size)
        except NoOverlapError:
            where = position.to_string("hmsdms", precision=1)
            raise NoDataError(f"no pixel of the image lies within {size} around {where}") from None
        return SkyImage(counts, exposure, self.band, self.provenance)

    @classmethod
    def read(cls, path: str | PathLike[str], *, exposure: str | PathLike[str] | None = None) -> SkyImage:
        """Read a sky image, of this package or as in the Swift archive.

        Parameters
        ----------
        path : path-like
            FITS image such as ``sw00085374001xpc_sk.img.gz``.
        exposure : path-like, optional
            FITS file with the exposure map, such as
            ``sw00085374001xpc_ex.img.gz``, when it is not in the same file.

        Raises
        ------
        FormatError
            If a file is not a FITS image with a celestial WCS, or is damaged;
            if `path` holds no counts but, for example, exposures.
        """
        from ..io.image import read_image

        return read_image(path, exposure=exposure)

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the counts as primary image and the exposure as extension ``EXPOSURE``.

        The name ends with ``.fits``, ``.fit`` or ``.img``; ``.gz`` after it compresses.

        Raises
        ------
        RequestError
            If the name has another ending.
        OutputExistsError
            If `path` exists and `overwrite` is false.
        """
        from ..io.image import write_image

        return write_image(self, path, overwrite=overwrite)

    def plot(self, *, ax: Axes | None = None, regions: Iterable[Any] = (), **artist_kwargs: Any) -> Axes:
        """Draw the image on celestial axes, see `swiftxrt.plot.image.plot_image`."""
        from ..plot.image import plot_image

        return plot_image(self, ax=ax, regions=regions, **artist_kwargs)

    def peek(self) -> None:
        """Draw the image and show it."""
        from ..plot.image import peek_image

        peek_image(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SkyImage):
            return NotImplemented
        return (
            self.band == other.band
            and np.array_equal(self.counts.data, other.counts.data)
            and same_wcs(self.wcs, other.wcs)
            and _same_map(self.exposure, other.exposure)
        )

    __hash__ = None  # type: ignore[assignment]  # Compared by content, which is too much to hash.

    def __repr__(self) -> str:
        height, width = self.shape
        band = f", {self.band}" if self.band else ""
        exposure = "" if self.exposure is None else f", exposure up to {np.nanmax(self.exposure.data):.1f} s"
        return f"<SkyImage {width} x {height} pix, {np.sum(self.counts.data):.10g} ct{band}{exposure}>"


def _same_map(first: CCDData | None, second: CCDData | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first.data, second.data, equal_nan=True)


def _cut(image: CCDData, position: SkyCoord, size: u.Quantity) -> CCDData:
    if not np.all(np.isfinite(image.wcs.world_to_pixel(position))):
        raise NoOverlapError("the position is on the other side of the sky")
    part = Cutout2D(image.data, position, size, wcs=image.wcs, mode="trim", copy=True)
    return CCDData(part.data, unit=image.unit, wcs=part.wcs, meta=dict(image.meta))
