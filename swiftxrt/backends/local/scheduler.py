"""Handing queued products to workers, never more than there are workers."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from ..._log import log
from ..._threads import DaemonThreads
from ..._workers import WorkerPool
from ...engine.reference_catalog import ReferenceCatalog
from ...kinds import ProductKind
from ...products.report import Phase
from .queue import FairQueue, Task
from .store import OPEN_PHASES, JobStore
from .workers import in_turn, load_engine, prepare_process, run_product

__all__ = ["Scheduler"]

#: How often a product is taken up again after a worker process died.
_RESTARTS = 2
#: So long products wait for one thread before there are processes.
_PATIENCE_S = 3.0
# So long a product may take to its next step when the process ends.
_LAST_STEP_S = 2.0


class Scheduler:
    """Keeps workers busy with the products of a `FairQueue`.

    Parameters
    ----------
    store : JobStore
        Where the outcome of each product is recorded.
    archive : Path
        Folder with observations.
    processes : bool or None
        Whether the workers are processes; else they are threads. None means
        one thread, and processes as soon as products have waited for it for
        some seconds: the start of processes takes as long.
    workers : int
        How many products are built side by side.
    caldb : str, optional
        Folder with calibration files, or name of what comes with the package.
    reference_catalog : `~astropy.table.Table` or callable, optional
        For astrometric positions; worker processes get a copy.
    engine : str, optional
        What builds the products, one of `swiftxrt.backends.local.engines.ENGINES`.
    """

    def __init__(
        self,
        store: JobStore,
        archive: Path,
        *,
        processes: bool | None,
        workers: int,
        caldb: str = "",
        reference_catalog: ReferenceCatalog | None = None,
        engine: str = "swiftxrt",
    ) -> None:
        self._store = store
        self._archive = archive
        self._caldb = caldb
        self._reference_catalog = reference_catalog
        self._engine = engine
        self._processes = processes
        self._workers = workers
        self._queue = FairQueue()
        self._executor: Executor | None = None
        self._first_thread: DaemonThreads | None = None
        self._only_thread: Executor | None = None
        self._help: threading.Timer | None = None
        self._running = 0
        self._dispatcher: object | None = None
        self._closed = False
        self._guard = threading.Lock()

    def put(self, owner: str, job_id: str, kind: ProductKind, *, first: bool = False) -> None:
        """Queue a product of a job; with `first` before all others of its owner."""
        with self._guard:
            self._queue.put(owner, Task(job_id, kind), first=first)
            self._ask_for_help()
        self._dispatch()

    def drop(self, owner: str, job_id: str, kind: ProductKind) -> None:
        """Take a product out of the queue, if it is still there."""
        with self._guard:
            self._queue.drop(owner, job_id, kind)

    def release_waiting(self, owner: str, job_id: str, kind: ProductKind) -> None:
        """Queue what waited for a product that has ended: the astrometric position for the standard position."""
        if kind is not ProductKind.STANDARD_POSITION or not self._store.phase(job_id, kind).is_final:
            return
        waiting = ProductKind.ASTROMETRIC_POSITION
        if self._store.move(job_id, waiting, [Phase.SUSPENDED], Phase.QUEUED):
            self.put(owner, job_id, waiting, first=True)

    def warm_up(self) -> None:
        """Start the workers now, so that the first product need not wait for them."""
        with self._guard:
            if self._executor is None and not self._closed:
                self._executor = self._make_executor()
                for _ in range(self._workers):
                    self._executor.submit(load_engine)

    def close(self) -> None:
        """Take nothing more from the queue, and wait until the work under way has stopped at its next step."""
        for executor in self._stop():
            executor.shutdown(wait=True, cancel_futures=True)

    def give_up(self) -> None:
        """As `close`, but wait for threads a moment only: nobody wants what they make."""
        for executor in self._stop():
            executor.shutdown(wait=False, cancel_futures=True)
            if isinstance(executor, DaemonThreads):
                executor.join(_LAST_STEP_S)

    def _stop(self) -> list[Executor]:
        with self._guard:
            if self._closed:
                return []
            self._closed = True
            executors = [one for one in (self._first_thread, self._executor) if one is not None]
            self._first_thread = self._executor = None
            if self._help is not None:
                self._help.cancel()
        self._store.stop()
        return executors

    def _ask_for_help(self) -> None:
        """Have processes started if something still waits for the one thread after a while; under the guard."""
        if self._processes is None and self._help is None and self._running and not self._closed:
            self._help = threading.Timer(_PATIENCE_S, self._take_processes)
            self._help.daemon = True
            self._help.start()

    def _take_processes(self) -> None:
        """Give what still waits to processes; the thread makes nothing after what it has."""
        with self._guard:
            self._help = None
            if self._closed or not self._queue:
                return
            self._processes = True
            if isinstance(self._executor, DaemonThreads):
                self._first_thread, self._executor = self._executor, None
        _at_the_end(weakref.ref(self))
        self._dispatch()

    @property
    def _most(self) -> int:
        return 1 if self._processes is None else self._workers

    def _dispatch(self) -> None:
        """Give the idle workers something to do.

        The pool is called outside the guard, because a pool that breaks calls
        back while it holds locks of its own. One thread does it at a time: a
        product that ends meanwhile only leaves its place free.
        """
        mine = object()
        with self._guard:
            if self._dispatcher is not None:
                return
            self._dispatcher = mine
        try:
            while (turn := self._next()) is not None:
                self._hand_over(*turn)
        finally:  # after an error, somebody else must be able to go on
            with self._guard:
                if self._dispatcher is mine:
                    self._dispatcher = None

    def _next(self) -> tuple[Executor, str, Task] | None:
        """Who builds what next, for which owner; `None` ends the dispatching."""
        with self._guard:
            if not self._closed and self._running < self._most and self._queue:
                self._executor = self._executor or self._make_executor()
                turn = self._queue.take()
                if turn is not None:
                    self._running += 1
                    return self._executor, *turn
            self._dispatcher = None
            return None

    def _hand_over(self, executor: Executor, owner: str, task: Task) -> None:
        try:
            catalog = self._reference_catalog if task.kind is ProductKind.ASTROMETRIC_POSITION else None
            settings = (self._caldb, catalog, self._engine)
            # One thread takes turns with those who read products; several, as asked for, work side by side.
            run = partial(in_turn, run_product) if executor is self._only_thread else run_product
            future = executor.submit(run, self._store.folder, self._archive, task.job_id, task.kind, *settings)
        except BrokenProcessPool as error:  # a worker died while it had nothing to do
            self._settle(error, executor, owner, task)
        except RuntimeError:
            if not self._closed:  # else the pool was shut down just now, and the product stays queued in the store
                raise
        else:
            future.add_done_callback(lambda done: self._ended(done, executor, owner, task))

    def _make_executor(self) -> Executor:
        if self._processes:
            return WorkerPool(self._workers, prepare_process)
        pool = DaemonThreads(self._most)
        self._only_thread = pool if self._processes is None else None
        return pool

    def _ended(self, future: Future[None], executor: Executor, owner: str, task: Task) -> None:
        if not future.cancelled():
            self._settle(future.exception(), executor, owner, task)

    def _settle(self, error: BaseException | None, executor: Executor, owner: str, task: Task) -> None:
        """Free the place of a product, and record how its building ended if its worker could not."""
        with self._guard:
            self._running -= 1
            if isinstance(error, BrokenProcessPool) and self._executor is executor:
                self._executor = None
            if self._closed:
                return
        try:
            if not self._taken_up_again(error, owner, task):
                if error is not None:
                    self._record_failure(error, task)
                self.release_waiting(owner, task.job_id, task.kind)
        finally:
            self._dispatch()

    def _taken_up_again(self, error: BaseException | None, owner: str, task: Task) -> bool:
        """One worker that dies takes the whole pool along, and nobody says which product it was."""
        if not isinstance(error, BrokenProcessPool) or task.restarts >= _RESTARTS:
            return False
        if not self._store.move(task.job_id, task.kind, [Phase.QUEUED, Phase.EXECUTING], Phase.QUEUED):
            return False
        with self._guard:
            self._queue.put(owner, task._replace(restarts=task.restarts + 1), first=True)
        return True

    def _record_failure(self, error: BaseException, task: Task) -> None:
        log.error("job %s: building the %s failed", task.job_id, task.kind.title, exc_info=error)
        text = f"the engine failed: {type(error).__name__}: {error}"
        if isinstance(error, BrokenProcessPool):
            text = "its worker process died again and again, perhaps for want of memory; try fewer workers"
        self._store.move(task.job_id, task.kind, OPEN_PHASES, Phase.ERROR, text)


def _at_the_end(found: weakref.ref[Scheduler]) -> None:
    """Stop the work when the script ends, before Python waits for what worker processes are doing."""

    def give_up() -> None:
        scheduler = found()
        if scheduler is not None:
            scheduler.give_up()

    # Functions of `atexit` come too late. Without this one the product under way is waited for.
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(give_up)
