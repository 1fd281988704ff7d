"""What a backend must offer so that jobs can run on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ..kinds import ProductKind
from ..products.report import JobReport
from ..request.bundle import XRTRequest

__all__ = ["HostingBackend", "JobHandle", "ProductBackend"]


@dataclass(frozen=True)
class JobHandle:
    """A job as a backend knows it.

    Parameters
    ----------
    id : str
        Identifier, unique within the backend.
    backend : str
        Name of the backend.
    request : XRTRequest
        The request with everything the backend resolved or completed.
    url : str or None
        Where the products can be fetched.
    submitted : datetime or None
        When the job was accepted (UTC), if known.
    """

    id: str
    backend: str
    request: XRTRequest
    url: str | None = None
    submitted: datetime | None = None


class ProductBackend(Protocol):
    """A place where requests are turned into products."""

    name: str
    capabilities: frozenset[ProductKind]
    #: Seconds that must lie between two calls of `poll`.
    min_poll_interval_s: float

    def submit(self, request: XRTRequest) -> JobHandle:
        """Accept a request, or raise; a request is never accepted in part."""
        ...

    def recall(self, job_id: str) -> JobHandle:
        """Find a job accepted earlier, perhaps by another process."""
        ...

    def poll(self, handle: JobHandle) -> JobReport:
        """Ask for the state of a job."""
        ...

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        """Cancel products of a job; those that have ended stay as they are."""
        ...

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        """Fetch a finished product; `ProductNotAvailableError` if there is none."""
        ...

    def download(
        self, handle: JobHandle, kind: ProductKind, folder: Path, *, archive_format: str, overwrite: bool
    ) -> Path:
        """Save the files of a product as one archive."""
        ...

    def close(self) -> None:
        """Give back what is held open; a second call does nothing."""
        ...


class HostingBackend(ProductBackend, Protocol):
    """A backend that keeps jobs of several owners, so that a server can offer it."""

    def submit(self, request: XRTRequest, *, owner: str = "") -> JobHandle:
        """Accept a request of one owner."""
        ...

    def owner_of(self, job_id: str) -> str:
        """Owner of a job; `JobLostError` if there is no such job."""
        ...

    def handles(self, owner: str) -> list[JobHandle]:
        """Jobs of one owner, newest first."""
        ...
