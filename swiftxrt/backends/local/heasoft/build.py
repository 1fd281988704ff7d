"""From a request and observations to products, with the tasks of HEASoft."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.nddata import CCDData

from ....engine.data import Data, select_data
from ....engine.extracted import SnapshotRegion
from ....engine.image import stack_images
from ....engine.left_out import listed
from ....engine.modes import extract_modes
from ....engine.parameters import extraction_parameters
from ....engine.region_notes import region_notes
from ....exceptions import NoDataError, ProductNotAvailableError
from ....io.image import read_exposure
from ....kinds import ProductKind
from ....mission import Mode
from ....products.countspectrum import CountSpectrum
from ....products.events import EventList
from ....products.image import SkyImage
from ....products.lightcurve import LightCurve, LightCurveSet
from ....products.observation import Observation
from ....products.provenance import CLIENT, Provenance, utc_now
from ....products.spectrumset import SpectrumSet
from ....request.bundle import XRTRequest
from ....request.lightcurve import TimeBinning
from ....request.spectrum import ObsidSlices, SingleSlice
from .installation import HEASoft, find_heasoft
from .running import Runner
from .tasks import Inputs, exposure_map, light_curve, prepare, spectrum, write_selection

__all__ = ["build_product", "step_labels"]

_STEPS = ("Prepare data and find regions.", "Run the tasks.")
_ELSEWHERE = "the tasks of HEASoft do not make it here; engine='swiftxrt' does"
_ONE = (
    "the tasks of HEASoft take one observation at a time, and there are {number} ({obsids}); ask for one of them, or for "
    "each as an epoch of its own with make_epochs{hint}"
)
_BACKGROUND_NOTE = "other sources in the background region are not left out by the tasks of HEASoft"


def step_labels(kind: ProductKind) -> tuple[str, ...]:
    """Names of the steps in which a product is built."""
    return _STEPS


def build_product(
    kind: ProductKind,
    request: XRTRequest,
    observations: Sequence[Observation],
    *,
    progress: Callable[..., None] = lambda index, note="": None,
    job_id: str = "",
    not_used: Callable[[Sequence[str]], Sequence[str]] = lambda obsids: (),
    absent: Callable[[Sequence[str]], Sequence[str]] = lambda obsids: (),
    **_: Any,
) -> Any:
    """Build one product of a request; as `swiftxrt.engine.build.build_product`.

    Regions are those that the engine of this package chooses, so that both
    can be compared; counts, corrections and responses are those of HEASoft.

    Parameters
    ----------
    kind, request, observations, progress, job_id, not_used, absent
        As there.

    Returns
    -------
    product : LightCurveSet, SpectrumSet or tuple of SkyImage

    Raises
    ------
    ProductNotAvailableError
        If HEASoft's tasks do not make such a product.
    HEASoftError
        If there is no HEASoft, or a task fails.
    NoDataError
        If there are no events or no exposure for what was asked.
    """
    progress(0)
    makers = {
        ProductKind.SPECTRUM: _spectra,
        ProductKind.LIGHT_CURVE: _light_curves,
        ProductKind.IMAGE: _images,
    }
    if kind not in makers:
        raise ProductNotAvailableError(kind.title, _ELSEWHERE)
    heasoft = find_heasoft()
    complete = request.with_defaults()
    data = select_data(observations, getattr(complete, kind.slot).data, complete, absent=absent)
    provenance = Provenance(
        backend="local",
        request_digest=request.digest,
        software=f"HEASoft {heasoft.version}",
        inputs=data.obsids,
        calibration=("CALDB, as HEASoft chose from it",),
        notes=(*_files(data), *data.notes, *not_used(data.obsids)),
        cautions=data.cautions,
        created=utc_now(),
        job_id=job_id,
        client=CLIENT,
    )
    return makers[kind](complete, data, provenance, progress, heasoft)


def _files(data: Data) -> tuple[str, ...]:
    files = [name for mode in Mode for name in data.files(mode)]
    return (f"event files: {listed(files)}",) if files else ()


@contextmanager
def _tasks(heasoft: HEASoft, events: EventList, progress: Callable[..., None]) -> Iterator[tuple[Runner, Inputs]]:
    """A folder in which tasks run for one observation in one mode, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="sx") as folder:  # the shorter the better for these tasks
        runner = Runner(heasoft, Path(folder), check=lambda: progress(1))
        yield runner, prepare(runner, events)


