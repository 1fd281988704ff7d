"""Binning a finished light curve anew: four calls with an envelope and with names of their own.

The parameters go under the names of the reference client, truth values as
``true`` and ``false``, and nobody's address is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._fields import Flag, Record, wire_keys
from ..exceptions import (
    JobLostError,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    RequestRejectedError,
    UnknownObjectError,
)
from ..kinds import ProductKind
from ..products.report import ALREADY_ENDED, JobReport, ProductStatus
from ..request.bundle import XRTRequest
from ..request.lightcurve import LightCurveRequest
from ..request.target import Target
from .api import failure, seal, success
from .api import open_reply as open_envelope
from .names import ALIASES, BINNINGS, SWIFTTOOLS_NAMES
from .status import decode_phase, encode_phase
from .values import is_unset

__all__ = [
    "FUNCTIONS",
    "ask",
    "ask_light_curve",
    "check_light_curve",
    "decode_cancel",
    "decode_job",
    "decode_status",
    "encode_cancel",
    "encode_job",
    "encode_missing",
    "encode_rebin",
    "encode_status",
    "job_id_of",
    "open_reply",
    "read_rebin",
    "rebin_content",
    "unknown_job",
]

#: The four calls: start, state, end, result.
FUNCTIONS = ("rebinLightCurve", "checkRebinStatus", "cancelRebin", "downloadLightCurve")
_START, _STATUS, _CANCEL, _RESULT = FUNCTIONS

# What the light curve belongs to: a job, or an earlier rebinning.
_JOB, _REBINNED = "UOB_LC", "REBIN_LC"
_NO_LIGHT_CURVE = "NOLC"
_NO_JOB = re.compile(r"no (?:such )?(?:rebin )?job|not owned by", re.IGNORECASE)
_EXCERPT = 300

_RECORDS: tuple[type[Record], ...] = (LightCurveRequest, *BINNINGS.values())
_FIELDS = {key: field for cls in _RECORDS for field in cls.__record_fields__ for key in wire_keys(field)}
_BINNING_KEYS = {key for cls in BINNINGS.values() for field in cls.__record_fields__ for key in wire_keys(field)}
_BANDS = {
    field.name: wire_keys(field)
    for field in LightCurveRequest.__record_fields__
    if field.name in ("band", "soft", "hard")
}
#: Every spelling under which a parameter may come, with its key in a submission.
_KEY_OF = {
    **{other: key for key in _FIELDS for other in (key, *ALIASES.get(key, ()))},
    **{SWIFTTOOLS_NAMES[key]: key for key in _FIELDS},
    "timeType": "lctimetype",
}
# The reference client names one of the methods otherwise here.
_METHOD_OF = {"observation": "obsid"}


# ---------------------------------------------------------------- what a client sends


def encode_rebin(job_id: str, request: LightCurveRequest, name: str) -> dict[str, Any]:
    """Ask for a light curve to be binned anew.

    Parameters
    ----------
    job_id : str
        The job that has the light curve.
    request : LightCurveRequest
        How it is to be binned; unset fields are left to the service.
    name : str
        Name of the target.
    """
    return seal(_START, {**rebin_content(_JOB, job_id, request), "name": name})


def rebin_content(owner: str, object_id: str | int, request: LightCurveRequest) -> dict[str, Any]:
    """What is sent, but for the envelope.

    Parameters
    ----------
    owner : str
        What the light curve belongs to, in the service's word.
    object_id : str or int
        Which one of these.
    request : LightCurveRequest
        How it is to be binned.
    """
    named = {SWIFTTOOLS_NAMES[key]: _plain(key, value) for key, value in _written(request).items()}
    return {"type": owner, "objectID": object_id, **named}


def ask(function: str, job_id: str) -> dict[str, Any]:
    """Ask for the state of a rebinning, or for its end.

    Parameters
    ----------
    function : {"checkRebinStatus", "cancelRebin"}
        The call.
    job_id : str
        The rebinning.
    """
    return seal(function, {"JobID": int(job_id)})


def ask_light_curve(job_id: str) -> dict[str, Any]:
    """Ask for a rebinned light curve with all its variants."""
    return seal(_RESULT, {"type": _REBINNED, "objectID": int(job_id), "incbad": "both", "nosys": "both"})


def _written(request: LightCurveRequest) -> dict[str, Any]:
    """The light curve part of a submission."""
    # Times may count from T0 or not: they go as they stand.
    whole = XRTRequest(target=Target("any", resolve_t0=True), light_curve=request, times_since_t0=True)
    return {key: value for key, value in whole.to_wire(user="any").items() if key in _FIELDS}


def _plain(key: str, value: Any) -> Any:
    return bool(value) if isinstance(_FIELDS[key].metadata["kind"], Flag) else value


# ---------------------------------------------------------------- what a server reads


def read_rebin(
    payload: Mapping[str, Any], base: LightCurveRequest, *, times_since_t0: bool = False
) -> tuple[str, LightCurveRequest]:
    """Read how a light curve is to be binned anew.

    Parameters
    ----------
    payload : mapping
        What came; unknown names are ignored.
    base : LightCurveRequest
        How it was binned; it stands for what is left out.
    times_since_t0 : bool, optional
        Whether seconds in intervals count from T0, as in the job.

    Returns
    -------
    job_id : str
        The job that has the light curve; see `job_id_of`.
    request : LightCurveRequest
        How it is to be binned.

    Raises
    ------
    RequestError
        With all problems at once, under the names used here.
    """
    given = {_KEY_OF[name]: value for name, value in payload.items() if name in _KEY_OF and not is_unset(value)}
    before = _written(base)
    before = _without_followers(before, base, given) | _other_ends(base, given)
    if "binMeth" in given:
        method = str(given["binMeth"]).strip().lower()
        given["binMeth"] = _METHOD_OF.get(method, method)
        if given["binMeth"] != before["binMeth"]:  # numbers of one way of binning say nothing about another
            before = {key: value for key, value in before.items() if key not in _BINNING_KEYS}
    if "uselcobs" in given:
        before.pop("lcobs", None)
    times = {"SinceT0": int(times_since_t0), "getT0": 1}
    whole = XRTRequest.from_wire({"name": "any", **times, **before, **given, "lc": 1})
    request = whole.light_curve
    if request is None:  # pragma: no cover - it was asked for just now
        raise RequestError("holds no light curve", "rebinning")
    return job_id_of(payload), request


def _without_followers(before: dict[str, Any], base: LightCurveRequest, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for without the bands that follow from the total band, if that is changed."""
    if not given.keys() & set(_BANDS["band"]):
        return before
    kept = {*_BANDS["band"], *_written(base.replace(band=None))}
    return {key: value for key, value in before.items() if key in kept}


