"""Everything that one job made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .._paths import as_path
from ..exceptions import ProductNotAvailableError, RequestError
from ..kinds import ProductKind
from .compare import Comparison, compare_products
from .provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .image import SkyImage
    from .lightcurve import LightCurveSet
    from .position import Position
    from .replies import ServiceReply
    from .sources import SourceList
    from .spectrumset import SpectrumSet

__all__ = ["ProductSet"]


class ProductSet(Mapping[ProductKind, Any]):
    """The products of one request, and the reasons why some are missing.

    A mapping from `~swiftxrt.ProductKind` (or its name) to product; the
    attributes below are the same products by name.

    Parameters
    ----------
    products : mapping of ProductKind to product
        What was made.
    failed : mapping of ProductKind to str, optional
        What was asked for and not made, with the reason.
    request : XRTRequest, optional
        The request, as resolved by the backend.
    provenance : Provenance, optional
        Where the set comes from.
    replies : mapping of ProductKind to ServiceReply, optional
        What the service sent for the products, as it came.
    """

    def __init__(
        self,
        products: Mapping[ProductKind, Any],
        *,
        failed: Mapping[ProductKind, str] | None = None,
        request: Any = None,
        provenance: Provenance | None = None,
        replies: Mapping[ProductKind, ServiceReply] | None = None,
    ) -> None:
        self._products = dict(products)
        self._failed = dict(failed or {})
        self._replies = dict(replies or {})
        self.request = request
        self.provenance = provenance or Provenance()

    @property
    def failed(self) -> Mapping[ProductKind, str]:
        """What was asked for and not made, with the reason."""
        return MappingProxyType(self._failed)

    @property
    def replies(self) -> Mapping[ProductKind, ServiceReply]:
        """What the service sent for each product, as it came, without the user's address.

        Sets of the local engine, and those that `read` gives, have none.
        """
        return MappingProxyType(self._replies)

    def __getitem__(self, kind: ProductKind | str) -> Any:
        wanted = ProductKind.of(kind)
        if wanted not in self._products:
            raise ProductNotAvailableError(wanted.title, self.failed.get(wanted, "it was not asked for"))
        return self._products[wanted]

    def get(self, kind: ProductKind | str, default: Any = None) -> Any:
        """The product of a kind, or `default` if there is none."""
        try:
            return self[kind]
        except ProductNotAvailableError:
            return default

    def __contains__(self, kind: object) -> bool:
        return any(kind in (made, made.value) for made in self._products)

    def __iter__(self) -> Iterator[ProductKind]:
        return iter(self._products)

    def __len__(self) -> int:
        return len(self._products)

    @property
    def light_curve(self) -> LightCurveSet:
        """Light curves in the total, soft and hard band and their hardness ratio."""
        return self[ProductKind.LIGHT_CURVE]  # type: ignore[no-any-return]

    @property
    def spectrum(self) -> SpectrumSet:
        """Spectra by time slice and mode."""
        return self[ProductKind.SPECTRUM]  # type: ignore[no-any-return]

    @property
    def standard_position(self) -> Position:
        """Position from the PSF fit to the XRT data alone."""
        return self[ProductKind.STANDARD_POSITION]  # type: ignore[no-any-return]

    @property
    def enhanced_position(self) -> Position:
        """Position with the pointing corrected by UVOT."""
        return self[ProductKind.ENHANCED_POSITION]  # type: ignore[no-any-return]

    @property
    def astrometric_position(self) -> Position:
        """Position with the pointing corrected by X-ray sources in the field."""
        return self[ProductKind.ASTROMETRIC_POSITION]  # type: ignore[no-any-return]

    @property
    def position(self) -> Position:
        """The position with the smallest error among those that were made."""
        made = [product for kind, product in self._products.items() if kind.is_position]
        if not made:
            reasons = [reason for kind, reason in self.failed.items() if kind.is_position]
            raise ProductNotAvailableError("position", "; ".join(reasons) or "it was not asked for")
        return min(made, key=lambda position: position.radius)  # type: ignore[no-any-return]

    @property
    def image(self) -> tuple[SkyImage, ...]:
        """Sky images, one per energy band asked for."""
        return self[ProductKind.IMAGE]  # type: ignore[no-any-return]

    @property
    def sources(self) -> SourceList:
        """Sources found in the field, by energy band."""
        return self[ProductKind.SOURCES]  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        """Whether two sets have equal products, and lack the same ones.

        Each product tells what is equal for it: values with their units and
        what they mean. Requests, reasons and provenance do not count.
        """
        if not isinstance(other, ProductSet):
            return NotImplemented
        return self._products == other._products and set(self._failed) == set(other._failed)

    __hash__ = None  # type: ignore[assignment]  # The products are arrays.

    def compare(self, other: ProductSet) -> Comparison:
        """Compare with the products of another job, value by value, in units of their errors.

        Meant for the same request run by two backends, or at two times. Bins
        of light curves are partners if more than half of their joint extent
        is common, sources if each is the nearest of the other and within the
        errors; spectra are compared by slice and mode, images by band.

        Parameters
        ----------
        other : ProductSet
            The other products.

        Returns
        -------
        comparison : Comparison
            A table, what is missing in one of the two, and what was asked for
            differently.

        Raises
        ------
        RequestError
            If `other` is not a set of products.
        """
        if not isinstance(other, ProductSet):
            raise RequestError([("other", f"a ProductSet is needed; got {type(other).__name__}")], "comparison")
        return compare_products(self, other)

    def write(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Save all products in a folder.

        Light curves are saved as ECSV, spectra as OGIP PHA, images as FITS and
        positions as JSON with a DS9 region; ``swiftxrt.json`` lists them with
        checksums, the request and the provenance.

        Parameters
        ----------
        folder : path-like
            Where to; made if it does not exist.
        overwrite : bool, optional
            Whether products written there before may be replaced.

        Returns
        -------
        folder : Path

        Raises
        ------
        RequestError
            If the name is that of a file, such as ``"x.fits"``.
        OutputExistsError
            If the folder holds files and `overwrite` is False, or other files
            than products: those are never replaced.
        StorageError
            If it cannot be written; an earlier set is left as it was.
        """
        from ..io import manifest
        from ..io._folders import folder_to_write

        place = folder_to_write(folder, "a set of products", "products.light_curve.total.write('curve.fits')")
        return manifest.write_productset(self, place, overwrite=overwrite)

    @classmethod
    def read(cls, folder: str | Path) -> ProductSet:
        """Read a folder that `write` made.

        Raises
        ------
        FormatError
            If it is not such a folder, or a file in it is damaged.
        """
        from ..io import manifest

        return manifest.read_productset(as_path(folder, "folder"))

    def write_bundle(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save everything that is known of the products in one folder or zip archive.

        A bundle holds the products as `write` saves them, the request, the
        replies of the service as they came, versions and provenance, and
        ``SHA256SUMS`` with a checksum of every file. There is no e-mail
        address in it.

        Parameters
        ----------
        path : path-like
            A new folder, or a file whose name ends in ``.zip``.
        overwrite : bool, optional
            Whether an earlier bundle of that name is replaced.

        Returns
        -------
        path : Path

        Raises
        ------
        OutputExistsError
            If there is something of that name and `overwrite` is False, or
            something else than a bundle: that is never replaced.
        RequestError
            If the name is that of another kind of file.
        StorageError
            If it cannot be written; an earlier bundle is left as it was.
        """
        from ..io import bundle

        return bundle.write_bundle(self, as_path(path, "path"), overwrite=overwrite)

    @classmethod
    def read_bundle(cls, path: str | Path) -> ProductSet:
        """Read what `write_bundle` wrote; nothing is asked of any service.

        The checksum of every file is checked. Products that came from a
        service are made anew from its replies, so they profit from whatever
        this release reads better than the one that wrote the bundle.

        Parameters
        ----------
        path : path-like
            The folder or zip archive.

        Returns
        -------
        products : ProductSet
            Equal to the set that was written.

        Raises
        ------
        FormatError
            If it is no bundle, or one of a newer release, or if a file in it
            is damaged, missing or does not belong to it.

        Warns
        -----
        MetadataWarning
            If a reply cannot be read by this release; the product is read as
            it was saved.
        """
        from ..backends.ukssdc.replay import decode_reply
        from ..io import bundle

        return bundle.read_bundle(as_path(path, "path"), decode_reply)

    def plot(self) -> list[Axes]:
        """Draw all products into one figure; see `swiftxrt.plot.productset.plot_products`."""
        from ..plot.productset import plot_products

        return plot_products(self)

    def peek(self) -> None:
        """Draw all products and show them."""
        from ..plot.productset import peek_products

        peek_products(self)

    def __repr__(self) -> str:
        made = ", ".join(kind.value for kind in self._products) or "nothing"
        missing = f"; missing {', '.join(kind.value for kind in self.failed)}" if self.failed else ""
        return f"<ProductSet: {made}{missing}>"
