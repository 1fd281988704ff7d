"""Light-curve replies of the service.

A reply names its ``Datasets`` (see `swiftxrt.wire.lightcurve_names`); for each
one there is a table ``<name>Data`` with ``columns`` and ``data`` (rows).
Encoding and decoding are exact inverses for sets whose bands have symmetric
errors. The service sends rates, errors and exposures of bands; an embedded
server sends all that it knows of them in further columns.

The layouts before API version 1.10 are known from what the service's own
client read at the time, not from recorded replies: in 2021 a flag ``hasWT``,
``hasPCUL``, ... of 1 for each table that is there, from February 2022 on their
names in ``datasets``, and both times the column names of its files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bands import HARD, SOFT, TOTAL, EnergyBand
from ..exceptions import PartialResultWarning, ProductNotAvailableError, ProtocolError, ServiceWarning, warn
from ..products._datasets import (
    FILE_NAMES,
    KINDS,
    MODES,
    SUFFIXES,
    Dataset,
    binning_of,
    needs_t0,
    split_set,
    variant,
)
from ..products.lightcurve import LightCurveSet
from ..products.provenance import Provenance
from .lightcurve_clock import read_clock
from .lightcurve_names import DatasetName, parse_dataset_name
from .lightcurve_sets import catalogue_set, job_set
from .lightcurve_tables import NO_OBSID, read_columns, read_dataset

__all__ = ["decode", "encode", "file_urls", "read_columns"]

_BINNING = {"counts": "Counts", "time": "Time", "snapshot": "Snapshot", "obsid": "ObsID"}
#: Whole numbers below this are exact in double precision.
_EXACT = 2.0**53


def encode(
    curves: LightCurveSet,
    *,
    urls: Mapping[str, str],
    nosys: str = "no",
    incbad: str = "no",
    mjd: bool = False,
    layout: str = "new",
) -> dict[str, Any]:
    """Make the reply for a set of light curves, without its envelope.

    The answer ``"both"`` gets the variants that the set has, ``"yes"`` the set
    itself where it has no such variant. If no bin is reliable there are only
    datasets with unreliable bins, and none for the answer ``"no"``.

    Parameters
    ----------
    curves : LightCurveSet
        What to send.
    urls : mapping of str to str
        Address of the file behind each dataset (see `file_urls`).
    nosys : {"no", "yes", "both"}, optional
        Whether to send the curves without WT systematics.
    incbad : {"no", "yes", "both"}, optional
        Whether to send the curves with the bins without a reliable centroid.
    mjd : bool, optional
        Whether times are sent as MJD (UTC) instead of seconds since T0.
    layout : {"new", "old"}, optional
        The old one is for clients of an API version below 1.10: names of
        datasets without flags (unless several variants are sent), listed as
        ``datasets`` and told by ``has<name>`` too, and columns as in the service's files (``T_+ve``,
        ``T_-ve``, ``Ratepos``, ``Rateneg``). There is no ``ObsID``: such a
        client turns all columns into numbers.

    Returns
    -------
    reply : dict
        Ready for JSON; numbers that JSON does not know are texts.

    Raises
    ------
    ProtocolError
        If an answer or the layout is none of those above.
    """
    if layout not in ("new", "old"):
        raise ProtocolError(f"the layout is 'new' or 'old'; got {layout!r}")
    sent = _variants_sent(curves, nosys, incbad)
    old = layout == "old"
    tables = {suffix: split_set(one, mjd=mjd) for suffix, one in sent.items()}
    reply: dict[str, Any] = {"Datasets": []}
    for mode in MODES:
        for suffix, datasets in tables.items():
            for dataset in (one for one in datasets if one.mode == mode):
                name = dataset.name + ("" if old and len(sent) == 1 else suffix)
                reply["Datasets"].append(name)
                reply[f"{name}Data"] = _encode_table(dataset, old=old)
                if dataset.name + suffix in urls:
                    reply[f"{name}Data"]["URL"] = urls[dataset.name + suffix]
    if not reply["Datasets"]:
        reply["NOLC"] = 1
    if old:
        reply["datasets"] = list(reply["Datasets"])
        reply |= {f"has{name}": 1 for name in reply["Datasets"]}
    reply["Binning"] = _BINNING.get(curves.total.binning, "Unknown")
    reply["TimeFormat"] = "MJD" if mjd else "MET"
    if curves.total.t0_met is not None:
        reply["T0"] = curves.total.t0_met
    return reply


def _variants_sent(curves: LightCurveSet, nosys: str, incbad: str) -> dict[str, LightCurveSet]:
    """The sets to send, by suffix."""
    answers = {"with_unreliable": incbad, "without_systematics": nosys}
    if not set(answers.values()) <= {"no", "yes", "both"}:
        raise ProtocolError(f"nosys and incbad must be 'no', 'yes' or 'both'; got {nosys!r} and {incbad!r}")
    sent = {}
    for suffix, flagged in SUFFIXES.items():
        if any(answer == ("no" if name in flagged else "yes") for name, answer in answers.items()):
            continue
        one = variant(curves, suffix, existing=[name for name, answer in answers.items() if answer == "both"])
        if one is not None:
            sent[suffix] = one
    return sent


def _encode_table(dataset: Dataset, *, old: bool) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {name: _cells(values) for name, values in dataset.values.items()}
    if old:
        columns = {FILE_NAMES.get(name, name): cells for name, cells in columns.items()}
    elif np.any(dataset.obsid != ""):
        columns["ObsID"] = [obsid or NO_OBSID for obsid in dataset.obsid.tolist()]
    if not old and np.any(dataset.quality):
        columns["Quality"] = dataset.quality.tolist()
    if not old and np.any(dataset.snapshot):
        columns["Snapshot"] = dataset.snapshot.tolist()
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
    """Read a light-curve reply, in the old or the new layout.

    What can be read is kept. A dataset is left out, with a
    `PartialResultWarning` that says which and why (also in the notes of the
    provenance), if

    * it is listed but absent;
    * it lacks a column that is needed, names one twice, or a row has more or fewer values than there are columns;
    * a cell is no number (texts of numbers, ``"nan"``, ``"inf"`` and null are), or no ObsID where there should be one;
    * a time is missing or no date, or an error is negative.

    A dataset without rows is no fault: its curve has no bins. If the curves
    without flag are damaged, others do not take their place. With a
    `ServiceWarning` a dataset of unknown name is left out, a T0 that is no
    number replaced by `t0_met` (as is a missing one, silently), and times said
    to be MJD read as seconds where only that makes sense; it also tells of
    times outside of the mission. Nothing can be read, which is a
    `ProtocolError`, if all datasets are left out, times need a T0 that nobody
    knows, or ``TimeFormat`` is none of ``MET``, ``Swift MET``, ``MJD`` and
    ``TDB`` (Julian dates, corrected to the barycentre of the solar system; the
    curves say so).

    Datasets of a catalogued source become the curves ``total``, ``soft``,
    ``medium``, ``hard``, ``hr1`` and ``hr2``. If they are sent by origin, the
    set holds blind and retrospective detections as rates (if sent as rates)
    and everything else as limits, as the service does by default, and the
    variants ``blind``, ``retrospective`` and ``undetected`` all that was sent
    of each.

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
        If nothing in the reply can be read.
    ProductNotAvailableError
        If the service made no light curve.
    """
    names = _dataset_names(reply)
    if not names:
        raise ProductNotAvailableError("light curve", "the service has none for this request")
    found, unknown, faults = _read_datasets(reply, names)
    clock = read_clock(reply, t0_met)
    found = [(named, clock.started(one)) for named, one in found]
    if t0_met is not None and not needs_t0(dataset for _, dataset in found):  # absolute times count from nothing
        clock = read_clock(reply, None)
    clock = clock.adapted(dataset for _, dataset in found)
    late = [clock.fault(one) for _, one in found]
    faults += [f"{named.text!r} {fault}" for (named, _), fault in zip(found, late, strict=True) if fault]
    found = [pair for pair, fault in zip(found, late, strict=True) if not fault]
    clock = clock.checked(dataset for _, dataset in found)
    left_out = f"left out of the light curve: {'; '.join(faults)}" if faults else ""
    if not found:
        problems = [*clock.remarks, left_out, *unknown]
        raise ProtocolError(f"none of the 'Datasets' of the reply can be read: {'; '.join(filter(None, problems))}")
    for remark in (*clock.remarks, *unknown):
        warn(remark, ServiceWarning)
    if left_out:
        warn(left_out, PartialResultWarning)
        provenance = provenance or Provenance()
        provenance = replace(provenance, notes=(*provenance.notes, left_out))
    common: dict[str, Any] = {"t0_met": clock.t0_met, "mjd": clock.mjd, "barycentred": clock.barycentred}
    common |= {"binning": binning_of(str(reply.get("Binning", ""))), "provenance": provenance}
    if found[0][0].curve:
        return catalogue_set(found, **common)
    listed = {named.suffix for named in map(parse_dataset_name, names) if named}
    return job_set(found, listed=listed, bands=bands, **common)


def _dataset_names(reply: Mapping[str, Any]) -> list[str]:
    flagged = [key.removeprefix("has") for key, flag in reply.items() if key.startswith("has") and flag in (1, "1")]
    names = reply.get("Datasets", reply.get("datasets", [name for name in flagged if parse_dataset_name(name)] or None))
    if not isinstance(names, list):
        raise ProtocolError(
            f"a light-curve reply has a list of its 'Datasets'; got {names!r} among the keys {', '.join(reply)}"
        )
    return list(dict.fromkeys(map(str, names)))


def _read_datasets(
    reply: Mapping[str, Any], names: Sequence[str]
) -> tuple[list[tuple[DatasetName, Dataset]], list[str], list[str]]:
    """What can be read, what has no known name, and what is wrong with the rest."""
    found: list[tuple[DatasetName, Dataset]] = []
    unknown, faults = [], []
    for name in names:
        named = parse_dataset_name(name)
        if named is None or (found and bool(named.curve) != bool(found[0][0].curve)):
            unknown.append(f"the service sent a dataset {name!r} that this version does not know; it is left out")
            continue
        try:
            found.append((named, read_dataset(reply, named)))
        except ProtocolError as error:
            faults.append(error.message)
    return found, unknown, faults
