"""Working on a list of requests: a few jobs at a time, one thread that looks after all."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

from .._log import log
from .._threads import DaemonThreads
from ..config import conf
from ..exceptions import (
    JobError,
    JobLostError,
    NoDataError,
    NotRegisteredError,
    RequestError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
    SwiftXRTError,
)
from ..products.report import JobReport
from ..request.bundle import XRTRequest
from ._changes import Changes
from ._outage import Outage
from ._work import PATIENCE, Work
from .batches import Batch, BatchLock
from .book import JobBook
from .entries import OPEN_STATES, EntryState
from .job import Job
from .outcome import ListReport, Outcome
from .protocol import ProductBackend
from .submission import submit

__all__ = ["JobQueue", "make_queue"]

#: Pauses between looks at a job get longer, each by a tenth, up to this.
_LONGEST_PAUSE_S = 300.0
# How a service may say that a user has too many jobs.
_TOO_MANY = re.compile(r"\b(jobs?|queued?|limit|too many)\b", re.IGNORECASE)

_now = time.monotonic


class JobQueue:
    """Submits the requests of a list, looks after the jobs and saves their products.

    Everything happens in threads of its own. What is done is in the job book
    before anything else is begun, so that the process may end at any moment.

    Parameters
    ----------
    backend : ProductBackend
        Where the requests are run.
    batch : Batch
        The list in the job book.
    works : sequence of Work
        Its requests.
    max_active : int
        How many jobs the user may have at a time.
    """

    def __init__(self, backend: ProductBackend, batch: Batch, works: Sequence[Work], max_active: int) -> None:
        self.backend = backend
        self.batch = batch
        self.works = works
        self.max_active = max_active
        #: Held while anything in here is read or changed; notified of every change.
        self.changed = Changes()
        #: What has ended, in that order.
        self.ended = [work for work in works if work.outcome.is_final]
        self.error: BaseException | None = None
        self.is_running = False
        self._outage = Outage()
        self._not_before = 0.0
        self._is_stopping = False
        self._driver: DaemonThreads | None = None
        self._owner = self._book.mark_of(backend.sender)

    @property
    def _book(self) -> JobBook:
        return self.batch.book

    @property
    def is_finished(self) -> bool:
        """Whether every request has ended."""
        return len(self.ended) == len(self.works)

    def report(self) -> ListReport:
        """How the list is doing."""
        with self.changed:
            counts = Counter(work.outcome for work in self.works)
            fraction = sum(work.fraction for work in self.works) / max(len(self.works), 1)
            return ListReport(self.batch.title, counts, fraction, self._outage.trouble)

    def start(self) -> None:
        """Begin, or go on.

        Raises
        ------
        JobBookError
            If another process works on the list.
        """
        self.join()
        lock = BatchLock(self.batch)
        with self.changed:
            self.is_running, self._is_stopping, self.error = True, False, None
        self._driver = DaemonThreads(1)
        self._driver.submit(self._run).add_done_callback(lambda done: self._over(done, lock))
        self._driver.shutdown(wait=False)  # when it has done that

    def stop(self) -> None:
        """Begin nothing more; what is under way ends by itself."""
        with self.changed:
            self._is_stopping = True
            self.changed.tell()

    def join(self) -> None:
        """Wait until the threads have ended, after `stop` or when everything is done."""
        if self._driver is not None:
            self._driver.shutdown(wait=True)
            self._driver = None

    def cancel(self, works: Sequence[Work]) -> None:
        """Ask for cancellation; it is done by the threads, also after a new start."""
        with self.changed:  # all at once, so that no place gets free for one of them
            concerned = [work for work in works if not work.outcome.is_final and not work.cancelling]
            for work in concerned:
                work.cancelling, work.due = True, 0.0
        for work in concerned:
            self.batch.update(work.row.number, {"cancelling": 1})
        with self.changed:
            self.changed.tell()

    # What follows runs in the threads.

    def _run(self) -> None:
        with DaemonThreads(max(1, int(conf.max_connections))) as pool:
            self._find_again()
            while not self._is_stopping and not self.is_finished:
                self._drop_cancelled()
                self._fill()
                for work in self._take_due():
                    pool.submit(self._attend, work).add_done_callback(partial(self._attended, work))
                self._pause()

    def _over(self, done: Future[None], lock: BatchLock) -> None:
        lock.release()
        with self.changed:
            self.error = self.error or done.exception()
            self.is_running = False
            self.changed.tell()

    def _find_again(self) -> None:
        """Mark requests that were submitted earlier: their jobs come before new ones."""
        for work in self.works:
            if not work.outcome.is_final:
                states = (*OPEN_STATES, EntryState.ACCEPTED)
                work.known = bool(self._book.find(ticket=self._ticket(work), state=states))

    def _ticket(self, work: Work) -> str:
        return self.batch.ticket(work.row, self.backend.service)

    def _drop_cancelled(self) -> None:
        for work in self.works:
            if work.cancelling and work.outcome is Outcome.WAITING and not work.known:
                self._end(
                    work,
                    Outcome.CANCELLED,
                    JobError("it was cancelled before it was submitted; jobs.retry() submits it"),
                )

    def _fill(self) -> None:
        """Submit what there is room for; what may have been submitted already needs none."""
        if _now() < self._not_before:
            return
        waiting = [work for work in self.works if work.outcome is Outcome.WAITING]
        known = [work for work in waiting if work.known]
        new = [work for work in waiting if not work.known and not work.cancelling]
        for works, room in ((known, len(known)), (new, None)):
            for work in works[: self._room() if room is None and works else room]:
                if self._is_stopping or not self._submit(work):
                    return

    def _room(self) -> int:
        """How many jobs may be added, counting those of other sessions and of the service's web page."""
        mine = sum(work.active for work in self.works)
        if mine >= self.max_active:
            return 0
        try:
            active = max(mine, self.backend.count_active_jobs())
        except NotRegisteredError:
            raise
        except ServiceError as error:
            self._put_off(error)
            return 0
        self._reached()
        if active >= self.max_active:
            self._not_before = _now() + self._interval
        return max(self.max_active - active, 0)

    def _submit(self, work: Work) -> bool:
        """Submit one request; False if it is better to wait before the next one."""
        self._check_user()
        try:
            job = submit(self.backend, self._book, work.request, ticket=self._ticket(work))
        except RequestRejectedError as error:
            if self._is_full(work, error):
                log.info("the service takes no more jobs now: %s", error)
                self._not_before = _now() + self._interval
                return False
            self._end(work, Outcome.FAILED, error)
        except (RequestError, NoDataError) as error:
            self._end(work, Outcome.FAILED, error)
        except NotRegisteredError:
            raise
        except ServiceError as error:
            work.known = True  # if there is a job, it is found before anything is sent
            work.failures += 1
            if isinstance(error, ServiceUnavailableError) or work.failures <= PATIENCE:
                self._put_off(error)
                return False
            self._end(work, Outcome.FAILED, error)
        else:
            self._reached()
            self._begin(work, job)
        return True

    def _begin(self, work: Work, job: Job) -> None:
        """Look after a job, unless its products are there already."""
        now = _now()
        found = work.adopt(job) if work.known else None
        with self.changed:
            work.begin(job, due=now if work.known else now + self._interval, pause=self._interval)
            self.changed.tell()
        if found is not None:
            self._end(work, found)

    def _is_full(self, work: Work, error: RequestRejectedError) -> bool:
        """Whether a refusal means that the user has too many jobs."""
        if error.problems or not _TOO_MANY.search(error.message):
            return False
        try:
            if self.backend.count_active_jobs() > 0:
                return True
        except ServiceUnavailableError:
            return True
        work.failures += 1  # others may have ended since then
        return work.failures <= PATIENCE

    @property
    def _interval(self) -> float:
        return self.backend.min_poll_interval_s

    def _take_due(self) -> list[Work]:
        """Jobs that must be looked at, those first that have waited longest."""
        now = _now()
        with self.changed:
            running = (work for work in self.works if work.outcome is Outcome.RUNNING and not work.busy)
            due = sorted((work for work in running if work.due <= now), key=lambda work: work.due)
            for work in due:
                work.busy = True
            return due

    def _pause(self) -> None:
        """Wait until something is due or has changed."""
        with self.changed:
            idle = [work for work in self.works if not work.busy]
            times = [work.due for work in idle if work.outcome is Outcome.RUNNING]
            places = sum(work.active for work in self.works) < self.max_active
            if places and any(work.outcome is Outcome.WAITING for work in idle):
                times.append(self._not_before)
            left = max(min(times) - _now(), 0.0) if times else None
            self.changed.wait_for_news(lambda: self._is_stopping or self.is_finished, left)

    def _attend(self, work: Work) -> None:
        """Look at a job, and fetch its products when it has ended."""
        job = work.job
        if self._is_stopping or job is None:
            return
        self._check_user()
        try:
            report = self._look(work, job)
            if report is None or not report.is_final:
                self._look_again(work)
            else:
                self._free(work)
                self._fetch(work, job, report)
        except ServiceUnavailableError as error:
            self._put_off(error, work)
        except JobLostError as error:
            self._end(work, Outcome.FAILED, error)
        except NotRegisteredError:
            raise
        except ServiceError as error:
            work.failures += 1
            if work.failures > PATIENCE:
                self._end(work, Outcome.FAILED, error)
            else:
                self._put_off(error, work)

    def _check_user(self) -> None:
        """Do nothing in the name of somebody else; jobs that are not theirs would look lost, too."""
        if self._book.mark_of(self.backend.sender) != self._owner:
            raise RequestError(
                [
                    (
                        "user",
                        "is another user than the one who began this list of requests; nothing is lost: set it back "
                        "and call submit_many with the same requests to go on",
                    )
                ],
                "list of requests",
            )

    def _look(self, work: Work, job: Job) -> JobReport | None:
        if job.report is not None and job.report.is_final:
            return job.report
        if work.cancelling and not work.cancel_sent:
            report: JobReport | None = job.cancel()
            work.cancel_sent = True
        else:
            report = work.look()
        if report is not None:
            self._reached()
        return report

    def _fetch(self, work: Work, job: Job, report: JobReport) -> None:
        """Fetch what is not there yet; save it when all is."""
        for kind in job.kinds:
            if self._is_stopping:
                return
            if kind not in work.products and kind not in work.missing:
                work.fetch(self.backend, kind, report)
        if len(work.products) + len(work.missing) < len(job.kinds):
            self._look_again(work)
            return
        self._end(work, *work.save(job))

    def _attended(self, work: Work, done: Future[None]) -> None:
        with self.changed:
            work.busy = False
            if done.exception() is not None:
                self.error = self.error or done.exception()
                self._is_stopping = True
            self.changed.tell()

    def _free(self, work: Work) -> None:
        """Give the place of a job to the next one."""
        with self.changed:
            if work.active:
                work.active, self._not_before = False, 0.0
                self.changed.tell()

    def _look_again(self, work: Work) -> None:
        with self.changed:
            work.due = _now() + work.pause
            work.pause = min(work.pause * 1.1, max(_LONGEST_PAUSE_S, self._interval))

    def _put_off(self, error: ServiceError, work: Work | None = None) -> None:
        """Wait, as the service has trouble; raise the error if that has lasted too long."""
        with self.changed:
            until = _now() + self._outage.pause_after(error)
            self._not_before = max(self._not_before, until)
            if work is not None:
                work.due = max(until, _now() + work.pause)

    def _reached(self) -> None:
        with self.changed:
            self._outage.over()

    def _end(self, work: Work, outcome: Outcome, error: SwiftXRTError | None = None) -> None:
        work.end(outcome, error)
        with self.changed:
            self._not_before = 0.0 if outcome is not Outcome.CANCELLED else self._not_before
            self.ended.append(work)
            self.changed.tell()
        log.info("%s: %s%s", work.request.target.name, outcome, f": {error}" if error else "")


def make_queue(
    backend: ProductBackend, batch: Batch, requests: Sequence[tuple[str, XRTRequest]], max_active: int
) -> tuple[JobQueue, list[Work]]:
    """The queue for requests with their digests, and the work that belongs to each: the same for equal requests."""
    rows = batch.rows()
    works = {digest: Work(batch, rows[digest], request) for digest, request in requests}
    return JobQueue(backend, batch, list(works.values()), max_active), [works[digest] for digest, _ in requests]
