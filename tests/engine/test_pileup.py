"""Pile-up: the profile test, the rules where it cannot be made, windowed timing, and the times concerned."""

from __future__ import annotations

import numpy as np
import pytest

from swiftxrt.engine.piled_intervals import part_of, piled_time
from swiftxrt.engine.pileup import Profile, find_pileup, measure_profile
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.region_rules import Measurement
from swiftxrt.engine.regions import aperture
from swiftxrt.engine.snapshots import Snapshot, split_snapshots
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

CENTRE = 499.5
START_S = 1.3e8
NOTHING_KEPT = {"background_per_area": 0.0}


def photon_counting(
    counts: int, *, duration_s: float = 1000.0, lost: tuple[float, float] = (0.0, 0.0), **times
) -> Snapshot:
    """A source in the middle; `lost` says out to which radius which part of the events is lost."""
    rng = np.random.default_rng(7)
    dx, dy = KingPSF.at().sample(counts, rng, max_radius_pix=200.0)
    kept = (np.hypot(dx, dy) > lost[0]) | (rng.uniform(size=counts) >= lost[1])
    x, y = np.rint(CENTRE + dx[kept]), np.rint(CENTRE + dy[kept])
    met = times.get("met", np.sort(rng.uniform(START_S, START_S + duration_s - 3, counts)))[kept]
    n, header = int(kept.sum()), {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 0.0}
    gti = times.get("gti", GTI([START_S], [START_S + duration_s]))
    events = EventList(
        met=met, x=x, y=y, detx=800 - x, dety=y - 200, pi=np.full(n, 150), grade=np.zeros(n), gti=gti, mode="PC", header=header
    )  # fmt: skip
    return split_snapshots(events)[0]


def windowed(along: np.ndarray, pi: np.ndarray, duration_s: float = 10.0) -> Measurement:
    """Events of windowed timing at distances (columns) from a source."""
    n, rng = along.size, np.random.default_rng(3)
    x = np.rint(CENTRE + along)
    header = {
        "OBS_ID": "00099999001",
        "RA_PNT": 150.0,
        "DEC_PNT": 20.0,
        "PA_PNT": 0.0,
        "WM1STCOL": 200,
        "WMCOLNUM": 200,
    }
    events = EventList(
        met=np.sort(rng.uniform(START_S, START_S + duration_s, n)), x=x, y=np.full(n, 500), detx=800 - x, dety=np.full(n, 300),
        pi=pi, grade=np.zeros(n), gti=GTI([START_S], [START_S + duration_s]), mode="WT", header=header,
    )  # fmt: skip
    return measured(split_snapshots(events)[0])


def measured(snapshot: Snapshot) -> Measurement:
    """Everything in a snapshot counts; no background."""
    return Measurement(aperture(snapshot, CENTRE, CENTRE), snapshot.index, **NOTHING_KEPT)


# --- The profile -------------------------------------------------------------------------


def perfect(total: float = 2000.0, lost: dict[int, float] | None = None) -> Profile:
    """A profile without noise, of which some rings have lost a part."""
    edges = np.arange(31.0)
    shape = np.diff(KingPSF.at().enclosed(edges))
    counts = total * shape + 0.5
    for ring, part in (lost or {}).items():
        counts[ring] *= 1 - part
    return Profile(counts, shape, np.full(30, 0.5))


def test_wings_tell_the_whole() -> None:
    total, error = perfect().total(7)
    assert total == pytest.approx(2000.0)
    known = 0.931 - 0.699  # Beyond 7 pixels, out to 30.
    assert error == pytest.approx(np.sqrt(2000 * known + 12) / known, rel=0.01)


def test_nothing_is_short_without_pile_up() -> None:
    assert perfect().piled_radius_pix(7) == 0


@pytest.mark.parametrize(("rings", "radius"), [(1, 2), (3, 4), (5, 6)])
def test_hole_reaches_as_far_as_the_losses(rings: int, radius: int) -> None:
    """One ring further, since each is taken together with its inner neighbour."""
    assert perfect(lost=dict.fromkeys(range(rings), 0.5)).piled_radius_pix(9) in (rings, radius)


def test_chance_in_one_ring_is_not_pile_up() -> None:
    """A ring that falls short outside a good middle."""
    assert perfect(lost={5: 0.4}).piled_radius_pix(7) == 0


def test_a_dead_innermost_pixel_does_not_hide_it() -> None:
    profile = perfect(lost=dict.fromkeys(range(1, 4), 0.6))
    dead = Profile(np.append(0.0, profile.counts[1:]), np.append(0.0, profile.shape[1:]), profile.background)
    assert dead.piled_radius_pix(7) >= 4


def test_without_live_wings_nothing_is_known() -> None:
    profile = perfect()
    blind = Profile(profile.counts, np.append(profile.shape[:7], np.zeros(23)), profile.background)
    assert blind.total(7) == (0.0, np.inf)


def test_profile_counts_every_event_once() -> None:
    snapshot = photon_counting(800)
    profile = measure_profile(measured(snapshot))
    x, y = snapshot.events.x[snapshot.index], snapshot.events.y[snapshot.index]
    assert profile.counts.sum() == np.count_nonzero(np.hypot(x - CENTRE, y - CENTRE) < 30)
    assert profile.shape.sum() == pytest.approx(float(KingPSF.at().enclosed(30.0)), rel=0.01)


