"""Statistics of few counts against quadrature, astropy and published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.stats import poisson_conf_interval
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaincc
from scipy.stats import gamma, norm, poisson

from swiftxrt.engine.counts import (
    bayesian_upper_limit,
    classical_interval,
    classical_lower_limit,
    classical_upper_limit,
    kbn_interval,
    kbn_mode,
    kbn_significance,
    kbn_upper_limit,
    poisson_tail,
)
from swiftxrt.exceptions import RequestError

# Shortest intervals as computed elsewhere with incomplete gamma functions: N, B, confidence, lower, upper.
INTERVALS = [
    (0, 0.0, 0.683, 0.0, 1.148853505104857),
    (0, 0.0, 0.9, 0.0, 2.302585092994045),
    (0, 0.0, 0.997, 0.0, 5.809142990314033),
    (0, 579.319382, 0.9973, 0.0, 5.914503505971861),
    (1, 10.0, 0.683, 0.0, 1.2570603591137852),
]
# Numbers of the swifttools documentation: image exposure (s), N, B, correction, upper limit (ct/s).
SERVER_LIMITS = [
    (190.5548, 1, 0.054678, 1.703401, 0.072142, 5e-4),
    (1313.8252, 3, 0.533764, 1.218156, 0.010449, 2e-3),
    (3913.8953, 13, 13.770363, 1.348728, 0.004883, 2e-3),
    (3151.6761, 5, 0.830020, 1.276016, 0.005775, 2e-4),
    (55395.777, 17, 22.100154, 1.326975, 0.000321, 2e-3),
    (36730.54, 575, 579.319382, 1.422133, 0.002796, 3e-3),
    (308.3979, 1, 0.117833, 1.297271, 0.033719, 2e-4),  # SXPS light curves
    (378.6023, 0, 0.178008, 1.6621, 0.025967, 1e-4),
    (21532.6924, 11, 5.88008, 1.269216, 0.001063, 1e-4),
    (9811.0649, 3, 1.2247, 1.6836, 0.001821, 2e-4),  # GRB 220427A
]


def density(s, n, b):
    """Posterior density of the source counts, scipy's gamma distribution cut off below b."""
    return gamma.pdf(s + b, n + 1) / gamma.sf(b, n + 1)


@pytest.mark.parametrize(("n", "b", "confidence", "lower", "upper"), INTERVALS)
def test_intervals_computed_elsewhere(n, b, confidence, lower, upper):
    found = kbn_interval(n, b, confidence)
    np.testing.assert_allclose(found, (lower, upper), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("n", "b", "mode", "lower", "upper", "limit", "sigma"),
    [
        (3, 1.2247, 1.7753, 0.3846, 3.8008, 10.610, 1.411),
        (5, 0.83, 4.17, 2.2268, 6.8012, 14.262, 3.084),
        (19, 8.694409, 10.3056, 6.2585, 15.0244, 26.161, 3.094),
        (0, 0.5, 0.0, 0.0, 1.1489, 5.9145, 0.0),
    ],
)
def test_published_vectors(n, b, mode, lower, upper, limit, sigma):
    assert kbn_mode(n, b) == pytest.approx(mode, abs=5e-5)
    np.testing.assert_allclose(kbn_interval(n, b), (lower, upper), atol=5e-5)
    assert kbn_upper_limit(n, b) == pytest.approx(limit, abs=5e-4)
    assert kbn_significance(n, b) == pytest.approx(sigma, abs=5e-4)


@pytest.mark.parametrize(("exposure", "n", "b", "factor", "limit", "tolerance"), SERVER_LIMITS)
def test_published_limits(exposure, n, b, factor, limit, tolerance):
    assert kbn_upper_limit(n, b) * factor / exposure == pytest.approx(limit, rel=tolerance)


def test_the_limit_is_the_end_of_the_shortest_interval_not_one_sided():
    """Only a detection tells: 5 counts on 0.83 (3151.6761 s, 1.276016) have the limit 0.005775 ct/s."""
    one_sided = gamma.isf(0.0027 * gamma.sf(0.83002, 6), 6) - 0.83002
    scale = 1.276016 / 3151.6761
    assert abs(kbn_upper_limit(5, 0.83002) * scale - 0.005775) < 1e-6
    assert abs(one_sided * scale - 0.005775) > 1e-5
    # Below three sigma there is no difference.
    assert kbn_upper_limit(4, 0.83002) == pytest.approx(gamma.isf(0.0027 * gamma.sf(0.83002, 5), 5) - 0.83002)


def test_published_merged_limit():
    """Sum of 11 observations at 95 per cent (swifttools documentation): 0.00222516 ct/s on a grid."""
    assert kbn_upper_limit(577, 564.862, 0.95) * 1.26764 / 32690.1774 == pytest.approx(0.00222516, rel=2e-5)


