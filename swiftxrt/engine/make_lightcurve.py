"""The light curves of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..bands import EnergyBand
from ..exceptions import NoDataError, ProductNotAvailableError
from ..kinds import ProductKind
from ..mission import Mode
from ..products.lightcurve import HardnessCurve, LightCurve, LightCurveSet
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
from .data import Data
from .extraction import extract
from .lightcurve import CurveResult, RateBins, StatisticsParameters, build_curves
from .parameters import extraction_parameters

__all__ = ["STEPS", "binning_parameters", "make", "statistics_parameters"]

STEPS = ("Prepare data and find regions.", "Bin the light curve.")

_METHODS = {CountsBinning: "counts", TimeBinning: "time", SnapshotBinning: "snapshot", ObsidBinning: "obsid"}
# What is known of the rates in a part of the band: errors are symmetric there.
_BAND_COLUMNS = ("met_s", "time_err_neg", "time_err_pos", "rate", "rate_err_neg", "rate_err_pos", "exposure", "obsid")


def make(request: XRTRequest, data: Data, provenance: Provenance, progress: Callable[..., None]) -> LightCurveSet:
    """Extract the events and bin them, both modes in one set.

    Raises
    ------
    ProductNotAvailableError
        If no mode has any good time of the source.
    """
    wanted = request.light_curve
    results: dict[Mode, CurveResult] = {}
    notes: list[str] = []
    cautions = list(provenance.cautions)
    for mode in (Mode.WT, Mode.PC):
        lists = data.of(mode)
        if not lists:
            continue
        progress(0, f"{mode.value} mode")
        try:
            extraction = extract(
                lists, request.target.position, extraction_parameters(request.extraction, wanted.grades)
            )
        except NoDataError as error:
            notes.append(f"{mode.value} mode was left out: {error}")
            continue
        progress(1, f"{mode.value} mode")
        results[mode] = build_curves(
            extraction.events,
            binning_parameters(wanted, mode),
            statistics_parameters(wanted, mode),
            total=wanted.band.channels,
            soft=wanted.soft.channels,
            hard=wanted.hard.channels,
        )
        notes += extraction.notes
        cautions += extraction.cautions
    if not results:
        raise ProductNotAvailableError(ProductKind.LIGHT_CURVE.title, "; ".join(notes) or "no good time of the source")
    complete = replace(provenance, notes=tuple(dict.fromkeys(notes)), cautions=tuple(cautions))
    return _curve_set(request, results, complete)


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


def _curve_set(request: XRTRequest, results: Mapping[Mode, CurveResult], provenance: Provenance) -> LightCurveSet:
    wanted = request.light_curve
    common = {
        "t0_met": request.target.t0_met,
        "binning": _METHODS[type(wanted.binning)],
        "provenance": provenance,
    }

    def curve(name: str, band: EnergyBand, columns: tuple[str, ...] | None) -> LightCurve:
        joined = _join({mode: _columns(getattr(result, name), columns) for mode, result in results.items()})
        return LightCurve.from_columns(joined, band=str(band), **common)

    ratio = _join({mode: _columns(result.hardness, None) for mode, result in results.items()})
    return LightCurveSet(
        total=curve("total", wanted.band, None),
        soft=curve("soft", wanted.soft, _BAND_COLUMNS),
        hard=curve("hard", wanted.hard, _BAND_COLUMNS),
        hardness_ratio=HardnessCurve.from_columns(
            ratio, soft_band=str(wanted.soft), hard_band=str(wanted.hard), **common
        ),
    )


def _columns(bins: RateBins | Any, names: tuple[str, ...] | None) -> dict[str, NDArray[Any]]:
    every = {name: value for name, value in asdict(bins).items() if name not in ("start_s", "stop_s")}
    return every if names is None else {name: every[name] for name in names}


def _join(parts: Mapping[Mode, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The columns of all modes, one after the other; the curve sorts them by time."""
    names = next(iter(parts.values()))
    joined = {name: np.concatenate([part[name] for part in parts.values()]) for name in names}
    joined["mode"] = np.concatenate([np.full(len(part["met_s"]), mode.value) for mode, part in parts.items()])
    return joined
