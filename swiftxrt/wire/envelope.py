"""What every request and every reply of the product service has around its content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ..exceptions import JobLostError, NotRegisteredError, ProtocolError, RequestRejectedError, ServiceWarning, warn
from .names import field_of_key

__all__ = ["API_NAME", "API_VERSION", "PROVENANCE", "failure", "open_reply", "redact", "seal", "success"]

API_NAME = "xrt_prods"
#: Version of the protocol; a text, because the number 1.10 cannot be told from 1.1.
API_VERSION = "1.12"

#: Key under which the embedded server tells how a product was made; the real
#: service does not send it, and other clients ignore it.
PROVENANCE = "Provenance"

# The service has no error codes: these are the two sentences known from its
# documentation, and what they mean.
_NOT_OWNER = re.compile(r"not owned by", re.IGNORECASE)
_NOT_REGISTERED = re.compile(r"not recogni[sz]ed|not validated", re.IGNORECASE)
_EXCERPT = 300


def seal(payload: Mapping[str, Any], user: str) -> dict[str, Any]:
    """Add the sender's identity and the protocol version to a request."""
    return {"UserID": user, **payload, "api_name": API_NAME, "api_version": API_VERSION}


def success(payload: Mapping[str, Any], *, code: int = 1) -> dict[str, Any]:
    """A reply that says all went well (``code`` 2: only partly, for cancellations)."""
    return {"OK": code, "APIVersion": API_VERSION, **payload}


def failure(text: str, groups: Iterable[tuple[str, Iterable[str]]] = ()) -> dict[str, Any]:
    """A reply that says what went wrong.

    Parameters
    ----------
    text : str
        The error in one sentence.
    groups : iterable of (str, iterable of str)
        Groups of problems with the parameters, each with a heading.
    """
    reply: dict[str, Any] = {"OK": 0, "APIVersion": API_VERSION, "ERROR": text}
    listed = [{"label": label, "list": list(items)} for label, items in groups]
    if listed:
        reply["listErr"] = listed
    return reply


def open_reply(reply: Any, *, user: str, url: str, job_id: str | None = None) -> dict[str, Any]:
    """Check the envelope of a reply and return its content.

    Parameters
    ----------
    reply : object
        The decoded JSON.
    user : str
        The sender; removed from every error text.
    url : str
        Where the reply came from, for the error.
    job_id : str, optional
        The job that was asked about.

    Returns
    -------
    content : dict
        Everything but the envelope.

    Raises
    ------
    ProtocolError
        If the reply has not the form the protocol demands.
    NotRegisteredError, JobLostError, RequestRejectedError
        If the service refused, by its reason.
    """
    if not isinstance(reply, Mapping) or "OK" not in reply:
        raise ProtocolError(
            "the reply is not what the service's protocol promises (no 'OK' in it); "
            "try again later, and report it if it stays so",
            url=url,
            payload_excerpt=redact(repr(reply), user)[:_EXCERPT],
        )
    # A cancellation of which nothing came is no refusal: it has codes for each product and no error.
    if reply["OK"] in (0, "0", None, "") and ("ERROR" in reply or "statusCodes" not in reply):
        _refuse(reply, user, url, job_id)
    deprecation = reply.get("deprecationWarning")
    if isinstance(deprecation, Mapping):
        warn(f"the service says: {redact(str(deprecation.get('message')), user)}", ServiceWarning)
    return {key: value for key, value in reply.items() if key not in ("OK", "APIVersion", "deprecationWarning")}


def _refuse(reply: Mapping[str, Any], user: str, url: str, job_id: str | None) -> NoReturn:
    text = redact(str(reply.get("ERROR", "no reason given")), user)
    if _NOT_REGISTERED.search(text):
        raise NotRegisteredError(
            "the service does not know the e-mail address it was given; register it once on the service's "
            f"registration page and confirm the mail, then give it as user= or in conf.user ({text})",
            url=url,
        )
    if _NOT_OWNER.search(text):
        raise JobLostError(f"the service does not know this job under your address ({text})", job_id=job_id)
    groups = reply.get("listErr")
    problems = []
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, Mapping) and isinstance(group.get("list"), list):
            label = redact(str(group.get("label", "")), user)
            problems += [_problem(label, redact(str(item), user)) for item in group["list"]]
    listed = "".join(f"\n* {field}: {message}" if field else f"\n* {message}" for field, message in problems)
    raise RequestRejectedError(f"the service refused: {text}{listed}", problems=problems, url=url)


def _problem(label: str, item: str) -> tuple[str, str]:
    """One of the service's complaints, under our name of the parameter it opens with."""
    key, _, rest = item.partition(" ")
    field = field_of_key(key) or ""
    return (field, rest or label) if field else ("", f"{label}: {item}" if label else item)


def redact(text: str, user: str) -> str:
    """The text without the sender's address, in whatever case it is written."""
    return re.sub(re.escape(user), "<your e-mail address>", text, flags=re.IGNORECASE) if user else text
