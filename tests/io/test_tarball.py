"""Zip archives, sound and hostile; tar archives are tested with the packages of the service."""

from __future__ import annotations

import contextlib
import random
import stat
import zipfile
from pathlib import Path

import pytest

from swiftxrt.exceptions import FormatError
from swiftxrt.io.packages import pack_folder
from swiftxrt.io.tarball import unpack


def test_zip_unpacks_to_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("text")
    path = pack_folder(tmp_path, [Path("a")], tmp_path / "a.zip")
    (file,) = unpack(path, tmp_path / "out")
    assert (file, file.read_text()) == (tmp_path / "out" / "a" / "b" / "file", "text")
    (flat,) = unpack(path, tmp_path / "flat", flat=True)
    assert flat == tmp_path / "flat" / "file"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(FormatError, match="unsafe name"):
        unpack(tmp_path / "x.zip", tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_links_and_folders_are_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hosts")
        archive.writestr("folder/", b"")
        archive.writestr("file", b"x")
    assert unpack(tmp_path / "x.zip", tmp_path / "out") == [tmp_path / "out" / "file"]


def test_archive_that_would_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.io.tarball._MAX_BYTES", 10_000)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"0" * 1_000_000)
    with pytest.raises(FormatError, match="larger than any"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_damage_anywhere_is_a_format_error(tmp_path: Path) -> None:
    noise = bytes(random.Random(1).choices(b"abcdefgh", k=3000))
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b", noise)
    sound = path.read_bytes()
    damaged = tmp_path / "damaged.zip"
    for where in range(0, len(sound), 7):
        damaged.write_bytes(sound[:where] + bytes([sound[where] ^ 0xFF]) + sound[where + 1 :])
        with contextlib.suppress(FormatError):  # the only error there may be
            unpack(damaged, tmp_path / f"out{where}")
    for length in (0, 10, 500, len(sound) - 1):
        damaged.write_bytes(sound[:length])
        with pytest.raises(FormatError):
            unpack(damaged, tmp_path / f"cut{length}")
