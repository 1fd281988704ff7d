"""Scripted faults, seen by clients that know nothing of this package: plain sockets and http.client."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import logging
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import astropy.units as u
import pytest

from swiftxrt.config import conf
from swiftxrt.exceptions import RequestError
from swiftxrt.server.handlers import API_PATH, PATHS
from swiftxrt.testing import FaultPlan, embedded_server, faults
from swiftxrt.testing.faults import Fault, Reply, Request
from swiftxrt.testing.faults.proxy import fault_proxy

BODY = json.dumps({"OK": 1, "Name": "GRB", "URL": "http://127.0.0.1/x", "rows": ["a", {"label": "b"}]}).encode()
STATUS, SUBMIT = "/user_objects/checkProductStatus.php", "/user_objects/run_userobject.php"
FILE = "/user_objects/tprods/USERPROD_7/lc.tar.gz"


class Upstream:
    """A server without faults that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.body = BODY
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream.asked.append((self.command, self.path, dict(self.headers), body))
                same = self.headers.get("If-Range", '"original"') == '"original"'
                part = same and self.headers.get("Range") == "bytes=2-5"
                sent = upstream.body[2:6] if part else upstream.body
                self.send_response(206 if part else 200)
                self.send_header("Content-Type", "text/html")
                self.send_header("ETag", '"original"')
                if part:
                    self.send_header("Content-Range", f"bytes 2-5/{len(upstream.body)}")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(sent)

            do_POST = do_HEAD = do_GET  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def port(upstream: Upstream, plan: FaultPlan) -> Iterator[int]:
    with fault_proxy(upstream.server.server_address, plan) as number:
        yield number


Ask = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    yield made
    made.close()


