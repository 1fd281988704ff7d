"""A small archive: three observations of two targets in the layout of the archives, with more than events."""

from __future__ import annotations

import gzip
import io
import shutil
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import QTable
from astropy.time import Time

from swiftxrt.testing import small_observation

OBSIDS = ("09999002000", "09999002001", "09999003000")


def fill(folder: Path) -> None:
    """Write the archive: of the last observation events and a log only."""
    first = small_observation(folder)
    (event,) = (path for paths in first.files.values() for path in paths)
    for number, obsid in enumerate(OBSIDS):
        if number:
            copy = folder / obsid / "xrt" / "event" / event.name.replace(OBSIDS[0], obsid)
            copy.parent.mkdir(parents=True)
            shutil.copyfile(event, copy)
        for name, content in files(obsid, number).items():
            path = folder / obsid / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def files(obsid: str, number: int) -> dict[str, bytes]:
    """What an observation has besides events; the unfiltered events of the first are large."""
    log = {f"log/sw{obsid}xrt.html": b"<html><body>all went well</body></html>", f"log/sw{obsid}pob.txt": b""}
    if number == 2:
        return log
    rng = np.random.default_rng(number)
    return log | {
        f"xrt/event/sw{obsid}xpcw3po_uf.evt.gz": packed(rng, 1_500_000 if number == 0 else 3000),
        f"xrt/hk/sw{obsid}xhd.hk.gz": packed(rng, 20_000),
        f"xrt/products/sw{obsid}xpc_sk.img.gz": packed(rng, 9_000),
        f"xrt/products/sw{obsid}xpc_ex.img.gz": packed(rng, 8_000),
        f"xrt/products/sw{obsid}x_skim.gif": b"GIF89a" + rng.bytes(4000),
        f"auxil/sw{obsid}sat.fits.gz": packed(rng, 40_000),
        f"auxil/sw{obsid}pat.fits.gz": packed(rng, 41_000),
        f"auxil/sw{obsid}s.mkf.gz": packed(rng, 1_000),
    }


def packed(rng: np.random.Generator, size: int) -> bytes:
    """A FITS file that does not get smaller when it is packed."""
    made = io.BytesIO()
    fits.PrimaryHDU(rng.integers(0, 256, size, dtype=np.uint8)).writeto(made)
    return gzip.compress(made.getvalue(), 1)


def table(*obsids: str) -> QTable:
    """What a query for observations finds, as far as downloads need it."""
    chosen = obsids or OBSIDS
    return QTable({"obsid": list(chosen), "start": Time(["2016-11-12T00:00:00"] * len(chosen), scale="utc")})
