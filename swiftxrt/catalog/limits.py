"""Upper limits from a service, at one position or very many."""

from __future__ import annotations

import heapq
import queue
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, NamedTuple

from .. import _stopping
from .._log import log
from .._threads import DaemonThreads, side_by_side
from ..config import conf
from ..exceptions import (
    OfflineError,
    ProtocolError,
    RequestRejectedError,
    ServiceError,
    ServiceUnavailableError,
    SwiftXRTError,
    UnknownObjectError,
)
from ..wire.sxps_limits import FUNCTION, LimitReply, LimitRequest, is_nothing_there, read_limit_reply
from .limit_journal import Known, LimitJournal
from .protocol import CatalogBackend

__all__ = ["JOB_LIFE_S", "Answer", "ask_limits", "with_positions"]

#: The service ends calculations after some 20 minutes; what takes longer never comes.
JOB_LIFE_S = 1200.0

# Between two looks at a calculation; the pauses get longer.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 15.0, 120.0
# When so many questions failed one after the other, no more are asked.
_MOST_FAILURES = 20
_NOTHING: dict[str, Any] = {"Columns": [], "ULData": []}

_now: Callable[[], float] = time.time
_clock: Callable[[], float] = time.monotonic
_sleep: Callable[[float], None] = _stopping.sleep


class Answer(NamedTuple):
    """What came of a question.

    Parameters
    ----------
    reply : LimitReply or None
        The reply. One with a `~swiftxrt.wire.sxps_limits.LimitReply.job` says
        that the service was not ready in time.
    error : SwiftXRTError or None
        Why there is none.
    since : float
        When the reply was given, as seconds since 1970.
    """

    reply: LimitReply | None = None
    error: SwiftXRTError | None = None
    since: float = 0.0


def ask_limits(
    backend: CatalogBackend, questions: Sequence[LimitRequest], *, patience_s: float, refresh: bool = False
) -> list[Answer]:
    """Ask a service for upper limits, as many at a time as ``conf.max_connections`` allows.

    What the service said before is not asked again, and what it says is kept
    before it is read.

    Parameters
    ----------
    backend : CatalogBackend
        The service.
    questions : sequence of LimitRequest
        One for each position.
    patience_s : float
        How long to wait for calculations that took the service too long.
    refresh : bool, optional
        Whether to ask all anew.

    Returns
    -------
    answers : list of Answer
        One for each question, in their order; a failure of one takes nothing
        from the others.

    Warns
    -----
    ServiceWarning
        If nothing can be kept.
    """
    with LimitJournal.opened() as journal:
        asking = _Asking(backend, journal, patience_s)
        return _Crowd(asking, questions, refresh=refresh).answers()


class _Asking:
    """Asks one question at a time, in any thread.

    Parameters
    ----------
    backend : CatalogBackend
        The service.
    journal : LimitJournal
        What it said.
    patience_s : float
        How long to wait for a calculation.
    """

    def __init__(self, backend: CatalogBackend, journal: LimitJournal, patience_s: float) -> None:
        self._backend = backend
        self._journal = journal
        self.patience_s = patience_s

    def known(self, question: LimitRequest) -> Answer | None:
        """What was said before, if it was the last word."""
        key = self._key(question)
        found = self._journal.find(key)
        if found is None:
            return None
        try:
            reply = read_limit_reply(found.content, question.time_format)
        except ProtocolError as error:  # an earlier version of this program understood it
            log.info("a kept answer cannot be read, and is asked for again: %s", error)
            self._journal.forget(key)
            return None
        return None if reply.job else Answer(reply, since=found.since)

    def ask(self, question: LimitRequest, *, is_first: bool, refresh: bool) -> Answer:
        """Ask a question, or for the result of a calculation that was begun for it.

        Parameters
        ----------
        question : LimitRequest
            The question.
        is_first : bool
            Whether it is the first time in this session: what was begun in an
            earlier one may have been ended by the service.
        refresh : bool
            Whether to begin anew the first time.
        """
        key = self._key(question)
        begun = None if is_first and refresh else self._journal.find(key)
        if begun is not None and "TIMEOUT" not in begun.content:  # another process has asked meanwhile
            return Answer(read_limit_reply(begun.content, question.time_format), since=begun.since)
        if begun is not None:
            answer = self._result_of(question, begun, key)
            if answer is not None and not (is_first and _is_over(answer)):
                return answer
            self._journal.forget(key)
        return self._said(question, question, key)

    def _result_of(self, question: LimitRequest, begun: Known, key: str) -> Answer | None:
        """The result of a calculation; None if the service does not have it, or no longer."""
        job = str(begun.content["TIMEOUT"])
        try:
            answer = self._said(question, LimitRequest(job=job), key)
        except (UnknownObjectError, RequestRejectedError) as error:
            log.info("calculation %s is lost, and begun anew: %s", job, error)
            return None
        # It counts from when it was begun.
        return answer._replace(since=begun.since) if answer.reply is not None and answer.reply.job else answer

    def _said(self, question: LimitRequest, sent: LimitRequest, key: str) -> Answer:
        """Send something, and keep the reply before it is read."""
        path = self._journal.path(key)
        try:
            content = self._backend.ask(FUNCTION, sent.encode(), keep=path)
            reply = read_limit_reply(content, question.time_format)
        except ProtocolError as error:
            kept = self._journal.set_aside(key)
            if kept is not None:
                log.warning("a reply that cannot be read is kept as %s: %s", kept, error)
            raise
        except (UnknownObjectError, RequestRejectedError) as error:
            path.unlink(missing_ok=True)
            if sent.job is not None or not is_nothing_there(str(error)):
                raise
            content, reply = _NOTHING, LimitReply()
        self._journal.put(key, content)
        return Answer(reply, since=_now())

    def _key(self, question: LimitRequest) -> str:
        return self._journal.key(self._backend.service, question.encode())


