"""The response of the XRT from small embedded tables.

Effective area, quantum efficiency, energy resolution, interstellar absorption
and the spectrum of the background, for use where no calibration files are at
hand. Each table in ``swiftxrt/data`` says where its figures come from. They
describe photon counting mode since 2013; windowed timing mode and other epochs
differ by up to 10 %.

The quantum efficiency belongs to the redistribution, as in the XRT's own
response files: effective area = area(E) x row sum of the redistribution.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from astropy.table import Table
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from ..mission import CHANNEL_KEV, N_CHANNELS

__all__ = [
    "absorption_cross_section_cm2",
    "background_density_per_kev",
    "channel_probability",
    "grade_fractions",
    "mirror_area_cm2",
    "quantum_efficiency",
    "redistribution",
    "resolution",
    "transmission",
]

Floats = NDArray[np.float64]

_FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


@cache
def _columns(name: str) -> tuple[Floats, ...]:
    """Columns of an embedded table as read-only arrays."""
    with files("swiftxrt.data").joinpath(name).open("r", encoding="utf-8") as stream:
        table = Table.read(stream.read(), format="ascii.ecsv")
    arrays = tuple(np.array(table[column], dtype=float) for column in table.colnames)
    for array in arrays:
        array.flags.writeable = False
    return arrays


def mirror_area_cm2(energy_kev: ArrayLike) -> Floats:
    """On-axis area of mirror and filter, without the CCD.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.

    Returns
    -------
    area_cm2 : ndarray
        Area in cm2; zero outside 0.28-11.1 keV, where the table ends.
    """
    energy, area, _ = _columns("effective_area.ecsv")
    return np.interp(energy_kev, energy, area, left=0.0, right=0.0)


def quantum_efficiency(energy_kev: ArrayLike) -> Floats:
    """Probability that a photon on the CCD becomes an event of grade 0 to 12.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.

    Returns
    -------
    efficiency : ndarray
        Between 0 and 1.
    """
    energy, _, efficiency = _columns("effective_area.ecsv")
    return np.interp(energy_kev, energy, efficiency)


def absorption_cross_section_cm2(energy_kev: ArrayLike) -> Floats:
    """Photoelectric absorption cross section of interstellar matter per hydrogen atom.

    The model ``tbabs`` with Wilms, Allen & McCray (2000) abundances, to 1 %
    between 0.1 and 12 keV.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.

    Returns
    -------
    cross_section_cm2 : ndarray
        Cross section in cm2.
    """
    energy, section = _columns("absorption.ecsv")
    return 1e-22 * np.exp(np.interp(np.log(energy_kev), np.log(energy), np.log(section)))


def transmission(energy_kev: ArrayLike, nh_cm2: float) -> Floats:
    """Fraction of photons that pass a column of interstellar matter.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.
    nh_cm2 : float
        Hydrogen column density in cm-2.

    Returns
    -------
    fraction : ndarray
        Between 0 and 1.
    """
    return np.exp(-nh_cm2 * absorption_cross_section_cm2(energy_kev))


def resolution(energy_kev: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """How the CCD registers a photon.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.

    Returns
    -------
    peak_kev : ndarray
        Energy of the peak.
    sigma_kev : ndarray
        Standard deviation of the Gaussian around it.
    tail_fraction : ndarray
        Fraction of events in a flat tail between zero and the photon energy.
    """
    energy, fwhm_ev, shift_ev, tail = _columns("energy_resolution.ecsv")
    photon_kev = np.asarray(energy_kev, dtype=float)
    sigma_kev = np.interp(photon_kev, energy, fwhm_ev) * 1e-3 / _FWHM_PER_SIGMA
    peak_kev = photon_kev + np.interp(photon_kev, energy, shift_ev) * 1e-3
    return peak_kev, sigma_kev, np.interp(photon_kev, energy, tail)


def channel_probability(energy_kev: ArrayLike, first: int, last: int) -> Floats:
    """Probability that a detected photon is registered in a range of PI channels.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.
    first, last : int
        First and last channel, both included.

    Returns
    -------
    probability : ndarray
        Between 0 and 1.
    """
    photon_kev = np.asarray(energy_kev, dtype=float)
    peak_kev, sigma_kev, tail = resolution(photon_kev)
    low, high = first * CHANNEL_KEV, (last + 1) * CHANNEL_KEV
    line = ndtr((high - peak_kev) / sigma_kev) - ndtr((low - peak_kev) / sigma_kev)
    flat = (np.minimum(high, photon_kev) - np.minimum(low, photon_kev)) / photon_kev
    return (1.0 - tail) * line + tail * flat


def redistribution(energy_kev: ArrayLike) -> Floats:
    """Redistribution matrix, including the quantum efficiency.

    Parameters
    ----------
    energy_kev : array_like, shape (n,)
        Photon energies in keV.

    Returns
    -------
    matrix : ndarray, shape (n, 1024)
        Probability that a photon on the CCD is registered in each channel.
    """
    photon_kev = np.atleast_1d(np.asarray(energy_kev, dtype=float))
    channel = np.arange(N_CHANNELS)
    matrix = channel_probability(photon_kev[:, None], channel, channel)
    return matrix * quantum_efficiency(photon_kev)[:, None]


def background_density_per_kev() -> tuple[Floats, Floats]:
    """Spectrum of the background in pulse-invariant energy.

    Returns
    -------
    edges_kev : ndarray, shape (n + 1,)
        Bin edges in keV.
    density_per_kev : ndarray, shape (n,)
        Rate per keV relative to the rate of 0.3-10 keV.
    """
    low, high, density = _columns("background_spectrum.ecsv")
    return np.append(low, high[-1]), density


def grade_fractions(energy_kev: ArrayLike) -> Floats:
    """Fractions of the event grades 0 to 12 in photon counting mode.

    Parameters
    ----------
    energy_kev : array_like, shape (n,)
        Event energies in keV.

    Returns
    -------
    fraction : ndarray, shape (n, 13)
        Each row sums to 1.
    """
    energy, *columns = _columns("grade_fractions.ecsv")
    fraction = np.stack([np.interp(energy_kev, energy, column) for column in columns], axis=-1)
    return fraction / fraction.sum(axis=-1, keepdims=True)
