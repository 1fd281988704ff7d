"""What a call is about: the source, transient or dataset that it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ....catalog_fields import catalog_info
from ....exceptions import RequestRejectedError, UnknownObjectError
from .store import CatalogStore

__all__ = [
    *("chosen_words", "find_dataset", "find_source", "find_transient", "flag", "live_only", "successors"),
    "superseding_stacks",
]

Row = dict[str, Any]

_SXPS = ("LSXPS", "2SXPS")


def live_only(content: Mapping[str, Any], what: str) -> str:
    """The catalogue of a call about things that only LSXPS has.

    Raises
    ------
    RequestRejectedError
        If it is another catalogue.
    """
    name = _catalog(content)
    if name != "LSXPS":
        raise RequestRejectedError(f"{what} are there for LSXPS only; whichCat was {name}")
    return name


def _catalog(content: Mapping[str, Any]) -> str:
    name = catalog_info(content.get("whichCat") or "LSXPS").name
    if name not in _SXPS:
        raise RequestRejectedError(f"whichCat must be LSXPS or 2SXPS; got {name}")
    return name


def find_source(store: CatalogStore, content: Mapping[str, Any]) -> Row:
    """The row of the source that a call names; of the only one in its place, if it is gone.

    Raises
    ------
    UnknownObjectError
        If there is none, or several are in its place.
    """
    catalog = _catalog(content)
    found = _named(store, content, f"{catalog}_sources", f"{catalog}_ID")
    if not found and catalog == "LSXPS" and len(newer := successors(store, content)) == 1:
        found = newer
    return _only(found, content, "Source", catalog)


def successors(store: CatalogStore, content: Mapping[str, Any]) -> list[Row]:
    """Rows of the sources in the place of one that is gone, or that had another name; none if it is there."""
    if _named(store, content, "LSXPS_sources", "LSXPS_ID"):
        return []
    names = _named(store, content, "names", "LSXPS_ID")
    numbers: list[int] = []
    for number in dict.fromkeys(int(row["LSXPS_ID"]) for row in names):
        gone = store.select("SELECT Successors FROM gone WHERE LSXPS_ID = ?", [number])
        numbers += json.loads(gone[0]["Successors"]) if gone else [number]
    numbers = list(dict.fromkeys(numbers))
    marks = ", ".join("?" * len(numbers))
    rows = store.select(f"SELECT * FROM LSXPS_sources WHERE LSXPS_ID IN ({marks})", numbers)
    return sorted(rows, key=lambda row: numbers.index(row["LSXPS_ID"]))


def find_transient(store: CatalogStore, content: Mapping[str, Any]) -> Row:
    """All that is known of the transient that a call names.

    Raises
    ------
    UnknownObjectError
        If there is none.
    """
    catalog = live_only(content, "transients")
    row = _only(_named(store, content, "transient_details", "TransientID"), content, "Transient", catalog)
    return {**row, **{name: json.loads(row[name]) for name in ("AllNewObs", "AllNewTargs")}}


def find_dataset(store: CatalogStore, content: Mapping[str, Any]) -> Row:
    """All that is known of the dataset that a call names.

    Raises
    ------
    UnknownObjectError
        If there is none.
    """
    catalog = live_only(content, "datasets")
    key, value = _key(content, ("DatasetID", "ObsID"))
    sought = _obsid(value) if key == "ObsID" else _whole(key, value)
    rows = store.select(f'SELECT * FROM dataset_details WHERE "{key}" = ?', [sought])
    if not rows:
        text = f"Dataset with {key.lower()}: `{str(value)[:40]}` is not found in the {catalog} catalogue."
        raise UnknownObjectError(text)
    return {**rows[0], "inStack": json.loads(rows[0]["inStack"])}


def superseding_stacks(store: CatalogStore, content: Mapping[str, Any]) -> Row:
    """What has taken the place of the stack that a call names: ``LatestVersion``, or ``OtherStacks``.

    Empty if it is in the catalogue, or never was, or nothing has taken its place.
    """
    key, value = _key(content, ("DatasetID", "ObsID"))
    column, sought = ("obsid", _obsid(value)) if key == "ObsID" else ("number", _whole(key, value))
    rows = store.select(f"SELECT * FROM known_datasets WHERE {column} = ? AND is_stack ORDER BY version", [sought])
    if not rows or any(row["is_live"] for row in rows):
        return {}
    obsid, members = rows[-1]["obsid"], set(json.loads(rows[-1]["members"]))
    live = store.select("SELECT * FROM known_datasets WHERE is_live AND is_stack ORDER BY obsid")
    if latest := [row for row in live if row["obsid"] == obsid]:
        return {"LatestVersion": _stack(store, latest[0])}
    others = [row for row in live if members & set(json.loads(row["members"]))]
    return {"OtherStacks": [_stack(store, row) for row in others]} if others else {}


def _stack(store: CatalogStore, row: Row) -> Row:
    (found,) = store.select("SELECT * FROM LSXPS_datasets WHERE DatasetID = ?", [row["number"]])
    told = {name: found[name] for name in ("DatasetID", "DataVersion", "ObsID", "ExposureUsed")}
    return {**told, "ObsID": int(found["ObsID"])}  # as recorded: a number here


def flag(content: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A truth value of a call.

    Raises
    ------
    RequestRejectedError
        If it is none.
    """
    value = content.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise RequestRejectedError(f"{name} must be true or false; got {value!r:.40}")


