"""Details of sources, transients and datasets, in the words of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ....catalog_fields import fields_of
from ....exceptions import RequestRejectedError, UnknownObjectError
from ....wire.sxps import DATASET, SOURCE, SOURCES_OF_TRANSIENTS, TRANSIENT
from .clock import bjd_of, mjd_of
from .lookup import find_dataset, find_source, find_transient, live_only, successors, superseding_stacks
from .numbers import healpix, sexagesimal
from .store import CatalogStore

__all__ = ["FUNCTIONS", "dataset_info", "source_info", "sources_of_transients", "transient_info"]

Row = dict[str, Any]

_BANDS = ("Total", "Soft", "Medium", "Hard")
_MISSING = "MISSING"
_NEWER = ("LSXPS_ID", "IAUName", "RA", "Decl", "Err90")
#: What is told of a detection.
_DETAILS = (
    *("DetectionID", "Rate", "Rate_pos", "Rate_neg", "DetFlag", "CtsInRate", "BGCtsInRate", "SNR", "PileupFitted"),
    *("RA", "Decl", "Err90", "RA_corrected", "Decl_corrected", "Err90_corrected"),
)


def source_info(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """All that is known of a source, or what is in its place.

    Parameters
    ----------
    catalog : LocalCatalog
        Knows it.
    content : mapping
        Of the call.
    base_url : str
        Not used.
    """
    live_only(content, "details of sources")
    newer = successors(catalog.store, content)
    if len(newer) > 1:
        return {"newerSources": [{name: row[name] for name in _NEWER} for row in newer]}
    return {"data": _Source(catalog.store, find_source(catalog.store, content)).details()}


def transient_info(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """All that is known of a transient."""
    return find_transient(catalog.store, content)


def sources_of_transients(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Which sources transients are."""
    live_only(content, "transients")
    given = [name for name in ("sourceID", "sourceName") if isinstance(content.get(name), list)]
    if len(given) != 1:
        raise RequestRejectedError("a list of transients is needed under one of sourceID and sourceName")
    name = given[0]
    column = "LSXPS_ID" if name == "sourceID" else "LSXPSName"
    lookup: dict[str, Any] = {}
    for one in content[name]:
        try:
            lookup[str(one)] = find_transient(catalog.store, {name: one})[column]
        except UnknownObjectError:
            lookup[str(one)] = _MISSING
    return {"lookup": lookup}


def dataset_info(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """All that is known of a dataset, or which stacks have taken its place."""
    live_only(content, "datasets")
    newer = superseding_stacks(catalog.store, content)
    if newer:
        return {"SupersedingStacks": newer}
    row = find_dataset(catalog.store, content)
    known = {**row, "OK": 1, "Sources": _sources_in(catalog.store, row)}
    return {"data": {name: known.get(name) for name in fields_of("LSXPS", "dataset")}}


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    SOURCE: source_info,
    TRANSIENT: transient_info,
    SOURCES_OF_TRANSIENTS: sources_of_transients,
    DATASET: dataset_info,
}


