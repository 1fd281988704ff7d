"""A service that knows a burst, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u

from swiftxrt import CountSpectrum, SwiftXRTClass, conf
from swiftxrt.io.spectrum import write_slice_archive
from tests.catalog.replay import Replay

NAME, TARGET = "GRB 060729", 221755
IDS = {"targetID": TARGET}
RATES = ["Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg"]


def service(files: dict[str, bytes] | None = None, **functions: Any) -> tuple[SwiftXRTClass, Replay]:
    """A client, and the service that it asks, with the replies of its functions and its files."""
    made, backend = SwiftXRTClass(), Replay({"GRBNameToTargetID": IDS, **functions}, files)
    made._catalogs[conf.service_url.rstrip("/")] = backend
    return made, backend


def light_curve(*names: str, **head: Any) -> dict[str, Any]:
    """A light-curve reply with one bin in each dataset."""
    rates = {"columns": RATES, "data": [[100.0, 5, -5, 0.5, 0.1, -0.1]]}
    ratio = {"columns": [*RATES[:3], "HR", "HRErr"], "data": [[100.0, 5, -5, 0.5, 0.1]]}
    tables = {f"{name}Data": ratio if "HR" in name else rates for name in names}
    return {"Datasets": list(names), **tables, "Binning": "Counts", "TimeFormat": "MET", "T0": 175945168, **head}


def slice_archive(folder: Path) -> Callable[..., bytes]:
    """Makes the archive of one time slice."""

    def pack(label: str, *modes: str) -> bytes:
        path = folder / f"{label}.tar.gz"
        counts = [0] * 30 + [2] * 994
        members = [CountSpectrum(counts=counts, exposure=100 * u.s, mode=mode, label=label) for mode in modes]
        write_slice_archive(members, path, t0_met=401775096.0)
        return path.read_bytes()

    return pack


def spectrum_files(reply: dict[str, Any], archive: Callable[..., bytes]) -> dict[str, bytes]:
    """Archives of all slices of a reply, by address."""
    return {reply[label]["DataFile"]: archive(label, *reply[label]["Modes"]) for label in reply["rnames"]}
