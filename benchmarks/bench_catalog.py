"""Rows of a query, and a whole table of 278,198 sources with 234 columns, against the reference client.

What is compared is what is made of the same reply or file, without a network: a reply with 50,000 rows (aim: 20 times
as fast), the whole table from CSV (aim: 5 times as fast, at most 1.7 GB), and five columns of a table that was had
before, for which the reference client has nothing but to read the CSV file again (aim: 60 times). Each measurement is
made in a process of its own, those of the whole table here and there in turn. The CSV file is made first; it has
580 MB, numbers with as many digits as those of the service, and gaps where most sources have no spectrum.

The second aim is not reached. pandas, with which the reference client reads, needs 4.5 s of processor time for this
file and uses one processor. Here it is 10.7 s: about 6 s to parse the file with Arrow, in up to eight threads, and the
rest to write the table to disk, in a thread beside, and to make the columns. On a machine with two processors and much
other work this gave 0.6 times the speed of the reference client by the clock. From the processor time, two idle ones
would give 0.8 times at best; with more of them it has not been measured. Later calls read the table from where it is
kept, with 3 s of processor time in place of 4.5 s.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROWS = 50_000
TABLE_ROWS, TABLE_COLUMNS = 278_198, 234
REPEATS = 3
FIVE = ("LSXPS_ID", "RA", "Decl", "Err90", "Rate_band0")
EPOCHS = {"hourly": {"2022-08-17 10:00:01 UTC": {}}, "daily": {"2022-08-16": {}}}
FILE = "LSXPS_Sources.csv"


class Figures(NamedTuple):
    """Median times in seconds, by the clock and of all processors, and the largest memory of the process in GB."""

    time: float
    processor: float
    memory: float


class Service:
    """Answers with one table, whose file is there already."""

    name = "benchmark"
    service = "https://benchmark.invalid"

    def __init__(self, csv: Path) -> None:
        self.csv = csv

    def ask(self, function: str, content: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return EPOCHS if function == "getOldSXPSTables" else {"URL": f"{self.service}/{FILE}", "FILE": FILE}

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        os.link(self.csv, path)
        return path

    def close(self) -> None:
        pass


def reply() -> list[dict[str, Any]]:
    """Rows as they are in a reply to a query."""
    rng = np.random.default_rng(0)
    places = zip(rng.uniform(0, 360, ROWS), rng.uniform(-90, 90, ROWS), strict=True)
    return [
        {
            "LSXPS_ID": number,
            "IAUName": f"LSXPS J{number:08.1f}+{number:06d}",
            "RA": float(ra),
            "Decl": float(dec),
            "Err90": 4.3,
            "l": float(ra),
            "b": float(dec),
            "Exposure": 1e3 + number,
            "DetFlag": number % 3,
            "Rate_band0": 0.1 * number,
            "Rate_band0_pos": None if number % 7 == 0 else 0.3,
            "Rate_band0_neg": -0.01,
        }
        for number, (ra, dec) in enumerate(places)
    ]


def rows_here() -> Figures:
    """Rows to a table with units and positions."""
    from swiftxrt.catalog.querying import rows_table
    from swiftxrt.catalog_fields import fields_of
    from swiftxrt.products.catalog_table import rows_to_columns
    from swiftxrt.request.catalog import CatalogQuery

    rows, fields, query = reply(), fields_of("LSXPS", "sources"), CatalogQuery()
    return timed(lambda: rows_table(rows_to_columns(rows), query, fields), repeats=5)


def rows_there() -> Figures:
    """Rows to a data frame with angles, by the reference client."""
    import pandas as pd
    from swifttools.ukssdc.query.SXPS import SXPSQuery

    rows = reply()
    types = {"LSXPS_ID": "INT", "IAUName": "TXT", "RA": "COORDH", "Decl": "COORDD", "l": "COORDH", "b": "COORDD"}
    columns = [{"ColName": name, "Type": types.get(name, "FLOAT"), "Class": "BASIC"} for name in rows[0]]

    def work() -> None:
        query = SXPSQuery(cat="LSXPS", table="sources")
        query._metadata = pd.DataFrame(columns)
        query._results = pd.DataFrame(rows)
        query._manageResults()

    return timed(work, repeats=REPEATS)


def make_csv(path: Path) -> None:
    """A table of the size and with the columns of that of August 2022."""
    import pyarrow as pa
    import pyarrow.csv

    from swiftxrt.catalog_fields import fields_of

    rng = np.random.default_rng(1)
    moments = np.datetime64("2005-01-01", "s") + rng.integers(0, 500_000_000, TABLE_ROWS)
    dates = np.char.replace(moments.astype(str), "T", " ")
    makers: dict[str, Callable[[], Any]] = {
        "text": lambda: [f"LSXPS J{number:013d}" for number in range(TABLE_ROWS)],
        "flag": lambda: rng.integers(0, 2, TABLE_ROWS),
        "int": lambda: rng.integers(0, 10_000, TABLE_ROWS),
        "uk_date": lambda: rng.permuted(dates),
        "met": lambda: np.round(rng.uniform(1.5e8, 6.8e8, TABLE_ROWS), 3),
        "RA": lambda: np.round(rng.uniform(0, 360, TABLE_ROWS), 8),
        "Decl": lambda: np.round(np.degrees(np.arcsin(rng.uniform(-1, 1, TABLE_ROWS))), 8),
        "LSXPS_ID": lambda: np.arange(1, TABLE_ROWS + 1),
    }
    fields = fields_of("LSXPS", "sources")

    def column(name: str) -> Any:
        field = fields.get(name)
        key = name if name in makers else field.kind if field else "float"
        return makers[key]() if key in makers else pa.array(numbers(rng, field.unit if field else ""), mask=empty(name))

    def empty(name: str) -> Any:
        """Most sources have no spectrum, and many lie outside the range of the interpolation."""
        share = 0.95 if name.startswith("Fitted") else 0.5 if name.startswith("Interp") else 0.25
        return rng.random(TABLE_ROWS) < share

    names = [*fields, *(f"Other{number}" for number in range(TABLE_COLUMNS - len(fields)))]
    columns = {name: column(name) for name in names}
    pa.csv.write_csv(pa.table(columns), path, pa.csv.WriteOptions(quoting_style="none"))


def numbers(rng: np.random.Generator, unit: str) -> Any:
    """Numbers with as many digits as those of the service: mostly 6, those of rates and fluxes 15 to 17."""
    if unit == "ct / s":
        return np.round(rng.lognormal(-6.0, 1.5, TABLE_ROWS), 17)
    if unit == "erg / (cm2 s)":
        return np.round(rng.lognormal(1.0, 1.5, TABLE_ROWS), 14) * 1e-15
    return np.round(rng.normal(size=TABLE_ROWS), 6)


def table_here(folder: Path, columns: tuple[str, ...] | None, *, is_kept: bool) -> Figures:
    """The table from CSV, or from where it is kept."""
    from swiftxrt import conf
    from swiftxrt.catalog.tables import get_table
    from swiftxrt.request.catalog import CatalogQuery

    conf.cache_dir = str(folder / "cache")
    service, query = Service(folder / FILE), CatalogQuery(columns=columns)
    if is_kept:
        get_table(service, CatalogQuery(columns=["LSXPS_ID"]))
    return timed(lambda: get_table(service, query), repeats=7 if columns else 1)


def table_there(folder: Path) -> Figures:
    """The table from CSV by the reference client, which finds the file already downloaded."""
    import swifttools.ukssdc.data.download as dl
    from swifttools.ukssdc import main as base
    from swifttools.ukssdc.data import SXPS

    # Everything but the network.
    base.submitAPICall = lambda *args, **options: {"URL": f"https://benchmark.invalid/{FILE}", "FILE": FILE}
    dl._saveURLToFile = lambda url, to, **options: os.link(folder / FILE, Path(to) / FILE)
    place = folder / "reference"
    place.mkdir(exist_ok=True)
    return timed(
        lambda: SXPS.getFullTable(table="sources", destDir=str(place), saveData=False, returnData=True), repeats=1
    )


def timed(work: Callable[[], Any], *, repeats: int) -> Figures:
    """What a piece of work takes."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        result = work()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        del result
    by_clock, processor = map(statistics.median, zip(*times, strict=True))
    return Figures(by_clock, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


def alone(work: Callable[..., Figures], *args: Any, **options: Any) -> Figures:
    """What a measurement gives in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args, options)


def new_tables(folder: Path) -> tuple[Figures, Figures]:
    """The table from CSV here and there in turn, so that what else the machine does concerns both."""
    pairs = []
    for _ in range(REPEATS):
        shutil.rmtree(folder / "cache", ignore_errors=True)
        shutil.rmtree(folder / "reference", ignore_errors=True)
        pairs.append((alone(table_here, folder, None, is_kept=False), alone(table_there, folder)))
    here, there = (
        [statistics.median(values) for values in zip(*side, strict=True)] for side in zip(*pairs, strict=True)
    )
    return Figures(*here), Figures(*there)


def main() -> None:
    def show(what: str, ours: Figures, theirs: Figures) -> None:
        sides = " ".join(f"{side.time:9.3f} {side.processor:8.3f} {side.memory:6.2f}" for side in (ours, theirs))
        print(f"{what:40s} {sides} {theirs.time / ours.time:8.1f}")

    titles = " ".join(f"{side + '/s':>9s} {'cpu/s':>8s} {'GB':>6s}" for side in ("here", "there"))
    print(f"{'':40s} {titles} {'ratio':>8s}")
    show(f"reply with {ROWS} rows", alone(rows_here), alone(rows_there))
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(KeyboardInterrupt):
        folder = Path(name)
        make_csv(folder / FILE)
        here, there = new_tables(folder)
        show("whole table from CSV, which is also kept", here, there)
        show("whole table again", alone(table_here, folder, None, is_kept=True), there)
        show("five columns again", alone(table_here, folder, FIVE, is_kept=True), there)


if __name__ == "__main__":
    main()
