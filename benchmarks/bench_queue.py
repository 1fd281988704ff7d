"""Lists of jobs: one look at 50 jobs far away, and a list of 100 jobs that is taken up again with 60 done.

The server and the way to it are in a process of their own: each call takes a round trip, and a new connection two
round trips more, as those of TCP and TLS 1.3. What the server said about a job is said again, so that what is measured
are the clients. The reference client looks at its jobs in turn. On a machine that is busy with other things, the
processor time tells how far the round trips matter.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from swiftxrt import PositionRequest, SwiftXRT, Target, XRTRequest, conf
from swiftxrt._threads import DaemonThreads
from swiftxrt.backends.ukssdc.products import UKSSDCBackend
from swiftxrt.engine import build as engine
from swiftxrt.jobs.joblist import JobList
from swiftxrt.products.position import Position
from swiftxrt.testing.server import embedded_server
from swiftxrt.testing.synthetic import small_observation

RTT_S = 0.03
SWEEP_JOBS = 50
CONNECTIONS = (4, 8)
LIST_JOBS, LIST_DONE = 100, 60
REPEATS = 5
USER = "someone@example.org"
REAL_HOST = "https://www.swift.ac.uk"


def requests_of(number: int, kind: str) -> list[XRTRequest]:
    targets = [Target("constant source", t0=(6e8 + index) * u.s) for index in range(number)]
    return [XRTRequest(target=target, position=PositionRequest(kind)) for target in targets]


def build(kind: Any, request: XRTRequest, observations: Any, **options: Any) -> Position:
    """A position at once; an enhanced one never."""
    if kind.value == "enhanced_position":
        time.sleep(3600)
    return Position(SkyCoord(10, 10, unit="deg"), 3.5 * u.arcsec)


async def message(reader: asyncio.StreamReader) -> bytes:
    """One request or reply, as it stands; empty at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(length[1]) if length else 0)


async def serve_far_away(port: int, near: str) -> None:
    """Pass everything on to the server; what it said about the state of a job once holds for ever."""
    known: dict[bytes, bytes] = {}

    async def answer(asked: bytes) -> bytes:
        job = re.search(rb"checkProductStatus.*\"JobID\": *\"?(\d+)", asked, re.DOTALL)
        if job is None or job[1] not in known:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            back.write(asked)
            reply = await message(there)
            back.close()
            if job is None:
                return reply
            known[job[1]] = reply
        return known[job[1]]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * RTT_S)
        while asked := await message(reader):
            await asyncio.sleep(RTT_S)
            writer.write(await answer(asked))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    far = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(near, far, flush=True)
    async with server:
        await server.serve_forever()


def serve(folder: str) -> None:
    engine.build_product = build
    small_observation(Path(folder) / "archive", duration=100 * u.s)
    with embedded_server(Path(folder) / "archive", job_limit=None) as url:
        asyncio.run(serve_far_away(int(url.rpartition(":")[2]), url))


def timed(action: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor time."""
    start, busy = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - busy


def our_sweep(jobs: JobList, service: Any) -> tuple[float, float]:
    """One look at all jobs of a list, beginning without connections."""
    queue = jobs._queue
    service._backend.close()

    def sweep() -> None:
        with DaemonThreads(conf.max_connections) as pool:
            for done in [pool.submit(queue._attend, work) for work in queue.works]:
                done.result()

    return timed(sweep)


def reference_sweeps(job_ids: list[str], url: str) -> list[tuple[float, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import swifttools.ukssdc.xrt_prods as prods

        requests = prods.prod_request.requests
        for name in ("get", "post"):
            call = getattr(requests, name)
            setattr(
                requests, name, lambda at, *args, call=call, **more: call(at.replace(REAL_HOST, url), *args, **more)
            )
        theirs = []
        for job_id in job_ids:
            theirs.append(prods.XRTProductRequest(USER, silent=True))
            theirs[-1].copyOldJob(job_id, becomeThis=True)
        return [timed(lambda: [one.checkProductStatus("all") for one in theirs]) for _ in range(2)]


def compare_sweeps(near: str, far: str) -> None:
    with conf.set_temp("service_url", near), SwiftXRT(user=USER) as service:
        jobs = service.submit_many(requests_of(SWEEP_JOBS, "enhanced"), max_active=SWEEP_JOBS, progress=False)
        while any(item.job_id is None for item in jobs):
            time.sleep(0.01)
    job_ids = [item.job_id for item in jobs]
    with conf.set_temp("service_url", far), SwiftXRT(user=USER) as service:
        for item in jobs:
            found = service.get_job(item.job_id)
            item._work.begin(found, due=0.0, pause=60.0)
        jobs._queue.backend = service._backend
        jobs._queue._is_stopping = False
        ours = {}
        for number in CONNECTIONS:
            with conf.set_temp("max_connections", number):
                ours[number] = min(our_sweep(jobs, service) for _ in range(REPEATS))
    theirs, busy = min(reference_sweeps(job_ids, far))
    print(
        f"one look at {SWEEP_JOBS} jobs, round trip {RTT_S * 1e3:.0f} ms (best of several; in brackets processor time)"
    )
    print(f"  reference client, in turn               {theirs:6.2f} s ({busy:.2f} s)")
    for number, (took, busy) in ours.items():
        print(
            f"  swiftxrt, conf.max_connections = {number:<4}   {took:6.2f} s ({busy:.2f} s), ratio {theirs / took:.1f} (aim: 10)"
        )


def take_up_again(near: str) -> None:
    calls: Counter[str] = Counter()
    for name in ("submit", "collect"):
        original = getattr(UKSSDCBackend, name)

        def counted(self: Any, *args: Any, name: str = name, original: Any = original) -> Any:
            calls[name] += 1
            return original(self, *args)

        setattr(UKSSDCBackend, name, counted)
    wanted = requests_of(LIST_JOBS, "standard")
    with conf.set_temp("service_url", near):
        for number in (LIST_DONE, LIST_JOBS):
            calls.clear()
            with SwiftXRT(user=USER) as service:
                begin = time.perf_counter()
                jobs = service.submit_many(wanted[:number], name="a list", max_active=20 + SWEEP_JOBS, progress=False)
                begun = time.perf_counter() - begin
                jobs.wait()
            took = time.perf_counter() - begin
            print(
                f"list of {number}: {calls['submit']} submissions, {calls['collect']} downloads, {took:.1f} s, of which "
                f"submit_many {begun * 1e3:.0f} ms"
            )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, conf.set_temp("data_dir", f"{folder}/data"):
        command = [sys.executable, __file__, "--serve", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            near, far = server.stdout.readline().split()
            try:
                take_up_again(near)
                compare_sweeps(near, far)  # its jobs never end, and keep the server from others
            finally:
                server.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        main()
