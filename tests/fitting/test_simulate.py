"""Spectra drawn from models, and goodness: what they take from the real one."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.fitting import models
from swiftxrt.fitting.fit import fit
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.simulate import simulate_spectrum

NORM = u.ph / (u.cm**2 * u.s * u.keV)


def test_background_is_scaled_by_areas_and_time(empty):
    """A source too faint to count: what is left is the background, a tenth of 300 counts, a hundred times as long."""
    nothing = models.PowerLaw(2, 1e-12 * NORM)
    drawn = simulate_spectrum(nothing, like=empty, exposure=2e5 * u.s, seed=3)
    assert drawn.counts.sum() == pytest.approx(3000, abs=4 * np.sqrt(3000))
    assert drawn.background.counts.sum() == pytest.approx(30_000, abs=4 * np.sqrt(30_000))
    assert drawn.exposure == 2e5 * u.s
    assert drawn.background_ratio == pytest.approx(empty.background_ratio)


def test_counts_grow_with_time(empty, truth):
    bare = empty.replace(background=None)
    short, long = (simulate_spectrum(truth, like=bare, exposure=time * u.ks, seed=3).counts.sum() for time in (2, 200))
    assert long == pytest.approx(100 * short, abs=400 * np.sqrt(short))
    photons = truth.photons(bare.rmf.energy_edges)
    assert long == pytest.approx(bare.rmf.fold(photons, bare.arf, 200 * u.ks).value.sum(), rel=0.01)


def test_what_belongs_to_other_counts_is_not_taken_over(empty, truth):
    quality = np.where(np.arange(100) < 5, 5, 0)
    grouped = empty.replace(grouping=np.where(np.arange(100) % 5 == 0, 1, -1), quality=quality)
    drawn = simulate_spectrum(truth, like=grouped, seed=3)
    assert not drawn.grouping.any()
    assert drawn.quality.tolist() == quality.tolist()
    assert drawn.exposure == empty.exposure
    assert drawn.background.counts.tolist() != grouped.background.counts.tolist()


def test_seeds_of_simulations(empty, truth):
    one, same, other = (simulate_spectrum(truth, like=empty, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one.counts.tolist() != other.counts.tolist()
    free = [simulate_spectrum(truth, like=empty).counts.tolist() for _ in range(2)]
    assert free[0] != free[1]


@pytest.mark.parametrize("has_background", [True, False])
def test_simulations_of_goodness_are_fitted_each(spectrum, truth, has_background):
    """The mean deviance of right models is that of the data, within what 40 simulations scatter."""
    one = spectrum if has_background else spectrum.replace(background=None)
    told = []
    found = fit(one, truth.freeze("nh"), errors=False)
    goodness = found.goodness(40, seed=1, progress=lambda *done: told.append(done))
    assert goodness.statistics.tolist() == found.goodness(40, seed=1).statistics.tolist()
    assert goodness.statistics.tolist() != found.goodness(40, seed=2).statistics.tolist()
    assert told == [(number, 40) for number in range(1, 41)]
    assert goodness.fraction == np.mean(goodness.statistics < found.statistic)
    assert goodness.statistics.std() == pytest.approx(np.sqrt(2 * found.dof), rel=0.4)


@pytest.mark.parametrize("statistic", ["wstat", "chi2"])
def test_what_simulations_of_goodness_draw(spectrum, truth, statistic, monkeypatch):
    """Whole counts in both regions, or net counts with the errors of the data; each set is fitted."""
    drawn = []

    def problem(data, layout):
        drawn.append(Problem(data, layout))
        return drawn[-1]

    one = spectrum if statistic == "wstat" else spectrum.replace(grouping=np.where(np.arange(100) % 5 == 0, 1, -1))
    found = fit(one, truth.freeze("nh"), statistic=statistic, errors=False)
    monkeypatch.setattr("swiftxrt.fitting.goodness.Problem", problem)
    statistics = found.goodness(40, seed=1).statistics
    unfitted = np.array([item.evaluate(found.values).statistic for item in drawn])
    # Two parameters take two from the statistic.
    assert np.mean(unfitted - statistics) == pytest.approx(2, abs=1)
    sets, expected = [item.data[0] for item in drawn], found.problem.predicted(found.values, 0)
    if statistic == "chi2":
        pulls = (np.array([item.net for item in sets]) - expected) / np.sqrt(sets[0].variance)
        assert (pulls.mean(), pulls.std()) == pytest.approx((0, 1), abs=0.1)
        return
    for name in ("counts", "background"):
        counts = np.array([getattr(item, name) for item in sets])
        assert np.array_equal(counts, np.rint(counts))
        assert counts.std(axis=0).mean() == pytest.approx(np.sqrt(counts.mean(axis=0)).mean(), rel=0.1)
    assert np.mean([item.net.sum() for item in sets]) == pytest.approx(expected.sum(), rel=0.02)