def _is_over(answer: Answer) -> bool:
    """Whether a calculation has been going on for longer than the service lets any."""
    return answer.reply is not None and bool(answer.reply.job) and _now() - answer.since > JOB_LIFE_S


class _Crowd:
    """Many questions, a few at a time; those whose calculation goes on are asked again between the others.

    Parameters
    ----------
    asking : _Asking
        Asks them.
    questions : sequence of LimitRequest
        The questions.
    refresh : bool
        Whether to ask all anew.
    """

    def __init__(self, asking: _Asking, questions: Sequence[LimitRequest], *, refresh: bool) -> None:
        self._asking = asking
        self._questions = questions
        self._answers: list[Answer | None] = [None] * len(questions)
        self._refresh = refresh
        self._again: list[tuple[float, int, float]] = []  # when it is due, which question, the pause before
        self._done: queue.SimpleQueue[tuple[int, float, Future[Answer]]] = queue.SimpleQueue()
        self._failures = 0
        self._given_up: ServiceError | None = None

    def answers(self) -> list[Answer]:
        """Ask until each has its answer."""
        fresh = iter(self._unknown())
        stop = _stopping.Stop()
        with side_by_side(max(1, int(conf.max_connections))) as workers:
            try:
                self._go_on(fresh, workers, stop)
            finally:
                stop.request()  # after an interrupt, or what waits for the service would go on
        return [one or Answer(error=self._not_asked()) for one in self._answers]

    def _unknown(self) -> list[int]:
        """Numbers of the questions that have no answer from before; one that stands twice is asked once."""
        unknown: dict[LimitRequest, int] = {}
        for number, question in enumerate(self._questions):
            if not self._refresh:
                self._answers[number] = self._asking.known(question)
            if self._answers[number] is None:
                unknown.setdefault(question, number)
        return list(unknown.values())

    def _go_on(self, fresh: Iterable[int], workers: DaemonThreads, stop: _stopping.Stop) -> None:
        numbers = iter(fresh)
        under_way, most = 0, max(1, int(conf.max_connections))
        while True:
            while under_way < most and (task := self._next(numbers)) is not None:
                self._begin(task, workers, stop)
                under_way += 1
            wait = max(0.0, self._again[0][0] - _clock()) if self._again else None
            if under_way:
                under_way -= self._settle(wait if under_way < most else None)
            elif wait is None:
                break
            else:
                _sleep(wait)
        twins = {question: answer for question, answer in zip(self._questions, self._answers, strict=True) if answer}
        self._answers = [twins.get(question) for question in self._questions]

    def _next(self, numbers: Iterable[int]) -> tuple[int, float] | None:
        """The next question: one whose calculation may be over, or a fresh one."""
        if self._given_up is not None:
            self._again.clear()
            return None
        if self._again and self._again[0][0] <= _clock():
            _, number, pause = heapq.heappop(self._again)
            return number, pause
        number = next(iter(numbers), -1)
        return None if number < 0 else (number, 0.0)

    def _begin(self, task: tuple[int, float], workers: DaemonThreads, stop: _stopping.Stop) -> None:
        number, pause = task

        def work() -> Answer:
            with stop.heeded():
                return self._asking.ask(self._questions[number], is_first=pause == 0.0, refresh=self._refresh)

        workers.submit(work).add_done_callback(lambda future: self._done.put((number, pause, future)))

    def _settle(self, timeout_s: float | None) -> int:
        """Take what has come, or nothing in so many seconds; how many."""
        try:
            number, pause, future = self._done.get(timeout=timeout_s)
        except queue.Empty:
            return 0
        try:
            answer = future.result()
        except SwiftXRTError as error:
            answer = Answer(error=error)
        self._count(answer.error)
        before = self._answers[number]
        if before is not None and isinstance(answer.error, ServiceUnavailableError):
            answer = before  # the calculation goes on, whether or not one can ask for it now
        self._answers[number] = answer
        if answer.reply is not None and answer.reply.job:
            self._look_later(number, answer, min(2.0 * pause or _FIRST_PAUSE_S, _LONGEST_PAUSE_S))
        return 1

    def _look_later(self, number: int, answer: Answer, pause: float) -> None:
        if _now() + pause - answer.since <= self._asking.patience_s:
            heapq.heappush(self._again, (_clock() + pause, number, pause))

    def _count(self, error: SwiftXRTError | None) -> None:
        """Note a failure; after many in a row the rest are not tried."""
        if not isinstance(error, ServiceError):
            self._failures = 0
            return
        self._failures += 1
        if isinstance(error, OfflineError) or self._failures >= _MOST_FAILURES:
            self._given_up = error

    def _not_asked(self) -> ServiceError:
        error = self._given_up
        text = f"not asked, as the last {self._failures} questions to the service failed: {error}"
        return error if isinstance(error, OfflineError) else ServiceUnavailableError(text)


def with_positions(request: LimitRequest, places: Iterable[tuple[float, float] | str]) -> list[LimitRequest]:
    """The same question about many places: right ascension and declination in degrees, or names."""
    return [
        replace(request, name=place) if isinstance(place, str) else replace(request, ra=place[0], dec=place[1])
        for place in places
    ]
