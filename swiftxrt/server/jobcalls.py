"""Calls about jobs: submission, status, cancellation and history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..exceptions import RequestError
from ..kinds import ProductKind
from ..products.report import JobReport, Phase
from ..wire import envelope, history, status
from ..wire.jobpars import job_parameters
from ..wire.names import key_of_field
from ..wire.request import from_wire
from .call import Call, Reply
from .refusals import RefusedError, refusal_of, without_paths
from .required import missing_keys

__all__ = ["cancel", "count_jobs", "list_jobs", "old_job", "public_report", "product_status", "submit"]

#: Far more than there are products; each word of a list is answered.
_MOST_WORDS = 50
# Keys of the replies themselves.
_RESERVED = frozenset({"OK", "APIVersion", "ERROR", "JobID", "listErr", "status", "statusCodes", "deprecationWarning"})


def submit(call: Call) -> Reply:
    """Accept a request."""
    missing = missing_keys(call.payload)
    problems = [(key, "is needed: ") for key in missing]
    try:
        request = from_wire(call.payload)
    except RequestError as error:
        problems += [problem for problem in error.problems if key_of_field(problem[0]) not in missing]
    if problems:
        raise RequestError(problems)
    with call.limit.room(call.backend, call.owner):
        handle = call.backend.submit(request, owner=call.owner)
    return envelope.success(
        {
            "URL": call.product_url(handle.id),
            "JobID": handle.id,
            "jobPars": job_parameters(handle.request, call.user),
        }
    )


def product_status(call: Call) -> Reply:
    """State of a job's products; ``null`` for those that are not part of it."""
    handle = call.job()
    kinds, unknown = _products(call)
    return envelope.success(status.encode_status(public_report(call.backend.poll(handle)), kinds, unknown))


def cancel(call: Call) -> Reply:
    """Cancel products of a job."""
    handle = call.job()
    kinds, unknown = _products(call)
    before = call.backend.poll(handle).products
    after = call.backend.cancel(handle, [kind for kind in kinds if kind in before]).products
    outcome = {kind.code: _cancelled(before, after, kind) for kind in kinds}
    outcome |= dict.fromkeys(unknown, status.CancelCode.UNKNOWN)
    content, code = status.encode_cancel(handle.id, outcome)
    return envelope.success(content, code=code)


def old_job(call: Call) -> Reply:
    """Parameters of an earlier job."""
    handle = call.job("oldJob" if "oldJob" in call.payload else "JobID")
    parameters = job_parameters(handle.request, call.user)
    return envelope.success(history.encode_old_job(handle.id, call.product_url(handle.id), parameters))


def list_jobs(call: Call) -> Reply:
    """All jobs of the user, newest first."""
    return envelope.success(history.encode_jobs(call.backend.list_jobs(owner=call.owner)))


def count_jobs(call: Call) -> Reply:
    """Number of the user's jobs that have not ended."""
    return envelope.success(history.encode_count(call.backend.count_active_jobs(owner=call.owner)))


def public_report(report: JobReport) -> JobReport:
    """A report whose texts do not tell about this machine."""
    products = {kind: replace(one, text=without_paths(one.text)) for kind, one in report.products.items()}
    return replace(report, products=products)


def _products(call: Call) -> tuple[list[ProductKind], list[str]]:
    """The products a call names.

    Raises
    ------
    RefusedError
        If there are none, or far too many.
    """
    kinds, unknown = status.kinds_of(call.payload.get("what"))
    if not kinds and not unknown:
        raise RefusedError(refusal_of(RequestError([("what", "is needed: ")]), "what"))
    if len(unknown) > _MOST_WORDS or _RESERVED.intersection(unknown):
        names = ",".join(kind.code for kind in ProductKind)
        raise RefusedError(refusal_of(RequestError([("what", f"names other things than products ({names})")]), "what"))
    return list(dict.fromkeys(kinds)), unknown


def _cancelled(before: Mapping[ProductKind, Any], after: Mapping[ProductKind, Any], kind: ProductKind) -> Any:
    if kind not in before:
        return status.CancelCode.NOT_IN_JOB
    if before[kind].phase.is_final or after[kind].phase is not Phase.ABORTED:
        return status.CancelCode.FINISHED
    return status.CancelCode.CANCELLED
