"""Earlier jobs: the list of them, their parameters and how many are active."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..exceptions import ProtocolError, ServiceWarning, warn
from ..kinds import ProductKind
from ..products.report import JobSummary
from .values import flag, is_unset, job_number

__all__ = [
    "decode_count",
    "decode_jobs",
    "decode_old_job",
    "encode_count",
    "encode_jobs",
    "encode_old_job",
    "without_empty_lists",
]

_DATE = "%Y-%m-%d %H:%M:%S"


def encode_jobs(jobs: Iterable[JobSummary]) -> dict[str, Any]:
    """Content of the reply to ``listOldJobs``.

    Parameters
    ----------
    jobs : iterable of JobSummary
        Newest first.
    """
    return {"jobs": [_encode_job(job) for job in jobs]}


def _encode_job(job: JobSummary) -> dict[str, Any]:
    submitted = "" if job.submitted is None else job.submitted.astimezone(UTC).strftime(_DATE)
    row: dict[str, Any] = {"JobID": int(job.id), "Name": job.name, "DateSubmitted": submitted}
    row |= {kind.swifttools_name: kind in job.kinds for kind in ProductKind}
    return row | {"hasProd": job.available}


def decode_jobs(reply: Mapping[str, Any]) -> list[JobSummary]:
    """Read the list of jobs.

    Only the identifier of a job is needed: a date that cannot be read is not
    known, a product that is not named was not asked for.

    Raises
    ------
    ProtocolError
        If there is no list, or no job in it has an identifier.

    Warns
    -----
    ServiceWarning
        If jobs without an identifier are left out.
    """
    rows = reply.get("jobs")
    listed = rows if isinstance(rows, list) else []
    named = [row for row in listed if isinstance(row, Mapping) and job_number(row.get("JobID"))]
    if not isinstance(rows, list) or (rows and not named):
        raise ProtocolError(
            "the reply holds no list of jobs that can be read",
            payload_excerpt=repr(rows)[:300],
        )
    if len(named) < len(rows):
        warn(f"{len(rows) - len(named)} of {len(rows)} jobs in the service's list have no identifier", ServiceWarning)
    return [_decode_job(row) for row in named]


def _decode_job(row: Mapping[str, Any]) -> JobSummary:
    return JobSummary(
        id=job_number(row["JobID"]),
        name="" if row.get("Name") is None else str(row["Name"]),
        submitted=_date(row.get("DateSubmitted")),
        kinds=tuple(kind for kind in ProductKind if flag(row.get(kind.swifttools_name))),
        available=flag(row.get("hasProd")),
    )


def _date(text: Any) -> datetime | None:
    try:
        return datetime.strptime(str(text).strip(), _DATE).replace(tzinfo=UTC)
    except ValueError:
        return None


def encode_count(number: int) -> dict[str, Any]:
    """Content of the reply to ``getNumJobs``."""
    return {"numJobs": number}


def decode_count(reply: Mapping[str, Any]) -> int:
    """Read the number of active jobs.

    Raises
    ------
    ProtocolError
        If there is none.
    """
    given = reply.get("numJobs")
    text = str(given).strip().removesuffix(".0")
    if not (text.isascii() and text.isdecimal()):
        raise ProtocolError(
            f"the reply does not say how many jobs are active ({given!r:.60})",
            advice="look at list_jobs() instead",
            payload_excerpt=repr(dict(reply))[:300],
        )
    return int(text)


def encode_old_job(job_id: str, url: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Content of the reply to ``getOldProduct``.

    Parameters
    ----------
    job_id : str
        The job.
    url : str
        Where its products are.
    parameters : mapping
        Its parameters in the words of the service.
    """
    return {"oldJob": int(job_id), "URL": url, "jobPars": dict(parameters)}


def decode_old_job(reply: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Read what the service says about an earlier job.

    Returns
    -------
    url : str
        Where its products are.
    parameters : mapping
        Its parameters in the words of the service.

    Raises
    ------
    ProtocolError
        If one of them is missing.
    """
    url, parameters = reply.get("URL"), reply.get("jobPars")
    if is_unset(url) or not isinstance(parameters, Mapping):
        raise ProtocolError(
            "the reply about an earlier job lacks its address or its parameters",
            advice="look for it in list_jobs()",
            payload_excerpt=", ".join(sorted(map(str, reply))),
        )
    return str(url).rstrip("/"), parameters


def without_empty_lists(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a job without those that are an empty list, which the service writes as a pair of braces."""
    return {key: value for key, value in parameters.items() if not (isinstance(value, str) and value.strip() == "{}")}
