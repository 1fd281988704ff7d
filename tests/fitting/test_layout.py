"""Which parameters are varied, where they begin, and how they reach the models of all spectra."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from swiftxrt.exceptions import RequestError
from swiftxrt.fitting import models
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.layout import Layout
from swiftxrt.fitting.problem import Problem
from swiftxrt.fitting.starts import first_start, other_starts

NORM = u.ph / (u.cm**2 * u.s * u.keV)


@pytest.fixture(scope="module")
def chain():
    """Three power laws, the index of each twice or three times that of the one before."""
    model = models.PowerLaw(0.5, 1 * NORM) + models.PowerLaw(1, 2 * NORM) + models.PowerLaw(1, 4 * NORM)
    model = model.tie("powerlaw_2.photon_index", to="powerlaw_1.photon_index", factor=2)
    return model.tie("powerlaw_3.photon_index", to="powerlaw_2.photon_index", factor=3)


def test_ties_of_ties(chain):
    layout = Layout(chain, 1)
    assert layout.names == ("powerlaw_1.photon_index", "powerlaw_1.norm", "powerlaw_2.norm", "powerlaw_3.norm")
    assert layout.values(np.array([0.6, 5.0, 6.0, 7.0]), 0) == pytest.approx([0.6, 5, 1.2, 6, 3.6, 7])
    assert layout.root(4) == (0, 6.0)
    assert layout.touches(0, 0) == (0, 2, 4)
    assert layout.touches(1, 0) == (1,)
    model = layout.model_of(np.array([0.6, 5.0, 6.0, 7.0]), 0)
    assert model.parameters["powerlaw_3.photon_index"].value.value == pytest.approx(3.6)


def test_each_spectrum_has_its_own():
    model = (models.Constant(0.9) * models.PowerLaw(1.5, 2 * NORM)).bound("photon_index", 1, 3)
    layout = Layout(model, 3, ["norm", "factor", "norm"])
    # What is frozen keeps its value for the first spectrum.
    assert layout.names == ("factor[1]", "factor[2]", "photon_index", "norm[0]", "norm[1]", "norm[2]")
    x = np.array([1.1, 1.2, 1.7, 10.0, 11.0, 12.0])
    assert [layout.values(x, number).tolist() for number in range(3)] == [
        [0.9, 1.7, 10],
        [1.1, 1.7, 11],
        [1.2, 1.7, 12],
    ]
    assert [layout.touches(number, 1) for number in range(6)] == [(0,), (), (1,), (), (2,), ()]
    assert layout.start().tolist() == [0.9, 0.9, 1.5, 2, 2, 2]
    assert (layout.low[2], layout.high[2]) == (1, 3)
    assert layout.step[2] == 0.1


def test_own_parameters_of_a_single_spectrum_have_plain_names():
    layout = Layout(models.Constant() * models.PowerLaw(1.5, 2 * NORM), 1, ["norm", "factor"])
    assert layout.names == ("photon_index", "norm")


def test_what_is_tied_cannot_be_free_for_each(chain):
    with pytest.raises(RequestError, match="powerlaw_2.photon_index is tied and cannot be free for each spectrum"):
        Layout(chain, 2, ["powerlaw_2.photon_index"])


def test_values_beyond_their_bounds_by_rounding_end_there():
    layout = Layout(models.PowerLaw(1.5, 2 * NORM).bound("photon_index", 1, 3), 1)
    assert layout.model_of(np.array([3.0000000001, 2.0]), 0).parameters["photon_index"].value == 3


@pytest.fixture(scope="module")
def problem_of(spectrum):
    def made(model, number=1, own=()):
        data = FitData.of(spectrum, None, None)
        brighter = data.redrawn(counts=3 * data.counts, background=data.background)
        return Problem([data, brighter][:number], Layout(model, number, own))

    return made


def test_unknown_norms_begin_with_the_counts_that_there_are(problem_of):
    problem = problem_of(models.PowerLaw(1.9))
    x = first_start(problem)
    assert problem.total(x, 0) == pytest.approx(problem.data[0].net.sum())


def test_two_unknown_norms_share_what_a_known_one_leaves(problem_of):
    known = models.PowerLaw(1.9, 1e-3 * NORM)
    problem = problem_of(known + models.PowerLaw(2.5) + models.BlackBody())
    x = first_start(problem)
    net, parts = problem.data[0].net.sum(), []
    for name in ("powerlaw_1.norm", "powerlaw_2.norm", "blackbody.norm"):
        place = problem.layout.names.index(name if name in problem.layout.names else "norm")
        alone = np.where([item.slot.definition.is_linear for item in problem.layout.free], 0.0, x)
        alone[place] = x[place]
        parts.append(problem.total(alone, 0))
    assert parts[1] == pytest.approx(parts[2])
    assert sum(parts) == pytest.approx(net)
    assert parts[0] > 0


def test_norms_of_each_spectrum_begin_with_its_counts(problem_of):
    problem = problem_of(models.PowerLaw(1.9), 2, ["norm"])
    x = first_start(problem)
    assert [problem.total(x, number) for number in (0, 1)] == pytest.approx([item.net.sum() for item in problem.data])


def test_other_starts_are_spread_within_the_bounds(problem_of):
    problem = problem_of(
        (models.TBabs(1e21 / u.cm**2) * models.PowerLaw(1.9, 1e-3 * NORM)).bound("photon_index", 1.8, 2.1)
    )
    first = first_start(problem)
    points = np.array(other_starts(problem, first, 200, 1))
    assert np.array_equal(points, other_starts(problem, first, 200, 1))
    assert not np.array_equal(points, other_starts(problem, first, 200, 2))
    assert np.log(points[:, 0] / 1e21).std() == pytest.approx(1, rel=0.2)
    assert np.log(points[:, 2] / 1e-3).std() == pytest.approx(1, rel=0.2)
    assert (points[:, 1].min(), points[:, 1].max()) == (1.8, 2.1)
    wide = problem_of(models.PowerLaw(1.9, 1e-3 * NORM))
    assert np.array(other_starts(wide, first_start(wide), 200, 1))[:, 0].std() == pytest.approx(1, rel=0.2)
