"""The fit of one source amid background and other sources, and how sure it is that there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from ..mission import Mode
from .detection_field import Disc, Field, PointSource
from .psffit import fit_point_source, fit_radius_pix
from .region_rules import pileup_radius_pix

__all__ = ["TRIAL_RADIUS_PIX", "gain_of", "likelihood", "settle_source", "sum_of", "try_source"]

Floats = NDArray[np.float64]
#: Expected counts that are not the source's, in the pixels of a disc; whole images are not added up for each fit.
Others = Callable[[Disc], Floats]

#: Radius in which candidates are fitted at first.
TRIAL_RADIUS_PIX = 12.0
# A fit needs so many pixels, and may move so far in each axis; but if less than
# this part of the events could have been seen where it ends, as beyond the rim
# of the field, it must stay close to where it began.
_FEWEST_PIXELS = 20
_REACH_PIX, _SHORT_REACH_PIX = 6.0, 1.0
_LEAST_SEEN = 0.2
# How far the pictures of brighter sources may be wrong: with 0.5, sources with
# the wider profile of swxpsf20010101v006 have no false companions.
_DOUBT = 0.5
# Pictures below this part of the background do not matter.
_NOTICED = 0.1
# Raw rate above which the core of a source is spoilt by pile-up (ct/s), and the
# part of the events within the 30 pixels for which that holds.
_PILEUP_CPS = 0.6
_ENCLOSED = 0.93
# Ring in which the background under a source is checked, the probability of so
# many events by chance below which it is taken to be higher than mapped, and
# the sectors of the ring: of eight the third highest tells how much higher, so
# that two neighbours are not taken for diffuse emission.
_RING_PIX = (10.0, 30.0)
_RING_CHANCE = 1e-3
_SECTORS, _TELLING = 8, -3
# Sources brighter by this factor are known for sure when that is checked;
# fainter ones may be knots of the emission themselves.
_SURELY = 2.0
_NEAR_PIX = 200.0


def likelihood(gain: ArrayLike) -> Any:
    """Minus the logarithm of the probability of such a gain by chance.

    ``-ln Q(3/2, gain / 2)``, as for three free parameters, in its closed form
    ``Q(3/2, x) = erfc(sqrt x) + 2 sqrt(x / pi) exp(-x)``, which does not
    underflow.

    Parameters
    ----------
    gain : float or array
        Gain in the Cash statistic over no source.
    """
    x = np.maximum(np.asarray(gain, dtype=float), 0.0) / 2.0
    return (x - np.log(special.erfcx(np.sqrt(x)) + 2.0 * np.sqrt(x / np.pi)))[()]


def gain_of(least_likelihood: float) -> float:
    """The gain of a likelihood: inverse of `likelihood`."""
    return float(optimize.brentq(lambda gain: likelihood(gain) - least_likelihood, 0.0, 4.0 * least_likelihood + 20.0))


def sum_of(background: Floats, model: Floats, raised: float = 1.0, stressed: float = 1.0) -> Others:
    """Background and model, each times a factor, in the discs that are asked for."""
    return lambda disc: raised * disc.of(background) + stressed * disc.of(model)


def try_source(
    field: Field,
    others: Others,
    x_pix: float,
    y_pix: float,
    radius_pix: float = TRIAL_RADIUS_PIX,
    hole_pix: float = 0.0,
    *,
    worth: float = 0.0,
) -> PointSource | None:
    """Fit a source in a circle or ring around a place.

    Parameters
    ----------
    field : Field
        Image and exposures.
    others : callable
        Gives the expected counts of background and other sources in a disc.
    x_pix, y_pix : float
        First guess.
    radius_pix, hole_pix : float
        Pixels used.
    worth : float, optional
        Fits that stay clearly below this gain are broken off.

    Returns
    -------
    source : PointSource or None
        None if next to nothing was seen there.
    """
    disc = field.disc(x_pix, y_pix, radius_pix, hole_pix)
    if np.count_nonzero(disc.of(field.source_s)) < _FEWEST_PIXELS:
        return None
    whole = np.subtract(*field.psf(x_pix, y_pix).enclosed([radius_pix, hole_pix]))
    for reach in (_REACH_PIX, _SHORT_REACH_PIX):
        source = _fitted(field, disc, others, (x_pix, y_pix), reach, hole_pix, worth)
        around = field.disc(source.x_pix, source.y_pix, radius_pix, hole_pix)
        if source.shares(field, around).sum() > _LEAST_SEEN * whole:
            return source
    return None


def _fitted(
    field: Field,
    disc: Disc,
    others: Others,
    start: tuple[float, float],
    reach_pix: float,
    hole_pix: float,
    worth: float,
) -> PointSource:
    exposure_s = disc.of(field.source_s)
    full_s = float(exposure_s.max())
    fit = fit_point_source(
        disc.of(field.counts),
        disc.x_pix,
        disc.y_pix,
        start,
        psf=field.psf(*start),
        exposure=exposure_s / full_s,
        other_counts=others(disc),
        reach_pix=reach_pix,
        worth=worth,
    )
    gain = fit.statistic_empty - fit.statistic
    return PointSource(fit.x_pix, fit.y_pix, fit.counts / full_s, fit.radius90_pix, gain, hole_pix)


def settle_source(
    field: Field,
    background: Floats,
    model: Floats,
    source: PointSource,
    neighbours: Sequence[PointSource] = (),
    *,
    worth: float = 0.0,
) -> PointSource | None:
    """Fit a source again, in the radius that suits it, and weigh it against doubts about the rest.

    Parameters
    ----------
    field : Field
        Image and exposures.
    background : ndarray, shape (ny, nx)
        Background map.
    model : ndarray, shape (ny, nx)
        Expected counts of the other sources.
    source : PointSource
        The source from an earlier fit.
    neighbours : sequence of PointSource, optional
        The sources of which `model` is made.
    worth : float, optional
        Fits that stay clearly below this gain are broken off.

    Returns
    -------
    source : PointSource or None
        Its gain is the lower one of two: with the rest as it is expected, and
        with as much of it as there may be: more background if there are too
        many events around the source, as in diffuse emission, and more of the
        neighbours, whose profile may differ. None if the fit failed.
    """
    for _ in range(2):
        hole = _hole_pix(field, source)
        radius = max(fit_radius_pix(_snr(field, background, source)), 2.0 * hole)
        fitted = try_source(field, sum_of(background, model), source.x_pix, source.y_pix, radius, hole, worth=worth)
        if fitted is None:
            return None
        settled, source = fitted.distance_pix(source) < 1.0, fitted
        if settled:
            break
    raised = _excess_around(field, background, source, neighbours)
    source = replace(source, surroundings=raised)
    core = field.disc(source.x_pix, source.y_pix, _RING_PIX[0])
    doubt = _DOUBT if core.sum(model) > _NOTICED * core.sum(background) else 0.0
    if doubt == 0.0 and raised == 1.0:
        return source
    most = sum_of(background, model, raised, 1.0 + doubt)
    weighed = try_source(field, most, source.x_pix, source.y_pix, radius, hole, worth=worth)
    return None if weighed is None else replace(source, gain=min(source.gain, weighed.gain))


def _hole_pix(field: Field, source: PointSource) -> float:
    """Radius that pile-up spoils, from the mean rate."""
    seen = field.value(field.source_s, source.x_pix, source.y_pix)
    time_s = field.value(field.time_s, source.x_pix, source.y_pix)
    rate_cps = _ENCLOSED * source.rate_cps * (seen / time_s if time_s > 0 else 1.0)
    return pileup_radius_pix(rate_cps, Mode.PC) if rate_cps > _PILEUP_CPS else 0.0


def _snr(field: Field, background: Floats, source: PointSource) -> float:
    disc = field.disc(source.x_pix, source.y_pix, fit_radius_pix(0.0))
    counts = float(source.expected(field, disc).sum())
    return counts / float(np.sqrt(max(counts + disc.sum(background), 1e-9)))


def _excess_around(field: Field, background: Floats, source: PointSource, neighbours: Sequence[PointSource]) -> float:
    """Counts over expected background around a source; 1 unless that is significantly more."""
    ring = field.disc(source.x_pix, source.y_pix, _RING_PIX[1], _RING_PIX[0])
    known = ring.of(background) + source.expected(field, ring)
    for other in neighbours:
        if other.rate_cps > _SURELY * source.rate_cps and other.distance_pix(source) < _NEAR_PIX:
            known += other.expected(field, ring)
    found = ring.of(field.counts)
    if not known.sum() or special.pdtrc(found.sum() - 1.0, known.sum()) >= _RING_CHANCE:
        return 1.0
    angle = np.arctan2(ring.y_pix - source.y_pix, ring.x_pix - source.x_pix)
    sector = np.floor((angle / (2.0 * np.pi) + 0.5) * _SECTORS).astype(int) % _SECTORS
    counts, expected = (np.bincount(sector, values, minlength=_SECTORS) for values in (found, known))
    ratio = np.divide(counts, expected, out=np.zeros(_SECTORS), where=expected > 0)
    return max(float(np.sort(ratio)[_TELLING]), 1.0)
