"""Faults of this service: downloads in parts, and jobs that are forgotten."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .plan import Fault, Reply, Request
from .replies import change_reply

__all__ = ["changed_validator", "ignore_range", "vanish", "wrong_content_range"]

#: Put before the number of a job, it makes a number that no job has.
_UNKNOWN = "90000"
_JOB_KEYS = ("JobID", "oldJob")


def ignore_range() -> Fault:
    """Send the whole file though a part was asked for."""
    return Fault("ignore range", prepare=lambda request: request.without_headers("Range", "If-Range"))


def wrong_content_range(shift: int = 1) -> Fault:
    """Say that the part of a file which is sent begins elsewhere.

    Parameters
    ----------
    shift : int, optional
        By how many bytes.
    """

    def moved(found: re.Match[str]) -> str:
        return f"bytes {int(found[1]) + shift}-{int(found[2]) + shift}/"

    def change(request: Request, reply: Reply) -> Reply:
        told = reply.header("Content-Range")
        if told is None:
            return reply
        return reply.with_headers({"Content-Range": re.sub(r"bytes (\d+)-(\d+)/", moved, told)})

    return Fault("wrong Content-Range", change)


def changed_validator(*, honest: bool = True) -> Fault:
    """Let every file look as if it had changed since it was last asked for.

    Parameters
    ----------
    honest : bool, optional
        Whether the server heeds ``If-Range`` and sends the whole file then. If
        not, it sends the part that was asked for, of a file with another ``ETag``.
    """
    number = itertools.count(1)

    def prepare(request: Request) -> Request:
        return request.without_headers("If-Range", *(("Range",) if honest and request_has(request, "If-Range") else ()))

    def request_has(request: Request, name: str) -> bool:
        return any(key.lower() == name.lower() for key, _ in request.headers)

    def change(request: Request, reply: Reply) -> Reply:
        return reply.with_headers({"ETag": f'"changed-{next(number)}"', "Last-Modified": None})

    return Fault("changed validator", change, prepare)


def vanish(job_id: str | None = None) -> Fault:
    """Let a job be unknown, as if its products had expired and its record too.

    Parameters
    ----------
    job_id : str, optional
        Which job; all of them by default.
    """

    def concerned(given: Any) -> bool:
        return job_id is None or str(given) == job_id

    def prepare(request: Request) -> Request:
        target = re.sub(
            r"USERPROD_(\d+)",
            lambda found: f"USERPROD_{_UNKNOWN if concerned(found[1]) else ''}{found[1]}",
            request.target,
        )
        payload = request.json
        if not isinstance(payload, dict):
            return replace(request, target=target)
        for key in _JOB_KEYS:
            if key in payload and concerned(payload[key]):
                payload[key] = f"{_UNKNOWN}{payload[key]}"
        return replace(request, target=target, body=json.dumps(payload).encode())

    def change(request: Request, reply: Reply) -> Reply:
        return replace(_without_jobs(request, reply, concerned), length=None)

    return Fault("vanish", change, prepare)


def _without_jobs(request: Request, reply: Reply, concerned: Callable[[Any], bool]) -> Reply:
    """A list without these jobs; in other replies, the numbers that were asked for."""
    if request.call != "list":
        return replace(reply, body=reply.body.replace(_UNKNOWN.encode(), b""))

    def shortened(content: Any) -> Any:
        kept = copy.deepcopy(content)
        if isinstance(kept, dict) and isinstance(kept.get("jobs"), list):
            kept["jobs"] = [row for row in kept["jobs"] if not concerned(row.get("JobID"))]
        return kept

    return change_reply(shortened).change(request, reply)
