"""The spectra of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import astropy.units as u

from ..exceptions import CalibrationWarning, FormatError, NoDataError
from ..mission import Mode
from ..products._event_header import joint_cards, time_cards
from ..products.calibration import Calibration
from ..products.countspectrum import CountSpectrum
from ..products.events import EventList
from ..products.provenance import Provenance
from ..products.spectrumset import SpectrumSet
from ..request.bundle import XRTRequest
from ..request.spectrum import ObsidSlices, SingleSlice, SnapshotSlices, TimeSlices
from .calibration import EMBEDDED
from .data import Data, intervals_met
from .effective_area import Response, response_of
from .extracted import Extraction, ExtractionParameters
from .modes import extract_modes
from .parameters import extraction_parameters, grade_limits
from .region_notes import region_notes
from .spectral_fits import fit_spectra
from .spectrum import SpectrumCounts, pulse_height_spectrum

__all__ = ["STEPS", "make"]

STEPS = ("Prepare data and find regions.", "Build spectra.", "Fit spectra.")

_NO_TIME = "no good time lies in this time slice"


@dataclass(frozen=True)
class _Slice:
    """One spectrum asked for: its name and what it is made from."""

    label: str
    selection: dict[str, Any]
    interval: tuple[float, float] | None = None


def make(
    request: XRTRequest,
    data: Data,
    provenance: Provenance,
    progress: Callable[..., None],
    calibration: Calibration = EMBEDDED,
) -> SpectrumSet:
    """Extract the spectra of all slices and modes, and fit them unless that is not wanted.

    Raises
    ------
    NoDataError
        If no slice holds any good time.
    """
    made: list[CountSpectrum] = []
    asked: dict[str, _Slice] = {}
    notes: list[str] = []
    cautions = list(provenance.cautions)
    parameters = extraction_parameters(request.extraction, request.spectrum.grades, calibration)
    maker = _Maker(request, data, provenance, parameters)
    extractions, left_out = extract_modes(request, data, parameters, progress)
    for mode, extraction in extractions.items():
        cautions += extraction.cautions
        notes += (*region_notes(extraction.regions), *extraction.notes)
        slices = list(_slices(request, extraction))
        asked.update({part.label: part for part in slices})
        for number, part in enumerate(slices, start=1):
            progress(1, f"{part.label} {mode.value} ({number}/{len(slices)})")
            try:
                counts = pulse_height_spectrum(extraction, **part.selection)
            except NoDataError:
                continue  # A slice may lie in the other mode altogether.
            made.append(maker.spectrum(part, mode, counts, extraction.notes))
    cautions += maker.cautions
    if not made:
        raise NoDataError("; ".join(left_out) or "no time slice holds any good time")
    complete = replace(
        provenance,
        notes=tuple(dict.fromkeys((*provenance.notes, *left_out, *notes))),
        calibration=tuple(dict.fromkeys(told for one in made for told in one.provenance.calibration)),
        cautions=tuple(cautions),
    )
    made.sort(key=lambda one: list(asked).index(one.label))
    progress(2)
    fits, unfitted = fit_spectra(made, request.spectrum, lambda note: progress(2, note))
    empty = [part for label, part in asked.items() if all(one.label != label for one in made)]
    return SpectrumSet(
        made,
        fits=fits,
        missing={**{part.label: _NO_TIME for part in empty}, **unfitted},
        intervals={part.label: part.interval for part in empty if part.interval is not None},
        t0_met=_zero(request, data),
        provenance=complete,
    )


def _zero(request: XRTRequest, data: Data) -> float:
    """Reference time: that of the target, else the first good time."""
    return data.start_s if request.target.t0_met is None else float(request.target.t0_met)


def _slices(request: XRTRequest, extraction: Extraction) -> Iterator[_Slice]:
    slices = request.spectrum.slices
    if isinstance(slices, SingleSlice):
        yield _Slice(slices.label, {})
    elif isinstance(slices, ObsidSlices):
        for obsid in dict.fromkeys(region.obsid for region in extraction.regions):
            yield _Slice(f"Obs_{obsid}", {"obsids": [obsid]})
    elif isinstance(slices, SnapshotSlices):
        seen: dict[str, int] = {}
        # A snapshot that is piled up for some of the time has two regions.
        for obsid, snapshot in dict.fromkeys((region.obsid, region.snapshot) for region in extraction.regions):
            seen[obsid] = seen.get(obsid, 0) + 1
            yield _Slice(f"Obs_{obsid}snap{seen[obsid]}", {"snapshots": [snapshot]})
    elif isinstance(slices, TimeSlices):
        for part in slices.slices:
            pairs = intervals_met(part.intervals, request)
            starts, stops = ([pair[i] for pair in pairs] for i in (0, 1))
            yield _Slice(part.label, {"start_s": starts, "stop_s": stops}, (min(starts), max(stops)))


class _Maker:
    """Makes the spectra of one request."""

    def __init__(
        self, request: XRTRequest, data: Data, provenance: Provenance, parameters: ExtractionParameters
    ) -> None:
        self.request, self.data, self.provenance, self.parameters = request, data, provenance, parameters
        self.cautions: list[tuple[str, str]] = []

    @cached_property
    def substrates(self) -> dict[str, int | None]:
        """Substrate voltage by ObsID."""
        return {events.obsid: _substrate(events) for events in (*self.data.pc, *self.data.wt)}

    def spectrum(self, part: _Slice, mode: Mode, counts: SpectrumCounts, notes: tuple[str, ...]) -> CountSpectrum:
        """Source and background with their response; without it if there is none, since the counts are good."""
        grades = grade_limits(self.request.extraction, self.request.spectrum.grades, mode)
        notes = (*self.provenance.notes, *region_notes(counts.regions), *notes)
        response: Response | None = None
        try:
            response = response_of(counts, grades, self.parameters.calibration, self.substrates)
            told = response.notes
        except (NoDataError, FormatError) as error:
            told = (f"no response is attached to {part.label} {mode.value}: {error}",)
            self.cautions.append((CalibrationWarning.__name__, told[0]))
        common: dict[str, Any] = {
            "exposure": counts.exposure_s * u.s,
            "mode": mode,
            "grades": grades,
            "label": part.label,
            "header": self._header(mode, counts),
            "provenance": replace(self.provenance, inputs=_obsids(counts), notes=notes, calibration=told),
        }
        background = CountSpectrum(counts=counts.background_counts, backscale=counts.backscale_background, **common)
        return CountSpectrum(
            counts=counts.source_counts,
            backscale=counts.backscale_source,
            background=background,
            arf=response.arf if response else None,
            rmf=response.rmf if response else None,
            gti=counts.gti,
            interval=part.interval,
            mean_event_met=counts.mean_met,
            source_region=_ds9(region.source_ds9 for region in counts.regions),
            background_region=_ds9(region.background_ds9 for region in counts.regions),
            **common,
        )

    def _header(self, mode: Mode, counts: SpectrumCounts) -> dict[str, Any]:
        """Keywords of the event lists, the times those of the spectrum."""
        lists = self.data.pc if mode is Mode.PC else self.data.wt
        used = [events.header for events in lists if events.obsid in _obsids(counts)]
        position = self.request.target.position.icrs
        return {
            **joint_cards(used),
            **time_cards(counts.gti, counts.exposure_s / counts.gti.exposure_s),
            "OBJECT": self.request.target.name,
            "RA_OBJ": float(position.ra.deg),
            "DEC_OBJ": float(position.dec.deg),
        }


def _obsids(counts: SpectrumCounts) -> tuple[str, ...]:
    """The observations that a spectrum is made from."""
    return tuple(dict.fromkeys(region.obsid for region in counts.regions))


def _substrate(events: EventList) -> int | None:
    """Substrate voltage of an observation in V, as its header tells."""
    voltage = events.header.get("XRTVSUB")
    return int(voltage) if isinstance(voltage, int | float) else None


def _ds9(texts: Iterable[str]) -> str:
    """Different DS9 texts in one; the frame is named where it changes."""
    lines: list[str] = []
    frame = ""
    for text in dict.fromkeys(texts):
        first, *shapes = text.splitlines()
        lines += shapes if first == frame else [first, *shapes]
        frame = next((line for line in reversed(lines) if "(" not in line), first)
    return "\n".join(lines)
