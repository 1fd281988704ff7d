"""The PSF against published tables, numerical integration and its own samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from swiftxrt.engine.calibration import PSF_V004, PSF_V006, VIGNETTING
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


# The profile with a Gaussian core (swxpsf20010101v006).

MIXED = KingPSF.at(coefficients=PSF_V006)


@pytest.mark.parametrize(
    ("radius_pix", "fraction"),
    [
        (2, 0.241), (3, 0.371), (4, 0.473), (5, 0.551), (6, 0.610), (8, 0.686), (10, 0.730),
        (12, 0.758), (15, 0.789), (20, 0.823), (25, 0.845), (30, 0.861), (40, 0.884), (60, 0.909),
    ],
)  # fmt: skip
def test_enclosed_fraction_with_a_gaussian_core(radius_pix: float, fraction: float) -> None:
    """The formula of HEASoft's xrtmkarf with the coefficients quoted for the file."""
    assert MIXED.enclosed(radius_pix) == pytest.approx(fraction, abs=1e-3)


def test_mixed_profile_is_normalised_in_every_form() -> None:
    radius = np.array([0.3, 2.0, 7.0, 40.0, 200.0])
    for value in radius:
        by_quadrature, _ = integrate.quad(lambda r: 2 * np.pi * r * MIXED.profile(r), 0, value, epsabs=1e-12)
        assert MIXED.enclosed(value) == pytest.approx(by_quadrature, rel=1e-8)
    assert MIXED.radius_enclosing(MIXED.enclosed(radius)) == pytest.approx(radius, rel=1e-9)
    assert MIXED.radius_of_density(MIXED.profile(radius)) == pytest.approx(radius, rel=1e-9)
    assert MIXED.radius_enclosing(0.0) == 0.0
    assert KingPSF.at().radius_of_density(KingPSF.at().profile(radius)) == pytest.approx(radius, rel=1e-9)
    assert MIXED.radius_of_density(1.0) == KingPSF.at().radius_of_density(1.0) == 0.0


def test_strip_of_the_mixed_profile() -> None:
    def line(x: float) -> float:
        return 2 * integrate.quad(lambda y: MIXED.profile(np.hypot(x, y)), 0, np.inf, epsabs=1e-12)[0]

    by_quadrature = 2 * integrate.quad(line, 0, 8.0, epsabs=1e-9)[0]
    assert MIXED.line_enclosed(8.0) == pytest.approx(by_quadrature, rel=1e-6)
    assert MIXED.line_enclosed(1e6) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("dx_pix", "tolerance"), [(0, 0.015), (1, 0.002), (2, 0.001), (6, 1e-4)])
def test_pixels_of_the_mixed_profile(dx_pix: float, tolerance: float) -> None:
    exact, _ = integrate.dblquad(
        lambda y, x: MIXED.profile(np.hypot(x, y)), dx_pix - 0.5, dx_pix + 0.5, -0.5, 0.5, epsabs=1e-9
    )
    assert MIXED.pixel_fractions(dx_pix, 0.0) == pytest.approx(exact, rel=tolerance)


def test_samples_of_the_mixed_profile() -> None:
    radius = np.hypot(*MIXED.sample(20_000, np.random.default_rng(6)))
    assert stats.kstest(radius, MIXED.enclosed).pvalue > 0.01


def test_coefficients_depend_on_energy_and_angle() -> None:
    changing = dataclasses.replace(PSF_V006, gauss_sigma=(3.0, 0.01, 0.001, 0.0), gauss_fraction=(0.1, 0.0, 1e-3, 1e-5))
    psf = KingPSF.at([1.0, 2.0], 3.0, changing)
    assert psf.gauss_sigma_pix == pytest.approx([3.0 + 0.3 + 0.01, 3.0 + 0.3 + 0.02])
    assert psf.gauss_fraction == pytest.approx([0.1 + 0.01 + 0.003, 0.1 + 0.02 + 0.006])
    assert psf.enclosed(1e7) == pytest.approx([1.0, 1.0], abs=1e-3)


def test_default_is_the_profile_without_core() -> None:
    assert KingPSF.at(2.0, 4.0, PSF_V004) == KingPSF.at(2.0, 4.0)
    assert KingPSF.at().gauss_share == 0.0


def test_vignetting_takes_coefficients() -> None:
    assert vignetting(1.5, 5.0, dataclasses.replace(VIGNETTING, p0=0.0, p2=0.01)) == pytest.approx(0.75)


@pytest.mark.parametrize("psf", [KingPSF.at(), MIXED], ids=["king", "mixed"])
def test_slopes_of_the_pixel_fractions(psf: KingPSF) -> None:
    x, y, step = np.array([0.3, 1.0, -4.0, 20.0]), np.array([0.0, -1.5, 3.0, 8.0]), 1e-4
    fractions, by_square = psf.pixel_slopes(x, y)
    assert fractions == pytest.approx(psf.pixel_fractions(x, y), rel=1e-14)
    numeric = (psf.pixel_fractions(x + step, y) - psf.pixel_fractions(x - step, y)) / (2 * step)
    assert 2 * x * by_square == pytest.approx(numeric, rel=1e-6)
