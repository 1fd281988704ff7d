"""Worker threads of the local engine."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from swiftxrt import ImageRequest, SpectrumRequest, SwiftXRT, Target, XRTRequest
from swiftxrt._threads import DaemonThreads, Turns, side_by_side


def test_results_and_errors_reach_whoever_asks() -> None:
    with DaemonThreads(2) as pool:
        assert [pool.submit(pow, 2, n).result(5) for n in range(8)] == [2**n for n in range(8)]
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result(5)
        assert pool.submit(pow, 2, 3).result(5) == 8


def test_what_is_queued_can_be_cancelled() -> None:
    hold = threading.Event()
    pool = DaemonThreads(1)
    running, waiting = pool.submit(hold.wait, 10), pool.submit(pow, 2, 2)
    while not running.running():
        time.sleep(0.001)
    pool.shutdown(wait=False, cancel_futures=True)
    hold.set()
    assert running.result(5)
    with pytest.raises(CancelledError):
        waiting.result(5)


def test_threads_end_with_their_pool() -> None:
    pool = DaemonThreads(3)
    threads = list(pool._threads)
    del pool
    gc.collect()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


def test_script_that_ends_does_not_wait_for_its_jobs(small_archive: Path) -> None:
    script = (
        "import time\n"
        "import swiftxrt.engine.build\n"
        "from swiftxrt import SwiftXRT, XRTRequest, ImageRequest, Target\n"
        "begun = []\n"
        "swiftxrt.engine.build.build_product = lambda *args, **options: (begun.append(1), time.sleep(1000))\n"
        f"local = SwiftXRT(backend='local', archive={str(small_archive)!r})\n"
        "request = XRTRequest(target=Target('constant source'), image=ImageRequest())\n"
        "jobs = [local.submit(request) for _ in range(20)]\n"
        "while not begun:\n"
        "    time.sleep(0.01)\n"
        "print(len(jobs))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=180, check=True)
    assert done.stdout == "20\n"
    assert done.stderr == ""


def test_script_that_ends_does_not_wait_for_its_processes(small_archive: Path) -> None:
    script = (
        "import time\n"
        "from swiftxrt import SwiftXRT, XRTRequest, ImageRequest, Target\n"
        "from swiftxrt.backends.local import scheduler\n"
        "scheduler._PATIENCE_S = 0.0\n"
        f"local = SwiftXRT(backend='local', archive={str(small_archive)!r})\n"
        "request = XRTRequest(target=Target('constant source'), image=ImageRequest())\n"
        "jobs = [local.submit(request) for _ in range(300)]\n"
        "jobs[1].result()\n"
        "print(len(jobs))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=180, check=True)
    assert done.stdout == "300\n"
    assert done.stderr == ""


def test_jobs_leave_the_warnings_as_they_were(small_archive: Path) -> None:
    request = XRTRequest(target=Target("constant source"), image=ImageRequest(), spectrum=SpectrumRequest())
    with SwiftXRT(backend="local", archive=small_archive) as local:
        before = warnings.filters, warnings.showwarning
        for _ in range(3):
            jobs = [local.submit(request) for _ in range(3)]
            for job in jobs:
                job.result()
            assert warnings.filters is before[0]
            assert warnings.showwarning is before[1]


def test_calls_side_by_side_leave_the_warnings_as_they_were() -> None:
    entered, first_left = threading.Event(), threading.Event()

    def first() -> None:
        with warnings.catch_warnings(record=True):
            entered.set()
            assert second_entered.wait(5)
        first_left.set()

    def second() -> None:
        assert entered.wait(5)
        with warnings.catch_warnings(record=True):
            second_entered.set()
            assert first_left.wait(5)

    second_entered = threading.Event()
    before = warnings.filters, warnings.showwarning
    with side_by_side(2) as pool:
        for future in [pool.submit(first), pool.submit(second)]:
            future.result(10)
    assert warnings.filters is before[0]
    assert warnings.showwarning is before[1]


def test_who_waits_goes_before_who_offers() -> None:
    turns, order, waits = Turns(), [], threading.Event()

    def reader() -> None:
        waits.set()
        with turns.mine():
            order.append("read")

    def builder() -> None:
        with turns.mine():
            order.append("step 1")
            thread.start()
            assert waits.wait(5)
            while not turns._waiting.locked():
                time.sleep(0.001)
            order.append("step 2")
            turns.offer()
            order.append("step 3")
            with turns.mine():  # It has it.
                turns.offer()

    thread = threading.Thread(target=reader)
    builder()
    thread.join(5)
    assert order == ["step 1", "step 2", "read", "step 3"]


def test_patience_ends() -> None:
    turns, done = Turns(), threading.Event()

    def impatient() -> None:
        with turns.mine(0.01):
            turns.offer()
            done.set()

    with turns.mine():
        thread = threading.Thread(target=impatient)
        thread.start()
        assert done.wait(5)
    thread.join(5)
    with turns.mine(0.0):
        assert turns._turn.locked()
    assert not turns._turn.locked()
