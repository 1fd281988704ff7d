"""Models fitted to spectra: parameters with errors, fluxes, goodness of fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from ..exceptions import NoDataError, RequestError

if TYPE_CHECKING:
    from astropy.table import QTable

__all__ = ["COLUMN_UNIT", "FLUX_UNIT", "PARAMETER_UNITS", "FitParameter", "SpectralFit"]

COLUMN_UNIT = u.cm**-2
FLUX_UNIT = u.erg / (u.cm**2 * u.s)
_RATE_UNIT = u.ct / u.s
_FLUXES = ("flux_observed", "flux_unabsorbed")
_NUMBERS = ("statistic", "test_statistic", "delta_statistic")

#: Units of the parameters that have a name of ours: absorbing column of the
#: source and of the Galaxy, redshift, photon index of the power law,
#: temperature of plasma or black body. Others may have any unit.
PARAMETER_UNITS: Mapping[str, u.UnitBase] = MappingProxyType(
    {
        "nh": COLUMN_UNIT,
        "nh_galactic": COLUMN_UNIT,
        "redshift": u.dimensionless_unscaled,
        "photon_index": u.dimensionless_unscaled,
        "temperature": u.keV,
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class FitParameter:
    """A value with an error on either side; immutable, compared by value.

    Parameters
    ----------
    value : `~astropy.units.Quantity`
        The best value; NaN if not known.
    err_neg, err_pos : `~astropy.units.Quantity`, optional
        How far the interval reaches below and above, both positive; NaN, the
        default, where that is not known. A value with one error only is a
        limit, and printed as such.
    frozen : bool, optional
        Whether the value was held fixed in the fit.

    Raises
    ------
    RequestError
        If a value is no scalar, units do not fit, or an error is negative.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt.products.fit import FitParameter
    >>> FitParameter(2.6 * u.keV, 0.2 * u.keV, 0.3 * u.keV)
    <FitParameter 2.6 (-0.2, +0.3) keV>
    """

    value: u.Quantity
    err_neg: u.Quantity = None
    err_pos: u.Quantity = None
    frozen: bool = False

    def __post_init__(self) -> None:
        value = u.Quantity(self.value, dtype=float) if isinstance(self.value, int | float) else self.value
        if not isinstance(value, u.Quantity) or not value.isscalar:
            raise RequestError([("value", f"one Quantity is needed; got {self.value!r}")], "fit parameter")
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "frozen", bool(self.frozen))
        for name in ("err_neg", "err_pos"):
            object.__setattr__(self, name, _error(getattr(self, name), value.unit, name))

    @property
    def unit(self) -> u.UnitBase:
        """Unit of the value and its errors."""
        return self.value.unit

    def to(self, unit: u.UnitBase | str) -> FitParameter:
        """The same in another unit.

        Raises
        ------
        `~astropy.units.UnitConversionError`
            If the unit is of another kind.
        """
        return FitParameter(self.value.to(unit), self.err_neg.to(unit), self.err_pos.to(unit), self.frozen)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not known is left out."""
        values = {name: float(getattr(self, name).value) for name in ("value", "err_neg", "err_pos")}
        known: dict[str, Any] = {name: value for name, value in values.items() if not math.isnan(value)}
        if self.unit != u.dimensionless_unscaled:
            known["unit"] = self.unit.to_string()
        return {**known, "frozen": True} if self.frozen else known

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> FitParameter:
        """Rebuild from `to_dict`.

        Raises
        ------
        RequestError, TypeError, ValueError
            If an entry is not of its kind.
        """
        unit = u.Unit(plain.get("unit", ""))
        value, err_neg, err_pos = (float(plain.get(name, math.nan)) * unit for name in ("value", "err_neg", "err_pos"))
        return cls(value, err_neg, err_pos, frozen=bool(plain.get("frozen", False)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FitParameter):
            return NotImplemented
        if self.frozen != other.frozen or not self.unit.is_equivalent(other.unit):
            return False
        mine, theirs = (
            [item.to_value(self.unit) for item in (one.value, one.err_neg, one.err_pos)] for one in (self, other)
        )
        return bool(np.array_equal(mine, theirs, equal_nan=True))

    def __hash__(self) -> int:
        return hash((self.frozen, self.unit.physical_type))

    def __reduce__(self) -> tuple[Any, ...]:
        return FitParameter, (self.value, self.err_neg, self.err_pos, self.frozen)

    def __repr__(self) -> str:
        return f"<FitParameter {self}>"

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit != u.dimensionless_unscaled else ""
        value, below, above = (float(item.value) for item in (self.value, self.err_neg, self.err_pos))
        best = f"{value:.6g}{unit}"
        if self.frozen:
            return f"{best}, frozen"
        if math.isnan(value) or (math.isnan(below) and math.isnan(above)):
            return best
        if math.isnan(below):
            return f"< {value + above:.4g}{unit} (best {best})"
        if math.isnan(above):
            return f"> {value - below:.4g}{unit} (best {best})"
        return f"{value:.6g} (-{below:.4g}, +{above:.4g}){unit}"


def _error(given: Any, unit: u.UnitBase, name: str) -> u.Quantity:
    if given is None:
        return np.nan * unit
    if isinstance(given, int | float) and unit == u.dimensionless_unscaled:
        given = u.Quantity(given, dtype=float)
    if not isinstance(given, u.Quantity) or not given.isscalar or not given.unit.is_equivalent(unit):
        raise RequestError([(name, f"one Quantity in {unit} is needed; got {given!r}")], "fit parameter")
    if given < 0:
        raise RequestError([(name, f"errors are positive on both sides; got {given}")], "fit parameter")
    return given.to(unit)


def _unknown_flux() -> FitParameter:
    return FitParameter(np.nan * FLUX_UNIT)


@dataclass(frozen=True, repr=False)
class SpectralFit:
    """A model fitted to one spectrum; immutable, picklable, compared by value.

    Parameters
    ----------
    model : str
        Name of the model, as whoever fitted it calls it: the service says
        ``"PowerLaw"`` and ``"APEC"``.
    parameters : mapping of str to FitParameter
        ``nh`` (absorbing column of the source), ``nh_galactic`` (column of
        the Galaxy, held fixed), ``redshift`` (of the absorber, held fixed),
        ``photon_index``, ``temperature``; parameters that have no name here
        keep theirs. Only those that the model has.
    flux_observed, flux_unabsorbed : FitParameter, optional
        Flux as observed, and without absorption, 0.3-10 keV.
    statistic : float, optional
        Fit statistic (W statistic of xspec, for Poisson counts).
    dof : int, optional
        Degrees of freedom; None if not known.
    test_statistic : float, optional
        Statistic for the quality of the fit (Pearson's chi squared).
    delta_statistic : float, optional
        Change of the statistic that defines the errors: 1 for 68.3 %, 2.706
        for 90 %.
    net_rate : `~astropy.units.Quantity`, optional
        Net count rate of the spectrum in its extraction region, 0.3-10 keV.
    image_url : str, optional
        Address of a picture; not part of comparisons.

    Raises
    ------
    RequestError
        If a parameter has the wrong unit.

    Examples
    --------
    >>> import astropy.units as u
    >>> from swiftxrt.products.fit import FitParameter, SpectralFit
    >>> flux = FitParameter(6.8e-11 * u.erg / u.cm**2 / u.s)
    >>> fit = SpectralFit("PowerLaw", {"photon_index": FitParameter(2.69, 0.14, 0.15)}, flux, statistic=451.0, dof=470)
    >>> fit
    <SpectralFit PowerLaw: photon_index = 2.69 (-0.14, +0.15); statistic 451 for 470 dof>
    >>> fit.counts_to_flux(0.1 * u.ct / u.s, net_rate=1.36 * u.ct / u.s, absorbed=True)
    <Quantity 5.e-12 erg / (s cm2)>
    """

    model: str
    parameters: Mapping[str, FitParameter] = field(default_factory=dict)
    flux_observed: FitParameter = field(default_factory=_unknown_flux)
    flux_unabsorbed: FitParameter = field(default_factory=_unknown_flux)
    statistic: float = math.nan
    dof: int | None = None
    test_statistic: float = math.nan
    delta_statistic: float = math.nan
    net_rate: u.Quantity = None
    image_url: str = ""

    def __post_init__(self) -> None:
        problems = []
        for name, item in self.parameters.items():
            unit = PARAMETER_UNITS.get(name)
            if not isinstance(item, FitParameter) or (unit is not None and not item.unit.is_equivalent(unit)):
                problems.append((name, f"a FitParameter in {unit or 'any unit'} is needed; got {item!r}"))
        for name in _FLUXES:
            item = getattr(self, name)
            if not isinstance(item, FitParameter) or not item.unit.is_equivalent(FLUX_UNIT):
                problems.append((name, f"a FitParameter in {FLUX_UNIT} is needed; got {item!r}"))
        rate = np.nan * _RATE_UNIT if self.net_rate is None else self.net_rate
        if not _is_rate(rate) or not rate.isscalar:
            problems.append(("net_rate", f"one Quantity in {_RATE_UNIT} is needed; got {rate!r}"))
        if problems:
            raise RequestError(problems, f"fit of {self.model!r}")
        object.__setattr__(self, "net_rate", rate)
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    @property
    def table(self) -> QTable:
        """One row with all values, for a table of several fits.

        Errors are in columns of their own: ``nh``, ``nh_err_neg``,
        ``nh_err_pos``, ... `astropy.table.vstack` joins such tables.
        """
        from ._display import ReadableTable

        columns: dict[str, Any] = {"model": [self.model]}
        fluxes = {name: getattr(self, name) for name in _FLUXES}
        for name, item in {**self.parameters, **fluxes}.items():
            columns.update({name: u.Quantity([item.value])})
            if not item.frozen:
                columns[f"{name}_err_neg"] = u.Quantity([item.err_neg])
                columns[f"{name}_err_pos"] = u.Quantity([item.err_pos])
        columns["statistic"] = [self.statistic]
        columns["dof"] = [-1 if self.dof is None else self.dof]
        columns["test_statistic"] = [self.test_statistic]
        return ReadableTable(columns)

    def counts_to_flux(
        self, rate: u.Quantity, *, net_rate: u.Quantity | None = None, absorbed: bool = False
    ) -> u.Quantity:
        """Flux (0.3-10 keV) at a count rate, if the spectrum keeps its shape.

        Parameters
        ----------
        rate : `~astropy.units.Quantity`, ct/s
            Net count rate or rates, 0.3-10 keV.
        net_rate : `~astropy.units.Quantity`, ct/s, optional
            Rate that belongs to the fluxes of the fit; by default that of the
            spectrum in its extraction region. Rates of light curves are
            corrected for losses outside the region: give their mean here.
        absorbed : bool, optional
            Flux as observed, rather than without absorption.

        Returns
        -------
        flux : `~astropy.units.Quantity`
            In erg cm⁻² s⁻¹, of the shape of `rate`.

        Raises
        ------
        RequestError
            If a rate has no unit of rates.
        NoDataError
            If flux or rate of the fit are not known.
        """
        known = self.net_rate if net_rate is None else net_rate
        for name, given in (("rate", rate), ("net_rate", known)):
            if not _is_rate(given):
                raise RequestError([(name, f"a count rate is needed, such as 0.1 * u.ct / u.s; got {given!r}")])
        flux = (self.flux_observed if absorbed else self.flux_unabsorbed).value
        if not np.isfinite(flux):
            raise NoDataError(f"the fit of {self.model!r} gives no {'observed' if absorbed else 'unabsorbed'} flux")
        if not (known.isscalar and known > 0):
            raise NoDataError("the count rate that belongs to the fit is not known; give it as net_rate=")
        return (rate * (flux / known)).to(FLUX_UNIT)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not known is left out."""
        plain: dict[str, Any] = {"model": self.model}
        plain["parameters"] = {name: item.to_dict() for name, item in self.parameters.items()}
        for name in _FLUXES:
            plain[name] = getattr(self, name).to_dict()
        numbers = {name: float(getattr(self, name)) for name in _NUMBERS}
        numbers["net_rate_cps"] = float(self.net_rate.to_value(_RATE_UNIT))
        plain.update({name: value for name, value in numbers.items() if not math.isnan(value)})
        if self.dof is not None:
            plain["dof"] = self.dof
        return {**plain, "image_url": self.image_url} if self.image_url else plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> SpectralFit:
        """Rebuild from `to_dict`.

        Raises
        ------
        RequestError, KeyError, TypeError, ValueError
            If an entry is missing or not of its kind.
        """
        values: dict[str, Any] = {name: float(plain.get(name, math.nan)) for name in _NUMBERS}
        values.update({name: FitParameter.from_dict(plain[name]) for name in _FLUXES})
        return cls(
            str(plain["model"]),
            {str(name): FitParameter.from_dict(item) for name, item in plain["parameters"].items()},
            **values,
            dof=None if plain.get("dof") is None else int(plain["dof"]),
            net_rate=float(plain.get("net_rate_cps", math.nan)) * _RATE_UNIT,
            image_url=str(plain.get("image_url", "")),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpectralFit):
            return NotImplemented
        numbers = [
            [*(getattr(one, name) for name in _NUMBERS), one.net_rate.to_value(_RATE_UNIT)] for one in (self, other)
        ]
        rest = [
            (one.model, dict(one.parameters), one.flux_observed, one.flux_unabsorbed, one.dof) for one in (self, other)
        ]
        return rest[0] == rest[1] and np.array_equal(numbers[0], numbers[1], equal_nan=True)

    __hash__ = None  # type: ignore[assignment]  # Holds a mapping.

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        values[1] = dict(self.parameters)
        return SpectralFit, tuple(values)

    def __repr__(self) -> str:
        named = "; ".join(f"{name} = {item}" for name, item in self.parameters.items())
        dof = "" if self.dof is None else f" for {self.dof} dof"
        return f"<SpectralFit {self.model}: {named or 'no parameters'}; statistic {self.statistic:.6g}{dof}>"


def _is_rate(value: Any) -> bool:
    return isinstance(value, u.Quantity) and value.unit.is_equivalent(_RATE_UNIT)
