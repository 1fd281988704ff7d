"""Products built on demand by the UK Swift Science Data Centre."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..._fields import wire_keys
from ...config import conf
from ...exceptions import (
    JobLostError,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    ServiceWarning,
    warn,
)
from ...jobs.protocol import JobHandle, check_service
from ...kinds import ProductKind
from ...products.provenance import CLIENT, Provenance, utc_now
from ...products.replies import Answer, ServiceReply, hand_over
from ...products.report import JobReport, JobSummary
from ...request.bundle import XRTRequest
from ...request.extraction import LOCAL_ONLY
from ...request.lightcurve import LightCurveRequest
from ...request.target import Target
from ...wire import history, rebin, status
from ...wire.jobpars import completed_request, resolved_target
from ...wire.request import from_wire
from ...wire.values import is_unset, job_number
from . import collecting
from .answers import LiveAnswers
from .connection import Connection

__all__ = ["UKSSDCBackend"]

#: The service asks not to be polled more often than once a minute.
_POLITE_S = 60.0
_SOFTWARE = "Swift-XRT product service"
_IF_REBINNED = (
    "Light curves that were binned anew have numbers of their own, which only the job book of the machine that asked "
    "for them knows: elsewhere, call rebin() of the job that they were made of again"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TARGET_KEYS = [key for field in Target.__record_fields__ for key in wire_keys(field)]
_LIGHT_CURVE_ONLY: dict[str, Any] = dict.fromkeys(("spectrum", "position", "image", "sources"))


class UKSSDCBackend:
    """Runs requests on the service in Leicester, or on a server that speaks its protocol.

    It stays with the service that ``conf.service_url`` names when it is made,
    and so do the jobs made with it.

    Parameters
    ----------
    user : str, optional
        Registered e-mail address; by default ``conf.user``, the environment
        variable ``SWIFTXRT_USER`` or the keyring of the system. It is left
        out of pickles.
    """

    name = "ukssdc"
    capabilities = frozenset(ProductKind)

    def __init__(self, *, user: str | None = None) -> None:
        self._service = Connection(user)
        self._recalled: dict[str, list[Answer]] = {}

    @property
    def min_poll_interval_s(self) -> float:
        """Seconds between two looks at a job: 60 for the real service."""
        if urlsplit(self.service).hostname in _LOOPBACK:
            return 0.2
        return max(float(conf.poll_interval), _POLITE_S)

    @property
    def service(self) -> str:
        """Address of the service."""
        return self._service.base_url

    @property
    def sender(self) -> str:
        """The user's address; `RequestError` if none is known."""
        return self._service.sender

    def submit(self, request: XRTRequest) -> JobHandle:
        """Send a request.

        Raises
        ------
        RequestError
            If no registered e-mail address is known, or something is asked for that only the local engine can do.
        RequestRejectedError, NotRegisteredError
            If the service refuses.
        ServiceUnavailableError
            If it cannot be reached, or its reply does not come: the request may have arrived then.
        ProtocolError
            If its reply names no job, which it may have made.

        Warns
        -----
        ServiceWarning
            If the parameters of the accepted job cannot be read.
        """
        sender = self._service.sender
        _refuse_local_only(request)
        sent = {**request.to_wire(user=sender), "UserID": sender}
        reply = self._service.call("run_userobject.php", sent, sealed=True)
        job_id = job_number(reply.get("JobID"))
        missing = [key for key, lacks in (("URL", is_unset(reply.get("URL"))), ("JobID", not job_id)) if lacks]
        if missing:
            raise ProtocolError(
                f"the request was accepted, but the reply lacks {', '.join(missing)}",
                advice="look for the job in list_jobs() before sending it again",
                payload_excerpt=", ".join(sorted(map(str, reply))),
            )
        url = str(reply["URL"]).rstrip("/")
        parameters = reply.get("jobPars")
        resolved = _resolved(request, parameters, sent, job_id)
        known = {"parameters": _without_user(parameters), "service": self.service}
        LiveAnswers(self._service, f"job {job_id}").forget()  # a service that began anew gives old numbers to new jobs
        return JobHandle(job_id, self.name, resolved, url, datetime.now(UTC), **known)

    def rebin(self, handle: JobHandle, request: LightCurveRequest) -> JobHandle:
        """Bin the light curve of a job anew.

        Raises
        ------
        RequestRejectedError
            If the service refuses.
        JobLostError
            If it does not know the job.
        ServiceUnavailableError, ProtocolError
            As for `submit`.
        """
        check_service(handle, self.service)
        parent = handle.rebin_of or handle.id
        asked = rebin.encode_rebin(parent, request, handle.request.target.name)
        reply, url = self._service.call_api(asked)
        new_id = rebin.decode_job(rebin.open_reply(reply, url=url, job_id=parent))
        changed = handle.request.replace(light_curve=request.with_defaults(), **_LIGHT_CURVE_ONLY)
        made = JobHandle(new_id, self.name, changed, None, datetime.now(UTC), parent, asked, self.service)
        self._answers(made).forget()
        return made

    def recall(self, job_id: str) -> JobHandle:
        """Find a job sent earlier.

        Raises
        ------
        JobLostError
            If the service does not know it under this user.
        ServiceUnavailableError
            If it cannot be reached.
        ProtocolError
            If the parameters of the job cannot be read.
        """
        answers = LiveAnswers(self._service, f"job {job_id}", fresh=True)
        try:
            reply = answers.call("getOldProduct.php", {"oldJob": str(job_id)}, job_id=str(job_id))
        except JobLostError as error:
            answers.forget()
            raise JobLostError(f"{error.message}. {_IF_REBINNED}", job_id=str(job_id)) from error
        self._recalled[str(job_id)] = answers.answers
        url, parameters = history.decode_old_job(reply)
        try:
            request = from_wire(history.without_empty_lists(parameters))
        except RequestError as error:
            raise ProtocolError(
                f"the parameters of job {job_id} cannot be read: {error}", advice="look at it on the service's page"
            ) from error
        return JobHandle(
            str(job_id), self.name, request, url, parameters=_without_user(parameters), service=self.service
        )

    def poll(self, handle: JobHandle) -> JobReport:
        """State of a job."""
        check_service(handle, self.service)
        answers = self._answers(handle, fresh=True)
        try:
            report = self._report(answers, handle)
        except JobLostError:
            answers.forget()
            raise
        if report.is_final:
            if handle.rebin_of is None:  # its parameters do not change any more either
                answers.answers += self._recalled.pop(handle.id, [])
            answers.keep()
        return report

    def _report(self, answers: LiveAnswers, handle: JobHandle) -> JobReport:
        if handle.rebin_of is not None:
            reply, url = answers.call_api(rebin.ask("checkRebinStatus", handle.id))
            return rebin.decode_status(rebin.open_reply(reply, url=url, job_id=handle.id), handle.id)
        kinds = handle.request.kinds
        codes = status.what(kinds)
        asked = {"JobID": handle.id, "what": codes, "whatProg": codes}
        reply = answers.call("checkProductStatus.php", asked, job_id=handle.id)
        return status.decode_status(reply, handle.id, kinds)

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        """Cancel products of a job; the report says which of them could not be cancelled."""
        check_service(handle, self.service)
        chosen = tuple(kinds)
        if handle.rebin_of is not None:
            reply, url = self._service.call_api(rebin.ask("cancelRebin", handle.id))
            kept = dict.fromkeys(chosen, rebin.decode_cancel(reply, url=url, job_id=handle.id))
        else:
            reply = self._ask("canceljob.php", handle, what=status.what(chosen))
            kept = {kind: code.reason for kind, code in status.decode_cancel(reply, chosen).items()}
        return self.poll(handle).not_cancelled(kept)

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        """Fetch a finished product.

        Raises
        ------
        ProductNotAvailableError
            If the service has none.
        """
        check_service(handle, self.service)
        answers, provenance = self._answers(handle), self._provenance(handle)
        try:
            product = collecting.collect(answers, handle, kind, provenance)
        except RequestRejectedError as error:  # the job is there, so it is the product that is not
            raise ProductNotAvailableError(kind.title, error.message) from error
        answers.keep()
        hand_over(kind, ServiceReply(handle.id, tuple(answers.answers), handle.url, handle.rebin_of, provenance))
        return product

    def download(self, handle: JobHandle, kind: ProductKind, path: Path, *, overwrite: bool) -> str:
        """Save the archive of a product, of the kind that the ending says, and tell how it came.

        Raises
        ------
        ProductNotAvailableError
            If the service keeps none.
        ServiceError
            If the download fails.
        OutputExistsError
            If the file exists and `overwrite` is False.
        """
        check_service(handle, self.service)
        return collecting.download(self._service, handle, kind, path, overwrite=overwrite)

    def list_jobs(self) -> list[JobSummary]:
        """All jobs of the user, newest first, also those made on the service's page.

        Raises
        ------
        NotRegisteredError
            If the service does not know the user.
        ServiceError
            If there is no answer, or none that can be used.
        """
        return history.decode_jobs(self._service.call("listOldJobs.php", {}))

    def count_active_jobs(self) -> int:
        """How many jobs of the user are queued or running.

        Raises
        ------
        NotRegisteredError, ServiceError
            As for `list_jobs`.
        """
        return history.decode_count(self._service.call("getNumJobs.php", {}))

    def close(self) -> None:
        """Close all connections."""
        self._service.close()

    def _provenance(self, handle: JobHandle) -> Provenance:
        """What is known here of whatever a job makes."""
        return Provenance(
            backend=self.name,
            request_digest=handle.request.digest,
            software=_SOFTWARE,
            inputs=handle.request.target.target_ids or (),
            created=utc_now(),
            service=self.service,
            api_version=self._service.api_version,
            job_id=handle.id,
            client=CLIENT,
        )

    def _answers(self, handle: JobHandle, *, fresh: bool = False) -> LiveAnswers:
        # Rebinnings have numbers of their own.
        name = f"job {handle.id}" if handle.rebin_of is None else f"rebinning {handle.id}"
        return LiveAnswers(self._service, name, fresh=fresh)

    def _ask(self, path: str, handle: JobHandle, **payload: str) -> dict[str, Any]:
        return self._service.call(path, {"JobID": handle.id, **payload}, job_id=handle.id)

    def __repr__(self) -> str:
        return f"<UKSSDCBackend at {self.service}>"


