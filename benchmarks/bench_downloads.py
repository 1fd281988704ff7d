"""Time of many small downloads, and memory of a large one, against the reference client.

The aims: 60 files of 200 kB at a round-trip time of 20 ms 12 times as fast as
swifttools 4.0.5, and no more than 32 MiB of additional memory for a file of
400 MiB. The server is on this machine, in a process of its own; it imitates the
network by waiting two round trips for each new connection (TCP and TLS 1.3)
and one for each request.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from _stub import Answer, seconds, service

FILES = 60
SIZE = 200_000
LARGE = 400 << 20
REPEATS = 4
ROUND_TRIPS_S = (0.0, 0.02, 0.08)
WORKERS = (1, 4, 8)
OBSID = "00032646038"
NAMES = [f"xrt/event/sw{OBSID}{number:02d}.evt.dat" for number in range(FILES)]


PIECE = bytes(range(256)) * 4096


def reply(path: str, body: bytes) -> Answer:
    """Files of any name: ``/<round trip in ms>/<size>/<name>``."""
    _, round_trip, size, *_ = path.split("/")
    return Answer(int(size), pieces(int(size)), float(round_trip) / 1000)


def pieces(size: int) -> Iterator[bytes]:
    for start in range(0, size, len(PIECE)):
        yield PIECE[: size - start]


def reference(url: str, folder: Path) -> None:
    """The loop of swifttools over the files of an observation; the list of files is given."""
    from swifttools.ukssdc.data import download

    listed = {"fileList": {"dirs": ["xrt", "xrt/event"], "files": NAMES}, "url": url}
    download._getFileList = lambda *arguments, **named: listed
    download.downloadObsData(OBSID, destDir=str(folder), silent=True)


def ours(workers: int) -> Callable[[str, Path], None]:
    def run(url: str, folder: Path) -> None:
        from swiftxrt.config import conf
        from swiftxrt.jobs.downloads import download_all

        (folder / OBSID / "xrt" / "event").mkdir(parents=True)
        items = [(f"{url}/{name}", folder / OBSID / name) for name in NAMES]
        with conf.set_temp("max_connections", workers), fetcher(url) as fetch:
            results = download_all(fetch, items, workers=workers)
        if any(one.is_failed for one in results):
            raise RuntimeError(str(results))

    return run


@contextlib.contextmanager
def fetcher(url: str) -> Iterator[Callable[..., str]]:
    from swiftxrt.backends.transport import Transport

    transport = Transport(url, "someone")
    yield lambda source, path, overwrite: transport.download(source, path, overwrite=overwrite).outcome
    transport.close()


def fastest(run: Callable[[str, Path], None], url: str) -> float:
    times = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            times.append(seconds(lambda: run(url, Path(folder))))
            sizes = {path.stat().st_size for path in Path(folder).rglob("*.dat")}
            if sizes != {SIZE}:
                raise RuntimeError(f"files of {sizes} bytes came")
    return min(times)  # other work on the machine only adds to it


def large_reference(url: str, folder: Path) -> None:
    from swifttools.ukssdc.data import download

    download._saveURLToFile(url, str(folder))


def large_ours(url: str, folder: Path) -> None:
    with fetcher(url) as fetch:
        fetch(url, folder / Path(url).name, overwrite=False)


def memory(run: Callable[[str, Path], None], url: str, told: Connection) -> None:
    """In a process of its own: how much the peak memory grows from a small file to a large one."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        run(f"{url}/0/1000/small.dat", Path(folder))
        before = peak()
        took = seconds(lambda: run(f"{url}/0/{LARGE}/large.dat", Path(folder)))
        if (Path(folder) / "large.dat").stat().st_size != LARGE:
            raise RuntimeError("the large file is not whole")
        told.send((peak() - before, took))


def peak() -> float:
    """Largest memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere that of the process that started this one counts too
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(run: Callable[[str, Path], None], url: str) -> tuple[float, float]:
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=memory, args=(run, url, theirs))
    process.start()
    theirs.close()
    try:
        return mine.recv()
    finally:
        process.join()


def main() -> None:
    with service(reply) as url:
        print(f"{FILES} files of {SIZE // 1000} kB, fastest of {REPEATS}")
        print(f"{'round trip':>10} {'swifttools':>12}" + "".join(f"{f'{workers} at once':>20}" for workers in WORKERS))
        for round_trip in ROUND_TRIPS_S:
            base = f"{url}/{round_trip * 1000:g}/{SIZE}"
            theirs = fastest(reference, base)
            times = [fastest(ours(workers), base) for workers in WORKERS]
            cells = "".join(f"{one:>9.3f} s ({theirs / one:4.1f} x)" for one in times)
            print(f"{round_trip * 1000:>7.0f} ms {theirs:>10.3f} s{cells}")
        print("aim at 20 ms: 12 x; 4 at once is the default (conf.download_workers)")
        print(f"\n{'one file of 400 MiB':20} {'more memory':>14} {'time':>10}")
        for name, run in (("swifttools", large_reference), ("swiftxrt", large_ours)):
            grown, took = measured(run, url)
            print(f"{name:20} {grown:>10.1f} MiB {took:>8.2f} s")
        print("aim: 32 MiB")


if __name__ == "__main__":
    main()
