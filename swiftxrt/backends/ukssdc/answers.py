"""Answers about one job: from the cache or the service, or told again from a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._atomic import atomic_path
from ..._log import log
from ...config import conf
from ...exceptions import FormatError, OfflineError, ServiceError
from ...products.provenance import Provenance, utc_now
from ...products.replies import Answer
from ...wire import envelope
from ..cache import CachedJob
from .connection import API, OBJECTS, Connection

__all__ = ["Answers", "LiveAnswers", "ToldAnswers"]


class Answers(ABC):
    """The calls that fetch products, and what they answered.

    Attributes
    ----------
    answers : list of Answer
        What was answered so far.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._rejected = False

    def call(self, path: str, payload: Mapping[str, Any], *, job_id: str | None = None) -> dict[str, Any]:
        """Make a call of the product service; see `Connection.call`."""
        answer = self._answer(f"{OBJECTS}/{path}", payload)
        return envelope.open_reply(answer.content, user=self._user, url=answer.call, job_id=job_id)

    def call_api(self, payload: Mapping[str, Any]) -> tuple[Any, str]:
        """Make a call of the other kind; see `Connection.call_api`."""
        answer = self._answer(API, payload)
        return answer.content, answer.call

    @abstractmethod
    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Save a file."""

    def reject(self) -> None:
        """Note that an answer cannot be used, so that none is kept."""
        self._rejected = True

    def mark(self, told: Provenance, here: Provenance) -> Provenance:
        """Say in the provenance of a product which of its answers had been kept.

        Parameters
        ----------
        told : Provenance
            That of the product.
        here : Provenance
            What was known before it came.
        """
        kept = [answer.fetched for answer in self.answers if answer.from_cache]
        if not kept:
            return told
        note = f"from the cache, fetched at {min(kept)}"
        notes = told.notes if note in told.notes else (*told.notes, note)
        return replace(told, notes=notes, created=min(kept) if told.created == here.created else told.created)

    _user = ""

    @abstractmethod
    def _answer(self, call: str, payload: Mapping[str, Any]) -> Answer: ...

    def _save(self, answer: Answer, path: Path, *, overwrite: bool) -> Path:
        if not answer.is_file:
            raise FormatError(f"{answer.call} is no file", path)
        with atomic_path(path, overwrite=overwrite) as temporary:
            temporary.write_bytes(answer.content)
        return path


class LiveAnswers(Answers):
    """Answers from the cache if they are there, or else from the service.

    Parameters
    ----------
    service : Connection
        The service.
    job : str
        The job, in words that no other job of the service has.
    fresh : bool, optional
        Whether the service is asked even if there is a kept answer, as long as
        it may be asked at all.
    """

    def __init__(self, service: Connection, job: str, *, fresh: bool = False) -> None:
        super().__init__()
        self._service = service
        self._user = service.sender
        self._job = job
        self._cached = CachedJob(service.base_url, self._user, job)
        self._fresh = fresh

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Save a file; see `Connection.fetch`."""
        kept = self._kept(url, {})
        if kept is not None:
            return self._save(kept, path, overwrite=overwrite)
        try:
            self._service.fetch(url, path, overwrite=overwrite)
        except (ServiceError, FormatError) as error:
            self.answers.append(Answer(url, {}, None, utc_now(), error=str(error)))
            raise
        self.answers.append(Answer(url, {}, path.read_bytes(), utc_now()))
        return path

    def keep(self) -> None:
        """Keep the answers: they were understood, and will not change."""
        if not self._rejected:
            self._cached.put(self.answers)

    def forget(self) -> None:
        """Keep nothing about the job any longer: what is known of it is wrong."""
        self._cached.forget()

    def _answer(self, call: str, payload: Mapping[str, Any]) -> Answer:
        answer = self._kept(call, payload)
        if answer is None:
            answer = Answer(call, dict(payload), self._service.ask(call, payload), utc_now())
            self.answers.append(answer)
        return answer

    def _kept(self, call: str, asked: Mapping[str, Any]) -> Answer | None:
        if self._fresh and not conf.offline:
            return None
        answer = self._cached.get(call, asked)
        if answer is not None:
            log.info("%s: %s comes from the cache, fetched at %s", self._job, call, answer.fetched)
            self.answers.append(answer)
        elif conf.offline:
            raise OfflineError(
                f"the service is not asked because conf.offline is set, and what {call} answered about {self._job} is "
                f"not in the cache{'' if conf.cache else ', which conf.cache switches off'}; set conf.offline = False",
                url=call,
            )
        return answer


class ToldAnswers(Answers):
    """Answers as they were recorded.

    Parameters
    ----------
    answers : iterable of Answer
        The record.
    """

    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__()
        self._recorded = list(answers)

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        """Save a file.

        Raises
        ------
        ServiceError
            If there is none, or it could not be had then either.
        """
        return self._save(self._answer(url, {}), path, overwrite=overwrite)

    def _answer(self, call: str, payload: Mapping[str, Any]) -> Answer:
        for answer in self._recorded:
            if answer.call == call and dict(answer.asked) == dict(payload):
                if answer.error:
                    raise ServiceError(answer.error, url=call)
                self.answers.append(answer)
                return answer
        raise ServiceError(f"the record holds no answer to {call}", url=call)
