"""Fetching finished products from the service."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...catalog.spectrum_archives import collect_spectra
from ...config import Conf
from ...exceptions import ProductNotAvailableError
from ...io.packages import read_image_package
from ...jobs.downloading import ARCHIVE_FORMATS
from ...jobs.protocol import JobHandle
from ...kinds import ProductKind
from ...products.position import Position
from ...products.provenance import Provenance
from ...products.sources import SourceList
from ...products.spectrumset import SpectrumSet
from ...wire import envelope, lightcurve, position, rebin, sources, spectrum
from .answers import Answers
from .connection import Connection

__all__ = ["collect", "download"]

_REAL_HOST = urlsplit(Conf.service_url.defaultvalue).hostname
_POSITION_PATH = {
    ProductKind.STANDARD_POSITION: "tprods/getPSFPos.php",
    ProductKind.ENHANCED_POSITION: "tprods/getEnhPos.php",
    ProductKind.ASTROMETRIC_POSITION: "tprods/getAstromPos.php",
}


def collect(service: Answers, handle: JobHandle, kind: ProductKind, provenance: Provenance) -> Any:
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


def download(service: Connection, handle: JobHandle, kind: ProductKind, path: Path, *, overwrite: bool) -> str:
    """Save the archive of a product, of the kind that the ending says, and tell how it came.

    Raises
    ------
    ProductNotAvailableError
        If the service keeps none.
    ServiceError
        If the download fails.
    """
    return service.download(_archive(handle, kind, path), path, overwrite=overwrite)


def _archive(handle: JobHandle, kind: ProductKind, path: Path) -> str:
    """Address of the archive of a product, of the kind that the ending of `path` says."""
    if handle.url is None:
        raise ProductNotAvailableError(
            kind.title, "the service keeps no archive of a light curve that was binned anew; use product() and write()"
        )
    ending = next(ending for ending in ARCHIVE_FORMATS if path.name.endswith(f".{ending}"))
    return f"{handle.url}/{kind.code}.{ending}"


def _ask(service: Answers, handle: JobHandle, path: str, **payload: str) -> dict[str, Any]:
    return service.call(path, {"JobID": handle.id, **payload}, job_id=handle.id)


def _position(service: Answers, handle: JobHandle, kind: ProductKind, provenance: Provenance) -> Position:
    reply = _ask(service, handle, _POSITION_PATH[kind])
    return position.decode(reply, kind, _told(service, reply, provenance))


def _light_curve(service: Answers, handle: JobHandle, provenance: Provenance) -> Any:
    if handle.rebin_of is None:
        reply = _ask(service, handle, "tprods/getLCData.php", nosys="both", incbad="both")
    else:
        answer, url = service.call_api(rebin.ask_light_curve(handle.id))
        reply = rebin.open_reply(answer, url=url, job_id=handle.id)
    rebin.check_light_curve(reply)
    request = handle.request.light_curve.with_defaults()
    bands = (request.band, request.soft, request.hard)
    t0_met = handle.request.target.t0_met
    return lightcurve.decode(reply, bands=bands, t0_met=t0_met, provenance=_told(service, reply, provenance))


def _spectrum(service: Answers, handle: JobHandle, provenance: Provenance) -> SpectrumSet:
    content = _ask(service, handle, "tprods/getSpecData.php")
    told = _told(service, content, provenance)
    return collect_spectra(spectrum.decode(content), service, told, mark=service.mark, reject=service.reject)


def _image(service: Answers, handle: JobHandle, provenance: Provenance) -> Any:
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        path = Path(scratch) / "image.tar.gz"
        service.fetch(_archive(handle, ProductKind.IMAGE, path), path)
        images = read_image_package(path, provenance)
    told = [service.mark(image.provenance.received(provenance), provenance) for image in images]
    return tuple(replace(image, provenance=one) for image, one in zip(images, told, strict=True))


def _sources(service: Answers, handle: JobHandle, provenance: Provenance) -> SourceList:
    # Other clients take every key of the reply for a band, so an embedded server tells only those who ask. The real
    # service has nothing to tell, and is asked for nothing that its documentation does not know.
    is_real = urlsplit(provenance.service).hostname == _REAL_HOST
    wanted = {} if is_real else {envelope.PROVENANCE: "yes"}
    reply = _ask(service, handle, "tprods/getSourceDetResults.php", **wanted)
    return sources.decode(reply, provenance=_told(service, reply, provenance))


_COLLECTORS: Mapping[ProductKind, Callable[[Answers, JobHandle, Provenance], Any]] = {
    ProductKind.LIGHT_CURVE: _light_curve,
    ProductKind.SPECTRUM: _spectrum,
    ProductKind.IMAGE: _image,
    ProductKind.SOURCES: _sources,
}


def _told(service: Answers, reply: Mapping[str, Any], otherwise: Provenance) -> Provenance:
    """Provenance as an embedded server tells it, with what is known here where it does not."""
    told = reply.get(envelope.PROVENANCE)
    plain = told if isinstance(told, Mapping) else {}
    return service.mark(Provenance.from_dict(plain).received(otherwise), otherwise)
