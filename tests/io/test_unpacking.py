"""Archives, sound and hostile; those of the service are tested with its packages."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import os
import random
import resource
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swiftxrt.exceptions import FormatError, OutputExistsError, StorageError
from swiftxrt.io import unpacking
from swiftxrt.io.packages import pack_folder
from swiftxrt.io.unpacking import unpack

NOISE = bytes(random.Random(1).choices(b"abcdefgh", k=3000))
Maker = Callable[..., Path]


def make_tar(path: Path, *members: tuple[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def make_tgz(path: Path, *members: tuple[str, bytes]) -> Path:
    return make_tar(path, *members, mode="w:gz")


def make_zip(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


MAKERS = pytest.mark.parametrize("make", [make_tar, make_tgz, make_zip])


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def refused(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Check that an archive is refused and leaves nothing."""
    folder = tmp_path / "unpacked"

    def check(path: Path, match: str, **options: bool) -> None:
        before = everything(tmp_path)
        with pytest.raises(FormatError, match=match):
            unpack(path, folder / "out", **options)
        assert not list(folder.iterdir())
        folder.rmdir()
        assert everything(tmp_path) == before

    yield check
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_archives_unpack_to_the_same_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("text")
    path = pack_folder(tmp_path, [Path("a")], tmp_path / name)
    (file,) = unpack(path, tmp_path / "out")
    assert (file, file.read_text()) == (tmp_path / "out" / "a" / "b" / "file", "text")
    (flat,) = unpack(path, tmp_path / "flat", flat=True)
    assert flat == tmp_path / "flat" / "file"


def test_single_file_packed_with_gzip(tmp_path: Path) -> None:
    path = tmp_path / "image.img.gz"
    path.write_bytes(gzip.compress(NOISE * 100))
    (file,) = unpack(path, tmp_path / "out")
    assert (file.name, file.read_bytes()) == ("image.img", NOISE * 100)


def test_content_tells_what_it_is(tmp_path: Path) -> None:
    make_tgz(tmp_path / "x", ("file", b"x"))
    (file,) = unpack(tmp_path / "x", tmp_path / "one")
    assert file.read_bytes() == b"x"
    inner = make_zip(tmp_path / "inner.zip", ("deep", b"x")).read_bytes()
    # Whoever looks for a zip from the end of the file finds the one inside.
    with make_tar(tmp_path / "y.tar", ("inner.zip", inner)).open("r+b") as archive:
        archive.truncate(3 * 512 + len(inner) // 512 * 512)
        archive.seek(0, os.SEEK_END)
        archive.write(bytes(1024))
    (file,) = unpack(tmp_path / "y.tar", tmp_path / "two")
    assert file.name == "inner.zip"


@pytest.mark.fault_case(80)
def test_nested_archives_are_left_as_they_are(tmp_path: Path) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1 << 20)))
    (file,) = unpack(make_tgz(tmp_path / "x.tar.gz", ("inner.gz", bomb)), tmp_path / "out")
    assert file.read_bytes() == bomb


@MAKERS
@pytest.mark.fault_case(77, 78, 79)
@pytest.mark.parametrize(
    "name",
    ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil", "c:evil", "a\\b", "..", ".", "./..", "x/" * 300 + "x"],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, refused: Callable[..., None], make: Maker, name: str) -> None:
    refused(make(tmp_path / "x.tar.gz", ("sound", b"x"), (name, b"x")), "unsafe name")


@pytest.mark.fault_case(79)
def test_null_bytes_in_names_are_refused(tmp_path: Path, refused: Callable[..., None]) -> None:
    path = make_zip(tmp_path / "x.zip", ("file#evil", b"x"))
    path.write_bytes(path.read_bytes().replace(b"file#evil", b"file\0evil"))
    refused(path, "unsafe name")


@MAKERS
@pytest.mark.fault_case(77)
@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a/CON/x. ", "a/_CON/x"),
        ("sure\u202eexe.fits", "sure_exe.fits"),
        ("-rf/.profile", "rf/profile"),
        ("x" * 300 + ".fits", "x" * 195 + ".fits"),
        ("a\x1b[31m.fits", "a_[31m.fits"),
    ],
)
def test_names_that_some_system_refuses_are_changed(tmp_path: Path, make: Maker, name: str, safe: str) -> None:
    (file,) = unpack(make(tmp_path / "x.tar.gz", (name, b"x")), tmp_path / "out")
    assert file == tmp_path / "out" / safe
    assert file.read_bytes() == b"x"


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "x.tar", ("caf#", b"x"))
    content = bytearray(path.read_bytes().replace(b"caf#", b"caf\xe9", 1))
    content[148:156] = b"        "
    content[148:156] = b"%06o\0 " % sum(content[:512])
    path.write_bytes(content)
    (file,) = unpack(path, tmp_path / "out")
    assert file.name == "caf_"


