"""Processes that run a list of jobs and are killed at any moment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "validation" / "crash.py"
#: ``SWIFTXRT_CRASH_KILLS=60`` makes the long version.
KILLS = int(os.environ.get("SWIFTXRT_CRASH_KILLS", "8"))
JOBS = 10 if KILLS < 50 else 30


@pytest.mark.fault_case(57, 58)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_nothing_is_lost_or_made_twice_by_killed_processes() -> None:
    command = [sys.executable, str(SCRIPT), "--kills", str(KILLS), "--jobs", str(JOBS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(rf"lists of {JOBS} jobs, (\d+) kills, .*: (.*)", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) >= KILLS
    assert re.findall(r"\d+", found[2]) == ["0"] * 6
