"""Hot pixels are told from point sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from swiftxrt.engine.hot_pixels import hot_events
from swiftxrt.engine.psf import KingPSF
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

HEADER = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 0.0}
# PI of the events of a hot pixel of `sw010_1`, GRB 221009A: eight on DETX 211 and 212, DETY 76.
HOT_PI = [38, 39, 54, 38, 36, 35, 41, 37]


def _events(detx: NDArray[np.generic], dety: NDArray[np.generic], pi: NDArray[np.generic], **columns) -> EventList:
    detector = {"detx": detx, "dety": dety, **columns}
    number = len(pi)
    return EventList(
        met=5e8 + np.arange(number, dtype=float), x=np.full(number, 500), y=np.full(number, 500), pi=pi,
        grade=np.zeros(number), gti=GTI([5e8], [5e8 + 1e5]), mode="PC", header=HEADER, **detector,
    )  # fmt: skip


def _field(seed: int, pi: list[int], place: tuple[list[int], list[int]]) -> tuple[EventList, int]:
    """Background of 2 ks over the detector, and some events at one place, which come last."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(1.5e-3 * 600**2)
    detx = np.concatenate([rng.integers(1, 601, number), place[0]])
    dety = np.concatenate([rng.integers(1, 601, number), place[1]])
    return _events(detx, dety, np.concatenate([rng.integers(30, 1000, number), pi])), number


def test_pair_of_hot_pixels_is_found() -> None:
    place = ([212, 212, 212, 212, 211, 211, 212, 211], [76] * 8)
    for seed in range(5):
        events, number = _field(seed, HOT_PI, place)
        assert hot_events(events)[number:].all()
        assert not hot_events(events)[:number].any()


def test_few_soft_events_do_and_few_hard_ones_do_not() -> None:
    """Four events on one pixel may be chance, unless they are as soft as those of hot pixels."""
    place = ([300] * 4, [300] * 4)
    soft, number = _field(1, [38, 40, 42, 44], place)
    assert hot_events(soft)[number:].all()
    assert not hot_events(_field(1, [38, 140, 242, 344], place)[0]).any()
    hard, number = _field(1, [138, 140, 242, 344] * 3, ([300] * 12, [300] * 12))
    assert hot_events(hard)[number:].all()


def test_sources_are_not_hot() -> None:
    """Bright and faint, hard and very soft, as concentrated as a profile can be."""
    for seed, (counts, highest_pi) in enumerate(
        [(n, pi) for n in (5, 10, 40, 300, 3000) for pi in (59, 1000) for _ in range(8)]
    ):
        rng = np.random.default_rng(seed)
        detx, dety = (
            np.rint(300.5 + shift).astype(int) for shift in KingPSF.at().sample(counts, rng, max_radius_pix=150)
        )
        assert not hot_events(_events(detx, dety, rng.integers(30, highest_pi, counts))).any()


def test_only_the_band_counts() -> None:
    place = ([212] * 8, [76] * 8)
    events, number = _field(2, [20, 21, 22, 23, 24, 25, 26, 27], place)
    assert not hot_events(events).any()
    assert hot_events(events, (20, 1000))[number:].all()


def test_pixels_at_the_rim_have_no_neighbours_across() -> None:
    events, number = _field(3, HOT_PI, ([600] * 8, [600] * 8))
    assert hot_events(events)[number:].all()
    assert not hot_events(_field(3, HOT_PI, ([600] * 4 + [1] * 4, [600] * 4 + [1] * 4))[0])[:number].any()


def test_lists_without_detector_coordinates() -> None:
    number = 20
    events = EventList(
        met=5e8 + np.arange(number, dtype=float), x=np.full(number, 500), y=np.full(number, 500),
        pi=np.full(number, 40), grade=np.zeros(number), gti=GTI([5e8], [5e8 + 1e5]), mode="PC", header=HEADER,
    )  # fmt: skip
    assert not hot_events(events).any()
