"""What is allowed in a request, but probably not what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import astropy.units as u
from astropy.time import Time

from ..exceptions import RequestWarning, warn
from ..met import time_to_met
from ._values import LAUNCH_MET_S, is_mjd, utc_text

if TYPE_CHECKING:
    from .bundle import XRTRequest

__all__ = ["find_cautions", "warn_about"]

# The field of view is a square of 23.6 arcmin (Burrows et al. 2005, SSRv 120, 165).
_HALF_FIELD = 11.8 * u.arcmin

# The service takes no larger source region by itself, so whoever allows one means an extended source.
_POINT_SOURCE_RADIUS = 30 * u.pix

# No source is as bright; with it, users of the service switch the search for pile-up off.
_NO_PILEUP_SEARCH = 1000 * u.ct / u.s

Caution = tuple[str, str]


def find_cautions(request: XRTRequest) -> tuple[Caution, ...]:
    """All cautions about a request, as (field, message)."""
    return (*_centroid(request), *_pileup(request), *_reference_time(request), *_hardness_bands(request))


def warn_about(request: XRTRequest, *, stacklevel: int = 3) -> None:
    """Issue the cautions about a request as warnings.

    Parameters
    ----------
    request : XRTRequest
        The request.
    stacklevel : int, optional
        To whom the warning points: 2 is the caller of this function, 3 the
        caller of that.

    Warns
    -----
    RequestWarning
        Once for each of `XRTRequest.cautions`.
    """
    for field, message in find_cautions(request):
        warn(f"{field}: {message}", RequestWarning, stacklevel=stacklevel + 1)


def _centroid(request: XRTRequest) -> Iterator[Caution]:
    tolerance = request.extraction.centroid_tolerance
    if request.extraction.centroid and tolerance is not None and tolerance > _HALF_FIELD:
        yield (
            "extraction.centroid_tolerance",
            f"{tolerance:g} reaches beyond the field of view ({_HALF_FIELD:g} from its centre), so any source in it may "
            "be taken for the target; give a smaller tolerance, or centroid=False if the position is known",
        )


def _pileup(request: XRTRequest) -> Iterator[Caution]:
    radius = request.extraction.source_radius_max
    if radius is None or radius <= _POINT_SOURCE_RADIUS or not (request.light_curve or request.spectrum):
        return
    settings = request.extraction.with_defaults()
    searched = [name for name in ("pileup_rate_pc", "pileup_rate_wt") if getattr(settings, name) < _NO_PILEUP_SEARCH]
    if searched:
        rate = f"{_NO_PILEUP_SEARCH.value:g} * u.ct / u.s"
        yield (
            "extraction.source_radius_max",
            f"{radius:g} is larger than any region of a point source ({_POINT_SOURCE_RADIUS:g}), but the core of an "
            "extended source is cut out where it is bright, because the search for pile-up takes it for a point source; "
            f"switch that off with {' and '.join(f'{name}={rate}' for name in searched)}",
        )


def _reference_time(request: XRTRequest) -> Iterator[Caution]:
    t0, met_s = request.target.t0, request.target.t0_met
    if t0 is None or met_s is None:
        return
    if is_mjd(met_s):
        date = Time(met_s, format="mjd", scale="utc").isot[:10]
        yield (
            "target.t0",
            f"{met_s:.15g} s is a mission elapsed time of January 2001, before the launch of Swift, but as a modified "
            f"Julian date it is {date}; if that is meant, give Time({met_s:.15g}, format='mjd')",
        )
    elif met_s < LAUNCH_MET_S:
        yield (
            "target.t0",
            f"{utc_text(t0)[:19]} lies before the launch of Swift on 2004-11-20; seconds are taken as mission "
            "elapsed time since 2001-01-01, and other times are given as astropy.time.Time",
        )
    elif met_s > time_to_met(Time.now()):
        yield (
            "target.t0",
            f"{utc_text(t0)[:19]} lies in the future; seconds are taken as mission elapsed time since "
            "2001-01-01, and other times are given as astropy.time.Time",
        )


def _hardness_bands(request: XRTRequest) -> Iterator[Caution]:
    if request.light_curve is None:
        return
    curve = request.light_curve.with_defaults()
    soft, hard = curve.soft, curve.hard
    if soft and hard and soft.high > hard.low and hard.high > soft.low:
        yield (
            "light_curve.hard",
            f"the hard band {hard} overlaps the soft band {soft}, so the errors of the hardness ratio, which "
            "take the two as independent, are wrong; give bands that only touch",
        )
