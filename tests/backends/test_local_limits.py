"""Upper limits in a folder: files are read and searched once, until they change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from astropy.coordinates import SkyCoord

from swiftxrt.backends.local import limits
from swiftxrt.backends.local.archive import Archive
from swiftxrt.backends.local.limits import measure_upper_limits
from swiftxrt.engine import limit_fields
from swiftxrt.engine.calibration import EMBEDDED, EMBEDDED_BY_NAME
from swiftxrt.engine.make_limits import LimitSettings
from swiftxrt.exceptions import NoDataError

PLACE = SkyCoord([150.05], [20.02], unit="deg")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done."""
    done: list[str] = []

    def noted(module: Any, name: str) -> None:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *asked: (done.append(name), real(*asked))[1])

    noted(limits, "_read")
    noted(limit_fields, "find_sources")
    return done


def test_once_until_files_or_calibration_change(small_archive: Path, tmp_path: Path, work: list[str]) -> None:
    archive = Archive(shutil.copytree(small_archive, tmp_path / "archive"))
    first = measure_upper_limits(archive, PLACE, LimitSettings(), EMBEDDED)
    again = measure_upper_limits(archive, PLACE, LimitSettings(confidence=0.9), EMBEDDED)
    assert work == ["_read", "find_sources"]
    assert again["total_counts"] == first["total_counts"]
    (path,) = archive.folder.rglob("*xpcw*po_cl.evt*")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))
    measure_upper_limits(archive, PLACE, LimitSettings(), EMBEDDED)
    assert work == ["_read", "find_sources"] * 2
    other = measure_upper_limits(archive, PLACE, LimitSettings(), EMBEDDED_BY_NAME["v006"])
    assert work == ["_read", "find_sources"] * 3
    assert other["total_correction_factor"] != first["total_correction_factor"]


def test_files_without_events_and_later_files(
    small_archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archive = Archive(shutil.copytree(small_archive, tmp_path / "archive"))
    assert measure_upper_limits(archive, PLACE, LimitSettings(), EMBEDDED, end_met=1e9)["image_exposure"][0] > 0
    assert measure_upper_limits(archive, PLACE, LimitSettings(), EMBEDDED, end_met=1e8)["outcome"][0] == "not observed"
    monkeypatch.setattr(limits, "_MOST_EVENTS", 0)

    def empty(*asked: Any) -> Any:
        raise NoDataError("no event")

    (path,) = archive.folder.rglob("*xpcw*po_cl.evt*")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))
    archive.covering(PLACE)  # reads the file itself
    monkeypatch.setattr("swiftxrt.products.observation.Observation.events", empty)
    assert measure_upper_limits(archive, PLACE, LimitSettings(), EMBEDDED)["outcome"].tolist() == ["not observed"]
