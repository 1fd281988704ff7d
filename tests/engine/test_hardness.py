"""Ratios of rates."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from swiftxrt.engine.hardness import hardness_ratio


class _Band(SimpleNamespace):
    def __len__(self):
        return len(self.rate)


def band(rate, error):
    """What is needed of the rates of a band."""
    bins = np.arange(float(len(rate)))
    return _Band(
        rate=np.array(rate, float),
        counts=np.where(np.array(rate) != 0, 7, 0),
        rate_err_pos=np.array(error, float),
        start_s=bins,
        stop_s=bins + 1,
        met_s=bins + 0.5,
        time_err_neg=np.full(len(rate), 0.5),
        time_err_pos=np.full(len(rate), 0.5),
        exposure=np.full(len(rate), 0.9),
        obsid=np.full(len(rate), "00010724002"),
        snapshot=np.arange(1, len(rate) + 1),
    )


@pytest.fixture
def bands():
    """A published bin of AT2018cow (T0 + 261.7 s), and bins without soft, hard, and any counts."""
    soft = band([0.395005, 0.0, 0.2, 0.0, -0.1], [0.063471, 0.0, 0.1, 0.0, 0.1])
    hard = band([0.409583, 0.1, 0.0, 0.0, 0.2], [0.064107, 0.05, 0.0, 0.0, 0.1])
    return soft, hard


def test_published_bin(bands):
    found = hardness_ratio(*bands)
    assert found.hardness_ratio[0] == pytest.approx(1.036908, abs=3e-6)
    assert found.hardness_ratio_err[0] == pytest.approx(0.232593, abs=3e-6)
    assert found.snapshot.tolist() == [1, 2, 3, 4, 5]


def test_bins_without_counts(bands):
    found = hardness_ratio(*bands)
    np.testing.assert_array_equal(found.hardness_ratio[1:], [np.nan, 0.0, np.nan, np.nan])
    assert np.isnan(found.hardness_ratio_err[1:]).all()


def test_less_than_the_background():
    """A negative rate has an error all the same, unless nothing was counted."""
    soft, hard = band([0.4, 0.4], [0.04, 0.04]), band([-0.1, -0.1], [0.05, 0.001])
    hard.counts = np.array([3, 0])
    found = hardness_ratio(soft, hard)
    assert found.hardness_ratio.tolist() == [-0.25, -0.25]
    assert found.hardness_ratio_err[0] == pytest.approx(0.25 * np.hypot(0.1, 0.5))
    assert np.isnan(found.hardness_ratio_err[1])


def test_only_bins_with_soft_counts_have_a_ratio(bands):
    found = hardness_ratio(*bands).defined()
    assert len(found) == 2
    np.testing.assert_array_equal(found.start_s, [0.0, 2.0])
    assert found.obsid.tolist() == ["00010724002"] * 2


def test_error_follows_the_relative_errors():
    """Against a simulation: 400 soft and 300 hard counts."""
    rng = np.random.default_rng(1)
    ratio = rng.poisson(300, 20000) / rng.poisson(400, 20000)
    soft, hard = band([400.0], [20.0]), band([300.0], [np.sqrt(300)])
    assert hardness_ratio(soft, hard).hardness_ratio_err[0] == pytest.approx(ratio.std(), rel=0.02)
