"""Calls that fetch finished products."""

from __future__ import annotations

from typing import Any

from ..exceptions import ProductNotAvailableError
from ..jobs.protocol import JobHandle
from ..kinds import ProductKind
from ..products.provenance import provenance_of
from ..products.report import Phase
from ..request.spectrum import SpectrumRequest
from ..wire import envelope, lightcurve, position, sources, spectrum
from ..wire.lightcurve_names import variants_asked
from ..wire.values import flag
from .call import Call, Reply
from .refusals import without_paths

__all__ = [
    "astrometric_position",
    "enhanced_position",
    "light_curve",
    "light_curve_content",
    "source_list",
    "spectra",
    "standard_position",
]


def standard_position(call: Call) -> Reply:
    """The standard position."""
    return _position(call, ProductKind.STANDARD_POSITION)


def enhanced_position(call: Call) -> Reply:
    """The enhanced position."""
    return _position(call, ProductKind.ENHANCED_POSITION)


def astrometric_position(call: Call) -> Reply:
    """The astrometric position."""
    return _position(call, ProductKind.ASTROMETRIC_POSITION)


def _position(call: Call, kind: ProductKind) -> Reply:
    """A position; that none could be found is an answer, not a refusal."""
    handle = call.job()
    try:
        found = call.backend.collect(handle, kind)
    except ProductNotAvailableError as error:
        return envelope.success(position.encode_missing(without_paths(error.reason)))
    return envelope.success(position.encode(found, kind) | _provenance(found))


def source_list(call: Call) -> Reply:
    """The sources; the reference client takes every further key for a band, so one is added only on request."""
    found = call.backend.collect(call.job(), ProductKind.SOURCES)
    asked = flag(call.payload.get(envelope.PROVENANCE))
    return envelope.success(sources.encode(found) | (_provenance(found) if asked else {}))


def light_curve(call: Call) -> Reply:
    """The light curve of a job."""
    handle = call.job()
    return envelope.success(light_curve_content(call, handle, nosys="no", incbad="no", layout=call.layout))


def light_curve_content(call: Call, handle: JobHandle, *, nosys: str, incbad: str, layout: str) -> Reply:
    """The light curve of a job or of a rebinning, without its envelope.

    Parameters
    ----------
    call : Call
        Its ``nosys`` and ``incbad`` say which variants are wanted.
    handle : JobHandle
        The job.
    nosys, incbad : {"no", "yes", "both"}
        What counts where the call does not say.
    layout : {"new", "old"}
        For which clients.
    """
    wanted = variants_asked(call.payload, nosys=nosys, incbad=incbad)
    curves = call.backend.collect(handle, ProductKind.LIGHT_CURVE)
    urls = lightcurve.file_urls(f"{call.product_url(handle.id)}/lc")
    request = handle.request.light_curve
    mjd = request is not None and request.time_format in ("m", "mjd")
    return lightcurve.encode(curves, urls=urls, mjd=mjd, layout=layout, **wanted) | _provenance(curves)


def spectra(call: Call) -> Reply:
    """The spectra, or that none could be made."""
    handle = call.job()
    try:
        found = call.backend.collect(handle, ProductKind.SPECTRUM)
    except ProductNotAvailableError as error:
        if not _has_failed(call, handle, ProductKind.SPECTRUM):
            raise
        return envelope.success(spectrum.encode_missing(without_paths(error.reason)))
    folder = f"{call.product_url(handle.id)}/spec"
    request = (handle.request.spectrum or SpectrumRequest()).with_defaults()
    content = spectrum.encode(
        found,
        urls={label: f"{folder}/{label}.tar.gz" for label in found.slices},
        t0_met=found.t0_met or 0.0,
        delta_statistic=request.delta_statistic,
        layout=call.layout,
    )
    return envelope.success(content | _provenance(found))


def _has_failed(call: Call, handle: JobHandle, kind: ProductKind) -> bool:
    status = call.backend.poll(handle).products.get(kind)
    return status is not None and status.phase in (Phase.ERROR, Phase.ABORTED)


def _provenance(product: Any) -> Reply:
    return {envelope.PROVENANCE: provenance_of(product).to_dict()}
