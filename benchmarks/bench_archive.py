"""Time of downloading 8 observations of 6 files from a stand-in for the archive of HEASARC, 20 ms away.

Against `astroquery.heasarc`, which has the archive pack them into one file, and
against `requests`, file by file. The server is on this machine, in a process of
its own; a relay in front of it waits two round trips for each new connection
(TCP and TLS 1.3) and one for each request. There is no limit on bytes per
second: over a real network all of them wait for the bytes besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import astropy.units as u
import numpy as np
import requests
from _stub import OPENING_TRIPS, seconds
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.time import Time
from astroquery import log

from swiftxrt import SwiftXRT, conf
from swiftxrt.testing import small_observation
from swiftxrt.testing.heasarc import HeasarcServer, heasarc_server

OBSERVATIONS = 8
ROUND_TRIP_S = 0.02
REPEATS = 5
CONTENTS = ("events", "attitude", "hk", "images", "exposure")
# Besides the events.
FILES = {
    "xrt/hk/sw{}xhd.hk": 300_000,
    "auxil/sw{}sat.fits": 400_000,
    "auxil/sw{}pat.fits": 400_000,
    "xrt/products/sw{}xpc_sk.img": 60_000,
    "xrt/products/sw{}xpc_ex.img": 60_000,
}


def write_archive(folder: Path) -> QTable:
    """The observations on disk, and what a query finds of them."""
    first = small_observation(folder)
    (event,) = (path for paths in first.files.values() for path in paths)
    obsids = [first.obsid, *(f"{first.target_id}{number:03d}" for number in range(1, OBSERVATIONS))]
    rng = np.random.default_rng(1)
    for obsid in obsids:
        there = folder / obsid / "xrt" / "event" / event.name.replace(first.obsid, obsid)
        there.parent.mkdir(parents=True, exist_ok=True)
        if obsid != first.obsid:
            shutil.copyfile(event, there)
        for name, size in FILES.items():
            path = folder / obsid / f"{name.format(obsid)}.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            fits.PrimaryHDU(rng.integers(0, 256, size, dtype=np.uint8)).writeto(path)
    return QTable({"obsid": obsids, "start": Time([first.start.isot] * len(obsids), scale="utc")})


def serve(folder: Path, told: Connection) -> None:
    """Run the stand-in, and far away from it the relay."""
    with heasarc_server(folder) as near:
        asyncio.run(relay(int(near.url.rpartition(":")[2]), told))


async def relay(port: int, told: Connection) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await asyncio.sleep(OPENING_TRIPS * ROUND_TRIP_S)
            there, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(passed(reader, back, ROUND_TRIP_S), passed(there, writer, 0.0))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: float) -> None:
    """Pass on what comes; a request comes in one piece."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 18):
            await asyncio.sleep(wait_s)
            writer.write(piece)
            await writer.drain()
    writer.close()


@contextlib.contextmanager
def far_away(folder: Path) -> Iterator[HeasarcServer]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, there), daemon=True)
    process.start()
    there.close()
    try:
        server = HeasarcServer(f"http://127.0.0.1:{here.recv()}")
        with conf.set_temp("heasarc_files_url", server.files_url), conf.set_temp("aws_url", server.aws_url):
            yield server
    finally:
        process.terminate()
        process.join()


def ours(wanted: QTable, source: str, workers: int) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with conf.set_temp("download_workers", workers), conf.set_temp("max_connections", workers):
            SwiftXRT.download_observations(wanted, location=folder, contents=CONTENTS, source=source)

    return run


def packed(server: HeasarcServer, count: int) -> Callable[[Path], None]:
    """What astroquery does with links that it has found; all files of the observations come."""
    from astroquery.heasarc import HeasarcClass

    heasarc = HeasarcClass()
    heasarc.VO_URL, heasarc.TAR_URL = server.vo_url, server.tar_url
    found = heasarc.query_tap("SELECT * FROM swiftmastr").to_table()
    links: Table = heasarc.locate_data(found, catalog_name="swiftmastr")
    if len(links) != count:
        raise RuntimeError(f"{len(links)} links for {count} observations")
    return lambda folder: heasarc.download_data(links, host="heasarc", location=str(folder))


def one_by_one(urls: list[str], get: Callable[[str], requests.Response]) -> Callable[[Path], None]:
    """The addresses are given, so that nothing is asked but the files."""

    def run(folder: Path) -> None:
        for url in urls:
            reply = get(url)
            reply.raise_for_status()
            (folder / url.rpartition("/")[2]).write_bytes(reply.content)

    return run


def measured(run: Callable[[Path], None], count: int) -> list[float]:
    times = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            times.append(seconds(lambda: run(Path(folder))))
            came = [path for path in Path(folder).rglob("*.gz") if path.is_file()]
            if len(came) != count:
                raise RuntimeError(f"{len(came)} of {count} files came")
    return sorted(times)


def main() -> None:
    warnings.simplefilter("ignore")
    log.setLevel("WARNING")  # it tells each step
    with tempfile.TemporaryDirectory() as folder:
        wanted = write_archive(Path(folder))
        sizes = [path.stat().st_size for path in Path(folder).rglob("*.gz")]
        with far_away(Path(folder)) as server, tempfile.TemporaryDirectory() as scratch, requests.Session() as session:
            urls = list(SwiftXRT.download_observations(wanted, location=scratch, contents=CONTENTS)["url"])
            ways = {
                "swiftxrt, heasarc, 4 at once (default)": ours(wanted, "heasarc", 4),
                "swiftxrt, heasarc, 8 at once": ours(wanted, "heasarc", 8),
                "swiftxrt, aws, 4 at once": ours(wanted, "aws", 4),
                "astroquery.heasarc, one tar": packed(server, OBSERVATIONS),
                "requests, one by one": one_by_one(urls, requests.get),
                "requests.Session, one by one": one_by_one(urls, session.get),
            }
            print(
                f"{OBSERVATIONS} observations, {len(sizes)} files, {sum(sizes) * u.byte.to('Mbyte'):.1f} MB, round trip ",
                end="",
            )
            print(f"{ROUND_TRIP_S * 1000:.0f} ms; median (fastest) of {REPEATS}")
            for name, run in ways.items():
                times = measured(run, len(sizes))
                print(f"{name:40} {median(times):7.3f} s ({times[0]:.3f} s)")
            again = seconds(lambda: ours(wanted, "heasarc", 4)(Path(scratch)))
            print(f"{'swiftxrt, heasarc, all is here already':40} {again:7.3f} s")


if __name__ == "__main__":
    main()
