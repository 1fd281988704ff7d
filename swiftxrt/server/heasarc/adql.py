"""Queries in ADQL, as far as clients of the HEASARC use it, on tables in memory.

SQLite reads most of it; the geometry and some functions are given to it, and
what is spelt differently is rewritten.
"""

from __future__ import annotations

import math
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .columns import CATALOG, COLUMNS, META_ROWS

__all__ = ["AdqlError", "Found", "Tables"]

_LONGEST_S = 20.0
_STEPS = 10_000
_TOP = re.compile(r"^\s*SELECT\s+(?P<distinct>DISTINCT\s+)?TOP\s+(?P<count>\d+)\s", re.IGNORECASE)
# Words that a column may be called in ADQL and not in SQLite.
_ALIAS = re.compile(r"\bAS\s+(table|order|group|index)\b", re.IGNORECASE)
_KINDS = {"char": "TEXT", "double": "REAL", "long": "INTEGER"}
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


class AdqlError(ValueError):
    """A query cannot be read or answered."""


class Found(NamedTuple):
    """What a query found.

    Parameters
    ----------
    names : list of str
        Of the columns.
    rows : list of tuple
        Their values.
    is_cut : bool
        Whether there are more rows than were asked for at most.
    """

    names: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool


class Tables:
    """The tables ``swiftmastr`` and ``metainfo``.

    Parameters
    ----------
    rows : iterable of sequences
        Rows of ``swiftmastr``, with values for all its `COLUMNS`.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._lock = threading.Lock()
        self._end = math.inf
        self._store = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._store.execute("ATTACH ':memory:' AS public")  # tables may be called with their schema
        spelt = ", ".join(f'"{column.name}" {_KINDS[column.kind]}' for column in COLUMNS)
        self._store.execute(f"CREATE TABLE public.{CATALOG} ({spelt})")
        self._store.executemany(f"INSERT INTO {CATALOG} VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        self._store.execute("CREATE TABLE public.metainfo (name TEXT, type TEXT, relation TEXT, value TEXT)")
        self._store.executemany("INSERT INTO metainfo VALUES (?, ?, ?, ?)", META_ROWS)
        for name, function in _FUNCTIONS.items():
            self._store.create_function(name, -1, function, deterministic=True)
        self._store.set_authorizer(_authorize)
        self._store.set_progress_handler(lambda: time.monotonic() > self._end, _STEPS)

    def select(self, query: str, most: int | None = None) -> Found:
        """Answer a query.

        Parameters
        ----------
        query : str
            In ADQL.
        most : int, optional
            How many rows at most.

        Raises
        ------
        AdqlError
            If it cannot be answered.
        """
        with self._lock:
            self._end = time.monotonic() + _LONGEST_S
            try:
                cursor = self._store.execute(_as_sql(query))
                rows = cursor.fetchall() if most is None else cursor.fetchmany(most + 1)
            except (sqlite3.Error, sqlite3.Warning) as error:
                raise AdqlError(str(error)) from error
        if cursor.description is None:
            raise AdqlError("only SELECT can be asked")
        names = [one[0] for one in cursor.description]
        return Found(names, rows if most is None else rows[:most], most is not None and len(rows) > most)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._store.close()


def _as_sql(query: str) -> str:
    text = _ALIAS.sub(r'AS "\1"', query.strip().rstrip(";"))
    top = _TOP.match(text)
    if top is not None:
        text = f"SELECT {top['distinct'] or ''}{text[top.end() :]} LIMIT {top['count']}"
    return text


def _authorize(action: int, *_: Any) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _point(_frame: str, ra: float, dec: float) -> str | None:
    return None if ra is None or dec is None else f"POINT {ra!r} {dec!r}"


def _circle(_frame: str, ra: float, dec: float, radius: float) -> str:
    return f"CIRCLE {ra!r} {dec!r} {radius!r}"


def _box(_frame: str, ra: float, dec: float, width: float, height: float) -> str:
    return f"BOX {ra!r} {dec!r} {width!r} {height!r}"


def _polygon(_frame: str, *corners: float) -> str:
    return f"POLYGON {' '.join(map(repr, corners))}"


def _distance(one: str, other: str) -> float | None:
    """Degrees between two points."""
    if one is None or other is None:
        return None
    return _separation(*_numbers(one), *_numbers(other))


def _contains(point: str, shape: str) -> int:
    if point is None:
        return 0
    ra, dec = _numbers(point)
    kind, numbers = shape.split()[0], _numbers(shape)
    if kind == "CIRCLE":
        return int(_separation(ra, dec, *numbers[:2]) <= numbers[2])
    if kind == "BOX":
        centre_ra, centre_dec, width, height = numbers
        offset = abs((ra - centre_ra + 180.0) % 360.0 - 180.0) * math.cos(math.radians(centre_dec))
        return int(offset <= width / 2 and abs(dec - centre_dec) <= height / 2)
    return int(_inside(ra, dec, numbers))


def _inside(ra: float, dec: float, corners: Sequence[float]) -> bool:
    """Whether a point is within a small polygon: how often a line from it crosses the sides."""
    sides = [((x - ra + 180.0) % 360.0 - 180.0, y - dec) for x, y in zip(corners[::2], corners[1::2], strict=True)]
    crossed = False
    for (x1, y1), (x2, y2) in zip(sides, sides[1:] + sides[:1], strict=True):
        if (y1 > 0) != (y2 > 0) and x1 + (0 - y1) * (x2 - x1) / (y2 - y1) > 0:
            crossed = not crossed
    return crossed


def _numbers(shape: str) -> list[float]:
    return [float(word) for word in shape.split()[1:]]


def _separation(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Degrees between two places (haversine)."""
    step = math.radians(ra2 - ra1)
    low, high = math.radians(dec1), math.radians(dec2)
    part = math.sin((high - low) / 2) ** 2 + math.cos(low) * math.cos(high) * math.sin(step / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(part))))


def _split_part(text: str, mark: str, number: int) -> str:
    parts = str(text).split(mark)
    return parts[number - 1] if number <= len(parts) else ""


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "POINT": _point,
    "CIRCLE": _circle,
    "BOX": _box,
    "POLYGON": _polygon,
    "DISTANCE": _distance,
    "CONTAINS": _contains,
    "SPLIT_PART": _split_part,
}
