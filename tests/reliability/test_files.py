"""FITS files that are not what they should be: cut short, of another kind, too large by their own account, changed."""

from __future__ import annotations

import gzip
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from swiftxrt import ARF, RMF, CountSpectrum, EventList, LightCurve, SkyImage
from swiftxrt.bands import EnergyBand
from swiftxrt.exceptions import FormatError, MetadataWarning
from swiftxrt.products._wcs import sky_wcs

READERS: dict[str, Any] = {
    "events": EventList.read,
    "image": SkyImage.read,
    "spectrum": CountSpectrum.read,
    "ARF": ARF.read,
    "RMF": RMF.read,
    "light curve": LightCurve.read,
}
#: Address space of the process that reads files with absurd sizes: what the readers need, and little more.
MEMORY = 3 << 30


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, small_archive: Path) -> dict[str, Path]:
    """A good file for some of the readers, not packed."""
    folder = tmp_path_factory.mktemp("originals")
    paths = {"events": folder / "events.fits", "image": folder / "image.fits", "spectrum": folder / "spectrum.fits"}
    EventList.read(next(small_archive.rglob("*.evt.gz"))).write(paths["events"].with_suffix(".evt"))
    paths["events"] = paths["events"].with_suffix(".evt")
    counts = CCDData(np.arange(120).reshape(12, 10), unit=u.ct, wcs=sky_wcs(150.0, 20.0))
    SkyImage(counts, None, EnergyBand.parse("0.3-10 keV")).write(paths["image"])
    paths["spectrum"] = paths["spectrum"].with_suffix(".pha")
    CountSpectrum(counts=[2] * 1024, exposure=100 * u.s, mode="PC").write(paths["spectrum"])
    return paths


@pytest.mark.fault_case(81)
@pytest.mark.parametrize("kind", ["events", "image", "spectrum"])
def test_cut_short(originals: dict[str, Path], tmp_path: Path, kind: str) -> None:
    whole = originals[kind].read_bytes()
    path = tmp_path / originals[kind].name
    for size in (80, 2880, len(whole) // 2, len(whole) - 2880, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError) as caught:
            READERS[kind](path)
        assert caught.value.path == str(path)


@pytest.mark.fault_case(81)
@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>\n<html><body>404</body></html>\n" * 100], ids=["empty", "page"]
)
def test_no_fits_at_all(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.fits"):
        READERS[kind](path)


@pytest.mark.fault_case(81)
@pytest.mark.parametrize("kind", ["events", "image", "spectrum"])
def test_packed_without_saying_so(originals: dict[str, Path], tmp_path: Path, kind: str) -> None:
    path = tmp_path / originals[kind].name
    path.write_bytes(gzip.compress(originals[kind].read_bytes()))
    assert READERS[kind](path) == READERS[kind](originals[kind])


def _with_card(content: bytes, key: str, value: str) -> bytes:
    """The file with another value for the last card of this name."""
    start = content.rindex(f"{key:8}= ".encode())
    return content[:start] + f"{key:8}= {value:>20}".ljust(80).encode() + content[start + 80 :]


ABSURD = [
    ("image", "NAXIS1", "2000000000"),
    ("image", "NAXIS2", "99999999999999"),
    ("image", "NAXIS", "999"),
    ("image", "BITPIX", "-64000"),
    ("events", "NAXIS1", "2000000000"),
    ("events", "NAXIS2", "9000000000"),
    ("events", "TFIELDS", "999999999"),
    ("events", "PCOUNT", "99999999999"),
    ("events", "TFORM1", "'999999999999D'"),
    ("events", "TFORM1", "'1PE(9999999999)'"),
    ("spectrum", "NAXIS2", "9000000000"),
    ("spectrum", "TFORM2", "'4000000000J'"),
]

_READ_ALL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from swiftxrt import CountSpectrum, EventList, SkyImage
from swiftxrt.exceptions import FormatError
readers = {".evt": EventList.read, ".fits": SkyImage.read, ".pha": CountSpectrum.read, ".gz": SkyImage.read}
for name in sys.argv[2:]:
    try:
        readers[name[name.rindex("."):]](name)
    except FormatError as error:
        print("refused", "emory" in str(error) or "allocate" in str(error))
    else:
        print("read")
# Not ru_maxrss, which begins with what the parent had when it made this process.
with open("/proc/self/status") as status:
    print("peak", next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of the memory is not told there")
@pytest.mark.fault_case(80, 82)
def test_absurd_sizes(originals: dict[str, Path], tmp_path: Path) -> None:
    """All in one process that must not have more memory: they are refused before much is asked of the system."""
    paths = [tmp_path / "zeros.fits.gz"]  # 1 GiB; archives are unpacked without looking into such a member
    card = b"SIMPLE  =                    T".ljust(80)
    paths[0].write_bytes(gzip.compress(card) + gzip.compress(bytes(1 << 24)) * 64)
    for number, (kind, key, value) in enumerate(ABSURD):
        paths.append(tmp_path / f"{number}{originals[kind].suffix}")
        paths[-1].write_bytes(_with_card(originals[kind].read_bytes(), key, value))
    command = [sys.executable, "-W", "ignore", "-c", _READ_ALL, str(MEMORY), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    *outcomes, peak = done.stdout.splitlines()
    assert dict(zip(["zeros", *ABSURD], outcomes, strict=True)) == dict.fromkeys(["zeros", *ABSURD], "refused False")
    assert int(peak.split()[1]) < 1_000_000  # KiB, less than the zeros alone


@pytest.mark.fault_case(83)
@pytest.mark.parametrize("kind", ["events", "image", "spectrum"])
@pytest.mark.parametrize("packed", [False, True])
def test_changed_data_of_our_files(originals: dict[str, Path], tmp_path: Path, kind: str, packed: bool) -> None:
    path = tmp_path / originals[kind].name
    content = bytearray(originals[kind].read_bytes())
    path.write_bytes(gzip.compress(content) if packed else content)
    READERS[kind](path)  # Warnings are errors here.
    with fits.open(originals[kind]) as hdus:
        place = next(hdu.fileinfo()["datLoc"] for hdu in hdus if hdu.data is not None)
    content[place + 7] ^= 1
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.warns(MetadataWarning, match=r"not those that were written \(DATASUM\): the file is damaged, or"):
        READERS[kind](path)


def _assert_wrong_sums(path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fits.open(path, checksum=True).close()
    assert any("Datasum verification failed" in str(one.message) for one in caught)


@pytest.mark.fault_case(83)
def test_outdated_sums_of_others_are_no_matter(originals: dict[str, Path], tmp_path: Path) -> None:
    """The tools of the mission leave them in sound files: each spectrum that ``grppha`` grouped has them."""
    path = tmp_path / "a.pha"
    with fits.open(originals["spectrum"]) as hdus:
        for hdu in hdus:
            hdu.add_checksum()
            hdu.header["DATASUM"] = "527319"
        hdus.writeto(path)
    _assert_wrong_sums(path)
    assert CountSpectrum.read(path) == CountSpectrum.read(originals["spectrum"])


@pytest.mark.fault_case(83)
def test_sums_of_the_service(validation_data: Path, tmp_path: Path) -> None:
    """Sound files as they were published, with wrong sums."""
    path = validation_data / "uk_spec_grb" / "interval0pc_00255445000" / "interval0pc.pi"
    _assert_wrong_sums(path)
    (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.warns(MetadataWarning) as caught:  # of the other files that it names
        assert CountSpectrum.read(tmp_path / path.name).counts.sum() > 0
    assert not [one for one in caught if "DATASUM" in str(one.message)]
