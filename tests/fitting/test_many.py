"""Many fits, simulation and goodness."""

from __future__ import annotations

import os
import sys
from multiprocessing.spawn import get_preparation_data

import astropy.units as u
import numpy as np
import pytest

from swiftxrt import _workers
from swiftxrt.exceptions import FitWarning, NoDataError, RequestError
from swiftxrt.fitting import many, models
from swiftxrt.fitting.fit import fit
from swiftxrt.fitting.many import fit_many
from swiftxrt.fitting.simulate import simulate_spectrum
from swiftxrt.products.spectrumset import SpectrumSet


@pytest.fixture(scope="module")
def drawn(empty, truth):
    return [simulate_spectrum(truth, like=empty, seed=seed) for seed in range(3)]


def test_one_that_fails_takes_nothing_from_the_others(drawn, empty, absorbed):
    told = []
    found = fit_many([drawn[0], empty, drawn[1]], absorbed, progress=lambda *done: told.append(done), errors=False)
    assert [one.is_ok for one in found] == [True, False, True]
    assert isinstance(found[1].error, NoDataError)
    assert told == [(1, 3), (2, 3), (3, 3)]
    alone = fit(drawn[1], absorbed, errors=False)
    assert found[2].get().statistic == alone.statistic
    assert found[2].get().flux(errors=False) == alone.flux(errors=False)


def test_worker_processes_give_the_same(drawn, empty, absorbed):
    before = dict(os.environ)
    rmf = drawn[1].rmf
    other = type(rmf)(matrix=2 * rmf.matrix, energy_edges=rmf.energy_edges, channel_edges=rmf.channel_edges)
    joint = (drawn[0], drawn[1].replace(rmf=other))
    found = fit_many([drawn[0], empty, joint], absorbed, processes=2, errors=False, free=["norm"])
    assert dict(os.environ) == before
    assert [one.is_ok for one in found] == [True, False, True]
    assert found[0].get().spectra[0] is drawn[0]
    assert found[2].get().values == pytest.approx(fit(joint, absorbed, errors=False, free=["norm"]).values)


def test_worker_processes_take_over_where_they_save_time(drawn, empty, absorbed, monkeypatch):
    taken = []

    def side_by_side(groups, model, settings, number):
        taken.append((len(groups), number))
        yield from reversed(list(many._here(groups, model, settings)))

    clock = iter(range(0, 1000, 2))  # Each fit takes two seconds.
    monkeypatch.setattr(many, "_side_by_side", side_by_side)
    monkeypatch.setattr(many, "monotonic", lambda: next(clock))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    spectra = [drawn[0], empty, *drawn[1:]]
    found = fit_many([*spectra, drawn[0]], absorbed, errors=False)
    assert taken == []  # 8 s would become 2 s, which saves 6 s.
    found = fit_many([*spectra, *spectra[:2]], absorbed, errors=False)
    assert taken == [(5, 4)]
    assert [one.is_ok for one in found] == [True, False, True, True, True, False]
    assert [one.get().spectra[0] for one in found if one.is_ok] == [*drawn, drawn[0]]


def test_worker_processes_do_not_run_the_script_again(monkeypatch, tmp_path):
    script, path = sys.modules["__main__"], str(tmp_path / "analysis.py")
    monkeypatch.setattr(script, "__file__", path, raising=False)
    monkeypatch.setattr(script, "__spec__", None)
    assert get_preparation_data("worker")["init_main_from_path"] == path
    with _workers._without_the_script():
        assert not [name for name in get_preparation_data("worker") if "main" in name]
    assert (script.__file__, script.__spec__) == (path, None)


def test_equal_matrices_are_sent_once(drawn):
    copy = type(drawn[0].rmf)(
        **{name: getattr(drawn[0].rmf, name) for name in ("matrix", "energy_edges", "channel_edges")}
    )
    other = type(copy)(matrix=2 * copy.matrix, energy_edges=copy.energy_edges, channel_edges=copy.channel_edges)
    found, tokens = many._distinct([drawn[0].rmf, None, copy, other])
    assert len(found) == 2
    assert tokens == [0, None, 0, 1]


def test_fits_that_did_not_converge_are_counted(drawn, absorbed, monkeypatch):
    monkeypatch.setattr("swiftxrt.fitting.minimise._MOST_STEPS", 1)
    monkeypatch.setattr("swiftxrt.fitting.minimise._SIMPLEX_CALLS", 3)
    with pytest.warns(FitWarning, match="2 of 2 fits did not converge"):
        fit_many(drawn[:2], absorbed, errors=False)


