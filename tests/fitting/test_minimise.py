"""The search for a minimum, on functions whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.fitting.minimise import _gain, minimise
from swiftxrt.fitting.problem import Evaluation


class Bowl:
    """``(x - centre) A (x - centre)``, and how often it was asked for."""

    def __init__(self, centre, matrix, low=-10.0, high=10.0):
        self.centre, self.matrix = np.array(centre, dtype=float), np.array(matrix, dtype=float)
        self.low, self.high, self.step = (np.full(self.centre.size, value) for value in (low, high, 0.1))
        self.points = []

    def evaluate(self, x, held=None):
        self.points.append(np.array(x))
        slope = self.matrix @ (x - self.centre)
        return Evaluation(float((x - self.centre) @ slope), slope, self.matrix)


ROUND = [[2.0, 0.0], [0.0, 1.0]]
#: A narrow valley along the diagonal.
VALLEY = [[1.0, -0.999], [-0.999, 1.0]]


@pytest.mark.parametrize("start", [(-10.0, 10.0), (10.0, -10.0), (0.0, 0.0), (99.0, -99.0)])
@pytest.mark.parametrize("matrix", [ROUND, VALLEY])
def test_a_minimum_is_found_from_bounds_and_beyond(start, matrix):
    bowl = Bowl([1.0, -2.0], matrix)
    found = minimise(bowl, np.array(start))
    assert found.is_converged
    assert found.x == pytest.approx([1.0, -2.0], abs=1e-3)
    assert found.at.statistic < 1e-7
    assert all(np.all((point >= -10) & (point <= 10)) for point in bowl.points)


@pytest.mark.parametrize(("centre", "bound"), [(-20.0, -10.0), (20.0, 10.0)])
def test_a_minimum_at_a_bound(centre, bound):
    """The other parameter is where the slope along the bound is zero, after a few steps."""
    bowl = Bowl([centre, 3.0], VALLEY)
    found = minimise(bowl, np.zeros(2), robust=False)
    assert found.is_converged
    assert found.x == pytest.approx([bound, np.clip(3.0 + 0.999 * (bound - centre), -10, 10)], abs=1e-3)
    assert len(bowl.points) <= 3


def test_what_is_fixed_stays():
    found = minimise(Bowl([1.0, -2.0], VALLEY), np.zeros(2), fixed=np.array([False, True]))
    assert found.x == pytest.approx([1.0 + 0.999 * 2.0, 0.0], abs=1e-3)
    assert found.x[1] == 0.0
    both = minimise(Bowl([1.0, -2.0], VALLEY), np.ones(2), fixed=np.array([True, True]))
    assert (both.x.tolist(), both.is_converged) == ([1.0, 1.0], True)


def test_steps_to_where_nothing_is_finite_are_refused():
    class Cliff(Bowl):
        def evaluate(self, x, held=None):
            at = super().evaluate(x, held)
            return at._replace(statistic=np.nan) if x[0] > 1.05 else at._replace(gradient=3.0 * at.gradient)

    found = minimise(Cliff([1.0, -2.0], ROUND), np.zeros(2))
    assert found.is_converged
    assert found.x == pytest.approx([1.0, -2.0], abs=1e-3)


def test_steps_that_only_go_up_are_no_convergence():
    class Wrong(Bowl):
        def evaluate(self, x, held=None):
            return super().evaluate(x, held)._replace(gradient=np.full(2, 1e12))

    assert not minimise(Wrong([5.0, 5.0], ROUND), np.zeros(2), robust=False).is_converged


def test_the_gain_expected_of_a_step_is_that_of_a_parabola():
    bowl = Bowl([1.0, -2.0], VALLEY)
    start, change = np.array([4.0, 3.0]), np.array([-1.0, -2.5])
    at, there = bowl.evaluate(start), bowl.evaluate(start + change)
    assert _gain(at, change) == pytest.approx(at.statistic - there.statistic)
