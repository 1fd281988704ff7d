"""Tables of the burst analyser on disk: one ECSV file for each, in one folder."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from .._atomic import atomic_path, check_target, usable_folder
from .._filenames import distinct_names
from .._paths import as_path
from ..exceptions import FormatError
from ..products._burst_tables import CurveName
from ..products._display import ReadableTable
from ..products.burst_analyser import BurstAnalyser
from ..products.provenance import Provenance
from ._folders import folder_to_write
from ._reading import foreign_content

__all__ = ["read_analyser", "write_analyser"]

_INDEX = "burst_analyser.json"
_ENDING = ".ecsv"


def write_analyser(analyser: BurstAnalyser, folder: str | PathLike[str], *, overwrite: bool) -> Path:
    """Write tables with an index; see `swiftxrt.BurstAnalyser.write`."""
    example = next(iter(analyser), "bat_snr4_density")
    instead = f"analyser[{example!r}].write('{example}{_ENDING}')"
    target = usable_folder(folder_to_write(folder, "a set of tables of the burst analyser", instead))
    names = _file_names(analyser)
    for file in (*names.values(), _INDEX):  # all or nothing, but for what others write meanwhile
        check_target(target / file, overwrite)
    for key, file in names.items():
        with atomic_path(target / file, overwrite) as temporary:
            QTable(analyser[key], copy=False).write(temporary, format="ascii.ecsv")
    index = {
        "name": analyser.name,
        "target_id": analyser.target_id,
        "tables": list(names.values()),
        "constant_ecf": {band: [float(ecf.value), ecf.unit.to_string()] for band, ecf in analyser.constant_ecf.items()},
        "missing": dict(analyser.missing),
        "provenance": analyser.provenance.to_dict(),
    }
    with atomic_path(target / _INDEX, overwrite) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")
    return target


def _file_names(analyser: BurstAnalyser) -> dict[str, str]:
    """Names of files by name of the table: those of the service's client where they are known."""
    told = [str(analyser[key].meta.get("service_name") or key) for key in analyser]
    return dict(zip(analyser, distinct_names(f"{name}{_ENDING}" for name in told), strict=True))


def read_analyser(folder: str | PathLike[str]) -> BurstAnalyser:
    """Read a folder written by `write_analyser`; see `swiftxrt.BurstAnalyser.read`."""
    place = as_path(folder, "folder")
    try:
        index = json.loads((place / _INDEX).read_text(encoding="utf-8"))
        files = [Path(str(file)).name for file in index["tables"]]
        options = _options(index)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise FormatError(f"holds no usable {_INDEX}, the index of the burst analyser: {error}", place) from error
    return BurstAnalyser([_read_table(place / file) for file in files], **options)


def _options(index: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": str(index["name"]),
        "target_id": str(index["target_id"]),
        "constant_ecf": {band: float(value) * u.Unit(unit) for band, (value, unit) in index["constant_ecf"].items()},
        "missing": {str(what): str(why) for what, why in index["missing"].items()},
        "provenance": Provenance.from_dict(index["provenance"]),
    }


def _read_table(path: Path) -> QTable:
    """One table; anything that is not as it was written is an error."""
    try:
        with foreign_content(path, "is no table of the burst analyser"):
            table = ReadableTable(QTable.read(path, format="ascii.ecsv"), copy=False)
        CurveName.from_dict(table.meta)
        if "time" not in table.colnames or not np.all(np.isfinite(table["time"].to_value(u.s))):
            raise FormatError("has no times", path)
    except FormatError:
        raise
    except (OSError, ValueError, TypeError, LookupError, AttributeError, u.UnitsError) as error:
        raise FormatError(f"is no table of the burst analyser: {error}", path) from error
    return table
