"""A small job: one product that a service makes on demand, without a request of its own."""

from __future__ import annotations

from typing import Any, Protocol

import astropy.units as u

from ..kinds import ProductKind
from ..products.report import JobReport
from .downloading import not_available
from .progress import ProgressCallback
from .protocol import check_job_id
from .watched import Watched

__all__ = ["Task", "TaskKeeper"]


class TaskKeeper(Protocol):
    """Who looks after small jobs of one kind."""

    @property
    def kind(self) -> ProductKind:
        """What they make."""
        ...

    @property
    def name(self) -> str:
        """Name of the place where they run."""
        ...

    @property
    def service(self) -> str:
        """Where that is: there, and for this kind, numbers of jobs are unique."""
        ...

    @property
    def min_poll_interval_s(self) -> float:
        """Seconds that must lie between two calls of `poll`."""
        ...

    def poll(self, job_id: str) -> JobReport:
        """Ask for the state of a job."""
        ...

    def cancel(self, job_id: str) -> JobReport:
        """Cancel a job; one that has ended stays as it is."""
        ...

    def collect(self, job_id: str) -> Any:
        """Fetch what it has made."""
        ...


class Task(Watched):
    """A light curve of a burst that is binned anew, or spectra of time slices.

    Attributes never touch the network: they show the last known state, which
    `refresh`, `wait` and `cancel` renew. Made by
    ``SwiftXRT.rebin_light_curve``, ``SwiftXRT.slice_spectra`` and ``SwiftXRT.get_burst_job``.

    Parameters
    ----------
    job_id : str
        Its number.
    keeper : TaskKeeper
        Who looks after it.
    accepted : bool, optional
        Whether it was accepted a moment ago.
    """

    def __init__(self, job_id: str | int, keeper: TaskKeeper, *, accepted: bool = False) -> None:
        self._id = check_job_id(job_id)
        self._keeper = keeper
        self._report = JobReport.accepted(self._id, [keeper.kind]) if accepted else None

    @property
    def id(self) -> str:
        """Its number, with which it can be found again."""
        return self._id

    @property
    def kind(self) -> ProductKind:
        """What it makes."""
        return self._keeper.kind

    @property
    def service(self) -> str:
        """Where it is."""
        return self._keeper.service

    @property
    def _runner(self) -> TaskKeeper:
        return self._keeper

    def refresh(self) -> JobReport:
        """Ask for the state of the job; what has ended stays so.

        Raises
        ------
        ServiceError
            If the service cannot be reached or answers nonsense.
        JobLostError
            If it does not know the job.
        """
        return self._note(self._keeper.poll(self._id))

    def cancel(self) -> JobReport:
        """Cancel the job; one that has ended stays as it is, and the report says so.

        Raises
        ------
        ServiceError, JobLostError
            As for `refresh`.
        """
        return self._note(self._keeper.cancel(self._id))

    def result(self, *, timeout: u.Quantity | None = None, progress: ProgressCallback | bool = True) -> Any:
        """Wait for the job and fetch what it has made.

        Returns
        -------
        product : LightCurveSet or SpectrumSet

        Raises
        ------
        ProductNotAvailableError
            If it failed or was cancelled.
        JobTimeoutError, JobLostError, ServiceError, RequestError
            As for `wait`.
        FormatError
            If its files are damaged.
        """
        report = self.wait(timeout=timeout, progress=progress)
        if (missing := not_available(self.kind, report)) is not None:
            raise missing
        return self._keeper.collect(self._id)

    def __repr__(self) -> str:
        return f"<Task {self._id} ({self.kind.title}): {self.phase}>"
