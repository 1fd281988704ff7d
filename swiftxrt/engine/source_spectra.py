"""Spectra of simulated sources from whatever describes them: tables, functions, models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..exceptions import RequestError
from . import response_tables as tables
from .source_models import ENERGY_KEV, AbsorbedPowerLaw, Spectrum, SummedSpectrum, TabulatedSpectrum

__all__ = ["spectrum_from"]

Floats = NDArray[np.float64]

_PHOTONS = 1 / (u.cm**2 * u.s * u.keV)
_ENERGY_FLUX = u.erg / (u.cm**2 * u.s * u.keV)
_WANTED = (
    "a table with columns of energy and of flux with units, the two as a pair of quantities, an astropy model, "
    "a function of energy that returns a quantity, or a spectrum of swiftxrt.engine.source_models"
)


def spectrum_from(given: Any, nh_cm2: float = 0.0) -> Spectrum:
    """The spectrum that a user describes.

    Parameters
    ----------
    given : Spectrum, table, pair of Quantity, or callable
        A table has energy (or wavelength or frequency) in its first column and
        the flux at it in the second, in photons or in energy per area, time and
        energy. A function is called with a Quantity in keV and returns such a
        flux. Astropy models without units are called with the number of keV and
        return photons per cm2, s and keV, as models of XSPEC do.
    nh_cm2 : float
        Hydrogen column density of matter in front of it, in cm-2.

    Returns
    -------
    spectrum : Spectrum

    Raises
    ------
    RequestError
        If it is none of these, or has negative or undefined values, or no
        photons between 0.28 and 11.1 keV.
    """
    if isinstance(given, Spectrum):
        return _absorbed(given, nh_cm2)
    energy, flux = _evaluated(given)
    try:
        energy_kev = energy.to_value(u.keV, u.spectral())
        density = _photon_density(energy_kev, flux)
    except (u.UnitConversionError, AttributeError) as error:
        raise _refused(f"energies and photons per area, time and energy are needed; {error}") from error
    energy_kev, density = (np.atleast_1d(np.asarray(part, dtype=float)) for part in (energy_kev, density))
    if energy_kev.ndim != 1 or energy_kev.shape != density.shape or energy_kev.size < 2:
        raise _refused(f"energy and flux differ in shape, or there are no two points: {energy.shape}, {flux.shape}")
    if not (np.isfinite(energy_kev).all() and np.isfinite(density).all() and (density >= 0).all()):
        raise _refused("energy and flux must be finite, and the flux not negative")
    order = np.argsort(energy_kev, kind="stable")
    made = TabulatedSpectrum(tuple(energy_kev[order].tolist()), tuple(density[order].tolist()), nh_cm2)
    if not made.detected.sum() > 0:
        raise _refused("there are no photons that the XRT sees, 0.28 to 11.1 keV")
    return made


def _refused(why: str) -> RequestError:
    return RequestError([("spectrum", why)], "source")


def _absorbed(spectrum: Spectrum, nh_cm2: float) -> Spectrum:
    """A spectrum behind more matter."""
    if nh_cm2 == 0.0:
        return spectrum
    if isinstance(spectrum, SummedSpectrum):
        return SummedSpectrum(tuple(_absorbed(part, nh_cm2) for part in spectrum.parts))
    if isinstance(spectrum, AbsorbedPowerLaw | TabulatedSpectrum):
        return replace(spectrum, nh_cm2=spectrum.nh_cm2 + nh_cm2)
    density = spectrum.photon_density(ENERGY_KEV) * tables.transmission(ENERGY_KEV, nh_cm2)
    return TabulatedSpectrum(tuple(ENERGY_KEV.tolist()), tuple(density.tolist()))


def _evaluated(given: Any) -> tuple[Any, Any]:
    """Energies, and the flux at them."""
    if hasattr(given, "colnames"):
        if len(given.colnames) < 2:
            raise _refused(f"a table needs columns of energy and of flux; got {given.colnames}")
        energy, flux = (_with_unit(given[name], name) for name in given.colnames[:2])
        return energy, flux
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(part, u.Quantity) for part in given):
        return given
    if not callable(given):
        raise _refused(f"{_WANTED} is needed; got {given!r}")
    if hasattr(given, "param_names") and not _has_units(given):
        return ENERGY_KEV * u.keV, np.asarray(given(ENERGY_KEV), dtype=float) * _PHOTONS
    flux = given(ENERGY_KEV * u.keV)
    if not isinstance(flux, u.Quantity):
        raise _refused("the function returns no quantity; give it units, such as 1 / (cm2 s keV)")
    return ENERGY_KEV * u.keV, np.broadcast_to(flux, ENERGY_KEV.shape, subok=True)


def _with_unit(column: Any, name: str) -> u.Quantity:
    if getattr(column, "unit", None) is None:
        raise _refused(f"the column {name!r} has no unit")
    return u.Quantity(column)


def _has_units(model: Any) -> bool:
    """Whether the parameters of an astropy model are quantities."""
    return any(getattr(model, name).unit is not None for name in model.param_names)


def _photon_density(energy_kev: Any, flux: u.Quantity) -> Any:
    """Photons per cm2, s and keV."""
    for counted in (u.dimensionless_unscaled, u.photon, u.ct):
        if flux.unit.is_equivalent(counted * _PHOTONS):
            return flux.to_value(counted * _PHOTONS)
    return flux.to_value(_ENERGY_FLUX) / (energy_kev * u.keV.to(u.erg))
