"""Replies that exist only once: kept as they came, and waited for."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import Transport
from swiftxrt.backends.ukssdc import catalog
from swiftxrt.exceptions import ProtocolError, RequestRejectedError, ServiceUnavailableError


@pytest.mark.parametrize(
    "body", [b'{"OK": 1, "a": "\xc3\xa9"}\n', b"<html>down</html>", b'{"OK": 1', b"", b"\xff\xfe\x00"]
)
def test_the_body_is_kept_as_it_came(server: Any, transport: Transport, tmp_path: Path, body: bytes) -> None:
    server.script = [server.http(body)]
    kept = tmp_path / "kept.reply"
    kept.write_text("an earlier one")
    if body.startswith(b'{"OK": 1, '):
        assert transport.post("x.php", {}, keep=kept)[0] == {"OK": 1, "a": "é"}
    else:
        with pytest.raises(ProtocolError):
            transport.post("x.php", {}, keep=kept)
    assert kept.read_bytes() == body
    assert list(tmp_path.iterdir()) == [kept]


def test_packed_bodies_are_kept_unpacked(server: Any, transport: Transport, tmp_path: Path) -> None:
    server.script = [server.http(gzip.compress(b'{"OK": 1}'), Content_Encoding="gzip")]
    transport.post("x.php", {}, keep=tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == b'{"OK": 1}'


def test_what_broke_off_and_refusals_are_not_kept(server: Any, transport: Transport, tmp_path: Path) -> None:
    for answer in (server.cut(server.http(b'{"OK"', length=10)), server.http(b"no", 500)):
        server.script = [answer]
        with pytest.raises(ServiceUnavailableError):
            transport.post("x.php", {}, keep=tmp_path / "kept")
    assert not list(tmp_path.iterdir())


def test_a_reply_that_cannot_be_kept_is_used(
    server: Any, transport: Transport, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    server.script = [server.http(b'{"OK": 1}')]
    with caplog.at_level("WARNING", "swiftxrt"):
        assert transport.post("x.php", {}, keep=tmp_path / "kept")[0] == {"OK": 1}
    assert "is not kept" in caplog.text


def test_patience_is_more_than_the_read_timeout(server: Any, transport: Transport) -> None:
    asked = threading.Event()

    def late(request: Any) -> bytes:
        asked.wait(0.5)
        return bytes(server.http(b'{"OK": 1}'))

    server.script = [late]
    with conf.set_temp("read_timeout", 0.1):
        assert transport.post("x.php", {}, patience_s=30.0)[0] == {"OK": 1}
        with pytest.raises(ServiceUnavailableError, match=r"within 0.1 s \(conf.read_timeout\)"):
            transport.post("x.php", {}, patience_s=0.01)
        with pytest.raises(ServiceUnavailableError, match=r"did not answer within 0.2 s;"):
            transport.post("x.php", {}, patience_s=0.2)


def test_upper_limits_are_waited_for_and_kept(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalog._LATE_S["getSXPSUL"] > 300  # five minutes are what the service takes
    monkeypatch.setitem(catalog._LATE_S, "getSXPSUL", 30.0)
    pause = threading.Event()

    def late(request: Any) -> bytes:
        pause.wait(0.4)
        return bytes(server.http(b'{"OK": 1, "TIMEOUT": "a1"}'))

    server.script = [late]
    with conf.set_temp("service_url", server.url), conf.set_temp("read_timeout", 0.1), conf.set_temp("retries", 0):
        asked = catalog.UKSSDCCatalog()
        assert asked.ask("getSXPSUL", {"RA": 1.0}, keep=tmp_path / "kept") == {"TIMEOUT": "a1"}
        assert (tmp_path / "kept").read_bytes() == b'{"OK": 1, "TIMEOUT": "a1"}'
        with pytest.raises(ServiceUnavailableError):
            asked.ask("queryDB", {})
        asked.close()


def test_a_result_that_exists_once_is_not_asked_for_again(server: Any, tmp_path: Path) -> None:
    with conf.set_temp("service_url", server.url), conf.set_temp("retry_wait", 0.0):
        asked = catalog.UKSSDCCatalog()
        server.script = [server.cut(b""), server.http(b'{"OK": 1}')]
        with pytest.raises(ServiceUnavailableError):
            asked.ask("getSXPSUL", {"ULID": "a1"})
        assert asked.ask("getSXPSUL", {"ULID": "a1"}) == {}
        server.script = [server.cut(b""), server.http(b'{"ERROR": 1, "ERRORTEXT": "no"}')]
        with pytest.raises(RequestRejectedError):  # a position may be asked about twice
            asked.ask("getSXPSUL", {"RA": 1.0}, keep=tmp_path / "kept")
        assert b"ERROR" in (tmp_path / "kept").read_bytes()
        asked.close()
