"""Rates, limits, peaks and variability of many bins at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from swiftxrt.engine.catalogue_rates import (
    Bins,
    Ratios,
    constancy,
    joined,
    peaks,
    ratio_constancy,
    ratios,
    summed,
)
from swiftxrt.engine.counts import kbn_interval, kbn_mode
from swiftxrt.engine.detection_bands import hardness


def bins(counts: Any, background: Any = 0.5, exposure: Any = 1000.0, **columns: Any) -> Bins:
    n = np.atleast_1d(np.asarray(counts, dtype=float))
    zero = np.zeros(n.size, dtype=int)
    filled: dict[str, Any] = {"source": zero, "data_set": np.arange(n.size) + 1, "snapshot": zero, "band": zero}
    given = {"background": background, "factor": 1.25, "exposure_s": exposure, "source_s": 900.0, "off_axis": 3.0}
    given |= {"start_met": 1e8, "stop_met": 1e8 + 2000.0}
    for name, value in (given | columns).items():
        filled[name] = np.broadcast_to(np.asarray(value), n.shape).copy()
    return Bins(counts=n, **filled)


def test_rates_errors_and_limits() -> None:
    made = bins([0.0, 5.0, 150.0])
    scale = 1.25e-3
    assert made.rate == pytest.approx(kbn_mode(made.counts, made.background) * scale)
    lower, upper = kbn_interval(5.0, 0.5, 0.683)
    assert made.errors[0][1] == pytest.approx((4.5 - lower) * scale)
    assert made.errors[1][1] == pytest.approx((upper - 4.5) * scale)
    assert made.errors[0][2] == made.errors[1][2] == pytest.approx(np.sqrt(150.5) * scale)
    assert made.limit == pytest.approx(kbn_interval(made.counts, made.background, 0.9973)[1] * scale)
    assert made.is_detected.tolist() == [False, True, True]


def test_what_was_not_seen_has_no_rate() -> None:
    made = bins([7.0, 7.0], factor=[np.nan, 1.0], exposure=[1000.0, 0.0])
    assert np.isnan(made.rate).all()
    assert not made.is_detected.any()


def test_sums_of_observations() -> None:
    made = bins([3.0, 8.0, 4.0], exposure=[1000.0, 3000.0, 500.0], factor=[1.0, 2.0, np.nan], start_met=[5.0, 3.0, 1.0])
    total = summed(made, 2)
    assert len(total) == 8
    assert (total.counts[0], total.exposure_s[0], total.factor[0]) == (11.0, 4000.0, 1.6)
    assert (total.source.tolist(), total.band.tolist()) == ([0] * 4 + [1] * 4, [0, 1, 2, 3] * 2)
    assert total.start_met[0] == 3.0
    assert np.isnan(total.rate[1:]).all()


@pytest.mark.parametrize("counts", [[200.0, 20.0], [40.0, 4.0]])
def test_a_constant_source_seen_with_different_factors_keeps_its_rate(counts: list[float]) -> None:
    made = bins(counts, factor=[1.2, 12.0], background=0.0)
    total = summed(made, 1)
    assert total.rate[0] == pytest.approx(made.rate[0]) == pytest.approx(made.rate[1])
    assert total.limit[0] / total.rate[0] == pytest.approx(kbn_interval(sum(counts), 0.0, 0.9973)[1] / sum(counts))
    assert constancy(made, 1)[0] == pytest.approx(1.0)


def test_peak_is_not_a_short_bin_with_one_count() -> None:
    made = bins([1.0, 200.0, 150.0], exposure=[1.0, 1000.0, 1000.0])
    assert np.argmax(made.rate) == 0
    assert peaks(made, 1).tolist() == [1, -1, -1, -1]


def test_constant_and_variable_sources() -> None:
    steady, variable = bins([20.0, 24.0, 18.0]), bins([2.0, 60.0, 18.0], source=1)
    probability = constancy(joined([steady, variable]), 3)
    assert probability[0] > 0.3
    assert probability[4] < 1e-9
    assert np.isnan(probability[[1, 8]]).all()
    assert np.isnan(constancy(bins([20.0]), 1)[0])


def test_constancy_heeds_exposure_and_background() -> None:
    made = bins([10.0, 100.0], exposure=[100.0, 1000.0], background=[0.1, 1.0])
    assert constancy(made, 1)[0] > 0.5
    assert constancy(bins([10.0, 100.0], background=[9.0, 99.0]), 1)[0] > 0.5


def test_hardness_ratios_are_in_the_order_of_the_total_band() -> None:
    parts = [bins([9.0 + band, 3.0 * band], band=band, data_set=[2, 1]) for band in range(4)]
    made = ratios(joined(parts[::-1]), "HR1")
    expected = hardness([3.0, 10.0], 0.5, [6.0, 11.0], 0.5)
    for column, values in zip((made.value, made.err_neg, made.err_pos), expected, strict=True):
        assert column == pytest.approx(values)
    some = ratios(joined(parts), "HR1", np.array([False, True]))
    assert np.isnan(some.value[0])
    assert some.value[1] == pytest.approx(expected[0][1])


def test_constancy_of_ratios() -> None:
    source = np.array([0, 0, 1, 1, 2, 2])
    error = np.full(6, 0.1)
    made = Ratios(np.array([0.1, 0.12, -0.8, 0.8, 0.3, np.nan]), error, error)
    probability = ratio_constancy(source, made, 4)
    assert probability[0] > 0.5
    assert probability[1] < 1e-9
    assert np.isnan(probability[2:]).all()


def test_nothing() -> None:
    empty = joined([])
    assert len(empty) == 0
    assert len(summed(empty, 0)) == 0
    assert peaks(empty, 0).size == 0
    assert constancy(empty, 0).size == 0
    assert ratios(empty, "HR2").value.size == 0
