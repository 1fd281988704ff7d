"""The list of jobs as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from .._printable import printable
from ..jobs.entries import BookEntry, EntryState
from ..kinds import ProductKind
from ..products.report import JobSummary

__all__ = ["job_table"]

# Stands, masked, for a time that is not known: the start of mission elapsed time.
_UNKNOWN = "2001-01-01T00:00:00"


def job_table(jobs: Sequence[JobSummary], entries: Sequence[BookEntry] = ()) -> QTable:
    """Make a table of jobs.

    Parameters
    ----------
    jobs : sequence of JobSummary
        As the backend lists them, newest first.
    entries : sequence of BookEntry
        What the job book says about jobs of the same backend, newest first.

    Returns
    -------
    table : `~astropy.table.QTable`
        See ``SwiftXRT.list_jobs``.
    """
    booked = {entry.job_id: entry for entry in entries if entry.state is EntryState.ACCEPTED and not entry.rebin_of}
    jobs = _merged(jobs, [*booked.values(), *(entry for entry in entries if entry.is_open)])
    # Columns without rows must have their type too.
    table = QTable()
    table["job_id"] = np.array([job.id for job in jobs], dtype=str)
    table["name"] = np.array([printable(job.name) for job in jobs], dtype=str)  # tables show names as they are
    # Where there is little room, the middle columns are not printed.
    table["phase"] = np.array(
        [booked[job.id].report.phase.value if job.id in booked else "" for job in jobs], dtype=str
    )
    table["submitted"] = _times(jobs)
    for kind in ProductKind:
        table[kind.value] = np.array([kind in job.kinds for job in jobs], dtype=bool)
    table["available"] = np.array([job.available for job in jobs], dtype=bool)
    table["recorded"] = np.array([_recorded(job, booked) for job in jobs], dtype=str)
    return table


def _merged(jobs: Sequence[JobSummary], entries: Iterable[BookEntry]) -> list[JobSummary]:
    """The list of the backend, and in their places the entries of the book that are not in it."""
    listed = {job.id for job in jobs}
    merged = list(jobs)
    for entry in entries:
        if entry.job_id is None or entry.job_id not in listed:
            older = (n for n, job in enumerate(merged) if job.submitted is not None and job.submitted < entry.submitted)
            merged.insert(next(older, len(merged)), replace(entry.summary, available=False))
    return merged


def _recorded(job: JobSummary, booked: Mapping[str | None, BookEntry]) -> str:
    """The state of the entry of a row; what the book has without a number may be under way, or lost."""
    if not job.id:
        return EntryState.UNCERTAIN.value
    return EntryState.ACCEPTED.value if job.id in booked else ""


def _times(jobs: Sequence[JobSummary]) -> Time:
    texts = [f"{job.submitted:%Y-%m-%dT%H:%M:%S.%f}" if job.submitted else _UNKNOWN for job in jobs]
    times = Time(np.array(texts, dtype="U26"), format="isot", scale="utc")
    unknown = np.array([job.submitted is None for job in jobs], dtype=bool)
    if unknown.any():
        times[unknown] = np.ma.masked
    return times
