"""Light curves as the service lays them out: one table per mode and kind.

JSON replies and QDP files hold the same tables under the same names, so the
protocol and the file reader share this module.

Times round-trip exactly: MET and T0 are whole microseconds
(`~swiftxrt.products._curve.MET_DECIMALS`), a table holds their difference
rounded to the microsecond, and reading rounds the sum again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time
from numpy.typing import NDArray

from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..met import time_to_met
from ._curve import MET_DECIMALS
from .lightcurve import HardnessCurve, LightCurve, LightCurveSet

__all__ = [
    "COLUMNS",
    "KINDS",
    "MODES",
    "SUFFIXES",
    "Dataset",
    "binning_of",
    "build_set",
    "canonical",
    "needs_t0",
    "nest",
    "split_set",
    "variant",
]

MODES = ("WT", "PC")
KINDS = ("", "UL", "Hard", "Soft", "HR")
#: Endings of names of datasets and files, in the service's order, and the variants they stand for.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "": (),
    "_incbad": ("with_unreliable",),
    "_nosys": ("without_systematics",),
    "_nosys_incbad": ("with_unreliable", "without_systematics"),
}

_TIME = ("Time", "TimePos", "TimeNeg")
_RATES = (
    *(*_TIME, "Rate", "RatePos", "RateNeg", "FracExp", "BGrate", "BGerr"),
    *("CorrFact", "CtsInSrc", "BGInSrc", "Exposure", "Sigma", "SNR"),
)
_BAND = (*_TIME, "Rate", "RateErr", "Exposure")
#: Columns of each kind of dataset; rows may have an ObsID besides.
COLUMNS = {"": _RATES, "UL": _RATES, "Hard": _BAND, "Soft": _BAND, "HR": (*_TIME, "HR", "HRErr", "Exposure")}

# Our columns that differ from the service's in nothing but the name.
_SAME = {
    "time_err_pos": "TimePos",
    "rate": "Rate",
    "rate_err_pos": "RatePos",
    "fractional_exposure": "FracExp",
    "background_rate": "BGrate",
    "background_rate_err": "BGerr",
    "correction_factor": "CorrFact",
    "counts": "CtsInSrc",
    "background_counts": "BGInSrc",
    "exposure": "Exposure",
    "significance": "Sigma",
    "snr": "SNR",
    "hardness_ratio": "HR",
    "hardness_ratio_err": "HRErr",
}
# Those that count downwards there.
_NEGATIVE = {"time_err_neg": "TimeNeg", "rate_err_neg": "RateNeg"}

_BANDS = {"Hard": "hard", "Soft": "soft", "HR": "hardness_ratio"}

# Spellings of files and of older versions of the protocol, in lower case.
_SPELLINGS = {name.lower(): name for columns in COLUMNS.values() for name in columns}
_SPELLINGS |= {
    "mjd": "Time",
    "t_+ve": "TimePos",
    "t_-ve": "TimeNeg",
    "err (pos)": "TimePos",
    "err(neg)": "TimeNeg",
    "upperlimit": "Rate",
    "error": "RateErr",
    "obsid": "ObsID",
}

# A MET below this is before the launch of Swift (2004-11-20, MET 1.226e8 s).
_EARLIEST_MET_S = 1.2e8
_DAY_S = 86400.0


@dataclass(frozen=True, eq=False)
class Dataset:
    """One table of the service.

    Parameters
    ----------
    mode : str
        ``"WT"`` or ``"PC"``.
    kind : str
        ``""`` (rates), ``"UL"`` (limits), ``"Hard"``, ``"Soft"`` or ``"HR"``.
    values : mapping of str to ndarray, shape (n,)
        Columns in the service's spelling and sign, NaN where unknown.
    obsid : ndarray of str, shape (n,)
        ObsID of each row, or ``""``.
    """

    mode: str
    kind: str
    values: Mapping[str, NDArray[np.float64]]
    obsid: NDArray[np.str_] = field(default_factory=lambda: np.array([], dtype=str))

    @property
    def name(self) -> str:
        """Name of the dataset without the flags of its variant."""
        return self.mode + self.kind

    def __len__(self) -> int:
        return len(self.values["Time"])


def canonical(name: str) -> str:
    """Today's spelling of a column of the service; an unknown name comes back as it is."""
    return _SPELLINGS.get(name.strip().lower(), name.strip())


def binning_of(text: str) -> str:
    """Our word for a binning in the service's words, such as ``"GRB-like (counts)"`` or ``"obslc"``."""
    words = {"count": "counts", "obs": "obsid", "snap": "snapshot", "sslc": "snapshot", "time": "time"}
    return next((ours for theirs, ours in words.items() if theirs in text.lower()), "unknown")


def needs_t0(datasets: Iterable[Dataset]) -> bool:
    """Whether the times cannot be MET, so that they must count from a T0."""
    return any(bool(np.any(dataset.values["Time"] < _EARLIEST_MET_S)) for dataset in datasets)


def variant(curves: LightCurveSet, suffix: str) -> LightCurveSet:
    """The set a suffix stands for.

    A variant that does not exist is the set itself: nothing was left out, or
    there is no systematic error to take away. The service does the same.
    """
    for name in SUFFIXES[suffix]:
        curves = curves.variants.get(name, curves)
    return curves


