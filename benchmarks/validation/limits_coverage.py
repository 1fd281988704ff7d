"""How often intervals and upper limits hold what they promise.

    python benchmarks/validation/limits_coverage.py [part ...] [--trials 20000] [--fields 60]

``statistics``: the intervals of Kraft, Burrows & Nousek and one-sided limits,
for counts drawn from Poisson distributions. Theirs are Bayesian: the promise
is for sources of all strengths alike (flat prior), not for each strength. A
classical interval promises at least its confidence for each strength.

``alarms``: how often the background alone counts as a detection, exactly.

``exceeding``: whether a source as bright as the limit would have shown: how
often it gives more counts than were found.

``fields``: the whole way, from simulated event lists with known sources to
limits and rates at their positions, and at positions where nothing is.

Seeds are fixed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray
from scipy.stats import poisson

from swiftxrt.engine.counts import bayesian_upper_limit, classical_interval, classical_upper_limit, kbn_interval
from swiftxrt.engine.detection import find_sources
from swiftxrt.engine.detection_field import BANDS, Field
from swiftxrt.engine.exposure import ExposureMap, map_exposure
from swiftxrt.engine.image import stack_images
from swiftxrt.engine.limits import Apertures, measure_apertures
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.mission import PC_LIVE_FRACTION

Floats = NDArray[np.float64]

CONFIDENCES = (0.683, 0.90, 0.9973)
BACKGROUNDS = (0.05, 0.3, 1.0, 5.0, 20.0, 100.0, 580.0)
STRENGTHS = (0.5, 2.0, 5.0, 10.0, 30.0, 100.0)
PLACE = (150.0, 20.0)
EXPOSURE_S = 4000.0
#: Counts that the sources of a field would give on axis without losses, and how many there are of each.
INJECTED = (3.0, 10.0, 30.0, 100.0)
OF_EACH = 9
_APART_ARCMIN, _REACH_ARCMIN = 1.6, 9.0


def statistics(trials: int) -> Iterator[str]:
    """Coverage with counts from Poisson distributions."""
    rng = np.random.default_rng(1)
    yield "Drawn from the prior (all strengths alike, 0 to 200 counts): part of the true strengths inside"
    yield f"{'background':>12s}" + "".join(f"{f'{c:.2%}':>10s}{'limit':>9s}" for c in CONFIDENCES)
    for b in BACKGROUNDS:
        s = rng.uniform(0.0, 200.0, trials)
        n = rng.poisson(s + b)
        # Strengths near the end of the range are no fair sample of those that give their counts.
        kept = (s < 160) & (n - b < 120)
        cells = []
        for confidence in CONFIDENCES:
            lower, upper = kbn_interval(n[kept], b, confidence)
            one = bayesian_upper_limit(n[kept], b, confidence)
            cells += [f"{np.mean((lower <= s[kept]) & (s[kept] <= upper)):10.2%}{np.mean(s[kept] <= one):9.2%}"]
        yield f"{b:12.2f}" + "".join(cells) + f"   ({kept.sum()} trials)"
    yield "\nFor one strength and background (exact): KBN interval, upper end of it, Bayesian limit, classical limit and interval"
    for confidence in CONFIDENCES:
        yield f"confidence {confidence:.2%}: lowest and highest over strengths {STRENGTHS}"
        for b in BACKGROUNDS:
            rows = np.array([exact_coverage(s, b, confidence) for s in STRENGTHS])
            yield f"{b:12.2f}" + "".join(
                f"{low:10.2%} - {high:7.2%}" for low, high in zip(rows.min(0), rows.max(0), strict=True)
            )


def exact_coverage(s: float, b: float, confidence: float) -> tuple[float, ...]:
    """Probability that the truth lies inside: KBN, its upper end, Bayesian limit, classical limit, classical interval."""
    n = np.arange(int(s + b + 12 * np.sqrt(s + b) + 30), dtype=float)
    weight = poisson.pmf(n, s + b)
    lower, upper = kbn_interval(n, b, confidence)
    low, high = classical_interval(n, b, confidence)
    inside = (
        (lower <= s) & (s <= upper),
        s <= upper,
        s <= bayesian_upper_limit(n, b, confidence),
        s <= classical_upper_limit(n, b, confidence),
        (low <= s) & (s <= high),
    )
    return tuple(float(weight[one].sum()) for one in inside)


def alarms(trials: int) -> Iterator[str]:
    """Probability that the background alone counts as a detection at three sigma."""
    yield f"{'background':>12s}{'counts needed':>15s}{'false alarms':>14s}"
    for b in (0.001, 0.01, *BACKGROUNDS):
        n = np.arange(int(b + 12 * np.sqrt(b) + 30), dtype=float)
        detected = kbn_interval(n, b, 0.9973)[0] > 0
        yield f"{b:12.3f}{n[detected].min():15.0f}{poisson.pmf(n, b)[detected].sum():14.3%}"
    rng = np.random.default_rng(2)
    b = 10.0 ** rng.uniform(-1, 2.5, trials * 10)
    found = kbn_interval(rng.poisson(b), b, 0.9973)[0] > 0
    yield f"backgrounds of 0.1 to 300 counts, {b.size} trials: {found.mean():.3%}"


def exceeding(trials: int) -> Iterator[str]:
    """Sources as bright as the limit."""
    rng = np.random.default_rng(3)
    yield f"{'background':>12s}{'more counts than were found':>36s}{'trials':>9s}"
    for b in BACKGROUNDS:
        n = rng.poisson(b, trials)
        limit = kbn_interval(n, b, 0.9973)[1]
        again = rng.poisson(limit + b)
        yield f"{b:12.2f}{np.mean(again > n):36.2%}{trials:9d}"


def injected_places(rng: np.random.Generator) -> SkyCoord:
    """Places of sources, none close to another; the first is the target."""
    placed: list[complex] = []
    while len(placed) < 1 + OF_EACH * len(INJECTED):
        place = complex(_REACH_ARCMIN * np.sqrt(rng.uniform()) * np.exp(2j * np.pi * rng.uniform()))
        if all(abs(place - other) > _APART_ARCMIN for other in placed):
            placed.append(place)
    offset = np.array(placed) * u.arcmin
    return SkyCoord(*PLACE, unit="deg").spherical_offsets_by(offset.real, offset.imag)


def one_field(seed: int, *, with_sources: bool) -> tuple[Apertures, Floats, float]:
    """Measurements of one field: at the sources, or on a grid where nothing is; true rates; exposure."""
    rng = np.random.default_rng(seed)
    places = injected_places(rng)
    rates = np.append(1e-9, np.repeat(INJECTED, OF_EACH) / EXPOSURE_S)
    if not with_sources:
        places, rates = places[:1], rates[:1]
    sources = tuple(
        Source(str(k), float(place.ra.deg), float(place.dec.deg), Constant(float(rate)))
        for k, (place, rate) in enumerate(zip(places, rates, strict=True))
    )
    scene = Scene("X", "09999004", sources, (Snapshot(5e8, EXPOSURE_S),), pc_below_cps=99, wt_above_cps=100)
    lists = simulate_observations(scene, seed=seed)
    wcs, band = lists[0].wcs, BANDS["total"]
    exposure = map_exposure(lists, wcs)
    counts = stack_images(lists, band.channels, wcs=wcs, exposure=False).counts
    made = Field.of(counts, exposure, band.energy_kev, vignetting_kev=band.vignetting_kev)
    exposure_s = float(sum(events.gti.exposure_s for events in lists))
    if with_sources:
        x, y = (np.asarray(axis)[1:] for axis in wcs.world_to_pixel(places))
    else:
        x, y = empty_grid(exposure)
    return measure_apertures(made, find_sources(made), x, y, exposure_s), rates[1:], exposure_s


def empty_grid(exposure: ExposureMap) -> tuple[Floats, Floats]:
    """Positions whose circles do not overlap."""
    grid_y, grid_x = np.mgrid[200:800:26, 200:800:26]
    seen = exposure.time_s[grid_y, grid_x] > 0
    return grid_x[seen].astype(float), grid_y[seen].astype(float)


def fields(number: int) -> Iterator[str]:
    """The whole way: injected sources, then empty positions."""
    made = [one_field(seed, with_sources=True) for seed in range(number)]
    every, true = Apertures.joined([one for one, _, _ in made]), np.concatenate([rates for _, rates, _ in made])
    scale = every.correction_factor / made[0][2]
    true = true * PC_LIVE_FRACTION  # rates of the simulator are those of live time
    seen = every.coverage > 0.5
    yield f"{number} fields of {EXPOSURE_S:.0f} s with {OF_EACH} sources each of {INJECTED} counts"
    yield (
        f"{'counts':>8s}{'trials':>8s}"
        + "".join(f"{c:>10.2%}" for c in CONFIDENCES)
        + "   below 3-sigma limit  mean (C - B) / true"
    )
    for counts in (*INJECTED, 0.0):
        chosen = seen & ((np.abs(true * EXPOSURE_S / PC_LIVE_FRACTION - counts) < 1e-6) if counts else True)
        n, b, part = every.counts[chosen], every.background[chosen], scale[chosen]
        cells = []
        for confidence in CONFIDENCES:
            lower, upper = (end * part for end in kbn_interval(n, b, confidence))
            cells.append(f"{np.mean((lower <= true[chosen]) & (true[chosen] <= upper)):10.2%}")
        below = np.mean(true[chosen] <= kbn_interval(n, b, 0.9973)[1] * part)
        ratio = float((n - b).sum() / (true[chosen] / part).sum())
        error = float(np.sqrt(n.sum()) / (true[chosen] / part).sum())
        name = f"{counts:8.0f}" if counts else f"{'all':>8s}"
        yield name + f"{chosen.sum():8d}" + "".join(cells) + f"{below:22.2%}{ratio:12.3f} +- {error:.3f}"
    yield from empty_fields(max(number // 8, 8))


def empty_fields(number: int) -> Iterator[str]:
    """False alarms and limits where nothing is."""
    made = [one_field(1000 + seed, with_sources=False)[0] for seed in range(number)]
    every = Apertures.joined(made)
    seen = every.observed
    n, b = every.counts[seen], every.background[seen]
    detected = kbn_interval(n, b, 0.9973)[0] > 0
    expected = np.array([poisson.sf(threshold(one) - 1, one) for one in b])
    yield f"{number} fields with nothing in them, {seen.sum()} positions: counts / background {n.sum() / b.sum():.3f}"
    yield f"detections at three sigma: {detected.mean():.3%}; of Poisson counts on the same backgrounds {expected.mean():.3%}"
    rng = np.random.default_rng(4)
    limit = kbn_interval(n, b, 0.9973)[1]
    yield f"sources as bright as the limit give more counts: {np.mean(rng.poisson(limit + b) > n):.2%}"


def threshold(background: float) -> float:
    """Fewest counts that are a detection at three sigma."""
    n = np.arange(60.0)
    return float(n[kbn_interval(n, background, 0.9973)[0] > 0].min())


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["statistics", "alarms", "exceeding", "fields", []])
    parser.add_argument("--trials", type=int, default=20_000, help="Poisson draws for each number")
    parser.add_argument("--fields", type=int, default=60, help="simulated fields, 36 sources each")
    options = parser.parse_args()
    parts = {"statistics": statistics, "alarms": alarms, "exceeding": exceeding, "fields": fields}
    for name in options.parts or parts:
        print(f"\n{name}", flush=True)
        for line in parts[name](options.fields if name == "fields" else options.trials):
            print(line, flush=True)


if __name__ == "__main__":
    main()
