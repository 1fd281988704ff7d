"""A sky image and a circular selection of a million events, against `regions` event by event.

The engine's way is `EventList.to_image` and `EventList.select`, which use that
sky pixels are whole numbers. The plain way asks `CirclePixelRegion.contains`
for the position of every event and fills the image with numpy.histogram2d.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from regions import CirclePixelRegion, PixCoord

from swiftxrt.products.events import EventList
from swiftxrt.products.gti import GTI

EVENTS = 1_000_000
REPEATS = 7
CENTRE, RADIUS_PIX = (510.3, 487.6), 30.0


def observation() -> EventList:
    """A million events: a source, and background all over the field."""
    rng = np.random.default_rng(1)
    source = rng.normal(CENTRE, 8.0, (EVENTS // 2, 2))
    field = rng.uniform(180.0, 820.0, (EVENTS - EVENTS // 2, 2))
    x, y = np.rint(np.concatenate([source, field])).astype(np.int32).T
    header = {"OBS_ID": "00099999001", "RA_PNT": 150.0, "DEC_PNT": 20.0, "PA_PNT": 0.0}
    return EventList(
        met=np.sort(rng.uniform(0.0, 1e5, EVENTS)),
        x=x,
        y=y,
        pi=rng.integers(30, 1000, EVENTS),
        grade=np.zeros(EVENTS),
        gti=GTI([0.0], [1e5]),
        mode="PC",
        header=header,
    )


def median_s(call: Callable[[], object]) -> float:
    """Median wall time of a call, after one that warms up."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Print medians and ratios, after checking that both ways agree."""
    events = observation()
    circle = CirclePixelRegion(PixCoord(*CENTRE), RADIUS_PIX)
    edges = np.arange(-0.5, 1000.0)

    def plain_image() -> np.ndarray:
        return np.histogram2d(events.y, events.x, bins=(edges, edges))[0]

    def plain_selection() -> np.ndarray:
        return circle.contains(PixCoord(events.x, events.y))

    if not np.array_equal(events.to_image().counts.data, plain_image()):
        raise SystemExit("the images differ")
    if len(events.select(region=circle)) != np.count_nonzero(plain_selection()):
        raise SystemExit("the selections differ")
    rows = [
        ("image", median_s(events.to_image), median_s(plain_image)),
        (
            "circular selection (ours: all columns)",
            median_s(lambda: events.select(region=circle)),
            median_s(plain_selection),
        ),
    ]
    rows.append(("image and selection", rows[0][1] + rows[1][1], rows[0][2] + rows[1][2]))
    print(f"{f'{EVENTS:,} events, median of {REPEATS}':52} {'swiftxrt':>10} {'plain':>10} {'ratio':>7}")
    for name, ours, plain in rows:
        print(f"{name:52} {1e3 * ours:7.1f} ms {1e3 * plain:7.1f} ms {plain / ours:6.1f}x")


if __name__ == "__main__":
    main()