@MAKERS
@pytest.mark.fault_case(78, 79)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("a", "a"), ("a", "A"), ("a", "a/b"), ("a/b", "a"), ("a/x", "A/y"), ("é", "e\u0301")]
)
def test_two_files_of_one_name_are_refused(
    tmp_path: Path, refused: Callable[..., None], make: Maker, names: tuple[str, str]
) -> None:
    refused(make(tmp_path / "x.tar.gz", *((name, b"x") for name in names)), "twice")


def test_two_files_of_one_name_in_different_folders(tmp_path: Path, refused: Callable[..., None]) -> None:
    path = make_zip(tmp_path / "x.zip", ("a/x", b"1"), ("b/x", b"2"))
    assert len(unpack(path, tmp_path / "out")) == 2
    refused(path, "twice", flat=True)


@pytest.mark.fault_case(78)
def test_links_and_devices_in_tar_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
        for number, kind in enumerate(kinds):
            member = tarfile.TarInfo(f"link{number}")
            member.type, member.linkname = kind, str(tmp_path)
            archive.addfile(member)
        through = tarfile.TarInfo("link0/through")  # written through the first of them
        through.size = 1
        archive.addfile(through, io.BytesIO(b"x"))
    (file,) = unpack(tmp_path / "x.tar", tmp_path / "out")
    assert everything(tmp_path / "out") == {"link0/through": b"x"}
    assert not (tmp_path / "through").exists()
    assert not file.parent.is_symlink()


@pytest.mark.fault_case(79)
def test_links_and_folders_in_zip_are_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, kind in (("link", stat.S_IFLNK), ("fifo", stat.S_IFIFO)):
            member = zipfile.ZipInfo(name)
            member.external_attr = (kind | 0o777) << 16
            archive.writestr(member, "/etc/hosts")
        archive.writestr("folder/", b"")
        archive.writestr("file", b"x")
    assert unpack(tmp_path / "x.zip", tmp_path / "out") == [tmp_path / "out" / "file"]


@pytest.mark.fault_case(78, 79, 85)
def test_permissions_are_those_of_the_user(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        member = tarfile.TarInfo("a/tool")
        member.mode, member.uid = 0o6777, 4711
        archive.addfile(member)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        zipped = zipfile.ZipInfo("a/tool")
        zipped.external_attr = (stat.S_IFREG | 0o6777) << 16
        packed.writestr(zipped, b"")
    before = os.umask(0o027)
    try:
        for name in ("x.tar", "x.zip"):
            (file,) = unpack(tmp_path / name, tmp_path / f"{name}.out")
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, file.parent.parent)]
            assert [oct(mode) for mode in modes] == ["0o640", "0o750", "0o750"]
            assert file.stat().st_uid == os.getuid()
    finally:
        os.umask(before)


