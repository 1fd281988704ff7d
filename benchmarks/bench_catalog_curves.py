"""500 light curves of catalogued sources into one long table, and a QDP file of 40,000 rows, against the reference.

The service is imitated in a process of its own, without delay: it answers with curves in all bands, as for a source
with 95 observations (67 kB). The reference client asks for one source after the other, and its tables are put together
with pandas; the aim is 10 times as fast. The QDP file is read by Astropy's reader and by ours; the aim is 10 times as
fast, too.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from _stub import Answer, seconds, service
from astropy.table import Table

from swiftxrt import SwiftXRTClass, conf, stack_light_curves
from swiftxrt.io.qdp import read_qdp

SOURCES = 500
RATES, LIMITS = 44, 51
QDP_ROWS = 40_000
REPEATS = 3
TIME = ["Time", "TimePos", "TimeNeg"]
COUNTS = ["CtsInSrc", "BGInSrc", "CorrFact", "Exposure"]
KINDS = {
    "rates": ([*TIME, "Rate", "RatePos", "RateNeg", *COUNTS], RATES),
    "UL": ([*TIME, "UpperLimit", *COUNTS], LIMITS),
}
BANDS = ("Total", "Soft", "Medium", "Hard")


def light_curves() -> dict[str, Any]:
    """A reply of about the usual size."""
    random = np.random.default_rng(7)
    tables = {f"{band}_{kind}": table for band in BANDS for kind, table in KINDS.items()}
    tables |= {ratio: ([*TIME, "HR", "HRPos", "HRNeg"], RATES) for ratio in ("HR1", "HR2")}
    reply: dict[str, Any] = {"TimeFormat": "MJD", "T0": 0, "Binning": "obslc", "Datasets": list(tables)}
    for name, (columns, rows) in tables.items():
        values = np.round(random.uniform(0, 1, (rows, len(columns))), 6)
        values[:, 0] = np.sort(np.round(random.uniform(53945, 59000, rows), 6))
        values[:, [index for index, column in enumerate(columns) if column.endswith("Neg")]] *= -1
        reply[f"{name}Data"] = {"columns": columns, "data": values.tolist()}
    return {**reply, "OK": 1, "APIVersion": "1.0.5"}


REPLY = json.dumps(light_curves()).encode()


def reply(path: str, body: bytes) -> Answer:
    return Answer(len(REPLY), [REPLY])


def ours() -> None:
    with SwiftXRTClass() as client:
        found = client.gather(client.get_light_curve, range(1, SOURCES + 1), time_format="mjd", show_obsids=False)
        table = stack_light_curves(found)
    assert len(table) == SOURCES * len(BANDS) * (RATES + LIMITS)


def theirs(url: str) -> None:
    import pandas as pd
    import swifttools.ukssdc.main as main
    from swifttools.ukssdc.data import SXPS

    main.APIURL = f"{url}/API/main.php"
    numbers = list(range(1, SOURCES + 1))
    found = SXPS.getLightCurves(
        sourceID=numbers, binning="obs", timeFormat="MJD", saveData=False, returnData=True, silent=True
    )
    parts = {
        (number, name): curves[name]
        for number, curves in found.items()
        for name in curves["Datasets"]
        if not name.startswith("HR")
    }
    table = pd.concat(parts, names=["source", "dataset"])
    assert len(table) == SOURCES * len(BANDS) * (RATES + LIMITS)


def write_qdp(path: Path) -> None:
    random = np.random.default_rng(7)
    rows = random.uniform(0.1, 1, (QDP_ROWS, 6))
    rows[:, 0] = np.sort(random.uniform(100, 1e6, QDP_ROWS))
    rows[:, [2, 5]] *= -1
    lines = ["READ TERR 1 2", "! WT data", "!Time\tT_+ve\tT_-ve\tRate\tRatepos\tRateneg"]
    lines += ["\t".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def compare_qdp() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.qdp"
        write_qdp(path)
        reference = min(seconds(lambda: Table.read(path, format="ascii.qdp", table_id=0)) for _ in range(2))
        took = min(seconds(lambda: read_qdp(path)) for _ in range(REPEATS))
        assert len(read_qdp(path)[0].rows) == QDP_ROWS
    print(f"QDP file of {QDP_ROWS} rows")
    print(f"  astropy's reader      {reference:6.3f} s")
    print(f"  swiftxrt              {took:6.3f} s, ratio {reference / took:4.1f} (aim: 10)")


def main() -> None:
    warnings.simplefilter("ignore")
    with service(reply) as url, conf.set_temp("service_url", url):
        # One after the other, so that a busy machine slows both.
        rounds = [(seconds(lambda: theirs(url)), min(seconds(ours), seconds(ours))) for _ in range(2)]
    reference, took = (min(times) for times in zip(*rounds, strict=True))
    print(f"{SOURCES} light curves of {len(REPLY) / 1e3:.0f} kB into one table, no delay")
    print(f"  reference client      {reference:6.2f} s")
    print(f"  swiftxrt              {took:6.2f} s, ratio {reference / took:4.1f} (aim: 10)")
    compare_qdp()


if __name__ == "__main__":
    main()
