"""Writing the light-curve files of the service.

Names, header lines and layout are those of the service's product archives, so
that scripts made for them work; numbers keep their full precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._atomic import atomic_path, usable_folder
from .._paths import as_path
from ..met import met_to_time
from ..products._datasets import COLUMNS, FILE_NAMES, MODES, SUFFIXES, Dataset, split_set, variant
from ..products.lightcurve import LightCurveSet

__all__ = ["write_qdp"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BINMODES = {"counts": "GRB-like (counts)", "time": "TIME", "snapshot": "SNAPSHOT", "obsid": "OBSID"}
_OVERVIEW = ("Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg")
_RATIO_HEADER = (
    *("T_+ve", "T_-ve", "HardRate", "Harderr", "HardSig"),
    *("SoftRate", "SoftErr", "SoftSig", "HR", "HRerr", "FracExp", "Exposure"),
)
_BAND_HEADER = "\t\tErr (pos)\tErr(neg)\tRate\t\tError"


def write_qdp(
    curves: LightCurveSet,
    folder: str | PathLike[str],
    *,
    name: str = "",
    target_id: str = "",
    mjd: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Write the light-curve files of the service.

    Makes ``curve.qdp``, ``PCCURVE.qdp``, ``PCUL.qdp``, ``PCHR.qdp``, the same
    for WT mode, ``hardrat.qdp`` and ``t0.date``, as far as there are data; all
    but the last also with the endings ``_incbad``, ``_nosys`` and
    ``_nosys_incbad``, which a set without such variants fills with the same.
    If no bin is reliable there are only those with ``_incbad``.
    ObsIDs, and snapshots with them, are kept where every bin is one observation.

    Parameters
    ----------
    curves : LightCurveSet
        What to write; `quality` has no place in these files.
    folder : path-like
        Made if needed.
    name, target_id : str, optional
        Of the source, for the comments.
    mjd : bool, optional
        Whether the time axis is MJD (UTC) instead of seconds since T0.
    overwrite : bool, optional
        Whether existing files may be replaced.

    Returns
    -------
    paths : list of Path
        The files written.

    Raises
    ------
    OutputExistsError
        If a file exists and `overwrite` is false.
    """
    folder = as_path(folder, "folder")
    usable_folder(folder)
    texts: dict[str, str] = {}
    for suffix in SUFFIXES:
        varied = variant(curves, suffix)
        files = _set_files(varied, f" of trigger: {target_id}, name: {name}", mjd) if varied else {}
        texts |= {f"{stem}{suffix}.qdp": text for stem, text in files.items()}
    if curves.total.t0_met is not None:
        time = met_to_time(curves.total.t0_met)
        texts["t0.date"] = f"{curves.total.t0_met!r}\n{_calendar(curves.total.t0_met)} UT\n{time.mjd:.13f}\n"
    for file_name, text in texts.items():
        with atomic_path(folder / file_name, overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [folder / file_name for file_name in texts]


def _set_files(curves: LightCurveSet, source: str, mjd: bool) -> dict[str, str]:
    datasets = {dataset.name: dataset for dataset in split_set(curves, mjd=mjd)}
    if curves.total.binning != "obsid":  # As the service does; Astropy cannot read rows that end in a comment.
        datasets = {name: replace(dataset, obsid=np.full(len(dataset), "")) for name, dataset in datasets.items()}
    axis = "MJD" if mjd else "Time"
    files = {}
    for mode in MODES:
        for kind, stem in (("", "CURVE"), ("UL", "UL")):
            if mode + kind in datasets:
                files[mode + stem] = "READ TERR 1 2 \nREAD SERR 4\n" + _detailed(axis, datasets[mode + kind])
        if mode + "HR" in datasets:
            files[mode + "HR"] = "READ TERR 1\nREAD SERR 2 4 6\n" + _ratio(axis, mode, curves, datasets)
    if any(kind in datasets for kind in ("WT", "PC", "WTUL", "PCUL")):
        files["curve"] = _overview(axis, curves, datasets, source)
    if any(mode + "HR" in datasets for mode in MODES):
        files["hardrat"] = _hardrat(axis, curves, datasets, source)
    return files


def _header(axis: str, names: Iterable[str]) -> str:
    return "!" + "\t".join(f"{FILE_NAMES.get(name, name):<8}" for name in (axis, *names)).rstrip()


def _detailed(axis: str, dataset: Dataset) -> str:
    header = _header(axis, list(dataset.values)[1:])
    return "\n".join([header, *_rows(dataset.values.values(), dataset)]) + "\n"


def _ratio(axis: str, mode: str, curves: LightCurveSet, datasets: Mapping[str, Dataset]) -> str:
    """Rows of both bands and their ratio; NaN where a band has no bin at that time."""
    ratio = datasets[mode + "HR"]
    time_s = ratio.values["Time"]

    def at_ratio(kind: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        band = datasets[mode + kind].values["Time"]
        if np.array_equal(band, time_s):
            return values
        index = {time: row for row, time in enumerate(band.tolist())}
        rows = np.array([index.get(time, -1) for time in time_s.tolist()], dtype=int)
        return np.where(rows >= 0, values[rows], np.nan)

    columns = [ratio.values[column] for column in ("Time", "TimePos", "TimeNeg")]
    unknown = fraction = np.full(len(ratio), np.nan)
    for kind, name in (("Hard", "hard"), ("Soft", "soft")):
        if mode + kind not in datasets:
            columns += [unknown] * 3
            continue
        curve = curves[name]
        curve = curve[np.asarray(curve["mode"]) == mode]
        table = datasets[mode + kind].values
        columns += [
            at_ratio(kind, values) for values in (table["Rate"], table["RateErr"], np.asarray(curve["significance"]))
        ]
        fraction = at_ratio(kind, np.asarray(curve["fractional_exposure"]))
    columns += [ratio.values["HR"], ratio.values["HRErr"], fraction, ratio.values.get("Exposure", unknown)]
    return "\n".join([_header(axis, _RATIO_HEADER), *_rows(columns, ratio)]) + "\n"


def _overview(axis: str, curves: LightCurveSet, datasets: Mapping[str, Dataset], source: str) -> str:
    lines = [
        f" ! Swift/XRT lightcurve{source}",
        _t0_line(curves),
        f" ! Data covers {curves.total.band}",
        " ! The data are in 5 columns:  ! time, time error (+ve), time error (-ve), source count-rate, source error",
        " ! Columns and binning follow Evans et al. 2007 (A&A, 469, 379)",
        f" ! BINMODE: {_BINMODES.get(curves.total.binning, '')}",
        "",
        "READ TERR 1 2",
    ]
    header = _header(axis, _OVERVIEW[1:])
    titles = {"WT": "WT data", "PC": "PC data", "WTUL": "WT Upper limit", "PCUL": "PC Upper limit"}
    first = True
    for key, title in titles.items():
        if key in datasets:
            lines += [] if first else ["\t".join(["NO"] * 6)]
            first = False
            lines += [f"! {title}", header]
            lines += _rows([datasets[key].values[name] for name in _OVERVIEW], datasets[key])
    return "\n".join(lines) + "\n"


def _hardrat(axis: str, curves: LightCurveSet, datasets: Mapping[str, Dataset], source: str) -> str:
    lines = [
        f"! Swift/XRT hardness ratio{source}",
        _t0_line(curves),
        f" ! The hard band is {curves.hardness_ratio.hard_band}",
        f" ! The soft band is {curves.hardness_ratio.soft_band}",
        " ! Columns and binning follow Evans et al. 2007 (A&A, 469, 379)",
        "! There are 3 datasets for each mode: Hard, Soft, and the ratio",
        "! Columns are as labelled",
        "READ TERR 1 ",
        "READ SERR 2",
    ]
    titles = {"Hard": "hard data", "Soft": "soft data", "HR": "hardness ratio"}
    first = True
    for mode in MODES:
        for kind, title in titles.items():
            if mode + kind in datasets:
                lines += [] if first else [" ".join(["NO"] * 5)]
                first = False
                dataset = datasets[mode + kind]
                lines += [f"! {mode} -- {title}", f"!{axis}{_BAND_HEADER}"]
                lines += _rows([dataset.values[name] for name in COLUMNS[kind] if name != "Exposure"], dataset)
    return "\n".join(lines) + "\n"


def _t0_line(curves: LightCurveSet) -> str:
    t0_met = curves.total.t0_met
    if t0_met is None:  # Times since MET 0 are MET.
        return " ! T0 for this burst is Swift MET=0.0 s"
    return f" ! T0 for this burst is Swift MET={t0_met!r} s, = {_calendar(t0_met)} UT"


def _calendar(t0_met: float) -> str:
    date, time = met_to_time(t0_met).isot.split("T")
    year, month, day = date.split("-")
    return f"{year} {_MONTHS[int(month) - 1]} {day} at {time[:12]}"


def _rows(columns: Iterable[NDArray[np.float64]], dataset: Dataset) -> list[str]:
    """Rows of numbers, with the labels of a dataset at their ends."""
    texts = [[repr(value) for value in column.tolist()] for column in columns]
    snapshots = dataset.snapshot if len(dataset.snapshot) else np.zeros(len(dataset), dtype=np.int64)
    ends = [
        f"\t!{f'::Snapshot={snapshot}' if snapshot else ''}::ObsID={obsid}" if obsid else ""
        for obsid, snapshot in zip(dataset.obsid.tolist(), snapshots.tolist(), strict=True)
    ]
    return ["\t".join(row) + end for *row, end in zip(*texts, ends, strict=True)]
