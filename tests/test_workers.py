"""Worker processes: Ctrl-C while they load their modules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys, time
sys.path.insert(0, {folder!r})
import slow
from swiftxrt._workers import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(2, slow.begin)
    print("ready", flush=True)
    try:
        futures = [pool.submit(slow.work, number) for number in range(2)]
        print("started", flush=True)
        print([future.result() for future in futures], flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        print([future.result() for future in futures], flush=True)
    pool.shutdown()
"""
# The workers wait for a file while they load this module.
SLOW = """
import multiprocessing, pathlib, time
from swiftxrt._workers import end_with_parent as begin
here = pathlib.Path(__file__).parent
if multiprocessing.current_process().name != "MainProcess":
    (here / f"loading{time.monotonic_ns()}").touch()
    while not (here / "go").exists():
        time.sleep(0.01)
def work(number):
    return number
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no Ctrl-C for whole groups of processes here")
def test_interrupted_while_workers_load(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "main.py").write_text(SCRIPT.format(folder=str(tmp_path)))
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "started\n"]
        while len(list(tmp_path.glob("loading*"))) < 2:
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        (tmp_path / "go").touch()
        said, complaints = process.communicate(timeout=120)
    assert said == "[0, 1]\n"
    assert complaints == ""
