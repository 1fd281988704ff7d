"""Whatever clients send: an answer or a 4xx, and never a failure of the server."""

from __future__ import annotations

import json
import socket
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swiftxrt.backends.local.products import LocalBackend
from swiftxrt.kinds import ProductKind
from swiftxrt.server.handlers import API_PATH, FUNCTIONS, PATHS, Service
from swiftxrt.server.limits import JobLimit
from swiftxrt.server.payload import check_payload, excerpt, read_payload
from swiftxrt.server.refusals import RefusedError
from swiftxrt.server.users import UserRegistry
from swiftxrt.testing.server import embedded_server
from swiftxrt.wire.names import SWIFTTOOLS_NAMES

from .conftest import EVERYTHING, USER, FakeBackend

KEYS = sorted(
    {
        *("UserID", "JobID", "oldJob", "what", "whatProg", "nosys", "incbad", "api_version", "api_name", "APIFunc"),
        *("type", "objectID", "name", "sinceT0", "wtmaxGap", "timeFormat"),
        *SWIFTTOOLS_NAMES,
        *SWIFTTOOLS_NAMES.values(),
        *(kind.flag for kind in ProductKind),
    }
)

NUMBERS = st.one_of(
    st.integers(),
    st.integers(10**300, 10**308),
    st.floats(),
    st.sampled_from([0, 1, -1, 1e308, 1e-308, 951, 10**4000]),
)
WORDS = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(codec=None, categories=None), max_size=5),
    st.text(string.digits + ".-+eE:, ", max_size=30),
    st.sampled_from(
        [
            *(
                "yes",
                "no",
                "both",
                "all",
                "user",
                "hours",
                "counts",
                "time",
                "snapshot",
                "obsid",
                "lc,spec",
                "1",
                "1.12",
            ),
            *("0-1000", "1e400", "nan", "inf", "0.3-10,1-4", "00012345001", "2020-01-01", "UOB_LC", "REBIN_LC", "\0"),
            *FUNCTIONS,
        ]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
PAYLOADS = st.one_of(JSON, st.dictionaries(st.one_of(st.sampled_from(KEYS), WORDS), JSON, max_size=12))
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.one_of(SCALARS, JSON), max_size=6)
PLACES = st.sampled_from([*PATHS, API_PATH])


def service() -> Service:
    """A server with a job in every state and a finished light curve."""
    backend = FakeBackend()
    made = Service(backend, UserRegistry([USER]), job_limit=JobLimit(50))
    made.answer("run_userobject.php", {"UserID": USER, **EVERYTHING}, "http://server")
    backend.end("1", ProductKind.STANDARD_POSITION, error="no source")
    return made


def check(reply: dict[str, Any], path: str) -> None:
    text = json.dumps(reply)
    assert len(text) < 100_000
    assert "Traceback" not in text
    if path == API_PATH:
        assert ("OK" in reply) != ("ERROR" in reply)
        assert "ERROR" in reply or reply["APIVersion"] == "1.0.5"  # the service sends none with errors
        return
    assert reply["OK"] in (0, 1, 2)
    assert type(reply["OK"]) is int
    assert reply["APIVersion"] == "1.12"
    assert (reply["OK"] == 0) == ("ERROR" in reply)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLACES, PAYLOADS)
def test_any_json_is_answered(path: str, payload: Any) -> None:
    check(service().answer(path, payload, "http://server"), path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLACES, CHANGES)
def test_any_change_of_a_good_request_is_answered(path: str, changes: dict[str, Any]) -> None:
    payload = {"UserID": USER, "JobID": 1, "oldJob": 1, "what": "lc", **EVERYTHING, **changes}
    check(service().answer(path, payload, "http://server"), path)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(FUNCTIONS)), CHANGES)
def test_any_rebinning_is_answered(function: str, changes: dict[str, Any]) -> None:
    payload = {"type": "UOB_LC", "objectID": "1", "binMeth": "time", **changes, "APIFunc": function}
    check(service().answer(API_PATH, payload, "http://server"), API_PATH)


@pytest.fixture(scope="module")
def local(small_archive: Path) -> Iterator[Service]:
    """A server with the real backend, which accepts jobs and builds nothing."""
    with LocalBackend(small_archive, workers=1) as backend, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend._scheduler, "put", lambda *_, **__: None)
        made = Service(backend, UserRegistry([USER]), job_limit=JobLimit(None))
        made.answer("run_userobject.php", GOOD, "http://server")
        yield made


