"""Many users at once on one embedded server: 200 jobs of 20 users, 50 clients that look after them over HTTP.

The server is the command ``swiftxrt serve`` in a process of its own, with one
worker process per processor core. Each job is a light curve of one short
simulated observation. User by user submits all jobs in a row, so that first come, first
served would let the last ones wait for all others; then a newcomer submits one
job behind the full queue. Each client asks once a second for the state of one
of its unfinished jobs, and fetches what has ended, every fifth also as an
archive.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import requests

from swiftxrt.testing.synthetic import small_observation

USERS, JOBS_EACH, CLIENTS = 20, 10, 50
NEWCOMER = "newcomer@example.org"
PAUSE_S = 1.0
TIME_LIMIT_S = 150.0
LIGHT_CURVE = {"name": "constant source", "getTargs": 1, "getCoords": 1, "cent": 0, "lc": 1, "binMeth": "snapshot"}


@dataclass
class Job:
    """A job as its client sees it."""

    user: str
    id: str
    code: int | None = None
    fetched: bool = False


@dataclass
class Figures:
    """What the clients measured; times in seconds."""

    submit_s: list[float] = field(default_factory=list)
    poll_s: list[float] = field(default_factory=list)
    fetch_s: list[float] = field(default_factory=list)
    download_s: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        with self.guard:
            getattr(self, name).append(time.perf_counter() - start)


class Client:
    """One connection to the server."""

    def __init__(self, url: str, figures: Figures) -> None:
        self.url, self.figures = url, figures
        self.session = requests.Session()

    def ask(self, path: str, user: str, **payload: Any) -> dict[str, Any]:
        reply = self.session.post(f"{self.url}/user_objects/{path}", json={"UserID": user, **payload}, timeout=60)
        reply.raise_for_status()
        content: dict[str, Any] = reply.json()
        if content["OK"] != 1:
            with self.figures.guard:
                self.figures.faults[content["ERROR"]] += 1
        return content

    def submit(self, user: str) -> Job | None:
        with self.figures.timed("submit_s"):
            reply = self.ask("run_userobject.php", user, **LIGHT_CURVE)
        return Job(user, reply["JobID"]) if reply["OK"] == 1 else None

    def look(self, job: Job) -> None:
        with self.figures.timed("poll_s"):
            reply = self.ask("checkProductStatus.php", job.user, JobID=job.id, what="lc", whatProg="lc")
        code = reply["lc"]["statusCode"]
        if code < 0 or code == 4:
            job.code = code
            with self.figures.timed("fetch_s"):
                job.fetched = self.ask("tprods/getLCData.php", job.user, JobID=job.id)["Datasets"][:1] == ["PC"]
            if int(job.id) % 5 == 0:
                self.download(job)

    def download(self, job: Job) -> None:
        with self.figures.timed("download_s"):
            archive = self.session.get(f"{self.url}/user_objects/tprods/USERPROD_{job.id}/lc.tar.gz", timeout=60)
        job.fetched = archive.status_code == 200 and archive.content[:2] == b"\x1f\x8b"


def look_after(client: Client, mine: list[Job], end_s: float, everything_sent: threading.Event) -> None:
    """Ask for the state of jobs, one after the other, until all have ended."""
    number = 0
    while time.perf_counter() < end_s:
        waiting = [job for job in list(mine) if job.code is None]
        if not waiting and everything_sent.is_set():
            return
        if waiting:
            client.look(waiting[number % len(waiting)])
        number += 1
        time.sleep(PAUSE_S)


def processes_of(pid: int) -> list[int]:
    """A process and its children, where the system tells."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [pid, *(number for child in text.split() for number in processes_of(int(child)))]


def memory_mib(pid: int) -> list[float]:
    """Resident memory of the server and of its workers."""
    sizes = []
    for number in processes_of(pid):
        try:
            lines = Path(f"/proc/{number}/status").read_text().splitlines()
        except OSError:
            continue
        sizes += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")]
    return sizes


