"""All images of a dataset of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..exceptions import ProductNotAvailableError
from .image import SkyImage
from .provenance import Provenance

if TYPE_CHECKING:
    from astropy.nddata import CCDData
    from regions import Regions

__all__ = ["DatasetImages"]


class DatasetImages(Mapping[str, SkyImage]):
    """The images of an observation, or of a stack of observations, of the catalogue.

    A mapping of bands (``"total"``, ``"soft"``, ``"medium"``, ``"hard"``) to
    images with counts and exposure. Immutable.

    Parameters
    ----------
    images : mapping of str to SkyImage
        Counts by band.
    background, background_with_sources : mapping of str to `~astropy.nddata.CCDData`, optional
        Maps of the background by band in counts, and the same with the model of the sources.
    exposure : `~astropy.nddata.CCDData`, optional
        Exposure map.
    regions : mapping of str to `~regions.Regions`, optional
        Sources found, by band.
    missing : mapping of str to str, optional
        What is not there, such as ``"soft/background"`` or ``"exposure"``, and why.
    dataset : str, optional
        ObsID or number of the dataset.
    provenance : Provenance, optional
        Where they come from.
    """

    def __init__(
        self,
        images: Mapping[str, SkyImage],
        *,
        background: Mapping[str, CCDData] | None = None,
        background_with_sources: Mapping[str, CCDData] | None = None,
        exposure: CCDData | None = None,
        regions: Mapping[str, Regions] | None = None,
        missing: Mapping[str, str] | None = None,
        dataset: str = "",
        provenance: Provenance | None = None,
    ) -> None:
        self._images = dict(images)
        self.background: Mapping[str, CCDData] = MappingProxyType(dict(background or {}))
        self.background_with_sources: Mapping[str, CCDData] = MappingProxyType(dict(background_with_sources or {}))
        self.exposure = exposure
        self.regions: Mapping[str, Regions] = MappingProxyType(dict(regions or {}))
        self.missing: Mapping[str, str] = MappingProxyType(dict(missing or {}))
        self.dataset = dataset
        self.provenance = provenance or Provenance()

    def __getitem__(self, band: str) -> SkyImage:
        """The image of a band.

        Raises
        ------
        ProductNotAvailableError
            If there is none.
        """
        if band not in self._images:
            reason = self.missing.get(f"{band}/counts") or f"there are those of {', '.join(self._images) or 'no band'}"
            raise ProductNotAvailableError(f"image {band!r}", reason)
        return self._images[band]

    def get(self, band: str, default: SkyImage | None = None) -> SkyImage | None:  # type: ignore[override]
        """The image of a band, or `default` if there is none."""
        return self._images.get(band, default)

    def __contains__(self, band: object) -> bool:
        return band in self._images

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def plot(self, bands: Iterable[str] | None = None, *, regions: bool = True, **options: Any) -> NDArray[Any]:
        """Draw the counts of the bands side by side; see `swiftxrt.plot_image_panels`.

        Parameters
        ----------
        bands : iterable of str, optional
            Which; all by default.
        regions : bool, optional
            Whether to draw the sources found in each band.
        **options
            For `swiftxrt.plot_image_panels`, such as ``position``, ``size`` and ``stretch``.

        Returns
        -------
        axes : ndarray of `~matplotlib.axes.Axes`
            One for each band.

        Raises
        ------
        RequestError
            If there is no image, or an argument is unusable.
        ProductNotAvailableError
            If there is no image of a band.
        """
        from ..plot.panels import plot_image_panels

        chosen = {
            band: self[band] for band in (self if bands is None else [bands] if isinstance(bands, str) else bands)
        }
        labels = [f"{self.dataset} {band}".strip() for band in chosen]
        shapes = [_unnamed(self.regions.get(band, ())) for band in chosen] if regions else ()
        return plot_image_panels(list(chosen.values()), **{"labels": labels, "regions": shapes, **options})

    def peek(self) -> None:
        """Draw the counts of all bands and show them."""
        from ..plot._axes import show

        self.plot()
        show()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (
            self._images,
            {
                "background": dict(self.background),
                "background_with_sources": dict(self.background_with_sources),
                "exposure": self.exposure,
                "regions": dict(self.regions),
                "missing": dict(self.missing),
                "dataset": self.dataset,
                "provenance": self.provenance,
            },
        )

    def __repr__(self) -> str:
        parts = [
            f"{what} {', '.join(there)}"
            for what, there in (
                ("counts", self._images),
                ("background", self.background),
                ("background with sources", self.background_with_sources),
                ("regions", self.regions),
            )
            if there
        ]
        parts += [] if self.exposure is None else ["exposure"]
        return f"<DatasetImages of {self.dataset}: {'; '.join(parts) or 'empty'}>"


def _unnamed(regions: Iterable[Any]) -> list[Any]:
    """Error circles under one name: those of a field are too many for a legend."""
    return [one.copy(meta={**one.meta, "text": "detection"}) for one in regions]


def _rebuild(images: Mapping[str, SkyImage], others: dict[str, object]) -> DatasetImages:
    return DatasetImages(images, **others)  # type: ignore[arg-type]
