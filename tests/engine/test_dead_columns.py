"""Columns without events."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.engine.dead_columns import dead_columns
from swiftxrt.engine.geometry import live_map
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.mission import Mode
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

HEADER = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 25.0}
LIVE = live_map(Mode.PC, 0.0)


def _events(
    per_column: float, dead: tuple[int, ...] = (), source: int = 0, mode: str = "PC", seed: int = 1
) -> EventList:
    rng = np.random.default_rng(seed)
    detx, dety = rng.integers(5, 596, (2, rng.poisson(per_column * 591)))
    core = np.rint(300 + 3 * rng.standard_t(2.0, (2, source))).clip(1, 600).astype(int)
    detx, dety = np.concatenate([[detx, dety], core], axis=1)
    kept = ~np.isin(detx, dead)
    detx, dety = detx[kept], dety[kept]
    n = detx.size
    return EventList(
        met=1.3e8 + np.linspace(0, 900, n), x=700 - detx, y=dety, detx=detx, dety=dety, pi=np.full(n, 100),
        grade=np.zeros(n), gti=GTI([1.3e8], [1.3e8 + 1000.0]), mode=mode, header=HEADER,
    )  # fmt: skip


@pytest.mark.parametrize("dead", [(), (120,), (290, 291, 292, 293, 294), (60, 62, 540)])
def test_dead_columns_are_found(dead: tuple[int, ...]) -> None:
    assert dead_columns(_events(60.0, dead), LIVE) == dead
    assert dead_columns(_events(60.0, dead, source=20_000), LIVE) == dead


def test_too_few_events_say_nothing() -> None:
    assert dead_columns(_events(12.0, (120,)), LIVE) == ()
    assert dead_columns(_events(0.0), LIVE) == ()
    assert dead_columns(_events(0.0, source=5000), LIVE) == ()


def test_chance_kills_no_column() -> None:
    assert not any(dead_columns(_events(rate, seed=seed), LIVE) for seed in range(10) for rate in (5.0, 22.0, 30.0))


def test_columns_known_as_bad_are_not_told_again() -> None:
    live = LIVE.copy()
    live[:, 118:123] = False
    assert dead_columns(_events(60.0, (118, 119, 120, 121, 122)), live) == ()
    assert dead_columns(_events(60.0, (120,), mode="WT"), LIVE) == ()


def test_snapshots_leave_them_out_and_say_so() -> None:
    (snapshot,) = split_snapshots(_events(60.0, (120,)))
    assert not snapshot.live[:, 120].any()
    assert snapshot.field[300, 120]
    assert any("DETX 120 hold no events" in note for note in snapshot.notes)
    assert any("lists no bad pixels" in note for note in snapshot.notes)
