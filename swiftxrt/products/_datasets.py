"""Light curves as the service lays them out: one table per mode and kind.

JSON replies and QDP files hold the same tables under the same names, so the
protocol and the file reader share this module.

Times round-trip exactly: MET and T0 are whole microseconds
(`~swiftxrt.products._curve.MET_DECIMALS`), a table holds their difference
rounded to the microsecond, and reading rounds the sum again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from ..exceptions import RequestError
from ._curve import MET_DECIMALS
from .lightcurve import UNRELIABLE, LightCurveSet

__all__ = [
    "BAND_CURVES",
    "COLUMNS",
    "DAY_S",
    "EARLIEST_MET_S",
    "FILE_NAMES",
    "KINDS",
    "MODES",
    "NEGATIVE_COLUMNS",
    "SAME_COLUMNS",
    "SUFFIXES",
    "Dataset",
    "all_unreliable",
    "binning_of",
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
#: Columns that bands have besides, where they are known; the service keeps them to itself.
_BAND_EXTRA = ("FracExp", "BGrate", "BGerr", "CorrFact", "CtsInSrc", "BGInSrc", "Sigma", "SNR")
#: Columns of each kind of dataset; rows may have an ObsID besides.
COLUMNS = {"": _RATES, "UL": _RATES, "Hard": _BAND, "Soft": _BAND, "HR": (*_TIME, "HR", "HRErr", "Exposure")}

#: Names in the service's files and, before API version 1.10, in its replies, where they differ.
FILE_NAMES = {"TimePos": "T_+ve", "TimeNeg": "T_-ve", "RatePos": "Ratepos", "RateNeg": "Rateneg"}

# Our columns that differ from the service's in nothing but the name.
SAME_COLUMNS = {
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
NEGATIVE_COLUMNS = {"time_err_neg": "TimeNeg", "rate_err_neg": "RateNeg"}

BAND_CURVES = {"Hard": "hard", "Soft": "soft", "HR": "hardness_ratio"}

# Spellings of files and of older versions of the protocol, in lower case.
_SPELLINGS = {name.lower(): name for columns in COLUMNS.values() for name in columns}
_SPELLINGS |= {name.lower(): today for today, name in FILE_NAMES.items()} | {
    "mjd": "Time",
    "err (pos)": "TimePos",
    "err(neg)": "TimeNeg",
    "upperlimit": "Rate",
    "error": "RateErr",
    "obsid": "ObsID",
    "snapshot": "Snapshot",
    "quality": "Quality",
}

#: A MET below this is before the launch of Swift (2004-11-20, MET 1.226e8 s).
EARLIEST_MET_S = 1.2e8
DAY_S = 86400.0


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
        ObsID of each row, or ``""``; empty if none is known.
    quality : ndarray of int, shape (n,)
        As in `LightCurve`; empty if all rows are good.
    snapshot : ndarray of int, shape (n,)
        As in `LightCurve`; empty if none is known.
    """

    mode: str
    kind: str
    values: Mapping[str, NDArray[np.float64]]
    obsid: NDArray[np.str_] = field(default_factory=lambda: np.array([], dtype=str))
    quality: NDArray[np.int64] = field(default_factory=lambda: np.array([], dtype=np.int64))
    snapshot: NDArray[np.int64] = field(default_factory=lambda: np.array([], dtype=np.int64))

    @property
    def name(self) -> str:
        """Name of the dataset without the flags of its variant."""
        return self.mode + self.kind

    def __len__(self) -> int:
        return len(self.values["Time"])


@lru_cache(maxsize=256)
def canonical(name: str) -> str:
    """Today's spelling of a column of the service; an unknown name comes back as it is."""
    return _SPELLINGS.get(name.strip().lower(), name.strip())


def binning_of(text: str) -> str:
    """Our word for a binning in the service's words, such as ``"GRB-like (counts)"`` or ``"obslc"``."""
    words = {"count": "counts", "obs": "obsid", "snap": "snapshot", "sslc": "snapshot", "time": "time"}
    return next((ours for theirs, ours in words.items() if theirs in text.lower()), "unknown")


def needs_t0(datasets: Iterable[Dataset]) -> bool:
    """Whether the times cannot be MET, so that they must count from a T0."""
    return any(bool(np.any(dataset.values["Time"] < EARLIEST_MET_S)) for dataset in datasets)


def variant(curves: LightCurveSet, suffix: str, *, existing: Collection[str] = ()) -> LightCurveSet | None:
    """The set a suffix stands for.

    A variant that does not exist is the set itself: nothing was left out, or
    there is no systematic error to take away. The service does the same.

    Parameters
    ----------
    curves : LightCurveSet
        The set with its variants.
    suffix : str
        Ending of names of datasets and files.
    existing : collection of str, optional
        Variants that have to exist.

    Returns
    -------
    curves : LightCurveSet or None
        None if a variant does not exist that has to, or if the curves are
        wanted without unreliable bins and there are no others.
    """
    flagged = SUFFIXES[suffix]
    unreliable = all_unreliable(curves)
    if unreliable and "with_unreliable" not in flagged:
        return None
    for name in flagged:
        if name in curves.variants:
            curves = curves.variants[name]
        elif name in existing and not (unreliable and name == "with_unreliable"):
            return None
    return curves


