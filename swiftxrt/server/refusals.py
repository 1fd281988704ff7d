"""Refusals: what clients are told when something cannot be done, and what they are not told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._log import log
from .._printable import without_paths
from ..exceptions import (
    IdentifierError,
    NoDataError,
    ProductNotAvailableError,
    ProtocolError,
    RequestError,
    ServiceUnavailableError,
)
from ..wire import envelope
from ..wire.names import key_of_field

__all__ = ["RefusedError", "refusal", "refusal_of", "without_paths"]

#: The service's words (ours where they are not known) for problems with parameters.
_PROBLEMS = "There were problems with the parameters you supplied."
_MISSING = "The following parameters are needed, but were not supplied:"
_INVALID = "The following parameters have invalid values:"
_BUSY = "The server takes no requests at the moment. Please try again later."
_INTERNAL = (
    "The server could not do this because of a fault of its own, which it has written to its log. "
    "Please try again later, and tell its operator if it stays so."
)

#: Errors whose text is meant for whoever sent the request.
_FOR_THE_SENDER = (NoDataError, IdentifierError, ProductNotAvailableError, ProtocolError)

# How problems with what is not there begin; the service lists their names only.
_NEEDED = "is needed: "


class RefusedError(Exception):
    """Carries the reply of a refusal out of nested calls."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(str(reply.get("ERRORTEXT", reply["ERROR"])))
        self.reply = reply


def refusal(text: str, groups: Iterable[tuple[str, Iterable[str]]] = ()) -> dict[str, Any]:
    """A reply that refuses; names of files and folders are taken out of it.

    Parameters
    ----------
    text : str
        The reason.
    groups : iterable of (str, iterable of str), optional
        Problems with parameters, under headings.
    """
    cleaned = [(label, [without_paths(item) for item in items]) for label, items in groups]
    return envelope.failure(without_paths(text), [group for group in cleaned if group[1]])


def refusal_of(error: Exception, path: str) -> dict[str, Any]:
    """The reply for an error.

    Parameters
    ----------
    error : Exception
        What went wrong.
    path : str
        The call, for the log.
    """
    if isinstance(error, RequestError):
        return _parameter_refusal(error)
    if isinstance(error, _FOR_THE_SENDER):
        return refusal(str(error))
    if isinstance(error, ServiceUnavailableError):
        log.warning("%s refused: %s", path, error)
        return refusal(_BUSY)
    log.error("%s failed", path, exc_info=error)
    return refusal(_INTERNAL)


def _parameter_refusal(error: RequestError) -> dict[str, Any]:
    missing, invalid = [], []
    for field, message in error.problems:
        key = key_of_field(field) or field
        if message.startswith(_NEEDED):
            missing.append(key)
        else:
            invalid.append(f"{key} {message}".strip())
    return refusal(_PROBLEMS, [(_MISSING, missing), (_INVALID, invalid)])
