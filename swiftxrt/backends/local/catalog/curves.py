"""Light curves of catalogued sources and transients, in the words of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ....exceptions import RequestRejectedError
from .clock import bjd_of, mjd_of
from .lookup import chosen_words, find_source, find_transient, flag, successors
from .transient_curves import transient_curves

__all__ = ["FUNCTIONS", "light_curves"]

Row = dict[str, Any]

_BANDS = {"total": "Total", "soft": "Soft", "medium": "Medium", "hard": "Hard", "hr1": "HR1", "hr2": "HR2"}
_NUMBER = {"Total": 0, "Soft": 1, "Medium": 2, "Hard": 3}
_BINNING = {
    **dict.fromkeys(("observation", "obs", "obsid", "obslc"), "obslc"),
    **dict.fromkeys(("snapshot", "ss", "sslc"), "sslc"),
    "counts": "counts",
}
_TIMES = {**dict.fromkeys(("met", "swift met"), "Swift MET"), "mjd": "MJD", "tdb": "TDB"}
_FLAGS = {
    "showObs": False,
    "hideBadPup": True,
    "mergeAliases": True,
    "getAllTypes": False,
    "groupRates": True,
    "groupULs": True,
    "groupHRss": True,
    "retroAsUL": False,
    "nondetAsUL": True,
    "getRetroHR": True,
}
_TIME = ("Time", "TimePos", "TimeNeg")
_COUNTS = {"CtsInSrc": "Counts", "BGInSrc": "BgCounts", "CorrFact": "CorrFact", "Exposure": "Exposure"}
_RATES = {"Rate": "Rate", "RatePos": "RatePos", "RateNeg": "RateNeg", **_COUNTS}
_LIMITS = {"UpperLimit": "UpperLimit", **_COUNTS}
_RATIOS = {"HR": "HR", "HRPos": "HRPos", "HRNeg": "HRNeg", "Exposure": "Exposure"}
_DAY_S = 86400.0


def light_curves(catalog: Any, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Light curves of a source or transient.

    Parameters
    ----------
    catalog : LocalCatalog
        Knows it.
    content : mapping
        Of the call.
    base_url : str
        Not used.
    """
    store = catalog.store
    binning = _word(content, "binning", _BINNING, "obslc")
    if flag(content, "transient"):
        return transient_curves(catalog, find_transient(store, content), binning)
    if binning == "counts":
        raise RequestRejectedError("bins of equal counts are there for transients only")
    newer = successors(store, content)
    if len(newer) > 1:
        names = ("LSXPS_ID", "IAUName", "RA", "Decl", "Err90")
        return {"newerSources": [{name: row[name] for name in names} for row in newer], "Binning": binning}
    source = find_source(store, content)
    time_format = _word(content, "timeFormat", _TIMES, "MJD")
    chosen = chosen_words(content, "bands", _BANDS, "all")
    flags = {name: flag(content, name, default=default) for name, default in _FLAGS.items()}
    reply: dict[str, Any] = {"TimeFormat": time_format, "T0": 0, "Binning": binning, "Datasets": []}
    tables = _Tables(source, time_format, show_obsids=flags["showObs"])
    for name, columns, rows in _datasets(store, source, binning, chosen, flags):
        if rows:
            reply["Datasets"].append(name)
            reply[f"{name}Data"] = tables.table(columns, rows)
    return reply


FUNCTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {"getSXPSLC": light_curves}


def _word(content: Mapping[str, Any], name: str, allowed: Mapping[str, str], default: str) -> str:
    value = content.get(name)
    if value is None:
        return default
    word = str(value).strip().lower()
    if word not in allowed:
        raise RequestRejectedError(f"{name} must be one of {', '.join(allowed)}; got {value!r:.40}")
    return allowed[word]


