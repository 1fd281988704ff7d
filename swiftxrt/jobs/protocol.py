"""What a backend must offer so that jobs can run on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ..exceptions import JobLostError, RequestError
from ..kinds import ProductKind
from ..products.report import JobReport, JobSummary
from ..request.bundle import XRTRequest
from ..request.lightcurve import LightCurveRequest

__all__ = [
    "HostedCatalog",
    "HostingBackend",
    "JobHandle",
    "JobSummary",
    "ProductBackend",
    "check_job_id",
    "check_service",
]


@dataclass(frozen=True)
class JobHandle:
    """A job as a backend knows it.

    Parameters
    ----------
    id : str
        Identifier, unique within the backend (that of a rebinning: among the
        rebinnings).
    backend : str
        Name of the backend.
    request : XRTRequest
        The request with everything the backend resolved or completed.
    url : str or None
        Where the products can be fetched.
    submitted : datetime or None
        When the job was accepted (UTC), if known.
    rebin_of : str or None
        The job whose light curve is binned anew; `None` for an ordinary job.
    parameters : mapping of str to object
        The parameters in the words of the service, as it reported them, without
        the address of the user; not compared.
    service : str
        Where the job is, as in `ProductBackend.service`.
    """

    id: str
    backend: str
    request: XRTRequest
    url: str | None = None
    submitted: datetime | None = None
    rebin_of: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False)
    service: str = ""


def check_service(handle: JobHandle, service: str) -> None:
    """Refuse a job that is somewhere else, where the same number may be that of another job.

    Raises
    ------
    JobLostError
        If the job is not at the service.
    """
    if handle.service and handle.service != service:
        raise JobLostError(
            f"job {handle.id} belongs to {handle.service}, and was asked for at {service}; set conf.service_url to its "
            "service, then call get_job()",
            job_id=handle.id,
        )


def check_job_id(job_id: object) -> str:
    """The number of a job as a text.

    Raises
    ------
    RequestError
        If it cannot be one.
    """
    text = "" if isinstance(job_id, bool) else str(job_id).strip()
    if not (text.isascii() and text.isdecimal()):
        message = f"the number of a job is needed, such as 951; got {job_id!r:.60}. list_jobs() shows your jobs"
        raise RequestError([("job_id", message)])
    return text


class ProductBackend(Protocol):
    """A place where requests are turned into products; it stays with the service it was made for."""

    name: str
    capabilities: frozenset[ProductKind]
    #: Seconds that must lie between two calls of `poll`.
    min_poll_interval_s: float

    @property
    def service(self) -> str:
        """Where its jobs are, such as the address of a service: there, and only there, their numbers are unique."""
        ...

    @property
    def sender(self) -> str:
        """In whose name it asks; empty where nobody wants to know. `RequestError` if it is not known."""
        ...

    def submit(self, request: XRTRequest) -> JobHandle:
        """Accept a request, or raise; a request is never accepted in part."""
        ...

    def rebin(self, handle: JobHandle, request: LightCurveRequest) -> JobHandle:
        """Bin the light curve of a job anew.

        The new job has the light curve as its only product and is treated like
        any other.
        """
        ...

    def recall(self, job_id: str) -> JobHandle:
        """Find a job accepted earlier, perhaps by another process."""
        ...

    def poll(self, handle: JobHandle) -> JobReport:
        """Ask for the state of a job."""
        ...

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        """Cancel products of a job; those that have ended stay as they are, and the report says so."""
        ...

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        """Fetch a finished product; `ProductNotAvailableError` if there is none."""
        ...

    def download(self, handle: JobHandle, kind: ProductKind, path: Path, *, overwrite: bool) -> str:
        """Save the files of a product as one archive, of the kind that the ending says.

        It may be called in several threads. Tells how it came: ``"fetched"``,
        ``"resumed"`` after an earlier attempt, or ``"kept"`` as somebody else fetched it.
        """
        ...

    def list_jobs(self) -> Sequence[JobSummary]:
        """All jobs of the user, newest first; rebinnings are not listed."""
        ...

    def count_active_jobs(self) -> int:
        """How many jobs and rebinnings of the user have not ended."""
        ...

    def close(self) -> None:
        """Give back what is held open; a second call does nothing."""
        ...


class HostedCatalog(Protocol):
    """A catalogue that a server can offer."""

    def answer(self, function: str, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        """The content of the reply to a call, or an error that says why there is none."""
        ...

    def find(self, name: str) -> Path | None:
        """A file that a reply named, or None."""
        ...


class HostingBackend(ProductBackend, Protocol):
    """A backend that keeps jobs of several owners, so that a server can offer it."""

    @property
    def catalog(self) -> HostedCatalog:
        """What is catalogued there."""
        ...

    def submit(self, request: XRTRequest, *, owner: str = "") -> JobHandle:
        """Accept a request of one owner."""
        ...

    def owner_of(self, job_id: str) -> str:
        """Owner of a job; `JobLostError` if there is no such job."""
        ...

    def list_jobs(self, *, owner: str = "") -> Sequence[JobSummary]:
        """All jobs of one owner, newest first; rebinnings are not listed."""
        ...

    def count_active_jobs(self, *, owner: str = "") -> int:
        """How many jobs and rebinnings of one owner have not ended; cheap enough to be asked at each submission."""
        ...

    def expire(self, before: datetime) -> Sequence[str]:
        """Remove the products of jobs submitted before a moment that have ended, and tell which; the jobs stay listed."""
        ...
