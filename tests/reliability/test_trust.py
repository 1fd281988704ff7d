"""Faults 14 to 20: whom the client trusts: redirections, certificates, proxies and stored passwords."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import ImageRequest, SwiftXRTClass, Target, XRTRequest, conf
from swiftxrt.exceptions import ServiceError, ServiceUnavailableError
from swiftxrt.jobs.entries import EntryState
from swiftxrt.jobs.job import Job
from swiftxrt.testing import FaultPlan, faults
from swiftxrt.testing.faults import Fault, Request

Asked = Callable[[str], Callable[[], int]]
ClientOf = Callable[[str], AbstractContextManager[SwiftXRTClass]]

pytestmark = pytest.mark.usefixtures("plain_surroundings")


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


@pytest.mark.fault_case(14)
@pytest.mark.parametrize("status", [301, 302, 303])
def test_what_would_be_lost_on_the_way_stays(
    plan: FaultPlan, client: SwiftXRTClass, status: int, requests: list[Request], noting: Fault
) -> None:
    plan.replace(noting, faults.redirect("/user_objects/elsewhere.php", status=status).on("submit"))
    unlike_any_job = XRTRequest(target=Target("another source"), image=ImageRequest())
    with pytest.raises(ServiceError, match=rf"{status}.*conf\.service_url"):
        client.submit(unlike_any_job)
    assert {request.method for request in requests} == {"POST"}
    assert [request.call for request in requests if request.call in ("submit", "other")] == ["submit"]
    assert client.job_book.find()[0].state is EntryState.REFUSED


@pytest.mark.fault_case(14)
@pytest.mark.parametrize("status", [307, 308])
def test_body_goes_along(
    plan: FaultPlan, client: SwiftXRTClass, status: int, requests: list[Request], noting: Fault
) -> None:
    plan.replace(noting, faults.redirect(status=status).on(count=1))
    assert client.count_active_jobs() == 0
    first, second = requests
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert first.json["UserID"] == "someone.known@example.org"


@pytest.mark.fault_case(15)
def test_circles_end(plan: FaultPlan, client: SwiftXRTClass, job: Job, tmp_path: Path, asked: Asked) -> None:
    counted, files = asked("count"), asked("file")
    plan.replace(faults.redirect(status=307).on("count"), faults.redirect().on("file"))
    with pytest.raises(ServiceError, match="more than 5 redirections"):
        client.count_active_jobs()
    with pytest.raises(ServiceError, match="more than 5 redirections"):
        job.download(tmp_path, kinds="image")
    assert (counted(), files()) == (6, 6)
    assert names(tmp_path) == []


@pytest.mark.fault_case(16)
@pytest.mark.parametrize("host", ["http://127.0.0.1", "http://localhost", "https://127.0.0.1"])
def test_no_other_host_is_asked(plan: FaultPlan, client: SwiftXRTClass, job: Job, tmp_path: Path, host: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.setblocking(False)
        there = f"{host}:{other.getsockname()[1]}/secret"
        plan.replace(faults.redirect(there, status=307).on("count"), faults.redirect(there).on("file"))
        for do in (client.count_active_jobs, lambda: job.download(tmp_path, kinds="image")):
            with conf.set_temp("total_timeout", 2.0), pytest.raises(ServiceError, match="not followed") as caught:
                do()
            assert not isinstance(caught.value, ServiceUnavailableError)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert names(tmp_path) == []


class Encrypted:
    """Answers over TLS, always in the same way, with a certificate that vouches for itself."""

    def __init__(self, folder: Path, host: str) -> None:
        key, self.certificate = folder / "key.pem", folder / "certificate.pem"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key]
        name = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
        command = ["openssl", "req", "-x509", "-days", "2", *curve, *name, "-out", self.certificate]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.asked: list[str] = []
        self.status, self.headers, self.body = 200, {}, b'{"OK": 1, "APIVersion": "1.12", "numJobs": 3}'
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        here = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                here.asked.append(self.path)
                self.send_response(here.status)
                for name, text in {**here.headers, "Content-Length": str(len(here.body))}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(here.body)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients leave when they do not like the certificate."""


@pytest.fixture
def encrypted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Encrypted]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    made = Encrypted(tmp_path, getattr(request, "param", "localhost"))
    yield made
    made.close()


@pytest.mark.fault_case(17)
def test_no_way_out_of_encryption(
    encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch, asked: Asked, client_of: ClientOf
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(encrypted.certificate))
    with client_of(encrypted.url) as client:
        assert client.count_active_jobs() == 3
        with closing(socket.create_server(("127.0.0.1", 0))) as plain:
            plain.setblocking(False)
            encrypted.status = 307
            encrypted.headers = {"Location": f"http://localhost:{plain.getsockname()[1]}/x"}
            with (
                conf.set_temp("total_timeout", 2.0),
                pytest.raises(ServiceError, match="not encrypted; not followed"),
            ):
                client.count_active_jobs()
            with pytest.raises(BlockingIOError):
                plain.accept()
    assert len(encrypted.asked) == 2


@pytest.mark.fault_case(18)
@pytest.mark.parametrize(
    ("encrypted", "is_known", "said"),
    [("localhost", False, "self.signed"), ("elsewhere.test", True, "mismatch")],
    indirect=["encrypted"],
)
def test_certificate_that_proves_nothing(
    encrypted: Encrypted,
    monkeypatch: pytest.MonkeyPatch,
    is_known: bool,
    said: str,
    wanted: XRTRequest,
    asked: Asked,
    client_of: ClientOf,
) -> None:
    if is_known:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(encrypted.certificate))
    with client_of(encrypted.url) as client:
        for do in (client.count_active_jobs, lambda: client.submit(wanted)):
            with pytest.raises(ServiceError, match=f"{said}.*nothing was sent") as caught:
                do()
            assert not isinstance(caught.value, ServiceUnavailableError)
        assert client.job_book.find()[0].state is EntryState.REFUSED
    assert encrypted.asked == []


@pytest.mark.fault_case(19)
def test_proxy_is_asked(
    plan: FaultPlan,
    service: str,
    monkeypatch: pytest.MonkeyPatch,
    asked: Asked,
    requests: list[Request],
    noting: Fault,
    client_of: ClientOf,
) -> None:
    """The server of faults stands in for a proxy: it is asked for the whole address."""
    reply = b'{"OK": 1, "APIVersion": "1.12", "numJobs": 4}'
    plan.replace(noting, faults.replace_body(reply), Fault("not asked", processed=False))
    monkeypatch.setenv("http_proxy", service)
    with client_of("http://service.invalid") as client:
        assert client.count_active_jobs() == 4
        assert [request.target for request in requests] == ["http://service.invalid/user_objects/getNumJobs.php"]
        monkeypatch.setenv("no_proxy", "service.invalid")
        with conf.set_temp("retries", 0), pytest.raises(ServiceUnavailableError, match="cannot be reached"):
            client.count_active_jobs()
    assert len(requests) == 1


@pytest.mark.fault_case(20)
def test_password_of_the_host_is_not_sent(
    plan: FaultPlan,
    client: SwiftXRTClass,
    job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    requests: list[Request],
    noting: Fault,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    plan.replace(noting)
    client.count_active_jobs()
    job.download(tmp_path, kinds="image")
    assert {request.call for request in requests} >= {"count", "file"}
    sent = {name.lower() for request in requests for name, _ in request.headers}
    assert "authorization" not in sent
