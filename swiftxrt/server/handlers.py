"""What the embedded server answers: plain functions from request to reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from .._log import log
from ..exceptions import (
    IdentifierError,
    JobLostError,
    NoDataError,
    ProductNotAvailableError,
    RequestError,
    SwiftXRTError,
)
from ..jobs.protocol import HostingBackend, JobHandle
from ..kinds import ProductKind
from ..products.provenance import provenance_of
from ..products.report import Phase
from ..wire import envelope, lightcurve, position, spectrum, status
from ..wire.jobpars import job_parameters
from ..wire.names import key_of_field
from ..wire.request import from_wire
from .users import UserRegistry

__all__ = ["PATHS", "Service"]

#: Addresses below ``/user_objects/`` and the method that answers each.
PATHS = {
    "run_userobject.php": "submit",
    "checkProductStatus.php": "status",
    "canceljob.php": "cancel",
    "tprods/getPSFPos.php": "standard_position",
    "tprods/getEnhPos.php": "enhanced_position",
    "tprods/getAstromPos.php": "astrometric_position",
    "tprods/getXastromPos.php": "astrometric_position",
    "tprods/getLCData.php": "light_curve",
    "tprods/getSpecData.php": "spectrum",
    "getOldProduct.php": "old_job",
    "listOldJobs.php": "list_jobs",
    "getNumJobs.php": "count_jobs",
}

Reply = dict[str, Any]


class _RefusedError(Exception):
    """Carries the reply of a refusal out of nested calls."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply["ERROR"])
        self.reply = reply


