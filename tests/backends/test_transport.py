"""HTTP against a server that misbehaves on demand."""

from __future__ import annotations

import gzip
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends import transport as transport_module
from swiftxrt.backends.transport import SecretText, Transport
from swiftxrt.exceptions import FormatError, OutputExistsError, ProtocolError, ServiceError, ServiceUnavailableError

USER = "someone@example.org"


class Server:
    """Answers every request with `reply`, a function of the handler; keeps what was asked."""

    def __init__(self) -> None:
        self.reply: Callable[[BaseHTTPRequestHandler], None] = send(b"{}")
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.asked.append((self.command, self.path, body, dict(self.headers)))
                server.reply(self)

            do_GET = do_POST = _answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


def send(body: bytes, status: int = 200, length: int | None = None, **headers: str):
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever)
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


@pytest.fixture
def transport(server: Server) -> Iterator[Transport]:
    made = Transport(server.url, USER)
    yield made
    made.close()


def test_post_sends_json_once(server: Server, transport: Transport) -> None:
    server.reply = send(b'{"OK": 1}')
    assert transport.post("a/b.php", {"JobID": "1"}) == ({"OK": 1}, f"{server.url}/a/b.php")
    ((command, path, body, headers),) = server.asked
    assert (command, path, body) == ("POST", "/a/b.php", b'{"JobID": "1"}')
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("swiftxrt/")


def test_html_is_a_protocol_error(server: Server, transport: Transport) -> None:
    server.reply = send(f"<html>Hello {USER}</html>".encode())
    with pytest.raises(ProtocolError, match="not JSON") as caught:
        transport.post("x.php", {})
    assert caught.value.status == 200
    assert USER not in str(caught.value.__dict__)


@pytest.mark.parametrize(
    ("status", "kind"), [(500, ServiceUnavailableError), (503, ServiceUnavailableError), (404, ServiceError)]
)
def test_http_errors_are_not_sent_again(
    server: Server, transport: Transport, status: int, kind: type[ServiceError]
) -> None:
    server.reply = send(b"oops", status)
    with pytest.raises(kind) as caught:
        transport.post("x.php", {})
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert len(server.asked) == 1


def test_broken_reply_to_a_submission_is_not_sent_again(server: Server, transport: Transport) -> None:
    server.reply = send(b'{"OK"', length=100)
    with pytest.raises((ServiceUnavailableError, ProtocolError)):
        transport.post("x.php", {})
    assert len(server.asked) == 1


def test_nobody_there(server: Server) -> None:
    transport = Transport("http://127.0.0.1:9", USER)
    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        transport.post("x.php", {})
    transport.close()


def test_slow_server_hits_the_read_deadline(server: Server, transport: Transport) -> None:
    hold = threading.Event()
    server.reply = lambda handler: (hold.wait(5), None)[1]
    with conf.set_temp("read_timeout", 0.05), pytest.raises(ServiceUnavailableError, match="did not answer"):
        transport.post("x.php", {})
    hold.set()


def test_trickle_hits_the_total_deadline(server: Server, transport: Transport) -> None:
    stop = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        send(b" ", length=100_000)(handler)
        try:
            while not stop.wait(0.01):
                handler.wfile.write(b" ")
        except OSError:
            pass  # the client hung up, as it should

    server.reply = trickle
    with conf.set_temp("total_timeout", 0.2), pytest.raises(ServiceUnavailableError, match="total_timeout"):
        transport.post("x.php", {})
    stop.set()


@pytest.mark.parametrize("page", [b"", b"oops"])
def test_error_page_that_breaks_off(server: Server, transport: Transport, page: bytes) -> None:
    server.reply = send(page, 500, length=5000)
    with pytest.raises(ServiceUnavailableError, match="500") as caught:
        transport.post("x.php", {})
    assert caught.value.status == 500


