"""Faults 1 to 13, and 21: what the client makes of broken and slow connections, over real sockets."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest

from swiftxrt import SwiftXRTClass, XRTRequest, conf
from swiftxrt.exceptions import (
    FormatError,
    ProtocolError,
    ServiceUnavailableError,
    SubmissionUncertainError,
)
from swiftxrt.jobs.entries import EntryState
from swiftxrt.jobs.job import Job
from swiftxrt.kinds import ProductKind
from swiftxrt.testing import FaultPlan, faults
from swiftxrt.testing.faults import Fault, Request

Asked = Callable[[str], Callable[[], int]]
ClientOf = Callable[[str], AbstractContextManager[SwiftXRTClass]]

pytestmark = pytest.mark.usefixtures("plain_surroundings")


@contextmanager
def silent(family: socket.AddressFamily, host: str) -> Iterator[int]:
    """A port that neither takes nor refuses connections: its queue is full."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server((host, 0), family=family, backlog=0))
        for _ in range(3):
            sock = stack.enter_context(socket.socket(family))
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def port_of_nobody() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("127.0.0.1", marks=pytest.mark.fault_case(1)),
        pytest.param("swiftxrt.invalid", marks=pytest.mark.fault_case(2)),
    ],
)
def test_nobody_there(host: str, wanted: XRTRequest, pauses: list[float], client_of: ClientOf) -> None:
    port = port_of_nobody()
    said = "refused"
    if host != "127.0.0.1":
        with pytest.raises(socket.gaierror) as unknown:
            socket.getaddrinfo(host, port)
        said = re.escape(unknown.value.strerror)
    with client_of(f"http://{host}:{port}") as client, conf.set_temp("retries", 2):
        with pytest.raises(ServiceUnavailableError, match=f"cannot be reached.*{said}") as caught:
            client.count_active_jobs()
        assert (caught.value.was_sent, caught.value.attempts, len(pauses)) == (False, 3, 2)
        with pytest.raises(ServiceUnavailableError) as submitted:
            client.submit(wanted)
        assert type(submitted.value) is ServiceUnavailableError
        assert (submitted.value.was_sent, submitted.value.attempts) == (False, 1)
        assert client.job_book.find()[0].state is EntryState.REFUSED


@pytest.mark.fault_case(3)
def test_connection_that_is_never_made(wanted: XRTRequest, client_of: ClientOf) -> None:
    with (
        silent(socket.AF_INET, "127.0.0.1") as port,
        client_of(f"http://127.0.0.1:{port}") as client,
        conf.set_temp("connect_timeout", 0.2),
        conf.set_temp("total_timeout", 5.0),
    ):
        with conf.set_temp("retries", 1), pytest.raises(ServiceUnavailableError, match="timed out") as caught:
            client.count_active_jobs()
        assert (caught.value.was_sent, caught.value.attempts) == (False, 2)
        with conf.set_temp("total_timeout", 0.1), pytest.raises(ServiceUnavailableError, match="within 0.1 s"):
            client.submit(wanted)
        assert client.job_book.find()[0].state is EntryState.REFUSED


@pytest.mark.fault_case(4)
@pytest.mark.parametrize("fault", [faults.never_answer(), faults.stall()], ids=["header", "body"])
def test_silence(plan: FaultPlan, client: SwiftXRTClass, fault: Fault, asked: Asked) -> None:
    plan.replace(fault)
    number = asked("count")
    with conf.set_temp("read_timeout", 0.2), conf.set_temp("total_timeout", 5.0), conf.set_temp("retries", 1):
        with pytest.raises(ServiceUnavailableError, match=r"conf\.read_timeout") as caught:
            client.count_active_jobs()
        assert (caught.value.was_sent, caught.value.attempts, number()) == (True, 2, 2)
    with conf.set_temp("total_timeout", 0.2), pytest.raises(ServiceUnavailableError, match=r"conf\.total_timeout"):
        client.count_active_jobs()


@pytest.mark.fault_case(5)
@pytest.mark.parametrize("head", [True, False])
def test_trickle(plan: FaultPlan, client: SwiftXRTClass, job: Job, tmp_path: Path, *, head: bool) -> None:
    # Each byte comes long before conf.read_timeout is over, and the last one after an hour.
    slowly = (faults.huge_headers(60_000), faults.drip(20 * u.byte / u.s, head=head))
    with conf.set_temp("total_timeout", 0.3), conf.set_temp("read_timeout", 0.2):
        plan.replace(*slowly)
        with pytest.raises(ServiceUnavailableError, match=r"conf\.total_timeout"):
            client.count_active_jobs()
        plan.replace(*(fault.on("file") for fault in slowly))
        with pytest.raises(ServiceUnavailableError, match=r"conf\.total_timeout"):
            job.download(tmp_path, kinds="image")
    assert not [name for name in names(tmp_path) if not name.startswith(".")]


@pytest.mark.fault_case(6)
def test_reset_before_the_header(plan: FaultPlan, client: SwiftXRTClass, wanted: XRTRequest, asked: Asked) -> None:
    plan.replace(faults.reset().on(count=2))
    number = asked("count")
    assert client.count_active_jobs() == 0
    assert number() == 3
    plan.replace(faults.reset())
    submitted = asked("submit")
    with pytest.raises(SubmissionUncertainError, match="may have arrived") as caught:
        client.submit(wanted)
    assert caught.value.was_sent
    assert submitted() == 1