def _without_user(parameters: Any) -> dict[str, Any]:
    return (
        {key: value for key, value in parameters.items() if key != "UserID"} if isinstance(parameters, Mapping) else {}
    )


def _resolved(request: XRTRequest, parameters: Any, sent: Mapping[str, Any], job_id: str) -> XRTRequest:
    """The request as the service completed it; the job is accepted, so nothing here may lose it."""
    try:
        if isinstance(parameters, Mapping):
            # Whatever the service says of its products, those that were asked for stay part of the job.
            told = history.without_empty_lists(parameters)
            return completed_request({**told, **{kind.flag: 1 for kind in request.kinds}}, sent)
        reason = "the reply holds none"
    except RequestError as error:
        reason = str(error)
    warn(
        f"job {job_id} was accepted, but its parameters cannot be read ({reason}); the request is kept as it was sent",
        ServiceWarning,
    )
    told = parameters if isinstance(parameters, Mapping) else {}
    try:
        return request.replace(target=resolved_target({key: told.get(key) for key in _TARGET_KEYS}, sent))
    except RequestError:
        return request


def _refuse_local_only(request: XRTRequest) -> None:
    """Regions of one's own have no key in the protocol, and a product made without them would be another one."""
    given = [name for name in LOCAL_ONLY if getattr(request.extraction, name) is not None]
    if given:
        what = "the service chooses regions itself; use the local engine, SwiftXRT(backend='local'), or leave it out"
        raise RequestError([(f"extraction.{name}", what) for name in given], "request to the service")