def test_fits_that_end_at_a_bound_are_counted(drawn, empty, absorbed):
    narrow = absorbed.set(photon_index=1.2).bound("photon_index", 1, 1.5)
    with pytest.warns(FitWarning) as told:
        found = fit_many([drawn[0], empty, drawn[1]], narrow, errors=False)
    assert len(told) == 1
    assert "2 of 3 fits have messages, such as 'photon_index is at its highest value 1.5'" in str(told[0].message)
    assert ["highest value 1.5" in text for text in found.table["messages"]] == [True, False, True]
    assert found.table["messages"][1] == ""
    assert found.table.colnames[-2:] == ["messages", "error"]


def test_fits_have_the_names_that_tables_and_figures_use(drawn, absorbed):
    named = [drawn[0].replace(label="early"), drawn[1].replace(label="late")]
    found = fit_many([named[0], named], absorbed, errors=False)
    assert [one.item for one in found] == ["early PC", "early PC+late PC"]
    assert [one.item for one in fit_many(SpectrumSet(named), absorbed, errors=False)] == ["early PC", "late PC"]


def test_what_cannot_be_used(drawn, absorbed):
    with pytest.raises(RequestError, match="processes"):
        fit_many(drawn, absorbed, processes=0)
    with pytest.raises(RequestError, match="progress: a function .* got True"):
        fit_many(drawn, absorbed, progress=True)
    with pytest.raises(RequestError, match="a sequence of spectra"):
        fit_many(drawn[0], absorbed)


def test_simulated_counts_follow_the_model(empty, truth):
    drawn = simulate_spectrum(truth, like=empty, exposure=2e5 * u.s, seed=1)
    again = simulate_spectrum(truth, like=empty, exposure=2e5 * u.s, seed=1)
    assert drawn == again
    assert drawn.background.counts.sum() == pytest.approx(100 * empty.background.counts.sum(), rel=0.03)
    assert drawn.background.exposure == 2e5 * u.s
    photons = truth.photons(empty.rmf.energy_edges)
    expected = empty.rmf.fold(photons, empty.arf, 2e5 * u.s).value.sum() + 0.1 * drawn.background.counts.sum()
    assert drawn.counts.sum() == pytest.approx(expected, rel=0.01)


def test_simulations_that_cannot_be(empty, truth, absorbed):
    with pytest.raises(RequestError, match="positive time"):
        simulate_spectrum(truth, like=empty, exposure=-1 * u.s)
    with pytest.raises(RequestError, match="has no value yet"):
        simulate_spectrum(absorbed, like=empty)
    with pytest.raises(RequestError, match="a model is needed"):
        simulate_spectrum("powerlaw", like=empty)
    with pytest.raises(RequestError, match="rmf"):
        simulate_spectrum(truth, like=empty.replace(rmf=None))


def test_goodness_of_a_right_and_of_a_wrong_model(drawn, truth, absorbed):
    told = []
    good = fit(drawn[0], absorbed, errors=False).goodness(30, seed=1, progress=lambda *done: told.append(done))
    assert 0.03 < good.fraction < 0.97
    assert told[-1] == (30, 30)
    assert good.statistics.size == 30
    wrong = fit(drawn[0], models.BlackBody(), errors=False).goodness(30, seed=1)
    assert wrong.fraction == 1.0
    assert "100.0 %" in repr(wrong)


def test_goodness_for_chi_squared_is_its_distribution(drawn, absorbed):
    grouped = drawn[0].replace(grouping=np.where(np.arange(100) % 5 == 0, 1, -1))
    found = fit(grouped, absorbed.set(nh=2e21 / u.cm**2).freeze("nh"), statistic="chi2", errors=False)
    assert found.goodness(200, seed=2).statistics.mean() == pytest.approx(found.dof, rel=0.1)
    with pytest.raises(RequestError, match="positive whole number"):
        found.goodness(0)


def test_a_table_of_all_fits(drawn, absorbed):
    named = {"early": drawn[0], "late": drawn[1], "lost": drawn[0].replace(arf=None, rmf=None)}
    outcomes = fit_many(named, absorbed, errors=False)
    table = outcomes.table
    assert table["item"].tolist() == ["early", "late", "lost"]
    assert table["photon_index"][0] == outcomes[0].get().parameters["photon_index"].value
    assert table["norm"].unit == outcomes[1].get().parameters["norm"].unit
    assert bool(table["photon_index"].mask[2])
    assert "redistribution matrix" in table["error"][2]
    assert fit_many([named["lost"]], absorbed).table["ok"].tolist() == [False]


def test_a_mapping_is_fitted_jointly(drawn, absorbed):
    joint = fit({"early": drawn[0], "late": drawn[1]}, absorbed, errors=False)
    assert joint.statistic == fit(drawn[:2], absorbed, errors=False).statistic


def test_options_have_names(drawn, absorbed):
    with pytest.raises(RequestError, match="statistics: is no option of fit; .*did you mean 'statistic'"):
        fit_many(drawn[:1], absorbed, statistics="cstat")
