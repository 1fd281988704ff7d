"""Photons of a simulated snapshot, as they are registered on a perfect detector."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from ..mission import CHANNEL_KEV, DETECTOR_SIZE, N_CHANNELS
from . import response_tables as tables
from .geometry import Pointing, off_axis_arcmin
from .psf import KingPSF, vignetting
from .scene import Scene, Snapshot
from .source import Source
from .source_models import BAND_CHANNELS, ENERGY_KEV, ENERGY_STEP_KEV, AbsorbedPowerLaw, Spectrum

__all__ = ["Photons", "background_photons", "flickering_photons", "source_photons", "stream"]

Floats = NDArray[np.float64]

#: Label of events that belong to no source.
BACKGROUND = -1

# Light curves are integrated in steps of at most this length.
_TIME_STEP_S = 0.25

# The cosmic X-ray background: 10.9 E^-1.41 photons cm-2 s-1 sr-1 keV-1 behind a
# typical column of the Galaxy, 2.7e-7 of the usual 7.5e-7 ct/s per pixel.
_COSMIC_SPECTRUM = AbsorbedPowerLaw(1.41, 3e20)

# Round figures for what screening misses: a pixel that flickers for this share
# of a snapshot, at this rate, with an exponential distribution of channels.
_FLICKER_SHARE, _FLICKER_CPS = 0.1, 0.1
_FLICKER_FIRST_PI, _FLICKER_MEAN_PI = 20.0, 15.0


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
    wcs: WCS,
    rng: np.random.Generator,
) -> Photons:
    """Photons of a source.

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
    wcs : `~astropy.wcs.WCS`
        Of the sky pixels.
    rng : `numpy.random.Generator`
        Source of randomness.
    """
    time_s = _arrival_times(source, snapshot, rng)
    number = time_s.size
    energy_kev = _energies(source.spectrum, number, rng)
    place = pixel if source.shape is None else source.shape.places(number, wcs, pixel, rng)
    detx, dety = pointing.to_detector(*place, pointing.offset_at(time_s))
    theta_arcmin = off_axis_arcmin(detx, dety)
    dx_pix, dy_pix = KingPSF.at(energy_kev, theta_arcmin).sample(number, rng)
    kept = rng.uniform(size=number) < vignetting(energy_kev, theta_arcmin)
    pi = _channels(energy_kev, rng)
    return Photons.drawn(time_s, detx + dx_pix, dety + dy_pix, pi, label, rng)[kept]


def background_photons(scene: Scene, snapshot: Snapshot, rng: np.random.Generator) -> Photons:
    """Background events on the whole detector.

    A cosmic part, which is vignetted, and events of particles, which are not.

    Parameters
    ----------
    scene : Scene
        Level of the background, its cosmic share and the gradient of the rest.
    snapshot : Snapshot
        When.
    rng : `numpy.random.Generator`
        Source of randomness.
    """
    scale = scene.background_cps_per_pixel * DETECTOR_SIZE**2 * snapshot.duration_s
    spectrum = _COSMIC_SPECTRUM
    number = rng.poisson(scale * scene.cosmic_share / spectrum.band_fraction)
    energy_kev = _energies(spectrum, number, rng)
    cosmic = _spread(_channels(energy_kev, rng), snapshot, rng)
    seen = rng.uniform(size=number) < vignetting(energy_kev, off_axis_arcmin(cosmic.detx, cosmic.dety))
    share = _particle_shares(scene.cosmic_share)
    total = share.sum()
    channels = rng.choice(N_CHANNELS, size=rng.poisson(scale * total), p=share / total if total > 0 else None)
    return Photons.joined([cosmic[seen], _spread(channels, snapshot, rng, scene.particle_gradient)])


def flickering_photons(number: int, snapshot: Snapshot, rng: np.random.Generator) -> Photons:
    """Events of pixels that flicker: in one place, for a while, at low energies.

    Parameters
    ----------
    number : int
        How many pixels.
    snapshot : Snapshot
        When.
    rng : `numpy.random.Generator`
        Source of randomness.
    """
    length_s = _FLICKER_SHARE * snapshot.duration_s
    pixel = np.repeat(np.arange(number), rng.poisson(_FLICKER_CPS * length_s, number))
    detx, dety = rng.integers(1, DETECTOR_SIZE + 1, size=(2, number)).astype(float)
    begin_s = rng.uniform(snapshot.start_s, snapshot.stop_s - length_s, number)
    time_s = begin_s[pixel] + length_s * rng.uniform(size=pixel.size)
    pi = np.floor(_FLICKER_FIRST_PI + rng.exponential(_FLICKER_MEAN_PI, pixel.size)).astype(np.int64)
    return Photons.drawn(time_s, detx[pixel], dety[pixel], pi, BACKGROUND, rng)


def _spread(
    pi: NDArray[np.int64],
    snapshot: Snapshot,
    rng: np.random.Generator,
    gradient: tuple[float, float] = (0.0, 0.0),
) -> Photons:
    """Background events at any time anywhere on the detector."""
    time_s = snapshot.start_s + snapshot.duration_s * rng.uniform(size=pi.size)
    detx, dety = rng.uniform(0.5, DETECTOR_SIZE + 0.5, size=(2, pi.size))
    places = (_sloping(detx, gradient[0]), _sloping(dety, gradient[1]))
    return Photons.drawn(time_s, *places, pi, BACKGROUND, rng)


def _sloping(det: Floats, gradient: float) -> Floats:
    """Uniform detector coordinates made denser towards one edge: density 1 + gradient x from -1 to 1."""
    if gradient == 0.0:
        return det
    share = (det - 0.5) / DETECTOR_SIZE
    x = (np.sqrt((1.0 - gradient) ** 2 + 4.0 * gradient * share) - 1.0) / gradient
    return 0.5 + 0.5 * DETECTOR_SIZE * (1.0 + x)


@cache
def _particle_shares(cosmic_share: float) -> Floats:
    """Rate of particle events in each channel, relative to the whole background of 0.3-10 keV."""
    edges_kev, density_per_kev = tables.background_density_per_kev()
    edge = np.rint(edges_kev / CHANNEL_KEV).astype(int)
    total = density_per_kev * np.diff(edges_kev)
    detected = _COSMIC_SPECTRUM.detected / _COSMIC_SPECTRUM.rate_cps
    first, last = edge[:-1, None], edge[1:, None] - 1
    cosmic = tables.channel_probability(ENERGY_KEV, first, last) @ detected * cosmic_share
    share = np.zeros(N_CHANNELS)
    share[edge[0] :] = np.repeat(np.maximum(total - cosmic, 0.0) / np.diff(edge), np.diff(edge))
    in_band = share[BAND_CHANNELS[0] : BAND_CHANNELS[1] + 1].sum()
    return share * (1.0 - cosmic_share) / in_band if in_band > 0 else share


def _arrival_times(source: Source, snapshot: Snapshot, rng: np.random.Generator) -> Floats:
    """Times of the detected photons of a source, from the integral of its light curve."""
    steps = int(np.ceil(snapshot.duration_s / _TIME_STEP_S))
    grid_s = np.linspace(snapshot.start_s, snapshot.stop_s, steps + 1)
    rate = source.curve.rate_cps(grid_s) / source.spectrum.band_fraction
    expected = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(grid_s))])
    number = rng.poisson(expected[-1])
    return np.sort(np.interp(expected[-1] * rng.uniform(size=number), expected, grid_s))


def _energies(spectrum: Spectrum, number: int, rng: np.random.Generator) -> Floats:
    """True energies of detected photons."""
    bins = rng.choice(ENERGY_KEV.size, size=number, p=spectrum.detected / spectrum.detected.sum())
    return ENERGY_KEV[bins] + ENERGY_STEP_KEV * (rng.uniform(size=number) - 0.5)


def _channels(energy_kev: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """PI channels in which photons are registered; negative or too high ones are lost later."""
    return np.floor(tables.registered_kev(energy_kev, rng) / CHANNEL_KEV).astype(np.int64)
