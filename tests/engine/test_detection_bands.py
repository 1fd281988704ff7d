"""Rates, limits and hardness ratios of the sources of one band in the others."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.engine.detection import find_sources
from swiftxrt.engine.detection_bands import FOUND_LATER, NOT_FOUND, BandSearch, across_bands, hardness
from swiftxrt.engine.detection_field import Field, PointSource
from swiftxrt.engine.detection_measure import measure_sources
from swiftxrt.engine.exposure import ExposureMap

TIME_S, SIZE, LEVEL = 10_000.0, 160, 2e-3
PLACES = [(40.0, 40.0), (120.0, 40.0), (40.0, 120.0), (120.0, 120.0)]
# Counts in the soft, medium and hard band.
COUNTS = [(100.0, 100.0, 100.0), (150.0, 50.0, 0.0), (0.0, 0.0, 60.0), (8.0, 60.0, 20.0)]
NAMES = ("soft", "medium", "hard")


def _searches() -> dict[str, BandSearch]:
    exposure = ExposureMap(np.full((SIZE, SIZE), TIME_S), np.zeros((SIZE, SIZE)))
    flat = Field.of(np.zeros((SIZE, SIZE)), exposure, 1.5)
    rng, images = np.random.default_rng(3), {}
    for number, name in enumerate(NAMES):
        mean = np.full((SIZE, SIZE), LEVEL)
        for (x, y), counts in zip(PLACES, COUNTS, strict=True):
            PointSource(x, y, counts[number] / TIME_S, 1.0, 0.0).add_to(mean, flat, LEVEL)
        images[name] = rng.poisson(mean).astype(float)
    images = {"total": sum(images.values()), **images}
    fields = {name: Field.of(image, exposure, 1.5) for name, image in images.items()}
    found = {name: (field, find_sources(field)) for name, field in fields.items()}
    return {name: BandSearch(*pair, measure_sources(*pair)) for name, pair in found.items()}


SEARCHES = _searches()


def _rows(band: str) -> tuple[dict[str, np.ndarray], list[int]]:
    """Columns of a band, and the row of each of the places."""
    made, search = across_bands(SEARCHES, band), SEARCHES[band].measured
    apart = [np.hypot(search["x_pix"] - x, search["y_pix"] - y) for x, y in PLACES]
    return made, [int(np.argmin(distance)) for distance in apart]


def test_rates_and_limits_in_all_bands() -> None:
    made, rows = _rows("total")
    for number, name in enumerate(NAMES):
        truth = np.array([counts[number] for counts in COUNTS]) / TIME_S
        rate, limit = made[f"{name}_rate"][rows], made[f"{name}_limit"][rows]
        error = np.where(rate < truth, made[f"{name}_rate_err_pos"][rows], made[f"{name}_rate_err_neg"][rows])
        assert np.all(np.abs(rate - truth) < 3.0 * np.maximum(error, 1.0 / TIME_S))
        assert np.all(limit > rate)
        assert np.all(limit > truth)
    total = np.array([sum(counts) for counts in COUNTS]) / TIME_S
    assert made["total_rate"][rows] == pytest.approx(total, rel=0.3)


def test_flags_say_where_a_source_was_found() -> None:
    made, rows = _rows("total")
    assert made["total_flag"][rows].tolist() == [0, 0, 0, 0]
    assert made["soft_flag"][rows].tolist()[:3] == [0, 0, NOT_FOUND]
    assert made["medium_flag"][rows].tolist() == [0, 0, NOT_FOUND, 0]
    assert made["hard_flag"][rows].tolist() == [0, NOT_FOUND, 0, 0]


def test_significant_where_another_band_has_it() -> None:
    """Without its own detections a band only has what is measured at the places of the others."""
    blind = SEARCHES["soft"]
    empty = {name: np.zeros(0) for name in blind.measured}
    made = across_bands(SEARCHES | {"soft": BandSearch(blind.field, blind.detection, empty)}, "total")
    _, rows = _rows("total")
    assert made["soft_flag"][rows].tolist()[:3] == [FOUND_LATER, FOUND_LATER, NOT_FOUND]


def test_band_without_sources_has_columns_without_rows() -> None:
    hard = SEARCHES["hard"]
    none = BandSearch(hard.field, find_sources(hard.field, 1e9), {name: np.zeros(0) for name in hard.measured})
    made = across_bands(SEARCHES | {"hard": none}, "hard")
    assert {column.size for column in made.values()} == {0}
    assert {"hr1", "hr2_err_pos", "soft_limit", "total_flag"} <= set(made)


def test_hardness_of_many_counts_is_gaussian() -> None:
    (ratio,), (neg,), (pos,) = hardness(400, 0.0, 1200, 0.0)
    assert ratio == pytest.approx(0.5)
    error = 2.0 * np.sqrt(400**2 * 1200 + 1200**2 * 400) / 1600**2
    assert (neg, pos) == pytest.approx((error, error), rel=0.05)
    (scaled,), _, _ = hardness(400, 0.0, 1200, 0.0, 3.0)
    assert scaled == pytest.approx(0.0)


def test_hardness_stays_between_its_limits() -> None:
    ratio, neg, pos = hardness([0, 5, 0, 3], [0.1, 0.1, 0.5, np.nan], [6, 0, 0, 3], 0.1)
    assert ratio[:2].tolist() == [1.0, -1.0]
    assert pos[0] == neg[1] == 0.0
    assert 0.05 < neg[0] < 1.0
    assert 0.05 < pos[1] < 1.0
    assert np.isnan([ratio[2], neg[2], pos[2], ratio[3]]).all()


def test_hardness_covers_the_truth() -> None:
    """68 per cent of 600 cases with 12 and 24 counts on a background of 2."""
    rng = np.random.default_rng(5)
    soft, hard = rng.poisson(14.0, 600), rng.poisson(26.0, 600)
    ratio, neg, pos = hardness(soft, 2.0, hard, 2.0)
    inside = (ratio - neg <= 1 / 3) & (ratio + pos >= 1 / 3)
    assert np.mean(inside) == pytest.approx(0.683, abs=0.06)
