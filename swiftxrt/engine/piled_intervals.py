"""When a source is bright enough for pile-up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..products.gti import GTI
from .region_rules import Measurement
from .snapshots import STEP_S, Snapshot

__all__ = ["part_of", "piled_time"]

Floats = NDArray[np.float64]

#: The running rate is taken over the time in which the threshold gives so many events, within limits (s).
RUNNING_COUNTS = 20
RUNNING_S = (STEP_S, 50.0)
#: Bright intervals with a shorter gap (s) than this are one; shorter ones with fewer events are not looked at.
LEAST_GAP_S = 60.0
LEAST_COUNTS = 50
# Seconds are rounded to so many decimals.
_DECIMALS = 3
#: A snapshot is cut up only if chance makes a constant source vary so much less often than this.
CHANCE = 1e-3


def piled_time(measured: Measurement, threshold_cps: float, radius_pix: float) -> GTI:
    """Good time in which the raw count rate is above a threshold.

    All of the snapshot or nothing, by its mean rate, if the source is
    constant; otherwise what the running rate says.

    Parameters
    ----------
    measured : Measurement
        Events of the snapshot that count.
    threshold_cps : float
        Raw count rate, less background, in ct/s.
    radius_pix : float
        Radius in which it is measured.

    Returns
    -------
    gti : GTI
        Empty if there is no such time.
    """
    gti = measured.target.snapshot.gti
    background = measured.counts(radius_pix) - measured.net_counts(radius_pix)
    counts, edges_s = _running(measured, threshold_cps, radius_pix)
    length_s = np.diff(edges_s)
    limit = threshold_cps + background / edges_s[-1]
    if _is_constant(counts, length_s):
        return gti if counts.sum() > limit * edges_s[-1] else GTI.empty()
    found = []
    for first, last in _joined(counts > limit * length_s, edges_s):
        if counts[first:last].sum() >= LEAST_COUNTS:
            found.append((edges_s[first], edges_s[last]))
    piled = _from_elapsed(gti, found)
    return gti if gti.exposure_s - piled.exposure_s < LEAST_GAP_S else piled


def part_of(snapshot: Snapshot, gti: GTI) -> Snapshot:
    """A snapshot in some of its good time only."""
    if gti == snapshot.gti:
        return snapshot
    time_s = snapshot.events.met_mid_s[snapshot.index]
    return replace(snapshot, gti=gti, index=snapshot.index[gti.contains(time_s)])


def _running(measured: Measurement, threshold_cps: float, radius_pix: float) -> tuple[Floats, Floats]:
    """Events in steps of good time, and the edges of these in seconds of good time."""
    gti, events = measured.target.snapshot.gti, measured.target.snapshot.events
    wanted_s = float(np.clip(RUNNING_COUNTS / threshold_cps, *RUNNING_S))
    number = max(round(gti.exposure_s / wanted_s), 1)
    edges_s = np.linspace(0.0, gti.exposure_s, number + 1)
    inside = measured.index[measured.target.select(events.x[measured.index], events.y[measured.index], 0.0, radius_pix)]
    before_s = np.append(0.0, np.cumsum(gti.stop - gti.start))
    time_s = events.met_mid_s[inside]
    part = np.clip(np.searchsorted(gti.start, time_s, side="right") - 1, 0, len(gti) - 1)
    counts, _ = np.histogram(before_s[part] + time_s - gti.start[part], edges_s)
    return counts.astype(float), edges_s


def _is_constant(counts: Floats, length_s: Floats) -> bool:
    if counts.size < 2 or not counts.sum():
        return True
    expected = counts.sum() * length_s / length_s.sum()
    chi2 = float(np.sum((counts - expected) ** 2 / expected))
    return bool(special.chdtrc(counts.size - 1, chi2) > CHANCE)


def _joined(bright: NDArray[np.bool_], edges_s: Floats) -> list[tuple[int, int]]:
    """First and last edge of each bright stretch; those with short gaps in between are one."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], bright, [False]]).astype(int)))
    stretches: list[tuple[int, int]] = []
    for first, last in change.reshape(-1, 2):
        if stretches and edges_s[first] - edges_s[stretches[-1][1]] < LEAST_GAP_S:
            first = stretches.pop()[0]
        stretches.append((int(first), int(last)))
    return stretches


def _from_elapsed(gti: GTI, stretches: list[tuple[float, float]]) -> GTI:
    """Stretches of elapsed good time as good time."""
    before_s = np.append(0.0, np.cumsum(gti.stop - gti.start))
    parts = []
    for first, last in stretches:
        # Rounding must not leave slivers of an interval.
        low = np.clip(gti.start + np.round(first - before_s[:-1], _DECIMALS), gti.start, gti.stop)
        high = np.clip(gti.start + np.round(last - before_s[:-1], _DECIMALS), gti.start, gti.stop)
        high = np.where(gti.stop - high < 10.0**-_DECIMALS, gti.stop, high)
        parts += [(start, stop) for start, stop in zip(low, high, strict=True) if stop > start]
    return GTI.from_pairs(parts) if parts else GTI.empty()
