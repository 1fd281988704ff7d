"""Light curve, spectrum, position, images and sources of an observation of 10 ks, on one core.

Each product is built on its own, as a job of the local backend is, from files
on disk that are opened anew; the aim is 10 s for all five. The
spectrum takes over what was extracted for the light curve. They are compared
with reading the events, and with simulating them and writing the files. With
``--profile`` the functions that take most of the time are listed besides;
``--snapshot`` changes how many pointings the exposure is split into.
"""

from __future__ import annotations

import os

# Before numpy is loaded: what its libraries do on other cores must not count.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import (
    AllData,
    CountsBinning,
    ImageRequest,
    LightCurveRequest,
    Observation,
    PositionRequest,
    ProductKind,
    Scene,
    Source,
    SourceDetectionRequest,
    SpectrumRequest,
    Target,
    XRTRequest,
    simulate_observations,
)
from swiftxrt.engine.build import build_product
from swiftxrt.engine.scene import field_sources

EXPOSURE = 10 * u.ks
SEED = 1
PLACE = SkyCoord(150.0, 20.0, unit="deg")
KINDS = (
    ProductKind.LIGHT_CURVE,
    ProductKind.SPECTRUM,
    ProductKind.STANDARD_POSITION,
    ProductKind.IMAGE,
    ProductKind.SOURCES,
)
PROFILED = 20


def scene(rate: u.Quantity, snapshot: u.Quantity) -> Scene:
    """A source of some rate in a field with others."""
    target = Source.at(PLACE, rate=rate)
    others = field_sources(PLACE.ra.deg, PLACE.dec.deg, seed=3)
    return Scene.of([target, *others], exposure=EXPOSURE, snapshot=snapshot, mode="PC")


def request(turn: int) -> XRTRequest:
    """All five products; no two turns have the same position, so that nothing is kept from one to the next."""
    return XRTRequest(
        target=Target("benchmark", position=PLACE.directional_offset_by(0 * u.deg, 1e-3 * turn * u.arcsec)),
        light_curve=LightCurveRequest(binning=CountsBinning(pc_counts=20, wt_counts=30)),
        spectrum=SpectrumRequest(),
        position=PositionRequest("standard"),
        image=ImageRequest(),
        sources=SourceDetectionRequest(data=AllData()),
    )


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time of a call in s."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def build(kind: ProductKind, folder: str, obsid: str, turn: int) -> object:
    """One product from the files."""
    return build_product(kind, request(turn), [Observation.open(f"{folder}/{obsid}")])


def bench(rate: u.Quantity, snapshot: u.Quantity, repeats: int, profiled: bool) -> None:
    """Table of one source."""
    with tempfile.TemporaryDirectory() as folder:
        made = timed(lambda: simulate_observations(scene(rate, snapshot), folder, seed=SEED))
        obsid = next(Path(folder).iterdir()).name
        events = Observation.open(f"{folder}/{obsid}").events("PC")
        print(f"\n{rate:g}, {EXPOSURE:g} in snapshots of {snapshot:g}, {len(events)} events{'':12} wall      CPU")
        print(line("simulated and written", [made]))
        calls: dict[str, Callable[[int], object]] = {
            "events read": lambda turn: Observation.open(f"{folder}/{obsid}").events("PC"),
            **{kind.title: partial(build, kind, folder, obsid) for kind in KINDS},
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
        for turn in range(repeats + 1):
            for name, call in calls.items():
                taken[name].append(timed(partial(call, turn)))
        # The first turn warms up.
        for name, times in taken.items():
            print(line(name, times[1:]))
        every = zip(*(taken[kind.title][1:] for kind in KINDS), strict=True)
        print(line("all five (aim: 10 s)", [tuple(map(sum, zip(*turn, strict=True))) for turn in every]), flush=True)
        if profiled:
            profile(folder, obsid, repeats + 1)


def line(name: str, times: Sequence[tuple[float, ...]]) -> str:
    """Medians of wall and processor time as a line of the table."""
    wall, cpu = (statistics.median(values) for values in zip(*times, strict=True))
    return f"{name:50} {wall:8.2f} s {cpu:8.2f} s"


def profile(folder: str, obsid: str, turn: int) -> None:
    """Functions that take most of the time, for each product."""
    for kind in KINDS:
        profiler = cProfile.Profile()
        profiler.runcall(build, kind, folder, obsid, turn)
        print(f"\n{kind.title}")
        pstats.Stats(profiler).sort_stats("tottime").print_stats(PROFILED)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of each measurement (default: %(default)s)")
    parser.add_argument("--snapshot", type=float, default=1500.0, help="longest snapshot in s (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="list what takes the time")
    options = parser.parse_args()
    for rate in (0.1, 1.0):
        bench(rate * u.ct / u.s, options.snapshot * u.s, options.repeats, options.profile)


if __name__ == "__main__":
    main()
