"""What an observation of some length would give, without simulating it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from numpy.typing import NDArray
from scipy import special

from ..exceptions import RequestError
from ..mission import DETECTOR_SIZE, FIELD_RADIUS_ARCMIN, PIXEL_ARCSEC, Mode
from ..products._display import ReadableTable
from ..products.calibration import Calibration
from . import response_tables as tables
from .calibration import EMBEDDED, EMBEDDED_BY_NAME
from .counts import kbn_interval, kbn_significance, kbn_upper_limit, poisson_tail
from .limits import RADIUS_PIX as LIMIT_RADIUS_PIX
from .position import SYSTEMATIC_ARCSEC
from .psf import KingPSF, vignetting
from .region_rules import BACKGROUND_PIX, FIRST_RADIUS_PIX, source_radius_pix
from .regions import REFERENCE_KEV
from .scene_units import Arguments
from .source import Source
from .source_models import BAND_CHANNELS, ENERGY_KEV, Constant

__all__ = ["plan_exposure"]

Floats = NDArray[np.float64]

_RATE = u.ct / u.s
_FLUX = u.erg / (u.cm**2 * u.s)

# Raw rates from which on the service, and the engine, take pile-up into account.
_PILE_UP_CPS = {Mode.PC: 0.6, Mode.WT: 150.0}
# Bins with fewer counts, or less signal to noise, have Bayesian errors in light curves.
_GAUSSIAN_COUNTS, _GAUSSIAN_SNR = 15, 2.4
_ONE_SIGMA, _THREE_SIGMA = 0.683, 3.0
# Half of the columns that are read in windowed timing.
_WT_HALF_WINDOW_PIX = 100.0
# The part of the background that is vignetted, as in simulations.
_COSMIC_SHARE = 0.36
# Expectations over the Poisson distribution are means over so many of its quantiles.
_QUANTILES = (np.arange(1000) + 0.5) / 1000
# 90 per cent of a two-dimensional Gaussian lie within this many standard deviations of one axis.
_SIGMAS_OF_90 = float(np.sqrt(2.0 * np.log(10.0)))
# Grid, in pixels, on which the information on the position is summed.
_FIT_STEP_PIX = 0.25


def plan_exposure(
    source: Source | u.Quantity,
    exposure: u.Quantity,
    *,
    off_axis: u.Quantity = 0 * u.arcmin,
    background: u.Quantity = 7.5e-7 * u.ct / u.s,
    mode: Mode | str = Mode.PC,
    calibration: Calibration | str = EMBEDDED,
) -> QTable:
    """What observations of some lengths would tell about a source.

    Region, corrections, errors and limits are those of the engine; the source
    is clear of bad columns. Expected values are means over all observations
    that could be made.

    Parameters
    ----------
    source : Source or `~astropy.units.Quantity`
        A constant point source; or its count rate (0.3-10 keV, whole PSF, on
        axis) or observed flux, with the spectrum of `Source.at`.
    exposure : `~astropy.units.Quantity`, time
        Live time, one or several.
    off_axis : `~astropy.units.Quantity`, angle, optional
        Angle from the optical axis, within the field of view.
    background : `~astropy.units.Quantity`, optional
        Background of 0.3-10 keV per pixel of 2.36 arcsec on the optical axis.
    mode : Mode or str, optional
        ``"PC"`` or ``"WT"``.
    calibration : Calibration or {"v004", "v006"}, optional
        Point spread function and vignetting: what `swiftxrt.io.caldb.open_caldb`
        gives, or the PSF of what comes with the package.

    Returns
    -------
    plan : `~astropy.table.QTable`
        One row for each exposure:

        ``exposure``
            as given;
        ``radius``
            of the source region;
        ``source_counts``, ``background_counts``
            expected in it;
        ``rate``, ``rate_error``
            corrected count rate and its 1-sigma error: Gaussian, or half the
            Bayesian interval where counts are few;
        ``snr``
            net counts over the noise of counts and background;
        ``significance``
            in sigma, after Kraft, Burrows & Nousek (1991), of exactly the
            counts expected;
        ``detection_probability``
            to find the source at 3 sigma after the same authors;
        ``upper_limit``
            3 sigma, corrected, that is to be expected if nothing is there;
            in a circle of 12 pixels;
        ``position_radius``
            90 per cent, systematic error of 3.5 arcsec included; NaN in
            windowed timing;
        ``pile_up``
            whether the raw rate is above 0.6 (windowed timing 150) ct/s.

    Raises
    ------
    RequestError
        If a value has the wrong unit, or the source varies or is extended.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt import plan_exposure
    >>> plan = plan_exposure(0.01 * u.ct / u.s, [0.5, 2] * u.ks)
    >>> print(plan["detection_probability"].round(1))
    [0.8 1. ]
    """
    asked = Arguments("plan")
    target = _target(asked, source)
    lengths_s = asked.numbers("exposure", exposure, u.s, least=1e-3)
    angle = asked.number("off_axis", off_axis, u.arcmin, least=0.0)
    level = asked.number("background", background, _RATE, least=0.0)
    if angle > FIELD_RADIUS_ARCMIN:
        asked.complain("off_axis", f"the field of view ends {FIELD_RADIUS_ARCMIN} arcmin off axis; got {off_axis}")
    chosen = _calibration(asked, calibration)
    name = str(getattr(mode, "value", mode)).upper()
    if name not in Mode.__members__:
        asked.complain("mode", f"'PC' or 'WT' is needed; got {mode!r}")
    asked.done()
    assert target is not None
    view = _View(target, float(target.curve.rate_cps(0.0)), angle, level, Mode(name), chosen)
    rows = [_row(view, float(length)) for length in lengths_s]
    table = ReadableTable({key: [row[key] for row in rows] for key in rows[0]})
    units = {"exposure": u.s, "radius": u.arcsec, "position_radius": u.arcsec}
    units |= dict.fromkeys(("rate", "rate_error", "upper_limit"), _RATE)
    units |= dict.fromkeys(("source_counts", "background_counts"), u.ct)
    for key, unit in units.items():
        table[key] = table[key] * unit
    return table


def _calibration(asked: Arguments, given: Any) -> Calibration:
    """A calibration, or that which comes with the package under a name."""
    found = EMBEDDED_BY_NAME.get(given) if isinstance(given, str) else given
    if hasattr(found, "psf"):
        return found  # type: ignore[no-any-return]
    allowed = f"{' or '.join(map(repr, EMBEDDED_BY_NAME))}, or what swiftxrt.io.caldb.open_caldb gives, is needed"
    asked.complain("calibration", f"{allowed}; got {given!r}")
    return EMBEDDED


def _target(asked: Arguments, source: Any) -> Source | None:
    """The source, if it is one that can be planned for."""
    if isinstance(source, u.Quantity):
        given = "flux" if source.unit.is_equivalent(_FLUX) else "rate"
        try:
            return Source.at(SkyCoord(0.0, 0.0, unit="deg"), **{given: source})
        except RequestError as error:
            asked.adopt(error)
            return None
    if not isinstance(source, Source):
        asked.complain("source", f"a Source, a count rate or a flux is needed; got {source!r}")
        return None
    if source.shape is not None or not isinstance(source.curve, Constant):
        asked.complain("source", "a constant point source is needed; simulate others with simulate_observations")
    return source


@dataclass(frozen=True)
class _View:
    """A source as it is seen."""

    source: Source
    rate_cps: float
    off_axis_arcmin: float
    background_cps: float
    mode: Mode
    calibration: Calibration

    def psf(self, energy_kev: Any) -> KingPSF:
        return KingPSF.at(energy_kev, self.off_axis_arcmin, self.calibration.psf(self.mode))

    def vignetting(self, energy_kev: Any) -> Any:
        return vignetting(energy_kev, self.off_axis_arcmin, self.calibration.vignetting)

    def _inside(self, energy_kev: Any, radius_pix: float) -> Any:
        """Fraction of the photons that are seen in the region."""
        psf = self.psf(energy_kev)
        part = psf.enclosed(radius_pix) if self.mode is Mode.PC else psf.line_enclosed(radius_pix)
        return part * self.vignetting(energy_kev)

    def fraction(self, radius_pix: float) -> float:
        """The same for all photons of the band, by which a true rate becomes a raw rate."""
        weight = self.source.spectrum.detected * tables.channel_probability(ENERGY_KEV, *BAND_CHANNELS)
        return float(np.average(self._inside(ENERGY_KEV, radius_pix), weights=weight))

    def correction_factor(self, radius_pix: float) -> float:
        """By which the engine corrects a raw rate."""
        return 1.0 / float(self._inside(REFERENCE_KEV, radius_pix))

    def background(self, radius_pix: float) -> float:
        """Count rate of the background in the region."""
        seen = 1.0 - _COSMIC_SHARE * (1.0 - float(self.vignetting(REFERENCE_KEV)))
        area = np.pi * radius_pix**2 if self.mode is Mode.PC else 2.0 * radius_pix * DETECTOR_SIZE
        return self.background_cps * seen * area

    def radius_pix(self) -> float:
        """Radius of the source region: that for the raw rate in 30 pixels, then for the rate in it."""
        radius = FIRST_RADIUS_PIX
        for _ in range(2):
            radius = min(source_radius_pix(self.rate_cps * self.fraction(radius)), radius)
        return radius

    def area_ratio(self, radius_pix: float) -> float:
        """Source region over background region."""
        inner, outer = BACKGROUND_PIX[self.mode]
        if self.mode is Mode.PC:
            return radius_pix**2 / (outer**2 - inner**2)
        return radius_pix / (_WT_HALF_WINDOW_PIX - inner)


def _row(view: _View, live_s: float) -> dict[str, Any]:
    radius = view.radius_pix()
    raw_cps, factor = view.rate_cps * view.fraction(radius), view.correction_factor(radius)
    net, background = raw_cps * live_s, view.background(radius) * live_s
    variance = view.area_ratio(radius) * background  # Of the background that is subtracted.
    limit_factor, empty = view.correction_factor(LIMIT_RADIUS_PIX), view.background(LIMIT_RADIUS_PIX) * live_s
    return {
        "exposure": live_s,
        "radius": radius * PIXEL_ARCSEC,
        "source_counts": net,
        "background_counts": background,
        "rate": raw_cps * factor,
        "rate_error": _error(net + background, background, variance) * factor / live_s,
        "snr": net / np.sqrt(net + background + variance) if net > 0 else 0.0,
        "significance": _significance(net + background, background),
        "detection_probability": _detection_probability(net + background, background),
        "upper_limit": float(np.mean(kbn_upper_limit(_draws(empty), empty))) * limit_factor / live_s,
        "position_radius": _position_radius_arcsec(view, live_s),
        "pile_up": bool(view.rate_cps * view.fraction(FIRST_RADIUS_PIX) > _PILE_UP_CPS[view.mode]),
    }


def _draws(mean: float) -> Floats:
    """Numbers of counts that stand for a Poisson distribution."""
    above = np.ceil(special.pdtrik(_QUANTILES, mean))
    below = np.maximum(above - 1.0, 0.0)
    return np.where(special.pdtr(below, mean) >= _QUANTILES, below, above)


def _error(mean: float, background: float, variance: float) -> float:
    """Mean 1-sigma error of the net counts."""
    counts, number = np.unique(_draws(mean), return_counts=True)
    gaussian = np.sqrt(counts + variance)
    few = (counts < _GAUSSIAN_COUNTS) | (counts - background < _GAUSSIAN_SNR * gaussian)
    lower, upper = kbn_interval(counts[few], background, _ONE_SIGMA)
    gaussian[few] = 0.5 * (upper - lower)
    return float(np.average(gaussian, weights=number))


def _significance(counts: float, background: float) -> float:
    sigma = float(kbn_significance(counts, background))
    if np.isfinite(sigma) or background == 0.0:
        return sigma
    # Beyond the range of the numbers both agree: the likelihood ratio (Cash 1979).
    return float(np.sqrt(2.0 * (counts * np.log(counts / background) - (counts - background))))


def _detection_probability(mean: float, background: float) -> float:
    """Probability of so many counts that they are 3 sigma or more."""
    noise = np.sqrt(background)
    counts = np.arange(np.floor(background), np.ceil(background + 5.0 * noise) + 20.0)
    enough = counts[kbn_significance(counts, background) >= _THREE_SIGMA]
    return float(poisson_tail(enough[0], mean))


def _position_radius_arcsec(view: _View, live_s: float) -> float:
    """90 per cent radius from the Fisher information that the profile has on the place of its centre."""
    if view.mode is Mode.WT or view.rate_cps == 0.0:
        return float("nan")
    side = np.arange(-FIRST_RADIUS_PIX, FIRST_RADIUS_PIX + _FIT_STEP_PIX / 2, _FIT_STEP_PIX)
    x, y = np.meshgrid(side, side)
    # A pixel blurs the profile: a mean over its width.
    profile = _blurred(view.psf(REFERENCE_KEV).profile(np.hypot(x, y)))
    source = view.rate_cps * view.fraction(np.inf) * live_s * profile
    background = view.background(1.0) / np.pi * live_s
    slope = np.gradient(source, _FIT_STEP_PIX, axis=1)
    inside = np.hypot(x, y) < FIRST_RADIUS_PIX - 2.0
    information = np.sum((slope**2 / (source + background))[inside]) * _FIT_STEP_PIX**2
    return float(np.hypot(_SIGMAS_OF_90 / np.sqrt(information) * PIXEL_ARCSEC, SYSTEMATIC_ARCSEC))


def _blurred(profile: Floats) -> Floats:
    """Mean over squares of one pixel."""
    size = round(1.0 / _FIT_STEP_PIX) + 1
    weight = np.ones(size)
    weight[[0, -1]] = 0.5
    weight /= weight.sum()
    rows = np.apply_along_axis(np.convolve, 0, profile, weight, "same")
    return np.apply_along_axis(np.convolve, 1, rows, weight, "same")
