"""Statistics against hand formulas, in every case of zero counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from swiftxrt.fitting.statistics import ChiSquare, Poisson, background_level, poisson_deviance, wstat


def by_hand(s, b, ratio, m):
    """W of the XSPEC manual (appendix B), with t_s = ratio and t_b = 1, and its special cases."""
    if s == 0:
        return 2 * (m - b * np.log(1 / (1 + ratio)))
    if b == 0:
        if m < s * ratio / (1 + ratio):
            return 2 * (-m / ratio - s * np.log(ratio / (1 + ratio)))
        return 2 * (m + s * (np.log(s) - np.log(m) - 1))
    rate = m / ratio
    d = np.sqrt(((ratio + 1) * rate - s - b) ** 2 + 4 * (ratio + 1) * b * rate)
    f = (s + b - (ratio + 1) * rate + d) / (2 * (ratio + 1))
    value = ratio * rate + (ratio + 1) * f - s * np.log(ratio * rate + ratio * f) - b * np.log(f)
    return 2 * (value - s * (1 - np.log(s)) - b * (1 - np.log(b)))


@pytest.mark.parametrize("ratio", [0.01, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("m", [1e-6, 0.01, 0.7, 3.0, 250.0])
@pytest.mark.parametrize(("s", "b"), [(0, 0), (0, 4), (3, 0), (1, 0), (3, 4), (200, 1), (1, 500)])
def test_wstat_is_that_of_xspec(s, b, ratio, m):
    assert wstat(s, b, ratio, m) == pytest.approx(by_hand(s, b, ratio, m), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("s", "b", "m"), [(3, 4, 0.7), (0, 4, 2.0), (5, 0, 0.01), (7, 2, 9.0)])
def test_wstat_is_the_lowest_of_two_poisson_deviances(s, b, m):
    def both(level):
        return float(poisson_deviance(np.array(s), m + 0.2 * level) + poisson_deviance(np.array(b), np.array(level)))

    lowest = minimize_scalar(both, bounds=(0, 50), method="bounded", options={"xatol": 1e-10}).fun
    assert wstat(s, b, 0.2, m) == pytest.approx(lowest, abs=1e-6)


def test_wstat_without_background_becomes_that_of_cash():
    """With a background region that is very large and empty."""
    assert wstat(5, 0, 1e-9, 4.2) == pytest.approx(poisson_deviance(np.array(5.0), np.array(4.2)), rel=1e-7)


def test_wstat_of_many_counts_becomes_chi_squared():
    s, b, ratio, m = 1_000_500, 2_000_000, 0.25, 500_000.0
    chi2 = (s - ratio * b - m) ** 2 / (s + ratio**2 * b)
    assert wstat(s, b, ratio, m) == pytest.approx(chi2, rel=2e-3)


@pytest.mark.parametrize("background", [None, np.array([0.0, 3.0, 0.0, 5.0, 0.0])])
def test_slopes_are_derivatives(background):
    statistic = Poisson(np.array([4.0, 2.0, 3.0, 9.0, 7.0]), background, np.full(5, 0.3))
    model = np.array([0.2, 1.5, 2.0, 4.0, 9.0])
    up, at, down = (statistic.terms(model + step) for step in (1e-5, 0.0, -1e-5))
    assert 2 * at.slope == pytest.approx((up.statistic - down.statistic) / 2e-5, rel=1e-5)
    assert at.curvature == pytest.approx((up.slope - down.slope) / 2e-5, rel=1e-4, abs=1e-9)


def test_slope_of_the_background():
    args = [np.array([3.0, 3.0]), np.array([4.0, 1.0]), np.array([0.3, 0.3])]
    up, down = (background_level(*args, np.array([2.0, 0.1]) + step)[0] for step in (1e-6, -1e-6))
    assert background_level(*args, np.array([2.0, 0.1]))[1] == pytest.approx((up - down) / 2e-6, rel=1e-5)


def test_bins_without_counts_are_a_constant_and_the_prediction():
    statistic = Poisson(np.zeros(3), np.array([0.0, 2.0, 5.0]), np.array([0.1, 0.2, 0.3]))
    model = np.array([0.5, 1.5, 0.01])
    expected = statistic.terms(model).statistic.sum()
    assert statistic.zero_statistic() + 2 * model.sum() == pytest.approx(expected, rel=1e-12)


def test_statistic_stays_finite():
    terms = Poisson(np.array([5.0, 5.0]), None, np.zeros(2)).terms(np.array([0.0, 1e30]))
    assert np.isfinite(terms.statistic).all()
    assert np.isfinite(
        Poisson(np.array([5.0]), np.array([0.0]), np.array([0.1])).terms(np.array([1e30])).statistic
    ).all()


def test_chi_squared():
    terms = ChiSquare(np.array([10.0]), np.array([4.0])).terms(np.array([13.0]))
    assert (terms.statistic[0], terms.slope[0], terms.curvature[0]) == pytest.approx((2.25, 0.75, 0.25))


def test_counts_expected_in_both_regions():
    """In the background region as many as make both most likely: the slope of the likelihood by them is zero."""
    ratio, model = np.full(3, 0.3), np.array([2.0, 0.1, 4.0])
    counts, outside = np.array([3.0, 3.0, 0.0]), np.array([4.0, 1.0, 5.0])
    expected, level = Poisson(counts, outside, ratio).expected(model)
    assert expected == pytest.approx(model + ratio * level)
    assert ratio * (counts / expected - 1) + outside / level - 1 == pytest.approx(np.zeros(3), abs=1e-12)
    alone, nothing = Poisson(counts, None, ratio).expected(model)
    assert (alone.tolist(), nothing.tolist()) == (model.tolist(), [0.0, 0.0, 0.0])
