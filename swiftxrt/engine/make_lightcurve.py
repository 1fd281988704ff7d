"""The light curves of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import CentroidWarning, NoDataError
from ..mission import Mode
from ..products.calibration import Calibration
from ..products.lightcurve import UNRELIABLE, HardnessCurve, LightCurve, LightCurveSet
from ..products.provenance import Provenance
from ..request.bundle import XRTRequest
from ..request.lightcurve import (
    CountsBinning,
    LightCurveRequest,
    ObsidBinning,
    SnapshotBinning,
    TimeBinning,
)
from .binning import BinningParameters
from .calibration import EMBEDDED
from .data import Data
from .extracted import Extraction
from .hardness import HardnessBins
from .lightcurve import StatisticsParameters, build_curves
from .modes import extract_modes
from .parameters import extraction_parameters
from .rate_bins import CurveResult, RateBins
from .region_notes import region_notes
from .selection import GoodTime

__all__ = ["STEPS", "binning_parameters", "make", "statistics_parameters"]

STEPS = ("Prepare data and find regions.", "Bin the light curve.")

_METHODS = {CountsBinning: "counts", TimeBinning: "time", SnapshotBinning: "snapshot", ObsidBinning: "obsid"}
_BANDS = {"total": "band", "soft": "soft", "hard": "hard"}
_NO_COLUMNS = ("start_s", "stop_s", "systematic_neg", "systematic_pos")
_NO_BINS = dict.fromkeys(("met_s", "time_err_neg", "time_err_pos", "rate", "mode"), np.array([]))
_SYSTEMATICS_NOTE = (
    "errors in windowed timing hold a systematic part, from a position error of 1.6 arcsec along DETX beside bad "
    "columns; it cancels in the hardness ratio"
)
# Bins in a part of the band are no limits and have no quality of their own: they are those of the hardness ratio.
_NOT_OF_BANDS = ("is_upper_limit", "quality")


@dataclass(frozen=True, eq=False)
class _ModeCurves:
    """The light curves of one mode, errors statistical.

    Parameters
    ----------
    every : CurveResult
        Of all snapshots.
    reliable : CurveResult or None
        Of those in which the source was found, or of all if it was not looked for.
    """

    every: CurveResult
    reliable: CurveResult | None


def make(
    request: XRTRequest,
    data: Data,
    provenance: Provenance,
    progress: Callable[..., None],
    calibration: Calibration = EMBEDDED,
) -> LightCurveSet:
    """Extract the events and bin them, both modes in one set.

    Where the source was looked for and not found in some snapshots, the curves
    are made without these, and the variant ``"with_unreliable"`` with them, at
    the position given. If it was found in none, there is only the curve at the
    position given; all its bins have the quality of unreliable ones, and the
    service has it under the names of that variant. Windowed timing data have a systematic error, which the
    variant ``"without_systematics"`` leaves out.

    Raises
    ------
    NoDataError
        If no mode has any good time of the source.
    """
    parameters = extraction_parameters(request.extraction, request.light_curve.grades, calibration)
    extractions, notes = extract_modes(request, data, parameters, progress)
    if not extractions:
        raise NoDataError("; ".join(notes) or "no good time of the source")
    results: dict[Mode, _ModeCurves] = {}
    cautions = list(provenance.cautions)
    for mode, extraction in extractions.items():
        progress(1, f"{mode.value} mode")
        results[mode] = _mode_curves(extraction, request.light_curve, mode, centroid=parameters.centroid)
        notes += (*region_notes(extraction.regions), *extraction.notes)
        cautions += extraction.cautions
    if Mode.WT in results:
        notes.append(_SYSTEMATICS_NOTE)
    complete = replace(
        provenance,
        notes=tuple(dict.fromkeys((*provenance.notes, *notes))),
        calibration=tuple(
            dict.fromkeys([*(calibration.psf(mode).name for mode in results), calibration.vignetting.name])
        ),
        cautions=tuple(_with_place(cautions, results)),
    )
    return _with_variants(request, results, complete)


def _mode_curves(extraction: Extraction, wanted: LightCurveRequest, mode: Mode, *, centroid: bool) -> _ModeCurves:
    binning, statistics = binning_parameters(wanted, mode), statistics_parameters(wanted, mode)
    bands = {name: getattr(wanted, field).channels for name, field in _BANDS.items()}
    every = build_curves(extraction.events, binning, statistics, **bands)
    reliable = extraction.with_centroid() if centroid else extraction.events
    if reliable is extraction.events:
        return _ModeCurves(every, every)
    every = _with_quality(every, extraction, by_obsid=binning.method == "obsid")
    if reliable is None:
        return _ModeCurves(every, None)
    if binning.t0_s is None:  # Bins of fixed length are on one grid in all variants.
        binning = replace(binning, t0_s=float(extraction.events.gti_start_s[0]))
    return _ModeCurves(every, build_curves(reliable, binning, statistics, **bands))


def _with_quality(curves: CurveResult, extraction: Extraction, *, by_obsid: bool) -> CurveResult:
    """Mark the bins that hold data of a snapshot in which the source was not found."""
    total, events = curves.total, extraction.events
    lost = ~np.array([region.centroided for region in extraction.regions])[extraction.region_of_gti]
    if by_obsid:  # Observations may overlap in time.
        unreliable = np.isin(total.obsid, events.gti_obsid[lost])
    else:
        good_time = GoodTime(events.gti_start_s[lost], events.gti_stop_s[lost])
        unreliable = good_time.between(total.start_s, total.stop_s) > 0
    return replace(curves, total=replace(total, quality=total.quality | (UNRELIABLE * unreliable)))


def _with_place(cautions: Sequence[tuple[str, str]], results: Mapping[Mode, _ModeCurves]) -> list[tuple[str, str]]:
    """Add to warnings of missing centroids where the bins concerned are."""
    where = "their bins are only in variants['with_unreliable'], with quality 1"
    if all(curves.reliable is None for curves in results.values()):
        where = "no bin is reliable, which their quality of 1 tells too"
    return [
        (category, f"{text}; {where}" if category == CentroidWarning.__name__ else text) for category, text in cautions
    ]


def binning_parameters(request: LightCurveRequest, mode: Mode) -> BinningParameters:
    """Binning of one mode, from a request with its defaults filled in."""
    binning = request.binning
    prefix = mode.value.lower()
    values: dict[str, Any] = {
        "method": _METHODS[type(binning)],
        "min_fractional_exposure": request.min_fractional_exposure,
    }
    if isinstance(binning, CountsBinning):
        values |= {
            name: getattr(binning, name) for name in ("dynamic", "rate_factor", "bin_factor", "min_counts", "min_snr")
        }
        values["counts"] = getattr(binning, f"{prefix}_counts")
        values["min_bin_s"] = _seconds(getattr(binning, f"{prefix}_bin"))
        values["max_gap_s"] = _seconds(getattr(binning, f"{prefix}_max_gap"))
    elif isinstance(binning, TimeBinning):
        values["width_s"] = _seconds(getattr(binning, f"{prefix}_bin"))
        if not request.match_hardness_bins:
            values["hardness_width_s"] = _seconds(getattr(request, f"{prefix}_hardness_bin"))
    return BinningParameters(**values)


def statistics_parameters(request: LightCurveRequest, mode: Mode) -> StatisticsParameters:
    """Statistics of one mode, from a request with its defaults filled in."""
    here = ("both", mode.value.lower())
    return StatisticsParameters(
        significance=request.significance,
        bayes_counts=request.bayes_counts,
        bayes_snr=request.bayes_snr,
        allow_bayes=request.bayesian in here,
        allow_limits=request.upper_limits in here,
    )


def _seconds(value: u.Quantity) -> float:
    return float(value.to_value(u.s))


def _with_variants(request: XRTRequest, results: Mapping[Mode, _ModeCurves], provenance: Provenance) -> LightCurveSet:
    """The curves of all modes and, where they differ, their variants."""
    every = {mode: curves.every for mode, curves in results.items()}
    reliable = {mode: curves.reliable for mode, curves in results.items() if curves.reliable is not None}
    if not reliable or reliable == every:
        return _with_systematics(request, every, provenance)
    main = _with_systematics(request, reliable, provenance)
    unreliable = _with_systematics(request, every, provenance)
    return LightCurveSet(**main, variants={"with_unreliable": unreliable, **main.variants})


def _with_systematics(
    request: XRTRequest, results: Mapping[Mode, CurveResult], provenance: Provenance
) -> LightCurveSet:
    if Mode.WT not in results:
        return _curve_set(request, results, provenance)
    complete = {mode: result.with_systematics() for mode, result in results.items()}
    variants = {"without_systematics": _curve_set(request, results, provenance)}
    return LightCurveSet(**_curve_set(request, complete, provenance), variants=variants)


def _curve_set(request: XRTRequest, results: Mapping[Mode, CurveResult], provenance: Provenance) -> LightCurveSet:
    """The curves of all modes in one set; those without any bin are left out, as in replies of the service."""
    wanted = request.light_curve
    common = {
        "t0_met": request.target.t0_met,
        "binning": _METHODS[type(wanted.binning)],
        "provenance": provenance,
    }
    curves: dict[str, Any] = {}
    for name, field in _BANDS.items():
        left_out = () if name == "total" else _NOT_OF_BANDS
        joined = _join({mode: _columns(getattr(result, name), left_out) for mode, result in results.items()})
        if len(joined["met_s"]) or name == "total":
            curves[name] = LightCurve.from_columns(joined, band=str(getattr(wanted, field)), **common)
    ratio = _join({mode: _columns(result.hardness) for mode, result in results.items()})
    if len(ratio["met_s"]):
        bands = {"soft_band": str(wanted.soft), "hard_band": str(wanted.hard)}
        curves["hardness_ratio"] = HardnessCurve.from_columns(ratio, **bands, **common)
    return LightCurveSet(**curves)


def _columns(bins: RateBins | HardnessBins, left_out: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    return {name: value for name, value in asdict(bins).items() if name not in (*_NO_COLUMNS, *left_out)}


def _join(parts: Mapping[Mode, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The columns of all modes, one after the other; the curve sorts them by time."""
    if not parts:
        return dict(_NO_BINS)
    names = next(iter(parts.values()))
    joined = {name: np.concatenate([part[name] for part in parts.values()]) for name in names}
    joined["mode"] = np.concatenate([np.full(len(part["met_s"]), mode.value) for mode, part in parts.items()])
    return joined
