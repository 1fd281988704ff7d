"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def validation_data() -> Path:
    """Folder with real XRT data; tests that need it skip where there is none."""
    folder = os.environ.get("SWIFTXRT_VALIDATION_DATA")
    if not folder:
        pytest.skip("SWIFTXRT_VALIDATION_DATA is not set: real XRT files are not part of the package")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"SWIFTXRT_VALIDATION_DATA is not a folder: {path}")
    return path


@pytest.fixture(scope="session")
def burst_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archive with the simulated burst of the demo."""
    from swiftxrt.testing.synthetic import simulate

    folder = tmp_path_factory.mktemp("burst")
    simulate(folder)
    return folder


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archive with one short observation of a constant source, in photon counting mode only."""
    from swiftxrt.testing.synthetic import small_observation

    folder = tmp_path_factory.mktemp("small")
    small_observation(folder)
    return folder
