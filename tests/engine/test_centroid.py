"""Centroids of simulated sources, in the plane and along the columns."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.engine.centroid import SourceFinder, count_map, iterative_centroid, simple_centroid, strip_centroid
from swiftxrt.engine.extracted import ExtractionParameters
from swiftxrt.engine.geometry import Pointing
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.snapshots import split_snapshots
from swiftxrt.products.events import BAD_PIXEL_DTYPE, EventList
from swiftxrt.products.gti import GTI

TOLERANCE_PIX = 25.0


def _field(rng: np.random.Generator, sources: list[tuple[float, float, int]], background_per_pix: float = 1e-3):
    """Sky pixels of events around (500, 500)."""
    n = rng.poisson(background_per_pix * 400**2)
    x, y = [rng.uniform(300, 700, n)], [rng.uniform(300, 700, n)]
    for x0, y0, counts in sources:
        dx, dy = KingPSF.at().sample(counts, rng, max_radius_pix=150.0)
        x.append(x0 + dx)
        y.append(y0 + dy)
    return np.rint(np.concatenate(x)).astype(int), np.rint(np.concatenate(y)).astype(int)


@pytest.mark.parametrize("method", [simple_centroid, iterative_centroid])
def test_centroids_are_unbiased(method) -> None:
    errors = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x0, y0 = 500 + rng.uniform(-8, 8, 2)
        found = method(*_field(rng, [(x0, y0, 100)]), 500.0, 500.0, TOLERANCE_PIX)
        assert found is not None
        errors.append([found[0] - x0, found[1] - y0])
    spread = np.std(errors)
    # A fit of 100 events is good to 15 arcsec / sqrt(100) (90 per cent), 0.3 pixels per axis.
    assert spread < (0.6 if method is simple_centroid else 0.4)
    assert np.abs(np.mean(errors, axis=0)).max() < 4 * spread / np.sqrt(30)


@pytest.mark.parametrize("method", [simple_centroid, iterative_centroid])
def test_source_far_from_the_position_given_is_found(method) -> None:
    x, y = _field(np.random.default_rng(1), [(518.3, 489.6, 60)])
    assert method(x, y, 500.0, 500.0, TOLERANCE_PIX) == pytest.approx((518.3, 489.6), abs=1.0)


@pytest.mark.parametrize("method", [simple_centroid, iterative_centroid])
def test_source_beyond_the_tolerance_does_not_count(method) -> None:
    x, y = _field(np.random.default_rng(2), [(540.0, 500.0, 100)])
    assert method(x, y, 500.0, 500.0, TOLERANCE_PIX) is None


def test_empty_field_has_no_centroid() -> None:
    found = [simple_centroid(*_field(np.random.default_rng(seed), []), 500.0, 500.0, 8.0) for seed in range(40)]
    assert sum(item is not None for item in found) <= 2
    nothing = np.zeros(0, dtype=int)
    assert simple_centroid(nothing, nothing, 500.0, 500.0, 8.0) is None


def test_bright_neighbour_does_not_attract() -> None:
    x, y = _field(np.random.default_rng(3), [(501.0, 500.0, 40), (522.0, 500.0, 400)])
    assert simple_centroid(x, y, 500.0, 500.0, TOLERANCE_PIX) == pytest.approx((501.0, 500.0), abs=1.5)


def test_count_map_counts_each_event_once() -> None:
    counts = count_map(np.array([3, 3, 5, -1, 9]), np.array([4, 4, 2, 2, 2]), 2, 2, 5)
    assert counts.sum() == 3
    assert counts[2, 1] == 2
    assert counts[0, 3] == 1


# --- With a detector -------------------------------------------------------------

DEAD = np.array([(290, 0, 2, 600), (291, 0, 2, 600), (292, 0, 2, 600)], dtype=BAD_PIXEL_DTYPE)  # DETX 291 to 293


def _observation(mode: str, x, y, pointing: Pointing, time_s, bad_pixels=DEAD) -> EventList:
    """Events of one snapshot before 2005 whose dead columns are removed as on board."""
    detx, dety = (np.rint(values).astype(int) for values in pointing.to_detector(x, y, pointing.offset[0]))
    live = (detx < 290) | (detx > 294) if bad_pixels is not None else np.ones(detx.size, dtype=bool)
    live &= (detx >= 200) & (detx <= 399) if mode == "WT" else True
    n = int(live.sum())
    if mode == "WT":
        dety = np.full(dety.size, 300)
        x, y = pointing.to_sky(detx, dety, pointing.offset[0])
    return EventList(
        met=time_s[live], x=np.rint(x[live]), y=np.rint(y[live]), detx=detx[live], dety=dety[live],
        pi=np.full(n, 150), grade=np.zeros(n), gti=GTI([1.3e8], [1.3e8 + 1000.0]), mode=mode, bad_pixels=bad_pixels,
        header={"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 0.0, "WM1STCOL": 199, "WMCOLNUM": 200},
    )  # fmt: skip


def _snapshot(mode: str, source: tuple[float, float], counts: int, seed: int):
    """A source beside the dead columns: at DETX 296 if at (500, 500)."""
    rng = np.random.default_rng(seed)
    rotation = complex(np.exp(0.3j))
    pointing = Pointing(rotation, np.array([1.3e8]), np.array([500 + 500j + rotation * (296 - 300j)]), measured=True)
    x, y = _field(rng, [(*source, counts)])
    events = _observation(mode, x, y, pointing, 1.3e8 + np.sort(rng.uniform(0, 1000, x.size)))
    (snapshot,) = split_snapshots(events)
    return snapshot


@pytest.mark.parametrize("method", ["simple", "iterative"])
def test_dead_columns_are_taken_into_account(method: str) -> None:
    finder = SourceFinder(ExtractionParameters(method=method))
    shifts, plain = [], []
    for seed in range(8):
        snapshot = _snapshot("PC", (500.0, 500.0), 600, seed)
        events = snapshot.events
        found = finder.find([snapshot], np.ones(len(events), dtype=bool), 500.0, 500.0)
        assert found is not None
        shifts.append(snapshot.pointing.along_columns(*found, 500.0, 500.0))
        barycentre = simple_centroid(events.x, events.y, 500.0, 500.0, TOLERANCE_PIX)
        plain.append(snapshot.pointing.along_columns(*barycentre, 500.0, 500.0))
    assert abs(np.mean(plain)) > 0.25  # Events on the side of the dead columns are missing.
    assert abs(np.mean(shifts)) < 0.1


@pytest.mark.parametrize("shift_pix", [-9.0, 0.0, 14.5])
def test_strip_centroid_beside_dead_columns(shift_pix: float) -> None:
    for seed in range(4):
        rotation = complex(np.exp(0.3j))
        source = 500 + 500j - shift_pix * rotation
        snapshot = _snapshot("WT", (source.real, source.imag), 400, seed)
        index = np.arange(len(snapshot.events))
        found = strip_centroid(snapshot, index, 500.0, 500.0, TOLERANCE_PIX)
        assert found is not None
        assert snapshot.pointing.along_columns(*found, 500.0, 500.0) == pytest.approx(shift_pix, abs=0.7)


def test_strip_without_source() -> None:
    snapshot = _snapshot("WT", (500.0, 500.0), 0, 1)
    assert strip_centroid(snapshot, np.arange(len(snapshot.events)), 500.0, 500.0, TOLERANCE_PIX) is None
    assert strip_centroid(snapshot, np.zeros(0, dtype=int), 500.0, 500.0, TOLERANCE_PIX) is None


def test_finder_gives_up_after_failures_in_a_row() -> None:
    snapshot = _snapshot("PC", (500.0, 500.0), 0, 2)
    kept = np.ones(len(snapshot.events), dtype=bool)
    finder = SourceFinder(ExtractionParameters(attempts=2, tolerance_arcmin=0.2))
    assert finder.find([snapshot], kept, 500.0, 500.0) is None
    assert finder.active
    assert finder.find([snapshot], kept, 500.0, 500.0) is None
    assert not finder.active
    bright = _snapshot("PC", (500.0, 500.0), 600, 2)
    assert finder.find([bright], np.ones(len(bright.events), dtype=bool), 500.0, 500.0) is None
    assert not SourceFinder(ExtractionParameters(centroid=False)).active
