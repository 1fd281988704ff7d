"""Light-curve replies of the service.

A reply names its ``Datasets``; for each one there is a table ``<name>Data``
with ``columns`` and ``data`` (rows). Names are mode, kind and flags, such as
``PCUL_nosys_incbad`` (see `swiftxrt.products._datasets`). Encoding and
decoding are exact inverses for sets whose bands carry only what the service
sends: rate, symmetric error and exposure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..exceptions import ProductNotAvailableError, ProtocolError, ServiceWarning, warn
from ..products._datasets import (
    KINDS,
    MODES,
    SUFFIXES,
    Dataset,
    binning_of,
    build_set,
    canonical,
    needs_t0,
    nest,
    split_set,
    variant,
)
from ..products.lightcurve import LightCurveSet
from ..products.provenance import Provenance

__all__ = ["decode", "encode", "file_urls", "read_columns"]

_NAME = re.compile(r"(WT|PC)(UL|Hard|Soft|HR)?((?:_nosys)?(?:_incbad)?)")
_OBSID = re.compile(r"(?:!?\s*::ObsID=)?\s*(\d{1,11})(?:\.0*)?")
_TEXT_COLUMNS = ("ObsID", "URL")
_BINNING = {"counts": "Counts", "time": "Time", "snapshot": "Snapshot", "obsid": "ObsID"}
#: Stands for an unknown ObsID, as the client needs a number there.
_NO_OBSID = "0" * 11
#: Whole numbers below this are exact in double precision.
_EXACT = 2.0**53


def encode(
    curves: LightCurveSet,
    *,
    urls: Mapping[str, str],
    nosys: str = "no",
    incbad: str = "no",
    mjd: bool = False,
) -> dict[str, Any]:
    """Make the reply for a set of light curves, without its envelope.

    Parameters
    ----------
    curves : LightCurveSet
        What to send.
    urls : mapping of str to str, optional
        Address of the file behind each dataset (see `file_urls`).
    nosys : {"no", "yes", "both"}, optional
        Whether to send the curves without WT systematics.
    incbad : {"no", "yes", "both"}, optional
        Whether to send the curves with the bins without a reliable centroid.
        Variants the set does not have are sent as the set itself.
    mjd : bool, optional
        Whether times are sent as MJD (UTC) instead of seconds since T0.

    Returns
    -------
    reply : dict
        Ready for JSON; numbers that JSON does not know are texts.
    """
    chosen = [
        suffix
        for suffix in SUFFIXES
        if _wanted("_nosys" in suffix, nosys, "nosys") and _wanted("_incbad" in suffix, incbad, "incbad")
    ]
    tables = {suffix: split_set(variant(curves, suffix), mjd=mjd) for suffix in chosen}
    named = {
        dataset.name + suffix: dataset
        for mode in MODES
        for suffix, datasets in tables.items()
        for dataset in datasets
        if dataset.mode == mode
    }
    reply: dict[str, Any] = {"Datasets": list(named)}
    for name, dataset in named.items():
        reply[f"{name}Data"] = _encode_table(dataset)
        if name in urls:
            reply[f"{name}Data"]["URL"] = urls[name]
    if not named:
        reply["NOLC"] = 1
    reply["Binning"] = _BINNING.get(curves.total.binning, "Unknown")
    reply["TimeFormat"] = "MJD" if mjd else "MET"
    if curves.total.t0_met is not None:
        reply["T0"] = curves.total.t0_met
    return reply


def _wanted(flagged: bool, answer: str, key: str) -> bool:
    if answer not in ("no", "yes", "both"):
        raise ProtocolError(f"{key} must be 'no', 'yes' or 'both'; got {answer!r}")
    return answer == "both" or (answer == "yes") == flagged


def _encode_table(dataset: Dataset) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {name: _cells(values) for name, values in dataset.values.items()}
    if np.any(dataset.obsid != ""):
        columns["ObsID"] = [obsid or _NO_OBSID for obsid in dataset.obsid.tolist()]
    return {"columns": list(columns), "data": [list(row) for row in zip(*columns.values(), strict=True)]}


def _cells(values: NDArray[np.float64]) -> list[Any]:
    """Numbers of a column; counts without a decimal point, texts for what JSON does not know."""
    if not np.all(np.isfinite(values)):
        return [value if math.isfinite(value) else str(value) for value in values.tolist()]
    if np.all((values == np.rint(values)) & (np.abs(values) < _EXACT)):
        return values.astype(np.int64).tolist()
    return values.tolist()


def file_urls(folder: str) -> dict[str, str]:
    """Address of the QDP file behind each dataset.

    Parameters
    ----------
    folder : str
        Address of the folder, as in ``https://host/user_objects/tprods/USERPROD_951/lc``.
    """
    stems = {"": "CURVE", "UL": "UL", "Hard": "HR", "Soft": "HR", "HR": "HR"}
    return {
        f"{mode}{kind}{suffix}": f"{folder.rstrip('/')}/{mode}{stems[kind]}{suffix}.qdp"
        for mode in MODES
        for suffix in SUFFIXES
        for kind in KINDS
    }


def decode(
    reply: Mapping[str, Any],
    *,
    bands: tuple[EnergyBand, EnergyBand, EnergyBand] = (TOTAL, SOFT, HARD),
    t0_met: float | None = None,
    provenance: Provenance | None = None,
) -> LightCurveSet:
    """Read a light-curve reply.

    Parameters
    ----------
    reply : mapping
        The reply; what it holds besides the light curves is ignored.
    bands : tuple of EnergyBand, optional
        Total, soft and hard band, which the reply does not name.
    t0_met : float, optional
        Reference time (MET in seconds) for a reply that does not name it.
    provenance : Provenance, optional
        Given to every curve.

    Returns
    -------
    curves : LightCurveSet
        The least flagged curves that came; others are its variants.

    Raises
    ------
    ProtocolError
        If the reply is not what the protocol says.
    ProductNotAvailableError
        If the service made no light curve.
    """
    found: dict[str, list[Dataset]] = {}
    for name in _dataset_names(reply):
        match = _NAME.fullmatch(name)
        if match is None:
            warn(f"the service sent a dataset {name!r} that this version does not know; it is left out", ServiceWarning)
            continue
        mode, kind, suffix = match.groups()
        found.setdefault(suffix, []).append(_dataset(mode, kind or "", read_columns(reply, name), name))
    if not found:
        raise ProductNotAvailableError("light curve", "the service has none for this request")
    mjd = _is_mjd(reply)
    t0_met = _read_t0(reply) or t0_met
    if not mjd and t0_met is None and needs_t0(dataset for datasets in found.values() for dataset in datasets):
        raise ProtocolError("times count from a T0 that the reply does not name; tell it with t0_met")
    common: dict[str, Any] = {"t0_met": t0_met, "mjd": mjd, "bands": bands, "provenance": provenance}
    common["binning"] = binning_of(str(reply.get("Binning", "")))
    sets = {suffix: build_set(found[suffix], **common) for suffix in SUFFIXES if suffix in found}
    return nest(sets)


def _dataset_names(reply: Mapping[str, Any]) -> list[str]:
    names = reply.get("Datasets")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProtocolError(
            f"a light-curve reply lists its 'Datasets' as texts; got {names!r} among the keys {', '.join(reply)}"
        )
    return names


def read_columns(reply: Mapping[str, Any], name: str) -> dict[str, NDArray[Any]]:
    """Columns of one dataset, under today's names.

    Parameters
    ----------
    reply : mapping
        The whole reply.
    name : str
        One of its ``Datasets``.

    Returns
    -------
    columns : dict of str to ndarray
        Numbers (NaN for null), but texts for ``ObsID`` (11 digits) and ``URL``.

    Raises
    ------
    ProtocolError
        If the table is missing, ragged or holds text where numbers belong.
    """
    table = reply.get(f"{name}Data")
    if not isinstance(table, Mapping):
        raise ProtocolError(f"the reply lists the dataset {name!r} but has no table '{name}Data'")
    columns, rows = table.get("columns"), table.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise ProtocolError(f"the table '{name}Data' needs the lists 'columns' and 'data'; it has {', '.join(table)}")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ProtocolError(f"row {number} of '{name}Data' should have {len(columns)} values: {row!r}")
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {
        spelling: _read_column(f"{spelling} of {name}Data", spelling, values)
        for spelling, values in zip(map(canonical, columns), cells, strict=True)
    }


def _read_column(what: str, spelling: str, cells: Iterable[Any]) -> NDArray[Any]:
    if spelling == "ObsID":
        return np.array([_read_obsid(what, cell) for cell in cells], dtype=str)
    if spelling in _TEXT_COLUMNS:
        return np.array([str(cell) for cell in cells], dtype=str)
    try:
        # Null becomes NaN here, and the texts "inf" and "nan" are understood.
        numbers = np.array(list(cells), dtype=float)
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"{what} should hold numbers: {error}") from error
    if numbers.ndim != 1:
        raise ProtocolError(f"{what} should hold numbers; got lists")
    return numbers


def _read_obsid(what: str, cell: Any) -> str:
    if cell is None or cell == "":
        return ""
    match = _OBSID.fullmatch(str(cell).strip())
    if match is None:
        raise ProtocolError(f"{what} should hold ObsIDs of up to eleven digits; got {cell!r}")
    obsid = match.group(1).zfill(11)
    return "" if obsid == _NO_OBSID else obsid


def _dataset(mode: str, kind: str, columns: dict[str, NDArray[Any]], name: str) -> Dataset:
    obsid = columns.pop("ObsID", np.array([], dtype=str))
    needed = ("Time", "TimePos", "TimeNeg", "HR" if kind == "HR" else "Rate")
    missing = [column for column in needed if column not in columns]
    if missing:
        raise ProtocolError(f"'{name}Data' lacks {', '.join(missing)}; its columns are {', '.join(columns)}")
    if not np.all(np.isfinite(columns["Time"])):
        raise ProtocolError(f"'{name}Data' has rows without a time")
    return Dataset(mode, kind, columns, obsid)


def _is_mjd(reply: Mapping[str, Any]) -> bool:
    time_format = str(reply.get("TimeFormat", "MET")).strip().upper()
    if time_format not in ("MET", "SWIFT MET", "MJD"):
        raise ProtocolError(
            f"times in {time_format!r} cannot be brought to the spacecraft clock; ask for the time format MET or MJD"
        )
    return time_format == "MJD"


def _read_t0(reply: Mapping[str, Any]) -> float | None:
    """T0 of the reply; zero, which catalogue curves have, is none."""
    try:
        return float(reply.get("T0") or 0.0) or None
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"T0 should be a MET in seconds; got {reply['T0']!r}") from error
