"""Turning what a user names into a target."""

from __future__ import annotations

from typing import Any

from astropy.coordinates import SkyCoord

from ..exceptions import RequestError
from ..request._rows import Cells, is_row
from ..request.target import Target

__all__ = ["as_target"]

# What tells a list of observations from a catalogue.
_OBSERVATION = {"obsid", "obs_id", "target_id", "targ_id"}
_SOURCE = {"iauname"}


def as_target(value: Any) -> Target:
    """Make a `~swiftxrt.Target` of a target, a name, a position or a row of a table.

    Parameters
    ----------
    value : Target, str, `~astropy.coordinates.SkyCoord`, `~astropy.table.Row` or mapping
        A name alone leaves position and target IDs to the backend. A row with
        an ObsID or a target ID is read as an observation, others as a
        catalogued source.

    Raises
    ------
    RequestError
        If it is none of these.

    Warns
    -----
    RequestWarning
        If the position is where the telescope pointed, see
        `Target.from_observation`.
    """
    if isinstance(value, Target):
        return value
    if isinstance(value, str):
        return Target(name=value)
    if isinstance(value, SkyCoord):
        return Target.from_position(value)
    if is_row(value):
        names = set(Cells(value).names)
        is_observation = bool(names & _OBSERVATION) and not names & _SOURCE
        return Target.from_observation(value) if is_observation else Target.from_source(value)
    raise RequestError([("target", f"a Target, a name, a SkyCoord or a row of a table is needed; got {value!r}")])
