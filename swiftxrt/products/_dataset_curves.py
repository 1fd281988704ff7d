"""From the service's tables to light curves and hardness ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..met import mjd_to_met
from ._curve import MET_DECIMALS
from ._curve_plan import CurvePlan
from ._datasets import BAND_CURVES, DAY_S, KINDS, NEGATIVE_COLUMNS, SAME_COLUMNS, Dataset
from .lightcurve import HardnessCurve, LightCurve, LightCurveSet

__all__ = ["build_set", "empty_curve", "rate_plan", "ratio_plan"]

_RATE_COLUMNS = ("met_s", "time_err_neg", "time_err_pos", "rate", "mode")


def build_set(
    datasets: Sequence[Dataset],
    *,
    t0_met: float | None,
    mjd: bool = False,
    bands: tuple[EnergyBand, EnergyBand, EnergyBand] = (TOTAL, SOFT, HARD),
    binning: str = "unknown",
    barycentred: bool = False,
    provenance: Any = None,
) -> LightCurveSet:
    """Put a set together from the service's tables.

    Parameters
    ----------
    datasets : sequence of Dataset
        Tables of one variant, in any order.
    t0_met : float or None
        Reference time (MET in seconds) the times count from; None if they
        are MET themselves.
    mjd : bool, optional
        Whether times are MJD (UTC) and their errors days.
    bands : tuple of EnergyBand, optional
        Total, soft and hard band.
    binning : str, optional
        As in `LightCurve`.
    barycentred : bool, optional
        As in `LightCurve`.
    provenance : Provenance or dict, optional
        Given to every curve.
    """
    common: dict[str, Any] = {"t0_met": t0_met, "mjd": mjd, "binning": binning}
    common |= {"barycentred": barycentred, "provenance": provenance}
    total, soft, hard = bands
    by_kind = {kind: [one for one in datasets if one.kind == kind] for kind in KINDS}
    curves: dict[str, Any] = {"total": rate_plan(by_kind[""] + by_kind["UL"], band=total, **common).make()}
    for kind, band in (("Soft", soft), ("Hard", hard)):
        if by_kind[kind]:
            curves[BAND_CURVES[kind]] = rate_plan(by_kind[kind], band=band, **common).make()
    if by_kind["HR"]:
        curves["hardness_ratio"] = ratio_plan(by_kind["HR"], soft=soft, hard=hard, **common).make()
    return LightCurveSet(**curves)


def empty_curve(*, band: EnergyBand, **attributes: Any) -> LightCurve:
    """A light curve without any bin; attributes as for `LightCurve.from_columns`."""
    return LightCurve.from_columns(dict.fromkeys(_RATE_COLUMNS, ()), band=band, **attributes)


def rate_plan(
    datasets: Sequence[Dataset], *, band: EnergyBand, t0_met: float | None, mjd: bool, **attributes: Any
) -> CurvePlan:
    """One light curve of any number of tables; arguments as for `build_set`."""
    columns = partial(_joined, tuple(datasets), t0_met, mjd)
    return CurvePlan(LightCurve, columns, {"band": band, "t0_met": t0_met, **attributes})


def ratio_plan(
    datasets: Sequence[Dataset],
    *,
    soft: EnergyBand,
    hard: EnergyBand,
    t0_met: float | None,
    mjd: bool,
    **attributes: Any,
) -> CurvePlan:
    """One hardness ratio of at least one table; arguments as for `build_set`."""
    columns = partial(_joined, tuple(datasets), t0_met, mjd)
    return CurvePlan(HardnessCurve, columns, {"soft_band": soft, "hard_band": hard, "t0_met": t0_met, **attributes})


def _joined(datasets: Sequence[Dataset], t0_met: float | None, mjd: bool) -> dict[str, Any]:
    """The columns of several tables together, NaN where one lacks a column."""
    parts = [_our_columns(one, t0_met, mjd) for one in datasets]
    if not parts:
        return dict.fromkeys(_RATE_COLUMNS, ())
    names = dict.fromkeys(name for part in parts for name in part)
    return {
        name: np.concatenate([part.get(name, np.full(len(part["met_s"]), np.nan)) for part in parts]) for name in names
    }


def _our_columns(dataset: Dataset, t0_met: float | None, mjd: bool) -> dict[str, NDArray[Any]]:
    values: Mapping[str, NDArray[np.float64]] = dataset.values
    columns: dict[str, Any] = {ours: values[theirs] for ours, theirs in SAME_COLUMNS.items() if theirs in values}
    columns |= {ours: np.abs(values[theirs]) for ours, theirs in NEGATIVE_COLUMNS.items() if theirs in values}
    if "RateErr" in values:
        columns["rate_err_neg"] = columns["rate_err_pos"] = values["RateErr"]
    if dataset.kind == "HR":
        columns = {name: column for name, column in columns.items() if not name.startswith(("rate", "fractional"))}
    if mjd:
        columns["met_s"] = mjd_to_met(values["Time"])
        for name in ("time_err_neg", "time_err_pos"):
            columns[name] = np.round(columns[name] * DAY_S, MET_DECIMALS)
    else:
        columns["met_s"] = values["Time"] + (t0_met or 0.0)
    if dataset.kind in ("", "UL"):
        columns["is_upper_limit"] = np.full(len(dataset), dataset.kind == "UL")
        columns["quality"] = dataset.quality if len(dataset.quality) else np.zeros(len(dataset), dtype=np.int64)
    columns["mode"] = np.full(len(dataset), dataset.mode)
    columns["obsid"] = dataset.obsid if len(dataset.obsid) else np.full(len(dataset), "")
    columns["snapshot"] = dataset.snapshot if len(dataset.snapshot) else np.zeros(len(dataset), dtype=np.int64)
    return columns
