"""Which addresses are asked, above all those that replies and redirections name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import Transport
from swiftxrt.backends.transport.addresses import Origin, confined, redirected, split
from swiftxrt.exceptions import ProtocolError, ServiceError

SECURE, _ = split("https://www.swift.ac.uk")
LOCAL, _ = split("http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("base", "url", "asked"),
    [
        (SECURE, "https://www.swift.ac.uk:443/x?a=b c", "same"),
        (SECURE, "https://WWW.swift.ac.uk/x", "same"),
        (SECURE, "http://www.swift.ac.uk/x?y", "https://www.swift.ac.uk/x?y"),
        (SECURE, "http://www.swift.ac.uk:80/x", "https://www.swift.ac.uk/x"),
        (SECURE, "http://files.test/x", "https://files.test/x"),
        (SECURE, "https://files.test/x", "same"),
        (SECURE, "https://ported.test:8443/x", "same"),
        (SECURE, "http://plain.test/x", "same"),
        (LOCAL, "http://127.0.0.1:8000/x", "same"),
        (LOCAL, "https://127.0.0.1:8000/x", "same"),
        (LOCAL, "https://127.0.0.1/x", "same"),
        (LOCAL, "http://files.test/x", "same"),
    ],
)
def test_addresses_of_the_service(base: Origin, url: str, asked: str) -> None:
    with conf.set_temp("service_hosts", "files.test, ported.test:8443 http://plain.test"):
        assert confined(url, base) == (url if asked == "same" else asked)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (SECURE, "http://www.swift.ac.uk:8080/x"),
        (SECURE, "https://www.swift.ac.uk:8443/x"),
        (SECURE, "https://www.swift.ac.uk.evil.test/x"),
        (SECURE, "https://evil.test/www.swift.ac.uk"),
        (SECURE, "https://www.swift.ac.uk@evil.test/x"),
        (SECURE, "https://me:pw@www.swift.ac.uk/x"),
        (SECURE, "https://www.swift.ac.uk\\@evil.test/x"),
        (SECURE, "https://evil.test\\.www.swift.ac.uk/x"),
        (SECURE, "https://www.swift.ac.uk\t.evil.test/x"),
        (SECURE, "https://www.swift.ac.uk\n/x"),
        (SECURE, "https://www.ѕwift.ac.uk/x"),
        (SECURE, "https://www.swift.ac.uk:99999/x"),
        (SECURE, "//www.swift.ac.uk/x"),
        (SECURE, "/etc/hosts"),
        (SECURE, ""),
        (SECURE, "file:///etc/hosts"),
        (SECURE, "ftp://www.swift.ac.uk/x"),
        (SECURE, "gopher://www.swift.ac.uk/x"),
        (SECURE, "javascript:alert(1)"),
        (SECURE, "https://[::1/x"),
        (SECURE, "https://www.swift.ac.uk/" + "x" * 10_000),
        (SECURE, "http://169.254.169.254/latest/meta-data"),
        (SECURE, "http://localhost/x"),
        (LOCAL, "http://127.0.0.1/x"),
        (LOCAL, "http://127.0.0.1:8000@evil.test/x"),
        (LOCAL, "http://2130706433:8000/x"),
        (LOCAL, "http://0x7f.1:8000/x"),
        (LOCAL, "http://127.1:8000/x"),
        (LOCAL, "http://[::ffff:127.0.0.1]:8000/x"),
        (LOCAL, "http://localhost:8000/x"),
        (LOCAL, "http://127.0.0.1:x/"),
    ],
)
def test_addresses_elsewhere(base: Origin, url: str) -> None:
    with pytest.raises(ServiceError, match="not followed") as caught:
        confined(url, base)
    assert len(str(caught.value)) < 600
    assert "conf.service_hosts" in str(caught.value)


@pytest.mark.parametrize("entry", ["ftp://x.test", "http://", "a@b", "x:y"])
def test_hosts_that_are_none(entry: str) -> None:
    with conf.set_temp("service_hosts", entry), pytest.raises(ServiceError, match="holds .* which is no host"):
        confined("https://files.test", SECURE)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/y", "https://www.swift.ac.uk/y"),
        ("y?z=1", "https://www.swift.ac.uk/a/y?z=1"),
        ("//www.swift.ac.uk/y", "https://www.swift.ac.uk/y"),
        ("https://www.swift.ac.uk/y", "https://www.swift.ac.uk/y"),
    ],
)
@pytest.mark.parametrize("with_body", [False, True])
def test_redirections_that_are_followed(location: str, target: str, *, with_body: bool) -> None:
    assert redirected("https://www.swift.ac.uk/a/b", location, SECURE, with_body=with_body) == target


def test_redirection_to_the_encrypted_side() -> None:
    base, _ = split("http://www.swift.ac.uk")
    assert redirected(f"{base}/x", "https://www.swift.ac.uk/y", base, with_body=True) == "https://www.swift.ac.uk/y"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://www.swift.ac.uk/a", "not encrypted"),
        ("https://evil.test/", "does not lie there"),
        ("//evil.test/", "does not lie there"),
        ("file:///etc/passwd", "no http"),
        ("https://a@www.swift.ac.uk/", "user name"),
        ("https://[bad", "not followed"),
    ],
)
def test_redirections_that_are_refused(location: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        redirected("https://www.swift.ac.uk/a", location, SECURE, with_body=False)


def test_what_is_sent_stays_at_its_host() -> None:
    with conf.set_temp("service_hosts", "files.test"):
        where = "https://www.swift.ac.uk/a", "https://files.test/b", SECURE
        assert redirected(*where, with_body=False) == "https://files.test/b"
        with pytest.raises(ServiceError, match="not followed"):
            redirected(*where, with_body=True)


def test_redirection_to_nowhere() -> None:
    with pytest.raises(ProtocolError, match="where to"):
        redirected("https://www.swift.ac.uk/a", None, SECURE, with_body=False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_downloads_follow(server: Any, transport: Transport, tmp_path: Path, status: int) -> None:
    server.script = [server.http(b"moved", status, Location="/b"), server.http(b"content")]
    assert transport.fetch(f"{server.url}/a", tmp_path / "x").read_bytes() == b"content"
    assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/a"), ("GET", "/b")]


@pytest.mark.fault_case(14)
@pytest.mark.parametrize("status", [307, 308])
def test_body_is_kept(server: Any, transport: Transport, status: int) -> None:
    server.script = [server.http(b"", status, Location=f"{server.url}/new/x.php"), server.http(b'{"OK": 1}')]
    assert transport.post("x.php", {"a": 1})[0] == {"OK": 1}
    assert [(asked.method, asked.path, asked.body) for asked in server.asked] == [
        ("POST", "/x.php", b'{"a": 1}'),
        ("POST", "/new/x.php", b'{"a": 1}'),
    ]


@pytest.mark.fault_case(14)
@pytest.mark.parametrize("status", [301, 302, 303])
def test_body_is_never_dropped(server: Any, transport: Transport, pauses: list[float], status: int) -> None:
    server.script = [server.http(b"", status, Location="/new/x.php"), server.http(b"{}")]
    with pytest.raises(ServiceError, match="conf.service_url") as caught:
        transport.post("x.php", {}, repeatable=True)
    assert caught.value.status == status
    assert len(server.asked) == 1


def test_a_service_that_has_moved_is_told_by_its_own_setting(server: Any) -> None:
    server.script = [server.http(b"", 302, Location="/new")]
    heasarc = Transport(server.url, "", setting="conf.heasarc_url")
    with pytest.raises(ServiceError, match="set conf.heasarc_url to its new address"):
        heasarc.post("tap", {})
    heasarc.close()


@pytest.mark.fault_case(16)
@pytest.mark.parametrize("status", [302, 307])
def test_other_hosts_are_not_asked(
    server: Any, other_server: Any, transport: Transport, tmp_path: Path, status: int
) -> None:
    server.script = [server.http(b"", status, Location=f"{other_server.url}/secret")]
    with pytest.raises(ServiceError) as caught:
        transport.fetch(f"{server.url}/a", tmp_path / "x")
    assert caught.value.status == status
    with pytest.raises(ServiceError):
        transport.post("x.php", {})
    with pytest.raises(ServiceError):
        transport.fetch(f"{other_server.url}/secret", tmp_path / "x")
    assert other_server.connections == 0
    assert list(tmp_path.iterdir()) == []
    with conf.set_temp("service_hosts", other_server.url):
        assert transport.fetch(f"{server.url}/a", tmp_path / "x").read_bytes() == b"{}"


@pytest.mark.fault_case(15)
def test_circles_end(server: Any, transport: Transport, tmp_path: Path) -> None:
    server.script = [server.http(b"", 302, Location="/a")]
    with pytest.raises(ServiceError, match="more than 5 redirections"):
        transport.fetch(f"{server.url}/a", tmp_path / "x")
    assert len(server.asked) == 6
    server.script = [server.http(b"", 307, Location="/a")]
    with pytest.raises(ServiceError, match="more than 5 redirections"):
        transport.post("a", {})


@pytest.mark.parametrize("url", ["http://[::1]:80/", "http://localhost/", "http://127.9.9.9:1/"])
def test_this_computer(url: str) -> None:
    assert split(url)[0].is_loopback
    assert not SECURE.is_loopback