def chosen_words(content: Mapping[str, Any], name: str, allowed: Mapping[str, str], default: Any) -> list[str]:
    """What a list of words chooses.

    Parameters
    ----------
    content : mapping
        Of the call.
    name : str
        Of the argument: a list of words, one word, or ``"all"``.
    allowed : mapping of str to str
        What each word in small letters means.
    default : object
        What counts if it is not given.

    Raises
    ------
    RequestRejectedError
        If a word is not known.
    """
    given = content.get(name)
    given = default if given is None else given
    words = [given] if isinstance(given, str) else list(given) if isinstance(given, list | tuple) else [""]
    lower = [str(word).strip().lower() for word in words]
    if "all" in lower:
        return list(dict.fromkeys(allowed.values()))
    for word, given_word in zip(lower, words, strict=True):
        if word not in allowed:
            raise RequestRejectedError(f"{name} must be of {', '.join(allowed)} or all; got {given_word!r:.40}")
    return [one for one in dict.fromkeys(allowed.values()) if one in {allowed[word] for word in lower}]


def _named(store: CatalogStore, content: Mapping[str, Any], table: str, id_column: str) -> list[Row]:
    """Rows with the number or the name in a call; spaces and case of names do not matter."""
    key, value = _key(content, ("sourceID", "sourceName"))
    if key == "sourceID":
        return store.select(f'SELECT * FROM "{table}" WHERE "{id_column}" = ?', [_whole(key, value)])
    sql = f"SELECT * FROM \"{table}\" WHERE REPLACE(IAUName, ' ', '') = ? COLLATE NOCASE"
    return store.select(sql, ["".join(str(value).split())])


def _only(rows: list[Row], content: Mapping[str, Any], what: str, catalog: str) -> Row:
    if rows:
        return rows[0]
    key, value = _key(content, ("sourceID", "sourceName"))
    raise UnknownObjectError(f"{what} with {key}: `{str(value)[:60]}` is not found in the {catalog} catalogue.")


def _key(content: Mapping[str, Any], names: tuple[str, str]) -> tuple[str, Any]:
    """The one key of two that is given, with its value."""
    given = [(name, content[name]) for name in names if content.get(name) is not None]
    if len(given) != 1:
        raise RequestRejectedError(f"one of {' and '.join(names)} is needed; {'both' if given else 'none'} was given")
    return given[0]


def _whole(name: str, value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise RequestRejectedError(f"{name} must be a whole number; got {value!r:.40}")
    return int(text)


def _obsid(value: Any) -> str:
    return str(_whole("ObsID", value)).zfill(11)
