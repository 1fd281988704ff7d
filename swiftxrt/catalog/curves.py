"""Light curves of catalogued sources and of transients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..products.lightcurve import LightCurveSet
from ..wire import api, lightcurve, sxps, sxps_products
from .bursts import fetched_from
from .following import ask_following, asked_about, product_key, tell_replaced
from .protocol import CatalogBackend

__all__ = ["catalog_light_curve", "light_curve_payload"]

_BARYCENTRED = "times were corrected to the barycentre of the solar system by the service (TDB)"


def catalog_light_curve(
    backend: CatalogBackend, source: Any = None, *, transient: Any = None, catalog: str, **options: Any
) -> LightCurveSet:
    """The light curves of a source or transient.

    Parameters
    ----------
    backend : CatalogBackend
        Who is asked.
    source, transient : object
        One of both, as users give it.
    catalog : str
        The catalogue.
    **options
        As for `swiftxrt.wire.sxps_products.ask_light_curve`.
    """
    content = _question(backend, source, transient=transient, catalog=catalog, **options)

    def read(reply: Mapping[str, Any]) -> LightCurveSet:
        sxps.check_current(reply, content["whichCat"], asked_about(content))
        # The service says it; if not, it is what was asked for.
        reply = {"Binning": content["binning"], "TimeFormat": content["timeFormat"] or "MJD", **reply}
        provenance = fetched_from(backend)
        if str(reply["TimeFormat"]).upper() == "TDB":
            provenance = replace(provenance, notes=(_BARYCENTRED,))
        return lightcurve.decode(reply, provenance=provenance)

    curves, is_other = ask_following(backend, sxps_products.LIGHT_CURVE, content, read)
    if is_other:
        tell_replaced(content)
    return curves


def light_curve_payload(source: Any = None, *, transient: Any = None, catalog: str, **options: Any) -> dict[str, Any]:
    """What would be sent for the light curves; arguments as for `catalog_light_curve`."""
    content = _question(None, source, transient=transient, catalog=catalog, **options)
    return api.seal(sxps_products.LIGHT_CURVE, content)


def _question(
    backend: CatalogBackend | None, source: Any, *, transient: Any, catalog: str, **options: Any
) -> dict[str, Any]:
    is_transient = transient is not None
    # What cannot be asked for is told before anything is sent.
    sxps_products.ask_light_curve(catalog, {}, transient=is_transient, **options)
    name, key = product_key(backend, source, transient=transient, catalog=catalog, what="light curves")
    return sxps_products.ask_light_curve(name, key, transient=is_transient, **options)
