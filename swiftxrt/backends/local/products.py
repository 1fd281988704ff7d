"""Products built by the engine on this machine."""

from __future__ import annotations

import os
import pickle
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from astropy.coordinates import SkyCoord
from astropy.table import QTable

from ...engine.calibration import EMBEDDED
from ...engine.make_limits import LimitSettings
from ...engine.reference_catalog import ReferenceCatalog, check_reference_catalog
from ...exceptions import JobError, ProductNotAvailableError, RequestError, ServerStartError, ServiceUnavailableError
from ...io.manifest import read_product
from ...io.packages import package_product
from ...jobs.protocol import JobHandle, check_service
from ...kinds import ProductKind
from ...products.report import ALREADY_ENDED, JobReport, JobSummary, Phase
from ...request.bundle import XRTRequest
from ...request.lightcurve import LightCurveRequest
from ...wire.jobpars import job_parameters
from .archive import Archive
from .calibration import choose_calibration, name_of
from .catalog.host import LocalCatalog
from .engines import check_engine
from .limits import measure_upper_limits
from .scheduler import Scheduler
from .store import OPEN_PHASES, JobStore, StoredJob
from .workers import TURNS

__all__ = ["LocalBackend"]

#: So many jobs are kept ready in memory; the others are read again when they are asked for.
_KEPT_JOBS = 1024
#: So long somebody who reads a product waits for the end of a step of the engine.
_PATIENCE_S = 3.0


