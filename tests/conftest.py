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
