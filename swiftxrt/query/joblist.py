"""The list of jobs as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from ..kinds import ProductKind
from ..products.report import JobSummary

__all__ = ["job_table"]

# Stands, masked, for a time that is not known: the start of mission elapsed time.
_UNKNOWN = "2001-01-01T00:00:00"


def job_table(jobs: Sequence[JobSummary]) -> QTable:
    """Make a table of jobs.

    Parameters
    ----------
    jobs : sequence of JobSummary
        In the order of the rows.

    Returns
    -------
    table : `~astropy.table.QTable`
        See ``SwiftXRT.list_jobs``.
    """
    # Columns without rows must have their type too.
    table = QTable()
    table["job_id"] = np.array([job.id for job in jobs], dtype=str)
    table["name"] = np.array([job.name for job in jobs], dtype=str)
    table["submitted"] = _times(jobs)
    for kind in ProductKind:
        table[kind.value] = np.array([kind in job.kinds for job in jobs], dtype=bool)
    table["available"] = np.array([job.available for job in jobs], dtype=bool)
    return table


def _times(jobs: Sequence[JobSummary]) -> Time:
    texts = [f"{job.submitted:%Y-%m-%dT%H:%M:%S.%f}" if job.submitted else _UNKNOWN for job in jobs]
    times = Time(np.array(texts, dtype="U26"), format="isot", scale="utc")
    unknown = np.array([job.submitted is None for job in jobs], dtype=bool)
    if unknown.any():
        times[unknown] = np.ma.masked
    return times
