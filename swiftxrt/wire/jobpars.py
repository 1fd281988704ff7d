"""The parameters of a job as the service returns them after acceptance."""

from __future__ import annotations

from typing import Any

from ..request.bundle import XRTRequest
from .request import to_wire

__all__ = ["job_parameters"]

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
