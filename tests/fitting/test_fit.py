"""Fits: what they find, joint fits, errors and fluxes."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.table import vstack

from swiftxrt.exceptions import FitError, FitWarning, RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.layout import Layout
from swiftxrt.fitting.minimise import Minimum
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.profile import BetterMinimumError
from swiftxrt.fitting.simulate import simulate_spectrum
from swiftxrt.products.spectrumset import SpectrumSet

NORM = u.ph / (u.cm**2 * u.s * u.keV)


@pytest.fixture(scope="module")
def result(spectrum, absorbed):
    return fit(spectrum, absorbed)


def test_the_truth_is_found(result):
    assert result.is_converged
    assert result.statistic_name == "wstat"
    assert result.n_bins == 97  # 0.3-10 keV only.
    assert result.dof == 94
    for name, true in (("nh", 2e21), ("photon_index", 1.9), ("norm", 5e-3)):
        item = result.parameters[name]
        assert item.value.value - 1.5 * item.err_neg.value < true < item.value.value + 1.5 * item.err_pos.value
    assert "photon_index = " in repr(result)


def test_gradient_and_curvature_are_those_of_the_statistic(spectrum):
    model = models.TBabs(1.5e21 / u.cm**2) * (
        models.CutoffPowerLaw(1.6, 8 * u.keV, 4e-3 * NORM) + models.BlackBody(0.4 * u.keV, 1e-5)
    )
    problem = Problem([FitData.of(spectrum, None, None)], Layout(model, 1))
    x = problem.layout.start()
    at = problem.evaluate(x)
    for place in range(x.size):
        step = 1e-5 * x[place] * (np.arange(x.size) == place)
        difference = (problem.evaluate(x + step).statistic - problem.evaluate(x - step).statistic) / (2 * step.sum())
        assert 2 * at.gradient[place] == pytest.approx(difference, rel=1e-4, abs=0)
    assert np.linalg.eigvalsh(at.curvature / np.sqrt(np.outer(*[np.diag(at.curvature)] * 2)))[0] > 0


def test_errors_are_where_the_statistic_has_risen(result):
    item, place = result.parameters["photon_index"], result.free_names.index("photon_index")
    for end in (item.value - item.err_neg, item.value + item.err_pos):
        fixed = fit(result.spectra[0], result.model.set(photon_index=end).freeze("photon_index"), errors=False)
        assert fixed.statistic - result.statistic == pytest.approx(2.7055, rel=2e-3)
    assert np.sqrt(result.covariance[place, place]) * 1.645 == pytest.approx(item.err_pos.value, rel=0.1)


def test_probability_and_rise_are_two_ways_to_say_the_same(spectrum, absorbed, result):
    other = fit(spectrum, absorbed, delta_statistic=2.70554)
    assert other.parameters["nh"].err_pos.value == pytest.approx(result.parameters["nh"].err_pos.value, rel=1e-3)
    assert other.confidence == pytest.approx(0.9, rel=1e-4)
    narrow = fit(spectrum, absorbed, confidence=0.6827)
    assert narrow.parameters["nh"].err_pos < result.parameters["nh"].err_pos


def test_flux_errors_are_where_a_norm_by_flux_has_risen(result):
    """With a frozen shape the flux is the norm times a number."""
    frozen = fit(result.spectra[0], result.model.freeze("nh", "photon_index"))
    norm, flux = frozen.parameters["norm"], frozen.flux("2-10 keV", absorbed=False)
    for name in ("err_neg", "err_pos"):
        ratios = [(getattr(item, name) / item.value).value for item in (flux, norm)]
        assert ratios[0] == pytest.approx(ratios[1], rel=2e-3)
    free = result.flux("2-10 keV", absorbed=False)
    assert free.err_pos > flux.err_pos
    assert result.flux(confidence=0.5).err_pos < result.flux().err_pos


def test_flux_of_the_model(result):
    for absorbed in (True, False):
        direct = result.model.flux("0.5-2 keV", absorbed=absorbed)
        assert result.flux("0.5-2 keV", absorbed=absorbed, errors=False).value.value == pytest.approx(
            direct.value, rel=1e-9, abs=0
        )
    assert result.flux(energy=False, errors=False).unit == u.ph / (u.cm**2 * u.s)
    assert result.flux(absorbed=False, errors=False).value > result.flux(errors=False).value


def test_errors_of_fluxes_without_a_free_norm(result):
    frozen = fit(result.spectra[0], result.model.freeze("norm"))
    flux = frozen.flux()
    assert 0 < flux.err_neg < 0.1 * flux.value


def test_a_lower_minimum_on_the_way_to_a_flux_is_told(result, monkeypatch):
    def lower(objective, best, *rest):
        raise BetterMinimumError(best.x)

    monkeypatch.setattr("swiftxrt.fitting.fluxes.profile_interval", lower)
    with pytest.raises(FitError, match="a lower statistic was found.*fit again with starts=10"):
        result.flux()
    assert result.flux(errors=False).value > 0


def test_energy_conversion_factor(result, spectrum):
    factor = result.energy_conversion_factor()
    predicted = sum(part.model_counts.sum() for part in result.folded) / 2000
    # The channels from 0.3 to 10 keV by their numbers are others in this instrument.
    assert factor.unit.is_equivalent(u.erg / u.cm**2 / u.ct)
    assert result.counts_to_flux([1, 2] * u.ct / u.s)[1] == 2 * factor * u.ct / u.s
    assert 0 < predicted < spectrum.counts.sum() / 2000
    with pytest.raises(RequestError, match="count rate"):
        result.counts_to_flux(3 * u.keV)


def test_folded_model_and_data(result, spectrum):
    folded = result.folded[0]
    assert folded.counts.sum() == spectrum.counts[1:98].sum()
    assert folded.model_counts.sum() == pytest.approx(
        spectrum.counts.sum() - 0.1 * spectrum.background.counts.sum(), rel=0.01
    )
    assert np.std(folded.residuals) == pytest.approx(1, abs=0.25)
    assert np.sum(folded.residuals**2) == pytest.approx(result.statistic)
    assert np.corrcoef(folded.residuals, folded.data_over_model)[0, 1] > 0.5
    assert folded.rate.unit == u.ct / (u.s * u.keV)
    assert folded.terms == {}


def test_terms_add_up_to_the_model(spectrum):
    model = models.TBabs() * (models.PowerLaw() + models.BlackBody(0.5 * u.keV))
    folded = fit(spectrum, model, errors=False).folded[0]
    assert set(folded.terms) == {"powerlaw", "blackbody"}
    assert sum(folded.terms.values()).value == pytest.approx(folded.model_rate.value)


def _grouped(spectrum):
    """Five channels in each group."""
    return spectrum.replace(grouping=np.where(np.arange(100) % 5 == 0, 1, -1))


def test_grouping_changes_bins_and_hardly_the_result(spectrum, absorbed):
    grouped = fit(_grouped(spectrum), absorbed.freeze("nh"), errors=False)
    assert grouped.n_bins == 18  # The first group reaches below 0.3 keV, the last above 10 keV.
    fine = fit(spectrum, absorbed.freeze("nh"), errors=False)
    assert grouped.values == pytest.approx(fine.values, rel=0.2)  # 0.3-0.7 keV is missing.
    grouped = fit(_grouped(spectrum), absorbed.freeze("nh"), statistic="chi2", errors=False)
    assert grouped.test_statistic == pytest.approx(grouped.statistic)
    assert np.sum(grouped.folded[0].residuals ** 2) == pytest.approx(grouped.statistic)


def test_bad_channels_are_left_out(spectrum, absorbed, result):
    quality = np.zeros(100, dtype=int)
    quality[40:50] = 5
    assert fit(spectrum.replace(quality=quality), absorbed, errors=False).n_bins == result.n_bins - 10


def test_bins_that_reach_over_a_limit_are_left_out(spectrum, absorbed):
    low, high = fit(spectrum, absorbed, band="0.55-4.05 keV", errors=False).folded[0].energy_low[[0, -1]].value
    assert (low, high) == pytest.approx((0.6, 3.9))


def test_slices_of_spectra_are_fitted(spectrum, absorbed):
    part = spectrum.to_spectrum()[1.0 * u.keV : 4.0 * u.keV]
    assert fit(part, absorbed.freeze("nh"), errors=False).n_bins == 30


def test_areas_and_exposures_scale_the_background(spectrum, absorbed, result):
    """Half the exposure of a background region twice as large is the same background."""
    outside = spectrum.background.replace(exposure=1000 * u.s, backscale=20.0)
    same = fit(spectrum.replace(background=outside), absorbed, errors=False)
    assert same.statistic == pytest.approx(result.statistic, rel=1e-9)
    scaled = spectrum.replace(areascale=0.5, background=spectrum.background.replace(areascale=0.5))
    twice = fit(scaled, absorbed, errors=False)
    assert twice.statistic == pytest.approx(result.statistic, rel=1e-9)
    assert twice.values[2] == pytest.approx(2 * result.values[2], rel=1e-4)


def test_systematic_errors_widen_chi_squared(spectrum, absorbed):
    grouped = _grouped(spectrum)
    rough = grouped.replace(systematic=np.full(100, 0.2))
    model = absorbed.set(nh=2e21 / u.cm**2).freeze("nh")
    one, two = (fit(item, model, statistic="chi2") for item in (grouped, rough))
    assert two.statistic < one.statistic
    assert two.parameters["photon_index"].err_pos > one.parameters["photon_index"].err_pos


def test_areas_may_differ_between_channels(spectrum, absorbed, result):
    half = np.full(100, 0.5)
    half[99] = 0.0  # Not used.
    scaled = spectrum.replace(areascale=half, background=spectrum.background.replace(areascale=half))
    found = fit(scaled, absorbed, errors=False)
    assert found.statistic == pytest.approx(result.statistic, rel=1e-6)
    assert found.values[2] == pytest.approx(2 * result.values[2], rel=1e-3)
    assert found.energy_conversion_factor().value == pytest.approx(
        result.energy_conversion_factor().value, rel=0.01, abs=0
    )


def test_rates_with_errors_are_fitted_by_chi_squared(spectrum, absorbed):
    errors = np.sqrt(np.maximum(spectrum.counts, 1.0))
    rates = spectrum.replace(counts=spectrum.counts * 1.0, counts_err=errors, background=None, mode=None)
    found = fit(rates, absorbed, errors=False)
    assert found.statistic_name == "chi2"
    assert found.n_bins == 100  # All channels of other instruments.
    with pytest.raises(RequestError, match="only 'chi2' is possible"):
        fit(rates, absorbed, statistic="cstat")
    assert simulate_spectrum(found.model, like=rates, seed=1).has_poisson_counts


def test_a_folder_for_xspec(result, tmp_path):
    script = result.write_xspec(tmp_path / "fit")
    assert "fit" in script.read_text()
    assert "TBabs*powerlaw" in (tmp_path / "fit" / "load.xcm").read_text()


def test_without_background_the_statistic_is_that_of_cash(spectrum, absorbed):
    found = fit(spectrum.replace(background=None), absorbed, errors=False)
    assert found.statistic_name == "cstat"
    assert np.sum(found.folded[0].residuals ** 2) == pytest.approx(found.statistic)
    # With a free norm the best model has as many counts as there are, apart from those outside of the band.
    assert found.folded[0].model_counts.sum() == pytest.approx(found.folded[0].counts.sum(), rel=1e-6)


def test_joint_fits_share_parameters(spectrum, empty, truth, absorbed):
    fainter = simulate_spectrum(truth.set(norm=2e-3 * NORM), like=empty, seed=5)
    joint = fit([spectrum, fainter], absorbed, free=["norm"])
    assert list(joint.parameters) == ["nh", "photon_index", "norm[0]", "norm[1]"]
    assert joint.models[1].parameters["norm"].value == joint.parameters["norm[1]"].value
    assert joint.flux(index=1, errors=False).value < joint.flux(index=0, errors=False).value
    ratio = fit([spectrum, fainter], models.Constant() * absorbed, free=["factor"], errors=False)
    assert ratio.parameters["factor[0]"].frozen
    expected = (joint.parameters["norm[1]"].value / joint.parameters["norm[0]"].value).value
    assert ratio.parameters["factor[1]"].value.value == pytest.approx(expected, rel=1e-3)
    assert ratio.statistic == pytest.approx(joint.statistic, abs=1e-5)
    own = fit(
        SpectrumSet([spectrum, fainter.replace(label="second")]),
        absorbed,
        free=["nh", "photon_index", "norm"],
        errors=False,
    )
    alone = [fit(one, absorbed, errors=False).statistic for one in (spectrum, fainter)]
    assert own.statistic == pytest.approx(sum(alone), abs=1e-5)


def test_tied_parameters_follow(spectrum):
    model = models.TBabs() * (models.PowerLaw(1.5) + models.PowerLaw(2.5))
    tied = model.tie("powerlaw_2.norm", to="powerlaw_1.norm", factor=0.5).freeze("powerlaw_2.photon_index")
    found = fit(spectrum, tied)
    norms = [found.parameters[f"powerlaw_{n}.norm"] for n in (1, 2)]
    assert norms[1].value == 0.5 * norms[0].value
    assert norms[1].err_pos.value == pytest.approx(0.5 * norms[0].err_pos.value)


def test_a_parameter_at_its_bound_is_told(empty):
    unabsorbed = simulate_spectrum(models.PowerLaw(1.5, 5e-3 * NORM), like=empty, seed=2)
    with pytest.warns(FitWarning, match="nh"):
        found = fit(unabsorbed, (models.TBabs(2e21 / u.cm**2) * models.PowerLaw()).bound("nh", 1e21 / u.cm**2))
    item = found.parameters["nh"]
    assert item.value == 1e21 / u.cm**2
    assert item.err_neg == 0 / u.cm**2
    assert item.err_pos > 0 / u.cm**2
    assert "lowest value" in found.messages[0]


def test_an_error_that_ends_at_a_bound_is_told(spectrum, absorbed):
    with pytest.warns(FitWarning, match="upper error of photon_index ends at its bound"):
        found = fit(spectrum, absorbed.set(photon_index=1.5).bound("photon_index", high=2.02))
    item = found.parameters["photon_index"]
    assert (item.value + item.err_pos).value == pytest.approx(2.02)


def test_a_fit_that_does_not_converge_is_told(spectrum, absorbed, monkeypatch):
    monkeypatch.setattr("swiftxrt.fitting.minimise._MOST_STEPS", 1)
    monkeypatch.setattr("swiftxrt.fitting.minimise._SIMPLEX_CALLS", 3)
    with pytest.warns(FitWarning, match="did not converge"):
        found = fit(spectrum, absorbed, errors=False)
    assert not found.is_converged


def test_the_simplex_takes_over(spectrum, absorbed, result, monkeypatch):
    monkeypatch.setattr("swiftxrt.fitting.minimise._MOST_STEPS", 3)
    assert fit(spectrum, absorbed.set(photon_index=3), errors=False).statistic == pytest.approx(
        result.statistic, abs=1e-4
    )


def test_a_lower_minimum_on_the_way_begins_the_fit_anew(spectrum, absorbed, result, monkeypatch):
    def lazy(problem, starts, seed):
        x = result.values * np.array([1.3, 1.0, 1.0])
        return Minimum(x, problem.evaluate(x), is_converged=True)

    monkeypatch.setattr("swiftxrt.fitting.fit._search", lazy)
    assert fit(spectrum, absorbed).statistic == pytest.approx(result.statistic, abs=1e-5)


def test_several_starts_escape_from_a_bad_one(empty):
    source = models.BlackBody(0.4 * u.keV, 1e-4) + models.BlackBody(2.5 * u.keV, 3e-4)
    drawn = simulate_spectrum(source, like=empty, seed=3)
    model = models.BlackBody(0.2 * u.keV) + models.BlackBody(0.2 * u.keV)
    many = fit(drawn, model, starts=6, seed=1, errors=False)
    assert many.is_converged
    assert many.statistic <= fit(drawn, source, errors=False).statistic + 1e-4


def test_results_are_picklable_and_plain(result):
    back = pickle.loads(pickle.dumps(result))
    assert back.parameters == result.parameters
    assert back.flux().err_pos == result.flux().err_pos
    assert back.to_dict() == result.to_dict()
    assert vstack([result.table, back.table])["photon_index_err_pos"].shape == (2,)


def test_the_block_of_the_service(spectrum):
    found = fit(spectrum, models.service_model(galactic_nh=5e20 / u.cm**2, redshift=0.2), errors=False)
    block = found.summary()
    assert block.model == "PowerLaw"
    assert block.parameters["nh_galactic"].frozen
    assert block.parameters["nh"].value > 0 / u.cm**2
    assert block.parameters["redshift"].value == 0.2
    assert block.flux_unabsorbed.value > block.flux_observed.value
    assert block.dof == found.dof
    assert block.counts_to_flux(spectrum.net_rate, absorbed=True) == block.flux_observed.value
