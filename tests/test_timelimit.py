"""A limit that holds for everything called within it."""

from __future__ import annotations

import math
import socket
import threading
import time

import astropy.units as u
import pytest

from swiftxrt._timelimit import limited, seconds_left
from swiftxrt.backends.transport import Transport
from swiftxrt.exceptions import JobTimeoutError, ServiceUnavailableError
from swiftxrt.jobs import waiting
from swiftxrt.products.report import JobReport


def test_the_earliest_end_counts() -> None:
    assert seconds_left() == math.inf
    with limited(100.0):
        with limited(1000.0):
            assert 90 < seconds_left() <= 100
        with limited(10.0):
            assert 5 < seconds_left() <= 10
        assert 90 < seconds_left() <= 100
    assert seconds_left() == math.inf


def test_it_is_of_one_thread() -> None:
    seen: list[float] = []
    with limited(1.0):
        thread = threading.Thread(target=lambda: seen.append(seconds_left()))
        thread.start()
        thread.join()
    assert seen == [math.inf]


def test_silent_service_does_not_hold_up_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SHORTEST_LOOK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = Transport(f"http://127.0.0.1:{silent.getsockname()[1]}", "me@example.org")

        def ask() -> JobReport:
            transport.post("status", {}, repeatable=True)
            raise AssertionError("nobody answers")

        look = waiting.PatientLook(ask, "7", "test")
        start = time.monotonic()
        with pytest.raises(JobTimeoutError, match="job 7"):
            waiting.wait_for_end(look, lambda report: None, pause_s=0.0, timeout=0.3 * u.s)
        with limited(0.2), pytest.raises(ServiceUnavailableError, match="still at it"):
            transport.post("status", {})
        assert time.monotonic() - start < 20  # conf.read_timeout is two minutes
        transport.close()
