"""Bundles on disk: folders and archives, whole, damaged and hostile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from swiftxrt import Position, PositionRequest, ProductSet, SourceList, Target, XRTRequest
from swiftxrt.exceptions import FormatError, MetadataWarning, OutputExistsError, RequestError, StorageError
from swiftxrt.io import _checksums, bundle
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products.provenance import Provenance
from swiftxrt.products.replies import Answer, ServiceReply

CALL = "user_objects/tprods/getPSFPos.php"
REPLY = {"OK": 1, "APIVersion": "1.12", "PSFPos": "none"}
REQUEST = XRTRequest(target=Target("3C 273 / \N{GREEK SMALL LETTER ALPHA}"), position=PositionRequest("standard"))
PLACE = SkyCoord(10 * u.deg, -20 * u.deg)
NAMES = ["bundle", "bundle.zip"]


def reply(*answers: Answer) -> ServiceReply:
    return ServiceReply("951", answers, "https://x/USERPROD_951", None, Provenance(backend="ukssdc"))


@pytest.fixture
def products() -> ProductSet:
    """A position with a reply that this release cannot read, and sources without."""
    table = {"source_number": [1], "ra_deg": [10.0], "dec_deg": [-20.0], "position_err": [3.5], "rate": [float("nan")]}
    made = {
        Kind.STANDARD_POSITION: Position(PLACE, 3.5 * u.arcsec),
        Kind.SOURCES: SourceList.from_columns({"total": table}, provenance=Provenance(calibration=("PSF v4",))),
    }
    failed = {Kind.IMAGE: "too \N{SNOWMAN} large"}
    answers = (
        Answer(CALL, {"JobID": "951"}, REPLY, "2026-01-01T00:00:00+00:00"),
        Answer("https://x/USERPROD_951/../\N{SNOWMAN}<b>.tar.gz?a=1", {}, b"\x1f\x8b\0", "2026-01-01T00:00:00+00:00"),
        Answer("https://x/USERPROD_951/%2e%2e.tar.gz", {}, None, "2026-01-01T00:00:01+00:00", error="HTTP status 500"),
    )
    told = {"failed": failed, "request": REQUEST, "provenance": Provenance(job_id="951", api_version="1.12")}
    return ProductSet(made, **told, replies={Kind.STANDARD_POSITION: reply(*answers)})


@pytest.fixture
def plain(products: ProductSet) -> ProductSet:
    """The same without replies, as from the local engine."""
    return ProductSet(products, failed=products.failed, request=REQUEST, provenance=products.provenance)


def folder_of(path: Path, scratch: Path) -> Path:
    """The files of a bundle, unpacked if need be."""
    if path.is_dir():
        return path
    shutil.unpack_archive(path, scratch)
    (folder,) = scratch.iterdir()
    return folder


def packed(folder: Path, path: Path) -> Path:
    """What `folder_of` gave as a bundle again."""
    if path.suffix == ".zip":
        shutil.make_archive(str(path.with_suffix("")), "zip", folder.parent, folder.name)
    return path


@pytest.mark.parametrize("name", [*NAMES, "3C 273 \N{GREEK SMALL LETTER ALPHA}.ZIP", "v1.2", "-x.zip", "..zip"])
def test_sets_come_back(plain: ProductSet, tmp_path: Path, name: str) -> None:
    path = plain.write_bundle(tmp_path / "new" / name)
    assert path == tmp_path / "new" / name
    again = ProductSet.read_bundle(str(path))
    assert again == plain
    assert dict(again.failed) == dict(plain.failed)
    assert again.request == REQUEST
    assert again.provenance == plain.provenance
    assert dict(again.replies) == {}
    assert [one.name for one in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_replies_come_back(products: ProductSet, tmp_path: Path, name: str) -> None:
    path = products.write_bundle(tmp_path / name)
    with pytest.warns(MetadataWarning, match="standard position is read as it was saved") as caught:
        again = ProductSet.read_bundle(path)
    assert caught[0].filename == __file__
    assert again == products
    assert dict(again.replies) == dict(products.replies)
    again.write_bundle(tmp_path / "second")
    with pytest.warns(MetadataWarning):
        assert dict(ProductSet.read_bundle(tmp_path / "second").replies) == dict(products.replies)


def test_content(products: ProductSet, tmp_path: Path) -> None:
    path = products.write_bundle(tmp_path / "bundle")
    names = {one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file()}
    assert {"bundle.json", "request.json", "submission.json", "SHA256SUMS", "products/swiftxrt.json"} <= names
    assert "replies/standard_position/getPSFPos.json" in names
    assert json.loads((path / "replies/standard_position/getPSFPos.json").read_text()) == REPLY
    index = json.loads((path / "bundle.json").read_text())
    assert index["version"] == 1
    assert {"written by", "python", "numpy", "astropy", "service", "made by"} == set(index["versions"])
    assert index["versions"]["service"] == "1.12"
    assert index["calibration"] == ["PSF v4"]
    assert XRTRequest.from_dict(json.loads((path / "request.json").read_text())) == REQUEST
    sent = json.loads((path / "submission.json").read_text())
    assert "UserID" not in sent
    assert XRTRequest.from_wire(sent).position == REQUEST.position
    if sys.platform == "linux":
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=path, check=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_damaged_missing_or_foreign_file_is_named(plain: ProductSet, tmp_path: Path, name: str) -> None:
    path = plain.write_bundle(tmp_path / name)
    folder = folder_of(path, tmp_path / "scratch")
    names = [one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()]
    for one in names:
        file = folder / one
        whole = file.read_bytes()
        for change in (lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: b"", None):
            if change is None:
                file.unlink()
            else:
                file.write_bytes(change(whole))
            with pytest.raises(FormatError, match=one) as caught:
                ProductSet.read_bundle(packed(folder, path))
            assert caught.value.path == str(path)
        file.write_bytes(whole)
    (folder / "products" / "one more.fits").write_text("x")
    with pytest.raises(FormatError, match=r"'products/one more.fits', which does not belong"):
        ProductSet.read_bundle(packed(folder, path))
    (folder / "products" / "one more.fits").unlink()
    (folder / "products" / ".DS_Store").write_text("x")  # of those who looked into it
    assert ProductSet.read_bundle(packed(folder, path)) == plain


def test_links_are_not_followed(plain: ProductSet, tmp_path: Path) -> None:
    path = plain.write_bundle(tmp_path / "bundle")
    file = path / "request.json"
    shutil.move(file, tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(FormatError, match=r"link in place of the file 'request.json'"):
        ProductSet.read_bundle(path)
    file.unlink()
    shutil.move(tmp_path / "elsewhere.json", file)
    (path / "more").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(FormatError, match="'more', which does not belong"):
        ProductSet.read_bundle(path)


def changed(path: Path, change: Callable[[dict], object]) -> None:
    """Change the index of a bundle as somebody would who knows of the checksums."""
    index = json.loads((path / "bundle.json").read_text())
    change(index)
    (path / "bundle.json").write_text(json.dumps(index))
    (path / "SHA256SUMS").unlink()
    _checksums.write_sums(path)


def test_newer_formats_are_refused_with_words(plain: ProductSet, tmp_path: Path) -> None:
    path = plain.write_bundle(tmp_path / "bundle")
    changed(path, lambda index: index.update(version=2, replies="otherwise"))
    (path / "SHA256SUMS").unlink()
    with pytest.raises(FormatError, match=r"newer release \(swiftxrt .*, version 2 .*: update swiftxrt"):
        ProductSet.read_bundle(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(format="else"),
        lambda index: index.update(version="x"),
        lambda index: index.update(versions=[]),
        lambda index: index.pop("replies"),
        lambda index: index.update(replies=3),
        lambda index: index["replies"].update(pizza={}),
        lambda index: index["replies"]["standard_position"].pop("url"),
        lambda index: index["replies"]["standard_position"].update(answers=None),
        lambda index: index["replies"]["standard_position"]["answers"][0].pop("file"),
        lambda index: index["replies"]["standard_position"]["answers"][0].update(file="../../request.json"),
        lambda index: index["replies"]["standard_position"]["answers"][0].update(file=".."),
        lambda index: index["replies"]["standard_position"]["answers"][0].update(file="/etc/passwd"),
        lambda index: index["replies"]["standard_position"]["answers"][0].update(file="absent.json"),
        lambda index: index["replies"]["standard_position"]["answers"][1].update(json=True),
        lambda index: index["replies"]["standard_position"].update(provenance=3),
    ],
)
def test_nonsense_in_the_index_is_a_format_error(
    products: ProductSet, tmp_path: Path, change: Callable[[dict], object]
) -> None:
    path = products.write_bundle(tmp_path / "bundle")
    changed(path, change)
    with pytest.raises(FormatError):
        ProductSet.read_bundle(path)


@pytest.mark.parametrize("sums", [b"", b"\xff", b"no checksums\n", b"0" * 64 + b"  request.json"])
def test_lists_of_checksums_may_be_nonsense(plain: ProductSet, tmp_path: Path, sums: bytes) -> None:
    path = plain.write_bundle(tmp_path / "bundle")
    (path / "SHA256SUMS").write_bytes(sums)
    with pytest.raises(FormatError, match="SHA256SUMS"):
        ProductSet.read_bundle(path)


def test_what_is_no_bundle(plain: ProductSet, tmp_path: Path) -> None:
    plain.write(tmp_path / "set")
    (tmp_path / "text.zip").write_text("x")
    for path in (tmp_path, tmp_path / "set", tmp_path / "text.zip", tmp_path / "absent", tmp_path / "absent.zip"):
        with pytest.raises(FormatError):
            ProductSet.read_bundle(path)


@pytest.mark.parametrize("name", ["../outside", "/outside", "bundle/../../outside", "C:\\outside"])
def test_hostile_archives_write_nothing_outside(plain: ProductSet, tmp_path: Path, name: str) -> None:
    path = plain.write_bundle(tmp_path / "bundle.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    before = set(tmp_path.parent.rglob("*outside*"))
    with pytest.raises(FormatError, match="unsafe name"):
        ProductSet.read_bundle(path)
    assert set(tmp_path.parent.rglob("*outside*")) == before


def test_archives_packed_by_hand_are_read(plain: ProductSet, tmp_path: Path) -> None:
    folder = plain.write_bundle(tmp_path / "bundle")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "x").write_text("x")
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as flat, zipfile.ZipFile(tmp_path / "mac.zip", "w") as mac:
        for file in filter(Path.is_file, folder.rglob("*")):
            flat.write(file, file.relative_to(folder))
            mac.write(file, file.relative_to(tmp_path))
        mac.write(tmp_path / "__MACOSX" / "x", "__MACOSX/x")
    assert ProductSet.read_bundle(tmp_path / "flat.zip") == plain
    assert ProductSet.read_bundle(tmp_path / "mac.zip") == plain


@pytest.mark.parametrize("name", NAMES)
def test_only_bundles_are_replaced(plain: ProductSet, tmp_path: Path, name: str) -> None:
    path = plain.write_bundle(tmp_path / name)
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        plain.write_bundle(path)
    smaller = ProductSet({Kind.SOURCES: plain.sources})
    smaller.write_bundle(path, overwrite=True)
    assert list(ProductSet.read_bundle(path)) == [Kind.SOURCES]
    assert [one.name for one in tmp_path.iterdir()] == [name]
    other = tmp_path / f"other-{name}"
    if name.endswith(".zip"):
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr("x", "x")
    else:
        other.mkdir()
        (other / "thesis.tex").write_text("x")
    with pytest.raises(OutputExistsError, match="no bundle and is not replaced"):
        plain.write_bundle(other, overwrite=True)
    link = tmp_path / f"link-{name}"
    link.symlink_to(path)
    with pytest.raises(OutputExistsError):
        plain.write_bundle(link, overwrite=True)


@pytest.mark.parametrize("name", ["bundle.tar.gz", "bundle.fits"])
def test_other_kinds_of_file_are_refused(plain: ProductSet, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"write_bundle\('"):
        plain.write_bundle(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_old_or_new_but_never_half(
    plain: ProductSet, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plain.write_bundle(tmp_path / name)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    rename = Path.rename
    last = {
        "bundle": (Path, "rename", lambda self, to: full() if to == path and self.name == "new" else rename(self, to)),
        "bundle.zip": (zipfile.ZipFile, "write", full),
    }
    for step in ((bundle, "write_sums", full), last[name]):
        with monkeypatch.context() as patch:
            patch.setattr(*step)
            with pytest.raises(StorageError, match="full") as caught:
                ProductSet({}).write_bundle(path, overwrite=True)
            assert caught.value.path == str(path)
        assert ProductSet.read_bundle(path) == plain
        assert [one.name for one in tmp_path.iterdir()] == [name]


def test_disk_that_is_full_inside_a_product(plain: ProductSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for write in (plain.write, plain.write_bundle):
        with pytest.raises(StorageError, match="full") as caught:
            write(tmp_path / "mine")
        assert caught.value.path == str(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"text", b"PK\x03\x04 cut"])
def test_damaged_archives_are_to_be_got_again(plain: ProductSet, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(FormatError, match="x.zip: is no bundle that can be read: .*; get it again from where it came"):
        ProductSet.read_bundle(tmp_path / "x.zip")
    folder = plain.write_bundle(tmp_path / "folder")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(FormatError, match="folder: lacks the file 'SHA256SUMS'; get it again"):
        ProductSet.read_bundle(folder)


@pytest.mark.parametrize("read", [ProductSet.read, ProductSet.read_bundle])
def test_what_is_not_there(tmp_path: Path, read: Callable[..., ProductSet]) -> None:
    with pytest.raises(FormatError, match="nix.zip: there is no such f"):
        read(tmp_path / "nix.zip")
    with pytest.raises(FormatError, match="is no (bundle|folder of products): it has no"):
        read(tmp_path)
    for bad in (None, 5, "a\0b", "a" * 300):
        with pytest.raises(RequestError):
            read(bad)


def test_places_that_cannot_be_written(plain: ProductSet, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for write in (plain.write, plain.write_bundle):
        with pytest.raises(StorageError, match="file/x: cannot be written .*name another place"):
            write(tmp_path / "file" / "x")
        with pytest.raises(RequestError, match="NUL"):
            write("a\0b")


def test_names_that_differ_in_case_need_a_folder(
    plain: ProductSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ProductSet.write

    def written(self: ProductSet, folder: Path) -> Path:
        write(self, folder)
        for name in ("Early.pha", "early.pha"):
            (folder / name).write_text(name)
        return folder

    monkeypatch.setattr(ProductSet, "write", written)
    with pytest.raises(RequestError, match="differ only in case"):
        plain.write_bundle(tmp_path / "bundle.zip")
    assert list(tmp_path.iterdir()) == []
    assert ProductSet.read_bundle(plain.write_bundle(tmp_path / "bundle")) == plain


def test_requests_only_the_engine_understands(plain: ProductSet, tmp_path: Path) -> None:
    nothing = ProductSet({})
    assert ProductSet.read_bundle(nothing.write_bundle(tmp_path / "nothing")) == nothing
    assert not (tmp_path / "nothing" / "submission.json").exists()
