"""The rows of the catalogue of a folder, in SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....products.calibration import Calibration
from ..archive import Archive

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

    @classmethod
    def open(cls, archive: Archive, folder: Path, calibration: Calibration) -> CatalogStore:
        """The catalogue of an archive; built if it is not there, or the observations have changed."""
        raise NotImplementedError

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

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table; none if there is no such table."""
        return [row["name"] for row in self.select("SELECT name FROM pragma_table_info(?)", [table])]

    def close(self) -> None:
        """Close the database."""
        with self._guard:
            self._connection.close()


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
