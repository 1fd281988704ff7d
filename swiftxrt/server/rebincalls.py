"""The four calls that bin a finished light curve anew.

They come without the sender's address: a rebinning belongs to the owner of the
job, and counts as one of his jobs, whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exceptions import JobLostError, ProductNotAvailableError
from ..jobs.protocol import JobHandle
from ..kinds import ProductKind
from ..products.report import Phase
from ..wire import api
from ..wire import rebin as wire
from .call import Call, Reply
from .jobcalls import public_report
from .payload import excerpt
from .productcalls import light_curve_content
from .refusals import RefusedError, without_paths

__all__ = ["cancel_rebin", "light_curve", "rebin", "rebin_status", "refused"]

_KIND = ProductKind.LIGHT_CURVE


def rebin(call: Call) -> Reply:
    """Start a rebinning."""
    handle = _find(call, rebinned=False)
    base = handle.request.light_curve
    if base is None:
        raise RefusedError(wire.unknown_job(excerpt(handle.id)))
    _, request = wire.read_rebin(call.payload, base, times_since_t0=bool(handle.request.times_since_t0))
    with call.limit.room(call.backend, call.backend.owner_of(handle.id)):
        started = call.backend.rebin(handle, request)
    return wire.encode_job(started.id)


def rebin_status(call: Call) -> Reply:
    """State of a rebinning."""
    handle = _find(call, rebinned=True)
    return wire.encode_status(public_report(call.backend.poll(handle)).products[_KIND])


def cancel_rebin(call: Call) -> Reply:
    """End a rebinning."""
    handle = _find(call, rebinned=True)
    before = call.backend.poll(handle).products[_KIND].phase
    after = call.backend.cancel(handle, [_KIND]).products[_KIND].phase
    return wire.encode_cancel(cancelled=after is Phase.ABORTED and not before.is_final)


def light_curve(call: Call) -> Reply:
    """The light curve of a rebinning that has ended."""
    handle = _find(call, rebinned=True)
    try:
        return api.success(light_curve_content(call, handle, nosys="no", incbad="yes", layout="new"))
    except ProductNotAvailableError as error:
        if not call.backend.poll(handle).phase.is_final:
            raise
        return wire.encode_missing(without_paths(error.reason))


def refused(reply: Mapping[str, Any]) -> Reply:
    """A refusal in the words of these calls."""
    if "OK" not in reply:
        return dict(reply)
    items = [item for group in reply.get("listErr", ()) for item in group["list"]]
    return api.failure(" ".join([reply["ERROR"], *(f"{item}." for item in items)]))


def _find(call: Call, *, rebinned: bool) -> JobHandle:
    """The job or rebinning that a call names."""
    job_id = wire.job_id_of(call.payload)
    try:
        handle = call.backend.recall(job_id)
    except JobLostError:
        raise RefusedError(wire.unknown_job(excerpt(job_id))) from None
    if (handle.rebin_of is not None) != rebinned:
        raise RefusedError(wire.unknown_job(excerpt(job_id)))
    return handle
