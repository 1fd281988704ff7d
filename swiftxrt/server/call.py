"""One call of the protocol: what was asked, by whom, and of what server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..exceptions import JobLostError
from ..jobs.protocol import HostingBackend, JobHandle
from .limits import JobLimit
from .payload import excerpt
from .refusals import RefusedError, refusal

__all__ = ["Call", "Reply"]

Reply = dict[str, Any]

#: The first version with today's layout of light curves and spectra.
_NEW_LAYOUT = (1, 10)
_VERSION = re.compile(r"\s*(\d+)\.(\d+)")


@dataclass(frozen=True)
class Call:
    """What a handler needs to know to answer.

    Parameters
    ----------
    payload : mapping
        The decoded JSON of the request.
    backend : HostingBackend
        What builds the products.
    base_url : str
        Address under which the client sees the server.
    limit : JobLimit
        How many jobs a user may have under way.
    owner : str
        Under what name the jobs of the sender are kept; empty in calls that
        come without the sender's address.
    """

    payload: Mapping[str, Any]
    backend: HostingBackend
    base_url: str
    limit: JobLimit
    owner: str = ""

    @property
    def user(self) -> str:
        """The sender's address as it was sent."""
        return str(self.payload.get("UserID"))

    @property
    def layout(self) -> str:
        """``"old"`` for clients of protocol versions before 1.10, which knew other names; else ``"new"``.

        A client that does not tell its version gets what is current.
        """
        version = _VERSION.match(str(self.payload.get("api_version")))
        return "old" if version and (int(version[1]), int(version[2])) < _NEW_LAYOUT else "new"

    def job(self, key: str = "JobID") -> JobHandle:
        """The sender's job that is asked about.

        Raises
        ------
        RefusedError
            If there is none, or it is somebody else's: both are answered alike.
        """
        job_id = str(self.payload.get(key))
        try:
            if self.backend.owner_of(job_id) == self.owner:
                handle = self.backend.recall(job_id)
                if handle.rebin_of is None:
                    return handle
        except JobLostError:
            pass  # answered like a job of somebody else
        raise RefusedError(refusal(f"Job {excerpt(job_id)} is not owned by user {self.user}"))

    def product_url(self, job_id: str) -> str:
        """Address of a job's products."""
        return f"{self.base_url}/user_objects/tprods/USERPROD_{job_id}"
