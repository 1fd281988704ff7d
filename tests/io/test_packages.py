"""Archives in the layout of the service, sound and hostile."""

from __future__ import annotations

import contextlib
import io
import random
import tarfile
from pathlib import Path

import pytest

from swiftxrt.exceptions import FormatError
from swiftxrt.io.packages import pack_folder, read_image_package
from swiftxrt.io.tarball import unpack
from swiftxrt.products.provenance import Provenance


def tar(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_packed_folders_unpack_to_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("text")
    path = pack_folder(tmp_path, [Path("a")], tmp_path / "a.tar.gz")
    (file,) = unpack(path, tmp_path / "out")
    assert (file, file.read_text()) == (tmp_path / "out" / "a" / "b" / "file", "text")
    with tarfile.open(path) as archive:
        assert {(member.uname, member.uid) for member in archive} == {("", 0)}


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "."])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FormatError):
        unpack(tar(tmp_path / "x.tar.gz", (name, b"x")), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo("link")
            member.type, member.linkname = kind, "/etc/hosts"
            archive.addfile(member)
    assert unpack(tmp_path / "x.tar", tmp_path / "out") == []
    assert not (tmp_path / "out").exists()


def test_archive_that_would_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.io.tarball._MAX_BYTES", 100)
    with pytest.raises(FormatError, match="larger than any"):
        unpack(tar(tmp_path / "x.tar.gz", ("a", b"x" * 60), ("b", b"x" * 60)), tmp_path / "out")


def test_damage_anywhere_is_a_format_error(tmp_path: Path) -> None:
    noise = bytes(random.Random(1).choices(b"abcdefgh", k=9000))
    sound = tar(tmp_path / "x.tar.gz", ("a", noise)).read_bytes()
    damaged = tmp_path / "damaged.tar.gz"
    for where in range(0, len(sound) - 8, 37):
        damaged.write_bytes(sound[:where] + bytes([sound[where] ^ 0xFF]) + sound[where + 1 :])
        with contextlib.suppress(FormatError):  # the only error there may be
            unpack(damaged, tmp_path / f"out{where}")
    for length in (0, 10, 500, 2000):
        damaged.write_bytes(sound[:length])
        with pytest.raises(FormatError):
            unpack(damaged, tmp_path / f"cut{length}")


@pytest.mark.parametrize(
    ("log", "text"),
    [
        ("1\ta\tb\n", "no energy band for image 1"),
        ("1\t5\t1\n", "no energy band for image 1"),
        ("2\t1\t5\n", "names image 2"),
        ("no images\n", "holds no image"),
    ],
)
def test_logs_that_cannot_be_used(tmp_path: Path, log: str, text: str) -> None:
    path = tar(tmp_path / "x.tar.gz", ("image/images.log", log.encode()), ("image/image1.img.gz", b""))
    with pytest.raises(FormatError, match=text):
        read_image_package(path, Provenance())


def test_archive_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"images\.log"):
        read_image_package(tar(tmp_path / "x.tar.gz", ("a", b"")), Provenance())