class LocalBackend:
    """Runs requests on observations in a folder.

    Parameters
    ----------
    archive : path-like
        Folder with observations in archive layout.
    state : path-like, optional
        Folder for jobs and products; jobs left open in it are taken up again.
        By default a temporary folder that goes with the backend.
    processes : bool, optional
        Whether to build in worker processes, or in threads. By default there
        is one thread, and processes when products have waited for it for some
        seconds. Threads spoil each other's warning filters, which Python has
        once for all of them.
    workers : int, optional
        How many products are built side by side; one per processor core by
        default.
    caldb : path-like or {"v004", "v006"}, optional
        Folder with calibration files, or the PSF of what comes with the
        package; by default ``conf.caldb``, else the environment variable
        ``CALDB``, else ``"v004"``.
    reference_catalog : `~astropy.table.Table` or callable, optional
        For astrometric positions, see `swiftxrt.SwiftXRTClass`; it must be
        picklable if `processes` is true.
    engine : {"swiftxrt", "heasoft"}, optional
        What makes the products, the former by default.

    Raises
    ------
    RequestError
        If `archive` or `caldb` is no folder, `workers` is negative, or
        `reference_catalog` cannot be used.
    NoDataError
        If there is no calibration of the XRT in `caldb`.
    FormatError
        If a calibration file is damaged or of another mission.
    ServerStartError
        If another process works in the same state folder, or it cannot be
        written.
    """

    name = "local"
    capabilities = frozenset(ProductKind)
    min_poll_interval_s = 0.05

    def __init__(
        self,
        archive: str | Path,
        *,
        state: str | Path | None = None,
        processes: bool | None = None,
        workers: int | None = None,
        caldb: str | Path | None = None,
        reference_catalog: ReferenceCatalog | None = None,
        engine: str | None = None,
    ) -> None:
        check_reference_catalog(reference_catalog)
        self.engine = check_engine(engine or "swiftxrt")
        if processes:
            _check_copy(reference_catalog)
        elif processes is None and not _can_be_copied(reference_catalog):
            processes, workers = False, 1
        self.archive = Archive(Path(archive).expanduser())
        self.calibration = choose_calibration(caldb)
        if workers is not None and workers < 0:
            raise RequestError([("workers", f"must be positive, or None for one per processor core; got {workers}")])
        self._scratch = (
            None if state is not None else tempfile.TemporaryDirectory(prefix="swiftxrt-", ignore_cleanup_errors=True)
        )
        folder = Path(state).expanduser() if state is not None else Path(self._scratch.name)  # type: ignore[union-attr]
        self.store = _open_store(folder)
        self.catalog = LocalCatalog(self.archive, folder / "catalog", self.calibration, weakref.proxy(self))
        self._lock = _hold(folder)
        self._scheduler = Scheduler(
            self.store,
            self.archive.folder,
            processes=processes,
            workers=workers or os.cpu_count() or 1,
            caldb=name_of(self.calibration),
            reference_catalog=reference_catalog,
            engine=self.engine,
        )
        # What is stored about a job never changes, only the state of its products does.
        self._job = lru_cache(maxsize=_KEPT_JOBS)(partial(_read_job, self.store))
        self._guard = threading.Lock()
        self._closed = False
        self.store.stop(requested=False)
        self._finalizer = weakref.finalize(self, _release, self._lock, self._scratch, self._scheduler)
        self._resume()

    @property
    def service(self) -> str:
        """The state folder: the numbers of jobs are unique in it."""
        return str(self.store.folder.absolute())

    @property
    def origin(self) -> str:
        """What products are made of, and by what: the archive, and calibration and engine unless they are the usual."""
        folder = str(self.archive.folder.absolute())
        calibrated = (
            folder if self.calibration == EMBEDDED else f"{folder} with calibration {name_of(self.calibration)}"
        )
        return calibrated if self.engine == "swiftxrt" else f"{calibrated} by {self.engine}"

    @property
    def sender(self) -> str:
        """Nobody in particular."""
        return ""

    def submit(self, request: XRTRequest, *, owner: str = "") -> JobHandle:
        """Accept a request; everything open in it is resolved first.

        Raises
        ------
        NoDataError
            If no observation matches the target.
        ServiceUnavailableError
            If the backend was closed.
        """
        resolved = request.with_defaults().replace(target=self.archive.resolve(request.target))
        return self._accept(resolved, owner)

    def rebin(self, handle: JobHandle, request: LightCurveRequest) -> JobHandle:
        """Bin the light curve of a job anew, for the same owner.

        Raises
        ------
        ProductNotAvailableError
            If the job has no light curve, or not yet.
        JobLostError
            If there is no such job.
        ServiceUnavailableError
            If the backend was closed.
        """
        check_service(handle, self.service)
        owner, parent = self._job(handle.rebin_of or handle.id)
        self._require_end(parent, ProductKind.LIGHT_CURVE)
        others = dict.fromkeys(("spectrum", "position", "image", "sources"))
        rebinned = parent.request.replace(light_curve=request.with_defaults(), **others)
        return self._accept(rebinned, owner, rebin_of=parent.id)

    def _accept(self, request: XRTRequest, owner: str, *, rebin_of: str | None = None) -> JobHandle:
        waits = {ProductKind.STANDARD_POSITION, ProductKind.ASTROMETRIC_POSITION} <= set(request.kinds)
        phases = {
            kind: Phase.SUSPENDED if waits and kind is ProductKind.ASTROMETRIC_POSITION else Phase.QUEUED
            for kind in request.kinds
        }
        with self._guard:  # `close` finds every job that was accepted
            if self._closed:
                raise ServiceUnavailableError("this local backend was closed and takes no more jobs; make a new one")
            job = self.store.add(request, owner, phases, rebin_of=rebin_of)
        for kind, phase in phases.items():
            if phase is Phase.QUEUED:
                self._scheduler.put(owner, job.id, kind)
        return _handle(self.store, job)

    def recall(self, job_id: str) -> JobHandle:
        """Find a job again.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        return self._job(str(job_id))[1]

    def poll(self, handle: JobHandle) -> JobReport:
        """State of a job.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        check_service(handle, self.service)
        return self.store.report(handle.id)

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        """Cancel products; work that is under way stops at its next step."""
        check_service(handle, self.service)
        owner, _ = self._job(handle.id)
        ended = []
        for kind in kinds:
            if self.store.move(handle.id, kind, OPEN_PHASES, Phase.ABORTED):
                self._scheduler.drop(owner, handle.id, kind)
                self._scheduler.release_waiting(owner, handle.id, kind)
            else:
                ended.append(kind)
        return self.poll(handle).not_cancelled(dict.fromkeys(ended, ALREADY_ENDED))

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        """Read a finished product.

        Raises
        ------
        ProductNotAvailableError
            If it was not made.
        """
        check_service(handle, self.service)
        self._require_end(handle, kind)
        folder = self.store.product_folder(handle.id, kind)
        if not folder.is_dir():
            raise ProductNotAvailableError(kind.title, "it was made, but is no longer kept; submit the request again")
        with TURNS.mine(_PATIENCE_S):
            return read_product(kind, folder)

    def download(self, handle: JobHandle, kind: ProductKind, path: Path, *, overwrite: bool) -> str:
        """Save the files of a product as an archive in the service's layout, of the kind that the ending says."""
        product = self.collect(handle, kind)
        root = f"USERPROD_{handle.id}/{kind.code}"
        package_product(kind, product, path, root=root, request=handle.request, overwrite=overwrite)
        return "fetched"

    def owner_of(self, job_id: str) -> str:
        """Owner of a job.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        return self._job(str(job_id))[0]

    def list_jobs(self, *, owner: str = "") -> list[JobSummary]:
        """The jobs of one owner, newest first, without rebinnings."""
        return self.store.summaries(owner)

    def count_active_jobs(self, *, owner: str = "") -> int:
        """How many jobs and rebinnings of one owner have not ended."""
        return self.store.count_open(owner)

    def expire(self, before: datetime) -> list[str]:
        """Remove the products of jobs submitted before a moment that have ended; the jobs stay in the list.

        Returns
        -------
        job_ids : list of str
            The jobs whose products were removed now.
        """
        return self.store.expire(before)

    def upper_limits(self, positions: SkyCoord, **settings: Any) -> QTable:
        """Measure upper limits at some positions, here and now; `settings` are those of `LimitSettings`.

        Raises
        ------
        RequestError
            If a setting cannot be used.
        NoDataError
            If there are no observations.
        FormatError
            If an event file is damaged.
        """
        return measure_upper_limits(self.archive, positions, LimitSettings(**settings), self.calibration)

    def warm_up(self) -> None:
        """Start the workers now, so that the first product need not wait for them."""
        self._scheduler.warm_up()

    def close(self) -> None:
        """Stop working; jobs that are open stay so in the state folder."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        if self._scratch is not None:  # Nobody can take these jobs up again: let the threads stop.
            for product in self.store.open_products():
                self.store.move(product.job_id, product.kind, OPEN_PHASES, Phase.ABORTED)
        self._scheduler.close()
        self.catalog.close()
        self._finalizer()

    def __enter__(self) -> LocalBackend:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _require_end(self, handle: JobHandle, kind: ProductKind) -> None:
        status = self.store.report(handle.id).products.get(kind)
        if status is None:
            raise ProductNotAvailableError(kind.title, "it was not asked for")
        if status.phase is not Phase.COMPLETED:
            raise ProductNotAvailableError(kind.title, status.text or f"its state is {status.phase}")

    def _resume(self) -> None:
        """Take up what an earlier process left open."""
        left = self.store.open_products()
        for job_id, kind, phase, owner in left:
            if phase is not Phase.SUSPENDED:
                self.store.move(job_id, kind, OPEN_PHASES, Phase.QUEUED)
                self._scheduler.put(owner, job_id, kind)
        for job_id, _, phase, owner in left:
            if phase is Phase.SUSPENDED:
                self._scheduler.release_waiting(owner, job_id, ProductKind.STANDARD_POSITION)