@pytest.mark.parametrize(
    ("fault", "size"),
    [
        pytest.param(faults.reset_in_body(1000), None, marks=pytest.mark.fault_case(7), id="reset"),
        pytest.param(faults.truncate(1000), 1000, marks=pytest.mark.fault_case(8), id="short"),
        pytest.param(
            faults.truncate(1000, framing="chunked"), 1000, marks=pytest.mark.fault_case(11), id="cut in chunks"
        ),
    ],
)
def test_download_that_breaks_off(
    plan: FaultPlan, job: Job, tmp_path: Path, fault: Fault, size: int | None, requests: list[Request], noting: Fault
) -> None:
    good = job.download(tmp_path, kinds="image", stem="good")[ProductKind.IMAGE].read_bytes()
    plan.replace(noting.on("file"), fault.on("file", count=1))
    assert job.download(tmp_path, kinds="image", stem="bad")[ProductKind.IMAGE].read_bytes() == good
    first, second = (dict(request.headers) for request in requests)
    assert "Range" not in first
    # What was on its way when the connection was reset may be lost.
    assert size is None or second["Range"] == f"bytes={size}-"
    plan.replace(fault.on("file"))
    with conf.set_temp("retries", 0), pytest.raises(ServiceUnavailableError, match="broke off"):
        job.download(tmp_path, kinds="image", stem="worse")
    assert not (tmp_path / "worse_image.tar.gz").exists()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.reset_in_body(), marks=pytest.mark.fault_case(7), id="reset"),
        pytest.param(faults.truncate(), marks=pytest.mark.fault_case(8), id="short"),
        pytest.param(faults.truncate(framing="chunked"), marks=pytest.mark.fault_case(11), id="cut in chunks"),
    ],
)
def test_reply_that_breaks_off(plan: FaultPlan, client: SwiftXRTClass, fault: Fault, asked: Asked) -> None:
    plan.replace(fault.on("list", count=2))
    number = asked("list")
    assert len(client.list_jobs()) == 1
    assert number() == 3
    plan.replace(fault)
    with pytest.raises(ServiceUnavailableError, match="broke off") as caught:
        client.list_jobs()
    assert caught.value.attempts == 5


@pytest.mark.fault_case(9)
def test_rest_of_a_reply_is_not_the_next_one(plan: FaultPlan, client: SwiftXRTClass) -> None:
    body = b'{"OK": 1, "APIVersion": "1.12", "numJobs": 99}'
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    plan.replace(faults.longer(forged * 1000).on("list"))  # more than is read at once
    with conf.set_temp("retries", 0):
        for _ in range(3):
            assert len(client.list_jobs()) == 1
            assert client.count_active_jobs() == 0


@pytest.mark.fault_case(10)
@pytest.mark.parametrize("form", ["tar.gz", "tar", "zip"])
def test_file_that_ends_early_though_nobody_says_so(plan: FaultPlan, job: Job, tmp_path: Path, form: str) -> None:
    plan.replace(faults.truncate(framing="close").on("file"))
    with pytest.raises(FormatError, match="breaks off"):
        job.download(tmp_path, kinds="image", archive_format=form)
    assert names(tmp_path) == []


@pytest.mark.fault_case(12)
@pytest.mark.parametrize("form", ["tar.gz", "tar", "zip"])
def test_packed_on_the_way(plan: FaultPlan, client: SwiftXRTClass, job: Job, tmp_path: Path, form: str) -> None:
    good, packed = (
        _download(plan, job, tmp_path, stem, form, *fault)
        for stem, fault in (("plain", []), ("packed", [faults.encoded()]))
    )
    assert packed == good
    assert len(client.list_jobs()) == 1


def _download(plan: FaultPlan, job: Job, folder: Path, stem: str, form: str, *wrong: Fault) -> bytes:
    plan.replace(*wrong)
    return job.download(folder, kinds="image", stem=stem, archive_format=form)[ProductKind.IMAGE].read_bytes()


@pytest.mark.fault_case(13)
@pytest.mark.parametrize(
    ("fault", "form"),
    [
        (faults.bad_encoding(), "tar"),
        (faults.bad_encoding("br"), "tar.gz"),
        (faults.bad_encoding(damaged=True), "tar.gz"),
        (faults.bad_encoding(damaged=True), "zip"),
    ],
    ids=["none", "unknown", "damaged", "damaged zip"],
)
def test_not_packed_as_said(
    plan: FaultPlan, client: SwiftXRTClass, job: Job, tmp_path: Path, fault: Fault, form: str
) -> None:
    plan.replace(fault)
    with pytest.raises(ProtocolError, match="cannot be read"):
        client.list_jobs()
    plan.replace(fault.on("file"))
    with pytest.raises(ProtocolError, match="cannot be read"):
        job.download(tmp_path, kinds="image", archive_format=form)
    assert names(tmp_path) == []


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@contextmanager
def no_ipv6(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A system that makes no sockets for addresses of this kind."""

    class Socket(socket.socket):
        def __init__(self, family: int = -1, *arguments: Any, **named: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *arguments, **named)

    monkeypatch.setattr(socket, "socket", Socket)
    yield 9


@pytest.mark.fault_case(21)
@pytest.mark.parametrize("is_known", [True, False], ids=["silent", "unknown to the system"])
def test_dead_address_and_living_one(
    plan: FaultPlan, service: str, monkeypatch: pytest.MonkeyPatch, client_of: ClientOf, *, is_known: bool
) -> None:
    if is_known and not has_ipv6():
        pytest.skip("this system has no IPv6")
    alive, real = int(service.rpartition(":")[2]), socket.getaddrinfo
    with silent(socket.AF_INET6, "::1") if is_known else no_ipv6(monkeypatch) as dead:

        def look_up(host: str, port: int, *arguments: Any, **named: Any) -> Any:
            if host != "two.test":
                return real(host, port, *arguments, **named)
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", dead, 0, 0)),
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", alive)),
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        with (
            client_of("http://two.test") as client,
            conf.set_temp("connect_timeout", 0.6),
            conf.set_temp("retries", 0),
        ):
            assert client.count_active_jobs() == 0
