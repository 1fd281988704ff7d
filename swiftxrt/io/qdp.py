"""Light-curve files of the UK Swift Science Data Centre.

They are QDP (see `swiftxrt.io._qdp_text`). What a table holds is only said in
comments such as "PC upper limits" and in the name of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._paths import as_path
from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..exceptions import FormatError
from ..products._dataset_curves import build_set
from ..products._datasets import MODES, SUFFIXES, Dataset, binning_of, canonical, needs_t0, nest
from ..products.lightcurve import LightCurveSet
from ._qdp_text import QdpSection, read_comments, read_qdp
from ._qdp_write import write_qdp

__all__ = ["QdpSection", "looks_like_qdp", "read_qdp", "read_qdp_folder", "read_qdp_set", "write_qdp"]

_T0 = re.compile(r"MET\s*=\s*([-+]?\d+(?:\.\d*)?)")
_BAND = re.compile(r"(?:Data covers|The (hard|soft) band is)\s+(\S+\s*-\s*\S+\s+keV)", re.IGNORECASE)
_BINMODE = re.compile(r"BINMODE:\s*(.*)")
_MODE = re.compile(r"(?<![A-Z])(?:WT|PC)")
_DRAWING = re.compile(r"(curve2?|hardrat).*_plot")
_SUFFIX = re.compile(r"(_nosys)?(_incbad)?$")
_LIMITS = re.compile(r"UPPER|(?<![A-Z])(?:WT|PC)UL")

# Columns of the files with both bands and their ratio -> kind of dataset.
_RATIO_TABLES = {
    "Hard": {"HardRate": "Rate", "Harderr": "RateErr", "HardSig": "Sigma"},
    "Soft": {"SoftRate": "Rate", "SoftErr": "RateErr", "SoftSig": "Sigma"},
    "HR": {"HR": "HR", "HRErr": "HRErr"},
}
_RATIO_SHARED = ("Time", "TimePos", "TimeNeg", "FracExp", "Exposure")


def looks_like_qdp(start: bytes) -> bool:
    """Whether the beginning of a file without a telling name is that of a QDP file."""
    return re.search(rb"^\s*(READ\s+[TS]ERR|!\s*(Time|MJD)\s)", start, re.MULTILINE | re.IGNORECASE) is not None


def read_qdp_set(
    path: str | PathLike[str],
    *,
    table: str | None = None,
    t0_met: float | None = None,
    columns: Sequence[str] | None = None,
) -> LightCurveSet:
    """Read a QDP file of the service as light curves.

    Parameters
    ----------
    path : path-like
        ``curve.qdp``, ``PCCURVE.qdp``, ``PCUL.qdp``, ``PCHR.qdp``, ``hardrat.qdp`` or the like.
    table : str, optional
        Only this dataset, such as ``"PC"``, ``"PCUL"``, ``"WTSLEW"`` or
        ``"PCHR"``; it also tells the mode of a file that does not name it.
    t0_met : float, optional
        Reference time where neither the file nor its neighbours name it.
    columns : sequence of str, optional
        Names of the columns, in the service's spelling, if the file has none.

    Returns
    -------
    curves : LightCurveSet
        `total` is empty for a file of hardness ratios only.

    Raises
    ------
    FormatError
        If the columns are not those of a count rate or hardness ratio, the
        dataset is not in the file, or the reference time is unknown.
    """
    path = as_path(path, "path")
    sections = read_qdp(path)
    found = _named_datasets(path, sections, columns, table)
    names = [name for name, _ in found]
    if table is not None and table not in names:
        raise FormatError(f"has no table {table!r}; it has {', '.join(dict.fromkeys(names))}", path)
    chosen = [dataset for name, dataset in found if table in (None, name)]
    return _build([path], chosen, t0_met=t0_met, mjd=_is_mjd(sections))


def read_qdp_folder(folder: Path) -> LightCurveSet | None:
    """Read the files of a light-curve product of the service, None if there are none.

    The detailed files (``PCCURVE.qdp`` and so on) win over ``curve.qdp`` and
    ``hardrat.qdp``, from which only slew data are added. A variant equal to the
    curves it varies is left out, also if there are overview files of it only.
    """
    sets, overviews = {}, {}
    for suffix in SUFFIXES:
        detailed = _open(folder, [f"{mode}{kind}{suffix}.qdp" for kind in ("CURVE", "UL", "HR") for mode in MODES])
        overview = _open(folder, [f"curve{suffix}.qdp", f"hardrat{suffix}.qdp"])
        if overview:
            overviews[suffix] = _from_files(overview)
        if detailed:  # Data taken while slewing are in the overview only.
            sets[suffix] = _from_files(detailed, slews=overview)
        elif overview:
            sets[suffix] = overviews[suffix]
    if not sets:
        return None
    first = next(iter(sets))

    def is_new(suffix: str) -> bool:
        varied = "_incbad" if suffix == "_nosys_incbad" and "_incbad" in sets else first
        others = sets if sets[suffix] is not overviews.get(suffix) else overviews
        return varied not in others or not sets[suffix].equals(others[varied])

    return nest({suffix: one for suffix, one in sets.items() if suffix == first or is_new(suffix)})


def _from_files(
    files: Mapping[Path, Sequence[QdpSection]], *, slews: Mapping[Path, Sequence[QdpSection]] | None = None
) -> LightCurveSet:
    """A set of whole files, and of the slew data in others."""
    datasets = [one for path, sections in files.items() for _, one in _named_datasets(path, sections)]
    extra = [pair for path, sections in (slews or {}).items() for pair in _named_datasets(path, sections)]
    datasets += [one for name, one in extra if name.endswith("SLEW")]
    return _build(list(files), datasets, t0_met=None, mjd=all(map(_is_mjd, files.values())))


def _open(folder: Path, names: Sequence[str]) -> dict[Path, list[QdpSection]]:
    return {folder / name: read_qdp(folder / name) for name in names if (folder / name).is_file()}


def _is_mjd(sections: Sequence[QdpSection]) -> bool:
    return all(section.columns[0].lower() == "mjd" for section in sections)


def _build(paths: Sequence[Path], datasets: Sequence[Dataset], *, t0_met: float | None, mjd: bool) -> LightCurveSet:
    """Put datasets of one or several files together, with what their comments say."""
    comments = _comments(paths[0])
    if t0_met is None:
        t0_met = _find_t0(paths[0], comments)
    if not mjd and t0_met is None and needs_t0(datasets):
        raise FormatError("times count from a T0 that the file does not name; tell it with t0_met", paths[0])
    mode = _BINMODE.search(comments)
    bands = {match[0].lower(): EnergyBand.parse(match[1]) for match in _BAND.findall(comments)}
    return build_set(
        datasets,
        t0_met=t0_met or None,
        mjd=mjd,
        bands=(bands.get("", TOTAL), bands.get("soft", SOFT), bands.get("hard", HARD)),
        binning=binning_of(mode.group(1)) if mode else "unknown",
        provenance={"inputs": [path.name for path in paths]},
    )


def _comments(path: Path) -> str:
    """Comments of a file and of those beside it that describe the same product."""
    suffix = _SUFFIX.search(path.stem)
    endings = dict.fromkeys([suffix[0] if suffix else "", ""])
    names = [f"{stem}{ending}.qdp" for ending in endings for stem in ("curve", "hardrat")]
    paths = dict.fromkeys([path, *map(path.with_name, names)])
    return "\n".join(line for one in paths if one.is_file() for line in read_comments(one))


def _find_t0(path: Path, comments: str) -> float | None:
    """T0 from the comments, or from a file for it in the product's folder."""
    match = _T0.search(comments)
    if match:
        return float(match.group(1))
    date = path.with_name("t0.date")
    if not date.is_file():
        return None
    try:
        return float(date.read_text(encoding="utf-8").split()[0])
    except (ValueError, IndexError) as error:
        raise FormatError("should have T0 as MET in its first line", date) from error


