"""Models of spectra: emission, absorption, and those that the product service fits.

Definitions and units are those of XSPEC. Components are joined by ``*`` and
``+``; see `~swiftxrt.fitting.model.Model` for what models can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u

from .._fields import nearest
from ..exceptions import RequestError
from .components import COMPONENTS
from .model import Model
from .parameters import Parameter, Slot

__all__ = [
    "BlackBody",
    "Bremsstrahlung",
    "BrokenPowerLaw",
    "Constant",
    "CutoffPowerLaw",
    "Gaussian",
    "Model",
    "Parameter",
    "PowerLaw",
    "TBabs",
    "ZTBabs",
    "service_model",
]

_START_NH = 1e21 / u.cm**2


if not TYPE_CHECKING:  # Else type checkers would believe in any name.

    def __getattr__(name: str) -> Any:
        """Say which model was meant by a name that there is none of."""
        makers = [one for one in __all__ if one.lower() in COMPONENTS]
        theirs = {component.xspec_name.lower(): own for own, component in COMPONENTS.items()}
        own = theirs.get(name.lower())
        meant = [one for one in makers if one.lower() == own]
        hint = f"; did you mean {meant[0]!r}?" if meant else nearest(name, makers)
        # With the name, but without the module, Python adds no second hint of its own.
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}{hint or '; it has ' + ', '.join(makers)}", name=name
        )


def _component(name: str, *values: Any) -> Model:
    component = COMPONENTS[name]
    slots = tuple(Slot.of(definition, value) for definition, value in zip(component.parameters, values, strict=True))
    for slot in slots:
        if slot.quantity is None and not slot.definition.is_linear:
            raise RequestError([(slot.definition.name, "a value to start with is needed")], name)
    return Model((component,), 0, slots)


def PowerLaw(photon_index: Any = 2.0, norm: u.Quantity | None = None) -> Model:  # noqa: N802
    """Power law, ``norm * (E / keV)**-photon_index``.

    Parameters
    ----------
    photon_index : float, optional
        Photon index.
    norm : `~astropy.units.Quantity`, optional
        Photons per cm2, s and keV at 1 keV; estimated from the data if not given.
    """
    return _component("powerlaw", photon_index, norm)


def CutoffPowerLaw(  # noqa: N802
    photon_index: Any = 1.5, cutoff_energy: u.Quantity = 10 * u.keV, norm: u.Quantity | None = None
) -> Model:
    """Power law with exponential cut-off, ``norm * (E / keV)**-photon_index * exp(-E / cutoff_energy)``.

    Parameters
    ----------
    photon_index : float, optional
        Photon index.
    cutoff_energy : `~astropy.units.Quantity`, optional
        Energy of the cut-off.
    norm : `~astropy.units.Quantity`, optional
        Photons per cm2, s and keV at 1 keV, without the cut-off.
    """
    return _component("cutoffpowerlaw", photon_index, cutoff_energy, norm)


def BrokenPowerLaw(  # noqa: N802
    photon_index_low: Any = 1.5,
    break_energy: u.Quantity = 2 * u.keV,
    photon_index_high: Any = 2.5,
    norm: u.Quantity | None = None,
) -> Model:
    """Two power laws that meet at an energy.

    Parameters
    ----------
    photon_index_low, photon_index_high : float, optional
        Photon indices below and above the break.
    break_energy : `~astropy.units.Quantity`, optional
        Energy of the break.
    norm : `~astropy.units.Quantity`, optional
        Photons per cm2, s and keV at 1 keV of the law below the break.
    """
    return _component("brokenpowerlaw", photon_index_low, break_energy, photon_index_high, norm)


def BlackBody(temperature: u.Quantity = 1 * u.keV, norm: Any = None) -> Model:  # noqa: N802
    """Black body, ``norm * 8.0525 E**2 / (kT**4 (exp(E / kT) - 1))``, E and kT in keV.

    Parameters
    ----------
    temperature : `~astropy.units.Quantity`, optional
        kT, as an energy or a temperature.
    norm : float, optional
        Luminosity over the square of the distance, in 1e39 erg/s and (10 kpc)**2.
    """
    return _component("blackbody", temperature, norm)


def Bremsstrahlung(temperature: u.Quantity = 5 * u.keV, norm: Any = None) -> Model:  # noqa: N802
    """Thermal bremsstrahlung of hydrogen with 8.5 % helium by number.

    Gaunt factors are the exact ones of non-relativistic electrons in the field
    of a charge (Karzas & Latter 1961), averaged over a Maxwell distribution.

    Parameters
    ----------
    temperature : `~astropy.units.Quantity`, optional
        kT of the electrons, as an energy or a temperature.
    norm : float, optional
        ``3.02e-15 / (4 pi D**2)`` times the integral of n_e n_H over the
        volume, all in cgs units.
    """
    return _component("bremsstrahlung", temperature, norm)


def Gaussian(  # noqa: N802
    line_energy: u.Quantity = 6.4 * u.keV, sigma: u.Quantity = 0.1 * u.keV, norm: u.Quantity | None = None
) -> Model:
    """Line, ``norm / (sigma (2 pi)**0.5) * exp(-(E - line_energy)**2 / (2 sigma**2))``, integrated over each bin.

    Parameters
    ----------
    line_energy : `~astropy.units.Quantity`, optional
        Energy of the line.
    sigma : `~astropy.units.Quantity`, optional
        Standard deviation. Of a line without width all photons are in one
        bin. In fits half the width of an energy bin of the response (2.5 eV
        for the XRT) is added in quadrature: else lines would jump from bin to bin.
    norm : `~astropy.units.Quantity`, optional
        Photons per cm2 and s in the line; estimated from the data if not given.
    """
    return _component("gaussian", line_energy, sigma, norm)


def TBabs(nh: u.Quantity = _START_NH) -> Model:  # noqa: N802
    """Absorption by interstellar matter at rest (Wilms, Allen & McCray 2000), a factor.

    Parameters
    ----------
    nh : `~astropy.units.Quantity`, optional
        Hydrogen column density.
    """
    return _component("tbabs", nh)


def ZTBabs(nh: u.Quantity = _START_NH, redshift: Any = 0.0) -> Model:  # noqa: N802
    """Absorption by matter at a redshift, a factor.

    Parameters
    ----------
    nh : `~astropy.units.Quantity`, optional
        Hydrogen column density.
    redshift : float, optional
        Redshift; frozen unless thawed.
    """
    return _component("ztbabs", nh, redshift)


def Constant(factor: Any = 1.0) -> Model:  # noqa: N802
    """A constant factor, such as the one between two instruments; frozen unless thawed.

    Parameters
    ----------
    factor : float, optional
        The factor.
    """
    return _component("constant", factor)


_SERVICE = {
    "powerlaw": PowerLaw,
    "blackbody": BlackBody,
    "bremsstrahlung": Bremsstrahlung,
    "cutoffpowerlaw": CutoffPowerLaw,
    "brokenpowerlaw": BrokenPowerLaw,
}


def service_model(
    name: str = "PowerLaw", *, galactic_nh: u.Quantity | None = None, redshift: float | None = None
) -> Model:
    """The model that the product service fits to a spectrum.

    Parameters
    ----------
    name : str, optional
        What emits: ``"PowerLaw"``, ``"BlackBody"``, ``"Bremsstrahlung"``,
        ``"CutoffPowerLaw"`` or ``"BrokenPowerLaw"``, in any case.
    galactic_nh : `~astropy.units.Quantity`, optional
        Column of the Galaxy, which is frozen; the column of the source is then
        another absorber.
    redshift : float, optional
        Redshift of the absorber in the source; needs `galactic_nh`.

    Returns
    -------
    model : Model
        ``TBabs * component``, or ``TBabs * ZTBabs * component`` with a Galactic column.

    Raises
    ------
    RequestError
        If the name is not known, or a redshift is given without Galactic column.
    """
    emission = _SERVICE.get(str(name).lower())
    if emission is None:
        known = [maker.__name__ for maker in _SERVICE.values()]
        problem = f"one of {', '.join(known)} is needed; got {name!r}{nearest(str(name), known)}"
        raise RequestError([("name", problem + " (APEC needs XSPEC)" if "apec" in str(name).lower() else problem)])
    if galactic_nh is None:
        if redshift:
            raise RequestError([("redshift", "needs the Galactic column; give galactic_nh= too")], "service model")
        return TBabs() * emission()
    absorbed = TBabs(galactic_nh).freeze("nh") * ZTBabs(redshift=0.0 if redshift is None else redshift)
    return absorbed * emission()