def test_addresses_are_removed_in_any_spelling(server: Server, transport: Transport) -> None:
    server.reply = send((b"x" * 290) + USER.upper().encode())
    with pytest.raises(ProtocolError) as caught:
        transport.post("x.php", {})
    assert "SOMEONE" not in caught.value.payload_excerpt
    server.reply = send(USER.title().encode(), 500)
    with pytest.raises(ServiceUnavailableError) as failed:
        transport.post("x.php", {})
    assert failed.value.payload_excerpt == "<your e-mail address>"


def test_address_is_taken_out_of_replies(server: Server, transport: Transport) -> None:
    server.reply = send(b'{"OK": 1, "jobPars": {"UserID": "SomeOne@example.org", "name": "X"}}')
    reply, _ = transport.post("x", {"UserID": USER})
    assert reply == {"OK": 1, "jobPars": {"UserID": "<your e-mail address>", "name": "X"}}
    assert USER.encode() in server.asked[0][2]


@pytest.mark.parametrize("reply", [send(f"<html>{USER}</html>".encode()), send(b"", status=500), send(b"{", length=9)])
def test_address_is_in_no_variable_that_a_traceback_shows(server: Server, reply: Any) -> None:
    server.reply = reply
    transport = Transport(server.url, USER)
    payload = {"UserID": SecretText(USER)}
    with pytest.raises(ServiceError) as caught:
        transport.post("x", payload)
    transport.close()
    error: BaseException | None = caught.value
    while error is not None:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert USER not in "".join(repr(frame.locals) for frame in told.stack if frame.filename != __file__)
        error = error.__cause__ or error.__context__


def test_compressed_replies(server: Server, transport: Transport) -> None:
    server.reply = send(gzip.compress(b'{"OK": 1}'), **{"Content-Encoding": "gzip"})
    assert transport.post("x.php", {})[0] == {"OK": 1}


@pytest.mark.parametrize(
    ("base", "url", "same"),
    [
        ("https://www.swift.ac.uk", "https://www.swift.ac.uk:443/x", True),
        ("https://www.swift.ac.uk", "https://WWW.swift.ac.uk/x", True),
        ("https://www.swift.ac.uk", "http://www.swift.ac.uk/x", False),
        ("http://127.0.0.1:80", "http://127.0.0.1/x", True),
        ("http://127.0.0.1:80", "http://127.0.0.1:80@example.org/x", False),
        ("http://127.0.0.1:80", "http://127.0.0.1:x/", False),
    ],
)
def test_the_usual_port_need_not_be_written(base: str, url: str, *, same: bool) -> None:
    assert (transport_module._origin(base) == transport_module._origin(url)) is same


def test_download(server: Server, transport: Transport, tmp_path: Path) -> None:
    server.reply = send(b"x" * 200_000)
    path = transport.fetch(f"{server.url}/file", tmp_path / "file")
    assert path.read_bytes() == b"x" * 200_000
    with pytest.raises(OutputExistsError):
        transport.fetch(f"{server.url}/file", path)
    server.reply = send(b"new")
    assert transport.fetch(f"{server.url}/file", path, overwrite=True).read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("length", [10, 500])
def test_short_download_leaves_nothing(server: Server, transport: Transport, tmp_path: Path, length: int) -> None:
    server.reply = send(b"x" * 5, length=length)
    with pytest.raises((FormatError, ServiceUnavailableError)):
        transport.fetch(f"{server.url}/file", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/file", "https://example.org/x", "file:///etc/hosts", "/etc/hosts"])
def test_addresses_outside_the_service_are_not_followed(
    server: Server, transport: Transport, tmp_path: Path, url: str
) -> None:
    with pytest.raises(ServiceError, match="not followed"):
        transport.fetch(url, tmp_path / "file")
    assert server.asked == []


def test_redirects_are_not_followed(server: Server, transport: Transport, tmp_path: Path) -> None:
    server.reply = send(b"", 302, Location="http://127.0.0.1:1/elsewhere")
    with pytest.raises(ServiceError) as caught:
        transport.fetch(f"{server.url}/file", tmp_path / "file")
    assert caught.value.status == 302
    assert list(tmp_path.iterdir()) == []


def test_base_address_must_be_http() -> None:
    with pytest.raises(ServiceError, match="service_url"):
        Transport("ftp://example.org", USER)
