"""What is sent, and what becomes of replies."""

from __future__ import annotations

import gzip
import logging
import pickle
import traceback
import zlib
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import SecretText, Transport
from swiftxrt.exceptions import OfflineError, ProtocolError, ServiceError, ServiceUnavailableError

USER = "someone@example.org"


def test_post_sends_json_once(server: Any, transport: Transport) -> None:
    server.script = [server.http(b'{"OK": 1}')]
    assert transport.post("a/b.php", {"JobID": "1"}) == ({"OK": 1}, f"{server.url}/a/b.php")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a/b.php", b'{"JobID": "1"}')
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["user-agent"].startswith("swiftxrt/")
    assert "authorization" not in asked.headers


@pytest.mark.fault_case(29, 30)
@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<html>Hello someone@example.org</html>", "web page"),
        (b"\n<!-- x --><!DOCTYPE html><html><head><title>Down for\n maintenance</title>", "Down for maintenance"),
        (b"<HTML><body><h1>Back <b>soon</b> &amp; well</h1>", "Back soon & well"),
        (b"", "empty reply"),
        (b" \n", "empty reply"),
        (b'{"OK": 1', "not JSON"),
        (b'{"OK": 1} {}', "not JSON"),
        (b'{"OK": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 200_000, "too deep"),
    ],
    ids=["page", "title", "heading", "empty", "blank", "cut", "more", "digits", "deep"],
)
def test_what_is_not_json_is_a_protocol_error(server: Any, transport: Transport, page: bytes, said: str) -> None:
    server.script = [server.http(page)]
    with pytest.raises(ProtocolError, match=said) as caught:
        transport.post("x.php", {}, repeatable=True)
    assert "maintenance" in str(caught.value)
    assert caught.value.status == 200
    assert USER not in str(caught.value.__dict__)
    assert len(caught.value.payload_excerpt or "") <= 300
    assert len(server.asked) == 1


@pytest.mark.fault_case(31)
def test_no_content_is_a_protocol_error(server: Any, transport: Transport) -> None:
    server.script = [server.http(status=204, length=-1)]
    with pytest.raises(ProtocolError, match="empty reply"):
        transport.post("x.php", {})


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', "application/json", "é"),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', "application/json; charset=utf-8", "é"),
        ('{"a": "é"}'.encode("latin-1"), "application/json", "é"),
        ('{"a": "é"}'.encode("latin-1"), "text/html; charset=iso-8859-1", "é"),
        ('{"a": "é"}'.encode(), 'application/json; charset="utf-8"', "é"),
        ('{"a": "é"}'.encode(), "application/json; charset=ascii", "é"),
        ('{"a": "é"}'.encode(), "application/json; charset=unicode_escape", "é"),
        ('{"a": "é"}'.encode(), "application/json; charset=utf-99", "é"),
        ('{"a": "é"}'.encode("utf-16"), "application/json", "é"),
        (b'{"a": Infinity}', "application/json", float("inf")),
        (b'{"a": "a \\u0000 b"}', "", "a \0 b"),
    ],
)
def test_character_sets_and_odd_numbers(
    server: Any, transport: Transport, body: bytes, content_type: str, value: Any
) -> None:
    server.script = [server.http(body, Content_Type=content_type)]
    assert transport.post("x.php", {})[0] == {"a": value}


def test_of_keys_that_stand_twice_the_last_counts(
    server: Any, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [server.http(b'{"a": 1, "b\\u001b[31m": 2, "a": 3, "b\\u001b[31m": 2}')]
    with caplog.at_level("WARNING", "swiftxrt"):
        assert transport.post("x.php", {})[0]["a"] == 3
    assert "more than once" in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.fault_case(12)
@pytest.mark.parametrize(
    "packed", [gzip.compress, zlib.compress, lambda text: zlib.compress(text)[2:-4]], ids=["gzip", "zlib", "raw"]
)
def test_packed_replies(server: Any, transport: Transport, packed: Any) -> None:
    encoding = "gzip" if packed is gzip.compress else "deflate"
    server.script = [server.http(packed(b'{"OK": 1}'), Content_Encoding=encoding)]
    assert transport.post("x.php", {})[0] == {"OK": 1}
    assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.fault_case(13)
@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b'{"OK": 1}', "gzip", "it is not"),
        (gzip.compress(b'{"OK": 1}')[:-4], "gzip", "too early"),
        (b'{"OK": 1}', "br", "not asked for"),
        (gzip.compress(gzip.compress(b'{"OK": 1}')), "gzip, gzip", "not asked for"),
    ],
    ids=["plain", "cut", "unknown", "twice"],
)
def test_wrongly_packed_replies(server: Any, transport: Transport, body: bytes, encoding: str, said: str) -> None:
    server.script = [server.http(body, Content_Encoding=encoding)]
    with pytest.raises(ProtocolError, match=said):
        transport.post("x.php", {})


@pytest.mark.parametrize("packed", [False, True])
def test_too_large_replies_are_not_read(server: Any, transport: Transport, packed: bool) -> None:
    body = b'"' + b"x" * 3_000_000 + b'"'
    server.script = [server.http(gzip.compress(body), Content_Encoding="gzip") if packed else server.http(body)]
    with conf.set_temp("max_reply", 1_000_000), pytest.raises(ProtocolError, match="conf.max_reply"):
        transport.post("x.php", {})


