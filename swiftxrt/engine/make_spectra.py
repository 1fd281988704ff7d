"""The spectra of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import astropy.units as u

from ..exceptions import NoDataError, ProductNotAvailableError
from ..kinds import ProductKind
from ..mission import PIXEL_ARCSEC, Mode
from ..products.countspectrum import CountSpectrum
from ..products.provenance import Provenance
from ..products.spectrumset import SpectrumSet
from ..request.bundle import XRTRequest
from ..request.spectrum import ObsidSlices, SingleSlice, SnapshotSlices, TimeSlices
from .data import Data, intervals_met
from .extracted import Extraction, SnapshotRegion
from .modes import extract_modes
from .parameters import extraction_parameters, grade_limits
from .regions import WT_HEIGHT_PIX
from .spectrum import SpectrumCounts, pulse_height_spectrum
from .without_effect import NOT_FITTED

__all__ = ["STEPS", "make"]

STEPS = ("Prepare data and find regions.", "Build spectra.")

_NO_RESPONSE = (
    "no effective area and redistribution matrix are attached; the calibration of the mode and date must be added "
    "before fitting"
)
_NO_TIME = "no good time lies in this time slice"


@dataclass(frozen=True)
class _Slice:
    """One spectrum asked for: its name and what it is made from."""

    label: str
    selection: dict[str, Any]
    interval: tuple[float, float] | None = None


def make(request: XRTRequest, data: Data, provenance: Provenance, progress: Callable[..., None]) -> SpectrumSet:
    """Extract the spectra of all slices and modes.

    Raises
    ------
    ProductNotAvailableError
        If no slice holds any good time.
    """
    wanted = request.spectrum
    made: list[CountSpectrum] = []
    asked: dict[str, _Slice] = {}
    notes: list[str] = []
    cautions = list(provenance.cautions)
    parameters = extraction_parameters(request.extraction, wanted.grades)
    extractions, left_out = extract_modes(request, data, parameters, progress)
    for mode, extraction in extractions.items():
        cautions += extraction.cautions
        notes += extraction.notes
        slices = list(_slices(request, extraction))
        asked.update({part.label: part for part in slices})
        for number, part in enumerate(slices, start=1):
            progress(1, f"{part.label} {mode.value} ({number}/{len(slices)})")
            try:
                counts = pulse_height_spectrum(extraction, **part.selection)
            except NoDataError:
                continue  # A slice may lie in the other mode altogether.
            made.append(_spectrum(counts, part, mode, extraction, provenance, request))
    if not made:
        raise ProductNotAvailableError(
            ProductKind.SPECTRUM.title, "; ".join(left_out) or "no time slice holds any good time"
        )
    made.sort(key=lambda one: list(asked).index(one.label))
    complete = replace(
        provenance, notes=tuple(dict.fromkeys((*provenance.notes, *left_out, *notes))), cautions=tuple(cautions)
    )
    empty = [part for label, part in asked.items() if all(one.label != label for one in made)]
    return SpectrumSet(
        made,
        missing={**{part.label: _NO_TIME for part in empty}, **{one.stem: NOT_FITTED for one in made}},
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
        for region in extraction.regions:
            seen[region.obsid] = seen.get(region.obsid, 0) + 1
            yield _Slice(f"Obs_{region.obsid}snap{seen[region.obsid]}", {"snapshots": [region.snapshot]})
    elif isinstance(slices, TimeSlices):
        for part in slices.slices:
            pairs = intervals_met(part.intervals, request)
            starts, stops = ([pair[i] for pair in pairs] for i in (0, 1))
            yield _Slice(part.label, {"start_s": starts, "stop_s": stops}, (min(starts), max(stops)))


def _spectrum(
    counts: SpectrumCounts,
    part: _Slice,
    mode: Mode,
    extraction: Extraction,
    provenance: Provenance,
    request: XRTRequest,
) -> CountSpectrum:
    grades = grade_limits(request.extraction, request.spectrum.grades, mode)
    common: dict[str, Any] = {
        "exposure": counts.exposure_s * u.s,
        "mode": mode,
        "grades": grades,
        "label": part.label,
        "header": _header(request),
        "provenance": replace(provenance, notes=(*provenance.notes, *extraction.notes), calibration=(_NO_RESPONSE,)),
    }
    background = CountSpectrum(counts=counts.background_counts, backscale=counts.backscale_background, **common)
    return CountSpectrum(
        counts=counts.source_counts,
        backscale=counts.backscale_source,
        background=background,
        gti=counts.gti,
        interval=part.interval,
        mean_event_met=counts.mean_met,
        source_region=_ds9(counts.regions, _source_shape),
        background_region=_ds9(counts.regions, _background_shape),
        **common,
    )


def _header(request: XRTRequest) -> dict[str, Any]:
    position = request.target.position.icrs
    return {"OBJECT": request.target.name, "RA_OBJ": float(position.ra.deg), "DEC_OBJ": float(position.dec.deg)}


def _ds9(regions: tuple[SnapshotRegion, ...], shape: Callable[[SnapshotRegion], str]) -> str:
    """DS9 text with one line for each different region."""
    return "\n".join(["fk5", *dict.fromkeys(shape(region) for region in regions)])


def _source_shape(region: SnapshotRegion) -> str:
    return _shape(region, region.source_inner_pix, region.source_radius_pix)


def _background_shape(region: SnapshotRegion) -> str:
    return _shape(region, region.background_inner_pix, region.background_outer_pix)


def _shape(region: SnapshotRegion, inner_pix: float, outer_pix: float) -> str:
    centre = f"{region.ra_deg:.6f},{region.dec_deg:.6f}"
    inner, outer = (f'{radius * PIXEL_ARCSEC:.3f}"' for radius in (inner_pix, outer_pix))
    if region.mode is Mode.WT:
        # One-dimensional: a box along DETX; the hole of an annulus has no DS9 shape and is left out.
        return f'box({centre},{2 * outer_pix * PIXEL_ARCSEC:.3f}",{WT_HEIGHT_PIX * PIXEL_ARCSEC:.3f}",{region.angle_deg:.2f})'
    return f"annulus({centre},{inner},{outer})" if inner_pix > 0 else f"circle({centre},{outer})"
