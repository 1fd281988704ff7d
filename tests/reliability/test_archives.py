"""Archives that claim what does not hold: sizes, overlaps, places of their parts."""

from __future__ import annotations

import copy
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from swiftxrt.backends.transport.contents import check_content
from swiftxrt.exceptions import FormatError
from swiftxrt.io.unpacking import unpack, unpacked_limit

CONTENT = bytes(range(256)) * 40


def assert_refused(path: Path, match: str) -> None:
    with pytest.raises(FormatError, match=match):
        unpack(path, path.parent / "out")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.fault_case(80)
def test_zip_in_which_one_file_lies_inside_another(tmp_path: Path) -> None:
    """Each has a header of its own with its own name, so that nothing else is wrong with it."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b", CONTENT)
        (within,) = archive.infolist()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", inner.getvalue()[: inner.getvalue().index(b"PK\1\2")])
        again = copy.copy(within)
        again.header_offset = len("a") + 30
        archive.filelist.append(again)
        archive.NameToInfo["b"] = again
    assert_refused(tmp_path / "x.zip", "lie over each other")


@pytest.mark.fault_case(79, 80)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_with_a_file_that_is_shorter_than_it_claims(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("a", CONTENT)
        archive.filelist[0].file_size += 10
    assert_refused(tmp_path / "x.zip", "the archive says|cannot be unpacked")


@pytest.mark.fault_case(78, 80)
def test_tar_with_a_part_that_lies_far_behind_its_end(tmp_path: Path) -> None:
    """It counts as one byte, and says that the next header lies eight gigabytes further."""
    member = tarfile.TarInfo("sparse")
    member.size = (1 << 33) - 1
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": "1"}
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(member.tobuf(tarfile.PAX_FORMAT) + bytes(4096)))
    assert_refused(tmp_path / "x.tar.gz", "larger than any archive")


@pytest.mark.fault_case(79)
def test_zip_with_more_files_than_any_job_has(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x", b"")
        (one,) = archive.infolist()
        for number in range(20_001):
            again = copy.copy(one)
            again.filename = again.orig_filename = f"{number}"
            archive.filelist.append(again)
    assert_refused(tmp_path / "x.zip", "larger than any archive")


@pytest.mark.fault_case(80)
def test_how_much_may_come_out_of_an_archive(tmp_path: Path) -> None:
    """Small ones may hold an image that is nearly empty; no archive fills the disk, however large it is."""
    path = tmp_path / "x.tar"
    limits = []
    for size in (1000, 10_000_000, 10**12):
        with path.open("wb") as file:
            file.truncate(size)  # takes no room
        limits.append(unpacked_limit(path))
    assert limits == sorted(limits)
    assert limits[0] < 300_000_000
    assert 1_000_000_000 < limits[1] < 3_000_000_000
    assert limits[2] < 5_000_000_000


@pytest.mark.fault_case(10)
@pytest.mark.parametrize("form", ["tar", "tar.gz"])
def test_archive_of_unknown_length_that_is_not_whole(tmp_path: Path, form: str) -> None:
    """One ends between two files; the other does not end early, but its checksum is wrong."""
    path, packed = tmp_path / f"x.{form}", io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in "ab":
            member = tarfile.TarInfo(name)
            member.size = 512
            archive.addfile(member, io.BytesIO(CONTENT))
    whole = bytearray(packed.getvalue() if form == "tar" else gzip.compress(packed.getvalue()))
    path.write_bytes(whole)
    check_content(path, path, url="x", whole=False)
    if form == "tar":
        del whole[1024:]
    else:
        whole[-6] ^= 1
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="breaks off"):
        check_content(path, path, url="x", whole=False)
