"""Connections that keep a deadline, whatever the other side does.

The timeouts of the standard library and of urllib3 are counted anew with each
piece that arrives, so that a server that sends a byte now and then is waited
for without end. Here every look at a socket waits no longer than what is left
of the time for the whole exchange, from finding the host to the last byte.
"""

from __future__ import annotations

import http.client
import io
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ... import _stopping
from .waiting import Deadline

__all__ = ["Adapter", "Exchange", "exchange"]

# Seconds for an address while there are others: often those of one kind are all dead.
_LONGEST_WITH_OTHERS_S = 5.0
_local = threading.local()


class Exchange:
    """One request and its reply.

    Parameters
    ----------
    deadline : Deadline
        Until when all is over.
    read_timeout : float
        Seconds that the other side may be silent.

    Attributes
    ----------
    was_sent : bool
        Whether anything was sent.
    """

    def __init__(self, deadline: Deadline, read_timeout: float) -> None:
        self.deadline = deadline
        self.read_timeout = read_timeout
        self.was_sent = False

    def patience(self, timeout: float) -> float:
        """Seconds to wait now: so many, or what is left.

        Raises
        ------
        TimeoutError
            If nothing is left.
        """
        left = self.deadline.left()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        return min(timeout, left)


@contextmanager
def exchange(deadline: Deadline, read_timeout: float) -> Iterator[Exchange]:
    """The exchange that the connections of this thread take part in until the reply has begun."""
    mine = _local.exchange = Exchange(deadline, read_timeout)
    try:
        yield mine
    finally:
        _local.exchange = None


class _Stream(io.RawIOBase):
    """Bytes of a socket; waits for them as long as the exchange allows."""

    def __init__(self, stream: Any, sock: socket.socket, mine: Exchange) -> None:
        self._stream = stream
        self._socket = sock
        self._exchange = mine
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ended:
            return 0
        self._socket.settimeout(self._exchange.patience(self._exchange.read_timeout))
        return self._stream.readinto(buffer)

    def hang_up(self) -> None:
        """End the connection, so that nobody takes it for a new exchange."""
        with suppress(OSError):  # the other side did so already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Reader(io.BufferedReader):
    """Reads a reply. Whatever follows it is not taken for the next one."""

    def close(self) -> None:
        if not self.closed and isinstance(self.raw, _Stream):
            self.raw.ended = True  # from here on only what has come already
            if self.peek(1):
                self.raw.hang_up()
        super().close()


class _Response(http.client.HTTPResponse):
    """A reply that keeps the deadline of its exchange."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        mine = _exchange()
        if mine is not None:
            self.fp = _Reader(_Stream(self.fp.detach(), sock, mine))


class _Bounded:
    """What both kinds of connection have in common."""

    response_class: Any = _Response

    def _new_conn(self: Any) -> socket.socket:
        mine = _exchange()
        if mine is None:
            return super()._new_conn()  # type: ignore[misc]
        try:
            seconds = mine.patience(self.timeout)
            return _connect(self._dns_host, self.port, Deadline(seconds), self.source_address, self.socket_options)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {self.host} in time") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"no connection to {self.host}: {error}") from error

    def endheaders(self: Any, *arguments: Any, **named: Any) -> None:
        if self.sock is None:
            self.connect()
        mine = _exchange()
        if mine is not None:
            _stopping.watch(self.sock)
            mine.was_sent = True
            self.sock.settimeout(mine.patience(mine.read_timeout))
        super().endheaders(*arguments, **named)  # type: ignore[misc]


class _PlainConnection(_Bounded, HTTPConnection):  # type: ignore[misc]
    pass


class _EncryptedConnection(_Bounded, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _EncryptedConnection


_POOLS = {"http": _PlainPool, "https": _EncryptedPool}


class Adapter(HTTPAdapter):
    """Makes a session use connections that keep deadlines, also through a proxy."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """As the base class does it."""
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """As the base class does it; the connections of a SOCKS proxy stay its own."""
        manager = super().proxy_manager_for(proxy, **named)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


def _exchange() -> Exchange | None:
    return getattr(_local, "exchange", None)


def _connect(host: str, port: int, deadline: Deadline, source: tuple[str, int] | None, options: Any) -> socket.socket:
    """A connection to the first address of a host that answers; none may use up the time of the others."""
    failure: OSError = OSError("the host has no address")
    found = _resolve(host.strip("[]"), port, deadline)
    for number, (family, kind, protocol, _, address) in enumerate(found):
        others = len(found) - number - 1
        share = deadline.left() / (others + 1)
        with ExitStack() as stack:
            try:
                # The system may know addresses of a kind that it cannot use.
                sock = stack.enter_context(socket.socket(family, kind, protocol))
                _stopping.watch(sock)
                for option in options or ():
                    sock.setsockopt(*option)
                if source:
                    sock.bind(source)
                sock.settimeout(_positive(min(share, _LONGEST_WITH_OTHERS_S) if others else share))
                sock.connect(address)
                sock.settimeout(_positive(deadline.left()))
            except OSError as error:
                failure = error
            else:
                stack.pop_all()
                return sock
    raise failure


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError("no connection in time")
    return seconds


def _resolve(host: str, port: int, deadline: Deadline) -> list[Any]:
    """The addresses of a host. Systems look them up without a timeout: so a thread does."""
    with suppress(OSError):  # a name
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    answer: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=look_up, name="swiftxrt-resolver", daemon=True).start()
    try:
        found = answer.get(timeout=_positive(deadline.left()))
    except queue.Empty:
        raise TimeoutError(f"the address of {host} was not found in time") from None
    if isinstance(found, OSError | UnicodeError):
        raise found
    return found
