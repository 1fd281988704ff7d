"""Grids of energies, cross sections of interstellar matter and Gaunt factors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import kv

from swiftxrt.fitting.absorption import cross_section_cm2
from swiftxrt.fitting.components import COMPONENTS
from swiftxrt.fitting.gaunt import gaunt_factor
from swiftxrt.fitting.grid import EnergyGrid


def test_pieces_of_a_bin_leave_nothing_out():
    grid = EnergyGrid(np.array([0.0, 0.005, 0.01, 0.3, 10.0]))
    assert grid.low_kev[1:].tolist() == grid.high_kev[:-1].tolist()
    assert (grid.low_kev[0], grid.high_kev[-1]) == (0.0005, 10.0)
    assert grid.per_bin(grid.high_kev - grid.low_kev) == pytest.approx([0.0045, 0.005, 0.29, 9.7], rel=1e-12)
    assert np.all((grid.low_kev < grid.energy_kev) & (grid.energy_kev < grid.high_kev))
    assert grid.log_width.max() < 0.02


def test_bremsstrahlung_is_nearly_born_approximation_at_high_temperature():
    """Gaunt factor sqrt(3)/pi exp(x/2) K0(x/2), and Elwert's correction of a few per cent."""
    x = np.array([0.1, 1.0, 3.0])
    born = np.sqrt(3) / np.pi * np.exp(x / 2) * kv(0, x / 2)
    assert gaunt_factor(x, 100.0, 1) == pytest.approx(born, rel=0.03)


def test_gaunt_factors_between_the_points_of_the_table():
    """Computed with 20 digits from the hypergeometric functions of Karzas & Latter (1961)."""
    cases = [
        (1.0, 1, 1.0, 0.98990640),
        (1.0, 2, 0.37, 1.43306886),
        (0.3, 1, 3.3, 0.74958619),
        (20, 2, 0.02, 2.65446436),
    ]
    for temperature, charge, x, exact in cases:
        assert gaunt_factor(np.array([x]), temperature, charge) == pytest.approx([exact], rel=2e-4)


def test_mean_gaunt_factor():
    """Averaged over photon energies it is near 1.2, the value that textbooks recommend (Rybicki & Lightman 1979)."""
    x = np.linspace(1e-3, 30, 30_000)
    assert np.trapezoid(gaunt_factor(x, 1.0, 1) * np.exp(-x), x) == pytest.approx(1.2, abs=0.05)


def test_cross_section_agrees_with_the_published_table():
    """Rows of xsect_tbabs_wilm.fits (astromodels 2.6.0), in 1e-22 cm2; thinned to 1e-4."""
    assert cross_section_cm2([0.1000265, 19.99470329]) * 1e22 == pytest.approx([608.92047, 0.00097589], rel=2e-4)
    assert cross_section_cm2(1.0) == pytest.approx(1.7375e-22, rel=1e-4, abs=0)
    assert cross_section_cm2(40.0) / cross_section_cm2(20.0) == pytest.approx(1 / 8, rel=1e-2)


def test_gaunt_factors_stay_finite_beyond_their_table():
    x = np.array([1e-12, 1e-9, 1.0, 600.0, 1e6])
    for temperature in (1e-4, 1.0, 1e4):
        gaunt = gaunt_factor(x, temperature, 1)
        assert np.all((gaunt > 0) & np.isfinite(gaunt))
    assert gaunt_factor(x, 1e-9, 1) == pytest.approx(gaunt_factor(x, 1e-8, 1), rel=1e-12)


def test_cross_section_beyond_its_table():
    """Steps of a factor of two below 0.1 keV: near E**-2.5."""
    below = cross_section_cm2([0.02, 0.04]) / cross_section_cm2([0.04, 0.08])
    assert np.all((below > 2**2) & (below < 2**3.5))


def test_a_grid_keeps_cross_sections_of_a_few_redshifts_apart():
    grid = EnergyGrid(np.array([0.3, 0.4, 0.5]))
    for redshift in (1.0, 0.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0):
        expected = cross_section_cm2(grid.energy_kev * (1 + redshift))
        assert grid.cross_section_cm2(redshift) == pytest.approx(expected, rel=1e-12, abs=0)
        assert grid.cross_section_cm2(redshift) is grid.cross_section_cm2(redshift)
        assert len(grid._sections) <= 4


def test_bins_have_five_pieces_at_least():
    assert EnergyGrid(np.array([1.0, 1.001, 1.002])).energy_kev.size == 10


@pytest.mark.parametrize("name", ["tbabs", "ztbabs"])
def test_columns_a_little_below_zero_do_not_overflow(name):
    """Which differences need at a column of zero; near 0.1 eV cross sections are enormous."""
    grid = EnergyGrid(np.array([1e-4, 2e-4, 1.0]))
    passed = COMPONENTS[name].evaluate(grid, *[-1e17, 0.0][: len(COMPONENTS[name].parameters)])
    assert np.all((passed >= 1) & (passed <= np.exp(10) * 1.0001))
