"""The parameters of a job as the service returns them after acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..request.bundle import XRTRequest
from ..request.target import Target
from .request import from_wire, to_wire

__all__ = ["job_parameters", "resolved_target"]

# What asks the service to look something up; after acceptance it has been done.
_LOOK_UPS = ("getCoords", "getTargs", "getT0")


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
    # The service takes 'SinceT0' and returns 'sinceT0'.
    parameters["sinceT0"] = parameters.pop("SinceT0", 0)
    return parameters


def resolved_target(parameters: Mapping[str, Any], sent: Mapping[str, Any]) -> Target:
    """The target as the service completed it.

    Parameters
    ----------
    parameters : mapping
        ``jobPars`` of the reply.
    sent : mapping
        The request as it was sent; it stands for what the reply leaves out.
    """
    merged = {**sent, **parameters}
    looked_up = [key for key in _LOOK_UPS if merged.get({"getTargs": "targ", "getT0": "Tstart"}.get(key, "RA"))]
    return from_wire({key: value for key, value in merged.items() if key not in looked_up}).target