@MAKERS
@pytest.mark.fault_case(80)
def test_archives_that_would_fill_the_disk(
    tmp_path: Path, refused: Callable[..., None], make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_MAX_BYTES", 100_000)
    refused(make(tmp_path / "x.tar.gz", ("bomb", bytes(200_000))), "larger than any")


@pytest.mark.fault_case(80)
def test_what_shrinks_too_much_is_refused(
    tmp_path: Path, refused: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_FREE_BYTES", 100_000)
    for make in (make_tgz, make_zip):
        refused(make(tmp_path / "x.tar.gz", ("bomb", bytes(1_000_000))), "larger than any")
        unpack(make(tmp_path / "y.tar.gz", ("data", os.urandom(200_000))), tmp_path / make.__name__)
    (tmp_path / "z.gz").write_bytes(gzip.compress(bytes(1_000_000)))
    refused(tmp_path / "z.gz", "larger than any")


@pytest.mark.fault_case(80)
def test_overlapping_entries_are_refused(tmp_path: Path, refused: Callable[..., None]) -> None:
    path = make_zip(tmp_path / "x.zip", *((f"{number:02}", os.urandom(2000)) for number in range(5)))
    content = path.read_bytes()
    directory = content.index(b"PK\x01\x02")
    first = content[directory : directory + 46]
    # Every entry of the directory points to the first file.
    entries = b"".join(first + b"%02d" % number for number in range(9))
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 9, 9, len(entries), directory, 0)
    path.write_bytes(content[:directory] + entries + end)
    refused(path, "lie over each other|overlap|cannot be unpacked")


@pytest.mark.fault_case(78)
def test_sparse_files_count_with_their_full_size(tmp_path: Path, refused: Callable[..., None]) -> None:
    member = tarfile.TarInfo("sparse")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 42)}
    member.size = 1
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(b"x"))
    refused(tmp_path / "x.tar", "larger than any")


