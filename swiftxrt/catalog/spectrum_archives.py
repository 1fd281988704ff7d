"""From a spectrum reply to spectra: the archive of each time slice is fetched and read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ..exceptions import FormatError, PartialResultWarning, ProductNotAvailableError, ServiceError, warn
from ..io.spectrum import read_slice_archive
from ..kinds import ProductKind
from ..products.countspectrum import CountSpectrum
from ..products.provenance import Provenance
from ..products.spectrumset import SpectrumSet
from ..wire.spectrumreply import SpectrumReply

__all__ = ["Source", "collect_spectra"]


class Source(Protocol):
    """Where files that a reply names can be had."""

    def fetch(self, url: str, path: Path) -> Path:
        """Download a file."""
        ...


def collect_spectra(
    reply: SpectrumReply,
    source: Source,
    provenance: Provenance,
    *,
    mark: Callable[[Provenance, Provenance], Provenance] = lambda told, here: told,
    reject: Callable[[], None] = lambda: None,
    keep: Callable[[Path, str], object] = lambda path, url: None,
) -> SpectrumSet:
    """Fetch and read the archives that a spectrum reply names.

    Parameters
    ----------
    reply : SpectrumReply
        What the service said.
    source : Source
        Where its files are.
    provenance : Provenance
        Where the spectra come from.
    mark : callable, optional
        Called with the provenance of each spectrum and with `provenance`;
        gives the former with what else is to be said.
    reject : callable, optional
        Called for each archive that cannot be used.
    keep : callable, optional
        Called with the path, which is temporary, and the address of each
        archive that can.

    Returns
    -------
    spectra : SpectrumSet
        What there is; ``missing`` tells the rest.

    Raises
    ------
    ProductNotAvailableError
        If there is nothing.
    ServiceError, FormatError
        If no archive can be had, or read.

    Warns
    -----
    PartialResultWarning
        If that is so for some of the archives.
    """
    if reply.missing:
        raise ProductNotAvailableError(ProductKind.SPECTRUM.title, reply.missing)

    def told(spectrum: CountSpectrum) -> Provenance:
        return mark(spectrum.provenance.received(provenance), provenance)

    found, unread = _slices(reply, source, told, reject, keep)
    reasons = {label: str(error) for label, error in unread.items()}
    spectra = reply.assemble(found, unread=reasons, provenance=provenance)
    if not spectra and not spectra.fits:
        if unread:
            raise next(iter(unread.values()))
        reasons = dict(spectra.missing)
        raise ProductNotAvailableError(ProductKind.SPECTRUM.title, _listed(reasons) or "the reply holds none")
    if unread:
        warn(f"time slices are missing from the spectra: {_listed(reasons)}", PartialResultWarning)
    return spectra


def _slices(
    reply: SpectrumReply,
    source: Source,
    told: Callable[[CountSpectrum], Provenance],
    reject: Callable[[], None],
    keep: Callable[[Path, str], object],
) -> tuple[dict[str, tuple[CountSpectrum, ...]], dict[str, ServiceError | FormatError]]:
    """The spectra of each time slice, and why those of others could not be had."""
    found: dict[str, tuple[CountSpectrum, ...]] = {}
    unread: dict[str, ServiceError | FormatError] = {}
    with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
        for number, part in enumerate(reply.slices):
            if not part.data_url:
                continue
            try:
                path = source.fetch(part.data_url, Path(scratch) / f"slice{number}.tar.gz")
                read = read_slice_archive(path)
                found[part.label] = tuple(one.replace(provenance=told(one)) for one in read)
                keep(path, part.data_url)
            except (ServiceError, FormatError) as error:
                unread[part.label] = error
                reject()
    return found, unread


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{what}: {why}" for what, why in reasons.items())
