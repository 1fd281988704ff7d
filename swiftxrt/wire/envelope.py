"""What every request and every reply of the product service has around its content."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from .._log import log
from .._printable import printable
from ..exceptions import JobLostError, NotRegisteredError, ProtocolError, RequestRejectedError, ServiceWarning, warn
from .names import field_of_key

__all__ = ["API_NAME", "API_VERSION", "PROVENANCE", "failure", "open_reply", "redact", "seal", "success"]

API_NAME = "xrt_prods"
#: Version of the protocol; a text, because the number 1.10 cannot be told from 1.1.
API_VERSION = "1.12"

#: Key under which the embedded server tells how a product was made; the real
#: service does not send it, and other clients ignore it.
PROVENANCE = "Provenance"

_ENVELOPE = ("OK", "APIVersion", "deprecationWarning")

# The service has no error codes: these are the two sentences known from its
# documentation, and what they mean.
_NOT_OWNER = re.compile(r"not owned by", re.IGNORECASE)
_NOT_REGISTERED = re.compile(r"not recogni[sz]ed|not validated", re.IGNORECASE)
_EXCERPT = 300
_LONGEST_TEXT = 2000

# Shows what a reply holds, however deep: addresses are removed before texts are cut.
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 1 << 20
_shown.maxlist = _shown.maxdict = 50

# What the service said that users need to hear once only: types of deprecations, versions newer than ours.
_said: set[tuple[str, str]] = set()


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
        raise _unreadable("no 'OK' in it", reply, user, url)
    # A cancellation of which nothing came is no refusal: it has codes for each product and no error.
    if not _is_yes(reply, user, url) and ("ERROR" in reply or "statusCodes" not in reply):
        _refuse(reply, user, url, job_id)
    _look_at_version(reply.get("APIVersion"), url)
    _pass_on_deprecation(reply.get("deprecationWarning"), user)
    return {key: value for key, value in reply.items() if key not in _ENVELOPE}


def _unreadable(what: str, reply: Any, user: str, url: str) -> ProtocolError:
    return ProtocolError(
        f"the reply is not what the service's protocol promises ({what})",
        url=url,
        payload_excerpt=redact(_shown.repr(reply), user)[:_EXCERPT],
    )


def _is_yes(reply: Mapping[str, Any], user: str, url: str) -> bool:
    """Whether a reply says that all went well: any number but 0, also as a text."""
    said = reply["OK"]
    if said is None or isinstance(said, bool):
        return bool(said)
    text = _text(said).strip().lower()
    if text in ("", "false", "no"):
        return False
    if text in ("true", "yes"):
        return True
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise _unreadable(f"'OK' is {redact(_shown.repr(said), user):.40}", reply, user, url)
    return number != 0


def _look_at_version(version: Any, url: str) -> None:
    """Tell once if the service is newer than this package."""
    if version is None:
        log.debug("the reply of %s does not tell the version of the protocol", url)
        return
    theirs, ours = _numbers(_text(version)), _numbers(API_VERSION)
    if theirs is None or ours is None:
        log.debug("the reply of %s has a version of the protocol that is none: %.40r", url, version)
    elif theirs > ours and _is_new("version", _text(version)):
        warn(
            f"the service speaks version {_text(version):.40} of its protocol, this package {API_VERSION}; what is new may be "
            "missed or misread: look for an update of swiftxrt",
            ServiceWarning,
            stacklevel=4,
        )


def _numbers(version: str) -> tuple[int, ...] | None:
    found = re.match(r"\s*v?(\d{1,9}(?:\.\d{1,9})*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else None


def _pass_on_deprecation(notice: Any, user: str) -> None:
    """Warn of what will change, once for each type of notice."""
    if not notice:
        return
    if isinstance(notice, Mapping):
        message = _text(notice.get("message") or notice.get("type") or dict(notice))
        subject = _text(notice.get("type") or message)
    else:
        subject = message = _text(notice)
    if _is_new("deprecation", subject):
        warn(f"the service says: {redact(message, user)}", ServiceWarning, stacklevel=4)


def _is_new(topic: str, text: str) -> bool:
    key = topic, text[:_EXCERPT]
    if key in _said:
        return False
    _said.add(key)
    return True


def _refuse(reply: Mapping[str, Any], user: str, url: str, job_id: str | None) -> NoReturn:
    text = redact(_text(reply.get("ERROR") or "no reason given"), user)
    if _NOT_REGISTERED.search(text):
        raise NotRegisteredError(
            "the service does not know the e-mail address it was given; register it once on the service's "
            f"registration page and confirm the mail, then give it as user= or in conf.user ({text})",
            url=url,
        )
    if _NOT_OWNER.search(text):
        raise JobLostError(
            f"the service does not know this job under your address ({text}); list_jobs() shows your jobs",
            job_id=job_id,
        )
    problems = [_problem(redact(label, user), redact(item, user)) for label, item in _complaints(reply.get("listErr"))]
    listed = "".join(f"\n* {field}: {message}" if field else f"\n* {message}" for field, message in problems)
    raise RequestRejectedError(f"the service refused: {text}{listed}", problems=problems, url=url)


def _complaints(groups: Any) -> Iterator[tuple[str, str]]:
    """Heading and text of each complaint, in whatever shape they come: nothing that is said is lost."""
    for group in _as_list(groups):
        if not isinstance(group, Mapping):
            yield from (("", _text(item)) for item in _as_list(group))
        elif "label" in group or "list" in group:
            label = _text(group.get("label") or "")
            yield from ((label, _text(item)) for item in _as_list(group.get("list")) or [""])
        else:
            yield from (("", f"{key} {_text(text)}") for key, text in group.items())


def _text(value: Any) -> str:
    return printable(value if isinstance(value, str) else _shown.repr(value), _LONGEST_TEXT)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _problem(label: str, item: str) -> tuple[str, str]:
    """One of the service's complaints, under our name of the parameter it opens with."""
    key, _, rest = item.partition(" ")
    field = field_of_key(key) or ""
    if field:
        return field, rest or label
    return "", ": ".join(filter(None, (label, item)))


def redact(text: str, user: str) -> str:
    """The text without the sender's address, in whatever case it is written."""
    return re.sub(re.escape(user), "<your e-mail address>", text, flags=re.IGNORECASE) if user else text