def nest(sets: Mapping[str, LightCurveSet]) -> LightCurveSet:
    """Make sets, by suffix and least flagged first, variants of the first one."""
    first, *others = sets
    variants: dict[str, LightCurveSet] = {}
    for suffix in others:
        beyond = [name for name in SUFFIXES[suffix] if name not in SUFFIXES[first]]
        if len(beyond) == 1:
            variants[beyond[0]] = sets[suffix]
    if first == "" and "_incbad" in others and "_nosys_incbad" in others:
        deepest = {"without_systematics": sets["_nosys_incbad"]}
        variants["with_unreliable"] = LightCurveSet(**sets["_incbad"], variants=deepest)
    return LightCurveSet(**sets[first], variants=variants)


def split_set(curves: LightCurveSet, *, mjd: bool = False) -> list[Dataset]:
    """Take a set apart into the service's tables, in its order; empty ones are left out.

    `quality` and `confidence` have no place in these tables, nor have the two
    sides of an error in the bands. Times count from T0 or, if wanted, are MJD
    (UTC), which double precision resolves to a microsecond at best.
    """
    t0_met = None if mjd else curves.total.t0_met or 0.0
    # Plain tables: slicing a time series also sorts its index of times.
    tables = {name: QTable(curve, copy=False, copy_indices=False) for name, curve in curves.items()}
    is_limit = np.asarray(tables["total"]["is_upper_limit"])
    parts = {"": tables["total"][~is_limit], "UL": tables["total"][is_limit]}
    parts |= {kind: tables[name] for kind, name in _BANDS.items() if name in tables}
    datasets = []
    for mode in MODES:
        for kind in KINDS:
            if kind in parts and np.any(rows := np.asarray(parts[kind]["mode"]) == mode):
                datasets.append(_table(mode, kind, parts[kind][rows], t0_met))
    return datasets


def _table(mode: str, kind: str, curve: QTable, t0_met: float | None) -> Dataset:
    is_mjd = t0_met is None
    values = {"Time": curve["time"].utc.mjd if is_mjd else np.round(curve["met"].value - t0_met, MET_DECIMALS)}
    for sign, names in ((1.0, _SAME), (-1.0, _NEGATIVE)):
        for ours, theirs in names.items():
            if ours in curve.colnames:
                values[theirs] = sign * np.asarray(getattr(curve[ours], "value", curve[ours])) + 0.0  # no minus zero
    if kind == "UL":
        values["RatePos"] = values["RateNeg"] = np.zeros(len(curve))
    elif kind in ("Hard", "Soft"):
        values["RateErr"] = values["RatePos"]
    if is_mjd:
        values |= {name: values[name] / _DAY_S for name in ("TimePos", "TimeNeg")}
    columns = list(COLUMNS[kind])
    if kind not in ("", "UL") and np.all(np.isnan(values["Exposure"])):
        columns.remove("Exposure")  # The service has sent it for bands and ratio since 2023 only.
    return Dataset(mode, kind, {name: values[name] for name in columns}, np.asarray(curve["obsid"]))


def build_set(
    datasets: Sequence[Dataset],
    *,
    t0_met: float | None,
    mjd: bool = False,
    bands: tuple[EnergyBand, EnergyBand, EnergyBand] = (TOTAL, SOFT, HARD),
    binning: str = "unknown",
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
    provenance : Provenance or dict, optional
        Given to every curve.
    """
    common = {"t0_met": t0_met, "binning": binning, "provenance": provenance}
    total, soft, hard = bands

    def select(*kinds: str) -> dict[str, Any]:
        return _join([_our_columns(one, t0_met, mjd) for one in datasets if one.kind in kinds])

    rates = select("", "UL") or dict.fromkeys(("met_s", "time_err_neg", "time_err_pos", "rate", "mode"), ())
    curves: dict[str, Any] = {"total": LightCurve.from_columns(rates, band=total, **common)}
    for kind, name, band in (("Soft", "soft", soft), ("Hard", "hard", hard)):
        if columns := select(kind):
            curves[name] = LightCurve.from_columns(columns, band=band, **common)
    if columns := select("HR"):
        curves["hardness_ratio"] = HardnessCurve.from_columns(columns, soft_band=soft, hard_band=hard, **common)
    return LightCurveSet(**curves)


def _our_columns(dataset: Dataset, t0_met: float | None, mjd: bool) -> dict[str, Any]:
    values = dataset.values
    columns: dict[str, Any] = {ours: values[theirs] for ours, theirs in _SAME.items() if theirs in values}
    columns |= {ours: np.abs(values[theirs]) for ours, theirs in _NEGATIVE.items() if theirs in values}
    if "RateErr" in values:
        columns["rate_err_neg"] = columns["rate_err_pos"] = values["RateErr"]
    if dataset.kind == "HR":
        columns = {name: column for name, column in columns.items() if not name.startswith(("rate", "fractional"))}
    if mjd:
        columns["met_s"] = time_to_met(Time(values["Time"], format="mjd", scale="utc"))
        for name in ("time_err_neg", "time_err_pos"):
            columns[name] = np.round(columns[name] * _DAY_S, MET_DECIMALS)
    else:
        columns["met_s"] = values["Time"] + (t0_met or 0.0)
    if dataset.kind in ("", "UL"):
        columns["is_upper_limit"] = np.full(len(dataset), dataset.kind == "UL")
    columns["mode"] = np.full(len(dataset), dataset.mode)
    columns["obsid"] = dataset.obsid if len(dataset.obsid) else np.full(len(dataset), "")
    return columns


def _join(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, Any]:
    """Stack tables, NaN where one lacks a column."""
    if not parts:
        return {}
    names = dict.fromkeys(name for part in parts for name in part)
    return {
        name: np.concatenate([part.get(name, np.full(len(part["met_s"]), np.nan)) for part in parts]) for name in names
    }
