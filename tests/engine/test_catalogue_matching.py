"""Which detections are one source."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from swiftxrt.engine.catalogue_fields import Detected, FieldSearch
from swiftxrt.engine.catalogue_matching import (
    NO_NEIGHBOUR_ARCSEC,
    identify,
    nearest_neighbours,
    separation_arcsec,
)
from swiftxrt.engine.detection_field import BANDS, PointSource


def detected(number: int, data_set: int, band: str, east: float, *, err: float = 4.0, quality: int = 0) -> Detected:
    """A detection so many arcsec east of a place."""
    values = {"ra_deg": 150.0 + east / 3600.0, "dec_deg": 0.0, "position_err": err}
    values |= {"quality": float(quality), "likelihood": 100.0 - number}
    return Detected(number, data_set, band, PointSource(0.0, 0.0, 0.1, err / 2.357, 50.0), values)


def search(number: int, *found: Detected) -> FieldSearch:
    by_band = {name: tuple(one for one in found if one.band == name) for name in BANDS}
    data_set: Any = SimpleNamespace(kind="observation")
    return FieldSearch(number, data_set, by_band, {}, uneven=False, image_size=1000)


def test_bands_of_a_data_set_are_put_together() -> None:
    (source,) = identify([search(1, detected(1, 1, "total", 0.0), detected(2, 1, "soft", 3.0))])
    (member,) = source.members
    assert list(member.detections) == ["total", "soft"]
    assert member.best.number == source.best.number == 1
    assert source.detection(1, "soft") is member.detections["soft"]
    assert source.detection(1, "hard") is None
    assert source.detection(2, "soft") is None


def test_detections_are_compared_with_all_of_a_source() -> None:
    """Bands that are far from each other, with one between them."""
    found = [
        detected(n, 1, band, east) for n, (band, east) in enumerate([("soft", 0.0), ("total", 5.0), ("hard", 10.0)])
    ]
    (source,) = identify([search(1, *found)])
    assert list(source.members[0].detections) == ["soft", "total", "hard"]


def test_two_detections_of_a_band_are_two_sources() -> None:
    sources = identify([search(1, detected(1, 1, "total", 0.0), detected(2, 1, "total", 5.0))])
    assert [one.best.number for one in sources] == [1, 2]


def test_two_sources_of_a_data_set_stay_two() -> None:
    """Even where another data set has one between them."""
    first = search(1, detected(1, 1, "total", 0.0), detected(2, 1, "total", 12.0))
    sources = identify([first, search(2, detected(3, 2, "total", 7.0, err=5.0))])
    assert [[member.data_set for member in one.members] for one in sources] == [[1], [1, 2]]


def test_position_is_that_of_the_best_detection() -> None:
    worse = search(1, detected(1, 1, "total", 2.0, err=3.9, quality=2))
    (source,) = identify([worse, search(2, detected(2, 2, "total", 0.0, err=6.0, quality=0))])
    assert source.best.number == 2


def test_far_detections_are_different_sources() -> None:
    pair = [search(1, detected(1, 1, "total", 0.0, err=9.0)), search(2, detected(2, 2, "total", 24.0, err=9.0))]
    assert len(identify(pair)) == 2
    near = [search(1, detected(1, 1, "total", 0.0, err=9.0)), search(2, detected(2, 2, "total", 17.0, err=9.0))]
    assert len(identify(near)) == 1


def test_sources_are_numbered_by_right_ascension() -> None:
    sources = identify([search(1, detected(1, 1, "total", 500.0), detected(2, 1, "total", -500.0))])
    assert [(one.number, one.best.number) for one in sources] == [(1, 2), (2, 1)]
    assert identify([]) == ()


def test_nearest_neighbours() -> None:
    ra, dec = np.array([10.0, 10.001, 10.01]), np.zeros(3)
    found = nearest_neighbours(ra, dec)
    assert [one.row for one in found] == [1, 0, 1]
    assert found[0].arcsec == pytest.approx(3.6)
    among = nearest_neighbours(ra, dec, [False, False, True])
    assert [one.row for one in among] == [2, 2, -1]
    assert among[2].arcsec == NO_NEIGHBOUR_ARCSEC


def test_separation_at_the_pole_and_across_zero() -> None:
    assert separation_arcsec(0.0, 90.0, np.array([180.0]), np.array([89.0]))[0] == pytest.approx(3600.0)
    assert separation_arcsec(359.9999, 0.0, np.array([0.0001]), np.array([0.0]))[0] == pytest.approx(0.72)
