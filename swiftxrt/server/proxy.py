"""A proxy that leads clients of the real service to this server.

Clients that have the address of the service written into them can be told to
go through a proxy (environment variable ``HTTPS_PROXY``). They ask it for a
connection to the service, and this one connects them to the embedded server
instead, which must speak HTTPS and have a certificate for the service's name.
"""

from __future__ import annotations

import asyncio
import re
import socket

from .._log import log

__all__ = ["SERVICE_HOST", "Proxy"]

#: The host this server can stand for.
SERVICE_HOST = "www.swift.ac.uk"

_ASKED = re.compile(rb"CONNECT ([A-Za-z0-9.\-]{1,253}):(\d{1,5}) HTTP/1\.[01]\r\n")
_HEAD_LIMIT = 8192
_HEAD_TIMEOUT_S = 20.0
_CHUNK = 1 << 16
_MOST_CONNECTIONS = 256


class Proxy:
    """Connects whoever asks for the service with the embedded server, and nobody with anything else.

    Parameters
    ----------
    opened : socket
        Where it listens.
    target : tuple of (str, int)
        Address and port of the embedded server.
    """

    def __init__(self, opened: socket.socket, target: tuple[str, int]) -> None:
        self._socket = opened
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to accept connections."""
        self._server = await asyncio.start_server(self._serve, sock=self._socket, limit=_HEAD_LIMIT)

    async def stop(self) -> None:
        """Break off all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._connect(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a connection through the proxy broke: %s", error)
        finally:
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        asked = _ASKED.match(head)
        if asked is None or len(self._tasks) > _MOST_CONNECTIONS:
            await _say(writer, b"400 Bad Request" if asked is None else b"503 Service Unavailable")
            return
        if (asked[1].decode().lower(), int(asked[2])) != (SERVICE_HOST, 443):
            await _say(writer, b"403 Forbidden")
            return
        their_reader, their_writer = await asyncio.open_connection(*self._target)
        try:
            await _say(writer, b"200 Connection established")
            await asyncio.gather(_pass(reader, their_writer), _pass(their_reader, writer))
        finally:
            their_writer.close()


async def _say(writer: asyncio.StreamWriter, status: bytes) -> None:
    writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
    await writer.drain()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on all bytes until one side closes."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
