"""A server of plain sockets that answers as it is told, and a transport that asks it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import Transport, waiting

USER = "someone@example.org"


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Cut:
    """An answer after which the server hangs up, or breaks the connection."""

    answer: bytes
    reset: bool = False


@dataclass
class ScriptedServer:
    """Gives the answers of `script` one after the other, the last one for ever.

    An answer is what goes over the wire, a `Cut`, or a function of the request
    that makes one of these or pieces of it.
    """

    script: list[Any] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    cut = Cut

    def __post_init__(self) -> None:
        self.script = self.script or [self.http(b"{}")]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._start(self._listen)

    @staticmethod
    def http(body: bytes = b"", status: int = 200, *, length: int | None = None, **headers: str) -> bytes:
        """An answer with the right length, or another one; a negative one is left out."""
        length = len(body) if length is None else length
        lines = [f"HTTP/1.1 {status} Said", *([f"Content-Length: {length}"] if length >= 0 else [])]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    @classmethod
    def file(cls, content: bytes, tag: str = '"v1"', *, cut_after: int | None = None) -> Callable[[Asked], bytes | Cut]:
        """An answer that knows ranges; it may break off after so many bytes."""

        def answer(asked: Asked) -> bytes | Cut:
            start, status, named = 0, 200, {}
            if "range" in asked.headers and asked.headers.get("if-range", tag) == tag:
                start, status = int(asked.headers["range"].removeprefix("bytes=").removesuffix("-")), 206
                named["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                if start >= len(content):
                    return cls.http(b"", 416, Content_Range=f"bytes */{len(content)}")
            sent = content[start:] if cut_after is None else content[start : start + cut_after]
            whole = cls.http(sent, status, length=len(content) - start, ETag=tag, **named)
            return whole if cut_after is None else Cut(whole)

        return answer

    @property
    def connections(self) -> int:
        return len(self._connections)

    def close(self) -> None:
        self.stop.set()
        for sock in [self._listener, *self._connections]:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while not self.stop.is_set():
                sock, _ = self._listener.accept()
                self._connections.append(sock)
                self._start(self._serve, sock, len(self._connections))

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError), sock, sock.makefile("rb") as stream:
            while (asked := self._read(stream, number)) is not None:
                with self._lock:
                    self.asked.append(asked)
                    answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                answer = answer(asked) if callable(answer) else answer
                cut = answer if isinstance(answer, Cut) else None
                whole = cut.answer if cut else answer
                for piece in [whole] if isinstance(whole, bytes) else whole:
                    sock.sendall(piece)
                if cut:
                    if cut.reset:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        sock.shutdown(socket.SHUT_RDWR)
                    return

    @staticmethod
    def _read(stream: Any, number: int) -> Asked | None:
        first = stream.readline(65536).decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        while line := stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return Asked(first[0], first[1], headers, stream.read(int(headers.get("content-length", 0))), number)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()


@pytest.fixture
def other_server() -> Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()


@pytest.fixture
def transport(server: ScriptedServer) -> Iterator[Transport]:
    made = Transport(server.url, USER)
    yield made
    made.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The usual pauses between attempts, which take no time here; the die always shows its highest number."""
    taken: list[float] = []
    monkeypatch.setattr(waiting, "_sleep", taken.append)
    monkeypatch.setattr(waiting, "_random", lambda: 1.0)
    with conf.set_temp("retry_wait", 1.0):
        yield taken
