"""Worker threads that end with the interpreter."""

from __future__ import annotations

import queue
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

__all__ = ["DaemonThreads", "Turns", "side_by_side"]

_Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class DaemonThreads(Executor):
    """Like `concurrent.futures.ThreadPoolExecutor`, but a script that ends does not wait for it.

    The standard pool works off its whole queue before the interpreter may
    exit; products that nobody will ask for are not worth that wait.

    Parameters
    ----------
    workers : int
        Number of threads.
    """

    def __init__(self, workers: int) -> None:
        tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._tasks = tasks
        self._threads = [
            threading.Thread(target=_work, args=(tasks,), name=f"swiftxrt-worker-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()
        self._finalizer = weakref.finalize(self, _stop, tasks, workers)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call; keyword arguments are not taken."""
        if kwargs:
            raise TypeError(f"{type(self).__name__}.submit takes positional arguments only")
        future: Future[Any] = Future()
        self._tasks.put((future, fn, args))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the threads, after what is queued or, with `cancel_futures`, after what they are doing."""
        while cancel_futures:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is not None:
                task[0].cancel()
        self._finalizer()
        if wait:
            for thread in self._threads:
                thread.join()

    def join(self, timeout_s: float) -> None:
        """Wait for the threads to end, but no longer than so many seconds in all."""
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread is not threading.current_thread():  # which may collect the garbage
                thread.join(max(0.0, end - time.monotonic()))


class Turns:
    """Lets one thread at a time go on; who waits goes before who offers.

    For work in which blocks of ``warnings.catch_warnings`` must not overlap:
    they change what is the same for all threads, and put back what they found.
    """

    def __init__(self) -> None:
        self._waiting, self._turn = threading.Lock(), threading.Lock()
        self._own = threading.local()

    @contextmanager
    def mine(self, patience_s: float | None = None) -> Iterator[None]:
        """Go on when it is this thread's turn, or its patience has ended."""
        if getattr(self._own, "is_inside", False):
            yield
            return
        has_turn = self._take(patience_s)
        self._own.is_inside, self._own.has_turn = True, has_turn
        try:
            yield
        finally:
            self._own.is_inside = self._own.has_turn = False
            if has_turn:
                self._turn.release()

    def offer(self) -> None:
        """Let those go first who wait."""
        if getattr(self._own, "has_turn", False):
            self._turn.release()
            self._take(None)

    def _take(self, patience_s: float | None) -> bool:
        with self._waiting:
            return self._turn.acquire(timeout=-1 if patience_s is None else patience_s)


@contextmanager
def side_by_side(workers: int, *, patience_s: float = 0.0) -> Iterator[DaemonThreads]:
    """Threads for the calls of a block, which waits for their results; after an error nobody waits long for them.

    The filters of warnings are the same for all threads, and blocks of
    ``warnings.catch_warnings`` that overlap leave them behind as they should
    not be: they are put right at the end.

    Parameters
    ----------
    workers : int
        Number of threads.
    patience_s : float, optional
        How long to wait at the end for those that do not end at once.
    """
    pool = DaemonThreads(workers)
    with warnings.catch_warnings():
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            pool.join(patience_s)


def _stop(tasks: queue.SimpleQueue[_Task | None], workers: int) -> None:
    for _ in range(workers):
        tasks.put(None)


def _work(tasks: queue.SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        future, fn, args = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            result = fn(*args)
        except BaseException as error:  # noqa: BLE001 - as in the standard pool, whoever asks gets it
            future.set_exception(error)
        else:
            future.set_result(result)
        del task, future
