"""Many files at once: each is had or not, and a table says what became of it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable

from .._atomic import output_errors
from .._filenames import name_key
from .._log import log
from .._paths import as_path
from .._stopping import Stop
from .._threads import side_by_side
from ..config import conf
from ..exceptions import RequestError, SwiftXRTError

__all__ = ["DownloadResult", "Fetch", "download_all", "results_table", "retry_failed"]

#: Fetches one file: ``fetch(source, path, overwrite=...)`` tells how it came.
Fetch = Callable[..., str]

_LOOK_S = 0.2
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class DownloadResult:
    """What became of one file.

    Parameters
    ----------
    source : str
        Where it comes from, such as a URL.
    path : Path
        Where it is, or was to be.
    outcome : {"fetched", "resumed", "kept", "failed"}
        Whether it was fetched, or the rest of it after an earlier attempt;
        or was there already and kept.
    size : int
        Bytes; of a folder, of all files in it.
    seconds : float
        How long it took.
    error : SwiftXRTError or None
        Why it failed.
    """

    source: str
    path: Path
    outcome: str
    size: int = 0
    seconds: float = 0.0
    error: SwiftXRTError | None = None

    @property
    def is_failed(self) -> bool:
        """Whether there is no file."""
        return self.outcome == "failed"


def download_all(
    fetch: Fetch,
    items: Iterable[tuple[str, str | Path]],
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[DownloadResult], Any] | None = None,
) -> list[DownloadResult]:
    """Download files side by side; one that fails does not cost the others.

    An interrupt (Ctrl-C) ends all downloads at once. What was complete by then
    stays, and what was not is taken up by the next call if the server can.

    Parameters
    ----------
    fetch : callable
        Called as ``fetch(source, path, overwrite=...)`` in several threads; saves
        one file, complete or not at all, and tells whether it was ``"fetched"``,
        ``"resumed"``, or ``"kept"`` as somebody else was fetching it.
    items : iterable of (str, path-like)
        Source and target of each file. What is there twice is fetched once.
    workers : int, optional
        How many at once; by default ``conf.download_workers``.
    overwrite : bool, optional
        Whether files that exist are fetched anew and replaced. Otherwise they
        are kept.
    progress : callable, optional
        Called in this thread with each result as soon as it is there.

    Returns
    -------
    results : list of DownloadResult
        In the order of `items`.

    Raises
    ------
    RequestError
        If two sources go to the same target, or `workers` is no number above 0.
    """
    wanted = [(str(source), as_path(path, "items")) for source, path in items]
    unique = list(dict.fromkeys(wanted))
    _check_targets(unique)
    count = _checked(conf.download_workers if workers is None else workers)
    stop = Stop()
    done: dict[tuple[str, Path], DownloadResult] = {}
    ended: queue.SimpleQueue[Future[DownloadResult]] = queue.SimpleQueue()
    with side_by_side(min(count, len(unique)), patience_s=_PATIENCE_S) as pool:
        try:
            for item in unique:
                pool.submit(_download, fetch, item, overwrite, stop).add_done_callback(ended.put)
            while len(done) < len(unique):
                result = _next(ended).result()
                done[result.source, result.path] = result
                if progress is not None:
                    progress(result)
        finally:
            stop.request()
    return [done[item] for item in wanted]


def retry_failed(
    fetch: Fetch,
    results: Sequence[DownloadResult],
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[DownloadResult], Any] | None = None,
) -> list[DownloadResult]:
    """Try the failed ones of several downloads again, and only those.

    Parameters
    ----------
    fetch, workers, overwrite, progress
        As for `download_all`.
    results : sequence of DownloadResult
        What `download_all` returned.

    Returns
    -------
    results : list of DownloadResult
        All of them, in the same order.
    """
    items = [(one.source, one.path) for one in results if one.is_failed]
    again = download_all(fetch, items, workers=workers, overwrite=overwrite, progress=progress)
    renewed = {(one.source, one.path): one for one in again}
    return [renewed.get((one.source, one.path), one) for one in results]


def results_table(results: Iterable[DownloadResult]) -> QTable:
    """One row for each file.

    Parameters
    ----------
    results : iterable of DownloadResult
        What `download_all` returned.

    Returns
    -------
    table : `~astropy.table.QTable`
        With the columns ``source``, ``path``, ``size``, ``outcome``, ``time``
        and ``error``, which is empty where nothing went wrong.
    """
    rows = list(results)
    table = QTable(
        {
            "source": np.array([one.source for one in rows], dtype=str),
            "path": np.array([str(one.path) for one in rows], dtype=str),
            "size": np.array([one.size for one in rows], dtype=float) << u.byte,
            "outcome": np.array([one.outcome for one in rows], dtype=str),
            "time": np.array([one.seconds for one in rows], dtype=float) << u.s,
            "error": np.array(["" if one.error is None else str(one.error) for one in rows], dtype=str),
        }
    )
    table["size"].info.format, table["time"].info.format = ".0f", ".2f"
    return table


def _next(ended: queue.SimpleQueue[Future[DownloadResult]]) -> Future[DownloadResult]:
    """The next one that ends; not in one wait, as some systems deliver an interrupt only between two."""
    while True:
        with suppress(queue.Empty):
            return ended.get(timeout=_LOOK_S)


def _download(fetch: Fetch, item: tuple[str, Path], overwrite: bool, stop: Stop) -> DownloadResult:
    """Fetch one file, in a worker thread."""
    source, path = item
    start = time.monotonic()
    if path.is_file() and not overwrite:
        return DownloadResult(source, path, "kept", size=path.stat().st_size)
    try:
        with stop.heeded():
            stop.check()
            with output_errors(path):
                outcome = fetch(source, path, overwrite=overwrite)
                size = _size(path)
    except SwiftXRTError as error:
        log.warning("not downloaded: %s: %s", source, error)
        return DownloadResult(source, path, "failed", seconds=time.monotonic() - start, error=error)
    return DownloadResult(source, path, outcome, size=size, seconds=time.monotonic() - start)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _check_targets(items: Iterable[tuple[str, Path]]) -> None:
    sources: dict[tuple[Path, str], str] = {}
    for source, path in items:
        key = path.parent.resolve(), name_key(path.name)
        if key in sources:
            raise RequestError(
                f"{sources[key]} and {source} cannot both be saved as {path}: give each file a name of its own"
            )
        sources[key] = source


def _checked(workers: object) -> int:
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise RequestError([("workers", f"must be a number of downloads at once, such as 4; got {workers!r}")])
    return workers
