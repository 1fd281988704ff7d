"""Spectral fits in the words of the service."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import astropy.units as u
import numpy as np

from ..products.fit import FLUX_UNIT, PARAMETER_UNITS, FitParameter, SpectralFit
from .reading import any_case, number, text, yes

__all__ = ["fit_reply", "is_fit", "old_fit_reply", "read_fit"]

#: Our names of parameters and the service's; it writes KT where its documentation says kT.
_PARAMETERS = {
    "nh_galactic": "GalacticNH",
    "nh": "NH",
    "redshift": "Redshift_abs",
    "photon_index": "Gamma",
    "temperature": "KT",
}
_FLUXES = {"flux_observed": "ObsFlux", "flux_unabsorbed": "UnabsFlux"}
_STATISTICS = {"statistic": "Cstat", "test_statistic": "FitChi"}
#: Parameters that the service holds fixed; for others an embedded server says so.
_FIXED = ("nh_galactic", "redshift")
_POS, _NEG, _FROZEN, _UNIT = "Pos", "Neg", "Frozen", "Unit"
_SUFFIXES = tuple(suffix.lower() for suffix in (_POS, _NEG, _FROZEN, _UNIT))
_OURS = {key.lower(): name for name, key in {**_PARAMETERS, **_FLUXES}.items()}
#: Keys of a fit, or of a mode in the old layout, that are no parameters.
_OTHERS = {"dof", "image", "nofit", "exposure", "meantime", "models", *(key.lower() for key in _STATISTICS.values())}


def fit_reply(fit: SpectralFit) -> dict[str, Any]:
    """A fit as the service tells it; what is not known is left out."""
    block: dict[str, Any] = {}
    for name, item in fit.parameters.items():
        block.update(_parameter(_PARAMETERS.get(name, name), name, item))
    for name, key in _FLUXES.items():
        block.update(_parameter(key, name, getattr(fit, name)))
    block.update({key: getattr(fit, name) for name, key in _STATISTICS.items()})
    block = {key: value for key, value in block.items() if not (isinstance(value, float) and math.isnan(value))}
    if fit.dof is not None:
        block["Dof"] = fit.dof
    if fit.image_url:
        block["Image"] = fit.image_url
    return block


def _parameter(key: str, name: str, item: FitParameter) -> Iterator[tuple[str, Any]]:
    unit = FLUX_UNIT if name in _FLUXES else PARAMETER_UNITS.get(name, item.unit)
    yield key, float(item.value.to_value(unit))
    if name not in _FIXED or not item.frozen:
        yield f"{key}{_POS}", float(item.err_pos.to_value(unit))
        yield f"{key}{_NEG}", -float(item.err_neg.to_value(unit))
    if item.frozen != (name in _FIXED):
        yield f"{key}{_FROZEN}", int(item.frozen)
    if name not in PARAMETER_UNITS and name not in _FLUXES and unit != u.dimensionless_unscaled:
        yield f"{key}{_UNIT}", unit.to_string()


def old_fit_reply(fit: SpectralFit) -> dict[str, Any]:
    """A fit as told to clients of API versions below 1.10: ``nh``, ``gammapos``, ``obsFlux``, ``cstat``."""
    renamed = {}
    for key, value in fit_reply(fit).items():
        old = key.replace("NH", "nh").replace(_POS, "pos").replace(_NEG, "neg")
        renamed[key if key == "Image" else old[0].lower() + old[1:]] = value
    return renamed


def is_fit(block: Mapping[str, Any]) -> bool:
    """Whether an object has any parameter or flux of a fit among its keys."""
    return any(str(key).lower() in _OURS for key in block)


def read_fit(model: str, block: Mapping[str, Any], delta_statistic: float) -> SpectralFit | None:
    """Read a fit of the service; `None` if it has no value.

    Parameters
    ----------
    model : str
        Name of the model.
    block : mapping
        Its values; keys in any case, numbers also as texts.
    delta_statistic : float
        Change of the statistic that defines the errors.
    """
    items = dict(_items(block))
    parameters = {name: item for name, item in items.items() if name not in _FLUXES and not np.isnan(item.value)}
    fluxes = {name: item for name, item in items.items() if name in _FLUXES}
    if not parameters and all(np.isnan(item.value) for item in fluxes.values()):
        return None
    dof = number(any_case(block, "Dof"))
    values: dict[str, Any] = {name: number(any_case(block, key)) for name, key in _STATISTICS.items()}
    return SpectralFit(
        model,
        parameters,
        **{**fluxes, **values},
        dof=int(dof) if math.isfinite(dof) else None,
        delta_statistic=delta_statistic,
        image_url=text(any_case(block, "Image")),
    )


def _items(block: Mapping[str, Any]) -> Iterator[tuple[str, FitParameter]]:
    keys = {str(key).lower() for key in block}
    for key, value in block.items():
        lower = str(key).lower()
        is_detail = any(lower.endswith(suffix) and lower.removesuffix(suffix) in keys for suffix in _SUFFIXES)
        if lower in _OTHERS or is_detail or isinstance(value, Mapping | list):
            continue
        name = _OURS.get(lower, str(key))
        unit = FLUX_UNIT if name in _FLUXES else PARAMETER_UNITS.get(name) or _unit(any_case(block, key + _UNIT))
        below, above = (abs(number(any_case(block, key + side))) * unit for side in (_NEG, _POS))
        frozen = yes(any_case(block, key + _FROZEN)) if lower + _FROZEN.lower() in keys else name in _FIXED
        yield name, FitParameter(number(value) * unit, below, above, frozen=bool(frozen))


def _unit(name: Any) -> u.UnitBase:
    try:
        return u.Unit(text(name))
    except ValueError:
        return u.dimensionless_unscaled