@pytest.fixture
def ask(connection: http.client.HTTPConnection) -> Ask:
    def call(path: str = STATUS, body: bytes = b"{}", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        names = {key.replace("_", "-"): text for key, text in headers.items()}
        connection.request("GET" if "tprods/USERPROD" in path else "POST", path, body, names)
        response = connection.getresponse()
        return response, response.read()

    return call


def raw(port: int, path: str = STATUS, *, pause: Callable[[], None] = lambda: None) -> tuple[bytes, str]:
    """All bytes that come, and how it ended: "closed", "reset", "silent"."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.3) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        received = b""
        try:
            while data := client.recv(1 << 16):
                received += data
        except ConnectionResetError:
            return received, "reset"
        except TimeoutError:
            return received, "silent"
        return received, "closed"


# Nothing wrong


def test_without_faults_all_is_handed_on(ask: Ask, upstream: Upstream, plan: FaultPlan) -> None:
    for _ in range(2):  # over one connection
        response, body = ask(body=b'{"UserID": "me@example.org"}', X_Own="kept")
        assert (response.status, body) == (200, BODY)
        assert response.getheader("ETag") == '"original"'
    method, path, headers, sent = upstream.asked[-1]
    assert (method, path, sent) == ("POST", STATUS, b'{"UserID": "me@example.org"}')
    assert headers["X-Own"] == "kept"
    assert plan.log == ()
    assert plan.seen == {"status": 2}


def test_head(port: int, connection: http.client.HTTPConnection, plan: FaultPlan) -> None:
    for fault in ([], [faults.set_headers({"X-More": "1"})]):
        plan.replace(*fault)
        connection.request("HEAD", FILE)
        response = connection.getresponse()
        assert response.getheader("Content-Length") == str(len(BODY))
        assert response.read() == b""
    assert response.getheader("X-More") == "1"
    plan.replace(faults.html())
    for _ in range(2):
        connection.request("HEAD", FILE)
        assert connection.getresponse().read() == b""


def test_body_of_unknown_length_is_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


# Which requests


def test_every_call_of_the_service_has_its_kind() -> None:
    kinds = {path: Request("POST", f"/user_objects/{path}").call for path in PATHS}
    assert kinds["run_userobject.php"] == "submit"
    assert kinds["tprods/getLCData.php"] == "product"
    assert set(kinds.values()) == {"submit", "status", "cancel", "recall", "list", "count", "product"}
    assert Request("POST", f"/{API_PATH}").call == "rebin"
    assert Request("GET", f"{FILE}?x=1").call == "file"
    assert Request("GET", "/elsewhere").call == "other"


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"call": "status"}, [1, 3, 5]),
        ({"path": "*.tar.gz"}, [2, 4, 6]),
        ({"method": "get"}, [2, 4, 6]),
        ({"call": "status", "after": 1}, [3, 5]),
        ({"call": "status", "after": 1, "count": 1}, [3]),
        ({"count": 0}, []),
        ({"probability": 0.0}, []),
    ],
)
def test_which_requests_are_struck(ask: Ask, plan: FaultPlan, when: dict[str, Any], struck: list[int]) -> None:
    plan.add(faults.status(503).on(**when))
    statuses = [ask(f"{path}?x=1")[0].status for path in (STATUS, FILE) * 3]
    assert [number for number, status in enumerate(statuses, start=1) if status == 503] == struck
    assert [entry.request for entry in plan.log] == struck
    assert {entry.fault for entry in plan.log} <= {"status 503"}
    assert plan.seen == {"status": 3, "file": 3}


def test_runs_repeat() -> None:
    def run(seed: int) -> list[int]:
        plan = FaultPlan(faults.reset().on("file", probability=0.5), faults.status(500).on(probability=0.3), seed=seed)
        for _ in range(200):
            plan.strike(Request("POST", STATUS))
        return [entry.request for entry in plan.log]

    assert run(1) == run(1) != run(2)
    assert 30 < len(run(1)) < 90


def test_faults_add_up_and_the_plan_can_change(ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.set_headers({"X-One": "1"}), faults.change_reply(lambda content: content | {"OK": 0}))
    response, body = ask()
    assert response.getheader("X-One") == "1"
    assert json.loads(body)["OK"] == 0
    plan.replace(faults.status(404))
    assert ask()[0].status == 404
    plan.clear()
    assert ask()[1] == BODY
    assert [entry.fault for entry in plan.log] == ["headers", "change reply", "status 404"]
    assert plan.faults == ()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"call": "submission"}, {"after": -1}, {"count": -1}, {"probability": 1.5}, {"probability": float("nan")}),
        *({"method": "PUT"}, {"after": "x"}, {"count": 1.5}, {"count": True}, {"probability": "often"}),
    ],
)
def test_wrong_conditions(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=next(iter(wrong))):
        Fault("x").on(**wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda: faults.delay(3),
        lambda: faults.delay(-1 * u.s),
        lambda: faults.drip(1 * u.s),
        lambda: faults.drip(0 * u.byte / u.s),
        lambda: faults.hostile_archive("parent", ".rar"),
        lambda: faults.hostile_archive("encrypted", ".tar"),
        lambda: faults.status(5000),
        lambda: faults.status("x"),
        lambda: faults.html(status=100),
        lambda: faults.redirect(status=True),
        lambda: FaultPlan(5),
        lambda: FaultPlan([faults.reset()]),
        lambda: FaultPlan().add(faults.reset),
        lambda: embedded_server(".", faults=faults.reset()).__enter__(),
        lambda: embedded_server(5).__enter__(),
        lambda: embedded_server(".", state="").__enter__(),
    ],
)
def test_wrong_arguments(make: Callable[[], Any]) -> None:
    with pytest.raises(RequestError):
        make()


def test_plan_stays_when_it_is_replaced_by_nonsense() -> None:
    plan = FaultPlan(faults.reset())
    with pytest.raises(RequestError, match=r"faults\[1\]: a Fault is needed"):
        plan.replace(faults.html(), 5)
    assert [fault.name for fault in plan.faults] == ["reset"]


def test_nothing_of_the_content_is_kept(ask: Ask, plan: FaultPlan, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    plan.add(faults.status(500))
    ask(f"{STATUS}?secret=1", b'{"UserID": "me@example.org"}', Authorization="secret")
    shown = repr(plan.log) + repr(Request("POST", STATUS, (("Authorization", "secret"),), b"secret")) + caplog.text
    assert "secret" not in shown
    assert "example.org" not in shown


def test_fault_of_ones_own_that_fails_is_logged(port: int, plan: FaultPlan, caplog: pytest.LogCaptureFixture) -> None:
    def wrong(request: Request, reply: Reply) -> Reply:
        raise ZeroDivisionError("mine")

    plan.add(Fault("mine", wrong))
    assert raw(port) == (b"", "closed")
    assert "ZeroDivisionError: mine" in caplog.text


# Time


def test_delay_comes_after_the_server(port: int, plan: FaultPlan, upstream: Upstream) -> None:
    plan.add(faults.delay(1 * u.h))
    assert raw(port) == (b"", "silent")
    assert len(upstream.asked) == 1


def test_short_delay(ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.delay(5 * u.ms))
    assert ask()[1] == BODY


@pytest.mark.parametrize("processed", [False, True])
def test_no_answer(port: int, plan: FaultPlan, upstream: Upstream, processed: bool) -> None:
    plan.add(faults.never_answer(processed=processed))
    assert raw(port) == (b"", "silent")
    assert len(upstream.asked) == processed


def test_drip(port: int, ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.drip(1 * u.byte / u.min))
    received, ending = raw(port)
    assert ending == "silent"
    assert received.endswith(b"\r\n\r\n" + BODY[:1])
    plan.replace(faults.drip(1 * u.byte / u.min, head=True))
    assert raw(port) == (b"H", "silent")
    plan.replace(faults.drip(1e5 * u.byte / u.s, head=True))
    assert ask()[1] == BODY


def test_stall(port: int, plan: FaultPlan) -> None:
    plan.add(faults.stall(7))
    received, ending = raw(port)
    assert ending == "silent"
    assert received.endswith(b"\r\n\r\n" + BODY[:7])


def test_waiting_connections_end_with_the_server(upstream: Upstream) -> None:
    plan = FaultPlan(faults.never_answer())
    with socket.socket() as client:
        with fault_proxy(upstream.server.server_address, plan) as port:
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            idle = socket.create_connection(("127.0.0.1", port))
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
        client.settimeout(20)
        assert client.recv(1) == b""
        idle.close()


# Connections


@pytest.mark.parametrize(
    ("fault", "processed"), [(faults.reset(), 0), (faults.reset(processed=True), 1), (faults.lose_reply(), 1)]
)
def test_reset(port: int, plan: FaultPlan, upstream: Upstream, fault: Fault, processed: int) -> None:
    plan.add(fault)
    assert raw(port) == (b"", "reset")
    assert len(upstream.asked) == processed


def test_reset_in_body(port: int, plan: FaultPlan, upstream: Upstream) -> None:
    upstream.body = b"x" * 4_000_000  # more than a socket holds
    plan.add(faults.reset_in_body())
    received, ending = raw(port)
    assert ending == "reset"
    assert len(received) < 2_100_000


@pytest.mark.parametrize(("framing", "error"), [("length", True), ("chunked", True), ("close", False)])
def test_truncated(ask: Ask, plan: FaultPlan, framing: Any, error: bool) -> None:
    plan.add(faults.truncate(10, framing=framing))
    if error:
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask()
        assert caught.value.partial == BODY[:10]
    else:
        assert ask()[1] == BODY[:10]


# Length and headers


def test_longer(port: int, ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.longer(b"HTTP/1.1 200 forged\r\n\r\n"))
    assert ask()[1] == BODY
    received, ending = raw(port)
    assert ending == "silent"
    assert received.endswith(BODY + b"HTTP/1.1 200 forged\r\n\r\n")


@pytest.mark.parametrize("text", ["-5", "many", "99999999999999999999"])
def test_wrong_length(port: int, plan: FaultPlan, text: str) -> None:
    plan.add(faults.wrong_length(text))
    received, ending = raw(port)
    assert ending == "closed"
    assert f"Content-Length: {text}\r\n".encode() in received
    assert received.endswith(BODY)


def test_headers(port: int, ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.set_headers({"etag": None, "Content-Type": "image/gif"}))
    response, _ = ask()
    assert response.getheader("ETag") is None
    assert response.headers.get_all("Content-Type") == ["image/gif"]
    plan.replace(faults.duplicate_headers({"Content-Length": "7"}))
    received, _ = raw(port)
    assert received.count(b"Content-Length: ") == 2
    plan.replace(faults.huge_headers(100_000))
    assert len(raw(port)[0]) > 100_000
    plan.replace(faults.huge_headers(1, number=150))
    assert raw(port)[0].count(b"X-Filler-") == 150


# Status


def test_status(ask: Ask, plan: FaultPlan, upstream: Upstream) -> None:
    plan.add(faults.status(503, "later", retry_after=1.5 * u.min, headers={"X-One": "1"}).on(count=1))
    plan.add(faults.status(429, retry_after=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)).on(after=1, count=1))
    plan.add(faults.status(400).on(after=2))
    response, body = ask()
    assert (response.status, response.reason, body) == (503, "Service Unavailable", b"later")
    assert (response.getheader("Retry-After"), response.getheader("X-One")) == ("90", "1")
    date = ask()[0].getheader("Retry-After")
    assert date.endswith(" GMT")
    assert parsedate_to_datetime(date) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert ask()[0].getheader("Retry-After") is None
    assert upstream.asked == []


@pytest.mark.parametrize("to", [None, "http://elsewhere.example/x", "file:///etc/passwd"])
def test_redirect(ask: Ask, plan: FaultPlan, upstream: Upstream, to: str | None) -> None:
    plan.add(faults.redirect(to, status=307).on(count=1))
    response, _ = ask()
    assert (response.status, response.getheader("Location")) == (307, to or STATUS)
    assert ask()[1] == BODY
    assert len(upstream.asked) == 1


def test_empty_and_pages(ask: Ask, plan: FaultPlan, upstream: Upstream) -> None:
    plan.add(faults.empty())
    response, body = ask()
    assert (response.status, body) == (200, b"")
    plan.replace(faults.empty(204))
    response, body = ask()
    assert (response.status, body, response.getheader("Content-Length")) == (204, b"", None)
    plan.replace(faults.html())
    response, body = ask()
    assert response.status == 200
    assert b"<html>" in body
    assert upstream.asked == []


# Content


def test_content(ask: Ask, plan: FaultPlan, upstream: Upstream) -> None:
    plan.add(faults.replace_body(b"[1]", media_type="image/gif"))
    response, body = ask()
    assert (body, response.getheader("Content-Type")) == (b"[1]", "image/gif")
    plan.replace(faults.bad_json(0.5))
    assert ask()[1] == BODY[: len(BODY) // 2]
    plan.replace(faults.change_reply(lambda content: None))
    assert ask()[1] == b"null"
    plan.replace(faults.change_texts(str.upper))
    assert json.loads(ask()[1]) == {
        "OK": 1,
        "Name": "GRB",
        "URL": "HTTP://127.0.0.1/X",
        "rows": ["A", {"label": "B"}],
    }
    upstream.body = b"no JSON"
    assert ask()[1] == b"no JSON"


def test_names_addresses_and_texts(ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.rename("label", "../x"), faults.rename("a", "C:\\x"))
    assert json.loads(ask()[1])["rows"] == ["C:\\x", {"../x": "b"}]
    plan.replace(faults.hostile_urls("file:///etc/passwd"))
    assert json.loads(ask()[1])["URL"] == "file:///etc/passwd"
    plan.replace(faults.hostile_urls(lambda url: url.replace("127.0.0.1", "elsewhere.example")))
    assert json.loads(ask()[1])["URL"] == "http://elsewhere.example/x"
    plan.replace(faults.control_characters())
    changed = json.loads(ask()[1])
    assert changed["Name"].startswith("GRB\x1b")
    assert changed["rows"][0] == "a"
    assert changed["rows"][1]["label"].startswith("b\x1b")


def test_deep_json(ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.deep_json())
    assert ask()[1].count(b"[") == 100_000


def test_encoding(ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.encoded())
    response, body = ask()
    assert response.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(body) == BODY
    plan.replace(faults.bad_encoding("br"))
    response, body = ask()
    assert (response.getheader("Content-Encoding"), body) == ("br", BODY)
    plan.replace(faults.bad_encoding(damaged=True))
    assert ask()[1].startswith(b"\x1f\x8b")
    plan.replace(faults.gzip_bomb(10_000_000))
    response, body = ask()
    assert response.getheader("Content-Encoding") == "gzip"
    assert len(body) < 20_000
    assert gzip.decompress(body) == bytes(10_000_000)


def test_endless_body(port: int, ask: Ask, plan: FaultPlan) -> None:
    plan.add(faults.endless_body(b"[", chunk=b"ab", size=5))
    assert ask()[1] == b"[ababa"
    plan.replace(faults.endless_body())
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(f"GET {STATUS} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        received = 0
        while received < 20_000_000:
            data = client.recv(1 << 20)
            assert data
            received += len(data)


# Downloads in parts


def test_ranges(ask: Ask, plan: FaultPlan, upstream: Upstream) -> None:
    part = {"Range": "bytes=2-5", "If_Range": '"original"'}
    response, body = ask(FILE, **part)
    assert (response.status, body) == (206, BODY[2:6])
    plan.add(faults.ignore_range())
    response, body = ask(FILE, **part)
    assert (response.status, body) == (200, BODY)
    plan.replace(faults.wrong_content_range(3))
    response, body = ask(FILE, **part)
    assert (response.getheader("Content-Range"), body) == (f"bytes 5-8/{len(BODY)}", BODY[2:6])
    assert ask(FILE)[0].status == 200


def test_changed_validators(ask: Ask, plan: FaultPlan) -> None:
    part = {"Range": "bytes=2-5", "If_Range": '"original"'}
    plan.add(faults.changed_validator())
    assert {ask(FILE)[0].getheader("ETag") for _ in range(3)} == {'"changed-1"', '"changed-2"', '"changed-3"'}
    assert ask(FILE, **part)[1] == BODY
    assert ask(FILE, Range="bytes=2-5")[1] == BODY[2:6]
    plan.replace(faults.changed_validator(honest=False))
    response, body = ask(FILE, Range="bytes=2-5", If_Range='"changed-1"')
    assert (response.status, body, response.getheader("ETag")) == (206, BODY[2:6], '"changed-1"')


# Archives


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_archives_are_sent_for_archives(ask: Ask, plan: FaultPlan, suffix: str) -> None:
    plan.add(faults.hostile_file("parent"))
    assert ask(FILE.replace(".tar.gz", ".qdp"))[1] == BODY
    assert ask()[1] == BODY
    _, body = ask(FILE.replace(".tar.gz", suffix))
    assert names_in(body, suffix) == ["../escaped.txt", "a/../../escaped.txt"]
    plan.replace(faults.status(404, "gone"), faults.hostile_file("parent"))
    assert ask(FILE)[1] == b"gone"


def names_in(archive: bytes, suffix: str) -> list[str]:
    if suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return [entry.orig_filename for entry in opened.infolist()]
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


def members(trick: str, **options: Any) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(faults.hostile_archive(trick, **options))) as opened:
        return opened.getmembers()


def test_tar_archives() -> None:
    assert members("absolute")[0].name == "/escaped.txt"
    link, behind = members("symlink")
    assert (link.issym(), link.linkname, behind.name) == (True, "..", "link/escaped.txt")
    assert [member.islnk() for member in members("hardlink")] == [True, True, False]
    assert all(member.isdev() for member in members("device"))
    assert members("fifo")[0].isfifo()
    assert members("setuid")[0].mode == 0o6777
    assert [member.name for member in members("duplicates")] == ["one.txt", "one.txt", "ONE.txt"]
    assert [len(member.name) > 4096 for member in members("long path")] == [True, True]
    assert "\x1b" in members("control characters")[0].name
    assert len(members("many members", members=2500)) == 2500
    (bomb,) = members("bomb", size=50_000_000)
    assert bomb.size == 50_000_000
    assert len(faults.hostile_archive("bomb", size=50_000_000)) < 100_000
    with pytest.raises((EOFError, tarfile.ReadError)):
        members("truncated")
    with tarfile.open(fileobj=io.BytesIO(faults.hostile_archive("nested bomb", size=10**7))) as opened:
        inner = opened.extractfile(opened.getmembers()[0])
        assert gzip.decompress(gzip.decompress(inner.read())) == bytes(10**7)


def test_zip_archives() -> None:
    def listed(trick: str, **options: Any) -> list[zipfile.ZipInfo]:
        with zipfile.ZipFile(io.BytesIO(faults.hostile_archive(trick, ".zip", **options))) as opened:
            return opened.infolist()

    assert listed("absolute")[0].filename == "/escaped.txt"
    assert [entry.filename for entry in listed("backslash")] == ["..\\..\\escaped.txt", "C:\\escaped.txt"]
    assert listed("symlink")[0].external_attr >> 16 == 0o120777
    assert listed("encrypted")[0].flag_bits & 1
    assert len(listed("many members", members=66_000)) == 66_000
    assert sum(entry.file_size for entry in listed("bomb", size=2**34)) == 2**34
    with pytest.raises(zipfile.BadZipFile):
        listed("truncated")
    for trick in ("setuid", "duplicates", "long path", "control characters"):
        assert listed(trick)


# The service itself


def test_embedded_server(small_archive) -> None:
    plan = FaultPlan(faults.lose_reply().on("submit", count=1))
    submission = {
        "UserID": "me@example.org",
        "name": "constant source",
        "getTargs": 1,
        "getCoords": 1,
        "getT0": 1,
        "cent": 0,
        "useSXPS": 0,
        "image": 1,
        "imobs": "all",
    }
    with embedded_server(small_archive, faults=plan) as url:
        assert conf.service_url == url
        host = url.removeprefix("http://")

        def ask(path: str, **payload: Any) -> dict[str, Any]:
            connection = http.client.HTTPConnection(host, timeout=60)
            try:
                connection.request("POST", f"/user_objects/{path}", json.dumps({"UserID": "me@example.org"} | payload))
                return json.loads(connection.getresponse().read())
            finally:
                connection.close()

        with pytest.raises(ConnectionResetError):
            ask("run_userobject.php", **submission)
        (row,) = ask("listOldJobs.php")["jobs"]
        reply = ask("run_userobject.php", **submission)
        assert reply["URL"].startswith(url)  # and not the server behind
        first, second = str(row["JobID"]), str(reply["JobID"])
        assert first != second

        plan.replace(faults.vanish(first))
        assert [str(one["JobID"]) for one in ask("listOldJobs.php")["jobs"]] == [second]
        refused = ask("checkProductStatus.php", JobID=first, what="image")
        assert refused["ERROR"] == f"Job {first} is not owned by user me@example.org"
        assert ask("checkProductStatus.php", JobID=second, what="image")["OK"] == 1
        assert ask("getOldProduct.php", oldJob=int(first))["OK"] == 0
        plan.replace(faults.vanish())
        assert ask("listOldJobs.php")["jobs"] == []
        assert ask("checkProductStatus.php", JobID=second, what="image")["OK"] == 0
        plan.clear()
        assert ask("checkProductStatus.php", JobID=first, what="image")["OK"] == 1
        ask("canceljob.php", JobID=first, what="image")
        ask("canceljob.php", JobID=second, what="image")
    assert plan.seen["submit"] == 2
