"""A backend that builds nothing, for tests of what the server makes of requests and products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.exceptions import (
    JobLostError,
    NoDataError,
    ProductNotAvailableError,
    RequestRejectedError,
    UnknownObjectError,
)
from swiftxrt.jobs.protocol import JobHandle
from swiftxrt.kinds import ProductKind
from swiftxrt.products.report import JobReport, JobSummary, Phase, ProductStatus
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.server.handlers import Service
from swiftxrt.server.limits import JobLimit
from swiftxrt.server.users import UserRegistry

USER = "user@example.org"
OTHER = "other@example.org"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class FakeJob:
    owner: str
    handle: JobHandle
    products: dict[ProductKind, ProductStatus]
    made: dict[ProductKind, Any] = field(default_factory=dict)
    expired: bool = False


class FakeCatalog:
    """Knows one function, and has no files."""

    def answer(self, function: str, content: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        if function != "getSXPSSourceInfo":
            raise RequestRejectedError(f"there is no function {function!r}")
        if content.get("sourceID") != 1:
            raise UnknownObjectError("there is no such source in /srv/archive/catalog.sqlite")
        return {"data": {"LSXPS_ID": 1}}

    def find(self, name: str) -> None:
        return None


class FakeBackend:
    """Keeps jobs in memory; tests decide what becomes of them."""

    catalog = FakeCatalog()

    name = "fake"
    capabilities = frozenset(ProductKind)
    min_poll_interval_s = 0.0

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.fault: Exception | None = None

    def submit(self, request: XRTRequest, *, owner: str = "") -> JobHandle:
        self._fail()
        if "nowhere" in request.target.name:
            raise NoDataError("no observation of it below /srv/archive/swift; see /srv/archive/swift/sw01.evt.gz")
        target = request.target.replace(
            target_ids=request.target.target_ids or ("00012345",),
            position=request.target.position or SkyCoord(150 * u.deg, 20 * u.deg),
            resolve_t0=False,
            t0=request.target.t0 if not request.target.resolve_t0 else 5e8 * u.s,
        )
        return self._add(request.with_defaults().replace(target=target), owner)

    def rebin(self, handle: JobHandle, request: Any) -> JobHandle:
        self._require(handle, ProductKind.LIGHT_CURVE)
        others = dict.fromkeys(("spectrum", "position", "image", "sources"))
        rebinned = handle.request.replace(light_curve=request.with_defaults(), **others)
        return self._add(rebinned, self.jobs[handle.id].owner, rebin_of=handle.id)

    def _add(self, request: XRTRequest, owner: str, rebin_of: str | None = None) -> JobHandle:
        job_id = str(len(self.jobs) + 1)
        submitted = START + timedelta(minutes=len(self.jobs))
        handle = JobHandle(job_id, self.name, request, None, submitted, rebin_of)
        queued = {kind: ProductStatus(Phase.QUEUED) for kind in request.kinds}
        self.jobs[job_id] = FakeJob(owner, handle, queued)
        return handle

    def owner_of(self, job_id: str) -> str:
        return self._job(job_id).owner

    def recall(self, job_id: str) -> JobHandle:
        self._fail()
        return self._job(job_id).handle

    def _job(self, job_id: str) -> FakeJob:
        if job_id not in self.jobs:
            raise JobLostError(f"there is no job {job_id!r}", job_id=job_id)
        return self.jobs[job_id]

    def poll(self, handle: JobHandle) -> JobReport:
        return JobReport(handle.id, dict(self._job(handle.id).products))

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        job = self._job(handle.id)
        for kind in kinds:
            if not job.products[kind].phase.is_final:
                job.products[kind] = ProductStatus(Phase.ABORTED)
        return self.poll(handle)

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        self._fail()
        return self._require(handle, kind)

    def _require(self, handle: JobHandle, kind: ProductKind) -> Any:
        job = self._job(handle.id)
        status = job.products.get(kind)
        if status is None:
            raise ProductNotAvailableError(kind.title, "it was not asked for")
        if status.phase is not Phase.COMPLETED:
            raise ProductNotAvailableError(kind.title, status.text or f"its state is {status.phase}")
        if job.expired:
            raise ProductNotAvailableError(kind.title, "it is no longer kept")
        return job.made[kind]

    def list_jobs(self, *, owner: str = "") -> list[JobSummary]:
        return [
            JobSummary(
                job.handle.id,
                job.handle.request.target.name,
                job.handle.submitted,
                job.handle.request.kinds,
                any(one.phase is Phase.COMPLETED for one in job.products.values()) and not job.expired,
            )
            for job in reversed(self.jobs.values())
            if job.owner == owner and job.handle.rebin_of is None
        ]

    def count_active_jobs(self, *, owner: str = "") -> int:
        return sum(
            job.owner == owner and any(not one.phase.is_final for one in job.products.values())
            for job in self.jobs.values()
        )

    def expire(self, before: datetime) -> list[str]:
        old = [
            job
            for job in self.jobs.values()
            if job.handle.submitted < before
            and not job.expired
            and all(one.phase.is_final for one in job.products.values())
        ]
        for job in old:
            job.expired = True
        return [job.handle.id for job in old]

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault

    def end(self, job_id: str, kind: ProductKind, product: Any = None, *, error: str = "") -> None:
        """Let a product be made, or fail."""
        job = self.jobs[job_id]
        job.products[kind] = ProductStatus(Phase.ERROR if error else Phase.COMPLETED, error)
        if not error:
            job.made[kind] = product

    def set_status(self, job_id: str, kind: ProductKind, **changes: Any) -> None:
        job = self.jobs[job_id]
        job.products[kind] = replace(job.products[kind], **changes)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def service(backend: FakeBackend) -> Service:
    return Service(backend, UserRegistry([USER, OTHER]), job_limit=JobLimit(3))


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(service: Service) -> Ask:
    """Call the service as a registered user: path, then the keys of the request."""

    def call(path: str, /, **payload: Any) -> dict[str, Any]:
        return service.answer(path, {"UserID": USER, **payload}, "http://server")

    return call


#: A submission with every product, as swifttools writes it.
EVERYTHING: dict[str, Any] = {
    "name": "GRB 200416A",
    "getTargs": 1,
    "RA": 335.6985,
    "Dec": -7.5179,
    "Tstart": 608713541.952,
    "getT0": 0,
    "cent": 1,
    "poserr": 1,
    "centMeth": "simple",
    "useSXPS": 0,
    "lc": 1,
    "binMeth": "counts",
    "pccounts": 20,
    "wtcounts": 30,
    "dynamic": 1,
    "uselcobs": "00012345001",
    "lcobs": "user",
    "spec": 1,
    "dchi": 2.706,
    "zval": 0.347,
    "specz": 1,
    "galactic": 1,
    "dopsf": 1,
    "doenh": 1,
    "doxastrom": 1,
    "allxastrom": 1,
    "useposobs": "00012345001",
    "posobs": "user",
    "image": 1,
    "useimobs": "00012345001",
    "imobs": "user",
    "sourceDet": 1,
    "usedetobs": "00012345001",
    "detobs": "user",
}


@pytest.fixture
def everything() -> dict[str, Any]:
    return dict(EVERYTHING)
