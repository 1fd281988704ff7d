"""A disk that gets full while catalogues are downloaded, and while answers on upper limits are written down.

The system refuses what makes a file larger than a limit, as it refuses what a full disk has no room for.
"""

from __future__ import annotations

import json
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.exceptions import StorageError

LIMIT = 60_000
PLACE = SkyCoord(77.969042, -62.324167, unit="deg")
NAMES = ("LSXPS_ID", "IAUName", "RA", "Decl")


@contextmanager
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, server: Any) -> Iterator[Path]:
    with (
        conf.set_temp("cache_dir", str(tmp_path / "cache")),
        conf.set_temp("service_url", server.url),
        conf.set_temp("retries", 0),
    ):
        yield tmp_path / "cache"


def kept(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def sources(count: int) -> bytes:
    rng = np.random.default_rng(1)
    rows = [
        f"{number},J{rng.integers(1 << 60)},{rng.uniform(0, 360)},{rng.uniform(-90, 90)}" for number in range(count)
    ]
    return "\n".join([",".join(NAMES), *rows]).encode()


def serve_table(server: Any, day: str, content: bytes) -> None:
    """Let the service have a version of the table of sources."""

    def answer(asked: Any) -> bytes:
        if asked.method == "GET":
            return server.http(content)
        function = json.loads(asked.body)["APIFunc"]
        told = {
            "getOldSXPSTables": {"hourly": {}, "daily": {day: {}}},
            "getSXPSTable": {"URL": f"{server.url}/LSXPS_Sources.csv", "FILE": "sxps/LSXPS_Sources.csv"},
        }[function]
        return server.http(json.dumps({"OK": 1, "APIVersion": "1.0.5", **told}).encode())

    server.script = [answer]


@pytest.mark.fault_case(72)
def test_download_of_a_catalogue(server: Any, cache: Path) -> None:
    pytest.importorskip("pyarrow", reason="whole tables need the extra 'tables'")

    def get() -> QTable:
        return SwiftXRTClass().get_catalog_table("sources")

    serve_table(server, "2022-08-17", sources(10))
    get()
    before = kept(cache)
    serve_table(server, "2022-08-18", sources(3000))
    with full_disk(), pytest.raises(StorageError, match="make room"):
        get()
    assert kept(cache) == before
    with conf.set_temp("offline", True):
        assert len(get()) == 10
    assert len(get()) == 3000  # as soon as there is room


def limits_of(count: int) -> bytes:
    rng = np.random.default_rng(2)
    columns = ("StartTime", "StopTime", "SourceExposure", "ImageExposure", "Total_UpperLimit", "Total_Counts")
    more = ("Total_BGCounts", "Total_CorrectionFactor")
    rows = [
        {"ObsID": f"{number:011d}", **{name: float(rng.uniform(1, 2)) for name in (*columns, *more)}}
        for number in range(count)
    ]
    return json.dumps({"OK": 1, "APIVersion": "1.0.5", "Columns": list(rows[0]), "ULData": rows}).encode()


def ask(positions: SkyCoord) -> QTable:
    return SwiftXRTClass().get_upper_limits(positions)


@pytest.mark.fault_case(72)
def test_journal_of_upper_limits(server: Any, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    small, large = limits_of(1), limits_of(1500)
    server.script = [server.http(small)]
    ask(PLACE)
    filling: list[Any] = []

    def answer(asked: Any) -> bytes:
        """The disk gets full when the session has begun."""
        disk = full_disk()
        disk.__enter__()
        filling.append(disk)
        return server.http(large)

    server.script = [answer]
    elsewhere = PLACE.directional_offset_by(0 * u.deg, 1 * u.deg)
    try:
        with caplog.at_level(logging.WARNING, logger="swiftxrt"):
            found = ask(elsewhere)
    finally:
        for disk in filling:
            disk.__exit__(None, None, None)
    assert len(found) == 1500  # what came is not lost
    assert "a reply is not kept" in caplog.text
    assert "an answer of the service is not kept" in caplog.text
    assert not [name for name in kept(cache) if "part" in name or name.endswith(".reply")]
    count = len(server.asked)
    server.script = [server.http(large)]
    ask(PLACE)  # which was written down before
    assert len(server.asked) == count
    ask(elsewhere)  # which was not
    ask(elsewhere)
    assert len(server.asked) == count + 1
