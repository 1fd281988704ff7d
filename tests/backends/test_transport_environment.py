"""What the transport takes from its surroundings: proxies and certificates, but no passwords and no cookies."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftxrt.backends.transport import Transport
from swiftxrt.exceptions import ServiceError, ServiceUnavailableError

USER = "someone@example.org"
LATER = "20991231000000Z"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.fault_case(20)
def test_netrc_is_not_sent(server: Any, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    transport.post("x.php", {})
    transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert len(server.asked) == 2
    assert all("authorization" not in asked.headers for asked in server.asked)


def test_cookies_are_not_kept(server: Any, transport: Transport) -> None:
    server.script = [server.http(b"{}", Set_Cookie="id=1; Path=/")]
    transport.post("x.php", {})
    transport.post("x.php", {})
    assert all("cookie" not in asked.headers for asked in server.asked)


@pytest.mark.fault_case(19)
def test_proxy_is_asked(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    far = Transport("http://service.test", USER)
    assert far.post("x.php", {})[0] == {}
    assert server.asked[0].path == "http://service.test/x.php"
    monkeypatch.setenv("no_proxy", "service.test")
    with pytest.raises(ServiceUnavailableError):
        far.post("x.php", {}, deadline_s=5.0)
    far.close()
    assert len(server.asked) == 1


@pytest.mark.fault_case(19)
@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Who\r\n\r\n", b"", b"HTTP/1.1 200 "])
def test_proxy_that_refuses_gets_nothing(
    server: Any, monkeypatch: pytest.MonkeyPatch, pauses: list[float], answer: bytes
) -> None:
    monkeypatch.setenv("https_proxy", server.url)
    server.script = [server.cut(answer)]
    far = Transport("https://service.test", USER)
    with pytest.raises(ServiceUnavailableError) as caught:
        far.post("x.php", {"a": 1})
    far.close()
    assert not caught.value.was_sent
    assert [asked.method for asked in server.asked] == ["CONNECT"]
    assert server.asked[0].body == b""


@pytest.mark.fault_case(19)
def test_trickling_proxy_ends_at_the_deadline(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces(_: Any) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nX: "
        while not server.stop.wait(0.01):
            yield b" "

    monkeypatch.setenv("https_proxy", server.url)
    server.script = [pieces]
    far = Transport("https://service.test", USER)
    with pytest.raises(ServiceUnavailableError, match="was not reached within 0.2 s"):
        far.post("x.php", {}, deadline_s=0.2)
    far.close()


class EncryptedServer:
    """Answers every request over TLS, with a certificate of its own making."""

    def __init__(self, folder: Path, *, name: str, until: str) -> None:
        key, self.certificate = folder / "key.pem", folder / "certificate.pem"
        _certify(folder, key, self.certificate, name, until)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            try:
                with sock, self._context.wrap_socket(sock, server_side=True) as safe:
                    text = safe.recv(65536)
                    while not text.endswith(b"{}"):
                        text += safe.recv(65536)
                    self.received.append(text)
                    safe.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"OK": 1}')
            except OSError:
                continue  # the client did not like the certificate

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def _certify(folder: Path, key: Path, certificate: Path, name: str, until: str) -> None:
    """Make a certificate that vouches for itself, from 2020 on."""
    (folder / "index").touch()
    (folder / "settings").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nnew_certs_dir={folder}\nrand_serial=yes\n"
        f"default_md=sha256\npolicy=any\nx509_extensions=more\n[any]\ncommonName=supplied\n[more]\n"
        f"subjectAltName=DNS:{name}\n[req]\ndistinguished_name=none\n[none]\n"
    )
    settings = ["-config", folder / "settings"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    wish = [
        "openssl",
        "req",
        *settings,
        "-new",
        *curve,
        "-keyout",
        key,
        "-out",
        folder / "wish",
        "-subj",
        f"/CN={name}",
    ]
    dates = ["-startdate", "20200101000000Z", "-enddate", until, "-notext"]
    made = ["openssl", "ca", *settings, "-selfsign", "-batch", *dates, "-keyfile", key, "-out", certificate]
    for command in (wish, [*made, "-in", folder / "wish"]):
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def encrypted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EncryptedServer]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    name, until = getattr(request, "param", ("localhost", LATER))
    made = EncryptedServer(tmp_path, name=name, until=until)
    yield made
    made.close()


def test_certificate_that_is_trusted(encrypted: EncryptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(encrypted.certificate))
    safe = Transport(encrypted.url, USER)
    assert safe.post("x.php", {})[0] == {"OK": 1}
    safe.close()


@pytest.mark.fault_case(18)
@pytest.mark.parametrize(
    ("encrypted", "is_known", "said"),
    [
        (("localhost", LATER), False, "self.signed"),
        (("elsewhere.test", LATER), True, "[Hh]ostname mismatch"),
        (("localhost", "20200102000000Z"), True, "expired"),
    ],
    indirect=["encrypted"],
)
def test_certificate_that_is_not(
    encrypted: EncryptedServer, pauses: list[float], monkeypatch: pytest.MonkeyPatch, is_known: bool, said: str
) -> None:
    if is_known:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(encrypted.certificate))
    unsafe = Transport(encrypted.url, USER)
    with pytest.raises(ServiceError, match=said) as caught:
        unsafe.post("x.php", {}, repeatable=True)
    unsafe.close()
    assert not isinstance(caught.value, ServiceUnavailableError)
    assert "nothing was sent" in str(caught.value)
    assert encrypted.received == []
    assert pauses == []


def test_no_encryption_where_there_should_be(server: Any, pauses: list[float]) -> None:
    server.script = [server.cut(b"HTTP/1.1 400 Bad\r\n\r\n")]
    confused = Transport(server.url.replace("http:", "https:"), USER)
    with pytest.raises(ServiceUnavailableError) as caught:
        confused.post("x.php", {}, deadline_s=2.0)
    confused.close()
    assert not caught.value.was_sent
