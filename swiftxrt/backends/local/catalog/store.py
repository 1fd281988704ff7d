"""The rows of the catalogue of a folder, in SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["CatalogStore"]


class CatalogStore:
    """Tables of a catalogue: rows with the names and values that the service sends.

    Parameters
    ----------
    path : path-like
        The database; ``":memory:"`` for one that is not kept.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._guard = threading.RLock()

    def add(self, table: str, rows: Sequence[Mapping[str, Any]], columns: Iterable[str] = ()) -> None:
        """Make a table, ``<catalog>_<table>``, and fill it; lists and mappings are kept as JSON."""
        names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
        listed = ", ".join(f'"{name}"' for name in names)
        with self._guard:
            self._connection.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({listed})')
            marks = ", ".join("?" * len(names))
            values = [tuple(_stored(row.get(name)) for name in names) for row in rows]
            self._connection.executemany(f'INSERT INTO "{table}" ({listed}) VALUES ({marks})', values)

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows by a query with bound values."""
        with self._guard:
            return [dict(row) for row in self._connection.execute(sql, values)]

    def change(self, table: str, key: tuple[str, Any], cells: Mapping[str, Any]) -> None:
        """Change cells of the rows that have a value in a column."""
        changes = ", ".join(f'"{name}" = ?' for name in cells)
        with self._guard:
            values = [*map(_stored, cells.values()), key[1]]
            self._connection.execute(f'UPDATE "{table}" SET {changes} WHERE "{key[0]}" = ?', values)

    @property
    def about(self) -> dict[str, str]:
        """What it was made of (``digest``) and when (``made``, UTC); empty if nothing is told."""
        if not self.columns("about"):
            return {}
        return {row["name"]: row["value"] for row in self.select("SELECT name, value FROM about")}

    def index(self, table: str, column: str) -> None:
        """Make looking for values of a column fast."""
        with self._guard:
            self._connection.execute(f'CREATE INDEX "{table}.{column}" ON "{table}" ("{column}")')

    def save(self, path: Path) -> None:
        """Write everything to a file that does not exist."""
        with self._guard, closing(sqlite3.connect(path)) as target:
            self._connection.backup(target)

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table; none if there is no such table."""
        return [row["name"] for row in self.select("SELECT name FROM pragma_table_info(?)", [table])]

    def close(self) -> None:
        """Close the database."""
        with self._guard:
            self._connection.close()


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
