"""The job book as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..exceptions import FormatError, RequestError
from ..kinds import ProductKind
from ..products.report import Phase
from ..request.bundle import XRTRequest
from ._book_rows import COLUMNS, request_columns, text_of_request, time_text
from .entries import EntryState

__all__ = ["dump_book", "parse_book"]

_FORMAT = "swiftxrt job book"
_VERSION = 1
_IN_JSON = ("request", "resolved", "parameters", "status")
_TEXTS = ("backend", "service", "owner", "note")
_OPTIONAL_TEXTS = ("ticket", "job_id", "rebin_of", "url")

Row = tuple[dict[str, Any], list[dict[str, Any]]]


def dump_book(connection: sqlite3.Connection, key_check: str) -> str:
    """All entries but forgotten ones.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the book.
    key_check : str
        A mark that tells whether another book has the same key.
    """
    entries = []
    columns = ", ".join(COLUMNS)
    for number, *values in connection.execute(
        f"SELECT entry, {columns} FROM entries WHERE state <> ? ORDER BY entry", (EntryState.FORGOTTEN.value,)
    ).fetchall():
        plain = dict(zip(COLUMNS, values, strict=True))
        plain |= {key: json.loads(plain[key]) for key in _IN_JSON if plain[key]}
        products = connection.execute(
            "SELECT kind, path, reason, updated FROM products WHERE entry = ? ORDER BY kind", (number,)
        )
        names = ("kind", "path", "reason", "updated")
        entries.append(plain | {"products": [dict(zip(names, row, strict=True)) for row in products]})
    return json.dumps({"format": _FORMAT, "version": _VERSION, "key": key_check, "entries": entries}, indent=1)


def parse_book(text: str, key_check: str, mark: str) -> list[Row]:
    """Read what `dump_book` wrote.

    Parameters
    ----------
    text : str
        The JSON text.
    key_check : str
        As for `dump_book`, from the book that takes the entries.
    mark : str
        The mark of the user to whom those of a user belong if the keys differ.

    Returns
    -------
    rows : list of (dict, list of dict)
        Rows of the entries, each with those of its products.

    Raises
    ------
    FormatError
        If it is no job book, or damaged.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"this is not a job book in JSON ({error})") from error
    if not isinstance(plain, Mapping) or plain.get("format") != _FORMAT or not isinstance(plain.get("entries"), list):
        raise FormatError("this is not a job book in JSON; a text made by JobBook.export_json is needed")
    if plain.get("version") != _VERSION:
        raise FormatError(f"this job book has format {plain.get('version')!r}; here {_VERSION} is understood")
    rows = []
    for number, entry in enumerate(plain["entries"]):
        try:
            row, products = _parse_entry(entry)
        except (KeyError, TypeError, ValueError, RequestError) as error:
            raise FormatError(f"entry number {number} of this job book cannot be read ({error})") from error
        if plain.get("key") != key_check:
            row["owner"] = mark if row["owner"] else ""
        rows.append((row, products))
    return rows


def _parse_entry(plain: Mapping[str, Any]) -> Row:
    """One entry, everything in it checked; KeyError, TypeError or ValueError say what is wrong."""
    request = XRTRequest.from_dict(_mapping(plain["request"]))
    row = request_columns(_text(plain["backend"]), _text(plain["service"]), request)
    row |= {key: _text(plain[key]) for key in _TEXTS}
    row |= {key: None if plain[key] is None else _text(plain[key]) for key in _OPTIONAL_TEXTS}
    row["state"] = EntryState(plain["state"]).value
    if row["state"] == EntryState.ACCEPTED.value and not row["job_id"]:
        raise ValueError("an accepted entry needs a job_id")
    row["delivered"] = int(bool(plain["delivered"]))
    row["submitted"], row["updated"] = _moment(plain["submitted"]), _moment(plain["updated"])
    row["resolved"] = (
        text_of_request(XRTRequest.from_dict(_mapping(plain["resolved"]))) if plain["resolved"] is not None else None
    )
    row["parameters"] = json.dumps(_mapping(plain["parameters"])) if plain["parameters"] is not None else None
    row["status"] = json.dumps(
        {
            ProductKind.of(kind).value: [Phase(phase).value, _text(words)]
            for kind, (phase, words) in _mapping(plain["status"] or {}).items()
        }
    )
    return row, [_parse_product(product) for product in plain["products"]]


def _parse_product(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": ProductKind.of(plain["kind"]).value,
        "path": None if plain["path"] is None else _text(plain["path"]),
        "reason": _text(plain["reason"]),
        "updated": _moment(plain["updated"]),
    }


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"an object with names is needed; got {value!r:.60}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is needed; got {value!r:.60}")
    value.encode()  # UnicodeEncodeError for halves of characters
    return value


def _moment(value: Any) -> str:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"a time with its zone is needed; got {value!r:.60}")
    return time_text(moment)
