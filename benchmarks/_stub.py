"""A service to measure against: HTTP/1.1 in a process of its own, with the waiting times of a network."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

# A new connection costs two round trips more: TCP and TLS 1.3.
OPENING_TRIPS = 2


class Answer(NamedTuple):
    """What comes back, and how long that takes: a round trip, and the work of the service."""

    size: int
    pieces: Iterable[bytes]
    round_trip_s: float = 0.0
    work_s: float = 0.0


Reply = Callable[[str, bytes], Answer]
"""From the path and the body of a request to its answer."""


@contextlib.contextmanager
def service(reply: Reply) -> Iterator[str]:
    """Its address, as long as it runs."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(reply, there), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.kill()
        process.join()


def seconds(action: Callable[[], Any]) -> float:
    """How long an action takes by the clock."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _serve(reply: Reply, told: Connection) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await _converse(reply, reader, writer)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def _converse(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, until the client closes it."""
    opening = OPENING_TRIPS
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length:")
        body = await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
        answer = reply(head.split()[1].decode(), body)
        if waiting_s := (1 + opening) * answer.round_trip_s + answer.work_s:
            await asyncio.sleep(waiting_s)
        opening = 0
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: "1"\r\n\r\n' % answer.size)
        for piece in answer.pieces:
            writer.write(piece)
            await writer.drain()