def _named_datasets(
    path: Path, sections: Sequence[QdpSection], columns: Sequence[str] | None = None, table: str | None = None
) -> list[tuple[str, Dataset]]:
    if _DRAWING.match(path.stem):
        raise FormatError("is a drawing, with the arrows of its limits as data; read the file without '_plot'", path)
    return [pair for section in sections for pair in _datasets(section, path, columns, table)]


def _datasets(
    section: QdpSection, path: Path, columns: Sequence[str] | None, table: str | None
) -> list[tuple[str, Dataset]]:
    """The datasets of a section, with the names a user may ask for."""
    names = columns or (section.columns if section.named else ())
    if len(names) != len(section.columns):
        raise FormatError(
            f"the columns {', '.join(section.columns)} have no names, so rates cannot be told from fluxes; give "
            f"columns=('Time', 'TimePos', 'TimeNeg', 'Rate', ...), or use swiftxrt.io.qdp.read_qdp",
            path,
        )
    values = {canonical(name): section.rows[:, index] for index, name in enumerate(names)}
    labels = {
        "obsid": np.array(section.obsids or [""] * len(section.rows), dtype=str),
        "snapshot": np.array(section.snapshots or [0] * len(section.rows), dtype=np.int64),
    }
    title, stem = section.name.upper(), path.stem.upper()
    match = _MODE.search(title) or _MODE.search(stem) or _MODE.match(table or "")
    mode = match.group() if match else ""
    if "HardRate" in values:
        return [
            (f"{mode}{kind}", Dataset(mode, kind, _pick(values, renamed), **labels))
            for kind, renamed in _RATIO_TABLES.items()
        ]
    needed = {"Time", "TimePos", "TimeNeg", "Rate"} | ({"RateNeg"} if "RatePos" in values else set())
    if not mode or not needed <= values.keys():
        raise FormatError(
            f"the table {section.name!r} with the columns {', '.join(names)} is no count-rate curve of WT or PC mode; "
            "tell a mode the file does not name with table='PC', or get the numbers from swiftxrt.io.qdp.read_qdp",
            path,
        )
    if "RateErr" in values and "RatePos" not in values:
        kind = "HR" if "RATIO" in title else "Hard" if "HARD" in title else "Soft"
        if kind == "HR":
            values["HR"], values["HRErr"] = values.pop("Rate"), values.pop("RateErr")
        return [(f"{mode}{kind}", Dataset(mode, kind, values, **labels))]
    if "SLEW" in title:
        return [(f"{mode}SLEW", Dataset(mode, "", values, **labels))]
    # A section names its own kind; only without a title does the name of the file count.
    limit = np.full(len(section.rows), _LIMITS.search(title or stem) is not None)
    if "RatePos" in values:
        # Some files mark limits in no other way; a detection has an error.
        limit |= (values["RatePos"] == 0) & (values["RateNeg"] == 0)
    return [
        (f"{mode}{kind}", Dataset(mode, kind, _at(rows, values), **_at(rows, labels)))
        for kind, rows in (("", ~limit), ("UL", limit))
        if rows.any()
    ]


def _at(rows: NDArray[np.bool_], columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: column[rows] for name, column in columns.items()}


def _pick(values: Mapping[str, NDArray[np.float64]], renamed: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    shared = {name: values[name] for name in _RATIO_SHARED if name in values}
    return shared | {service: values[name] for name, service in renamed.items()}
