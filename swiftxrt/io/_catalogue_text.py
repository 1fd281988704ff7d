"""Writing light curves of catalogued sources as the text files that the service's own client makes.

One file for each dataset, named such as ``Total_rates_MJD_Observation.dat``: numbers with commas between them, without
a header.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._atomic import atomic_path
from ..exceptions import RequestError
from ..products._datasets import DAY_S
from ..products.lightcurve import LightCurveSet

__all__ = ["write_catalogue_text"]

_BINNINGS = {"obsid": "_Observation", "snapshot": "_Snapshot", "counts": "_Counts"}
_ORIGINS = {"blind": "_blind", "retrospective": "_retro", "undetected": "_nondet"}
_ERRORS = {"RatePos": "rate_err_pos", "RateNeg": "rate_err_neg"}
_COUNTS = {
    "CtsInSrc": "counts",
    "BGInSrc": "background_counts",
    "CorrFact": "correction_factor",
    "Exposure": "exposure",
}
#: Columns after the times, in the words of the service, by kind of dataset.
_COLUMNS = {
    "_rates": {"Rate": "rate", **_ERRORS, **_COUNTS},
    "_UL": {"UpperLimit": "rate", **_COUNTS},
    "": {"HR": "hardness_ratio", "HRErr": "hardness_ratio_err"},
}


def write_catalogue_text(
    curves: LightCurveSet, folder: Path, *, prefix: str = "", overwrite: bool = False
) -> list[Path]:
    """Write the datasets of a set, by the origin of their bins if the set has them so.

    Times are MJD (UTC), or Julian dates (TDB) of curves at the barycentre; ObsIDs come last where they are known.

    Parameters
    ----------
    curves : LightCurveSet
        What to write.
    folder : Path
        Where; has to be there.
    prefix : str, optional
        What all names begin with.
    overwrite : bool, optional
        Whether files may be replaced.

    Returns
    -------
    paths : list of Path

    Raises
    ------
    RequestError
        If it is no light curve of a catalogued source.
    OutputExistsError
        If a file exists and `overwrite` is false.
    """
    if "hardness_ratio" in curves or not set(curves.variants) <= set(_ORIGINS):
        raise RequestError(
            "ukssdc.dat is for light curves of catalogued sources; those of transients, bursts and jobs are written "
            "as ukssdc.qdp"
        )
    sets = {_ORIGINS[name]: one for name, one in curves.variants.items()} or {"": curves}
    paths = []
    for origin, one in sets.items():
        for name, curve, columns in _datasets(one, origin):
            scale = "TDB" if curve.barycentred else "MJD"
            path = folder / f"{prefix}{name}_{scale}{_BINNINGS.get(curve.binning, '')}.dat"
            with atomic_path(path, overwrite) as temporary:
                temporary.write_text(_text(curve, columns), encoding="ascii")
            paths.append(path)
    return paths


def _datasets(curves: LightCurveSet, origin: str) -> Iterator[tuple[str, Any, dict[str, str]]]:
    """Names of datasets with rows, the rows, and what the columns are."""
    for name, curve in curves.items():
        if name in curves.RATIOS:
            parts = {"": curve}
        else:
            parts = {"_rates": curve.detections, "_UL": curve.upper_limits}  # type: ignore[union-attr]
        for kind, part in parts.items():
            if len(part):
                title = name.upper() if name in curves.RATIOS else name.capitalize()
                yield f"{title}{origin}{kind}", part, _COLUMNS[kind]


def _text(curve: Any, columns: dict[str, str]) -> str:
    times = curve.time.tdb.jd if curve.barycentred else curve.time.utc.mjd
    made: list[NDArray[Any]] = [times, curve["time_err_pos"].value / DAY_S, -curve["time_err_neg"].value / DAY_S]
    for theirs, ours in columns.items():
        values = np.asarray(getattr(curve[ours], "value", curve[ours]), dtype=float)
        made.append(-values if theirs.endswith("Neg") else values)
    texts = [[repr(value) for value in column.tolist()] for column in made]
    if np.any(curve["obsid"] != ""):
        texts.append(curve["obsid"].tolist())
    return "".join(",".join(row) + "\n" for row in zip(*texts, strict=True))
