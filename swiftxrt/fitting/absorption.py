"""Photoelectric absorption by interstellar matter."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from astropy.table import Table
from numpy.typing import ArrayLike, NDArray

__all__ = ["cross_section_cm2"]

Floats = NDArray[np.float64]

_TABLE_CM2 = 1e-22


@cache
def _log_table() -> tuple[Floats, Floats]:
    """Logarithms of energy (keV) and cross section (cm2), with the slopes at both ends going on."""
    with files("swiftxrt.data").joinpath("absorption.ecsv").open("r", encoding="utf-8") as stream:
        table = Table.read(stream.read(), format="ascii.ecsv")
    energy = np.log(np.array(table["energy"], dtype=float))
    section = np.log(np.array(table["cross_section"], dtype=float) * _TABLE_CM2)
    # Far points on the straight lines through the ends: below, gas absorbs as E^-2.5 or so, above as E^-3.
    below, above = np.log(1e-4), np.log(1e4)
    first = section[0] + (section[8] - section[0]) / (energy[8] - energy[0]) * (below - energy[0])
    last = section[-1] - 3.0 * (above - energy[-1])
    return np.concatenate(([below], energy, [above])), np.concatenate(([first], section, [last]))


def cross_section_cm2(energy_kev: ArrayLike) -> Floats:
    """Cross section of interstellar matter per hydrogen atom.

    The model ``tbabs`` with the abundances of Wilms, Allen & McCray (2000), to
    1e-4 between 0.1 and 20 keV; power laws outside.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV; positive.

    Returns
    -------
    cross_section_cm2 : ndarray
        Cross section in cm2.
    """
    energy, section = _log_table()
    return np.exp(np.interp(np.log(energy_kev), energy, section))
