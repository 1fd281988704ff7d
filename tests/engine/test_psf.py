"""The PSF against published tables, numerical integration and its own samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from swiftxrt.engine.psf import KingPSF, vignetting

ENERGIES = st.floats(0.3, 10.0)
ANGLES = st.floats(0.0, 12.0)


@pytest.mark.parametrize(
    ("radius_pix", "fraction"),
    [
        (2, 0.251), (3, 0.400), (4, 0.512), (5, 0.594), (6, 0.655), (8, 0.737), (10, 0.788),
        (12, 0.824), (15, 0.860), (20, 0.896), (25, 0.917), (30, 0.931), (40, 0.949), (60, 0.967),
    ],
)  # fmt: skip
def test_enclosed_fraction_of_the_calibration_file(radius_pix: float, fraction: float) -> None:
    """swxpsf20010101v004 on axis at 1.5 keV, evaluated with the formula of HEASoft's xrtmkarf."""
    assert KingPSF.at(1.5).enclosed(radius_pix) == pytest.approx(fraction, abs=1e-3)


@pytest.mark.parametrize(("half_width_pix", "fraction"), [(5, 0.737), (10, 0.866), (20, 0.934), (30, 0.957)])
def test_fraction_in_a_strip(half_width_pix: float, fraction: float) -> None:
    assert KingPSF.at(1.5).line_enclosed(half_width_pix) == pytest.approx(fraction, abs=1e-3)


def test_half_of_the_events_lie_within_18_arcsec() -> None:
    """Half-power diameter at 1.5 keV (XRT instrument papers)."""
    assert 2 * KingPSF.at(1.5).radius_enclosing(0.5) * 2.3573 == pytest.approx(18.25, abs=0.1)


@settings(deadline=None, max_examples=25)
@given(energy_kev=ENERGIES, off_axis_arcmin=ANGLES, radius_pix=st.floats(0.5, 200.0))
def test_enclosed_fraction_is_the_integral_of_the_profile(
    energy_kev: float, off_axis_arcmin: float, radius_pix: float
) -> None:
    psf = KingPSF.at(energy_kev, off_axis_arcmin)
    by_quadrature, _ = integrate.quad(lambda r: 2 * np.pi * r * psf.profile(r), 0, radius_pix, epsabs=1e-12)
    assert psf.enclosed(radius_pix) == pytest.approx(by_quadrature, rel=1e-8)
    assert psf.radius_enclosing(psf.enclosed(radius_pix)) == pytest.approx(radius_pix, rel=1e-8)


@pytest.mark.parametrize(("energy_kev", "off_axis_arcmin", "half_width_pix"), [(0.5, 0, 3), (1.5, 6, 12), (8, 10, 30)])
def test_strip_is_the_integral_over_both_axes(energy_kev: float, off_axis_arcmin: float, half_width_pix: float) -> None:
    psf = KingPSF.at(energy_kev, off_axis_arcmin)

    def line(x: float) -> float:
        return 2 * integrate.quad(lambda y: psf.profile(np.hypot(x, y)), 0, np.inf, epsabs=1e-12)[0]

    by_quadrature = 2 * integrate.quad(line, 0, half_width_pix, epsabs=1e-9)[0]
    assert psf.line_enclosed(half_width_pix) == pytest.approx(by_quadrature, rel=1e-6)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.3, -0.4), (2.2, 1.7), (7.6, 3.0), (20.0, -11.0)])
def test_pixel_fraction_is_the_integral_over_the_pixel(dx: float, dy: float) -> None:
    psf = KingPSF.at()
    exact, _ = integrate.dblquad(
        lambda y, x: psf.profile(np.hypot(x, y)), dx - 0.5, dx + 0.5, dy - 0.5, dy + 0.5, epsabs=1e-10
    )
    assert psf.pixel_fractions(dx, dy) == pytest.approx(exact, rel=3e-3)


def test_pixels_of_a_circle_hold_the_enclosed_fraction() -> None:
    psf = KingPSF.at()
    dy, dx = np.mgrid[-40:41, -40:41]
    inside = np.hypot(dx, dy) <= 30
    total = psf.pixel_fractions(dx, dy)[inside].sum()
    # The pixels are not exactly a circle: same area, same fraction.
    assert total == pytest.approx(psf.enclosed(np.sqrt(inside.sum() / np.pi)), rel=1e-3)


def test_energies_broadcast() -> None:
    energies = np.array([0.5, 1.5, 6.0])
    together = KingPSF.at(energies, 3.0).enclosed(20.0)
    assert together == pytest.approx([KingPSF.at(energy, 3.0).enclosed(20.0) for energy in energies])


def test_samples_follow_the_profile() -> None:
    psf, rng = KingPSF.at(1.0, 4.0), np.random.default_rng(4)
    dx, dy = psf.sample(20000, rng)
    assert stats.kstest(np.hypot(dx, dy), psf.enclosed).pvalue > 1e-3
    assert stats.kstest(np.arctan2(dy, dx), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_samples_can_be_cut_off() -> None:
    psf, rng = KingPSF.at(), np.random.default_rng(5)
    radius = np.hypot(*psf.sample(20000, rng, max_radius_pix=30.0))
    assert radius.max() <= 30.0
    assert stats.kstest(radius, lambda r: psf.enclosed(r) / psf.enclosed(30.0)).pvalue > 1e-3


def test_vignetting_of_the_calibration_file() -> None:
    """1 - C(E) angle**2 with C(1.5) = 2.098e-3 and C(6) = 3.60e-3 (swxvign20010101v001)."""
    assert vignetting(1.5, 10.0) == pytest.approx(1 - 0.2098, abs=1e-3)
    assert vignetting(6.0, 10.0) == pytest.approx(1 - 0.360, abs=1e-3)
    assert vignetting(1.5, 0.0) == 1.0
    assert vignetting(9.0, 60.0) == 0.0
    assert vignetting(np.array([1.0, 2.0]), 5.0).shape == (2,)
