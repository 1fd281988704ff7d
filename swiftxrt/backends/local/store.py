"""Jobs of the local engine, kept in SQLite so that they survive a restart.

Each job has one row, and one row per product. Workers in other processes
report their progress here and look here whether they were cancelled.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...exceptions import JobError, JobLostError
from ...kinds import ProductKind
from ...products.report import JobReport, Phase, ProductStatus, Step, StepState
from ...request.bundle import XRTRequest

__all__ = ["JobStore", "StoredJob"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    submitted TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS products (
    job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    phase TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    steps TEXT NOT NULL DEFAULT '[]',
    started REAL,
    PRIMARY KEY (job, kind)
);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs(owner);
"""
_BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class StoredJob:
    """One job as stored."""

    id: str
    owner: str
    name: str
    request: XRTRequest
    submitted: datetime


class JobStore:
    """The jobs in one state folder.

    Every call opens its own connection: SQLite connections belong to one
    thread, and opening one takes a fraction of a millisecond.

    Parameters
    ----------
    folder : Path
        State folder; it holds ``jobs.sqlite`` and a folder per job.

    Raises
    ------
    JobError
        If the database cannot be read or written; every method may raise it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.folder / "jobs.sqlite", timeout=_BUSY_TIMEOUT_S)) as connection:
                connection.execute("PRAGMA foreign_keys=ON")
                connection.execute("PRAGMA synchronous=NORMAL")
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise JobError(
                f"the jobs in {self.folder} cannot be read or written ({error}); the folder may be gone, for instance "
                "because its backend was closed, or the disk full"
            ) from error

    @property
    def _stop_mark(self) -> Path:
        return self.folder / "stop"

    def stop(self, *, requested: bool = True) -> None:
        """Ask all workers to stop at their next step, or take that back."""
        if requested:
            self._stop_mark.touch()
        else:
            self._stop_mark.unlink(missing_ok=True)

    def job_folder(self, job_id: str) -> Path:
        """Folder with the products of a job."""
        return self.folder / "jobs" / str(int(job_id))

    def product_folder(self, job_id: str, kind: ProductKind) -> Path:
        """Folder with the files of one product."""
        return self.job_folder(job_id) / kind.value

    def add(self, request: XRTRequest, owner: str, phases: dict[ProductKind, Phase]) -> StoredJob:
        """Store a new job, its products in the phases given."""
        submitted = datetime.now(UTC)
        with self._connect() as connection:
            cursor = connection.execute(
                "INSERT INTO jobs (owner, name, request, submitted) VALUES (?, ?, ?, ?)",
                (owner, request.target.name, json.dumps(request.to_dict()), submitted.isoformat()),
            )
            job_id = str(cursor.lastrowid)
            connection.executemany(
                "INSERT INTO products (job, kind, phase) VALUES (?, ?, ?)",
                [(job_id, kind.value, phase.value) for kind, phase in phases.items()],
            )
        return StoredJob(job_id, owner, request.target.name, request, submitted)

    def get(self, job_id: str) -> StoredJob:
        """Find a job.

        Raises
        ------
        JobLostError
            If there is none with that identifier.
        """
        with self._connect() as connection:
            row = connection.execute(
                "SELECT id, owner, name, request, submitted FROM jobs WHERE id = ?", (_number(job_id),)
            ).fetchone()
        if row is None:
            raise JobLostError(
                f"there is no job {job_id!r} here; jobs are kept from one backend to the next only in a state folder",
                job_id=str(job_id),
            )
        return _stored(row)

    def jobs(self, owner: str | None = None) -> list[StoredJob]:
        """All jobs, or those of one owner, newest first."""
        query = "SELECT id, owner, name, request, submitted FROM jobs"
        arguments: tuple[str, ...] = ()
        if owner is not None:
            query, arguments = query + " WHERE owner = ?", (owner,)
        with self._connect() as connection:
            return [_stored(row) for row in connection.execute(query + " ORDER BY id DESC", arguments)]

    def report(self, job_id: str) -> JobReport:
        """State of all products of a job.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT kind, phase, text, steps, started FROM products WHERE job = ? ORDER BY rowid",
                (_number(job_id),),
            ).fetchall()
        if not rows:
            raise JobLostError(f"there is no job {job_id!r} here any more; submit it again", job_id=str(job_id))
        now = time.time()
        return JobReport(
            str(job_id),
            {
                ProductKind(kind): ProductStatus(
                    Phase(phase),
                    text,
                    tuple(Step(label, StepState(state), note) for label, state, note in json.loads(steps)),
                    None if started is None else now - started,
                )
                for kind, phase, text, steps, started in rows
            },
        )

    def phase(self, job_id: str, kind: ProductKind) -> Phase:
        """Phase of one product."""
        return self.report(job_id).products[kind].phase

    def move(self, job_id: str, kind: ProductKind, before: Sequence[Phase], after: Phase, text: str = "") -> bool:
        """Change the phase of a product, but only from one of the phases `before`.

        Returns
        -------
        moved : bool
            False if the product was in another phase, for instance cancelled.
        """
        marks = ", ".join("?" for _ in before)
        started = time.time() if after is Phase.EXECUTING else None
        with self._connect() as connection:
            cursor = connection.execute(
                f"UPDATE products SET phase = ?, text = ?, started = COALESCE(?, started)"
                f" WHERE job = ? AND kind = ? AND phase IN ({marks})",
                (after.value, text, started, _number(job_id), kind.value, *(phase.value for phase in before)),
            )
            return cursor.rowcount == 1

    def set_steps(self, job_id: str, kind: ProductKind, steps: Sequence[Step]) -> bool:
        """Record progress; False if the work on the product should stop."""
        if self._stop_mark.exists():
            return False
        plain = json.dumps([(step.label, int(step.state), step.note) for step in steps])
        with self._connect() as connection:
            cursor = connection.execute(
                "UPDATE products SET steps = ? WHERE job = ? AND kind = ? AND phase = ?",
                (plain, _number(job_id), kind.value, Phase.EXECUTING.value),
            )
            return cursor.rowcount == 1

    def open_products(self) -> list[tuple[str, ProductKind, Phase]]:
        """Products that have not ended, oldest first."""
        final = [phase.value for phase in Phase if phase.is_final]
        marks = ", ".join("?" for _ in final)
        with self._connect() as connection:
            rows: list[Any] = connection.execute(
                f"SELECT job, kind, phase FROM products WHERE phase NOT IN ({marks}) ORDER BY job, rowid", final
            ).fetchall()
        return [(str(job), ProductKind(kind), Phase(phase)) for job, kind, phase in rows]


def _stored(row: tuple[Any, ...]) -> StoredJob:
    job_id, owner, name, request, submitted = row
    return StoredJob(
        str(job_id), owner, name, XRTRequest.from_dict(json.loads(request)), datetime.fromisoformat(submitted)
    )


def _number(job_id: str) -> int:
    """The key of a job; -1, which no job has, for what is not a number."""
    text = str(job_id).strip()
    return int(text) if text.isdecimal() and len(text) < 18 else -1
