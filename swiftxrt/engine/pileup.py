"""How much of a source's middle pile-up spoils.

Two photons that fall close together during one frame are taken for one, or
for a particle. The middle of a bright source therefore has too few events.
In photon counting mode the radial profile shows it: its wings, which are not
piled up, are scaled to the point spread function, and the middle is left out
as far as the data fall short of it. In windowed timing mode columns are left
out from the middle until the rest is faint enough and its colour no longer
changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mission import PIXEL_ARCSEC, Mode
from .region_rules import FIRST_RADIUS_PIX, Measurement, net_rate_cps, pileup_radius_pix
from .regions import CircleAperture

__all__ = ["PileUp", "Profile", "find_pileup", "measure_profile"]

Floats = NDArray[np.float64]

#: Where the wings begin (pixels): 15, 25 and 35 arcsec. The next one is used
#: where the piled-up part reaches the first.
WINGS_PIX = (7, 11, 15)
#: The model has to exceed the data by so many standard deviations.
DEFICIT_SIGMA = 1.0
#: How well the model is known, relative.
MODEL_ERROR = 0.05
#: With fewer events the profile tells nothing, with fewer in the wings not even a brightness.
LEAST_COUNTS, LEAST_WING_COUNTS = 300, 20
#: Surface brightness beyond which pile-up is expected, counts per frame and square arcminute.
PILED_BRIGHTNESS = 4.0

_PIXELS_PER_ARCMIN2 = (60.0 / PIXEL_ARCSEC) ** 2

# Windowed timing: pulse heights that part soft from hard events, and the width of the strips compared.
_COLOUR_PI = 150
_STRIP_PIX = 2
_LEAST_STRIP_COUNTS = 20


@dataclass(frozen=True, eq=False)
class Profile:
    """Radial profile of a source in photon counting mode, in rings one pixel wide.

    Parameters
    ----------
    counts : ndarray
        Events of each ring; the first reaches from 0 to 1 pixel.
    shape : ndarray
        Fraction of the source's events that each ring should hold, dead pixels considered.
    background : ndarray
        Background events expected in each ring.
    """

    counts: Floats
    shape: Floats
    background: Floats

    def total(self, wing_pix: int) -> tuple[float, float]:
        """Events of the whole source that the wings beyond a radius tell, and their error."""
        wing = slice(wing_pix, None)
        known = float(self.shape[wing].sum())
        if known <= 0:
            return 0.0, np.inf
        counts = float(self.counts[wing].sum())
        return (counts - float(self.background[wing].sum())) / known, np.sqrt(max(counts, 1.0)) / known

    def deficits(self, wing_pix: int) -> tuple[Floats, Floats]:
        """How many standard deviations the data fall short of the model: in each ring, and in all within it.

        Each ring is taken together with its neighbour inside, so that chance
        moves it less.
        """
        total, error = self.total(wing_pix)

        def sigmas(counts: Floats, shape: Floats, background: Floats) -> Floats:
            model = total * shape + background
            variance = np.maximum(model, 1.0) + (shape * error) ** 2 + (MODEL_ERROR * total * shape) ** 2
            return (model - counts) / np.sqrt(variance)

        parts = (self.counts, self.shape, self.background)
        return sigmas(*(_with_neighbour(part) for part in parts)), sigmas(*(np.cumsum(part) for part in parts))

    def piled_radius_pix(self, wing_pix: int) -> int:
        """Radius within the wings up to which all rings fall short of the model, and all that is inside them."""
        ring, within = (values[:wing_pix] for values in self.deficits(wing_pix))
        short = (ring > DEFICIT_SIGMA) & (within > DEFICIT_SIGMA)
        # A single innermost pixel may be dead, or hold too few events to tell.
        short[0] |= short[1]
        return int(np.argmin(np.append(short, False)))


def _with_neighbour(values: Floats) -> Floats:
    """Sums of each value and the one before it."""
    return values + np.append(0.0, values[:-1])


@dataclass(frozen=True, eq=False)
class PileUp:
    """What was found out about pile-up.

    Parameters
    ----------
    radius_pix : float
        Radius of the part to leave out in whole pixels (half length in
        windowed timing); 0 if there is no pile-up.
    method : str
        ``"profile"``, ``"surface brightness"``, ``"columns"`` or ``"table"``.
    profile : Profile, optional
        Of photon counting mode.
    wing_pix : int, optional
        Where its wings begin.
    """

    radius_pix: float
    method: str
    profile: Profile | None = None
    wing_pix: int = 0


def measure_profile(measured: Measurement) -> Profile:
    """Radial profile of a source out to 30 pixels.

    Parameters
    ----------
    measured : Measurement
        Events of an interval in photon counting mode.
    """
    place, rings = measured.target, int(FIRST_RADIUS_PIX)
    if not isinstance(place, CircleAperture):
        raise TypeError("only photon counting mode has a radial profile")
    x, y = place.pixels(0.0, rings)
    distance = place.distance(x, y)
    x, y, ring = (values[distance < rings] for values in (x, y, np.floor(distance).astype(np.intp)))
    seen = place.seen(x, y)
    share = place.psf.pixel_fractions(x - place.x_pix, y - place.y_pix) * seen
    events = place.snapshot.events
    found = np.floor(place.distance(events.x[measured.index], events.y[measured.index])).astype(np.intp)
    return Profile(
        counts=np.bincount(found[found < rings], minlength=rings).astype(float),
        shape=np.bincount(ring, share, minlength=rings),
        background=measured.background_per_area * np.bincount(ring, seen, minlength=rings),
    )


def find_pileup(measured: Measurement, threshold_cps: float) -> PileUp:
    """How far pile-up reaches in an interval whose rate is above the threshold.

    Parameters
    ----------
    measured : Measurement
        Events of the interval that count.
    threshold_cps : float
        Raw count rate (ct/s) from which pile-up is looked for; in windowed
        timing what is left has to be fainter.

    Returns
    -------
    pileup : PileUp
    """
    if measured.target.snapshot.events.mode is Mode.PC:
        return _in_profile(measured)
    return _in_columns(measured, threshold_cps)


def _in_profile(measured: Measurement) -> PileUp:
    profile = measure_profile(measured)
    if profile.counts.sum() < LEAST_COUNTS:
        return _by_brightness(measured, profile)
    for wing in WINGS_PIX:
        if profile.counts[wing:].sum() < LEAST_WING_COUNTS:
            return _by_brightness(measured, profile)
        radius = profile.piled_radius_pix(wing)
        if radius < wing - 1:
            break
    return PileUp(float(radius), "profile", profile, wing)


def _by_brightness(measured: Measurement, profile: Profile) -> PileUp:
    """Leave out what is brighter than a limit according to the wings; without events there, ask the table."""
    place, wing = measured.target, WINGS_PIX[0]
    total, error = profile.total(wing)
    if profile.counts[wing:].sum() < LEAST_WING_COUNTS or total <= error:
        rate = net_rate_cps([measured], FIRST_RADIUS_PIX)
        return PileUp(pileup_radius_pix(rate, Mode.PC), "table", profile, wing)
    per_frame = total / place.snapshot.gti.exposure_s * place.snapshot.events.frame_s
    limit = PILED_BRIGHTNESS / (_PIXELS_PER_ARCMIN2 * per_frame)
    radius = float(np.ceil(place.psf.radius_of_density(limit)))
    return PileUp(radius, "surface brightness", profile, wing)


def _in_columns(measured: Measurement, limit_cps: float) -> PileUp:
    """Leave out columns until the rest is fainter than the limit and as soft as the wings."""
    events, reach = measured.target.snapshot.events, int(FIRST_RADIUS_PIX)
    distance = measured.target.distance(events.x[measured.index], events.y[measured.index])
    inside = distance <= reach
    hard = events.pi[measured.index][inside] > _COLOUR_PI
    along = np.floor(distance[inside]).astype(np.intp)
    counts, hard_counts = np.bincount(along, minlength=reach + 1), np.bincount(along, hard, minlength=reach + 1)
    rate = counts[::-1].cumsum()[::-1] / measured.target.snapshot.gti.exposure_s
    for hole in range(1, WINGS_PIX[-1] + 1):
        if rate[hole] <= limit_cps and _colour_is_settled(counts, hard_counts, hole):
            return PileUp(float(hole), "columns")
    return PileUp(pileup_radius_pix(net_rate_cps([measured], FIRST_RADIUS_PIX), Mode.WT), "table")


def _colour_is_settled(counts: Any, hard: Any, hole: int) -> bool:
    """Whether the innermost strip that is left is not harder than what lies beyond it."""
    strip, beyond = slice(hole, hole + _STRIP_PIX), slice(hole + _STRIP_PIX, None)
    number, others = int(counts[strip].sum()), int(counts[beyond].sum())
    if min(number, others) < _LEAST_STRIP_COUNTS:
        return True
    part, other = hard[strip].sum() / number, hard[beyond].sum() / others
    error = np.sqrt(part * (1 - part) / number + other * (1 - other) / others)
    return bool(part - other <= DEFICIT_SIGMA * error)
