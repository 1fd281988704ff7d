"""What results of fits tell: of one spectrum, and of several that were fitted together."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit
from swiftxrt.fitting.rates import rise_of
from swiftxrt.fitting.simulate import simulate_spectrum
from swiftxrt.products.countspectrum import CountSpectrum

NORM = u.ph / (u.cm**2 * u.s * u.keV)


@pytest.fixture(scope="module")
def result(spectrum, absorbed):
    return fit(spectrum, absorbed)


@pytest.fixture(scope="module")
def joint(spectrum, empty, truth, absorbed):
    """Norm and slope are different, and so are the exposures; the column is known."""
    other = truth.set(photon_index=2.6, norm=2e-3 * NORM)
    second = simulate_spectrum(other, like=empty.replace(exposure=3000 * u.s, label="second"), seed=5)
    model = absorbed.set(nh=2e21 / u.cm**2).freeze("nh")
    return fit([spectrum, second], model, free=["photon_index", "norm"], band="0.2-10.2 keV")


def rate(result, index):
    """Of the model in the channels that are 0.3 to 10 keV by their numbers."""
    return result.folded[index].model_counts[30:].sum() * u.ct / result.spectra[index].exposure


def test_degrees_of_freedom_are_those_of_the_free_parameters(joint):
    assert joint.dof == 2 * 100 - 4
    assert joint.table["dof"][0] == joint.dof
    assert joint.to_dict()["dof"] == joint.dof


def test_fluxes_and_rates_of_each_spectrum(joint):
    for index in (0, 1):
        for absorbed in (True, False):
            flux = joint.flux(index=index, absorbed=absorbed, errors=False).value
            factor = joint.energy_conversion_factor(index=index, absorbed=absorbed)
            assert (factor * rate(joint, index)).to_value(flux.unit) == pytest.approx(flux.value, rel=1e-6, abs=0)
            found = joint.counts_to_flux([1, 2] * rate(joint, index), index=index, absorbed=absorbed)
            np.testing.assert_allclose(found.value, flux.value * np.array([1, 2]), rtol=1e-6)
    assert joint.models[1].flux("2-10 keV").value == pytest.approx(
        joint.flux("2-10 keV", index=1, errors=False).value.value, rel=1e-9, abs=0
    )


def test_spectra_are_counted_as_in_lists(joint):
    assert joint.flux(index=-1, errors=False) == joint.flux(index=1, errors=False)
    for index in (2, -3, 0.5):
        with pytest.raises(RequestError, match=r"index: there are 2 spectra, from 0; got"):
            joint.flux(index=index)


def test_errors_of_fluxes_of_several_components(empty):
    """Near the minimum the statistic is a parabola, in whatever it is expressed."""
    source = models.PowerLaw(1.7, 3e-2 * NORM) + models.BlackBody(0.6 * u.keV, 4e-4)
    drawn = simulate_spectrum(source, like=empty, seed=4)
    found = fit(drawn, source.freeze("photon_index", "temperature"))
    norms = (u.Quantity(1 * NORM), u.Quantity(1.0))
    slopes = [
        models.PowerLaw(1.7, norms[0]).flux("0.5-2 keV").value,
        models.BlackBody(0.6 * u.keV, norms[1]).flux("0.5-2 keV").value,
    ]
    flux, sigma = found.flux("0.5-2 keV"), np.sqrt(slopes @ found.covariance @ slopes)
    assert flux.value.value == pytest.approx(slopes @ found.values, rel=1e-4, abs=0)
    for error in (flux.err_neg, flux.err_pos):
        assert error.value == pytest.approx(np.sqrt(rise_of(0.9)) * sigma, rel=0.05, abs=0)


def test_errors_without_a_free_norm_follow_the_probability(result):
    frozen = fit(result.spectra[0], result.model.freeze("norm"))
    wide, narrow = (frozen.flux(confidence=confidence) for confidence in (0.9, 0.6826895))
    assert (wide.err_pos / narrow.err_pos).value == pytest.approx(1.6449, rel=1e-3)
    assert (wide.err_neg / narrow.err_neg).value == pytest.approx(1.6449, rel=1e-3)


def test_covariance_is_the_inverse_of_the_second_derivatives(empty, truth, absorbed):
    """Also where the curvature of the model itself counts, with few counts."""
    few = fit(simulate_spectrum(truth.set(norm=4e-4 * NORM), like=empty, seed=8), absorbed, errors=False)
    steps = 0.002 * np.sqrt(np.diag(few.covariance))
    hessian = np.empty((3, 3))
    for i, j in np.ndindex(3, 3):
        corners = [
            s * t * few.problem.evaluate(few.values + s * steps * (np.arange(3) == i) + t * steps * (np.arange(3) == j))[0]
            for s in (1, -1) for t in (1, -1)
        ]  # fmt: skip
        hessian[i, j] = sum(corners) / (4 * steps[i] * steps[j])
    expected = np.linalg.inv(hessian / 2)
    np.testing.assert_allclose(np.diag(few.covariance) / np.diag(expected), 1, rtol=5e-3)


def test_chi_squared_of_pearson_is_over_the_variance_of_the_prediction(empty, truth, absorbed):
    bright = empty.replace(background=empty.background.replace(counts=np.full(100, 50), backscale=1.0))
    found = fit(simulate_spectrum(truth, like=bright, seed=3), absorbed, errors=False)
    folded = found.folded[0]
    expected, level = found.problem.data[0].statistic.expected(folded.model_counts)
    # Those of the source region follow Poisson, and so does the background that is subtracted.
    net = folded.counts - folded.background_counts
    pearson = np.sum((net - folded.model_counts) ** 2 / (expected + level))
    assert found.test_statistic == pytest.approx(pearson)
    assert found.test_statistic == pytest.approx(found.dof, rel=0.4)


def test_a_row_of_a_table(result):
    row = result.table
    for name in result.free_names:
        item = result.parameters[name]
        assert [row[f"{name}{end}"][0] for end in ("", "_err_neg", "_err_pos")] == [
            item.value, item.err_neg, item.err_pos,
        ]  # fmt: skip
    assert row["converged"][0]
    assert not replace(result, is_converged=False).table["converged"][0]


def test_forgetting_gives_memory_back_and_changes_nothing(result):
    before = result.flux(errors=False)
    assert "problem" in vars(result)
    result.forget()
    assert set(vars(result)) == set(result.__dataclass_fields__)
    assert result.flux(errors=False) == before


def test_pickled_results_are_small(result):
    import pickle

    result.flux(errors=False)
    assert set(vars(pickle.loads(pickle.dumps(result)))) == set(result.__dataclass_fields__)


def test_xspec_gets_the_options_of_the_fit(spectrum, absorbed, tmp_path):
    found = fit(spectrum, absorbed, band="1-5 keV", delta_statistic=1.0, errors=False)
    script = found.write_xspec(tmp_path)
    assert "error 1.0 1 2 3" in script.read_text()
    load = (tmp_path / "load.xcm").read_text()
    assert "ignore 1:**-1.0\nignore 1:5.0-**" in load
    assert "statistic cstat\n" in load
    # Channels were fitted one by one.
    assert not CountSpectrum.read(tmp_path / "interval0pc.pha").is_grouped


def test_the_block_of_one_spectrum_of_several(joint):
    blocks = [joint.summary(index) for index in (0, 1)]
    for index, block in enumerate(blocks):
        assert block.parameters["photon_index"] == joint.parameters[f"photon_index[{index}]"]
        assert block.net_rate == joint.spectra[index].net_rate
        assert block.flux_observed == joint.flux(index=index)
        assert block.flux_unabsorbed == joint.flux(index=index, absorbed=False)
        assert (block.statistic, block.test_statistic) == (joint.statistic, joint.test_statistic)
        assert block.delta_statistic == joint.delta_statistic
    assert blocks[0].net_rate != blocks[1].net_rate


def test_a_column_of_the_galaxy_that_is_fitted_keeps_its_name(spectrum):
    model = models.service_model(galactic_nh=5e20 / u.cm**2, redshift=0.2).freeze("ztbabs.nh").thaw("tbabs.nh")
    assert list(fit(spectrum, model, errors=False).summary().parameters)[:2] == ["tbabs.nh", "nh"]


def test_everything_that_plot_is_told_arrives(result, monkeypatch):
    told = {}
    monkeypatch.setattr("swiftxrt.plot.fit.plot_fit", lambda one, **options: told.update(options))
    options = {
        "axes": None, "residuals": "ratio", "min_significance": 2.0, "max_bins": 7, "components": False, "legend": False,
        "color": "k",
    }  # fmt: skip
    result.plot(**options)
    assert told == options


def test_rates_are_for_the_area_and_empty_bins_have_an_error_of_one_count(spectrum, absorbed):
    half = np.full(100, 0.5)
    half[50:] = 0.8
    scaled = spectrum.replace(
        areascale=half, counts=np.where(np.arange(100) == 70, 0, spectrum.counts), background=None
    )
    folded = fit(scaled, absorbed, errors=False).folded[0]
    per_count = 1 / (2000 * half[1:98] * 0.1)
    np.testing.assert_allclose(folded.rate.value, folded.counts * per_count)
    np.testing.assert_allclose(folded.rate_err.value, np.sqrt(np.maximum(folded.counts, 1)) * per_count)
    np.testing.assert_allclose(folded.model_rate.value, folded.model_counts * per_count)
    assert folded.counts[69] == 0
