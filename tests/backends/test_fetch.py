"""Downloads: complete or not at all, and of the kind that their names say."""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import stat
import tarfile
import tracemalloc
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from swiftxrt import conf
from swiftxrt.backends.transport import Transport, fetching
from swiftxrt.exceptions import (
    FormatError,
    OutputExistsError,
    ProtocolError,
    RequestError,
    ServiceError,
    ServiceUnavailableError,
    StorageError,
)


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def archive() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("a", "b"):
            member = tarfile.TarInfo(name)
            member.size = 700
            tar.addfile(member, io.BytesIO(name.encode() * 700))
    return made.getvalue()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("a", b"a" * 1000)
    return made.getvalue()


def image() -> bytes:
    made = io.BytesIO()
    fits.PrimaryHDU(np.arange(5000)).writeto(made)
    return made.getvalue()


CONTENT = {
    "x.tar": archive(),
    "x.tar.gz": gzip.compress(archive()),
    "x.tgz": gzip.compress(archive()),
    "x.zip": zipped(),
    "x.fits": image(),
    "x.evt": image(),
    "x.img.gz": gzip.compress(image()),
}


def test_download(server: Any, transport: Transport, tmp_path: Path) -> None:
    server.script = [server.http(b"x" * 2_000_000)]
    path = transport.fetch(f"{server.url}/file", tmp_path / "file")
    assert path.read_bytes() == b"x" * 2_000_000
    with pytest.raises(OutputExistsError):
        transport.fetch(f"{server.url}/file", path)
    assert len(server.asked) == 1
    server.script = [server.http(b"new")]
    assert transport.fetch(f"{server.url}/file", path, overwrite=True).read_bytes() == b"new"
    assert names(tmp_path) == ["file"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_what_became_of_it(server: Any, transport: Transport, tmp_path: Path) -> None:
    server.script = [server.http(b"x" * 1_000_000)]
    seen: list[tuple[int, int | None]] = []
    found = transport.download(f"{server.url}/x", tmp_path / "x", progress=lambda *state: seen.append(state))
    assert (found.path, found.size, found.outcome) == (tmp_path / "x", 1_000_000, "fetched")
    assert seen[-1] == (1_000_000, 1_000_000)
    assert seen == sorted(seen)


def test_place_is_looked_at_first(server: Any, transport: Transport, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="make it first"):
        transport.fetch(f"{server.url}/x", tmp_path / "no" / "x")
    with pytest.raises(OutputExistsError, match="folder"):
        transport.fetch(f"{server.url}/x", tmp_path, overwrite=True)
    assert server.asked == []


@pytest.mark.parametrize("name", CONTENT)
@pytest.mark.parametrize("known", [True, False])
def test_files_of_all_kinds(server: Any, transport: Transport, tmp_path: Path, name: str, known: bool) -> None:
    whole = server.http(CONTENT[name], length=None if known else -1)
    server.script = [whole if known else server.cut(whole)]
    assert transport.fetch(f"{server.url}/x", tmp_path / name).read_bytes() == CONTENT[name]
    assert names(tmp_path) == [name]


@pytest.mark.fault_case(10)
@pytest.mark.parametrize("name", CONTENT)
def test_end_that_nobody_announced(server: Any, transport: Transport, tmp_path: Path, name: str) -> None:
    server.script = [server.cut(server.http(CONTENT[name][:-600] or b"", length=-1))]
    if len(CONTENT[name]) <= 600:
        server.script = [server.cut(server.http(CONTENT[name][:-9], length=-1))]
    if name == "x.tar":
        server.script = [server.cut(server.http(CONTENT[name][:2500], length=-1))]
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(FormatError, match="breaks off"):
        transport.fetch(f"{server.url}/x", tmp_path / name, overwrite=True)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"old"


@pytest.mark.parametrize("name", [*CONTENT, "x.png", "x.pdf"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100])
def test_other_kinds_are_refused(server: Any, transport: Transport, tmp_path: Path, name: str, content: bytes) -> None:
    server.script = [server.http(content)]
    with pytest.raises(FormatError, match="is no .* file"):
        transport.fetch(f"{server.url}/x", tmp_path / name)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["x.fits", "x.tar.gz", "x.txt", "x"])
def test_pages_are_refused(server: Any, transport: Transport, tmp_path: Path, name: str) -> None:
    server.script = [server.http(b"<!DOCTYPE html><html><title>Closed today</title>")]
    with pytest.raises(ProtocolError, match="Closed today.*maintenance"):
        transport.fetch(f"{server.url}/x", tmp_path / name)
    assert names(tmp_path) == []
    transport.fetch(f"{server.url}/x", tmp_path / "x.html")


