"""The proxy that leads clients of the real service to the embedded one, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from swiftxrt.server import proxy as proxy_module
from swiftxrt.server.proxy import Proxy
from swiftxrt.server.run import listen

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def converse(talk: Talk) -> None:
    """Talk to a proxy before a server that answers in capitals."""

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data.upper())
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    with listen("127.0.0.1", 0) as opened:
        proxy = Proxy(opened, server.sockets[0].getsockname()[:2])
        await proxy.start()
        reader, writer = await asyncio.open_connection(*opened.getsockname())
        try:
            await asyncio.wait_for(talk(reader, writer), 30)
        finally:
            writer.close()
            await proxy.stop()
            server.close()


def test_bytes_go_both_ways_until_one_side_closes() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"CONNECT www.Swift.ac.uk:443 HTTP/1.1\r\nHost: www.swift.ac.uk:443\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        for word in (b"one", b"two"):
            writer.write(word)
            assert await reader.readexactly(3) == word.upper()
        writer.write_eof()
        assert await reader.read() == b""

    asyncio.run(converse(talk))


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"CONNECT www.swift.ac.uk:80 HTTP/1.1\r\n\r\n", b"403"),
        (b"CONNECT example.org:443 HTTP/1.1\r\n\r\n", b"403"),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", b"403"),
        (b"GET http://www.swift.ac.uk/ HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT www.swift.ac.uk:443\r\n\r\n", b"400"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"CONNECT " + b"x" * 20_000, b""),
        (b"CONNECT www.swift.ac.uk:443 HTTP/1.1\r\n", b""),
    ],
)
def test_nothing_else_is_connected(head: bytes, status: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "_HEAD_TIMEOUT_S", 1000)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        if head.endswith(b"1.1\r\n"):
            writer.write_eof()
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
        assert answer.partition(b" ")[2][:3] == status

    asyncio.run(converse(talk))


def test_connections_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "_MOST_CONNECTIONS", 0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"CONNECT www.swift.ac.uk:443 HTTP/1.1\r\n\r\n")
        assert b"503" in await reader.read()

    asyncio.run(converse(talk))


def test_a_server_that_is_gone_ends_the_connection() -> None:
    async def go() -> None:
        with listen("127.0.0.1", 0) as opened, listen("127.0.0.1", 0) as gone:
            address = gone.getsockname()
            gone.close()
            proxy = Proxy(opened, address)
            await proxy.start()
            reader, writer = await asyncio.open_connection(*opened.getsockname())
            writer.write(b"CONNECT www.swift.ac.uk:443 HTTP/1.1\r\n\r\n")
            assert await asyncio.wait_for(reader.read(), 30) == b""
            writer.close()
            await proxy.stop()

    asyncio.run(go())
