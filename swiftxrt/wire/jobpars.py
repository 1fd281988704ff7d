"""The parameters of a job as the service returns them after acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._fields import Flag
from .._fields.base import is_code
from ..request.bundle import XRTRequest
from ..request.target import Target
from .names import ALIASES
from .request import from_wire, to_wire
from .values import is_unset

__all__ = ["completed_request", "job_parameters", "resolved_target"]

# What asks the service to look something up, and what it finds.
_LOOK_UPS = {"getCoords": "RA", "getTargs": "targ", "getT0": "Tstart"}

_CANONICAL = {other: key for key, others in ALIASES.items() for other in others}


def job_parameters(request: XRTRequest, user: str) -> dict[str, Any]:
    """All parameters of an accepted request, defaults filled in, in wire names.

    Parameters
    ----------
    request : XRTRequest
        The request, its target resolved.
    user : str
        The sender, who alone gets to see the result.

    Returns
    -------
    parameters : dict
    """
    parameters = to_wire(request.with_defaults(), user)
    for key in _LOOK_UPS:
        parameters.pop(key, None)
    if request.spectrum is not None:
        parameters.setdefault("timeslice", "single")  # A name for the single spectrum says so by itself.
    # The service takes 'SinceT0' and returns 'sinceT0'.
    parameters["sinceT0"] = parameters.pop("SinceT0", 0)
    return parameters


def completed_request(parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> XRTRequest:
    """The request as the service completed it.

    Parameters
    ----------
    parameters : mapping
        ``jobPars`` of the reply.
    sent : mapping
        The request as it was sent; it stands for what the reply leaves out,
        or says in a code of the service.

    Returns
    -------
    request : XRTRequest

    Raises
    ------
    RequestError
        If the parameters cannot be read.
    """
    merged = dict(sent)
    for key, value in parameters.items():
        name = _CANONICAL.get(key, key)
        if not _tells_less(value, merged.get(name)):
            merged[name] = value
    looked_up = [key for key, found in _LOOK_UPS.items() if not is_unset(merged.get(found))]
    return from_wire({key: value for key, value in merged.items() if key not in looked_up})


def _tells_less(told: Any, sent: Any) -> bool:
    """Whether a value of the reply is no value, or a code, where a word or a yes or no was sent."""
    if is_unset(sent):
        return False
    if isinstance(sent, str) and not is_code(sent):
        return is_unset(told) or is_code(told)
    is_name = isinstance(told, str) and not Flag().knows(told) and not _is_number(told)
    return is_unset(told) or (Flag().knows(sent) and is_name)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def resolved_target(parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> Target:
    """The target as the service completed it; parameters as for `completed_request`."""
    return completed_request(parameters, sent).target