GOOD = {"UserID": USER, **EVERYTHING, "name": "constant source", "getCoords": 1}
del GOOD["RA"], GOOD["Dec"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=PLACES, changes=CHANGES)
def test_the_real_backend_answers_too(local: Service, path: str, changes: dict[str, Any]) -> None:
    payload = {**GOOD, "JobID": 1, "oldJob": 1, "what": "lc", **changes}
    check(local.answer(path, payload, "http://server"), path)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read(body: bytes) -> None:
    payload = read_payload(body)
    if isinstance(payload, dict) and "\0" not in json.dumps(payload):
        assert check_payload(payload) is payload
    else:
        with pytest.raises(RefusedError):
            check_payload(payload)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
        b'"\\ud800"',
        b"\xff\xfe",
        b"NaN",
    ],
)
def test_bodies_that_hurt_readers_of_json(body: bytes) -> None:
    with pytest.raises(RefusedError):
        check_payload(read_payload(body))


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"a": [[[[[[[[[[1]]]]]]]]]]}, "nested"),
        ({"a": [0] * 5000}, "too large"),
        ({str(number): 0 for number in range(5000)}, "too large"),
        ({"name": "\ud800"}, "not Unicode"),
        ({"\udfff": 1}, "not Unicode"),
        ({"name": "a\0b"}, "null"),
        ({"RA": 10**400}, "too large"),
        ({"RA": -(10**80)}, "too large"),
        ([1], "not a JSON object"),
    ],
)
def test_what_cannot_be_a_request_is_refused_with_a_reason(payload: Any, text: str) -> None:
    with pytest.raises(RefusedError, match=text):
        check_payload(payload)


def test_excerpts_are_short_and_on_one_line() -> None:
    assert excerpt("a\n b\t c") == "a b c"
    assert len(excerpt("x" * 10_000)) == 61
    assert excerpt({"a": 1}) == "{'a': 1}"


# ---------------------------------------------------------------- over a socket


@pytest.fixture(scope="module")
def url(small_archive: Path) -> Iterator[str]:
    with embedded_server(small_archive, users=[USER]) as address:
        yield address


@pytest.mark.parametrize("path", [*(f"user_objects/{path}" for path in PATHS), API_PATH])
@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b"null", b"[" * 100_000, b"\xff", b'{"UserID": "\\ud800"}'])
def test_bad_bodies_are_answered(url: str, path: str, body: bytes) -> None:
    reply = requests.post(f"{url}/{path}", data=body, timeout=30)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert ("ERROR" in reply.json()) is True


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
def test_the_type_of_the_body_does_not_matter(url: str, kind: str) -> None:
    body = json.dumps({"UserID": USER})
    reply = requests.post(f"{url}/user_objects/getNumJobs.php", data=body, headers={"Content-Type": kind}, timeout=30)
    assert reply.json()["numJobs"] == 0


def test_huge_bodies_are_refused(url: str) -> None:
    reply = requests.post(f"{url}/user_objects/run_userobject.php", data=b"x" * (2 << 20), timeout=30)
    assert reply.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("POST", "", 404),
        ("GET", "user_objects/run_userobject.php", 405),
        ("PUT", "user_objects/getNumJobs.php", 405),
        ("POST", "user_objects/nothing.php", 404),
        ("POST", "user_objects/tprods/USERPROD_1/lc.zip", 405),
        ("GET", "user_objects/tprods/USERPROD_x/lc.zip", 404),
        ("GET", "user_objects/tprods/USERPROD_99999999999999999999999/lc.zip", 404),
        ("GET", "user_objects/tprods/USERPROD_-1/lc.zip", 404),
        ("GET", "user_objects/../../etc/passwd", 404),
        ("GET", "%00%ff", 404),
        ("POST", "API/main.php/x", 404),
    ],
)
def test_unknown_places(url: str, method: str, path: str, status: int) -> None:
    assert requests.request(method, f"{url}/{path}", data=b"{}", timeout=30).status_code == status


@pytest.mark.parametrize("host", [b"[", b"a b", b"\xff", b"x" * 5000, b"[::1", b"http://[x", b""])
def test_servers_called_by_impossible_names(url: str, host: bytes) -> None:
    body = json.dumps({"UserID": USER}).encode()
    head = b"POST /user_objects/getNumJobs.php HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    status, _ = raw(url, head + body)
    assert status in (200, 400)


def test_clients_that_hang_up_leave_no_trace(url: str, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /user_objects/getNumJobs.php HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    for data in (head, b"POST ", b""):
        with connect(url) as connection:
            connection.sendall(data)
    status, _ = raw(url, b"nonsense\r\n\r\n")
    assert status == 400
    assert requests.post(f"{url}/user_objects/getNumJobs.php", json={"UserID": USER}, timeout=30).json()["OK"] == 1
    assert "Exception" not in caplog.text


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def raw(url: str, data: bytes) -> tuple[int, bytes]:
    """Status and the rest of the answer to plain bytes."""
    with connect(url) as connection:
        connection.sendall(data)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1]), answer
