"""Gaussian lines: integrals, lines without width, and what fits find."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
import pytest
from scipy.special import erf

from swiftxrt.exceptions import FitWarning, RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.grid import EnergyGrid
from swiftxrt.fitting.layout import Layout
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.simulate import simulate_spectrum

NORM = u.ph / (u.cm**2 * u.s * u.keV)
LINE = u.ph / (u.cm**2 * u.s)
KEV = u.keV


def share(low, high, energy, sigma):
    """Part of a normal distribution between two limits."""
    return (erf((high - energy) / sigma / np.sqrt(2)) - erf((low - energy) / sigma / np.sqrt(2))) / 2


@pytest.mark.parametrize("sigma", [0.3, 0.02, 1e-4])
def test_integrals_over_bins(sigma):
    edges = np.array([0.5, 5.9, 6.3, 6.41, 6.6, 9.0])
    photons = models.Gaussian(6.4 * KEV, sigma * KEV, 3 * LINE).photons(edges * KEV)
    exact = 3 * share(edges[:-1], edges[1:], 6.4, sigma)
    assert photons.unit == LINE
    assert photons.value == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_density():
    line = models.Gaussian(2 * KEV, 0.1 * KEV, 5 * LINE)
    assert line([2.0, 1.9] * KEV).to_value(NORM) == pytest.approx(
        5 / (0.1 * np.sqrt(2 * np.pi)) * np.exp([0.0, -0.5]), rel=1e-6
    )
    assert line.flux("0.5-5 keV", energy=False).value == pytest.approx(5, rel=1e-9)
    assert line.flux("0.5-5 keV").value == pytest.approx(5 * (2 * u.keV).to_value(u.erg), rel=1e-5, abs=0)


def test_far_from_the_line_digits_are_kept_on_both_sides():
    low, high = models.Gaussian(5 * KEV, 0.1 * KEV, 1 * LINE).photons([4, 4.1, 5.9, 6] * KEV).value[[0, 2]]
    assert low == pytest.approx(high, rel=1e-6)
    assert 0 < high < 1e-18


@pytest.mark.parametrize(("energy", "place"), [(6.4, 2), (6.3, 2), (6.2999, 1), (0.5, 0), (0.4, None), (9.0, None)])
def test_a_line_without_width_is_in_one_bin(energy, place):
    """An edge belongs to the bin above it."""
    edges = [0.5, 5.9, 6.3, 6.41, 9.0] * KEV
    photons = models.Gaussian(energy * KEV, 0 * KEV, 3 * LINE).photons(edges).value
    assert photons == pytest.approx([3.0 * (number == place) for number in range(4)], abs=1e-15)


def test_units_and_bounds():
    line = models.Gaussian(6400 * u.eV, 50 * u.eV, 1e-4 / (u.cm**2 * u.s))
    assert line.parameters["line_energy"].value == 6.4 * KEV
    assert line.parameters["norm"].value == 1e-4 * LINE
    assert line.bound("norm", low=-1 * LINE).set(norm=-1e-4 * LINE).flux("5-8 keV").value < 0
    with pytest.raises(RequestError, match="norm: a Quantity in ph"):
        models.Gaussian(norm=1e-4 * NORM)
    with pytest.raises(RequestError, match="sigma: must be within 0 and 20 keV"):
        models.Gaussian(sigma=-1 * u.eV)
    with pytest.raises(RequestError, match="line_energy: a Quantity in keV"):
        models.Gaussian(7e7 * u.K)


def test_in_the_words_of_xspec():
    parameters = models.Gaussian(6.4 * KEV, 50 * u.eV, 2e-4 * LINE).to_xspec().parameters
    assert [(item.component, item.name, item.value) for item in parameters] == [
        ("gaussian", "LineE", 6.4),
        ("gaussian", "Sigma", 0.05),
        ("gaussian", "norm", 2e-4),
    ]


def test_grids_of_responses_widen_lines_by_half_a_bin():
    grid = EnergyGrid(np.array([1.0, 1.1, 1.3, 1.4]), is_response=True)
    assert [grid.blur_kev(energy) for energy in (0.5, 1.05, 1.1, 1.39, 2.0)] == pytest.approx(
        [0.05, 0.05, 0.1, 0.05, 0.05]
    )
    assert EnergyGrid(np.array([1.0, 1.1])).blur_kev(1.0) == 0
    line = models.Gaussian(1.2 * KEV, 0 * KEV, 1 * LINE)
    photons = grid.per_bin(line.combined(line.arrays(grid, line.values)))
    assert photons == pytest.approx(share(np.array([1.0, 1.1, 1.3]), np.array([1.1, 1.3, 1.4]), 1.2, 0.1), rel=1e-9)


@pytest.fixture(scope="module")
def lined(empty):
    """Some 3000 counts, of which 1100 in a line without width."""
    truth = models.PowerLaw(1.9, 5e-3 * NORM) + models.Gaussian(2 * KEV, 0 * KEV, 5e-3 * LINE)
    return simulate_spectrum(truth, like=empty, seed=4)


@pytest.mark.parametrize("sigma", [0.0, 1e-3, 0.2])
def test_gradients(lined, sigma):
    model = models.PowerLaw(1.9, 5e-3 * NORM) + models.Gaussian(2.03 * KEV, sigma * KEV, 4e-3 * LINE)
    problem = Problem([FitData.of(lined, None, None)], Layout(model, 1))
    x = problem.layout.start()
    at = problem.evaluate(x)
    for place, name in enumerate(problem.layout.names):
        step = 1e-5 * max(x[place], 1e-3) * (np.arange(x.size) == place)
        change = problem.evaluate(x + step).statistic - problem.evaluate(x - step).statistic
        if (name, sigma) != ("sigma", 0.0):  # There it says only to which side it goes.
            assert 2 * at.gradient[place] == pytest.approx(change / (2 * step.sum()), rel=1e-3)


@pytest.mark.parametrize("sigma", [0.0, 1e-3, 0.2])
def test_fits_find_a_narrow_line_from_aside(lined, sigma):
    """Also from a width of zero, where the statistic has no slope."""
    model = models.PowerLaw() + models.Gaussian(2.1 * KEV, sigma * KEV)
    free = fit(lined, model, errors=False)
    frozen = fit(lined, model.set(sigma=0 * KEV).freeze("sigma"))
    assert free.is_converged
    assert frozen.is_converged
    assert free.statistic == pytest.approx(fit(lined, model.set(sigma=0.03 * KEV), errors=False).statistic, abs=1e-5)
    assert free.statistic < frozen.statistic + 1e-5
    energy, norm = frozen.parameters["line_energy"], frozen.parameters["gaussian.norm"]
    assert abs(energy.value - 2 * KEV) < energy.err_pos
    assert 1e-3 * KEV < energy.err_pos < 0.02 * KEV
    assert abs(norm.value - 5e-3 * LINE) < norm.err_pos


@pytest.fixture(scope="module")
def faint(empty):
    return simulate_spectrum(models.PowerLaw(1.9, 1e-4 * NORM), like=empty, seed=2)


@pytest.fixture(scope="module")
def absorption():
    """A line that may be one of absorption."""
    model = models.PowerLaw(1.9, 1e-4 * NORM) + models.Gaussian(2 * KEV, 0.1 * KEV, 1e-5 * LINE)
    return model.freeze("line_energy", "sigma").bound("gaussian.norm", low=-1 * LINE)


@pytest.mark.parametrize("energy", [2.0, 4.0, 6.4])
@pytest.mark.parametrize("has_background", [True, False])
def test_absorption_lines_in_faint_spectra_lower_the_statistic_by_little(faint, absorption, energy, has_background):
    """Bins without counts must not gain from a negative prediction without end."""
    drawn = faint if has_background else faint.replace(background=None)
    model = absorption.set(line_energy=energy * KEV)
    without = fit(drawn, models.PowerLaw(), errors=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        found = fit(drawn, model)
    assert found.is_converged
    assert without.statistic - 20 < found.statistic < without.statistic + 1e-4
    residuals = found.folded[0].residuals
    assert np.sum(residuals**2) == pytest.approx(found.statistic, rel=1e-9)
    assert 0 <= found.goodness(2, seed=1).fraction <= 1


def test_a_model_below_zero_is_told(faint, absorption):
    with pytest.warns(FitWarning, match="the model is below zero in [0-9]+ bins"):
        fit(faint, absorption.set({"gaussian.norm": -1e-2 * LINE}).freeze("gaussian.norm"), errors=False)


@pytest.mark.parametrize("has_background", [True, False])
def test_where_nothing_is_negative_the_bound_changes_nothing(faint, absorption, has_background):
    data = FitData.of(faint if has_background else faint.replace(background=None), None, None)
    one, other = (Problem([data], Layout(m, 1)) for m in (absorption, absorption.bound("gaussian.norm", low=0 * LINE)))
    x = one.layout.start()
    for mine, theirs in zip(one.evaluate(x), other.evaluate(x), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    assert one.total(x, 0) == pytest.approx(other.total(x, 0), rel=1e-9)


@pytest.mark.parametrize("has_background", [True, False])
def test_gradients_where_some_bins_are_below_zero(faint, absorption, has_background):
    problem = Problem(
        [FitData.of(faint if has_background else faint.replace(background=None), None, None)], Layout(absorption, 1)
    )
    x = problem.layout.start() * [1, 1, -4]
    assert np.sum(problem.predicted(x, 0) < 0) > 1
    at = problem.evaluate(x)
    for place in range(x.size):
        step = 1e-6 * x[place] * (np.arange(x.size) == place)
        change = problem.evaluate(x + step).statistic - problem.evaluate(x - step).statistic
        assert 2 * at.gradient[place] == pytest.approx(change / (2 * step.sum()), rel=1e-4)


def test_a_line_that_begins_without_width_is_widened(empty):
    truth = models.PowerLaw(1.9, 5e-3 * NORM) + models.Gaussian(2 * KEV, 0.25 * KEV, 5e-3 * LINE)
    model = models.PowerLaw() + models.Gaussian(2 * KEV, 0 * KEV)
    found = fit(simulate_spectrum(truth, like=empty, seed=4), model)
    width = found.parameters["sigma"]
    assert width.value - width.err_neg < 0.25 * KEV < width.value + width.err_pos