def _other_ends(base: LightCurveRequest, given: Mapping[str, Any]) -> dict[str, Any]:
    """The ends of bands of which only the other end is given."""
    complete = _written(base.with_defaults())
    halves = [pair for pair in _BANDS.values() if len(given.keys() & set(pair)) == 1]
    return {key: complete[key] for pair in halves for key in pair}


def job_id_of(payload: Mapping[str, Any]) -> str:
    """The job or rebinning that a call is about; an empty text if none is named.

    Raises
    ------
    RequestError
        If it is about something that is not a light curve of a job.
    """
    if "type" not in payload:
        return "" if is_unset(payload.get("JobID")) else str(payload["JobID"])
    wanted = _REBINNED if payload.get("APIFunc") == _RESULT else _JOB
    if payload["type"] != wanted:
        raise RequestError([("type", f"must be {wanted!r} here; got {payload['type']!r:.60}")])
    return "" if is_unset(payload.get("objectID")) else str(payload["objectID"])


# ---------------------------------------------------------------- what a server answers


def unknown_job(job_id: str) -> dict[str, Any]:
    """The reply about a rebinning, or a job to be binned anew, that does not exist."""
    return failure(f"There is no job {job_id:.60} with a light curve.")


def encode_job(job_id: str) -> dict[str, Any]:
    """The reply to an accepted rebinning."""
    return success({"JobID": int(job_id)})


def encode_status(status: ProductStatus) -> dict[str, Any]:
    """The reply about the state of a rebinning."""
    code, text = encode_phase(status)
    return success({"status": code, "text": text})


def encode_cancel(cancelled: bool) -> dict[str, Any]:
    """The reply to a cancellation: the reference client asks only whether there is an ``OK`` in it."""
    return success({}) if cancelled else failure("The job could not be cancelled - has it already finished?")


def encode_missing(reason: str) -> dict[str, Any]:
    """The reply when a rebinning has ended without a light curve."""
    return success({"Datasets": [], _NO_LIGHT_CURVE: reason})


# ---------------------------------------------------------------- what a client reads


def open_reply(reply: Any, *, url: str, job_id: str) -> dict[str, Any]:
    """Check the envelope of a reply and return its content.

    Parameters
    ----------
    reply : object
        The decoded JSON.
    url : str
        Where the reply came from, for the error.
    job_id : str
        The job or rebinning that was asked about.

    Raises
    ------
    ProtocolError
        If the reply has not the form the protocol demands.
    JobLostError
        If there is no such job.
    RequestRejectedError
        If the service refused for another reason.
    """
    text = str(reply.get("ERRORTEXT") or "") if isinstance(reply, Mapping) and "ERROR" in reply else ""
    if _NO_JOB.search(text):
        raise JobLostError(
            f"the service does not know this job, or has no light curve of it ({text}); submit the request again",
            job_id=job_id,
        )
    try:
        return open_envelope(reply, url=url)
    except UnknownObjectError as error:
        raise RequestRejectedError(f"the service refused: {error}", url=url) from error


def decode_job(content: Mapping[str, Any]) -> str:
    """The identifier of a rebinning that was accepted.

    Raises
    ------
    ProtocolError
        If there is none.
    """
    try:
        return str(int(content["JobID"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(
            "the rebinning was accepted, but the reply does not name it",
            advice="call rebin() again",
            payload_excerpt=repr(dict(content))[:_EXCERPT],
        ) from error


def decode_status(content: Mapping[str, Any], job_id: str) -> JobReport:
    """Read the state of a rebinning."""
    phase, text = decode_phase(content.get("status"), content.get("text"))
    return JobReport(job_id, {ProductKind.LIGHT_CURVE: ProductStatus(phase, text)})


def decode_cancel(reply: Any, *, url: str, job_id: str) -> str:
    """Why a rebinning was not cancelled; an empty text if it was.

    Raises
    ------
    ProtocolError, JobLostError
        As for `open_reply`.
    """
    if isinstance(reply, Mapping) and "OK" not in reply and "ERROR" not in reply:
        return ALREADY_ENDED
    try:
        open_reply(reply, url=url, job_id=job_id)
    except RequestRejectedError:
        return ALREADY_ENDED
    return ""


def check_light_curve(content: Mapping[str, Any]) -> None:
    """Look whether there is a light curve in a reply.

    Raises
    ------
    ProductNotAvailableError
        If the service says that there is none.
    """
    if _NO_LIGHT_CURVE in content:
        reason = content[_NO_LIGHT_CURVE]
        told = isinstance(reason, str) and not reason.strip().isdecimal() and reason.strip()
        raise ProductNotAvailableError(
            ProductKind.LIGHT_CURVE.title, told or "nothing is left of it with the new binning"
        )