def _datasets(
    store: Any, source: Row, binning: str, chosen: Sequence[str], flags: Mapping[str, bool]
) -> Iterator[tuple[str, Mapping[str, str], list[Row]]]:
    """Names, columns and rows of the datasets, in the order of the service."""
    part = "Snapshot = 0 AND DatasetID NOT IN (SELECT DatasetID FROM LSXPS_datasets WHERE IsStackedImage)"
    if binning == "sslc":
        part = "Snapshot > 0"
    number = [source.get("LSXPS_ID")]
    bins = store.select(f"SELECT * FROM bins WHERE LSXPS_ID = ? AND {part} ORDER BY StartMET, ObsID", number)
    bins = [row for row in bins if row["Rate"] is not None]
    ratios = store.select(f"SELECT * FROM hardness WHERE LSXPS_ID = ? AND {part} ORDER BY StartMET, ObsID", number)
    for band in chosen:
        if band in _NUMBER:
            here = [row for row in bins if row["Band"] == _NUMBER[band]]
            for end, origins in _rate_sets(flags).items():
                columns = _LIMITS if end.endswith("UL") else _RATES
                yield f"{band}_{end}", columns, [row for row in here if row["Origin"] in origins]
        else:
            here = [row for row in ratios if row["Ratio"] == band]
            for end, origins in _ratio_sets(flags).items():
                yield f"{band}{end}", _RATIOS, [row for row in here if row["Origin"] in origins]


def _rate_sets(flags: Mapping[str, bool]) -> dict[str, tuple[str, ...]]:
    """What follows the band in the names of datasets, and the origins of their bins."""
    rates: tuple[str, ...]
    limits: tuple[str, ...]
    if flags["getAllTypes"]:
        rates, limits = ("blind", "retro", "nondet"), ("retro", "nondet")
    else:
        rates = ("blind", *(() if flags["retroAsUL"] else ("retro",)), *(() if flags["nondetAsUL"] else ("nondet",)))
        limits = tuple(one for one, on in (("retro", flags["retroAsUL"]), ("nondet", flags["nondetAsUL"])) if on)
    made: dict[str, tuple[str, ...]] = {}
    for end, origins, grouped in (("rates", rates, flags["groupRates"]), ("UL", limits, flags["groupULs"])):
        if grouped and not flags["getAllTypes"]:
            made[end] = origins
        else:
            made |= {f"{origin}_{end}": (origin,) for origin in origins}
    return made


def _ratio_sets(flags: Mapping[str, bool]) -> dict[str, tuple[str, ...]]:
    origins = ("blind", "retro") if flags["getRetroHR"] or flags["getAllTypes"] else ("blind",)
    if flags["groupHRss"] and not flags["getAllTypes"]:
        return {"": origins}
    return {f"_{origin}": (origin,) for origin in origins}


class _Tables:
    """Makes tables of bins.

    Parameters
    ----------
    source : dict
        Row of the source; its place is needed for times at the barycentre.
    time_format : str
        As in the reply.
    show_obsids : bool
        Whether there is a column ``ObsID``.
    """

    def __init__(self, source: Row, time_format: str, *, show_obsids: bool) -> None:
        self.source, self.time_format, self.show_obsids = source, time_format, show_obsids

    def table(self, columns: Mapping[str, str], rows: Sequence[Row]) -> dict[str, Any]:
        """Columns and rows of a dataset."""
        start, stop = (np.array([row[name] for row in rows]) for name in ("StartMET", "StopMET"))
        half = (stop - start) / 2.0 / (1.0 if self.time_format == "Swift MET" else _DAY_S)
        times = zip(self._times((start + stop) / 2.0).tolist(), half.tolist(), (-half).tolist(), strict=True)
        names = [*_TIME, *columns, *(["ObsID"] if self.show_obsids else [])]
        obsids = [[row["ObsID"]] if self.show_obsids else [] for row in rows]
        data = [
            [*time, *(row[name] for name in columns.values()), *obsid]
            for time, row, obsid in zip(times, rows, obsids, strict=True)
        ]
        return {"columns": names, "data": data}

    def _times(self, met: Any) -> Any:
        if self.time_format == "MJD":
            return mjd_of(met)
        return bjd_of(met, self.source["RA"], self.source["Decl"]) if self.time_format == "TDB" else met