@MAKERS
@pytest.mark.fault_case(78, 79)
def test_too_many_members(
    tmp_path: Path, refused: Callable[..., None], make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_MAX_MEMBERS", 20)
    refused(make(tmp_path / "x.tar.gz", *((f"{number}", b"") for number in range(21))), "larger than any")
    assert len(unpack(make(tmp_path / "y.tar.gz", *((f"{number}", b"") for number in range(20))), tmp_path / "o")) == 20


@pytest.mark.fault_case(78)
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_do_not_fill_the_memory(tmp_path: Path, refused: Callable[..., None], kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 50_000_000
    with gzip.open(tmp_path / "x.tar.gz", "wb") as file:
        file.write(header.tobuf(tarfile.PAX_FORMAT))
        file.write(bytes(1_000_000))
    refused(tmp_path / "x.tar.gz", "header of 50")


@pytest.mark.fault_case(78)
def test_negative_sizes(tmp_path: Path, refused: Callable[..., None]) -> None:
    member = tarfile.TarInfo("x")
    member.size = -1024
    (tmp_path / "x.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    refused(tmp_path / "x.tar", "negative size")


@pytest.mark.fault_case(78)
def test_endless_chain_of_headers(tmp_path: Path, refused: Callable[..., None]) -> None:
    link = tarfile.TarInfo("././@LongLink")
    link.type = tarfile.GNUTYPE_LONGNAME
    (tmp_path / "x.tar").write_bytes(link.tobuf(tarfile.GNU_FORMAT) * 3000)
    refused(tmp_path / "x.tar", "cannot be unpacked")


@pytest.mark.fault_case(79)
def test_encrypted_zip(tmp_path: Path, refused: Callable[..., None]) -> None:
    content = bytearray(make_zip(tmp_path / "x.zip", ("secret", b"x")).read_bytes())
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(start) + offset] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path / "x.zip", "the encrypted file .secret")


def test_unusual_compressions_are_refused(tmp_path: Path, refused: Callable[..., None]) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("file", b"x")
    refused(tmp_path / "x.zip", "packed in a way")
    (tmp_path / "x.tar.xz").write_bytes(lzma.compress(make_tar(tmp_path / "x.tar", ("file", b"x")).read_bytes()))
    refused(tmp_path / "x.tar.xz", "cannot be unpacked")


def test_zip64_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, archive.open("file", "w", force_zip64=True) as member:
        member.write(b"text")
    (file,) = unpack(tmp_path / "x.zip", tmp_path / "out")
    assert file.read_text() == "text"


@MAKERS
@pytest.mark.fault_case(10)
def test_truncated_archives_leave_nothing(tmp_path: Path, refused: Callable[..., None], make: Maker) -> None:
    sound = make(tmp_path / "sound", ("a/b", NOISE), ("c", NOISE)).read_bytes()
    useful = len(sound.rstrip(b"\0")) if make is make_tar else len(sound)
    for length in (0, 10, 500, 512, 1024, 4096, useful - 1):
        if length < useful:
            (tmp_path / "x.tar.gz").write_bytes(sound[:length])
            refused(tmp_path / "x.tar.gz", "x.tar.gz: ")


def test_tar_that_ends_between_two_files(tmp_path: Path, refused: Callable[..., None]) -> None:
    sound = make_tar(tmp_path / "sound.tar", ("a", b"1"), ("b", b"2")).read_bytes()
    (tmp_path / "x.tar").write_bytes(sound[:1024])
    refused(tmp_path / "x.tar", "no end mark")


@MAKERS
def test_damage_anywhere_is_a_format_error(tmp_path: Path, make: Maker) -> None:
    sound = make(tmp_path / "x.tar.gz", ("a/b", NOISE)).read_bytes()
    damaged, out = tmp_path / "damaged.tar.gz", tmp_path / "out"
    for where in range(0, len(sound), 1 + len(sound) // 150):
        damaged.write_bytes(sound[:where] + bytes([sound[where] ^ 0xFF]) + sound[where + 1 :])
        with contextlib.suppress(FormatError):  # the only error there may be
            unpack(damaged, out / str(where))
    left = [path for path in out.iterdir() if path.name.startswith(".")]
    assert not left


@given(content=st.binary(max_size=600), start=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path: Path, content: bytes, start: bytes) -> None:
    (tmp_path / "any").write_bytes(start + content)
    with contextlib.suppress(FormatError):
        unpack(tmp_path / "any", tmp_path / "out" / os.urandom(8).hex())


NAMES = st.text(st.sampled_from("ab/.\\\0: A"), min_size=1, max_size=8)


@given(names=st.lists(NAMES, max_size=5), make=st.sampled_from([make_tar, make_tgz, make_zip]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.fault_case(77, 78, 79)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_is_written_elsewhere(tmp_path: Path, names: list[str], make: Maker) -> None:
    place = tmp_path / os.urandom(8).hex()
    place.mkdir()
    path = make(place / "x.tar.gz", *((name, b"x") for name in names))
    try:
        files = unpack(path, place / "in" / "out")
    except FormatError:
        files = []
        assert list((place / "in").iterdir()) == []
    assert {place / name for name in everything(place)} == {path, *files}
    assert all(file.is_relative_to(place / "in" / "out") for file in files)


def test_folder_that_is_not_empty(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", ("new", b"x"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("full", "full/mine", "link"):
        with pytest.raises(OutputExistsError, match="new or empty folder"):
            unpack(path, tmp_path / name)
    assert everything(tmp_path / "full") == {"mine": b"mine"}
    assert not (tmp_path / "elsewhere").exists()


@contextlib.contextmanager
def disk_with(size: int) -> Iterator[None]:
    """No file may become longer, as on a disk that is full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.fault_case(72)
@MAKERS
def test_disk_that_is_full(tmp_path: Path, make: Maker) -> None:
    path = make(tmp_path / "x.tar.gz", ("small", b"x"), ("large", bytes(500_000)))
    with disk_with(100_000), pytest.raises(StorageError, match="make room"):
        unpack(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.fault_case(73)
def test_folder_that_must_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "x.zip", ("a/b", b"x"))

    def refuse(*arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    if os.getuid() == 0:  # who may write everywhere
        monkeypatch.setattr(Path, "mkdir", refuse)
    (tmp_path / "closed").mkdir() if os.getuid() else (tmp_path / "open").touch()
    if os.getuid():
        (tmp_path / "closed").chmod(0o500)
    with pytest.raises(StorageError, match="closed.*permissions"):
        unpack(path, tmp_path / "closed" / "out")


@pytest.mark.fault_case(84)
def test_working_folder_stays(tmp_path: Path) -> None:
    before = Path.cwd()
    unpack(make_tgz(tmp_path / "x.tar.gz", ("a/b", b"x")), tmp_path / "out")
    assert Path.cwd() == before


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
    assert not list(tmp_path.iterdir())
