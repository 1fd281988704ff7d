"""The calibration that comes with the package."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from swiftxrt.engine.calibration import EMBEDDED, EMBEDDED_BY_NAME, PSF_V004, PSF_V006, EmbeddedCalibration
from swiftxrt.engine.response_tables import mirror_area_cm2, quantum_efficiency
from swiftxrt.mission import Mode
from swiftxrt.products.calibration import is_embedded

MET = 6e8


def test_it_tells_what_it_is_made_of() -> None:
    assert EMBEDDED.sources[:2] == ("swxpsf20010101v004", "swxvign20010101v001")
    assert EmbeddedCalibration(PSF_V006).sources[0] == "swxpsf20010101v006"
    assert EMBEDDED.psf(Mode.PC) == EMBEDDED.psf(Mode.WT) == PSF_V004
    assert EMBEDDED_BY_NAME["v006"].psf(Mode.WT) == PSF_V006
    assert pickle.loads(pickle.dumps(EMBEDDED)) == EMBEDDED


def test_area_is_the_table() -> None:
    arf = EMBEDDED.arf(Mode.PC, (0, 12), MET)
    energy = (arf.energy_edges[1:] + arf.energy_edges[:-1]) / 2
    np.testing.assert_allclose(arf.effective_area.value, mirror_area_cm2(energy.value), rtol=1e-12)
    assert is_embedded(arf)
    assert arf.energy_edges.size == 2401


@pytest.mark.parametrize("mode", list(Mode))
def test_redistribution_holds_the_efficiency_and_stays_small(mode: Mode) -> None:
    rmf = EMBEDDED.rmf(mode, mode.grades, MET)
    assert rmf is EMBEDDED.rmf(mode, mode.grades, 1.0)  # one matrix in memory
    assert rmf.matrix.shape == (2400, 1024)
    assert np.array_equal(rmf.matrix.astype(np.float32), rmf.matrix)
    assert (rmf.matrix > 0).mean() < 0.55
    energy = (rmf.energy_edges.value[1:] + rmf.energy_edges.value[:-1]) / 2
    used = (energy > 0.3) & (energy < 10.0)
    np.testing.assert_allclose(rmf.matrix.sum(axis=1)[used], quantum_efficiency(energy[used], mode), rtol=1e-3)
    assert is_embedded(rmf)


def test_width_in_channels() -> None:
    """FWHM of 115 eV at 1 keV and 261 eV at 5.9 keV (matrix of 2013)."""
    width = EMBEDDED.rmf(Mode.PC, (0, 12), MET).fwhm_channels
    assert width[100] == pytest.approx(11.5, abs=0.6)
    assert width[590] == pytest.approx(26.1, abs=1.0)
    assert width.min() == 1.0