class MemoryWatch(threading.Thread):
    """Looks at the memory of the server twice a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.rows: list[list[float]] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            if sizes := memory_mib(self.pid):
                self.rows.append(sizes)


@contextmanager
def server(archive: Path, state: Path) -> Iterator[tuple[str, int]]:
    """Run the command; its address and process."""
    command = [sys.executable, "-m", "swiftxrt", "serve", "--archive", str(archive), "--state", str(state)]
    command += ["--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1], process.pid
        finally:
            process.terminate()


def run(url: str, users: int, jobs_each: int, clients: int) -> tuple[list[Job], Figures, float, float]:
    """Submit, look after and fetch everything; how long it took, and the time when all was sent."""
    figures, everything_sent = Figures(), threading.Event()
    shares: list[list[Job]] = [[] for _ in range(clients)]
    start_s = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        watching = [
            pool.submit(look_after, Client(url, figures), mine, start_s + TIME_LIMIT_S, everything_sent)
            for mine in shares
        ]
        sender = Client(url, figures)
        jobs: list[Job] = []
        for user in [*(f"user{number // jobs_each:02d}@example.org" for number in range(users * jobs_each)), NEWCOMER]:
            if job := sender.submit(user):
                shares[len(jobs) % clients].append(job)
                jobs.append(job)
        everything_sent.set()
        sent = time.time()
        for future in watching:
            future.result()
    return jobs, figures, time.perf_counter() - start_s, sent


def in_order_of_their_end(jobs: list[Job], state: Path) -> list[tuple[float, Job]]:
    """When each job was complete, as the files in the state folder tell it."""
    ends_s = [((state / "jobs" / job.id).stat().st_mtime, job) for job in jobs if job.code == 4]
    return sorted(ends_s, key=lambda pair: pair[0])


def lead(order: list[Job]) -> int:
    """How many more jobs one user ever got than another, as long as all of them had some waiting."""
    left, done, largest = Counter(job.user for job in order), Counter[str](), 0
    for job in order:
        done[job.user] += 1
        if done[job.user] == left[job.user]:
            break
        largest = max(largest, done[job.user] - min(done[user] for user in left))
    return largest


def row(name: str, times_s: list[float]) -> str:
    quantiles = np.percentile(np.asarray(times_s) * 1e3, [50, 90, 99, 100])
    return f"{name:28} {len(times_s):7d} " + " ".join(f"{value:9.1f}" for value in quantiles)


def print_outcome(jobs: list[Job], figures: Figures, wall_s: float) -> None:
    ended = [job for job in jobs if job.code is not None]
    print(
        f"jobs sent {USERS * JOBS_EACH + 1}, accepted {len(jobs)}, complete {sum(job.code == 4 for job in jobs)}, "
        f"fetched {sum(job.fetched for job in jobs)}, refusals {sum(figures.faults.values())}"
    )
    if len(ended) < len(jobs):
        print(f"{len(jobs) - len(ended)} jobs had not ended when the time was over")
    for text, number in figures.faults.items():
        print(f"refused {number} times: {text}")
    print(f"time {wall_s:.1f} s, {len(ended) / wall_s:.1f} jobs/s, {len(figures.poll_s) / wall_s:.0f} polls/s\n")
    print(f"{'time in ms':28} {'number':>7} {'median':>9} {'90 %':>9} {'99 %':>9} {'longest':>9}")
    for name in ("submit", "poll", "fetch", "download"):
        print(row(name, getattr(figures, f"{name}_s")))


def print_fairness(ends: list[tuple[float, Job]], sent: float) -> None:
    after = [job for end, job in ends if end > sent]
    largest = lead([job for job in after if job.user != NEWCOMER])
    print(f"\nwhile all users had jobs waiting, no one got more than {largest} ahead of another")
    place = next((index for index, job in enumerate(after, 1) if job.user == NEWCOMER), None)
    print(f"the newcomer, behind {len(after) - 1} jobs of {USERS} users, was served as number {place}")


def print_memory(before: list[float], rows: list[list[float]]) -> None:
    if not rows:
        return print("\nmemory: this system does not tell")
    peak, mains = max(rows, key=sum), [sizes[0] for sizes in rows]
    print(f"\nmemory of server and workers in MiB: {sum(before):.0f} before, {sum(peak):.0f} at most")
    quarters = [mains[len(mains) * part // 4 - 1] for part in (1, 2, 3, 4)]
    print(f"the server alone after each quarter of the time: {', '.join(f'{size:.0f}' for size in quarters)}")
    return None


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive, state = Path(folder) / "archive", Path(folder) / "state"
        small_observation(archive, duration=100 * u.s)
        with server(archive, state) as (url, pid):
            watch = MemoryWatch(pid)
            watch.start()
            before = memory_mib(pid)
            jobs, figures, wall_s, sent = run(url, USERS, JOBS_EACH, CLIENTS)
            watch.over.set()
            watch.join()
            ends = in_order_of_their_end(jobs, state)
    print_outcome(jobs, figures, wall_s)
    print_fairness(ends, sent)
    print_memory(before, watch.rows)


if __name__ == "__main__":
    main()
