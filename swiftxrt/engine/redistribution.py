"""Effective area and redistribution matrix on the XRT's energy grid, from the embedded tables."""

from __future__ import annotations

from functools import cache

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..mission import CHANNEL_KEV, N_CHANNELS, Mode
from ..products.calibration import CALIBRATION_FILE, EMBEDDED_NAME
from ..products.response import ARF, RMF
from .response_tables import mirror_area_cm2, redistribution

__all__ = ["embedded_arf", "embedded_rmf", "energy_edges_kev"]

#: Photon energies of the XRT's responses: 2400 bins of 5 eV.
N_ENERGIES, _ENERGY_MAX_KEV = 2400, 12.0
#: Photon energies begin a little above zero: programs that fit divide by them.
_ENERGY_MIN_KEV = 1e-4
#: Smaller probabilities are left out of the matrix; those left out sum to less than 1e-3 of a row above 0.3 keV.
_LEAST_PROBABILITY = 1e-6


def energy_edges_kev() -> NDArray[np.float64]:
    """Edges of the photon energy bins in keV, shape (2401,)."""
    edges = np.linspace(0.0, _ENERGY_MAX_KEV, N_ENERGIES + 1)
    edges[0] = _ENERGY_MIN_KEV
    return edges


@cache
def embedded_arf() -> ARF:
    """Area of mirror and filter on axis, without loss of PSF."""
    edges = energy_edges_kev()
    area = mirror_area_cm2((edges[1:] + edges[:-1]) / 2)
    return ARF(energy_edges=edges * u.keV, effective_area=area * u.cm**2, header={CALIBRATION_FILE: EMBEDDED_NAME})


@cache
def embedded_rmf(mode: Mode) -> RMF:
    """Redistribution with the quantum efficiency of the CCD in it, since 2013, all grades of the mode."""
    edges = energy_edges_kev()
    matrix = redistribution((edges[1:] + edges[:-1]) / 2, mode)
    matrix[matrix < _LEAST_PROBABILITY] = 0.0
    return RMF(
        matrix=matrix.astype(np.float32),  # As in the official files; half the size.
        energy_edges=edges * u.keV,
        channel_edges=np.arange(N_CHANNELS + 1) * CHANNEL_KEV * u.keV,
        header={CALIBRATION_FILE: EMBEDDED_NAME},
    )
