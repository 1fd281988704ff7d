"""Ready-made products of gamma-ray bursts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from astropy.table import Row

from .._atomic import usable_folder
from .._filenames import safe_name
from .._paths import as_path
from ..catalog_fields import CATALOGS
from ..exceptions import ProductNotAvailableError, ProtocolError, RequestError, UnknownObjectError
from ..products.burst_analyser import BurstAnalyser
from ..products.lightcurve import LightCurveSet
from ..products.position import Position
from ..products.provenance import CLIENT, Provenance, utc_now
from ..products.spectrumset import SpectrumSet
from ..wire import api, lightcurve, spectrum
from ..wire import burst_analyser as analyser_wire
from ..wire import grb as wire
from ..wire.reading import names, text
from .protocol import CatalogBackend
from .spectrum_archives import collect_spectra

__all__ = [
    "Burst",
    "analyser_payload",
    "burst_analyser",
    "burst_light_curve",
    "burst_light_curve_payload",
    "burst_observations",
    "burst_position",
    "burst_positions",
    "burst_spectra",
    "burst_spectra_payload",
    "download_analyser",
    "find_burst",
    "fetched_from",
    "position_payload",
    "positions_payload",
]

#: Numbers of bursts by name, for as long as somebody uses the catalogue that told them.
_KNOWN: MutableMapping[CatalogBackend, dict[str, int]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Burst:
    """A burst: number of its target, and its name if it was found by that."""

    target: int
    name: str | None = None

    @property
    def target_id(self) -> str:
        """The target ID, eight digits."""
        return f"{self.target:08d}"

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.name or f"target {self.target_id}"


def find_burst(catalog: CatalogBackend, grb: Any) -> Burst:
    """The burst of a name in any spelling, a trigger number, a target ID, or a row of a catalogue of bursts.

    Names are asked for once. Where a name is not known, that with the letter
    ``A``, or without it, is tried.

    Raises
    ------
    RequestError
        If it is none of these.
    UnknownObjectError
        If there is no burst of the name.
    """
    found = wire.parse_burst(_of_row(grb) if isinstance(grb, Row | Mapping) else grb)
    if isinstance(found, int):
        return Burst(found)
    known = _KNOWN.setdefault(catalog, {})
    unknown: UnknownObjectError | None = None
    for name in (found, *wire.other_spellings(found)):
        try:
            if name not in known:
                known[name] = wire.decode_target(catalog.ask("GRBNameToTargetID", {"name": name}), found)
            return Burst(known[name], name)
        except UnknownObjectError as error:
            unknown = unknown or error
    raise unknown or UnknownObjectError(found)


def _known_burst(catalog: CatalogBackend, grb: Any) -> Burst:
    """The burst of a number, or of a name that was asked for before; nobody is asked.

    Raises
    ------
    RequestError
        If somebody would have to be asked.
    """
    found = wire.parse_burst(_of_row(grb) if isinstance(grb, Row | Mapping) else grb)
    if isinstance(found, int):
        return Burst(found)
    known = _KNOWN.get(catalog, {})
    for name in (found, *wire.other_spellings(found)):
        if name in known:
            return Burst(known[name], name)
    text = f"the service is asked for the number of {found!r} before what would be sent is known"
    raise RequestError([("grb", f"{text}; give the trigger number or the target ID")])


def _of_row(row: Row | Mapping[str, Any]) -> Any:
    """Name or number of the burst in a row of a catalogue; numbers of triggers need not be those of targets."""
    there = row.colnames if isinstance(row, Row) else list(row)
    for info in CATALOGS.values():
        if not info.is_sxps and info.name_column in there and info.id_column in there:
            return row[info.id_column] if info.name == "UK_XRT" else str(row[info.name_column])
    raise RequestError([("grb", f"a row of a catalogue of bursts is needed; this one has {', '.join(there):.100}")])


def fetched_from(catalog: CatalogBackend, *, job_id: str = "") -> Provenance:
    """What is known of where a product comes from that was fetched just now."""
    return Provenance(
        backend=catalog.name,
        created=utc_now(),
        service="" if catalog.name == "local" else catalog.service,
        api_version=api.API_VERSION,
        job_id=job_id,
        client=CLIENT,
    )


def burst_light_curve(catalog: CatalogBackend, grb: Any) -> LightCurveSet:
    """The light curves of a burst with all their variants, in one question."""
    burst = find_burst(catalog, grb)
    content = catalog.ask("downloadLightCurve", wire.ask_light_curve(burst.target))
    wire.check_light_curve(content, burst.label)
    return lightcurve.decode(content, provenance=fetched_from(catalog))


def burst_light_curve_payload(catalog: CatalogBackend, grb: Any) -> dict[str, Any]:
    """What would be sent for the light curves of a burst."""
    return api.seal("downloadLightCurve", wire.ask_light_curve(_known_burst(catalog, grb).target))


def burst_spectra(catalog: CatalogBackend, grb: Any) -> SpectrumSet:
    """The spectra of a burst: of all times, and of late ones if there are enough data."""
    burst = find_burst(catalog, grb)
    content = catalog.ask("downloadSpectrum", wire.ask_spectra(burst.target))
    wire.check_spectra(content, burst.label)
    return collect_spectra(spectrum.decode(content), catalog, fetched_from(catalog))


def burst_spectra_payload(catalog: CatalogBackend, grb: Any) -> dict[str, Any]:
    """What would be sent for the spectra of a burst."""
    return api.seal("downloadSpectrum", wire.ask_spectra(_known_burst(catalog, grb).target))


def burst_position(catalog: CatalogBackend, grb: Any, kind: str) -> Position:
    """One position of a burst; all kinds are asked for, so that an error can tell which there are."""
    wire.position_words([kind])
    burst = find_burst(catalog, grb)
    found = _positions(catalog, burst, None)
    wanted = kind.strip().lower()
    if wanted not in found:
        there = ", ".join(one for one in found if one != "best")
        raise ProductNotAvailableError(
            f"{wanted} position of {burst.label}", f"the service has {there or 'none of any kind'}"
        )
    return found[wanted]


def position_payload(catalog: CatalogBackend, grb: Any, kind: str) -> dict[str, Any]:
    """What would be sent for one position of a burst."""
    wire.position_words([kind])
    return positions_payload(catalog, grb)


def burst_positions(catalog: CatalogBackend, grb: Any, kinds: Iterable[str] | None) -> dict[str, Position]:
    """The positions of a burst that there are, by kind."""
    words = _kind_words(kinds)
    return _positions(catalog, find_burst(catalog, grb), words)


def positions_payload(catalog: CatalogBackend, grb: Any, kinds: Iterable[str] | None = None) -> dict[str, Any]:
    """What would be sent for positions of a burst."""
    words = _kind_words(kinds)
    return api.seal("getGRBPositions", wire.ask_positions(_known_burst(catalog, grb).target, words))


def _kind_words(kinds: Any) -> list[str] | None:
    if kinds is None:
        return None
    if isinstance(kinds, str) or not isinstance(kinds, Iterable):
        kinds = [kinds]
    return wire.position_words(kinds)


def _positions(catalog: CatalogBackend, burst: Burst, words: list[str] | None) -> dict[str, Position]:
    content = catalog.ask("getGRBPositions", wire.ask_positions(burst.target, words))
    return wire.decode_positions(content, fetched_from(catalog))


def burst_analyser(catalog: CatalogBackend, grb: Any, **wanted: Any) -> BurstAnalyser:
    """Tables of the burst analyser; options as for `swiftxrt.wire.burst_analyser.ask_analyser`."""
    analyser_wire.ask_analyser(1, **wanted)  # what cannot be asked for is told before anything is sent
    burst = find_burst(catalog, grb)
    content = catalog.ask("downloadBurstAnalyser", analyser_wire.ask_analyser(burst.target, **wanted))
    about = {"name": burst.name or "", "target_id": burst.target_id}
    return analyser_wire.decode_analyser(content, **about, provenance=fetched_from(catalog), asked=wanted)


def analyser_payload(catalog: CatalogBackend, grb: Any, **wanted: Any) -> dict[str, Any]:
    """What would be sent for tables of the burst analyser; options as for `burst_analyser`."""
    analyser_wire.ask_analyser(1, **wanted)
    content = analyser_wire.ask_analyser(_known_burst(catalog, grb).target, **wanted)
    return api.seal("downloadBurstAnalyser", content)


def download_analyser(catalog: CatalogBackend, grb: Any, location: str | Path, *, overwrite: bool) -> Path:
    """Save all files of the burst analyser as one archive in a folder, which is made if needed."""
    folder = as_path(location, "location")
    burst = find_burst(catalog, grb)
    url = text(catalog.ask("getBurstAnalyserTarURL", wire.ask_files(burst.target)).get("URL"))
    if not url:
        raise ProtocolError(f"the reply about the burst analyser of {burst.label} names no file")
    usable_folder(folder)
    path = folder / f"burst_analyser_{safe_name(burst.name or burst.target_id).replace(' ', '')}.tar.gz"
    return catalog.fetch(url, path, overwrite=overwrite)


def burst_observations(catalog: CatalogBackend, grb: Any) -> list[str]:
    """The ObsIDs of a burst: those of all its targets, in their order."""
    burst = find_burst(catalog, grb)
    targets = names(catalog.ask("getGRBTargetList", {"targetID": burst.target}).get("targetList"))
    found: dict[str, None] = {}
    for target in targets:
        listed = names(catalog.ask("getObsByTarg", {"targetID": target}).get("obsList"))
        found.update(dict.fromkeys(obsid.zfill(11) for obsid in listed))
    if not found:
        raise ProductNotAvailableError(f"observation of {burst.label}", "the service lists none")
    return list(found)
