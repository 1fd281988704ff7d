"""The response of the XRT from small embedded tables.

Effective area, quantum efficiency, energy resolution, interstellar absorption
and the spectrum of the background, for use where no calibration files are at
hand. Each table in ``swiftxrt/data`` says where its figures come from. They
describe the time since 2013; other epochs differ by up to 10 %.

The quantum efficiency belongs to the redistribution, as in the XRT's own
response files: effective area = area(E) x row sum of the redistribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from astropy.table import Table
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr

from ..fitting.absorption import cross_section_cm2
from ..mission import CHANNEL_KEV, N_CHANNELS, Mode

__all__ = [
    "absorption_cross_section_cm2",
    "background_density_per_kev",
    "channel_probability",
    "grade_fractions",
    "mirror_area_cm2",
    "quantum_efficiency",
    "redistribution",
    "registered_kev",
    "transmission",
]

Floats = NDArray[np.float64]

#: Nothing is registered below the event threshold.
_THRESHOLD_KEV = 0.28
_LAST_KEV = N_CHANNELS * CHANNEL_KEV
#: Energy that escapes the CCD as Si K alpha.
_ESCAPE_KEV = 1.74
# Photons far below the threshold: no division by zero.
_LEAST = 1e-12


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
    energy, area, _, _ = _columns("effective_area.ecsv")
    return np.interp(energy_kev, energy, area, left=0.0, right=0.0)


def quantum_efficiency(energy_kev: ArrayLike, mode: Mode = Mode.PC) -> Floats:
    """Probability that a photon on the CCD becomes an event.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.
    mode : Mode, optional
        Grades 0 to 12 in photon counting mode, 0 to 2 in windowed timing.

    Returns
    -------
    efficiency : ndarray
        Between 0 and 1.
    """
    energy, _, photon_counting, windowed = _columns("effective_area.ecsv")
    return np.interp(energy_kev, energy, photon_counting if mode is Mode.PC else windowed)


def absorption_cross_section_cm2(energy_kev: ArrayLike) -> Floats:
    """Photoelectric absorption cross section of interstellar matter per hydrogen atom.

    The model ``tbabs`` with Wilms, Allen & McCray (2000) abundances, as fits
    use it.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.

    Returns
    -------
    cross_section_cm2 : ndarray
        Cross section in cm2.
    """
    return cross_section_cm2(energy_kev)


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


@dataclass(frozen=True)
class _Line:
    """How photons of given energies are registered; each attribute has the shape of the energies."""

    photon_kev: Floats
    peak_kev: Floats
    sigma_kev: Floats
    tail: Floats
    scale_kev: Floats
    shelf: Floats
    escape: Floats

    @classmethod
    def of(cls, energy_kev: ArrayLike) -> _Line:
        photon_kev = np.asarray(energy_kev, dtype=float)
        energy, *columns = _columns("energy_resolution.ecsv")
        shift, sigma, tail, scale, shelf, escape = (np.interp(photon_kev, energy, column) for column in columns)
        return cls(photon_kev, photon_kev + shift * 1e-3, sigma * 1e-3, tail, scale * 1e-3, shelf, escape)

    def below(self, registered_kev: Floats) -> Floats:
        """Probability to be registered below an energy, if there were no threshold."""
        z = (registered_kev - self.peak_kev) / self.sigma_kev
        ratio = self.sigma_kev / self.scale_kev
        line = ndtr(z)
        # An exponentially modified Gaussian; in logarithms, since its two factors over- and underflow.
        tail = line + np.exp(np.minimum(ratio * z + ratio**2 / 2 + log_ndtr(-z - ratio), 0.0))
        shelf = np.clip(registered_kev / self.photon_kev, 0.0, 1.0)
        escaped = ndtr(z + _ESCAPE_KEV / self.sigma_kev)
        straight = 1.0 - self.tail - self.shelf - self.escape
        return straight * line + self.tail * tail + self.shelf * shelf + self.escape * escaped

    def drawn(self, rng: np.random.Generator) -> Floats:
        """One registered energy for each photon, if there were no threshold."""
        size = self.photon_kev.shape
        kind = rng.uniform(size=size)
        line = self.peak_kev + self.sigma_kev * rng.standard_normal(size)
        lost = np.where(kind < self.tail, self.scale_kev * rng.standard_exponential(size), 0.0)
        lost = np.where((kind >= self.tail) & (kind < self.tail + self.escape), _ESCAPE_KEV, lost)
        flat = kind >= 1.0 - self.shelf
        return np.where(flat, self.photon_kev * rng.uniform(size=size), line - lost)


def registered_kev(energy_kev: ArrayLike, rng: np.random.Generator) -> Floats:
    """Draw the energies at which detected photons are registered.

    Parameters
    ----------
    energy_kev : array_like, shape (n,)
        Photon energies in keV.
    rng : `numpy.random.Generator`
        Source of randomness.

    Returns
    -------
    registered_kev : ndarray, shape (n,)
        Distributed as `channel_probability` says.
    """
    photon_kev = np.atleast_1d(np.asarray(energy_kev, dtype=float))
    registered = _Line.of(photon_kev).drawn(rng)
    while (lost := np.flatnonzero((registered < _THRESHOLD_KEV) | (registered >= _LAST_KEV))).size:
        registered[lost] = _Line.of(photon_kev[lost]).drawn(rng)
    return registered


def channel_probability(energy_kev: ArrayLike, first: ArrayLike, last: ArrayLike) -> Floats:
    """Probability that a detected photon is registered in a range of PI channels.

    Parameters
    ----------
    energy_kev : array_like
        Photon energy in keV.
    first, last : int or array of int
        First and last channel, both included.

    Returns
    -------
    probability : ndarray
        Between 0 and 1.
    """
    line = _Line.of(energy_kev)
    # What is registered elsewhere is lost, and the efficiency counts it as lost.
    seen = line.below(np.asarray(_LAST_KEV)) - line.below(np.asarray(_THRESHOLD_KEV))
    edges = [np.maximum(np.asarray(channel) * CHANNEL_KEV, _THRESHOLD_KEV) for channel in (first, np.asarray(last) + 1)]
    return (line.below(edges[1]) - line.below(edges[0])) / np.maximum(seen, _LEAST)


def redistribution(energy_kev: ArrayLike, mode: Mode = Mode.PC) -> Floats:
    """Redistribution matrix, including the quantum efficiency.

    Parameters
    ----------
    energy_kev : array_like, shape (n,)
        Photon energies in keV.
    mode : Mode, optional
        Of the efficiency; the widths are those of photon counting mode.

    Returns
    -------
    matrix : ndarray, shape (n, 1024)
        Probability that a photon on the CCD is registered in each channel.
    """
    photon_kev = np.atleast_1d(np.asarray(energy_kev, dtype=float))[:, None]
    edges_kev = np.maximum(np.arange(N_CHANNELS + 1) * CHANNEL_KEV, _THRESHOLD_KEV)
    line = _Line.of(photon_kev)
    below = line.below(edges_kev)
    seen = np.maximum(below[:, -1:] - below[:, :1], _LEAST)
    return np.diff(below, axis=1) / seen * quantum_efficiency(photon_kev, mode)


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
