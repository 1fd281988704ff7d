"""Light curves of bursts, as they are and binned anew, in the words of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...._printable import without_paths
from ....exceptions import JobLostError, NoDataError, ProductNotAvailableError, RequestRejectedError
from ....jobs.protocol import JobHandle
from ....kinds import ProductKind
from ....products.lightcurve import LightCurveSet
from ....products.report import Phase
from ....wire import api, lightcurve
from ....wire import rebin as wire
from ....wire.lightcurve_names import variants_asked
from .burst_targets import burst_of_target, require_burst

__all__ = ["FUNCTIONS", "curve_content"]

_KIND = ProductKind.LIGHT_CURVE
_BURST, _REBINNED = "GRB", "REBIN_LC"
_NO_BURST = "there is no such burst here"
_MJD = ("m", "mjd")


def light_curve(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The light curve of a burst, or of a rebinning that has ended.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``type``, ``objectID``, ``incbad`` and ``nosys``.
    base_url : str
        Address under which the client sees the server.
    """
    if content.get("type") == _REBINNED:
        return _rebinned(catalog, content, base_url)
    if content.get("type") != _BURST:
        raise RequestRejectedError(f"a light curve is of type {_BURST} or {_REBINNED}; got {content.get('type')!r:.40}")
    burst = burst_of_target(catalog.archive, content.get("objectID"))
    if burst is None:
        return {"NOLC": _NO_BURST, "Datasets": []}
    try:
        handle, curves = catalog.bursts.get(burst, _KIND)
    except (ProductNotAvailableError, NoDataError) as error:
        return {"NOLC": without_paths(_reason(error)), "Datasets": []}
    folder = catalog.files / "xrt_curves" / burst.target_id / handle.id
    return curve_content(catalog, handle, curves, folder, base_url, variants_asked(content, nosys="no", incbad="yes"))


def curve_content(
    catalog: Any, handle: JobHandle, curves: LightCurveSet, folder: Path, base_url: str, variants: Mapping[str, str]
) -> dict[str, Any]:
    """The reply for light curves whose files are in a folder."""
    written = catalog.bursts.files(_KIND, curves, folder, handle.request)
    urls = lightcurve.file_urls(catalog.address(folder, base_url))
    there = {dataset: url for dataset, url in urls.items() if (written / url.rpartition("/")[2]).is_file()}
    asked = handle.request.light_curve
    mjd = asked is not None and asked.time_format in _MJD
    return lightcurve.encode(curves, urls=there, mjd=mjd, **variants)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error))


# ---------------------------------------------------------------- rebinning


def rebin_light_curve(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Start to bin the light curve of a burst anew; of a job, jobs do that themselves.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the products.
    content : mapping
        Of the call: ``type``, ``objectID`` and the parameters.
    base_url : str
        Not used.
    """
    if content.get("type") != _BURST:
        raise RequestRejectedError(f"light curves of type {_BURST} are binned here; got {content.get('type')!r:.40}")
    burst = require_burst(catalog.archive, content.get("objectID"))
    try:
        parent = catalog.bursts.get(burst, _KIND)[0]
    except (ProductNotAvailableError, NoDataError) as error:
        raise RequestRejectedError(f"{burst.name} has no light curve: {_reason(error)}") from error
    words = {key: value for key, value in content.items() if key not in ("type", "objectID", "name")}
    since_t0 = bool(parent.request.times_since_t0)
    _, request = wire.read_rebin(words, parent.request.light_curve, times_since_t0=since_t0)
    return {"JobID": int(catalog.bursts.rebin(parent, request).id)}


def rebin_status(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """State of a rebinning.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the jobs.
    content : mapping
        Of the call: ``JobID``.
    base_url : str
        Not used.
    """
    report = catalog.bursts.jobs.poll(_rebinning(catalog, content))
    return api.open_reply(wire.encode_status(report.products[_KIND]), url=base_url)


def cancel_rebin(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """End a rebinning.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the jobs.
    content : mapping
        Of the call: ``JobID``.
    base_url : str
        Not used.
    """
    handle, jobs = _rebinning(catalog, content), catalog.bursts.jobs
    before = jobs.poll(handle).products[_KIND].phase
    after = jobs.cancel(handle, [_KIND]).products[_KIND].phase
    cancelled = after is Phase.ABORTED and not before.is_final
    return api.open_reply(wire.encode_cancel(cancelled=cancelled), url=base_url)


def _rebinned(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    handle, jobs = _rebinning(catalog, content), catalog.bursts.jobs
    try:
        curves = jobs.collect(handle, _KIND)
    except ProductNotAvailableError as error:
        if not jobs.poll(handle).phase.is_final:
            raise RequestRejectedError(f"the rebinning {handle.id} has not ended: {error.reason}") from error
        return {"NOLC": without_paths(error.reason), "Datasets": []}
    folder = catalog.files / "xrt_curves" / "rebinned" / handle.id
    return curve_content(catalog, handle, curves, folder, base_url, variants_asked(content, nosys="no", incbad="yes"))


def _rebinning(catalog: Any, content: Mapping[str, Any]) -> JobHandle:
    job_id = wire.job_id_of({**content, "APIFunc": "downloadLightCurve"})
    try:
        handle: JobHandle = catalog.bursts.find(job_id, _KIND, rebinned=True)
        return handle
    except JobLostError as error:
        raise RequestRejectedError(wire.unknown_job(job_id)["ERRORTEXT"]) from error


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "downloadLightCurve": light_curve,
    "rebinLightCurve": rebin_light_curve,
    "checkRebinStatus": rebin_status,
    "cancelRebin": cancel_rebin,
}
