"""Peak memory of light curves and images of 10⁵, 10⁶ and 10⁷ events.

It should grow with the events, and not with events times bins: the same
events are put into few and into many bins. Each case runs in a process of its
own; ``numpy`` is what `tracemalloc` saw at most while the product was made, on
top of the events themselves, which are the floor. ``process`` is the largest
resident size of the process, with everything that was imported.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from bench_binning import simulate

from swiftxrt.engine.binning import BinningParameters
from swiftxrt.engine.inputs import ExtractedEvents
from swiftxrt.engine.lightcurve import build_curves
from swiftxrt.mission import SKY_SIZE, WT_FRAME_TIME_S, Mode
from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

RATE_CPS = 30.0
CURVES = {
    "light curve, bins of 1000 s": BinningParameters(method="time", width_s=1000.0),
    "light curve, bins of 1 s": BinningParameters(method="time", width_s=1.0),
    "light curve, bins of 300 counts": BinningParameters(counts=300, dynamic=False),
    "light curve, bins of 30 counts": BinningParameters(counts=30, dynamic=False),
}
IMAGE = "image"


def made(name: str, number: int) -> tuple[object, int, Callable[[], int]]:
    """Input of a case, its size in bytes, and a function that makes the product and tells how many bins it has."""
    if name == IMAGE:
        events = event_list(number)
        columns = (events.met, events.x, events.y, events.pi, events.grade)
        return events, sum(column.nbytes for column in columns), lambda: events.to_image().counts.data.size
    data = simulate(number, WT_FRAME_TIME_S, RATE_CPS)
    columns = (value for value in vars(data).values() if isinstance(value, np.ndarray))
    return data, sum(column.nbytes for column in columns), lambda: curve_bins(data, CURVES[name])


def curve_bins(data: ExtractedEvents, binning: BinningParameters) -> int:
    """How many bins a light curve has."""
    return len(build_curves(data, binning).total)


def event_list(number: int) -> EventList:
    """Events anywhere on the sky image."""
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, SKY_SIZE, (2, number))
    return EventList(
        met=np.sort(rng.uniform(5e8, 5e8 + 1e5, number)), x=x, y=y, pi=rng.integers(30, 1000, number),
        grade=np.zeros(number, dtype=int), gti=GTI([5e8], [5e8 + 1e5]), mode=Mode.PC,
        header={"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 0.0},
    )  # fmt: skip


def peak(name: str, number: int) -> tuple[float, float, float, int]:
    """Events, largest memory besides while the product was made, largest of the process (MB), and number of bins."""
    held, size, make = made(name, number)
    tracemalloc.start()
    bins = make()
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    unit = 1 if sys.platform == "darwin" else 1024
    del held
    return size / 1e6, grown / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, bins


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, nargs="+", default=[10**5, 10**6, 10**7], help="numbers of events")
    options = parser.parse_args()
    print(f"{'':33} {'events':>9} {'bins':>9} {'events':>9} {'numpy':>9} {'/ event':>8} {'process':>9}")
    for name in (*CURVES, IMAGE):
        for number in options.events:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as own:
                size, grown, process, bins = own.submit(peak, name, number).result()
            print(
                f"{name:33} {number:9} {bins:9} {size:6.0f} MB {grown:6.0f} MB {1e6 * grown / number:6.0f} B "
                f"{process:6.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
