"""The kinds of product that can be asked for, with all their names in one table."""

from __future__ import annotations

from enum import Enum
from typing import Self

from ._fields import nearest
from .exceptions import RequestError

__all__ = ["ProductKind"]


class ProductKind(Enum):
    """A kind of product.

    The value is the name used in this package. ``code`` is the name in the
    service's replies and archives, ``flag`` the key that asks for it,
    ``swifttools_name`` the name of the reference client and ``slot`` the
    attribute of `~swiftxrt.XRTRequest` that describes it.
    """

    code: str
    flag: str
    swifttools_name: str
    slot: str

    LIGHT_CURVE = ("light_curve", "lc", "lc", "LightCurve", "light_curve")
    SPECTRUM = ("spectrum", "spec", "spec", "Spectrum", "spectrum")
    STANDARD_POSITION = ("standard_position", "psf", "dopsf", "StandardPos", "position")
    ENHANCED_POSITION = ("enhanced_position", "enh", "doenh", "EnhancedPos", "position")
    ASTROMETRIC_POSITION = ("astrometric_position", "xastrom", "doxastrom", "AstromPos", "position")
    IMAGE = ("image", "image", "image", "Image", "image")
    SOURCES = ("sources", "sourceDet", "sourceDet", "SourceDet", "sources")

    def __new__(cls, value: str, code: str, flag: str, swifttools_name: str, slot: str) -> Self:
        """Give a kind its names."""
        kind = object.__new__(cls)
        kind._value_ = value
        kind.code = code
        kind.flag = flag
        kind.swifttools_name = swifttools_name
        kind.slot = slot
        return kind

    @property
    def title(self) -> str:
        """The name in words, e.g. ``"standard position"``."""
        return str(self.value).replace("_", " ")

    @property
    def is_position(self) -> bool:
        """Whether the product is one of the three positions."""
        return self.slot == "position"

    @classmethod
    def of(cls, kind: ProductKind | str) -> ProductKind:
        """The kind itself, or the one with that name.

        Raises
        ------
        RequestError
            If no kind has that name.
        """
        if isinstance(kind, cls):
            return kind
        if kind not in _BY_VALUE:
            hint = nearest(str(kind), _BY_VALUE)
            raise RequestError([("kind", f"must be one of {', '.join(_BY_VALUE)}; got {kind!r}{hint}")])
        return _BY_VALUE[str(kind)]

    @classmethod
    def from_code(cls, code: str) -> ProductKind:
        """The kind for a code of the service.

        Raises
        ------
        KeyError
            If no kind has that code.
        """
        return _BY_CODE[code]

    def __str__(self) -> str:
        return str(self.value)


_BY_VALUE: dict[str, ProductKind] = {kind.value: kind for kind in ProductKind}
_BY_CODE = {kind.code: kind for kind in ProductKind}
