"""Downloading a file: in pieces, from where an earlier attempt ended, and once for all who want it."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Literal

from ..._atomic import check_target, output_errors, too_full
from ..._filelock import Holder, hold
from ..._log import log
from ...config import conf
from ...exceptions import ProtocolError, ServiceError, ServiceUnavailableError
from .contents import check_content
from .encodings import EncodingError, unpacked
from .partial import Mark, Partial, range_of
from .replies import Reply, refusal
from .waiting import Deadline, repeat

__all__ = ["Fetched", "fetch"]

Ask = Callable[[Mapping[str, str]], AbstractContextManager[Reply]]
Progress = Callable[[int, int | None], None]

_STEP = 1 << 20
_OK, _PARTIAL, _BEYOND_THE_END = 200, 206, 416
_START = 64
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Fetched:
    """What became of a download.

    Attributes
    ----------
    path : Path
        The file.
    size : int
        Its size in bytes.
    outcome : {"fetched", "resumed", "kept"}
        Whether it came as a whole, after an earlier attempt had brought its
        beginning, or from somebody else who was downloading it.
    """

    path: Path
    size: int
    outcome: Literal["fetched", "resumed", "kept"]


class _StaleError(Exception):
    """What an earlier attempt left does not belong to the file that is there now."""


def fetch(
    ask: Ask,
    url: str,
    target: Path,
    *,
    deadline: Deadline,
    overwrite: bool,
    resume: bool,
    progress: Progress | None,
    check: Callable[[Path], None] | None = None,
) -> Fetched:
    """Download a file; see `Transport.download`.

    Parameters
    ----------
    ask : callable
        Asks for the file, with some headers.
    url : str
        Where it is.
    target : Path
        Where it goes.
    deadline, overwrite, resume, progress, check
        As for `Transport.download`.
    """
    check_target(target, overwrite)
    partial = Partial(target)
    before = _identity(target)
    with _alone(partial, url, target, deadline) as holder:
        if holder.waited and holder.earlier == url and _identity(target) not in (None, before):
            return Fetched(target, target.stat().st_size, "kept")
        check_target(target, overwrite)
        download = _Download(ask, url, target, partial, deadline, progress)
        with _kept_for_later(partial, resume=resume):
            with output_errors(target):
                if resume:
                    partial.take_up(url)
                else:
                    partial.discard()
            began_with = partial.size
            repeat(download.attempt, retries=conf.retries, deadline=deadline, gain=download.gain)
            check_content(partial.path, target, url=url, whole=download.is_whole)
            if check is not None:
                check(partial.path)
            check_target(target, overwrite)  # somebody may have written it meanwhile
            with output_errors(target):
                partial.become(target)
        was_used = began_with > 0 and not download.began_anew
        return Fetched(target, target.stat().st_size, "resumed" if was_used else "fetched")


class _Download:
    """Attempts to get a file, each of which goes on where the one before ended.

    Parameters
    ----------
    ask, url, target, deadline, progress
        As for `fetch`.
    partial : Partial
        What has come so far.
    """

    def __init__(
        self, ask: Ask, url: str, target: Path, partial: Partial, deadline: Deadline, progress: Progress | None
    ) -> None:
        self._ask = ask
        self._url = url
        self._target = target
        self._partial = partial
        self._deadline = deadline
        self._progress = progress
        self.is_whole = False
        self.began_anew = False

    def gain(self) -> int:
        """How much has come, in steps so large that a trickle does not count."""
        return self._partial.size // _STEP

    def attempt(self) -> None:
        """Get the rest of the file.

        Raises
        ------
        ServiceUnavailableError
            If that may succeed another time.
        """
        if self._partial.mark is None:
            self._partial.discard()  # of an attempt before whose file would not be known again
        else:
            try:
                self._ask_for_rest(self._partial.mark)
            except _StaleError as error:
                log.info("%s is fetched from its beginning: %s", self._url, error)
                self._partial.discard()
            else:
                return
        with self._ask({"Accept-Encoding": "identity"}) as reply:
            if reply.status != _OK:
                raise refusal(reply)
            self._take_whole(reply)

    def _ask_for_rest(self, mark: Mark) -> None:
        have = self._partial.size
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={have}-", "If-Range": mark.validator}
        with self._ask(headers) as reply:
            if reply.status == _PARTIAL:
                self._take_rest(reply, mark, have)
            elif reply.status == _OK:  # it has changed, or the service gives whole files only
                self._take_whole(reply)
            elif reply.status == _BEYOND_THE_END:
                total = range_of(reply.headers)[2]
                if total != have or mark.total not in (None, have) or _differs(reply, mark, total):
                    raise _StaleError(f"there is nothing after {have} bytes")
                self.is_whole = True
            else:
                raise refusal(reply)

    def _take_rest(self, reply: Reply, mark: Mark, have: int) -> None:
        first, last, total = range_of(reply.headers)
        if first != have or last is None or last < first or (total is not None and last >= total):
            raise _StaleError(f"another part came than asked for ({reply.headers.get('Content-Range', 'unnamed')})")
        if _differs(reply, mark, total) or reply.encoding.lower() not in ("", "identity"):
            raise _StaleError("it has changed")
        if reply.length is not None and reply.length != last - first + 1:
            raise _StaleError("the part has another size than it claims")
        total = total if total is not None else mark.total
        self._check_size(total, missing=last - first + 1)
        with output_errors(self._target), self._partial.path.open("ab") as file:
            self._copy(reply.pieces(), file, have, total)
        if self._partial.size != last + 1:
            raise reply.asked.unavailable("sent another number of bytes than announced; try again")
        if total is not None and last + 1 < total:
            raise reply.asked.unavailable(f"sent a part only: {last + 1} of {total} bytes came; try again")
        self.is_whole = total is not None

    def _take_whole(self, reply: Reply) -> None:
        self.began_anew = True
        is_packed = reply.encoding.strip().lower() not in ("", "identity")
        total = None if is_packed else reply.length
        self._check_size(reply.length, missing=reply.length or 0)
        # The rest of what is packed on its way cannot be had later.
        mark = Mark(self._url) if is_packed else Mark.of(self._url, reply.headers, total)
        try:
            with output_errors(self._target):
                self._partial.begin(mark)
                with self._partial.path.open("r+b") as file:
                    self._copy(_content(reply, self._target), file, 0, total)
        except EncodingError as error:
            raise ProtocolError(f"{self._url} cannot be read: {error}", url=self._url, status=_OK) from error
        self.is_whole = reply.has_known_end

    def _copy(self, pieces: Iterator[bytes], file: IO[bytes], size: int, total: int | None) -> None:
        for piece in pieces:
            size += len(piece)
            self._check_size(size, missing=0)
            file.write(piece)
            if self._progress is not None:
                self._progress(size, total)

    def _check_size(self, size: int | None, *, missing: int) -> None:
        """Refuse what is too large before it fills the disk."""
        limit = int(conf.max_download)
        if size is not None and size > limit:
            raise ServiceError(
                f"{self._url} has more than {limit} bytes (conf.max_download) and was not fetched; set "
                "conf.max_download higher if it should be so large",
                url=self._url,
            )
        if missing and missing > (free := shutil.disk_usage(self._target.parent).free):
            raise too_full(self._target, missing, free)


def _content(reply: Reply, target: Path) -> Iterator[bytes]:
    """What the file holds."""
    names_packing = target.suffix.lower() in (".gz", ".tgz") and reply.encoding.strip().lower() in ("gzip", "x-gzip")
    return _packed_once(reply.pieces()) if names_packing else unpacked(reply.pieces(), reply.encoding)


def _packed_once(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A packed file as it is: some servers pack it again, others only say that it is packed."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= _START:
            break
    try:
        is_packed_twice = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, 2) == _GZIP
    except zlib.error:
        is_packed_twice = False  # nor once, which the look at its content will tell
    whole = chain([start], pieces)
    return unpacked(whole, "gzip") if is_packed_twice else whole


def _differs(reply: Reply, mark: Mark, total: int | None) -> bool:
    """Whether a reply about a part is about another file than the one known."""
    if None not in (total, mark.total) and total != mark.total:
        return True
    told = reply.headers.get("ETag" if mark.validator.startswith('"') else "Last-Modified", mark.validator)
    return told.strip() != mark.validator


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def _alone(partial: Partial, url: str, target: Path, deadline: Deadline) -> Iterator[Holder]:
    """Be the only one who fetches this file."""
    with ExitStack() as stack:
        with output_errors(target):
            try:
                holder = stack.enter_context(hold(partial.lock, max(0.0, deadline.left()), url))
            except TimeoutError as error:
                failure = ServiceUnavailableError(
                    f"somebody else has been fetching {target} for {deadline.seconds:g} s; try again later", url=url
                )
                failure.was_sent = False
                raise failure from error
        yield holder


@contextmanager
def _kept_for_later(partial: Partial, *, resume: bool) -> Iterator[None]:
    """Keep what has come if it was the connection that failed, or the user who stopped it."""
    keep = False
    try:
        yield
    except (ServiceUnavailableError, KeyboardInterrupt):
        keep = resume
        raise
    finally:
        if keep:
            partial.settle()
        else:
            partial.discard()
