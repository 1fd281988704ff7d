"""What jobs of all kinds have in common: a last report, and waiting for the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import astropy.units as u

from ..products.report import JobReport, Phase
from .progress import ProgressCallback, display
from .waiting import LONGEST_OUTAGE_S, PatientLook, wait_for_end

__all__ = ["Watched"]


class _Runner(Protocol):
    """Who runs a job."""

    @property
    def name(self) -> str: ...

    @property
    def min_poll_interval_s(self) -> float: ...


class Watched(ABC):
    """Something at work elsewhere. Its attributes never touch the network: they show the last known state."""

    _report: JobReport | None

    @property
    @abstractmethod
    def id(self) -> str:
        """Identifier."""

    @property
    @abstractmethod
    def _runner(self) -> _Runner:
        """Where it is at work."""

    @property
    def report(self) -> JobReport | None:
        """The last report; `None` before the first `refresh` of a job that was found again."""
        return self._report

    @property
    def phase(self) -> Phase:
        """Phase of the last report; ``UNKNOWN`` if there is none."""
        return self._report.phase if self._report else Phase.UNKNOWN

    @abstractmethod
    def refresh(self) -> JobReport:
        """Ask for the state; what has ended stays so, whatever is said.

        Returns
        -------
        report : JobReport

        Raises
        ------
        ServiceError
            If whoever runs the job cannot be reached or answers nonsense.
        JobLostError
            If the job is no longer known there.
        """

    def wait(self, *, timeout: u.Quantity | None = None, progress: ProgressCallback | bool = True) -> JobReport:
        """Wait until every product has ended, well or not.

        A service that cannot be reached for a while, or answers with a page
        about maintenance, does not end the waiting, and the log says so: the
        error is raised when that has lasted for an hour, or at the sixth look
        if no look has succeeded.

        Parameters
        ----------
        timeout : `~astropy.units.Quantity`, optional
            Total time to wait; by default there is no limit. A look at the job
            that has begun is not broken off.
        progress : bool or callable, optional
            Whether to show a progress bar (only on a terminal), or a function
            that is called with every new `JobReport`.

        Returns
        -------
        report : JobReport
            The final report.

        Raises
        ------
        JobTimeoutError
            If the time is over; the job goes on and can be waited for again.
        JobLostError
            If the job is not, or no longer, known where it should run.
        ServiceError
            If that stays out of reach, or goes on answering nonsense.
        RequestError
            If `timeout` is not a time.
        """
        look = PatientLook(self.refresh, self.id, self._runner.name, outage_s=LONGEST_OUTAGE_S)
        with display(f"job {self.id}", progress) as show:
            pause_s = self._runner.min_poll_interval_s
            return wait_for_end(look, show, pause_s=pause_s, timeout=timeout, known=self._report)

    def _note(self, report: JobReport) -> JobReport:
        """Keep a new report, with what was known before."""
        self._report = report = report.after(self._report)
        return report
