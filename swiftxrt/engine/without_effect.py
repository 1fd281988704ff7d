"""Settings of a request that make no difference to what is built on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from .._fields import Record
from ..kinds import ProductKind
from ..request.bundle import XRTRequest
from ..request.extraction import LOCAL_ONLY

__all__ = ["settings_without_effect"]

_NO_MAIL = "nothing is sent by mail"
_NO_CATALOGUE = "catalogues are not read, and the sources seen in the image itself are masked"
_NO_CENTROID = "it tells how the centroid is taken, and the source is searched for unless method is 'centroid'"
_NO_STRAY_LIGHT = (
    "stray light cannot be fitted, because that needs the bright sources outside the field, which events do not show"
)
_NO_REGIONS = "no events are taken out of regions for this product"
_OWN_TIMES = "it is about the files of the service, and times come with their format here"

_REGIONS = tuple(("extraction", name, _NO_REGIONS) for name in LOCAL_ONLY)
# Where to look, the field, and the reason; those of `_SHARED` for all products.
_SHARED = (("", "notify", _NO_MAIL),)
_OF_PRODUCT = {
    ProductKind.STANDARD_POSITION: _REGIONS,
    ProductKind.IMAGE: _REGIONS,
    ProductKind.SOURCES: _REGIONS,
    ProductKind.LIGHT_CURVE: (("extraction", "use_sxps", _NO_CATALOGUE), ("light_curve", "time_format", _OWN_TIMES)),
    ProductKind.SPECTRUM: (("extraction", "use_sxps", _NO_CATALOGUE),),
}


def settings_without_effect(request: XRTRequest, kind: ProductKind) -> tuple[str, ...]:
    """What to tell the user about settings that were not heeded.

    Parameters
    ----------
    request : XRTRequest
        The request; values that equal the service's defaults are passed over,
        because they may have been filled in.
    kind : ProductKind
        The product that is built.

    Returns
    -------
    notes : tuple of str
        One sentence for each setting.
    """
    return tuple(_notes(request, kind))


def _notes(request: XRTRequest, kind: ProductKind) -> Iterator[str]:
    for slot, name, reason in (*_SHARED, *_OF_PRODUCT.get(kind, ())):
        part: Record = getattr(request, slot) if slot else request
        if _is_set(part, name):
            yield _sentence(f"{slot}.{name}" if slot else name, getattr(part, name), reason)
    position, sources = request.position, request.sources
    if kind.is_position and position.method != "centroid" and _is_set(position, "centroid_method"):
        yield _sentence("position.centroid_method", position.centroid_method, _NO_CENTROID)
    # The service fits it unless it is told not to.
    if kind is ProductKind.SOURCES and sources.fit_stray_light is not False:
        yield _sentence("sources.fit_stray_light", sources.fit_stray_light or "default", _NO_STRAY_LIGHT)


def _sentence(path: str, value: object, reason: str) -> str:
    return f"{path}={value!r} has no effect: {reason}"


def _is_set(part: Record, name: str) -> bool:
    """Whether a field holds anything but its default or the service's."""
    field = next(field for field in part.__record_fields__ if field.name == name)
    value = getattr(part, name)
    return value is not None and value not in (field.default, field.metadata["service_default"])
