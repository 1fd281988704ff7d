"""Processes that ask for upper limits and are killed at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("limits_killed.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_only_what_was_under_way_is_asked_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["right"]
    assert report["before"] > 0
    # A question whose reply came to a dead process is asked again; nothing else is.
    assert report["twice"] <= report["kills"] * report["at_once"]
