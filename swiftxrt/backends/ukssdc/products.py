"""Products built on demand by the UK Swift Science Data Centre."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...config import conf
from ...exceptions import (
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    ServiceUnavailableError,
    ServiceWarning,
    warn,
)
from ...io.packages import read_image_package
from ...io.spectrum import read_slice_archive
from ...jobs.protocol import JobHandle
from ...kinds import ProductKind
from ...products.provenance import Provenance
from ...products.report import JobReport
from ...products.spectrumset import SpectrumSet
from ...request.bundle import XRTRequest
from ...request.target import Target
from ...wire import envelope, lightcurve, position, spectrum, status
from ...wire.jobpars import resolved_target
from ...wire.request import from_wire
from ..transport import Transport

__all__ = ["UKSSDCBackend"]

_OBJECTS = "user_objects"
_POSITION_PATH = {
    ProductKind.STANDARD_POSITION: "tprods/getPSFPos.php",
    ProductKind.ENHANCED_POSITION: "tprods/getEnhPos.php",
    ProductKind.ASTROMETRIC_POSITION: "tprods/getAstromPos.php",
}
#: The service asks not to be polled more often than once a minute.
_POLITE_S = 60.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class UKSSDCBackend:
    """Runs requests on the service in Leicester, or on a server that speaks its protocol.

    Parameters
    ----------
    user : str, optional
        Registered e-mail address; by default ``conf.user`` or the environment
        variable ``SWIFTXRT_USER``. It is left out of pickles.
    """

    name = "ukssdc"
    capabilities = frozenset(ProductKind)

    def __init__(self, *, user: str | None = None) -> None:
        self._user = user
        self._transport: Transport | None = None
        self._transport_user = ""

    def __getstate__(self) -> dict[str, Any]:
        return {"_user": None, "_transport": None, "_transport_user": ""}

    @property
    def min_poll_interval_s(self) -> float:
        """Seconds between two looks at a job: 60 for the real service."""
        if urlsplit(conf.service_url).hostname in _LOOPBACK:
            return 0.2
        return max(float(conf.poll_interval), _POLITE_S)

    def submit(self, request: XRTRequest) -> JobHandle:
        """Send a request.

        Raises
        ------
        RequestError
            If no registered e-mail address is known.
        RequestRejectedError, NotRegisteredError
            If the service refuses.
        ServiceUnavailableError
            If it cannot be reached.
        ProtocolError
            If its reply names no job.

        Warns
        -----
        ServiceWarning
            If the parameters of the accepted job cannot be read.
        """
        sent = request.to_wire(user=self._sender())
        try:
            reply = self._call("run_userobject.php", sent, sealed=True)
        except ServiceUnavailableError as error:
            raise ServiceUnavailableError(
                f"{error.message}; the request may have arrived: look at the list of your jobs on the service's page "
                "before you submit it again",
                url=error.url,
                status=error.status,
                payload_excerpt=error.payload_excerpt,
            ) from error
        missing = [key for key in ("URL", "JobID") if not reply.get(key)]
        if missing:
            raise ProtocolError(
                f"the request was accepted, but the reply lacks {', '.join(missing)}; "
                "look for the job on the service's page before sending it again",
                payload_excerpt=str(sorted(reply)),
            )
        job_id = str(reply["JobID"])
        resolved = request.replace(target=_resolved(request.target, reply.get("jobPars"), sent, job_id))
        return JobHandle(job_id, self.name, resolved, _address(reply), datetime.now(UTC))

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
        reply = self._call("getOldProduct.php", {"oldJob": str(job_id)}, job_id=str(job_id))
        if "jobPars" not in reply or "URL" not in reply:
            raise ProtocolError("the reply about an old job lacks its parameters", payload_excerpt=str(sorted(reply)))
        try:
            request = from_wire(reply["jobPars"])
        except RequestError as error:
            raise ProtocolError(f"the parameters of job {job_id} cannot be read: {error}") from error
        return JobHandle(str(job_id), self.name, request, _address(reply))

    def poll(self, handle: JobHandle) -> JobReport:
        """State of a job."""
        kinds = handle.request.kinds
        codes = status.what(kinds)
        reply = self._ask_job(handle, "checkProductStatus.php", {"what": codes, "whatProg": codes})
        return status.decode_status(reply, handle.id, kinds)

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        """Cancel products of a job."""
        reply = self._ask_job(handle, "canceljob.php", {"what": status.what(kinds)})
        status.decode_cancel(reply)
        return self.poll(handle)

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        """Fetch a finished product.

        Raises
        ------
        ProductNotAvailableError
            If the service has none.
        """
        provenance = Provenance(
            backend=self.name,
            request_digest=handle.request.digest,
            software=f"product service at {conf.service_url}, protocol {envelope.API_VERSION}",
            inputs=handle.request.target.target_ids or (),
            notes=(f"job {handle.id}",),
        )
        try:
            return self._collector(kind)(handle, provenance)
        except RequestRejectedError as error:  # the job is there, so it is the product that is not
            raise ProductNotAvailableError(kind.title, error.message) from error

    def _collector(self, kind: ProductKind) -> Callable[[JobHandle, Provenance], Any]:
        if kind.is_position:
            return lambda handle, provenance: self._position(kind, handle, provenance)
        collectors: Mapping[ProductKind, Callable[[JobHandle, Provenance], Any]] = {
            ProductKind.LIGHT_CURVE: self._light_curve,
            ProductKind.SPECTRUM: self._spectrum,
            ProductKind.IMAGE: self._image,
        }
        if kind not in collectors:
            raise ProductNotAvailableError(kind.title, "this version cannot read it; use download() for the files")
        return collectors[kind]

    def download(
        self, handle: JobHandle, kind: ProductKind, folder: Path, *, archive_format: str, overwrite: bool
    ) -> Path:
        """Save the archive of a product.

        Raises
        ------
        ServiceError
            If the service has none, or the download fails.
        OutputExistsError
            If the file exists and `overwrite` is False.
        """
        name = f"{kind.code}.{archive_format}"
        return self._http().fetch(f"{handle.url}/{name}", folder / name, overwrite=overwrite)

    def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            self._transport.close()

    def _position(self, kind: ProductKind, handle: JobHandle, provenance: Provenance) -> Any:
        reply = self._ask_job(handle, _POSITION_PATH[kind], {})
        return position.decode(reply, kind, _told(reply, provenance))

    def _light_curve(self, handle: JobHandle, provenance: Provenance) -> Any:
        reply = self._ask_job(handle, "tprods/getLCData.php", {"nosys": "no", "incbad": "no"})
        request = handle.request.light_curve.with_defaults()
        bands = (request.band, request.soft, request.hard)
        return lightcurve.decode(reply, bands=bands, provenance=_told(reply, provenance))

    def _spectrum(self, handle: JobHandle, provenance: Provenance) -> SpectrumSet:
        content = self._ask_job(handle, "tprods/getSpecData.php", {})
        reply = spectrum.decode(content)
        if reply.missing:
            raise ProductNotAvailableError(ProductKind.SPECTRUM.title, reply.missing)
        found: list[Any] = []
        with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
            for number, part in enumerate(reply.slices):
                if not part.data_url:
                    continue
                path = self._http().fetch(part.data_url, Path(scratch) / f"slice{number}.tar.gz")
                found += read_slice_archive(path)
        return SpectrumSet(tuple(found), t0_met=reply.t0_met, provenance=_told(content, provenance))

    def _image(self, handle: JobHandle, provenance: Provenance) -> Any:
        with tempfile.TemporaryDirectory(prefix="swiftxrt-") as scratch:
            path = self.download(handle, ProductKind.IMAGE, Path(scratch), archive_format="tar.gz", overwrite=False)
            return read_image_package(path, provenance)

    def _ask_job(self, handle: JobHandle, path: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        return self._call(path, {"JobID": handle.id, **payload}, job_id=handle.id)

    def _call(
        self, path: str, payload: Mapping[str, Any], *, sealed: bool = False, job_id: str | None = None
    ) -> dict[str, Any]:
        user = self._sender()
        message = payload if sealed else envelope.seal(payload, user)
        reply, url = self._http().post(f"{_OBJECTS}/{path}", message)
        return envelope.open_reply(reply, user=user, url=url, job_id=job_id)

    def _http(self) -> Transport:
        """The transport; made anew when ``conf.service_url`` or the user has changed."""
        base_url, user = conf.service_url.rstrip("/"), self._sender()
        if self._transport is None or (self._transport.base_url, self._transport_user) != (base_url, user):
            self.close()
            self._transport, self._transport_user = Transport(base_url, user), user
        return self._transport

    def _sender(self) -> str:
        user = (self._user or conf.user or os.environ.get("SWIFTXRT_USER", "")).strip()
        if not user:
            raise RequestError(
                [
                    (
                        "user",
                        "the service needs a registered e-mail address: register once on its registration page, "
                        "then give SwiftXRT(user='...'), set conf.user or the environment variable SWIFTXRT_USER",
                    )
                ]
            )
        return user

    def __repr__(self) -> str:
        return f"<UKSSDCBackend at {conf.service_url}>"


def _told(reply: Mapping[str, Any], otherwise: Provenance) -> Provenance:
    """Provenance as an embedded server tells it, with what is known here where it does not."""
    told = reply.get(envelope.PROVENANCE)
    if not isinstance(told, Mapping):
        return otherwise
    return Provenance.from_dict(told)


def _resolved(target: Target, parameters: Any, sent: Mapping[str, Any], job_id: str) -> Target:
    """The target as the service completed it; the job is accepted, so nothing here may lose it."""
    try:
        if isinstance(parameters, Mapping):
            return resolved_target(parameters, sent)
        reason = "the reply holds none"
    except RequestError as error:
        reason = str(error)
    warn(
        f"job {job_id} was accepted, but its parameters cannot be read ({reason}); the request is kept as it was sent",
        ServiceWarning,
    )
    return target


def _address(reply: Mapping[str, Any]) -> str:
    return str(reply["URL"]).rstrip("/")
