"""Fetching finished products from the service."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...exceptions import FormatError, PartialResultWarning, ProductNotAvailableError, ServiceError, warn
from ...io.packages import read_image_package
from ...io.spectrum import read_slice_archive
from ...jobs.protocol import JobHandle
from ...kinds import ProductKind
from ...products.countspectrum import CountSpectrum
from ...products.position import Position
from ...products.provenance import Provenance
from ...products.sources import SourceList
from ...products.spectrumset import SpectrumSet
from ...wire import envelope, lightcurve, position, rebin, sources, spectrum
from ...wire.spectrumreply import SpectrumReply
from .connection import Connection

__all__ = ["collect", "download"]

_POSITION_PATH = {
    ProductKind.STANDARD_POSITION: "tprods/getPSFPos.php",
    ProductKind.ENHANCED_POSITION: "tprods/getEnhPos.php",
    ProductKind.ASTROMETRIC_POSITION: "tprods/getAstromPos.php",
}


def collect(service: Connection, handle: JobHandle, kind: ProductKind, provenance: Provenance) -> Any:
    """Fetch a product.

    Raises
    ------
    ProductNotAvailableError
        If the service says that there is none.
    ServiceError, FormatError
        If it cannot be had.
    """
    if kind.is_position:
        return _position(service, handle, kind, provenance)
    return _COLLECTORS[kind](service, handle, provenance)


def download(
    service: Connection, handle: JobHandle, kind: ProductKind, folder: Path, *, archive_format: str, overwrite: bool
) -> Path:
    """Save the archive of a product.

    Raises
    ------
    ProductNotAvailableError
        If the service keeps none.
    ServiceError
        If the download fails.
    """
    if handle.url is None:
        raise ProductNotAvailableError(
            kind.title, "the service keeps no archive of a light curve that was binned anew; use product() and write()"
        )
    name = f"{kind.code}.{archive_format}"
    return service.fetch(f"{handle.url}/{name}", folder / name, overwrite=overwrite)


def _ask(service: Connection, handle: JobHandle, path: str, **payload: str) -> dict[str, Any]:
    return service.call(path, {"JobID": handle.id, **payload}, job_id=handle.id)


def _position(service: Connection, handle: JobHandle, kind: ProductKind, provenance: Provenance) -> Position:
    reply = _ask(service, handle, _POSITION_PATH[kind])
    return position.decode(reply, kind, _told(reply, provenance))


def _light_curve(service: Connection, handle: JobHandle, provenance: Provenance) -> Any:
    if handle.rebin_of is None:
        reply = _ask(service, handle, "tprods/getLCData.php", nosys="both", incbad="both")
    else:
        answer, url = service.call_api(rebin.ask_light_curve(handle.id))
        reply = rebin.open_reply(answer, url=url, job_id=handle.id)
    rebin.check_light_curve(reply)
    request = handle.request.light_curve.with_defaults()
    bands = (request.band, request.soft, request.hard)
    t0_met = handle.request.target.t0_met
    return lightcurve.decode(reply, bands=bands, t0_met=t0_met, provenance=_told(reply, provenance))


def _spectrum(service: Connection, handle: JobHandle, provenance: Provenance) -> SpectrumSet:
    content = _ask(service, handle, "tprods/getSpecData.php")
    reply = spectrum.decode(content)
    if reply.missing:
        raise ProductNotAvailableError(ProductKind.SPECTRUM.title, reply.missing)
    found, unread = _slices(service, reply)
    reasons = {label: str(error) for label, error in unread.items()}
    spectra = reply.assemble(found, unread=reasons, provenance=_told(content, provenance))
    if not spectra and not spectra.fits:
        if unread:
            raise next(iter(unread.values()))
        reasons = dict(spectra.missing)
        raise ProductNotAvailableError(ProductKind.SPECTRUM.title, _listed(reasons) or "the reply holds none")
    if unread:
        warn(f"time slices are missing from the spectra: {_listed(reasons)}", PartialResultWarning)
    return spectra


def _slices(
    service: Connection, reply: SpectrumReply
) -> tuple[dict[str, tuple[CountSpectrum, ...]], dict[str, ServiceError | FormatError]]:
    """The spectra of each time slice, and why those of others could not be had."""
    found, unread = {}, {}
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        for number, part in enumerate(reply.slices):
            if not part.data_url:
                continue
            try:
                path = service.fetch(part.data_url, Path(scratch) / f"slice{number}.tar.gz")
                found[part.label] = tuple(read_slice_archive(path))
            except (ServiceError, FormatError) as error:
                unread[part.label] = error
    return found, unread


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{what}: {why}" for what, why in reasons.items())


def _image(service: Connection, handle: JobHandle, provenance: Provenance) -> Any:
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        path = download(service, handle, ProductKind.IMAGE, Path(scratch), archive_format="tar.gz", overwrite=False)
        return read_image_package(path, provenance)


def _sources(service: Connection, handle: JobHandle, provenance: Provenance) -> SourceList:
    reply = _ask(service, handle, "tprods/getSourceDetResults.php")
    return sources.decode(reply, provenance=_told(reply, provenance))


_COLLECTORS: Mapping[ProductKind, Callable[[Connection, JobHandle, Provenance], Any]] = {
    ProductKind.LIGHT_CURVE: _light_curve,
    ProductKind.SPECTRUM: _spectrum,
    ProductKind.IMAGE: _image,
    ProductKind.SOURCES: _sources,
}


def _told(reply: Mapping[str, Any], otherwise: Provenance) -> Provenance:
    """Provenance as an embedded server tells it, with what is known here where it does not."""
    told = reply.get(envelope.PROVENANCE)
    if not isinstance(told, Mapping):
        return otherwise
    return Provenance.from_dict(told)
