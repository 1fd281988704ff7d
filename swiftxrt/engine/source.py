"""Sources of a simulated field."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

from ..exceptions import RequestError
from ..met import time_to_met
from .scene_units import Arguments
from .source_models import AbsorbedPowerLaw, Constant, CurveLike, Spectrum, TabulatedCurve
from .source_shapes import BetaModel, ImageShape, Shape
from .source_spectra import spectrum_from

__all__ = ["Source"]

_RATE = u.ct / u.s
_FLUX = u.erg / (u.cm**2 * u.s)
_COLUMN = 1 / u.cm**2
_USUAL_COLUMN_CM2 = 5e20


@dataclass(frozen=True)
class Source:
    """A source: a point, or extended if it has a shape.

    `Source.at` makes one from quantities; here all values are plain numbers.

    Parameters
    ----------
    name : str
        Also names the stream of random numbers: a source gets the same photons
        whatever else is in the field.
    ra_deg, dec_deg : float
        ICRS position.
    curve : CurveLike
        Light curve.
    spectrum : Spectrum
        Spectrum; the light curve says how bright it is.
    shape : Shape, optional
        Where the photons come from, if it is not a point.
    """

    name: str
    ra_deg: float
    dec_deg: float
    curve: CurveLike
    spectrum: Spectrum = field(default_factory=AbsorbedPowerLaw)
    shape: Shape | None = None

    @classmethod
    def at(
        cls,
        position: SkyCoord | None = None,
        *,
        name: str = "target",
        rate: u.Quantity | tuple[Time, u.Quantity] | CurveLike | None = None,
        flux: u.Quantity | None = None,
        spectrum: Any = None,
        photon_index: float = 1.7,
        column_density: u.Quantity | None = None,
        extent: u.Quantity | None = None,
        beta: float = 2.0 / 3.0,
        image: Any = None,
    ) -> Source:
        """A source as an astronomer describes it.

        Parameters
        ----------
        position : `~astropy.coordinates.SkyCoord`, optional
            Where it is. Not needed with `image`.
        name : str, optional
            Names the source and its stream of random numbers.
        rate : `~astropy.units.Quantity`, pair or CurveLike, optional
            Count rate of 0.3-10 keV for the whole PSF on axis, per live second.
            A pair of times and rates is a light curve, linear between them and
            constant outside; so are the curves of `swiftxrt.engine.source_models`.
        flux : `~astropy.units.Quantity`, optional
            Observed (absorbed) flux of 0.3-10 keV, instead of the rate.
        spectrum : table, pair, callable, model or Spectrum, optional
            Photon flux against energy, see
            `swiftxrt.engine.source_spectra.spectrum_from`. Without rate and flux
            it also says how bright the source is.
        photon_index : float, optional
            Photon index of the power law that holds without `spectrum`.
        column_density : `~astropy.units.Quantity`, optional
            Hydrogen column in front of the source; 5e20 cm-2 for the power law
            and nothing for a `spectrum` if not given.
        extent : `~astropy.units.Quantity`, optional
            Core radius of a beta model: the source is extended.
        beta : float, optional
            Exponent of the beta model.
        image : object with ``data`` and ``wcs``, optional
            Shape of the source, a `~astropy.nddata.CCDData` for example.

        Returns
        -------
        source : Source

        Raises
        ------
        RequestError
            If something is missing, doubled or has the wrong unit; all
            problems are listed.

        Examples
        --------
        >>> import astropy.units as u
        >>> from astropy.coordinates import SkyCoord
        >>> from swiftxrt import Source
        >>> source = Source.at(SkyCoord(150, 20, unit="deg"), flux=1e-11 * u.erg / u.s / u.cm**2)
        >>> print(f"{source.rate:.2f}")
        0.26 ct / s
        """
        asked = Arguments("source")
        folded = _spectrum(asked, spectrum, photon_index, column_density)
        shape = _shape(asked, extent, beta, image)
        curve = _curve(asked, rate, flux, folded, has_norm=spectrum is not None)
        if position is None and isinstance(shape, ImageShape):
            position = shape.centroid
        ra_deg, dec_deg = asked.position("position", position)
        if not isinstance(name, str) or not name.strip():
            asked.complain("name", f"a text is needed; got {name!r}")
        asked.done()
        return cls(name, ra_deg, dec_deg, curve, folded, shape)

    @property
    def position(self) -> SkyCoord:
        """Position, ICRS."""
        return SkyCoord(self.ra_deg, self.dec_deg, unit="deg", frame="icrs")

    @property
    def rate(self) -> u.Quantity:
        """Count rate of a constant source; NaN for others, see `curve`."""
        return (self.curve.level_cps if isinstance(self.curve, Constant) else np.nan) * _RATE


def _spectrum(asked: Arguments, given: Any, photon_index: float, column_density: u.Quantity | None) -> Spectrum:
    nh_cm2 = 0.0 if given is not None else _USUAL_COLUMN_CM2
    if column_density is not None:
        nh_cm2 = asked.number("column_density", column_density, _COLUMN, least=0.0)
    if given is None:
        if not isinstance(photon_index, Real) or not -10.0 <= photon_index <= 10.0:
            asked.complain("photon_index", f"a number from -10 to 10 is needed; got {photon_index!r}")
            return AbsorbedPowerLaw()
        return AbsorbedPowerLaw(float(photon_index), nh_cm2)
    try:
        return spectrum_from(given, nh_cm2)
    except RequestError as error:
        asked.adopt(error)
        return AbsorbedPowerLaw()


def _shape(asked: Arguments, extent: u.Quantity | None, beta: float, image: Any) -> Shape | None:
    if extent is not None and image is not None:
        asked.complain("image", "give an extent or an image, not both")
    try:
        if image is not None:
            if getattr(image, "wcs", None) is None or getattr(image, "data", None) is None:
                asked.complain("image", f"something with data and wcs is needed, such as CCDData; got {type(image)}")
                return None
            return ImageShape(np.asarray(image.data), image.wcs)
        if extent is not None:
            if not isinstance(beta, Real):
                asked.complain("beta", f"a number is needed; got {beta!r}")
                return None
            core_arcsec = asked.number("extent", extent, u.arcsec)
            return BetaModel(core_arcsec, beta) if np.isfinite(core_arcsec) else None
    except RequestError as error:
        asked.adopt(error)
    return None


def _curve(asked: Arguments, rate: Any, flux: Any, spectrum: Spectrum, *, has_norm: bool) -> CurveLike:
    if rate is not None and flux is not None:
        asked.complain("flux", "give a rate or a flux, not both")
    if flux is not None:
        return Constant(asked.number("flux", flux, _FLUX, least=0.0) / spectrum.flux_per_rate)
    if rate is None:
        if not has_norm:
            asked.complain("rate", "how bright is it? Give rate, flux, or a spectrum with its flux")
        return Constant(spectrum.rate_cps)
    if isinstance(rate, tuple) and len(rate) == 2:
        return _tabulated(asked, *rate)
    if hasattr(rate, "rate_cps"):
        return rate  # type: ignore[no-any-return]
    return Constant(asked.number("rate", rate, _RATE, least=0.0))


def _tabulated(asked: Arguments, when: Any, rate: Any) -> CurveLike:
    times = asked.time("rate", when)
    rates = asked.numbers("rate", rate, _RATE, least=0.0)
    met_s = np.atleast_1d(time_to_met(times))
    if met_s.shape != rates.shape or (np.diff(met_s) <= 0).any():
        asked.complain("rate", f"as many rates as ascending times are needed; got {rates.size} and {met_s.size}")
    return TabulatedCurve(tuple(met_s.tolist()), tuple(rates.tolist()))
