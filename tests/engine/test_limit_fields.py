"""What is known of data sets is kept for the next positions, as far as there is room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.engine import limit_fields
from swiftxrt.engine.calibration import EMBEDDED
from swiftxrt.engine.limit_fields import DataSetFields, LimitFields
from swiftxrt.engine.make_limits import LimitSettings, make_limits
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.products.events import EventList
from swiftxrt.testing.synthetic import small_scene


@pytest.fixture(scope="module")
def events() -> EventList:
    (made,) = simulate_observations(small_scene(), seed=3)
    return made


def test_the_second_position_is_not_searched_for(events: EventList, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Any] = []
    search = limit_fields.find_sources

    def counted(field: Any) -> Any:
        searched.append(field)
        return search(field)

    monkeypatch.setattr(limit_fields, "find_sources", counted)
    places = events.pointing.directional_offset_by([0, 90] * u.deg, [2, 3] * u.arcmin)
    fields = LimitFields(EMBEDDED)
    both = make_limits([events], places, LimitSettings(bands=("total", "hard")))
    assert len(searched) == 2
    for row in range(2):
        one = make_limits([events], places[row : row + 1], LimitSettings(bands=("total", "hard")), fields=fields)
        for name in ("total_counts", "total_upper_limit", "hard_upper_limit", "nearest_source"):
            assert one[name][0] == both[name][row]
    assert len(searched) == 4


def test_images_are_small(events: EventList) -> None:
    known = DataSetFields([events], EMBEDDED)
    (total, found), (hard, _) = (known.searched(limit_fields_band(name)) for name in ("total", "hard"))
    assert known.searched(limit_fields_band("total"))[0] is total
    assert found.background.dtype == total.counts.dtype == np.float32
    assert hard.time_s is total.time_s
    assert hard.counts is not total.counts
    assert known.n_bytes >= 7 * total.counts.nbytes


def limit_fields_band(name: str) -> Any:
    from swiftxrt.engine.detection_field import BANDS

    return BANDS[name]


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_fields, "DataSetFields", lambda lists, calibration: SimpleNamespace(n_bytes=40, of=lists))
    lists: list[Any] = [[object()], [object()], [object()]]
    fields = LimitFields(EMBEDDED, most_bytes=100)
    first, second = (fields.of(one) for one in lists[:2])
    assert fields.of(lists[0]) is first
    fields.of(lists[2])
    assert fields.of(lists[0]) is first
    assert fields.of(lists[1]) is not second
    tight = LimitFields(EMBEDDED, most_bytes=0)
    kept = tight.of(lists[0])
    assert tight.of(lists[0]) is kept


def test_nothing_seen(events: EventList, monkeypatch: pytest.MonkeyPatch) -> None:
    real = limit_fields.map_exposure

    def dark(lists: Any, wcs: Any) -> Any:
        made = real(lists, wcs)
        return type(made)(made.time_s * 0.0, made.square_s, made.notes)

    monkeypatch.setattr(limit_fields, "map_exposure", dark)
    table = make_limits([events], SkyCoord([events.pointing]))
    assert table["outcome"].tolist() == ["not observed"]
