"""The envelope of the calls that name their function in the payload: catalogues, bursts, rebinning.

Nobody's address is sent with them. A reply has ``OK``, whatever its value, or
says in ``ERROR`` and ``ERRORTEXT`` what went wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from .._printable import printable
from ..exceptions import ProtocolError, RequestRejectedError, UnknownObjectError

__all__ = ["API_VERSION", "failure", "open_reply", "seal", "success"]

#: Version of this protocol; not that of the product service.
API_VERSION = "1.0.5"

_ENVELOPE = ("OK", "APIVersion")
_EXCERPT = 300
# The codes of the service are not known; one sentence is: "Dataset with obsid: `...` is not found in the ... catalogue."
_UNKNOWN = re.compile(
    r"not found|no such|does not exist|not in the .{0,40}catalog|unknown (?:source|name|object)", re.I
)


def seal(function: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A request as it is sent.

    Parameters
    ----------
    function : str
        Name of the function.
    content : mapping
        Its arguments.
    """
    return {**content, "APIFunc": function, "APIVersion": API_VERSION}


def success(content: Mapping[str, Any]) -> dict[str, Any]:
    """A reply that says all went well."""
    return {"OK": 1, "APIVersion": API_VERSION, **content}


def failure(text: str, code: int | str = 1) -> dict[str, Any]:
    """A reply that says what went wrong; the service sends nothing else with it."""
    return {"ERROR": code, "ERRORTEXT": text}


def open_reply(reply: Any, *, url: str, needed: Collection[str] = ()) -> dict[str, Any]:
    """Check the envelope of a reply and return its content.

    Parameters
    ----------
    reply : object
        The decoded JSON.
    url : str
        Where the reply came from, for the error.
    needed : collection of str, optional
        What the content must have.

    Raises
    ------
    UnknownObjectError
        If the service has no such thing.
    RequestRejectedError
        If it refused for another reason.
    ProtocolError
        If the reply has not the form the protocol demands.
    """
    if isinstance(reply, Mapping) and "ERROR" in reply:
        text = printable(str(reply.get("ERRORTEXT") or "it gave no reason"))
        if _UNKNOWN.search(text):
            raise UnknownObjectError(f"the service does not have it: {text}")
        raise RequestRejectedError(f"the service refused: {text} (its code is {reply['ERROR']!r:.20})", url=url)
    lacking = [key for key in ("OK", *needed) if not isinstance(reply, Mapping) or key not in reply]
    if lacking:
        raise ProtocolError(
            f"the reply is not what the service's protocol promises (no {', '.join(map(repr, lacking))} in it)",
            url=url,
            payload_excerpt=repr(reply)[:_EXCERPT],
        )
    return {key: value for key, value in reply.items() if key not in _ENVELOPE}
