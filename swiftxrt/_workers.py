"""Worker processes: how they start, and when they end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from types import ModuleType
from typing import Any

__all__ = ["WorkerPool", "end_with_parent"]

_THREAD_SETTINGS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
_STARTING = threading.Lock()


class WorkerPool(ProcessPoolExecutor):
    """Worker processes that never hear Ctrl-C, not even while they load their modules.

    A terminal sends it to all processes: the main process takes it and ends
    its workers in order. They do not run the user's script again, so that it
    needs no ``if __name__ == "__main__"``; functions of it cannot be called
    in them.

    Parameters
    ----------
    number : int
        Processes at most.
    initializer : callable
        What each process does first; it calls `end_with_parent`.
    initargs : tuple, optional
        What is given to `initializer`.
    """

    def __init__(self, number: int, initializer: Callable[..., object], initargs: tuple[Any, ...] = ()) -> None:
        super().__init__(number, get_context("spawn"), initializer, initargs)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule a call; this is when processes are started."""
        with _STARTING, _one_thread_each(), _without_the_script(), _interrupts_later():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let new processes do linear algebra in one thread: several in each would wait for each other."""
    ours = [name for name in _THREAD_SETTINGS if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


@contextmanager
def _without_the_script() -> Iterator[None]:
    """Keep new processes from running the user's script again, of which they need nothing."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold Ctrl-C back in this thread; processes that it starts do so for good."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Make a worker process end when the main process does, and not before.

    A main process that was killed cannot end its workers: they would stay for
    ever, and work on products that its successor takes up again.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_parent, name="swiftxrt-parent", daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
