"""What models are made of: emission and absorption, in plain numbers.

Energies are in keV, photon fluxes in photons per cm2 and s, columns in cm-2.
Definitions, names and order of parameters are those of XSPEC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .gaunt import gaunt_factor
from .grid import EnergyGrid

__all__ = ["COMPONENTS", "Component", "Definition"]

Floats = NDArray[np.float64]
Evaluate = Callable[..., Floats]

COLUMN_UNIT = u.cm**-2
NORM_UNIT = u.ph / (u.cm**2 * u.s * u.keV)
LINE_NORM_UNIT = u.ph / (u.cm**2 * u.s)
_PLAIN = u.dimensionless_unscaled
#: Photons per cm2, s and keV of XSPEC's ``bbody``, for 1e39 erg/s at 10 kpc.
_BLACK_BODY = 8.0525
#: Larger exponents are no photons at all.
_LARGEST_EXPONENT = 600.0
#: Helium atoms per hydrogen atom in XSPEC's ``bremss``.
_HELIUM = 0.085
_LARGEST_GAIN = 10.0


@dataclass(frozen=True)
class Definition:
    """What a parameter is.

    Parameters
    ----------
    name, xspec_name : str
        Our name and that of XSPEC.
    unit : unit
        In which it is kept.
    low, high : float
        Bounds that are set unless others are given.
    xspec_unit : float, optional
        Worth of XSPEC's unit in ours.
    scale : float, optional
        A change that makes a difference, for the minimiser to begin with.
    is_frozen : bool, optional
        Whether it is frozen unless thawed.
    is_linear : bool, optional
        Whether the component is proportional to it.
    has_log_spread : bool, optional
        Whether several starts are spread by factors.
    is_temperature : bool, optional
        Whether it is kT, for which a temperature can be given.
    """

    name: str
    xspec_name: str
    unit: u.UnitBase
    low: float
    high: float
    xspec_unit: float = 1.0
    scale: float = 0.1
    is_frozen: bool = False
    is_linear: bool = False
    has_log_spread: bool = False
    is_temperature: bool = False


@dataclass(frozen=True)
class Component:
    """One term or factor of a model.

    Parameters
    ----------
    name, xspec_name : str
        Our name in expressions and that of XSPEC.
    parameters : tuple of Definition
        In XSPEC's order.
    evaluate : callable
        From a grid and the values: photons per cm2 and s in each piece, or
        the factor in each piece.
    is_additive : bool
        Whether it emits, rather than being a factor.
    log_slopes, slopes : mapping of str to callable, optional
        Derivatives of the logarithm of what `evaluate` gives, and of that itself, by parameter; differences stand in
        for others.
    """

    name: str
    xspec_name: str
    parameters: tuple[Definition, ...]
    evaluate: Evaluate
    is_additive: bool
    log_slopes: Mapping[str, Evaluate] = field(default_factory=dict)
    slopes: Mapping[str, Evaluate] = field(default_factory=dict)


def _log_power(grid: EnergyGrid, photon_index: float) -> Floats:
    """Exact integral of ``E**-photon_index`` over each piece."""
    slope = 1.0 - photon_index
    half = slope * grid.log_width / 2
    return np.exp(slope * grid.log_energy) * grid.log_width * (1.0 + half**2 / 6 * (1.0 + half**2 / 20))


def _power_law(grid: EnergyGrid, photon_index: float, norm: float) -> Floats:
    return norm * _log_power(grid, photon_index)


def _cutoff_power_law(grid: EnergyGrid, photon_index: float, cutoff: float, norm: float) -> Floats:
    return norm * _log_power(grid, photon_index) * np.exp(-grid.energy_kev / cutoff)


def _broken_power_law(grid: EnergyGrid, low: float, break_kev: float, high: float, norm: float) -> Floats:
    # Photons above the break: the steeper or flatter law in all pieces that lie above; the piece with the break is cut.
    below, above = _log_power(grid, low), break_kev ** (high - low) * _log_power(grid, high)
    share = np.clip((np.log(break_kev) - grid.log_energy) / grid.log_width + 0.5, 0.0, 1.0)
    return norm * (share * below + (1.0 - share) * above)


def _black_body(grid: EnergyGrid, temperature: float, norm: float) -> Floats:
    x = np.minimum(grid.energy_kev / temperature, _LARGEST_EXPONENT)
    return norm * _BLACK_BODY / temperature**4 * grid.energy_kev**3 * grid.log_width / np.expm1(x)


def _bremsstrahlung(grid: EnergyGrid, temperature: float, norm: float) -> Floats:
    x = np.minimum(grid.energy_kev / temperature, _LARGEST_EXPONENT)
    gaunt = gaunt_factor(x, temperature, 1) + 4 * _HELIUM * gaunt_factor(x, temperature, 2)
    return norm * gaunt * np.exp(-x) / np.sqrt(temperature) * grid.log_width


def _gaussian(grid: EnergyGrid, line_energy: float, sigma: float, norm: float) -> Floats:
    width = np.hypot(sigma, grid.blur_kev(line_energy))
    if width == 0:
        return norm * ((grid.low_kev <= line_energy) & (line_energy < grid.high_kev)).astype(float)
    low, high = (grid.low_kev - line_energy) / width, (grid.high_kev - line_energy) / width
    # Above the line, where both integrals are nearly one, what is left over keeps the digits.
    return norm * np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))


def _line_slopes(grid: EnergyGrid, line_energy: float, sigma: float, norm: float) -> tuple[Floats, Floats]:
    """Derivatives by energy and by the width in all."""
    width = np.hypot(sigma, grid.blur_kev(line_energy))
    low, high = (grid.low_kev - line_energy) / width, (grid.high_kev - line_energy) / width
    low_density, high_density = (norm / width * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) for z in (low, high))
    return low_density - high_density, low * low_density - high * high_density


def _line_energy_slope(grid: EnergyGrid, line_energy: float, sigma: float, norm: float) -> Floats:
    return _line_slopes(grid, line_energy, sigma, norm)[0]


def _sigma_slope(grid: EnergyGrid, line_energy: float, sigma: float, norm: float) -> Floats:
    # Zero at a width of zero; something has to say there whether the line wants to be wider.
    share = sigma / np.hypot(sigma, grid.blur_kev(line_energy)) or 1.0
    return share * _line_slopes(grid, line_energy, sigma, norm)[1]


def _transmission(exponent: Floats) -> Floats:
    # Derivatives at a column of zero need columns a little below it.
    return np.exp(np.minimum(exponent, _LARGEST_GAIN))


def _tbabs(grid: EnergyGrid, nh: float) -> Floats:
    return _transmission(-nh * grid.cross_section_cm2())


def _ztbabs(grid: EnergyGrid, nh: float, redshift: float) -> Floats:
    return _transmission(-nh * grid.cross_section_cm2(redshift))


def _nh_slope(grid: EnergyGrid, nh: float, redshift: float = 0.0) -> Floats:
    return -grid.cross_section_cm2(redshift)


def _index_slope(grid: EnergyGrid, photon_index: float, *others: float) -> Floats:
    return -grid.log_energy - (1.0 - photon_index) * grid.log_width**2 / 12


def _cutoff_slope(grid: EnergyGrid, photon_index: float, cutoff: float, norm: float) -> Floats:
    return grid.energy_kev / cutoff**2


def _constant(grid: EnergyGrid, factor: float) -> Floats:
    return np.full_like(grid.energy_kev, factor)


def _column() -> Definition:
    return Definition("nh", "nH", COLUMN_UNIT, 0.0, 1e24, xspec_unit=1e22, scale=1e20, has_log_spread=True)


def _index(name: str = "photon_index", xspec_name: str = "PhoIndex") -> Definition:
    return Definition(name, xspec_name, _PLAIN, -3.0, 10.0)


def _energy(name: str, xspec_name: str, low: float, high: float) -> Definition:
    return Definition(name, xspec_name, u.keV, low, high, has_log_spread=True)


def _norm(unit: u.UnitBase = _PLAIN) -> Definition:
    return Definition("norm", "norm", unit, 0.0, 1e20, scale=1e-6, is_linear=True, has_log_spread=True)


def _temperature(low: float) -> Definition:
    return Definition("temperature", "kT", u.keV, low, 200.0, has_log_spread=True, is_temperature=True)


_REDSHIFT = Definition("redshift", "Redshift", _PLAIN, 0.0, 20.0, is_frozen=True)
_FACTOR = Definition("factor", "factor", _PLAIN, 0.0, 1e10, is_frozen=True, is_linear=True, has_log_spread=True)
_LOW, _BREAK, _HIGH = (
    _index("photon_index_low", "PhoIndx1"),
    _energy("break_energy", "BreakE", 0.01, 1e5),
    _index("photon_index_high", "PhoIndx2"),
)
_CUTOFF = _energy("cutoff_energy", "HighECut", 0.01, 1e5)
_LINE = Definition("line_energy", "LineE", u.keV, 0.0, 1e6)
_SIGMA = Definition("sigma", "Sigma", u.keV, 0.0, 20.0, scale=0.05, has_log_spread=True)

_ALL = (
    Component(
        "powerlaw",
        "powerlaw",
        (_index(), _norm(NORM_UNIT)),
        _power_law,
        is_additive=True,
        log_slopes={"photon_index": _index_slope},
    ),
    Component(
        "cutoffpowerlaw",
        "cutoffpl",
        (_index(), _CUTOFF, _norm(NORM_UNIT)),
        _cutoff_power_law,
        is_additive=True,
        log_slopes={"photon_index": _index_slope, "cutoff_energy": _cutoff_slope},
    ),
    Component(
        "brokenpowerlaw", "bknpower", (_LOW, _BREAK, _HIGH, _norm(NORM_UNIT)), _broken_power_law, is_additive=True
    ),
    Component("blackbody", "bbody", (_temperature(1e-3), _norm()), _black_body, is_additive=True),
    Component(
        "bremsstrahlung",
        "bremss",
        (_temperature(1e-2), _norm()),
        _bremsstrahlung,
        is_additive=True,
    ),
    Component(
        "gaussian",
        "gaussian",
        (_LINE, _SIGMA, _norm(LINE_NORM_UNIT)),
        _gaussian,
        is_additive=True,
        slopes={"line_energy": _line_energy_slope, "sigma": _sigma_slope},
    ),
    Component("tbabs", "TBabs", (_column(),), _tbabs, is_additive=False, log_slopes={"nh": _nh_slope}),
    Component("ztbabs", "zTBabs", (_column(), _REDSHIFT), _ztbabs, is_additive=False, log_slopes={"nh": _nh_slope}),
    Component("constant", "constant", (_FACTOR,), _constant, is_additive=False),
)
#: Components by name.
COMPONENTS = MappingProxyType({component.name: component for component in _ALL})
