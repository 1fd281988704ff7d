"""Trying again: where it does no harm, after pauses, within the deadline."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import Transport, waiting
from swiftxrt.exceptions import ServiceUnavailableError

PASSING = [408, 425, 429, 502, 503, 504]


@pytest.mark.fault_case(28)
@pytest.mark.parametrize("status", PASSING)
def test_passing_faults_pass(server: Any, transport: Transport, pauses: list[float], status: int) -> None:
    server.script = [server.http(b"busy", status)] * 2 + [server.http(b'{"OK": 1}')]
    assert transport.post("x.php", {}, repeatable=True)[0] == {"OK": 1}
    assert len(server.asked) == 3
    assert pauses == [1.0, 2.0]


@pytest.mark.fault_case(28)
@pytest.mark.parametrize("status", [*PASSING, 500, 505, 521])
def test_a_submission_is_never_repeated(server: Any, transport: Transport, pauses: list[float], status: int) -> None:
    server.script = [server.http(b"busy", status, Retry_After="1")]
    with pytest.raises(ServiceUnavailableError, match=str(status)) as caught:
        transport.post("x.php", {})
    assert (caught.value.status, caught.value.attempts, caught.value.retry_after) == (status, 1, 1.0)
    assert len(server.asked) == 1
    assert pauses == []


@pytest.mark.fault_case(28)
def test_repetitions_end(server: Any, transport: Transport, pauses: list[float]) -> None:
    server.script = [server.http(b"busy", 503)]
    with conf.set_temp("retries", 9), pytest.raises(ServiceUnavailableError) as caught:
        transport.post("x.php", {}, repeatable=True)
    assert caught.value.attempts == len(server.asked) == 10
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    server.asked.clear()
    with conf.set_temp("retries", 0), pytest.raises(ServiceUnavailableError):
        transport.post("x.php", {}, repeatable=True)
    assert len(server.asked) == 1


def test_pauses_are_scattered(
    server: Any, transport: Transport, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_random", iter([0.0, 0.5, 1.0, 0.25]).__next__)
    server.script = [server.http(b"", 503)]
    with conf.set_temp("retry_wait", 8.0), pytest.raises(ServiceUnavailableError):
        transport.post("x.php", {}, repeatable=True)
    assert pauses == [4.0, 12.0, 32.0, 37.5]


def test_pauses_are_announced(
    server: Any, transport: Transport, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [server.http(b"busy", 503), server.http(b"{}")]
    with caplog.at_level("INFO", "swiftxrt"):
        transport.post("x.php", {}, repeatable=True)
    (record,) = [record for record in caplog.records if record.levelname == "INFO"]
    assert "503" in record.getMessage()
    assert "repeated in 1.0 s (1 of 4)" in record.getMessage()


@pytest.mark.fault_case(25)
def test_the_service_says_how_long(server: Any, transport: Transport, pauses: list[float]) -> None:
    server.script = [
        server.http(b"", 429, Retry_After="7"),
        server.http(b"", 503, Retry_After=formatdate(1_000_090, usegmt=True), Date=formatdate(1_000_000, usegmt=True)),
        server.http(b"", 503, Retry_After="99999999999999999999"),
        server.http(b"", 503, Retry_After="soon"),
        server.http(b"{}"),
    ]
    transport.post("x.php", {}, repeatable=True)
    assert pauses == [7.0, 90.0, 300.0, 8.0]


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("-3", None),
        ("1.5", None),
        ("nan", None),
        ("²", None),
        ("", None),
        (formatdate(1_000_030, usegmt=True), 30.0),
        (formatdate(1_000_030).replace("-0000", "+0000"), 30.0),
        (formatdate(1_000_030), 30.0),
        (formatdate(999_000, usegmt=True), 0.0),
        ("Mon, 99 Foo 20000 99:99:99 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -9999", None),
    ],
)
def test_ways_to_say_how_long(monkeypatch: pytest.MonkeyPatch, said: str, wait: float | None) -> None:
    monkeypatch.setattr(waiting, "_clock", lambda: 1_000_000.0)
    assert waiting.retry_after({"Retry-After": said}) == wait


@pytest.mark.fault_case(25)
def test_no_pause_goes_beyond_the_deadline(server: Any, transport: Transport, pauses: list[float]) -> None:
    server.script = [server.http(b"", 503, Retry_After="100")]
    with pytest.raises(ServiceUnavailableError) as caught:
        transport.post("x.php", {}, repeatable=True, deadline_s=50.0)
    assert pauses == []
    assert "asks to wait 100 s" in caught.value.message
    assert caught.value.retry_after == 100.0


def test_the_deadline_counts_all_attempts(server: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(waiting, "_sleep", sleep)
    monkeypatch.setattr(waiting, "_random", lambda: 1.0)
    monkeypatch.setattr(waiting, "_now", lambda: 5000.0 + passed)
    server.script = [server.http(b"", 503)]
    with conf.set_temp("retry_wait", 1.0), pytest.raises(ServiceUnavailableError) as caught:
        transport.post("x.php", {}, repeatable=True, deadline_s=5.0)
    assert caught.value.attempts == 3
    assert passed == 3.0


def test_gates_are_free_during_pauses(server: Any, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(_: float) -> None:
        server.script = [server.http(b'{"other": 1}'), server.http(b"{}")]
        assert transport.post("y.php", {}, deadline_s=1.0)[0] == {"other": 1}

    monkeypatch.setattr(waiting, "_sleep", sleep)
    server.script = [server.http(b"", 503)]
    with conf.set_temp("max_connections", 1):
        assert transport.post("x.php", {}, repeatable=True)[0] == {}
