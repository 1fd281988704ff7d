"""Beginning a list of requests, or going on with one."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .._atomic import usable_folder
from .._paths import as_path
from ..config import conf
from ..exceptions import RequestError
from ..request.bundle import XRTRequest
from .batches import Batch, open_batch
from .book import JobBook
from .joblist import JobList, ListProgress
from .protocol import ProductBackend
from .queue import make_queue

__all__ = ["checked_requests", "open_list"]

# Lists of this process, by the file of the job book and their token.
_open: weakref.WeakValueDictionary[tuple[Path, str], JobList] = weakref.WeakValueDictionary()
_opening = threading.RLock()


def open_list(
    backend: ProductBackend,
    book: JobBook,
    requests: Iterable[XRTRequest],
    *,
    origin: str,
    max_active: int | None = None,
    location: str | os.PathLike[str] | None = None,
    name: str | None = None,
    progress: ListProgress | bool = True,
) -> JobList:
    """Begin a list of requests, or go on with one; see ``SwiftXRT.submit_many``.

    Parameters
    ----------
    backend : ProductBackend
        Where they are run.
    book : JobBook
        Where they are written down.
    requests : iterable of XRTRequest
        The requests.
    origin : str
        What products are made of: the address of a service, or a folder of observations.
    max_active, location, name, progress
        As for ``SwiftXRT.submit_many``.
    """
    wanted = checked_requests(requests)
    _check_name(name)
    _check_progress(progress)
    folder = None if location is None else as_path(location, "location").absolute()
    most = _number(
        *((conf.max_active_jobs, "conf.max_active_jobs") if max_active is None else (max_active, "max_active"))
    )
    named = [(request.digest, request) for request in wanted]
    with _opening:
        batch = open_batch(
            book,
            list(dict(named).items()),
            backend=backend.name,
            origin=origin,
            sender=backend.sender,
            name=name,
            location=folder,
        )
        key = book.path, batch.token
        jobs = _open.get(key)
        if folder is not None and folder != batch.folder:
            batch = _moved(batch, jobs, folder)
        elif jobs is not None and jobs._queue.is_running and _digests(jobs) == [digest for digest, _ in named]:
            jobs._queue.max_active, jobs._progress = most, progress
            return jobs
        if jobs is not None:
            jobs.close()
        queue, works = make_queue(backend, batch, named, most)
        jobs = _open[key] = JobList(queue, works, progress)
        if not queue.is_finished:
            usable_folder(batch.folder)
            queue.start()
    return jobs


def checked_requests(requests: Iterable[XRTRequest]) -> list[XRTRequest]:
    """The requests as a list.

    Raises
    ------
    RequestError
        If there is none, or something else among them.
    """
    if isinstance(requests, XRTRequest | str) or not isinstance(requests, Iterable):
        raise RequestError([("requests", f"a list of XRTRequest is needed; got {type(requests).__name__}")])
    wanted = list(requests)
    problems = [
        (f"requests[{index}]", f"an XRTRequest is needed; got {type(one).__name__}")
        for index, one in enumerate(wanted)
        if not isinstance(one, XRTRequest)
    ]
    if not wanted:
        problems.append(("requests", "at least one XRTRequest is needed; the list is empty"))
    if problems:
        raise RequestError(problems, "list of requests")
    return wanted


def _moved(batch: Batch, jobs: JobList | None, folder: Path) -> Batch:
    """The list with another folder; whatever forbids that is found before the work on it is interrupted."""
    batch.check_movable()
    usable_folder(folder)
    if jobs is not None:
        jobs.close()
    return batch.move(folder)


def _digests(jobs: JobList) -> list[str]:
    return [work.row.digest for work in jobs._works]


def _check_name(name: str | None) -> None:
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise RequestError([("name", f"must be a name for the list, such as 'bursts of 2020'; got {name!r}")])


def _check_progress(progress: object) -> None:
    if not isinstance(progress, bool) and not callable(progress):
        raise RequestError([("progress", f"must be True, False or a function that gets each report; got {progress!r}")])


def _number(max_active: int, name: str) -> int:
    if isinstance(max_active, bool) or not isinstance(max_active, int | np.integer) or max_active < 1:
        raise RequestError([(name, f"must be a number of jobs, 1 or more; got {max_active!r}")])
    return int(max_active)
