"""What all commands have in common, and ``swiftxrt serve`` before it serves."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import swiftxrt
from swiftxrt._log import log
from swiftxrt.cli import main as cli
from swiftxrt.cli import serve

WARN_TWICE = """
import argparse, sys
from swiftxrt.cli import main as cli

def run(options):
    from swiftxrt import SwiftXRT  # loads astroquery, which takes warnings over
    from swiftxrt._log import log
    from swiftxrt.exceptions import PileUpWarning, warn
    warn("too bright", PileUpWarning)
    log.warning("something else")
    return 0

parser = argparse.ArgumentParser()
parser.set_defaults(run=run)
cli._parser = lambda: parser
sys.exit(cli.main([]))
"""


def test_warnings_are_shown_once() -> None:
    done = subprocess.run([sys.executable, "-c", WARN_TWICE], capture_output=True, text=True, timeout=180, check=True)
    assert done.stderr.count("PileUpWarning: too bright") == 1
    assert done.stderr.count("WARNING swiftxrt: something else") == 1
    assert done.stdout == ""


def test_log_is_left_as_it_was(tmp_path: Path) -> None:
    before = (*log.handlers, *logging.getLogger().handlers)
    (tmp_path / "file").touch()
    assert cli.main(["simulate", str(tmp_path / "file" / "below")]) == 1
    assert (*log.handlers, *logging.getLogger().handlers) == before


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server end as soon as it is started, and leave the signals of the tests alone."""
    monkeypatch.setattr(serve, "make_server", lambda *args, **options: SimpleNamespace(run=lambda **more: None))
    quiet = SimpleNamespace(SIGTERM=15, SIGINT=2, signal=lambda *args: None, default_int_handler=None)
    monkeypatch.setattr(serve, "signal", quiet)
    monkeypatch.setattr(serve.LocalBackend, "warm_up", lambda self: None)


@pytest.mark.usefixtures("no_server")
def test_empty_archive_is_mentioned(tmp_path: Path, small_archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--archive", str(tmp_path), "--port", "0"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("swiftxrt: there is nothing to serve yet: no XRT event file below")
    assert "put there later is found" in said
    assert cli.main(["serve", "--archive", str(small_archive), "--port", "0"]) == 0
    assert capsys.readouterr().err == ""


def test_a_signal_before_it_serves_leaves_nothing(
    tmp_path: Path, small_archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(serve.LocalBackend, "warm_up", lambda self: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert cli.main(["serve", "--archive", str(small_archive), "--port", "0"]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_dir_has_the_public_names() -> None:
    assert dir(swiftxrt) == sorted(swiftxrt.__all__)
    namespace: dict[str, Any] = {}
    exec("from swiftxrt import *", namespace)
    assert set(swiftxrt.__all__) <= set(namespace)
