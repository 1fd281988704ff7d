"""Source detection: a field of 10 ks, against the least that has to be done, and how the time grows with the sources.

The floor is one convolution of the image with the point spread function, by fast
Fourier transform: no search for sources does with less. Times are those of the processor.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from swiftxrt.engine.demonstration import field_sources
from swiftxrt.engine.detection import find_sources
from swiftxrt.engine.detection_field import BANDS, Field
from swiftxrt.engine.detection_measure import measure_sources
from swiftxrt.engine.exposure import map_exposure
from swiftxrt.engine.image import centred_wcs, stack_images
from swiftxrt.engine.make_sources import source_columns
from swiftxrt.engine.psf import KingPSF
from swiftxrt.engine.scene import Scene, Snapshot, Source
from swiftxrt.engine.simulate import simulate_observations
from swiftxrt.engine.source_models import Constant
from swiftxrt.mission import Mode
from swiftxrt.products.events import EventList

EXPOSURES_KS = (1, 10, 100)


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Median time of a piece of work."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def observed(exposure_ks: int) -> tuple[list, Callable[[], Field]]:
    """Event lists of a field with active galaxies, and what makes the field of them."""
    target = Source("target", 150.0, 20.0, Constant(0.02))
    galaxies = field_sources(150.0, 20.0, seed=1, least_flux_cgs=5e-15)
    snapshots = tuple(Snapshot(5e8 + 5754.0 * k, 1000.0) for k in range(exposure_ks))
    scene = Scene("field", "09999003", (target, *galaxies), snapshots, background_cps_per_pixel=7.5e-7)
    lists = [events for events in simulate_observations(scene, seed=1) if events.mode is Mode.PC]

    def field() -> Field:
        counts = stack_images(lists, BANDS["total"].channels, wcs=lists[0].wcs, exposure=False).counts
        return Field.of(counts, map_exposure(lists, lists[0].wcs), BANDS["total"].energy_kev)

    return lists, field


def bright_field() -> None:
    """The afterglow of GRB 221009A amid its dust rings, all observations: the hardest field there is."""
    folder = Path(os.environ.get("SWIFTXRT_VALIDATION_DATA", "")) / "event_lists_grb221009A"
    files = sorted(folder.glob("*.evt.gz"))
    if not files:
        print("GRB 221009A: skipped, SWIFTXRT_VALIDATION_DATA has no event_lists_grb221009A")
        return
    lists = [EventList.read(file) for file in files]
    wcs = centred_wcs(lists)
    start = time.process_time()
    exposure = map_exposure(lists, wcs)
    print(f"GRB 221009A, {len(lists)} event lists: exposure map {time.process_time() - start:.1f} s")
    print("band      events   sources   search, s")
    for band in BANDS.values():
        counts = stack_images(lists, band.channels, wcs=wcs, exposure=False).counts
        start = time.process_time()
        columns, _ = source_columns(counts, exposure, band, wcs)
        taken = time.process_time() - start
        print(f"{band.name:8s}{counts.sum():8d}{len(columns['x']):10d}{taken:12.1f}", flush=True)


def main() -> None:
    """Print the tables."""
    bright_field()
    print("exposure, ks   sources   image and exposure, s   search, s   (aim: both below 5)   convolution, s   ratio")
    for exposure_ks in EXPOSURES_KS:
        _, make_field = observed(exposure_ks)
        field = make_field()
        grid_y, grid_x = np.mgrid[-100:101, -100:101]
        kernel = KingPSF.at().pixel_fractions(grid_x, grid_y)
        floor = seconds(lambda field=field, kernel=kernel: fftconvolve(field.counts, kernel, mode="same"))
        search = seconds(lambda field=field: measure_sources(field, find_sources(field)))
        number = len(find_sources(field).sources)
        preparing = seconds(make_field, 1)
        print(
            f"{exposure_ks:12d}{number:10d}{preparing:24.2f}{search:12.2f}{floor:38.3f}{search / floor:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
