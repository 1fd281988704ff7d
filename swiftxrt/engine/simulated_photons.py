"""Photons of a simulated snapshot, as they are registered on a perfect detector."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..mission import CHANNEL_KEV, DETECTOR_SIZE, N_CHANNELS
from . import response_tables as tables
from .geometry import Pointing, off_axis_arcmin
from .psf import KingPSF, vignetting
from .scene import Snapshot, Source
from .source_models import BAND_CHANNELS, ENERGY_KEV, ENERGY_STEP_KEV, AbsorbedPowerLaw

__all__ = ["Photons", "background_photons", "source_photons", "stream"]

Floats = NDArray[np.float64]

#: Label of events that belong to no source.
BACKGROUND = -1

# Light curves are integrated in steps of at most this length.
_TIME_STEP_S = 0.25

# The cosmic X-ray background: 10.9 E^-1.41 photons cm-2 s-1 sr-1 keV-1 behind a
# typical column of the Galaxy, 2.7e-7 of the usual 7.5e-7 ct/s per pixel.
_COSMIC_SPECTRUM = AbsorbedPowerLaw(1.41, 3e20)
_COSMIC_SHARE = 0.36


@dataclass(frozen=True, eq=False)
class Photons:
    """Columns of registered photons.

    `detx` and `dety` are not rounded yet; `live_draw` and `grade_draw` are
    uniform numbers that will decide whether the photon falls into dead time,
    and its grade.
    """

    time_s: Floats
    detx: Floats
    dety: Floats
    pi: NDArray[np.int64]
    label: NDArray[np.int64]
    live_draw: Floats
    grade_draw: Floats

    @classmethod
    def drawn(
        cls, time_s: Floats, detx: Floats, dety: Floats, pi: NDArray[np.int64], label: int, rng: np.random.Generator
    ) -> Photons:
        """Photons of one source, with fresh random numbers for their readout."""
        return cls(time_s, detx, dety, pi, np.full(pi.size, label), *rng.uniform(size=(2, pi.size)))

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> Photons:
        return Photons(*(getattr(self, item.name)[index] for item in fields(self)))

    @classmethod
    def joined(cls, parts: Iterable[Photons]) -> Photons:
        """All photons of several sources."""
        parts = list(parts)
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)))


def stream(seed: int, name: str, snapshot: Snapshot) -> np.random.Generator:
    """Random numbers of one ingredient of one snapshot.

    The state depends on nothing but the arguments, so changing one ingredient
    leaves the others as they were.
    """
    key = [seed, zlib.crc32(name.encode()), round(snapshot.start_s * 1e3)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def source_photons(
    source: Source,
    label: int,
    snapshot: Snapshot,
    pointing: Pointing,
    pixel: Floats,
    rng: np.random.Generator,
) -> Photons:
    """Photons of a point source.

    Parameters
    ----------
    source : Source
        What shines.
    label : int
        Goes into the label of each photon.
    snapshot : Snapshot
        When.
    pointing : Pointing
        The detector on the sky.
    pixel : ndarray, shape (2,)
        Sky pixel (x, y; 0-based) of the source.
    rng : `numpy.random.Generator`
        Source of randomness.
    """
    time_s = _arrival_times(source, snapshot, rng)
    number = time_s.size
    energy_kev = _energies(source.spectrum, number, rng)
    detx, dety = pointing.to_detector(*pixel, pointing.offset_at(time_s))
    theta_arcmin = off_axis_arcmin(detx, dety)
    dx_pix, dy_pix = KingPSF.at(energy_kev, theta_arcmin).sample(number, rng)
    kept = rng.uniform(size=number) < vignetting(energy_kev, theta_arcmin)
    pi = _channels(energy_kev, rng)
    return Photons.drawn(time_s, detx + dx_pix, dety + dy_pix, pi, label, rng)[kept]


def background_photons(level_cps: float, snapshot: Snapshot, rng: np.random.Generator) -> Photons:
    """Background events on the whole detector.

    A cosmic part, which is vignetted, and events of particles, which are not.

    Parameters
    ----------
    level_cps : float
        Rate of 0.3-10 keV per pixel on the optical axis.
    snapshot : Snapshot
        When.
    rng : `numpy.random.Generator`
        Source of randomness.
    """
    scale = level_cps * DETECTOR_SIZE**2 * snapshot.duration_s
    spectrum = _COSMIC_SPECTRUM
    number = rng.poisson(scale * _COSMIC_SHARE / spectrum.band_fraction)
    energy_kev = _energies(spectrum, number, rng)
    cosmic = _spread(_channels(energy_kev, rng), snapshot, rng)
    seen = rng.uniform(size=number) < vignetting(energy_kev, off_axis_arcmin(cosmic.detx, cosmic.dety))
    share = _particle_shares()
    channels = rng.choice(N_CHANNELS, size=rng.poisson(scale * share.sum()), p=share / share.sum())
    return Photons.joined([cosmic[seen], _spread(channels, snapshot, rng)])


def _spread(pi: NDArray[np.int64], snapshot: Snapshot, rng: np.random.Generator) -> Photons:
    """Background events at any time anywhere on the detector."""
    time_s = snapshot.start_s + snapshot.duration_s * rng.uniform(size=pi.size)
    detx, dety = rng.uniform(0.5, DETECTOR_SIZE + 0.5, size=(2, pi.size))
    return Photons.drawn(time_s, detx, dety, pi, BACKGROUND, rng)


def _particle_shares() -> Floats:
    """Rate of particle events in each channel, relative to the whole background of 0.3-10 keV."""
    edges_kev, density_per_kev = tables.background_density_per_kev()
    edge = np.rint(edges_kev / CHANNEL_KEV).astype(int)
    total = density_per_kev * np.diff(edges_kev)
    detected = _COSMIC_SPECTRUM.detected / _COSMIC_SPECTRUM.rate_cps
    first, last = edge[:-1, None], edge[1:, None] - 1
    cosmic = tables.channel_probability(ENERGY_KEV, first, last) @ detected * _COSMIC_SHARE
    share = np.zeros(N_CHANNELS)
    share[edge[0] :] = np.repeat(np.maximum(total - cosmic, 0.0) / np.diff(edge), np.diff(edge))
    in_band = share[BAND_CHANNELS[0] : BAND_CHANNELS[1] + 1].sum()
    return share * (1.0 - _COSMIC_SHARE) / in_band


def _arrival_times(source: Source, snapshot: Snapshot, rng: np.random.Generator) -> Floats:
    """Times of the detected photons of a source, from the integral of its light curve."""
    steps = int(np.ceil(snapshot.duration_s / _TIME_STEP_S))
    grid_s = np.linspace(snapshot.start_s, snapshot.stop_s, steps + 1)
    rate = source.curve.rate_cps(grid_s) / source.spectrum.band_fraction
    expected = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(grid_s))])
    number = rng.poisson(expected[-1])
    return np.sort(np.interp(expected[-1] * rng.uniform(size=number), expected, grid_s))


def _energies(spectrum: AbsorbedPowerLaw, number: int, rng: np.random.Generator) -> Floats:
    """True energies of detected photons."""
    bins = rng.choice(ENERGY_KEV.size, size=number, p=spectrum.detected / spectrum.detected.sum())
    return ENERGY_KEV[bins] + ENERGY_STEP_KEV * (rng.uniform(size=number) - 0.5)


def _channels(energy_kev: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """PI channels in which photons are registered; negative or too high ones are lost later."""
    peak_kev, sigma_kev, tail = tables.resolution(energy_kev)
    line_kev = peak_kev + sigma_kev * rng.standard_normal(energy_kev.size)
    flat_kev = energy_kev * rng.uniform(size=energy_kev.size)
    registered_kev = np.where(rng.uniform(size=energy_kev.size) < tail, flat_kev, line_kev)
    return np.floor(registered_kev / CHANNEL_KEV).astype(np.int64)