def _commands(runner: Runner) -> tuple[str, ...]:
    return tuple(f"ran {command}" for command in runner.commands)


def _spectra(
    request: XRTRequest, data: Data, provenance: Provenance, progress: Callable[..., None], heasoft: HEASoft
) -> SpectrumSet:
    slices = request.spectrum.slices
    if not isinstance(slices, SingleSlice | ObsidSlices):
        raise ProductNotAvailableError(
            ProductKind.SPECTRUM.title, f"HEASoft makes one spectrum of an observation, not {type(slices).__name__}"
        )
    regions, notes = _regions(request, data, request.spectrum.grades, progress)
    made: list[CountSpectrum] = []
    for mode in (Mode.WT, Mode.PC):
        if isinstance(slices, SingleSlice):
            _require_one(ProductKind.SPECTRUM, data.of(mode), ", or slices=ObsidSlices()")
        for events, region in _seen(data, mode, regions):
            progress(1, f"{events.obsid} {mode.value}")
            with _tasks(heasoft, events, progress) as (runner, inputs):
                write_selection(runner, region, events.gti)
                has_records = "NONE" not in (inputs.attitude, inputs.housekeeping)
                mapped = exposure_map(runner, inputs) if has_records else None
                counted = spectrum(runner, inputs, mapped)
                told = () if has_records else ("without attitude and frame headers the ARF knows no bad columns",)
                made.append(
                    counted.replace(
                        label=slices.label if isinstance(slices, SingleSlice) else f"Obs_{events.obsid}",
                        gti=events.gti,
                        source_region=region.source_ds9,
                        background_region=region.background_ds9,
                        provenance=replace(
                            provenance,
                            inputs=(events.obsid,),
                            notes=(*provenance.notes, *notes, _BACKGROUND_NOTE, *told, *_commands(runner)),
                        ),
                    )
                )
    complete = replace(provenance, notes=tuple(dict.fromkeys(note for one in made for note in one.provenance.notes)))
    t0 = data.start_s if request.target.t0_met is None else float(request.target.t0_met)
    return SpectrumSet(made, t0_met=t0, provenance=complete)


def _light_curves(
    request: XRTRequest, data: Data, provenance: Provenance, progress: Callable[..., None], heasoft: HEASoft
) -> LightCurveSet:
    wanted = request.light_curve
    if not isinstance(wanted.binning, TimeBinning):
        raise ProductNotAvailableError(
            ProductKind.LIGHT_CURVE.title,
            f"HEASoft makes bins of equal length (TimeBinning), not {type(wanted.binning).__name__}",
        )
    regions, notes = _regions(request, data, wanted.grades, progress)
    columns: list[dict[str, np.ndarray]] = []
    for mode, width in ((Mode.WT, wanted.binning.wt_bin), (Mode.PC, wanted.binning.pc_bin)):
        for events, region in _seen(data, mode, regions):
            progress(1, f"{events.obsid} {mode.value}")
            with _tasks(heasoft, events, progress) as (runner, inputs):
                write_selection(runner, region, events.gti)
                rates = light_curve(runner, inputs, float(width.to_value(u.s)), wanted.band.channels, region.ratio)
                notes += _commands(runner)
            kept = rates.exposure_fraction > 0
            bins = {
                "met_s": rates.met_s, "time_err_neg": rates.half_s, "time_err_pos": rates.half_s,
                "rate": rates.rate, "rate_err_neg": rates.err, "rate_err_pos": rates.err,
                "fractional_exposure": rates.exposure_fraction,
            }  # fmt: skip
            filled = {name: values[kept] for name, values in bins.items()}
            count = int(kept.sum())
            columns.append({**filled, "mode": np.full(count, mode.value), "obsid": np.full(count, events.obsid)})
    joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    complete = replace(provenance, notes=tuple(dict.fromkeys((*provenance.notes, *notes, _BACKGROUND_NOTE))))
    curve = LightCurve.from_columns(
        joined, band=str(wanted.band), t0_met=request.target.t0_met, binning="time", provenance=complete
    )
    return LightCurveSet(total=curve)


