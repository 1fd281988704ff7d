"""What the times of a light-curve reply count from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ProtocolError
from ..mission import MJDREFF, MJDREFI
from ..products._curve import MET_DECIMALS
from ..products._datasets import EARLIEST_MET_S, Dataset, needs_t0

__all__ = ["Clock", "read_clock"]

_DAY_S = 86400.0
_MJD_0 = 2400000.5
# From the launch of Swift until well after its end, and times that are dates at all (1842 to 2159).
_MISSION_MET_S = (EARLIEST_MET_S, 2e9)
_DATES_MET_S = (-5e9, 5e9)


@dataclass(frozen=True)
class Clock:
    """What the times of a reply count from.

    Parameters
    ----------
    mjd : bool
        Whether they are MJD (UTC); otherwise seconds since T0, or MET.
    t0_met : float or None
        Reference time, MET in seconds.
    remarks : tuple of str
        What the user should know of it.
    barycentred : bool
        Whether they came as Julian dates at the barycentre, in TDB; see `started`.
    """

    mjd: bool
    t0_met: float | None
    remarks: tuple[str, ...] = ()
    barycentred: bool = False

    def started(self, dataset: Dataset) -> Dataset:
        """A dataset as it is read: Julian dates become the seconds of files that were corrected to the barycentre."""
        if not self.barycentred:
            return dataset
        days = dataset.values["Time"] - _MJD_0 - MJDREFI
        times = {"Time": (days - MJDREFF) * _DAY_S}
        times |= {name: np.round(dataset.values[name] * _DAY_S, MET_DECIMALS) for name in ("TimePos", "TimeNeg")}
        return replace(dataset, values={**dataset.values, **times})

    def fault(self, dataset: Dataset) -> str:
        """Why the times of a dataset cannot be used; empty if they can."""
        if not self.mjd and self.t0_met is None and needs_t0([dataset]):
            return "has times since a T0 that the reply does not name; tell it with t0_met"
        times = dataset.values["Time"]
        wrong = times[~_within(self._met_s(times), _DATES_MET_S)]
        return f"has times that are no dates, such as {wrong[0]:.10g}" if len(wrong) else ""

    def adapted(self, datasets: Iterable[Dataset]) -> Clock:
        """The clock that the times themselves call for: seconds are no MJD, whatever the reply says."""
        times = np.concatenate([np.array([]), *(dataset.values["Time"] for dataset in datasets)])
        seconds = replace(self, mjd=False)
        if not self.mjd or self.t0_met is None or not len(times) or _within(self._met_s(times), _MISSION_MET_S).any():
            return self
        if not _within(seconds._met_s(times), _MISSION_MET_S).all():
            return self
        remark = f"the reply calls its times MJD, but such as {times[0]:.10g} are none: they are read as s since T0"
        return replace(seconds, remarks=(*self.remarks, remark))

    def checked(self, datasets: Iterable[Dataset]) -> Clock:
        """The same with a remark on times outside of the mission."""
        times = np.concatenate([np.array([]), *(dataset.values["Time"] for dataset in datasets)])
        outside = times[~_within(self._met_s(times), _MISSION_MET_S)]
        if not len(outside):
            return self
        unit = "MJD" if self.mjd else f"s since T0 = {self.t0_met!r}" if self.t0_met is not None else "s"
        remark = f"times such as {outside[0]:.10g} {unit} lie outside of the mission; check T0 and the time format"
        return replace(self, remarks=(*self.remarks, remark))

    def _met_s(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """MET to about a minute, which is enough to tell a date from a number."""
        return (times - MJDREFI) * _DAY_S if self.mjd else times + (self.t0_met or 0.0)


def read_clock(reply: Mapping[str, Any], t0_met: float | None) -> Clock:
    """Read time format and T0 of a reply.

    Parameters
    ----------
    reply : mapping
        The whole reply.
    t0_met : float or None
        Reference time (MET in seconds) if the reply has none. Zero, which
        catalogue curves have, is none.

    Raises
    ------
    ProtocolError
        If the time format cannot be used.
    """
    words = str(reply.get("TimeFormat") or "MET").strip().upper()
    if words == "TDB":
        return Clock(mjd=False, t0_met=None, barycentred=True)
    if words not in ("MET", "SWIFT MET", "MJD"):
        raise ProtocolError(f"times in {words!r} are not understood", advice="ask for the time format MET or MJD")
    try:
        own_t0_met = float(reply.get("T0") or 0.0)
    except (TypeError, ValueError, OverflowError):
        own_t0_met = math.nan
    if math.isfinite(own_t0_met) and own_t0_met >= 0:
        return Clock(words == "MJD", own_t0_met or t0_met)
    instead = "it is left out" if t0_met is None else "it is taken from the request"
    return Clock(words == "MJD", t0_met, (f"T0 should be a MET in seconds; got {reply['T0']!r}: {instead}",))


def _within(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (values >= limits[0]) & (values <= limits[1])