@pytest.mark.parametrize("confidence", [0.683, 0.9, 0.9973])
def test_agrees_with_astropy(confidence):
    for n in (1, 2, 5, 14, 40, 99):
        for b in (0.01, 0.2, 3.0, 30.0):  # astropy needs counts and background
            theirs = poisson_conf_interval(n, "kraft-burrows-nousek", background=b, confidence_level=confidence)
            np.testing.assert_allclose(kbn_interval(n, b, confidence), np.ravel(theirs), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("n", "b"), [(0, 0.0), (3, 1.2), (7, 0.0), (20, 35.0), (60, 20.5), (250, 180.0)])
@pytest.mark.parametrize("confidence", [0.1, 0.683, 0.9973])
def test_agrees_with_quadrature(n, b, confidence):
    lower, upper = kbn_interval(n, b, confidence)
    inside, _ = quad(density, lower, upper, args=(n, b), epsabs=1e-13, points=[kbn_mode(n, b)], limit=200)
    assert inside == pytest.approx(confidence, abs=1e-10)
    if lower > 0:
        assert density(lower, n, b) == pytest.approx(density(upper, n, b), rel=1e-9)
    else:
        assert density(0.0, n, b) >= density(upper, n, b) * (1 - 1e-12)


@pytest.mark.parametrize("n", [1e3, 1e4, 1e6])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.999, 1.0, 1.001])
def test_many_counts(n, part):
    lower, upper = kbn_interval(n, part * n, 0.683)
    inside = (gammaincc(n + 1, lower + part * n) - gammaincc(n + 1, upper + part * n)) / gammaincc(n + 1, part * n)
    assert inside == pytest.approx(0.683, abs=1e-9)
    if part == 0:
        # Gaussian, with the skewness of the gamma distribution in first order.
        z = norm.isf((1 - 0.683) / 2)
        np.testing.assert_allclose((lower, upper), n + np.array([-z, z]) * np.sqrt(n) + z**2 / 3, rtol=2e-2 / n)


@pytest.mark.parametrize(("n", "b"), [(5, 1e4), (100, 1e4), (5, 1e6), (400, 3e3), (1000, 1e7)])
def test_background_far_above_the_counts(n, b):
    """Where Q underflows the posterior is nearly exponential with rate 1 - N/B."""
    assert gammaincc(n + 1.0, b) == 0
    limit = float(kbn_upper_limit(n, b))
    slope = 1 - n / b
    assert limit == pytest.approx(-np.log(0.0027) / slope, rel=3 * n / b**2 / slope**2 * 6 + 1e-9)
    outside, whole = (
        quad(lambda s: np.exp(n * np.log1p(s / b) - s), low, high, epsabs=0, epsrel=1e-12)[0]
        for low, high in ((limit, limit + 60 / slope), (0.0, limit + 60 / slope))
    )
    assert outside / whole == pytest.approx(0.0027, rel=1e-8)


def test_tail_joins_on():
    """The two ways to the limit agree where Q becomes too small for the first."""
    b = np.linspace(420.0, 560.0, 400)
    limit = kbn_upper_limit(10, b)
    assert gammaincc(11.0, b[0]) > 1e-200 > gammaincc(11.0, b[-1])
    np.testing.assert_allclose(np.diff(limit, 2), 0, atol=1e-6)


def test_no_counts_do_not_depend_on_the_background():
    np.testing.assert_allclose(kbn_upper_limit(0, [0.0, 1.0, 300.0, 1e5]), -np.log(0.0027), rtol=1e-12)


@given(st.integers(0, 3000), st.floats(0, 3000), st.floats(0.001, 0.9999))
def test_interval_holds_what_it_should(n, b, confidence):
    lower, upper = kbn_interval(n, b, confidence)
    mode = kbn_mode(n, b)
    assert 0 <= lower <= mode <= upper
    whole = gammaincc(n + 1.0, b)
    if whole > 1e-100:
        inside = (gammaincc(n + 1.0, lower + b) - gammaincc(n + 1.0, upper + b)) / whole
        assert inside == pytest.approx(confidence, abs=1e-8)


@given(st.integers(1, 200), st.floats(0.01, 100))
def test_significance_is_where_the_interval_reaches_zero(n, b):
    z = float(kbn_significance(n, b))
    if not 0.01 < z < 5:
        return
    for step, touches in ((-1e-4, False), (1e-4, True)):
        confidence = 1 - 2 * norm.sf(z + step)
        assert (kbn_interval(n, b, confidence)[0] == 0) == touches


def test_significance_at_the_ends():
    np.testing.assert_array_equal(kbn_significance([0, 3, 3], [0.0, 3.0, 7.0]), 0)
    assert np.isinf(kbn_significance(1, 0))
    assert kbn_significance(200, 1.0) > 30


def test_broadcasting():
    lower, upper = kbn_interval(np.arange(4)[:, None], np.array([0.1, 1.0, 2.0]), 0.9)
    assert lower.shape == upper.shape == (4, 3)
    assert kbn_interval(3, 1.0)[0].shape == ()
    assert (lower[3, 1], upper[3, 1]) == kbn_interval(3, 1.0, 0.9)
    assert kbn_interval([], [])[0].shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [((-1, 0), "counts"), ((np.nan, 0), "counts"), ((1, -0.1), "background"), ((1, np.inf), "background")],
)
def test_impossible_numbers(arguments, field):
    for function in (kbn_interval, kbn_mode, kbn_significance, kbn_upper_limit):
        with pytest.raises(RequestError, match=field):
            function(*arguments)


