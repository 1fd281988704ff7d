"""Status and cancellation replies of the product service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import IntEnum
from html import unescape
from typing import Any

from .._printable import printable
from ..exceptions import ProtocolError
from ..kinds import ProductKind
from ..products.report import ALREADY_ENDED, JobReport, Phase, ProductStatus, Step, StepState

__all__ = [
    "CancelCode",
    "decode_cancel",
    "decode_phase",
    "decode_status",
    "encode_cancel",
    "encode_phase",
    "encode_status",
    "kinds_of",
    "what",
]

# Phases by the service's status codes; the text is ours where it is not known.
_PHASE_BY_CODE = {
    1: Phase.PENDING,
    2: Phase.QUEUED,
    3: Phase.EXECUTING,
    4: Phase.COMPLETED,
    5: Phase.SUSPENDED,
    -1: Phase.ERROR,
    -2: Phase.ERROR,
    -3: Phase.ERROR,
    -4: Phase.ABORTED,
}
_CODE_BY_PHASE = {
    Phase.PENDING: (1, "Requested"),
    Phase.QUEUED: (2, "Queued"),
    Phase.EXECUTING: (3, "Running"),
    Phase.COMPLETED: (4, "Complete"),
    Phase.SUSPENDED: (5, "Waiting for the standard position"),
    Phase.ERROR: (-3, "No product could be made"),
    Phase.ABORTED: (-4, "Cancelled at your request"),
    Phase.UNKNOWN: (None, "Unknown status"),
}
_STANDARD_TEXTS = {text for _, text in _CODE_BY_PHASE.values()}
# The elements of HTML that a sentence may hold; other words in angle brackets are meant as they stand.
_BREAK = re.compile(r"</?(?:br|div|li|ol|p|pre|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_DRESS = re.compile(
    r"</?(?:a|b|big|code|em|font|i|s|small|span|strong|sub|sup|tt|u|var)(?:\s[^<>]*)?/?>", re.IGNORECASE
)


class CancelCode(IntEnum):
    """What the service answers for each product that was to be cancelled."""

    CANCELLED = 0
    FINISHED = 1
    NOT_IN_JOB = 2
    REFUSED = 3
    UNKNOWN = 4

    @property
    def reason(self) -> str:
        """Why a product goes on, in our words; empty if it was cancelled."""
        return _CANCEL_REASON[self]


_CANCEL_REASON = {
    CancelCode.CANCELLED: "",
    CancelCode.FINISHED: ALREADY_ENDED,
    CancelCode.NOT_IN_JOB: "the service says it is not part of this job",
    CancelCode.REFUSED: "the service does not say why",
    CancelCode.UNKNOWN: "the service does not know what came of it",
}
_CANCEL_TEXT = {
    CancelCode.CANCELLED: "Job cancelled OK",
    CancelCode.FINISHED: "Job could not be cancelled - has it already finished?",
    CancelCode.NOT_IN_JOB: "This product is not part of the job",
    CancelCode.REFUSED: "Job could not be cancelled",
    CancelCode.UNKNOWN: "Unknown",
}


def what(kinds: Iterable[ProductKind]) -> str:
    """The list of products as the service wants it: codes, joined by commas."""
    return ",".join(kind.code for kind in kinds)


def kinds_of(text: Any) -> tuple[list[ProductKind], list[str]]:
    """Split a list of codes into known kinds and unknown words (server side)."""
    known, unknown = [], []
    for word in filter(None, (part.strip() for part in str(text or "").split(","))):
        try:
            known.append(ProductKind.from_code(word))
        except KeyError:
            unknown.append(word)
    return known, unknown


def encode_status(report: JobReport, kinds: Iterable[ProductKind], unknown: Iterable[str] = ()) -> dict[str, Any]:
    """The content of a status reply."""
    reply: dict[str, Any] = {"JobID": int(report.job_id)}
    for kind in kinds:
        reply[kind.code] = _encode_product(report.products.get(kind, ProductStatus(Phase.UNKNOWN)))
    for word in unknown:
        reply[word] = _encode_product(ProductStatus(Phase.UNKNOWN))
    return reply


def _encode_product(status: ProductStatus) -> dict[str, Any]:
    code, text = encode_phase(status)
    progress: dict[str, Any] = {"GotProgress": 0}
    if status.phase is Phase.EXECUTING and status.steps:
        seconds = int(status.running_s or 0)
        progress = {
            "GotProgress": 1,
            "ProgressSteps": [_encode_step(step) for step in status.steps],
            "TimeRunning": f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        }
        if status.preface:
            progress["PreProgress"] = status.preface
    return {"statusCode": code, "statusText": text, "progress": progress}


def encode_phase(status: ProductStatus) -> tuple[int | None, str]:
    """Code and text of a state."""
    code, text = _CODE_BY_PHASE[status.phase]
    return code, status.text or text


def _encode_step(step: Step) -> dict[str, Any]:
    plain: dict[str, Any] = {"StepLabel": step.label, "StepStatus": int(step.state)}
    if step.note:
        plain["StepExtra"] = step.note
    if step.steps:
        plain["SubStep"] = [_encode_step(inner) for inner in step.steps]
    return plain


def decode_status(reply: Mapping[str, Any], job_id: str, kinds: Iterable[ProductKind]) -> JobReport:
    """Read a status reply.

    A product that is missing, or whose code is null or unheard of, has the
    phase `Phase.UNKNOWN`; nothing else is lost by it.

    Raises
    ------
    ProtocolError
        If an entry is not an object.
    """
    return JobReport(job_id, {kind: _decode_product(reply.get(kind.code), kind) for kind in kinds})


def _decode_product(entry: Any, kind: ProductKind) -> ProductStatus:
    if entry is None:
        return ProductStatus(Phase.UNKNOWN, "the service did not report this product")
    if not isinstance(entry, Mapping):
        raise ProtocolError(f"the status of the {kind.title} is not an object: {entry!r:.100}")
    phase, text = decode_phase(entry.get("statusCode"), entry.get("statusText"))
    progress = entry.get("progress")
    if not isinstance(progress, Mapping):
        progress = {}
    return ProductStatus(
        phase,
        text,
        _decode_steps(progress.get("ProgressSteps")),
        _seconds(progress.get("TimeRunning")),
        _plain(progress.get("PreProgress")),
    )


def decode_phase(code: Any, text: Any) -> tuple[Phase, str]:
    """Phase and text of a state; both are kept in the text of a state that is not known.

    Parameters
    ----------
    code : object
        Such as 3, or ``"3"``.
    text : object
        Such as ``"Running"``; the usual texts, which say no more than the
        phase, are left out.

    Returns
    -------
    phase, text : Phase, str
    """
    plain = _plain(text)
    plain = "" if plain in _STANDARD_TEXTS else plain
    try:
        return _PHASE_BY_CODE[int(code)], plain
    except (TypeError, ValueError, OverflowError, KeyError):
        given = "no state" if code is None else f"the unknown state {str(code)!r:.40}"
        return Phase.UNKNOWN, f"the service reports {given}{f' ({plain})' if plain else ''}"


def _plain(text: Any) -> str:
    """Words without the HTML they are dressed in."""
    if text is None:
        return ""
    return printable(" ".join(unescape(_DRESS.sub("", _BREAK.sub(" ", str(text)))).split()))


def _decode_steps(steps: Any) -> tuple[Step, ...]:
    """Steps that can be read; progress is for show and never an error."""
    return tuple(_decode_step(step) for step in steps if isinstance(step, Mapping)) if isinstance(steps, list) else ()


def _decode_step(step: Mapping[str, Any]) -> Step:
    try:
        state = StepState(int(step.get("StepStatus", 0)))
    except (TypeError, ValueError, OverflowError):
        state = StepState.WAITING
    return Step(_plain(step.get("StepLabel")), state, _plain(step.get("StepExtra")), _decode_steps(step.get("SubStep")))


def _seconds(text: Any) -> float | None:
    try:
        hours, minutes, seconds = (int(part) for part in str(text).split(":"))
    except ValueError:
        return None
    return float(hours * 3600 + minutes * 60 + seconds)


def encode_cancel(job_id: str, outcome: Mapping[str, CancelCode]) -> tuple[dict[str, Any], int]:
    """Content of a cancellation reply and its overall code: 1 if all were cancelled, else 2.

    The protocol's 0 is for refusals; the reference client takes it for an error.
    """
    content = {
        "JobID": int(job_id),
        "status": {word: _CANCEL_TEXT[code] for word, code in outcome.items()},
        "statusCodes": {word: int(code) for word, code in outcome.items()},
    }
    cancelled = sum(code is CancelCode.CANCELLED for code in outcome.values())
    return content, 1 if cancelled == len(outcome) else 2


def decode_cancel(reply: Mapping[str, Any], kinds: Iterable[ProductKind]) -> dict[ProductKind, CancelCode]:
    """Read a cancellation reply.

    Parameters
    ----------
    reply : mapping
        The content of the reply.
    kinds : iterable of ProductKind
        What was to be cancelled.

    Returns
    -------
    outcome : dict of ProductKind to CancelCode
        ``UNKNOWN`` for products of which the reply says nothing.

    Raises
    ------
    ProtocolError
        If it has no list of codes.
    """
    codes = reply.get("statusCodes")
    if not isinstance(codes, Mapping):
        raise ProtocolError(
            "the reply to a cancellation lists no 'statusCodes'", advice="ask for the job's state instead"
        )
    return {kind: _cancel_code(codes.get(kind.code)) for kind in kinds}


def _cancel_code(code: Any) -> CancelCode:
    try:
        return CancelCode(int(code))
    except (TypeError, ValueError, OverflowError):
        return CancelCode.UNKNOWN
