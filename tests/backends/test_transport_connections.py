"""Connections: deadlines whatever the other side does, and nothing of one reply in the next."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import Transport, limits, sockets, waiting
from swiftxrt.backends.transport.addresses import Origin
from swiftxrt.exceptions import ServiceError, ServiceUnavailableError

USER = "someone@example.org"


def drip(server: Any, text: bytes) -> Any:
    """An answer that comes byte by byte and never ends."""

    def pieces(_: Any) -> Iterator[bytes]:
        yield text
        while not server.stop.wait(0.01):
            yield b" "

    return pieces


@pytest.mark.fault_case(5)
@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b""],
    ids=["status", "headers", "body", "nothing"],
)
def test_a_trickle_ends_at_the_deadline(server: Any, transport: Transport, beginning: bytes) -> None:
    server.script = [drip(server, beginning)]
    with pytest.raises(ServiceUnavailableError, match=r"total_timeout") as caught:
        transport.post("x.php", {}, deadline_s=0.2)
    assert caught.value.was_sent


@pytest.mark.fault_case(5)
def test_trickling_error_page_ends_at_the_deadline(server: Any, transport: Transport) -> None:
    server.script = [drip(server, b"HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n")]
    with pytest.raises(ServiceUnavailableError) as caught:
        transport.post("x.php", {}, deadline_s=0.2)
    assert caught.value.status == 500


@pytest.mark.fault_case(4)
def test_silence_ends_at_the_read_timeout(server: Any, transport: Transport) -> None:
    server.script = [lambda asked: server.stop.wait(5) and b""]
    with conf.set_temp("read_timeout", 0.05), pytest.raises(ServiceUnavailableError, match="did not answer") as caught:
        transport.post("x.php", {})
    assert caught.value.was_sent


@pytest.mark.fault_case(4)
def test_silence_ends_at_the_deadline_if_that_is_earlier(server: Any, transport: Transport) -> None:
    server.script = [lambda asked: server.stop.wait(5) and b""]
    with pytest.raises(ServiceUnavailableError, match="total_timeout"):
        transport.post("x.php", {}, deadline_s=0.05)


def test_a_deadline_that_is_over_sends_nothing(server: Any, transport: Transport) -> None:
    with pytest.raises(ServiceUnavailableError, match="was not asked") as caught:
        transport.post("x.php", {}, deadline_s=0.0)
    assert not caught.value.was_sent
    assert server.asked == []


@pytest.mark.fault_case(1)
def test_nobody_there(transport: Transport) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = Transport(f"http://127.0.0.1:{free.getsockname()[1]}", USER)
        with pytest.raises(ServiceUnavailableError, match="cannot be reached .*refused") as caught:
            nowhere.post("x.php", {})
    nowhere.close()
    assert not caught.value.was_sent
    assert "0x" not in str(caught.value)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What host names lead to: addresses, an error, or an event to wait for."""
    known: dict[str, Any] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *arguments: Any) -> Any:
        found = known.get(host)
        if found is None:
            return real(host, port, *arguments)
        if arguments[-1] == socket.AI_NUMERICHOST or isinstance(found, Exception):
            raise found if isinstance(found, Exception) else socket.gaierror(socket.EAI_NONAME, "a name")
        if isinstance(found, threading.Event):
            found.wait(5)
            return []
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in found]

    monkeypatch.setattr(sockets.socket, "getaddrinfo", look_up)
    return known


@pytest.mark.fault_case(2)
@pytest.mark.parametrize("problem", [socket.gaierror(socket.EAI_NONAME, "no such host"), UnicodeError("bad label")])
def test_host_that_is_not_found(names: dict[str, Any], problem: Exception, pauses: list[float]) -> None:
    names["a.test"] = problem
    lost = Transport("http://a.test", USER)
    with conf.set_temp("retries", 2), pytest.raises(ServiceUnavailableError, match="cannot be reached") as caught:
        lost.post("x.php", {}, repeatable=True)
    assert not caught.value.was_sent
    assert caught.value.attempts == 3
    lost.close()


@pytest.mark.fault_case(2)
def test_look_up_that_hangs(names: dict[str, Any]) -> None:
    names["slow.test"] = end = threading.Event()
    slow = Transport("http://slow.test", USER)
    with pytest.raises(ServiceUnavailableError, match="was not reached within 0.05 s") as caught:
        slow.post("x.php", {}, deadline_s=0.05)
    with conf.set_temp("connect_timeout", 0.05), pytest.raises(ServiceUnavailableError, match="not found in time"):
        slow.post("x.php", {})
    end.set()
    slow.close()
    assert not caught.value.was_sent


@pytest.mark.fault_case(3, 21)
def test_second_address_is_used_when_the_first_is_dead(server: Any, names: dict[str, Any]) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)  # a queue that is full does not answer
    dead = full.getsockname()
    waiting_there = [socket.socket() for _ in range(3)]
    for sock in waiting_there:
        sock.setblocking(False)
        sock.connect_ex(dead)
    names["two.test"] = [dead, ("127.0.0.1", server.port)]
    two = Transport("http://two.test", USER)
    with conf.set_temp("connect_timeout", 1.0):
        assert two.post("x.php", {})[0] == {}
    names["one.test"] = [dead]
    one = Transport("http://one.test", USER)
    with conf.set_temp("connect_timeout", 0.1), pytest.raises(ServiceUnavailableError, match="timed out") as caught:
        one.post("x.php", {})
    assert not caught.value.was_sent
    for thing in (two, one, full, *waiting_there):
        thing.close()


