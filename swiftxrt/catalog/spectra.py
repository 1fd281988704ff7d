"""Spectra of catalogued sources and of transients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..exceptions import PartialResultWarning, ProductNotAvailableError, warn
from ..products.spectrumset import SpectrumSet
from ..wire import api, spectrum, sxps, sxps_products
from ..wire.spectrumreply import SpectrumReply
from .bursts import fetched_from
from .fetching import fetch_all
from .following import ask_following, asked_about, product_key, tell_replaced
from .protocol import CatalogBackend
from .saving import Keeping, file_name
from .spectrum_archives import collect_spectra

__all__ = ["catalog_spectra", "spectra_payload"]

_OTHERS = {"full": "discovery", "discovery": "full"}


def catalog_spectra(
    backend: CatalogBackend,
    source: Any = None,
    *,
    transient: Any = None,
    catalog: str,
    which: str | None = None,
    location: str | Path | None = None,
    layout: str = "folders",
    overwrite: bool = False,
) -> SpectrumSet:
    """The spectrum of a source or transient; see `swiftxrt.SwiftXRTClass.get_spectra`."""
    Keeping.of(location, "", layout=layout)
    content = _question(backend, source, transient=transient, catalog=catalog, which=which)
    asked = asked_about(content)

    def read(reply: Mapping[str, Any]) -> tuple[str, SpectrumReply]:
        sxps.check_current(reply, content["whichCat"], asked)
        chosen, block = (
            sxps_products.choose_spectrum(reply) if transient is not None and which is None else (which or "", reply)
        )
        return chosen, spectrum.decode(block)

    (chosen, told), is_other = ask_following(backend, sxps_products.SPECTRA, content, read)
    if told.missing and which is not None:
        raise ProductNotAvailableError(f"{which} spectrum", f"{told.missing}; try which={_OTHERS[which.lower()]!r}")
    keeping = Keeping.of(location, asked, layout=layout, overwrite=overwrite)
    provenance = fetched_from(backend)
    if chosen:
        provenance = replace(provenance, notes=(f"the {chosen} spectrum of transient {asked}",))
    spectra = _collected(backend, told, provenance, keeping)
    if is_other:
        tell_replaced(content)
    return spectra


def spectra_payload(
    source: Any = None, *, transient: Any = None, catalog: str, which: str | None = None
) -> dict[str, Any]:
    """What would be sent for the spectrum; arguments as for `catalog_spectra`."""
    content = _question(None, source, transient=transient, catalog=catalog, which=which)
    return api.seal(sxps_products.SPECTRA, content)


def _question(
    backend: CatalogBackend | None, source: Any, *, transient: Any, catalog: str, which: str | None
) -> dict[str, Any]:
    is_transient = transient is not None
    # What cannot be asked for is told before anything is sent.
    sxps_products.ask_spectra(catalog, {}, transient=is_transient, which=which)
    name, key = product_key(backend, source, transient=transient, catalog=catalog, what="spectra")
    return sxps_products.ask_spectra(name, key, transient=is_transient, which=which)


def _collected(backend: CatalogBackend, told: SpectrumReply, provenance: Any, keeping: Keeping | None) -> SpectrumSet:
    """Fetch and read the archives; keep them, and the pictures of the fits, where that is wanted."""
    if keeping is None or told.missing:
        return collect_spectra(told, backend, provenance)
    pictures = {
        fit.image_url: file_name(fit.image_url)
        for part in told.slices
        for mode in part.modes.values()
        for fit in mode.fits.values()
        if fit.image_url
    }
    keeping.check([*(file_name(part.data_url) for part in told.slices if part.data_url), *pictures.values()])
    spectra = collect_spectra(told, backend, provenance, keep=lambda path, url: keeping.keep(path, file_name(url)))
    with TemporaryDirectory(prefix="swiftxrt-") as scratch:
        files, errors = fetch_all(backend, {url: url for url in pictures}, Path(scratch))
        for url, path in files.items():
            keeping.keep(path, pictures[url])
    if errors:
        reasons = "; ".join(f"{pictures[url]}: {error}" for url, error in errors.items())
        warn(f"pictures of fits are missing: {reasons}", PartialResultWarning)
    return spectra