def _images(
    request: XRTRequest, data: Data, provenance: Provenance, progress: Callable[..., None], heasoft: HEASoft
) -> tuple[SkyImage, ...]:
    """Counts are the events in each pixel, whoever counts them; the exposure map is that of ``xrtexpomap``."""
    if not data.pc:
        raise NoDataError("an image needs photon-counting data; these observations have windowed timing only")
    _require_one(ProductKind.IMAGE, data.pc, "")
    (events,) = data.pc
    progress(1, events.obsid)
    with _tasks(heasoft, events, progress) as (runner, inputs):
        exposure = read_exposure(exposure_map(runner, inputs))
        notes = _commands(runner)
    made = []
    for band in request.image.bands:
        stack = stack_images(data.pc, band.channels, wcs=exposure.wcs, exposure=False)
        counts = CCDData(stack.counts, unit=u.ct, wcs=stack.wcs, meta=dict(events.header))
        complete = replace(provenance, notes=(*provenance.notes, *stack.notes, *notes))
        made.append(SkyImage(counts=counts, exposure=exposure, band=band, provenance=complete))
    return tuple(made)


def _regions(
    request: XRTRequest, data: Data, grades: str | None, progress: Callable[..., None]
) -> tuple[dict[tuple[str, Mode], SnapshotRegion], tuple[str, ...]]:
    """The region of each observation and mode: that of its longest snapshot."""
    parameters = extraction_parameters(request.extraction, grades)
    extractions, left_out = extract_modes(request, data, parameters, progress)
    if not extractions:
        raise NoDataError("; ".join(left_out) or "no good time of the source")
    found: dict[tuple[str, Mode], SnapshotRegion] = {}
    several: list[str] = []
    for mode, extraction in extractions.items():
        for region in sorted(extraction.regions, key=lambda one: -one.exposure_s):
            first = found.setdefault((region.obsid, mode), region)
            if first.source_ds9 != region.source_ds9:
                several.append(region.obsid)
    notes = [
        note for mode in extractions for note in region_notes([one for key, one in found.items() if key[1] is mode])
    ]
    if several:
        notes.append(
            "one region for each observation, that of its longest snapshot; the snapshots of "
            f"{', '.join(dict.fromkeys(several))} differ"
        )
    unseen = [f"{events.obsid} {mode.value}" for mode in extractions for events in data.of(mode)
              if (events.obsid, mode) not in found]  # fmt: skip
    if unseen:
        notes.append(f"left out, as the source was not in the field of view or there is no good time: {listed(unseen)}")
    return found, (*left_out, *notes)


def _seen(
    data: Data, mode: Mode, regions: dict[tuple[str, Mode], SnapshotRegion]
) -> list[tuple[EventList, SnapshotRegion]]:
    """The observations that have a region, with it."""
    return [(events, regions[events.obsid, mode]) for events in data.of(mode) if (events.obsid, mode) in regions]


def _require_one(kind: ProductKind, lists: Sequence[EventList], hint: str) -> None:
    obsids = list(dict.fromkeys(events.obsid for events in lists))
    if len(obsids) > 1:
        raise ProductNotAvailableError(kind.title, _ONE.format(number=len(obsids), obsids=listed(obsids), hint=hint))
