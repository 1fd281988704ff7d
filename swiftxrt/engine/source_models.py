"""Spectra and light curves of simulated sources.

All values are plain numbers in the unit their name ends with. Rates are in
counts per live second between 0.3 and 10 keV, on the optical axis and with the
whole point-spread function: what a corrected light curve should show.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..exceptions import RequestError
from . import response_tables as tables

__all__ = [
    "AbsorbedPowerLaw",
    "Afterglow",
    "Constant",
    "CurveLike",
    "Flare",
    "Sinusoid",
    "Spectrum",
    "SummedSpectrum",
    "TabulatedCurve",
    "TabulatedSpectrum",
]

Floats = NDArray[np.float64]

#: Channels of the 0.3-10 keV band, both included.
BAND_CHANNELS = (30, 1000)

# Photon energies at which spectra are folded: centres of 5 eV bins, as in the
# response files of the XRT, where the effective area is not zero.
ENERGY_STEP_KEV = 0.005
ENERGY_KEV: Floats = np.arange(0.28, 11.1, ENERGY_STEP_KEV) + 0.5 * ENERGY_STEP_KEV

_ERG_PER_KEV = 1.602176634e-9


class Spectrum(ABC):
    """What all spectra have in common: how the XRT sees them, with the embedded response."""

    @abstractmethod
    def photon_density(self, energy_kev: ArrayLike) -> Floats:
        """Photons per cm2, s and keV that arrive, absorption included."""

    @abstractmethod
    def __mul__(self, factor: float) -> Spectrum:
        """The same shape, so many times brighter."""

    def __rmul__(self, factor: float) -> Spectrum:
        return self * factor

    def __add__(self, other: Spectrum) -> Spectrum:
        if not isinstance(other, Spectrum):
            return NotImplemented
        return SummedSpectrum((self, other))

    @cached_property
    def detected(self) -> Floats:
        """Detected photons per second in each bin of ``ENERGY_KEV``, any channel."""
        area = tables.mirror_area_cm2(ENERGY_KEV) * tables.quantum_efficiency(ENERGY_KEV)
        return self.photon_density(ENERGY_KEV) * area * ENERGY_STEP_KEV

    @cached_property
    def rate_cps(self) -> float:
        """Count rate between 0.3 and 10 keV."""
        return float(self.detected @ tables.channel_probability(ENERGY_KEV, *BAND_CHANNELS))

    @cached_property
    def band_fraction(self) -> float:
        """Share of the detected photons that is registered between 0.3 and 10 keV."""
        return self.rate_cps / float(self.detected.sum())

    @cached_property
    def flux_per_rate(self) -> float:
        """Observed (absorbed) flux of 0.3-10 keV per count rate, in erg cm-2 ct-1."""
        energy = ENERGY_KEV[(ENERGY_KEV > 0.3) & (ENERGY_KEV < 10.0)]
        flux = float(energy @ self.photon_density(energy)) * ENERGY_STEP_KEV * _ERG_PER_KEV
        return flux / self.rate_cps


@dataclass(frozen=True)
class AbsorbedPowerLaw(Spectrum):
    """Power law ``norm E^-Gamma`` behind interstellar matter.

    Parameters
    ----------
    photon_index : float
        Gamma.
    nh_cm2 : float
        Hydrogen column density in cm-2.
    norm : float
        Photons per cm2, s and keV at 1 keV without the absorption.
    """

    photon_index: float = 2.0
    nh_cm2: float = 1e21
    norm: float = 1.0

    def photon_density(self, energy_kev: ArrayLike) -> Floats:
        """Photons per cm2, s and keV that arrive, absorption included."""
        energy = np.asarray(energy_kev, dtype=float)
        return self.norm * energy**-self.photon_index * tables.transmission(energy, self.nh_cm2)

    def __mul__(self, factor: float) -> AbsorbedPowerLaw:
        return replace(self, norm=self.norm * float(factor))


@dataclass(frozen=True)
class TabulatedSpectrum(Spectrum):
    """Photon flux against energy, linear between the points and zero outside.

    Parameters
    ----------
    energy_kev : tuple of float
        Photon energies, ascending.
    density : tuple of float
        Photons per cm2, s and keV at these energies.
    nh_cm2 : float
        Hydrogen column density in cm-2 of matter that is not in the table yet.
    """

    energy_kev: tuple[float, ...]
    density: tuple[float, ...]
    nh_cm2: float = 0.0

    def photon_density(self, energy_kev: ArrayLike) -> Floats:
        """Photons per cm2, s and keV that arrive, absorption included."""
        energy = np.asarray(energy_kev, dtype=float)
        density = np.interp(energy, self.energy_kev, self.density, left=0.0, right=0.0)
        return density * tables.transmission(energy, self.nh_cm2)

    def __mul__(self, factor: float) -> TabulatedSpectrum:
        return replace(self, density=tuple(float(factor) * value for value in self.density))


@dataclass(frozen=True)
class SummedSpectrum(Spectrum):
    """The sum of spectra.

    Parameters
    ----------
    parts : tuple of Spectrum
        What is added.
    """

    parts: tuple[Spectrum, ...]

    def photon_density(self, energy_kev: ArrayLike) -> Floats:
        """Photons per cm2, s and keV that arrive, absorption included."""
        return np.sum([part.photon_density(energy_kev) for part in self.parts], axis=0)

    def __mul__(self, factor: float) -> SummedSpectrum:
        return SummedSpectrum(tuple(part * factor for part in self.parts))


class CurveLike(Protocol):
    """A light curve: anything frozen with this method."""

    def rate_cps(self, met_s: ArrayLike) -> Floats:
        """Count rate at mission elapsed times."""


@dataclass(frozen=True)
class Constant:
    """A source that does not vary.

    Parameters
    ----------
    level_cps : float
        Count rate.
    """

    level_cps: float

    def rate_cps(self, met_s: ArrayLike) -> Floats:
        """Count rate at mission elapsed times."""
        return np.full(np.shape(met_s), float(self.level_cps))


@dataclass(frozen=True)
class Sinusoid:
    """A source with a sinusoidal light curve.

    Parameters
    ----------
    level_cps : float
        Mean count rate.
    fraction : float
        Amplitude over mean, 0 to 1.
    period_s : float
        Period.
    maximum_met_s : float
        Time of a maximum, MET.
    """

    level_cps: float
    fraction: float
    period_s: float
    maximum_met_s: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.fraction <= 1.0 and self.period_s > 0.0):
            given = f"got {self.fraction} and {self.period_s}"
            raise RequestError([("sinusoid", f"fraction from 0 to 1 and period above 0 are needed; {given}")], "source")

    def rate_cps(self, met_s: ArrayLike) -> Floats:
        """Count rate at mission elapsed times."""
        phase = 2.0 * np.pi * (np.asarray(met_s, dtype=float) - self.maximum_met_s) / self.period_s
        return self.level_cps * (1.0 + self.fraction * np.cos(phase))


@dataclass(frozen=True)
class TabulatedCurve:
    """A light curve given at some times: linear between them, constant outside.

    Parameters
    ----------
    met_s : tuple of float
        Times, MET, ascending.
    level_cps : tuple of float
        Count rate at these times.
    """

    met_s: tuple[float, ...]
    level_cps: tuple[float, ...]

    def rate_cps(self, met_s: ArrayLike) -> Floats:
        """Count rate at mission elapsed times."""
        return np.interp(np.asarray(met_s, dtype=float), self.met_s, self.level_cps)


@dataclass(frozen=True)
class Flare:
    """A Gaussian flare, relative to the afterglow at its peak.

    Parameters
    ----------
    peak_s : float
        Time of the peak after the trigger.
    width_s : float
        Standard deviation.
    factor : float
        Total over underlying rate at the peak.
    """

    peak_s: float
    width_s: float
    factor: float


@dataclass(frozen=True)
class Afterglow:
    """Broken power law in time since the trigger, with flares.

    Parameters
    ----------
    t0_met_s : float
        Trigger, MET.
    level_cps : float
        Rate of the underlying decay at `reference_s`.
    reference_s : float
        Time after the trigger at which `level_cps` holds.
    breaks_s : tuple of float
        Times of the breaks after the trigger, ascending.
    slopes : tuple of float
        Decay indices (positive means fading), one more than breaks.
    flares : tuple of Flare
        Flares on top.
    """

    t0_met_s: float
    level_cps: float = 1.0
    reference_s: float = 1000.0
    breaks_s: tuple[float, ...] = (300.0, 8000.0)
    slopes: tuple[float, ...] = (3.0, 0.5, 1.2)
    flares: tuple[Flare, ...] = (Flare(200.0, 15.0, 5.0),)

    def __post_init__(self) -> None:
        if len(self.slopes) != len(self.breaks_s) + 1:
            raise RequestError(
                [("slopes", f"one more slope than breaks is needed; got {self.slopes} and {self.breaks_s}")],
                "afterglow",
            )

    def _decay(self, elapsed_s: Floats) -> Floats:
        """Decay with norm 1 at 1 s of the first segment, continuous at the breaks."""
        log_time = np.log(np.maximum(elapsed_s, 1.0))
        log_rate = -self.slopes[0] * log_time
        for when_s, before, after in zip(self.breaks_s, self.slopes, self.slopes[1:], strict=False):
            log_rate -= (after - before) * np.maximum(log_time - np.log(when_s), 0.0)
        return np.exp(log_rate)

    def rate_cps(self, met_s: ArrayLike) -> Floats:
        """Count rate at mission elapsed times; zero before the trigger."""
        elapsed = np.asarray(met_s, dtype=float) - self.t0_met_s
        norm = self.level_cps / self._decay(np.array(self.reference_s))
        rate = norm * self._decay(elapsed)
        for flare in self.flares:
            peak = norm * self._decay(np.array(flare.peak_s)) * (flare.factor - 1.0)
            rate = rate + peak * np.exp(-0.5 * ((elapsed - flare.peak_s) / flare.width_s) ** 2)
        return np.where(elapsed > 0.0, rate, 0.0)
