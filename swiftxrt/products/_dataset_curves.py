"""From the service's tables to light curves and hardness ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..met import mjd_to_met
from ._curve import MET_DECIMALS
from ._curve_plan import CurvePlan
from ._datasets import BAND_CURVES, DAY_S, KINDS, NEGATIVE_COLUMNS, SAME_COLUMNS, Dataset
from .lightcurve import HardnessCurve, LightCurve, LightCurveSet

__all__ = ["TableColumns", "build_set", "columns_together", "empty_curve", "rate_plan", "ratio_plan"]

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
    columns = TableColumns(tuple(datasets), t0_met, mjd)
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
    columns = TableColumns(tuple(datasets), t0_met, mjd)
    return CurvePlan(HardnessCurve, columns, {"soft_band": soft, "hard_band": hard, "t0_met": t0_met, **attributes})


@dataclass(frozen=True, eq=False)
class TableColumns:
    """The columns of a curve, made of tables when they are asked for.

    Parameters
    ----------
    datasets : tuple of Dataset
        The tables.
    t0_met : float or None
        What times count from; None if they are MET themselves.
    mjd : bool
        Whether times are MJD (UTC).
    """

    datasets: tuple[Dataset, ...]
    t0_met: float | None
    mjd: bool

    def __call__(self) -> dict[str, Any]:
        """The columns for ``from_columns``."""
        return columns_together([self])[0]


def columns_together(curves: Sequence[TableColumns]) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """The columns of several curves below each other, NaN where one lacks a column.

    Tables of a kind are put together before anything is calculated, which is
    what makes it fast for thousands of short ones.

    Returns
    -------
    columns : dict of str to ndarray
        As for ``from_columns``; not sorted.
    curve : ndarray of int
        The place in `curves` that each row belongs to.
    """
    kinds: dict[Any, list[tuple[int, Dataset]]] = {}
    for number, one in enumerate(curves):
        for dataset in one.datasets:
            kinds.setdefault((dataset.kind, dataset.mode, one.t0_met, one.mjd), []).append((number, dataset))
    if not kinds:
        return dict.fromkeys(_RATE_COLUMNS, ()), np.array([], dtype=np.int64)
    parts = [_our_columns(_one([one for _, one in same]), kind[2], kind[3]) for kind, same in kinds.items()]
    same = list(chain.from_iterable(kinds.values()))
    return _below(parts), np.repeat([number for number, _ in same], [len(one) for _, one in same])


def _one(datasets: Sequence[Dataset]) -> Dataset:
    """One table of several of a kind."""
    if len(datasets) == 1:
        return datasets[0]
    labels = {
        name: np.concatenate([_label(one, name, filling) for one in datasets])
        for name, filling in (("obsid", ""), ("quality", 0), ("snapshot", 0))
        if any(len(getattr(one, name)) for one in datasets)
    }
    return Dataset(datasets[0].mode, datasets[0].kind, _below([one.values for one in datasets]), **labels)


def _label(dataset: Dataset, name: str, filling: Any) -> NDArray[Any]:
    values: NDArray[Any] = getattr(dataset, name)
    return values if len(values) else np.full(len(dataset), filling)


def _below(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, Any]:
    """Columns of several tables below each other."""
    names = dict.fromkeys(chain.from_iterable(parts))
    sizes = [len(next(iter(part.values()))) for part in parts]
    return {
        name: np.concatenate(
            [part[name] if name in part else np.full(size, np.nan) for part, size in zip(parts, sizes, strict=True)]
        )
        for name in names
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
