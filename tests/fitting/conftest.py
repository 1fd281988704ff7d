"""A small instrument and spectra of it."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.fitting import models
from swiftxrt.fitting.simulate import simulate_spectrum
from swiftxrt.products.countspectrum import CountSpectrum
from swiftxrt.products.response import ARF, RMF

NORM = u.ph / (u.cm**2 * u.s * u.keV)


def small_response() -> dict[str, ARF | RMF]:
    """200 energies from 0.2 to 10.2 keV, 100 channels of 0.1 keV, a line of 0.1 keV width, 80 per cent efficient."""
    energy, channel = np.linspace(0.2, 10.2, 201), np.linspace(0.2, 10.2, 101)
    middle = (energy[1:] + energy[:-1]) / 2
    matrix = np.exp(-0.5 * ((channel[None, 1:] - 0.05 - middle[:, None]) / 0.1) ** 2)
    matrix *= 0.8 / matrix.sum(axis=1, keepdims=True)
    area = 150.0 * np.exp(-0.5 * (np.log(middle / 1.5) / 0.9) ** 2)
    return {
        "arf": ARF(energy_edges=energy * u.keV, effective_area=area * u.cm**2),
        "rmf": RMF(matrix=matrix, energy_edges=energy * u.keV, channel_edges=channel * u.keV),
    }


@pytest.fixture(scope="session")
def empty() -> CountSpectrum:
    """No counts yet; the background region is ten times larger and has three counts per channel."""
    spectrum = CountSpectrum(counts=np.zeros(100, dtype=int), exposure=2000 * u.s, mode="PC", **small_response())
    return spectrum.replace(background=spectrum.replace(counts=np.full(100, 3), backscale=10.0, arf=None, rmf=None))


@pytest.fixture(scope="session")
def truth() -> models.Model:
    return models.TBabs(2e21 / u.cm**2) * models.PowerLaw(1.9, 5e-3 * NORM)


@pytest.fixture(scope="session")
def spectrum(empty, truth) -> CountSpectrum:
    """Some 1600 counts with a background."""
    return simulate_spectrum(truth, like=empty, seed=11)


@pytest.fixture(scope="session")
def absorbed() -> models.Model:
    """What is fitted."""
    return models.TBabs() * models.PowerLaw()
