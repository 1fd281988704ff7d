"""Turning what a user names into a target."""

from __future__ import annotations

from typing import Any

from astropy.coordinates import SkyCoord

from ..exceptions import RequestError
from ..request.target import Target

__all__ = ["as_target"]


def as_target(value: Any) -> Target:
    """Make a `~swiftxrt.Target` of a target, a name or a position.

    Parameters
    ----------
    value : Target, str or `~astropy.coordinates.SkyCoord`
        A name alone leaves position and target IDs to the backend.

    Raises
    ------
    RequestError
        If it is none of these.
    """
    if isinstance(value, Target):
        return value
    if isinstance(value, str):
        return Target(name=value)
    if isinstance(value, SkyCoord):
        label = value.icrs.to_string("hmsdms", sep="", precision=1).replace(" ", "") if value.isscalar else ""
        return Target(name=f"J{label}", position=value)
    raise RequestError([("target", f"a Target, a name or a SkyCoord is needed; got {value!r}")])
