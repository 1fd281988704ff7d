"""Spectra of catalogued sources and transients, in the words of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from astropy.coordinates import SkyCoord

from ...._log import log
from ....exceptions import NoDataError, ProductNotAvailableError, RequestRejectedError
from ....io.spectrum import write_slice_archive
from ....kinds import ProductKind
from ....products.spectrumset import SpectrumSet
from ....request.selection import AllData
from ....request.spectrum import SpectrumRequest
from ....wire import spectrum
from .lookup import find_source, find_transient, flag
from .making import CATALOGUE_T0_S, covering, kept_file, make_product, place_for

__all__ = ["FUNCTIONS", "spectra"]

_NO_SPECTRUM = {"NoSpectrum": "NoSpectrum"}


def spectra(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Spectra of a source or transient; they are not fitted.

    Parameters
    ----------
    catalog : LocalCatalog
        Has the observations.
    content : mapping
        Of the call.
    base_url : str
        Address under which the client sees the server.
    """
    if not flag(content, "transient"):
        source = find_source(catalog.store, content)
        obsids = covering(catalog, source["LSXPS_ID"])
        return _spectrum(catalog, source, obsids, ("sources", str(source["LSXPS_ID"]), "spectrum"), base_url)
    transient = find_transient(catalog.store, content)
    which = str(content.get("specType") or "both").strip().lower()
    chosen = {"discovery": [transient["DiscoveryObs"]], "full": transient["AllNewObs"]}
    if which not in (*chosen, "both"):
        raise RequestRejectedError(f"specType must be discovery, full or both; got {content.get('specType')!r:.40}")
    made = {
        name.title(): _spectrum(
            catalog, transient, obsids, ("transients", str(transient["TransientID"]), f"spectrum_{name}"), base_url
        )
        for name, obsids in chosen.items()
        if which in (name, "both")
    }
    return made if which == "both" else next(iter(made.values()))


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {"getSXPSSpectrumData": spectra}


def _spectrum(
    catalog: Any, row: dict[str, Any], obsids: Collection[str], place: tuple[str, ...], base_url: str
) -> dict[str, Any]:
    """The reply about one spectrum; its archives lie beside it."""
    path = place_for(catalog, *place, "reply.json")
    with catalog.making:
        kept_file(path, lambda new: new.write_text(json.dumps(_made(catalog, row, obsids, place)), encoding="ascii"))
    reply = dict(json.loads(path.read_text(encoding="ascii")))
    for label in reply.get("rnames", []):
        if "DataFile" in reply[label]:
            reply[label]["DataFile"] = catalog.address(path.parent / f"{label}.tar.gz", base_url)
    return reply


def _made(catalog: Any, row: dict[str, Any], obsids: Collection[str], place: tuple[str, ...]) -> dict[str, Any]:
    wanted = SpectrumRequest(data=AllData())
    try:
        found: SpectrumSet = make_product(catalog, ProductKind.SPECTRUM, row, obsids, spectrum=wanted)
    except (NoDataError, ProductNotAvailableError) as error:
        log.info("no spectrum of %s: %s", row["IAUName"], error)
        return dict(_NO_SPECTRUM)
    position = SkyCoord(row["RA"], row["Decl"], unit="deg", frame="icrs")
    for label, members in found.slices.items():
        archive = place_for(catalog, *place, f"{label}.tar.gz")
        write_slice_archive(members, archive, t0_met=CATALOGUE_T0_S, position=position, overwrite=True)
    return spectrum.encode(
        found,
        urls=dict.fromkeys(found.slices, ""),
        t0_met=CATALOGUE_T0_S,
        delta_statistic=wanted.with_defaults().delta_statistic,
    )
