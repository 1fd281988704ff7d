"""Gaunt factors of thermal bremsstrahlung."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

__all__ = ["gaunt_factor"]

Floats = NDArray[np.float64]

_RYDBERG_KEV = 0.013605693
#: The table's grid is even in both logarithms.
_STEP = 0.25


@cache
def _table() -> tuple[float, float, Floats]:
    """First values of log10(gamma squared) and log10(u), and the Gaunt factors on the grid."""
    with files("swiftxrt.data").joinpath("gaunt_factors.ecsv").open("r", encoding="utf-8") as stream:
        table = Table.read(stream.read(), format="ascii.ecsv")
    log_gamma2 = np.array(table["log_gamma2"], dtype=float)
    names = table.colnames[1:]
    return log_gamma2[0], float(names[0].removeprefix("u")), np.array([table[name] for name in names], dtype=float).T


def gaunt_factor(x: Floats, temperature_kev: float, charge: int) -> Floats:
    """Thermally averaged free-free Gaunt factor of ions of a charge.

    Cubic interpolation in the logarithms of a table that was computed from the
    exact non-relativistic cross section (Karzas & Latter 1961, ApJS 6, 167).

    Parameters
    ----------
    x : ndarray
        Photon energy over kT.
    temperature_kev : float
        kT in keV.
    charge : int
        Charge of the ion.
    """
    first_gamma2, first_u, values = _table()
    row = (np.log10(charge**2 * _RYDBERG_KEV / temperature_kev) - first_gamma2) / _STEP
    row = float(np.clip(row, 0.0, len(values) - 1.0))
    column = np.clip((np.log10(x) - first_u) / _STEP, 0.0, values.shape[1] - 1.0)
    start, weights = _cubic(np.array(row), len(values))
    line = weights @ values[int(start) : int(start) + 4]
    starts, column_weights = _cubic(column, values.shape[1])
    return sum(column_weights[k] * line[starts + k] for k in range(4))  # type: ignore[return-value]


def _cubic(position: Floats, size: int) -> tuple[NDArray[np.int64], Floats]:
    """Where the four points around a position begin, and Lagrange's weights of these."""
    start = np.clip(np.floor(position).astype(int) - 1, 0, size - 4)
    t = position - start
    weights = [
        -(t - 1) * (t - 2) * (t - 3) / 6,
        t * (t - 2) * (t - 3) / 2,
        -t * (t - 1) * (t - 3) / 2,
        t * (t - 1) * (t - 2) / 6,
    ]
    return start, np.array(weights)
