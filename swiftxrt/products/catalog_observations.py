"""The observations in which a catalogued source was detected or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import QTable

from .._fields import nearest
from ..catalog_fields import CatalogField
from ..exceptions import IdentifierError, NoDataError, ProtocolError, RequestError
from ..identifiers import parse_obsid
from ._catalog_columns import catalog_column
from ._display import ReadableTable
from .catalog_record import catalog_rows

__all__ = ["LEADING", "band_details", "band_word", "listed_obsids", "observation_table"]

#: Cells of a row that stay with what is said about one of its bands.
LEADING = ("LSXPS_ID", "ObsID", "DatasetID", "ObsSourceID")

_BANDS = ("total", "soft", "medium", "hard")

_BLIND, _RETROSPECTIVE, _NONE = "blind", "retrospective", "none"
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "blind": (_BLIND,),
    "retrospective": (_RETROSPECTIVE,),
    "detections": (_BLIND, _RETROSPECTIVE),
    "non_detections": (_NONE,),
    "all": (_BLIND, _RETROSPECTIVE, _NONE),
}

_DESCRIPTIONS = {
    "obsid": "Observation",
    "target_id": "Target of the observation",
    "detection": "blind; retrospective: not found, but the rate there is above zero at 3 sigma; none",
    "dataset_id": "Number of the dataset",
}


def observation_table(record: Mapping[str, Any], which: str, *, fallback: str | None = None) -> QTable:
    """The observations of a source, with what was detected in them; stacks are left out.

    Parameters
    ----------
    record : mapping
        The details of the source as the service sends them.
    which : {"all", "detections", "blind", "retrospective", "non_detections"}
        The observations wanted.
    fallback : str, optional
        What is taken if there are none of these.

    Returns
    -------
    observations : `~astropy.table.QTable`
        Columns ``obsid``, ``target_id``, ``detection`` and ``dataset_id``, in
        the order of the catalogue: blind detections first. Without repeats.

    Raises
    ------
    RequestError
        If there is no such choice.
    NoDataError
        If there is no observation, neither with `fallback`.
    ProtocolError
        If the lists are not what the service promises.
    """
    choices = [_choice(name, choice) for name, choice in (("which", which), ("fallback", fallback)) if choice]
    entries = list(_entries(record))
    for choice in choices:
        chosen = [entry for entry in entries if entry[2] in _CHOICES[choice]]
        if chosen:
            return _table(chosen, choice)
    text = f"the source has no observation for {' or '.join(map(repr, choices))}"
    raise NoDataError(f"{text} (stacked images are not counted){_advice(entries, choices)}")


def _choice(name: str, choice: Any) -> str:
    wanted = choice.strip().lower().replace("-", "_") if isinstance(choice, str) else ""
    if wanted in _CHOICES:
        return wanted
    raise RequestError([(name, f"must be one of {', '.join(_CHOICES)}; got {choice!r:.60}{nearest(wanted, _CHOICES)}")])


def _advice(entries: Sequence[tuple[str, Any, str]], choices: Sequence[str]) -> str:
    there = {detection for _, _, detection in entries}
    others = [choice for choice in _CHOICES if there.intersection(_CHOICES[choice]) and choice not in choices]
    return f"; there are some for {', '.join(map(repr, others))}, which can be named as fallback" if others else ""


def _entries(record: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """ObsID, number of the dataset and kind of detection, in order."""
    for row in _rows(record, "Detections"):
        yield _obsid(row), row.get("DatasetID"), _BLIND
    for row in _rows(record, "NonDetections"):
        yield _obsid(row), row.get("DatasetID"), _RETROSPECTIVE if _is_retrospective(row) else _NONE


def _rows(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    part = record.get(name) or {}
    rows = (part.get("Observations") or []) if isinstance(part, Mapping) else None
    if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
        return rows
    raise ProtocolError(f"the details of a source have no list of observations in {name!r}; they have {part!r:.80}")


def _obsid(row: Mapping[str, Any]) -> str:
    value = row.get("ObsID")
    text = str(value).strip().removeprefix("::ObsID=")
    try:
        return parse_obsid(text.zfill(11))
    except IdentifierError:
        raise ProtocolError(f"an observation has no ObsID, but {value!r:.60}") from None


def _is_retrospective(row: Mapping[str, Any]) -> bool:
    infos = [row.get(f"{band.title()}_Info") for band in _BANDS]
    return any(str(info.get("isDet")) in ("1", "True") for info in infos if isinstance(info, Mapping))


def _table(entries: Sequence[tuple[str, Any, str]], choice: str) -> QTable:
    by_obsid: dict[str, tuple[str, Any, str]] = {}
    for entry in entries:
        by_obsid.setdefault(entry[0], entry)
    obsids, datasets, detections = zip(*by_obsid.values(), strict=True)
    table = ReadableTable(meta={"which": choice})
    table["obsid"] = np.array(obsids, dtype="U11")
    table["target_id"] = np.array([obsid[:8] for obsid in obsids], dtype="U8")
    table["detection"] = np.array(detections, dtype="U13")
    table["dataset_id"] = catalog_column("DatasetID", datasets, CatalogField("DatasetID", "int"))
    for name, text in _DESCRIPTIONS.items():
        table[name].info.description = text
    return table


def listed_obsids(record: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The ObsIDs that a field lists, each once.

    Raises
    ------
    ProtocolError
        If they are something else.
    """
    listed = record.get(name) or []
    if not isinstance(listed, list):
        raise ProtocolError(f"a list of ObsIDs was promised as {name!r}; got {listed!r:.80}")
    return tuple(dict.fromkeys(_obsid({"ObsID": one}) for one in listed if one))


def band_details(rows: Sequence[Mapping[str, Any]], objects: Sequence[str], *, leading: Sequence[str]) -> QTable:
    """What is said about one band in the cells of a table that hold objects, as a table of its own.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the table.
    objects : sequence of str
        Names of the cells; the first one that holds an object is taken.
    leading : sequence of str
        Cells of the row itself that come in front, where it has them.
    """
    found = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise ProtocolError(f"a list of rows with details of bands was promised; it holds {row!r:.60}")
        cell = next((row[name] for name in objects if isinstance(row.get(name), Mapping)), None)
        if cell is not None:
            found.append({**{name: row[name] for name in leading if name in row}, **cell})
    has_position = any("RA" in row and "Decl" in row for row in found)
    return catalog_rows(found, "detections", "source_detections", position=("RA", "Decl") if has_position else None)


def band_word(band: Any) -> str:
    """A band as the names of fields have it.

    Raises
    ------
    RequestError
        If it is none.
    """
    wanted = band.strip().lower() if isinstance(band, str) else ""
    if wanted in _BANDS:
        return wanted.title()
    raise RequestError([("band", f"must be one of {', '.join(_BANDS)}; got {band!r:.60}{nearest(wanted, _BANDS)}")])
