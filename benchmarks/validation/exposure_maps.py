"""Exposure maps against the official ones, pointings against each other, and sums against closed forms.

    SWIFTXRT_VALIDATION_DATA=folder python benchmarks/validation/exposure_maps.py

``maps``      our map over the official ``_ex.img`` for 00085374001 and nine event lists of GRB 221009A: ratio of the
              sums, median ratio, share of pixels within 2 per cent, rms difference over the largest exposure, largest
              difference of sums in circles of 20 pixels, and the sum over live area times good time.
``pointing``  frame headers, fits to the events and the header of 00085374001 against a fit to its unfiltered events,
              over the field: rms and largest distance in pixels, and rotation in degrees.
``beside``    events beside bad pixels, by flag, over those that the pixels around let expect.

Numbers depend on the files only (the random choice of events in ``pointing`` has a fixed seed).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy import ndimage

from swiftxrt.engine.exposure import map_exposure
from swiftxrt.engine.geometry import Pointing, fit_pointing, live_map, nominal_pointing, ring_pixels, sky_to_pixel
from swiftxrt.engine.snapshots import Snapshot, split_snapshots
from swiftxrt.mission import Mode
from swiftxrt.products.attitude import Attitude
from swiftxrt.products.events import EventList

BLAZAR = "deepsky_archive_obs/obs/2014_11/00085374001/xrt"
PLACES = ((300, 300), (100, 100), (500, 100), (100, 500), (500, 500))
EVENT_NUMBERS = (8, 20, 50, 100, 200, 400, 1000, 4000)
DRAWS = 30
FLAGS = {"CALDB, on board, 64": 1 | 2 | 64, "hot (8)": 8, "flickering (32)": 32}


def pairs(folder: Path) -> Iterator[tuple[str, EventList, NDArray[np.float64]]]:
    """Name, events and official map."""
    blazar = folder / BLAZAR
    names = {
        "00085374001": (next(blazar.glob("event/*xpcw3po_cl.evt.gz")), next(blazar.glob("products/*xpc_ex.img.gz")))
    }
    for path in sorted((folder / "event_lists_grb221009A").glob("*.evt.gz")):
        official = path.with_name(path.name.replace(".evt", "_ex.img"))
        if official.exists():
            names[path.name.removesuffix(".evt.gz")] = (path, official)
    for name, (path, official) in names.items():
        yield name, EventList.read(path), fits.getdata(official).astype(float)


def maps(folder: Path) -> None:
    print(
        f"{'map':12} {'bad':>5} {'sum':>8} {'median':>8} {'in 2 %':>8} {'rms/max':>8} {'circles':>8} {'area x time':>12}"
    )
    for name, events, official in pairs(folder):
        ours = map_exposure([events], events.wcs).time_s
        seen = (ours > 0) | (official > 0)
        ratio = ours[seen] / np.maximum(official[seen], 1e-9)
        rms = np.sqrt(np.mean((ours - official)[seen] ** 2)) / official.max()
        area = sum(snapshot.live.sum() * snapshot.gti.exposure_s for snapshot in split_snapshots(events))
        print(
            f"{name:12} {len(events.bad_pixels):5} {ours.sum() / official.sum():8.4f} {np.median(ratio):8.4f} "
            f"{np.mean(np.abs(ratio - 1) < 0.02):8.3f} {rms:8.4f} {circles(ours, official):8.4f} {ours.sum() / area:12.6f}"
        )


def circles(ours: NDArray[np.float64], official: NDArray[np.float64]) -> float:
    """Largest difference of the sums in 200 circles of 20 pixels, relative to the official one."""
    worst = 0.0
    for x, y in np.random.default_rng(2).uniform(330, 670, (200, 2)):
        column, row = ring_pixels(x, y, 20.0)
        worst = max(worst, abs(ours[row, column].sum() / official[row, column].sum() - 1))
    return worst


def difference(pointing: Pointing, snapshot: Snapshot) -> tuple[float, float, float]:
    """Rms and largest distance (pixels), and rotation (degrees), from the pointing of a snapshot."""
    time_s = snapshot.steps[0] + snapshot.steps[1] / 2
    distance = []
    for place in PLACES:
        x, y = pointing.to_sky(*place, pointing.offset_at(time_s))
        true_x, true_y = snapshot.pointing.to_sky(*place, snapshot.pointing.offset_at(time_s))
        distance.append(np.hypot(x - true_x, y - true_y))
    turned = np.degrees(np.angle(pointing.rotation / snapshot.pointing.rotation))
    return float(np.sqrt(np.mean(np.square(distance)))), float(np.max(distance)), float(abs(turned))


def pointing(folder: Path) -> None:
    rng = np.random.default_rng(1)
    record = Attitude.read(folder / BLAZAR / "hk" / "sw00085374001xhd.hk.gz")
    (cleaned,), (unfiltered,) = (
        [EventList.read(path) for path in (folder / BLAZAR / "event").glob(f"*xpcw3po_{kind}.evt.gz")]
        for kind in ("cl", "uf")
    )
    # So few events that the record is used.
    sparse = replace(cleaned, attitude=record).select(band="9-10 keV")
    for truth, ours, of_record in zip(
        *(split_snapshots(item, cleaned.gti) for item in (unfiltered, cleaned, sparse)), strict=True
    ):
        print(
            f"snapshot of {truth.gti.exposure_s:.0f} s, {truth.index.size} unfiltered and {ours.index.size} cleaned events"
        )
        nominal = nominal_pointing(float(cleaned.roll.value), *sky_to_pixel(cleaned.wcs, cleaned.pointing))
        rows = {"header": nominal, of_record.pointing.source: of_record.pointing, "cleaned events": ours.pointing}
        print(f"  {'':24} {'rms':>7} {'worst':>7} {'turned':>7}")
        for name, item in rows.items():
            print("  {:24} {:7.2f} {:7.2f} {:7.3f}".format(name, *difference(item, truth)))
        for number in EVENT_NUMBERS:
            rows_of_number = []
            for _ in range(DRAWS):
                index = np.sort(rng.choice(truth.index, number, replace=False))
                columns = (getattr(unfiltered, name)[index] for name in ("x", "y", "detx", "dety"))
                found = fit_pointing(unfiltered.met_mid_s[index], *columns)
                rows_of_number += [] if found is None else [difference(found, truth)]
            middle = np.sqrt(np.mean(np.square(rows_of_number), axis=0))
            print(f"  {f'fit to {number} events':24} {middle[0]:7.2f} {middle[1]:7.2f} {middle[2]:7.3f}")


def beside(folder: Path) -> None:
    counted, expected = (dict.fromkeys(FLAGS, 0.0) for _ in range(2))
    field = live_map(Mode.PC, 0.0)
    square = np.ones((3, 3), dtype=bool)
    for _, events, _ in pairs(folder):
        image = np.zeros(field.shape)
        np.add.at(image, (events.dety, events.detx), 1.0)
        dead, rings = _dead(events.bad_pixels), {}
        for name, flag in FLAGS.items():
            later = flag != 67  # Pixels known early stay with their kind.
            rows = (events.bad_pixels["badflag"] & flag > 0) & ~(later & (events.bad_pixels["badflag"] & 67 > 0))
            rings[name] = ndimage.binary_dilation(_dead(events.bad_pixels[rows]), square) & ~dead & field
        good = field & ~ndimage.binary_dilation(dead, square)
        mean = ndimage.uniform_filter(image * good, 31) / np.maximum(ndimage.uniform_filter(good * 1.0, 31), 0.05)
        for name, ring in rings.items():
            alone = ring & (sum(other.astype(int) for other in rings.values()) == 1)
            counted[name] += image[alone].sum()
            expected[name] += mean[alone].sum()
    print(f"{'beside pixels that are':24} {'events':>8} {'expected':>9}")
    for name in FLAGS:
        print(f"{name:24} {counted[name]:8.0f} {expected[name]:9.0f}")


def _dead(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    dead = np.zeros((602, 602), dtype=bool)
    for row in rows:
        dead[row["rawy"] + 1 : row["rawy"] + 1 + max(row["yextent"], 1), row["rawx"] + 1] = True
    return dead


PARTS = {"maps": maps, "pointing": pointing, "beside": beside}


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; all by default")
    parser.add_argument("--data", type=Path, default=os.environ.get("SWIFTXRT_VALIDATION_DATA"))
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data, or set SWIFTXRT_VALIDATION_DATA")
    for name in options.parts or PARTS:
        print(f"\n{name}")
        PARTS[name](Path(options.data))


if __name__ == "__main__":
    main()
