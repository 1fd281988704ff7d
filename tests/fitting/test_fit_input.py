"""Fits: everything that can be wrong with the input."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import FitError, NoDataError, RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit
from swiftxrt.products.response import ARF

NORM = u.ph / (u.cm**2 * u.s * u.keV)


@pytest.fixture(scope="module")
def result(spectrum, absorbed):
    return fit(spectrum, absorbed)


def test_a_model_without_finite_photons_is_an_error(spectrum, absorbed):
    start = absorbed.bound("norm", high=1e308 * NORM).set(norm=1e308 * NORM)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(FitError, match="no finite statistic"):
        fit(spectrum, start)


# Bad input


def test_missing_responses(spectrum, absorbed):
    with pytest.raises(RequestError, match=r"rmf: a redistribution matrix is needed; read the spectrum with rmf="):
        fit(spectrum.replace(rmf=None), absorbed)
    with pytest.raises(RequestError, match="arf: the effective area is needed"):
        fit(spectrum.replace(arf=None), absorbed)


def test_a_matrix_with_the_area_in_it_needs_no_arf(spectrum, absorbed, result):
    whole = spectrum.rmf.matrix * spectrum.arf.effective_area.value[:, None]
    rmf = type(spectrum.rmf)(
        matrix=whole, energy_edges=spectrum.rmf.energy_edges, channel_edges=spectrum.rmf.channel_edges
    )
    found = fit(spectrum.replace(rmf=rmf, arf=None), absorbed, errors=False)
    assert found.statistic == pytest.approx(result.statistic, rel=1e-9)


def test_energy_grids_that_do_not_match(spectrum, absorbed):
    arf = ARF(energy_edges=[0.2, 5, 10] * u.keV, effective_area=[1, 1] * u.cm**2)
    with pytest.raises(RequestError, match="ARF and RMF have different energy bins"):
        fit(spectrum.replace(arf=arf), absorbed)


def _with(spectrum, **values):
    """A spectrum as a damaged file may give it, past the checks of its class."""
    broken = spectrum.replace()
    for name, value in values.items():
        object.__setattr__(broken, name, value)
    return broken


def test_background_without_area(spectrum, absorbed):
    broken = _with(spectrum, background=_with(spectrum.background, backscale=0.0))
    with pytest.raises(RequestError, match="background of interval0pc has 0, so that the background cannot be scaled"):
        fit(broken, absorbed)


def test_no_exposure(spectrum, absorbed):
    with pytest.raises(NoDataError, match="has no exposure"):
        fit(_with(spectrum, exposure=0 * u.s), absorbed)


def test_no_counts_in_range(empty, spectrum, absorbed):
    with pytest.raises(NoDataError, match="has no counts between 0.3 and 10 keV"):
        fit(empty, absorbed)
    with pytest.raises(NoDataError, match="no good bin between 20 and 30 keV"):
        fit(spectrum, absorbed, band="20-30 keV")
    with pytest.raises(NoDataError, match="no good channel"):
        fit(spectrum.replace(quality=np.full(100, 5)), absorbed)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"statistic": "chi2"}, "needs counts in each bin"),
        ({"statistic": "lstat"}, "one of wstat, cstat, chi2"),
        ({"statistic": "cstat"}, "XSPEC calls that cstat too"),
        ({"confidence": 90}, "probability between 0 and 1"),
        ({"delta_statistic": -1}, "positive number"),
        ({"starts": 0}, "positive whole number"),
        ({"backend": "xspec"}, "one of swiftxrt, sherpa"),
        ({"free": ["index"]}, "has the parameters"),
        ({"band": (0.3, 10)}, "energy"),
    ],
)
def test_options_that_cannot_be_used(spectrum, absorbed, options, text):
    with pytest.raises(RequestError, match=text):
        fit(spectrum, absorbed, **options)


def test_what_is_no_spectrum_or_model(spectrum, absorbed):
    with pytest.raises(RequestError, match="a CountSpectrum or XRTSpectrum is needed"):
        fit("x.pha", absorbed)
    with pytest.raises(RequestError, match="at least one spectrum"):
        fit([], absorbed)
    with pytest.raises(RequestError, match="a model is needed"):
        fit(spectrum, "powerlaw")
    with pytest.raises(RequestError, match="emits no photons"):
        fit(spectrum, models.TBabs())
    with pytest.raises(RequestError, match="all parameters are frozen"):
        fit(spectrum, models.PowerLaw(2, 1 * NORM).freeze("photon_index", "norm"))
    with pytest.raises(RequestError, match="has no background; use 'cstat'"):
        fit(spectrum.replace(background=None), absorbed, statistic="wstat")
