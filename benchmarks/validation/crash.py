"""Kill a process that runs a list of 30 jobs, again and again, and count what is on the server in the end.

Each process works on the list until it is killed (SIGKILL) after a random time; the next one goes on with the same
call. When the list has ended, another one is begun, until there were enough kills. Then every request must have made
one job, and all products must be those of a list that nobody disturbed. The server builds its products in no time,
so that kills hit submissions and downloads, not waits.

    python benchmarks/validation/crash.py [--kills 50] [--jobs 30] [--seed 1]

It needs `os.fork`. It ends with an error if something was lost or made twice.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import PositionRequest, ProductSet, SwiftXRT, Target, XRTRequest, conf
from swiftxrt.engine import build as engine
from swiftxrt.products.position import Position
from swiftxrt.testing.server import embedded_server
from swiftxrt.testing.synthetic import small_observation

USER = "someone@example.org"
#: Seconds from the start of a process to its end by force, at most.
LONGEST_S = 0.8
#: A process that takes longer than this hangs.
PATIENCE_S = 120.0


#: Mission elapsed time in 2020.
START_S = 6.0e8


def requests_of(number: int, length: int) -> list[XRTRequest]:
    """The requests of a list; no two of all lists are the same."""
    moments = (START_S + 1000.0 * number + index for index in range(length))
    return [
        XRTRequest(target=Target("constant source", t0=moment * u.s), position=PositionRequest("standard"))
        for moment in moments
    ]


def instant(kind: Any, request: XRTRequest, observations: Any, **options: Any) -> Position:
    """A position that tells for which request it was made."""
    longitude = round(request.target.t0.unix) % 36000 / 100
    return Position(SkyCoord(longitude, 10, unit="deg"), 3.5 * u.arcsec)


def serve(folder: Path) -> None:
    """Run the server until the standard input is closed."""
    engine.build_product = instant
    small_observation(folder / "archive", duration=100 * u.s)
    with embedded_server(folder / "archive", job_limit=12) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        sys.stdin.read()


def work(number: int, length: int) -> None:
    """Work on a list, in a process of its own."""
    service = SwiftXRT(user=USER)
    service.submit_many(requests_of(number, length), name=f"list {number}", max_active=8, progress=False).wait(
        timeout=PATIENCE_S * u.s
    )
    service.close()


def killed(number: int, length: int, after_s: float) -> bool:
    """Whether a process was killed before it came to the end of a list."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(number, length)
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + after_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if status:
                raise SystemExit(f"a process ended with status {status}")
            return False
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def disturbed_lists(kills: int, length: int, rng: random.Random) -> tuple[int, int]:
    """Work on lists with so many kills in all; how many there were, and how many lists."""
    with SwiftXRT(user=USER) as service:  # what is imported here, each process has from its beginning
        service.submit_many(requests_of(0, 1), progress=False).gather()
    number, done = 0, 0
    while done < kills:
        number += 1
        while killed(number, length, rng.uniform(0.0, LONGEST_S) if done < kills else PATIENCE_S):
            done += 1
    return done, number


def check(lists: int, length: int) -> Counter[str]:
    """Compare jobs and products with what they must be; what is wrong, counted."""
    wrong: Counter[str] = Counter()
    service = SwiftXRT(user=USER)
    made = Counter(round(service.get_job(job_id).request.target.t0.unix, 3) for job_id in service.list_jobs()["job_id"])
    for number in range(1, lists + 1):
        wanted = requests_of(number, length)
        jobs = service.submit_many(wanted, name=f"list {number}", progress=False)
        calm = service.submit_many(wanted, name=f"calm list {number}", progress=False, max_active=8)
        for request, item, other in zip(wanted, jobs, calm, strict=True):
            times = made[round(request.target.t0.unix, 3)]
            wrong["jobs missing"] += times == 0
            wrong["jobs too many"] += max(times - 1, 0)
            wrong["not done"] += item.outcome != "done"
            wrong["different products"] += ProductSet.read(item.folder) != other.result(timeout=PATIENCE_S * u.s)
            wrong["products of another request"] += item.result().position != instant(None, request, None)
        wrong["files left over"] += len(list(jobs.folder.iterdir())) - length
    service.close()
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    logging.getLogger("swiftxrt").setLevel(logging.ERROR)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--serve", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            with conf.set_temp("service_url", url), conf.set_temp("data_dir", f"{folder}/data"):
                kills, lists = disturbed_lists(options.kills, options.jobs, random.Random(options.seed))
                wrong = check(lists, options.jobs)
            server.communicate()
    took = time.monotonic() - start
    print(f"{lists} lists of {options.jobs} jobs, {kills} kills, {took:.0f} s: ", end="")
    print(", ".join(f"{number} {what}" for what, number in wrong.items()))
    if wrong.total():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
