"""Looking at a job again and again."""

from __future__ import annotations

from collections.abc import Callable

import astropy.units as u

from .._log import log
from ..exceptions import JobLostError, RequestError, ServiceUnavailableError
from ..products.report import JobReport, Phase

__all__ = ["PatientLook", "seconds_of"]

#: So many looks at a job, one after the other, may fail or tell nothing.
_PATIENCE = 5


class PatientLook:
    """Looks at a job; a few bad looks in a row are forgiven.

    Parameters
    ----------
    refresh : callable
        Asks for the state of the job.
    job_id, backend : str
        The job and where it runs, for the errors.
    """

    def __init__(self, refresh: Callable[[], JobReport], job_id: str, backend: str) -> None:
        self.refresh = refresh
        self.job_id = job_id
        self.backend = backend
        self.failed = 0
        self.silent = 0

    def __call__(self) -> JobReport | None:
        """The new report, or `None` if the service could not be reached."""
        try:
            report = self.refresh()
        except ServiceUnavailableError as error:
            self.failed += 1
            if self.failed > _PATIENCE:
                error.add_note(f"job {self.job_id} may still go on: get_job({self.job_id!r}) finds it again")
                raise
            log.info("job %s: look number %d failed: %s", self.job_id, self.failed, error)
            return None
        self.failed = 0
        waited_for = {status.phase for status in report.products.values() if not status.phase.is_final}
        self.silent = self.silent + 1 if waited_for == {Phase.UNKNOWN} else 0
        if self.silent > _PATIENCE:
            raise JobLostError(
                f"{self.backend} no longer tells the state of job {self.job_id}; submit the request again",
                job_id=self.job_id,
                report=report,
            )
        return report


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
