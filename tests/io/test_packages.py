"""Archives in the layout of the service, sound and hostile."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData

from swiftxrt import ImageRequest, SkyImage, Target, XRTRequest
from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import FormatError, MetadataWarning, PartialResultWarning
from swiftxrt.io.packages import pack_folder, read_image_package, write_exposure, write_service_files
from swiftxrt.io.unpacking import unpack
from swiftxrt.kinds import ProductKind as Kind
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.provenance import Provenance

REQUEST = XRTRequest(target=Target(name="GRB 200416A"), image=ImageRequest())


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
    assert list((tmp_path / "out").iterdir()) == []


def test_archive_that_would_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.io.unpacking._MAX_BYTES", 100)
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


def zipped(path: Path, *members: tuple[str, bytes], attributes: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = attributes << 16
            archive.writestr(member, content)
    return path


def test_zip_archives_are_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("a/b/file", b"text"), ("a/empty/", b""), attributes=stat.S_IFREG | 0o644)
    (file,) = unpack(path, tmp_path / "out")
    assert (file, file.read_text()) == (tmp_path / "out" / "a" / "b" / "file", "text")
    (flat,) = unpack(path, tmp_path / "flat", flat=True)
    assert flat == tmp_path / "flat" / "file"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_names_in_zip_archives_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="unsafe name"):
        unpack(zipped(tmp_path / "x.zip", (name, b"x")), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_links_in_zip_archives_are_left_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("link", b"/etc/hosts"), attributes=stat.S_IFLNK | 0o777)
    assert unpack(path, tmp_path / "out") == []
    assert list((tmp_path / "out").iterdir()) == []


def test_zip_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftxrt.io.unpacking._MAX_BYTES", 100_000)
    honest = zipped(tmp_path / "x.zip", ("a", bytes(200_000)))
    with pytest.raises(FormatError, match="larger than any"):
        unpack(honest, tmp_path / "out")
    # One whose directory gives a smaller size than the file has.
    size = (200_000).to_bytes(4, "little")
    liar = tmp_path / "liar.zip"
    liar.write_bytes(honest.read_bytes().replace(size, (50_000).to_bytes(4, "little")))
    with pytest.raises(FormatError):
        unpack(liar, tmp_path / "liar")
    assert sum(file.stat().st_size for file in tmp_path.rglob("liar/*")) <= 50_000


def test_damage_anywhere_in_zip_is_a_format_error(tmp_path: Path) -> None:
    noise = bytes(random.Random(1).choices(b"abcdefgh", k=3000))
    sound = zipped(tmp_path / "x.zip", ("a", noise)).read_bytes()
    damaged = tmp_path / "damaged.zip"
    for where in range(0, len(sound), 11):
        damaged.write_bytes(sound[:where] + bytes([sound[where] ^ 0xFF]) + sound[where + 1 :])
        with contextlib.suppress(FormatError):  # the only error there may be
            unpack(damaged, tmp_path / f"out{where}")


# Images.


CENTRE = SkyCoord(150.0 * u.deg, 20.0 * u.deg, frame="fk5")
SERVICE = Provenance(backend="ukssdc")


def image(counts: int = 1, **changes: Any) -> SkyImage:
    wcs = sky_wcs(150.0, 20.0)
    data = np.zeros((1000, 1000), dtype=np.int32)
    data[499, 500] = counts
    return SkyImage(CCDData(data, unit=u.ct, wcs=wcs), **changes)


def files_of(tmp_path: Path) -> dict[str, bytes]:
    """Files of two images and an exposure map, as the service packs them."""
    exposure = CCDData(np.full((1000, 1000), 12.5), unit=u.s, wcs=sky_wcs(150.0, 20.0))
    bands = (EnergyBand(0.3 * u.keV, 10 * u.keV), EnergyBand(1.234567890 * u.keV, 2.5 * u.keV))
    images = [image(number, band=band, exposure=exposure) for number, band in enumerate(bands, start=1)]
    write_service_files(Kind.IMAGE, images, tmp_path / "made" / "image", REQUEST)
    return {file.name: file.read_bytes() for file in (tmp_path / "made" / "image").iterdir()}


def packed(tmp_path: Path, files: dict[str, bytes]) -> Path:
    return tar(tmp_path / "x.tar.gz", *((f"USERPROD_1/image/{name}", content) for name, content in files.items()))


@pytest.mark.parametrize("ending", ["tar.gz", "tar", "zip"])
def test_images_arrive(tmp_path: Path, ending: str) -> None:
    files_of(tmp_path)
    path = pack_folder(tmp_path / "made", [Path("image")], tmp_path / f"image.{ending}")
    images = read_image_package(path, SERVICE)
    assert images == read_image_package(tmp_path / "made" / "image", SERVICE)
    assert [one.band for one in images] == [
        EnergyBand(0.3 * u.keV, 10 * u.keV),
        EnergyBand(1.23456789 * u.keV, 2.5 * u.keV),
    ]
    assert [one.counts.data[499, 500] for one in images] == [1, 2]
    assert images[0].rate.data[499, 500] == 1 / 12.5
    assert images[0].wcs.world_to_pixel(CENTRE) == pytest.approx((499.5, 499.5))
    assert images[0].provenance == SERVICE


def test_images_without_exposure_map(tmp_path: Path) -> None:
    files = {name: content for name, content in files_of(tmp_path).items() if name != "summed_ex.img.gz"}
    images = read_image_package(packed(tmp_path, files), SERVICE)
    assert [one.exposure for one in images] == [None, None]


def test_images_with_damaged_exposure_map(tmp_path: Path) -> None:
    files = files_of(tmp_path) | {"summed_ex.img.gz": b"nonsense"}
    with pytest.warns(MetadataWarning, match="read without it"):
        images = read_image_package(packed(tmp_path, files), SERVICE)
    assert images[0].exposure is None
    assert images[0].counts.data[499, 500] == 1


def test_images_with_an_exposure_map_of_another_shape(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    write_exposure(CCDData(np.ones((3, 3)), unit=u.s, wcs=sky_wcs(150.0, 20.0)), tmp_path / "small.img.gz")
    files["summed_ex.img.gz"] = (tmp_path / "small.img.gz").read_bytes()
    with pytest.warns(MetadataWarning, match=r"another shape \(\(3, 3\)\)"):
        images = read_image_package(packed(tmp_path, files), SERVICE)
    assert [one.exposure for one in images] == [None, None]


def test_images_without_log(tmp_path: Path) -> None:
    files = {name: content for name, content in files_of(tmp_path).items() if name != "images.log"}
    files["image10.img.gz"] = files.pop("image2.img.gz")
    files["image2.img.gz"] = files.pop("image1.img.gz")
    with pytest.warns(MetadataWarning, match=r"images\.log"):
        images = read_image_package(packed(tmp_path, files), SERVICE)
    assert [one.counts.data[499, 500] for one in images] == [1, 2]
    # Ours have the band in their header.
    assert images[0].band == EnergyBand(0.3 * u.keV, 10 * u.keV)


def test_log_that_names_no_image(tmp_path: Path) -> None:
    files = files_of(tmp_path) | {"images.log": b"no images were made\n"}
    assert len(read_image_package(packed(tmp_path, files), SERVICE)) == 2


def test_unpacked_images_are_read(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    files["image1.img"] = gzip.decompress(files.pop("image1.img.gz"))
    assert len(read_image_package(packed(tmp_path, files), SERVICE)) == 2


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"image2.img.gz": b"nonsense"}, "image2.img.gz"),
        ({"images.log": b"1\t0.3\t10\n3\t1\t2\n"}, "names image 3"),
        ({"images.log": b"1\t0.3\t10\n2\ta\tb\n"}, "no energy band"),
        ({"images.log": b"1\t0.3\t10\n2\t5\t1\n"}, "no energy band"),
    ],
)
def test_one_bad_image_does_not_take_the_others(tmp_path: Path, changes: dict[str, bytes], text: str) -> None:
    path = packed(tmp_path, files_of(tmp_path) | changes)
    with pytest.warns(PartialResultWarning, match=text):
        (found,) = read_image_package(path, SERVICE)
    assert found.counts.data[499, 500] == 1


def test_all_events_have_no_band(tmp_path: Path) -> None:
    write_service_files(Kind.IMAGE, [image()], tmp_path / "image", REQUEST)
    (found,) = read_image_package(tmp_path / "image", SERVICE)
    assert found.band is None


@pytest.mark.parametrize("members", [(), (("a", b""),), (("image/images.log", b"1\t0.3\t10\n"),)])
def test_archives_without_image(tmp_path: Path, members: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(FormatError, match=r"holds no image|names image 1"):
        read_image_package(tar(tmp_path / "x.tar.gz", *members), SERVICE)


def test_real_images_in_the_layout_of_the_service(tmp_path: Path, validation_data: Path) -> None:
    """The archive's image and exposure map of 00085374001 under the names that the service gives."""
    products = validation_data / "deepsky_archive_obs/obs/2014_11/00085374001/xrt/products"
    names = {"image1.img.gz": "sw00085374001xpc_sk.img.gz", "summed_ex.img.gz": "sw00085374001xpc_ex.img.gz"}
    files = {name: (products / source).read_bytes() for name, source in names.items()}
    (found,) = read_image_package(packed(tmp_path, files | {"images.log": b"1\t0.3\t10\n"}), SERVICE)
    official = SkyImage.read(products / names["image1.img.gz"], exposure=products / names["summed_ex.img.gz"])
    assert np.array_equal(found.counts.data, official.counts.data)
    assert np.array_equal(found.exposure.data, official.exposure.data)
    assert found.band == EnergyBand(0.3 * u.keV, 10 * u.keV)