def test_unannounced_large_replies_are_not_read(server: Any, transport: Transport) -> None:
    def endless(_: Any) -> Any:
        yield server.http(length=-1)
        while not server.stop.is_set():
            yield b" " * 100_000

    server.script = [endless]
    with conf.set_temp("max_reply", 1_000_000), pytest.raises(ProtocolError, match="conf.max_reply"):
        transport.post("x.php", {})


@pytest.mark.fault_case(22, 23, 27)
@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, ServiceError, "no such target"),
        (401, ServiceError, "registered e-mail"),
        (403, ServiceError, "registered e-mail"),
        (404, ServiceError, "not available"),
        (410, ServiceError, "expired"),
        (418, ServiceError, "418"),
        (206, ServiceError, "206"),
        (500, ServiceUnavailableError, "500"),
    ],
)
def test_statuses_that_do_not_pass(
    server: Any, transport: Transport, pauses: list[float], status: int, kind: type[ServiceError], said: str
) -> None:
    server.script = [server.http(b'{"ERROR": "no such target"}', status)]
    with pytest.raises(kind, match=said) as caught:
        transport.post("x.php", {}, repeatable=True)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.attempts) == (status, 1)
    assert "no such target" in caught.value.message
    assert len(server.asked) == 1
    assert pauses == []


@pytest.mark.parametrize("page", [b"", b"oops"])
def test_error_page_that_breaks_off(server: Any, transport: Transport, page: bytes) -> None:
    server.script = [server.cut(server.http(page, 500, length=5000))]
    with pytest.raises(ServiceUnavailableError, match="500") as caught:
        transport.post("x.php", {})
    assert caught.value.status == 500


def test_addresses_are_removed_in_any_spelling(server: Any, transport: Transport) -> None:
    server.script = [server.http((b"x" * 290) + USER.upper().encode()), server.http(USER.title().encode(), 500)]
    with pytest.raises(ProtocolError) as caught:
        transport.post("x.php", {})
    assert "SOMEONE" not in caught.value.payload_excerpt
    with pytest.raises(ServiceUnavailableError) as failed:
        transport.post("x.php", {})
    assert failed.value.payload_excerpt == "<your e-mail address>"
    assert "omeone" not in str(failed.value)


@pytest.mark.parametrize("written", ["SomeOne@example.org", "someone\\u0040example.org"])
def test_address_is_taken_out_of_replies(server: Any, transport: Transport, written: str) -> None:
    server.script = [server.http(b'{"jobPars": [{"UserID": "' + written.encode() + b'", "name": 1.5}]}')]
    reply, _ = transport.post("x", {"UserID": USER})
    assert reply == {"jobPars": [{"UserID": "<your e-mail address>", "name": 1.5}]}
    assert USER.encode() in server.asked[0].body


REPLIES = [
    lambda server: server.http(f"<html>{USER}</html>".encode()),
    lambda server: server.http(b"", 500),
    lambda server: server.cut(server.http(b"{", length=9)),
    lambda server: server.http(USER.encode() * 100, length=-1),
    lambda server: server.http(b"", 302, Location="/there"),
]


@pytest.mark.parametrize("number", range(len(REPLIES)))
def test_address_is_in_no_variable_that_a_traceback_shows(server: Any, number: int) -> None:
    server.script = [server.cut(REPLIES[number](server)) if number == 3 else REPLIES[number](server)]
    transport = Transport(server.url, SecretText(USER))
    payload = {"UserID": SecretText(USER)}
    with pytest.raises(ServiceError) as caught, conf.set_temp("max_reply", 1000):
        transport.post("x", payload)
    transport.close()
    error: BaseException | None = caught.value
    while error is not None:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert USER not in "".join(repr(frame.locals) for frame in told.stack if frame.filename != __file__)
        error = error.__cause__ or error.__context__


def test_words_of_the_service_cannot_move_the_cursor_or_forge_a_line(
    server: Any, transport: Transport, caplog: pytest.LogCaptureFixture, pauses: list[float]
) -> None:
    said = "\x1b]0;owned\x07\x1b[2Jall\u202e fine\r\nroot: logged in"
    server.script = [server.http(said.encode(), 503)]
    with caplog.at_level(logging.DEBUG, "swiftxrt"), pytest.raises(ServiceUnavailableError) as caught:
        transport.post("x.php", {}, repeatable=True)
    copy = pickle.loads(pickle.dumps(caught.value))
    for text in (str(caught.value), str(copy), *(record.getMessage() for record in caplog.records)):
        assert not set(text) & set("\x1b\x07\r\n\u202e")
    assert "all\N{REPLACEMENT CHARACTER} fine root: logged in" in caught.value.message
    assert pauses


def test_nothing_is_asked_offline(server: Any, transport: Transport, tmp_path: Any) -> None:
    with conf.set_temp("offline", True):
        with pytest.raises(OfflineError):
            transport.post("x.php", {}, repeatable=True)
        with pytest.raises(OfflineError):
            transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert server.asked == []
    assert server.connections == 0


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", "https://", "http://a b/", "http://me:pw@x.org/"])
def test_base_address_must_be_http(url: str) -> None:
    with pytest.raises(ServiceError, match="service_url") as caught:
        Transport(url, USER)
    assert "pw" not in str(caught.value)
