"""Calls about what is catalogued: they go to the catalogue of the backend, and come without the sender's address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exceptions import NoDataError, ProductNotAvailableError, RequestError, RequestRejectedError, UnknownObjectError
from ..wire import api
from .call import Call, Reply
from .refusals import without_paths

__all__ = ["QUICK", "answer", "is_for_catalog"]

_REFUSALS = (NoDataError, ProductNotAvailableError, RequestError, RequestRejectedError, UnknownObjectError)
#: What light curves and rebinnings can belong to besides the jobs of users.
_BURST = "GRB"
#: Functions that never wait for anything.
QUICK = frozenset({"checkSliceStatus", "cancelSlice"})


def is_for_catalog(payload: Mapping[str, Any]) -> bool:
    """Whether a call that exists for jobs too is about a burst."""
    return payload.get("type") == _BURST


def answer(call: Call, name: str) -> Reply:
    """The reply to a call."""
    try:
        return api.success(call.backend.catalog.answer(name, call.payload, call.base_url))
    except _REFUSALS as error:
        return api.failure(without_paths(str(error)))
