"""Time to import swiftxrt, in fresh interpreters, against the astropy modules it builds on.

The aim: with the names a user starts from, no more than 0.1 s above
astropy.table, astropy.time and astropy.coordinates.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

REPEATS = 7
ASTROPY = "import astropy.table, astropy.time, astropy.coordinates"
STATEMENTS = {
    "bare interpreter": "pass",
    "astropy.table + .time + .coordinates": ASTROPY,
    "swiftxrt": "import swiftxrt",
    "swiftxrt: requests and light curves": f"{ASTROPY}; from swiftxrt import LightCurve, Target, XRTRequest",
    "swiftxrt: SwiftXRT (astroquery)": f"{ASTROPY}; from swiftxrt import SwiftXRT",
    "swiftxrt: XRTSpectrum (specutils)": f"{ASTROPY}; from swiftxrt import XRTSpectrum",
}


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def measure() -> dict[str, float]:
    """Median time of each statement; rounds are interleaved, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(REPEATS + 1):
        for name, statement in STATEMENTS.items():
            times[name].append(seconds(statement))
    return {name: statistics.median(values[1:]) for name, values in times.items()}  # the first round warms the disk


def main() -> None:
    medians = measure()
    bare, astropy = medians["bare interpreter"], medians["astropy.table + .time + .coordinates"]
    print(f"{'median of ' + str(REPEATS) + ' fresh interpreters':40} {'above bare':>12} {'above astropy':>15}")
    for name, value in medians.items():
        print(f"{name:40} {value - bare:10.3f} s {value - astropy:13.3f} s")


if __name__ == "__main__":
    main()
