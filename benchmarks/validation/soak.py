"""Run 2,000 jobs while one request in twenty goes wrong, and count what is lost, made twice or left behind.

One client works on lists of 100 jobs, one list after the other; the server is in a process of its own, builds its
products in no time and is struck by faults of all kinds: broken connections, lost replies, errors, pages instead of
replies, replies that are cut, late, slow, or never come. In the end every request must have made one job and have
the products that are its own, and the client must hold no more memory, files and threads than after the first lists.

    python benchmarks/validation/soak.py [--jobs 2000] [--list 100] [--rate 0.05] [--seed 1]

It ends with an error if something is wrong. Memory and open files are looked at on Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import ImageRequest, JobList, PositionRequest, SwiftXRT, Target, XRTRequest, conf
from swiftxrt.engine import build as engine
from swiftxrt.exceptions import ServiceWarning
from swiftxrt.kinds import ProductKind
from swiftxrt.products.position import Position
from swiftxrt.testing import FaultPlan, embedded_server, faults, small_observation

USER = "someone@example.org"
#: Mission elapsed time in 2020.
START_S = 6.0e8
#: So many jobs of a list may be under way.
ACTIVE = 20
#: Every so many requests ask for an image too, which comes as a file of some size.
IMAGE_EVERY = 25
#: Long enough for a busy machine: a request that is given up before the server has dealt with it is looked for in the
#: list of jobs for one pause between polls only, which is 0.2 s on an embedded server.
READ_TIMEOUT_S = 5.0
#: So much may the memory of the client grow after the first lists.
GROWTH_MIB = 40.0
PATIENCE_S = 900.0

FAULTS = (
    faults.reset(),
    faults.lose_reply(),
    faults.reset_in_body(),
    faults.truncate(),
    faults.truncate(framing="chunked"),
    faults.stall(),
    faults.never_answer(processed=True),
    faults.status(502),
    faults.status(503, retry_after=0 * u.s),
    faults.html(),
    faults.empty(),
    faults.bad_json(),
    faults.bad_encoding(),
    faults.delay(200 * u.ms),
    faults.drip(20 * u.kbyte / u.s),
)


def requests_of(number: int, length: int) -> list[XRTRequest]:
    """The requests of a list; no two of all lists are the same."""
    return [
        XRTRequest(
            target=Target("constant source", t0=(START_S + 1000.0 * number + index) * u.s),
            position=PositionRequest("standard"),
            image=ImageRequest() if index % IMAGE_EVERY == 0 else None,
        )
        for index in range(length)
    ]


def position_of(request: XRTRequest) -> Position:
    """A position that tells for which request it was made."""
    return Position(SkyCoord(round(request.target.t0.unix) % 36000 / 100, 10, unit="deg"), 3.5 * u.arcsec)


class Factory:
    """Makes positions in no time, and only one image, for all."""

    def __init__(self) -> None:
        self.build = engine.build_product
        self.guard = threading.Lock()
        self.images: Any = None

    def __call__(self, kind: ProductKind, request: XRTRequest, *args: Any, **options: Any) -> Any:
        if kind is not ProductKind.IMAGE:
            return position_of(request)
        with self.guard:
            self.images = self.images or self.build(kind, request, *args, **options)
        return self.images


def serve(folder: Path, rate: float, seed: int) -> None:
    """Run the server until the standard input is closed; let all go well, and tell what went wrong, at a first line."""
    engine.build_product = Factory()
    small_observation(folder / "archive", duration=100 * u.s)
    plan = FaultPlan(*(fault.on(probability=rate / len(FAULTS)) for fault in FAULTS), seed=seed)
    with embedded_server(folder / "archive", job_limit=ACTIVE + 2, faults=plan) as url:
        tell(url)
        sys.stdin.readline()
        plan.clear()
        tell(json.dumps({"faults": Counter(entry.fault for entry in plan.log), "requests": plan.seen.total()}))
        sys.stdin.read()


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def held(server_pid: int) -> dict[str, float]:
    """What this process holds, and the memory of the server."""
    gc.collect()
    numbers: dict[str, float] = {"threads": threading.active_count()}
    if Path("/proc/self/fd").is_dir():
        numbers["files"] = len(list(Path("/proc/self/fd").iterdir()))
        numbers["MiB"] = memory_mib("self")
        numbers["MiB of the server"] = memory_mib(server_pid)
    return numbers


def memory_mib(process: int | str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def check(requests: list[XRTRequest], jobs: JobList) -> Counter[str]:
    """What became of the requests of one list."""
    found: Counter[str] = Counter()
    for request, item in zip(requests, jobs, strict=True):
        found[item.outcome.value] += 1
        if item.outcome == "done":
            products = item.result()
            found["products of another request"] += products.position != position_of(request)
            found["products missing"] += len(request.kinds) - len(products)
    found["files left over"] += len(list(jobs.folder.iterdir())) - len(requests)
    return found


def soak(lists: int, length: int, server_pid: int) -> tuple[Counter[str], list[str], list[dict[str, float]]]:
    """Work on lists: what became of the requests, the numbers of their jobs, and what was held after each list."""
    found: Counter[str] = Counter()
    made: list[str] = []
    rows = []
    for number in range(lists):
        wanted = requests_of(number, length)
        with SwiftXRT(user=USER) as service:
            options = {"name": f"list {number}", "max_active": ACTIVE, "progress": False}
            with service.submit_many(wanted, **options).wait(timeout=PATIENCE_S * u.s) as jobs:
                found += check(wanted, jobs)
                made += [str(item.job_id) for item in jobs]
                shutil.rmtree(jobs.folder)
            del jobs
        rows.append(held(server_pid))
    return found, made, rows


def listed() -> Counter[str]:
    """The jobs on the server."""
    with SwiftXRT(user=USER) as service:
        return Counter(str(number) for number in service.list_jobs()["job_id"])


def wrongs(found: Counter[str], made: list[str], on_server: Counter[str], rows: list[dict[str, float]]) -> list[str]:
    """What is not as it must be."""
    before, after = rows[len(rows) // 4], rows[-1]
    checks = {
        "not every request is done": found["done"] == len(made) and not found - Counter(done=len(made)),
        "two requests have the same job": len(set(made)) == len(made),
        "the jobs on the server are others": on_server == Counter(made),
        "files are left open": after.get("files", 0) <= before.get("files", 0),
        "threads are left": after["threads"] <= before["threads"],
        "memory grows": after.get("MiB", 0) <= before.get("MiB", 0) + GROWTH_MIB,
    }
    return [what for what, is_right in checks.items() if not is_right]


@contextmanager
def server(options: argparse.Namespace, folder: str) -> Iterator[subprocess.Popen[str]]:
    """The server in a process of its own, as ``conf.service_url``, and a client in a hurry."""
    command = [sys.executable, __file__, "--serve", folder, "--rate", str(options.rate), "--seed", str(options.seed)]
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        assert process.stdout is not None
        settings = {"service_url": process.stdout.readline().strip(), "data_dir": f"{folder}/data"}
        settings |= {"cache_dir": f"{folder}/cache"}
        for name, value in {**settings, "retry_wait": 0.01, "read_timeout": READ_TIMEOUT_S}.items():
            stack.enter_context(conf.set_temp(name, value))
        yield process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--list", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0.05, help="part of the requests that go wrong")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.rate, options.seed)
        return
    logging.getLogger("swiftxrt").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", ServiceWarning)
    lists = options.jobs // options.list
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, server(options, folder) as process:
        found, made, rows = soak(lists, options.list, process.pid)
        took = time.monotonic() - start
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("calm\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        on_server = listed()
        process.communicate()
    struck = sum(told["faults"].values())
    print(f"{len(made)} jobs in {lists} lists, {took:.0f} s; {struck} faults in {told['requests']} requests:")
    print(f"  {', '.join(f'{number} {name}' for name, number in sorted(told['faults'].items()))}")
    print(f"outcomes: {', '.join(f'{number} {what}' for what, number in found.items() if number)}")
    print(f"jobs on the server: {on_server.total()}, of which this client knows {len(set(made) & set(on_server))}")
    for name in rows[0]:
        print(f"{name}: {rows[0][name]:.0f}, {rows[len(rows) // 4][name]:.0f} and {rows[-1][name]:.0f} ", end="")
        print("after the first list, after a quarter, and in the end")
    if wrong := wrongs(found, made, on_server, rows):
        raise SystemExit("; ".join(wrong))


if __name__ == "__main__":
    main()
