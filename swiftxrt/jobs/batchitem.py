"""One request of a list of jobs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import astropy.units as u
from astropy.table import QTable

from ..exceptions import SwiftXRTError
from ..products.productset import ProductSet
from ..products.report import Phase
from ..request.bundle import XRTRequest
from ._work import Work
from .gathering import tell_cautions
from .job import Job
from .outcome import Outcome

if TYPE_CHECKING:
    from .joblist import JobList

__all__ = ["BatchItem", "item_table"]

# Those that people look for at the edges: the middle ones are not printed where there is little room.
_COLUMNS = ("index", "name", "outcome", "products", "phase", "job_id", "elapsed", "folder", "error")
_TYPES = (int, str, str, str, str, str, float, str, str)


class BatchItem:
    """One request of a `JobList`. Its attributes never touch the network.

    Parameters
    ----------
    jobs : JobList
        The list.
    index : int
        Place in the list.
    """

    def __init__(self, jobs: JobList, index: int) -> None:
        self._jobs = jobs
        self.index = index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BatchItem):
            return NotImplemented
        return self._jobs is other._jobs and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self._jobs), self.index))

    @property
    def _work(self) -> Work:
        return self._jobs._works[self.index]

    @property
    def request(self) -> XRTRequest:
        """The request, as it was given."""
        return self._work.request

    @property
    def job(self) -> Job | None:
        """The job; `None` if there is none, or if it ended in an earlier session (`job_id` tells its number)."""
        return self._work.job

    @property
    def job_id(self) -> str | None:
        """Number of the job; `None` before it is submitted."""
        return self._work.job_id

    @property
    def phase(self) -> Phase:
        """Phase of the job by the last report."""
        return self._work.phase

    @property
    def outcome(self) -> Outcome:
        """How it is doing: ``"waiting"``, ``"running"``, ``"done"``, ``"partial"``, ``"failed"`` or ``"cancelled"``."""
        return self._work.outcome

    @property
    def error(self) -> SwiftXRTError | None:
        """Why there is no product; `None` if there is one, or nothing is known yet."""
        return self._work.error

    @property
    def folder(self) -> Path | None:
        """Folder with the products; `None` if there are none."""
        return self._work.folder if self.outcome.has_products else None

    def result(self, *, timeout: u.Quantity | None = None) -> ProductSet:
        """Wait until this request has ended, and read its products.

        Parameters
        ----------
        timeout : `~astropy.units.Quantity`, optional
            Total time to wait; by default there is no limit.

        Returns
        -------
        products : ProductSet
            ``products.failed`` says why a product is missing.

        Raises
        ------
        JobTimeoutError
            If the time is over; the job goes on.
        SwiftXRTError
            The `error` of the item, if there is no product, or what keeps the
            list from going on.
        FormatError
            If the files were damaged since they were saved.
        """
        self._jobs._wait_for(lambda: self.outcome.is_final, timeout)
        if self.error is not None and not self.outcome.has_products:
            raise self.error
        products = ProductSet.read(self._work.folder)
        for kind, product in products.items():
            tell_cautions(kind, product)
        return products

    def __repr__(self) -> str:
        job = f", job {self.job_id}" if self.job_id else ""
        return f"<BatchItem {self.index} for {self.request.target.name!r}: {self.outcome}{job}>"


def item_table(items: Sequence[BatchItem]) -> QTable:
    """Items as a table; see ``JobList.table``."""
    table = QTable(rows=[_row(item) for item in items], names=_COLUMNS, dtype=_TYPES, units={"elapsed": u.s})
    table["elapsed"].info.format = ".1f"
    return table


def _row(item: BatchItem) -> tuple[int, str, str, str, str, str, float, str, str]:
    work, job = item._work, item.job
    asked = len(item.request.kinds)
    there = _number_on_disk(work)
    elapsed = work.elapsed
    if elapsed is None and job is not None and job.submitted is not None:
        elapsed = time.time() - job.submitted.timestamp()
    return (
        item.index,
        item.request.target.name,
        item.outcome.value,
        f"{there} of {asked}",
        item.phase.value,
        item.job_id or "",
        float("nan") if elapsed is None else elapsed,
        str(item.folder or ""),
        str(item.error or ""),
    )


def _number_on_disk(work: Work) -> int:
    if not work.outcome.has_products:
        return 0
    return sum((work.folder / kind.value).is_dir() for kind in work.request.kinds)