def test_hole_in_a_piled_up_source() -> None:
    found = find_pileup(measured(photon_counting(2500, lost=(4.0, 0.6))), 0.6)
    assert found.method == "profile"
    assert 4.0 <= found.radius_pix <= 6.0
    assert find_pileup(measured(photon_counting(2500)), 0.6).radius_pix == 0.0


def test_wings_begin_further_out_where_pile_up_reaches_far() -> None:
    found = find_pileup(measured(photon_counting(9000, lost=(8.0, 0.7))), 0.6)
    assert found.wing_pix > 7
    assert 8.0 <= found.radius_pix <= 11.0


def test_few_events_go_by_the_brightness_of_the_wings() -> None:
    """4 counts per frame and square arcminute: 3.9 pixels at 0.6 ct/s."""
    found = find_pileup(measured(photon_counting(180, duration_s=300.0)), 0.6)
    assert found.method == "surface brightness"
    assert found.radius_pix in (4.0, 5.0)


def test_hardly_any_events_go_by_the_table() -> None:
    found = find_pileup(measured(photon_counting(40, duration_s=60.0)), 0.6)
    assert (found.method, found.radius_pix) == ("table", 3.0)


# --- Windowed timing ---------------------------------------------------------------------


def line(n: int, seed: int = 2) -> np.ndarray:
    dx, _ = KingPSF.at().sample(n, np.random.default_rng(seed), max_radius_pix=80.0)
    return dx


def test_columns_are_left_out_until_the_rest_is_faint() -> None:
    along = line(4000)
    found = find_pileup(windowed(along, np.full(along.size, 100)), 150.0)
    assert found.method == "columns"
    rest = (
        np.count_nonzero((np.abs(np.rint(CENTRE + along) - CENTRE) >= found.radius_pix) & (np.abs(along) <= 30)) / 10.0
    )
    assert rest <= 150.0
    assert found.radius_pix <= 3.0


def test_columns_are_left_out_while_they_are_hard() -> None:
    along = line(4000)
    pi = np.where((np.abs(along) < 6.0) & (np.random.default_rng(1).uniform(size=along.size) < 0.6), 300, 100)
    assert find_pileup(windowed(along, pi), 150.0).radius_pix in (5.0, 6.0)


def test_table_where_nothing_helps() -> None:
    along = line(200_000)
    found = find_pileup(windowed(along, np.full(along.size, 100)), 150.0)
    assert (found.method, found.radius_pix) == ("table", 16.0)


# --- When --------------------------------------------------------------------------------


def fading(rates: list[tuple[float, float]]) -> np.ndarray:
    """Event times for (duration, rate) one after the other."""
    rng, start, parts = np.random.default_rng(11), START_S, []
    for duration, rate in rates:
        parts.append(np.sort(rng.uniform(start, start + duration, round(duration * rate))))
        start += duration
    return np.concatenate(parts)


def seen_above(rates: list[tuple[float, float]], gti: GTI | None = None) -> GTI:
    met = fading(rates)
    gti = gti or GTI([START_S], [START_S + sum(duration for duration, _ in rates)])
    snapshot = photon_counting(met.size, met=met, gti=gti)
    return piled_time(measured(snapshot), 0.6, 30.0)


def test_constant_sources_are_taken_as_a_whole() -> None:
    assert seen_above([(1000.0, 1.0)]).exposure_s == 1000.0
    assert not len(seen_above([(1000.0, 0.3)]))


def test_a_fading_source_is_cut_where_it_crosses_the_threshold() -> None:
    found = seen_above([(400.0, 2.5), (600.0, 0.15)])
    assert len(found) == 1
    assert found.start[0] == START_S
    assert found.stop[0] == pytest.approx(START_S + 400.0, abs=35.0)


def test_neighbouring_intervals_are_joined_and_short_ones_left_out() -> None:
    found = seen_above([(200.0, 2.0), (40.0, 0.2), (200.0, 2.0), (400.0, 0.1), (10.0, 3.0), (400.0, 0.1)])
    assert len(found) == 1
    assert found.exposure_s == pytest.approx(440.0, abs=35.0)


def test_hardly_any_faint_time_is_not_kept_apart() -> None:
    assert seen_above([(900.0, 3.0), (45.0, 0.1)]).exposure_s == pytest.approx(945.0)


def test_gaps_in_good_time_do_not_count() -> None:
    gti = GTI([START_S, START_S + 300.0], [START_S + 200.0, START_S + 1000.0])
    found = seen_above([(400.0, 2.5), (600.0, 0.15)], gti)
    assert found.exposure_s == pytest.approx(300.0, abs=35.0)
    assert not len(found & (GTI([START_S + 200.0], [START_S + 300.0])))


def test_part_of_a_snapshot_holds_its_events_only() -> None:
    snapshot = photon_counting(500)
    half = GTI([START_S], [START_S + 500.0])
    part = part_of(snapshot, half)
    assert part.gti == half
    assert (snapshot.events.met_mid_s[part.index] < START_S + 500.0).all()
    assert part_of(snapshot, snapshot.gti) is snapshot