@pytest.mark.parametrize("confidence", [0, 1, 68.3, np.nan])
def test_impossible_confidence(confidence):
    with pytest.raises(RequestError, match="between 0 and 1"):
        kbn_interval(1, 0, confidence)


# Gehrels (1986): lower and upper limits for n counts, confidence of one side (tables 1 and 2, S = 1).
GEHRELS = [
    (0, 0.8413, 0.0, 1.841),
    (1, 0.8413, 0.173, 3.300),
    (5, 0.8413, 2.840, 8.382),
    (10, 0.8413, 6.891, 14.27),
    (100, 0.8413, 90.02, 111.0),
]


@pytest.mark.parametrize(("n", "confidence", "lower", "upper"), GEHRELS)
def test_tables_of_gehrels(n, confidence, lower, upper):
    assert classical_lower_limit(n, confidence=confidence) == pytest.approx(lower, rel=1.5e-3)
    assert classical_upper_limit(n, confidence=confidence) == pytest.approx(upper, rel=1.5e-3)


@pytest.mark.parametrize("confidence", [0.683, 0.9, 0.9973])
def test_classical_interval_is_that_of_astropy(confidence):
    n = np.arange(0, 60)
    sigma = norm.isf((1 - confidence) / 2)
    theirs = poisson_conf_interval(n, "frequentist-confidence", sigma=sigma)
    np.testing.assert_allclose(classical_interval(n, 0.0, confidence), theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("interval", ["root-n", "root-n-0", "pearson", "sherpagehrels"])
def test_approximations_of_astropy_hold_for_many_counts(interval):
    """These know no background and 1 sigma only: half widths agree to their order, 1 / sqrt(N)."""
    n, one = np.array([1e4, 1e6]), 0.6826894921370859
    low, high = poisson_conf_interval(n, interval)
    for lower, upper in (kbn_interval(n, 0.0, one), classical_interval(n, 0.0, one)):
        np.testing.assert_allclose((upper - lower) / (high - low), 1.0, atol=1.1e-2)


@given(
    n=st.integers(0, 10_000),
    b=st.floats(0, 5_000),
    confidence=st.floats(0.01, 0.99999),
)
def test_one_sided_limits_are_what_they_say(n, b, confidence):
    upper, lower = classical_upper_limit(n, b, confidence), classical_lower_limit(n, b, confidence)
    if upper > 0:
        assert gammaincc(n + 1, upper + b) == pytest.approx(1 - confidence, rel=1e-6)
    else:
        assert gammaincc(n + 1, b) <= (1 - confidence) * (1 + 1e-9)
    if lower > 0:
        assert 1 - gammaincc(n, lower + b) == pytest.approx(1 - confidence, rel=1e-6, abs=1e-12)
    limit = bayesian_upper_limit(n, b, confidence)
    if gammaincc(n + 1, b) > 1e-100:
        assert gammaincc(n + 1, limit + b) == pytest.approx((1 - confidence) * gammaincc(n + 1, b), rel=1e-6, abs=0)
    # Never above the end of the shortest interval, and never below the classical limit.
    assert limit <= kbn_upper_limit(n, b, confidence) * (1 + 1e-9) + 1e-9
    assert limit >= upper * (1 - 1e-9) - 1e-9


def test_one_sided_limits_in_closed_form():
    confidence = np.array([0.5, 0.9, 0.9973])
    for b in (0.0, 3.0, 600.0):
        np.testing.assert_allclose(bayesian_upper_limit(0, b, confidence), -np.log1p(-confidence), rtol=1e-9)
    np.testing.assert_allclose(classical_upper_limit(0, 0.0, confidence), -np.log1p(-confidence))
    np.testing.assert_allclose(classical_lower_limit(1, 0.0, confidence), -np.log(confidence))
    # Without background the two agree, far below it the classical one says nothing.
    np.testing.assert_allclose(bayesian_upper_limit(7, 0.0, confidence), classical_upper_limit(7, 0.0, confidence))
    assert classical_upper_limit(2, 30.0) == 0
    # As everywhere: three of them at a time, and what cannot be is refused.
    assert bayesian_upper_limit([1, 2, 3], 0.5).shape == (3,)
    for function in (bayesian_upper_limit, classical_upper_limit, classical_lower_limit, classical_interval):
        with pytest.raises(RequestError, match="not negative"):
            function(-1, 0.5)
        with pytest.raises(RequestError, match="between 0 and 1"):
            function(1, 0.5, 1.0)


def test_probability_of_at_least_so_many_counts():
    n, mean = np.arange(0.0, 200.0)[:, np.newaxis], np.geomspace(1e-6, 300.0, 60)
    np.testing.assert_allclose(poisson_tail(n, mean), poisson.sf(n - 1.0, mean), rtol=1e-9, atol=1e-300)
    assert poisson_tail(0, 0.0) == 1.0
    assert poisson_tail(3, 0.0) == 0.0