@pytest.mark.fault_case(6, 7, 8)
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"junk\r\n\r\n"]
)
def test_broken_connection_is_repeated_if_that_does_no_harm(
    server: Any, transport: Transport, pauses: list[float], answer: bytes, reset: bool
) -> None:
    server.script = [server.cut(answer, reset), server.cut(answer, reset), server.http(b'{"OK": 1}')]
    assert transport.post("x.php", {"a": 1}, repeatable=True)[0] == {"OK": 1}
    assert [asked.body for asked in server.asked] == [b'{"a": 1}'] * 3
    server.script, server.asked[:] = [server.cut(answer, reset)], []
    with pytest.raises(ServiceUnavailableError) as caught:
        transport.post("x.php", {})
    assert (len(server.asked), caught.value.was_sent, caught.value.attempts) == (1, True, 1)


@pytest.mark.fault_case(11)
@pytest.mark.parametrize("tail", [b"4\r\n{}  \r\n", b"4\r\n{}", b"4\r\n{}  \r\nzz\r\n", b""])
def test_chunks_that_break_off(server: Any, transport: Transport, tail: bytes) -> None:
    server.script = [server.cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail)]
    with pytest.raises(ServiceUnavailableError, match="broke off"):
        transport.post("x.php", {})


def test_chunks(server: Any, transport: Transport) -> None:
    server.script = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"]
    assert transport.post("x.php", {})[0] == {}
    assert transport.post("x.php", {})[0] == {}
    assert server.connections == 1


def test_connections_are_kept(server: Any, transport: Transport) -> None:
    for _ in range(5):
        transport.post("x.php", {})
    assert server.connections == 1


@pytest.mark.fault_case(9)
def test_what_follows_a_reply_is_not_the_next_one(server: Any, transport: Transport) -> None:
    forged = server.http(b'{"forged": 1}')
    server.script = [server.http(b'{"a": 1}') + forged, server.http(b'{"b": 2}')]
    assert transport.post("x.php", {})[0] == {"a": 1}
    assert transport.post("x.php", {})[0] == {"b": 2}
    assert server.connections == 2


@pytest.mark.fault_case(9)
def test_longer_than_announced(server: Any, transport: Transport) -> None:
    server.script = [server.http(b'{"OK": 1, "more": 2}', length=8), server.http(b"{}")]
    with pytest.raises(ServiceError, match="not JSON"):
        transport.post("x.php", {})
    assert transport.post("x.php", {})[0] == {}
    assert server.connections == 2


@pytest.mark.parametrize("length", ["abc", "-5", "1e3"])
def test_length_that_is_no_number(server: Any, transport: Transport, length: str) -> None:
    server.script = [server.cut(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}".encode())]
    assert transport.post("x.php", {})[0] == {}  # what comes until the end


def test_length_beyond_all_measure(server: Any, transport: Transport) -> None:
    server.script = [server.cut(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n{}")]
    with pytest.raises(ServiceUnavailableError, match="broke off"):
        transport.post("x.php", {})


def test_endless_headers(server: Any, transport: Transport) -> None:
    server.script = [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n{}"]
    with pytest.raises(ServiceUnavailableError, match="headers"):
        transport.post("x.php", {})
    server.script = [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n{}"]
    with pytest.raises(ServiceUnavailableError):
        transport.post("x.php", {})


def test_so_many_requests_at_once(server: Any) -> None:
    """Two transports to one service share its limit."""
    lock, now, most = threading.Lock(), 0, 0

    def busy(_: Any) -> bytes:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return server.http(b"{}")

    server.script = [busy]
    pair = [Transport(server.url, USER), Transport(server.url + "/", "other@example.org")]
    with conf.set_temp("max_connections", 3):
        threads = [threading.Thread(target=pair[n % 2].post, args=("x.php", {})) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for transport in pair:
        transport.close()
    assert len(server.asked) == 12
    assert most == 3


def test_no_room_until_the_deadline(server: Any, transport: Transport) -> None:
    hold = threading.Event()
    server.script = [lambda asked: (hold.wait(5), server.http(b"{}"))[1]]
    first = threading.Thread(target=transport.post, args=("x.php", {}))
    with conf.set_temp("max_connections", 1):
        first.start()
        while not server.asked:
            time.sleep(0.001)
        with pytest.raises(ServiceUnavailableError, match="max_connections") as caught:
            transport.post("x.php", {}, deadline_s=0.05)
        hold.set()
        first.join()
        assert transport.post("x.php", {})[0] == {}
    assert not caught.value.was_sent


@pytest.mark.parametrize(
    ("rate", "expected"), [(5.0, [0.0] * 5 + [0.2, 0.4]), (0.5, [0.0, 2.0, 4.0]), (0.0, [0.0] * 9)]
)
def test_so_many_requests_a_second(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], rate: float, expected: list[float]
) -> None:
    monkeypatch.setattr(waiting, "_now", lambda: 1000.0)
    waits = []
    with conf.set_temp("requests_per_second", rate):
        gate = limits.Gate(Origin("https", "www.swift.ac.uk", 443))
        for _ in expected:
            pauses.clear()
            with gate.passage(waiting.Deadline(60.0)):
                waits.append(sum(pauses))
        assert waits == pytest.approx(expected, abs=1e-6)
        pauses.clear()
        for _ in range(20):
            with limits.Gate(Origin("http", "127.0.0.1", 80)).passage(waiting.Deadline(60.0)):
                pass
        assert pauses == []


def test_services_of_one_origin_share_a_gate() -> None:
    first = limits.gate(Origin("https", "a.test", 443))
    assert limits.gate(Origin("https", "a.test", 443)) is first
    assert limits.gate(Origin("http", "a.test", 80)) is not first
