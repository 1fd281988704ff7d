"""Jobs of the local engine, kept in SQLite so that they survive a restart.

Each job has one row, and one row per product. Workers in other processes
report their progress here and look here whether they were cancelled.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ...exceptions import JobError, JobLostError
from ...kinds import ProductKind
from ...products.report import JobReport, JobSummary, Phase, ProductStatus, Step, StepState
from ...request.bundle import XRTRequest

__all__ = ["OPEN_PHASES", "JobStore", "OpenProduct", "StoredJob"]

#: Phases of products that have not ended.
OPEN_PHASES = (Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED, Phase.EXECUTING)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    submitted TEXT NOT NULL,
    rebin_of INTEGER,
    expired INTEGER NOT NULL DEFAULT 0
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
CREATE INDEX IF NOT EXISTS products_by_phase ON products(phase);
"""
_LATER_COLUMNS = {"rebin_of": "INTEGER", "expired": "INTEGER NOT NULL DEFAULT 0"}
_COLUMNS = "id, owner, name, request, submitted, rebin_of"
_OPEN_WORDS = ", ".join(f"'{phase.value}'" for phase in OPEN_PHASES)
_BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class StoredJob:
    """One job as stored."""

    id: str
    owner: str
    name: str
    request: XRTRequest
    submitted: datetime
    rebin_of: str | None = None


