"""Files with damage in any place: they are read, or there is an error of ours."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftxrt import ARF, RMF, CountSpectrum, EventList, LightCurve, LightCurveSet, SkyImage, SourceList, XRTSpectrum
from swiftxrt.bands import EnergyBand
from swiftxrt.io.archive import find_observations
from swiftxrt.io.events import read_gti
from swiftxrt.io.image import read_exposure
from swiftxrt.io.packages import package_product, read_image_package, write_exposure
from swiftxrt.io.qdp import read_qdp_set
from swiftxrt.io.regions import read_regions
from swiftxrt.io.spectrum import read_slice_archive, write_slice_archive
from swiftxrt.kinds import ProductKind
from swiftxrt.products._wcs import sky_wcs
from swiftxrt.products.position import Position
from swiftxrt.products.productset import ProductSet
from swiftxrt.products.provenance import Provenance
from swiftxrt.request.bundle import XRTRequest
from swiftxrt.request.image import ImageRequest
from swiftxrt.request.target import Target
from swiftxrt.wire import lightcurve, sources

_DATA = Path(__file__).parents[1] / "data"

#: Which file, and who reads it: the file itself, or the folder that it is in.
READERS: dict[str, Callable[[Path], Any]] = {
    "events.evt": EventList.read,
    "zipped.evt.gz": EventList.read,
    "gti.evt": read_gti,
    "total.fits": LightCurve.read,
    "total.ecsv": LightCurve.read,
    "curves/total.fits": lambda path: LightCurveSet.read(path.parent),
    "qdp/PCCURVE.qdp": lambda path: read_qdp_set(path),
    "area.arf": ARF.read,
    "matrix.rmf": RMF.read,
    "counts.pha": CountSpectrum.read,
    "flux.pha": XRTSpectrum.read,
    "image.fits": SkyImage.read,
    "exposure.fits": read_exposure,
    "source.reg": read_regions,
    "position.json": Position.read,
    "position.reg": Position.read,
    "sources/sources.json": lambda path: SourceList.read(path.parent),
    "sources/sources_total.ecsv": lambda path: SourceList.read(path.parent),
    "set/swiftxrt.json": lambda path: ProductSet.read(path.parent),
    "set/request.yaml": lambda path: ProductSet.read(path.parent),
    "set/standard_position/position.json": lambda path: ProductSet.read(path.parents[1]),
    "archive/obs/xrt/event/sw00012345001xpcw3po_cl.evt": lambda path: find_observations(path.parents[3]),
    "slice.tar.gz": read_slice_archive,
    "slice.tar": read_slice_archive,
    "slice.zip": read_slice_archive,
    "images.tar.gz": lambda path: read_image_package(path, Provenance()),
    "request.json": XRTRequest.read,
    "request.yaml": XRTRequest.read,
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, small_archive: Path) -> Path:
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    events = next(small_archive.rglob("*.evt.gz")).read_bytes()
    (folder / "zipped.evt.gz").write_bytes(events)
    for name in ("events.evt", "gti.evt", "archive/obs/xrt/event/sw00012345001xpcw3po_cl.evt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.decompress(events))
    _write_curves(folder)
    _write_spectra(folder)
    _write_images(folder)
    found = json.loads((_DATA / "golden_exchanges.json").read_text(encoding="utf-8"))["exchanges"]
    sources.decode(found["exchange_40_source_list"]["reply"]["json"]).write(folder / "sources")
    position = Position(SkyCoord(150.0, 20.0, unit="deg"), 3.5 * u.arcsec)
    position.write(folder / "position.json")
    position.write(folder / "position.reg")
    (folder / "source.reg").write_text('fk5\ncircle(150.0,20.0,20")\n-ellipse(150.1,20.0,20",10",45) # text={x}\n')
    request = XRTRequest(target=Target("GRB 200416A", resolve_t0=True), image=ImageRequest())
    request.write(folder / "request.json")
    request.write(folder / "request.yaml")
    ProductSet({ProductKind.STANDARD_POSITION: position}, request=request).write(folder / "set")
    return folder


def _write_curves(folder: Path) -> None:
    recorded = json.loads((_DATA / "recorded_light_curves.json").read_text(encoding="utf-8"))
    curves = lightcurve.decode(recorded["job"])
    curves.total.write(folder / "total.fits")
    curves.total.write(folder / "total.ecsv")
    curves.write(folder / "curves")
    curves.write(folder / "qdp", format="ukssdc.qdp")


def _write_spectra(folder: Path) -> None:
    edges = np.linspace(0.3, 2.0, 9) * u.keV
    ARF(energy_edges=edges, effective_area=np.arange(1.0, 9.0) * u.cm**2).write(folder / "area.arf")
    RMF(matrix=np.eye(8), energy_edges=edges, channel_edges=edges).write(folder / "matrix.rmf")
    counts = np.zeros(1024, dtype=int)
    counts[30:200] = 2
    common = {"counts": counts, "exposure": 100 * u.s, "mode": "PC"}
    spectrum = CountSpectrum(**common, background=CountSpectrum(**common, backscale=10), label="interval0")
    for name in ("counts.pha", "flux.pha"):
        spectrum.write(folder / name, overwrite=True)
    write_slice_archive([spectrum], folder / "slice.tar.gz", t0_met=6e8, position=None)
    with tarfile.open(folder / "slice.tar.gz") as packed, zipfile.ZipFile(folder / "slice.zip", "w") as archive:
        for member in packed.getmembers():
            archive.writestr(member.name, packed.extractfile(member).read())
    (folder / "slice.tar").write_bytes(gzip.decompress((folder / "slice.tar.gz").read_bytes()))


def _write_images(folder: Path) -> None:
    wcs = sky_wcs(150.0, 20.0)
    values = np.random.default_rng(1).poisson(1, (12, 10))
    image = SkyImage(
        CCDData(values, unit=u.ct, wcs=wcs), CCDData(values * 100.0, unit=u.s, wcs=wcs), EnergyBand.parse("0.3-10 keV")
    )
    image.write(folder / "image.fits")
    write_exposure(image.exposure, folder / "exposure.fits")
    request = XRTRequest(target=Target("x", resolve_t0=True), image=ImageRequest())
    package_product(ProductKind.IMAGE, (image,), folder / "images.tar.gz", root="USERPROD_1/image", request=request)


@pytest.mark.parametrize("name", READERS)
def test_sound_files(name: str, originals: Path) -> None:
    assert repr(READERS[name](originals / name))


#: Where (a part of the file), what, how much, and with what.
_ACTIONS = ("flip", "flip", "set", "cut", "remove", "repeat", "insert", "card", "card", "word", "word")
_WORDS = st.sampled_from(
    [
        *(b"", b"0", b"-1", b"1", b"7", b"1e999", b"nan", b"inf", b"99999999999", b"9" * 400, b"NO"),
        *(b"T", b"'x'", b"'999999999E'", b"'0A'", b"'1PE(9)'", b"'(1,2,3)'", b"\xff\xfe", b"\0"),
        *(b"null", b"[]", b"{}", b"!!python/object:os.system", b"&a *a"),
    ]
)
CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(_ACTIONS), st.integers(1, 5000), _WORDS),
    min_size=1,
    max_size=4,
)


def damaged(content: bytes, changes: list[tuple[float, str, int, bytes]]) -> bytes:
    """The content after changes in some places."""
    made = bytearray(content)
    for part, action, size, word in changes:
        place = int(part * len(made))
        if not made:
            break
        if action == "flip":
            made[place] ^= 1 << size % 8
        elif action == "set":
            made[place] = size % 256
        elif action == "cut":
            del made[place:]
        elif action == "remove":
            del made[place : place + size]
        elif action == "repeat":
            made[place:place] = made[place : place + size]
        elif action == "insert":
            made[place:place] = word
        elif action == "card":
            _change_card(made, place, word)
        else:
            _change_word(made, place, word)
    return bytes(made)


def _change_card(made: bytearray, number: int, word: bytes) -> None:
    """Another value for one of the keywords of a FITS file, if it is one."""
    cards = [at for at in range(0, len(made), 80) if made[at + 8 : at + 10] == b"= "]
    if cards:
        start = cards[number % len(cards)] + 10
        made[start : start + 70] = word[:70].rjust(20).ljust(70)


def _change_word(made: bytearray, place: int, word: bytes) -> None:
    """Another word or number in the place of one, as texts have them."""
    found = next(re.compile(rb"[\w.+-]+").finditer(made, place), None)
    if found:
        made[found.start() : found.end()] = word


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str, originals: Path, tmp_path_factory: pytest.TempPathFactory, sound: Any) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copytree(originals, folder, dirs_exist_ok=True)
    original = (originals / name).read_bytes()

    @settings.get_profile("fuzz")
    @given(CHANGES)
    def check(changes: list[tuple[float, str, int, bytes]]) -> None:
        (folder / name).write_bytes(_repacked(name, original, changes))
        sound(lambda: READERS[name](folder / name))

    check()


def _repacked(name: str, original: bytes, changes: list[tuple[float, str, int, bytes]]) -> bytes:
    """The file with damage, half of the time inside of what is compressed."""
    if name.endswith(".gz") and changes[0][2] % 2:
        return gzip.compress(damaged(gzip.decompress(original), changes), 1)
    return damaged(original, changes)


@pytest.mark.parametrize("name", READERS)
def test_foreign_content(name: str, originals: Path, tmp_path_factory: pytest.TempPathFactory, sound: Any) -> None:
    """Something else under the name of the file: of another kind, a page, nothing, a folder."""
    folder = tmp_path_factory.mktemp("foreign")
    shutil.copytree(originals, folder, dirs_exist_ok=True)
    others = [(originals / other).read_bytes() for other in READERS]
    for content in [*others, b"", b"\0" * 3000, b"<html>maintenance</html>", b"\x1f\x8b", b"\xff" * 100, b"SIMPLE  ="]:
        (folder / name).write_bytes(content)
        sound(lambda: READERS[name](folder / name))
    (folder / name).unlink()
    sound(lambda: READERS[name](folder / name))
    (folder / name).mkdir()
    sound(lambda: READERS[name](folder / name))
