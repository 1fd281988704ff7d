"""Looking at a job again and again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import astropy.units as u

from .._log import log
from .._timelimit import limited
from ..exceptions import (
    JobLostError,
    JobTimeoutError,
    OfflineError,
    ProtocolError,
    RequestError,
    ServiceError,
    ServiceUnavailableError,
)
from ..products.report import JobReport, Phase
from .progress import ProgressCallback

__all__ = ["LONGEST_OUTAGE_S", "PatientLook", "wait_for_end"]

#: So many looks at a job, one after the other, may fail, make no sense or tell nothing.
_PATIENCE = 5
#: A service that was reached while the job was waited for may be away for so long.
LONGEST_OUTAGE_S = 3600.0
#: Pauses between looks get longer, each by a tenth, up to this.
_LONGEST_PAUSE_S = 300.0
#: A look may take so long, even when the time to wait is over.
_SHORTEST_LOOK_S = 10.0


def wait_for_end(
    look: PatientLook,
    show: ProgressCallback,
    *,
    pause_s: float,
    timeout: u.Quantity | None = None,
    known: JobReport | None = None,
) -> JobReport:
    """Look at a job until every product has ended.

    Parameters
    ----------
    look : PatientLook
        Looks at the job.
    show : callable
        Shows each report.
    pause_s : float
        Seconds that must lie between two looks.
    timeout : `~astropy.units.Quantity`, optional
        Total time to wait; by default there is no limit.
    known : JobReport, optional
        The last known state, for the error.

    Returns
    -------
    report : JobReport
        The final report.

    Raises
    ------
    JobTimeoutError
        If the time is over.
    JobLostError, ServiceUnavailableError, ProtocolError
        As `look` raises them.
    RequestError
        If `timeout` is not a time.
    """
    limit_s = float("inf") if timeout is None else seconds_of(timeout, "timeout")
    deadline = time.monotonic() + limit_s
    pause = pause_s
    while True:
        with limited(max(deadline - time.monotonic(), _SHORTEST_LOOK_S)):
            report = look()
        if report is not None:
            show(report)
            if report.is_final:
                return report
            known = report
        left = deadline - time.monotonic()
        if left <= 0:
            raise JobTimeoutError(
                f"job {look.job_id} is still {known.phase if known else Phase.UNKNOWN} after {timeout}; it goes on: "
                f"call wait() again, or get_job() from another session{look.trouble and f' ({look.trouble})'}",
                job_id=look.job_id,
                report=known,
            )
        time.sleep(min(pause, left))
        pause = min(pause * 1.1, max(_LONGEST_PAUSE_S, pause_s))


class PatientLook:
    """Looks at a job; a few bad looks in a row are forgiven.

    Parameters
    ----------
    refresh : callable
        Asks for the state of the job.
    job_id, backend : str
        The job and where it runs, for the errors.
    outage_s : float, optional
        So many seconds without a connection are forgiven too, once a look has
        succeeded; and so is an hour of replies that make no sense, such as
        pages about maintenance.
    """

    def __init__(self, refresh: Callable[[], JobReport], job_id: str, backend: str, *, outage_s: float = 0.0) -> None:
        self.refresh = refresh
        self.job_id = job_id
        self.backend = backend
        self.outage_s = outage_s
        self.failed = 0
        self.silent = 0
        self.trouble = ""
        self._reached_at: float | None = None

    def __call__(self) -> JobReport | None:
        """The new report, or `None` if the service could not be reached or did not make sense."""
        try:
            report = self.refresh()
        except (ServiceUnavailableError, ProtocolError) as error:
            self.failed += 1
            if isinstance(error, OfflineError) or (self.failed > _PATIENCE and not self._is_short_outage(error)):
                error.add_note(f"job {self.job_id} may still go on: get_job({self.job_id!r}) finds it again")
                raise
            self.trouble = f"the last {self.failed} looks failed: {error}"
            log.log(
                logging.INFO if self.failed < _PATIENCE else logging.WARNING,
                "job %s is still waited for: %s",
                self.job_id,
                self.trouble,
            )
            return None
        self.failed, self.trouble, self._reached_at = 0, "", time.monotonic()
        waited_for = {status.phase for status in report.products.values() if not status.phase.is_final}
        self.silent = self.silent + 1 if waited_for == {Phase.UNKNOWN} else 0
        if self.silent > _PATIENCE:
            raise JobLostError(
                f"{self.backend} no longer tells the state of job {self.job_id}; submit the request again",
                job_id=self.job_id,
                report=report,
            )
        return report

    def _is_short_outage(self, error: ServiceError) -> bool:
        longest = LONGEST_OUTAGE_S if isinstance(error, ProtocolError) else self.outage_s
        return self._reached_at is not None and time.monotonic() - self._reached_at < longest


def seconds_of(value: u.Quantity, name: str) -> float:
    """A time that a user gave, in seconds.

    Raises
    ------
    RequestError
        If it is not a time, or negative.
    """
    if not isinstance(value, u.Quantity) or not value.isscalar or not value.unit.is_equivalent(u.s):
        raise RequestError([(name, f"a time is needed, such as 2 * u.hour; got {value!r}")])
    seconds = float(value.to_value(u.s))
    if not seconds >= 0:
        raise RequestError([(name, f"must not be negative; got {value}")])
    return seconds
