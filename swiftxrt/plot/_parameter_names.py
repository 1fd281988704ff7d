"""Names of parameters of models on axes."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ._axes import axis_label

__all__ = ["parameter_label", "power_of_ten", "spoken"]

_LABELS = {
    "nh": r"$N_\mathregular{H}$",
    "photon_index": "Photon index",
    "flux_observed": "Observed flux",
    "flux_unabsorbed": "Unabsorbed flux",
    "norm": "Norm",
}
_LEAST_POWER = 3


def spoken(name: str) -> str:
    """A parameter or column as one would say it."""
    return _LABELS.get(name, name.replace("_", " ").replace(".", ", ").capitalize())


def power_of_ten(known: NDArray[np.float64]) -> int:
    """The power of ten that is taken out of the numbers of a linear axis."""
    largest = float(np.max(np.abs(known), initial=0.0))
    power = int(np.floor(np.log10(largest))) if largest > 0 else 0
    return power if abs(power) >= _LEAST_POWER else 0


def parameter_label(name: str, unit: u.UnitBase, power: int, *, lines: int = 2) -> str:
    """Name and unit, or component, name and unit, on one line or two, each short enough for a panel.

    Parameters
    ----------
    name : str
        Name of the parameter, with its component or without.
    unit : unit
        Its unit.
    power : int
        Power of ten that was taken out of the numbers.
    lines : {1, 2}, optional
        Lines of the label.
    """
    factor = rf"$10^{{{power}}}$" if power else ""
    written = axis_label("", unit).strip(" ()")
    scale = " ".join(filter(None, (factor, written)))
    between = "\n" if lines > 1 else " "
    component, _, parameter = name.rpartition(".")
    if component:
        said = spoken(parameter)
        lower = said if said.startswith("$") else said.lower()
        return f"{spoken(component)}{between}{lower} ({scale})" if scale else f"{spoken(component)}{between}{lower}"
    return f"{spoken(name)}{between}({scale})" if scale else spoken(name)