def all_unreliable(curves: LightCurveSet) -> bool:
    """Whether a set has bins, and none with a reliable centroid: the service has such curves with flag only."""
    quality = np.asarray(curves.total["quality"])
    return len(quality) > 0 and bool(np.all(quality & UNRELIABLE))


def nest(sets: Mapping[str, LightCurveSet]) -> LightCurveSet:
    """Make sets, by suffix and least flagged first, variants of the first one.

    Both flags together are a variant of ``"_incbad"``. Where that is missing
    the set between is the first one, since a variant that does not exist is
    the set itself.
    """
    first, *others = sets
    steps = {suffix: _beyond(first, suffix) for suffix in others}
    variants = {names[0]: sets[suffix] for suffix, names in steps.items() if len(names) == 1}
    both = sets.get("_nosys_incbad")
    if first == "" and both is not None:
        deepest = {"without_systematics": both}
        variants["with_unreliable"] = LightCurveSet(**sets.get("_incbad", sets[first]), variants=deepest)
    return LightCurveSet(**sets[first], variants=variants)


def _beyond(first: str, suffix: str) -> list[str]:
    return [name for name in SUFFIXES[suffix] if name not in SUFFIXES[first]]


def split_set(curves: LightCurveSet, *, mjd: bool = False) -> list[Dataset]:
    """Take a set apart into the service's tables, in its order; empty ones are left out.

    `confidence` has no place in these tables, nor have the two sides of an
    error in the bands. What is known of a band beyond rate, error and exposure
    comes after these. Rates in WT mode tell their systematic error as factors
    ``SYS_NEG`` and ``SYS_POS`` if the set has the variant without. Times count from T0 or, if wanted, are MJD
    (UTC), which double precision resolves to a microsecond at best.

    Raises
    ------
    RequestError
        If the set holds curves of the catalogue's bands, for which there are
        no such tables.
    """
    foreign = set(curves) - {"total", *BAND_CURVES.values()}
    if foreign:
        raise RequestError(f"the tables of a job have no place for the curves {', '.join(sorted(foreign))}")
    t0_met = None if mjd else curves.total.t0_met or 0.0
    # Plain tables: slicing a time series also sorts its index of times.
    tables = {name: QTable(curve, copy=False, copy_indices=False) for name, curve in curves.items()}
    is_limit = np.asarray(tables["total"]["is_upper_limit"])
    parts = {"": tables["total"][~is_limit], "UL": tables["total"][is_limit]}
    parts |= {kind: tables[name] for kind, name in BAND_CURVES.items() if name in tables}
    datasets = []
    for mode in MODES:
        for kind in KINDS:
            if kind in parts and np.any(rows := np.asarray(parts[kind]["mode"]) == mode):
                table = _table(mode, kind, parts[kind][rows], t0_met)
                extra = _systematic_factors(curves) if table.name == "WT" else {}
                datasets.append(replace(table, values={**table.values, **extra}))
    return datasets


def _systematic_factors(curves: LightCurveSet) -> dict[str, NDArray[np.float64]]:
    """Lowest and highest rate that the systematic error allows, over the rate, of WT detections."""
    if "without_systematics" not in curves.variants:
        return {}
    both = [one.total.detections.in_mode("WT") for one in (curves, curves.variants["without_systematics"])]
    if not np.array_equal(*(one.met.value for one in both)):
        return {}
    factors: dict[str, NDArray[np.float64]] = {}
    for name, side, sign in (("SYS_NEG", "rate_err_neg", -1.0), ("SYS_POS", "rate_err_pos", 1.0)):
        complete, statistical = (one[side].value for one in both)
        part = np.sqrt(np.maximum(complete**2 - statistical**2, 0.0))
        factors[name] = 1.0 + sign * np.divide(part, both[0]["rate"].value, where=part > 0, out=np.zeros_like(part))
    return factors if any(np.any(factor != 1.0) for factor in factors.values()) else {}


def _table(mode: str, kind: str, curve: QTable, t0_met: float | None) -> Dataset:
    is_mjd = t0_met is None
    values = {"Time": curve["time"].utc.mjd if is_mjd else np.round(curve["met"].value - t0_met, MET_DECIMALS)}
    for sign, names in ((1.0, SAME_COLUMNS), (-1.0, NEGATIVE_COLUMNS)):
        for ours, theirs in names.items():
            if ours in curve.colnames:
                values[theirs] = sign * np.asarray(getattr(curve[ours], "value", curve[ours])) + 0.0  # no minus zero
    if kind == "UL":
        values["RatePos"] = values["RateNeg"] = np.zeros(len(curve))
    elif kind in ("Hard", "Soft"):
        values["RateErr"] = values["RatePos"]
    if is_mjd:
        values |= {name: values[name] / DAY_S for name in ("TimePos", "TimeNeg")}
    columns = list(COLUMNS[kind])
    if kind not in ("", "UL") and np.all(np.isnan(values["Exposure"])):
        columns.remove("Exposure")  # The service has sent it for bands and ratio since 2023 only.
    if kind in ("Hard", "Soft"):
        columns += [name for name in _BAND_EXTRA if not np.all(np.isnan(values[name]))]
    quality = np.asarray(curve["quality"]) if kind in ("", "UL") else np.array([], dtype=np.int64)
    labels = np.asarray(curve["obsid"]), quality, np.asarray(curve["snapshot"])
    return Dataset(mode, kind, {name: values[name] for name in columns}, *labels)
