"""Stands in front of the embedded server and spoils what goes through.

A server for ASGI cannot break a connection in the middle of a reply, or send a
length that is wrong. This one writes every byte itself.
"""

from __future__ import annotations

import http.client
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..._log import log
from .plan import FaultPlan, Reply, Request

__all__ = ["fault_proxy"]

_CHUNK = 1 << 16
_UPSTREAM_TIMEOUT_S = 600.0
_BODY_LIMIT = 1 << 24
#: Pieces per second of a reply that is sent slowly.
_PIECES_PER_S = 20
#: How long what was sent may be on its way.
_ARRIVAL_S = 0.1
#: What ends at the next hop, and what says how long a reply is: both are written anew.
_OWN_HEADERS = frozenset({"connection", "keep-alive", "content-length", "transfer-encoding"})
_NO_LENGTH = (204, 304)


@contextmanager
def fault_proxy(upstream: tuple[str, int], plan: FaultPlan) -> Iterator[int]:
    """Pass requests on to a server, and its replies back, but for the faults of the plan.

    Parameters
    ----------
    upstream : tuple of (str, int)
        Address and port of the server.
    plan : FaultPlan
        The faults.

    Yields
    ------
    port : int
        Where it listens on this machine.
    """
    proxy = _Proxy(upstream, plan)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.02,), name="swiftxrt-fault-proxy")
    thread.start()
    try:
        yield proxy.server_port
    finally:
        proxy.shutdown()
        proxy.break_connections()
        proxy.server_close()
        thread.join()


class _Proxy(ThreadingHTTPServer):
    """One thread for each connection; all of them end with it."""

    daemon_threads = False
    request_queue_size = 256

    def __init__(self, upstream: tuple[str, int], plan: FaultPlan) -> None:
        self.upstream, self.plan = upstream, plan
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        """Wake the threads that wait for a client."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # it broke by itself
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("a fault of the plan failed")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Proxy

    def do_POST(self) -> None:
        """Answer one request."""
        try:
            request = self._request()
            if request is None:
                self._send(Reply(status=413, ending="close"), bodiless=False)
                return
            struck = self.server.plan.strike(request)
            if not struck:
                self._pass_on(request)
                return
            for fault in struck:
                request = fault.prepare(request)
            reply = self._ask(request) if all(fault.processed for fault in struck) else Reply()
            for fault in struck:
                reply = fault.change(request, reply)
            self._send(reply, bodiless=request.method == "HEAD")
        except (OSError, http.client.HTTPException) as error:
            log.debug("a connection to the fault server broke: %s", error)
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Say nothing; the plan has its own log."""

    def _request(self) -> Request | None:
        """The request; `None` if its body is too large or of unknown length."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _BODY_LIMIT or "Transfer-Encoding" in self.headers:
            return None
        return Request(self.command, self.path, tuple(self.headers.items()), self.rfile.read(int(length)))

    @contextmanager
    def _upstream(self, request: Request) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=_UPSTREAM_TIMEOUT_S)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in _OWN_HEADERS:
                    connection.putheader(name, value)
            connection.putheader("Connection", "close")
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            yield connection.getresponse()
        finally:
            connection.close()

    def _ask(self, request: Request) -> Reply:
        with self._upstream(request) as response:
            length = response.getheader("Content-Length") if request.method == "HEAD" else None
            return Reply(response.status, _headers(response), response.read(), length=length)

    def _pass_on(self, request: Request) -> None:
        """Hand on the reply as it comes, however long it is."""
        with self._upstream(request) as response:
            length = response.getheader("Content-Length")
            if length is None:
                reply = Reply(response.status, _headers(response), response.read())
                self._send(reply, bodiless=request.method == "HEAD")
                return
            self.wfile.write(_head(Reply(response.status, _headers(response), length=length)))
            while chunk := response.read(_CHUNK):
                self.wfile.write(chunk)

    def _send(self, reply: Reply, *, bodiless: bool) -> None:
        """Send a reply in the way it says, as far as it says."""
        pauses = 0.0 if reply.delay_s <= 0 else reply.delay_s
        if pauses and self._client_is_gone_after(pauses):
            self.close_connection = True
            return
        if reply.send_head:
            self._write(_head(reply), reply.rate if reply.drip_head else None)
            if not bodiless:
                self._send_body(reply)
        self._end(reply)

    def _send_body(self, reply: Reply) -> None:
        left = _allowance(reply)
        for piece in reply.content():
            sent = piece if len(piece) <= left else piece[: int(left)]
            left -= len(sent)
            if sent:
                chunked = reply.framing == "chunked"
                self._write(b"%x\r\n%b\r\n" % (len(sent), sent) if chunked else sent, reply.rate)
            if left <= 0 and reply.send is not None:
                return
        if reply.framing == "chunked":
            self._write(b"0\r\n\r\n", None)

    def _write(self, data: bytes, rate: float | None) -> None:
        if rate is None:
            self.wfile.write(data)
            return
        size = max(1, int(rate / _PIECES_PER_S))
        for start in range(0, len(data), size):
            self.wfile.write(data[start : start + size])
            if self._client_is_gone_after(size / rate):
                raise ConnectionAbortedError("the client did not wait")

    def _end(self, reply: Reply) -> None:
        if reply.ending == "keep" and reply.framing != "close":
            return
        self.close_connection = True
        if reply.ending == "hang":
            self._client_is_gone_after(None)
        elif reply.ending == "reset":
            if reply.send:  # A reset takes back what the client has not got yet.
                self._client_is_gone_after(_ARRIVAL_S)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # at once, before anybody says goodbye

    def _client_is_gone_after(self, seconds: float | None) -> bool:
        """Wait; clients send nothing before they have their reply, unless they leave."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))


def _headers(response: http.client.HTTPResponse) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS)


def _head(reply: Reply) -> bytes:
    known = {one.value: one.phrase for one in HTTPStatus}
    lines = [f"HTTP/1.1 {reply.status} {known.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if reply.framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    elif reply.framing == "length" and reply.status not in _NO_LENGTH:
        lines.append(f"Content-Length: {reply.length or _full_size(reply)}")
    if reply.framing == "close":
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _full_size(reply: Reply) -> int:
    filled = reply.filler_size if reply.filler and reply.filler_size < float("inf") else 0
    return len(reply.body) + int(filled)


def _allowance(reply: Reply) -> float:
    """How many bytes of the body are sent."""
    if reply.send is None:
        return float("inf")
    return int(reply.send * _full_size(reply)) if reply.send < 1 else reply.send