@pytest.mark.fault_case(12)
@pytest.mark.parametrize(
    ("sent", "name", "kept"),
    [
        (gzip.compress(b"plain"), "x.txt", b"plain"),
        (gzip.compress(CONTENT["x.fits"]), "x.fits", CONTENT["x.fits"]),
        (gzip.compress(CONTENT["x.tar.gz"]), "x.tar.gz", CONTENT["x.tar.gz"]),
        (CONTENT["x.tar.gz"], "x.tar.gz", CONTENT["x.tar.gz"]),  # the header speaks of the file
    ],
    ids=["text", "image", "packed-twice", "packed-once"],
)
def test_packed_on_the_way(
    server: Any, transport: Transport, tmp_path: Path, sent: bytes, name: str, kept: bytes
) -> None:
    server.script = [server.http(sent, Content_Encoding="gzip", ETag='"1"')]
    assert transport.fetch(f"{server.url}/x", tmp_path / name).read_bytes() == kept
    assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.fault_case(13)
@pytest.mark.parametrize(
    ("sent", "encoding"),
    [(b"plain", "gzip"), (gzip.compress(b"x")[:-3], "gzip"), (b"x", "br")],
    ids=["plain", "cut", "unknown"],
)
def test_wrongly_packed(server: Any, transport: Transport, tmp_path: Path, sent: bytes, encoding: str) -> None:
    server.script = [server.http(sent, Content_Encoding=encoding)]
    with pytest.raises(ProtocolError, match="cannot be read"):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert names(tmp_path) == []


@pytest.mark.fault_case(24)
@pytest.mark.parametrize("status", [404, 410, 403, 206, 204, 500])
def test_error_pages_are_never_files(
    server: Any, transport: Transport, tmp_path: Path, pauses: list[float], status: int
) -> None:
    server.script = [server.http(b"" if status == 204 else b"not here", status)]
    with pytest.raises(ServiceError) as caught:
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert caught.value.status == status
    assert len(server.asked) == 1
    assert names(tmp_path) == []


@pytest.mark.fault_case(8)
@pytest.mark.parametrize("length", [10, 500])
def test_short_download_leaves_nothing(
    server: Any, transport: Transport, tmp_path: Path, pauses: list[float], length: int
) -> None:
    server.script = [server.cut(server.http(b"x" * 5, length=length))]
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(ServiceUnavailableError, match=f"5 of {length} bytes|after 5 bytes") as caught:
        transport.fetch(f"{server.url}/file", tmp_path / "old", overwrite=True)
    assert caught.value.attempts == len(server.asked) == 5
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_too_large(server: Any, transport: Transport, tmp_path: Path, announced: bool, packed: bool) -> None:
    content = gzip.compress(bytes(3_000_000)) if packed else bytes(3_000_000)
    named = {"Content_Encoding": "gzip"} if packed else {}
    answer = server.http(content, length=None if announced else -1, **named)
    server.script = [answer if announced else server.cut(answer)]
    with conf.set_temp("max_download", 1_000_000), pytest.raises(ServiceError, match="conf.max_download"):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert names(tmp_path) == []


def test_disk_without_room(server: Any, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(100, 99, 1))
    server.script = [server.http(b"xy", ETag='"1"')]
    with pytest.raises(StorageError, match="needs 2 bytes, and 1 are free"):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert names(tmp_path) == []


class FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_disk_that_is_full(
    server: Any, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    real = Path.open

    def opened(self: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        return FullDisk() if self.name.endswith(".part") and mode == "r+b" else real(self, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", opened)
    server.script = [server.http(b"xy", ETag='"1"')]
    with pytest.raises(StorageError, match="full: make room") as caught:
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert isinstance(caught.value, OSError)
    assert names(tmp_path) == []
    assert len(server.asked) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for this user")
def test_read_only_folder(server: Any, transport: Transport, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="may be written to"):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    tmp_path.chmod(0o700)
    assert server.asked == []


def test_folder_that_takes_no_file(
    server: Any, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **named: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(fetching, "hold", refuse)
    with pytest.raises(StorageError, match="may be written to"):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert server.asked == []


def test_long_names(server: Any, transport: Transport, tmp_path: Path) -> None:
    name = "é" * 125 + ".txt"
    assert transport.fetch(f"{server.url}/x", tmp_path / name).read_bytes() == b"{}"
    with pytest.raises(StorageError, match="shorter"):
        transport.fetch(f"{server.url}/x", tmp_path / ("é" * 200 + ".txt"))
    assert names(tmp_path) == [name]


def test_file_made_meanwhile_is_not_replaced(server: Any, transport: Transport, tmp_path: Path) -> None:
    def answer(_: Any) -> bytes:
        (tmp_path / "x").write_bytes(b"theirs")
        return server.http(b"mine")

    server.script = [answer]
    with pytest.raises(OutputExistsError):
        transport.fetch(f"{server.url}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"theirs"
    assert names(tmp_path) == ["x"]


def test_memory_stays_small(server: Any, transport: Transport, tmp_path: Path) -> None:
    piece, count = bytes(1 << 20), 40

    def pieces(_: Any) -> Any:
        yield server.http(length=count * len(piece))
        for _ in range(count):
            yield piece

    server.script = [pieces]
    tracemalloc.start()
    transport.fetch(f"{server.url}/x", tmp_path / "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "x").stat().st_size == count * len(piece)
    assert peak < 8 << 20
