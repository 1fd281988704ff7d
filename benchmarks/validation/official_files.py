"""What is left of official files after reading and writing, and what is made of their events.

    SWIFTXRT_VALIDATION_DATA=folder python benchmarks/validation/official_files.py

Images: pixels of the archive's ``_sk.img`` that differ from an image of the cleaned events, and whether the events
have the official ``DATASUM`` once they are written again. Spectra, ARFs and RMFs of the service and of other programs:
whether the object read from the file we write equals that read from the official one, in how many files every
column of the spectrum is the same, and which keywords of the official spectrum are gone or differ. Grouping: official
``GROUPING`` and ``QUALITY`` columns that follow from the counts.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from swiftxrt import ARF, RMF, CountSpectrum, EventList
from swiftxrt.exceptions import MetadataWarning, SwiftXRTError

SPECTRA = ("uk_spec_grb", "uk_spec_1ES0647", "xrtproducts_spectra", "caldb_like")
ENDINGS = (".pi", ".pha", ".arf", ".rmf", ".fits")
# Counts per group of the service, and of those that its users make with grppha.
MIN_COUNTS = (1, 15, 20)
# What describes the table, and who wrote it; links and history have the place of the new file.
OF_THE_FILE = ("CHECKSUM", "DATASUM", "DATE", "CREATOR", "ORIGIN", "BITPIX", "GCOUNT", "PCOUNT", "XTENSION", "TFIELDS")
OF_COLUMNS = ("NAXIS", "TTYPE", "TFORM", "TUNIT", "TLMIN", "TLMAX", "TNULL", "TDISP", "TSCAL", "TZERO")
OF_TEXT = ("HISTORY", "COMMENT", "", "HDUCLAS", "HDUVERS", "BACKFILE", "RESPFILE", "ANCRFILE", "CORRFILE")


def unpack(data: Path, folder: Path) -> Path:
    """Link the folders with spectra into another, and unpack archives of the service there."""
    for name in SPECTRA:
        for path in (data / name).rglob("*"):
            place = folder / path.relative_to(data)
            if path.name.endswith(".tar.gz"):
                with tarfile.open(path) as archive:
                    archive.extractall(place.with_name(path.name.removesuffix(".tar.gz")), filter="data")
            elif path.is_file():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(path)
    return folder


def products(data: Path) -> Iterator[tuple[Path, str]]:
    """Files with a spectrum or a response, and which of them it is."""
    for path in sorted(data.rglob("*")):
        if path.name.removesuffix(".gz").endswith(ENDINGS):
            with fits.open(path) as hdus:
                names = {hdu.name for hdu in hdus}
            for name, kind in (("SPECTRUM", "spectrum"), ("SPECRESP", "ARF")):
                if name in names:
                    yield path, kind
            if names & {"MATRIX", "SPECRESP MATRIX"}:
                yield path, "RMF"


def print_images(data: Path, folder: Path) -> None:
    """Table of images."""
    print(f"{'observation':12} {'events':>8} {'pixels':>9} {'other':>6}  DATASUM of the events")
    for image in sorted((data / "deepsky_archive_obs").rglob("*xpc_sk.img.gz")):
        (path,) = image.parent.parent.glob("event/*xpcw?po_cl.evt.gz")
        events = EventList.read(path)
        copy = events.write(folder / path.name.removesuffix(".gz"))
        sums = [fits.getheader(item, "EVENTS")["DATASUM"] for item in (path, copy)]
        official = fits.getdata(image)
        differ = int(np.sum(events.to_image().counts.data != official))
        verdict = "same" if sums[0] == sums[1] else "differs"
        print(f"{events.obsid:12} {len(events):8} {official.size:9} {differ:6}  {verdict}")


def print_round_trips(data: Path, folder: Path) -> None:
    """Table of spectra and responses."""
    same: Counter[str] = Counter()
    number: Counter[str] = Counter()
    refused, columns, changed = [], 0, Counter[str]()
    for path, kind in products(data):
        reader = {"spectrum": CountSpectrum, "ARF": ARF, "RMF": RMF}[kind]
        try:
            official = reader.read(path)
        except SwiftXRTError as error:
            refused.append(str(error).splitlines()[0].replace(str(data), ""))
            continue
        copy = folder / "copy.fits"
        official.write(copy, overwrite=True)
        number[kind] += 1
        same[kind] += reader.read(copy) == official
        if kind == "spectrum":
            columns += same_columns(path, copy)
            changed.update(changed_keywords(path, copy))
    print(f"\n{'':10} {'files':>6} {'same after a round trip':>24}")
    for kind, total in number.items():
        print(f"{kind:10} {total:6} {same[kind]:24}")
    print(f"spectra with the same columns: {columns}; keywords that are gone or differ: {dict(changed) or 'none'}")
    for text in refused:
        print(f"refused: {text}")


def same_columns(path: Path, copy: Path) -> bool:
    """Whether every column of an official spectrum is in the copy as it was."""
    official, ours = fits.getdata(path, "SPECTRUM"), fits.getdata(copy, "SPECTRUM")
    return all(
        name in ours.names and np.array_equal(official[name], ours[name], equal_nan=official[name].dtype.kind == "f")
        for name in official.names
    )


def changed_keywords(path: Path, copy: Path) -> list[str]:
    """Keywords of an official spectrum that are gone or have another value."""
    official, ours = fits.getheader(path, "SPECTRUM"), fits.getheader(copy, "SPECTRUM")
    return [
        key
        for key in official
        if key not in OF_THE_FILE
        and not key.startswith(OF_COLUMNS)
        and not (key in OF_TEXT or key.startswith("HDUCLAS"))
        and (key not in ours or ours[key] != official[key])
    ]


def print_grouping(data: Path) -> None:
    """Table of grouped spectra."""
    print("\nGROUPING and QUALITY that follow from the counts")
    for path, kind in products(data):
        if kind != "spectrum":
            continue
        table = fits.getdata(path, "SPECTRUM")
        if "GROUPING" not in table.names or "COUNTS" not in table.names or not np.any(table["GROUPING"] != 1):
            continue
        spectrum = CountSpectrum.read(path)
        found = [n for n in MIN_COUNTS if equal_flags(spectrum.group(min_counts=n), table)]
        print(f"{path.relative_to(data)!s:75} {f'{found[0]} counts' if found else 'no'}")


def equal_flags(made: CountSpectrum, table: np.ndarray) -> bool:
    """Whether a spectrum is grouped as an official table."""
    return np.array_equal(made.grouping, table["GROUPING"]) and np.array_equal(made.quality, table["QUALITY"])


def main() -> int:
    """Print the tables."""
    data = os.environ.get("SWIFTXRT_VALIDATION_DATA")
    if not data:
        print("SWIFTXRT_VALIDATION_DATA is not set: real XRT files are not part of the package", file=sys.stderr)
        return 1
    # Links to files that were not kept.
    warnings.simplefilter("ignore", MetadataWarning)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copies:
        print_images(Path(data), Path(copies))
        unpacked = unpack(Path(data).absolute(), Path(folder))
        print_round_trips(unpacked, Path(copies))
        print_grouping(unpacked)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