class OpenProduct(NamedTuple):
    """A product that has not ended."""

    job_id: str
    kind: ProductKind
    phase: Phase
    owner: str


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
            columns = {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}
            for name, declared in _LATER_COLUMNS.items():
                if name not in columns:  # an older state folder
                    connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {declared}")

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

    def add(
        self, request: XRTRequest, owner: str, phases: dict[ProductKind, Phase], *, rebin_of: str | None = None
    ) -> StoredJob:
        """Store a new job, its products in the phases given."""
        submitted = datetime.now(UTC)
        parent = None if rebin_of is None else _number(rebin_of)
        with self._connect() as connection:
            cursor = connection.execute(
                "INSERT INTO jobs (owner, name, request, submitted, rebin_of) VALUES (?, ?, ?, ?, ?)",
                (owner, request.target.name, json.dumps(request.to_dict()), submitted.isoformat(), parent),
            )
            job_id = str(cursor.lastrowid)
            connection.executemany(
                "INSERT INTO products (job, kind, phase) VALUES (?, ?, ?)",
                [(job_id, kind.value, phase.value) for kind, phase in phases.items()],
            )
        return StoredJob(job_id, owner, request.target.name, request, submitted, rebin_of)

    def get(self, job_id: str) -> StoredJob:
        """Find a job.

        Raises
        ------
        JobLostError
            If there is none with that identifier.
        """
        with self._connect() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (_number(job_id),)).fetchone()
        if row is None:
            raise JobLostError(
                f"there is no job {job_id!r} here; jobs are kept from one backend to the next only in a state folder",
                job_id=str(job_id),
            )
        return _stored(row)

    def jobs(self, owner: str | None = None) -> list[StoredJob]:
        """All jobs, or those of one owner, newest first."""
        query = f"SELECT {_COLUMNS} FROM jobs"
        arguments: tuple[str, ...] = ()
        if owner is not None:
            query, arguments = query + " WHERE owner = ?", (owner,)
        with self._connect() as connection:
            return [_stored(row) for row in connection.execute(query + " ORDER BY id DESC", arguments)]

    def summaries(self, owner: str) -> list[JobSummary]:
        """The jobs of one owner in short, newest first; rebinnings are not among them."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT jobs.id, jobs.name, jobs.submitted, GROUP_CONCAT(products.kind), MAX(products.phase = ?)"
                " FROM jobs JOIN products ON products.job = jobs.id"
                " WHERE jobs.owner = ? AND jobs.rebin_of IS NULL GROUP BY jobs.id ORDER BY jobs.id DESC",
                (Phase.COMPLETED.value, owner),
            ).fetchall()
        return [
            JobSummary(
                id=str(job_id),
                name=name,
                submitted=datetime.fromisoformat(submitted),
                kinds=_kinds(kinds),
                available=bool(completed) and self.job_folder(job_id).is_dir(),
            )
            for job_id, name, submitted, kinds, completed in rows
        ]

    def count_open(self, owner: str) -> int:
        """How many jobs of one owner, rebinnings among them, have a product that has not ended."""
        with self._connect() as connection:
            (number,) = connection.execute(
                "SELECT COUNT(DISTINCT jobs.id) FROM products JOIN jobs ON jobs.id = products.job"
                f" WHERE products.phase IN ({_OPEN_WORDS}) AND jobs.owner = ?",
                (owner,),
            ).fetchone()
        return int(number)

    def expire(self, before: datetime) -> list[str]:
        """Remove the products of all jobs submitted before a moment that have ended.

        Returns
        -------
        job_ids : list of str
            The jobs; they stay in the list, without products.
        """
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE NOT expired AND submitted < ? AND NOT EXISTS"
                f" (SELECT 1 FROM products WHERE products.job = jobs.id AND products.phase IN ({_OPEN_WORDS}))",
                (before.astimezone(UTC).isoformat(),),
            ).fetchall()
            for (job_id,) in rows:
                shutil.rmtree(self.job_folder(job_id), ignore_errors=True)
            connection.executemany("UPDATE jobs SET expired = 1 WHERE id = ?", rows)
        return [str(job_id) for (job_id,) in rows]

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
        return JobReport(str(job_id), {ProductKind(kind): _status(now, *row) for kind, *row in rows})

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
        plain = json.dumps(_plain(steps))
        with self._connect() as connection:
            cursor = connection.execute(
                "UPDATE products SET steps = ? WHERE job = ? AND kind = ? AND phase = ?",
                (plain, _number(job_id), kind.value, Phase.EXECUTING.value),
            )
            return cursor.rowcount == 1

    def open_products(self) -> list[OpenProduct]:
        """Products that have not ended, oldest first."""
        with self._connect() as connection:
            rows: list[Any] = connection.execute(
                "SELECT job, kind, phase, owner FROM products JOIN jobs ON jobs.id = products.job"
                f" WHERE phase IN ({_OPEN_WORDS}) ORDER BY job, products.rowid"
            ).fetchall()
        return [OpenProduct(str(job), ProductKind(kind), Phase(phase), owner) for job, kind, phase, owner in rows]


def _status(now: float, phase: str, text: str, steps: str, started: float | None) -> ProductStatus:
    """State of a product; as from the service, only work that goes on has steps."""
    if phase != Phase.EXECUTING.value:
        return ProductStatus(Phase(phase), text)
    return ProductStatus(Phase(phase), text, _steps(json.loads(steps)), None if started is None else now - started)


def _plain(steps: Iterable[Step]) -> list[Any]:
    return [(step.label, int(step.state), step.note, _plain(step.steps)) for step in steps]


def _steps(plain: Iterable[Sequence[Any]]) -> tuple[Step, ...]:
    """Steps; in older state folders there are none inside others."""
    return tuple(Step(label, StepState(state), note, *map(_steps, inner)) for label, state, note, *inner in plain)


def _kinds(words: str) -> tuple[ProductKind, ...]:
    asked = words.split(",")
    return tuple(kind for kind in ProductKind if kind.value in asked)


def _stored(row: tuple[Any, ...]) -> StoredJob:
    job_id, owner, name, plain, submitted, rebin_of = row
    request = XRTRequest.from_dict(json.loads(plain))
    parent = None if rebin_of is None else str(rebin_of)
    return StoredJob(str(job_id), owner, name, request, datetime.fromisoformat(submitted), parent)


def _number(job_id: str) -> int:
    """The key of a job; -1, which no job has, for what is not a number."""
    text = str(job_id).strip()
    return int(text) if text.isdecimal() and len(text) < 18 else -1
