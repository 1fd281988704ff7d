"""The statistic as a function of two parameters."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit


@pytest.fixture(scope="module")
def result(spectrum, absorbed):
    return fit(spectrum, absorbed)


def test_rows_belong_to_the_second_parameter(result):
    """Each point is a fit with both parameters frozen."""
    x, y = [1.5e21, 2.5e21, 3.5e21] / u.cm**2, [1.7, 2.1] * u.one
    contour = result.contour("nh", "photon_index", x=x, y=y)
    assert contour.rise.shape == (2, 3)
    assert repr(contour) == "<Contour of nh and photon_index: 3 x 2>"
    frozen = result.model.set(nh=x[2], photon_index=y[0]).freeze("nh", "photon_index")
    there = fit(result.spectra[0], frozen, errors=False).statistic
    assert contour.rise[0, 2] == pytest.approx(there - result.statistic, abs=1e-3)
    assert contour.best == (result.parameters["nh"].value, result.parameters["photon_index"].value)
    assert contour.x.unit == 1 / u.cm**2
    back = pickle.loads(pickle.dumps(contour))
    np.testing.assert_array_equal(back.rise, contour.rise)


def test_four_standard_deviations_on_either_side(result):
    contour = result.contour("photon_index", "powerlaw.norm", n=3)
    sigma = np.sqrt(np.diag(result.covariance))
    values = result.values
    np.testing.assert_allclose(contour.x.value, values[1] + sigma[1] * np.array([-4, 0, 4]))
    np.testing.assert_allclose(contour.y.value, values[2] + sigma[2] * np.array([-4, 0, 4]))
    assert contour.names == ("photon_index", "powerlaw.norm")


def test_parameters_that_each_spectrum_has_for_itself(spectrum, absorbed):
    frozen = absorbed.set(nh=2e21 / u.cm**2).freeze("nh")
    joint = fit([spectrum, spectrum.replace(exposure=spectrum.exposure * 2)], frozen, free=["norm"], errors=False)
    contour = joint.contour("norm[0]", "norm[1]", n=3)
    assert contour.y.value[1] == pytest.approx(contour.x.value[1] / 2, rel=0.1)
    assert contour.rise[1, 1] == pytest.approx(0, abs=1e-3)


def test_values_end_at_bounds(result):
    narrow = fit(result.spectra[0], result.model.bound("photon_index", 1.0, 2.02), errors=False)
    assert narrow.contour("nh", "photon_index", n=3).y[-1] == 2.02


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"other": "nh"}, "two different parameters"),
        ({"other": "index"}, "no free parameter; there are nh, photon_index, norm"),
        ({"n": 1}, "n: a whole number from 2 on"),
        ({"n": 4.5}, "n: a whole number from 2 on"),
        ({"x": 2e21 / u.cm**2}, "x: at least 2 increasing values"),
        ({"y": [2, 1.5]}, "y: at least 2 increasing values"),
        ({"x": [1, 2] * u.keV}, "nh: a Quantity in 1 / cm2"),
        ({"x": [-1e20, 1e21] / u.cm**2}, "x: nh is between 0 and 1e[+]24 1 / cm2"),
        ({"y": [1.5, 12]}, "y: photon_index is between -3 and 10; got"),
    ],
)
def test_what_cannot_be_used(result, options, text):
    with pytest.raises(RequestError, match=text):
        result.contour(**{"name": "nh", "other": "photon_index", **options})


def test_a_parameter_at_a_bound_needs_values(spectrum):
    with pytest.warns(match="lowest value"):
        found = fit(spectrum, (models.TBabs(8e21 / u.cm**2) * models.PowerLaw()).bound("nh", 5e21 / u.cm**2))
    with pytest.raises(RequestError, match="nh: has no standard deviation"):
        found.contour("nh", "photon_index")
    given = found.contour("nh", "photon_index", x=[5e21, 6e21] / u.cm**2, n=2)
    assert np.all(np.diff(given.rise, axis=1) > 0)


def test_corners_and_levels(result):
    contour = result.contour("nh", "photon_index", n=5)
    assert contour.rise[2, 2] == pytest.approx(0, abs=1e-4)
    assert contour.rise.min() > -1e-4
    assert contour.levels[0.9] == pytest.approx(4.605, rel=1e-3)
    # Columns and slopes go together: the corners off the diagonal are worse.
    assert contour.rise[0, 4] > contour.rise[4, 4]
    with pytest.raises(RequestError, match="no free parameter"):
        result.contour("nh", "index")
