"""Many jobs on a service where much goes wrong; the long version is run by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "validation" / "soak.py"
#: ``SWIFTXRT_SOAK_JOBS=2000`` makes the long version.
JOBS = int(os.environ.get("SWIFTXRT_SOAK_JOBS", "36"))
LONG_VERSION = 1000


@pytest.mark.fault_case(56)
def test_many_jobs_with_faults_of_all_kinds() -> None:
    options = [] if JOBS >= LONG_VERSION else ["--list", "6", "--rate", "0.15"]
    command = [sys.executable, str(SCRIPT), "--jobs", str(JOBS), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"outcomes: {JOBS} done\n" in done.stdout
    found = re.search(r"(\d+) faults in (\d+) requests", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) > 0.02 * int(found[2]) > JOBS * 0.02