class _Source:
    """Puts the details of a source together."""

    def __init__(self, store: CatalogStore, row: Row) -> None:
        self.store, self.row = store, row
        number = [row["LSXPS_ID"]]
        self.bins = store.select("SELECT * FROM bins WHERE LSXPS_ID = ? ORDER BY StartMET, Band", number)
        self.members = store.select("SELECT * FROM LSXPS_obssources WHERE LSXPS_ID = ?", number)
        self.datasets = {one["DatasetID"]: one for one in store.select("SELECT * FROM dataset_details")}
        found = store.select(
            "SELECT * FROM LSXPS_detections WHERE ObsSourceID IN (SELECT ObsSourceID FROM LSXPS_obssources "
            "WHERE LSXPS_ID = ?)",
            number,
        )
        self.detections = {(one["DatasetID"], one["Band"]): one for one in found}
        self.photometry = {(one["DatasetID"], one["Band"]): one for one in self.bins if not one["Snapshot"]}

    def details(self) -> Row:
        """All of it, in the order of the service."""
        ra, dec = np.radians(self.row["RA"]), np.radians(self.row["Decl"])
        known: Row = {
            **self.row,
            "ra_rad": float(ra),
            "sindec": float(np.sin(dec)),
            "cosdec": float(np.cos(dec)),
            "HPPIX": healpix(self.row["RA"], self.row["Decl"]),
            "StillDetected": 1,
            "OK": 1,
            "lcRanges": self._ranges(),
            "Detections": self._listed(self._detected()),
            "NonDetections": self._listed(self._not_detected()),
            "CrossMatch": [],
        }
        for label in ("", "OK"):
            known[f"Nearest{label}Neighbour_name"] = self._name(self.row[f"Nearest{label}Neighbour_ID"])
        return {name: known.get(name) for name in fields_of("LSXPS", "source")}

    def _name(self, number: int | None) -> str | None:
        rows = self.store.select("SELECT IAUName FROM LSXPS_sources WHERE LSXPS_ID = ?", [number])
        return rows[0]["IAUName"] if rows else None

    def _ranges(self) -> Row:
        """Ranges of the light curve in the total band."""
        here = [one for one in self.bins if not one["Band"] and not one["IsStack"] and one["Rate"] is not None]
        if not here:
            return {}
        met = np.array([min(one["StartMET"] for one in here), max(one["StopMET"] for one in here)])
        rates = [(one["Rate"] + one["RateNeg"], max(one["Rate"] + one["RatePos"], one["UpperLimit"])) for one in here]
        ends: dict[str, Any] = {
            "TDB": bjd_of(met, self.row["RA"], self.row["Decl"]),
            "MJD": mjd_of(met),
            "MET": met,
            "rate": (min(low for low, _ in rates), max(high for _, high in rates)),
        }
        return {f"{name}_{end}": float(pair[k]) for name, pair in ends.items() for k, end in enumerate(("lo", "hi"))}

    def _detected(self) -> list[Row]:
        rows = []
        for member in self.members:
            dataset = self.datasets[member["DatasetID"]]
            own = {band: self.detections.get((member["DatasetID"], band)) for band in range(4)}
            row = {
                **member,
                "ObsID": dataset["ObsID"],
                "IsStackedImage": dataset["IsStackedImage"],
                "IsObsoleteStack": 0,
                "BestDetFlag": min(one["DetFlag"] for one in own.values() if one),
            }
            for band, name in enumerate(_BANDS):
                row[f"{name}_Info"] = own[band] or self._forced(member["DatasetID"], band)
                row[f"HasBlindDetection_band{band}"] = int(own[band] is not None)
            rows.append(row)
        return rows

    def _not_detected(self) -> list[Row]:
        members = {one["DatasetID"] for one in self.members}
        others = dict.fromkeys(number for number, _ in self.photometry if number not in members)
        return [
            {
                "ObsID": int(self.datasets[number]["ObsID"]),
                "DatasetID": number,
                "IsStackedImage": self.datasets[number]["IsStackedImage"],
                **{f"{name}_Info": self._forced(number, band) for band, name in enumerate(_BANDS)},
            }
            for number in others
        ]

    def _forced(self, dataset: int, band: int) -> Row:
        return forced(self.photometry.get((dataset, band)), self.row["LSXPS_ID"], dataset, band)

    def _listed(self, rows: list[Row]) -> Row:
        """Rows of stacks and observations apart; tables without rows are left out, as by the service."""
        stacks = [row for row in rows if row["IsStackedImage"]]
        single = [row for row in rows if not row["IsStackedImage"]]
        made: Row = {"NumStacks": len(stacks), "NumObservations": len(single)}
        return made | {name: part for name, part in (("Stacks", stacks), ("Observations", single)) if part}


def forced(found: Row | None, source: int, dataset: int, band: int) -> Row:
    """Photometry at the position of a source; null where the dataset does not cover it."""
    row = found or {}
    return {
        "sourceID": source,
        "dsID": dataset,
        "band": band,
        "C": row.get("Counts"),
        "B": row.get("BgCounts"),
        "CF": row.get("CorrFact"),
        "Exposure": row.get("Exposure"),
        "Rate": row.get("Rate"),
        "Rate_pos": row.get("RatePos"),
        "Rate_neg": row.get("RateNeg"),
        "UL": row.get("UpperLimit"),
        "isDet": int(row.get("IsDet") or 0),
    }


def _sources_in(store: CatalogStore, dataset: Row) -> list[Row]:
    """The sources that were detected in a dataset."""
    number = dataset["DatasetID"]
    found = store.select("SELECT * FROM LSXPS_detections WHERE DatasetID = ?", [number])
    by_source: dict[int, dict[int, Row]] = {}
    for one in found:
        by_source.setdefault(one["ObsSourceID"], {})[one["Band"]] = one
    measured = store.select("SELECT * FROM bins WHERE DatasetID = ? AND Snapshot = 0", [number])
    photometry = {(one["LSXPS_ID"], one["Band"]): one for one in measured}
    rows = []
    for member in store.select("SELECT * FROM LSXPS_obssources WHERE DatasetID = ? ORDER BY OSNum", [number]):
        own = by_source[member["ObsSourceID"]]
        best = next(one for one in own.values() if one["DetectionID"] == member["BestDetectionID"])
        row = {**member, **{name: best[name] for name in ("RA", "Decl", "Err90")}}
        for band, name in enumerate(_BANDS):
            if band in own:
                row[f"{name}_DetectionDetails"] = {key: own[band][key] for key in _DETAILS}
            else:
                key = (member["LSXPS_ID"], band)
                row[f"{name}_NonDetectionDetails"] = forced(photometry.get(key), key[0], number, band)
        row["RA_sexagesimal"], row["Decl_sexagesimal"] = sexagesimal(best["RA"], best["Decl"])
        rows.append(row)
    return rows
