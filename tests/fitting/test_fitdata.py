"""The part of a spectrum that is fitted: bins, scaling of the background, variances."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.exceptions import NoDataError, RequestError
from swiftxrt.fitting.fitdata import FitData
from swiftxrt.fitting.statistics import ChiSquare, Poisson

FIVES = np.where(np.arange(100) % 5 == 0, 1, -1)


def test_variance_of_net_counts(spectrum):
    data = FitData.of(spectrum.replace(grouping=FIVES), (1.2, 4.2), "chi2")
    counts, outside = (one.counts[10:40].reshape(6, 5).sum(axis=1) for one in (spectrum, spectrum.background))
    assert data.counts.tolist() == counts.tolist()
    assert data.ratio == pytest.approx(np.full(6, 0.1))
    assert data.net == pytest.approx(counts - 0.1 * outside)
    assert data.variance == pytest.approx(counts + 0.01 * outside)
    assert isinstance(data.statistic, ChiSquare)
    low, high = data.edges_kev
    assert low == pytest.approx(np.arange(1.2, 4.0, 0.5))
    assert high == pytest.approx(np.arange(1.7, 4.5, 0.5))


def test_systematic_errors_are_parts_of_the_counts_of_a_channel(spectrum):
    rough = spectrum.replace(systematic=np.full(100, 0.2), background=None)
    data = FitData.of(rough, (1.2, 4.2), "chi2")
    assert data.variance == pytest.approx(spectrum.counts[10:40] + (0.2 * spectrum.counts[10:40]) ** 2)


def test_errors_of_rates_are_added_in_quadrature(spectrum):
    rates = spectrum.replace(
        counts=spectrum.counts * 1.0, counts_err=np.full(100, 3.0), background=None, grouping=FIVES
    )
    data = FitData.of(rates, (1.2, 4.2), None)
    assert data.statistic_name == "chi2"
    assert data.variance == pytest.approx(np.full(6, 45.0))


def test_one_bad_channel_spoils_its_group(spectrum):
    quality = np.zeros(100, dtype=int)
    quality[22] = 5
    data = FitData.of(spectrum.replace(grouping=FIVES, quality=quality), (1.2, 4.2), None)
    assert data.first.tolist() == [10, 15, 25, 30, 35]
    assert data.stop.tolist() == [15, 20, 30, 35, 40]


def test_a_first_channel_that_continues_a_group_begins_one(spectrum):
    data = FitData.of(spectrum.replace(grouping=np.where(np.arange(100) % 5 == 2, 1, -1), mode=None), None, None)
    assert data.first[:3].tolist() == [0, 2, 7]
    assert (data.counts.sum(), data.stop[-1]) == (spectrum.counts.sum(), 100)


def test_names_of_statistics(spectrum):
    plain = spectrum.replace(background=None)
    assert FitData.of(spectrum, None, "WStat").statistic_name == "wstat"
    assert [FitData.of(one, None, None).statistic_name for one in (spectrum, plain)] == ["wstat", "cstat"]
    assert isinstance(FitData.of(plain, None, None).statistic, Poisson)


def test_areas_of_zero(spectrum):
    areas = np.ones(100)
    areas[20] = 0.0
    broken = spectrum.replace(areascale=areas)
    assert FitData.of(broken, (3.2, 8.2), None).counts.size == 50
    with pytest.raises(RequestError, match="areascale: interval0pc has 0"):
        FitData.of(broken, (1.2, 8.2), None)


def test_redrawn_counts_keep_everything_else(spectrum):
    data = FitData.of(spectrum, (1.2, 4.2), None)
    other = data.redrawn(counts=2.0 * data.counts, background=data.background)
    assert other.net == pytest.approx(2 * data.counts - 0.1 * data.background)
    assert other.folding is data.folding
    assert other.statistic.counts.tolist() == (2 * data.counts).tolist()
    with pytest.raises(NoDataError, match="no good bin between 20 and 30 keV"):
        FitData.of(spectrum, (20, 30), None)
