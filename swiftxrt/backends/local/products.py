"""Products built by the engine on this machine."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..._log import log
from ...exceptions import JobError, ProductNotAvailableError, RequestError, ServerStartError, ServiceUnavailableError
from ...io.manifest import read_product
from ...io.packages import package_product
from ...jobs.protocol import JobHandle
from ...kinds import ProductKind
from ...products.report import JobReport, Phase
from ...request.bundle import XRTRequest
from .archive import Archive
from .store import JobStore, StoredJob
from .threads import DaemonThreads
from .workers import load_engine, prepare_process, run_product

__all__ = ["LocalBackend"]

_OPEN = (Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED, Phase.EXECUTING)
#: How often a product is taken up again after a worker process died.
_RESTARTS = 2


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
        Whether to build in worker processes. The default, threads, needs no
        ``if __name__ == "__main__"`` in the caller's script.
    workers : int, optional
        How many products are built side by side; one per processor core by
        default.

    Raises
    ------
    RequestError
        If `archive` is no folder, or `workers` is negative.
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
        processes: bool = False,
        workers: int | None = None,
    ) -> None:
        self.archive = Archive(Path(archive).expanduser())
        if workers is not None and workers < 0:
            raise RequestError([("workers", f"must be positive, or None for one per processor core; got {workers}")])
        self._scratch = None if state is not None else tempfile.TemporaryDirectory(prefix="swiftxrt-")
        folder = Path(state).expanduser() if state is not None else Path(self._scratch.name)  # type: ignore[union-attr]
        self.store = _open_store(folder)
        self._lock = _hold(folder)
        self._processes = processes
        self._workers = workers or os.cpu_count() or 1
        self._executor: Executor | None = None
        self._guard = threading.Lock()
        self._closed = False
        self.store.stop(requested=False)
        self._finalizer = weakref.finalize(self, _release, self._lock, self._scratch)
        self._resume()

    def submit(self, request: XRTRequest, *, owner: str = "") -> JobHandle:
        """Accept a request; everything open in its target is resolved first.

        Raises
        ------
        NoDataError
            If no observation matches the target.
        ServiceUnavailableError
            If the backend was closed.
        """
        resolved = request.replace(target=self.archive.resolve(request.target))
        waits = {ProductKind.STANDARD_POSITION, ProductKind.ASTROMETRIC_POSITION} <= set(resolved.kinds)
        phases = {
            kind: Phase.SUSPENDED if waits and kind is ProductKind.ASTROMETRIC_POSITION else Phase.QUEUED
            for kind in resolved.kinds
        }
        with self._guard:  # `close` finds every job that was accepted
            if self._closed:
                raise ServiceUnavailableError("this local backend was closed and takes no more jobs; make a new one")
            job = self.store.add(resolved, owner, phases)
        for kind, phase in phases.items():
            if phase is Phase.QUEUED:
                self._start(job.id, kind)
        return _handle(job)

    def recall(self, job_id: str) -> JobHandle:
        """Find a job again.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        return _handle(self.store.get(job_id))

    def poll(self, handle: JobHandle) -> JobReport:
        """State of a job.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        return self.store.report(handle.id)

    def cancel(self, handle: JobHandle, kinds: Iterable[ProductKind]) -> JobReport:
        """Cancel products; work that is under way stops at its next step."""
        for kind in kinds:
            if self.store.move(handle.id, kind, _OPEN, Phase.ABORTED):
                self._release_waiting(handle.id, kind)
        return self.poll(handle)

    def collect(self, handle: JobHandle, kind: ProductKind) -> Any:
        """Read a finished product.

        Raises
        ------
        ProductNotAvailableError
            If it was not made.
        """
        self._require(handle, kind)
        return read_product(kind, self.store.product_folder(handle.id, kind))

    def download(
        self, handle: JobHandle, kind: ProductKind, folder: Path, *, archive_format: str, overwrite: bool
    ) -> Path:
        """Save the files of a product as an archive in the service's layout."""
        product = self.collect(handle, kind)
        return package_product(
            kind,
            product,
            folder / f"{kind.code}.{archive_format}",
            root=f"USERPROD_{handle.id}/{kind.code}",
            request=handle.request,
            overwrite=overwrite,
        )

    def owner_of(self, job_id: str) -> str:
        """Owner of a job.

        Raises
        ------
        JobLostError
            If there is no such job.
        """
        return self.store.get(job_id).owner

    def warm_up(self) -> None:
        """Start the workers now, so that the first product need not wait for them."""
        with self._guard:
            if self._executor is None and not self._closed:
                self._executor = self._make_executor()
                for _ in range(self._workers):
                    self._executor.submit(load_engine)

    def handles(self, owner: str = "") -> list[JobHandle]:
        """Jobs of one owner, newest first."""
        return [_handle(job) for job in self.store.jobs(owner)]

    def close(self) -> None:
        """Stop working; jobs that are open stay so in the state folder."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            executor, self._executor = self._executor, None
        if self._scratch is not None:  # Nobody can take these jobs up again: let the threads stop.
            for job_id, kind, _ in self.store.open_products():
                self.store.move(job_id, kind, _OPEN, Phase.ABORTED)
        if executor is not None:
            self.store.stop()
            executor.shutdown(wait=True, cancel_futures=True)
        self._finalizer()

    def __enter__(self) -> LocalBackend:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _require(self, handle: JobHandle, kind: ProductKind) -> None:
        status = self.store.report(handle.id).products.get(kind)
        if status is None:
            raise ProductNotAvailableError(kind.title, "it was not asked for")
        if status.phase is not Phase.COMPLETED:
            raise ProductNotAvailableError(kind.title, status.text or f"its state is {status.phase}")

    def _resume(self) -> None:
        """Take up what an earlier process left open."""
        for job_id, kind, phase in self.store.open_products():
            if phase is Phase.SUSPENDED:
                continue
            self.store.move(job_id, kind, _OPEN, Phase.QUEUED)
            self._start(job_id, kind)
        for job_id, _, phase in self.store.open_products():
            if phase is Phase.SUSPENDED:
                self._release_waiting(job_id, ProductKind.STANDARD_POSITION)

    def _start(self, job_id: str, kind: ProductKind, *, restarts: int = 0) -> None:
        task = (run_product, self.store.folder, self.archive.folder, job_id, kind)
        with self._guard:
            if self._closed:
                return
            try:
                executor = self._executor = self._executor or self._make_executor()
                future = executor.submit(*task)
            except BrokenProcessPool:  # a worker died while it had nothing to do
                executor = self._executor = self._make_executor()
                future = executor.submit(*task)
        future.add_done_callback(lambda done: self._ended(done, executor, job_id, kind, restarts))

    def _make_executor(self) -> Executor:
        if self._processes:
            return ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"), initializer=prepare_process)
        return DaemonThreads(self._workers)

    def _ended(
        self, future: Future[None], executor: Executor, job_id: str, kind: ProductKind, restarts: int = 0
    ) -> None:
        if self._closed or future.cancelled():
            return
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            with self._guard:
                if self._executor is executor:
                    self._executor = None
            # One worker that dies takes the whole pool along, and nobody says which product it was.
            taken_up = (Phase.QUEUED, Phase.EXECUTING)
            if restarts < _RESTARTS and self.store.move(job_id, kind, taken_up, Phase.QUEUED):
                self._start(job_id, kind, restarts=restarts + 1)
                return
        if error is not None:
            log.error("job %s: building the %s failed", job_id, kind.title, exc_info=error)
            text = f"the engine failed: {type(error).__name__}: {error}"
            if isinstance(error, BrokenProcessPool):
                text = "its worker process died again and again, perhaps for want of memory; try fewer workers"
            self.store.move(job_id, kind, _OPEN, Phase.ERROR, text)
        self._release_waiting(job_id, kind)

    def _release_waiting(self, job_id: str, kind: ProductKind) -> None:
        """The astrometric position waits until the standard position has ended."""
        if kind is not ProductKind.STANDARD_POSITION or not self.store.phase(job_id, kind).is_final:
            return
        waiting = ProductKind.ASTROMETRIC_POSITION
        if self.store.move(job_id, waiting, [Phase.SUSPENDED], Phase.QUEUED):
            self._start(job_id, waiting)


def _handle(job: StoredJob) -> JobHandle:
    return JobHandle(job.id, LocalBackend.name, job.request, None, job.submitted)


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


def _release(lock: sqlite3.Connection, scratch: tempfile.TemporaryDirectory[str] | None) -> None:
    lock.close()
    if scratch is not None:
        scratch.cleanup()
