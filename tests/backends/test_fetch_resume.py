"""Downloads that go on where an earlier attempt ended, if it is still the same file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from swiftxrt import conf
from swiftxrt.backends.transport import Transport, waiting
from swiftxrt.exceptions import FormatError, ServiceError, ServiceUnavailableError

CONTENT = bytes(range(256)) * 40
NEWER = CONTENT[::-1] + b"longer"


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def ranges(server: Any) -> list[str | None]:
    return [asked.headers.get("range") for asked in server.asked]


@pytest.fixture
def interrupted(server: Any, transport: Transport, tmp_path: Path) -> Iterator[Path]:
    """A download that broke off after 1000 bytes."""
    server.script = [server.file(CONTENT, cut_after=1000)]
    target = tmp_path / "x"
    with conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnavailableError):
            transport.fetch(f"{server.url}/x", target)
        assert names(tmp_path) == [".x.part", ".x.part.json"]
        server.asked.clear()
        server.script = [server.file(CONTENT)]
        yield target


@pytest.mark.fault_case(7, 8)
def test_within_one_call(server: Any, transport: Transport, tmp_path: Path, pauses: list[float]) -> None:
    server.script = [server.file(CONTENT, cut_after=1000), server.file(CONTENT, cut_after=3), server.file(CONTENT)]
    found = transport.download(f"{server.url}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert (found.outcome, found.size) == ("fetched", len(CONTENT))
    assert ranges(server) == [None, "bytes=1000-", "bytes=1003-"]
    assert server.asked[1].headers["if-range"] == '"v1"'
    assert pauses == [1.0, 2.0]
    assert names(tmp_path) == ["x"]


def test_in_the_next_call(server: Any, transport: Transport, interrupted: Path) -> None:
    found = transport.download(f"{server.url}/x", interrupted)
    assert interrupted.read_bytes() == CONTENT
    assert found.outcome == "resumed"
    assert ranges(server) == ["bytes=1000-"]
    assert names(interrupted.parent) == ["x"]


def test_only_if_wanted(server: Any, transport: Transport, interrupted: Path) -> None:
    server.script = [server.file(CONTENT, cut_after=2000)]
    with pytest.raises(ServiceUnavailableError):
        transport.fetch(f"{server.url}/x", interrupted, resume=False)
    assert ranges(server) == [None]
    assert names(interrupted.parent) == []


def test_gains_count_as_success(server: Any, transport: Transport, tmp_path: Path, pauses: list[float]) -> None:
    content = bytes(10_000_000)
    server.script = [server.file(content, cut_after=2_000_000)] * 4 + [server.file(content)]
    with conf.set_temp("retries", 1):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert pauses == [1.0] * 4
    assert (tmp_path / "x").stat().st_size == len(content)


@pytest.mark.fault_case(35)
@pytest.mark.parametrize("retries", [0, 1])
def test_the_file_has_changed(server: Any, transport: Transport, interrupted: Path, retries: int) -> None:
    server.script = [server.file(NEWER, '"v2"')]  # sends the whole, because of If-Range
    found = transport.download(f"{server.url}/x", interrupted)
    assert interrupted.read_bytes() == NEWER
    assert found.outcome == "fetched"
    assert ranges(server) == ["bytes=1000-"]


@pytest.mark.fault_case(33)
def test_ranges_are_not_known(server: Any, transport: Transport, interrupted: Path) -> None:
    server.script = [server.http(CONTENT)]
    transport.fetch(f"{server.url}/x", interrupted)
    assert interrupted.read_bytes() == CONTENT


REST, SIZE = CONTENT[1000:], len(CONTENT)


@pytest.mark.fault_case(32, 35)
@pytest.mark.parametrize(
    ("body", "named"),
    [
        (REST, {"Content_Range": f"bytes 1000-{SIZE - 1}/{SIZE}", "ETag": '"v2"'}),
        (REST, {"Content_Range": f"bytes 1000-{SIZE - 1}/{SIZE + 1}"}),
        (REST, {"Content_Range": f"bytes 999-{SIZE - 1}/{SIZE}"}),
        (REST, {"Content_Range": f"bytes 0-{SIZE - 1}/{SIZE}"}),
        (REST, {"Content_Range": f"bytes 1000-{SIZE}/{SIZE}"}),
        (REST, {"Content_Range": f"bytes 1000-900/{SIZE}"}),
        (REST, {"Content_Range": "bytes */10"}),
        (REST, {"Content_Range": f"lines 1000-{SIZE - 1}/{SIZE}"}),
        (REST, {}),
        (REST[:-1], {"Content_Range": f"bytes 1000-{SIZE - 1}/{SIZE}"}),
        (REST, {"Content_Range": f"bytes 1000-{SIZE - 1}/{SIZE}", "Content_Encoding": "gzip"}),
        (REST, {"Content_Type": "multipart/byteranges; boundary=x"}),
    ],
)
def test_wrong_part(server: Any, transport: Transport, interrupted: Path, body: bytes, named: dict[str, str]) -> None:
    server.script = [server.http(body, 206, **named), server.file(CONTENT)]
    assert transport.download(f"{server.url}/x", interrupted).outcome == "fetched"
    assert interrupted.read_bytes() == CONTENT
    assert ranges(server) == ["bytes=1000-", None]


def test_part_of_the_rest(server: Any, transport: Transport, interrupted: Path, pauses: list[float]) -> None:
    some = server.http(CONTENT[1000:1500], 206, Content_Range=f"bytes 1000-1499/{SIZE}", ETag='"v1"')
    server.script = [some, server.file(CONTENT)]
    with conf.set_temp("retries", 1):
        transport.fetch(f"{server.url}/x", interrupted)
    assert interrupted.read_bytes() == CONTENT
    assert ranges(server) == ["bytes=1000-", "bytes=1500-"]


def test_unnamed_total(server: Any, transport: Transport, interrupted: Path) -> None:
    server.script = [server.http(REST, 206, Content_Range=f"bytes 1000-{SIZE - 1}/*")]
    transport.fetch(f"{server.url}/x", interrupted)
    assert interrupted.read_bytes() == CONTENT


@pytest.mark.fault_case(34)
def test_all_was_there(server: Any, transport: Transport, interrupted: Path) -> None:
    (interrupted.parent / ".x.part").write_bytes(CONTENT)
    assert transport.download(f"{server.url}/x", interrupted).outcome == "resumed"
    assert interrupted.read_bytes() == CONTENT
    assert ranges(server) == [f"bytes={SIZE}-"]


@pytest.mark.fault_case(34)
@pytest.mark.parametrize("total", ["bytes */50", "", f"bytes */{SIZE}"])
def test_nothing_after_what_is_there(server: Any, transport: Transport, interrupted: Path, total: str) -> None:
    server.script = [server.http(b"", 416, Content_Range=total), server.file(NEWER, '"v2"')]
    assert transport.download(f"{server.url}/x", interrupted).outcome == "fetched"
    assert interrupted.read_bytes() == NEWER
    assert ranges(server) == ["bytes=1000-", None]


@pytest.mark.parametrize(
    "change",
    [
        {"url": "elsewhere"},
        {"validator": ""},
        {"validator": '"v1"\r\nX: y'},
        {"total": 10},
        {"total": "10240"},
        {"total": True},
        {"validator": 5, "url": 3},
        None,
        [],
        "{",
        "[" * 100_000,
    ],
)
def test_what_is_known_cannot_be_trusted(server: Any, transport: Transport, interrupted: Path, change: Any) -> None:
    known = interrupted.parent / ".x.part.json"
    if isinstance(change, dict):
        change = {**json.loads(known.read_text()), **change}
    known.write_text(change if isinstance(change, str) else json.dumps(change))
    assert transport.download(f"{server.url}/x", interrupted).outcome == "fetched"
    assert interrupted.read_bytes() == CONTENT
    assert ranges(server) == [None]


def test_part_without_knowledge(server: Any, transport: Transport, interrupted: Path) -> None:
    (interrupted.parent / ".x.part.json").unlink()
    transport.fetch(f"{server.url}/x", interrupted)
    assert interrupted.read_bytes() == CONTENT
    assert ranges(server) == [None]


def test_part_that_leads_elsewhere(server: Any, transport: Transport, interrupted: Path) -> None:
    mine = interrupted.parent / "mine"
    mine.write_bytes(b"mine" * 10)
    (interrupted.parent / ".x.part").unlink()
    (interrupted.parent / ".x.part").symlink_to(mine)
    transport.fetch(f"{server.url}/x", interrupted)
    assert mine.read_bytes() == b"mine" * 10
    assert not interrupted.is_symlink()


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        ({"ETag": 'W/"v1"'}, False),
        ({"ETag": "v1"}, False),
        ({"ETag": '""'}, False),
        ({}, False),
        ({"Last_Modified": formatdate(1000, usegmt=True), "Date": formatdate(1000, usegmt=True)}, False),
        ({"Last_Modified": formatdate(1000, usegmt=True)}, False),
        ({"Last_Modified": "yesterday", "Date": formatdate(1000, usegmt=True)}, False),
        ({"Last_Modified": formatdate(1000, usegmt=True), "Date": formatdate(1009, usegmt=True)}, True),
        ({"ETag": '"v1"', "Content_Encoding": "gzip"}, False),
    ],
)
def test_what_can_be_known_again_is_kept(
    server: Any, transport: Transport, tmp_path: Path, headers: dict[str, str], *, is_kept: bool
) -> None:
    server.script = [server.cut(server.http(CONTENT[:1000], length=SIZE, **headers))]
    with conf.set_temp("retries", 0), pytest.raises(ServiceError):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert names(tmp_path) == ([".x.part", ".x.part.json"] if is_kept else [])


def test_wrong_content_is_not_kept(server: Any, transport: Transport, tmp_path: Path) -> None:
    server.script = [server.http(b"no image", ETag='"v1"')]
    with pytest.raises(FormatError):
        transport.fetch(f"{server.url}/x", tmp_path / "x.fits")
    assert names(tmp_path) == []


def test_user_who_stops_it_can_go_on(server: Any, transport: Transport, tmp_path: Path) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    server.script = [server.file(CONTENT)]
    with pytest.raises(KeyboardInterrupt):
        transport.download(f"{server.url}/x", tmp_path / "x", progress=stop)
    assert not (tmp_path / "x").exists()
    assert ".x.lock" not in names(tmp_path)
    assert transport.download(f"{server.url}/x", tmp_path / "x").outcome == "resumed"
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert names(tmp_path) == ["x"]


def test_trickle_ends_at_the_deadline(server: Any, transport: Transport, tmp_path: Path) -> None:
    stop = threading.Event()

    def pieces(_: Any) -> Iterator[bytes]:
        yield server.http(length=1000, ETag='"v1"')
        while not stop.wait(0.01):
            yield b"x"

    server.script = [pieces]
    with pytest.raises(ServiceUnavailableError, match="total_timeout"):
        transport.download(f"{server.url}/x", tmp_path / "x", deadline_s=0.2)
    stop.set()
    assert len(server.asked) == 1
    assert names(tmp_path) == [".x.part", ".x.part.json"]


def test_pauses_keep_the_deadline(
    server: Any, transport: Transport, tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_now", lambda: 1000.0 + sum(pauses))
    server.script = [server.http(b"", 503)]
    with conf.set_temp("retries", 100), pytest.raises(ServiceUnavailableError):
        transport.download(f"{server.url}/x", tmp_path / "x", deadline_s=20.0)
    assert sum(pauses) == 15.0
