"""Many jobs that are looked after together."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Literal, overload

import astropy.units as u
from astropy.table import QTable

from .._atomic import usable_folder
from ..exceptions import JobError, JobTimeoutError, RequestError, SwiftXRTError
from ..products.productset import ProductSet
from ._work import Work
from .batchitem import BatchItem, item_table
from .outcome import ListReport, Outcome
from .progress import display
from .queue import JobQueue, make_queue
from .waiting import seconds_of

__all__ = ["JobList", "ListProgress"]

#: Called with each new report while a list is waited for.
ListProgress = Callable[[ListReport], None]


class JobList(Sequence[BatchItem]):
    """Many requests at work, a few at a time; made by ``SwiftXRT.submit_many``.

    A sequence of `BatchItem` in the order of the requests. Threads of its own
    submit the requests, look after the jobs and save their products, as long
    as the list exists and is not closed; it can also be used in a ``with``
    block. Whatever ends the process, ``submit_many`` with the same requests
    goes on where it was.

    ``await jobs`` waits for all, and ``async for item in jobs`` gives each
    item when it has ended, without keeping other tasks of the loop waiting.

    Parameters
    ----------
    queue : JobQueue
        What does the work.
    works : sequence of Work
        The requests; the same one may be there several times.
    progress : bool or callable
        As for ``SwiftXRT.submit_many``.
    """

    def __init__(self, queue: JobQueue, works: Sequence[Work], progress: ListProgress | bool) -> None:
        self._queue = queue
        self._works = works
        self._progress = progress
        self._finalizer = weakref.finalize(self, queue.stop)

    @overload
    def __getitem__(self, index: int) -> BatchItem: ...
    @overload
    def __getitem__(self, index: slice) -> list[BatchItem]: ...
    def __getitem__(self, index: int | slice) -> BatchItem | list[BatchItem]:
        # Made anew each time: a list that held its items would be held by them.
        if isinstance(index, slice):
            return [BatchItem(self, number) for number in range(len(self))[index]]
        try:
            return BatchItem(self, range(len(self))[index])
        except (IndexError, TypeError) as error:
            number = len(self)
            text = f"this list has {number} item{'s' * (number != 1)}, numbered from 0 on; got {index!r:.60}"
            raise type(error)(text) from None

    def __len__(self) -> int:
        return len(self._works)

    @property
    def folder(self) -> Path:
        """Where the products are, in a folder for each request."""
        return self._queue.batch.folder

    @property
    def report(self) -> ListReport:
        """How many requests are in which state."""
        return self._queue.report()

    def wait(self, *, timeout: u.Quantity | None = None) -> JobList:
        """Wait until every request has ended, one way or the other.

        Ctrl-C ends the waiting alone: the list goes on until it is closed.

        Parameters
        ----------
        timeout : `~astropy.units.Quantity`, optional
            Total time to wait; by default there is no limit.

        Returns
        -------
        jobs : JobList
            This list.

        Raises
        ------
        JobTimeoutError
            If the time is over; the jobs go on, and can be waited for again.
        NotRegisteredError
            If the service does not know the user.
        ServiceError
            If the service was out of reach for an hour, or was never reached.
        JobBookError, StorageError
            If the job book or the products cannot be written.
        JobError
            If the list was closed.
        """
        self._wait_for(lambda: self._queue.is_finished, timeout)
        return self

    def as_completed(self, *, timeout: u.Quantity | None = None) -> Iterator[BatchItem]:
        """Give each item when it has ended; those that ended earlier come first.

        Parameters
        ----------
        timeout : `~astropy.units.Quantity`, optional
            Total time for all; by default there is no limit.

        Returns
        -------
        items : iterator of BatchItem
            Also those that failed: ``item.outcome`` tells.

        Raises
        ------
        RequestError
            If `timeout` is not a time.
        JobTimeoutError, ServiceError, JobBookError, JobError
            As for `wait`.
        """
        return self._as_completed(_deadline(timeout), timeout)  # what is wrong with a timeout is said now

    def _as_completed(self, deadline: float, timeout: u.Quantity | None) -> Iterator[BatchItem]:
        given = 0
        with self._display() as show:
            while given < len(self._queue.works):
                self._wait_until(partial(self._have_ended, given + 1), deadline, timeout, show)
                for work in self._queue.ended[given:]:
                    given += 1
                    yield from self._items_of(work)

    @overload
    def gather(self, *, errors: Literal["raise"] = ..., timeout: u.Quantity | None = ...) -> list[ProductSet]: ...
    @overload
    def gather(
        self, *, errors: Literal["return"], timeout: u.Quantity | None = ...
    ) -> list[ProductSet | SwiftXRTError]: ...
    def gather(self, *, errors: str = "raise", timeout: u.Quantity | None = None) -> Any:
        """Wait for all and read their products.

        Parameters
        ----------
        errors : {"raise", "return"}, optional
            What to do about requests without any product: raise the error of
            the first one, when all have ended, or put the errors into the list.
        timeout : `~astropy.units.Quantity`, optional
            As for `wait`.

        Returns
        -------
        results : list of ProductSet
            In the order of the requests.

        Raises
        ------
        RequestError
            If `errors` is something else.
        SwiftXRTError
            The error of the first request without product, if they are to be
            raised; else as for `wait`.
        """
        if errors not in ("raise", "return"):
            raise RequestError([("errors", f"must be 'raise' or 'return'; got {errors!r}")])
        self.wait(timeout=timeout)
        failed = [item for item in self if not item.outcome.has_products]
        if failed and errors == "raise":
            error = failed[0].error or JobError(f"{failed[0]!r} has no products")
            error.add_note(
                f"number {failed[0].index} of the list, one of {len(failed)} without products; gather(errors='return') "
                "gives the others"
            )
            raise error
        return [item.result() if item.outcome.has_products else item.error for item in self]

    def cancel(self, *, timeout: u.Quantity | None = None) -> JobList:
        """Cancel what has not ended, and wait until that is done.

        Products that were made before are kept.

        Parameters
        ----------
        timeout : `~astropy.units.Quantity`, optional
            As for `wait`.

        Returns
        -------
        jobs : JobList
            This list.

        Raises
        ------
        JobTimeoutError, ServiceError, JobBookError, JobError
            As for `wait`.
        """
        self._queue.cancel(self._queue.works)
        return self.wait(timeout=timeout)

    def retry(self) -> JobList:
        """Submit those anew that failed or were cancelled.

        Returns
        -------
        jobs : JobList
            This list.

        Raises
        ------
        JobBookError
            If the job book cannot be written, or another process works on the list.
        """
        self.close()
        old = self._queue
        again = [work.row.number for work in old.works if work.outcome in (Outcome.FAILED, Outcome.CANCELLED)]
        old.batch.begin_anew(again)
        self._queue, self._works = make_queue(
            old.backend, old.batch, [(work.row.digest, work.request) for work in self._works], old.max_active
        )
        self._finalizer = weakref.finalize(self, self._queue.stop)
        if not self._queue.is_finished:
            usable_folder(self.folder)
            self._queue.start()
        return self

    def forget(self) -> None:
        """Close the list and remove it from the job book: the same requests then begin anew.

        Jobs stay in the book and at the service, and products on disk.

        Raises
        ------
        JobBookError
            If the job book cannot be written.
        """
        self.close()
        self._queue.batch.forget()

    def close(self) -> None:
        """Submit nothing more and stop looking; jobs that run go on at the service.

        A step that is under way, such as a download, is finished first.
        """
        self._queue.stop()
        self._queue.join()

    @property
    def table(self) -> QTable:
        """The list as a table, a row for each request.

        Columns: ``index`` in the list, ``name`` of the target, ``outcome``,
        ``products`` (number of those on disk, and of those asked for),
        ``phase``, ``job_id``, ``elapsed`` (time from submission to end, or
        until now), ``folder`` and ``error``.
        """
        with self._queue.changed:
            return item_table(self[:])

    def _have_ended(self, number: int) -> bool:
        return len(self._queue.ended) >= number

    def _wait_for(self, is_true: Callable[[], bool], timeout: u.Quantity | None) -> None:
        """Wait for something, showing the progress."""
        deadline = _deadline(timeout)
        with self._queue.changed:
            if is_true():
                return
        with self._display() as show:
            self._wait_until(is_true, deadline, timeout, show)

    def _wait_until(
        self, is_true: Callable[[], bool], deadline: float, timeout: u.Quantity | None, show: ListProgress
    ) -> None:
        queue, shown = self._queue, None
        while True:
            if (report := self.report) != shown:
                show(report)
                shown = report
            with queue.changed:
                if is_true():
                    return
                if not queue.is_running:
                    raise self._why_stopped()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise JobTimeoutError(
                        f"there is more to come after {timeout} ({self.report}); it goes on: wait again, or call "
                        "submit_many with the same requests in another session"
                    )
                if self.report == shown:
                    queue.changed.wait(min(left, threading.TIMEOUT_MAX))

    def _display(self) -> AbstractContextManager[ListProgress]:
        return display(self._queue.batch.title, self._progress, in_words=True)

    def _why_stopped(self) -> BaseException:
        return self._queue.error or JobError(
            "this list of jobs was closed before everything had ended; call submit_many with the same requests to go on"
        )

    def _items_of(self, work: Work) -> list[BatchItem]:
        return [item for item in self if item._work is work]

    def __await__(self) -> Generator[Any, None, JobList]:
        return self._await_all().__await__()

    async def _await_all(self) -> JobList:
        async for _ in self:
            pass
        return self

    async def __aiter__(self) -> AsyncIterator[BatchItem]:
        queue, given = self._queue, 0
        changed, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._display() as show, queue.changed.listening(_waker(loop, changed)):
            while True:
                changed.clear()
                with queue.changed:
                    ended, is_running = queue.ended[given:], queue.is_running
                show(self.report)
                given += len(ended)
                for item in (item for work in ended for item in self._items_of(work)):
                    yield item
                if given == len(queue.works):
                    return
                if not is_running:
                    raise self._why_stopped()
                await changed.wait()

    def __enter__(self) -> JobList:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        jobs = len(self._queue.works)
        return f"<JobList {self.report}{f'; {len(self)} items' if len(self) != jobs else ''}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a JobList cannot be pickled, as threads work on it; call submit_many with the same requests where it is wanted"
        )


def _waker(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    return wake


def _deadline(timeout: u.Quantity | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + seconds_of(timeout, "timeout")
