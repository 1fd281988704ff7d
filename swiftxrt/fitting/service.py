"""Fits in the form of the product service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..products.fit import FitParameter, SpectralFit

if TYPE_CHECKING:
    from .result import FitResult

__all__ = ["service_fit"]

#: What the service calls its models.
_LABELS = {
    "powerlaw": "PowerLaw",
    "blackbody": "Blackbody",
    "bremsstrahlung": "Bremsstrahlung",
    "cutoffpowerlaw": "CutoffPowerLaw",
    "brokenpowerlaw": "BrokenPowerLaw",
}
_ABSORBERS = ("tbabs", "ztbabs")


def service_fit(result: FitResult, number: int) -> SpectralFit:
    """The block that the service sends for a fit.

    ``nh`` is the column of the source; a frozen `TBabs` beside a `ZTBabs` is
    the Galaxy and becomes ``nh_galactic``. Fluxes are those of 0.3-10 keV, and
    all errors those of the fit. Of a joint fit the statistic is that of all
    spectra together.

    Parameters
    ----------
    result : FitResult
        The fit.
    number : int
        The spectrum.

    Returns
    -------
    fit : SpectralFit
        Named as the service names its models, or by the expression of the model if it has none of these.
    """
    model = result.model
    emitting = [name for name in model.components if name not in _ABSORBERS]
    is_known = len(emitting) == 1 and emitting[0] in _LABELS
    return SpectralFit(
        _LABELS[emitting[0]] if is_known else model.expression,
        {_name(result, place): item for place, item in enumerate(_own(result, number))},
        result.flux(index=number),
        result.flux(index=number, absorbed=False),
        statistic=result.statistic,
        dof=result.dof,
        test_statistic=result.test_statistic,
        delta_statistic=result.delta_statistic,
        net_rate=result.spectra[number].net_rate,
    )


def _own(result: FitResult, number: int) -> list[FitParameter]:
    """The parameters of one spectrum, in the order of the model."""
    known = result.parameters
    return [known[name] if name in known else known[f"{name}[{number}]"] for name in result.model.names]


def _name(result: FitResult, place: int) -> str:
    model = result.model
    full = model.full_names[place]
    if {"tbabs", "ztbabs"} <= set(model.components):
        if full == "tbabs.nh":
            return "nh_galactic" if model.slots[place].is_frozen else full
        if full == "ztbabs.nh":
            return "nh"
    return model.names[place]
