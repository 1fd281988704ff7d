"""Replies kept on this computer.

Only what will not change is kept: what a service sent for products that have
ended. Each reply is a small file with two parts, a line of JSON that tells
what it is and the reply itself. The folders that the files are in are named by
marks that nobody can tell a user or a job from without the key beside them.

Several processes may use one folder: files appear whole or not at all, and a
file that has gone is one that was never there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._atomic import atomic_path
from .._log import log
from ..catalog.limit_journal import FOLDER as LIMITS
from ..config import cache_folder, conf
from ..exceptions import SwiftXRTError
from ..jobs.owner import key_of_folder, owner_mark
from ..products.replies import Answer

__all__ = ["CachedJob", "clear_cache"]

_FOLDER = "replies"
_SUFFIX = ".reply"
_FORMAT = 1
_LONGEST_HEADER = 1 << 16
#: Clocks of computers that share a folder may differ by so much.
_CLOCKS_DIFFER_S = 86400.0
#: The size of the cache is looked at whenever this share of what it may hold was added.
_SHARE = 100
_now = time.time


class CachedJob:
    """The kept replies about one job of one user at one service.

    Parameters
    ----------
    service : str
        Address of the service.
    owner : str
        Address of the user; it is not written anywhere.
    job : str
        The job, in words that no other job of that service has.
    """

    def __init__(self, service: str, owner: str, job: str) -> None:
        self._service = service
        self._owner = owner
        self._job = job

    def get(self, call: str, asked: Mapping[str, Any]) -> Answer | None:
        """A kept answer, if there is one that has not expired.

        Parameters
        ----------
        call, asked
            As for `~swiftxrt.products.replies.Answer`.
        """
        folder = self._folder()
        if folder is None:
            return None
        path = folder / _name(call, asked)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.debug("a kept reply cannot be read: %s", error)
            return None
        answer = _unpacked(data, call, asked)
        if answer is None:
            _remove(path)
        return answer

    def put(self, answers: Iterable[Answer]) -> None:
        """Keep answers; that this fails is no error."""
        new = [one for one in answers if not one.from_cache and not one.error]
        folder = self._folder(make=True) if new else None
        if folder is None:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for answer in new:
                data = _packed(answer)
                if self._is_clean(data):
                    with atomic_path(folder / _name(answer.call, answer.asked), overwrite=True) as temporary:
                        temporary.write_bytes(data)
                    _sizes.added(folder.parents[1], len(data))
        except (OSError, SwiftXRTError) as error:
            log.info("replies about %s are not kept: %s", self._job, error)

    def forget(self) -> None:
        """Remove all answers about the job."""
        folder = self._folder()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _is_clean(self, data: bytes) -> bool:
        """Whether the address of the user is not in it: the last of several guards."""
        return "@" not in self._owner or self._owner.casefold().encode() not in data.lower()

    def _folder(self, *, make: bool = False) -> Path | None:
        """Where the answers are; `None` if nothing is kept."""
        base = cache_folder()
        if not conf.cache or not (make or base.is_dir()):
            return None
        try:
            base.mkdir(parents=True, exist_ok=True)
            key = key_of_folder(base)
        except OSError as error:
            log.info("no replies are kept: %s", error)
            return None
        place = hashlib.sha256(f"{self._service}\n{self._job}".encode()).hexdigest()
        return base / _FOLDER / (owner_mark(key, self._owner)[:32] or "nobody") / place[:32]


def clear_cache() -> None:
    """Remove all kept replies, of all services and users."""
    for name in (_FOLDER, LIMITS):
        shutil.rmtree(cache_folder() / name, ignore_errors=True)


def _name(call: str, asked: Mapping[str, Any]) -> str:
    plain = json.dumps([call, dict(asked)], sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest() + _SUFFIX


def _packed(answer: Answer) -> bytes:
    body = answer.content if answer.is_file else json.dumps(answer.content).encode("ascii")
    header = {
        "format": _FORMAT,
        "call": answer.call,
        "asked": dict(answer.asked),
        "fetched": answer.fetched,
        "file": answer.is_file,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return json.dumps(header).encode("ascii") + b"\n" + body


def _unpacked(data: bytes, call: str, asked: Mapping[str, Any]) -> Answer | None:
    """The answer in a file; `None` if it has expired or is damaged."""
    end = data.find(b"\n", 0, _LONGEST_HEADER)
    body = data[end + 1 :]
    try:
        header = json.loads(data[: max(end, 0)])
        if header["format"] != _FORMAT or header["sha256"] != hashlib.sha256(body).hexdigest():
            raise ValueError("the checksum is wrong")
        if header["call"] != call or header["asked"] != dict(asked):
            raise ValueError("it answers something else")
        fetched = str(header["fetched"])
        age = _now() - datetime.fromisoformat(fetched).replace(tzinfo=UTC).timestamp()
        content = body if header["file"] else json.loads(body)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        log.debug("a kept reply is damaged and removed: %s", error)
        return None
    if not -_CLOCKS_DIFFER_S <= age <= conf.cache_expiry:
        log.debug("a kept reply of %s has expired", fetched)
        return None
    return Answer(call, asked, content, fetched, from_cache=True)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("%s cannot be removed: %s", path, error)


class _Sizes:
    """Keeps folders of replies from growing too large."""

    def __init__(self) -> None:
        self._new: dict[Path, int] = {}

    def added(self, folder: Path, size: int) -> None:
        """Note new bytes, and remove the oldest files if there are too many."""
        limit = int(conf.cache_size)
        new = self._new.get(folder, limit) + size  # the first time, others may have filled the folder
        if new * _SHARE < limit:
            self._new[folder] = new
            return
        self._new[folder] = 0
        files = sorted(_files(folder), reverse=True)
        total = 0
        for _, length, path in files:
            total += length
            if total > limit:
                _remove(path)


def _files(folder: Path) -> Iterable[tuple[float, int, Path]]:
    """Time, size and place of all files."""
    for path in folder.rglob(f"*{_SUFFIX}"):
        try:
            status = path.stat()
        except OSError:  # another process was faster
            continue
        yield status.st_mtime, status.st_size, path


_sizes = _Sizes()