def _read_job(store: JobStore, job_id: str) -> tuple[str, JobHandle]:
    """Owner and handle of a job."""
    job = store.get(job_id)
    return job.owner, _handle(store, job)


def _handle(store: JobStore, job: StoredJob) -> JobHandle:
    parameters = job_parameters(job.request, "nobody")
    del parameters["UserID"]
    place = str(store.folder.absolute())
    return JobHandle(job.id, LocalBackend.name, job.request, None, job.submitted, job.rebin_of, parameters, place)


def _can_be_copied(catalog: ReferenceCatalog | None) -> bool:
    """Whether worker processes, which have nothing of the user's script, can have a catalogue."""
    if getattr(catalog, "__module__", None) == "__main__":
        return False
    try:
        _check_copy(catalog)
    except RequestError:
        return False
    return True


def _check_copy(catalog: ReferenceCatalog | None) -> None:
    """Refuse a catalogue that worker processes cannot have."""
    try:
        pickle.dumps(catalog)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        text = (
            f"cannot be copied to worker processes ({error}); give a table or a function at the top of a module, "
            "or processes=False"
        )
        raise RequestError([("reference_catalog", text)]) from error


def _open_store(folder: Path) -> JobStore:
    try:
        return JobStore(folder)
    except (OSError, JobError) as error:
        raise ServerStartError(f"jobs cannot be kept in {folder} ({error}); give another state folder") from error


def _hold(folder: Path) -> sqlite3.Connection:
    """Claim a state folder for this backend; the claim ends with the process."""
    connection = sqlite3.connect(folder / "lock.sqlite", timeout=0.2, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        raise ServerStartError(
            f"another process or backend is working in {folder} ({error}); give another state folder"
        ) from error
    return connection


def _release(lock: sqlite3.Connection, scratch: tempfile.TemporaryDirectory[str] | None, scheduler: Scheduler) -> None:
    if scratch is not None:
        scheduler.give_up()
    lock.close()
    if scratch is not None:
        scratch.cleanup()
