"""The tables of the job book, version by version."""

from __future__ import annotations

import sqlite3

__all__ = ["MIGRATIONS", "StrangeBookError", "migrate"]

#: Says in the header of the file what it is: "SXRT".
APPLICATION_ID = 0x53585254

#: Statements that lead from one version to the next; new ones are added at the end, none is ever changed.
MIGRATIONS: list[tuple[str, ...]] = [
    (
        """
        CREATE TABLE entries (
            entry INTEGER PRIMARY KEY AUTOINCREMENT,
            backend TEXT NOT NULL,
            service TEXT NOT NULL,
            owner TEXT NOT NULL,
            ticket TEXT,
            digest TEXT NOT NULL,
            name TEXT NOT NULL,
            kinds TEXT NOT NULL,
            request TEXT NOT NULL,
            resolved TEXT,
            job_id TEXT,
            rebin_of TEXT,
            url TEXT,
            parameters TEXT,
            state TEXT NOT NULL,
            delivered INTEGER NOT NULL DEFAULT 0,
            status TEXT NOT NULL DEFAULT '{}',
            submitted TEXT NOT NULL,
            updated TEXT NOT NULL,
            note TEXT NOT NULL DEFAULT ''
        )
        """,
        "CREATE INDEX entries_by_job ON entries(service, job_id)",
        "CREATE INDEX entries_by_digest ON entries(digest)",
        "CREATE INDEX entries_by_state ON entries(service, state)",
        "CREATE UNIQUE INDEX entries_by_ticket ON entries(ticket) WHERE ticket IS NOT NULL",
        """
        CREATE UNIQUE INDEX entries_accepted ON entries(backend, service, job_id, rebin_of IS NOT NULL)
        WHERE state = 'accepted'
        """,
        """
        CREATE TABLE products (
            entry INTEGER NOT NULL REFERENCES entries(entry) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            path TEXT,
            reason TEXT NOT NULL DEFAULT '',
            updated TEXT NOT NULL,
            PRIMARY KEY (entry, kind)
        )
        """,
    ),
    (
        """
        CREATE TABLE batches (
            batch INTEGER PRIMARY KEY AUTOINCREMENT,
            token TEXT NOT NULL UNIQUE,
            backend TEXT NOT NULL,
            origin TEXT NOT NULL,
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            folder TEXT NOT NULL,
            made TEXT NOT NULL,
            UNIQUE (backend, origin, owner, key)
        )
        """,
        """
        CREATE TABLE batch_items (
            batch INTEGER NOT NULL REFERENCES batches(batch) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            digest TEXT NOT NULL,
            folder TEXT NOT NULL,
            attempt INTEGER NOT NULL DEFAULT 1,
            outcome TEXT NOT NULL DEFAULT '',
            cancelling INTEGER NOT NULL DEFAULT 0,
            job_id TEXT,
            error_class TEXT NOT NULL DEFAULT '',
            error TEXT NOT NULL DEFAULT '',
            elapsed REAL,
            PRIMARY KEY (batch, number),
            UNIQUE (batch, digest)
        )
        """,
    ),
]


class StrangeBookError(Exception):
    """A database that is none of ours, or of a later version; the text says which."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest version; several processes may do so at once.

    Parameters
    ----------
    connection : sqlite3.Connection
        Without transaction under way.

    Raises
    ------
    StrangeBookError
        If the file was not made by this package, or by a later version of it.
    """
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        version = _version(connection)  # another process may have been faster
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if (kind, version, tables) == (0, 0, 0):
        return 0
    if kind != APPLICATION_ID:
        raise StrangeBookError("it is the database of another program")
    if version > len(MIGRATIONS):
        raise StrangeBookError(
            f"it was written by a later version of swiftxrt (tables {version}, here {len(MIGRATIONS)})"
        )
    return int(version)