class Service:
    """The product service: one public method per call of the protocol.

    Parameters
    ----------
    backend : HostingBackend
        What builds the products.
    users : UserRegistry
        Who may ask.
    """

    def __init__(self, backend: HostingBackend, users: UserRegistry) -> None:
        self.backend = backend
        self.users = users

    def answer(self, path: str, payload: Any, base_url: str) -> Reply:
        """Answer one call.

        Parameters
        ----------
        path : str
            A key of `PATHS`.
        payload : object
            The decoded JSON of the request, or `None` if it was not JSON.
        base_url : str
            Address under which the client sees the products.
        """
        if not isinstance(payload, Mapping):
            return envelope.failure("The request is not a JSON object.")
        method: Callable[[Mapping[str, Any], str, str], Reply] = getattr(self, PATHS[path])
        try:
            return method(payload, self._owner(payload), base_url)
        except _RefusedError as refused:
            return refused.reply
        except RequestError as error:
            items = [f"{key_of_field(field) or field} {message}".strip() for field, message in error.problems]
            return envelope.failure(
                "There were problems with the parameters you supplied.", [("The following values are invalid", items)]
            )
        except (NoDataError, IdentifierError, ProductNotAvailableError) as error:
            return envelope.failure(str(error))
        except SwiftXRTError as error:
            log.error("%s failed", path, exc_info=error)
            return envelope.failure(f"The server could not do this: {error}")

    def submit(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """Accept a request."""
        handle = self.backend.submit(from_wire(payload), owner=owner)
        return envelope.success(
            {
                "URL": product_url(base_url, handle.id),
                "JobID": handle.id,
                "jobPars": job_parameters(handle.request, str(payload["UserID"])),
            }
        )

    def status(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """State of a job's products."""
        handle = self._job(payload, owner)
        kinds, unknown = status.kinds_of(payload.get("what"))
        return envelope.success(status.encode_status(self.backend.poll(handle), kinds, unknown))

    def cancel(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """Cancel products of a job."""
        handle = self._job(payload, owner)
        kinds, unknown = status.kinds_of(payload.get("what"))
        before = self.backend.poll(handle).products
        mine = [kind for kind in kinds if kind in before]
        after = self.backend.cancel(handle, mine).products
        outcome = dict.fromkeys(unknown, status.CancelCode.UNKNOWN)
        for kind in kinds:
            outcome[kind.code] = _cancelled(before, after, kind)
        content, code = status.encode_cancel(handle.id, outcome)
        return envelope.success(content, code=code)

    def standard_position(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """The standard position."""
        return self._position(payload, owner, ProductKind.STANDARD_POSITION)

    def enhanced_position(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """The enhanced position."""
        return self._position(payload, owner, ProductKind.ENHANCED_POSITION)

    def astrometric_position(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """The astrometric position."""
        return self._position(payload, owner, ProductKind.ASTROMETRIC_POSITION)

    def _position(self, payload: Mapping[str, Any], owner: str, kind: ProductKind) -> Reply:
        handle = self._job(payload, owner)
        try:
            found = self.backend.collect(handle, kind)
            content = position.encode(found, kind) | _provenance(found)
        except ProductNotAvailableError as error:
            content = position.encode_missing(error.reason)
        return envelope.success(content)

    def light_curve(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """The light curve."""
        handle = self._job(payload, owner)
        curves = self.backend.collect(handle, ProductKind.LIGHT_CURVE)
        folder = f"{product_url(base_url, handle.id)}/lc"
        time_format = handle.request.light_curve.time_format
        return envelope.success(
            lightcurve.encode(
                curves,
                urls=lightcurve.file_urls(folder),
                mjd=time_format in ("m", "mjd"),
                nosys=str(payload.get("nosys", "no")),
                incbad=str(payload.get("incbad", "no")),
            )
            | _provenance(curves)
        )

    def spectrum(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """The spectra."""
        handle = self._job(payload, owner)
        spectra = self.backend.collect(handle, ProductKind.SPECTRUM)
        folder = f"{product_url(base_url, handle.id)}/spec"
        request = handle.request.spectrum.with_defaults()
        return envelope.success(
            spectrum.encode(
                spectra,
                urls={label: f"{folder}/{label}.tar.gz" for label in spectra.slices},
                t0_met=spectra.t0_met or 0.0,
                delta_statistic=request.delta_statistic,
            )
            | _provenance(spectra)
        )

    def old_job(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """Parameters of an earlier job."""
        handle = self._job({"JobID": payload.get("oldJob"), **payload}, owner)
        return envelope.success(
            {
                "oldJob": int(handle.id),
                "URL": product_url(base_url, handle.id),
                "jobPars": job_parameters(handle.request, str(payload["UserID"])),
            }
        )

    def list_jobs(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """All jobs of the user."""
        return envelope.success({"jobs": [self._summary(handle) for handle in self.backend.handles(owner)]})

    def count_jobs(self, payload: Mapping[str, Any], owner: str, base_url: str) -> Reply:
        """Number of the user's jobs that have not ended."""
        reports = [self.backend.poll(handle) for handle in self.backend.handles(owner)]
        return envelope.success({"numJobs": sum(not report.phase.is_final for report in reports)})

    def _summary(self, handle: JobHandle) -> Reply:
        report = self.backend.poll(handle)
        summary: Reply = {
            "JobID": int(handle.id),
            "Name": handle.request.target.name,
            "DateSubmitted": f"{handle.submitted.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if handle.submitted else "",
        }
        for kind in ProductKind:
            summary[kind.swifttools_name] = kind in report.products
        summary["hasProd"] = any(one.phase is Phase.COMPLETED for one in report.products.values())
        return summary

    def _owner(self, payload: Mapping[str, Any]) -> str:
        address = payload.get("UserID")
        owner = self.users.owner(address)
        if owner is None:
            raise _RefusedError(envelope.failure(f"The user `{address}` is not recognised / validated"))
        return owner

    def _job(self, payload: Mapping[str, Any], owner: str) -> JobHandle:
        job_id = str(payload.get("JobID"))
        try:
            if self.backend.owner_of(job_id) == owner:
                return self.backend.recall(job_id)
        except JobLostError:
            pass  # A job that does not exist is answered like a job of somebody else.
        raise _RefusedError(envelope.failure(f"Job {job_id} is not owned by user {payload['UserID']}"))


def _provenance(product: Any) -> Reply:
    return {envelope.PROVENANCE: provenance_of(product).to_dict()}


def product_url(base_url: str, job_id: str) -> str:
    """Address of a job's products."""
    return f"{base_url}/user_objects/tprods/USERPROD_{job_id}"


def _cancelled(
    before: Mapping[ProductKind, Any], after: Mapping[ProductKind, Any], kind: ProductKind
) -> status.CancelCode:
    if kind not in before:
        return status.CancelCode.NOT_IN_JOB
    if before[kind].phase.is_final or after[kind].phase is not Phase.ABORTED:
        return status.CancelCode.FINISHED
    return status.CancelCode.CANCELLED
