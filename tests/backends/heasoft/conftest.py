"""An installation of HEASoft made of stand-ins."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from swiftxrt import RMF, Scene, Source, simulate_observations

STAND_IN = Path(__file__).with_name("tasks.py")
TASKS = ("xrtexpomap", "xrtproducts", "xrtpipeline", "ftgrouppha")


class FakeHEASoft:
    """Where the stand-ins are, and what they were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def calls(self) -> list[dict[str, Any]]:
        """All calls so far: task, parameters, PFILES and working directory."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def behave(self, task: str, how: str) -> None:
        """Make a task fail from now on: ``"fail"``, ``"silent"`` or ``"hang"``."""
        (self.folder / f"{task}.behaviour").write_text(how)


@pytest.fixture(scope="session")
def calibration_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibration with one redistribution matrix."""
    folder = tmp_path_factory.mktemp("caldb")
    energies = np.linspace(0.0, 12.0, 241) * u.keV
    channels = np.linspace(0.0, 10.24, 1025) * u.keV
    rows = np.zeros((240, 1024))
    rows[np.arange(240), np.minimum(np.arange(240) * 5, 1023)] = 0.9
    RMF(matrix=rows, energy_edges=energies, channel_edges=channels).write(folder / "swxpc.rmf")
    return folder


def install(folder: Path, calibration: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHEASoft:
    """Put stand-ins into a folder, and name it in the environment."""
    (folder / "bin").mkdir(parents=True)
    (folder / "syspfiles").mkdir()
    programs = {task: f'exec "{sys.executable}" "{STAND_IN}" {task} "$@"' for task in TASKS}
    for name, command in {**programs, "fversion": "echo 29Jan2017_V6.20"}.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{command}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / "headas-init.sh").write_text('HEA_MARK="read $HEADAS"; export HEA_MARK\necho welcome\n')
    monkeypatch.setenv("HEADAS", str(folder))
    monkeypatch.setenv("CALDB", str(calibration))
    monkeypatch.setenv("CALDBCONFIG", "set")
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return FakeHEASoft(folder)


@pytest.fixture
def heasoft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calibration_folder: Path) -> FakeHEASoft:
    """Stand-ins of one test."""
    return install(tmp_path / "heasoft of the test", calibration_folder, monkeypatch)


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two observations of one star, complete with attitude and frame headers."""
    from astropy.coordinates import SkyCoord

    folder = tmp_path_factory.mktemp("observed")
    star = Source.at(SkyCoord(150.0, 20.0, unit="deg"), rate=0.3 * u.ct / u.s)
    simulate_observations(Scene.of(star, exposure=[400, 300] * u.s, name="star", mode="PC"), folder)
    return folder
